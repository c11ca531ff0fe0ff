// SPDX-License-Identifier: Apache-2.0
//! Transactions in one round trip, and why they are refused.

use futures_util::future::join_all;
use tokio_postgres::types::ToSql;

use super::columns::damaged;
use super::permit::{CONFLICT, FIRST, NEWER, NEWER_OF};
use crate::base::Jurisdiction;
use crate::keys::Version;
use crate::postgres::{Failure, Link, Query, Work};
use crate::vault::VaultError;

/// What a statement is given.
pub(super) type Values<'v> = Vec<&'v (dyn ToSql + Sync)>;

/// What a statement has answered.
pub(super) type Answer = Vec<tokio_postgres::Row>;

/// Why the rows of a transaction were not written.
pub(super) enum Refused {
    Newer(Version),
    NewerOf(Jurisdiction, Version),
    First,
    Conflict,
}

impl From<Refused> for VaultError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Newer(version) => Self::KeyGone(version),
            Refused::NewerOf(of, version) => Self::JurisdictionKeyGone(of, version),
            Refused::First => damaged("permit"),
            Refused::Conflict => Self::Conflict,
        }
    }
}

impl Refused {
    pub(super) fn read(error: &tokio_postgres::Error) -> Option<Self> {
        let said = error.as_db_error()?;
        match said.code().code() {
            NEWER => said.message().parse().ok().map(Self::Newer),
            NEWER_OF => {
                let (version, of) = said.message().split_once(' ')?;
                Some(Self::NewerOf(Jurisdiction::new(of), version.parse().ok()?))
            }
            FIRST => Some(Self::First),
            CONFLICT => Some(Self::Conflict),
            _ => None,
        }
    }
}

/// How a transaction begins, and its statements, in one round trip.
pub(super) struct Write<'w>(pub(super) &'static str, pub(super) &'w [(&'w str, Values<'w>)]);

impl Work for Write<'_> {
    /// What each has answered; or that the transaction was ended, with nothing in it.
    type Done = Result<Vec<Answer>, Refused>;

    async fn run(&self, link: &Link) -> Result<Self::Done, Failure> {
        let mut prepared = Vec::new();
        for (sql, values) in self.1 {
            prepared.push((link.prepare_cached(sql).await?, values));
        }
        // Sent at once, in this order; after one that fails, the rest does nothing. All are
        // awaited, so that none is left out, and the connection is free afterwards.
        let queries = prepared.iter().map(|(statement, values)| link.query(statement, values));
        let (begun, rows, committed) = tokio::join!(
            biased;
            link.batch_execute(self.0),
            join_all(queries),
            link.batch_execute("COMMIT"),
        );
        begun?;
        let rows = rows.into_iter().collect::<Result<_, _>>();
        if let Some(refused) = rows.as_ref().err().and_then(Refused::read) {
            committed?;
            return Ok(Err(refused));
        }
        let rows = rows?;
        committed?;
        Ok(Ok(rows))
    }
}

/// What a transaction holds, and its statements: done once, since a second time they would
/// answer otherwise.
pub(super) struct Once<'w>(pub(super) &'static str, pub(super) &'w [(&'w str, Values<'w>)]);

impl Work for Once<'_> {
    type Done = Vec<Answer>;

    async fn run(&self, link: &Link) -> Result<Vec<Answer>, Failure> {
        link.batch_execute(self.0).await?;
        let mut answers = Vec::with_capacity(self.1.len());
        for (sql, values) in self.1 {
            answers.push(Query(sql, values).run(link).await?);
        }
        Ok(answers)
    }
}
