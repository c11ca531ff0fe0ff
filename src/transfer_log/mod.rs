// SPDX-License-Identifier: Apache-2.0
//! The ledger: what left the house, for whom, on what ground, and what was shown again.
//!
//! Every request that is forwarded has an [`Entry::Transfer`] that is durable
//! before its first byte leaves, and an [`Entry::Outcome`] that is durable before
//! the caller gets the answer. Entries never hold a value.
//!
//! [`TransferLog`] is the seam. [`DirectoryLog`] makes entries durable in a journal,
//! with one fsync for all that wait for it, and takes them into the tree behind it.
//!
//! The entries are the leaves of a [`merkle`] tree that is kept in [`tile`]s; the
//! log commits to it with a [`Checkpoint`], which is a signed [`note`].

mod checkpoint;
mod copies;
mod directory;
mod disk;
mod entry;
mod entry_proof;
mod integrate;
mod journal;
mod memory;
pub mod merkle;
pub mod note;
mod open_transfers;
mod progress;
pub mod read;
pub mod stream;
pub mod tile;
mod tile_files;

use std::future::Future;
use std::pin::Pin;

pub use checkpoint::{Checkpoint, InvalidCheckpoint};
pub use copies::{CopySettings, MirrorSettings, RemoteSettings, WitnessSettings};
pub use directory::{DirectoryLog, DirectorySettings, OpenError};
pub use entry::{
    BasisUsed, ENTRY_VERSION, Entry, FieldCount, Ground, KeyChange, Outcome, RefusedTransfer,
    Revealed, Transfer, TransferResult,
};
pub use entry_proof::{EntryProof, EntryProofError};
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
