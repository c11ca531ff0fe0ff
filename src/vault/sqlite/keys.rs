// SPDX-License-Identifier: Apache-2.0
//! Keys of data subjects.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};

use crate::base::{Jurisdiction, SubjectId};
use crate::keys::{Realm, Version};
use crate::vault::{
    BoxFuture, Erased, Held, Holder, Index, KeyCounts, KeyId, NewRow, Rewrapped, SubjectKey,
    SubjectKeyStore, Under, VaultError,
};

use super::{SqliteStore, epoch};

const COLUMNS: &str = "id, subject, version, wrapped, realm";

impl SubjectKeyStore for SqliteStore {
    fn keys(
        &self,
        subjects: Vec<SubjectId>,
    ) -> BoxFuture<'_, Result<Vec<Option<SubjectKey>>, VaultError>> {
        self.read(move |connection| {
            subjects.into_iter().map(|subject| find(connection, subject)).collect()
        })
    }

    fn count_keys(&self) -> BoxFuture<'_, Result<KeyCounts, VaultError>> {
        self.read(count)
    }

    fn keys_before(
        &self,
        under: (Realm, Version),
        after: Option<KeyId>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<SubjectKey>, VaultError>> {
        self.read(move |connection| before(connection, &under, after, limit))
    }

    fn rewrap(&self, keys: Vec<Rewrapped>) -> BoxFuture<'_, Result<(), VaultError>> {
        let under = Under::of(keys.iter().map(|it| (&it.key.realm, it.key.version)));
        self.write_under(under, move |connection| {
            keys.iter().try_for_each(|key| rewrap(connection, key))?;
            epoch::end(connection).map(Ok)
        })
    }

    fn erase(&self, subjects: Vec<SubjectId>) -> BoxFuture<'_, Result<Erased, VaultError>> {
        Box::pin(async move {
            let erased = self.0.write(move |connection| erase(connection, &subjects)).await?;
            let stays_in_files = !self.0.wipe().await?;
            Ok(Erased { stays_in_files, ..erased })
        })
    }

    fn end(&self, jurisdiction: Jurisdiction) -> BoxFuture<'_, Result<Erased, VaultError>> {
        Box::pin(async move {
            let ended = self.0.write(move |connection| end(connection, &jurisdiction)).await?;
            let stays_in_files = !self.0.wipe().await?;
            Ok(Erased { stays_in_files, ..ended })
        })
    }
}

fn find(connection: &Connection, subject: SubjectId) -> rusqlite::Result<Option<SubjectKey>> {
    let sql = format!("SELECT {COLUMNS} FROM subject_key WHERE subject = ?1");
    let found = connection.prepare_cached(&sql)?.query_row([subject.0], |row| read(row, 0));
    Ok(found.optional()?.flatten())
}

/// Keeps the keys of new rows, each once.
///
/// # Errors
/// [`VaultError::Conflict`] where a holder has another, or nobody holds a row.
pub(super) fn keep_all(
    connection: &Connection,
    rows: &[NewRow],
) -> rusqlite::Result<Result<(), VaultError>> {
    let mut kept = BTreeSet::new();
    for new in rows {
        let Some(held) = &new.row.held else { return Ok(Err(VaultError::Conflict)) };
        let is_new = held.by.key().is_some_and(|key| kept.insert((key, held.by.subject())));
        if is_new && !keep(connection, held)? {
            return Ok(Err(VaultError::Conflict));
        }
    }
    Ok(Ok(()))
}

/// Keeps the key of a copy if its holder has none; whether they have this very one then.
pub(super) fn keep(connection: &Connection, held: &Held) -> rusqlite::Result<bool> {
    let Holder::Subject(key) = &held.by else { return Ok(true) };
    let sql = "SELECT 1 FROM subject_key WHERE id = ?1 AND subject = ?2";
    let mut is_there = connection.prepare_cached(sql)?;
    if is_there.exists(params![key.id.0, key.subject.0])? {
        return Ok(true);
    }
    let mut statement = connection.prepare_cached(
        "INSERT INTO subject_key (id, subject, version, wrapped, realm)
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
    )?;
    let (id, subject, realm) = (key.id.0, key.subject.0, key.realm.code());
    Ok(statement.execute(params![id, subject, key.version, key.wrapped, realm])? > 0)
}

