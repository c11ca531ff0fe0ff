// SPDX-License-Identifier: Apache-2.0

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::IntegrateError;
use super::checkpoints::Checkpoints;
use crate::transfer_log::Checkpoint;
use crate::transfer_log::disk::Disk;
use crate::transfer_log::journal::{self, JournalReader, Position};
use crate::transfer_log::merkle::{TreeError, leaf_hash};
use crate::transfer_log::note::{SignedNote, SignerKey};
use crate::transfer_log::open_transfers::OpenTransfers;
use crate::transfer_log::tile::{
    BundleReader, RightEdge, TILE_WIDTH, TileId, TileKind, push_entry, tile_bytes,
};
use crate::transfer_log::tile_files::{TileFiles, TileWriter};

/// Who signs the checkpoints of a log.
#[derive(Debug)]
pub struct Signers {
    pub current: SignerKey,
    /// The one before it, until a checkpoint with both signatures is published.
    pub previous: Option<SignerKey>,
}

impl Signers {
    fn sign(&self, checkpoint: &Checkpoint) -> Result<SignedNote, IntegrateError> {
        let keys: Vec<&SignerKey> = self.previous.iter().chain([&self.current]).collect();
        checkpoint.sign(&keys).map_err(IntegrateError::Sign)
    }
}

/// Takes entries from the journal into the tree.
pub struct Integrator {
    disk: Arc<dyn Disk>,
    journal: PathBuf,
    files: TileFiles,
    checkpoints: Arc<Mutex<Checkpoints>>,
    origin: String,
    signers: Signers,
    tree: Tree,
    open: OpenTransfers,
    /// Tiles of the published tree that are full now. Their beginnings may go, but not
    /// before: until it is published, a crash leaves the full one to be written anew.
    filled: Vec<TileId>,
}

/// The tree of the last checkpoint, and where in the journal it ends.
#[derive(Clone)]
pub struct Tree {
    pub edge: RightEdge,
    /// The bytes of the partial entry bundle.
    pub bundle: Vec<u8>,
    pub position: Position,
}

/// What an integrator works on.
pub struct Parts {
    pub disk: Arc<dyn Disk>,
    pub directory: PathBuf,
    pub checkpoints: Checkpoints,
    pub origin: String,
    pub signers: Signers,
    pub tree: Tree,
    pub open: OpenTransfers,
}

impl Integrator {
    pub fn new(parts: Parts) -> Self {
        let Parts { disk, directory, checkpoints, origin, signers, tree, open } = parts;
        let files = TileFiles::new(Arc::clone(&disk), &directory);
        let journal = directory.join("journal");
        let checkpoints = Arc::new(Mutex::new(checkpoints));
        let filled = last_full_tiles(&tree.edge);
        Self { disk, journal, files, checkpoints, origin, signers, tree, open, filled }
    }

    /// For those who add signatures.
    pub fn checkpoints(&self) -> Arc<Mutex<Checkpoints>> {
        Arc::clone(&self.checkpoints)
    }

    /// How many entries the last checkpoint covers.
    pub fn size(&self) -> u64 {
        self.tree.edge.size()
    }

    /// Takes in the first `until` entries, which are durable in the journal, and
    /// publishes a checkpoint of them. After an error all stands as before, and the
    /// same can be tried again.
    pub fn integrate(&mut self, until: u64) -> Result<SignedNote, IntegrateError> {
        let before = partial_tiles(&self.tree.edge);
        let mut tree = self.tree.clone();
        self.write(&mut tree, until)?;
        // What is signed is what the disk gives back.
        let stored = RightEdge::resume(&mut &self.files, until).map_err(|error| match error {
            TreeError::Outside => IntegrateError::NotAsWritten,
            TreeError::Source(error) => IntegrateError::Tile(error),
        })?;
        if stored.root() != tree.edge.root() {
            return Err(IntegrateError::NotAsWritten);
        }
        let published = self.publish(&tree.edge)?;
        let now = before.iter().filter_map(|id| TileId::in_tree(id.kind(), id.index(), until));
        self.filled.extend(now.filter(|now| now.is_full()));
        self.tree = tree;
        self.signers.previous = None;
        Ok(published)
    }

