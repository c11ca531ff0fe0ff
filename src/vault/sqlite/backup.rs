// SPDX-License-Identifier: Apache-2.0
//! Copies of a vault, and of the keys of data subjects apart from it.

use std::path::Path;

use super::KEYS_SCHEMA;
use crate::sqlite::{Database, DatabaseError};

const KEYS: &str = "subject_key";

/// Whether a file holds keys of data subjects of this vault and nothing else, all of which it
/// knows, as they are or destroyed since: then it may be replaced. Blocks.
///
/// # Errors
/// When it is none that [`back_up`] has written.
pub fn knows_keys(database: &Database, keys: &Path) -> Result<bool, DatabaseError> {
    database.define(KEYS_SCHEMA)?;
    database.compare_with(
        keys,
        "SELECT NOT EXISTS (SELECT 1 FROM other.sqlite_schema WHERE name = 'token')
             AND NOT EXISTS (
                 SELECT 1 FROM other.subject_key AS copied
                 LEFT JOIN main.subject_key AS own ON own.id = copied.id
                 WHERE own.id IS NULL OR (copied.wrapped IS NULL AND own.wrapped IS NOT NULL)
             )",
    )
}

/// Writes one state of a vault to a new file, and the keys of data subjects to another, in the
/// place of those that were there: copies of rows may be kept as long as anybody likes, and
/// every copy of the keys but the newest opens what was erased since. Blocks.
///
/// # Errors
/// When one of them cannot be written; then there is no new file.
pub fn back_up(database: &Database, to: &Path, keys: &Path) -> Result<(), DatabaseError> {
    database.copy_to(to, &[KEYS])?;
    // Later than the rows, so that there is a key for each, or it is known as destroyed.
    let written = database.copy_table_to(keys, KEYS, KEYS_SCHEMA);
    if written.is_err() {
        let _ = std::fs::remove_file(to);
    }
    written
}

/// Whether a file holds rows, and not only keys of data subjects; blocks.
///
/// # Errors
/// When it cannot be read.
pub fn holds_rows(database: &Database) -> Result<bool, DatabaseError> {
    database.has_table("token")
}

/// Takes the keys that [`back_up`] has written; blocks.
///
/// # Errors
/// As [`Database::take_table_from`].
pub fn take_keys(database: &Database, keys: &Path) -> Result<(), DatabaseError> {
    database.define(KEYS_SCHEMA)?;
    database.take_table_from(keys, KEYS)
}