fn before(
    connection: &Connection,
    (realm, version): &(Realm, Version),
    after: Option<KeyId>,
    limit: u32,
) -> rusqlite::Result<Vec<SubjectKey>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM subject_key WHERE +realm = ?1 AND version < ?2 AND id > ?3
         ORDER BY id LIMIT ?4"
    );
    // The `+` keeps it from sorting all that is left for each page.
    let mut statement = connection.prepare_cached(&sql)?;
    let after = after.as_ref().map_or(&[][..], |key| &key.0);
    let values = params![realm.code(), version, after, limit];
    let keys = statement.query_map(values, |row| read(row, 0))?;
    keys.filter_map(Result::transpose).collect()
}

fn rewrap(connection: &Connection, Rewrapped { from, key }: &Rewrapped) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "UPDATE subject_key SET version = ?2, wrapped = ?3, realm = ?4
         WHERE id = ?1 AND realm = ?5 AND wrapped IS NOT NULL",
    )?;
    let (realm, from) = (key.realm.code(), from.code());
    statement.execute(params![key.id.0, key.version, key.wrapped, realm, from]).map(drop)
}

fn count(connection: &Connection) -> rusqlite::Result<KeyCounts> {
    let mut statement = connection.prepare(
        "SELECT realm, version, count(*) FROM subject_key WHERE version > 0
         GROUP BY realm, version",
    )?;
    let count = |row: &rusqlite::Row<'_>| {
        let realm = Realm::from_code(row.get_ref(0)?.as_str()?);
        Ok(((realm, row.get(1)?), row.get::<_, i64>(2)? as u64))
    };
    statement.query_map([], count)?.collect()
}

/// What is left of a key that is destroyed.
const DESTROY: &str =
    "UPDATE subject_key SET subject = NULL, version = NULL, wrapped = NULL, realm = ''";

fn erase(connection: &Connection, subjects: &[SubjectId]) -> rusqlite::Result<Erased> {
    let mut keys = 0;
    let mut statement = connection.prepare_cached(&format!("{DESTROY} WHERE subject = ?1"))?;
    for subject in subjects {
        keys += statement.execute([subject.0])? as u64;
    }
    forget(connection, keys)
}

fn end(connection: &Connection, jurisdiction: &Jurisdiction) -> rusqlite::Result<Erased> {
    let realm = [jurisdiction.as_str()];
    let keys = connection.execute(&format!("{DESTROY} WHERE realm = ?1"), realm)? as u64;
    connection.execute("DELETE FROM newest_key_of WHERE realm = ?1", realm)?;
    forget(connection, keys)
}

/// Forgets what keys opened that are destroyed; so many of them just now.
fn forget(connection: &Connection, keys: u64) -> rusqlite::Result<Erased> {
    let mut erased = Erased { keys, ..Erased::default() };
    // Every copy of a destroyed key, by way of the keys, few of which are destroyed: a `CROSS
    // JOIN` is done in the order in which it is written.
    let gone = "IN (
        SELECT copy.token FROM subject_key
        CROSS JOIN copy ON copy.key = subject_key.id AND copy.key <> x''
        WHERE subject_key.wrapped IS NULL)";
    let only = "NOT EXISTS (
        SELECT 1 FROM copy LEFT JOIN subject_key ON subject_key.id = copy.key
        WHERE copy.token = token.number
            AND (subject_key.id IS NULL OR subject_key.wrapped IS NOT NULL))";
    let sql = format!(
        "UPDATE token SET version = 0, rough = ?1 WHERE version > 0 AND number {gone} AND {only}"
    );
    erased.tokens = connection.execute(&sql, [Index::NONE.0])? as u64;
    connection.execute(
        &format!("DELETE FROM found_by WHERE token {gone} AND token IN (SELECT number FROM token WHERE version = 0)"),
        [],
    )?;
    erased.copies = connection.execute(
        "DELETE FROM copy WHERE key <> x'' AND key IN (SELECT id FROM subject_key WHERE wrapped IS NULL)",
        [],
    )? as u64;
    epoch::end(connection)?;
    Ok(erased)
}

/// A key by its columns from this one on, where there is one that is not destroyed.
pub(super) fn read(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Option<SubjectKey>> {
    let (Some(id), Some(wrapped)) = (row.get(at)?, row.get(at + 3)?) else { return Ok(None) };
    let (subject, version) = (SubjectId(row.get(at + 1)?), row.get(at + 2)?);
    let realm = Realm::from_code(row.get_ref(at + 4)?.as_str()?);
    Ok(Some(SubjectKey { id: KeyId(id), subject, realm, version, wrapped }))
}
