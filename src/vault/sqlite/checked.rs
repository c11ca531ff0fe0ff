// SPDX-License-Identifier: Apache-2.0
//! What may be refused by the vault, and not by the database alone.

use rusqlite::Connection;

use super::newest::permit;
use crate::keys::Version;
use crate::vault::VaultError;

/// The oldest and the newest of some versions.
pub(super) fn range(versions: &[Version]) -> (Version, Version) {
    let oldest = versions.iter().copied().min().unwrap_or(Version::MAX);
    (oldest, versions.iter().copied().max().unwrap_or_default())
}

/// Does what may be done under these versions of the vault's key.
pub(super) fn under<T>(
    connection: &Connection,
    range: (Version, Version),
    work: impl FnOnce(&Connection) -> rusqlite::Result<Result<T, VaultError>>,
) -> rusqlite::Result<Result<T, VaultError>> {
    match permit(connection, range)? {
        Some(newer) => Ok(Err(VaultError::KeyGone(newer))),
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
