// SPDX-License-Identifier: Apache-2.0

use super::{MAX_ROWS, TILE_HEIGHT, TILE_WIDTH, TileId, TileKind};
use crate::transfer_log::merkle::{Hash, HashSource, TreeError, root_of};

/// Where hash tiles come from.
pub trait TileSource {
    type Error;

    /// The hashes of a tile, as many as its width says.
    fn tile(&mut self, id: TileId) -> Result<Vec<Hash>, Self::Error>;
}

/// The nodes of a tree, from its tiles. Keeps the last tile of each row.
#[derive(Debug)]
pub struct TileHashes<S> {
    tiles: S,
    size: u64,
    kept: [Option<(TileId, Vec<Hash>)>; MAX_ROWS as usize],
}

impl<S: TileSource> TileHashes<S> {
    /// `size` is that of a tree that all tiles are there for.
    pub fn new(tiles: S, size: u64) -> Self {
        Self { tiles, size, kept: [const { None }; _] }
    }

    fn tile(&mut self, row: u8, index: u64) -> Result<&[Hash], TreeError<S::Error>> {
        let id = TileId::in_tree(TileKind::Hashes(row), index, self.size);
        let id = id.ok_or(TreeError::Outside)?;
        let kept = self.kept.get_mut(usize::from(row)).ok_or(TreeError::Outside)?;
        let hashes = match kept.take() {
            Some((kept, hashes)) if kept == id => hashes,
            _ => self.tiles.tile(id).map_err(TreeError::Source)?,
        };
        let (_, hashes) = kept.insert((id, hashes));
        Ok(hashes)
    }
}

impl<S: TileSource> HashSource for TileHashes<S> {
    type Error = S::Error;

    fn node(&mut self, level: u8, index: u64) -> Result<Hash, TreeError<S::Error>> {
        // The node is the root of some hashes of one tile.
        let (row, height) = (level / TILE_HEIGHT, level % TILE_HEIGHT);
        let first = index.checked_mul(1 << height).ok_or(TreeError::Outside)?;
        let start = (first % TILE_WIDTH) as usize;
        let tile = self.tile(row, first / TILE_WIDTH)?;
        tile.get(start..start + (1 << height)).map(root_of).ok_or(TreeError::Outside)
    }
}
