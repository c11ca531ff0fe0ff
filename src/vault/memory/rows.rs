// SPDX-License-Identifier: Apache-2.0
//! What is in memory, and how it changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::{
    Built, Erased, Held, HeldRows, Holder, Index, IndexState, KeyId, NewRow, Place, Row, Search,
    SubjectKey, Token, Under, VaultError, Wanted,
};
use crate::base::{Category, Jurisdiction, SearchKind, SubjectId};
use crate::keys::Version;

/// A value as one holder has it: the version of the vault's key, for the house, and the value.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    pub(super) version: Option<Version>,
    pub(super) sealed: Vec<u8>,
}

#[derive(Debug, Default)]
pub(super) struct Rows {
    /// Without the copies of their values.
    pub(super) by_token: BTreeMap<Token, Row>,
    pub(super) copies: BTreeMap<Place, Copy>,
    pub(super) keys: BTreeMap<SubjectId, SubjectKey>,
    pub(super) destroyed: BTreeSet<KeyId>,
    pub(super) by_index: HashMap<Index, BTreeSet<Token>>,
    pub(super) found_by: BTreeMap<Token, BTreeSet<Index>>,
    pub(super) built: Vec<Built>,
    /// Under which anything was stored, whatever became of it.
    pub(super) newest: Version,
    /// The same of the keysets of jurisdictions.
    pub(super) newest_of: BTreeMap<Jurisdiction, Version>,
    /// How many epochs have ended.
    pub(super) epochs: u128,
}

