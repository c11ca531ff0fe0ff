// SPDX-License-Identifier: Apache-2.0

use std::convert::Infallible;

use super::{
    MAX_ROWS, TILE_HEIGHT, TILE_WIDTH, TileHashes, TileId, TileKind, TileSource, row_length,
};
use crate::transfer_log::merkle::{Frontier, Hash, TreeError};

/// The partial tiles on the right edge of a tree: what has to be known to append to
/// it and to write its tiles. At most 8 tiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RightEdge {
    frontier: Frontier,
    /// The hashes of the partial tile of each row, if any.
    rows: Vec<Vec<Hash>>,
}

impl RightEdge {
    /// That of the empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// That of the tree of the first `size` leaves. What the tiles hold is right if
    /// [`root`](Self::root) is.
    ///
    /// # Errors
    /// Those of the source; [`TreeError::Outside`] if a tile holds too few hashes.
    pub fn resume<S: TileSource>(tiles: &mut S, size: u64) -> Result<Self, TreeError<S::Error>> {
        let mut rows = Vec::new();
        for row in 0..MAX_ROWS {
            let length = row_length(size, row);
            let kind = TileKind::Hashes(row);
            let partial = TileId::in_tree(kind, length / TILE_WIDTH, size);
            let hashes = partial.map_or(Ok(Vec::new()), |id| tiles.tile(id));
            rows.push(hashes.map_err(TreeError::Source)?);
        }
        // All peaks of a tree are in its partial tiles.
        let frontier = Frontier::resume(&mut TileHashes::new(Rows(&rows), size), size)
            .map_err(|_| TreeError::Outside)?;
        Ok(Self { frontier, rows })
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// Appends a leaf, and returns the tiles that are full now.
    pub fn push(&mut self, leaf: Hash) -> Vec<(TileId, Vec<Hash>)> {
        let mut full = Vec::new();
        let rows = &mut self.rows;
        self.frontier.push(leaf, |level, index, hash| {
            if level % TILE_HEIGHT != 0 {
                return;
            }
            let row = level / TILE_HEIGHT;
            if rows.len() <= usize::from(row) {
                rows.resize(usize::from(row) + 1, Vec::new());
            }
            if let Some(hashes) = rows.get_mut(usize::from(row)) {
                hashes.push(hash);
                if hashes.len() as u64 == TILE_WIDTH {
                    let id = TileId::full(TileKind::Hashes(row), index / TILE_WIDTH);
                    full.push((id, std::mem::take(hashes)));
                }
            }
        });
        full
    }

    /// The partial tiles that a checkpoint of this tree needs beside the full ones.
    pub fn partial_tiles(&self) -> impl Iterator<Item = (TileId, &[Hash])> {
        (0..MAX_ROWS).zip(&self.rows).filter_map(|(row, hashes)| {
            let index = row_length(self.size(), row) / TILE_WIDTH;
            let id = TileId::in_tree(TileKind::Hashes(row), index, self.size())?;
            Some((id, hashes.as_slice()))
        })
    }
}

/// The partial tiles as a source.
struct Rows<'a>(&'a [Vec<Hash>]);

impl TileSource for Rows<'_> {
    type Error = Infallible;

    fn tile(&mut self, id: TileId) -> Result<Vec<Hash>, Infallible> {
        let TileKind::Hashes(row) = id.kind() else { return Ok(Vec::new()) };
        Ok(self.0.get(usize::from(row)).cloned().unwrap_or_default())
    }
}
