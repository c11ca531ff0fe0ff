// SPDX-License-Identifier: Apache-2.0

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::transfer_log::Entry;

use super::cursor::Cursor;
use super::event::Record;
use super::progress::Progress;
use super::sink::{Sink, SinkError};
use super::{Loss, Tail, TailError};

/// Entries of a batch, and their bytes as far as more than one is in it.
const MAX_BATCH: usize = 1000;
const MAX_BATCH_BYTES: usize = 1 << 20;

/// How a stream moves in time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// How long a batch may wait for more.
    pub gather: Duration,
    /// The first pause after a failure; each further one is twice as long.
    pub first_pause: Duration,
    pub longest_pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            gather: Duration::from_millis(500),
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(60),
        }
    }
}

/// One stream at work.
pub(super) struct Follower {
    /// The place of the stream in [`Progress`].
    pub at: usize,
    pub sink: Sink,
    pub cursor: Cursor,
    pub tail: Arc<dyn Tail>,
    pub progress: Arc<Progress>,
    pub pace: Pace,
}

/// Why a batch was not delivered, or may be delivered again.
#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error("the cursor stands behind the end of the log: the log was set back or replaced")]
    AheadOfLog,
    #[error(transparent)]
    Tail(#[from] TailError),
    #[error("an entry cannot be written as JSON: {0}")]
    Entry(#[from] serde_json::Error),
    #[error(transparent)]
    Sink(#[from] SinkError),
    #[error("the cursor cannot be written: {0}")]
    Cursor(#[source] io::Error),
}

impl Follower {
    /// Follows the log for ever.
    pub async fn run(mut self) {
        let mut pause = self.pace.first_pause;
        loop {
            match self.step().await {
                Ok(()) => {
                    self.progress.taken(self.at, self.cursor.next());
                    pause = self.pace.first_pause;
                }
                Err(error) => {
                    self.progress.failed(self.at, &error);
                    tokio::time::sleep(pause).await;
                    pause = self.pace.longest_pause.min(pause * 2);
                }
            }
        }
    }

    /// Waits for entries and delivers a batch.
    async fn step(&mut self) -> Result<(), FollowError> {
        let next = self.cursor.next();
        if next > self.tail.size() {
            return Err(FollowError::AheadOfLog);
        }
        self.tail.grown_beyond(next).await;
        if self.tail.size() - next < MAX_BATCH as u64 {
            tokio::time::sleep(self.pace.gather).await;
        }
        let entries = match self.tail.read(next, MAX_BATCH).await {
            Err(TailError::Gone { first }) => return self.skip_to(first).await,
            entries => entries?,
        };
        let batch = batch(next, entries)?;
        let rejected = self.sink.deliver(&batch).await?;
        self.move_to(next + batch.len() as u64).await?;
        if rejected > 0 {
            self.progress.lost(self.at, rejected, Loss::Rejected);
        }
        Ok(())
    }

    /// A stream that waits for what is gone would wait for ever. A new one begins where
    /// the log does, and has lost nothing.
    async fn skip_to(&mut self, first: u64) -> Result<(), FollowError> {
        let next = self.cursor.next();
        self.move_to(first).await?;
        if next > 0 {
            self.progress.lost(self.at, first - next, Loss::Expired);
        }
        Ok(())
    }

    async fn move_to(&mut self, next: u64) -> Result<(), FollowError> {
        let cursor = self.cursor.clone();
        let moved = tokio::task::spawn_blocking(move || cursor.moved_to(next)).await;
        self.cursor = moved.map_err(io::Error::other).flatten().map_err(FollowError::Cursor)?;
        Ok(())
    }
}

/// As many entries as fit into one batch.
fn batch(first: u64, entries: Vec<Entry>) -> Result<Vec<Record>, serde_json::Error> {
    let (mut records, mut bytes) = (Vec::new(), 0);
    for (index, entry) in (first..).zip(entries) {
        // Canonical JSON is UTF-8.
        let json = String::from_utf8_lossy(&entry.to_canonical_json()?).into_owned();
        bytes += json.len();
        if bytes > MAX_BATCH_BYTES && !records.is_empty() {
            break;
        }
        records.push(Record { index, entry, json });
    }
    Ok(records)
}
