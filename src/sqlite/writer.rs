// SPDX-License-Identifier: Apache-2.0

use std::thread::JoinHandle;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::DatabaseError;
use super::file::DatabaseFile;

/// Requests that wait for the writer; a sender beyond that waits for room.
const MAX_WAITING: usize = 1024;
/// Requests that one transaction takes.
const MAX_GROUP: usize = 256;

/// The thread that writes.
#[derive(Debug)]
pub(super) struct Writer {
    /// `None` only while dropping.
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

/// Work for a transaction that it may share with others.
trait Job: Send {
    fn work(&mut self, connection: &Connection) -> rusqlite::Result<()>;

    /// Tells whoever waits, once it is known what became of the transaction.
    fn finish(self: Box<Self>, committed: Result<(), DatabaseError>);
}

struct Task<F, T> {
    /// `None` once it has run.
    work: Option<F>,
    /// `None` until it has run.
    answer: Option<T>,
    reply: oneshot::Sender<Result<T, DatabaseError>>,
}

impl<F, T> Job for Task<F, T>
where
    F: FnOnce(&Connection) -> rusqlite::Result<T> + Send,
    T: Send,
{
    fn work(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.answer = self.work.take().map(|work| work(connection)).transpose()?;
        Ok(())
    }

    fn finish(self: Box<Self>, committed: Result<(), DatabaseError>) {
        let Self { answer, reply, .. } = *self;
        // A caller that has gone away needs no answer.
        let _ = reply.send(committed.and_then(|()| answer.ok_or_else(ended)));
    }
}

impl Writer {
    pub(super) fn start(file: DatabaseFile) -> Result<Self, DatabaseError> {
        let connection = file.connect()?;
        let (jobs, waiting) = mpsc::channel(MAX_WAITING);
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || run(&file, connection, waiting))
            .map_err(|error| DatabaseError::Unavailable(error.to_string()))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    pub(super) async fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let (reply, answer) = oneshot::channel();
        let task = Task { work: Some(work), answer: None, reply };
        let jobs = self.jobs.as_ref().ok_or_else(ended)?;
        jobs.send(Box::new(task)).await.map_err(|_| ended())?;
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

fn ended() -> DatabaseError {
    DatabaseError::Unavailable("the writer has ended".into())
}

/// Commits whatever waits as one transaction, until every sender is gone.
fn run(file: &DatabaseFile, connection: Connection, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
    let mut connection = Some(connection);
    let mut group = Vec::new();
    while waiting.blocking_recv_many(&mut group, MAX_GROUP) > 0 {
        let committed = commit(file, &mut connection, &mut group);
        if let Err(error) = &committed {
            tracing::error!(%error, "the database cannot be written");
        }
        for job in group.drain(..) {
            job.finish(committed.clone());
        }
    }
}

/// Does all work in one transaction. Durable when it returns `Ok`; else nothing is
/// stored, and the connection is not used again: after a failed write neither its
/// cache nor a second fsync can be trusted.
fn commit(
    file: &DatabaseFile,
    connection: &mut Option<Connection>,
    group: &mut [Box<dyn Job>],
) -> Result<(), DatabaseError> {
    let mut usable = match connection.take() {
        Some(usable) => usable,
        None => file.connect()?,
    };
    let transaction = usable.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for job in group {
        job.work(&transaction)?;
    }
    transaction.commit()?;
    *connection = Some(usable);
    Ok(())
}
