// SPDX-License-Identifier: Apache-2.0

mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rows::{Copy, Rows, counted};

use super::{
    BoxFuture, Built, Epoch, Erased, Found, Held, HeldRows, Index, IndexState, KeyCounts, KeyId,
    Kinds, MAX_FOUND, NewCopy, NewRow, Place, Rewrapped, Row, Search, SubjectKey, SubjectKeyStore,
    Token, TokenStore, Under, VaultError, Wanted,
};
use crate::base::{Category, Jurisdiction, SubjectId};
use crate::keys::{Realm, Version};

/// Rows that end with the process.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Rows>);

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
        let mut rows = self.rows();
        rows.newest = rows.newest.max(row.version);
        rows.insert(NewRow::found_by_nothing(row));
    }

    /// Puts a row and a copy of its value back as they were, whatever became of them.
    pub fn put_copy(&self, mut row: Row) {
        let mut rows = self.rows();
        if let Some(held) = row.held.take() {
            rows.hold(row.token.clone(), held);
        }
        rows.by_index.entry(row.rough).or_default().insert(row.token.clone());
        rows.by_token.insert(row.token.clone(), row);
    }

    /// Changes the copy that the house has of a value.
    pub fn damage(&self, token: &Token) {
        let copy = Place(token.clone(), None);
        self.rows().copies.get_mut(&copy).into_iter().for_each(|copy| copy.sealed.push(0));
    }

    pub fn erase_now(&self, subjects: &[SubjectId]) {
        self.rows().erase(subjects);
    }

    pub fn put_key(&self, held: &Held) {
        assert!(self.rows().keep_keys(std::iter::once(held)));
    }

    pub fn lose_key(&self, subject: SubjectId) {
        self.rows().keys.remove(&subject);
    }
}

impl TokenStore for MemoryStore {
    fn insert(&self, rows: Vec<NewRow>) -> BoxFuture<'_, Result<Vec<Row>, VaultError>> {
        self.try_with(|stored| {
            let under = Under::of(rows.iter().flat_map(NewRow::needs));
            stored.know_all(&under)?;
            let held: Vec<&Held> = rows.iter().filter_map(|new| new.row.held.as_ref()).collect();
            if held.len() < rows.len() || !stored.keep_keys(held.into_iter()) {
                return Err(VaultError::Conflict);
            }
            stored.permit(&under)?;
            Ok(rows.into_iter().map(|row| stored.insert(row)).collect())
        })
    }

    fn replace(&self, rows: Vec<NewRow>) -> BoxFuture<'_, Result<(), VaultError>> {
        self.try_with(|stored| {
            let under = Under::of(rows.iter().map(|new| (&Realm::House, new.row.version)));
            stored.know_all(&under)?;
            if rows.iter().any(|new| stored.forgets_a_copy(&new.row)) {
                return Err(VaultError::Conflict);
            }
            stored.permit(&under)?;
            for row in rows {
                stored.replace(row);
            }
            stored.epochs += 1;
            Ok(())
        })
    }

    fn hold(&self, copies: Vec<NewCopy>) -> BoxFuture<'_, Result<(), VaultError>> {
        self.try_with(|stored| {
            let is_held = |copy: &NewCopy| {
                stored.by_token.get(&copy.token).is_some_and(|row| row.version > 0)
            };
            let under = Under::of(copies.iter().map(|copy| copy.held.by.needs()));
            stored.know_all(&under)?;
            if !copies.iter().all(is_held) || !stored.keep_keys(copies.iter().map(|it| &it.held)) {
                return Err(VaultError::Conflict);
            }
            stored.permit(&under)?;
            for copy in copies {
                stored.hold(copy.token, copy.held);
            }
            Ok(())
        })
    }

    fn look_up(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Found, VaultError>> {
        self.with(move |stored| {
            let epoch = Epoch(stored.epochs.to_be_bytes());
            Found { epoch, rows: tokens.iter().map(|token| stored.find(token)).collect() }
        })
    }

    fn held_by(&self, wanted: Wanted) -> BoxFuture<'_, Result<Vec<HeldRows>, VaultError>> {
        self.with(move |stored| {
            let (mut answers, mut found) = (Vec::new(), 0);
            for subject in &wanted.subjects {
                let held = stored.held_by(*subject, &wanted);
                found += held.rows.len();
                if found > wanted.limits.of_all as usize && !answers.is_empty() {
                    break;
                }
                answers.push(held);
            }
            answers
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
                tokens.filter_map(|token| stored.find(token)).take(MAX_FOUND.into())
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

    fn finish_build(
        &self,
        build: u64,
        except: BTreeSet<Category>,
    ) -> BoxFuture<'_, Result<(), VaultError>> {
        self.with(move |stored| {
            let is_ended =
                |index: &Built, state| index.state == state && !except.contains(&index.category);
            stored.built.retain(|index| !is_ended(index, IndexState::Emptying(build)));
            let built = stored.built.iter_mut();
            let finished = built.filter(|index| is_ended(index, IndexState::Building(build)));
            finished.for_each(|index| index.state = IndexState::Complete);
        })
    }

    fn list(
        &self,
        after: Option<Place>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<(Place, Row)>, VaultError>> {
        self.with(move |stored| {
            let after = after.map_or(Bound::Unbounded, Bound::Excluded);
            let copies = stored.copies.range((after, Bound::Unbounded));
            let row = |(place, copy): (&Place, &Copy)| {
                let row = stored.by_token.get(&place.0)?;
                Some((place.clone(), Row { held: stored.opens(place, copy), ..row.clone() }))
            };
            copies.filter_map(row).take(limit as usize).collect()
        })
    }

    fn count(&self) -> BoxFuture<'_, Result<BTreeMap<Version, u64>, VaultError>> {
        self.with(|stored| {
            let versions = stored.by_token.values().map(|row| row.version);
            counted(versions.filter(|version| *version > 0))
        })
    }

    fn health(&self) -> BoxFuture<'_, Result<(), VaultError>> {
        self.with(|_| ())
    }
}

