// SPDX-License-Identifier: Apache-2.0

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::base::{Category, Jurisdiction, SubjectId};
use crate::keys::{Realm, Version};
use crate::transfer_log::{Entry, TransferLog, TransferLogError};
use crate::vault::{
    BoxFuture, Built, Erased, Found, HeldRows, Index, KeyCounts, KeyId, Kinds, NewCopy, NewRow,
    Place, Rewrapped, Row, Search, SubjectKey, SubjectKeyStore, Token, TokenStore, VaultError,
    Wanted,
};

use super::Metrics;

/// A token store that is timed.
pub struct MeasuredStore {
    inner: Arc<dyn TokenStore>,
    metrics: Arc<Metrics>,
}

impl MeasuredStore {
    pub fn new(inner: Arc<dyn TokenStore>, metrics: Arc<Metrics>) -> Self {
        Self { inner, metrics }
    }

    fn time<'a, T: 'a>(
        &'a self,
        operation: &'static str,
        call: BoxFuture<'a, Result<T, VaultError>>,
    ) -> BoxFuture<'a, Result<T, VaultError>> {
        Box::pin(async move {
            let start = Instant::now();
            let result = call.await;
            self.metrics.vault_operation(operation, result.is_ok(), start.elapsed());
            result
        })
    }
}

impl TokenStore for MeasuredStore {
    fn insert(&self, rows: Vec<NewRow>) -> BoxFuture<'_, Result<Vec<Row>, VaultError>> {
        self.time("insert", self.inner.insert(rows))
    }

    fn replace(&self, rows: Vec<NewRow>) -> BoxFuture<'_, Result<(), VaultError>> {
        self.time("replace", self.inner.replace(rows))
    }

    fn hold(&self, copies: Vec<NewCopy>) -> BoxFuture<'_, Result<(), VaultError>> {
        self.time("hold", self.inner.hold(copies))
    }

    fn look_up(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Found, VaultError>> {
        self.time("find", self.inner.look_up(tokens))
    }

    fn held_by(&self, wanted: Wanted) -> BoxFuture<'_, Result<Vec<HeldRows>, VaultError>> {
        self.time("held_by", self.inner.held_by(wanted))
    }

    fn find_by_index(
        &self,
        indexes: Vec<Index>,
        newest: Version,
    ) -> BoxFuture<'_, Result<Vec<Vec<Row>>, VaultError>> {
        self.time("find_by_index", self.inner.find_by_index(indexes, newest))
    }

    fn search(
        &self,
        searches: Vec<Search>,
        limit: u32,
        newest: Version,
    ) -> BoxFuture<'_, Result<Vec<Option<Vec<Row>>>, VaultError>> {
        self.time("search", self.inner.search(searches, limit, newest))
    }

    fn found_by(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Vec<Vec<Index>>, VaultError>> {
        self.time("found_by", self.inner.found_by(tokens))
    }

    fn built(&self) -> BoxFuture<'_, Result<Vec<Built>, VaultError>> {
        self.time("built", self.inner.built())
    }

    fn begin_build(
        &self,
        shall_be: Kinds,
        build: u64,
    ) -> BoxFuture<'_, Result<BTreeSet<Category>, VaultError>> {
        self.time("begin_build", self.inner.begin_build(shall_be, build))
    }

    fn finish_build(
        &self,
        build: u64,
        except: BTreeSet<Category>,
    ) -> BoxFuture<'_, Result<(), VaultError>> {
        self.time("finish_build", self.inner.finish_build(build, except))
    }

    fn list(
        &self,
        after: Option<Place>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<(Place, Row)>, VaultError>> {
        self.time("list", self.inner.list(after, limit))
    }

    fn count(&self) -> BoxFuture<'_, Result<BTreeMap<Version, u64>, VaultError>> {
        self.time("count", self.inner.count())
    }

    fn health(&self) -> BoxFuture<'_, Result<(), VaultError>> {
        self.time("health", self.inner.health())
    }
}

impl SubjectKeyStore for MeasuredStore {
    fn keys(
        &self,
        subjects: Vec<SubjectId>,
    ) -> BoxFuture<'_, Result<Vec<Option<SubjectKey>>, VaultError>> {
        self.time("keys", self.inner.keys(subjects))
    }

    fn count_keys(&self) -> BoxFuture<'_, Result<KeyCounts, VaultError>> {
        self.time("count_keys", self.inner.count_keys())
    }

    fn keys_before(
        &self,
        under: (Realm, Version),
        after: Option<KeyId>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<SubjectKey>, VaultError>> {
        self.time("keys_before", self.inner.keys_before(under, after, limit))
    }

    fn rewrap(&self, keys: Vec<Rewrapped>) -> BoxFuture<'_, Result<(), VaultError>> {
        self.time("rewrap", self.inner.rewrap(keys))
    }

    fn erase(&self, subjects: Vec<SubjectId>) -> BoxFuture<'_, Result<Erased, VaultError>> {
        self.time("erase", self.inner.erase(subjects))
    }

    fn end(&self, jurisdiction: Jurisdiction) -> BoxFuture<'_, Result<Erased, VaultError>> {
        self.time("end", self.inner.end(jurisdiction))
    }
}

impl fmt::Debug for MeasuredStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeasuredStore").finish_non_exhaustive()
    }
}

/// A transfer log that is timed.
pub struct MeasuredLog {
    inner: Arc<dyn TransferLog>,
    metrics: Arc<Metrics>,
}

impl MeasuredLog {
    pub fn new(inner: Arc<dyn TransferLog>, metrics: Arc<Metrics>) -> Self {
        Self { inner, metrics }
    }
}

impl TransferLog for MeasuredLog {
    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<(), TransferLogError>> {
        Box::pin(async move {
            let start = Instant::now();
            let result = self.inner.append(entries).await;
            self.metrics.transfer_log_append(result.is_ok(), start.elapsed());
            result
        })
    }

    fn health(&self) -> Result<(), TransferLogError> {
        self.inner.health()
    }
}

impl fmt::Debug for MeasuredLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeasuredLog").finish_non_exhaustive()
    }
}
