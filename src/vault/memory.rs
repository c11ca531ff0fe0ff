// SPDX-License-Identifier: Apache-2.0

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{BoxFuture, Index, MAX_FOUND, Row, Token, TokenStore, VaultError};

/// Rows that end with the process.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Rows>);

#[derive(Debug, Default)]
struct Rows {
    by_token: BTreeMap<Token, Row>,
    by_index: HashMap<Index, BTreeSet<Token>>,
}

impl MemoryStore {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenStore for MemoryStore {
    fn insert(&self, rows: Vec<Row>) -> BoxFuture<'_, Result<Vec<Row>, VaultError>> {
        Box::pin(async move {
            let mut stored = self.rows();
            Ok(rows.into_iter().map(|row| stored.insert(row)).collect())
        })
    }

    fn find(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Vec<Option<Row>>, VaultError>> {
        Box::pin(async move {
            let stored = self.rows();
            Ok(tokens.iter().map(|token| stored.by_token.get(token).cloned()).collect())
        })
    }

    fn find_by_index(
        &self,
        indexes: Vec<Index>,
    ) -> BoxFuture<'_, Result<Vec<Vec<Row>>, VaultError>> {
        Box::pin(async move {
            let stored = self.rows();
            let rows_of = |index| {
                let tokens = stored.by_index.get(index).into_iter().flatten();
                let rows = tokens.filter_map(|token| stored.by_token.get(token));
                rows.take(MAX_FOUND.into()).cloned()
            };
            Ok(indexes.iter().map(|index| rows_of(index).collect()).collect())
        })
    }

    fn list(
        &self,
        after: Option<Token>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Row>, VaultError>> {
        Box::pin(async move {
            let stored = self.rows();
            let after = after.map_or(Bound::Unbounded, Bound::Excluded);
            let rows = stored.by_token.range((after, Bound::Unbounded));
            Ok(rows.take(limit as usize).map(|(_, row)| row.clone()).collect())
        })
    }

    fn count(&self) -> BoxFuture<'_, Result<u64, VaultError>> {
        Box::pin(async move { Ok(self.rows().by_token.len() as u64) })
    }

    fn health(&self) -> BoxFuture<'_, Result<(), VaultError>> {
        Box::pin(async { Ok(()) })
    }
}

impl Rows {
    fn insert(&mut self, row: Row) -> Row {
        match self.by_token.entry(row.token.clone()) {
            Entry::Occupied(stored) => stored.get().clone(),
            Entry::Vacant(free) => {
                self.by_index.entry(row.rough).or_default().insert(row.token.clone());
                free.insert(row).clone()
            }
        }
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
