// SPDX-License-Identifier: Apache-2.0

use rusqlite::{Connection, params};

use super::{BatchName, Over, Piece, QuarantineError, QuarantineStore, millis};
use crate::base::{EntryId, Timestamp};
use crate::sqlite::{Database, DatabaseError};
use crate::vault::BoxFuture;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS quarantine (
        upstream TEXT NOT NULL,
        batch TEXT NOT NULL,
        request BLOB NOT NULL,
        at INTEGER NOT NULL,
        sealed BLOB NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS quarantine_by_batch ON quarantine (upstream, batch, request);
    CREATE INDEX IF NOT EXISTS quarantine_by_time ON quarantine (at);
";

/// Pieces in the embedded database.
#[derive(Clone, Debug)]
pub struct SqliteQuarantine(Database);

impl SqliteQuarantine {
    /// # Errors
    /// When its table is missing and cannot be made.
    pub fn new(database: &Database) -> Result<Self, DatabaseError> {
        database.define(SCHEMA)?;
        Ok(Self(database.clone()))
    }

    fn write(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static,
    ) -> BoxFuture<'_, Result<(), QuarantineError>> {
        Box::pin(async move { Ok(self.0.write(work).await?) })
    }

    fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, QuarantineError>> {
        Box::pin(async move { Ok(self.0.read(query).await?) })
    }
}

impl QuarantineStore for SqliteQuarantine {
    fn keep(
        &self,
        of: BatchName,
        request: EntryId,
        sealed: Vec<Vec<u8>>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), QuarantineError>> {
        self.write(move |connection| {
            let BatchName { upstream, batch } = of;
            let mut insert =
                connection.prepare_cached("INSERT INTO quarantine VALUES (?1, ?2, ?3, ?4, ?5)")?;
            for sealed in sealed {
                insert.execute(params![
                    upstream.as_str(),
                    batch.as_str(),
                    request.0,
                    millis(now),
                    sealed
                ])?;
            }
            Ok(())
        })
    }

    fn forget(&self, before: Timestamp) -> BoxFuture<'_, Result<(), QuarantineError>> {
        self.write(move |connection| {
            let mut delete = connection.prepare_cached("DELETE FROM quarantine WHERE at < ?1")?;
            delete.execute([millis(before)]).map(drop)
        })
    }

    fn settle(&self, of: BatchName, over: Over) -> BoxFuture<'_, Result<(), QuarantineError>> {
        self.write(move |connection| {
            let BatchName { upstream, batch } = of;
            let (is_over, request) = match over {
                Over::AllBut(request) => (
                    "DELETE FROM quarantine WHERE upstream = ?1 AND batch = ?2 AND request <> ?3",
                    request,
                ),
                Over::This(request) => (
                    "DELETE FROM quarantine WHERE upstream = ?1 AND batch = ?2 AND request = ?3",
                    request,
                ),
            };
            let mut delete = connection.prepare_cached(is_over)?;
            delete.execute(params![upstream.as_str(), batch.as_str(), request.0]).map(drop)
        })
    }

    fn size(&self, of: BatchName) -> BoxFuture<'_, Result<usize, QuarantineError>> {
        self.read(move |connection| {
            let BatchName { upstream, batch } = of;
            let mut select = connection.prepare_cached(
                "SELECT coalesce(sum(length(sealed)), 0) FROM quarantine
                 WHERE upstream = ?1 AND batch = ?2",
            )?;
            let size = select
                .query_row([upstream.as_str(), batch.as_str()], |row| row.get::<_, i64>(0))?;
            Ok(usize::try_from(size).unwrap_or(usize::MAX))
        })
    }

    fn find(&self, of: BatchName) -> BoxFuture<'_, Result<Vec<Piece>, QuarantineError>> {
        self.read(move |connection| {
            let BatchName { upstream, batch } = of;
            let mut select = connection.prepare_cached(
                "SELECT request, sealed FROM quarantine
                 WHERE upstream = ?1 AND batch = ?2 ORDER BY at, request, rowid",
            )?;
            let rows = select.query_map([upstream.as_str(), batch.as_str()], |row| {
                Ok((EntryId(row.get(0)?), row.get(1)?))
            })?;
            rows.collect()
        })
    }

    fn batches(&self) -> BoxFuture<'_, Result<Vec<BatchName>, QuarantineError>> {
        self.read(|connection| {
            let mut select =
                connection.prepare_cached("SELECT DISTINCT upstream, batch FROM quarantine")?;
            let names = select.query_map([], |row| {
                let (upstream, batch) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?);
                Ok(BatchName { upstream: upstream.into(), batch: batch.into() })
            })?;
            names.collect()
        })
    }
}
