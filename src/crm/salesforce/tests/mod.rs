// SPDX-License-Identifier: Apache-2.0

mod answers;
mod bulk;
mod bulk1;
mod bulk_refused;
mod cometd;
mod composite;
mod examples;
mod graphql;
mod hostile;
mod records;
mod requests;
mod search;
mod soap;
mod sort;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::Salesforce;
use crate::base::{Refusal, RefusalCode};
use crate::carrier::Replacement;
use crate::crm::testkit::{self, occurrences, render, uses};
use crate::crm::{
    Dialect, FieldKind, LocateError, LocatedAnswer, LocatedRequest, Origins, RecordName, Told,
};

fn origins() -> Origins {
    Origins {
        upstream: "https://zollhaus-demo.my.salesforce.com".to_owned(),
        public: "https://crm.acme.example/sf".to_owned(),
        siblings: Vec::new(),
    }
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    lines.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap())).collect()
}

/// Locates a request with a JSON body, or with none.
fn locate(method: &str, target: &str, body: &str) -> Result<LocatedRequest, LocateError> {
    let mut headers = HeaderMap::new();
    if !body.is_empty() {
        headers.insert("content-type", HeaderValue::from_static("application/json"));
    }
    locate_with(method, target, &headers, body)
}

fn locate_with(
    method: &str,
    target: &str,
    headers: &HeaderMap,
    body: &str,
) -> Result<LocatedRequest, LocateError> {
    let method: Method = method.parse().unwrap();
    testkit::locate(&Salesforce, &origins(), (&method, target), headers, body)
}

/// Locates a request of whose job this is known.
fn locate_told(
    (method, target): (&str, &str),
    headers: &HeaderMap,
    body: &str,
    told: Option<(&str, Option<&str>)>,
) -> Result<LocatedRequest, LocateError> {
    let by_crm = told.map(|(by_crm, _)| Bytes::copy_from_slice(by_crm.as_bytes()));
    let by_caller = told.and_then(|(_, by_caller)| by_caller);
    let told = Told { by_crm: by_crm.as_ref(), by_caller, quarantined: &[] };
    testkit::see(&origins(), (method, target), headers, body, told, |view| Salesforce.locate(view))
}

/// Where the CRM is asked before a request without a body is located.
fn asked_first(method: &str, target: &str) -> Option<Bytes> {
    let (headers, told) = (HeaderMap::new(), Told::default());
    let question = testkit::see(&origins(), (method, target), &headers, "", told, |view| {
        Salesforce.asks_first(view)
    });
    question.and_then(|question| question.target)
}

/// Reads an answer to the request with this method, target and body.
fn read(request: (&str, &str, &str), status: u16, body: &str) -> LocatedAnswer {
    let located = locate(request.0, request.1, request.2).unwrap();
    read_answer(&located, status, &HeaderMap::new(), body).unwrap()
}

fn read_answer(
    located: &LocatedRequest,
    status: u16,
    headers: &HeaderMap,
    body: &str,
) -> Result<LocatedAnswer, LocateError> {
    testkit::read_answer(located, &origins(), status, headers, body.as_bytes())
}

fn names(records: &[RecordName]) -> Vec<String> {
    records.iter().map(|name| format!("{} {} {}", name.record, name.object, name.id)).collect()
}

#[test]
fn names_are_matched_as_salesforce_matches_them() {
    let object = Salesforce.canonical_object("CONTACT");
    assert_eq!(object.as_str(), "contact");
    assert_eq!(Salesforce.canonical_field(&object, "MailingStreet").as_str(), "mailingstreet");
    assert_eq!(Salesforce.canonical_field(&object, "SSN__c").as_str(), "ssn__c");
}

#[test]
fn facts_follow_the_catalogue() {
    let Some(folder) = crate::testkit::shared_path("crm") else { return };
    let catalogue = std::fs::read_to_string(folder.join("fields.csv")).unwrap();
    let mut rows = 0;
    for row in catalogue.lines().filter(|row| row.starts_with("salesforce,")) {
        let cells: Vec<&str> = row.split(',').collect();
        let object = Salesforce.canonical_object(cells[1]);
        let field = Salesforce.canonical_field(&object, cells[2]);
        let facts = Salesforce.field_facts(&object, &field).unwrap();
        let kind = match cells[3] {
            _ if row.contains("read-only") => FieldKind::Composed,
            "email" => FieldKind::Email,
            "phone" => FieldKind::Phone,
            "date" => FieldKind::Date,
            "picklist" => FieldKind::Picklist,
            _ => FieldKind::Text,
        };
        assert_eq!((facts.kind, facts.max_length), (kind, cells[4].parse().ok()), "{row}");
        rows += 1;
    }
    assert_eq!(rows, 25);
    let unknown = Salesforce.field_facts(&"contact".into(), &"shoesize__c".into());
    assert_eq!(unknown, None);
}

#[test]
fn refusals_have_the_shape_that_clients_parse() {
    for code in RefusalCode::ALL {
        let answer = Salesforce.refuse(&Refusal::new(*code, "a \"quoted\" `field`"));
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body[0]["message"], "Zollhaus: a \"quoted\" `field`");
        assert_eq!(answer.status, code.status());
        assert_ne!(answer.status, StatusCode::UNAUTHORIZED);
        assert_ne!(body[0]["errorCode"], "INVALID_SESSION_ID");
        assert!(answer.content_type.starts_with("application/json"));
    }
    let answer = Salesforce.refuse(&Refusal::new(RefusalCode::OperatorUnsupported, "x"));
    assert_eq!(answer.body, r#"[{"message":"Zollhaus: x","errorCode":"INVALID_FIELD"}]"#);
}
