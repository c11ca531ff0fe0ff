// SPDX-License-Identifier: Apache-2.0
//! What a store keeps.

use std::collections::{BTreeMap, BTreeSet};

use super::Token;
use crate::base::{Category, Jurisdiction, SearchKind, SubjectId};
use crate::keys::{Realm, Version};

/// How many rows a store finds under one index value. There are rarely more than a
/// few spellings of one value; how many there are is up to callers.
pub const MAX_FOUND: u8 = 33;

/// What a store keeps under a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub token: Token,
    pub category: Category,
    /// The value, as one of those who hold it has it. None where nobody does any more: then
    /// the token stands for nothing, and for no other value ever.
    pub held: Option<Held>,
    /// The version of the keys that it is found under.
    pub version: Version,
    /// A keyed hash of what the value has in common with all that a CRM may take for the
    /// same, so that every spelling of one value is found together.
    pub rough: Index,
}

/// The time of a vault until a row, a copy or a key that is there is changed or goes. New ones
/// do not end it: what was found in it is found until it ends. By a random number, so that no
/// two are taken for one, a restored vault's included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch(pub [u8; 16]);

/// What was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub epoch: Epoch,
    pub rows: Vec<Option<Row>>,
}

/// A value, encrypted for one holder and bound to its token and category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub by: Holder,
    pub sealed: Vec<u8>,
}

/// Whom a value is kept for. One that several hold is kept for each of them, so that it is
/// there until the last of them is erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// No data subject: it is sealed under the vault's key of this version.
    House(Version),
    /// It is sealed under a key of theirs alone.
    Subject(SubjectKey),
}

/// The key of a data subject, by one of their pseudonyms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectKey {
    pub id: KeyId,
    pub subject: SubjectId,
    /// Whose key it is wrapped under, and which version of that.
    pub realm: Realm,
    pub version: Version,
    pub wrapped: Vec<u8>,
}

/// A key of a data subject on its way to the store, in the place of what it was wrapped as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrapped {
    /// Whose key it was wrapped under.
    pub from: Realm,
    pub key: SubjectKey,
}

/// Tells a key from all others, also from those that its data subject had before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 16]);

/// Where a copy of a value stands in the order of all of them: that of the house comes
/// before those of data subjects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(pub Token, pub Option<KeyId>);

impl Holder {
    pub fn subject(&self) -> Option<SubjectId> {
        match self {
            Self::House(_) => None,
            Self::Subject(key) => Some(key.subject),
        }
    }

    /// Whose key it needs, and which version of that.
    pub fn needs(&self) -> (&Realm, Version) {
        match self {
            Self::House(version) => (&Realm::House, *version),
            Self::Subject(key) => (&key.realm, key.version),
        }
    }

    pub fn key(&self) -> Option<KeyId> {
        match self {
            Self::House(_) => None,
            Self::Subject(key) => Some(key.id),
        }
    }
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

/// A copy of the value of a row that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCopy {
    pub token: Token,
    pub held: Held,
}

/// What an erasure has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Keys of data subjects that were destroyed.
    pub keys: u64,
    /// Copies of values that only those keys opened.
    pub copies: u64,
    /// Tokens that stand for nothing any more.
    pub tokens: u64,
    /// Whether what was deleted may still stand in the files of the vault, as far as we know:
    /// others were reading them for longer than was waited for. Another erasure tries again.
    pub stays_in_files: bool,
}

/// A keyed hash of some normal form of a value (truncated HMAC-SHA-256).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Index(pub [u8; 16]);

impl Index {
    /// Of a row that is found by nothing.
    pub const NONE: Self = Self([0; 16]);
}

impl NewRow {
    /// The keys that it needs.
    pub fn needs(&self) -> impl Iterator<Item = (&Realm, Version)> {
        let by = self.row.held.as_ref().map(|held| held.by.needs());
        std::iter::once((&Realm::House, self.row.version)).chain(by)
    }
}

/// What is to be stored under: of each keyset, the oldest and the newest version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Under {
    /// Of the house; nothing is older than what is not there, and nothing newer.
    pub house: (Version, Version),
    pub jurisdictions: BTreeMap<Jurisdiction, (Version, Version)>,
}

impl Under {
    pub fn of<'k>(needed: impl Iterator<Item = (&'k Realm, Version)>) -> Self {
        let none = (Version::MAX, Version::MIN);
        let mut under = Self { house: none, jurisdictions: BTreeMap::new() };
        for (realm, version) in needed {
            let range = match realm {
                Realm::House => &mut under.house,
                Realm::Of(jurisdiction) => {
                    under.jurisdictions.entry(jurisdiction.clone()).or_insert(none)
                }
            };
            *range = (range.0.min(version), range.1.max(version));
        }
        under
    }
}

#[cfg(test)]
impl NewRow {
    pub fn found_by_nothing(row: Row) -> Self {
        Self { row, kinds: BTreeSet::new(), found_by: Vec::new() }
    }
}

#[cfg(test)]
impl Held {
    pub fn by_house(version: Version, sealed: Vec<u8>) -> Option<Self> {
        Some(Self { by: Holder::House(version), sealed })
    }
}
