// SPDX-License-Identifier: Apache-2.0
//! What the files of `../shared/crm/<name>/examples` say.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value as Tree;

use crate::crm::{AnswerView, LocatedAnswer, LocatedRequest, Origins};
use crate::testkit::shared_path;

/// An example, why its request is refused, and the values that are not located in it.
pub type Refused<'v> = (&'v str, String, Vec<&'v str>);

/// Examples, what they call personal and passes in clear on purpose, and why it does.
pub type Passed<'v> = [(&'v str, &'v [&'v str], &'v str)];

/// An answer as it goes over the wire.
#[derive(Clone)]
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The response of an example.
    pub fn of(response: &Tree) -> Self {
        let status = response["status"].as_u64().unwrap_or(200) as u16;
        let mut headers = header_map(response);
        if headers.is_empty() {
            headers.insert("content-type", HeaderValue::from_static("application/json"));
        }
        let status = StatusCode::from_u16(status).unwrap();
        Self { status, headers, body: body(response).into() }
    }

    pub(super) fn located(&self, request: &LocatedRequest, origins: &Origins) -> LocatedAnswer {
        let Self { status, headers, body } = self;
        request
            .answer
            .locate(&AnswerView {
                status: *status,
                headers,
                body,
                origins,
                expansion: crate::carrier::coding::ExpansionLimits::FOR_TESTS,
                sorted: None,
            })
            .unwrap()
    }

    pub(super) fn is_csv(&self) -> bool {
        self.headers.get("content-type").is_some_and(|it| it.as_bytes().starts_with(b"text/csv"))
    }

    pub(super) fn with_body(&self, body: Bytes) -> Self {
        Self { body, ..self.clone() }
    }

    pub(super) fn rewritten(&self, headers: Vec<(HeaderName, Bytes)>, body: Bytes) -> Self {
        let mut rewritten = self.with_body(body);
        for (name, value) in headers {
            rewritten.headers.insert(name, HeaderValue::from_maybe_shared(value).unwrap());
        }
        rewritten
    }

    /// The headers, one a line, and the body.
    pub(super) fn text(&self) -> String {
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            format!("{name}: {}\n", value.to_str().unwrap())
        };
        let mut text: String = self.headers.iter().map(line).collect();
        text.push_str(std::str::from_utf8(&self.body).unwrap());
        text
    }

    pub fn written(&self) -> Vec<u8> {
        self.text().into()
    }
}

/// What an example says is personal.
pub struct Personal<'v> {
    values: Vec<&'v str>,
    /// Those that pass in clear on purpose.
    passed: Vec<&'v str>,
}

impl<'v> Personal<'v> {
    pub fn of(example: &'v Tree, passed: &[&'v str]) -> Self {
        let mut values = strings(&example["personal_values"]);
        values.retain(|value| !passed.contains(value));
        Self { values, passed: passed.to_vec() }
    }

    /// As [`of`](Self::of), with what this list says of the example with this name.
    pub fn listed(name: &str, example: &'v Tree, passed: &Passed<'v>) -> Self {
        let listed = passed.iter().filter(|(of, ..)| *of == name).flat_map(|(_, them, _)| *them);
        Self::of(example, &listed.copied().collect::<Vec<_>>())
    }

    /// Those that stand in the bytes outside of what passes, in one encoding or another.
    pub fn left(&self, bytes: &[u8]) -> Vec<&'v str> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let text = self.passed.iter().fold(text, |text, passed| text.replace(passed, ""));
        left(&self.values, text.as_bytes())
    }
}

/// Fails where the list speaks of what is not in the examples.
pub fn check_passed(passed: &Passed<'_>, examples: &BTreeMap<String, Tree>) {
    for (name, values, reason) in passed {
        let personal = strings(&examples[*name]["personal_values"]);
        assert!(values.iter().all(|value| personal.contains(value)), "{name}: {reason}");
    }
}

pub fn refusals<'r>(refused: &'r [Refused<'r>]) -> Vec<(&'r str, &'r str, &'r [&'r str])> {
    refused.iter().map(|(name, why, left)| (*name, why.as_str(), left.as_slice())).collect()
}

/// The examples of a CRM by name; nothing where they are not there.
pub fn examples(crm: &str) -> BTreeMap<String, Tree> {
    let Some(folder) = shared_path(&format!("crm/{crm}/examples")) else { return BTreeMap::new() };
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let load = |path: &Path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    files
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), load(&path)))
        .collect()
}

pub fn body(message: &Tree) -> String {
    match (&message["body"], message["body_text"].as_str()) {
        (Tree::Null, text) => text.unwrap_or_default().to_owned(),
        (body, _) => body.to_string(),
    }
}

pub fn header_map(message: &Tree) -> HeaderMap {
    let lines = message["headers"].as_object().into_iter().flatten();
    lines
        .map(|(name, value)| (name.parse().unwrap(), value.as_str().unwrap().parse().unwrap()))
        .collect()
}

pub fn strings(list: &Tree) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Tree::as_str).collect()
}

/// Those of the values that stand in the bytes, in one encoding or another.
pub fn left<'v>(values: &[&'v str], bytes: &[u8]) -> Vec<&'v str> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let json: String = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .map(|tree| leaves(&tree))
        .collect();
    let mut places = vec![text.to_lowercase(), json.to_lowercase()];
    let mut encoded = text;
    while encoded.contains('%') && places.len() < 8 {
        let decoded = percent_encoding::percent_decode_str(&encoded).decode_utf8_lossy();
        places.push(decoded.to_lowercase());
        places.push(decoded.replace('+', " ").to_lowercase());
        encoded = decoded.into_owned();
    }
    let is_left = |value: &&&str| {
        // Literals of OData and SOQL, as the examples spell them, and what they say.
        let plain = value.replace("''", "'").replace("\\'", "'").to_lowercase();
        let forms = [value.to_lowercase(), plain, STANDARD.encode(value).to_lowercase()];
        forms.iter().any(|form| places.iter().any(|place| place.contains(form)))
    };
    values.iter().filter(is_left).copied().collect()
}

fn leaves(tree: &Tree) -> String {
    match tree {
        Tree::String(text) => format!("{text}\n"),
        Tree::Array(elements) => elements.iter().map(leaves).collect(),
        Tree::Object(members) => members.values().map(leaves).collect(),
        other => format!("{other}\n"),
    }
}
