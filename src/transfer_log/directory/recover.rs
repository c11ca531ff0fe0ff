// SPDX-License-Identifier: Apache-2.0
//! From what a directory holds to a log that goes on, whatever ended the last process.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::OpenError;
use crate::base::Timestamp;
use crate::transfer_log::copies::check_continuity;
use crate::transfer_log::disk::{self, Disk};
use crate::transfer_log::integrate::{Checkpoints, Integrator, Parts, Signers, Tree};
use crate::transfer_log::journal::{
    self, Expected, JournalError, JournalReader, JournalWriter, Lines, Position,
};
use crate::transfer_log::merkle::{HashSource, TreeError, leaf_hash};
use crate::transfer_log::note::{SignedNote, SignerKey};
use crate::transfer_log::open_transfers::OpenTransfers;
use crate::transfer_log::tile::{
    BundleReader, RightEdge, TILE_WIDTH, TileHashes, TileId, TileKind,
};
use crate::transfer_log::tile_files::{TileError, TileFiles};
use crate::transfer_log::{Checkpoint, ENTRY_VERSION, Entry, KeyChange};

/// Which log, and who signs it.
pub struct Identity {
    pub directory: PathBuf,
    pub origin: String,
    /// The last one signs from now on; the others did before it.
    pub keys: Vec<SignerKey>,
    /// When a file of the journal is full.
    pub segment_bytes: u64,
    /// Checkpoints that were kept elsewhere, with the names of the places.
    pub kept: Vec<(String, SignedNote)>,
}

/// A log that goes on where it ended.
pub struct Recovered {
    pub writer: JournalWriter,
    pub integrator: Integrator,
    pub checkpoint: SignedNote,
}

/// Checks that checkpoint, tiles and journal agree, cuts off what was never confirmed,
/// and records what nobody can say any more: the outcomes of transfers without one.
/// Makes the log if there is none. The folder around the directory must exist.
///
/// # Errors
/// [`OpenError`]; what is there is left as it is, unless the disk failed half-way.
pub fn recover(
    disk: &Arc<dyn Disk>,
    identity: Identity,
    now: Timestamp,
) -> Result<Recovered, OpenError> {
    let Identity { directory, origin, mut keys, segment_bytes, kept } = identity;
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| OpenError::Io { path, source }
    };
    disk.make_folder(&directory).map_err(at(&directory))?;
    let around = directory.parent().filter(|around| !around.as_os_str().is_empty());
    disk.sync_folder(around.unwrap_or(Path::new("."))).map_err(at(&directory))?;
    let stored = stored(&**disk, &directory, &origin, &keys)?;
    let size = stored.as_ref().map_or(0, |stored| stored.checkpoint.size);
    let files = TileFiles::new(Arc::clone(disk), &directory);
    let mut found = Found {
        hashes: TileHashes::new(&files, size),
        size,
        current: keys.last().map(|key| key.verifier().to_string()).unwrap_or_default(),
        open: OpenTransfers::default(),
        has_announced: false,
        problem: None,
    };
    let folder = directory.join("journal");
    let expected = Expected { integrated: size, segment_bytes };
    let opened = journal::open(Arc::clone(disk), &folder, expected, &mut |index, entry| {
        found.see(index, entry);
    });
    let mut writer = match opened {
        Err(JournalError::Gap { .. }) if stored.is_none() => {
            return Err(OpenError::NoCheckpoint { directory });
        }
        opened => opened?,
    };
    let Found { open, has_announced, problem, current, .. } = found;
    if let Some(problem) = problem {
        return Err(problem);
    }
    if stored.is_none() && writer.next() > 0 {
        return Err(OpenError::NoCheckpoint { directory });
    }
    let checkpoints = Checkpoints::open(Arc::clone(disk), &directory).map_err(at(&directory))?;
    if let Some(signed) = checkpoints.largest().filter(|signed| *signed > writer.next()) {
        return Err(OpenError::Shortened { directory, signed, found: writer.next() });
    }
    let edge = edge(&files, stored.as_ref())?;
    let bundle = bundle(&files, &edge)?;
    let covered = Checkpoint {
        origin: origin.clone(),
        size: edge.size(),
        root: edge.root(),
        extensions: Vec::new(),
    };
    let verifiers: Vec<_> = keys.iter().map(|key| key.verifier().clone()).collect();
    for (place, kept) in kept {
        check_continuity(&files, &covered, &verifiers, &kept)
            .map_err(|source| OpenError::NotContinued { place, source })?;
    }
    let position = position(disk, &folder, size).map_err(at(&folder))?;
    list_keys(&**disk, &directory, &keys).map_err(at(&directory.join("keys")))?;

    let signed_by = stored.as_ref().map(|stored| stored.signed_by);
    let is_handed_over = signed_by.is_none_or(|signer| signer + 1 == keys.len());
    let mut entries = Vec::new();
    if !is_handed_over && !has_announced {
        let verifier_key = current.into();
        let change = KeyChange { version: ENTRY_VERSION, time: now, verifier_key };
        entries.push(Entry::KeyChange(change));
    }
    entries.extend(open.unknown_outcomes(now));
    let lines = Lines::of(entries).map_err(|_| OpenError::NoKey)?;
    writer.append(&lines.bytes, lines.count).map_err(at(&folder))?;

    let signer = keys.pop().ok_or(OpenError::NoKey)?;
    let previous = signed_by.filter(|_| !is_handed_over).map(|signer| keys.swap_remove(signer));
    let mut integrator = Integrator::new(Parts {
        disk: Arc::clone(disk),
        directory,
        checkpoints,
        origin,
        signers: Signers { current: signer, previous },
        tree: Tree { edge, bundle, position },
        open,
    });
    let checkpoint = match stored {
        Some(stored) => stored.note,
        None => integrator.publish_again()?,
    };
    Ok(Recovered { writer, integrator, checkpoint })
}

