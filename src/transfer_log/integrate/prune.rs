// SPDX-License-Identifier: Apache-2.0

use std::time::Duration;

use serde::Deserialize;

use super::IntegrateError;
use crate::base::Timestamp;
use crate::transfer_log::Entry;
use crate::transfer_log::tile::{BundleReader, TILE_WIDTH, TileId, TileKind};
use crate::transfer_log::tile_files::TileFiles;

/// How often it is looked whether the time of entries is over.
const INTERVAL_MILLIS: u64 = 3_600_000;

/// Takes away entries whose time is over, from the first one on: whole bundles, and
/// never their hashes (C2SP tlog-tiles, pruning). What announces a key outlives its
/// bundle, since whoever trusts only the key before it needs it.
pub struct Pruner {
    retention: Duration,
    files: TileFiles,
    /// The first bundle that is left, once it is known.
    first: Option<u64>,
    looked: Timestamp,
}

impl Pruner {
    pub const fn new(retention: Duration, files: TileFiles) -> Self {
        Self { retention, files, first: None, looked: Timestamp::from_unix_millis(0) }
    }

    /// Looks once an hour at a log whose checkpoint covers `size` entries; at once if the
    /// clock went back.
    pub fn prune(&mut self, size: u64, now: Timestamp) -> Result<(), IntegrateError> {
        if now.unix_millis().abs_diff(self.looked.unix_millis()) < INTERVAL_MILLIS {
            return Ok(());
        }
        let retention = u64::try_from(self.retention.as_millis()).unwrap_or(u64::MAX);
        let until = Timestamp::from_unix_millis(now.unix_millis().saturating_sub(retention));
        let full = size / TILE_WIDTH;
        let mut first = self.first.map_or_else(|| self.find_first(full), Ok)?;
        let left = first..full;
        for index in left {
            match self.is_over(index, until, now)? {
                Some(true) => {}
                Some(false) => break,
                // As old as what stands behind it.
                None => continue,
            }
            while first <= index {
                self.remove(first)?;
                first += 1;
                self.first = Some(first);
            }
        }
        self.first = Some(first);
        self.looked = now;
        Ok(())
    }

    fn remove(&self, index: u64) -> Result<(), IntegrateError> {
        let bytes = self.files.read(bundle(index))?;
        for (place, entry) in (index * TILE_WIDTH..).zip(BundleReader::new(&bytes)) {
            let Ok(entry) = entry else { break };
            if let Ok(Entry::KeyChange(_)) = serde_json::from_slice(entry) {
                self.files.keep_announcement(place, entry)?;
            }
        }
        // A crash may have left some.
        self.files.remove_partial(bundle(index))?;
        Ok(self.files.remove(bundle(index))?)
    }

    /// Bundles go in order: what is gone is the beginning.
    fn find_first(&self, full: u64) -> Result<u64, IntegrateError> {
        let (mut low, mut high) = (0, full);
        while low < high {
            let middle = low.midpoint(high);
            if self.files.has(bundle(middle))? {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(low)
    }

    /// Whether every entry of a bundle is from before `until`. One that tells no time
    /// stays. An entry from the future was written by a clock that was wrong; `None` if
    /// all of them were.
    fn is_over(
        &self,
        index: u64,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Option<bool>, IntegrateError> {
        #[derive(Deserialize)]
        struct Dated {
            time: Timestamp,
        }
        let bytes = self.files.read(bundle(index))?;
        let mut is_over = None;
        for entry in BundleReader::new(&bytes) {
            let dated = entry.ok().and_then(|entry| serde_json::from_slice(entry).ok());
            let Some(Dated { time }) = dated else { return Ok(Some(false)) };
            if time <= now {
                is_over = Some(is_over.unwrap_or(true) && time < until);
            }
        }
        Ok(is_over)
    }
}

const fn bundle(index: u64) -> TileId {
    TileId::full(TileKind::Entries, index)
}
