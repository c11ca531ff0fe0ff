// SPDX-License-Identifier: Apache-2.0
//! What may be refused by the vault, and not by the database alone.

use rusqlite::Connection;

use super::newest::{permit, permit_jurisdictions};
use crate::vault::{Under, VaultError};

/// Does what may be done under these versions of keys.
pub(super) fn permitted<T>(
    connection: &Connection,
    under: &Under,
    work: impl FnOnce(&Connection) -> rusqlite::Result<Result<T, VaultError>>,
) -> rusqlite::Result<Result<T, VaultError>> {
    if let Some(newer) = permit(connection, under.house)? {
        return Ok(Err(VaultError::KeyGone(newer)));
    }
    match permit_jurisdictions(connection, &under.jurisdictions)? {
        Some((of, newer)) => Ok(Err(VaultError::JurisdictionKeyGone(of, newer))),
        None => work(connection),
    }
}

/// What fails for a reason of ours is undone; what shares the transaction is not. Each page
/// that is changed meanwhile is copied first.
pub(super) fn checked<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<Result<T, VaultError>>,
) -> rusqlite::Result<Result<T, VaultError>> {
    connection.execute_batch("SAVEPOINT checked")?;
    let done = work(connection)?;
    let end = if done.is_ok() { "RELEASE checked" } else { "ROLLBACK TO checked; RELEASE checked" };
    connection.execute_batch(end)?;
    Ok(done)
}