impl SubjectKeyStore for MemoryStore {
    fn keys(
        &self,
        subjects: Vec<SubjectId>,
    ) -> BoxFuture<'_, Result<Vec<Option<SubjectKey>>, VaultError>> {
        self.with(move |stored| {
            subjects.iter().map(|subject| stored.keys.get(subject).cloned()).collect()
        })
    }

    fn count_keys(&self) -> BoxFuture<'_, Result<KeyCounts, VaultError>> {
        self.with(|stored| {
            counted(stored.keys.values().map(|key| (key.realm.clone(), key.version)))
        })
    }

    fn keys_before(
        &self,
        (realm, version): (Realm, Version),
        after: Option<KeyId>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<SubjectKey>, VaultError>> {
        self.with(move |stored| {
            let is_older = |key: &&SubjectKey| key.realm == realm && key.version < version;
            let older = stored.keys.values().filter(is_older);
            let older: BTreeMap<KeyId, &SubjectKey> = older.map(|key| (key.id, key)).collect();
            let behind = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
            let page = older.range(behind).take(limit as usize);
            page.map(|(_, key)| (*key).clone()).collect()
        })
    }

    fn rewrap(&self, keys: Vec<Rewrapped>) -> BoxFuture<'_, Result<(), VaultError>> {
        self.try_with(|stored| {
            let needed = keys.iter().map(|Rewrapped { key, .. }| (&key.realm, key.version));
            stored.permit(&Under::of(needed))?;
            for Rewrapped { from, key } in keys {
                let known = stored.keys.get_mut(&key.subject);
                let is_it = |it: &&mut SubjectKey| it.id == key.id && it.realm == from;
                if let Some(known) = known.filter(is_it) {
                    *known = key;
                }
            }
            stored.epochs += 1;
            Ok(())
        })
    }

    fn erase(&self, subjects: Vec<SubjectId>) -> BoxFuture<'_, Result<Erased, VaultError>> {
        self.with(move |stored| stored.erase(&subjects))
    }

    fn end(&self, jurisdiction: Jurisdiction) -> BoxFuture<'_, Result<Erased, VaultError>> {
        self.with(move |stored| {
            stored.newest_of.remove(&jurisdiction);
            stored.erase(&stored.subjects_of(&jurisdiction))
        })
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
