// SPDX-License-Identifier: Apache-2.0

use std::vec;

use super::journal::{Journal, Line};
use super::{LogDirectory, ReadError};
use crate::transfer_log::Checkpoint;
use crate::transfer_log::tile::{BundleReader, TILE_WIDTH, TileId, TileKind};

/// The entries of a log with their indices, as they lie on the disk: those in the
/// tree, then those in the journal. Holds one bundle at a time.
///
/// `None` says that there is nothing more now: when the log has grown, it goes on.
#[derive(Debug)]
pub struct Entries {
    directory: LogDirectory,
    journal: Journal,
    /// How many entries are in the tree, by its checkpoint when it was last read.
    in_tree: u64,
    next: u64,
    bundle: vec::IntoIter<Vec<u8>>,
}

impl LogDirectory {
    /// The index of the first entry that is still there: the bundles of those before
    /// it were removed when their time was over.
    pub fn first_entry(&self) -> Result<u64, ReadError> {
        let bundles = self.size_of_tree()? / TILE_WIDTH;
        let (mut low, mut high) = (0, bundles);
        while low < high {
            let middle = low.midpoint(high);
            if self.has_tile(TileId::full(TileKind::Entries, middle)) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(low * TILE_WIDTH)
    }

    /// How many entries there are, in the tree and in the journal.
    pub fn length(&self) -> Result<u64, ReadError> {
        let mut length = self.size_of_tree()?;
        for entry in self.entries(length)? {
            length = entry?.0 + 1;
        }
        Ok(length)
    }

    /// The entries from an index on.
    pub fn entries(&self, from: u64) -> Result<Entries, ReadError> {
        Ok(Entries {
            in_tree: self.size_of_tree()?,
            journal: Journal::new(self),
            directory: self.clone(),
            next: from,
            bundle: Vec::new().into_iter(),
        })
    }

    /// By the checkpoint, which is not verified.
    pub(super) fn size_of_tree(&self) -> Result<u64, ReadError> {
        let Some(note) = self.checkpoint()? else { return Ok(0) };
        let checkpoint = note.text().parse::<Checkpoint>();
        let problem = "is not a checkpoint";
        Ok(checkpoint.map_err(|_| self.damaged("checkpoint", problem))?.size)
    }
}

impl Entries {
    fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        loop {
            if let Some(entry) = self.bundle.next() {
                return Ok(Some(entry));
            }
            if self.next < self.in_tree {
                self.bundle = self.read_bundle()?.into_iter();
                continue;
            }
            let line = self.journal.line(self.next)?;
            if let Line::Entry(entry) = line {
                return Ok(Some(entry));
            }
            // It may have come into the tree meanwhile, and left the journal.
            let in_tree = self.directory.size_of_tree()?;
            if in_tree <= self.next {
                let path = self.directory.path().join("journal");
                let missing = ReadError::Missing { path, index: self.next };
                return if line == Line::Gap { Err(missing) } else { Ok(None) };
            }
            self.in_tree = in_tree;
        }
    }

    /// The entries of the bundle from the next one on; at least one.
    fn read_bundle(&self) -> Result<Vec<Vec<u8>>, ReadError> {
        let id = TileId::in_tree(TileKind::Entries, self.next / TILE_WIDTH, self.in_tree);
        let skipped = (self.next % TILE_WIDTH) as usize;
        let missing = |id: &dyn std::fmt::Display| ReadError::Missing {
            path: self.directory.path().join(id.to_string()),
            index: self.next,
        };
        let id = id.ok_or_else(|| missing(&"tile/entries"))?;
        let (_, bytes) = self.directory.tile_bytes(id)?.ok_or_else(|| missing(&id))?;
        let entries = BundleReader::new(&bytes).take(id.width()).skip(skipped);
        let entries = entries.map(|entry| entry.map(<[u8]>::to_vec)).collect::<Result<Vec<_>, _>>();
        let entries = entries.map_err(|_| missing(&id));
        entries.and_then(|entries| if entries.is_empty() { Err(missing(&id)) } else { Ok(entries) })
    }
}

impl Iterator for Entries {
    type Item = Result<(u64, Vec<u8>), ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.read().transpose()?;
        Some(entry.map(|entry| {
            self.next += 1;
            (self.next - 1, entry)
        }))
    }
}
