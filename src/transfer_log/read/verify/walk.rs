// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeMap;

use super::super::{EntryError, parse_entry};
use super::trust::Trust;
use super::{Damage, LogDirectory, ReadError, VerifyError};
use crate::base::Timestamp;
use crate::transfer_log::Entry;
use crate::transfer_log::merkle::{Hash, leaf_hash};
use crate::transfer_log::tile::{
    BundleReader, RightEdge, TILE_WIDTH, TileId, TileKind, TileSource,
};

/// Hashes the entries of a tree in order, and compares its tiles.
pub(super) struct Walk<'a> {
    directory: &'a LogDirectory,
    /// Of the entries so far.
    edge: RightEdge,
    /// That of the tree when all is done.
    size: u64,
    bundle: Bundle,
    /// Entries whose bundles are gone.
    pub(super) pruned: u64,
    /// No bundle before the next is there: only the first ones may be gone.
    is_prefix: bool,
    last_time: Option<Timestamp>,
    pub(super) clock_went_back: Option<(u64, u64)>,
    /// The first entry of a form that is not known, and its version.
    pub(super) unsupported: Option<(u64, u64)>,
}

/// The entries of a bundle beside their hashes.
#[derive(Default)]
struct Bundle {
    /// What the tree has for them; none before the first bundle.
    hashes: Vec<Hash>,
    /// Where the hashes are from.
    tile: String,
    /// The bundle that was read; `None` if it is gone.
    entries: Option<(TileId, Vec<u8>)>,
    /// Those of its entries that outlive it.
    announcements: BTreeMap<u64, Vec<u8>>,
    /// Where the next entry begins.
    at: usize,
}

