// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::sync::Arc;

use crate::transfer_log::{BoxFuture, Entry, TransferLog, TransferLogError};

use super::progress::Progress;

/// A log whose transfers wait for no stream, but stop when one lags too far.
pub struct GuardedLog {
    inner: Arc<dyn TransferLog>,
    progress: Arc<Progress>,
}

impl GuardedLog {
    pub(super) fn new(inner: Arc<dyn TransferLog>, progress: Arc<Progress>) -> Self {
        Self { inner, progress }
    }
}

impl TransferLog for GuardedLog {
    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<(), TransferLogError>> {
        Box::pin(async move {
            // What has left the house is recorded in any case.
            if entries.iter().any(|entry| matches!(entry, Entry::Transfer(_))) {
                self.progress.permit_transfers()?;
            }
            let result = self.inner.append(entries).await;
            self.progress.measure();
            result
        })
    }

    fn health(&self) -> Result<(), TransferLogError> {
        self.inner.health()
    }
}

impl fmt::Debug for GuardedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedLog").field("streams", &self.progress).finish_non_exhaustive()
    }
}
