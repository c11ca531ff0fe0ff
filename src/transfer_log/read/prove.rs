// SPDX-License-Identifier: Apache-2.0

use super::{LogDirectory, ReadError};
use crate::transfer_log::merkle::{TreeError, leaf_hash, prove_inclusion, verify_inclusion};
use crate::transfer_log::tile::TileHashes;
use crate::transfer_log::{Checkpoint, EntryProof};

/// Why there is no proof of an entry.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    #[error("entry {index} is in no signed checkpoint yet; the newest has {size} entries")]
    NotSigned { index: u64, size: u64 },
    #[error("entry {index} is gone since its time is over; the first that is there is {first}")]
    Pruned { index: u64, first: u64 },
    #[error("entry {index} is not in the tree as it should be; `zollhaus log verify` says more")]
    Damaged { index: u64 },
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// A proof that entry `index` is in the tree of the newest checkpoint. The signature of
/// that is passed on as it is: whoever reads the proof verifies it.
///
/// # Errors
/// [`ProveError`]; a proof that would not hold is not given out.
pub fn prove(directory: &LogDirectory, index: u64) -> Result<EntryProof, ProveError> {
    let note = directory.checkpoint()?.ok_or(ProveError::NotSigned { index, size: 0 })?;
    let damaged = ProveError::Damaged { index };
    let Ok(Checkpoint { size, root, .. }) = note.text().parse() else { return Err(damaged) };
    if index >= size {
        return Err(ProveError::NotSigned { index, size });
    }
    let first = directory.first_entry()?;
    if index < first {
        return Err(ProveError::Pruned { index, first });
    }
    let entry = directory.entries(index)?.next();
    let Some((_, entry)) = entry.transpose()? else { return Err(damaged) };
    let hashes = match prove_inclusion(&mut TileHashes::new(directory, size), index, size) {
        Ok(hashes) => hashes,
        Err(TreeError::Outside) => return Err(damaged),
        Err(TreeError::Source(error)) => return Err(error.into()),
    };
    match verify_inclusion(&leaf_hash(&entry), index, size, &hashes, &root) {
        Ok(()) => Ok(EntryProof { entry, index, hashes, checkpoint: note }),
        Err(_) => Err(damaged),
    }
}
