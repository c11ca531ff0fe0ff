// SPDX-License-Identifier: Apache-2.0

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot, watch};

use super::{JournalWriter, Lines, MAX_GROUP_BYTES};
use crate::base::{Clock, Date, EntryId};
use crate::transfer_log::open_transfers::unknown_outcome;
use crate::transfer_log::progress::Progress;
use crate::transfer_log::{Entry, TransferLogError};

/// How many appends may wait for the disk before further ones wait for a place.
const MAX_WAITING: usize = 1024;

/// The thread that writes, and the way to it.
#[derive(Debug)]
pub struct Journal {
    /// `Some` until the journal is dropped.
    commands: Option<mpsc::Sender<Command>>,
    state: watch::Receiver<Result<(), TransferLogError>>,
    thread: Option<JoinHandle<()>>,
    progress: Arc<Progress>,
}

/// Lines to write, and who waits for them. No lines are a probe.
#[derive(Debug)]
struct Command {
    lines: Lines,
    /// The transfers that have their outcome in `lines`.
    settles: Vec<EntryId>,
    done: Option<oneshot::Sender<Result<(), TransferLogError>>>,
}

impl Journal {
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        writer: JournalWriter,
        clock: Arc<dyn Clock>,
        progress: Arc<Progress>,
    ) -> io::Result<Self> {
        let (commands, queue) = mpsc::channel(MAX_WAITING);
        let (report, state) = watch::channel(Ok(()));
        let shared = Arc::clone(&progress);
        let unsettled = Vec::new();
        let mut thread = Thread { writer, day: None, clock, progress, report, unsettled };
        let thread = std::thread::Builder::new()
            .name("transfer-log".to_owned())
            .spawn(move || thread.run(queue))?;
        Ok(Self { commands: Some(commands), state, thread: Some(thread), progress: shared })
    }

    /// See [`TransferLog::append`](crate::transfer_log::TransferLog::append).
    pub async fn append(&self, entries: Vec<Entry>) -> Result<(), TransferLogError> {
        let settles: Vec<EntryId> = entries.iter().filter_map(settled_by).collect();
        // What has happened is recorded as long as the disk takes it.
        if settles.is_empty() {
            self.progress.check()?;
        }
        let commands = self.commands.as_ref().ok_or_else(stopped)?;
        let (done, outcome) = oneshot::channel();
        let command = Command { lines: Lines::of(entries)?, settles, done: Some(done) };
        commands.send(command).await.map_err(|_| stopped())?;
        outcome.await.map_err(|_| stopped())?
    }

    /// Also makes a journal that has failed try the disk again, so that it gets well
    /// without traffic; a later call tells.
    pub fn health(&self) -> Result<(), TransferLogError> {
        let commands = self.commands.as_ref().ok_or_else(stopped)?;
        let state = self.state.borrow().clone();
        if commands.is_closed() {
            return Err(stopped());
        }
        if state.is_err() {
            // A full queue makes the writer try anyway.
            let _ = commands.try_send(Command {
                lines: Lines::default(),
                settles: Vec::new(),
                done: None,
            });
        }
        state.and_then(|()| self.progress.check())
    }

    #[cfg(test)]
    pub(super) fn state(&self) -> watch::Receiver<Result<(), TransferLogError>> {
        self.state.clone()
    }
}

/// Waits until the appends that have begun are written.
impl Drop for Journal {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed, and all who waited were told.
            let _ = thread.join();
        }
    }
}

struct Thread {
    writer: JournalWriter,
    /// On which the file was begun that is written to.
    day: Option<Date>,
    clock: Arc<dyn Clock>,
    progress: Arc<Progress>,
    report: watch::Sender<Result<(), TransferLogError>>,
    /// Transfers whose outcome could not be written.
    unsettled: Vec<EntryId>,
}

impl Thread {
    /// Ends when the journal is dropped.
    fn run(&mut self, mut queue: mpsc::Receiver<Command>) {
        while let Some(Command { mut lines, mut settles, done }) = queue.blocking_recv() {
            let mut waiting = Vec::from_iter(done);
            while lines.bytes.len() < MAX_GROUP_BYTES
                && let Ok(mut next) = queue.try_recv()
            {
                lines.append(next.lines);
                settles.append(&mut next.settles);
                waiting.extend(next.done);
            }
            let result = self.write(&lines);
            if result.is_err() {
                self.unsettled.append(&mut settles);
            }
            self.tell(&result);
            for done in waiting {
                // Whoever dropped the future does not want to know.
                let _ = done.send(result.clone());
            }
            self.settle();
        }
    }

    fn write(&mut self, lines: &Lines) -> Result<(), TransferLogError> {
        self.append(lines).map_err(|error| {
            TransferLogError::Unavailable(format!("`{}`: {error}", self.writer.path().display()))
        })?;
        self.progress.set_durable(self.writer.next());
        Ok(())
    }

    /// Every day has files of its own, or entries of a quiet house would lie in the
    /// journal long after their time is over.
    fn append(&mut self, lines: &Lines) -> io::Result<()> {
        let today = self.clock.now().date();
        if lines.count > 0 && self.day != Some(today) {
            self.writer.begin_anew()?;
            self.day = Some(today);
        }
        self.writer.append(&lines.bytes, lines.count)
    }

    /// Once the disk is well again: what was not recorded while it was not.
    fn settle(&mut self) {
        if self.unsettled.is_empty() || self.report.borrow().is_err() {
            return;
        }
        let now = self.clock.now();
        let outcomes = self.unsettled.iter().map(|id| unknown_outcome(*id, now));
        let written = Lines::of(outcomes.collect()).and_then(|lines| self.write(&lines));
        if written.is_ok() {
            self.unsettled.clear();
        }
        self.tell(&written);
    }

    fn tell(&self, result: &Result<(), TransferLogError>) {
        let before = self.report.send_replace(result.clone());
        match (before, result) {
            (Ok(()), Err(error)) => {
                tracing::error!(%error, "requests are refused until the log can be written");
            }
            (Err(_), Ok(())) => tracing::info!("the transfer log is written again"),
            (Ok(()), Ok(())) | (Err(_), Err(_)) => {}
        }
    }
}

fn settled_by(entry: &Entry) -> Option<EntryId> {
    match entry {
        Entry::Outcome(outcome) => Some(outcome.id),
        Entry::Transfer(_) | Entry::Refused(_) | Entry::KeyChange(_) => None,
    }
}

fn stopped() -> TransferLogError {
    TransferLogError::Unavailable("its writer has stopped".to_owned())
}
