// SPDX-License-Identifier: Apache-2.0
//! The token store: which token stands for which value.
//!
//! [`TokenStore`] is the seam: it keeps sealed rows and knows no keys. [`Vault`]
//! is what the rest of the house uses: it derives tokens, seals values and
//! detects collisions over any store.
//!
//! Invariants:
//! - A token is handed out only after its row is durable.
//! - The same value of the same category and tenant always gets the same token,
//!   from every instance, without coordination.
//! - Two different values never share a token.
//! - Rows hold no clear value.
//! - A value's spellings are found together: `Max@x.example` and `max@x.example` are
//!   two values with two tokens under one [`Index`]. So is all that a CRM may take for the
//!   same; [`likeness()`] says what it does.

#[cfg(test)]
pub mod conformance;
mod fold;
mod likeness;
mod memory;
mod rough;
mod sqlite;
mod store;
#[cfg(test)]
mod tests;
mod token;
mod verify;
pub(crate) mod word;

use std::future::Future;
use std::pin::Pin;

pub(crate) use fold::fold;
pub use likeness::{Likeness, likeness};
pub use memory::MemoryStore;
use rough::rough;
pub use sqlite::SqliteStore;
pub use store::{Item, Spelling, Vault};
pub use token::{Form, Token};
pub use verify::{Damage, Verified};

use crate::base::{Category, Cleartext};

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Keeps sealed rows. Every implementation passes `conformance`.
pub trait TokenStore: Send + Sync {
    /// Inserts the rows whose token is not there yet, as one transaction, and
    /// returns for each row, in order, the row that is stored under its token
    /// afterwards (the given one, or the one that was there before).
    /// Idempotent. Durable on return. Dropping the future may or may not leave
    /// the rows inserted.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`]; then nothing may be assumed about the rows.
    fn insert(&self, rows: Vec<Row>) -> BoxFuture<'_, Result<Vec<Row>, VaultError>>;

    /// The rows stored under these tokens, in order.
    fn find(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Vec<Option<Row>>, VaultError>>;

    /// For each index value, every row that carries it, sorted by token; no more than the
    /// first [`MAX_FOUND`] of them.
    fn find_by_index(
        &self,
        indexes: Vec<Index>,
    ) -> BoxFuture<'_, Result<Vec<Vec<Row>>, VaultError>>;

    /// The rows behind a token, or from the first on, in the order of their tokens; no more
    /// than `limit`.
    fn list(&self, after: Option<Token>, limit: u32)
    -> BoxFuture<'_, Result<Vec<Row>, VaultError>>;

    /// How many rows there are.
    fn count(&self) -> BoxFuture<'_, Result<u64, VaultError>>;

    /// Whether the store can be read and written now.
    fn health(&self) -> BoxFuture<'_, Result<(), VaultError>>;
}

/// How many rows a store finds under one index value. There are rarely more than a
/// few spellings of one value; how many there are is up to callers.
pub const MAX_FOUND: u8 = 33;

/// What a store keeps under a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub token: Token,
    pub category: Category,
    /// The value, encrypted and bound to token and category.
    pub sealed: Vec<u8>,
    /// A keyed hash of what the value has in common with all that a CRM may take for the
    /// same, so that every spelling of one value is found together.
    pub rough: Index,
}

/// A keyed hash of some normal form of a value (truncated HMAC-SHA-256).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Index(pub [u8; 16]);

/// A value as the vault gives it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub category: Category,
    pub value: Cleartext,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum VaultError {
    /// The store cannot be reached or written; trying again later may help.
    #[error("the vault is not available: {0}")]
    Unavailable(String),
    /// Other values hold all tokens of this form that a value could have. Trying again does
    /// not help.
    #[error(
        "too many of the {} are taken to find one for another value; protect fewer fields with this shape",
        .0.what()
    )]
    Full(Form),
    /// A row does not open under our keys, or is not what was written.
    #[error("the vault holds a row that does not open: {0}")]
    Corrupt(String),
}
