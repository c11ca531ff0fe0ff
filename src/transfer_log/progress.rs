// SPDX-License-Identifier: Apache-2.0

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::TransferLogError;
use crate::telemetry::Metrics;

/// How far the parts of a log have come; they run in threads of their own.
#[derive(Debug)]
pub struct Progress {
    metrics: Arc<Metrics>,
    durable: AtomicU64,
    integrated: AtomicU64,
    /// How many entries may be durable and not integrated.
    max_unintegrated: u64,
    /// Why nothing may be appended any more.
    halted: OnceLock<String>,
}

impl Progress {
    pub fn new(
        durable: u64,
        integrated: u64,
        max_unintegrated: u64,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (durable, integrated) = (AtomicU64::new(durable), AtomicU64::new(integrated));
        let progress =
            Self { metrics, durable, integrated, max_unintegrated, halted: OnceLock::new() };
        progress.measure();
        progress
    }

    pub const fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    fn measure(&self) {
        let integrated = self.integrated();
        self.metrics.transfer_log_sizes(self.durable(), integrated);
    }

    /// How many entries are durable in the journal.
    pub fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    pub fn set_durable(&self, entries: u64) {
        self.durable.store(entries, Ordering::Release);
        self.measure();
    }

    /// How many entries the last checkpoint covers.
    pub fn integrated(&self) -> u64 {
        self.integrated.load(Ordering::Acquire)
    }

    pub fn set_integrated(&self, entries: u64) {
        self.integrated.store(entries, Ordering::Release);
        self.measure();
    }

    /// Ends all appends for good.
    pub fn halt(&self, reason: String) {
        tracing::error!(reason, "the transfer log takes no more entries");
        // The first reason stays.
        let _ = self.halted.set(reason);
    }

    /// # Errors
    /// Why a request must not leave: its entry would not get into the tree.
    pub fn check(&self) -> Result<(), TransferLogError> {
        if let Some(reason) = self.halted.get() {
            return Err(TransferLogError::Unavailable(reason.clone()));
        }
        // The order matters: what is integrated was durable before.
        let integrated = self.integrated();
        let waiting = self.durable().saturating_sub(integrated);
        if waiting >= self.max_unintegrated {
            let problem = format!(
                "{waiting} entries wait to be integrated, and `transfer_log.max_unintegrated` is {}",
                self.max_unintegrated
            );
            return Err(TransferLogError::Unavailable(problem));
        }
        Ok(())
    }
}
