// SPDX-License-Identifier: Apache-2.0

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::keys::{Lease, LeaseOver};
use crate::policy::Policy;
use crate::telemetry::Metrics;
use crate::vault::{Kinds, Vault, VaultError};

/// How long rows may wait that another process wrote under older keys.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// The keys are in use for no longer after their lease is over.
const LEASE_CHECK: Duration = Duration::from_secs(1);

/// So many rows between two lines about how far it is.
const STEP: u64 = 100_000;

/// Brings what the vault holds to what keys and policies say, while the house runs.
#[derive(Clone, Debug)]
pub(super) struct Upkeep {
    vault: Vault,
    lease: Lease,
    metrics: Arc<Metrics>,
    changed: Arc<Notify>,
}

impl Upkeep {
    pub(super) fn new(vault: Vault, lease: Lease, metrics: Arc<Metrics>) -> Self {
        Self { vault, lease, metrics, changed: Arc::default() }
    }

    /// From now on values are indexed for what these policies search for.
    pub(super) fn index_for<'p>(&self, policies: impl Iterator<Item = &'p Policy>) {
        let mut kinds = Kinds::new();
        for (category, of_category) in policies.flat_map(Policy::search_kinds) {
            kinds.entry(category).or_default().extend(of_category);
        }
        self.vault.index_for(kinds);
        self.changed.notify_one();
    }

    /// Works at once if there is nothing to read: then the first search needs not wait.
    pub(super) async fn begin(&self) -> Result<(), VaultError> {
        if self.vault.count().await? == 0 { self.work().await } else { Ok(()) }
    }

    /// Works whenever there is something to do.
    pub(super) async fn run(&self) -> Infallible {
        loop {
            let done = tokio::select! {
                // Rows are opened and sealed anew; what is cut off goes on another time.
                biased;
                over = self.lease_over() => Err(over.to_string()),
                done = self.work() => done.map_err(|error| error.to_string()),
            };
            if let Err(error) = done {
                tracing::warn!(error, "rows of the vault are not as keys and policies say yet");
            }
            let _ = tokio::time::timeout(EVERY, self.changed.notified()).await;
        }
    }

    /// Waits until the keys may not be used any more.
    async fn lease_over(&self) -> LeaseOver {
        loop {
            match self.lease.check() {
                Err(over) => return over,
                Ok(()) => tokio::time::sleep(LEASE_CHECK).await,
            }
        }
    }

    async fn work(&self) -> Result<(), VaultError> {
        let due = self.vault.due().await?;
        self.metrics.vault_due(due.under_older_keys, due.not_indexed.len());
        if due.is_nothing() {
            return Ok(());
        }
        let rows = self.vault.count().await?;
        tracing::info!(
            under_older_keys = due.under_older_keys,
            categories = due.not_indexed.len(),
            rows,
            "rows of the vault are sealed and indexed anew"
        );
        let at = |read: u64| {
            if read.is_multiple_of(STEP) {
                tracing::info!(read, rows, "rows of the vault are sealed and indexed anew");
            }
        };
        self.vault.keep_up(random()?, at).await?;
        let due = self.vault.due().await?;
        self.metrics.vault_due(due.under_older_keys, due.not_indexed.len());
        if due.is_nothing() {
            tracing::info!(rows, "all rows of the vault are as keys and policies say");
        }
        Ok(())
    }
}

/// A number that no other call has.
fn random() -> Result<u64, VaultError> {
    getrandom::u64().map(|number| (number >> 1).max(1)).map_err(|error| {
        VaultError::Unavailable(format!("the system gives no random bytes: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::Cleartext;
    use crate::keys::Keyset;
    use crate::vault::{MemoryStore, TokenStore};

    #[tokio::test]
    async fn rows_are_sealed_anew_while_the_keys_may_be_used() {
        let keyset = Keyset::generate(&"acme".into()).unwrap();
        let store = Arc::new(MemoryStore::default());
        let before = Vault::new(store.clone(), &keyset);
        before.tokenize(&[(&"name".into(), &Cleartext::new("Anna"))]).await.unwrap();
        let rotated = Vault::new(store.clone(), &keyset.rotated());
        let metrics = Arc::new(Metrics::new().unwrap());
        for (lease, version) in [(Lease::over(), 1), (Lease::unlimited(), 2)] {
            let upkeep = Upkeep::new(rotated.clone(), lease, Arc::clone(&metrics));
            // A store in memory is never waited for.
            let _ = tokio::time::timeout(Duration::ZERO, upkeep.run()).await;
            assert_eq!(store.count().await.unwrap(), BTreeMap::from([(version, 1)]));
        }
    }
}
