// SPDX-License-Identifier: Apache-2.0

mod retention;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;

use super::{Identity, OpenError, Recovered, recover};
use crate::base::{EntryId, Timestamp};
use crate::testkit::{Scratch, cases};
use crate::transfer_log::disk::simulated::SimulatedDisk;
use crate::transfer_log::disk::{self, Disk};
use crate::transfer_log::journal::Lines;
use crate::transfer_log::merkle::{leaf_hash, root_of};
use crate::transfer_log::note::{SignedNote, SignerKey};
use crate::transfer_log::read::{LogDirectory, VerifyOptions, verify};
use crate::transfer_log::tile::{BundleReader, TILE_WIDTH, TileId, TileKind};
use crate::transfer_log::tile_files::TileFiles;
use crate::transfer_log::{Checkpoint, Entry, Outcome, Transfer, TransferResult};

const ORIGIN: &str = "acme.example/one";
const DIRECTORY: &str = "/var/log";
const NOW: Timestamp = Timestamp::from_unix_millis(1_767_225_600_000);

fn key(seed: u8) -> SignerKey {
    SignerKey::new(ORIGIN, &[seed; 32]).unwrap()
}

fn identity(keys: &[u8]) -> Identity {
    Identity {
        directory: PathBuf::from(DIRECTORY),
        origin: ORIGIN.to_owned(),
        keys: keys.iter().copied().map(key).collect(),
        segment_bytes: 8_000,
        kept: Vec::new(),
    }
}

fn empty_disk() -> SimulatedDisk {
    SimulatedDisk::with_folder(Path::new("/var"))
}

fn open(disk: &SimulatedDisk) -> Result<Recovered, OpenError> {
    open_with(disk, &[1])
}

fn open_with(disk: &SimulatedDisk, keys: &[u8]) -> Result<Recovered, OpenError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    recover(&disk, identity(keys), NOW)
}

fn transfer(number: u128) -> Entry {
    Entry::Transfer(Transfer {
        version: 1,
        id: EntryId(number.to_be_bytes()),
        time: NOW,
        instance: ORIGIN.into(),
        caller: "billing".into(),
        purpose: None,
        upstream: "sf".into(),
        region: "US".into(),
        operation: "query".into(),
        object: None,
        policy: crate::policy::Digest([1; 32]),
        uninspected: false,
        fields: Vec::new(),
        grounds: Vec::new(),
        subjects: Vec::new(),
    })
}

fn outcome(number: u128) -> Entry {
    Entry::Outcome(Outcome {
        version: 1,
        id: EntryId(number.to_be_bytes()),
        time: NOW,
        result: TransferResult::Answered,
        status: Some(200),
        reveals: Vec::new(),
        subjects: Vec::new(),
    })
}

/// What a house does with its log.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many requests leave.
    Leave(u8),
    /// So many of those on the road, the oldest first, come back.
    Return(u8),
    Integrate,
}

/// A house that goes on until its log fails.
#[derive(Clone, Default)]
struct House {
    next: u128,
    on_the_road: Vec<u128>,
    /// Lines that were confirmed, and all that were tried.
    confirmed: Vec<String>,
    tried: Vec<String>,
}

impl House {
    fn play(&mut self, log: &mut Recovered, steps: &[Step]) -> bool {
        steps.iter().all(|step| self.step(log, *step))
    }

    fn step(&mut self, log: &mut Recovered, step: Step) -> bool {
        match step {
            Step::Leave(count) => {
                let new: Vec<u128> = (self.next..).take(count.into()).collect();
                self.next += u128::from(count);
                let is_well = self.append(log, new.iter().copied().map(transfer).collect());
                if is_well {
                    self.on_the_road.extend(new);
                }
                is_well
            }
            Step::Return(count) => {
                let count = usize::from(count).min(self.on_the_road.len());
                let back = self.on_the_road.drain(..count).map(outcome).collect();
                self.append(log, back)
            }
            Step::Integrate => {
                let until = log.writer.next();
                until == log.integrator.size()
                    || log.integrator.integrate(until).and_then(|_| log.integrator.tidy()).is_ok()
            }
        }
    }

