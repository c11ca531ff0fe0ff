// SPDX-License-Identifier: Apache-2.0
//! Contacts in the form of the API v1.

use http::Method;
use serde_json::json;

use super::{JSON, described, locate, read_answer};
use crate::carrier::Replacement;
use crate::crm::testkit::lines;
use crate::crm::{Done, SameRecord};

const V1: &str = "/contacts/v1";

fn check(method: &Method, path: &str, body: &str, expected: &[&str]) {
    let located = locate(method, &format!("{V1}{path}"), JSON, body)
        .unwrap_or_else(|error| panic!("{method} {path} {body}: {error}"));
    assert_eq!(described(&located), expected, "{method} {path} {body}");
}

#[test]
fn requests_are_located() {
    check(
        &Method::GET,
        "/contact/email/a%2Bb@c.de/profile?property=email&property=phone&propertyMode=value_only",
        "",
        &["contact_v1.read contact", "0 contact.email Key a+b@c.de"],
    );
    check(&Method::GET, "/contact/vid/151/profile", "", &["contact_v1.read contact"]);
    check(&Method::DELETE, "/contact/vid/151", "", &["contact_v1.delete contact"]);
    check(
        &Method::POST,
        "/contact/createOrUpdate/email/a@b.de/",
        r#"{"properties":[{"property":"Email","value":"c@d.de"},{"value":null,"property":"fax"}]}"#,
        &[
            "contact_v1.upsert contact",
            "0 contact.email Key a@b.de",
            "0 contact.email Stored c@d.de",
            "0 contact.fax Stored -",
        ],
    );
    check(
        &Method::POST,
        "/contact/batch/",
        r#"[{"email":"a@b.de","properties":[{"property":"phone","value":1}]},{"vid":7,"properties":[]}]"#,
        &[
            "contact_v1.batch_upsert contact",
            "0 contact.email Key a@b.de",
            "0 contact.phone Stored 1",
        ],
    );
    check(
        &Method::POST,
        "/contact",
        r#"{"properties":[{"property":"hs_email_domain","value":"b.de"}]}"#,
        &[
            "contact_v1.create contact",
            "0 contact.hs_email_domain Stored b.de",
            "use contact.email writing what is composed of it",
        ],
    );
    check(
        &Method::GET,
        "/contact/emails/batch/?email=a@b.de&email=c%40d.de",
        "",
        &[
            "contact_v1.batch_read contact",
            "0 contact.email Equality a@b.de",
            "1 contact.email Equality c@d.de",
        ],
    );
    check(
        &Method::PUT,
        "/secondary-email/151/email/a@b.de",
        "",
        &["contact_v1.add_address contact", "0 contact.email Key a@b.de"],
    );
    check(
        &Method::GET,
        "/lists/all/contacts/all?count=100&vidOffset=7",
        "",
        &["contact_v1.list contact"],
    );
    let uses = ["firstname", "lastname", "email", "hs_additional_emails"]
        .map(|field| format!("use contact.{field} query"));
    let search =
        locate(&Method::GET, &format!("{V1}/search/query?q=anna&sort=lastname"), JSON, "").unwrap();
    let found = described(&search);
    assert_eq!(found[1..5], uses);
    assert_eq!(found.last().unwrap(), "use contact.lastname sort");
}

