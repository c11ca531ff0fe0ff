// SPDX-License-Identifier: Apache-2.0

use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, ToSql};

use super::{BatchName, Over, Piece, QuarantineError, QuarantineStore, millis};
use crate::base::{EntryId, Timestamp};
use crate::postgres::{Postgres, PostgresError, Query};
use crate::vault::BoxFuture;

const KEEP: &str = "
    INSERT INTO quarantine (upstream, batch, request, at, sealed)
    SELECT $1, $2, $3, $4, sealed FROM unnest($5::bytea[]) WITH ORDINALITY AS given (sealed, place)
    ORDER BY place";

const FORGET: &str = "DELETE FROM quarantine WHERE at < $1";

const SETTLE_ALL_BUT: &str =
    "DELETE FROM quarantine WHERE upstream = $1 AND batch = $2 AND request <> $3";

const SETTLE_THIS: &str =
    "DELETE FROM quarantine WHERE upstream = $1 AND batch = $2 AND request = $3";

const SIZE: &str = "
    SELECT coalesce(sum(octet_length(sealed)), 0)::bigint FROM quarantine
    WHERE upstream = $1 AND batch = $2";

const FIND: &str = "
    SELECT request, sealed FROM quarantine
    WHERE upstream = $1 AND batch = $2 ORDER BY at, request, number";

const BATCHES: &str = "SELECT DISTINCT upstream, batch FROM quarantine";

/// Pieces in the shared database.
#[derive(Clone, Debug)]
pub struct PostgresQuarantine(Postgres);

impl PostgresQuarantine {
    pub fn new(database: &Postgres) -> Self {
        Self(database.clone())
    }

    async fn rows(
        &self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, QuarantineError> {
        Ok(self.0.again(Query(sql, values)).await?)
    }
}

impl QuarantineStore for PostgresQuarantine {
    fn keep(
        &self,
        of: BatchName,
        request: EntryId,
        sealed: Vec<Vec<u8>>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), QuarantineError>> {
        Box::pin(async move {
            let (upstream, batch) = (of.upstream.as_str(), of.batch.as_bytes());
            let request = request.0.as_slice();
            let keep = Query(KEEP, &[&upstream, &batch, &request, &millis(now), &sealed]);
            self.0.transaction(keep).await?;
            Ok(())
        })
    }

    fn forget(&self, before: Timestamp) -> BoxFuture<'_, Result<(), QuarantineError>> {
        Box::pin(async move { self.rows(FORGET, &[&millis(before)]).await.map(drop) })
    }

    fn settle(&self, of: BatchName, over: Over) -> BoxFuture<'_, Result<(), QuarantineError>> {
        Box::pin(async move {
            let (sql, request) = match over {
                Over::AllBut(request) => (SETTLE_ALL_BUT, request),
                Over::This(request) => (SETTLE_THIS, request),
            };
            let (upstream, batch) = (of.upstream.as_str(), of.batch.as_bytes());
            self.rows(sql, &[&upstream, &batch, &request.0.as_slice()]).await.map(drop)
        })
    }

    fn size(&self, of: BatchName) -> BoxFuture<'_, Result<usize, QuarantineError>> {
        Box::pin(async move {
            let (upstream, batch) = (of.upstream.as_str(), of.batch.as_bytes());
            let rows = self.rows(SIZE, &[&upstream, &batch]).await?;
            let size = rows.first().map_or(Ok(0), |row| column::<i64>(row, 0))?;
            Ok(usize::try_from(size).unwrap_or(usize::MAX))
        })
    }

    fn find(&self, of: BatchName) -> BoxFuture<'_, Result<Vec<Piece>, QuarantineError>> {
        Box::pin(async move {
            let (upstream, batch) = (of.upstream.as_str(), of.batch.as_bytes());
            let rows = self.rows(FIND, &[&upstream, &batch]).await?;
            let piece = |row: &Row| {
                let request = column::<&[u8]>(row, 0)?.try_into().map(EntryId);
                Ok((request.map_err(|_| QuarantineError::Corrupt)?, column(row, 1)?))
            };
            rows.iter().map(piece).collect()
        })
    }

    fn batches(&self) -> BoxFuture<'_, Result<Vec<BatchName>, QuarantineError>> {
        Box::pin(async move {
            let rows = self.rows(BATCHES, &[]).await?;
            let name = |row: &Row| {
                let batch = std::str::from_utf8(column(row, 1)?);
                Ok(BatchName {
                    upstream: column::<&str>(row, 0)?.into(),
                    batch: batch.map_err(|_| QuarantineError::Corrupt)?.into(),
                })
            };
            rows.iter().map(name).collect()
        })
    }
}

fn column<'r, T: FromSql<'r>>(row: &'r Row, at: usize) -> Result<T, QuarantineError> {
    let column = row.try_get(at);
    column.map_err(|error| PostgresError::Corrupt(error.to_string()).into())
}
