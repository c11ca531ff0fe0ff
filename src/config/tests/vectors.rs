// SPDX-License-Identifier: Apache-2.0
//! The YAML traps of the independent test data (`yaml/policy_yaml_attacks.json`).
//!
//! A case to be rejected must not load as a policy; then the running policy stays.
//! The cases to be accepted are about single values under keys that no policy
//! has, so they are read as what each expected value is: a text, a number, or
//! something that must not pass for a truth value.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::config::diagnostic::Problems;
use crate::config::document::Document;
use crate::config::{Source, load_policy, yaml};
use crate::crm::salesforce::Salesforce;
use crate::testkit::Scratch;
use crate::testkit::{report, shared};

/// Cases where we do otherwise, and why.
const DEVIATIONS: &[(&str, &str)] = &[
    ("YML-020", "a number with a leading zero is refused: people read it differently"),
    ("YML-021", "numbers are decimal; octal ones are refused"),
];

#[test]
fn yaml_traps() {
    let Some(bytes) = shared("vectors/yaml/policy_yaml_attacks.json") else { return };
    let suite: Value = serde_json::from_slice(&bytes).unwrap();
    let cases = suite["cases"].as_array().unwrap();
    let folder = Scratch::new();
    let path = folder.file("policy.yaml");
    let mut failed = Vec::new();
    for case in cases {
        let id = case["id"].as_str().unwrap();
        fs::write(&path, STANDARD.decode(case["yaml_b64"].as_str().unwrap()).unwrap()).unwrap();
        let is_as_expected = match case["expect"].as_str().unwrap() {
            "reject" => load_policy(&path, &Salesforce, "t.example.com").is_err(),
            "accept" => reads_as(&path, &case["value"]),
            other => panic!("{id}: unknown expectation {other}"),
        };
        let is_deviation = DEVIATIONS.iter().any(|(deviation, _)| *deviation == id);
        if is_as_expected == is_deviation {
            failed.push(format!("{id} {}", case["title"]));
        }
    }
    let note = "2 read numbers in octal or with a leading zero and are refused";
    report("YAML traps", cases.len(), cases.len() - DEVIATIONS.len(), note);
    assert_eq!(cases.len(), 61);
    assert_eq!(failed, Vec::<String>::new());
}

/// Whether the document is a mapping of exactly these values.
fn reads_as(path: &std::path::Path, expected: &Value) -> bool {
    let problems = Problems::default();
    let document = Document { source: Source::read(path).unwrap(), problems: &problems };
    let Ok(Some(root)) = yaml::parse(&document) else { return false };
    let Some(section) = document.mapping(&root) else { return false };
    let expected = expected.as_object().unwrap();
    let found: Vec<bool> = section
        .named()
        .map(|(name, item)| match &expected[name.text] {
            Value::Number(number) => item.number(0..=u64::MAX) == number.as_u64(),
            Value::String(text) if text == "type error" => item.flag().is_none(),
            Value::String(text) => item.text() == Some(text),
            other => panic!("unknown kind of value {other}"),
        })
        .collect();
    found.len() == expected.len() && found.into_iter().all(|is_right| is_right)
}
