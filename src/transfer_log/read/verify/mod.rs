// SPDX-License-Identifier: Apache-2.0
//! Whether a log is what its checkpoint says.
//!
//! The entries are hashed in order, and everything that the log says about them is
//! held against that: the hash tiles, every checkpoint that was kept, the older
//! checkpoints that the user brought, and the newest. What disagrees first says where
//! the first bad entry is. With an older checkpoint the hashing starts behind it: its
//! tree is taken from the tiles, and proven by its root.
//!
//! A key is trusted if the user gave it, or if a `key_change` entry names it in a
//! tree that a trusted key signed.

mod damage;
mod journal;
mod trust;
mod walk;

use std::ops::Range;

use super::{LogDirectory, ReadError};
use crate::transfer_log::Checkpoint;
use crate::transfer_log::merkle::{prove_consistency, verify_consistency};
use crate::transfer_log::note::{SignedNote, VerifierKey};
use crate::transfer_log::tile::{RightEdge, TileHashes};

use damage::NoteFile;
pub use damage::{Damage, VerifyError};
use trust::{Signed, Trust};
use walk::Walk;

/// What the verifier believes, and what it asks for.
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    /// Keys of the log; without one nothing verifies.
    pub keys: Vec<VerifierKey>,
    /// The name of the log; if none is given, that of the first key.
    pub origin: Option<String>,
    /// Witnesses that must have signed the newest checkpoint.
    pub witnesses: Vec<VerifierKey>,
    /// Checkpoints of this log from elsewhere: it must continue them.
    pub older: Vec<SignedNote>,
    /// Hash what an older checkpoint covers too.
    pub from_start: bool,
}

/// What was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub checkpoint: Checkpoint,
    /// The keys that signed it, and of witnesses when, in seconds since 1970-01-01.
    pub signed_by: Vec<(String, Option<u64>)>,
    /// The entries whose hashes were checked. Those before it are in the tree of an
    /// older checkpoint.
    pub hashed: Range<u64>,
    /// How many of them are gone since their time is over; the hashes that they had
    /// are right.
    pub pruned: u64,
    /// How many checkpoints that the log kept agree with it.
    pub kept_checkpoints: usize,
    /// How many older checkpoints from elsewhere it continues.
    pub older_checkpoints: usize,
    /// Keys that entries announced.
    pub announced_keys: Vec<VerifierKey>,
    /// The first entry whose time is before that of its predecessor, and how many
    /// such there are.
    pub clock_went_back: Option<(u64, u64)>,
    /// The file `checkpoint` is older than the newest checkpoint that was kept.
    pub is_stale: bool,
    /// Entries that are not in a signed tree yet: nothing is proven of them.
    pub waiting: u64,
    /// The journal ends within an entry, which was never confirmed to anyone.
    pub is_torn: bool,
}

