// SPDX-License-Identifier: Apache-2.0
//! Which record is which, and collections of which single records are refused.

use serde_json::{Value, json};

use super::{headers, locate, names, occurrences, origins, read, read_answer, render, uses};
use crate::base::{Refusal, RefusalCode, Timestamp};
use crate::carrier::{Codec, Replacement};
use crate::crm::salesforce::Salesforce;
use crate::crm::{
    AnswerView, Dialect, Done, LocateError, LocatedAnswer, LocatedRequest, RefusedRecords,
    Remaining,
};

const ID: &str = "003WV00000A1b2CYAR";
const OTHER: &str = "003WV00000A1b2DYAR";
const COLLECTION: &str = "/services/data/v62.0/composite/sobjects";
const NOW: Timestamp = Timestamp::from_unix_millis(1_767_225_600_000);

fn same(answer: &LocatedAnswer) -> Vec<(u32, u32)> {
    match &answer.done {
        Done::All => ALL.to_vec(),
        Done::Each(same) => same.iter().map(|it| (it.in_answer, it.in_request)).collect(),
    }
}

#[test]
fn a_record_refers_to_whom_its_ids_tell() {
    let task = r#"{"WhoId":"003WV00000A1b2C","WhatId":"001WV00000A1b2CYAR",
        "OwnerId":"005WV00000A1b2CYAR","Description":"003WV00000A1b2CYAR is who","Id__c":"00Q"}"#;
    let located = locate("POST", "/services/data/v62.0/sobjects/Task", task).unwrap();
    let found = located.body.occurrences();
    let referred = found.into_iter().filter_map(|(_, at)| Salesforce.refers_to(at));
    let referred: Vec<String> = referred.map(|(object, id)| format!("{object} {id}")).collect();
    assert_eq!(referred, ["contact 003WV00000A1b2CYAR", "account 001WV00000A1b2CYAR"]);
}

#[test]
fn requests_name_their_records() {
    let check = |method: &str, target: &str, body: &str, expected: &[&str]| {
        let target = format!("/services/data/v62.0/{target}");
        let located = locate(method, &target, body).unwrap();
        assert_eq!(names(&located.records), expected, "{method} {target}");
        assert!(!format!("{located:?}").contains(ID));
    };
    let contact = ["0 contact 003WV00000A1b2CYAR"];
    check("GET", "sobjects/Contact/003WV00000A1b2C", "", &contact);
    check("GET", "sobjects/Contact/003wv00000a1b2cyar.json", "", &contact);
    check("DELETE", &format!("sobjects/Contact/{ID}"), "", &contact);
    check("GET", &format!("sobjects/Contact/{ID}/Account?fields=Name"), "", &contact);
    // The path and the body are one record; what it refers to is another.
    check(
        "PATCH",
        &format!("sobjects/Contact/{ID}"),
        r#"{"Account":{"Id":"001WV00000A1b2CYAR","Ext__c":"1"}}"#,
        &["1 account 001WV00000A1b2CYAR", "0 contact 003WV00000A1b2CYAR"],
    );
    check("PATCH", "sobjects/Contact/Email/a@b.de", r#"{"Fax":"1"}"#, &[]);
    check(
        "PATCH",
        "composite/sobjects",
        r#"{"records":[{"attributes":{"type":"Contact"},"Account":{"Ext__c":"1"},"id":"003WV00000A1b2CYAR"},
            {"attributes":{"type":"Lead"},"ID":"00QWV00000A1b2C2AR"}]}"#,
        &["0 contact 003WV00000A1b2CYAR", "2 lead 00QWV00000A1b2C2AR"],
    );
    check(
        "DELETE",
        &format!("composite/sobjects?ids={ID},a0BWV00000A1b2CYAR%2c{OTHER}"),
        "",
        &["0 contact 003WV00000A1b2CYAR", "2 contact 003WV00000A1b2DYAR"],
    );
    let both = ["0 contact 003WV00000A1b2CYAR", "1 contact 003WV00000A1b2DYAR"];
    let retrieve = "composite/sobjects/Contact";
    check("GET", &format!("{retrieve}?fields=Id&ids={ID},{OTHER}"), "", &both);
    let query = |filter: &str| {
        let query = format!("SELECT Name FROM Contact WHERE {filter}");
        format!("query?q={}", Codec::Percent.fragment(&query))
    };
    let (short, account) = ("003WV00000A1b2C", "001WV00000A1b2CYAR");
    check("GET", &query(&format!("Id = '{short}'")), "", &contact);
    let filter = format!("Account.Id IN ('{account}') AND Email = 'a' AND Id != '{OTHER}'");
    let asked = ["0 account 001WV00000A1b2CYAR", "0 contact 003WV00000A1b2DYAR"];
    check("GET", &query(&filter), "", &asked);
    check("POST", retrieve, &json!({ "fields": ["Id"], "ids": [ID, OTHER] }).to_string(), &both);
}

