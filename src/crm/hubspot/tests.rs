// SPDX-License-Identifier: Apache-2.0

mod contact_v1;
mod email_headers;
mod examples;
mod import;
mod records;
mod referred;
mod resources;
mod search;

use http::{HeaderMap, HeaderValue, Method, header};

use super::HubSpot;
use crate::base::{Refusal, RefusalCode};
use crate::crm::testkit::{self, lines};
use crate::crm::{Dialect, FieldKind, LocateError, LocatedAnswer, LocatedRequest, Origins};

const JSON: &str = "application/json;charset=utf-8";

fn origins() -> Origins {
    Origins {
        upstream: "https://api.hubapi.com".to_owned(),
        public: "https://zoll.example/hs".to_owned(),
        siblings: Vec::new(),
    }
}

fn locate(
    method: &Method,
    target: &str,
    content_type: &str,
    body: &str,
) -> Result<LocatedRequest, LocateError> {
    let mut headers = HeaderMap::new();
    if !body.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
    }
    testkit::locate(&HubSpot, &origins(), (method, target), &headers, body)
}

fn read_answer(
    located: &LocatedRequest,
    status: u16,
    headers: &[(String, String)],
    body: &str,
) -> Result<LocatedAnswer, LocateError> {
    let headers = headers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
        .collect();
    testkit::read_answer(located, &origins(), status, &headers, body.as_bytes())
}

fn described(located: &LocatedRequest) -> Vec<String> {
    testkit::described(located, lines)
}

#[test]
fn requests_are_located() {
    let check = |method, target, body, expected: &[&str]| {
        let located = locate(&method, target, JSON, body).unwrap();
        assert_eq!(described(&located), expected, "{method} {target} {body}");
    };
    let (get, post, patch) = (Method::GET, Method::POST, Method::PATCH);
    check(
        get.clone(),
        "/crm/v3/objects/Contacts?limit=10&after=NTI%3D&properties=email,phone&properties=x&archived=False",
        "",
        &["object.list contact"],
    );
    check(get.clone(), "/crm/objects/2026-03/0-1/151", "", &["object.read contact"]);
    check(
        get.clone(),
        "/crm/v3/objects/contact/151?idProperty=hs_object_id",
        "",
        &["object.read contact"],
    );
    check(
        get.clone(),
        "/crm/v3/objects/contacts/A+b%40c.de?idProperty=Email",
        "",
        &["object.read contact", "0 contact.email Key A+b@c.de"],
    );
    check(
        Method::DELETE,
        "/crm/v3/objects/p12_Car/a%2540b?idProperty=vin",
        "",
        &["object.delete car", "0 car.vin Key a%40b"],
    );
    check(
        patch,
        "/crm/v3/objects/contacts/a@b.de?idProperty=email",
        r#"{"properties":{"Email":"c@d.de","phone":4930,"company":"","fax":null,"vip":true}}"#,
        &[
            "object.update contact",
            "0 contact.email Key a@b.de",
            "0 contact.email Stored c@d.de",
            "0 contact.phone Stored 4930",
            "0 contact.company Stored -",
            "0 contact.fax Stored -",
            "0 contact.vip Stored a boolean",
        ],
    );
    check(
        post.clone(),
        "/crm/v3/objects/contacts",
        r#"{"properties":{"hs_email_domain":"b.de","hs_additional_emails":"a@b.de;c@d.de"},"associations":[{"to":{"id":"9"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":279}]}],"objectWriteTraceId":null}"#,
        &[
            "object.create contact",
            "0 contact.hs_email_domain Stored b.de",
            "0 contact.hs_additional_emails Stored a@b.de;c@d.de",
            "use contact.email writing what is composed of it",
            "use contact.hs_additional_emails a list of several",
        ],
    );
    check(
        post.clone(),
        "/crm/v3/objects/contacts/batch/upsert",
        r#"{"inputs":[{"id":"a@b.de","idProperty":"email","properties":{"phone":"1"}},{"id":7,"properties":{"phone":"2"},"objectWriteTraceId":"t-2"}]}"#,
        &[
            "object.batch_upsert contact",
            "0 contact.email Key a@b.de",
            "0 contact.phone Stored 1",
            "1 contact.phone Stored 2",
        ],
    );
    check(
        post.clone(),
        "/crm/v3/objects/0-2/batch/read?archived=true",
        r#"{"properties":["name"],"propertiesWithHistory":[],"idProperty":"domain","inputs":[{"id":"a.de"},{"id":"b.de"}]}"#,
        &["object.batch_read company", "0 company.domain Key a.de", "1 company.domain Key b.de"],
    );
    check(
        post.clone(),
        "/crm/v3/objects/contacts/batch/archive",
        r#"{"inputs":[{"id":"1"}]}"#,
        &["object.batch_archive contact"],
    );
    check(
        post.clone(),
        "/crm/v3/objects/contacts/merge",
        r#"{"primaryObjectId":"1","objectIdToMerge":"2"}"#,
        &["object.merge contact"],
    );
    check(
        post,
        "/crm/v3/objects/contacts/gdpr-delete",
        r#"{"objectId":"a@b.de","idProperty":"email"}"#,
        &["object.gdpr_delete contact", "0 contact.email Key a@b.de"],
    );
    check(get.clone(), "/crm/v3/properties/contacts/email", "", &["property.read -"]);
    check(get.clone(), "/oauth/v1/access-tokens/CK-a.b_c", "", &["oauth.token_details -"]);
    check(get, "/account-info/v3/details", "", &["account.details -"]);

    let token = "grant_type=refresh_token&refresh_token=a%2Fb&client_id=1&client_secret=2";
    let form = "application/x-www-form-urlencoded";
    let located = locate(&Method::POST, "/oauth/v1/token", form, token).unwrap();
    assert_eq!(described(&located), ["oauth.token -"]);
}