#[test]
fn requests_name_their_records() {
    let check = |method: &Method, path: &str, body: &str, expected: &[(u32, &str)]| {
        let located = locate(method, &format!("{V1}{path}"), JSON, body).unwrap();
        let names: Vec<_> = located.records.iter().map(|it| (it.record, it.id.as_str())).collect();
        assert_eq!(names, expected, "{path}");
    };
    check(&Method::GET, "/contact/vid/0151/profile", "", &[(0, "151")]);
    check(&Method::GET, "/contact/vids/batch/?vid=1&vid=2", "", &[(0, "1"), (1, "2")]);
    check(&Method::POST, "/contact/merge-vids/1/", r#"{"vidToMerge":2}"#, &[(0, "1"), (1, "2")]);
    check(&Method::POST, "/contact/batch", r#"[{"vid":"1"},{"vid":2}]"#, &[(0, "1"), (1, "2")]);
}

#[test]
fn what_cannot_be_read_is_refused() {
    let check = |path: &str, body: &str, expected: &str| {
        let error = locate(&Method::POST, &format!("{V1}{path}"), JSON, body).unwrap_err();
        assert_eq!(error.to_string(), expected, "{path} {body}");
    };
    let unknown = "member `name` of the body cannot be parsed: this operation does not take it";
    check("/contact", r#"{"name":"Anna"}"#, unknown);
    check("/contact", r#"{"properties":[{"property":"a","value":"b","name":"c"}]}"#, unknown);
    let no_list = "member `properties` of the body cannot be parsed: it is not a list";
    check("/contact", r#"{"properties":{"email":"a@b.de"}}"#, no_list);
    let no_value = "member `properties` of the body cannot be parsed: a property has no value";
    check("/contact", r#"{"properties":[{"property":"email"}]}"#, no_value);
    let no_name =
        "the name of a property cannot be parsed: it has a form that HubSpot does not use";
    check("/contact", r#"{"properties":[{"property":"a@b.de","value":"1"}]}"#, no_name);
    check("/contact", r#"{"properties":[{"value":"Anna"}]}"#, no_name);
    let several = "property `email` cannot be parsed: it holds more than one value";
    check("/contact", r#"{"properties":[{"property":"email","value":["a@b.de"]}]}"#, several);
    let q = "parameter `q` cannot be parsed: this operation does not take it";
    check("/contact?q=anna", "", q);
}

#[test]
fn a_dropped_property_goes_away_with_its_name() {
    let body = r#"{"properties":[{"property":"a","value":"1"},{"property":"b","value":"2"}]}"#;
    let located = locate(&Method::POST, &format!("{V1}/contact"), JSON, body).unwrap();
    let replacements = [Replacement::Remove, Replacement::Keep];
    let rendered = located.body.render(&mut replacements.iter()).unwrap();
    assert_eq!(rendered, r#"{"properties":[{"property":"b","value":"2"}]}"#);
}

#[test]
fn answers_are_located() {
    let check = |path: &str, body: serde_json::Value, expected: &[&str]| {
        let located = locate(&Method::GET, &format!("{V1}{path}"), JSON, "").unwrap();
        let answer = read_answer(&located, 200, &[], &body.to_string()).unwrap();
        assert_eq!(lines(&answer.body), expected, "{body}");
        answer
    };
    let known = r#"Composed { from: ["email", "hs_additional_emails", "phone", "mobilephone"] }"#;
    let version = json!({ "value": "t2", "source-type": "API" });
    let answer = check(
        "/contact/vid/151/profile",
        json!({
            "vid": 151,
            "profile-url": "https://api.hubapi.com/contacts/1",
            "properties": { "Email": { "value": "t1", "versions": [version] }, "hs_full_name_or_email": { "value": "t3" } },
            "identity-profiles": [{ "vid": 151, "identities": [
                { "type": "EMAIL", "value": "t4", "is-primary": true },
                { "type": "LEAD_GUID", "value": "22a26060" },
            ] }],
            "merge-audits": [{ "merged_from_email": { "value": "t5" }, "first-name": "t6", "user-id": 1 }],
            "associated-company": { "company-id": 9, "properties": { "phone": { "value": "t7" } } },
            "associated-owner": { "owner-id": 5, "email": "s@c.de", "first-name": "Sabine", "type": "PERSON" },
        }),
        &[
            "link https://zoll.example/hs/contacts/1",
            "0 contact.email Stored t1",
            "0 contact.email Former t2",
            r#"0 contact.hs_full_name_or_email Composed { from: ["firstname", "lastname", "email"] } t3"#,
            &format!("0 contact.hs_additional_emails {known} t4"),
            "0 contact.email Former t5",
            "0 contact.firstname Former t6",
            "1 company.phone Stored t7",
            "2 owner.email Stored s@c.de",
            "2 owner.firstname Stored Sabine",
        ],
    );
    let names: Vec<_> =
        answer.records.iter().map(|it| format!("{} {} {}", it.record, it.object, it.id)).collect();
    assert_eq!(names, ["0 contact 151", "1 company 9", "2 owner 5"]);
    assert_eq!(
        answer.done,
        Done::Each(vec![SameRecord { in_answer: 0, in_request: 0, is_taken: true }])
    );

    let contact = |name| json!({ "vid": 7, "properties": { "lastname": { "value": name } } });
    let answer = check(
        "/search/query?q=x",
        json!({ "query": "x", "contacts": [contact("t1"), contact("t2")] }),
        &[
            "0 contact.message Echo x",
            "1 contact.lastname Stored t1",
            "2 contact.lastname Stored t2",
        ],
    );
    assert_eq!(answer.done, Done::All);
    check(
        "/contact/vids/batch?vid=7",
        json!({ "7": contact("t1") }),
        &["0 contact.lastname Stored t1"],
    );
    check(
        "/secondary-email/151",
        json!({ "vid": 151, "secondaryEmails": ["t1", "t2"] }),
        &[
            &format!("0 contact.hs_additional_emails {known} t1"),
            &format!("0 contact.hs_additional_emails {known} t2"),
        ],
    );
    let located = locate(&Method::GET, &format!("{V1}/contact/vid/1/profile"), JSON, "").unwrap();
    assert!(read_answer(&located, 200, &[], r#"{"vid":1,"properties":[{"value":"a"}]}"#).is_err());
    let error = r#"{"status":"error","message":"t1 is taken"}"#;
    assert_eq!(
        lines(&read_answer(&located, 409, &[], error).unwrap().body),
        ["0 contact.message Echo error", "0 contact.message Echo t1 is taken"]
    );
}

#[test]
fn a_merge_answers_with_both() {
    let target = format!("{V1}/contact/merge-vids/1");
    let located = locate(&Method::POST, &target, JSON, r#"{"vidToMerge":2}"#).unwrap();
    let answer = read_answer(&located, 200, &[], r#"{"vid":1,"properties":{}}"#).unwrap();
    let same = |in_request| SameRecord { in_answer: 0, in_request, is_taken: true };
    assert_eq!(answer.done, Done::Each(vec![same(0), same(1)]));
}

#[test]
fn values_in_another_form_are_located_or_refused() {
    let profile = locate(&Method::GET, &format!("{V1}/contact/vid/1/profile"), JSON, "").unwrap();
    let known = r#"Composed { from: ["email", "hs_additional_emails", "phone", "mobilephone"] }"#;
    let body = json!({
        "vid": 1,
        "properties": { "email": "t1", "phone": ["t2"], "fax": { "versions": { "value": "t3" } } },
        "identity-profiles": { "identities": { "type": "EMAIL", "value": "t4" } },
        "secondaryEmails": "t5",
        "merge-audits": { "first-name": "t6" },
    });
    let answer = read_answer(&profile, 200, &[], &body.to_string()).unwrap();
    assert_eq!(
        lines(&answer.body),
        [
            "0 contact.email Stored t1",
            "0 contact.phone Stored a list",
            "0 contact.fax Former t3",
            &format!("0 contact.hs_additional_emails {known} t4"),
            &format!("0 contact.hs_additional_emails {known} t5"),
            "0 contact.firstname Former t6",
        ]
    );
    for body in [json!(["a@b.de"]), json!({ "contacts": ["a@b.de"] })] {
        assert!(read_answer(&profile, 200, &[], &body.to_string()).is_err(), "{body}");
    }
    let contacts = r#"{"contacts":[null]}"#;
    assert!(read_answer(&profile, 200, &[], contacts).is_ok());
}

/// A version that comes from an e-mail is labelled with the address that it went to.
#[test]
fn where_a_version_comes_from_may_be_an_address() {
    let version = |of: &str| format!(r#"{{"value":"t1","source{of}":"a@b.de","updated":1}}"#);
    let label = r#"0 contact.email Composed { from: ["email"] } a@b.de"#;
    let profile = locate(&Method::GET, &format!("{V1}/contact/vid/1/profile"), JSON, "").unwrap();
    for of in ["-label", "-id"] {
        let version = version(of);
        let body = format!(r#"{{"vid":1,"properties":{{"fax":{{"versions":[{version}]}}}}}}"#);
        let answer = read_answer(&profile, 200, &[], &body).unwrap();
        assert_eq!(lines(&answer.body), ["0 contact.fax Former t1", label], "{of}");
    }
    let read = locate(&Method::GET, "/crm/v3/objects/deals/1", JSON, "").unwrap();
    for of in ["Label", "Id"] {
        let version = version(of);
        let body = format!(r#"{{"id":"1","propertiesWithHistory":{{"stage":[{version}]}}}}"#);
        let answer = read_answer(&read, 200, &[], &body).unwrap();
        assert_eq!(lines(&answer.body), ["0 deal.stage Former t1", label], "{of}");
    }
}
