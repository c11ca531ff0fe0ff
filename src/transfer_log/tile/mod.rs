// SPDX-License-Identifier: Apache-2.0
//! The tree in files: C2SP tlog-tiles.
//!
//! A hash tile holds up to 256 consecutive nodes of level 0, 8, 16 …, an entry bundle
//! up to 256 consecutive entries. Full ones never change; a partial one carries its
//! width in its name.

mod bundle;
mod edge;
mod hashes;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use super::merkle::Hash;

pub use bundle::{BundleReader, EntryTooLong, MAX_ENTRY_BYTES, TornBundle, push_entry};
pub use edge::RightEdge;
pub use hashes::{TileHashes, TileSource};

/// How many hashes or entries are in a full tile.
pub const TILE_WIDTH: u64 = 256;
/// How many levels of the tree a tile spans.
const TILE_HEIGHT: u8 = 8;
/// Rows of tiles in the largest tree.
const MAX_ROWS: u8 = u64::BITS as u8 / TILE_HEIGHT;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TileKind {
    /// Hashes, by row: row r holds nodes of level 8 · r. The specification calls it
    /// the tile's level.
    Hashes(u8),
    Entries,
}

/// Which tile; as text its path, such as `tile/0/x001/234.p/7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TileId {
    kind: TileKind,
    index: u64,
    /// From 1 to 256.
    width: u16,
}

impl TileId {
    pub const fn full(kind: TileKind, index: u64) -> Self {
        Self { kind, index, width: TILE_WIDTH as u16 }
    }

    /// The tile as it is in a tree of so many leaves; `None` if it has nothing in it.
    pub fn in_tree(kind: TileKind, index: u64, size: u64) -> Option<Self> {
        let row = match kind {
            TileKind::Hashes(row) => row,
            TileKind::Entries => 0,
        };
        let length = row_length(size, row);
        let width = length.checked_sub(index.checked_mul(TILE_WIDTH)?)?.min(TILE_WIDTH) as u16;
        (width > 0).then_some(Self { kind, index, width })
    }

    /// The same place with another width, if there is such a tile.
    pub fn with_width(self, width: u64) -> Option<Self> {
        let width =
            u16::try_from(width).ok().filter(|width| (1..=TILE_WIDTH as u16).contains(width));
        Some(Self { width: width?, ..self })
    }

    pub const fn kind(self) -> TileKind {
        self.kind
    }

    /// Its place in its row.
    pub const fn index(self) -> u64 {
        self.index
    }

    pub const fn width(self) -> usize {
        self.width as usize
    }

    pub const fn is_full(self) -> bool {
        self.width as u64 == TILE_WIDTH
    }
}

/// How many hashes a row has in all in a tree of so many leaves.
pub(super) fn row_length(size: u64, row: u8) -> u64 {
    size.checked_shr(u32::from(row) * u32::from(TILE_HEIGHT)).unwrap_or(0)
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(row) => write!(f, "tile/{row}")?,
            TileKind::Entries => f.write_str("tile/entries")?,
        }
        let groups = self.index.checked_ilog(1000).unwrap_or(0);
        for group in (1..=groups).rev() {
            write!(f, "/x{:03}", self.index / 1000_u64.pow(group) % 1000)?;
        }
        write!(f, "/{:03}", self.index % 1000)?;
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

/// Not the path of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the path of a tile, such as `tile/0/x001/234`")]
pub struct InvalidTilePath;

impl FromStr for TileId {
    type Err = InvalidTilePath;

    fn from_str(path: &str) -> Result<Self, InvalidTilePath> {
        // Only the spelling that is written is accepted, so reading may be lenient.
        let read = read(path).filter(|id| id.to_string() == path);
        read.ok_or(InvalidTilePath)
    }
}

fn read(path: &str) -> Option<TileId> {
    let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let kind = match kind {
        "entries" => TileKind::Entries,
        row => TileKind::Hashes(row.parse().ok().filter(|row| *row < MAX_ROWS)?),
    };
    let (groups, width) = match rest.split_once(".p/") {
        Some((groups, width)) => {
            (groups, width.parse().ok().filter(|width| (1..256).contains(width))?)
        }
        None => (rest, TILE_WIDTH as u16),
    };
    let index = groups.split('/').try_fold(0_u64, |index, group| {
        let group: u64 = group.trim_start_matches('x').parse().ok()?;
        index.checked_mul(1000)?.checked_add(group)
    })?;
    Some(TileId { kind, index, width })
}

/// The bytes of a hash tile.
pub fn tile_bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// The hashes in a hash tile; `None` if there is not a whole number of them.
pub fn tile_hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<{ Hash::BYTES }>();
    rest.is_empty().then(|| hashes.iter().copied().map(Hash).collect())
}
