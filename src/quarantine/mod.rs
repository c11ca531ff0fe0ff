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
use crate::keys::{InUse, Keyset, Siv, Version, Versions};
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
    /// Adds pieces of one request, sealed under one version of the vault's key, behind those
    /// that are there.
    ///
    /// # Errors
    /// [`QuarantineError::KeyGone`] where the vault beside it was written under a newer one:
    /// this one may be destroyed.
    fn keep(&self, of: BatchName, pieces: Vec<Piece>, now: Timestamp) -> Done<'_>;

    /// Deletes what was kept before a time.
    fn forget(&self, before: Timestamp) -> Done<'_>;

    /// Deletes the pieces of these requests of a batch.
    fn settle(&self, of: BatchName, over: Over) -> Done<'_>;

    /// How many bytes are kept of a batch.
    fn size(&self, of: BatchName) -> Done<'_, usize>;

    /// The pieces of a batch: by time, by request, and as they were added.
    fn find(&self, of: BatchName) -> Done<'_, Vec<Piece>>;

    /// The batches that there are pieces of.
    fn batches(&self) -> Done<'_, Vec<BatchName>>;

    /// How many pieces need this version of the vault's key, as far as it is known.
    fn count_under(&self, version: Version) -> Done<'_, u64>;
}

pub type Done<'a, T = ()> = BoxFuture<'a, Result<T, QuarantineError>>;

/// What is kept of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub request: EntryId,
    /// Of the vault's key, under which it is sealed; unknown of pieces that were kept before
    /// versions were kept with them.
    pub version: Option<Version>,
    pub sealed: Vec<u8>,
}

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
    in_use: InUse,
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
    /// A piece is, or would be, sealed under a key that is destroyed, or that this keyset does
    /// not have yet.
    #[error(
        "the vault was written under version {0} of its key, which the keyset does not hold; if it \
         was rotated a moment ago, start this process again"
    )]
    KeyGone(Version),
    #[error("a row of the quarantine does not open under our keys")]
    Corrupt,
}

impl Quarantine {
    pub fn new(store: Arc<dyn QuarantineStore>, keyset: &Keyset) -> Self {
        let (tenant, keys) = (keyset.tenant.clone(), keyset.vault.clone());
        Self { store, tenant, in_use: InUse::of(&keys), keys }
    }

    /// Keeps records that one request leaves out of a batch, in the pieces that they were
    /// found in. Durable on return.
    ///
    /// # Errors
    /// When they cannot be written, or only under a key that may be destroyed; then the rest of
    /// the batch must not leave.
    pub async fn keep(
        &self,
        of: &BatchName,
        request: EntryId,
        records: &[Cleartext],
        now: Timestamp,
    ) -> Result<(), QuarantineError> {
        let bound_to = self.bound_to(of, &request);
        loop {
            let version = self.in_use.version();
            let key = self.keys.get(version).ok_or(QuarantineError::KeyGone(version))?;
            let seal = |records: &Cleartext| Piece {
                request,
                version: Some(version),
                sealed: key.seal(bound_to, records.expose().as_bytes()),
            };
            match self.store.keep(of.clone(), records.iter().map(seal).collect(), now).await {
                Err(QuarantineError::KeyGone(newer)) if self.in_use.take_up(newer) => {}
                kept => return kept,
            }
        }
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
        self.store.find(of.clone()).await?.iter().map(|piece| self.open(of, piece)).collect()
    }

    fn open(&self, of: &BatchName, piece: &Piece) -> Result<Cleartext, QuarantineError> {
        let Piece { request, version, sealed } = piece;
        if let Some(version) = version.filter(|version| self.keys.get(*version).is_none()) {
            return Err(QuarantineError::KeyGone(version));
        }
        let mut keys = self.keys.iter().filter(|(of, _)| version.is_none_or(|it| it == *of));
        let clear = keys.find_map(|(_, key)| key.open(self.bound_to(of, request), sealed));
        let clear = clear.ok_or(QuarantineError::Corrupt)?;
        std::str::from_utf8(&clear).map(Cleartext::new).map_err(|_| QuarantineError::Corrupt)
    }

    /// How many pieces need this version of the vault's key, as far as it is known.
    pub async fn count_under(&self, version: Version) -> Result<u64, QuarantineError> {
        self.store.count_under(version).await
    }

    /// How many batches have records left out, all of which open.
    ///
    /// # Errors
    /// [`QuarantineError::Corrupt`] or [`QuarantineError::KeyGone`] when one does not.
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
