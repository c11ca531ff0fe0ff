// SPDX-License-Identifier: Apache-2.0
//! The exchanges of `../shared/crm/dynamics/examples`.

use std::collections::BTreeMap;
use std::path::Path;

use http::HeaderMap;
use serde_json::Value as Tree;

use super::{locate_with, read_answer, render, uses};
use crate::carrier::Replacement;
use crate::crm::LocateError;
use crate::testkit::shared_path;

fn examples() -> BTreeMap<String, Tree> {
    let Some(folder) = shared_path("crm/dynamics/examples") else { return BTreeMap::new() };
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let load = |path: &Path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    files
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), load(&path)))
        .collect()
}

fn header_map(message: &Tree) -> HeaderMap {
    let lines = message["headers"].as_object().into_iter().flatten();
    lines
        .map(|(name, value)| (name.parse().unwrap(), value.as_str().unwrap().parse().unwrap()))
        .collect()
}

fn body(message: &Tree) -> String {
    match (message.get("body"), message.get("body_text")) {
        (Some(body), _) if !body.is_null() => body.to_string(),
        (_, Some(text)) => text.as_str().unwrap().to_owned(),
        _ => String::new(),
    }
}

fn strings(example: &Tree, member: &str) -> Vec<String> {
    let list = example[member].as_array().into_iter().flatten();
    list.map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// What is left of these values once everything located has been replaced.
fn remaining<'v>(values: &'v [String], places: &[&str]) -> Vec<&'v str> {
    let texts: Vec<String> = places
        .iter()
        .flat_map(|place| {
            let decoded = percent_encoding::percent_decode_str(place).decode_utf8().unwrap();
            [(*place).to_owned(), decoded.into_owned()]
        })
        .collect();
    values
        .iter()
        .map(String::as_str)
        .filter(|value| texts.iter().any(|text| text.contains(value)))
        .collect()
}

/// Exchanges whose filters need more than equality: they are refused where the columns
/// are protected, and the values stay where they stand.
const USES: [(&str, &str); 2] = [
    ("contacts-filter-contains", "contact.firstname by contains"),
    ("contacts-paged-first", "contact.firstname by $orderby"),
];

/// Parts that are no requests of the Web API.
const REFUSED: [(&str, &str); 5] = [
    (
        "fixture-batch",
        "the path cannot be parsed: it has a character that OData does not have at byte 0",
    ),
    ("fixture-batch-create-content-i-d", "POST is not a method of this resource"),
    ("fixture-batch-create-content-i-d-no-collection", "POST is not a method of this resource"),
    ("fixture-batch-create-content-i-d-u-r-l-replace", "POST is not a method of this resource"),
    (
        "fixture-batch-error-change-set",
        "the body cannot be parsed: it has no delimiter where one must be, at byte 351",
    ),
];

#[test]
fn nothing_personal_stays_in_the_examples() {
    let examples = examples();
    let marker = Replacement::text("zh0000");
    let (mut read, mut unknown) = (Vec::new(), Vec::new());
    for (name, example) in &examples {
        let (request, response) = (&example["request"], &example["response"]);
        // No client puts a space in a request line.
        let target = request["target"].as_str().unwrap().replace(' ', "%20");
        let method = request["method"].as_str().unwrap();
        let sent = body(request)
            .replace("http://testorg.crm.dynamics.com", "https://zollhaus-demo.crm4.dynamics.com");
        let located = match locate_with(method, &target, &header_map(request), &sent) {
            Ok(located) => located,
            Err(LocateError::UnknownOperation) => {
                unknown.push(name.as_str());
                continue;
            }
            Err(other) => {
                let known = REFUSED.iter().find(|(refused, _)| refused == name);
                let (_, expected) = known.unwrap_or_else(|| panic!("{name}: {other}"));
                assert_eq!(other.to_string(), *expected, "{name}");
                continue;
            }
        };
        read.push(name.as_str());
        let personal = strings(example, "personal_values");
        assert_eq!(render(&located.target, &Replacement::Keep), target, "{name}");
        // Fields of parts that are not known are taken out.
        let kept = sent.replace("my-header: success!\n", "").replace("custom: header\n", "");
        assert_eq!(render(&located.body, &Replacement::Keep), kept, "{name}");
        let (out_target, out_body) =
            (render(&located.target, &marker), render(&located.body, &marker));
        if let Some((_, expected)) = USES.iter().find(|(used, _)| used == name) {
            assert!(uses(&located).iter().any(|found| found == expected), "{name}");
        } else {
            let left = remaining(&personal, &[&out_target, &out_body]);
            assert!(left.is_empty(), "{name}: {left:?} in {out_target} {out_body}");
        }

        let Some(status) = response["status"].as_u64() else { continue };
        let answer =
            read_answer(&located, status as u16, &header_map(response), &body(response)).unwrap();
        let mut kept = render(&answer.body, &Replacement::Keep);
        for (_, document) in &answer.headers {
            kept.push_str(&render(document, &Replacement::Keep));
        }
        let left = strings(example, "upstream_urls");
        assert!(remaining(&left, &[&kept]).is_empty(), "{name}: {kept}");
        let shown = render(&answer.body, &marker);
        // The cookie is the CRM's own, and goes back to it as it is.
        let shown = shown.split("$skiptoken").next().unwrap();
        let left = remaining(&personal, &[shown]);
        assert!(left.is_empty(), "{name}: {left:?} in {shown}");
    }
    if examples.is_empty() {
        return;
    }
    assert_eq!(unknown, ["dataverse-search-query", "soap-organization-create"]);
}