/// Verifies a log. Takes time in proportion to what no older checkpoint covers, and
/// memory for a few tiles.
///
/// What it cannot see: that entries are missing at the end, together with every
/// checkpoint that covers them. Only a checkpoint from elsewhere shows that.
///
/// # Errors
/// [`VerifyError::Damaged`] says what is wrong first; [`VerifyError::Unsupported`]
/// that all is right but an entry has a form that is newer than this program.
pub fn verify(directory: &LogDirectory, options: &VerifyOptions) -> Result<Report, VerifyError> {
    // The list comes first: in a log that grows meanwhile the checkpoint is newer.
    let kept = directory.checkpoint_sizes()?;
    let mut trust = Trust::new(options)?;
    let current = trust.read(NoteFile::Current, directory.checkpoint()?)?;
    let newer = kept.last().copied().filter(|size| *size > current.checkpoint.size);
    let newer = newer.map(|size| trust.read_kept(directory, size)).transpose()?.flatten();
    let is_stale = newer.is_some();
    let newest = newer.unwrap_or(current);
    // A wrong signature is said at once; an unknown key may be announced on the way.
    trust.signers(&newest)?;
    let size = newest.checkpoint.size;
    let older = read_older(&trust, options, size)?;

    let edge = match older.last() {
        Some(base) if !options.from_start => continue_from(directory, base, &older)?,
        _ => RightEdge::new(),
    };
    let start = edge.size();
    let mut walk = Walk::new(directory, edge, size);
    let mut kept = kept.into_iter().filter(|kept| *kept > start && *kept <= size).peekable();
    let mut marks = older.iter().filter(|older| older.checkpoint.size > start).peekable();
    let mut unknown = Vec::new();
    let mut kept_checkpoints = 0;
    let mut agreed = start;
    while walk.size() < size {
        walk.step(&mut trust)?;
        let root = walk.root();
        while let Some(older) = marks.next_if(|older| older.checkpoint.size == walk.size()) {
            older.check_root(root, agreed)?;
        }
        let kept = kept.next_if_eq(&walk.size()).map(|size| trust.read_kept(directory, size));
        if let Some(kept) = kept.transpose()?.flatten() {
            let is_known = trust.signers(&kept)?.is_some();
            kept.check_root(root, agreed)?;
            kept_checkpoints += 1;
            agreed = walk.size();
            if is_known {
                trust.believe(agreed);
            } else {
                unknown.push(agreed);
            }
        }
    }
    newest.check_root(walk.root(), agreed)?;
    walk.check_partial_tiles()?;
    let signed_by = trust.signers(&newest)?.ok_or_else(|| newest.unknown_keys())?;
    trust.believe(size);
    // What is announced anywhere in the tree may have signed earlier checkpoints.
    for size in unknown {
        if let Some(kept) = trust.read_kept(directory, size)? {
            trust.signers(&kept)?.ok_or_else(|| kept.unknown_keys())?;
        }
    }
    let cosigned_by = newest.cosigned_by(&options.witnesses)?;

    let journal = journal::check(directory, start..size)?;
    if let Some((index, version)) = walk.unsupported.or(journal.unsupported) {
        return Err(VerifyError::Unsupported { index, version });
    }
    Ok(Report {
        signed_by: [signed_by, cosigned_by].concat(),
        checkpoint: newest.checkpoint,
        hashed: start..size,
        pruned: walk.pruned,
        kept_checkpoints,
        older_checkpoints: older.len(),
        announced_keys: trust.announced().cloned().collect(),
        clock_went_back: walk.clock_went_back,
        is_stale,
        waiting: journal.waiting,
        is_torn: journal.is_torn,
    })
}

/// The checkpoints from elsewhere, by size. They must be signed by keys that were
/// given, or they say nothing.
fn read_older(
    trust: &Trust<'_>,
    options: &VerifyOptions,
    size: u64,
) -> Result<Vec<Signed>, VerifyError> {
    let mut all = Vec::new();
    for note in &options.older {
        let older = trust.read(NoteFile::Older, Some(note.clone()));
        let older = older.and_then(|older| match trust.signers(&older)? {
            Some(_) => Ok(older),
            None => Err(older.unknown_keys().into()),
        });
        all.push(older.map_err(VerifyError::into_unusable)?);
    }
    all.sort_by_key(|older| older.checkpoint.size);
    match all.last().map(|older| older.checkpoint.size) {
        Some(older) if older > size => Err(Damage::RolledBack { size, older }.into()),
        _ => Ok(all),
    }
}

/// The tree of the largest older checkpoint, from the tiles, proven by its root; and
/// the others are its beginnings.
fn continue_from(
    directory: &LogDirectory,
    base: &Signed,
    all: &[Signed],
) -> Result<RightEdge, VerifyError> {
    let Checkpoint { size, root, .. } = base.checkpoint;
    let edge = RightEdge::resume(&mut &*directory, size);
    let edge = edge.map_err(|error| VerifyError::in_tree(error, size))?;
    base.check_root(edge.root(), 0)?;
    for older in all.iter().map(|older| &older.checkpoint).filter(|older| older.size > 0) {
        let proof = prove_consistency(&mut TileHashes::new(directory, size), older.size, size);
        let proof = proof.map_err(|error| VerifyError::in_tree(error, size))?;
        verify_consistency((older.size, &older.root), (size, &root), &proof)
            .map_err(|_| Damage::Forked { size: older.size })?;
    }
    Ok(edge)
}
