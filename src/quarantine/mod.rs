// SPDX-License-Identifier: Apache-2.0
//! Records of a batch that may not travel, kept until the caller is told of them: some
//! APIs tell what became of a batch by a later answer only.
//!
//! Invariants:
//! - What is kept is durable before the rest of the batch leaves.
//! - It is sealed, bound to its upstream, batch and request.
//! - After [`KEPT`] it is deleted, whoever has asked for it ([`Quarantine::forget`]).

mod postgres;
mod sqlite;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use smol_str::SmolStr;

use crate::base::{Cleartext, EntryId, Tenant, Timestamp, UpstreamName};
use crate::keys::{Keyset, Siv, Version, Versions};
use crate::postgres::PostgresError;
use crate::sqlite::DatabaseError;
use crate::vault::BoxFuture;

pub use postgres::PostgresQuarantine;
pub use sqlite::SqliteQuarantine;

/// Longer than any CRM keeps what it knows of a batch: Salesforce deletes bulk jobs after
/// seven days.
pub const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Keeps sealed pieces, each of a request of a batch. What is written is durable on return;
/// dropping the future may or may not leave it done.
pub trait QuarantineStore: Send + Sync {
    /// Adds pieces behind those that are there.
    fn keep(
        &self,
        of: BatchName,
        request: EntryId,
        sealed: Vec<Vec<u8>>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<(), QuarantineError>>;

    /// Deletes what was kept before a time.
    fn forget(&self, before: Timestamp) -> BoxFuture<'_, Result<(), QuarantineError>>;

    /// Deletes the pieces of these requests of a batch.
    fn settle(&self, of: BatchName, over: Over) -> BoxFuture<'_, Result<(), QuarantineError>>;

    /// How many bytes are kept of a batch.
    fn size(&self, of: BatchName) -> BoxFuture<'_, Result<usize, QuarantineError>>;

    /// The pieces of a batch: by time, by request, and as they were added.
    fn find(&self, of: BatchName) -> BoxFuture<'_, Result<Vec<Piece>, QuarantineError>>;

    /// The batches that there are pieces of.
    fn batches(&self) -> BoxFuture<'_, Result<Vec<BatchName>, QuarantineError>>;
}

/// What is kept, sealed, of a request.
pub type Piece = (EntryId, Vec<u8>);

/// Requests of a batch whose pieces are not needed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    This(EntryId),
    AllBut(EntryId),
}

/// What is kept of batches; over any store.
#[derive(Clone)]
pub struct Quarantine {
    store: Arc<dyn QuarantineStore>,
    tenant: Tenant,
    keys: Versions<Siv>,
}

/// A batch by what the CRM goes on to name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchName {
    pub upstream: UpstreamName,
    pub batch: SmolStr,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum QuarantineError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error("a row of the quarantine does not open under our keys")]
    Corrupt,
}

impl Quarantine {
    pub fn new(store: Arc<dyn QuarantineStore>, keyset: &Keyset) -> Self {
        Self { store, tenant: keyset.tenant.clone(), keys: keyset.vault.clone() }
    }

    /// Keeps records that one request leaves out of a batch, in the pieces that they were
    /// found in. Durable on return.
    ///
    /// # Errors
    /// When they cannot be written; then the rest of the batch must not leave.
    pub async fn keep(
        &self,
        of: &BatchName,
        request: EntryId,
        records: &[Cleartext],
        now: Timestamp,
    ) -> Result<(), QuarantineError> {
        let bound_to = self.bound_to(of, &request);
        let seal =
            |records: &Cleartext| self.keys.active().seal(bound_to, records.expose().as_bytes());
        let sealed = records.iter().map(seal).collect();
        self.store.keep(of.clone(), request, sealed, now).await
    }

    /// Deletes what is older than [`KEPT`].
    ///
    /// # Errors
    /// When it is still there.
    pub async fn forget(&self, now: Timestamp) -> Result<(), QuarantineError> {
        let kept = u64::try_from(KEPT.as_millis()).unwrap_or(u64::MAX);
        let before = Timestamp::from_unix_millis(now.unix_millis().saturating_sub(kept));
        self.store.forget(before).await
    }

    /// What became of the rest of the batch: taken, it is the batch, and no other request
    /// is; otherwise this request is none.
    pub async fn settle(
        &self,
        of: &BatchName,
        request: EntryId,
        is_taken: bool,
    ) -> Result<(), QuarantineError> {
        let over = if is_taken { Over::AllBut(request) } else { Over::This(request) };
        self.store.settle(of.clone(), over).await
    }

    /// How many bytes are kept of a batch, sealed.
    pub async fn size(&self, of: &BatchName) -> Result<usize, QuarantineError> {
        self.store.size(of.clone()).await
    }

    /// What is kept of a batch. Of a request that nobody knows to be taken or not, it
    /// is there as well.
    ///
    /// # Errors
    /// [`QuarantineError`]; then nobody may be told that nothing was left out.
    pub async fn find(&self, of: &BatchName) -> Result<Vec<Cleartext>, QuarantineError> {
        let rows = self.store.find(of.clone()).await?;
        let opened = rows.iter().map(|(request, sealed)| {
            let mut keys = self.keys.iter();
            let clear = keys.find_map(|(_, key)| key.open(self.bound_to(of, request), sealed))?;
            std::str::from_utf8(&clear).ok().map(Cleartext::new)
        });
        opened.collect::<Option<_>>().ok_or(QuarantineError::Corrupt)
    }

    /// How many pieces are sealed under this version of the vault's key.
    pub async fn count_under(&self, version: Version) -> Result<u64, QuarantineError> {
        let Some(key) = self.keys.get(version) else { return Ok(0) };
        let mut count = 0;
        for of in self.store.batches().await? {
            for (request, sealed) in self.store.find(of.clone()).await? {
                let opens = key.open(self.bound_to(&of, &request), &sealed);
                count += u64::from(opens.is_some());
            }
        }
        Ok(count)
    }

    /// How many batches have records left out, all of which open.
    ///
    /// # Errors
    /// [`QuarantineError::Corrupt`] when one does not.
    pub async fn verify(&self) -> Result<usize, QuarantineError> {
        let names = self.store.batches().await?;
        for of in &names {
            self.find(of).await?;
        }
        Ok(names.len())
    }

    fn bound_to<'a>(&'a self, of: &'a BatchName, request: &'a EntryId) -> [&'a [u8]; 5] {
        let [tenant, upstream, batch] =
            [self.tenant.as_str(), of.upstream.as_str(), &of.batch].map(str::as_bytes);
        [b"zollhaus quarantine 1", tenant, upstream, batch, &request.0]
    }
}

fn millis(time: Timestamp) -> i64 {
    i64::try_from(time.unix_millis()).unwrap_or(i64::MAX)
}

impl fmt::Debug for Quarantine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quarantine").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}
