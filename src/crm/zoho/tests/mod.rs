// SPDX-License-Identifier: Apache-2.0

mod answers;
mod bulk;
mod composite;
mod hostile;
mod queries;
mod records;
mod referred;
mod requests;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::Zoho;
use crate::base::{Refusal, RefusalCode};
use crate::carrier::{Document, Value};
use crate::crm::testkit::{self, all_lines, render};
use crate::crm::{
    Dialect, FieldKind, LocateError, LocatedAnswer, LocatedRequest, Origins, RecordName,
};

fn origins() -> Origins {
    Origins {
        upstream: "https://www.zohoapis.eu".to_owned(),
        public: "https://zoll.example/zoho".to_owned(),
        siblings: vec![(
            "https://download-accl.zoho.eu".to_owned(),
            "https://zoll.example/files".to_owned(),
        )],
    }
}

/// As Zoho's own libraries send it: without the type of the body.
fn locate(method: &str, target: &str, body: &str) -> Result<LocatedRequest, LocateError> {
    locate_with(method, target, body, &[])
}

fn locate_with(
    method: &str,
    target: &str,
    body: &str,
    fields: &[(&'static str, &'static str)],
) -> Result<LocatedRequest, LocateError> {
    let fields = fields
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let headers: HeaderMap = fields.collect();
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    testkit::locate(&Zoho, &origins(), (&method, target), &headers, body)
}

fn read_answer(
    request: &LocatedRequest,
    status: u16,
    body: &str,
) -> Result<LocatedAnswer, LocateError> {
    let json = HeaderValue::from_static("application/json;charset=UTF-8");
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, json)]);
    testkit::read_answer(request, &origins(), status, &headers, body.as_bytes())
}

fn described(located: &LocatedRequest) -> Vec<String> {
    testkit::described(located, all_lines)
}

fn names(records: &[RecordName]) -> Vec<String> {
    records.iter().map(|name| format!("{} {} {}", name.record, name.object, name.id)).collect()
}

/// Locates, and shows no value to a debugger.
fn check(method: &str, target: &str, body: &str, expected: &[&str]) {
    let located =
        locate(method, target, body).unwrap_or_else(|error| panic!("{method} {target}: {error}"));
    assert_eq!(described(&located), expected, "{method} {target} {body}");
    let shown = format!("{located:?}");
    for (_, found) in located.documents().flat_map(Document::occurrences) {
        if let Value::Text(text) = &found.value {
            assert!(text.expose().len() < 4 || !shown.contains(text.expose()), "{shown}");
        }
    }
}

fn refused(method: &str, target: &str, body: &str) -> String {
    match locate(method, target, body) {
        Ok(located) => panic!("{method} {target} {body} is read: {:?}", described(&located)),
        Err(error) => error.to_string(),
    }
}

#[test]
fn names_have_one_spelling() {
    let check = |object: &str, field: &str, expected: &str| {
        let object = Zoho.canonical_object(object);
        let field = Zoho.canonical_field(&object, field);
        assert_eq!(format!("{object}.{field}"), expected);
    };
    check("Contacts", "Last_Name", "contacts.last_name");
    check("CONTACTS", "Secondary_Email", "contacts.email");
    check("Leads", "Mobile", "leads.phone");
    check("Contacts", "Asst_Phone", "contacts.phone");
    check("Contacts", "Fax", "contacts.fax");
}

/// The table that is built in says what the catalogue of all CRMs says.
#[test]
fn facts_are_those_of_the_catalogue() {
    let Some(catalogue) = crate::testkit::shared("crm/fields.csv") else { return };
    let catalogue = String::from_utf8(catalogue).unwrap();
    let mut seen = 0;
    for row in catalogue.lines().filter(|line| line.starts_with("zoho,")) {
        let columns: Vec<&str> = row.split(',').collect();
        let object = Zoho.canonical_object(columns[1]);
        let field = Zoho.canonical_field(&object, columns[2]);
        let facts = Zoho.field_facts(&object, &field).expect(row);
        assert_eq!(facts.max_length, columns[4].parse().ok(), "{row}");
        seen += 1;
    }
    assert_eq!(seen, 10);
    let composed = Zoho.field_facts(&"contacts".into(), &"full_name".into()).unwrap();
    assert_eq!(composed.kind, FieldKind::Composed);
    for (object, field) in Zoho.known_fields() {
        assert_eq!(Zoho.canonical_field(&object, field.as_str()), field, "{object}");
    }
}

#[test]
fn refusals_have_the_shape_that_clients_parse() {
    let answer = Zoho.refuse(&Refusal::new(RefusalCode::OperatorUnsupported, "a \"b\""));
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let expected = serde_json::json!({
        "code": "INVALID_QUERY", "details": {}, "message": "Zollhaus: a \"b\"", "status": "error",
    });
    assert_eq!(body, expected);
    for code in RefusalCode::ALL {
        let answer = Zoho.refuse(&Refusal::new(*code, "x"));
        assert!(!answer.body.contains("INVALID_TOKEN"), "clients log in again");
    }
}
