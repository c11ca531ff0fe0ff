// SPDX-License-Identifier: Apache-2.0

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{
    BoxFuture, Built, Erased, Held, Holder, Index, IndexState, KeyId, Kinds, MAX_FOUND, NewCopy,
    NewRow, Place, Row, Search, SubjectKey, SubjectKeyStore, Token, TokenStore, VaultError,
};
use crate::base::{Category, SearchKind, SubjectId};
use crate::keys::Version;

/// Rows that end with the process.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Rows>);

/// A value as one holder has it: the version of the vault's key, for the house, and the value.
#[derive(Clone, Debug)]
struct Copy {
    version: Option<Version>,
    sealed: Vec<u8>,
}

#[derive(Debug, Default)]
struct Rows {
    /// Without the copies of their values.
    by_token: BTreeMap<Token, Row>,
    copies: BTreeMap<Place, Copy>,
    keys: BTreeMap<SubjectId, SubjectKey>,
    destroyed: BTreeSet<KeyId>,
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

    /// Puts a row and a copy of its value back as they were, whatever became of them.
    pub fn put_copy(&self, mut row: Row) {
        let mut rows = self.rows();
        if let Some(held) = row.held.take() {
            rows.hold(row.token.clone(), held);
        }
        rows.by_index.entry(row.rough).or_default().insert(row.token.clone());
        rows.by_token.insert(row.token.clone(), row);
    }

    pub fn erase_now(&self, subjects: &[SubjectId]) {
        self.rows().erase(subjects);
    }

    pub fn lose_key(&self, subject: SubjectId) {
        self.rows().keys.remove(&subject);
    }
}

impl TokenStore for MemoryStore {
    fn insert(&self, rows: Vec<NewRow>) -> BoxFuture<'_, Result<Vec<Row>, VaultError>> {
        self.try_with(|stored| {
            stored.permit(&rows)?;
            let held: Vec<&Held> = rows.iter().filter_map(|new| new.row.held.as_ref()).collect();
            if held.len() < rows.len() || !stored.keep_keys(held.into_iter()) {
                return Err(VaultError::Conflict);
            }
            Ok(rows.into_iter().map(|row| stored.insert(row)).collect())
        })
    }

    fn replace(&self, rows: Vec<NewRow>) -> BoxFuture<'_, Result<(), VaultError>> {
        self.try_with(|stored| {
            stored.permit(&rows)?;
            if rows.iter().any(|new| stored.forgets_a_copy(&new.row)) {
                return Err(VaultError::Conflict);
            }
            rows.into_iter().for_each(|row| stored.replace(row));
            Ok(())
        })
    }

    fn hold(&self, copies: Vec<NewCopy>) -> BoxFuture<'_, Result<(), VaultError>> {
        self.try_with(|stored| {
            let is_held = |copy: &NewCopy| {
                stored.by_token.get(&copy.token).is_some_and(|row| row.version > 0)
            };
            copies.iter().try_for_each(|copy| match copy.held.by {
                Holder::House(version) => stored.know(version),
                Holder::Subject(_) => Ok(()),
            })?;
            if !copies.iter().all(is_held) || !stored.keep_keys(copies.iter().map(|it| &it.held)) {
                return Err(VaultError::Conflict);
            }
            copies.into_iter().for_each(|copy| stored.hold(copy.token, copy.held));
            Ok(())
        })
    }

    fn find(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Vec<Option<Row>>, VaultError>> {
        self.with(move |stored| tokens.iter().map(|token| stored.find(token)).collect())
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

    fn count_keys(&self) -> BoxFuture<'_, Result<BTreeMap<Version, u64>, VaultError>> {
        self.with(|stored| counted(stored.keys.values().map(|key| key.version)))
    }

    fn keys_before(
        &self,
        version: Version,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<SubjectKey>, VaultError>> {
        self.with(move |stored| {
            let older = stored.keys.values().filter(|key| key.version < version);
            older.take(limit as usize).cloned().collect()
        })
    }

    fn rewrap(&self, keys: Vec<SubjectKey>) -> BoxFuture<'_, Result<(), VaultError>> {
        self.with(|stored| {
            for key in keys {
                let stored = stored.keys.get_mut(&key.subject).filter(|it| it.id == key.id);
                stored.into_iter().for_each(|stored| *stored = key.clone());
            }
        })
    }

    fn erase(&self, subjects: Vec<SubjectId>) -> BoxFuture<'_, Result<Erased, VaultError>> {
        self.with(move |stored| stored.erase(&subjects))
    }
}

