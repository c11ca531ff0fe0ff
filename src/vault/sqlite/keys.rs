// SPDX-License-Identifier: Apache-2.0
//! Keys of data subjects.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, params};

use crate::base::SubjectId;
use crate::keys::Version;
use crate::vault::{
    BoxFuture, Erased, Held, Holder, Index, KeyId, NewRow, SubjectKey, SubjectKeyStore, VaultError,
};

use super::SqliteStore;
use super::rows::count_of;

const COLUMNS: &str = "id, subject, version, wrapped";

impl SubjectKeyStore for SqliteStore {
    fn keys(
        &self,
        subjects: Vec<SubjectId>,
    ) -> BoxFuture<'_, Result<Vec<Option<SubjectKey>>, VaultError>> {
        self.read(move |connection| {
            subjects.into_iter().map(|subject| find(connection, subject)).collect()
        })
    }

    fn count_keys(&self) -> BoxFuture<'_, Result<BTreeMap<Version, u64>, VaultError>> {
        self.read(|connection| count_of(connection, "subject_key"))
    }

    fn keys_before(
        &self,
        version: Version,
        after: Option<KeyId>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<SubjectKey>, VaultError>> {
        self.read(move |connection| before(connection, version, after, limit))
    }

    fn rewrap(&self, keys: Vec<SubjectKey>) -> BoxFuture<'_, Result<(), VaultError>> {
        let versions: Vec<Version> = keys.iter().map(|key| key.version).collect();
        self.write_under(&versions, move |connection| {
            keys.iter().try_for_each(|key| rewrap(connection, key)).map(Ok)
        })
    }

    fn erase(&self, subjects: Vec<SubjectId>) -> BoxFuture<'_, Result<Erased, VaultError>> {
        Box::pin(async move {
            let erased = self.0.write(move |connection| erase(connection, &subjects)).await?;
            let stays_in_files = !self.0.wipe().await?;
            Ok(Erased { stays_in_files, ..erased })
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
        "INSERT INTO subject_key (id, subject, version, wrapped) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO NOTHING",
    )?;
    Ok(statement.execute(params![key.id.0, key.subject.0, key.version, key.wrapped])? > 0)
}

fn before(
    connection: &Connection,
    version: Version,
    after: Option<KeyId>,
    limit: u32,
) -> rusqlite::Result<Vec<SubjectKey>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM subject_key WHERE version < ?1 AND id > ?2 ORDER BY id LIMIT ?3"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let after = after.as_ref().map_or(&[][..], |key| &key.0);
    let keys = statement.query_map(params![version, after, limit], |row| read(row, 0))?;
    keys.filter_map(Result::transpose).collect()
}

fn rewrap(connection: &Connection, key: &SubjectKey) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "UPDATE subject_key SET version = ?2, wrapped = ?3 WHERE id = ?1 AND wrapped IS NOT NULL",
    )?;
    statement.execute(params![key.id.0, key.version, key.wrapped]).map(drop)
}

fn erase(connection: &Connection, subjects: &[SubjectId]) -> rusqlite::Result<Erased> {
    let mut erased = Erased::default();
    let mut statement = connection.prepare_cached(
        "UPDATE subject_key SET subject = NULL, version = NULL, wrapped = NULL
         WHERE subject = ?1",
    )?;
    for subject in subjects {
        erased.keys += statement.execute([subject.0])? as u64;
    }
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
    Ok(erased)
}

/// A key by its columns from this one on, where there is one that is not destroyed.
pub(super) fn read(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Option<SubjectKey>> {
    let (Some(id), Some(wrapped)) = (row.get(at)?, row.get(at + 3)?) else { return Ok(None) };
    let (subject, version) = (SubjectId(row.get(at + 1)?), row.get(at + 2)?);
    Ok(Some(SubjectKey { id: KeyId(id), subject, version, wrapped }))
}