#[test]
fn what_cannot_be_read_is_refused() {
    let check = |method: &Method, target: &str, body: &str, expected: &str| {
        let error = locate(method, target, JSON, body).unwrap_err();
        assert_eq!(error.to_string(), expected, "{method} {target} {body}");
    };
    let (get, post) = (&Method::GET, &Method::POST);
    let unknown = "the dialect does not know this operation";
    for target in [
        "/crm/v3/objects/2-3453932",
        "/crm/v3/objects/engagements/1",
        "/crm/v3/objects/0-4/1",
        "/crm/v3/objects/contacts/",
        "/crm/v3/objects/contacts/a@b.de/associations/companies",
        "/crm/v3/objects/a%40b.de",
        "/crm/v3/properties/contacts/a%40b.de",
        "/crm/v4/objects/contacts/1",
        "/crm/objects/latest/contacts",
        "/contacts/v3/contact/email/a@b.de/profile",
        "/contacts/v1/contact/utk/x/profile",
        "/crm/v1/owners",
        "/crm/v4/owners",
        "/oauth/v1/access-tokens/a%40b.de",
    ] {
        check(get, target, "", unknown);
    }
    check(get, "/crm/v3/objects/contacts/search", "", "GET is not a method of this resource");
    check(post, "/crm/v3/objects/contacts/1", "", "POST is not a method of this resource");

    let parameters = [
        ("hapikey=1", "`hapikey` cannot be parsed: this operation does not take it"),
        ("LIMIT=1", "`LIMIT` cannot be parsed: this operation does not take it"),
        ("limit=1&limit=2", "`limit` cannot be parsed: it is given twice"),
        (
            "properties=a@b.de",
            "`properties` cannot be parsed: it has a form that HubSpot does not use",
        ),
        ("after=a%40b.de", "`after` cannot be parsed: it has a form that HubSpot does not use"),
    ];
    for (parameters, expected) in parameters {
        let target = format!("/crm/v3/objects/contacts?{parameters}");
        check(get, &target, "", &format!("parameter {expected}"));
    }
    let no_key = "it is not a record id, and no `idProperty` says what it is";
    let expected = format!("the last segment of the path cannot be parsed: {no_key}");
    check(get, "/crm/v3/objects/contacts/a@b.de", "", &expected);
    check(get, "/crm/v3/objects/contacts/a@b.de?idProperty=hs_object_id", "", &expected);

    let target = "/crm/v3/objects/contacts/b.de?idProperty=hs_email_domain";
    let expected = "`idProperty` cannot be parsed: it is composed, so it names no record";
    check(get, target, "", expected);

    let batch = "/crm/v3/objects/contacts/batch/update";
    let search = "/crm/v3/objects/contacts/search";
    let bodies = [
        (
            batch,
            r#"{"inputs":[{"id":"a@b.de"}]}"#,
            "member `id` of the body cannot be parsed: it is not a record id, and no `idProperty` says what it is",
        ),
        (
            batch,
            r#"{"inputs":{}}"#,
            "member `inputs` of the body cannot be parsed: it is not a list",
        ),
        (
            batch,
            r#"{"inputs":["a@b.de"]}"#,
            "the body cannot be parsed: it has something else where an object belongs",
        ),
        (
            batch,
            r#"{"inputs":[{"email":"a@b.de"}]}"#,
            "member `email` of the body cannot be parsed: this operation does not take it",
        ),
        (
            batch,
            r#"{"inputs":[{"a@b.de":1}]}"#,
            "member `…` of the body cannot be parsed: this operation does not take it",
        ),
        (
            batch,
            r#"{"inputs":[{"properties":{"a@b.de":1}}]}"#,
            "the name of a property cannot be parsed: it has a form that HubSpot does not use",
        ),
        (
            batch,
            r#"{"inputs":[{"properties":{"email":["a@b.de"]}}]}"#,
            "property `email` cannot be parsed: it holds more than one value",
        ),
        (
            batch,
            r#"{"inputs":[{"properties":[]}]}"#,
            "member `properties` of the body cannot be parsed: it is not an object",
        ),
        (
            batch,
            r#"{"inputs":[{"objectWriteTraceId":"a@b.de"}]}"#,
            "member `objectWriteTraceId` of the body cannot be parsed: it has a form that HubSpot does not use",
        ),
        (
            "/crm/v3/objects/notes",
            r#"{"associations":[{"to":{"id":"a@b.de"}}]}"#,
            "an association cannot be parsed: it holds more than ids and types",
        ),
        (
            search,
            r#"{"filterGroups":[{"filters":[{"propertyName":"email","operator":"LIKE","value":"a"}]}]}"#,
            "member `operator` of the body cannot be parsed: it is not a known operator",
        ),
        (
            search,
            r#"{"filterGroups":[{"filters":[{"propertyName":"associations.company","operator":"EQ","value":"a@b.de"}]}]}"#,
            "member `value` of the body cannot be parsed: it is not the id of a record",
        ),
        (
            search,
            r#"{"filterGroups":[{"filters":[{"propertyName":"email","operator":"HAS_PROPERTY","value":"a"}]}]}"#,
            "member `value` of the body cannot be parsed: this operator does not take it",
        ),
        (
            "/crm/v3/objects/cars/search",
            r#"{"query":"a"}"#,
            "member `query` of the body cannot be parsed: which properties it looks at is not known for this object",
        ),
        (
            search,
            r#"{"limit":1,"limit":2}"#,
            "the body cannot be parsed: an object has the same key twice at byte 11",
        ),
    ];
    for (target, body, expected) in bodies {
        check(post, target, body, expected);
    }
    check(
        &Method::DELETE,
        "/crm/v3/objects/contacts/1",
        "{}",
        "the body cannot be parsed: this operation has none",
    );
    let error = locate(post, "/crm/v3/objects/contacts", "text/plain", "{}").unwrap_err();
    assert!(matches!(error, LocateError::UnsupportedMediaType { .. }));
    let form = "application/x-www-form-urlencoded";
    assert!(locate(post, "/oauth/v1/token", form, "grant_type=a&email=a%40b.de").is_err());
}

