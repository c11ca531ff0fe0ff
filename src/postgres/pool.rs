// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
    TimeoutType,
};

use super::migrations::{Missing, migrate};
use super::work::{Failure, Link, Open, Query, Retries, Stored, Work, text_of};
use super::{Connector, PostgresSettings};
use crate::base::Tenant;

/// Beyond the time of a statement, for its way there and back: then it is not awaited any
/// more, whatever the network does.
const GRACE: Duration = Duration::from_secs(1);

const TIMED_OUT: &str = "it did not answer in time";

/// For what reads a whole table, or writes much of it.
const LONG: Duration = Duration::from_secs(15 * 60);

/// A schema that other processes use beside us. Clones share the connections.
///
/// Must be used within a tokio runtime.
#[derive(Clone)]
pub struct Postgres {
    pool: Pool,
    connector: Arc<Connector>,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum PostgresError {
    /// It cannot be read or written; trying again later may help.
    #[error("{0}")]
    Unavailable(String),
    /// It is not a database that this process may use.
    #[error("the database `{place}` cannot be used: {problem}")]
    Unusable { place: String, problem: String },
    /// A row is not what was written.
    #[error("{0}")]
    Corrupt(String),
}

impl Postgres {
    /// Opens the schema of a tenant; makes it where it is missing, and brings it to this
    /// version.
    ///
    /// # Errors
    /// [`PostgresError::Unusable`] when it is of another tenant, of a newer version, changed,
    /// or none of ours, or when the server does not keep what it confirms;
    /// [`PostgresError::Unavailable`] when it cannot be reached or written.
    pub async fn open(settings: PostgresSettings, tenant: &Tenant) -> Result<Self, PostgresError> {
        Self::start(settings, tenant, Missing::Made).await
    }

    /// Opens the schema of a tenant that is there, and changes nothing.
    ///
    /// # Errors
    /// As [`open`](Self::open), and when there is none of this version.
    pub async fn open_existing(
        settings: PostgresSettings,
        tenant: &Tenant,
    ) -> Result<Self, PostgresError> {
        Self::start(settings, tenant, Missing::Refused).await
    }

    async fn start(
        settings: PostgresSettings,
        tenant: &Tenant,
        missing: Missing,
    ) -> Result<Self, PostgresError> {
        let connector = Connector::new(settings)?;
        let first = connector.client().await;
        let (mut client, _task) = first.map_err(|error| connector.unavailable(&error))?;
        connector.prepare(&client).await?;
        migrate(&connector, &mut client, tenant, missing).await?;
        drop(client);

        let manager = Manager::from_connect(
            tokio_postgres::Config::new(),
            connector.clone(),
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        let connector = Arc::new(connector);
        let settings = &connector.settings;
        let (checked, tenant) = (Arc::clone(&connector), tenant.clone());
        let pool = Pool::builder(manager)
            .max_size(settings.connections)
            .wait_timeout(Some(settings.statement_timeout))
            .create_timeout(Some(settings.connect_timeout * settings.hosts.len() as u32))
            .recycle_timeout(Some(settings.connect_timeout))
            .runtime(Runtime::Tokio1)
            .post_create(Hook::async_fn(move |client, _| {
                let (connector, tenant) = (Arc::clone(&checked), tenant.clone());
                Box::pin(async move {
                    let checked = async {
                        connector.prepare(client).await?;
                        connector.check(client, &tenant).await
                    };
                    checked.await.map_err(|error| HookError::message(error.to_string()))
                })
            }))
            .build();
        let pool = pool.map_err(|error| PostgresError::Unavailable(error.to_string()))?;
        Ok(Self { pool, connector })
    }

    /// Does work that leaves the same behind whether it is done once or twice: the second
    /// time, if the connection was lost. Dropping the future may or may not leave it done.
    ///
    /// # Errors
    /// Then it may be done or not.
    pub(crate) async fn again<W: Work>(&self, work: W) -> Result<W::Done, PostgresError> {
        let mut retries = Retries::default();
        loop {
            let link = self.link().await?;
            let failure = match limited(self.patience(), work.run(&link)).await {
                Some(Ok(done)) => return Ok(done),
                Some(Err(failure)) => failure,
                None => return Err(self.timed_out(link)),
            };
            if failure.is_lost() {
                self.throw_away(link);
            }
            if !retries.allow(&failure) {
                return Err(self.error(failure));
            }
        }
    }

    /// Does work in a transaction whose statements see what others have stored meanwhile. It
    /// is done once; again only if the connection was lost, or the server rolled it back,
    /// before anything of it can have been stored. Durable on return. Dropping the future
    /// may or may not leave it done.
    ///
    /// # Errors
    /// Then it may be done or not, if the connection was lost in its commit.
    pub(crate) async fn transaction<W: Work>(&self, work: W) -> Result<W::Done, PostgresError> {
        let begin = "BEGIN ISOLATION LEVEL READ COMMITTED";
        self.transact(begin, self.patience(), work).await
    }

    /// As [`transaction`](Self::transaction), however long it takes, within reason.
    pub(crate) async fn transaction_long<W: Work>(
        &self,
        work: W,
    ) -> Result<W::Done, PostgresError> {
        let begin = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = {}",
            LONG.as_millis()
        );
        self.transact(&begin, LONG + GRACE, work).await
    }

