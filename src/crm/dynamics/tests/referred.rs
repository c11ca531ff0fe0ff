// SPDX-License-Identifier: Apache-2.0
//! Whom records are about by their lookups, and by the path that they are made under.

use super::batch::{in_change_set, located};
use super::{ID, full, locate};
use crate::crm::testkit::referred;

#[test]
fn a_record_is_about_whom_its_lookups_lead_to() {
    let check = |target: &str, body: &str, expected: &[&str]| {
        let located = locate("POST", target, &full(body)).unwrap();
        let expected: Vec<String> = expected.iter().map(|line| full(line)).collect();
        assert_eq!(referred(&located), expected, "{target} {body}");
    };
    for (set, lookup) in [
        ("tasks", "regardingobjectid_contact_task"),
        ("phonecalls", "regardingobjectid_contact"),
        ("annotations", "objectid_contact"),
        ("incidents", "customerid_contact"),
        ("contacts", "parentcustomerid_contact"),
        ("new_visits", "new_Visitor"),
    ] {
        let body = format!(r#"{{"{lookup}@odata.bind":"/contacts({{id}})"}}"#);
        check(&format!("{{v}}/{set}"), &body, &["0 contact {id}"]);
    }
    let shouted = ID.to_ascii_uppercase();
    for reference in [
        "contacts({id})",
        "/api/data/v9.2/contacts({id})",
        "https://crm.acme.example/dyn/api/data/v9.2/contacts(contactid={id})",
        &format!("/contacts({shouted})"),
    ] {
        let body = format!(r#"{{"objectid_contact@odata.bind":"{reference}"}}"#);
        check("{v}/annotations", &body, &["0 contact {id}"]);
    }
    check(
        "{v}/annotations",
        r#"{"objectid_lead@odata.bind":"/leads({id})","ownerid@odata.bind":"/systemusers({id})",
            "owningteam@odata.bind":"/teams({id})","x@odata.bind":null,
            "y@odata.bind":"/contacts(emailaddress1='a@b.de')"}"#,
        &["0 lead {id}"],
    );
    check(
        "{v}/lists",
        r#"{"a@odata.bind":["/contacts({id})","/accounts({id})"]}"#,
        &["0 contact {id}", "0 account {id}"],
    );
    let several =
        r#"{"Targets":[{"subject":"a"},{"objectid_contact@odata.bind":"contacts({id})"}]}"#;
    check("{v}/annotations/Microsoft.Dynamics.CRM.CreateMultiple", several, &["1 contact {id}"]);
}

#[test]
fn an_email_is_about_its_parties_and_a_nested_record_about_its_own() {
    let email = r#"{"description":"x","email_activity_parties":[
        {"partyid_contact@odata.bind":"/contacts({id})","participationtypemask":2}]}"#;
    let located = locate("POST", "{v}/emails", &full(email)).unwrap();
    assert_eq!(referred(&located), [full("0 contact {id}")]);
    let nested = r#"{"name":"x","Account_Tasks":[{"subject":"y","regardingobjectid_contact_task@odata.bind":"/contacts({id})"}]}"#;
    let located = locate("POST", "{v}/accounts", &full(nested)).unwrap();
    assert_eq!(referred(&located), [full("1 contact {id}")]);
}

#[test]
fn what_is_made_under_a_record_is_about_that() {
    let check = |method: &str, target: &str, expected: &[&str]| {
        let located = locate(method, target, r#"{"notetext":"x"}"#).unwrap();
        assert_eq!(referred(&located), expected, "{target}");
    };
    let note = full("1 contact {id}");
    check("POST", "{v}/contacts({id})/Contact_Annotation", &[&note]);
    check("POST", "{v}/contacts(emailaddress1='a@b.de')/Contact_Annotation", &[]);
    check("POST", "{v}/systemusers({id})/systemuser_tasks", &[]);
    check("PATCH", "{v}/contacts({id})", &[]);
}

#[test]
fn parts_of_a_batch_refer_by_ids_and_not_by_what_others_make() {
    let bound = |to: &str| format!(r#"{{"notetext":"x","objectid_contact@odata.bind":"{to}"}}"#);
    let body = in_change_set(&[
        ("1", "POST /api/data/v9.2/contacts", r#"{"lastname":"x"}"#),
        ("2", "POST /api/data/v9.2/annotations", &bound("$1")),
        ("3", "POST /api/data/v9.2/annotations", &bound(&full("/contacts({id})"))),
        ("4", "POST $1/Contact_Annotation", r#"{"notetext":"x"}"#),
    ]);
    let located = located(&format!("{body}--b--\n")).unwrap();
    assert_eq!(referred(&located), [full("2 contact {id}")]);
}