    fn append(&mut self, log: &mut Recovered, entries: Vec<Entry>) -> bool {
        let lines = Lines::of(entries).unwrap();
        let text = String::from_utf8(lines.bytes.clone()).unwrap();
        let is_well = log.writer.append(&lines.bytes, lines.count).is_ok();
        self.tried.extend(text.lines().map(str::to_owned));
        if is_well {
            self.confirmed.extend(text.lines().map(str::to_owned));
        }
        is_well
    }
}

/// Every entry of a log that is fully integrated, if checkpoint and tiles agree.
fn verified(disk: &SimulatedDisk, keys: &[u8]) -> Vec<String> {
    let note = disk.cached(&Path::new(DIRECTORY).join("checkpoint"));
    let note: SignedNote = String::from_utf8(note).unwrap().parse().unwrap();
    let keys: Vec<SignerKey> = keys.iter().copied().map(key).collect();
    note.verify(keys.iter().map(SignerKey::verifier)).unwrap();
    let checkpoint: Checkpoint = note.text().parse().unwrap();
    let files = TileFiles::new(Arc::new(disk.clone()), Path::new(DIRECTORY));
    let mut entries = Vec::new();
    for index in 0..checkpoint.size.div_ceil(TILE_WIDTH) {
        let id = TileId::in_tree(TileKind::Entries, index, checkpoint.size).unwrap();
        let bundle = files.read(id).unwrap();
        entries.extend(BundleReader::new(&bundle).map(|entry| entry.unwrap().to_vec()));
    }
    let leaves: Vec<_> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    assert_eq!(leaves.len() as u64, checkpoint.size);
    assert_eq!(root_of(&leaves), checkpoint.root);
    entries.into_iter().map(|entry| String::from_utf8(entry).unwrap()).collect()
}

/// Opens what is left, takes all in, and checks that nothing confirmed is missing, that
/// there is nothing that nobody appended, and that every transfer has one outcome.
fn check_after_crash(disk: &SimulatedDisk, house: &House) {
    let mut log = open(disk).unwrap_or_else(|error| panic!("{error}"));
    House::default().step(&mut log, Step::Integrate);
    let entries = verified(disk, &[1]);
    let own: Vec<&String> = entries.iter().filter(|entry| !entry.contains("unknown")).collect();
    assert!(own.len() >= house.confirmed.len(), "confirmed entries are missing");
    assert!(house.tried.iter().zip(&own).all(|(tried, own)| tried == *own), "other entries");
    assert!(own.len() <= house.tried.len());
    let mut outcomes = BTreeMap::<String, i32>::new();
    for entry in &entries {
        let entry: serde_json::Value = serde_json::from_str(entry).unwrap();
        let change = if entry["kind"] == "transfer" { 1 } else { -1 };
        *outcomes.entry(entry["id"].to_string()).or_default() += change;
    }
    assert!(outcomes.values().all(|open| *open == 0), "a transfer has not one outcome");
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1..60_u8).prop_map(Step::Leave),
        3 => (1..70_u8).prop_map(Step::Return),
        2 => Just(Step::Integrate),
    ];
    proptest::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(40), ..ProptestConfig::default() })]

    /// Killed at any operation, with any part of what was not durable on the disk; and
    /// killed again while it recovers.
    #[test]
    fn wherever_it_crashes_nothing_confirmed_is_lost_and_the_log_verifies(
        steps in steps(),
        moment in 0..1000_usize,
        again in 0_usize..100,
        survivors in proptest::collection::vec(any::<bool>(), 1..64),
    ) {
        let play = |operations: usize| {
            let (disk, mut house) = (empty_disk(), House::default());
            disk.kill_after(operations);
            if let Ok(mut log) = open(&disk) {
                house.play(&mut log, &steps);
            }
            (disk, house)
        };
        let operations = play(usize::MAX).0.operations();
        let (disk, house) = play(operations * moment / 1000);
        let mut survivors = survivors.into_iter().cycle();
        let crashed = disk.crash(|| survivors.next().unwrap());
        crashed.kill_after(again);
        drop(open(&crashed));
        let crashed = crashed.crash(|| survivors.next().unwrap());
        check_after_crash(&crashed, &house);
    }
}

