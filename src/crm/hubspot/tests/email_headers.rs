// SPDX-License-Identifier: Apache-2.0
//! `hs_email_headers`: JSON inside of a string.

use http::Method;
use serde_json::{Value as Json, json};

use super::{JSON, locate, read_answer};
use crate::base::FieldName;
use crate::carrier::{Content, Document, Replacement, Slot};
use crate::crm::testkit::spelled;
use crate::crm::{Dialect, FieldKind, LocateError, LocatedRequest};

const EMAILS: &str = "/crm/v3/objects/emails";

fn send(headers: &Json) -> Result<LocatedRequest, LocateError> {
    let body = json!({ "properties": { "hs_email_headers": headers, "hs_email_status": "SENT" } });
    locate(&Method::POST, EMAILS, JSON, &body.to_string())
}

fn values(document: &Document) -> Vec<String> {
    let line = |(slot, it): (&Slot, &crate::carrier::Occurrence)| {
        assert!(matches!(slot.content, Content::Value(_)));
        format!("{} {:?} {}", it.field, it.role, spelled(&it.value))
    };
    document.occurrences().into_iter().map(line).collect()
}

#[test]
fn each_part_is_a_property() {
    let headers = json!({
        "from": { "email": "a@b.de", "firstName": "Anna \"A\"", "lastName": "" },
        "to": [{ "email": "c@d.de" }, { "email": "e@f.de", "raw": "E <e@f.de>" }],
        "cc": [], "bcc": null,
    });
    let located = send(&headers.to_string().into()).unwrap();
    assert_eq!(
        values(&located.body),
        [
            "hs_email_from_email Stored a@b.de",
            "hs_email_from_firstname Stored Anna \"A\"",
            "hs_email_from_lastname Stored -",
            "hs_email_to_email Stored c@d.de",
            "hs_email_to_email Stored e@f.de",
            "hs_email_to_raw Stored E <e@f.de>",
            "hs_email_status Stored SENT",
        ]
    );
    assert!(located.uses.is_empty());
    let keep = [const { Replacement::Keep }; 7];
    assert_eq!(located.body.render(&mut keep.iter()).unwrap(), located.body.bytes());
    let text = Replacement::text("\"ü\\");
    let rendered = located.body.render(&mut std::iter::repeat(&text)).unwrap();
    let rendered: Json = serde_json::from_slice(&rendered).unwrap();
    let inner = rendered["properties"]["hs_email_headers"].as_str().unwrap();
    let inner: Json = serde_json::from_str(inner).unwrap();
    assert_eq!(inner["to"][1], json!({ "email": "\"ü\\", "raw": "\"ü\\" }));
    assert_eq!(inner["cc"], json!([]));
    let removed = located.body.render(&mut std::iter::repeat(&Replacement::Remove)).unwrap();
    let removed: Json = serde_json::from_slice(&removed).unwrap();
    let headers = r#"{"from":{},"to":[{},{}],"cc":[],"bcc":null}"#;
    let sorted: Json = serde_json::from_str(headers).unwrap();
    let inner = removed["properties"]["hs_email_headers"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Json>(inner).unwrap(), sorted);
}

#[test]
fn what_is_no_part_is_refused() {
    let expected = "property `hs_email_headers` cannot be parsed: it is not JSON with `email`, `firstName` and `lastName` of `from`, `to`, `cc` and `bcc`";
    for headers in [
        "Anna <a@b.de>",
        "[]",
        r#""a@b.de""#,
        r#"{"from":"a@b.de"}"#,
        r#"{"from":{"name":"Anna"}}"#,
        r#"{"from":{"email":{"x":"a@b.de"}}}"#,
        r#"{"replyTo":{"email":"a@b.de"}}"#,
        r#"{"a@b.de":[]}"#,
        r#"{"from":{"email":"a@b.de","email":"c@d.de"}}"#,
    ] {
        let error = send(&headers.into()).unwrap_err();
        assert_eq!(error.to_string(), expected, "{headers}");
    }
    assert!(send(&7.into()).is_err());
    for empty in [json!(null), json!("")] {
        assert_eq!(values(&send(&empty).unwrap().body), ["hs_email_status Stored SENT"]);
    }
}

#[test]
fn answers_show_headers_and_what_is_made_of_them() {
    let located = locate(&Method::GET, EMAILS, JSON, "").unwrap();
    let shown = |properties: Json| {
        let body = json!({ "results": [{ "id": "1", "properties": properties }] });
        values(&read_answer(&located, 200, &[], &body.to_string()).unwrap().body)
    };
    let one = "hs_email_to_email";
    assert_eq!(
        shown(json!({ one: "t1;t2", "hs_body_preview": "t3" })),
        [
            r#"hs_email_to_email Composed { from: ["hs_email_to_email"] } t1;t2"#,
            r#"hs_body_preview Composed { from: ["hs_email_html", "hs_email_text"] } t3"#,
        ]
    );
    let headers = r#"{"from":{"email":"t1"},"x":"t2"}"#;
    let found = shown(json!({ "hs_email_headers": headers }));
    assert_eq!(found[0], "hs_email_from_email Stored t1");
    assert!(found[1].starts_with("hs_email_headers Composed") && found[1].ends_with(" t2"));
    let found = shown(json!({ "hs_email_headers": "From: t1" }));
    assert!(found[0].starts_with("hs_email_headers Composed") && found[0].ends_with(" From: t1"));
    assert_eq!(shown(json!({ "hs_email_headers": null })).len(), 1);
}

#[test]
fn a_policy_names_the_parts() {
    let email = super::HubSpot.canonical_object("emails");
    let kind = |field: &'static str| {
        super::HubSpot.field_facts(&email, &FieldName::from_static(field)).map(|it| it.kind)
    };
    assert_eq!(kind("hs_email_headers"), Some(FieldKind::Composed));
    assert_eq!(kind("hs_email_cc_email"), Some(FieldKind::Email));
    assert_eq!(kind("hs_email_cc_raw"), Some(FieldKind::Text));
    assert_eq!(kind("hs_email_subject"), Some(FieldKind::Text));
}
