// SPDX-License-Identifier: Apache-2.0

use std::thread::JoinHandle;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::database::{self, Database};
use super::{Row, VaultError};

/// Requests that wait for the writer; a sender beyond that waits for room.
const MAX_WAITING: usize = 1024;
/// Requests that one transaction takes.
const MAX_GROUP: usize = 256;

/// The thread that writes.
#[derive(Debug)]
pub(super) struct Writer {
    /// `None` only while dropping.
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Job {
    work: Work,
    reply: oneshot::Sender<Result<Vec<Row>, VaultError>>,
}

#[derive(Debug)]
enum Work {
    Insert(Vec<Row>),
    Probe,
}

impl Writer {
    pub(super) fn start(database: Database) -> Result<Self, VaultError> {
        let connection = database.connect()?;
        let (jobs, waiting) = mpsc::channel(MAX_WAITING);
        let thread = std::thread::Builder::new()
            .name("vault-writer".into())
            .spawn(move || run(&database, connection, waiting))
            .map_err(|error| VaultError::Unavailable(error.to_string()))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// For each row, the row that is stored under its token afterwards.
    pub(super) async fn insert(&self, rows: Vec<Row>) -> Result<Vec<Row>, VaultError> {
        self.submit(Work::Insert(rows)).await
    }

    pub(super) async fn probe(&self) -> Result<(), VaultError> {
        self.submit(Work::Probe).await.map(|_| ())
    }

    async fn submit(&self, work: Work) -> Result<Vec<Row>, VaultError> {
        let ended = || VaultError::Unavailable("the writer has ended".into());
        let (reply, answer) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(ended)?;
        jobs.send(Job { work, reply }).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported, and there is nobody to hand it to.
            let _ = thread.join();
        }
    }
}

/// Commits whatever waits as one transaction, until every sender is gone.
fn run(database: &Database, connection: Connection, mut waiting: mpsc::Receiver<Job>) {
    let mut connection = Some(connection);
    let mut group = Vec::new();
    while waiting.blocking_recv_many(&mut group, MAX_GROUP) > 0 {
        let (work, replies): (Vec<Work>, Vec<_>) =
            group.drain(..).map(|job| (job.work, job.reply)).unzip();
        match commit(database, &mut connection, work) {
            // A caller that has gone away needs no answer.
            Ok(answers) => {
                for (reply, rows) in replies.into_iter().zip(answers) {
                    let _ = reply.send(Ok(rows));
                }
            }
            Err(error) => {
                tracing::error!(%error, "the vault cannot be written");
                for reply in replies {
                    let _ = reply.send(Err(error.clone()));
                }
            }
        }
    }
}

/// Does all work in one transaction. Durable when it returns `Ok`; else nothing is
/// stored, and the connection is not used again: after a failed write neither its
/// cache nor a second fsync can be trusted.
fn commit(
    database: &Database,
    connection: &mut Option<Connection>,
    group: Vec<Work>,
) -> Result<Vec<Vec<Row>>, VaultError> {
    let mut usable = match connection.take() {
        Some(usable) => usable,
        None => database.connect()?,
    };
    let transaction = usable.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut answers = Vec::with_capacity(group.len());
    for work in group {
        answers.push(match work {
            Work::Insert(rows) => rows
                .into_iter()
                .map(|row| database::insert(&transaction, row))
                .collect::<Result<_, _>>()?,
            Work::Probe => {
                database::probe(&transaction)?;
                Vec::new()
            }
        });
    }
    transaction.commit()?;
    *connection = Some(usable);
    Ok(answers)
}
