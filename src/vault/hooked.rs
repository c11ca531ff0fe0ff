// SPDX-License-Identifier: Apache-2.0

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{
    BoxFuture, Built, Erased, Found, HeldRows, Index, KeyCounts, KeyId, Kinds, MemoryStore,
    NewCopy, NewRow, Place, Rewrapped, Row, Search, SubjectKey, SubjectKeyStore, Token, TokenStore,
    VaultError, Wanted,
};
use crate::base::{Category, Jurisdiction, SubjectId};
use crate::keys::{Realm, Version};

/// Hears of each call before it is made, by its name and the rows that it brings, and can
/// make it fail.
type Hook =
    Box<dyn Fn(&'static str, &[NewRow], &MemoryStore) -> Result<(), VaultError> + Send + Sync>;

/// Rows in memory, with somebody who listens.
pub struct HookedStore {
    pub rows: MemoryStore,
    hook: Hook,
}

impl HookedStore {
    pub fn new(
        hook: impl Fn(&'static str, &[NewRow], &MemoryStore) -> Result<(), VaultError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self { rows: MemoryStore::default(), hook: Box::new(hook) }
    }

    fn call<'a, T: Send + 'a>(
        &'a self,
        name: &'static str,
        rows: &[NewRow],
        call: BoxFuture<'a, Result<T, VaultError>>,
    ) -> BoxFuture<'a, Result<T, VaultError>> {
        let heard = (self.hook)(name, rows, &self.rows);
        Box::pin(async move {
            heard?;
            call.await
        })
    }
}

impl TokenStore for HookedStore {
    fn insert(&self, rows: Vec<NewRow>) -> BoxFuture<'_, Result<Vec<Row>, VaultError>> {
        self.call("insert", &rows.clone(), self.rows.insert(rows))
    }

    fn replace(&self, rows: Vec<NewRow>) -> BoxFuture<'_, Result<(), VaultError>> {
        self.call("replace", &rows.clone(), self.rows.replace(rows))
    }

    fn hold(&self, copies: Vec<NewCopy>) -> BoxFuture<'_, Result<(), VaultError>> {
        self.call("hold", &[], self.rows.hold(copies))
    }

    fn look_up(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Found, VaultError>> {
        self.call("find", &[], self.rows.look_up(tokens))
    }

    fn held_by(&self, wanted: Wanted) -> BoxFuture<'_, Result<Vec<HeldRows>, VaultError>> {
        self.call("held_by", &[], self.rows.held_by(wanted))
    }

    fn find_by_index(
        &self,
        indexes: Vec<Index>,
        newest: Version,
    ) -> BoxFuture<'_, Result<Vec<Vec<Row>>, VaultError>> {
        self.call("find_by_index", &[], self.rows.find_by_index(indexes, newest))
    }

    fn search(
        &self,
        searches: Vec<Search>,
        limit: u32,
        newest: Version,
    ) -> BoxFuture<'_, Result<Vec<Option<Vec<Row>>>, VaultError>> {
        self.call("search", &[], self.rows.search(searches, limit, newest))
    }

    fn found_by(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Vec<Vec<Index>>, VaultError>> {
        self.call("found_by", &[], self.rows.found_by(tokens))
    }

    fn built(&self) -> BoxFuture<'_, Result<Vec<Built>, VaultError>> {
        self.call("built", &[], self.rows.built())
    }

    fn begin_build(
        &self,
        shall_be: Kinds,
        build: u64,
    ) -> BoxFuture<'_, Result<BTreeSet<Category>, VaultError>> {
        self.call("begin_build", &[], self.rows.begin_build(shall_be, build))
    }

    fn finish_build(
        &self,
        build: u64,
        except: BTreeSet<Category>,
    ) -> BoxFuture<'_, Result<(), VaultError>> {
        self.call("finish_build", &[], self.rows.finish_build(build, except))
    }

    fn list(
        &self,
        after: Option<Place>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<(Place, Row)>, VaultError>> {
        self.call("list", &[], self.rows.list(after, limit))
    }

    fn count(&self) -> BoxFuture<'_, Result<BTreeMap<Version, u64>, VaultError>> {
        self.call("count", &[], self.rows.count())
    }

    fn health(&self) -> BoxFuture<'_, Result<(), VaultError>> {
        self.call("health", &[], self.rows.health())
    }
}

impl SubjectKeyStore for HookedStore {
    fn keys(
        &self,
        subjects: Vec<SubjectId>,
    ) -> BoxFuture<'_, Result<Vec<Option<SubjectKey>>, VaultError>> {
        self.call("keys", &[], self.rows.keys(subjects))
    }

    fn count_keys(&self) -> BoxFuture<'_, Result<KeyCounts, VaultError>> {
        self.call("count_keys", &[], self.rows.count_keys())
    }

    fn keys_before(
        &self,
        under: (Realm, Version),
        after: Option<KeyId>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<SubjectKey>, VaultError>> {
        self.call("keys_before", &[], self.rows.keys_before(under, after, limit))
    }

    fn rewrap(&self, keys: Vec<Rewrapped>) -> BoxFuture<'_, Result<(), VaultError>> {
        self.call("rewrap", &[], self.rows.rewrap(keys))
    }

    fn erase(&self, subjects: Vec<SubjectId>) -> BoxFuture<'_, Result<Erased, VaultError>> {
        self.call("erase", &[], self.rows.erase(subjects))
    }

    fn end(&self, jurisdiction: Jurisdiction) -> BoxFuture<'_, Result<Erased, VaultError>> {
        self.call("end", &[], self.rows.end(jurisdiction))
    }
}

impl fmt::Debug for HookedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookedStore").finish_non_exhaustive()
    }
}
