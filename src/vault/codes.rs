// SPDX-License-Identifier: Apache-2.0
//! Keyed hashes of values: the tokens that they get, and what they are found by.

use std::collections::BTreeSet;

use super::search::texts_of;
use super::{Index, Item, ToKeep, Token, Vault};
use crate::base::{Category, Scope, SearchKind, rough};
use crate::keys::{Mac, Version};

impl Vault {
    /// What a value is found by, for these kinds of search.
    pub(super) fn found_by(
        &self,
        mac: &Mac,
        (category, value): Item<'_>,
        kinds: &BTreeSet<SearchKind>,
    ) -> Vec<Index> {
        let of_kind = |kind: &SearchKind| {
            let mut texts = texts_of(*kind, value.expose());
            // Of one value, many are the same where nobody knows where a word ends.
            texts.sort_unstable_by(|one, other| one.as_str().cmp(other));
            texts.dedup();
            let codes = texts.iter().map(|text| self.search_index(mac, category, *kind, text));
            codes.collect::<Vec<_>>()
        };
        let found_by: BTreeSet<Index> = kinds.iter().flat_map(of_kind).collect();
        found_by.into_iter().collect()
    }

    /// The token of a value. `counter` is 0 unless another value holds that token.
    pub(super) fn derive(
        &self,
        ToKeep { item: (category, value), form, holder, scope, .. }: &ToKeep<'_>,
        version: Version,
        counter: u32,
    ) -> Token {
        let mac = self.token_macs.get(version).unwrap_or(self.token_macs.active());
        let holder = holder.filter(|_| *scope == Scope::Subject);
        let scope = holder.as_ref().map_or(&b"scope: tenant"[..], |_| b"scope: subject");
        let mut parts = vec![form.label(), self.tenant.as_str().as_bytes(), scope];
        parts.extend(holder.as_ref().map(|holder| &holder.0[..]));
        let counter = counter.to_be_bytes();
        parts.extend([category.as_str().as_bytes(), value.expose().as_bytes(), &counter]);
        Token::of_form(*form, &mac.code(&parts), version)
    }

    /// All versions of the keys that tokens are derived with.
    pub(super) fn token_versions(&self) -> impl Iterator<Item = Version> {
        self.token_macs.iter().map(|(version, _)| version)
    }

    /// What all spellings of a value have in common, under the key that is in use.
    pub fn index(&self, item: Item<'_>) -> Index {
        self.rough_index(self.index_macs.active(), item)
    }

    pub(super) fn rough_index(&self, mac: &Mac, (category, value): Item<'_>) -> Index {
        index(mac.code(&[
            b"zollhaus rough index 1",
            self.tenant.as_str().as_bytes(),
            category.as_str().as_bytes(),
            rough(value.expose()).as_bytes(),
        ]))
    }

    pub(super) fn search_index(
        &self,
        mac: &Mac,
        category: &Category,
        kind: SearchKind,
        text: &str,
    ) -> Index {
        index(mac.code(&[
            b"zollhaus search index 1",
            self.tenant.as_str().as_bytes(),
            category.as_str().as_bytes(),
            kind.name().as_bytes(),
            text.as_bytes(),
        ]))
    }
}

fn index(code: [u8; 32]) -> Index {
    let mut index = [0; 16];
    index.copy_from_slice(code.split_at(16).0);
    Index(index)
}
