// SPDX-License-Identifier: Apache-2.0
//! Rows that were read lately.

use std::fmt;
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::{Epoch, Held, Holder, Row, Token, TokenStore, VaultError};

/// What an entry takes beside its row, about: its place in the tables of the cache, and what
/// allocations cost.
const OVERHEAD: usize = 128;

/// What an entry takes in all, about: for how many there is to be room.
const USUAL: usize = 512;

/// Rows as the store has them, sealed, up to a number of bytes: those that are used most stay.
/// For each batch, the store says whether they are still what it has.
pub(super) struct RowCache(Cache<Token, Arc<KnownRow>, Bytes>);

/// A row, and the epoch that it is of.
pub(super) struct KnownRow {
    epoch: Epoch,
    pub(super) row: Row,
}

impl RowCache {
    /// Holds nothing where it may hold no bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self(Cache::with_weighter(bytes / USUAL, bytes as u64, Bytes))
    }

    /// The rows of these tokens, in order, as [`TokenStore::look_up`] finds them. One round trip
    /// to the store; another where something was changed or has gone since the last one.
    pub(super) async fn look_up(
        &self,
        store: &dyn TokenStore,
        tokens: &[Token],
    ) -> Result<Vec<Option<Arc<KnownRow>>>, VaultError> {
        let mut rows: Vec<_> = tokens.iter().map(|token| self.0.get(token)).collect();
        let unknown = tokens.iter().zip(&rows).filter(|(_, known)| known.is_none());
        let mut found = store.look_up(unknown.map(|(token, _)| token.clone()).collect()).await?;
        if rows.iter().flatten().any(|known| known.epoch != found.epoch) {
            self.clear();
            rows.fill(None);
            found = store.look_up(tokens.to_vec()).await?;
        }
        let mut read = found.rows.into_iter();
        for row in rows.iter_mut().filter(|row| row.is_none()) {
            *row = read.next().flatten().map(|row| self.keep(found.epoch, row));
        }
        Ok(rows)
    }

    /// A token that stands for nothing may be given out, or brought back with a key, in the same
    /// epoch.
    fn keep(&self, epoch: Epoch, row: Row) -> Arc<KnownRow> {
        let known = Arc::new(KnownRow { epoch, row });
        if known.row.held.is_some() {
            self.0.insert(known.row.token.clone(), Arc::clone(&known));
        }
        known
    }

    pub(super) fn clear(&self) {
        self.0.clear();
    }
}

#[cfg(test)]
impl RowCache {
    /// How many rows are held, and what they weigh.
    pub(super) fn size(&self) -> (usize, u64) {
        (self.0.len(), self.0.weight())
    }
}

/// What an entry takes in memory.
#[derive(Clone)]
struct Bytes;

impl Weighter<Token, Arc<KnownRow>> for Bytes {
    fn weight(&self, _: &Token, known: &Arc<KnownRow>) -> u64 {
        let held = known.row.held.as_ref().map_or(0, |Held { by, sealed }| match by {
            Holder::House(_) => sealed.len(),
            Holder::Subject(key) => sealed.len() + key.wrapped.len(),
        });
        (size_of::<Token>() + size_of::<KnownRow>() + held + OVERHEAD) as u64
    }
}

impl fmt::Debug for RowCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowCache").finish_non_exhaustive()
    }
}
