// SPDX-License-Identifier: Apache-2.0

use crate::transfer_log::{BoxFuture, Entry};

/// A log that can be followed.
pub trait Tail: Send + Sync {
    /// How many entries are durable, which is the index of the next one. Never falls.
    fn size(&self) -> u64;

    /// Up to `max` durable entries in order, the first of them that with index `from`:
    /// at least one if `from` is less than [`size`](Self::size).
    ///
    /// # Errors
    /// [`TailError`]; a later call may succeed.
    fn read(&self, from: u64, max: usize) -> BoxFuture<'_, Result<Vec<Entry>, TailError>>;

    /// Completes when more than `size` entries are durable. May be dropped at any time.
    fn grown_beyond(&self, size: u64) -> BoxFuture<'_, ()>;
}

/// Entries cannot be read from the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TailError {
    /// They never can: their time is over.
    #[error("the entries before {first} are gone since their time is over")]
    Gone { first: u64 },
    #[error("the transfer log cannot be read: {0}")]
    Unreadable(String),
}
