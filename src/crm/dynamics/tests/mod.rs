// SPDX-License-Identifier: Apache-2.0

mod answers;
mod batch;
mod examples;
mod fetch;
mod ids;
mod referred;
mod requests;
mod search;

use http::{HeaderMap, Method, StatusCode};

use super::Dynamics;
use crate::base::{Refusal, RefusalCode};
use crate::crm::testkit::{self, occurrences, render, uses};
use crate::crm::{Dialect, FieldKind, LocateError, LocatedAnswer, LocatedRequest, Origins};

fn origins() -> Origins {
    Origins {
        upstream: "https://zollhaus-demo.crm4.dynamics.com".to_owned(),
        public: "https://crm.acme.example/dyn".to_owned(),
        siblings: Vec::new(),
    }
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    lines.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap())).collect()
}

/// Locates a request with a JSON body, or with none. The target may begin with `{v}`.
fn locate(method: &str, target: &str, body: &str) -> Result<LocatedRequest, LocateError> {
    let json: &[(&str, &str)] =
        if body.is_empty() { &[] } else { &[("content-type", "application/json")] };
    locate_with(method, target, &headers(json), body)
}

fn locate_with(
    method: &str,
    target: &str,
    headers: &HeaderMap,
    body: &str,
) -> Result<LocatedRequest, LocateError> {
    let method: Method = method.parse().unwrap();
    testkit::locate(&Dynamics, &origins(), (&method, &full(target)), headers, body)
}

const ID: &str = "70bf4d48-34cb-ed11-b596-0022481d68cd";

fn full(target: &str) -> String {
    target.replace("{v}", "/api/data/v9.2").replace("{id}", ID)
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

#[test]
fn names_are_logical_names_in_lower_case() {
    let check = |name: &str, expected: &str| {
        assert_eq!(Dynamics.canonical_object(name).as_str(), expected);
    };
    check("contacts", "contact");
    check("Contact", "contact");
    check("opportunities", "opportunity");
    check("customeraddresses", "customeraddress");
    check("activityparties", "activityparty");
    check("faxes", "fax");
    let object = Dynamics.canonical_object("contact");
    assert_eq!(Dynamics.canonical_field(&object, "EMailAddress1").as_str(), "emailaddress1");
}

#[test]
fn tables_of_customers_go_by_one_name() {
    for (table, set) in [
        ("new_car", "new_cars"),
        ("new_city", "new_cities"),
        ("new_class", "new_classes"),
        ("new_status", "new_statuses"),
        ("new_bus", "new_buses"),
        ("new_box", "new_boxes"),
        ("new_news", "new_newses"),
        ("new_branch", "new_branches"),
        ("new_day", "new_days"),
        ("new_series", "new_serieses"),
    ] {
        let canonical = Dynamics.canonical_object(set);
        assert_eq!(Dynamics.canonical_object(table), canonical, "{table}");
        assert_eq!(Dynamics.canonical_object(canonical.as_str()), canonical, "{table}");
    }
}

#[test]
fn facts_follow_the_catalogue() {
    let Some(folder) = crate::testkit::shared_path("crm") else { return };
    let catalogue = std::fs::read_to_string(folder.join("fields.csv")).unwrap();
    let mut rows = 0;
    for row in catalogue.lines().filter(|row| row.starts_with("dynamics,")) {
        let cells: Vec<&str> = row.split(',').collect();
        let object = Dynamics.canonical_object(cells[1]);
        let name = cells[2].split(' ').next().unwrap();
        for number in ["1", "2", "3"] {
            let name = name.replace("address1_..3_", &format!("address{number}_"));
            let field = Dynamics.canonical_field(&object, &name);
            let facts = Dynamics.field_facts(&object, &field).unwrap_or_else(|| panic!("{row}"));
            let kind = match cells[3] {
                _ if row.contains("(computed)") => FieldKind::Composed,
                "string/email" => FieldKind::Email,
                "string/phone" => FieldKind::Phone,
                "date" => FieldKind::Date,
                _ if name.ends_with("_telephone1") => FieldKind::Phone,
                _ => FieldKind::Text,
            };
            let length = cells[4].parse().ok().or((kind == FieldKind::Date).then_some(10));
            assert_eq!((facts.kind, facts.max_length), (kind, length), "{row}");
        }
        rows += 1;
    }
    assert_eq!(rows, 52);
    assert_eq!(Dynamics.field_facts(&"contact".into(), &"new_shoesize".into()), None);
}

#[test]
fn addresses_are_composed_wherever_they_stand() {
    for (set, field, part) in [
        ("quotes", "billto_composite", "billto_line1"),
        ("invoices", "shipto_composite", "shipto_city"),
        ("leadaddresses", "composite", "postalcode"),
        ("new_shops", "address1_composite", "address1_line1"),
    ] {
        let object = Dynamics.canonical_object(set);
        let facts = Dynamics.field_facts(&object, &field.into()).map(|facts| facts.kind);
        assert_eq!(facts, Some(FieldKind::Composed), "{object}.{field}");
        let target = format!("{{v}}/{set}?$orderby={field}");
        let found = uses(&locate("GET", &target, "").unwrap());
        assert!(found.contains(&format!("{object}.{part} by $orderby")), "{found:?}");
    }
}

#[test]
fn refusals_have_the_shape_that_clients_parse() {
    for code in RefusalCode::ALL {
        let answer = Dynamics.refuse(&Refusal::new(*code, "a \"quoted\" `field`"));
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["error"]["message"], "Zollhaus: a \"quoted\" `field`");
        assert!(body["error"]["code"].as_str().unwrap().starts_with("0x"));
        assert_eq!(answer.status, code.status());
        assert_ne!(answer.status, StatusCode::UNAUTHORIZED);
    }
}
