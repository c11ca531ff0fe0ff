// SPDX-License-Identifier: Apache-2.0
//! The newest version of the vault's key that anything was stored under, whatever became of it
//! since.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use crate::base::Jurisdiction;
use crate::keys::Version;
use crate::sqlite::{Database, DatabaseError};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS newest_key (version INTEGER NOT NULL) STRICT;
    INSERT INTO newest_key SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM newest_key);
    CREATE TABLE IF NOT EXISTS newest_key_of (
        realm TEXT PRIMARY KEY,
        version INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// Makes the table that [`newer_than`] reads where it is missing.
pub(crate) fn define_newest_key(database: &Database) -> Result<(), DatabaseError> {
    database.define(SCHEMA)
}

/// The newest version that something was stored under, where it is newer than this.
pub(crate) fn newer_than(
    connection: &Connection,
    version: Version,
) -> rusqlite::Result<Option<Version>> {
    let sql = "SELECT max(version) FROM newest_key WHERE version > ?1";
    connection.prepare_cached(sql)?.query_row([version], |row| row.get(0))
}

/// As [`newer_than`] the oldest of what is to be written; if there is none, the newest counts
/// from now on.
pub(super) fn permit(
    connection: &Connection,
    (oldest, newest): (Version, Version),
) -> rusqlite::Result<Option<Version>> {
    let newer = newer_than(connection, oldest)?;
    if newer.is_none() {
        let sql = "UPDATE newest_key SET version = ?1 WHERE version < ?1";
        connection.prepare_cached(sql)?.execute([newest])?;
    }
    Ok(newer)
}

/// As [`permit`], of the keysets of jurisdictions.
pub(super) fn permit_jurisdictions(
    connection: &Connection,
    under: &BTreeMap<Jurisdiction, (Version, Version)>,
) -> rusqlite::Result<Option<(Jurisdiction, Version)>> {
    for (jurisdiction, (oldest, newest)) in under {
        let sql = "SELECT version FROM newest_key_of WHERE realm = ?1 AND version > ?2";
        let newer = connection
            .prepare_cached(sql)?
            .query_row(params![jurisdiction.as_str(), oldest], |row| row.get(0));
        if let Some(newer) = newer.optional()? {
            return Ok(Some((jurisdiction.clone(), newer)));
        }
        let mut statement = connection.prepare_cached(
            "INSERT INTO newest_key_of (realm, version) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET version = excluded.version
             WHERE newest_key_of.version < excluded.version",
        )?;
        statement.execute(params![jurisdiction.as_str(), newest])?;
    }
    Ok(None)
}
