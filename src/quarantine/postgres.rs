// SPDX-License-Identifier: Apache-2.0

use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, ToSql};

use super::{BatchName, Done, Over, Piece, QuarantineError, QuarantineStore, millis};
use crate::base::{EntryId, Timestamp};
use crate::keys::Version;
use crate::postgres::{Failure, Link, Postgres, PostgresError, Query, Work};
use crate::vault::permit;

const KEEP: &str = "
    INSERT INTO quarantine (upstream, batch, at, request, version, sealed)
    SELECT $1, $2, $3, request, version, sealed
    FROM unnest($4::bytea[], $5::bigint[], $6::bytea[]) WITH ORDINALITY
        AS given (request, version, sealed, place)
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
    SELECT request, version, sealed FROM quarantine
    WHERE upstream = $1 AND batch = $2 ORDER BY at, request, number";

const BATCHES: &str = "SELECT DISTINCT upstream, batch FROM quarantine";

/// One whose version is not known may need any.
const COUNT_UNDER: &str =
    "SELECT count(*) FROM quarantine WHERE coalesce(version, $1::bigint) = $1::bigint";

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
    fn keep(&self, of: BatchName, pieces: Vec<Piece>, now: Timestamp) -> Done<'_> {
        Box::pin(async move {
            let kept = self.0.transaction(Keep { of, pieces, now }).await?;
            kept.map_err(QuarantineError::KeyGone)
        })
    }

    fn forget(&self, before: Timestamp) -> Done<'_> {
        Box::pin(async move { self.rows(FORGET, &[&millis(before)]).await.map(drop) })
    }

    fn settle(&self, of: BatchName, over: Over) -> Done<'_> {
        Box::pin(async move {
            let (sql, request) = match over {
                Over::AllBut(request) => (SETTLE_ALL_BUT, request),
                Over::This(request) => (SETTLE_THIS, request),
            };
            let (upstream, batch) = (of.upstream.as_str(), of.batch.as_bytes());
            self.rows(sql, &[&upstream, &batch, &request.0.as_slice()]).await.map(drop)
        })
    }

    fn size(&self, of: BatchName) -> Done<'_, usize> {
        Box::pin(async move {
            let (upstream, batch) = (of.upstream.as_str(), of.batch.as_bytes());
            let rows = self.rows(SIZE, &[&upstream, &batch]).await?;
            let size = rows.first().map_or(Ok(0), |row| column::<i64>(row, 0))?;
            Ok(usize::try_from(size).unwrap_or(usize::MAX))
        })
    }

    fn find(&self, of: BatchName) -> Done<'_, Vec<Piece>> {
        Box::pin(async move {
            let (upstream, batch) = (of.upstream.as_str(), of.batch.as_bytes());
            let rows = self.rows(FIND, &[&upstream, &batch]).await?;
            let piece = |row: &Row| {
                let request = column::<&[u8]>(row, 0)?.try_into().map(EntryId);
                let version = column::<Option<i64>>(row, 1)?.map(Version::try_from).transpose();
                Ok(Piece {
                    request: request.map_err(|_| QuarantineError::Corrupt)?,
                    version: version.map_err(|_| QuarantineError::Corrupt)?,
                    sealed: column(row, 2)?,
                })
            };
            rows.iter().map(piece).collect()
        })
    }

    fn batches(&self) -> Done<'_, Vec<BatchName>> {
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

    fn count_under(&self, version: Version) -> Done<'_, u64> {
        Box::pin(async move {
            let rows = self.rows(COUNT_UNDER, &[&i64::from(version)]).await?;
            Ok(rows.first().map_or(Ok(0), |row| column::<i64>(row, 0))? as u64)
        })
    }
}

/// Pieces that are kept once, unless there is a newer version of the vault's key than theirs.
struct Keep {
    of: BatchName,
    pieces: Vec<Piece>,
    now: Timestamp,
}

impl Work for Keep {
    type Done = Result<(), Version>;

    async fn run(&self, link: &Link) -> Result<Self::Done, Failure> {
        let Self { of: BatchName { upstream, batch }, pieces, now } = self;
        let oldest = pieces.iter().filter_map(|piece| piece.version).min();
        if let Err(newer) = permit(link, oldest.unwrap_or(Version::MAX)).await? {
            return Ok(Err(newer));
        }
        let requests: Vec<&[u8]> = pieces.iter().map(|piece| &piece.request.0[..]).collect();
        let versions = pieces.iter().map(|piece| piece.version.map(i64::from));
        let versions: Vec<Option<i64>> = versions.collect();
        let sealed: Vec<&[u8]> = pieces.iter().map(|piece| &piece.sealed[..]).collect();
        let (upstream, batch) = (upstream.as_str(), batch.as_bytes());
        let values: [&(dyn ToSql + Sync); 6] =
            [&upstream, &batch, &millis(*now), &requests, &versions, &sealed];
        Query(KEEP, &values).run(link).await.map(|_| Ok(()))
    }
}

fn column<'r, T: FromSql<'r>>(row: &'r Row, at: usize) -> Result<T, QuarantineError> {
    let column = row.try_get(at);
    column.map_err(|error| PostgresError::Corrupt(error.to_string()).into())
}
