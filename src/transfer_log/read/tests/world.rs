// SPDX-License-Identifier: Apache-2.0

use std::fs;
use std::path::{Path, PathBuf};

use crate::base::{EntryId, Timestamp};
use crate::testkit::Scratch;
use crate::transfer_log::merkle::leaf_hash;
use crate::transfer_log::note::{SignedNote, SignerKey};
use crate::transfer_log::read::{LogDirectory, VerifyOptions};
use crate::transfer_log::tile::{
    BundleReader, RightEdge, TILE_WIDTH, TileId, TileKind, push_entry, tile_bytes,
};
use crate::transfer_log::{Checkpoint, ENTRY_VERSION, Entry, KeyChange, Outcome, TransferResult};

/// 2026-01-01.
const START: u64 = 1_767_225_600_000;

/// The bytes of an entry, one a second.
pub(crate) fn outcome(number: u64) -> Vec<u8> {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    let outcome = Outcome {
        version: ENTRY_VERSION,
        id: EntryId(id),
        time: Timestamp::from_unix_millis(START + 1000 * number),
        result: TransferResult::Answered,
        status: Some(200),
        reveals: Vec::new(),
        subjects: Vec::new(),
    };
    Entry::Outcome(outcome).to_canonical_json().unwrap()
}

/// The bytes of an entry that announces a key.
pub(super) fn key_change(number: u64, key: &SignerKey) -> Vec<u8> {
    let change = KeyChange {
        version: ENTRY_VERSION,
        time: Timestamp::from_unix_millis(START + 1000 * number),
        verifier_key: key.verifier().to_string().into(),
    };
    Entry::KeyChange(change).to_canonical_json().unwrap()
}

/// A log on disk that is written in the plainest way: all at once, without care for
/// crashes.
pub(crate) struct TestLog {
    scratch: Scratch,
    pub(crate) origin: String,
    pub(crate) keys: Vec<SignerKey>,
    edge: RightEdge,
    /// What the last bundle has so far.
    bundle: Vec<u8>,
}

impl TestLog {
    pub(crate) fn new() -> Self {
        Self::of("zollhaus.example/one", 1)
    }

    /// A log of that name, signed by a key from that seed.
    pub(crate) fn of(origin: &str, seed: u8) -> Self {
        let key = SignerKey::new(origin, &[seed; 32]).unwrap();
        Self {
            scratch: Scratch::new(),
            origin: origin.to_owned(),
            keys: vec![key],
            edge: RightEdge::new(),
            bundle: Vec::new(),
        }
    }

    /// 600 entries of which the first announces the key, checkpoints at 5, 300 and
    /// 600, and three more entries in the journal.
    pub(super) fn usual() -> Self {
        let mut log = Self::new();
        log.grow_to(600, &[5, 300, 600]);
        log.write_journal(600, &[outcome(600), outcome(601), outcome(602)]);
        log
    }

    /// Appends up to a size, signing at some sizes.
    pub(crate) fn grow_to(&mut self, size: u64, checkpoints: &[u64]) {
        for number in self.edge.size()..size {
            match number {
                0 => self.append(&key_change(0, &self.keys[0])),
                number => self.append(&outcome(number)),
            }
            if checkpoints.contains(&(number + 1)) {
                self.sign();
            }
        }
    }

    pub(crate) fn append(&mut self, entry: &[u8]) {
        push_entry(&mut self.bundle, entry).unwrap();
        for (id, hashes) in self.edge.push(leaf_hash(entry)) {
            self.write(&id.to_string(), &tile_bytes(&hashes));
        }
        if self.edge.size().is_multiple_of(TILE_WIDTH) {
            let id = TileId::full(TileKind::Entries, self.edge.size() / TILE_WIDTH - 1);
            let bundle = std::mem::take(&mut self.bundle);
            self.write(&id.to_string(), &bundle);
        }
    }

    /// Signs the tree so far with all keys.
    pub(crate) fn sign(&mut self) {
        let size = self.edge.size();
        for (id, hashes) in self.edge.partial_tiles() {
            self.write(&id.to_string(), &tile_bytes(hashes));
        }
        if let Some(id) = TileId::in_tree(TileKind::Entries, size / TILE_WIDTH, size) {
            self.write(&id.to_string(), &self.bundle);
        }
        let note = self.checkpoint().to_string();
        self.write(&format!("checkpoints/{size:020}"), note.as_bytes());
        self.write("checkpoint", note.as_bytes());
    }

    /// The tree so far, signed with all keys.
    fn checkpoint(&self) -> SignedNote {
        let (origin, size, root) = (self.origin.clone(), self.edge.size(), self.edge.root());
        let checkpoint = Checkpoint { origin, size, root, extensions: Vec::new() };
        checkpoint.sign(&self.keys.iter().collect::<Vec<_>>()).unwrap()
    }

    pub(crate) fn write_journal(&self, first: u64, lines: &[Vec<u8>]) {
        let text = lines.iter().flat_map(|line| [line.as_slice(), b"\n"].concat());
        self.write(&format!("journal/{first:020}.jsonl"), &text.collect::<Vec<_>>());
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.scratch.file("")
    }

    pub(crate) fn directory(&self) -> LogDirectory {
        LogDirectory::open(&self.path()).unwrap()
    }

    /// What a user knows who was given the first key.
    pub(crate) fn options(&self) -> VerifyOptions {
        let keys = vec![self.keys[0].verifier().clone()];
        VerifyOptions { keys, ..VerifyOptions::default() }
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(super) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path().join(name)).unwrap()
    }

    pub(super) fn remove(&self, name: &str) {
        let path = self.path().join(name);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    }

    pub(super) fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.read(name);
        change(&mut bytes);
        self.write(name, &bytes);
    }

    pub(super) fn change_bundle(&self, name: &str, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
        self.change(name, |bytes| {
            let entries = BundleReader::new(bytes).map(|entry| entry.unwrap().to_vec());
            let mut entries: Vec<_> = entries.collect();
            change(&mut entries);
            bytes.clear();
            for entry in &entries {
                push_entry(bytes, entry).unwrap();
            }
        });
    }

    /// Copies a file to a place outside of the log, as someone does who keeps it.
    pub(super) fn keep(&self, name: &str, elsewhere: &Path) {
        fs::copy(self.path().join(name), elsewhere).unwrap();
    }
}