impl Rows {
    /// Keeps the keys of holders who have none; whether each has this very one then. If not,
    /// none is kept.
    pub(super) fn keep_keys<'k>(&mut self, held: impl Iterator<Item = &'k Held>) -> bool {
        let mut keys = self.keys.clone();
        for held in held {
            let Holder::Subject(key) = &held.by else { continue };
            let kept = keys.entry(key.subject).or_insert_with(|| key.clone());
            if kept.id != key.id || self.destroyed.contains(&key.id) {
                return false;
            }
        }
        self.keys = keys;
        true
    }

    /// Whether the house has a copy that would be under another version than its row.
    pub(super) fn forgets_a_copy(&self, row: &Row) -> bool {
        let of_house = self.copies.get(&Place(row.token.clone(), None));
        let is_subjects = row.held.as_ref().is_some_and(|held| held.by.key().is_some());
        is_subjects && of_house.is_some_and(|copy| copy.version != Some(row.version))
    }

    pub(super) fn hold(&mut self, token: Token, held: Held) {
        let place = Place(token, held.by.key());
        let version = match held.by {
            Holder::House(version) => Some(version),
            Holder::Subject(_) => None,
        };
        self.copies.entry(place).or_insert(Copy { version, sealed: held.sealed });
    }

    /// A copy as its holder has it, if their key is there.
    pub(super) fn opens(&self, place: &Place, copy: &Copy) -> Option<Held> {
        let by = match place.1 {
            None => Holder::House(copy.version?),
            Some(id) => Holder::Subject(self.keys.values().find(|key| key.id == id)?.clone()),
        };
        Some(Held { by, sealed: copy.sealed.clone() })
    }

    pub(super) fn copies_of(&self, token: &Token) -> impl Iterator<Item = (&Place, &Copy)> {
        let first = Place(token.clone(), None);
        self.copies.range(first..).take_while(|(place, _)| place.0 == *token)
    }

    pub(super) fn find(&self, token: &Token) -> Option<Row> {
        let row = self.by_token.get(token)?.clone();
        let held = self.copies_of(token).find_map(|(place, copy)| self.opens(place, copy));
        Some(Row { held, ..row })
    }

    pub(super) fn held_by(&self, subject: SubjectId, wanted: &Wanted) -> HeldRows {
        let Some(key) = self.keys.get(&subject) else { return HeldRows::default() };
        let copies = self.copies.iter().filter(|(place, _)| place.1 == Some(key.id));
        let mut copies = copies.collect::<Vec<_>>().into_iter();
        let looked_at = copies.by_ref().take(wanted.limits.looked_at as usize);
        let ranked = looked_at.filter_map(|(place, copy)| {
            let row = self.by_token.get(&place.0)?;
            let rank = wanted.categories.iter().position(|it| *it == row.category)?;
            let held = self.opens(place, copy)?;
            let is_short = held.sealed.len() <= wanted.longest_copy() as usize;
            is_short.then(|| (rank, Row { held: Some(held), ..row.clone() }))
        });
        let mut ranked: Vec<(usize, Row)> = ranked.collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        let rows = ranked.into_iter().map(|(_, row)| row).collect();
        HeldRows::of(rows, wanted.limits, copies.next().is_none())
    }

    /// Whose keys are under the keyset of a jurisdiction.
    pub(super) fn subjects_of(&self, jurisdiction: &Jurisdiction) -> Vec<SubjectId> {
        let keys = self.keys.values();
        keys.filter(|key| key.realm.code() == jurisdiction.as_str()).map(|it| it.subject).collect()
    }

    pub(super) fn erase(&mut self, subjects: &[SubjectId]) -> Erased {
        let destroyed: Vec<KeyId> =
            subjects.iter().filter_map(|it| Some(self.keys.remove(it)?.id)).collect();
        self.destroyed.extend(&destroyed);
        let is_gone = |place: &Place| place.1.is_some_and(|key| self.destroyed.contains(&key));
        let gone: Vec<Place> = self.copies.keys().filter(|it| is_gone(it)).cloned().collect();
        self.copies.retain(|place, _| !is_gone(place));
        let words: BTreeSet<&Token> = gone.iter().map(|place| &place.0).collect();
        let mut tokens = 0;
        for token in words {
            if self.copies_of(token).next().is_some() {
                continue;
            }
            tokens += 1;
            self.found_by.remove(token);
            if let Some(row) = self.by_token.get_mut(token) {
                self.by_index.entry(row.rough).or_default().remove(token);
                (row.version, row.rough) = (0, Index::NONE);
            }
        }
        self.epochs += 1;
        let (keys, copies) = (destroyed.len() as u64, gone.len() as u64);
        Erased { keys, copies, tokens, stays_in_files: false }
    }

    /// Refuses what nobody may write who has older keys only; else the newest of these versions
    /// counts from now on.
    pub(super) fn permit(&mut self, under: &Under) -> Result<(), VaultError> {
        self.know_all(under)?;
        self.newest = self.newest.max(under.house.1);
        for (jurisdiction, (_, newest)) in &under.jurisdictions {
            let stored = self.newest_of.entry(jurisdiction.clone()).or_default();
            *stored = (*stored).max(*newest);
        }
        Ok(())
    }

    pub(super) fn know_all(&self, under: &Under) -> Result<(), VaultError> {
        self.know(under.house.0)?;
        for (jurisdiction, (oldest, _)) in &under.jurisdictions {
            if let Some(newer) = self.newest_of.get(jurisdiction).filter(|it| *it > oldest) {
                return Err(VaultError::JurisdictionKeyGone(jurisdiction.clone(), *newer));
            }
        }
        Ok(())
    }

    pub(super) fn know(&self, version: Version) -> Result<(), VaultError> {
        if self.newest > version { Err(VaultError::KeyGone(self.newest)) } else { Ok(()) }
    }

    /// Sees to it that an index is known.
    pub(super) fn note(&mut self, category: &Category, kind: SearchKind) {
        if !self.built.iter().any(|it| (&it.category, it.kind) == (category, kind)) {
            let state = IndexState::Left;
            self.built.push(Built { category: category.clone(), kind, state });
        }
    }

    /// Takes up which indexes a row is written for; one that is there already is missing from
    /// no other because of that.
    pub(super) fn spoil(
        &mut self,
        category: &Category,
        kinds: &BTreeSet<SearchKind>,
        is_new: bool,
    ) {
        for kind in kinds {
            self.note(category, *kind);
        }
        for index in self.built.iter_mut().filter(|index| index.category == *category) {
            let is_for_it = kinds.contains(&index.kind);
            if is_new || is_for_it {
                index.state = index.state.after(is_for_it);
            }
        }
    }

    pub(super) fn insert(&mut self, new: NewRow) -> Row {
        let NewRow { mut row, kinds, found_by } = new;
        let (token, held) = (row.token.clone(), row.held.take());
        let is_new = !self.by_token.contains_key(&token);
        self.spoil(&row.category, &kinds, is_new);
        if is_new {
            self.by_index.entry(row.rough).or_default().insert(token.clone());
            self.by_token.insert(token.clone(), row.clone());
            held.clone().into_iter().for_each(|held| self.hold(token.clone(), held));
        }
        if self.by_token.get(&token).is_some_and(|row| row.version > 0) {
            self.found_by.entry(token.clone()).or_default().extend(found_by);
        }
        let own = held.and_then(|held| {
            let place = Place(token.clone(), held.by.key());
            self.opens(&place, self.copies.get(&place)?)
        });
        let found = self.find(&token).unwrap_or(row);
        Row { held: own.or(found.held), ..found }
    }

    pub(super) fn replace(&mut self, NewRow { mut row, kinds, found_by }: NewRow) {
        let held = row.held.take();
        let stored = self.by_token.get_mut(&row.token).filter(|row| row.version > 0);
        let Some(stored) = stored else { return };
        let stored = std::mem::replace(stored, row.clone());
        self.spoil(&row.category, &kinds, true);
        self.by_index.entry(stored.rough).or_default().remove(&row.token);
        self.by_index.entry(row.rough).or_default().insert(row.token.clone());
        self.found_by.insert(row.token.clone(), found_by.into_iter().collect());
        if let Some(held) = held
            && self.copies.remove(&Place(row.token.clone(), held.by.key())).is_some()
        {
            self.hold(row.token, held);
        }
    }

    pub(super) fn search(&self, asked: &Search, limit: usize) -> Option<Vec<Row>> {
        let complete = Built {
            category: asked.category.clone(),
            kind: asked.kind,
            state: IndexState::Complete,
        };
        if !self.built.contains(&complete) {
            return None;
        }
        let rows = self.by_token.values().filter(|row| {
            let found_by = self.found_by.get(&row.token);
            row.category == asked.category
                && found_by
                    .is_some_and(|codes| asked.all_of.iter().all(|code| codes.contains(code)))
        });
        Some(rows.filter_map(|row| self.find(&row.token)).take(limit).collect())
    }
}

pub(super) fn counted<K: Ord>(keys: impl Iterator<Item = K>) -> BTreeMap<K, u64> {
    keys.fold(BTreeMap::new(), |mut counts, key| {
        *counts.entry(key).or_default() += 1;
        counts
    })
}
