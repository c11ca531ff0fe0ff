// SPDX-License-Identifier: Apache-2.0
//! What is written, column by column.

use std::collections::{BTreeMap, BTreeSet};

use super::columns::key_of;
use super::work::Values;
use crate::base::SearchKind;
use crate::vault::{Held, Holder, NewRow, Rewrapped, SubjectKey, Token, Under};

/// Rows, and what they are found by.
pub(super) struct Given<'r> {
    words: Vec<&'r str>,
    categories: Vec<&'r str>,
    versions: Vec<i64>,
    rough: Vec<&'r [u8]>,
    /// Each a list of names with commas in between.
    kinds: Vec<String>,
    copies: Copies<'r>,
    pub(super) codes: Vec<&'r [u8]>,
    words_of_codes: Vec<&'r str>,
    /// Each with a category and a word: the indexes that a row is written for.
    pub(super) kinds_noted: Vec<&'r str>,
    categories_noted: Vec<&'r str>,
    words_noted: Vec<&'r str>,
}

impl<'r> Given<'r> {
    /// Of several rows of one token, the first is stored; it is found by what all of them are.
    pub(super) fn new(all: &'r [NewRow]) -> Self {
        let mut first = BTreeMap::new();
        for new in all {
            first.entry(&new.row.token).or_insert(new);
        }
        let rows = || first.values().map(|new| &new.row);
        let found_by = || {
            all.iter().flat_map(|new| {
                new.found_by.iter().map(|code| (code.0.as_slice(), new.row.token.as_str()))
            })
        };
        let noted =
            || all.iter().flat_map(|new| new.kinds.iter().map(move |kind| (kind, &new.row)));
        Self {
            words: rows().map(|row| row.token.as_str()).collect(),
            categories: rows().map(|row| row.category.as_str()).collect(),
            versions: rows().map(|row| row.version.into()).collect(),
            rough: rows().map(|row| row.rough.0.as_slice()).collect(),
            kinds: first.values().map(|new| names(&new.kinds)).collect(),
            copies: Copies::of(rows().map(|row| (&row.token, row.held.as_ref()))),
            codes: found_by().map(|(code, _)| code).collect(),
            words_of_codes: found_by().map(|(_, word)| word).collect(),
            kinds_noted: noted().map(|(kind, _)| kind.name()).collect(),
            categories_noted: noted().map(|(_, row)| row.category.as_str()).collect(),
            words_noted: noted().map(|(_, row)| row.token.as_str()).collect(),
        }
    }

    pub(super) fn rows(&self) -> Values<'_> {
        let Copies { keys, versions, sealed, .. } = &self.copies;
        let rows: Values<'_> =
            vec![&self.words, &self.categories, &self.versions, &self.rough, &self.kinds];
        let copies: Values<'_> = vec![keys, versions, sealed];
        rows.into_iter().chain(copies).collect()
    }

    pub(super) fn words(&self) -> Values<'_> {
        vec![&self.words]
    }

    pub(super) fn keys_and_versions(&self) -> Values<'_> {
        vec![&self.words, &self.copies.keys, &self.versions]
    }

    pub(super) fn noted(&self) -> Values<'_> {
        vec![&self.categories_noted, &self.kinds_noted, &self.words_noted]
    }

    pub(super) fn found_by(&self) -> Values<'_> {
        vec![&self.codes, &self.words_of_codes, &self.words]
    }
}

/// Copies of values. Those that nobody holds have a key that is not there.
pub(super) struct Copies<'c> {
    words: Vec<&'c str>,
    keys: Vec<&'c [u8]>,
    versions: Vec<i64>,
    sealed: Vec<&'c [u8]>,
}

