// SPDX-License-Identifier: Apache-2.0

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::search::{LONGEST_TO_CONTAIN, TOO_MANY_WORDS, texts_to_find};
use super::{Index, Item, MAX_FOUND, Row, Search, Token, Vault, VaultError};
use crate::base::{Category, Cleartext, Pattern, PatternOf, SearchKind, rough};

/// A stored value that is like another one, or like a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spelling {
    pub token: Token,
    pub value: Cleartext,
}

/// Stored values that may look like a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Candidates {
    All(Vec<Spelling>),
    /// There are this many or more.
    TooMany(usize),
    /// The index is still being built.
    Incomplete,
    /// The pattern has no text that is long enough to be looked for in this way.
    TooShort,
}

/// How many rows are read to find those that look like a pattern.
const MAX_CANDIDATES: u32 = 5_000;

/// More would not make the candidates much fewer.
const MAX_TEXTS: usize = 8;

impl Vault {
    /// For each value, every stored value that a CRM may take for the same (see `rough`),
    /// itself included; `None` where there are [`MAX_FOUND`] of them or more.
    ///
    /// # Errors
    /// [`VaultError::Corrupt`] when a stored row does not open.
    pub async fn spellings(
        &self,
        items: &[Item<'_>],
    ) -> Result<Vec<Option<Arc<[Spelling]>>>, VaultError> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let of_items: Vec<Vec<Index>> = items.iter().map(|item| self.indexes(*item)).collect();
        // Each is looked for and opened once, however often it is asked for.
        let mut indexes = of_items.concat();
        indexes.sort_unstable();
        indexes.dedup();
        let found = self.store.find_by_index(indexes.clone(), self.keys.newest_version()).await?;
        let mut rows: HashMap<Index, Vec<Row>> = indexes.into_iter().zip(found).collect();
        let mut spellings: HashMap<&[Index], Option<Arc<[Spelling]>>> = HashMap::new();
        for indexes in &of_items {
            if spellings.contains_key(indexes.as_slice()) {
                continue;
            }
            let rows: Vec<Row> =
                indexes.iter().flat_map(|index| rows.remove(index).unwrap_or_default()).collect();
            let all = if rows.len() < usize::from(MAX_FOUND) {
                Some(self.opened(rows).await?.into())
            } else {
                None
            };
            spellings.insert(indexes, all);
        }
        Ok(of_items.iter().map(|of| spellings.get(of.as_slice()).cloned().flatten()).collect())
    }

    /// The stored values of a category that may look like a pattern: it is looked for in the
    /// way of `kind`, without what CRMs may take for the same.
    ///
    /// # Errors
    /// [`VaultError::Corrupt`] when a stored row does not open.
    pub async fn candidates(
        &self,
        category: &Category,
        pattern: &Pattern,
        kind: SearchKind,
    ) -> Result<Candidates, VaultError> {
        let parts = parts_to_find(pattern, kind).iter().map(|part| rough(part.expose()));
        let parts: Vec<_> = parts.collect();
        let texts = parts.iter().flat_map(|part| texts_to_find(kind, part)).take(MAX_TEXTS);
        let texts: Vec<&str> = texts.collect();
        if texts.is_empty() {
            return Ok(Candidates::TooShort);
        }
        let searches = self.index_macs.iter().flat_map(|(_, mac)| {
            let search = |texts: &[&str]| {
                let all_of = texts.iter().map(|text| self.search_index(mac, category, kind, text));
                Search { category: category.clone(), kind, all_of: all_of.collect() }
            };
            let too_many = (pattern.of != PatternOf::Value).then(|| search(&[TOO_MANY_WORDS]));
            too_many.into_iter().chain([search(&texts)])
        });
        let newest = self.keys.newest_version();
        let found = self.store.search(searches.collect(), MAX_CANDIDATES, newest).await?;
        // One that was written again after a rotation is found under both keys.
        let mut rows = BTreeMap::new();
        for found in found {
            let Some(found) = found else { return Ok(Candidates::Incomplete) };
            rows.extend(found.into_iter().map(|row| (row.token.clone(), row)));
        }
        if rows.len() >= MAX_CANDIDATES as usize {
            return Ok(Candidates::TooMany(MAX_CANDIDATES as usize));
        }
        Ok(Candidates::All(self.opened(rows.into_values()).await?))
    }

    /// Whether a value can be indexed for all that its category is searched for.
    pub fn can_index(&self, (category, value): Item<'_>) -> bool {
        let has_all_parts = |kinds: &super::Kinds| {
            let kinds = kinds.get(category).into_iter().flatten();
            kinds.into_iter().any(|kind| *kind != SearchKind::Prefix)
        };
        !has_all_parts(&self.kinds.load()) || value.expose().chars().count() <= LONGEST_TO_CONTAIN
    }

    /// What all spellings of a value have in common, under each key.
    fn indexes(&self, item: Item<'_>) -> Vec<Index> {
        self.index_macs.iter().map(|(_, mac)| self.rough_index(mac, item)).collect()
    }

    /// What rows hold; nothing of those that nobody holds any more.
    async fn opened(
        &self,
        rows: impl IntoIterator<Item = Row>,
    ) -> Result<Vec<Spelling>, VaultError> {
        let mut opened = Vec::new();
        for row in rows {
            let value = self.open_known(&row).await?.value;
            opened.extend(value.map(|value| Spelling { token: row.token, value }));
        }
        Ok(opened)
    }
}

/// The parts of a pattern that values which look like it are found by.
fn parts_to_find(pattern: &Pattern, kind: SearchKind) -> &[Cleartext] {
    match kind {
        SearchKind::Prefix if !pattern.is_at_start => &[],
        SearchKind::Prefix => pattern.parts.get(..1).unwrap_or_default(),
        SearchKind::Contains | SearchKind::Words => pattern.parts.as_slice(),
    }
}
