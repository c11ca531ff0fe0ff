// SPDX-License-Identifier: Apache-2.0

use std::error::Error as _;

use deadpool_postgres::Object;
use tokio_postgres::Row;
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::types::ToSql;

/// How often work is begun that the server rolled back for the sake of other work.
const MAX_ROLLED_BACK: usize = 10;

/// A connection on loan.
pub(crate) type Link = Object;

/// Why work with a connection has not come to its end.
#[derive(Debug)]
pub(crate) enum Failure {
    Server(tokio_postgres::Error),
    /// A row is not what was written.
    Corrupt(String),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl Failure {
    fn ended() -> Self {
        Self::Corrupt("the transaction has ended".into())
    }

    /// The server has undone all of the transaction, for the sake of another.
    fn is_rolled_back(&self) -> bool {
        let codes = [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
        matches!(self, Self::Server(error) if error.code().is_some_and(|it| codes.contains(it)))
    }

    /// The connection is of no use any more; also one to a server that is no longer the
    /// one that is written to.
    pub(super) fn is_lost(&self) -> bool {
        let Self::Server(error) = self else { return false };
        match error.as_db_error() {
            Some(said) => {
                let severity = said.parsed_severity();
                matches!(severity, Some(Severity::Fatal | Severity::Panic))
                    || *said.code() == SqlState::READ_ONLY_SQL_TRANSACTION
            }
            None => {
                error.is_closed()
                    || error.source().is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
            }
        }
    }
}

/// What is done with a connection.
pub(crate) trait Work: Sync {
    type Done: Send;

    fn run(&self, link: &Link) -> impl Future<Output = Result<Self::Done, Failure>> + Send;
}

/// One statement, with its values.
pub(crate) struct Query<'q>(pub &'q str, pub &'q [&'q (dyn ToSql + Sync)]);

impl Work for Query<'_> {
    type Done = Vec<Row>;

    async fn run(&self, link: &Link) -> Result<Vec<Row>, Failure> {
        let statement = link.prepare_cached(self.0).await?;
        Ok(link.query(&statement, self.1).await?)
    }
}

/// A connection in a transaction. One that has not ended when this is dropped is not for
/// others: it is closed, and the server rolls it back.
pub(super) struct Open(Option<Link>);

impl Open {
    pub(super) fn new(link: Link) -> Self {
        Self(Some(link))
    }

    pub(super) async fn attempt<W: Work>(
        &self,
        begin: &str,
        work: &W,
    ) -> Result<W::Done, (Failure, Stored)> {
        let Some(link) = &self.0 else { return Err((Failure::ended(), Stored::No)) };
        let begun = link.batch_execute(begin).await;
        begun.map_err(|error| (error.into(), Stored::No))?;
        let done = work.run(link).await.map_err(|failure| (failure, Stored::No))?;
        let committed = link.batch_execute("COMMIT").await;
        committed.map_err(|error| (error.into(), Stored::Maybe))?;
        Ok(done)
    }

    pub(super) async fn rollback(&self) -> Result<(), Failure> {
        let Some(link) = &self.0 else { return Err(Failure::ended()) };
        Ok(link.batch_execute("ROLLBACK").await?)
    }

    pub(super) fn ended(mut self) -> Option<Link> {
        self.0.take()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        drop(self.0.take().map(Object::take));
    }
}

/// Whether work that failed has left something behind.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    No,
    Maybe,
}

/// How often the same work has failed.
#[derive(Default)]
pub(super) struct Retries {
    lost: usize,
    rolled_back: usize,
}

impl Retries {
    /// Whether it may be tried again, as far as the failure says.
    pub(super) fn allow(&mut self, failure: &Failure) -> bool {
        if failure.is_rolled_back() {
            self.rolled_back += 1;
            self.rolled_back <= MAX_ROLLED_BACK
        } else if failure.is_lost() {
            self.lost += 1;
            self.lost <= 1
        } else {
            false
        }
    }
}

/// What the server says, or why it says nothing.
pub(super) fn text_of(error: &tokio_postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        return format!("{} (SQLSTATE {})", said.message(), said.code().code());
    }
    crate::upstream::causes(error)
}