    async fn transact<W: Work>(
        &self,
        begin: &str,
        patience: Duration,
        work: W,
    ) -> Result<W::Done, PostgresError> {
        let mut retries = Retries::default();
        loop {
            let open = Open::new(self.link().await?);
            let attempt = open.attempt(begin, &work);
            let (failure, stored) = match limited(patience, attempt).await {
                Some(Ok(done)) => {
                    drop(open.ended());
                    return Ok(done);
                }
                Some(Err(failed)) => failed,
                None => return Err(self.lost_sight_of(open)),
            };
            let is_lost = failure.is_lost();
            self.undo(open, is_lost).await;
            if (is_lost && stored == Stored::Maybe) || !retries.allow(&failure) {
                return Err(self.error(failure));
            }
        }
    }

    /// Reads all of something, however long it takes, within reason.
    pub(crate) async fn read_long<W: Work>(&self, work: W) -> Result<W::Done, PostgresError> {
        let open = Open::new(self.link().await?);
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = {}",
            LONG.as_millis()
        );
        match limited(LONG + GRACE, open.attempt(&begin, &work)).await {
            Some(Ok(done)) => {
                drop(open.ended());
                Ok(done)
            }
            Some(Err((failure, _))) => {
                self.undo(open, failure.is_lost()).await;
                Err(self.error(failure))
            }
            None => Err(self.lost_sight_of(open)),
        }
    }

    async fn undo(&self, open: Open, is_lost: bool) {
        if is_lost {
            open.ended().into_iter().for_each(|link| self.throw_away(link));
        } else if let Some(Ok(())) = limited(self.patience(), open.rollback()).await {
            drop(open.ended());
        }
    }

    fn lost_sight_of(&self, open: Open) -> PostgresError {
        match open.ended() {
            Some(link) => self.timed_out(link),
            None => self.unavailable(TIMED_OUT),
        }
    }

    /// Whether it can be written now.
    pub(crate) async fn health(&self) -> Result<(), PostgresError> {
        self.again(Query("UPDATE house SET probes = probes + 1", &[])).await.map(drop)
    }

    async fn link(&self) -> Result<Link, PostgresError> {
        let problem = match self.pool.get().await {
            Ok(link) => return Ok(link),
            Err(PoolError::Backend(error)) => text_of(&error),
            Err(PoolError::PostCreateHook(HookError::Message(problem))) => {
                return Err(PostgresError::Unavailable(problem.into_owned()));
            }
            Err(PoolError::Timeout(TimeoutType::Wait)) => "no connection was free in time".into(),
            Err(PoolError::Timeout(_)) => "it cannot be reached in time".into(),
            Err(error) => error.to_string(),
        };
        Err(self.unavailable(&problem))
    }

    fn patience(&self) -> Duration {
        self.connector.settings.statement_timeout + GRACE
    }

    /// Of a connection that failed, and of all that are idle: most likely they are lost too.
    fn throw_away(&self, link: Link) {
        drop(Object::take(link));
        self.pool.retain(|_, _| false);
    }

    fn timed_out(&self, link: Link) -> PostgresError {
        self.throw_away(link);
        self.unavailable(TIMED_OUT)
    }

    fn error(&self, failure: Failure) -> PostgresError {
        match failure {
            Failure::Server(error) => self.unavailable(&text_of(&error)),
            Failure::Corrupt(problem) => PostgresError::Corrupt(problem),
        }
    }

    fn unavailable(&self, problem: &str) -> PostgresError {
        PostgresError::Unavailable(format!("{}: {problem}", self.connector.settings))
    }
}

#[cfg(test)]
impl Postgres {
    pub(super) async fn link_for_test(&self) -> Link {
        self.link().await.unwrap()
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.connector.settings.to_string();
        f.debug_struct("Postgres").field("place", &place).finish_non_exhaustive()
    }
}

impl PostgresError {
    pub(super) fn unusable(settings: &PostgresSettings, problem: impl Into<String>) -> Self {
        Self::Unusable { place: settings.to_string(), problem: problem.into() }
    }
}

/// `None` when it has not ended in time.
async fn limited<T>(patience: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(patience, work).await.ok()
}
