// SPDX-License-Identifier: Apache-2.0

mod answers;
mod examples;
mod referred;
mod requests;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::Pipedrive;
use crate::base::{Refusal, RefusalCode};
use crate::crm::testkit::{self, all_lines as values, render};
use crate::crm::{Dialect, FieldKind, LocateError, LocatedAnswer, LocatedRequest, Origins};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

fn origins() -> Origins {
    Origins {
        upstream: "https://weingut.pipedrive.com".to_owned(),
        public: "https://zoll.example/pd".to_owned(),
        siblings: Vec::new(),
    }
}

fn locate(
    method: &str,
    target: &str,
    content_type: &str,
    body: &str,
) -> Result<LocatedRequest, LocateError> {
    let mut headers = HeaderMap::new();
    if !body.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
    }
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    testkit::locate(&Pipedrive, &origins(), (&method, target), &headers, body)
}

fn read_answer(
    request: &LocatedRequest,
    status: u16,
    body: &[u8],
    origins: &Origins,
) -> Result<LocatedAnswer, LocateError> {
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(JSON))]);
    testkit::read_answer(request, origins, status, &headers, body)
}

#[test]
fn names_have_one_spelling() {
    let check = |object: &str, field: &str, expected: &str| {
        let object = Pipedrive.canonical_object(object);
        let field = Pipedrive.canonical_field(&object, field);
        assert_eq!(format!("{object}.{field}"), expected);
    };
    check("Persons", "first_name", "person.name");
    check("person", "last_name", "person.name");
    check("person", "Emails", "person.email");
    check("person", "primary_email", "person.email");
    check("person", "phones", "person.phone");
    check("person", "postal_address_route", "person.postal_address");
    check("person", "postal_addressee", "person.postal_addressee");
    check("organizations", "address_locality", "organization.address");
    check("deal", "address_locality", "deal.address_locality");
    let key = "d4de1c1518b4531717c676029a45911c340390a6";
    check("lead", key, &format!("lead.{key}"));
    check("deal", &format!("{}_until", key.to_uppercase()), &format!("deal.{key}"));
    check("deal", &format!("{key}7"), &format!("deal.{key}7"));
}

/// The table that is built in says what the catalogue of all CRMs says.
#[test]
fn facts_are_those_of_the_catalogue() {
    let Some(catalogue) = crate::testkit::shared("crm/fields.csv") else { return };
    let catalogue = String::from_utf8(catalogue).unwrap();
    let mut seen = 0;
    for row in catalogue.lines().filter(|line| line.starts_with("pipedrive,")) {
        let columns: Vec<&str> = row.split(',').collect();
        let object = Pipedrive.canonical_object(columns[1]);
        let name = columns[2].split('[').next().unwrap();
        let field = Pipedrive.canonical_field(&object, name);
        let facts = Pipedrive.field_facts(&object, &field).expect(row);
        assert_eq!(facts.max_length, columns[4].parse().ok(), "{row}");
        assert_eq!(facts.kind == FieldKind::Date, columns[3] == "date", "{row}");
        seen += 1;
    }
    assert_eq!(seen, 7);
}

#[test]
fn refusals_have_the_shape_that_clients_parse() {
    let answer = Pipedrive.refuse(&Refusal::new(RefusalCode::OperatorUnsupported, "a \"b\""));
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["success"], false);
    assert_eq!(body["error"], "Zollhaus: a \"b\"");
    assert_eq!(body["code"], "ZOLLHAUS_OPERATOR_UNSUPPORTED");
    assert!(body["data"].is_null() && body["additional_data"].is_null());
}
