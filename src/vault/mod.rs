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
//! - A value is kept for each data subject who holds it, under a key of theirs: when that key
//!   is destroyed, the others' copies go on, and nothing brings this one back. A token that
//!   nobody holds any more never stands for another value.
//! - A value's spellings are found together: `Max@x.example` and `max@x.example` are
//!   two values with two tokens under one [`Index`]. So is all that a CRM may take for the
//!   same; [`likeness()`] says what it does.

mod cache;
#[cfg(test)]
pub mod conformance;
mod codes;
mod compare;
mod held_by;
mod holders;
#[cfg(test)]
mod hooked;
mod indexes;
mod likeness;
mod memory;
mod postgres;
mod realms;
mod row;
mod search;
mod sqlite;
mod store;
#[cfg(test)]
mod tests;
pub mod number;
mod token;
mod upkeep;
mod verify;
pub(crate) mod word;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;

pub use compare::{Candidates, Spelling};
pub use held_by::{HeldRows, HeldValues, Limits, Wanted};
#[cfg(test)]
pub use hooked::HookedStore;
pub use indexes::{Built, IndexState, Kinds, Search};
pub use likeness::{Likeness, likeness, looks_like};
pub use memory::MemoryStore;
pub use postgres::PostgresStore;
pub(crate) use postgres::permit;
pub use row::{
    Epoch, Erased, Found, Held, Holder, Index, KeyId, MAX_FOUND, NewCopy, NewRow, Place, Rewrapped,
    Row, SubjectKey, Under,
};
pub use search::LONGEST_TO_CONTAIN;
pub use sqlite::{SqliteStore, back_up, holds_rows, knows_keys, take_keys};
pub(crate) use sqlite::{define_newest_key, newer_than};
pub use store::{Item, ToKeep, Vault};
pub use token::{Form, Token};
pub use upkeep::{Due, Unopened};
pub use verify::{Damage, Verified};

use crate::base::{Category, Cleartext, Jurisdiction, SubjectId};
use crate::keys::{Realm, Version};

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Keeps sealed rows. Every implementation passes `conformance`.
pub trait TokenStore: SubjectKeyStore {
    /// Inserts the rows whose token is not there yet, as one transaction, and
    /// returns for each row, in order, the row that is stored under its token
    /// afterwards: the given one, or the one that was there before, with the copy of the same
    /// holder if there is one. The key of a holder who has none yet is kept along. What a row is
    /// to be found by is added in both cases. An index that a new row was not written for
    /// ([`NewRow::kinds`]) is [`IndexState::Left`] then, and so is one that a row is written
    /// for and that is not there, or is being emptied. Idempotent. Durable on return. Dropping
    /// the future may or may not leave the rows inserted.
    ///
    /// # Errors
    /// [`VaultError::KeyGone`] where anything was stored under a newer version than one that
    /// these, or keys of their holders, are under, be it erased since: whoever has the older
    /// keys only would not find it, and they may be destroyed.
    /// [`VaultError::JurisdictionKeyGone`] is the same of the keyset of a jurisdiction.
    /// [`VaultError::Conflict`] where a holder has another key, or the key is destroyed.
    /// [`VaultError::Unavailable`]; then nothing may be assumed about the rows.
    fn insert(&self, rows: Vec<NewRow>) -> BoxFuture<'_, Result<Vec<Row>, VaultError>>;

    /// Puts rows, and what they are found by, in the place of those under the same tokens,
    /// as one transaction; of the copies, that of the same holder. Others are left out, and so
    /// is what nobody holds any more. Of indexes the same holds as for new rows. Durable on
    /// return.
    ///
    /// # Errors
    /// As [`insert`](Self::insert), but [`VaultError::Conflict`] where the house has a copy
    /// under another version than a row with a copy of a data subject: then it would be
    /// forgotten that it is there.
    fn replace(&self, rows: Vec<NewRow>) -> BoxFuture<'_, Result<(), VaultError>>;

    /// Adds copies, where their holders have none of those values yet, as one transaction, and
    /// keeps keys as [`insert`](Self::insert) does. Idempotent; durable on return.
    ///
    /// # Errors
    /// As [`insert`](Self::insert), and [`VaultError::Conflict`] where there is no such row, or
    /// nobody holds it any more: then nothing is stored.
    fn hold(&self, copies: Vec<NewCopy>) -> BoxFuture<'_, Result<(), VaultError>>;