#[test]
fn whatever_operation_fails_the_next_attempt_succeeds() {
    // Just before a tile and a file of the journal are full.
    let (before, mut house_before) = (empty_disk(), House::default());
    let mut log = open(&before).unwrap();
    let steps = [Step::Leave(125), Step::Return(125), Step::Integrate];
    assert!(house_before.play(&mut log, &steps));
    let steps = [Step::Leave(6), Step::Integrate, Step::Return(6), Step::Leave(2), Step::Integrate];
    for failing_for in [1, 9] {
        for first in 0.. {
            let (disk, mut house) = (before.crash(|| true), house_before.clone());
            let mut log = open(&disk).unwrap();
            disk.fail(first..first + failing_for);
            for step in steps {
                house.step(&mut log, step);
            }
            let is_over = disk.operations() <= first;
            disk.fail(0..0);
            assert!(log.writer.append(&[], 0).is_ok());
            assert!(house.step(&mut log, Step::Integrate), "operation {first} for {failing_for}");
            // The power fails when all is done.
            let left = disk.crash(|| false);
            assert!(open(&left).is_ok(), "operation {first} for {failing_for}");
            assert_eq!(verified(&left, &[1]), house.confirmed, "operation {first}");
            if is_over {
                break;
            }
        }
    }
}

/// What is not covered by a checkpoint yet is written anew after a crash, and the crash may
/// come again: so the published tree must not lean on it.
#[test]
fn whenever_it_is_killed_the_published_tree_has_files_of_its_own() {
    // Just before a tile is full.
    let (before, mut house) = (empty_disk(), House::default());
    let mut log = open(&before).unwrap();
    assert!(house.play(&mut log, &[Step::Leave(125), Step::Return(125), Step::Integrate]));
    assert!(house.play(&mut log, &[Step::Leave(6)]));
    drop(log);
    for operations in 0.. {
        let disk = before.crash(|| true);
        disk.kill_after(operations);
        let integrate = |mut log| House::default().step(&mut log, Step::Integrate);
        let is_done = open(&disk).is_ok_and(integrate);
        let left = disk.crash(|| true);
        let note =
            String::from_utf8(left.cached(&Path::new(DIRECTORY).join("checkpoint"))).unwrap();
        let published: Checkpoint = note.parse::<SignedNote>().unwrap().text().parse().unwrap();
        let files = TileFiles::new(Arc::new(left), Path::new(DIRECTORY));
        for kind in [TileKind::Entries, TileKind::Hashes(0)] {
            for index in 0..published.size.div_ceil(TILE_WIDTH) {
                let id = TileId::in_tree(kind, index, published.size).unwrap();
                assert!(files.has(id).unwrap(), "{id} after {operations} operations");
            }
        }
        if is_done {
            break;
        }
    }
}

/// A log of some hundred entries.
fn log() -> SimulatedDisk {
    let (disk, mut house) = (empty_disk(), House::default());
    let mut log = open(&disk).unwrap();
    let steps = [Step::Leave(200), Step::Integrate, Step::Return(200), Step::Integrate];
    assert!(house.play(&mut log, &steps));
    assert!(house.play(&mut log, &[Step::Leave(7), Step::Integrate, Step::Return(5)]));
    disk
}

#[test]
fn what_does_not_agree_is_not_opened() {
    let check = |path: &str, tamper: &dyn Fn(Vec<u8>) -> Option<Vec<u8>>, expected: &str| {
        let disk = log();
        let path = Path::new(DIRECTORY).join(path);
        let bytes = disk::read(&disk, &path).unwrap();
        let bytes = bytes.unwrap_or_else(|| panic!("{} in {:?}", path.display(), disk.paths()));
        match tamper(bytes) {
            Some(bytes) => disk::write(&disk, &path, &bytes).unwrap(),
            None => disk.remove_file(&path).unwrap(),
        }
        let error = open(&disk).err().unwrap_or_else(|| panic!("{} was opened", path.display()));
        assert!(error.to_string().contains(expected), "{error}");
    };
    let replace = |from: &'static str, to: &'static str| {
        move |bytes: Vec<u8>| Some(String::from_utf8(bytes).unwrap().replace(from, to).into_bytes())
    };
    let flip = |at: usize| {
        move |mut bytes: Vec<u8>| {
            bytes[at] ^= 1;
            Some(bytes)
        }
    };
    let gone = |_| None;
    let journal = "journal/00000000000000000400.jsonl";
    check("checkpoint", &gone, "no checkpoint");
    check("checkpoint", &|_| Some(Vec::new()), "not a checkpoint");
    check("checkpoint", &replace("407", "408"), "not signed");
    check("checkpoint", &replace("acme.example/one", "acme.example/two"), "origin");
    check("tile/0/001.p/151", &flip(40), "not those of its checkpoint");
    check("tile/0/001.p/151", &gone, "is missing");
    check("tile/1/000.p/1", &flip(0), "not those of its checkpoint");
    check("tile/entries/001.p/151", &flip(50), "damaged");
    check("tile/entries/001.p/151", &gone, "is missing");
    check(journal, &gone, "lacks entry");
    check(journal, &replace("\"caller\":\"billing\"", "\"caller\":\"selling\""), "not the one");
    let older = |bytes: Vec<u8>| {
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        Some(lines[..lines.len() - 6].concat())
    };
    check(journal, &older, "lacks entry");
    let history = log();
    let copy = disk::read(&history, &Path::new(DIRECTORY).join("checkpoint")).unwrap().unwrap();
    history.put(&Path::new(DIRECTORY).join("checkpoints/00000000000000000500"), &copy);
    let error = open(&history).err().unwrap().to_string();
    assert!(error.contains("was shortened: 500 entries"), "{error}");
    assert!(open(&log()).is_ok());
}

