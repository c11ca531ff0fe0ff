// SPDX-License-Identifier: Apache-2.0
//! Composite requests. Bodies follow the example of "Composite API" of Zoho CRM API v8.

use serde_json::{Value, json};

use super::{described, locate, names, read_answer, refused, render};
use crate::carrier::Replacement;
use crate::carrier::json::MAX_VALUES;
use crate::crm::testkit::all_lines;
use crate::crm::{Done, LocateError, SameRecord};

const TARGET: &str = "/crm/v8/__composite_requests";

fn parts(parts: &Value) -> String {
    json!({ "rollback_on_fail": true, "__composite_requests": parts }).to_string()
}

fn three() -> String {
    parts(&json!([
        { "sub_request_id": "1", "method": "POST", "uri": "/crm/v8/Leads", "headers": {},
          "body": { "data": [{ "Last_Name": "Müller" }] } },
        { "sub_request_id": "2", "method": "PUT", "uri": "/crm/v8/Leads/@{1:$.data[0].details.id}",
          "body": { "data": [{ "Email": "@{1:$.data[0].Email}", "Phone": "040", "Contact_Name": "@{1:$.x}" }] } },
        { "method": "GET", "uri": "/crm/v8/Contacts/search?criteria=(Email:equals:a%40b.de)",
          "params": { "per_page": 2, "phone": "@{1:$.x}", "fields": "Email" }, "body": null },
        { "method": "POST", "uri": "/crm/v8/coql",
          "body": { "select_query": "select Email as who from Leads where Email = 'a@b.de'" } },
        { "method": "GET", "uri": "/crm/v8/Accounts/77" },
    ]))
}

/// What is kept of a value takes far more memory than its bytes.
#[test]
fn all_parts_together_hold_no_more_values_than_one_body() {
    let search = |count: usize| {
        let criteria = format!("(Email:in:{})", vec!["1"; count].join(","));
        json!({ "uri": "/crm/v8/Contacts/search", "method": "GET",
            "params": { "criteria": criteria } })
    };
    let of = |all: &[Value]| locate("POST", TARGET, &parts(&json!(all))).map(drop);
    let half = search(MAX_VALUES / 2);
    assert!(of(&[half.clone(), half.clone()]).is_ok());
    let more = of(&[half.clone(), half, search(1)]);
    assert!(matches!(more, Err(LocateError::TooLarge { .. })));
    assert!(of(&[search(MAX_VALUES + 1)]).is_err());
}

#[test]
fn each_part_is_located() {
    let body = three();
    let located = locate("POST", TARGET, &body).unwrap();
    assert_eq!(
        described(&located),
        [
            "composite -",
            "0 leads.last_name Stored Müller",
            "1 leads.email Stored @{1:$.data[0].Email}",
            "1 leads.phone Stored 040",
            "2 contacts.email Equality* a@b.de",
            "2 contacts.phone Equality @{1:$.x}",
            "3 leads.email Equality* a@b.de",
            "use leads.email a reference to another part of the request",
            "use contacts.phone phone",
        ]
    );
    assert_eq!(names(&located.records), ["4 accounts 77"]);
    assert_eq!(render(&located.body, &Replacement::Keep), body);
    let sent: Value =
        serde_json::from_str(&render(&located.body, &Replacement::text("t"))).unwrap();
    let sent = &sent["__composite_requests"];
    assert_eq!(sent[2]["uri"], "/crm/v8/Contacts/search?criteria=(Email:equals:t)");
    assert_eq!(sent[2]["params"]["phone"], "t");
    assert_eq!(sent[3]["body"]["select_query"], "select Email as who from Leads where Email = 't'");
}

fn part(status: u16, body: &Value) -> Value {
    json!({
        "code": "SUCCESS", "status": "success", "message": "executed",
        "details": { "response": { "status_code": status, "headers": {}, "body": body } },
    })
}

#[test]
fn each_part_is_answered() {
    let request = locate("POST", TARGET, &three()).unwrap();
    let answers = json!({ "__composite_requests": [
        part(201, &json!({ "data": [{ "status": "success", "details": { "id": "5" } }] })),
        part(400, &json!({ "status": "error", "message": "t0" })),
        part(200, &json!({ "data": [{ "Email": "t1", "id": "55" }] })),
        part(200, &json!({ "data": [{ "who": "t2", "id": "5" }] })),
        { "status": "error", "code": "PROCESSING_STOPPED", "message": "t3", "details": {} },
    ] });
    let answer = read_answer(&request, 207, &answers.to_string()).unwrap();
    let lines = all_lines(&answer.body);
    for expected in [
        "1 error.message Echo t0",
        "2 contacts.email Stored t1",
        "3 leads.email Stored t2",
        "4 error.message Echo t3",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected}: {lines:?}");
    }
    assert_eq!(names(&answer.records), ["0 leads 5", "2 contacts 55", "3 leads 5"]);
    let taken = SameRecord { in_answer: 0, in_request: 0, is_taken: true };
    assert_eq!(answer.done, Done::Each(vec![taken]));
    assert!(read_answer(&request, 200, r#"{"__composite_requests":[]}"#).is_err());
    assert!(read_answer(&request, 200, r#"{"data":[]}"#).is_err());
    assert!(read_answer(&request, 400, r#"{"status":"error","message":"x"}"#).is_ok());
}

#[test]
fn what_a_part_must_not_hold_is_refused() {
    let get = |uri: &str| json!({ "method": "GET", "uri": uri });
    for bad in [
        json!({ "method": "GET", "uri": "/crm/v8/Contacts/a@b.de" }),
        json!({ "method": "GET", "uri": "/crm/v8/Leads", "body": { "a": "a@b.de" } }),
        json!({ "method": "POST", "uri": "/crm/v8/Leads" }),
        json!({ "method": "GET", "uri": "/crm/v8/Leads", "headers": { "X-Note": "a@b.de" } }),
        json!({ "method": "GET", "uri": "/crm/v8/Leads", "params": { "fields": ["a@b.de"] } }),
        json!({ "method": "GET", "uri": "/crm/v8/Leads?page=1", "params": { "page": "2" } }),
        json!({ "method": "GET", "uri": "/crm/v8/Leads", "note": "a@b.de" }),
        json!({ "method": "GET", "uri": "/crm/v8/Leads", "sub_request_id": "a@b.de" }),
        json!({ "method": "GET" }),
        get("/crm/v8/Contacts/55/Emails"),
        get("/oauth/v2/token"),
        json!({ "method": "POST", "uri": TARGET, "body": { "__composite_requests": [] } }),
    ] {
        let message = refused("POST", TARGET, &parts(&json!([bad])));
        assert!(!message.contains("a@b.de"), "{message}");
    }
    refused("POST", TARGET, r#"{"__composite_requests":[],"note":"a@b.de"}"#);
    refused("POST", TARGET, r#"["a@b.de"]"#);
    refused("POST", TARGET, r#""a@b.de""#);
}
