// SPDX-License-Identifier: Apache-2.0
//! The JSONPath Compliance Test Suite (jsonpath-standard, BSD-2) against [`Path`].

use serde_json::Value;

use super::{Path, PathError, Subject};
use crate::carrier::json::{DEFAULT_MAX_DEPTH, Json};
use crate::testkit::{self, shared};

/// The values of `document` that `path` selects.
fn select(path: &Path, document: &str) -> Value {
    let json = Json::parse(document.as_bytes(), DEFAULT_MAX_DEPTH).unwrap();
    let nodes = path.select(&Subject::new(&json)).unwrap();
    nodes.iter().map(|node| serde_json::from_str::<Value>(node.raw()).unwrap()).collect()
}

#[test]
fn compliance_suite() {
    let Some(suite) = shared("vectors/jsonpath/cts.json") else { return };
    let suite: Value = serde_json::from_slice(&suite).unwrap();
    let (mut selected, mut invalid, mut unavailable) = (0, 0, Vec::new());
    for case in suite["tests"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let compiled = Path::compile(case["selector"].as_str().unwrap());
        if case["invalid_selector"] == true {
            assert!(compiled.is_err(), "{name}: accepted");
            invalid += 1;
            continue;
        }
        match compiled {
            Ok(path) => {
                let found = select(&path, &case["document"].to_string());
                let is_right = case["result"] == found
                    || case["results"].as_array().is_some_and(|results| results.contains(&found));
                assert!(is_right, "{name}: found {found}");
                selected += 1;
            }
            Err(error) => {
                let is_ours = error == PathError::RegularExpression || name == "filter, nested";
                assert!(is_ours, "{name}: {error}");
                unavailable.push(name);
            }
        }
    }
    let offered = selected + invalid;
    let note = "50 with regular expressions and 1 nested filter are refused on purpose";
    testkit::report("JSONPath, RFC 9535", offered + unavailable.len(), offered, note);
    assert_eq!((selected, invalid, unavailable.len()), (405, 247, 51));
}

#[test]
fn filters_find_the_same_places_as_the_tree() {
    let check = |path, document, expected: &[usize]| {
        let json = Json::parse(str::as_bytes(document), DEFAULT_MAX_DEPTH).unwrap();
        let nodes = Path::compile(path).unwrap().select(&Subject::new(&json)).unwrap();
        let starts: Vec<usize> = nodes.iter().map(|node| node.span().start).collect();
        assert_eq!(starts, expected, "{path}");
    };
    check("$[?@.a==1].b", r#"[{"a":1,"b":2},{"b":3,"a":1},{"a":2,"b":4}]"#, &[12, 20]);
    check("$..[?@=='\\'']", r#"{"'\"":["'","x"],"":"'"}"#, &[20, 8]);
}

#[test]
fn well_typedness_is_checked() {
    let check = |path, expected| assert_eq!(Path::compile(path).unwrap_err(), expected, "{path}");
    check("$.a.", PathError::Invalid);
    check("$[?length(@)]", PathError::Invalid);
    check("$[?length(@..a)>1]", PathError::Invalid);
    check("$[?count(length(@))>1]", PathError::Invalid);
    check("$[?count(@[?@.a])>1]", PathError::NestedFilter);
    check("$[?(@.a || !@[?@.b])]", PathError::NestedFilter);
    check("$[0,?length(value(@..b))>1 && search(@.a,'b')]", PathError::RegularExpression);
    check("$..[?@.a in $.b]", PathError::Invalid);
    check("$[?in(@.a, $.b)]", PathError::UnknownFunction);
}