/// Stands in the place of the numbers of all records of the request.
const ALL: &[(u32, u32)] = &[(u32::MAX, u32::MAX)];

#[test]
fn answers_name_their_records() {
    let check =
        |request: (&str, &str, &str), status, body: &str, expected: &[&str], pairs: &[_]| {
            let answer = read(request, status, body);
            assert_eq!(names(&answer.records), expected, "{body}");
            assert_eq!(same(&answer), pairs, "{body}");
        };
    let by_key = ("GET", "/services/data/v62.0/sobjects/Contact/Email/a@b.de", "");
    let contact = ["0 contact 003WV00000A1b2CYAR"];
    check(by_key, 200, r#"{"Id":"003WV00000A1b2C","Email":"a"}"#, &contact, &[(0, 0)]);
    let url = "/services/data/v62.0/sobjects/Contact/003WV00000A1b2CYAR";
    let record = json!({ "attributes": { "type": "Contact", "url": url }, "Email": "a" });
    check(by_key, 200, &record.to_string(), &contact, &[(0, 0)]);
    check(by_key, 404, r#"[{"message":"x","errorCode":"NOT_FOUND"}]"#, &[], &[]);
    check(by_key, 300, r#"["/services/data/v62.0/sobjects/Contact/003WV00000A1b2CYAR"]"#, &[], &[]);
    let update = ("PATCH", "/services/data/v62.0/sobjects/Contact/003WV00000A1b2CYAR", "{}");
    check(update, 204, "", &[], ALL);

    let created = r#"{"id":"003WV00000A1b2CYAR","success":true,"errors":[]}"#;
    let create = ("POST", "/services/data/v62.0/sobjects/Contact", "{}");
    check(create, 201, created, &contact, &[(0, 0)]);
    let upsert = ("PATCH", by_key.1, r#"{"Account":{"Ext__c":"1"}}"#);
    check(upsert, 201, created, &contact, &[(0, 0)]);

    // The second element is the third record: the first refers to another one.
    let records = r#"{"records":[{"attributes":{"type":"Contact"},"Account":{"Ext__c":"1"}},
        {"attributes":{"type":"Lead"}},{"attributes":{"type":"Lead"}}]}"#;
    let results = r#"[{"id":"003WV00000A1b2CYAR","success":true,"errors":[]},
        {"success":false,"errors":[{"statusCode":"X","message":"bad a"},{"statusCode":"Y","message":"bad b"}]},
        {"id":"00QWV00000A1b2C2AR","success":true,"errors":[]}]"#;
    let expected = ["0 contact 003WV00000A1b2CYAR", "2 lead 00QWV00000A1b2C2AR"];
    check(("POST", COLLECTION, records), 200, results, &expected, &[(0, 0), (1, 2), (2, 3)]);
    let answer = read(("POST", COLLECTION, records), 200, results);
    let echoes = ["1 error.message echo bad a", "1 error.message echo bad b"];
    assert_eq!(occurrences(&answer.body), echoes);

    let retrieve = format!("{COLLECTION}/Contact?fields=Id&ids={ID},{OTHER},{ID}");
    let rows = r#"[{"Id":"003WV00000A1b2CYAR","Email":"a"},null,{"Id":"003WV00000A1b2CYAR"}]"#;
    let expected = ["0 contact 003WV00000A1b2CYAR", "1 contact 003WV00000A1b2CYAR"];
    check(("GET", &retrieve, ""), 200, rows, &expected, &[(0, 0), (1, 2)]);
    // What has another number of elements tells about none.
    check(("GET", &retrieve, ""), 200, r#"[{"Id":"003WV00000A1b2CYAR"}]"#, &expected[..1], &[]);

    let rows = r#"{"records":[{"attributes":{"type":"Contact"},"Id":"003WV00000A1b2CYAR",
        "Account":{"attributes":{"type":"Account"},"Id":"001WV00000A1b2CYAR"},
        "Cases":{"records":[{"Id":"500WV00000A1b2CYAR"}]}}]}"#;
    let expected = [
        "0 contact 003WV00000A1b2CYAR",
        "1 account 001WV00000A1b2CYAR",
        "2 case 500WV00000A1b2CYAR",
    ];
    let query = "/services/data/v62.0/query?q=SELECT+Id+FROM+Contact";
    check(("GET", query, ""), 200, rows, &expected, &[]);
    let groups =
        r#"{"records":[{"attributes":{"type":"AggregateResult"},"Id":"003WV00000A1b2CYAR"}]}"#;
    let query = "/services/data/v62.0/query?q=SELECT+Id+FROM+Contact+GROUP+BY+Id";
    check(("GET", query, ""), 200, groups, &[], &[]);
}