#[test]
fn a_new_key_is_announced_and_signs_with_the_old_one_once() {
    let disk = log();
    let signed_by = |keys: &[u8]| {
        let note = disk.cached(&Path::new(DIRECTORY).join("checkpoint"));
        let note: SignedNote = String::from_utf8(note).unwrap().parse().unwrap();
        keys.iter().filter(|seed| note.verify([key(**seed).verifier()]).is_ok()).count()
    };
    // Announced, and the process dies before the checkpoint: it is not announced twice.
    drop(open_with(&disk, &[1, 2]).unwrap());
    let mut log = open_with(&disk, &[1, 2]).unwrap();
    assert_eq!((signed_by(&[1]), signed_by(&[2])), (1, 0));
    let mut house = House::default();
    assert!(house.step(&mut log, Step::Integrate));
    assert_eq!((signed_by(&[1]), signed_by(&[2])), (1, 1));
    assert!(house.play(&mut log, &[Step::Leave(1), Step::Integrate]));
    assert_eq!((signed_by(&[1]), signed_by(&[2])), (0, 1));
    let announced: Vec<_> =
        verified(&disk, &[2]).into_iter().filter(|entry| entry.contains("key_change")).collect();
    assert_eq!(announced.len(), 1);
    assert!(announced[0].contains(&key(2).verifier().to_string()));
    let keys = String::from_utf8(disk.cached(&Path::new(DIRECTORY).join("keys"))).unwrap();
    let expected = [key(1), key(2)].map(|key| key.verifier().to_string() + "\n").concat();
    assert_eq!(keys, expected);
    // The old key is not needed any more.
    assert!(open_with(&disk, &[2]).is_ok());
    assert!(open_with(&disk, &[3]).is_err());
}

#[test]
fn wherever_a_rotation_is_cut_off_the_first_key_is_enough_to_verify() {
    let before = empty_disk();
    let mut house = House::default();
    let mut log = open(&before).unwrap();
    assert!(house.play(&mut log, &[Step::Leave(3), Step::Return(2), Step::Integrate]));
    let steps = [Step::Leave(2), Step::Integrate, Step::Return(3), Step::Integrate];
    // Every operation in the long run.
    let step = if cases(1) > 1 { 1 } else { 7 };
    for operations in (0..).step_by(step) {
        let (disk, mut house) = (before.crash(|| true), house.clone());
        disk.kill_after(operations);
        if let Ok(mut log) = open_with(&disk, &[1, 2]) {
            house.play(&mut log, &steps);
        }
        for survives in [true, false] {
            let left = disk.crash(|| survives);
            let mut log = open_with(&left, &[1, 2]).unwrap();
            House::default().step(&mut log, Step::Integrate);
            let folder = Scratch::new();
            left.copy_to(&folder.file(""));
            let directory = LogDirectory::open(&folder.file("var/log")).unwrap();
            let keys = vec![key(1).verifier().clone()];
            let report = verify(&directory, &VerifyOptions { keys, ..VerifyOptions::default() });
            let report = report.unwrap_or_else(|error| panic!("operation {operations}: {error}"));
            assert_eq!(report.announced_keys, [key(2).verifier().clone()]);
            assert_eq!(report.waiting, 0);
        }
        if disk.operations() <= operations {
            return;
        }
    }
}
