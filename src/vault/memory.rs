// SPDX-License-Identifier: Apache-2.0

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{
    BoxFuture, Built, Index, Kinds, MAX_FOUND, NewRow, Row, Search, Token, TokenStore, VaultError,
};
use crate::keys::Version;

/// Rows that end with the process.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Rows>);

#[derive(Debug, Default)]
struct Rows {
    by_token: BTreeMap<Token, Row>,
    by_index: HashMap<Index, BTreeSet<Token>>,
    found_by: BTreeMap<Token, BTreeSet<Index>>,
    built: Vec<Built>,
}

impl MemoryStore {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<'a, T: Send + 'a>(
        &'a self,
        work: impl FnOnce(&mut Rows) -> T + Send + 'a,
    ) -> BoxFuture<'a, Result<T, VaultError>> {
        Box::pin(async move { Ok(work(&mut self.rows())) })
    }
}

#[cfg(test)]
impl MemoryStore {
    /// Stores a row that is found by nothing, unless there is one under its token.
    pub fn put(&self, row: Row) {
        self.rows().insert(NewRow::found_by_nothing(row));
    }
}

impl TokenStore for MemoryStore {
    fn insert(&self, rows: Vec<NewRow>) -> BoxFuture<'_, Result<Vec<Row>, VaultError>> {
        self.with(|stored| rows.into_iter().map(|row| stored.insert(row)).collect())
    }

    fn replace(&self, rows: Vec<NewRow>) -> BoxFuture<'_, Result<(), VaultError>> {
        self.with(|stored| rows.into_iter().for_each(|row| stored.replace(row)))
    }

    fn find(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Vec<Option<Row>>, VaultError>> {
        self.with(move |stored| {
            tokens.iter().map(|token| stored.by_token.get(token).cloned()).collect()
        })
    }

    fn find_by_index(
        &self,
        indexes: Vec<Index>,
    ) -> BoxFuture<'_, Result<Vec<Vec<Row>>, VaultError>> {
        self.with(move |stored| {
            let rows_of = |index| {
                let tokens = stored.by_index.get(index).into_iter().flatten();
                let rows = tokens.filter_map(|token| stored.by_token.get(token));
                rows.take(MAX_FOUND.into()).cloned()
            };
            indexes.iter().map(|index| rows_of(index).collect()).collect()
        })
    }

    fn search(
        &self,
        searches: Vec<Search>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Option<Vec<Row>>>, VaultError>> {
        self.with(move |stored| {
            let found = searches.iter().map(|asked| stored.search(asked, limit as usize));
            found.collect()
        })
    }

    fn found_by(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Vec<Vec<Index>>, VaultError>> {
        self.with(move |stored| {
            let codes = |token| stored.found_by.get(token).into_iter().flatten().copied().collect();
            tokens.iter().map(codes).collect()
        })
    }

    fn built(&self) -> BoxFuture<'_, Result<Vec<Built>, VaultError>> {
        self.with(|stored| stored.built.clone())
    }

    fn begin_build(&self, shall_be: Kinds, build: u64) -> BoxFuture<'_, Result<(), VaultError>> {
        self.with(move |stored| {
            let complete: Vec<Built> =
                stored.built.drain(..).filter(|index| index.build.is_none()).collect();
            for (category, kinds) in shall_be {
                stored.built.extend(kinds.into_iter().map(|kind| {
                    let index = Built { category: category.clone(), kind, build: None };
                    let build = (!complete.contains(&index)).then_some(build);
                    Built { build, ..index }
                }));
            }
        })
    }

    fn finish_build(&self, build: u64) -> BoxFuture<'_, Result<(), VaultError>> {
        self.with(move |stored| {
            let finished = stored.built.iter_mut().filter(|index| index.build == Some(build));
            finished.for_each(|index| index.build = None);
        })
    }

    fn list(
        &self,
        after: Option<Token>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Row>, VaultError>> {
        self.with(move |stored| {
            let after = after.map_or(Bound::Unbounded, Bound::Excluded);
            let rows = stored.by_token.range((after, Bound::Unbounded));
            rows.take(limit as usize).map(|(_, row)| row.clone()).collect()
        })
    }

    fn count(&self) -> BoxFuture<'_, Result<BTreeMap<Version, u64>, VaultError>> {
        self.with(|stored| {
            let mut counts = BTreeMap::new();
            for row in stored.by_token.values() {
                *counts.entry(row.version).or_default() += 1;
            }
            counts
        })
    }

    fn health(&self) -> BoxFuture<'_, Result<(), VaultError>> {
        self.with(|_| ())
    }
}

impl Rows {
    fn insert(&mut self, new: NewRow) -> Row {
        let NewRow { row, kinds, found_by } = new;
        self.found_by.entry(row.token.clone()).or_default().extend(found_by);
        match self.by_token.entry(row.token.clone()) {
            Entry::Occupied(stored) => stored.get().clone(),
            Entry::Vacant(free) => {
                self.by_index.entry(row.rough).or_default().insert(row.token.clone());
                self.built
                    .retain(|index| index.category != row.category || kinds.contains(&index.kind));
                free.insert(row).clone()
            }
        }
    }

    fn replace(&mut self, NewRow { row, kinds, found_by }: NewRow) {
        let Some(stored) = self.by_token.get_mut(&row.token) else { return };
        self.built.retain(|index| index.category != row.category || kinds.contains(&index.kind));
        self.by_index.entry(stored.rough).or_default().remove(&row.token);
        self.by_index.entry(row.rough).or_default().insert(row.token.clone());
        self.found_by.insert(row.token.clone(), found_by.into_iter().collect());
        *stored = row;
    }

    fn search(&self, asked: &Search, limit: usize) -> Option<Vec<Row>> {
        let complete = Built { category: asked.category.clone(), kind: asked.kind, build: None };
        if !self.built.contains(&complete) {
            return None;
        }
        let rows = self.by_token.values().filter(|row| {
            let found_by = self.found_by.get(&row.token);
            row.category == asked.category
                && found_by
                    .is_some_and(|codes| asked.all_of.iter().all(|code| codes.contains(code)))
        });
        Some(rows.take(limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn conforms() {
        let store = Arc::new(MemoryStore::default());
        super::super::conformance::run(|| store.clone()).await;
    }
}
