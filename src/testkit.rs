// SPDX-License-Identifier: Apache-2.0
//! What unit tests share: folders of their own, and the independent test data that
//! lies beside a full checkout.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use bytes::Bytes;
use serde_json::Value;

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