/// The published checkpoint.
struct Stored {
    note: SignedNote,
    checkpoint: Checkpoint,
    /// Which of our keys has signed it; the newest if several have.
    signed_by: usize,
}

fn stored(
    disk: &dyn Disk,
    directory: &Path,
    origin: &str,
    keys: &[SignerKey],
) -> Result<Option<Stored>, OpenError> {
    let path = directory.join("checkpoint");
    let bytes =
        disk::read(disk, &path).map_err(|source| OpenError::Io { path: path.clone(), source })?;
    let Some(bytes) = bytes else { return Ok(None) };
    let unsound = || OpenError::UnsoundCheckpoint { path: path.clone() };
    let note = String::from_utf8(bytes).map_err(|_| unsound())?;
    let note: SignedNote = note.parse().map_err(|_| unsound())?;
    let checkpoint: Checkpoint = note.text().parse().map_err(|_| unsound())?;
    if checkpoint.origin != origin {
        let (found, expected) = (checkpoint.origin, origin.to_owned());
        return Err(OpenError::OtherLog { path, found, expected });
    }
    let signed_by = keys.iter().rposition(|key| note.verify([key.verifier()]).is_ok());
    let signed_by = signed_by.ok_or(OpenError::ForeignCheckpoint { path })?;
    Ok(Some(Stored { note, checkpoint, signed_by }))
}

/// What reading the journal tells.
struct Found<'a> {
    hashes: TileHashes<&'a TileFiles>,
    size: u64,
    current: String,
    open: OpenTransfers,
    /// Whether the key that signs from now on was announced, but is not in the tree yet.
    has_announced: bool,
    problem: Option<OpenError>,
}

impl Found<'_> {
    fn see(&mut self, index: u64, entry: &[u8]) {
        self.open.see(index, entry);
        if index >= self.size {
            let change = serde_json::from_slice(entry);
            self.has_announced |= matches!(change,
                Ok(Entry::KeyChange(change)) if change.verifier_key == self.current);
        } else if self.problem.is_none() {
            self.problem = match self.hashes.node(0, index) {
                Ok(hash) if hash == leaf_hash(entry) => None,
                Ok(_) | Err(TreeError::Outside) => Some(OpenError::Disagree { index }),
                Err(TreeError::Source(error)) => Some(error.into()),
            };
        }
    }
}

/// The right edge of the tree that the checkpoint is about.
fn edge(files: &TileFiles, stored: Option<&Stored>) -> Result<RightEdge, OpenError> {
    let Some(Stored { checkpoint, .. }) = stored else { return Ok(RightEdge::new()) };
    let edge = match RightEdge::resume(&mut &*files, checkpoint.size) {
        Ok(edge) => edge,
        Err(TreeError::Outside) => return Err(OpenError::OtherTree { size: checkpoint.size }),
        Err(TreeError::Source(error)) => return Err(error.into()),
    };
    if edge.root() != checkpoint.root {
        return Err(OpenError::OtherTree { size: checkpoint.size });
    }
    Ok(edge)
}

/// The partial entry bundle of a tree, if its entries are those of the tree.
fn bundle(files: &TileFiles, edge: &RightEdge) -> Result<Vec<u8>, OpenError> {
    let index = edge.size() / TILE_WIDTH;
    let Some(id) = TileId::in_tree(TileKind::Entries, index, edge.size()) else {
        return Ok(Vec::new());
    };
    let bytes = files.read(id)?;
    let hashes: Vec<_> = BundleReader::new(&bytes)
        .map(|entry| entry.map(leaf_hash))
        .collect::<Result<_, _>>()
        .map_err(|_| TileError::Damaged { path: files.path(id) })?;
    let of_tree = edge.partial_tiles().find(|(id, _)| id.kind() == TileKind::Hashes(0));
    if of_tree.is_none_or(|(_, of_tree)| of_tree != hashes) {
        return Err(TileError::Damaged { path: files.path(id) }.into());
    }
    Ok(bytes)
}

/// Where entry `size` begins, or will.
fn position(disk: &Arc<dyn Disk>, folder: &Path, size: u64) -> std::io::Result<Position> {
    let firsts = journal::segments(&**disk, folder)?;
    let first = firsts.into_iter().rfind(|first| *first <= size).unwrap_or(size);
    let start = Position::start_of(first);
    let mut reader = JournalReader::new(Arc::clone(disk), folder.to_owned(), start);
    while reader.position().next < size {
        reader.read()?;
    }
    Ok(reader.position())
}

/// Adds the keys that are new to the file that verifiers take them from.
fn list_keys(disk: &dyn Disk, directory: &Path, keys: &[SignerKey]) -> std::io::Result<()> {
    let path = directory.join("keys");
    let before = disk::read(disk, &path)?.unwrap_or_default();
    let mut text = String::from_utf8_lossy(&before).into_owned();
    for key in keys.iter().map(|key| key.verifier().to_string()) {
        if !text.lines().any(|line| line == key) {
            text.push_str(&key);
            text.push('\n');
        }
    }
    if text.as_bytes() == before { Ok(()) } else { disk::replace(disk, &path, text.as_bytes()) }
}
