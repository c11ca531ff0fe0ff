// SPDX-License-Identifier: Apache-2.0
//! Whom records are about by their associations.

use http::Method;
use serde_json::{Value, json};

use super::{JSON, locate};
use crate::crm::testkit::referred;

fn found(target: &str, body: &Value) -> Vec<String> {
    referred(&locate(&Method::POST, target, JSON, &body.to_string()).unwrap())
}

fn to(id: &Value, types: &Value) -> Value {
    json!({ "to": { "id": id }, "types": types })
}

fn defined(id: u32) -> Value {
    json!([{ "associationCategory": "HUBSPOT_DEFINED", "associationTypeId": id }])
}

#[test]
fn an_activity_is_about_whom_it_is_associated_with() {
    let check = |object: &str, kind: u32, expected: &[&str]| {
        let body =
            json!({ "properties": {}, "associations": [to(&json!("0101"), &defined(kind))] });
        for objects in ["crm/v3/objects", "crm/objects/2026-03"] {
            assert_eq!(found(&format!("/{objects}/{object}"), &body), expected, "{object} {kind}");
        }
    };
    for (object, kind) in [
        ("notes", 202),
        ("calls", 194),
        ("emails", 198),
        ("meetings", 200),
        ("tasks", 204),
        ("communications", 81),
        ("postal_mail", 453),
        ("deals", 3),
        ("tickets", 16),
        ("leads", 578),
    ] {
        check(object, kind, &["0 contact 101"]);
    }
    check("notes", 190, &["0 company 101"]);
    check("notes", 855, &["0 lead 101"]);
    // To a deal, and from a contact to a note.
    check("notes", 214, &[]);
    check("notes", 201, &[]);
}

#[test]
fn each_input_of_a_batch_has_its_own_associations() {
    let note = |associations: Value| json!({ "properties": {}, "associations": associations });
    let both = json!([to(&json!(7), &defined(202)), to(&json!("8"), &defined(202))]);
    let inputs = json!({ "inputs": [note(both), note(json!([])), note(json!([to(&json!(9), &defined(202))]))] });
    let target = "/crm/v3/objects/notes/batch/create";
    assert_eq!(found(target, &inputs), ["0 contact 7", "0 contact 8", "2 contact 9"]);
}

#[test]
fn only_types_that_hubspot_defines_tell_the_object() {
    let custom =
        |category: &str| json!({ "associationCategory": category, "associationTypeId": 202 });
    let check = |types: &Value, expected: &[&str]| {
        let body = json!({ "properties": {}, "associations": [to(&json!("1"), types)] });
        assert_eq!(found("/crm/v3/objects/notes", &body), expected, "{types}");
    };
    check(&json!([custom("USER_DEFINED")]), &[]);
    check(&json!([custom("INTEGRATOR_DEFINED")]), &[]);
    check(&json!([]), &[]);
    check(&json!([custom("USER_DEFINED"), custom("HUBSPOT_DEFINED")]), &["0 contact 1"]);
}