impl<'c> Copies<'c> {
    pub(super) fn of(copies: impl Iterator<Item = (&'c Token, Option<&'c Held>)>) -> Self {
        let (words, keys, versions, sealed) = (vec![], vec![], vec![], vec![]);
        let mut given = Self { words, keys, versions, sealed };
        for (token, held) in copies {
            let (key, version) = match held.map(|held| &held.by) {
                None => (&b"nobody"[..], 0),
                Some(Holder::House(version)) => (key_of(None), i64::from(*version)),
                Some(Holder::Subject(key)) => (key_of(Some(&key.id)), 0),
            };
            given.words.push(token.as_str());
            given.keys.push(key);
            given.versions.push(version);
            given.sealed.push(held.map_or(&[], |held| &held.sealed));
        }
        given
    }

    pub(super) fn all(&self) -> Values<'_> {
        vec![&self.words, &self.keys, &self.versions, &self.sealed]
    }

    pub(super) fn places(&self) -> Values<'_> {
        vec![&self.words, &self.keys]
    }

    pub(super) fn words(&self) -> Values<'_> {
        vec![&self.words]
    }

    pub(super) fn keys(&self) -> Values<'_> {
        vec![&self.keys]
    }
}

/// Keys of data subjects.
pub(super) struct Keys<'k> {
    ids: Vec<&'k [u8]>,
    subjects: Vec<&'k [u8]>,
    versions: Vec<i64>,
    wrapped: Vec<&'k [u8]>,
    realms: Vec<&'k str>,
    /// Under whose they were wrapped before.
    from: Vec<&'k str>,
}

impl<'k> Keys<'k> {
    pub(super) fn rewrapped(keys: &'k [Rewrapped]) -> Self {
        let from = keys.iter().map(|it| it.from.code()).collect();
        Self { from, ..Self::of(keys.iter().map(|it| &it.key)) }
    }

    pub(super) fn of(keys: impl IntoIterator<Item = &'k SubjectKey>) -> Self {
        let (ids, subjects, versions, wrapped) = (vec![], vec![], vec![], vec![]);
        let (realms, from) = (vec![], vec![]);
        let mut given = Self { ids, subjects, versions, wrapped, realms, from };
        for key in keys {
            given.ids.push(&key.id.0);
            given.subjects.push(&key.subject.0);
            given.versions.push(key.version.into());
            given.wrapped.push(&key.wrapped);
            given.realms.push(key.realm.code());
        }
        given
    }

    pub(super) fn of_holders(held: impl Iterator<Item = &'k Held>) -> Self {
        let keys = held.filter_map(|held| match &held.by {
            Holder::House(_) => None,
            Holder::Subject(key) => Some((key.id, key)),
        });
        Self::of(keys.collect::<BTreeMap<_, _>>().into_values())
    }

    pub(super) fn all(&self) -> Values<'_> {
        vec![&self.ids, &self.subjects, &self.versions, &self.wrapped, &self.realms]
    }

    /// As they are to be wrapped, and as they were.
    pub(super) fn wrapped(&self) -> Values<'_> {
        vec![&self.ids, &self.versions, &self.wrapped, &self.realms, &self.from]
    }
}

/// Keysets of jurisdictions, and the versions that are written under.
pub(super) struct Jurisdictions<'u> {
    realms: Vec<&'u str>,
    oldest: Vec<i64>,
    newest: Vec<i64>,
}

impl<'u> Jurisdictions<'u> {
    pub(super) fn of(under: &'u Under) -> Self {
        let all = || under.jurisdictions.iter();
        Self {
            realms: all().map(|(of, _)| of.as_str()).collect(),
            oldest: all().map(|(_, (oldest, _))| i64::from(*oldest)).collect(),
            newest: all().map(|(_, (_, newest))| i64::from(*newest)).collect(),
        }
    }

    pub(super) fn and<'v>(&'v self, is_alone: &'v bool) -> Values<'v> {
        vec![&self.realms, &self.oldest, &self.newest, is_alone]
    }
}

fn names(kinds: &BTreeSet<SearchKind>) -> String {
    kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(",")
}