/// A collection of contacts, each with its number as last name.
fn contacts(count: usize, all_or_none: bool) -> String {
    let record =
        |n: usize| json!({ "attributes": { "type": "Contact" }, "LastName": n.to_string() });
    let records: Vec<Value> = (0..count).map(record).collect();
    json!({ "allOrNone": all_or_none, "records": records }).to_string()
}

fn refused(records: &[u32]) -> RefusedRecords {
    let refusal = |record| Refusal::new(RefusalCode::Forbidden, format!("record {record}"));
    records.iter().map(|record| (*record, refusal(*record))).collect()
}

/// What is forwarded of a request without these records.
fn forwarded(located: &LocatedRequest, refused: &RefusedRecords) -> (String, String) {
    let keep = Replacement::Keep;
    let mut replacements = std::iter::repeat(&keep);
    let is_refused = |record| refused.contains_key(&record);
    let mut text = |document: &crate::carrier::Document| {
        let rendered = document.render_without(&mut replacements, &is_refused).unwrap();
        String::from_utf8(rendered.to_vec()).unwrap()
    };
    (text(&located.target), text(&located.body))
}

/// Reads what is answered to the rest of a collection.
fn rest(
    located: &LocatedRequest,
    refused: &RefusedRecords,
    status: u16,
    body: &str,
) -> Result<LocatedAnswer, LocateError> {
    let batch = located.batch.as_ref().unwrap();
    let Remaining::Some(answer) = batch.refuse(refused, NOW) else { panic!("nothing is left") };
    answer.locate(&AnswerView {
        status: status.try_into().unwrap(),
        headers: &headers(&[]),
        body: &body.to_owned().into(),
        origins: &origins(),
        expansion: crate::carrier::coding::ExpansionLimits::FOR_TESTS,
        sorted: None,
    })
}

fn turned_back(record: u32) -> String {
    format!(
        r#"{{"success":false,"errors":[{{"statusCode":"INSUFFICIENT_ACCESS","message":"Zollhaus: record {record}","fields":[]}}]}}"#
    )
}