impl Rows {
    /// Keeps the keys of holders who have none; whether each has this very one then. If not,
    /// none is kept.
    fn keep_keys<'k>(&mut self, held: impl Iterator<Item = &'k Held>) -> bool {
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
    fn forgets_a_copy(&self, row: &Row) -> bool {
        let of_house = self.copies.get(&Place(row.token.clone(), None));
        let is_subjects = row.held.as_ref().is_some_and(|held| held.by.key().is_some());
        is_subjects && of_house.is_some_and(|copy| copy.version != Some(row.version))
    }

    fn hold(&mut self, token: Token, held: Held) {
        let place = Place(token, held.by.key());
        let version = match held.by {
            Holder::House(version) => Some(version),
            Holder::Subject(_) => None,
        };
        self.copies.entry(place).or_insert(Copy { version, sealed: held.sealed });
    }

    /// A copy as its holder has it, if their key is there.
    fn opens(&self, place: &Place, copy: &Copy) -> Option<Held> {
        let by = match place.1 {
            None => Holder::House(copy.version?),
            Some(id) => Holder::Subject(self.keys.values().find(|key| key.id == id)?.clone()),
        };
        Some(Held { by, sealed: copy.sealed.clone() })
    }

    fn copies_of(&self, token: &Token) -> impl Iterator<Item = (&Place, &Copy)> {
        let first = Place(token.clone(), None);
        self.copies.range(first..).take_while(|(place, _)| place.0 == *token)
    }

    fn find(&self, token: &Token) -> Option<Row> {
        let row = self.by_token.get(token)?.clone();
        let held = self.copies_of(token).find_map(|(place, copy)| self.opens(place, copy));
        Some(Row { held, ..row })
    }

    fn erase(&mut self, subjects: &[SubjectId]) -> Erased {
        let destroyed: Vec<KeyId> =
            subjects.iter().filter_map(|it| Some(self.keys.remove(it)?.id)).collect();
        self.destroyed.extend(&destroyed);
        let is_gone = |place: &Place| place.1.is_some_and(|key| self.destroyed.contains(&key));
        let gone: Vec<Place> = self.copies.keys().filter(|it| is_gone(it)).cloned().collect();
        gone.iter().for_each(|place| drop(self.copies.remove(place)));
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
        Erased { keys: destroyed.len() as u64, copies: gone.len() as u64, tokens }
    }

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
        let NewRow { mut row, kinds, found_by } = new;
        let (token, held) = (row.token.clone(), row.held.take());
        let is_new = !self.by_token.contains_key(&token);
        self.spoil(&row.category, &kinds, is_new);
        if is_new {
            self.newest = self.newest.max(row.version);
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

    fn replace(&mut self, NewRow { mut row, kinds, found_by }: NewRow) {
        let held = row.held.take();
        let stored = self.by_token.get_mut(&row.token).filter(|row| row.version > 0);
        let Some(stored) = stored else { return };
        let stored = std::mem::replace(stored, row.clone());
        self.spoil(&row.category, &kinds, true);
        self.newest = self.newest.max(row.version);
        self.by_index.entry(stored.rough).or_default().remove(&row.token);
        self.by_index.entry(row.rough).or_default().insert(row.token.clone());
        self.found_by.insert(row.token.clone(), found_by.into_iter().collect());
        if let Some(held) = held
            && self.copies.remove(&Place(row.token.clone(), held.by.key())).is_some()
        {
            self.hold(row.token, held);
        }
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
        Some(rows.filter_map(|row| self.find(&row.token)).take(limit).collect())
    }
}

fn counted(versions: impl Iterator<Item = Version>) -> BTreeMap<Version, u64> {
    versions.fold(BTreeMap::new(), |mut counts, version| {
        *counts.entry(version).or_default() += 1;
        counts
    })
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