#[test]
fn answers_are_located() {
    let check = |status, body, expected: &[&str]| {
        let located = locate(&Method::GET, "/crm/v3/objects/contacts", JSON, "").unwrap();
        let answer = read_answer(&located, status, &[], body).unwrap();
        assert_eq!(lines(&answer.body), expected);
    };
    check(
        200,
        r#"{"results":[{"id":"1","properties":{"Email":"t1","fax":null},"propertiesWithHistory":{"email":[{"value":"t0","sourceId":"t0"}]},"associations":{"companies":{"results":[{"id":"9"}]}}},{"properties":{"hs_full_name_or_email":"t2 t3","hs_additional_emails":"t4;t5"},"url":"https://api.hubapi.com/x"}],"paging":{"next":{"after":"2","link":"https://api.hubapi.com/crm/v3/objects/contacts?after=2"}}}"#,
        &[
            "0 contact.email Stored t1",
            "0 contact.fax Stored -",
            "0 contact.email Former t0",
            r#"1 contact.hs_full_name_or_email Composed { from: ["firstname", "lastname", "email"] } t2 t3"#,
            r#"1 contact.hs_additional_emails Composed { from: ["email", "hs_additional_emails"] } t4;t5"#,
            "link https://zoll.example/hs/x",
            "link https://zoll.example/hs/crm/v3/objects/contacts?after=2",
        ],
    );
    check(
        207,
        r#"{"status":"COMPLETE","results":[],"errors":[{"message":"t1 not found","context":{"ids":["t1"]}}]}"#,
        &["0 contact.message Echo t1 not found", "0 contact.message Echo t1"],
    );
    check(
        400,
        r#"{"status":"error","message":"Property values were not valid: [{\"message\":\"t1\"}]","links":{"help":"https://api.hubapi.com/help"}}"#,
        &[
            "0 contact.message Echo error",
            r#"0 contact.message Echo Property values were not valid: [{"message":"t1"}]"#,
            "link https://zoll.example/hs/help",
        ],
    );
    check(204, "", &[]);

    let located = locate(&Method::GET, "/account-info/v3/details", JSON, "").unwrap();
    let body = r#"{"results":[{"properties":{"email":"staff"}}],"uiDomain":"app.hubspot.com"}"#;
    assert_eq!(lines(&read_answer(&located, 200, &[], body).unwrap().body), [""; 0]);
    let located = locate(&Method::GET, "/crm/v3/objects/contacts/1", JSON, "").unwrap();
    let history = r#"{"properties":null,"propertiesWithHistory":{"email":"t1","fax":["t2",{"value":["t3"]}]}}"#;
    assert_eq!(
        lines(&read_answer(&located, 200, &[], history).unwrap().body),
        ["0 contact.email Former t1", "0 contact.fax Former t2", "0 contact.fax Former a list",]
    );
    for name in ["properties", "propertiesWithHistory"] {
        let unnamed = format!(r#"{{"{name}":[{{"name":"email","value":"a@b.de"}}]}}"#);
        assert!(read_answer(&located, 200, &[], &unnamed).is_err(), "{name}");
    }
    for unnamed in [r#"[{"properties":{"email":"a@b.de"}}]"#, r#""a@b.de""#] {
        assert!(read_answer(&located, 200, &[], unnamed).is_err(), "{unnamed}");
    }
    let html = [("content-type".to_owned(), "text/html".to_owned())];
    assert!(read_answer(&located, 502, &html, "<html>").is_err());
}

#[test]
fn names_have_one_spelling() {
    let check = |name, expected| assert_eq!(HubSpot.canonical_object(name).as_str(), expected);
    check("Contacts", "contact");
    check("0-1", "contact");
    check("companies", "company");
    check("0-46", "note");
    check("leads", "lead");
    check("0-115", "user");
    check("p_car", "car");
    check("P123_Car", "car");
    check("postal_mails", "postal_mail");
    check("products", "product");
    check("pipeline", "pipeline");
    let contact = HubSpot.canonical_object("contact");
    assert_eq!(HubSpot.canonical_field(&contact, "FirstName").as_str(), "firstname");
}

/// The table that is built in says what the catalogue of all CRMs says.
#[test]
fn facts_are_those_of_the_catalogue() {
    let Some(catalogue) = crate::testkit::shared("crm/fields.csv") else { return };
    let catalogue = String::from_utf8(catalogue).unwrap();
    let rows = catalogue.lines().filter(|line| line.starts_with("hubspot,"));
    let mut seen = 0;
    for row in rows {
        let columns: Vec<&str> = row.split(',').collect();
        let object = HubSpot.canonical_object(columns[1]);
        let facts = HubSpot.field_facts(&object, &columns[2].into()).expect(row);
        assert_eq!(facts.max_length, columns[4].parse().ok(), "{row}");
        seen += 1;
    }
    assert_eq!(seen, 11);
    let contact = HubSpot.canonical_object("contact");
    let kind = |field: &str| HubSpot.field_facts(&contact, &field.into()).map(|facts| facts.kind);
    assert_eq!(kind("email"), Some(FieldKind::Email));
    assert_eq!(kind("hs_email_domain"), Some(FieldKind::Composed));
    assert_eq!(kind("nickname"), None);
}

#[test]
fn refusals_have_the_shape_that_clients_parse() {
    let check = |code: RefusalCode, category: &str| {
        let answer = HubSpot.refuse(&Refusal::new(code, "a \"b\""));
        assert_eq!(answer.status, code.status());
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["status"], "error");
        assert_eq!(body["message"], "Zollhaus: a \"b\"");
        assert_eq!(body["category"], category);
    };
    check(RefusalCode::OperatorUnsupported, "VALIDATION_ERROR");
    check(RefusalCode::RateLimited, "RATE_LIMITS");
    check(RefusalCode::VaultUnavailable, "INTERNAL_ERROR");
}
