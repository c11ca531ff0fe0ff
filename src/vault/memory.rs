// SPDX-License-Identifier: Apache-2.0

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{
    BoxFuture, Built, Index, IndexState, Kinds, MAX_FOUND, NewRow, Row, Search, Token, TokenStore,
    VaultError,
};
use crate::base::{Category, SearchKind};
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
    /// Under which a row is stored.
    newest: Version,
}

impl MemoryStore {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<'a, T: Send + 'a>(
        &'a self,
        work: impl FnOnce(&mut Rows) -> T + Send + 'a,
    ) -> BoxFuture<'a, Result<T, VaultError>> {
        self.try_with(|rows| Ok(work(rows)))
    }

    fn try_with<'a, T: Send + 'a>(
        &'a self,
        work: impl FnOnce(&mut Rows) -> Result<T, VaultError> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, VaultError>> {
        Box::pin(async move { work(&mut self.rows()) })
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
        self.try_with(|stored| {
            stored.permit(&rows)?;
            Ok(rows.into_iter().map(|row| stored.insert(row)).collect())
        })
    }

    fn replace(&self, rows: Vec<NewRow>) -> BoxFuture<'_, Result<(), VaultError>> {
        self.try_with(|stored| {
            stored.permit(&rows)?;
            for row in rows {
                stored.replace(row);
            }
            Ok(())
        })
    }

    fn find(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Vec<Option<Row>>, VaultError>> {
        self.with(move |stored| {
            tokens.iter().map(|token| stored.by_token.get(token).cloned()).collect()
        })
    }

    fn find_by_index(
        &self,
        indexes: Vec<Index>,
        newest: Version,
    ) -> BoxFuture<'_, Result<Vec<Vec<Row>>, VaultError>> {
        self.try_with(move |stored| {
            stored.know(newest)?;
            let rows_of = |index| {
                let tokens = stored.by_index.get(index).into_iter().flatten();
                let rows = tokens.filter_map(|token| stored.by_token.get(token));
                rows.take(MAX_FOUND.into()).cloned()
            };
            Ok(indexes.iter().map(|index| rows_of(index).collect()).collect())
        })
    }

    fn search(
        &self,
        searches: Vec<Search>,
        limit: u32,
        newest: Version,
    ) -> BoxFuture<'_, Result<Vec<Option<Vec<Row>>>, VaultError>> {
        self.try_with(move |stored| {
            stored.know(newest)?;
            let found = searches.iter().map(|asked| stored.search(asked, limit as usize));
            Ok(found.collect())
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

    fn begin_build(
        &self,
        shall_be: Kinds,
        build: u64,
    ) -> BoxFuture<'_, Result<BTreeSet<Category>, VaultError>> {
        self.with(move |stored| {
            for (category, kinds) in &shall_be {
                for kind in kinds {
                    stored.note(category, *kind);
                }
            }
            let mut begun = BTreeSet::new();
            for index in &mut stored.built {
                let kinds = shall_be.get(&index.category);
                let is_wanted = kinds.is_some_and(|kinds| kinds.contains(&index.kind));
                index.state = index.state.begun(is_wanted, build);
                if index.state == IndexState::Complete {
                    continue;
                }
                begun.insert(index.category.clone());
            }
            begun
        })
    }

    fn finish_build(&self, build: u64) -> BoxFuture<'_, Result<(), VaultError>> {
        self.with(move |stored| {
            stored.built.retain(|index| index.state != IndexState::Emptying(build));
            let built = stored.built.iter_mut();
            let finished = built.filter(|index| index.state == IndexState::Building(build));
            finished.for_each(|index| index.state = IndexState::Complete);
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
    /// Refuses what nobody may write who has older keys only.
    fn permit(&self, rows: &[NewRow]) -> Result<(), VaultError> {
        rows.iter().map(|new| new.row.version).min().map_or(Ok(()), |oldest| self.know(oldest))
    }

    fn know(&self, version: Version) -> Result<(), VaultError> {
        if self.newest > version { Err(VaultError::KeyGone(self.newest)) } else { Ok(()) }
    }

    /// Sees to it that an index is known.
    fn note(&mut self, category: &Category, kind: SearchKind) {
        if !self.built.iter().any(|it| (&it.category, it.kind) == (category, kind)) {
            let state = IndexState::Left;
            self.built.push(Built { category: category.clone(), kind, state });
        }
    }

    /// Takes up which indexes a row is written for; one that is there already is missing from
    /// no other because of that.
    fn spoil(&mut self, category: &Category, kinds: &BTreeSet<SearchKind>, is_new: bool) {
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

    fn insert(&mut self, new: NewRow) -> Row {
        let NewRow { row, kinds, found_by } = new;
        let is_new = !self.by_token.contains_key(&row.token);
        self.spoil(&row.category, &kinds, is_new);
        self.found_by.entry(row.token.clone()).or_default().extend(found_by);
        if let Some(stored) = self.by_token.get(&row.token) {
            return stored.clone();
        }
        self.newest = self.newest.max(row.version);
        self.by_index.entry(row.rough).or_default().insert(row.token.clone());
        self.by_token.insert(row.token.clone(), row.clone());
        row
    }

    fn replace(&mut self, NewRow { row, kinds, found_by }: NewRow) {
        let Some(stored) = self.by_token.get_mut(&row.token) else { return };
        let stored = std::mem::replace(stored, row.clone());
        self.spoil(&row.category, &kinds, true);
        self.newest = self.newest.max(row.version);
        self.by_index.entry(stored.rough).or_default().remove(&row.token);
        self.by_index.entry(row.rough).or_default().insert(row.token.clone());
        self.found_by.insert(row.token, found_by.into_iter().collect());
    }

    fn search(&self, asked: &Search, limit: usize) -> Option<Vec<Row>> {
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
