// SPDX-License-Identifier: Apache-2.0
//! Requests inside others: composite, batch, graph and tree.

use http::HeaderMap;
use serde_json::{Value, json};

use super::{locate, names, occurrences, origins, read, read_answer, render, uses};
use crate::base::{Refusal, RefusalCode, Timestamp};
use crate::carrier::Replacement;
use crate::carrier::json::MAX_VALUES;
use crate::crm::{
    About, AnswerView, Done, LocateError, LocatedAnswer, LocatedRequest, RefusedRecords, Remaining,
};

const COMPOSITE: &str = "/services/data/v62.0/composite";
const ID: &str = "003WV00000A1b2CYAR";

fn part(method: &str, url: &str, reference: &str, body: impl Into<Value>) -> Value {
    json!({ "method": method, "url": url, "referenceId": reference, "body": body.into() })
}

fn sobject(rest: &str) -> String {
    format!("/services/data/v62.0/sobjects/{rest}")
}

fn composite(all_or_none: bool, parts: &[Value]) -> Result<LocatedRequest, LocateError> {
    let body = json!({ "allOrNone": all_or_none, "compositeRequest": parts }).to_string();
    locate("POST", COMPOSITE, &body)
}

/// What is kept of a value takes far more memory than its bytes.
#[test]
fn all_parts_together_hold_no_more_values_than_one_body() {
    let query = |count: usize, reference: &str| {
        let ages = vec!["1"; count].join(",");
        let url =
            format!("/services/data/v62.0/query?q=SELECT+Id+FROM+Contact+WHERE+Age__c+IN+({ages})");
        json!({ "method": "GET", "url": url, "referenceId": reference })
    };
    // A query of its own may be as long as half of this.
    let parts: Vec<Value> =
        (0..10).map(|number| query(MAX_VALUES / 10, &format!("r{number}"))).collect();
    assert!(composite(true, &parts).is_ok());
    let more = [&parts[..], &[query(1, "e")]].concat();
    assert!(matches!(composite(true, &more), Err(LocateError::TooLarge { .. })));
}

fn done(answer: &LocatedAnswer) -> Vec<(u32, u32, bool)> {
    match &answer.done {
        Done::All => panic!("all"),
        Done::Each(same) => {
            same.iter().map(|it| (it.in_answer, it.in_request, it.is_taken)).collect()
        }
    }
}

fn result(status: u16, reference: &str, body: impl Into<Value>) -> Value {
    json!({ "body": body.into(), "httpHeaders": {}, "httpStatusCode": status, "referenceId": reference })
}

/// What is forwarded, and what is made of the answer, when these records are refused.
fn split(located: &LocatedRequest, refused: &[u32], answer: &str) -> (String, String) {
    let why = Refusal::new(RefusalCode::TransferRefused, "no");
    let mut all: RefusedRecords = refused.iter().map(|record| (*record, why.clone())).collect();
    let batch = located.batch.as_ref().unwrap();
    batch.complete(&mut all);
    let reader = match batch.refuse(&all, Timestamp::from_unix_millis(0)) {
        Remaining::None(native) => return (String::new(), native.body),
        Remaining::Some(reader) | Remaining::Reported { reader, .. } => reader,
    };
    let keep = Replacement::Keep;
    let sent = located
        .body
        .render_without(&mut std::iter::repeat(&keep), &|record| all.contains_key(&record))
        .unwrap();
    let view = AnswerView {
        status: http::StatusCode::OK,
        headers: &HeaderMap::new(),
        body: &bytes::Bytes::copy_from_slice(answer.as_bytes()),
        origins: &origins(),
        expansion: crate::carrier::coding::ExpansionLimits::FOR_TESTS,
        sorted: None,
    };
    let shown = render(&reader.locate(&view).unwrap().body, &Replacement::Keep);
    (String::from_utf8(sent.to_vec()).unwrap(), shown)
}

