// SPDX-License-Identifier: Apache-2.0

use rusqlite::{Connection, params};

use super::{BatchName, Done, Over, Piece, QuarantineError, QuarantineStore, millis};
use crate::base::{EntryId, Timestamp};
use crate::keys::Version;
use crate::sqlite::{Database, DatabaseError};
use crate::vault::{define_newest_key, newer_than};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS quarantine (
        upstream TEXT NOT NULL,
        batch TEXT NOT NULL,
        request BLOB NOT NULL,
        at INTEGER NOT NULL,
        version INTEGER NOT NULL,
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
        define_newest_key(database)?;
        database.define(SCHEMA)?;
        Ok(Self(database.clone()))
    }

    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Done<'_, T> {
        Box::pin(async move { Ok(self.0.write(work).await?) })
    }

    fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Done<'_, T> {
        Box::pin(async move { Ok(self.0.read(query).await?) })
    }
}

impl QuarantineStore for SqliteQuarantine {
    fn keep(&self, of: BatchName, pieces: Vec<Piece>, now: Timestamp) -> Done<'_> {
        let kept = self.write(move |connection| {
            let oldest = pieces.iter().filter_map(|piece| piece.version).min();
            if let Some(newer) = newer_than(connection, oldest.unwrap_or(Version::MAX))? {
                return Ok(Err(QuarantineError::KeyGone(newer)));
            }
            let BatchName { upstream, batch } = of;
            let mut insert = connection.prepare_cached(
                "INSERT INTO quarantine (upstream, batch, request, at, version, sealed)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            for Piece { request, version, sealed } in pieces {
                let (upstream, batch) = (upstream.as_str(), batch.as_str());
                insert.execute(params![
                    upstream,
                    batch,
                    request.0,
                    millis(now),
                    version,
                    sealed
                ])?;
            }
            Ok(Ok(()))
        });
        Box::pin(async move { kept.await? })
    }

    fn forget(&self, before: Timestamp) -> Done<'_> {
        self.write(move |connection| {
            let mut delete = connection.prepare_cached("DELETE FROM quarantine WHERE at < ?1")?;
            delete.execute([millis(before)]).map(drop)
        })
    }

    fn settle(&self, of: BatchName, over: Over) -> Done<'_> {
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

    fn size(&self, of: BatchName) -> Done<'_, usize> {
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

    fn find(&self, of: BatchName) -> Done<'_, Vec<Piece>> {
        self.read(move |connection| {
            let BatchName { upstream, batch } = of;
            let mut select = connection.prepare_cached(
                "SELECT request, version, sealed FROM quarantine
                 WHERE upstream = ?1 AND batch = ?2 ORDER BY at, request, rowid",
            )?;
            let rows = select.query_map([upstream.as_str(), batch.as_str()], |row| {
                let request = EntryId(row.get(0)?);
                Ok(Piece { request, version: row.get(1)?, sealed: row.get(2)? })
            })?;
            rows.collect()
        })
    }

    fn batches(&self) -> Done<'_, Vec<BatchName>> {
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

    fn count_under(&self, version: Version) -> Done<'_, u64> {
        self.read(move |connection| {
            let sql = "SELECT count(*) FROM quarantine WHERE version = ?1";
            connection.query_row(sql, [version], |row| row.get::<_, i64>(0).map(|it| it as u64))
        })
    }
}
