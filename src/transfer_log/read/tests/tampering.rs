// SPDX-License-Identifier: Apache-2.0
//! `scenarios/log_tampering.json`, judged by two verifiers that share nothing: ours,
//! and the one in `tests/verifier`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::is_long;
use super::world::{TestLog, key_change, outcome};
use crate::testkit::{Scratch, report, shared};
use crate::transfer_log::note::SignerKey;
use crate::transfer_log::read::{VerifyError, VerifyOptions, verify};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Verified,
    /// And, where it can be told, the first bad entry.
    Damaged(Option<u64>),
    Unsupported,
}
use Verdict::{Damaged, Unsupported, Verified};

/// A log that something was done to, and what a user brings to verify it.
struct Scene {
    log: TestLog,
    /// Whose key the user has; by default the first of the log.
    key: Option<SignerKey>,
    /// A checkpoint that the user kept.
    older: Option<PathBuf>,
    elsewhere: Scratch,
}

impl Scene {
    fn new(log: TestLog) -> Self {
        Self { log, key: None, older: None, elsewhere: Scratch::new() }
    }

    /// The user has kept that file of that log.
    fn keep(&mut self, name: &str) {
        let path = self.elsewhere.file("older");
        self.log.keep(name, &path);
        self.older = Some(path);
    }

    /// The log is replaced; what the user has stays.
    fn replace(&mut self, log: TestLog) {
        let before = std::mem::replace(&mut self.log, log);
        self.key = self.key.take().or_else(|| before.keys.into_iter().next());
    }

    fn key(&self) -> &SignerKey {
        self.key.as_ref().unwrap_or(&self.log.keys[0])
    }

    fn by_us(&self) -> Verdict {
        let read = |path: &PathBuf| std::fs::read_to_string(path).unwrap().parse().unwrap();
        let options = VerifyOptions {
            keys: vec![self.key().verifier().clone()],
            older: self.older.iter().map(read).collect(),
            ..VerifyOptions::default()
        };
        let from_older = verdict(&self.log, &options);
        // With an older checkpoint, to hash what it covers too changes no verdict.
        assert_eq!(verdict(&self.log, &VerifyOptions { from_start: true, ..options }), from_older);
        from_older
    }

    fn by_them(&self) -> Verdict {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifier/verify_log.py");
        let mut command = Command::new("python3");
        command.arg(script).arg(self.log.path());
        command.arg("--key").arg(self.key().verifier().to_string());
        command.args(self.older.iter().flat_map(|older| [Path::new("--older"), older]));
        let output = command.output().expect("python3 is needed for this test");
        let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
            panic!("{}", String::from_utf8_lossy(&output.stderr));
        });
        match (output.status.code(), said["verdict"].as_str()) {
            (Some(0), Some("verified")) => Verified,
            (Some(1), Some("damaged")) => Damaged(said["first_bad"].as_u64()),
            (Some(3), Some("unsupported")) => Unsupported,
            _ => panic!("{said}"),
        }
    }
}

fn verdict(log: &TestLog, options: &VerifyOptions) -> Verdict {
    match verify(&log.directory(), options) {
        Ok(_) => Verified,
        Err(VerifyError::Damaged(damage)) => Damaged(damage.first_bad()),
        Err(VerifyError::Unsupported { .. }) => Unsupported,
        Err(other) => panic!("{other}"),
    }
}

const FIRST: &str = "tile/entries/000";
const LAST: &str = "tile/entries/002.p/88";

