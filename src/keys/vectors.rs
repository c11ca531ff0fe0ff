// SPDX-License-Identifier: Apache-2.0
//! Published vectors: how they are read, and those of HKDF and HMAC.

use std::io::Read as _;

use hkdf::Hkdf;
use serde_json::Value;
use sha2::Sha256;

use super::Mac;
use crate::base::Secret;

/// A file of vectors in JSON, compressed or not; `None` where there are none.
pub(super) fn suite(path: &str) -> Option<Value> {
    let bytes = crate::testkit::shared(&format!("vectors/{path}"))?;
    if bytes.starts_with(b"{") {
        return Some(serde_json::from_slice(&bytes).expect(path));
    }
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*bytes).read_to_string(&mut text).expect(path);
    Some(serde_json::from_str(&text).expect(path))
}

/// What hexadecimal digits say.
pub(super) fn bytes(value: &Value) -> Vec<u8> {
    let digits = value.as_str().expect("hexadecimal digits").as_bytes();
    let digit = |at: usize| char::from(digits[at]).to_digit(16).expect("a digit");
    (0..digits.len()).step_by(2).map(|at| (digit(at) * 16 + digit(at + 1)) as u8).collect()
}

/// Runs `is_right` over all tests of a Wycheproof file, with their group.
fn check(path: &str, name: &str, expected: usize, is_right: impl Fn(&Value, &Value) -> bool) {
    let Some(suite) = suite(path) else { return };
    let mut passed = 0;
    for group in suite["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            let is_valid = test["result"] == "valid";
            assert_eq!(is_right(group, test), is_valid, "{path} {}", test["tcId"]);
            passed += 1;
        }
    }
    assert_eq!(passed, expected, "{path}");
    crate::testkit::report(name, passed, passed, "");
}

/// Through the call that root keys are derived by.
#[test]
fn wycheproof_hkdf() {
    let path = "kdf-mac-aead/wycheproof_hkdf_sha256_test.json.gz";
    check(path, "Wycheproof HKDF-SHA-256", 86, |_, test| {
        let salt = bytes(&test["salt"]);
        let derived = Hkdf::<Sha256>::new(Some(&salt), &bytes(&test["ikm"]));
        let mut output = vec![0; test["size"].as_u64().unwrap() as usize];
        derived.expand(&bytes(&test["info"]), &mut output).is_ok() && output == bytes(&test["okm"])
    });
}

#[test]
fn wycheproof_hmac() {
    let path = "kdf-mac-aead/wycheproof_hmac_sha256_test.json.gz";
    check(path, "Wycheproof HMAC-SHA-256", 174, |group, test| {
        let code = Mac::new(Secret::new(bytes(&test["key"]))).over(&[&bytes(&test["msg"])]);
        let length = group["tagSize"].as_u64().unwrap() as usize / 8;
        code[..length] == bytes(&test["tag"])[..]
    });
}
