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
mod compare;
#[cfg(test)]
mod hooked;
mod likeness;
mod memory;
mod postgres;
mod search;
mod sqlite;
mod store;
#[cfg(test)]
mod tests;
mod token;
mod upkeep;
mod verify;
pub(crate) mod word;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;

pub use compare::{Candidates, Spelling};
#[cfg(test)]
pub use hooked::HookedStore;
pub use likeness::{Likeness, likeness, looks_like};
pub use memory::MemoryStore;
pub use postgres::PostgresStore;
pub use search::LONGEST_TO_CONTAIN;
pub use sqlite::SqliteStore;
pub use store::{Item, Vault};
pub use token::{Form, Token};
pub use upkeep::Due;
pub use verify::{Damage, Verified};

use crate::base::{Category, Cleartext, SearchKind};
use crate::keys::Version;

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Keeps sealed rows. Every implementation passes `conformance`.
pub trait TokenStore: Send + Sync {
    /// Inserts the rows whose token is not there yet, as one transaction, and
    /// returns for each row, in order, the row that is stored under its token
    /// afterwards (the given one, or the one that was there before). What a row is to be
    /// found by is added in both cases. An index that a new row was not written for
    /// ([`NewRow::kinds`]) is [`IndexState::Left`] then, and so is one that a row is written
    /// for and that is not there, or is being emptied. Idempotent. Durable on return. Dropping
    /// the future may or may not leave the rows inserted.
    ///
    /// # Errors
    /// [`VaultError::KeyGone`] where a row is stored under a newer version than one of these:
    /// whoever has the older keys only would not find it, and they may be destroyed.
    /// [`VaultError::Unavailable`]; then nothing may be assumed about the rows.
    fn insert(&self, rows: Vec<NewRow>) -> BoxFuture<'_, Result<Vec<Row>, VaultError>>;

    /// Puts rows, and what they are found by, in the place of those under the same tokens,
    /// as one transaction; others are left out. Of indexes the same holds as for new rows.
    /// Durable on return.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    fn replace(&self, rows: Vec<NewRow>) -> BoxFuture<'_, Result<(), VaultError>>;

    /// The rows stored under these tokens, in order.
    fn find(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Vec<Option<Row>>, VaultError>>;

    /// For each index value, every row that carries it, sorted by token; no more than the
    /// first [`MAX_FOUND`] of them. `newest` is the newest version of the keys that the values
    /// are of.
    ///
    /// # Errors
    /// [`VaultError::KeyGone`] where a row is stored under a newer version: it is not found by
    /// these values, whatever it holds.
    fn find_by_index(
        &self,
        indexes: Vec<Index>,
        newest: Version,
    ) -> BoxFuture<'_, Result<Vec<Vec<Row>>, VaultError>>;

    /// For each search, the rows that carry all of its index values, sorted by token, no more
    /// than the first `limit`; `None` where the index is not complete. All from one state.
    ///
    /// # Errors
    /// As [`find_by_index`](Self::find_by_index).
    fn search(
        &self,
        searches: Vec<Search>,
        limit: u32,
        newest: Version,
    ) -> BoxFuture<'_, Result<Vec<Option<Vec<Row>>>, VaultError>>;

    /// What each row is found by, beside its spellings, in the order of the tokens.
    fn found_by(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Vec<Vec<Index>>, VaultError>>;

    /// The indexes that hold something, complete or not, and those that are being built.
    fn built(&self) -> BoxFuture<'_, Result<Vec<Built>, VaultError>>;

    /// Says that these are the indexes that there shall be: those that are complete stay so;
    /// building the others and emptying the rest begins, under this number (from 1 to
    /// `i64::MAX`). Returns the categories that it is about: all of their rows have to be
    /// replaced before it ends.
    fn begin_build(
        &self,
        shall_be: Kinds,
        build: u64,
    ) -> BoxFuture<'_, Result<BTreeSet<Category>, VaultError>>;

    /// Says that what began under this number is done: each index that is still being built
    /// under it is complete, and each that is being emptied is none any more.
    fn finish_build(&self, build: u64) -> BoxFuture<'_, Result<(), VaultError>>;

    /// The rows behind a token, or from the first on, in the order of their tokens; no more
    /// than `limit`.
    fn list(&self, after: Option<Token>, limit: u32)
    -> BoxFuture<'_, Result<Vec<Row>, VaultError>>;

    /// How many rows there are, by the version of the vault's key that they are sealed under.
    fn count(&self) -> BoxFuture<'_, Result<BTreeMap<Version, u64>, VaultError>>;

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
    /// The version of the keys that it is sealed and found under.
    pub version: Version,
    /// A keyed hash of what the value has in common with all that a CRM may take for the
    /// same, so that every spelling of one value is found together.
    pub rough: Index,
}

/// A row on its way to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRow {
    pub row: Row,
    /// The kinds of search that it is to be found by.
    pub kinds: BTreeSet<SearchKind>,
    /// What it is found by, for all of them.
    pub found_by: Vec<Index>,
}

#[cfg(test)]
impl NewRow {
    pub fn found_by_nothing(row: Row) -> Self {
        Self { row, kinds: BTreeSet::new(), found_by: Vec::new() }
    }
}

/// The kinds of search that values of each category are to be found by.
pub type Kinds = BTreeMap<Category, BTreeSet<SearchKind>>;

/// A question for the rows of a category that carry all of some index values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    pub category: Category,
    pub kind: SearchKind,
    pub all_of: Vec<Index>,
}

/// An index over all values of a category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    pub category: Category,
    pub kind: SearchKind,
    pub state: IndexState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexState {
    /// Every value of the category is found by it.
    Complete,
    /// It will be complete when the build of this number is finished.
    Building(u64),
    /// Nothing will be in it when the build of this number is finished.
    Emptying(u64),
    /// Some values may be in it and some not, and nobody changes that.
    Left,
}

impl IndexState {
    /// What it is when a build begins.
    fn begun(self, is_wanted: bool, build: u64) -> Self {
        match (self, is_wanted) {
            (_, false) => Self::Emptying(build),
            (Self::Complete, true) => Self::Complete,
            (Self::Building(_) | Self::Emptying(_) | Self::Left, true) => Self::Building(build),
        }
    }

    /// What it is after a row of its category is written.
    fn after(self, is_for_it: bool) -> Self {
        match (self, is_for_it) {
            (Self::Complete | Self::Building(_), true) | (Self::Emptying(_), false) => self,
            (Self::Complete | Self::Building(_), false)
            | (Self::Emptying(_), true)
            | (Self::Left, _) => Self::Left,
        }
    }

    /// How it is stored: a build as its number, or that number below zero where it empties.
    fn code(self) -> Option<i64> {
        match self {
            Self::Complete => None,
            Self::Building(build) => Some(build as i64),
            Self::Emptying(build) => Some(-(build as i64)),
            Self::Left => Some(0),
        }
    }

    fn from_code(code: Option<i64>) -> Self {
        match code {
            None => Self::Complete,
            Some(0) => Self::Left,
            Some(build) if build > 0 => Self::Building(build.unsigned_abs()),
            Some(build) => Self::Emptying(build.unsigned_abs()),
        }
    }
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
    /// A row is sealed under a key that is destroyed, or that this keyset does not have yet.
    #[error(
        "the vault holds rows under version {0} of its key, which the keyset does not hold; \
         if it was rotated a moment ago, start this process again"
    )]
    KeyGone(Version),
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