#[test]
fn each_part_is_read_as_if_it_had_come_alone() {
    let query = "/services/data/v62.0/query/?q=SELECT+Id+FROM+Contact+WHERE+Email='a%2Bb@c.de'";
    let key = sobject("Contact/Email/x@y.de");
    let located = composite(
        false,
        &[
            part("POST", &sobject("Account"), "refA", json!({ "Name": "M KG" })),
            part("POST", &sobject("Contact"), "refB",
                json!({ "LastName": "Ü", "AccountId": "@{refA.id}", "Account": { "E__c": "1" } })),
            json!({ "method": "GET", "url": query, "referenceId": "refQ" }),
            part("PATCH", &key, "refU", json!({ "Fax": "1", "Phone": "@{refQ.records[0].Name}" })),
            json!({ "method": "GET", "url": sobject("Contact/@{refB.id}?fields=Name"), "referenceId": "r",
                "httpHeaders": { "If-Modified-Since": "Tue, 31 May 2016 18:00:00 GMT" } }),
            json!({ "method": "GET", "url": "/services/data/v62.0/limits", "referenceId": "l" }),
        ],
    )
    .unwrap();
    assert_eq!(located.operation.name.as_str(), "composite");
    assert_eq!(located.operation.about, About::Named);
    assert_eq!(
        occurrences(&located.body),
        [
            "0 account.name = M KG",
            "1 contact.lastname = Ü",
            "2 account.e__c key 1",
            "3 contact.email == a+b@c.de",
            "4 contact.email key x@y.de",
            "4 contact.fax = 1",
        ]
    );
    assert_eq!(
        uses(&located),
        [
            "contact.accountid by a reference to another result",
            "contact.phone by a reference to another result"
        ]
    );
    let elements = located.batch.as_ref().unwrap().elements();
    // The record of `r` is that of `refB`, and `l` has none.
    assert_eq!(elements, [0..1, 1..3, 3..4, 4..5]);
    // A filter that finds others than it names is about somebody unknown as well.
    let others = "/services/data/v62.0/query?q=SELECT+Id+FROM+Contact+WHERE+Email!='a'";
    let all = composite(false, &[part("GET", others, "q", Value::Null)]).unwrap();
    assert_eq!(all.batch.unwrap().elements()[0], 0..2);
    let body = located.body.bytes().clone();
    assert_eq!(render(&located.body, &Replacement::Keep).as_bytes(), body);
    let sealed = render(&located.body, &Replacement::text("q'\"q"));
    assert!(sealed.contains("Email=%27q%5C%27%22q%27"), "{sealed}");
    assert!(sealed.contains("/Email/q%27%22q\""), "{sealed}");
    assert!(sealed.contains("\"LastName\":\"q'\\\"q\""), "{sealed}");
    assert!(sealed.contains("@{refA.id}") && sealed.contains("@{refQ.records[0].Name}"));
    assert!(!format!("{located:?}").contains("x@y.de"));
}

