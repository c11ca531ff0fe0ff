// SPDX-License-Identifier: Apache-2.0
//! The ledger: what left the house, for whom, on what ground, and what was shown again.
//!
//! Every request that is forwarded has an [`Entry::Transfer`] that is durable
//! before its first byte leaves, and an [`Entry::Outcome`] that is durable before
//! the caller gets the answer. Entries never hold a value.
//!
//! [`TransferLog`] is the seam; [`jsonl`] writes JSON lines with one fsync for
//! all entries that wait for it.

mod entry;
pub mod jsonl;
mod memory;

use std::future::Future;
use std::pin::Pin;

pub use entry::{
    BasisUsed, ENTRY_VERSION, Entry, FieldCount, Ground, KeyChange, Outcome, RefusedTransfer,
    Revealed, Transfer, TransferResult,
};
pub use memory::MemoryLog;

/// Where entries go. Implementations are shared by all requests.
pub trait TransferLog: Send + Sync {
    /// Appends entries in order. When this returns `Ok`, they survive a crash of
    /// the process and of the machine. Dropping the future does not undo an
    /// append that has begun.
    ///
    /// # Errors
    /// [`TransferLogError::Unavailable`] when they could not be made durable; then
    /// none of them may be relied on, and a later call may succeed again.
    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<(), TransferLogError>>;

    /// Whether an append would be tried now: `Err` says what is wrong.
    fn health(&self) -> Result<(), TransferLogError>;
}

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[derive(Clone, Debug, thiserror::Error)]
pub enum TransferLogError {
    #[error("the transfer log cannot be written: {0}")]
    Unavailable(String),
}
