// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::transfer_log::jsonl::file::{LogFile, OpenFile};

const PAGE: usize = 4096;

/// A disk behind a page cache, as bad as Linux allows: a failed write leaves half
/// of it in the cache; a failed sync tears the pages on the disk and marks them
/// clean, so that no later sync writes them unless they are written again.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    cache: Vec<u8>,
    disk: Vec<u8>,
    dirty: BTreeSet<usize>,
    operations: usize,
    syncs: usize,
    /// Which operations fail, by their number.
    failing: Range<usize>,
    capacity: Option<usize>,
}

impl Disk {
    pub(super) fn with_contents(contents: &[u8]) -> Self {
        let disk = Self::default();
        disk.state().cache = contents.to_vec();
        disk.state().disk = contents.to_vec();
        disk
    }

    pub(super) fn opener(&self) -> OpenFile {
        let disk = self.clone();
        Box::new(move |_: &Path| {
            let handle = Handle { disk: disk.clone(), has_failed: Mutex::new(false) };
            disk.step().map(|_| Box::new(handle) as Box<dyn LogFile>)
        })
    }

    /// Fails those of the operations to come that have these numbers.
    pub(super) fn fail(&self, operations: Range<usize>) {
        let mut state = self.state();
        state.operations = 0;
        state.failing = operations;
    }

    pub(super) fn set_capacity(&self, capacity: Option<usize>) {
        self.state().capacity = capacity;
    }

    /// What a crash of the machine would leave.
    pub(super) fn durable(&self) -> Vec<u8> {
        self.state().disk.clone()
    }

    /// What a crash of the process would leave.
    pub(super) fn cached(&self) -> Vec<u8> {
        self.state().cache.clone()
    }

    /// How many operations were tried since the last call of `fail`.
    pub(super) fn operations(&self) -> usize {
        self.state().operations
    }

    pub(super) fn syncs(&self) -> usize {
        self.state().syncs
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn step(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        state.check_lines();
        state.operations += 1;
        let number = state.operations - 1;
        if state.failing.contains(&number) {
            return Err(io::Error::other(format!("operation {number} fails")));
        }
        Ok(state)
    }
}

struct Handle {
    disk: Disk,
    has_failed: Mutex<bool>,
}

impl Handle {
    /// Notes a failure; panics when a handle is used as if it had not failed.
    fn noted(&self, result: io::Result<()>) -> io::Result<()> {
        let mut has_failed = self.has_failed.lock().unwrap();
        assert!(!*has_failed, "a handle was used after it had failed");
        *has_failed = result.is_err();
        result
    }
}

impl State {
    /// Whenever the process may be killed, complete lines are entries.
    fn check_lines(&self) {
        let lines = self.cache.split_inclusive(|byte| *byte == b'\n');
        for line in lines.filter(|line| line.ends_with(b"\n")) {
            assert!(line.starts_with(b"{") && line.ends_with(b"}\n"), "a damaged line");
        }
    }

    fn put(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        if self.cache.len() < end {
            self.cache.resize(end, 0);
        }
        self.cache[offset..end].copy_from_slice(bytes);
        self.dirty.extend(offset / PAGE..end.div_ceil(PAGE));
    }
}

impl LogFile for Handle {
    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.step()?.cache.len() as u64)
    }

    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.disk.step()?;
        bytes.copy_from_slice(&state.cache[offset as usize..][..bytes.len()]);
        Ok(())
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let offset = offset as usize;
        let outcome = self.disk.step().map(|state| state.capacity);
        let mut state = self.disk.state();
        self.noted(match outcome {
            Err(error) => {
                state.put(&bytes[..bytes.len() / 2], offset);
                Err(error)
            }
            Ok(Some(capacity)) if capacity < offset + bytes.len() => {
                state.put(&bytes[..capacity.saturating_sub(offset)], offset);
                Err(ErrorKind::StorageFull.into())
            }
            Ok(_) => {
                state.put(bytes, offset);
                Ok(())
            }
        })
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.disk.step()?.cache.truncate(length as usize);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let outcome = self.disk.step().map(drop);
        let mut state = self.disk.state();
        state.syncs += 1;
        let State { cache, disk, dirty, .. } = &mut *state;
        disk.resize(cache.len(), 0);
        for page in std::mem::take(dirty) {
            let page = (page * PAGE).min(cache.len())..((page + 1) * PAGE).min(cache.len());
            match outcome {
                Ok(()) => disk[page.clone()].copy_from_slice(&cache[page]),
                Err(_) => disk[page].fill(0xff),
            }
        }
        self.noted(outcome)
    }
}
