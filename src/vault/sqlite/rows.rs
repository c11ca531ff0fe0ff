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
pub(super) const COLUMNS: &str = "token.word, token.category, token.version, token.rough, \
     copy.version, copy.sealed, subject_key.id, subject_key.subject, subject_key.version, \
     subject_key.wrapped, subject_key.realm";

/// The keys of copies that open: of the house, and of data subjects who are not erased.
pub(super) const WITH_KEY: &str = "LEFT JOIN subject_key ON subject_key.id = copy.key";
const OPENS: &str = "(copy.key = x'' OR subject_key.wrapped IS NOT NULL)";

/// With the first copy of a row that opens.
fn with_copy() -> String {
    format!(
        "LEFT JOIN copy ON copy.token = token.number AND copy.key = (
             SELECT copy.key FROM copy {WITH_KEY}
             WHERE copy.token = token.number AND {OPENS} ORDER BY copy.key LIMIT 1
         ) {WITH_KEY}"
    )
}

/// Inserts a row unless there is one under its token, and returns the one that is there then.
/// The key of its copy is there.
pub(super) fn insert(
    connection: &Connection,
    new: NewRow,
    built: &mut Vec<Built>,
) -> rusqlite::Result<Row> {
    let NewRow { row, kinds, found_by } = new;
    let held = row.held.as_ref().ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO token (word, category, version, rough) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (word) DO NOTHING",
    )?;
    let (word, category) = (row.token.as_str(), row.category.as_str());
    let is_new = statement.execute(params![word, category, row.version, row.rough.0])? > 0;
    if is_new {
        let number = connection.last_insert_rowid();
        hold(connection, number, held)?;
        add(connection, number, &found_by)?;
    } else if let Some(number) = number_of(connection, &row.token)? {
        add(connection, number, &found_by)?;
    }
    spoil(connection, (&row.category, &kinds), is_new, built)?;
    if is_new {
        return Ok(row);
    }
    let stored = match find_copy_of(connection, &row.token, held.by.key())? {
        Some(stored) => Some(stored),
        None => find(connection, &[row.token])?.pop().flatten(),
    };
    stored.ok_or(rusqlite::Error::QueryReturnedNoRows)
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
    let Some(number) = number_of(connection, &row.token)? else { return Ok(()) };
    if let Some(held) = &row.held {
        let sql = "UPDATE copy SET version = ?3, sealed = ?4 WHERE token = ?1 AND key = ?2";
        let mut statement = connection.prepare_cached(sql)?;
        statement.execute(params![number, key(held), version(held), held.sealed])?;
    }
    connection.prepare_cached("DELETE FROM found_by WHERE token = ?1")?.execute([number])?;
    add(connection, number, &new.found_by)?;
    spoil(connection, (&row.category, &new.kinds), true, built)
}

/// Whether the house has a copy that would be under another version than its row.
pub(super) fn forgets_a_copy(connection: &Connection, row: &Row) -> rusqlite::Result<bool> {
    if row.held.as_ref().is_none_or(|held| held.by.key().is_none()) {
        return Ok(false);
    }
    let sql = "SELECT 1 FROM token JOIN copy ON copy.token = number
               WHERE word = ?1 AND key = x'' AND copy.version <> ?2";
    connection.prepare_cached(sql)?.exists(params![row.token.as_str(), row.version])
}

/// Adds a copy of a value, unless its holder has one.
pub(super) fn hold(connection: &Connection, number: i64, held: &Held) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO copy (token, key, version, sealed) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (token, key) DO NOTHING",
    )?;
    statement.execute(params![number, key(held), version(held), held.sealed]).map(drop)
}

/// The number of a row, if there is one and somebody holds it.
pub(super) fn number_of(connection: &Connection, token: &Token) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT number FROM token WHERE word = ?1 AND version > 0";
    let number = |row: &rusqlite::Row<'_>| row.get(0);
    connection.prepare_cached(sql)?.query_row([token.as_str()], number).optional()
}

fn add(connection: &Connection, number: i64, found_by: &[Index]) -> rusqlite::Result<()> {
    if found_by.is_empty() {
        return Ok(());
    }
    let mut statement = connection
        .prepare_cached("INSERT OR IGNORE INTO found_by (code, token) VALUES (?1, ?2)")?;
    found_by.iter().try_for_each(|code| statement.execute(params![code.0, number]).map(drop))
}

/// The rows of tokens, in order, each with its first copy that opens.
pub(super) fn find(
    connection: &Connection,
    tokens: &[Token],
) -> rusqlite::Result<Vec<Option<Row>>> {
    let mut statement = connection.prepare_cached(&with_word())?;
    let mut find = |token: &Token| {
        let mut found = None;
        for row in statement.query_map([token.as_str()], read)? {
            let row = row?;
            let opens = row.held.is_some();
            found = Some(row);
            if opens {
                break;
            }
        }
        Ok(found)
    };
    tokens.iter().map(&mut find).collect()
}

/// The row of a token once for each of its copies, in their order.
pub(super) fn with_word() -> String {
    format!(
        "SELECT {COLUMNS} FROM token LEFT JOIN copy ON copy.token = token.number {WITH_KEY}
         WHERE token.word = ?1 ORDER BY copy.key"
    )
}

fn find_copy_of(
    connection: &Connection,
    token: &Token,
    key: Option<KeyId>,
) -> rusqlite::Result<Option<Row>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM token JOIN copy ON copy.token = token.number AND copy.key = ?2
         {WITH_KEY} WHERE token.word = ?1 AND {OPENS}"
    );
    let key = key.as_ref().map_or(&[][..], |key| &key.0);
    connection.prepare_cached(&sql)?.query_row(params![token.as_str(), key], read).optional()
}

pub(super) fn find_by_index(connection: &Connection, index: Index) -> rusqlite::Result<Vec<Row>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM token {} WHERE rough = ?1 AND token.version > 0
         ORDER BY token.number LIMIT ?2",
        with_copy()
    );
    let mut statement = connection.prepare_cached(&sql)?;
    sorted(statement.query_map(params![index.0, MAX_FOUND], read)?)
}

pub(super) fn search(
    connection: &Connection,
    asked: &Search,
    limit: u32,
) -> rusqlite::Result<Vec<Row>> {
    let with_code = vec!["SELECT token FROM found_by WHERE code = ?"; asked.all_of.len()];
    let sql = format!(
        "SELECT {COLUMNS} FROM token {} WHERE token.number IN ({}) AND category = ?
         ORDER BY token.number LIMIT {limit}",
        with_copy(),
        with_code.join(" INTERSECT ")
    );
    let codes = asked.all_of.iter().map(|code| rusqlite::types::Value::Blob(code.0.into()));
    let category = rusqlite::types::Value::Text(asked.category.as_str().into());
    let mut statement = connection.prepare_cached(&sql)?;
    sorted(statement.query_map(params_from_iter(codes.chain([category])), read)?)
}

/// By their words, which the database would have to read all for.
fn sorted(rows: impl Iterator<Item = rusqlite::Result<Row>>) -> rusqlite::Result<Vec<Row>> {
    let mut rows = rows.collect::<rusqlite::Result<Vec<Row>>>()?;
    rows.sort_unstable_by(|one, other| one.token.cmp(&other.token));
    Ok(rows)
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
         LEFT JOIN copy ON copy.token = token.number
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

pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
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
