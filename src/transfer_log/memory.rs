// SPDX-License-Identifier: Apache-2.0

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::stream::{Tail, TailError};
use super::{BoxFuture, Entry, TransferLog, TransferLogError};

/// A log that lasts as long as the process: for tests and the offline commands.
#[derive(Debug, Default)]
pub struct MemoryLog {
    state: Mutex<State>,
    size: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    entries: Vec<Entry>,
    is_failing: bool,
}

impl MemoryLog {
    pub fn new() -> Self {
        Self::default()
    }

    /// Every entry so far, in order.
    pub fn entries(&self) -> Vec<Entry> {
        self.state().entries.clone()
    }

    /// Makes appends and health fail until it is told otherwise.
    pub fn set_failing(&self, is_failing: bool) {
        self.state().is_failing = is_failing;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn check(&self) -> Result<(), TransferLogError> {
        if self.is_failing {
            return Err(TransferLogError::Unavailable("it was told to fail".to_owned()));
        }
        Ok(())
    }
}

impl TransferLog for MemoryLog {
    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<(), TransferLogError>> {
        Box::pin(async move {
            let mut state = self.state();
            state.check()?;
            state.entries.extend(entries);
            self.size.send_replace(state.entries.len() as u64);
            Ok(())
        })
    }

    fn health(&self) -> Result<(), TransferLogError> {
        self.state().check()
    }
}

impl Tail for MemoryLog {
    fn size(&self) -> u64 {
        *self.size.borrow()
    }

    fn read(&self, from: u64, max: usize) -> BoxFuture<'_, Result<Vec<Entry>, TailError>> {
        Box::pin(async move {
            let state = self.state();
            state.check().map_err(|error| TailError::Unreadable(error.to_string()))?;
            let from = usize::try_from(from).unwrap_or(usize::MAX);
            Ok(state.entries.iter().skip(from).take(max).cloned().collect())
        })
    }

    fn grown_beyond(&self, size: u64) -> BoxFuture<'_, ()> {
        let mut sizes = self.size.subscribe();
        Box::pin(async move {
            // The sender lives as long as the log.
            let _ = sizes.wait_for(|now| *now > size).await;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::MemoryLog;
    use crate::base::EntryId;
    use crate::base::Timestamp;
    use crate::transfer_log::{Entry, Outcome, TransferLog, TransferResult};

    #[tokio::test]
    async fn entries_stay_in_order_and_none_is_kept_while_it_fails() {
        let entry = |number| {
            Entry::Outcome(Outcome {
                version: 1,
                id: EntryId([number; 16]),
                time: Timestamp::from_unix_millis(0),
                result: TransferResult::Failed,
                status: None,
                reveals: Vec::new(),
                subjects: Vec::new(),
            })
        };
        let log = MemoryLog::new();
        log.append(vec![entry(1), entry(2)]).await.unwrap();
        log.set_failing(true);
        assert!(log.append(vec![entry(3)]).await.is_err());
        assert!(log.health().is_err());
        log.set_failing(false);
        log.append(vec![entry(4)]).await.unwrap();
        let number = |entry: &Entry| match entry {
            Entry::Outcome(outcome) => outcome.id.0[0],
            other => panic!("unexpected {other:?}"),
        };
        assert_eq!(log.entries().iter().map(number).collect::<Vec<_>>(), [1, 2, 4]);
    }
}
