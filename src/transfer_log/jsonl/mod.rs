// SPDX-License-Identifier: Apache-2.0
//! A transfer log in one file: a JSON object per line.
//!
//! One thread writes. All appends that wait when it is free are written with one
//! write and one fdatasync, so that the disk, not the number of requests, sets
//! the pace. What is kept in memory is what waits: [`MAX_WAITING`] appends.
//!
//! Invariants:
//! - The file never holds anything after its last durable line but lines that were
//!   reported as not written, or the start of one.
//! - After an error the handle is not used again: the kernel may have dropped what
//!   it could not write and report success the next time ("fsyncgate"). `file.rs`
//!   says how the log gets back to work.
//! - One process writes to a file at a time.

mod file;
mod open;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot, watch};

use super::{BoxFuture, Entry, TransferLog, TransferLogError};
use file::Ledger;

/// How many appends may wait for the disk before further ones wait for a place.
pub const MAX_WAITING: usize = 1024;

/// How much is written at once; more than this waits for the next turn.
const MAX_GROUP_BYTES: usize = 4 << 20;

/// Far more than any entry takes; keeps a damaged file from filling the memory.
const MAX_LINE: usize = 16 << 20;

/// See the [module](self).
#[derive(Debug)]
pub struct JsonLinesLog {
    /// `Some` until the log is dropped.
    commands: Option<mpsc::Sender<Command>>,
    state: watch::Receiver<Result<(), TransferLogError>>,
    writer: Option<JoinHandle<()>>,
}

/// Why a log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum JsonLinesError {
    #[error("the transfer log `{path}` cannot be opened")]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "the transfer log `{path}` is in use by another process; give every process a log of its own"
    )]
    InUse { path: PathBuf },
    #[error(
        "line {line} of the transfer log `{path}` (at byte {offset}) is not an entry: the file was \
         changed or its disk is damaged; keep the file as evidence under another name and start again"
    )]
    Damaged { path: PathBuf, line: u64, offset: u64 },
}

/// Lines to write, and who waits for them. No lines are a probe.
#[derive(Debug)]
struct Command {
    lines: Vec<u8>,
    done: Option<oneshot::Sender<Result<(), TransferLogError>>>,
}

impl JsonLinesLog {
    /// Opens a log, or creates it with mode 0600 in a folder that exists. An
    /// incomplete last line, left by a crash, was never confirmed and is cut off.
    ///
    /// Reads the whole file once, in constant memory. Blocks: call it on start.
    ///
    /// # Errors
    /// [`JsonLinesError`]; the file is unchanged then.
    pub fn open(path: &Path) -> Result<Self, JsonLinesError> {
        Self::start(open::open(path, Box::new(file::open_file))?)
    }

    fn start(ledger: Ledger) -> Result<Self, JsonLinesError> {
        let path = ledger.path().to_owned();
        let (commands, queue) = mpsc::channel(MAX_WAITING);
        let (report, state) = watch::channel(Ok(()));
        let writer = std::thread::Builder::new()
            .name("transfer-log".to_owned())
            .spawn(move || write_all(ledger, queue, &report))
            .map_err(|source| JsonLinesError::Io { path, source })?;
        Ok(Self { commands: Some(commands), state, writer: Some(writer) })
    }

    async fn write(&self, lines: Vec<u8>) -> Result<(), TransferLogError> {
        let commands = self.commands.as_ref().ok_or_else(stopped)?;
        let (done, outcome) = oneshot::channel();
        let command = Command { lines, done: Some(done) };
        commands.send(command).await.map_err(|_| stopped())?;
        outcome.await.map_err(|_| stopped())?
    }
}

impl TransferLog for JsonLinesLog {
    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<(), TransferLogError>> {
        Box::pin(async move { self.write(to_lines(&entries)?).await })
    }

    /// Also makes a log that has failed try the disk again, so that it gets well
    /// without traffic; a later call tells.
    fn health(&self) -> Result<(), TransferLogError> {
        let commands = self.commands.as_ref().ok_or_else(stopped)?;
        let state = self.state.borrow().clone();
        if commands.is_closed() {
            return Err(stopped());
        }
        if state.is_err() {
            // A full queue makes the writer try anyway.
            let _ = commands.try_send(Command { lines: Vec::new(), done: None });
        }
        state
    }
}

/// Waits until the appends that have begun are written, and gives up the lock.
impl Drop for JsonLinesLog {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(writer) = self.writer.take() {
            // A panic of the writer has been printed, and all who waited were told.
            let _ = writer.join();
        }
    }
}

/// The life of the writer thread: ends when the log is dropped.
fn write_all(
    mut ledger: Ledger,
    mut queue: mpsc::Receiver<Command>,
    report: &watch::Sender<Result<(), TransferLogError>>,
) {
    while let Some(Command { mut lines, done }) = queue.blocking_recv() {
        let mut waiting = Vec::from_iter(done);
        while lines.len() < MAX_GROUP_BYTES
            && let Ok(mut next) = queue.try_recv()
        {
            lines.append(&mut next.lines);
            waiting.extend(next.done);
        }
        let result = ledger.append(&lines).map_err(|error| {
            TransferLogError::Unavailable(format!("`{}`: {error}", ledger.path().display()))
        });
        tell(report, &result);
        for done in waiting {
            // Whoever dropped the future does not want to know.
            let _ = done.send(result.clone());
        }
    }
}

fn tell(
    report: &watch::Sender<Result<(), TransferLogError>>,
    result: &Result<(), TransferLogError>,
) {
    let before = report.send_replace(result.clone());
    match (before, result) {
        (Ok(()), Err(error)) => {
            tracing::error!(%error, "requests are refused until the log can be written");
        }
        (Err(_), Ok(())) => tracing::info!("the transfer log is written again"),
        (Ok(()), Ok(())) | (Err(_), Err(_)) => {}
    }
}

fn to_lines(entries: &[Entry]) -> Result<Vec<u8>, TransferLogError> {
    let mut lines = Vec::new();
    for entry in entries {
        let start = lines.len();
        let line = entry.to_canonical_json().map_err(|error| {
            TransferLogError::Unavailable(format!("an entry cannot be written as JSON: {error}"))
        })?;
        lines.extend_from_slice(&line);
        lines.push(b'\n');
        if lines.len() - start > MAX_LINE {
            let problem = format!("an entry is larger than {MAX_LINE} bytes");
            return Err(TransferLogError::Unavailable(problem));
        }
    }
    Ok(lines)
}

fn stopped() -> TransferLogError {
    TransferLogError::Unavailable("its writer has stopped".to_owned())
}
