// SPDX-License-Identifier: Apache-2.0

use crate::transfer_log::Checkpoint;
use crate::transfer_log::merkle::{Frontier, TreeError};
use crate::transfer_log::note::{SignedNote, VerifierKey};
use crate::transfer_log::tile::TileHashes;
use crate::transfer_log::tile_files::{TileError, TileFiles};

/// Why a log does not continue a checkpoint that was kept elsewhere.
#[derive(Debug, thiserror::Error)]
pub enum ContinuityError {
    #[error(
        "it is no checkpoint of this log that one of its keys has signed; every log needs mirrors of \
         its own"
    )]
    Foreign,
    #[error(
        "the log was rolled back: it covers {found} entries, and a checkpoint of {kept} was kept; \
         bring back the directory that has them"
    )]
    RolledBack { kept: u64, found: u64 },
    #[error(
        "the log was rewritten: its first {kept} entries are not those that a checkpoint was kept of"
    )]
    Rewritten { kept: u64 },
    #[error(transparent)]
    Tile(#[from] TileError),
}

/// Whether the log, whose last checkpoint is `current`, continues `kept`.
pub fn check_continuity(
    files: &TileFiles,
    current: &Checkpoint,
    keys: &[VerifierKey],
    kept: &SignedNote,
) -> Result<(), ContinuityError> {
    kept.verify(keys).map_err(|_| ContinuityError::Foreign)?;
    let kept: Checkpoint = kept.text().parse().map_err(|_| ContinuityError::Foreign)?;
    if kept.origin != current.origin {
        return Err(ContinuityError::Foreign);
    }
    if kept.size > current.size {
        return Err(ContinuityError::RolledBack { kept: kept.size, found: current.size });
    }
    let mut hashes = TileHashes::new(files, current.size);
    match Frontier::resume(&mut hashes, kept.size) {
        Ok(tree) if tree.root() == kept.root => Ok(()),
        Ok(_) | Err(TreeError::Outside) => Err(ContinuityError::Rewritten { kept: kept.size }),
        Err(TreeError::Source(error)) => Err(error.into()),
    }
}