    /// The rows stored under these tokens, in order; each with that copy which is the first
    /// that some key opens. With the epoch that they are of, or an earlier one; without tokens
    /// that alone.
    fn look_up(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Found, VaultError>>;

    /// As [`look_up`](Self::look_up), for whoever does not keep the rows.
    fn find(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Vec<Option<Row>>, VaultError>> {
        Box::pin(async move {
            if tokens.is_empty() {
                return Ok(Vec::new());
            }
            Ok(self.look_up(tokens).await?.rows)
        })
    }

    /// What data subjects hold: of each one that is asked for, in order, rows with the copy of
    /// theirs; those of categories that are named earlier come first. Answers for the first of
    /// them, and for as many of the rest as [`Limits`] allow; one who holds nothing is answered.
    fn held_by(&self, wanted: Wanted) -> BoxFuture<'_, Result<Vec<HeldRows>, VaultError>>;

    /// For each index value, every row that carries it, sorted by token; no more than
    /// [`MAX_FOUND`] of them, whichever. `newest` is the newest version of the keys that the values
    /// are of.
    ///
    /// # Errors
    /// [`VaultError::KeyGone`] where anything was stored under a newer version: a row is not
    /// found by these values then, whatever it holds.
    fn find_by_index(
        &self,
        indexes: Vec<Index>,
        newest: Version,
    ) -> BoxFuture<'_, Result<Vec<Vec<Row>>, VaultError>>;

    /// For each search, the rows that carry all of its index values, sorted by token, no more
    /// than `limit`, whichever; `None` where the index is not complete. All from one state.
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

    /// Says that what began under this number is done, except for some categories: each index
    /// that is still being built under it is complete, and each that is being emptied is none
    /// any more.
    fn finish_build(
        &self,
        build: u64,
        except: BTreeSet<Category>,
    ) -> BoxFuture<'_, Result<(), VaultError>>;

    /// Each row once for every copy of it, in their order, behind a place or from the first on;
    /// no more than `limit`. With a copy whose key is not there, nobody holds it. Tokens that
    /// stand for nothing any more are left out.
    fn list(
        &self,
        after: Option<Place>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<(Place, Row)>, VaultError>>;

    /// How many rows there are that somebody holds, by the version of the vault's keys that
    /// they are found under.
    fn count(&self) -> BoxFuture<'_, Result<BTreeMap<Version, u64>, VaultError>>;

    /// Whether the store can be read and written now.
    fn health(&self) -> BoxFuture<'_, Result<(), VaultError>>;
}

/// Keeps wrapped keys of data subjects, beside the rows that they open.
pub trait SubjectKeyStore: Send + Sync {
    /// The keys of these data subjects, in order, where they have one.
    fn keys(
        &self,
        subjects: Vec<SubjectId>,
    ) -> BoxFuture<'_, Result<Vec<Option<SubjectKey>>, VaultError>>;

    /// How many keys there are, by whose key they are wrapped under, and which version of it.
    fn count_keys(&self) -> BoxFuture<'_, Result<KeyCounts, VaultError>>;

    /// The keys that are wrapped under an older version than this, by their numbers, behind one
    /// or from the first on; no more than `limit`.
    fn keys_before(
        &self,
        under: (Realm, Version),
        after: Option<KeyId>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<SubjectKey>, VaultError>>;

    /// Puts keys in the place of those with the same number that are wrapped as it says; others
    /// are left out. Durable on return.
    ///
    /// # Errors
    /// [`VaultError::KeyGone`] or [`VaultError::JurisdictionKeyGone`] where anything was stored
    /// under a newer version than that of one of these.
    fn rewrap(&self, keys: Vec<Rewrapped>) -> BoxFuture<'_, Result<(), VaultError>>;

    /// Destroys the keys of these data subjects. Forgets what destroyed keys had opened, also
    /// those of before: the copies, and of a row that nobody holds any more all but its token
    /// and category. One transaction; durable on return.
    fn erase(&self, subjects: Vec<SubjectId>) -> BoxFuture<'_, Result<Erased, VaultError>>;

    /// As [`erase`](Self::erase), of all data subjects whose keys are wrapped under the keyset
    /// of this jurisdiction. Another keyset of it may begin anew with its first version.
    fn end(&self, jurisdiction: Jurisdiction) -> BoxFuture<'_, Result<Erased, VaultError>>;
}

/// Keys of data subjects, by whose key they are wrapped under, and which version of it.
pub type KeyCounts = BTreeMap<(Realm, Version), u64>;

/// What a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub category: Category,
    /// None where everybody who held it is erased, or where it stays closed.
    pub value: Option<Cleartext>,
    /// One who holds it: a data subject, or else the house.
    pub holder: Option<SubjectId>,
    /// Whether it is kept under the keyset of a jurisdiction that is not at hand.
    pub is_closed: bool,
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
    /// The same of the keyset of a jurisdiction, which keys of data subjects are under.
    #[error(
        "the vault holds keys of data subjects under version {1} of the keyset of jurisdiction \
         `{0}`, which this process does not have; if it was rotated a moment ago, start this \
         process again"
    )]
    JurisdictionKeyGone(Jurisdiction, Version),
    /// The keyset at hand does not open the key of a data subject, or there is none.
    #[error(
        "a value is kept under the keyset of jurisdiction `{0}`, and `keys.jurisdictions` names \
         none that opens it"
    )]
    Closed(Jurisdiction),
    /// Other values hold all tokens of this form that a value could have. Trying again does
    /// not help.
    #[error(
        "too many of the {} are taken to find one for another value; protect fewer fields with this shape",
        .0.what()
    )]
    Full(Form),
    /// Something else was erased or written meanwhile. Trying again helps.
    #[error("the vault changed while values were written to it")]
    Conflict,
    /// A row does not open under our keys, or is not what was written.
    #[error("the vault holds a row that does not open: {0}")]
    Corrupt(String),
}