    /// Signs and publishes the tree as it stands.
    pub fn publish_again(&mut self) -> Result<SignedNote, IntegrateError> {
        let tree = self.tree.edge.clone();
        self.publish(&tree)
    }

    fn publish(&mut self, tree: &RightEdge) -> Result<SignedNote, IntegrateError> {
        let (origin, size, root) = (self.origin.clone(), tree.size(), tree.root());
        let checkpoint = Checkpoint { origin, size, root, extensions: Vec::new() };
        let signed = self.signers.sign(&checkpoint)?;
        let mut checkpoints = self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner);
        checkpoints.publish(size, &signed).map_err(IntegrateError::Publish)?;
        Ok(signed)
    }

    /// Writes every tile that the tree of the first `until` entries has and this one
    /// has not.
    fn write(&mut self, tree: &mut Tree, until: u64) -> Result<(), IntegrateError> {
        let before = partial_tiles(&tree.edge);
        let mut reader =
            JournalReader::new(Arc::clone(&self.disk), self.journal.clone(), tree.position);
        let mut writer = TileWriter::new(&self.files);
        while tree.edge.size() < until {
            let index = tree.edge.size() / TILE_WIDTH;
            let end = until.min((index + 1) * TILE_WIDTH);
            for at in tree.edge.size()..end {
                let entry = reader.read().map_err(IntegrateError::Journal)?;
                self.open.see(at, &entry);
                push_entry(&mut tree.bundle, &entry).map_err(IntegrateError::Entry)?;
            }
            let id = TileId::in_tree(TileKind::Entries, index, end);
            let id = id.ok_or(IntegrateError::NotAsWritten)?;
            let stored = writer.write(id, &tree.bundle)?;
            let held = (tree.edge.size() % TILE_WIDTH) as usize;
            for entry in BundleReader::new(&stored).skip(held) {
                let entry = entry.map_err(|_| IntegrateError::NotAsWritten)?;
                for (id, hashes) in tree.edge.push(leaf_hash(entry)) {
                    writer.write(id, &tile_bytes(&hashes))?;
                }
            }
            if id.is_full() {
                tree.bundle.clear();
            }
        }
        for (id, hashes) in tree.edge.partial_tiles().filter(|(id, _)| !before.contains(id)) {
            writer.write(id, &tile_bytes(hashes))?;
        }
        tree.position = reader.position();
        Ok(writer.sync()?)
    }

    /// Takes away what nobody needs any more: beginnings of tiles that are full, and files
    /// of the journal, the oldest first.
    pub fn tidy(&mut self) -> Result<(), IntegrateError> {
        while let Some(full) = self.filled.last() {
            self.files.remove_partial(*full)?;
            self.filled.pop();
        }
        let firsts =
            journal::segments(&*self.disk, &self.journal).map_err(IntegrateError::Journal)?;
        let needed = self.open.oldest().unwrap_or(u64::MAX).min(self.size());
        for (first, next) in firsts.iter().zip(firsts.iter().skip(1)) {
            if *next > needed {
                break;
            }
            journal::remove_segment(&*self.disk, &self.journal, *first)
                .map_err(IntegrateError::Journal)?;
            if self.tree.position.is_in(*first) {
                self.tree.position = Position::start_of(*next);
            }
        }
        Ok(())
    }
}

/// The last full tile of each kind: a crash may have left its beginnings.
fn last_full_tiles(tree: &RightEdge) -> Vec<TileId> {
    let before = |kind, index: u64| Some(TileId::full(kind, index.checked_sub(1)?));
    let hashes = tree.partial_tiles().map(|(id, _)| (id.kind(), id.index()));
    let entries = (TileKind::Entries, tree.size() / TILE_WIDTH);
    hashes.chain([entries]).filter_map(|(kind, index)| before(kind, index)).collect()
}

/// Every partial tile of a tree.
fn partial_tiles(tree: &RightEdge) -> Vec<TileId> {
    let entries = TileId::in_tree(TileKind::Entries, tree.size() / TILE_WIDTH, tree.size());
    tree.partial_tiles().map(|(id, _)| id).chain(entries).collect()
}
