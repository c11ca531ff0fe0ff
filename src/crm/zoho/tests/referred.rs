// SPDX-License-Identifier: Apache-2.0
//! Whom records are about by their lookups, and by the path that they are written under.

use serde_json::{Value, json};

use super::locate;
use crate::crm::testkit::referred;

fn check(target: &str, record: &Value, expected: &[&str]) {
    let located = locate("POST", target, &json!({ "data": [record] }).to_string()).unwrap();
    assert_eq!(referred(&located), expected, "{target} {record}");
}

#[test]
fn a_record_is_about_whom_its_lookups_lead_to() {
    for module in ["Tasks", "Events", "Calls"] {
        let target = format!("/crm/v8/{module}");
        check(&target, &json!({ "Who_Id": { "id": "0701" } }), &["0 contacts 701"]);
        check(&target, &json!({ "Who_Id": "701" }), &["0 contacts 701"]);
        let what = json!({ "What_Id": { "id": "702" }, "$se_module": "Accounts" });
        check(&target, &what, &["0 accounts 702"]);
        let lead = json!({ "What_Id": { "id": "703" }, "$se_module": "Leads" });
        check(&target, &lead, &["0 leads 703"]);
    }
    let deal = json!({ "Contact_Name": { "id": "701", "name": "x" }, "Owner": { "id": "9" } });
    check("/crm/v8/Deals", &deal, &["0 contacts 701"]);
    check("/crm/v8/Cases", &json!({ "Related_To": "701" }), &["0 contacts 701"]);
    let event = json!({ "Participants": [
        { "type": "contact", "participant": "701" }, { "type": "lead", "participant": "702" },
        { "type": "user", "participant": "9" }, { "type": "email", "participant": "a@b.de" },
    ] });
    check("/crm/v8/Events", &event, &["0 contacts 701", "0 leads 702"]);
}

#[test]
fn a_note_is_about_its_parent() {
    let notes = "/crm/v8/Notes";
    let inside = json!({ "Note_Content": "x", "Parent_Id": { "id": "701", "module": { "api_name": "Contacts" } } });
    check(notes, &inside, &["0 contacts 701"]);
    for stated in ["se_module", "$se_module"] {
        let note = json!({ "Note_Content": "x", "Parent_Id": "701", stated: "Leads" });
        check(notes, &note, &["0 leads 701"]);
    }
    let note = json!({ "Note_Content": "x" });
    check("/crm/v8/Contacts/701/Notes", &note, &["0 contacts 701"]);
    check("/crm/v2/Leads/701/Notes", &note, &["0 leads 701"]);
}

#[test]
fn parts_of_a_composite_request_have_their_own() {
    let part = |uri: &str, record: Value| json!({ "sub_request_id": "1", "method": "POST", "uri": uri, "body": { "data": [record] } });
    let body = json!({ "__composite_requests": [
        part("/crm/v8/Tasks", json!({ "Who_Id": "@{1:$.data[0].details.id}" })),
        part("/crm/v8/Tasks", json!({ "Who_Id": "701" })),
        part("/crm/v8/Contacts/702/Notes", json!({ "Note_Content": "x" })),
    ] });
    let located = locate("POST", "/crm/v8/__composite_requests", &body.to_string()).unwrap();
    assert_eq!(referred(&located), ["1 contacts 701", "2 contacts 702"]);
}
