// SPDX-License-Identifier: Apache-2.0

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::keys::{Lease, LeaseOver};
use crate::policy::Policy;
use crate::telemetry::Metrics;
use crate::vault::{Due, Kinds, Vault, VaultError};

/// How long rows may wait that another process wrote under older keys.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// Before what others have written meanwhile, or what could not be read, is gone through again;
/// then twice as long, up to [`EVERY`].
const FIRST_PAUSE: Duration = Duration::from_secs(5);

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
    /// Rows that were restored are without what was erased after their backup, and keysets are
    /// those that the vault knows.
    pub(super) async fn begin(&self) -> Result<(), VaultError> {
        self.vault.erase(&[]).await?;
        for jurisdiction in self.vault.prove_keysets().await? {
            tracing::error!(
                %jurisdiction,
                "the keyset of the jurisdiction is another one than that which the vault holds keys \
                 of data subjects under, or one from before a rotation: what it holds of them stays \
                 closed, and nothing is kept, until the house is started with the right one"
            );
        }
        if let Ok(Due { closed, .. }) = self.vault.due().await
            && closed > 0
        {
            tracing::error!(
                keys = closed,
                "keys of data subjects are under keysets of jurisdictions that are not at hand: \
                 what is kept under them stays closed; is one missing in `keys.jurisdictions`?"
            );
        }
        if self.vault.count().await? == 0 { self.work().await.map(drop) } else { Ok(()) }
    }

    /// Works whenever there is something to do.
    pub(super) async fn run(&self) -> Infallible {
        let mut pause = FIRST_PAUSE;
        loop {
            let done = tokio::select! {
                // Rows are opened and sealed anew; what is cut off goes on another time.
                biased;
                over = self.lease_over() => Err(over.to_string()),
                done = self.work() => done.map_err(|error| error.to_string()),
            };
            let (wait, next) = match done {
                Ok(true) => (EVERY, FIRST_PAUSE),
                Ok(false) => (pause, (2 * pause).min(EVERY)),
                Err(error) => {
                    tracing::warn!(error, "rows of the vault are not as keys and policies say yet");
                    (pause, (2 * pause).min(EVERY))
                }
            };
            let is_told = tokio::time::timeout(wait, self.changed.notified()).await.is_ok();
            pause = if is_told { FIRST_PAUSE } else { next };
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

    /// Says whether all is as it should be; else something does not open, or somebody has
    /// written other rows meanwhile.
    async fn work(&self) -> Result<bool, VaultError> {
        if self.due().await?.is_nothing() {
            self.metrics.vault_unopened(0);
            return Ok(true);
        }
        let rows = self.vault.count().await?;
        let at = |read: u64| {
            if read.is_multiple_of(STEP) {
                tracing::info!(read, rows, "rows of the vault are sealed and indexed anew");
            }
        };
        at(0);
        let unopened = self.vault.keep_up(random()?, at).await?;
        self.metrics.vault_unopened(unopened.count);
        for problem in &unopened.named {
            tracing::error!(%problem, "a row of the vault stays as it is");
        }
        if unopened.count > 0 {
            tracing::error!(
                rows = unopened.count,
                "rows of the vault do not open, and stay as they are: the older keys stay needed, and \
                 searches that would not find them refused; `zollhaus vault verify` names more"
            );
        }
        let is_all = self.due().await?.is_nothing();
        if is_all {
            tracing::info!(rows, "all rows of the vault are as keys and policies say");
        }
        Ok(is_all)
    }

    async fn due(&self) -> Result<Due, VaultError> {
        let due = self.vault.due().await?;
        self.metrics.vault_due(due.under_older_keys, due.not_indexed.len(), due.closed);
        Ok(due)
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
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::base::{Cleartext, SearchKind, SubjectId};
    use crate::keys::Keyset;
    use crate::vault::{Form, HookedStore, IndexState, MemoryStore, ToKeep, TokenStore};

    async fn until(counted: impl AsyncFn() -> BTreeMap<u32, u64>, expected: BTreeMap<u32, u64>) {
        while counted().await != expected {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn rows_are_sealed_anew_while_the_keys_may_be_used() {
        let keyset = Keyset::generate(&"acme".into()).unwrap();
        let store = Arc::new(MemoryStore::default());
        let before = Vault::new(store.clone(), &keyset);
        before.tokenize(&[(&"name".into(), &Cleartext::new("Anna"))]).await.unwrap();
        let rotated = Vault::new(store.clone(), &keyset.rotated());
        let metrics = Arc::new(Metrics::new().unwrap());
        let counted = async || store.count().await.unwrap();
        let over = Upkeep::new(rotated.clone(), Lease::over(), Arc::clone(&metrics));
        let _ = tokio::time::timeout(Duration::from_millis(20), over.run()).await;
        assert_eq!(counted().await, BTreeMap::from([(1, 1)]));
        let upkeep = Upkeep::new(rotated, Lease::unlimited(), metrics);
        tokio::select! {
            never = upkeep.run() => match never {},
            () = until(counted, BTreeMap::from([(2, 1)])) => {}
        }
    }

    #[tokio::test]
    async fn what_was_erased_after_a_backup_of_the_rows_is_forgotten_at_the_start() {
        let keyset = Keyset::generate(&"acme".into()).unwrap();
        let store = Arc::new(MemoryStore::default());
        let vault = Vault::new(store.clone(), &keyset);
        let (category, value, subject) =
            ("name".into(), Cleartext::new("Anna"), SubjectId([1; 16]));
        let kept = ToKeep::for_house((&category, &value), Form::Word);
        vault.keep(&[ToKeep { holder: Some(subject), ..kept }]).await.unwrap();
        let (_, row) = store.list(None, 1).await.unwrap().remove(0);
        vault.erase(&[subject]).await.unwrap();
        store.put_copy(row);
        let upkeep = Upkeep::new(vault, Lease::unlimited(), Arc::new(Metrics::new().unwrap()));
        upkeep.begin().await.unwrap();
        assert_eq!(store.count().await.unwrap(), BTreeMap::new());
    }

    /// Another process, with another policy, writes a row while the index is built: searches
    /// are refused until it is built again, which is soon.
    #[tokio::test]
    async fn a_build_that_was_spoilt_is_begun_again_soon() {
        let keyset = Keyset::generate(&"acme".into()).unwrap();
        let spoilt = AtomicBool::new(false);
        let others = Vault::new(Arc::new(MemoryStore::default()), &keyset);
        let token = others.tokenize(&[(&"name".into(), &Cleartext::new("Bert"))]).await.unwrap();
        let row = others.row_for_test(&"name".into(), &Cleartext::new("Bert"), token[0].clone());
        let store = Arc::new(HookedStore::new(move |call, _, rows| {
            if call == "finish_build" && !spoilt.swap(true, Ordering::Relaxed) {
                rows.put(row.clone());
            }
            Ok(())
        }));
        let vault = Vault::new(store.clone(), &keyset);
        vault.tokenize(&[(&"name".into(), &Cleartext::new("Anna"))]).await.unwrap();
        vault.index_for(Kinds::from([("name".into(), [SearchKind::Prefix].into())]));
        let upkeep = Upkeep::new(vault, Lease::unlimited(), Arc::new(Metrics::new().unwrap()));
        let is_complete = async || {
            let built = store.built().await.unwrap();
            built.iter().any(|index| index.state == IndexState::Complete)
        };
        let complete = async {
            while !is_complete().await {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            never = upkeep.run() => match never {},
            () = complete => {}
        }
    }
}