type Case = (&'static str, &'static str, fn(&mut Scene), Verdict);

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("LOG-001", "untouched", |_| {}, Verified),
    ("LOG-001", "untouched, from an older checkpoint", |s| s.keep(KEPT_300), Verified),
    ("LOG-002", "a bit of an entry", |s| flip(s, FIRST, 12_000, 3), Damaged(Some(78))),
    ("LOG-002", "a bit of a hash", |s| flip(s, "tile/0/001", 96, 0), Damaged(Some(259))),
    ("LOG-002", "a bit of a partial tile", |s| flip(s, "tile/0/002.p/88", 0, 0), Damaged(Some(512))),
    ("LOG-002", "a bit of a tile above", |s| flip(s, "tile/1/000.p/2", 32, 0), Damaged(Some(256))),
    ("LOG-002", "a bit of the root", |s| flip(s, "checkpoint", 30, 0), Damaged(None)),
    ("LOG-002", "a bit of a signature", |s| flip(s, KEPT_300, 150, 0), Damaged(None)),
    ("LOG-003", "deleted", |s| s.log.change_bundle(FIRST, |all| drop(all.remove(17))), Damaged(Some(17))),
    ("LOG-003", "its bundle deleted", |s| s.log.remove("tile/entries/001"), Damaged(Some(256))),
    ("LOG-004", "inserted", |s| s.log.change_bundle(FIRST, |all| all.insert(17, outcome(99))), Damaged(Some(17))),
    ("LOG-004", "inserted at the end", |s| s.log.change_bundle(LAST, |all| all.push(outcome(600))), Damaged(Some(600))),
    ("LOG-005", "swapped", |s| s.log.change_bundle(FIRST, |all| all.swap(17, 18)), Damaged(Some(17))),
    ("LOG-006", "duplicated", |s| s.log.change_bundle(FIRST, |all| all.insert(17, all[17].clone())), Damaged(Some(18))),
    ("LOG-007", "cut", |s| s.log.change_bundle(LAST, |all| all.truncate(80)), Damaged(Some(592))),
    ("LOG-007", "cut within an entry", |s| s.log.change(LAST, |bytes| bytes.truncate(bytes.len() - 1)), Damaged(Some(599))),
    ("LOG-007", "cut at a bundle", |s| s.log.remove(LAST), Damaged(Some(512))),
    ("LOG-007", "cut, with an old checkpoint", |s| { s.log.remove(LAST); restore_300(s); }, Damaged(Some(512))),
    // What no verifier can see without a checkpoint from elsewhere.
    ("LOG-008", "cut with its checkpoints", |s| s.replace(cut()), Verified),
    ("LOG-008", "cut with its checkpoints, one kept", |s| { s.keep("checkpoint"); s.replace(cut()); }, Damaged(Some(300))),
    ("LOG-009", "rewritten without the key", |s| s.replace(rewritten(2, 0)), Damaged(None)),
    ("LOG-010", "rewritten with the key", |s| s.replace(rewritten(1, 0)), Verified),
    ("LOG-010", "rewritten with the key, a checkpoint kept", |s| { s.keep("checkpoint"); s.replace(rewritten(1, 0)); }, Damaged(None)),
    ("LOG-011", "rolled back", |s| { s.keep("checkpoint"); s.replace(cut()); }, Damaged(Some(300))),
    ("LOG-012", "restored and continued", |s| { s.keep("checkpoint"); s.replace(rewritten(1, 300)); }, Damaged(None)),
    ("LOG-013", "of another house", |s| s.replace(of_another_house(7)), Damaged(None)),
    ("LOG-013", "of another house with the same key", |s| s.replace(of_another_house(1)), Damaged(None)),
    ("LOG-014", "emptied", |s| s.log.remove("tile"), Damaged(Some(0))),
    ("LOG-014", "without a checkpoint", |s| s.log.remove("checkpoint"), Damaged(None)),
    ("LOG-015", "the clock went back", |s| grow(s, &[outcome(1)]), Verified),
    ("LOG-016", "another key, announced", |s| rotate(s, true), Verified),
    ("LOG-016", "another key, the only one that the user has", |s| { rotate(s, true); s.key = Some(second_key()); }, Verified),
    ("LOG-016", "another key, not announced", |s| rotate(s, false), Damaged(None)),
    ("LOG-017", "a later form", |s| grow(s, &[br#"{"kind":"new","version":2}"#.to_vec()]), Unsupported),
    ("LOG-017", "a later form, and a flipped bit", |s| { grow(s, &[br#"{"version":2}"#.to_vec()]); flip(s, FIRST, 100, 0); }, Damaged(Some(0))),
    ("LOG-017", "no form at all", |s| grow(s, &[br#"{"version":1}"#.to_vec()]), Damaged(Some(600))),
    ("LOG-018", "torn at the end", tear, Verified),
    ("LOG-018", "torn and continued", |s| { tear(s); s.log.write_journal(602, &[outcome(602)]); }, Verified),
    ("LOG-018", "with a hole at the end", |s| hole(s, 0), Verified),
    ("LOG-018", "with a hole larger than an entry", |s| hole(s, 70_000), Verified),
    ("LOG-018", "with room for more at the end", |s| s.log.change(JOURNAL, |bytes| bytes.extend([b' '; 60 << 10])), Verified),
    ("LOG-018", "a hole, and a file behind it", |s| { hole(s, 0); s.log.write_journal(603, &[outcome(603)]); }, Damaged(Some(602))),
    // The documented way: the bundles of the time that is over are deleted.
    ("LOG-019", "entries erased", |s| s.log.remove(FIRST), Verified),
    ("LOG-019", "entries erased, and a key that they announced", |s| s.replace(erased(true)), Verified),
    ("LOG-019", "entries erased, without the key that they announced", |s| s.replace(erased(false)), Damaged(None)),
    ("LOG-019", "entries erased, another key in the place of the one they announced", |s| { s.replace(erased(true)); s.log.write(ANNOUNCED, &key_change(5, &SignerKey::new(ORIGIN, &[9; 32]).unwrap())); }, Damaged(Some(5))),
    ("LOG-020", "written in another way", |s| s.log.change_bundle(FIRST, |all| all[9].insert(1, b' ')), Damaged(Some(9))),
    ("journal", "a part that is in the tree already", |s| s.log.write_journal(590, &(590..600).map(outcome).collect::<Vec<_>>()), Verified),
    ("journal", "not what is in the tree", |s| s.log.write_journal(598, &[outcome(598), outcome(1)]), Damaged(Some(599))),
    ("journal", "a gap", |s| { s.log.write_journal(601, &[outcome(601)]); s.log.remove(JOURNAL); }, Damaged(Some(600))),
    ("journal", "no entry", |s| s.log.write_journal(600, &[b"{}".to_vec()]), Damaged(Some(600))),
];

const ORIGIN: &str = "zollhaus.example/one";
const ANNOUNCED: &str = "announcements/00000000000000000005";
const KEPT_300: &str = "checkpoints/00000000000000000300";
const JOURNAL: &str = "journal/00000000000000000600.jsonl";

fn flip(scene: &mut Scene, name: &str, byte: usize, bit: u8) {
    scene.log.change(name, |bytes| bytes[byte] ^= 1 << bit);
}

fn tear(scene: &mut Scene) {
    scene.log.change(JOURNAL, |bytes| bytes.truncate(bytes.len() - 5));
}

/// Zeros in the place of the last entry, or of more, and another entry behind them: a
/// page of the last group did not reach the disk before the power went.
fn hole(scene: &mut Scene, more: usize) {
    scene.log.change(JOURNAL, |bytes| {
        let end = bytes.len() - 2;
        bytes.truncate(end - 5);
        bytes.resize(end + more, 0);
        bytes.extend([b"}\n", outcome(603).as_slice(), b"\n"].concat());
    });
}

fn restore_300(scene: &mut Scene) {
    let older = scene.log.read(KEPT_300);
    scene.log.write("checkpoint", &older);
}

/// The usual log as it was when it had 300 entries.
fn cut() -> TestLog {
    let mut log = TestLog::new();
    log.grow_to(300, &[5, 300]);
    log
}

/// The second key took over at entry 5, and the time of that entry is over.
fn erased(keeps_announcement: bool) -> TestLog {
    let mut log = TestLog::new();
    log.grow_to(5, &[5]);
    let announcement = key_change(5, &second_key());
    log.append(&announcement);
    log.keys.push(second_key());
    log.grow_to(7, &[7]);
    let first = log.keys.remove(0);
    log.grow_to(600, &[600]);
    log.keys.insert(0, first);
    log.remove(FIRST);
    if keeps_announcement {
        log.write(ANNOUNCED, &announcement);
    }
    log
}

/// Other entries from an index on, by the holder of some key.
fn rewritten(seed: u8, from: u64) -> TestLog {
    let mut log = TestLog::of(ORIGIN, seed);
    log.grow_to(from, &[5, 300]);
    (from..700).for_each(|number| log.append(&outcome(number + 1000)));
    log.sign();
    log
}

fn of_another_house(seed: u8) -> TestLog {
    let mut log = TestLog::of("zollhaus.example/two", seed);
    log.grow_to(600, &[600]);
    log
}

fn second_key() -> SignerKey {
    SignerKey::new(ORIGIN, &[5; 32]).unwrap()
}

/// The log goes on with these entries, in the tree.
fn grow(scene: &mut Scene, entries: &[Vec<u8>]) {
    scene.log.remove("journal");
    for entry in entries {
        scene.log.append(entry);
    }
    scene.log.sign();
}

/// From some entry on, checkpoints are signed with another key only.
fn rotate(scene: &mut Scene, is_announced: bool) {
    let next = second_key();
    if is_announced {
        let announcement = key_change(600, &next);
        grow(scene, &[announcement]);
    }
    let first = std::mem::replace(&mut scene.log.keys, vec![next]);
    scene.key = first.into_iter().next();
    grow_again(scene);
}

fn grow_again(scene: &mut Scene) {
    scene.log.append(&outcome(700));
    scene.log.sign();
}

#[test]
fn two_verifiers_judge_every_change_alike() {
    for (id, title, change, expected) in CASES {
        let mut scene = Scene::new(TestLog::usual());
        change(&mut scene);
        assert_eq!((scene.by_us(), scene.by_them()), (*expected, *expected), "{id}: {title}");
    }
    let here: BTreeSet<_> = CASES.iter().map(|(id, ..)| *id).collect();
    // Of Merkle proofs, exports and large logs; each has a test of its own.
    let elsewhere = ["LOG-021", "LOG-022", "LOG-023", "LOG-024", "LOG-025"];
    let Some(text) = shared("vectors/scenarios/log_tampering.json") else { return };
    let set: Value = serde_json::from_slice(&text).unwrap();
    let cases = set["cases"].as_array().unwrap();
    for case in cases {
        let id = case["id"].as_str().unwrap();
        assert!(here.contains(id) || elsewhere.contains(&id), "{id} has no test");
    }
    report("log tampering", cases.len(), cases.len(), "each by two verifiers");
}

#[test]
fn whatever_byte_changes_the_first_bad_entry_is_named() {
    // LOG-002, in every file of a log of 8: in every byte in the long run. That are some
    // 2,000 verifications, a minute at most.
    let mut log = TestLog::new();
    log.grow_to(8, &[5, 8]);
    let bundle = "tile/entries/000.p/8";
    let mut ends = Vec::new();
    log.change_bundle(bundle, |all| {
        ends = all
            .iter()
            .scan(0, |end, entry| {
                *end += 2 + entry.len();
                Some(*end)
            })
            .collect();
    });
    let kept = [5, 8].map(|size| format!("checkpoints/{size:020}"));
    let mut flips = 0;
    for name in ["checkpoint", &kept[0], &kept[1], "tile/0/000.p/8", bundle] {
        let whole = log.read(name);
        for at in (0..whole.len()).step_by(if is_long() { 1 } else { 31 }) {
            log.change(name, |bytes| bytes[at] ^= 1 << (at % 8));
            let bad = ends.partition_point(|end| *end <= at) as u64;
            match verdict(&log, &log.options()) {
                Damaged(first) if name == bundle => assert_eq!(first, Some(bad), "byte {at}"),
                Damaged(first) if name.starts_with("tile/0") => {
                    assert_eq!(first, Some(at as u64 / 32), "byte {at} of `{name}`");
                }
                Damaged(_) => {}
                other => panic!("byte {at} of `{name}`: {other:?}"),
            }
            log.write(name, &whole);
            flips += 1;
        }
    }
    report("flipped bytes", flips, flips, "each noticed, and its entry named");
}
