// SPDX-License-Identifier: Apache-2.0
//! Tokens, the copies of their values, and what they are found by.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::built::spoil;
use super::keys;
use crate::base::Category;
use crate::keys::Version;
use crate::vault::{
    Built, Held, Holder, Index, KeyId, MAX_FOUND, NewRow, Place, Row, Search, Token,
};

/// What [`read`] takes: a token, a copy of its value, and the key of that copy.
const COLUMNS: &str = "token.word, token.category, token.version, token.rough, \
     copy.version, copy.sealed, subject_key.id, subject_key.subject, subject_key.version, \
     subject_key.wrapped, subject_key.realm";

/// The keys of copies that open: of the house, and of data subjects who are not erased.
const WITH_KEY: &str = "LEFT JOIN subject_key ON subject_key.id = copy.key";
const OPENS: &str = "(copy.key = x'' OR subject_key.wrapped IS NOT NULL)";

/// With the first copy of a row that opens.
fn with_copy() -> String {
    format!(
        "LEFT JOIN copy ON copy.word = token.word AND copy.key = (
             SELECT copy.key FROM copy {WITH_KEY}
             WHERE copy.word = token.word AND {OPENS} ORDER BY copy.key LIMIT 1
         ) {WITH_KEY}"
    )
}

/// Inserts a row unless there is one under its token, and returns the one that is there then;
/// none where the key of its copy is not there.
pub(super) fn insert(
    connection: &Connection,
    new: NewRow,
    built: &mut Vec<Built>,
) -> rusqlite::Result<Option<Row>> {
    let NewRow { row, kinds, found_by } = new;
    let Some(held) = row.held.as_ref() else { return Ok(None) };
    if !keys::keep(connection, held)? {
        return Ok(None);
    }
    let mut statement = connection.prepare_cached(
        "INSERT INTO token (word, category, version, rough) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (word) DO NOTHING",
    )?;
    let (word, category) = (row.token.as_str(), row.category.as_str());
    let is_new = statement.execute(params![word, category, row.version, row.rough.0])? > 0;
    spoil(connection, (&row.category, &kinds), is_new, built)?;
    if is_new {
        hold(connection, &row.token, held)?;
    }
    if is_new || is_held(connection, &row.token)? {
        add(connection, &row.token, &found_by)?;
    }
    if is_new {
        return Ok(Some(row));
    }
    match find_copy_of(connection, &row.token, held.by.key())? {
        Some(stored) => Ok(Some(stored)),
        None => find(connection, &row.token),
    }
}

pub(super) fn replace(
    connection: &Connection,
    new: &NewRow,
    built: &mut Vec<Built>,
) -> rusqlite::Result<()> {
    let row = &new.row;
    let mut statement = connection.prepare_cached(
        "UPDATE token SET category = ?2, version = ?3, rough = ?4
         WHERE word = ?1 AND version > 0",
    )?;
    let (word, category) = (row.token.as_str(), row.category.as_str());
    if statement.execute(params![word, category, row.version, row.rough.0])? == 0 {
        return Ok(());
    }
    if let Some(held) = &row.held {
        let sql = "UPDATE copy SET version = ?3, sealed = ?4 WHERE word = ?1 AND key = ?2";
        let mut statement = connection.prepare_cached(sql)?;
        statement.execute(params![word, key(held), version(held), held.sealed])?;
    }
    connection.prepare_cached("DELETE FROM found_by WHERE word = ?1")?.execute([word])?;
    add(connection, &row.token, &new.found_by)?;
    spoil(connection, (&row.category, &new.kinds), true, built)
}

/// Whether the house has a copy that would be under another version than its row.
pub(super) fn forgets_a_copy(connection: &Connection, row: &Row) -> rusqlite::Result<bool> {
    if row.held.as_ref().is_none_or(|held| held.by.key().is_none()) {
        return Ok(false);
    }
    let sql = "SELECT 1 FROM copy WHERE word = ?1 AND key = x'' AND version <> ?2";
    connection.prepare_cached(sql)?.exists(params![row.token.as_str(), row.version])
}

/// Adds a copy of a value, unless its holder has one.
pub(super) fn hold(connection: &Connection, token: &Token, held: &Held) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO copy (word, key, version, sealed) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (word, key) DO NOTHING",
    )?;
    let values = params![token.as_str(), key(held), version(held), held.sealed];
    statement.execute(values).map(drop)
}

/// Whether there is a row, and somebody holds it.
pub(super) fn is_held(connection: &Connection, token: &Token) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM token WHERE word = ?1 AND version > 0";
    connection.prepare_cached(sql)?.exists([token.as_str()])
}

fn add(connection: &Connection, token: &Token, found_by: &[Index]) -> rusqlite::Result<()> {
    if found_by.is_empty() {
        return Ok(());
    }
    let mut statement =
        connection.prepare_cached("INSERT OR IGNORE INTO found_by (code, word) VALUES (?1, ?2)")?;
    found_by
        .iter()
        .try_for_each(|code| statement.execute(params![code.0, token.as_str()]).map(drop))
}

