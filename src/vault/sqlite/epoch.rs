// SPDX-License-Identifier: Apache-2.0

use rusqlite::Connection;

use crate::sqlite::{Database, DatabaseError};
use crate::vault::Epoch;

/// Writes nothing where it is there.
const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS epoch AS SELECT randomblob(16) AS id";

pub(super) fn define(database: &Database) -> Result<(), DatabaseError> {
    database.define(SCHEMA)
}

pub(super) fn current(connection: &Connection) -> rusqlite::Result<Epoch> {
    connection.prepare_cached("SELECT id FROM epoch")?.query_row([], |row| row.get(0).map(Epoch))
}

/// Begins another one.
pub(super) fn end(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE epoch SET id = randomblob(16)")?.execute([]).map(drop)
}