#[test]
fn refusals_stand_where_their_records_stood() {
    let located = locate("POST", COLLECTION, &contacts(4, false)).unwrap();
    let done = |n: u32| format!(r#"{{"id":"003WV00000A1b2{n}YAR","success":true,"errors":[]}}"#);
    let check = |records: &[u32]| {
        let refused = refused(records);
        let (_, body) = forwarded(&located, &refused);
        let body: Value = serde_json::from_str(&body).unwrap();
        let left: Vec<u32> = (0..4).filter(|record| !refused.contains_key(record)).collect();
        let sent: Vec<_> = left.iter().map(|n| json!(n.to_string())).collect();
        let names = body["records"].as_array().unwrap().iter().map(|record| &record["LastName"]);
        assert!(names.eq(&sent), "{records:?}");

        let results: Vec<String> = left.iter().map(|n| done(*n)).collect();
        let answer = rest(&located, &refused, 200, &format!("[ {} ]", results.join(", ")));
        let answer = answer.unwrap();
        let shown: Value = serde_json::from_str(&render(&answer.body, &Replacement::Keep)).unwrap();
        let expected =
            (0..4).map(|n| if refused.contains_key(&n) { turned_back(n) } else { done(n) });
        let expected = format!("[{}]", expected.collect::<Vec<_>>().join(","));
        assert_eq!(shown, serde_json::from_str::<Value>(&expected).unwrap(), "{records:?}");
        let pairs: Vec<_> = (0..).zip(left).collect();
        assert_eq!(same(&answer), pairs, "{records:?}");
    };
    check(&[0]);
    check(&[3]);
    check(&[0, 1]);
    check(&[1, 2]);
    check(&[0, 3]);
    check(&[1, 2, 3]);
    check(&[0, 1, 2]);
}

#[test]
fn nothing_is_forwarded_when_every_record_is_refused() {
    let located = locate("POST", COLLECTION, &contacts(2, false)).unwrap();
    let Remaining::None(answer) = located.batch.unwrap().refuse(&refused(&[0, 1]), NOW) else {
        panic!("something is left");
    };
    assert_eq!(answer.body, format!("[{},{}]", turned_back(0), turned_back(1)));
    assert_eq!(
        (answer.status.as_u16(), answer.content_type),
        (200, "application/json;charset=UTF-8")
    );
}

#[test]
fn a_record_goes_with_those_that_are_nested_in_it() {
    let body = r#"{"records":[{"attributes":{"type":"Contact"},"Account":{"Ext__c":"A"},"Email":"a"},{"attributes":{"type":"Contact"},"Email":"b"}]}"#;
    let located = locate("PATCH", &format!("{COLLECTION}/Contact/Email"), body).unwrap();
    let batch = located.batch.as_ref().unwrap();
    assert_eq!(batch.elements(), [0..2, 2..3]);
    let mut refused = refused(&[1]);
    batch.complete(&mut refused);
    assert_eq!(refused.keys().copied().collect::<Vec<_>>(), [0, 1]);
    let left = r#"{"records":[{"attributes":{"type":"Contact"},"Email":"b"}]}"#;
    assert_eq!(forwarded(&located, &refused).1, left);
    let result = r#"{"id":"003WV00000A1b2CYAR","success":true,"errors":[],"created":true}"#;
    let answer = rest(&located, &refused, 200, &format!("[{result}]")).unwrap();
    let expected = format!("[{},{result}]", turned_back(1));
    assert_eq!(render(&answer.body, &Replacement::Keep), expected);
    assert_eq!(same(&answer), [(0, 2)]);
}

#[test]
fn records_to_delete_are_refused_one_by_one() {
    let target = format!("{COLLECTION}?ids={ID},{OTHER}%2C{ID}&allOrNone=false");
    let located = locate("DELETE", &target, "").unwrap();
    let refused = refused(&[0, 2]);
    let expected = format!("{COLLECTION}?ids={OTHER}&allOrNone=false");
    assert_eq!(forwarded(&located, &refused).0, expected);
    let result = format!(r#"{{"id":"{OTHER}","success":true,"errors":[]}}"#);
    let answer = rest(&located, &refused, 200, &format!("[{result}]")).unwrap();
    let expected = format!("[{},{result},{}]", turned_back(0), turned_back(2));
    assert_eq!(render(&answer.body, &Replacement::Keep), expected);
    assert_eq!(
        (names(&answer.records), same(&answer)),
        (vec![format!("0 contact {OTHER}")], vec![(0, 1)])
    );
}

#[test]
fn answers_that_do_not_fit_the_rest_are_refused() {
    let located = locate("POST", COLLECTION, &contacts(3, false)).unwrap();
    let refused = refused(&[1]);
    for body in ["", "[]", "{}", "[{}]", "[{},{},{}]", r#"[{"success":true},{"success":true}"#] {
        assert!(rest(&located, &refused, 200, body).is_err(), "{body}");
    }
    // It speaks for the whole request.
    let error = r#"[{"message":"x","errorCode":"INVALID_SESSION_ID"}]"#;
    let answer = rest(&located, &refused, 401, error).unwrap();
    assert_eq!(render(&answer.body, &Replacement::Keep), error);
}

#[test]
fn some_requests_are_refused_as_a_whole() {
    let check = |method: &str, target: &str, body: &str, can_be_split: bool| {
        let located = locate(method, target, body).unwrap();
        assert_eq!(located.batch.is_some(), can_be_split, "{method} {target}");
    };
    check("POST", COLLECTION, &contacts(200, false), true);
    check("POST", COLLECTION, &contacts(201, false), false);
    check("POST", COLLECTION, &contacts(0, false), true);
    check("POST", COLLECTION, &contacts(2, true), false);
    check("POST", COLLECTION, r#"{"records":[],"allOrNone":true}"#, false);
    check("DELETE", &format!("{COLLECTION}?ids={ID}&allOrNone=true"), "", false);
    check("DELETE", &format!("{COLLECTION}?ids={ID}"), "", true);
    // A record that is not shown would seem not to exist.
    check("GET", &format!("{COLLECTION}/Contact?ids={ID}&fields=Id"), "", false);
    check("POST", "/services/data/v62.0/sobjects/Contact", "{}", false);
    check("PATCH", "/services/data/v62.0/sobjects/Contact/Email/a@b.de", "{}", false);
    for body in [
        r#"{"records":[],"records":[]}"#,
        r#"{"records":[],"Records":[]}"#,
        r#"{"records":{}}"#,
        r#"{"records":[],"allOrNone":"true"}"#,
    ] {
        assert!(locate("POST", COLLECTION, body).is_err(), "{body}");
    }
}

#[test]
fn a_column_under_an_alias_is_a_use_of_its_field() {
    let check = |text: &str, expected: &[&str]| {
        let target = format!("/services/data/v62.0/query?q={}", Codec::Percent.fragment(text));
        assert_eq!(uses(&locate("GET", &target, "").unwrap()), expected, "{text}");
    };
    check(
        "SELECT Id, FORMAT(Email) e FROM Contact",
        &["contact.email by an alias", "contact.e by an alias"],
    );
    check("SELECT FORMAT(Email) email FROM Contact", &[]);
    check("SELECT FORMAT(Email) FROM Contact", &[]);
    check(
        "SELECT toLabel(Account.Phone) email FROM Contact",
        &["account.phone by an alias", "contact.email by an alias"],
    );
    check(
        "SELECT Id, (SELECT FORMAT(Fax) f FROM Contacts) FROM Account",
        &["contact.fax by an alias", "contact.f by an alias"],
    );
    check(
        "SELECT FORMAT(ContactEmail) m FROM Case",
        &["contact.email by an alias", "case.m by an alias"],
    );
    let parts: Vec<String> =
        ["firstname", "lastname", "middlename", "suffix", "salutation", "name"]
            .map(|part| format!("lead.{part} by an alias"))
            .into();
    let mut expected: Vec<&str> = parts.iter().map(String::as_str).collect();
    expected.push("lead.n by an alias");
    check("SELECT FORMAT(Name) n FROM Lead", &expected);
    // Groups have no further pages.
    check("SELECT Email e FROM Contact GROUP BY Email", &["contact.email by GROUP BY"]);

    for text in [
        "SELECT FORMAT(Foo__r.Email) e FROM Contact",
        "SELECT Id, (SELECT FORMAT(Email) e FROM Foos__r) FROM Account",
    ] {
        let target = format!("/services/data/v62.0/query?q={}", Codec::Percent.fragment(text));
        assert!(locate("GET", &target, "").is_err(), "{text}");
    }
}

/// Whatever is answered, an answer without refusals is read as it always was.
#[test]
fn an_answer_of_another_shape_is_still_read() {
    let located = locate("POST", COLLECTION, &contacts(2, false)).unwrap();
    let body = r#"{"message":"bad a","errorCode":"X"}"#;
    let answer = read_answer(&located, 200, &headers(&[]), body).unwrap();
    assert_eq!(occurrences(&answer.body), ["0 error.message echo bad a"]);
}
