// SPDX-License-Identifier: Apache-2.0
//! The recorded and written exchanges of `shared/crm/hubspot/examples`: with every
//! located value replaced, none of their personal values is left on either side.

use serde_json::Value as Json;

use super::*;
use crate::carrier::{Document, Replacement};
use crate::testkit::shared;

/// Examples whose values cannot be located: the request is refused where one of
/// these fields is protected.
const REPORTED_AS_USES: &[(&str, &str)] = &[
    ("contact-search-between-date", "BETWEEN"),
    ("contact-search-contains-token", "CONTAINS_TOKEN"),
];

/// Examples of operations that later issues bring.
const UNKNOWN: &[&str] =
    &["import-start-multipart", "v1-profile-by-email", "v1-search-query", "v1-secondary-email-add"];

const EXAMPLES: &[&str] = &[
    "company-create",
    "contact-batch-archive",
    "contact-batch-create",
    "contact-batch-update-by-email",
    "contact-batch-upsert",
    "contact-create",
    "contact-create-conflict",
    "contact-gdpr-delete-by-email",
    "contact-get-by-email",
    "contact-get-by-email-unescaped-plus",
    "contact-merge",
    "contact-search-association-filter",
    "contact-search-between-date",
    "contact-search-contains-token",
    "contact-update-by-email-2026-03",
    "email-engagement-create",
    "fixture-companies-list",
    "fixture-contact-properties-list",
    "fixture-contacts-list",
    "fixture-contacts-with-history",
    "import-start-multipart",
    "note-create",
    "property-definition-get",
    "rate-limited",
    "unauthorized",
    "v1-profile-by-email",
    "v1-search-query",
    "v1-secondary-email-add",
];

#[test]
fn no_personal_value_is_overlooked() {
    for name in EXAMPLES {
        let Some(file) = shared(&format!("crm/hubspot/examples/{name}.json")) else { return };
        let example: Json = serde_json::from_slice(&file).unwrap();
        let personal: Vec<&str> = strings(&example["personal_values"]);
        let upstream: Vec<&str> = strings(&example["upstream_urls"]);

        let request = &example["request"];
        let method = request["method"].as_str().unwrap_or("GET").parse().unwrap();
        let listed = if name.contains("companies") { "companies" } else { "contacts" };
        let list = format!("/crm/v3/objects/{listed}");
        let target = request["target"].as_str().unwrap_or(&list);
        let located = locate(&method, target, "application/json", &body_of(request));
        if UNKNOWN.contains(name) {
            assert_eq!(located.unwrap_err(), LocateError::UnknownOperation, "{name}");
            continue;
        }
        let located = located.unwrap_or_else(|error| panic!("{name}: {error}"));
        if let Some((_, operator)) = REPORTED_AS_USES.iter().find(|(example, _)| example == name) {
            assert!(located.uses.iter().any(|found| found.operator == *operator), "{name}");
        } else {
            let sent = [replaced(&located.target), replaced(&located.body)].concat();
            refuse_all(name, &sent, &personal);
        }

        let response = &example["response"];
        let status = response["status"].as_u64().unwrap_or(200) as u16;
        let headers: Vec<(String, String)> = response["headers"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.to_lowercase(), value.as_str().unwrap().to_owned()))
            .collect();
        let answer = read_answer(&located, status, &headers, &body_of(response)).unwrap();
        let received: String = answer.documents().map(replaced).collect();
        refuse_all(name, &received, &personal);
        refuse_all(name, &received, &upstream);
    }
}

fn strings(list: &Json) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Json::as_str).collect()
}

fn body_of(message: &Json) -> String {
    match (&message["body"], message["body_text"].as_str()) {
        (Json::Null, text) => text.unwrap_or_default().to_owned(),
        (body, _) => body.to_string(),
    }
}

/// The document with another text in the place of every value, percent-decoded
/// and without the escapes of JSON.
fn replaced(document: &Document) -> String {
    let count = document.occurrences().len();
    let replacements = vec![Replacement::text("x"); count];
    let rendered = document.render(&mut replacements.iter()).unwrap();
    match serde_json::from_slice::<Json>(&rendered) {
        Ok(json) => leaves(&json),
        Err(_) => percent_encoding::percent_decode(&rendered).decode_utf8().unwrap().into_owned(),
    }
}

fn leaves(json: &Json) -> String {
    match json {
        Json::String(text) => format!("{text}\n"),
        Json::Array(elements) => elements.iter().map(leaves).collect(),
        Json::Object(members) => members.values().map(leaves).collect(),
        other => format!("{other}\n"),
    }
}

fn refuse_all(example: &str, text: &str, values: &[&str]) {
    for value in values {
        assert!(!text.contains(value), "{example}: `{value}` is left in {text}");
    }
}
