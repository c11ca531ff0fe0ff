// SPDX-License-Identifier: Apache-2.0
//! What is read, column by column.

use std::collections::HashMap;

use tokio_postgres::types::FromSql;

use crate::base::{Category, SubjectId};
use crate::keys::{Realm, Version};
use crate::vault::{Held, Holder, Index, KeyId, Row, SubjectKey, Token, VaultError};

/// The rows behind the first, which says whether others are under a newer version.
pub(super) fn known(rows: &[tokio_postgres::Row]) -> Result<&[tokio_postgres::Row], VaultError> {
    let (first, rows) = rows.split_first().ok_or_else(|| damaged("version"))?;
    match column::<Option<i64>>(first, 0)? {
        None => Ok(rows),
        Some(_) => Err(VaultError::KeyGone(version(first, 0)?)),
    }
}

/// The answer that a row belongs to, by its number in the second column.
pub(super) fn answer_of<'a, T>(
    answers: &'a mut [T],
    row: &tokio_postgres::Row,
) -> Result<&'a mut T, VaultError> {
    let at = usize::try_from(column::<i64>(row, 1)? - 1).ok();
    at.and_then(|at| answers.get_mut(at)).ok_or_else(|| damaged("at"))
}

/// A row by its columns from this one on.
pub(super) fn read(row: &tokio_postgres::Row, at: usize) -> Result<Row, VaultError> {
    let key = match column::<Option<&[u8]>>(row, at + 6)? {
        Some(_) => Some(read_key(row, at + 6)?),
        None => None,
    };
    let by = match (key, column::<Option<i64>>(row, at + 4)?) {
        (Some(key), _) => Some(Holder::Subject(key)),
        (None, Some(0) | None) => None,
        (None, Some(_)) => Some(Holder::House(version(row, at + 4)?)),
    };
    let held = by.map(|by| Ok::<_, VaultError>(Held { by, sealed: column(row, at + 5)? }));
    Ok(Row {
        token: token(row, at)?,
        category: Category::new(column::<&str>(row, at + 1)?),
        held: held.transpose()?,
        version: version(row, at + 2)?,
        rough: index(row, at + 3)?,
    })
}

pub(super) fn read_keys(
    rows: &[tokio_postgres::Row],
) -> Result<HashMap<SubjectId, SubjectKey>, VaultError> {
    rows.iter().map(|row| read_key(row, 0).map(|key| (key.subject, key))).collect()
}

pub(super) fn read_key(row: &tokio_postgres::Row, at: usize) -> Result<SubjectKey, VaultError> {
    Ok(SubjectKey {
        id: KeyId(id(row, at)?),
        subject: SubjectId(id(row, at + 1)?),
        version: version(row, at + 2)?,
        wrapped: column(row, at + 3)?,
        realm: Realm::from_code(column(row, at + 4)?),
    })
}

/// The key of a copy, as it is stored.
pub(super) fn key_of(key: Option<&KeyId>) -> &[u8] {
    key.map_or(&[], |key| &key.0)
}

pub(super) fn token(row: &tokio_postgres::Row, at: usize) -> Result<Token, VaultError> {
    Token::parse(column(row, at)?).ok_or_else(|| damaged("word"))
}

pub(super) fn version(row: &tokio_postgres::Row, at: usize) -> Result<Version, VaultError> {
    column::<i64>(row, at)?.try_into().map_err(|_| damaged("version"))
}

pub(super) fn index(row: &tokio_postgres::Row, at: usize) -> Result<Index, VaultError> {
    id(row, at).map(Index)
}

fn id(row: &tokio_postgres::Row, at: usize) -> Result<[u8; 16], VaultError> {
    column::<&[u8]>(row, at)?.try_into().map_err(|_| damaged("an index"))
}

pub(super) fn column<'r, T: FromSql<'r>>(
    row: &'r tokio_postgres::Row,
    at: usize,
) -> Result<T, VaultError> {
    row.try_get(at).map_err(|error| VaultError::Corrupt(error.to_string()))
}

pub(super) fn damaged(column: &str) -> VaultError {
    VaultError::Corrupt(format!("{column} of a row is not what was written"))
}
