// SPDX-License-Identifier: Apache-2.0
//! What unit tests share: folders of their own, and the independent test data that
//! lies beside a full checkout.

pub mod house;
pub mod postgres;
pub mod zip;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use bytes::Bytes;
use serde_json::Value;
use smol_str::SmolStr;

use crate::base::{EntryId, RefusalCode, Timestamp};
use crate::policy::{Digest, Reveal};
use crate::transfer_log::merkle::{leaf_hash, root_of};
use crate::transfer_log::note::SignerKey;
use crate::transfer_log::tile::{TILE_WIDTH, TileId, TileKind, push_entry};
use crate::transfer_log::{
    Checkpoint, ENTRY_VERSION, Entry, FieldCount, Outcome, RefusedTransfer, Revealed, Transfer,
    TransferResult,
};

/// A file or folder of the data. `None` when it is absent, said loudly; in CI
/// that is a failure.
pub fn shared_path(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared").join(name);
    if path.exists() {
        return Some(path);
    }
    let is_ci = std::env::vars_os().any(|(name, value)| name == "CI" && value == "true");
    assert!(!is_ci, "{} is missing", path.display());
    println!("SKIPPED: {} is missing", path.display());
    None
}

/// The bytes of a file of the data.
pub fn shared(name: &str) -> Option<Vec<u8>> {
    shared_path(name).map(|path| std::fs::read(path).expect("it can be read"))
}

/// A line of the table that `tests/suites` prints. What did not pass was listed in
/// the test, with its reason.
pub fn report(suite: &str, cases: usize, passed: usize, note: &str) {
    println!("suite: {suite} | {cases} | {passed} | {note}");
}

/// The time of the entries below.
pub const NOON: Timestamp = Timestamp::from_unix_millis(1_767_225_600_001);

/// An entry of each kind, for tests that change what matters to them.
pub fn transfer() -> Transfer {
    Transfer {
        version: ENTRY_VERSION,
        id: EntryId([0xab; 16]),
        time: NOON,
        instance: "one".into(),
        caller: "billing".into(),
        purpose: Some("crm".into()),
        upstream: "sf".into(),
        region: "US".into(),
        operation: "sobject.create".into(),
        object: Some("contact".into()),
        policy: Digest([1; 32]),
        uninspected: false,
        fields: Vec::new(),
        grounds: Vec::new(),
        subjects: Vec::new(),
    }
}

pub fn outcome() -> Outcome {
    Outcome {
        version: ENTRY_VERSION,
        id: EntryId([0xab; 16]),
        time: NOON,
        result: TransferResult::Answered,
        status: Some(201),
        reveals: Vec::new(),
        subjects: Vec::new(),
    }
}

pub fn refused() -> RefusedTransfer {
    RefusedTransfer {
        version: ENTRY_VERSION,
        id: EntryId([0xab; 16]),
        time: NOON,
        instance: "one".into(),
        caller: "billing".into(),
        purpose: None,
        upstream: Some("sf".into()),
        operation: None,
        code: RefusalCode::Forbidden,
        rules: vec!["house/no-russia".into()],
        records: Some(2),
        subjects: Vec::new(),
    }
}

/// How often a field was sealed.
pub fn sealed(field: &str, count: u32) -> FieldCount {
    FieldCount {
        object: "contact".into(),
        field: field.into(),
        category: Some("email".into()),
        protection: SmolStr::new_static("tokenize"),
        reason: None,
        ground: None,
        count,
    }
}

/// How often a field stayed clear because nobody had listed it.
pub fn unlisted(field: &str, count: u32) -> FieldCount {
    FieldCount {
        category: None,
        protection: SmolStr::new_static("none"),
        reason: Some(SmolStr::new_static("field_unlisted")),
        ..sealed(field, count)
    }
}

/// How often a field was shown masked.
pub fn masked(count: u32) -> Revealed {
    Revealed {
        object: "contact".into(),
        field: "email".into(),
        category: "email".into(),
        reveal: Reveal::Mask,
        role: Some("marketing".into()),
        found_clear: true,
        count,
    }
}

/// How many cases a costly property is tried with; `tests/run --long` asks for more.
pub fn cases(usual: u32) -> u32 {
    let is_long = std::env::vars_os().any(|(name, _)| name == "ZOLLHAUS_TEST_LONG");
    if is_long { 20 * usual } else { usual }
}

#[derive(Debug)]
pub struct Bomb {
    pub id: String,
    pub content_encoding: Option<String>,
    pub body: Bytes,
}

/// `bombs/bombs.json`; none when it is absent.
pub fn bombs() -> impl Iterator<Item = Bomb> {
    let set: Value = shared("vectors/bombs/bombs.json")
        .map_or(Value::Null, |text| serde_json::from_slice(&text).unwrap());
    let cases = set["cases"].as_array().cloned().unwrap_or_default();
    cases.into_iter().map(|case| {
        let mut body = Vec::with_capacity(case["wire_bytes"].as_u64().unwrap() as usize);
        for part in case["parts"].as_array().unwrap() {
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(part["b64"].as_str().unwrap())
                .unwrap();
            for _ in 0..part["repeat"].as_u64().unwrap() {
                body.extend_from_slice(&bytes);
            }
        }
        Bomb {
            id: case["id"].as_str().unwrap().to_owned(),
            content_encoding: case["content_encoding"].as_str().map(str::to_owned),
            body: body.into(),
        }
    })
}

/// Makes a folder with a log: the first `signed` entries under its checkpoint, the
/// others in its journal.
pub fn write_log(path: &Path, entries: &[Entry], signed: usize) {
    let write = |name: &str, bytes: &[u8]| {
        let file = path.join(name);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::write(file, bytes).expect("it can be written");
    };
    let entries: Vec<_> =
        entries.iter().map(|entry| entry.to_canonical_json().expect("an entry")).collect();
    let (in_tree, in_journal) = entries.split_at(signed);
    for (index, entries) in (0..).zip(in_tree.chunks(TILE_WIDTH as usize)) {
        let mut bundle = Vec::new();
        for entry in entries {
            push_entry(&mut bundle, entry).expect("a short entry");
        }
        let id = TileId::in_tree(TileKind::Entries, index, signed as u64).expect("a tile");
        write(&id.to_string(), &bundle);
    }
    let leaves: Vec<_> = in_tree.iter().map(|entry| leaf_hash(entry)).collect();
    let (origin, size, root) = ("acme.example/one".to_owned(), signed as u64, root_of(&leaves));
    let key = SignerKey::new(&origin, &[7; 32]).expect("a key");
    let checkpoint = Checkpoint { origin, size, root, extensions: Vec::new() };
    write("checkpoint", checkpoint.sign(&[&key]).expect("a note").to_string().as_bytes());
    let journal: Vec<u8> = in_journal.iter().flat_map(|line| [&line[..], b"\n"].concat()).collect();
    write(&format!("journal/{signed:020}.jsonl"), &journal);
}

/// Waits within a runtime of several threads.
pub fn wait_for<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| runtime.block_on(work))
}

/// An empty folder that goes away with its owner.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("zollhaus-test-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        Self(folder)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