pub(super) fn find(connection: &Connection, token: &Token) -> rusqlite::Result<Option<Row>> {
    connection.prepare_cached(&with_word())?.query_row([token.as_str()], read).optional()
}

/// The row of a token, with its first copy that opens.
pub(super) fn with_word() -> String {
    format!("SELECT {COLUMNS} FROM token {} WHERE token.word = ?1", with_copy())
}

fn find_copy_of(
    connection: &Connection,
    token: &Token,
    key: Option<KeyId>,
) -> rusqlite::Result<Option<Row>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM token JOIN copy ON copy.word = token.word AND copy.key = ?2
         {WITH_KEY} WHERE token.word = ?1 AND {OPENS}"
    );
    let key = key.as_ref().map_or(&[][..], |key| &key.0);
    connection.prepare_cached(&sql)?.query_row(params![token.as_str(), key], read).optional()
}

pub(super) fn find_by_index(connection: &Connection, index: Index) -> rusqlite::Result<Vec<Row>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM token {} WHERE rough = ?1 AND token.version > 0
         ORDER BY token.word LIMIT ?2",
        with_copy()
    );
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_map(params![index.0, MAX_FOUND], read)?.collect()
}

pub(super) fn search(
    connection: &Connection,
    asked: &Search,
    limit: u32,
) -> rusqlite::Result<Vec<Row>> {
    let with_code = vec!["SELECT word FROM found_by WHERE code = ?"; asked.all_of.len()];
    let sql = format!(
        "SELECT {COLUMNS} FROM token {} WHERE token.word IN ({}) AND category = ?
         ORDER BY token.word LIMIT {limit}",
        with_copy(),
        with_code.join(" INTERSECT ")
    );
    let codes = asked.all_of.iter().map(|code| rusqlite::types::Value::Blob(code.0.into()));
    let category = rusqlite::types::Value::Text(asked.category.as_str().into());
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_map(params_from_iter(codes.chain([category])), read)?.collect()
}

pub(super) fn list(
    connection: &Connection,
    after: Option<&Place>,
    limit: u32,
) -> rusqlite::Result<Vec<(Place, Row)>> {
    // Without a key that opens it, a copy is listed, and nobody holds it. The copies of one row
    // begin behind the place, those of the next with their first.
    let sql = format!(
        "SELECT {COLUMNS}, copy.key FROM token
         LEFT JOIN copy ON copy.word = token.word
             AND copy.key >= iif(token.word = ?1, ?2, x'')
         {WITH_KEY} AND subject_key.wrapped IS NOT NULL
         WHERE token.version > 0
             AND token.word >= ?1 AND (token.word > ?1 OR copy.key IS NOT NULL)
         ORDER BY token.word, copy.key LIMIT ?3"
    );
    let (word, mut key) = match after {
        None => ("", Vec::new()),
        Some(Place(token, key)) => (token.as_str(), key.map_or_else(Vec::new, |key| key.0.into())),
    };
    // No key is between this one and the one before.
    key.push(0);
    let mut statement = connection.prepare_cached(&sql)?;
    let listed = |row: &rusqlite::Row<'_>| {
        let key: Option<Vec<u8>> = row.get(11)?;
        let key = key.filter(|key| !key.is_empty()).and_then(|key| key.try_into().ok()).map(KeyId);
        let row = read(row)?;
        Ok((Place(row.token.clone(), key), row))
    };
    statement.query_map(params![word, key, limit], listed)?.collect()
}

pub(super) fn count(connection: &Connection) -> rusqlite::Result<BTreeMap<Version, u64>> {
    let sql = "SELECT version, count(*) FROM token WHERE version > 0 GROUP BY version";
    let mut statement = connection.prepare(sql)?;
    let count = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64));
    statement.query_map([], count)?.collect()
}

/// The key of a copy, as it is stored.
fn key(held: &Held) -> Vec<u8> {
    held.by.key().map_or_else(Vec::new, |key| key.0.to_vec())
}

/// The version of the vault's key that a copy of the house is sealed under.
fn version(held: &Held) -> Version {
    match held.by {
        Holder::House(version) => version,
        Holder::Subject(_) => 0,
    }
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let key = keys::read(row, 6)?;
    let by = match (key, row.get(4)?) {
        (Some(key), _) => Some(Holder::Subject(key)),
        (None, Some(0) | None) => None,
        (None, Some(version)) => Some(Holder::House(version)),
    };
    let held = by.map(|by| Ok::<_, rusqlite::Error>(Held { by, sealed: row.get(5)? }));
    Ok(Row {
        token: row.get(0)?,
        category: Category::new(row.get_ref(1)?.as_str()?),
        held: held.transpose()?,
        version: row.get(2)?,
        rough: Index(row.get(3)?),
    })
}
