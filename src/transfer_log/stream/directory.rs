// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::transfer_log::read::{Entries, LogDirectory, parse_entry};
use crate::transfer_log::{BoxFuture, Entry};

use super::{Tail, TailError};

/// How often a stream that has sent all looks for more.
const LOOK: Duration = Duration::from_millis(250);

/// Readers that wait where they stopped: one for each stream that keeps up.
const MAX_READERS: usize = 16;

/// The log in a folder that this process writes.
pub struct DirectoryTail<S> {
    shared: Arc<Shared>,
    /// How many entries are durable.
    size: S,
}

struct Shared {
    directory: LogDirectory,
    readers: Mutex<Vec<(u64, Entries)>>,
}

impl<S: Fn() -> u64> DirectoryTail<S> {
    /// `size` says how many entries are durable, and never falls.
    pub fn new(directory: LogDirectory, size: S) -> Self {
        Self { shared: Arc::new(Shared { directory, readers: Mutex::default() }), size }
    }
}

impl<S: Fn() -> u64 + Send + Sync> Tail for DirectoryTail<S> {
    fn size(&self) -> u64 {
        (self.size)()
    }

    fn read(&self, from: u64, max: usize) -> BoxFuture<'_, Result<Vec<Entry>, TailError>> {
        let durable = usize::try_from(self.size().saturating_sub(from)).unwrap_or(usize::MAX);
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let read = move || shared.read_or_say(from, max.min(durable));
            let read = tokio::task::spawn_blocking(read).await;
            read.unwrap_or_else(|panicked| Err(TailError::Unreadable(panicked.to_string())))
        })
    }

    fn grown_beyond(&self, size: u64) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            while self.size() <= size {
                tokio::time::sleep(LOOK).await;
            }
        })
    }
}

impl Shared {
    fn read_or_say(&self, from: u64, max: usize) -> Result<Vec<Entry>, TailError> {
        self.read(from, max).map_err(|error| match self.directory.first_entry() {
            Ok(first) if first > from => TailError::Gone { first },
            _ => error,
        })
    }

    fn read(&self, from: u64, max: usize) -> Result<Vec<Entry>, TailError> {
        let mut entries = match self.take(from) {
            Some(waiting) => waiting,
            None => self.directory.entries(from).map_err(unreadable)?,
        };
        let mut read = Vec::new();
        for entry in entries.by_ref().take(max) {
            let (index, bytes) = entry.map_err(unreadable)?;
            let entry = parse_entry(&bytes);
            read.push(
                entry.map_err(|error| TailError::Unreadable(format!("entry {index}: {error}")))?,
            );
        }
        if read.is_empty() && max > 0 {
            return Err(TailError::Unreadable(format!("entry {from} is not there")));
        }
        self.keep(from + read.len() as u64, entries);
        Ok(read)
    }

    fn take(&self, next: u64) -> Option<Entries> {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let at = readers.iter().position(|(at, _)| *at == next)?;
        Some(readers.swap_remove(at).1)
    }

    fn keep(&self, next: u64, entries: Entries) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() == MAX_READERS {
            readers.remove(0);
        }
        readers.push((next, entries));
    }
}

fn unreadable(error: impl std::error::Error) -> TailError {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    TailError::Unreadable(format!("{error}{cause}"))
}

impl<S> fmt::Debug for DirectoryTail<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectoryTail")
            .field("directory", &self.shared.directory)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::DirectoryTail;
    use crate::base::{EntryId, Timestamp};
    use crate::testkit::{Scratch, write_log};
    use crate::transfer_log::read::LogDirectory;
    use crate::transfer_log::stream::{Tail, TailError};
    use crate::transfer_log::{ENTRY_VERSION, Entry, Outcome, TransferResult};

    fn entries(count: u16) -> Vec<Entry> {
        let entry = |number: u16| {
            Entry::Outcome(Outcome {
                version: ENTRY_VERSION,
                id: EntryId([0; 16]),
                time: Timestamp::from_unix_millis(0),
                result: TransferResult::Answered,
                status: Some(number),
                reveals: Vec::new(),
                subjects: Vec::new(),
            })
        };
        (0..count).map(entry).collect()
    }

    #[tokio::test]
    async fn it_reads_what_is_durable_from_tiles_and_journal_and_goes_on() {
        let folder = Scratch::new();
        let size = Arc::new(AtomicU64::new(600));
        write_log(&folder.file("log"), &entries(700), 300);
        let directory = LogDirectory::open(&folder.file("log")).unwrap();
        let durable = Arc::clone(&size);
        let tail = DirectoryTail::new(directory, move || durable.load(Ordering::Relaxed));
        assert_eq!(tail.read(0, 10).await.unwrap(), entries(10));
        assert_eq!(tail.read(10, 400).await.unwrap(), entries(410)[10..]);
        // What stands on the disk and is not durable yet is not shown.
        assert_eq!(tail.read(410, 1000).await.unwrap(), entries(600)[410..]);
        size.store(700, Ordering::Relaxed);
        tail.grown_beyond(600).await;
        assert_eq!(tail.read(600, 1000).await.unwrap(), entries(700)[600..]);
        // Another stream is somewhere else.
        assert_eq!(tail.read(299, 2).await.unwrap(), entries(301)[299..]);
        size.store(701, Ordering::Relaxed);
        assert!(tail.read(700, 1).await.is_err());
        // The time of the first bundle is over.
        std::fs::remove_file(folder.file("log/tile/entries/000")).unwrap();
        assert_eq!(tail.read(9, 10).await, Err(TailError::Gone { first: 256 }));
        assert_eq!(tail.read(256, 3).await.unwrap(), entries(259)[256..]);
    }
}
