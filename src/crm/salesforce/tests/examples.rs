// SPDX-License-Identifier: Apache-2.0
//! The recorded and written exchanges of `../shared/crm/salesforce/examples`.

use std::collections::BTreeMap;
use std::path::Path;

use http::HeaderMap;
use serde_json::Value as Tree;

use super::{locate, locate_told, read_answer, render, uses};
use crate::carrier::Replacement;
use crate::crm::LocateError;
use crate::testkit::shared_path;

fn examples() -> BTreeMap<String, Tree> {
    let Some(folder) = shared_path("crm/salesforce/examples") else { return BTreeMap::new() };
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
            [(*place).to_owned(), decoded.replace('+', " "), decoded.into_owned()]
        })
        .collect();
    values
        .iter()
        .map(String::as_str)
        .filter(|value| texts.iter().any(|text| text.contains(value)))
        .collect()
}

/// Examples whose values cannot be located: the request is refused where the field of
/// this use is protected.
const REPORTED_AS_USES: &[(&str, &[&str], &[&str])] = &[
    ("parameterized-search-post", &["+49 89 99998-123"], &["contact.* by a text search"]),
    ("query-escapes-in-like", &["960123"], &["contact.phone by LIKE"]),
];

/// Examples of other APIs than the REST API and Bulk API 2.0, which are not read.
const PASSED_OVER: &[&str] = &[
    "bulk1-batch-xml",
    "bulk1-create-job-xml",
    "cometd-change-event",
    "cometd-handshake",
    "soap-fault",
    "soap-login",
    "soap-partner-upsert",
];

/// What the CRM says of the job that an example is about.
fn job_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "bulk2-ingest-upload" | "bulk2-ingest-failed-results" => {
            r#"{"id":"750WV000000demoYAA","object":"Contact","operation":"insert",
                "columnDelimiter":"COMMA","lineEnding":"LF"}"#
        }
        "bulk2-ingest-upload-semicolon-crlf" => {
            r#"{"id":"750WV000000demoZAA","object":"Contact","operation":"upsert",
                "externalIdFieldName":"Email","columnDelimiter":"SEMICOLON","lineEnding":"CRLF"}"#
        }
        "bulk2-query-results" | "bulk2-query-results-last" => {
            r#"{"id":"750WV000000demoQAA","object":"Contact","operation":"query",
                "columnDelimiter":"PIPE","lineEnding":"CRLF"}"#
        }
        _ => return None,
    })
}

#[test]
fn nothing_personal_stays_in_the_examples() {
    let examples = examples();
    let marker = Replacement::text("zh0000");
    let (mut read, mut unknown) = (Vec::new(), Vec::new());
    for (name, example) in examples.iter().filter(|(_, example)| example["request"].is_object()) {
        let (request, response) = (&example["request"], &example["response"]);
        let (method, target) =
            (request["method"].as_str().unwrap(), request["target"].as_str().unwrap());
        let sent = body(request);
        let located = match locate_told(
            (method, target),
            &header_map(request),
            &sent,
            job_of(name).map(|job| (job, Some("contact"))),
        ) {
            Ok(located) => located,
            Err(LocateError::UnknownOperation) => {
                unknown.push(name.as_str());
                continue;
            }
            Err(other) => panic!("{name}: {other}"),
        };
        read.push(name.as_str());
        let personal = strings(example, "personal_values");
        assert_eq!(render(&located.target, &Replacement::Keep), target, "{name}");
        assert_eq!(render(&located.body, &Replacement::Keep), sent, "{name}");
        let (out_target, out_body) =
            (render(&located.target, &marker), render(&located.body, &marker));
        let left = remaining(&personal, &[&out_target, &out_body]);
        match REPORTED_AS_USES.iter().find(|(known, ..)| *known == name.as_str()) {
            Some((_, values, expected)) => assert_eq!(
                (left.as_slice(), uses(&located)),
                (*values, expected.iter().map(|it| (*it).to_owned()).collect())
            ),
            None => assert!(left.is_empty(), "{name}: {left:?} in {out_target} {out_body}"),
        }

        let status = response["status"].as_u64().unwrap() as u16;
        let answer = read_answer(&located, status, &header_map(response), &body(response)).unwrap();
        let kept = render(&answer.body, &Replacement::Keep);
        assert!(
            remaining(&strings(example, "upstream_urls"), &[&kept]).is_empty(),
            "{name}: {kept}"
        );
        // What a user of the CRM is called is for the client to know.
        if name != "userinfo" {
            let shown = render(&answer.body, &marker);
            let left = remaining(&personal, &[&shown]);
            assert!(left.is_empty(), "{name}: {left:?} in {shown}");
        }
    }
    if examples.is_empty() {
        return;
    }
    assert_eq!(read.len(), 33, "{read:?}");
    assert_eq!(unknown, PASSED_OVER);
}

/// Answers without their requests: whatever they are, they are read and stay as they
/// are. Only rows of groups mean nothing without their query.
#[test]
fn every_answer_of_the_fixtures_is_read() {
    let locators = ["/services/data/v62.0/query/01g", "/services/data/v62.0/limits"];
    for (name, example) in examples().iter().filter(|(_, example)| example["request"].is_null()) {
        let sent = body(&example["response"]);
        for target in locators {
            let located = locate("GET", target, "").unwrap();
            let answer = read_answer(&located, 200, &HeaderMap::new(), &sent);
            if name.contains("aggregate") {
                assert!(answer.is_err(), "{name}");
            } else {
                assert_eq!(render(&answer.unwrap().body, &Replacement::Keep), sent, "{name}");
            }
        }
    }
}