#[test]
fn answers_are_read_part_by_part() {
    let request = json!({ "compositeRequest": [
        part("POST", &sobject("Contact"), "a", json!({ "LastName": "M" })),
        part("DELETE", &sobject(&format!("Contact/{ID}")), "b", Value::Null),
        part("PATCH", &sobject("Contact/Email/x@y.de"), "c", json!({ "Fax": "1" })),
        part("GET", "/services/data/v62.0/query?q=SELECT+MAX(Email)+m+FROM+Lead", "d", Value::Null),
    ]})
    .to_string();
    let origin = "https://zollhaus-demo.my.salesforce.com/x";
    let answer = json!({ "compositeResponse": [
        result(200, "d", json!({ "records": [{ "attributes": { "type": "AggregateResult" }, "m": "l@b.de" }] })),
        json!({ "body": { "id": ID, "success": true, "errors": [] }, "httpStatusCode": 201,
            "httpHeaders": { "Location": origin }, "referenceId": "a" }),
        result(204, "b", Value::Null),
        result(400, "c", json!([{ "message": "bad x@y.de", "errorCode": "X" }])),
    ]})
    .to_string();
    let read = read(("POST", COMPOSITE, &request), 200, &answer);
    let found = occurrences(&read.body);
    assert_eq!(found, ["6 lead.email = l@b.de", "3 error.message echo bad x@y.de"]);
    assert_eq!(names(&read.records), ["0 contact 003WV00000A1b2CYAR"]);
    // The deletion tells of no record, but that it is done.
    assert_eq!(done(&read), [(0, 0, true), (2, 1, true)]);
    let shown = render(&read.body, &Replacement::Keep);
    assert!(shown.contains(r#""Location":"https://crm.acme.example/sf/x""#), "{shown}");

    let located = locate("POST", COMPOSITE, &request).unwrap();
    let beside = answer.replacen('{', r#"{"name":"Anna","#, 1);
    for body in ["{}", r#"{"compositeResponse":[]}"#, "[]", &beside] {
        assert!(read_answer(&located, 200, &HeaderMap::new(), body).is_err(), "{body}");
    }
    let error = r#"[{"message":"x@y.de","errorCode":"X"}]"#;
    let answer = read_answer(&located, 400, &HeaderMap::new(), error).unwrap();
    assert_eq!(occurrences(&answer.body), ["0 error.message echo x@y.de"]);
}

#[test]
fn a_refused_part_takes_those_along_that_refer_to_it() {
    let located = composite(
        false,
        &[
            part("POST", &sobject("Contact"), "a", json!({ "LastName": "A" })),
            part("POST", &sobject("Contact"), "b", json!({ "LastName": "B" })),
            part("PATCH", &sobject("Contact/@{a.id}"), "c", json!({ "Fax": "C" })),
            part("POST", &sobject("Lead"), "d", json!({ "X__c": "@{c.id}" })),
        ],
    )
    .unwrap();
    let created = result(201, "b", json!({ "id": ID, "success": true, "errors": [] }));
    let (sent, shown) =
        split(&located, &[0], &json!({ "compositeResponse": [created] }).to_string());
    assert!(sent.contains(r#""LastName":"B""#), "{sent}");
    assert!(
        !sent.contains(r#""A""#) && !sent.contains(r#""C""#) && !sent.contains("Lead"),
        "{sent}"
    );
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let list = shown["compositeResponse"].as_array().unwrap();
    let told: Vec<_> = list
        .iter()
        .map(|it| (it["referenceId"].as_str().unwrap(), it["httpStatusCode"].as_u64().unwrap()))
        .collect();
    assert_eq!(told, [("a", 403), ("b", 201), ("c", 403), ("d", 403)]);
    assert_eq!(list[0]["body"][0]["errorCode"], "INSUFFICIENT_ACCESS");

    let all = composite(
        true,
        &[
            part("POST", &sobject("Contact"), "a", json!({ "LastName": "A" })),
            part("POST", &sobject("Contact"), "b", json!({ "LastName": "B" })),
        ],
    )
    .unwrap();
    let (sent, shown) = split(&all, &[1], "");
    assert_eq!(sent, "", "nothing is forwarded");
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["compositeResponse"].as_array().unwrap().len(), 2);
}

#[test]
fn a_batch_goes_by_order_and_its_urls_begin_with_the_version() {
    let body = json!({ "batchRequests": [
        { "method": "PATCH", "url": format!("v62.0/sobjects/Contact/{ID}"), "richInput": { "LastName": "Y" } },
        { "method": "GET", "url": "v62.0/query?q=SELECT+Id+FROM+Contact+WHERE+LastName='Y%C4%B1'" },
        { "method": "GET", "url": "/services/data/v62.0/sobjects/Contact/Email/a%40b.de" },
    ]})
    .to_string();
    let target = format!("{COMPOSITE}/batch");
    let located = locate("POST", &target, &body).unwrap();
    let expected =
        ["0 contact.lastname = Y", "1 contact.lastname == Yı", "2 contact.email key a@b.de"];
    assert_eq!(occurrences(&located.body), expected);
    assert_eq!(names(&located.records), ["0 contact 003WV00000A1b2CYAR"]);
    let sealed = render(&located.body, &Replacement::text("zh"));
    assert!(
        sealed.contains(r#""v62.0/query?q=SELECT+Id+FROM+Contact+WHERE+LastName=%27zh%27""#),
        "{sealed}"
    );
    assert!(sealed.contains("/Email/zh\""), "{sealed}");

    let answer = json!({ "hasErrors": false, "results": [
        { "statusCode": 200, "result": { "records": [] } },
        { "statusCode": 404, "result": [{ "message": "no", "errorCode": "X" }] },
    ]})
    .to_string();
    let (sent, shown) = split(&located, &[0], &answer);
    assert!(!sent.contains("PATCH") && sent.contains("query"), "{sent}");
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["hasErrors"], true);
    let statuses: Vec<_> =
        shown["results"].as_array().unwrap().iter().map(|it| it["statusCode"].clone()).collect();
    assert_eq!(statuses, [403, 200, 404]);
    let halting = body.replacen('{', r#"{"haltOnError":true,"#, 1);
    let located = locate("POST", &target, &halting).unwrap();
    let elements = located.batch.unwrap().elements();
    assert_eq!((elements.len(), elements[0].clone()), (1, 0..3));
}

#[test]
fn graphs_are_refused_one_by_one() {
    let graph = |id: &str, name: &str| {
        json!({ "graphId": id, "compositeRequest": [
            part("POST", &sobject("Contact"), "a", json!({ "LastName": name })),
            part("POST", &sobject("Lead"), "b", json!({ "X__c": "@{a.id}" })),
        ]})
    };
    let body = json!({ "graphs": [graph("1", "A"), graph("2", "B")] }).to_string();
    let located = locate("POST", &format!("{COMPOSITE}/graph"), &body).unwrap();
    assert_eq!(occurrences(&located.body), ["0 contact.lastname = A", "2 contact.lastname = B"]);
    let made = |id: &str| {
        let parts = ["a", "b"]
            .map(|name| result(201, name, json!({ "id": ID, "success": true, "errors": [] })));
        json!({ "graphId": id, "graphResponse": { "compositeResponse": parts }, "isSuccessful": true })
    };
    let all = json!({ "graphs": [made("2"), made("1")] }).to_string();
    let answer = read_answer(&located, 200, &HeaderMap::new(), &all).unwrap();
    assert_eq!(done(&answer), [(0, 0, true), (2, 1, true), (4, 2, true), (6, 3, true)]);
    let (sent, shown) = split(&located, &[1], &json!({ "graphs": [made("2")] }).to_string());
    assert!(!sent.contains(r#""A""#) && sent.contains(r#""B""#), "{sent}");
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["graphs"][0]["isSuccessful"], false);
    assert_eq!(shown["graphs"][0]["graphResponse"]["compositeResponse"][1]["httpStatusCode"], 403);
    assert_eq!(shown["graphs"][1]["isSuccessful"], true);
}

#[test]
fn a_tree_is_one_record_inside_another() {
    let record =
        |object: &str, reference: &str| json!({ "type": object, "referenceId": reference });
    let body = json!({ "records": [{
        "attributes": record("Account", "r1"), "name": "W GmbH",
        "Contacts": { "records": [
            { "attributes": record("Contact", "r2"), "lastname": "G", "ReportsTo": { "Email": "b@c.de" } },
            { "attributes": record("Contact", "r3"), "email": "a@b.de" },
        ]},
    }]})
    .to_string();
    let target = format!("{COMPOSITE}/tree/Account/");
    let located = locate("POST", &target, &body).unwrap();
    assert_eq!(located.operation.name.as_str(), "composite.tree");
    assert_eq!(
        occurrences(&located.body),
        [
            "0 account.name = W GmbH",
            "1 contact.lastname = G",
            "2 contact.email key b@c.de",
            "3 contact.email = a@b.de",
        ]
    );
    assert!(located.batch.is_none(), "all are made, or none");
    let answer = json!({ "hasErrors": false, "results": [
        { "referenceId": "r3", "id": ID }, { "referenceId": "r1", "id": "001WV00000K9x1AYAR" },
    ]});
    let read = read(("POST", &target, &body), 201, &answer.to_string());
    assert_eq!(
        names(&read.records),
        ["0 contact 003WV00000A1b2CYAR", "1 account 001WV00000K9x1AYAR"]
    );
    assert_eq!(done(&read), [(0, 3, true), (1, 0, true)]);
    let failed = r#"{"hasErrors":true,"results":[{"referenceId":"r3",
        "errors":[{"statusCode":"X","message":"bad a@b.de","fields":[]}]}]}"#;
    let answer = read_answer(&located, 400, &HeaderMap::new(), failed).unwrap();
    assert_eq!(occurrences(&answer.body), ["0 error.message echo bad a@b.de"]);

    for wrong in [
        body.replace("r3", "r2"),
        body.replace(r#""r3""#, r#""a@b.de""#),
        body.replace(r#","referenceId":"r3""#, ""),
        body.replacen('{', r#"{"x":1,"#, 1),
        body.replacen("Account", "Lead", 1),
    ] {
        assert!(wrong != body && locate("POST", &target, &wrong).is_err(), "{wrong}");
    }
    // Elsewhere it is no list of records, but a reference.
    locate("POST", "/services/data/v62.0/sobjects/Account", r#"{"Contacts":{"records":[]}}"#)
        .unwrap_err();
}

#[test]
fn what_is_inside_is_no_less_strict() {
    let check = |parts: &[Value], expected: &str| {
        let found = composite(false, parts).unwrap_err().to_string();
        assert!(found.contains(expected) && !found.contains("Anna"), "{found}");
    };
    let contact = sobject("Contact");
    let one = |body: Value| part("POST", &contact, "a", body);
    check(&[], "holds no request");
    check(&[one(json!({ "LastName": "x" })), one(json!({}))], "one `referenceId`");
    check(&[part("POST", &contact, "Anna Muster", json!({}))], "no id of letters");
    check(&[json!({ "method": "GET", "url": contact })], "has no `referenceId`");
    check(&[part("GET", "/services/oauth2/userinfo", "a", Value::Null)], "not inside another");
    check(&[part("POST", COMPOSITE, "a", json!({}))], "not inside another");
    check(
        &[part("POST", "/services/data/v62.0/jobs/ingest", "a", json!({}))],
        "not inside another",
    );
    check(&[part("GET", "https://evil.example/", "a", Value::Null)], "cannot be parsed");
    check(&[part("GET", &sobject("Contact/a b"), "a", Value::Null)], "cannot be parsed");
    check(&[one(json!({ "LASTNAME": "Anna", "LastName": "Anna" }))], "differ in case only");
    let mut with = one(json!({}));
    with["httpHeaders"] = json!({ "X-Name": "Anna" });
    check(&[with.clone()], "header `X-Name`");
    for headers in [json!("a@b.de"), json!(["a@b.de"]), json!(4917)] {
        with["httpHeaders"] = headers;
        assert!(composite(false, std::slice::from_ref(&with)).is_err());
    }
    with["httpHeaders"] = json!(null);
    assert!(composite(false, std::slice::from_ref(&with)).is_ok());
    with["httpHeaders"] = json!({ "If-Match": "a@b.de" });
    check(&[with], "header `If-Match`");
    let mut with = one(json!({}));
    with["binaryPartName"] = json!("Anna");
    check(&[with], "is no member of a request inside");
    let named = |number: usize| part("POST", &contact, &format!("a{number}"), json!({}));
    let many = |count: usize| (0..count).map(named).collect::<Vec<_>>();
    composite(false, &many(25)).unwrap();
    check(&many(26), "more requests than Salesforce takes");
    let graphs = |first: usize, second: usize| {
        let graph = |id: &str, count| json!({ "graphId": id, "compositeRequest": many(count) });
        let body = json!({ "graphs": [graph("1", first), graph("2", second)] }).to_string();
        locate("POST", &format!("{COMPOSITE}/graph"), &body)
    };
    graphs(250, 250).unwrap();
    let found = graphs(250, 251).unwrap_err().to_string();
    assert!(found.contains("more requests than Salesforce takes"), "{found}");
    locate("POST", COMPOSITE, r#"{"compositeRequest":[],"name":"Anna"}"#).unwrap_err();
    locate("POST", &format!("{COMPOSITE}?q=x"), "{}").unwrap_err();
}