impl<'a> Walk<'a> {
    /// From the tree of `edge` to the tree of `size` entries.
    pub(super) fn new(directory: &'a LogDirectory, edge: RightEdge, size: u64) -> Self {
        Self {
            directory,
            edge,
            size,
            bundle: Bundle::default(),
            pruned: 0,
            is_prefix: true,
            last_time: None,
            clock_went_back: None,
            unsupported: None,
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.edge.size()
    }

    pub(super) fn root(&self) -> Hash {
        self.edge.root()
    }

    /// Takes the next entry.
    pub(super) fn step(&mut self, trust: &mut Trust<'_>) -> Result<(), VerifyError> {
        let index = self.edge.size();
        let place = (index % TILE_WIDTH) as usize;
        if place == 0 || self.bundle.hashes.is_empty() {
            self.bundle = self.open_bundle(index)?;
            for skipped in 0..place {
                self.bundle.next(index - place as u64 + skipped as u64)?;
            }
        }
        let Some(stored) = self.bundle.hashes.get(place).copied() else {
            return Err(Damage::Short { file: self.bundle.tile.clone(), index }.into());
        };
        match self.bundle.next(index)? {
            None => self.pruned += 1,
            Some(entry) if leaf_hash(entry) != stored => {
                return Err(Damage::Entry { index, tile: self.bundle.tile.clone() }.into());
            }
            Some(entry) => {
                let entry = parse_entry(entry);
                self.take(index, entry, trust)?;
            }
        }
        if place + 1 == self.bundle.hashes.len() {
            self.bundle.check_end(index + 1)?;
        }
        for (tile, hashes) in self.edge.push(stored) {
            self.check_tile(tile, &hashes)?;
        }
        Ok(())
    }

    /// Compares the tiles that the tree does not fill.
    pub(super) fn check_partial_tiles(&self) -> Result<(), VerifyError> {
        self.edge.partial_tiles().try_for_each(|(tile, hashes)| self.check_tile(tile, hashes))
    }

    fn check_tile(&self, tile: TileId, hashes: &[Hash]) -> Result<(), VerifyError> {
        let TileKind::Hashes(row) = tile.kind() else { return Ok(()) };
        let span = TILE_WIDTH.saturating_pow(u32::from(row));
        let first = tile.index().saturating_mul(TILE_WIDTH);
        let entries_of = |hash: u64| {
            let start = (first + hash).saturating_mul(span);
            start..start.saturating_add(span)
        };
        let stored = self.read_tile(tile, entries_of(0).start)?;
        match stored.iter().zip(hashes).position(|(stored, hash)| stored != hash) {
            None => Ok(()),
            Some(bad) => {
                let (tile, entries) = (tile.to_string(), entries_of(bad as u64));
                Err(Damage::Tile { tile, entries }.into())
            }
        }
    }

    fn read_tile(&self, tile: TileId, index: u64) -> Result<Vec<Hash>, VerifyError> {
        let mut directory = self.directory;
        directory.tile(tile).map_err(|error| match error {
            ReadError::Damaged { problem, .. } => {
                Damage::File { file: tile.to_string(), problem, index }.into()
            }
            other => other.into(),
        })
    }

    fn open_bundle(&mut self, index: u64) -> Result<Bundle, VerifyError> {
        let number = index / TILE_WIDTH;
        let named = |kind| TileId::in_tree(kind, number, self.size);
        let (Some(tile), Some(bundle)) = (named(TileKind::Hashes(0)), named(TileKind::Entries))
        else {
            return Err(Damage::Short { file: "tile/0".to_owned(), index }.into());
        };
        let hashes = self.read_tile(tile, index)?;
        let entries = self.directory.tile_bytes(bundle)?;
        self.is_prefix = match &entries {
            Some(_) => false,
            None if bundle.is_full() && (self.is_prefix || self.all_are_gone_before(number)) => {
                true
            }
            None => {
                let (file, problem) = (bundle.to_string(), "is missing");
                return Err(Damage::File { file, problem, index }.into());
            }
        };
        let announcements = match entries {
            Some(_) => BTreeMap::new(),
            None => self.directory.announcements(index..index + TILE_WIDTH)?,
        };
        Ok(Bundle { hashes, tile: tile.to_string(), entries, announcements, at: 0 })
    }

    /// In a log that is in use, the time of entries may end while they are read.
    fn all_are_gone_before(&self, number: u64) -> bool {
        (0..number).all(|before| !self.directory.has_tile(TileId::full(TileKind::Entries, before)))
    }

    fn take(
        &mut self,
        index: u64,
        entry: Result<Entry, EntryError>,
        trust: &mut Trust<'_>,
    ) -> Result<(), VerifyError> {
        let entry = match entry {
            Ok(entry) => entry,
            Err(EntryError::Unsupported { version }) => {
                self.unsupported.get_or_insert((index, version));
                return Ok(());
            }
            Err(EntryError::NotAnEntry) => return Err(Damage::NotAnEntry { index }.into()),
        };
        if self.last_time.is_some_and(|last| entry.time() < last) {
            self.clock_went_back.get_or_insert((index, 0)).1 += 1;
        }
        self.last_time = Some(entry.time());
        if let Entry::KeyChange(change) = entry {
            let key = change.verifier_key.parse().map_err(|_| Damage::NotAnEntry { index })?;
            trust.announce(index, key);
        }
        Ok(())
    }
}

impl Bundle {
    /// The next entry, which has that index; `None` if it is gone with its bundle.
    fn next(&mut self, index: u64) -> Result<Option<&[u8]>, Damage> {
        let Some((id, bytes)) = &self.entries else {
            return Ok(self.announcements.get(&index).map(Vec::as_slice));
        };
        let rest = bytes.get(self.at..).unwrap_or_default();
        let Some(Ok(entry)) = BundleReader::new(rest).next() else {
            return Err(Damage::Short { file: id.to_string(), index });
        };
        self.at += 2 + entry.len();
        Ok(Some(entry))
    }

    /// Nothing is left, unless the bundle has grown since.
    fn check_end(&self, index: u64) -> Result<(), Damage> {
        match &self.entries {
            Some((id, bytes)) if id.width() == self.hashes.len() && self.at < bytes.len() => {
                Err(Damage::Surplus { file: id.to_string(), index })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::trust::Trust;
    use super::Walk;
    use crate::transfer_log::read::tests::TestLog;
    use crate::transfer_log::tile::RightEdge;

    #[test]
    fn entries_may_go_while_the_log_is_walked_but_none_from_its_middle() {
        let check = |gone: &[&str], can_go_on: bool| {
            let mut log = TestLog::new();
            log.grow_to(1024, &[1024]);
            let (directory, options) = (log.directory(), log.options());
            let mut trust = Trust::new(&options).unwrap();
            let mut walk = Walk::new(&directory, RightEdge::new(), 1024);
            for _ in 0..512 {
                walk.step(&mut trust).unwrap();
            }
            for name in gone {
                std::fs::remove_file(log.path().join(name)).unwrap();
            }
            let is_well = (512..1024).all(|_| walk.step(&mut trust).is_ok());
            assert_eq!(is_well, can_go_on, "{gone:?}");
            assert!(!can_go_on || walk.pruned == 256);
        };
        let bundles = ["tile/entries/000", "tile/entries/001", "tile/entries/002"];
        check(&bundles, true);
        check(&bundles[2..], false);
        check(&bundles[1..], false);
    }
}
