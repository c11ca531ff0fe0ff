// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeSet;
use std::sync::Arc;

use super::holders::Holders;
use super::{Holder, IndexState, Kinds, NewRow, Row, ToKeep, Vault, VaultError};
use crate::base::Category;

/// Rows that are read and written at one time.
const PAGE: u32 = 1_000;

/// What is to be done so that every row is as new ones are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Rows and keys of data subjects under keys that are no longer in use.
    pub under_older_keys: u64,
    /// Categories whose rows are indexed for less, or for more, than is searched for.
    pub not_indexed: BTreeSet<Category>,
}

impl Due {
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Vault {
    /// Says what kinds of search values are to be found by, from now on. What is stored
    /// already is brought to it by [`keep_up`](Self::keep_up).
    pub fn index_for(&self, kinds: Kinds) {
        self.kinds.store(Arc::new(kinds));
    }

    /// What [`keep_up`](Self::keep_up) would have to do.
    ///
    /// # Errors
    /// [`VaultError::KeyGone`] where there are rows under newer keys than ours: then it is for
    /// others to do.
    pub async fn due(&self) -> Result<Due, VaultError> {
        let mut counts = self.store.count().await?;
        for (version, keys) in self.store.count_keys().await? {
            *counts.entry(version).or_default() += keys;
        }
        if let Some((newer, _)) = counts.range(self.version() + 1..).next_back()
            && !self.take_up(*newer)
        {
            return Err(VaultError::KeyGone(*newer));
        }
        let current = self.version();
        let under_older_keys =
            counts.iter().filter(|(version, _)| **version != current).map(|(_, rows)| rows).sum();
        let wanted = self.kinds.load();
        let mut there = Kinds::new();
        let mut not_indexed = BTreeSet::new();
        for index in self.store.built().await? {
            if index.state != IndexState::Complete {
                not_indexed.insert(index.category.clone());
            }
            there.entry(index.category).or_default().insert(index.kind);
        }
        let none = BTreeSet::new();
        let categories = wanted.keys().chain(there.keys());
        not_indexed.extend(
            categories
                .filter(|category| {
                    let wanted = wanted.get(*category).unwrap_or(&none);
                    there.get(*category).unwrap_or(&none) != wanted
                })
                .cloned(),
        );
        Ok(Due { under_older_keys, not_indexed })
    }

    /// Seals every row under the keys that are in use, and indexes it for what is searched
    /// for, so that older keys can be destroyed and every search finds all. `build` is a
    /// number that no other call has, from 1 to `i64::MAX`; `at` hears how many rows are read. Others may use the
    /// vault meanwhile. A call that is cut off has done a part, and the next does the rest.
    ///
    /// # Errors
    /// [`VaultError`] when rows cannot be read, opened or written.
    pub async fn keep_up(&self, build: u64, mut at: impl FnMut(u64)) -> Result<(), VaultError> {
        if self.due().await?.is_nothing() {
            return Ok(());
        }
        let kinds = Kinds::clone(&self.kinds.load());
        // What is to be indexed is what the store begins: it may be more than was due above.
        let to_index = self.store.begin_build(kinds, build).await?;
        let (mut after, mut read) = (None, 0);
        loop {
            let page = self.store.list(after.clone(), PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            let rows = page.iter().map(|(_, row)| row);
            let anew = rows
                .filter(|row| row.version != self.version() || to_index.contains(&row.category));
            let mut anew: Vec<NewRow> =
                anew.filter_map(|row| self.anew(row).transpose()).collect::<Result<_, _>>()?;
            // The copies of data subjects stay as they are.
            anew.dedup_by(|other, first| other.row.token == first.row.token);
            match self.store.replace(anew).await {
                // Somebody else has begun to hold one of them meanwhile.
                Err(VaultError::Conflict) => continue,
                done => done?,
            }
            after = Some(last.clone());
            read += page.len() as u64;
            at(read);
        }
        self.rewrap_keys().await?;
        self.store.finish_build(build).await
    }

    /// A row under the keys that are in use; none where no key opens it.
    fn anew(&self, row: &Row) -> Result<Option<NewRow>, VaultError> {
        let (Some(held), opened) = (&row.held, self.open(row)?) else { return Ok(None) };
        let Some(value) = &opened.value else { return Ok(None) };
        let item = (&opened.category, value);
        let (token, version) = (row.token.clone(), self.version());
        let held = match held.by {
            Holder::House(_) => {
                let kept = ToKeep::for_house(item, token.form());
                self.sealed_for(&Holders::default(), &kept, &token, version)?
            }
            Holder::Subject(_) => held.clone(),
        };
        Ok(Some(self.row(item, token, held, version)))
    }
}
