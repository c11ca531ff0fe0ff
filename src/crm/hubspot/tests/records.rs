// SPDX-License-Identifier: Apache-2.0
//! Which record is which, and batches of which single inputs are refused.

use http::Method;
use serde_json::{Value, json};

use super::{JSON, locate, origins, read_answer};
use crate::base::{Refusal, RefusalCode, Timestamp};
use crate::carrier::{Document, Replacement};
use crate::crm::testkit::lines;
use crate::crm::{
    AnswerView, Done, LocateError, LocatedAnswer, LocatedRequest, RecordName, RefusedRecords,
    Remaining,
};

const CONTACTS: &str = "/crm/v3/objects/contacts";
const NOW: Timestamp = Timestamp::from_unix_millis(1_767_225_600_000);

fn names(records: &[RecordName]) -> Vec<String> {
    records.iter().map(|name| format!("{} {} {}", name.record, name.object, name.id)).collect()
}

fn same(answer: &LocatedAnswer) -> Vec<(u32, u32)> {
    match &answer.done {
        // In the place of the numbers of all records of the request.
        Done::All => vec![(u32::MAX, u32::MAX)],
        Done::Each(same) => same.iter().map(|it| (it.in_answer, it.in_request)).collect(),
    }
}

fn batch(verb: &str, body: &Value) -> LocatedRequest {
    let target = format!("{CONTACTS}/batch/{verb}");
    locate(&Method::POST, &target, JSON, &body.to_string()).unwrap()
}

#[test]
fn requests_name_their_records() {
    let check = |method, path: &str, body: &str, expected: &[&str]| {
        let located = locate(&method, &format!("{CONTACTS}{path}"), JSON, body).unwrap();
        assert_eq!(names(&located.records), expected, "{path} {body}");
    };
    let (get, post, patch) = (Method::GET, Method::POST, Method::PATCH);
    check(get.clone(), "/0151", "", &["0 contact 151"]);
    check(get.clone(), "/151?idProperty=hs_object_id", "", &["0 contact 151"]);
    check(get.clone(), "/151?idProperty=customer_number", "", &[]);
    check(patch, "/151", r#"{"properties":{"email":"a@b.de"}}"#, &["0 contact 151"]);
    // A merge is about two records.
    check(
        post.clone(),
        "/merge",
        r#"{"objectIdToMerge":"2","primaryObjectId":"1"}"#,
        &["1 contact 2", "0 contact 1"],
    );
    check(post.clone(), "/gdpr-delete", r#"{"objectId":"7"}"#, &["0 contact 7"]);
    // Each input says for itself what its id is.
    check(
        post.clone(),
        "/batch/upsert",
        r#"{"inputs":[{"id":"1"},{"id":"2","idProperty":"customer_number"},{"id":3},{"id":"1"}]}"#,
        &["0 contact 1", "2 contact 3", "3 contact 1"],
    );
    check(post.clone(), "/batch/read", r#"{"idProperty":"email","inputs":[{"id":"1"}]}"#, &[]);
    check(post, "/batch/archive", r#"{"inputs":[{"id":"1"}]}"#, &["0 contact 1"]);
    let located = locate(&get, &format!("{CONTACTS}/4711"), JSON, "").unwrap();
    assert!(!format!("{located:?}").contains("4711"));
}

#[test]
fn answers_name_their_records() {
    let check = |located: &LocatedRequest, body: &Value, expected: &[&str], pairs: &[_]| {
        let answer = read_answer(located, 200, &[], &body.to_string()).unwrap();
        assert_eq!(names(&answer.records), expected, "{body}");
        assert_eq!(same(&answer), pairs, "{body}");
    };
    let one = |method, path: &str, body| {
        locate(&method, &format!("{CONTACTS}{path}"), JSON, body).unwrap()
    };
    let record = json!({ "id": "151", "properties": { "email": "t" } });
    let by_email = one(Method::GET, "/a@b.de?idProperty=email", "");
    check(&by_email, &record, &["0 contact 151"], &[(0, 0)]);
    let create = one(Method::POST, "", r#"{"properties":{}}"#);
    check(&create, &record, &["0 contact 151"], &[(0, 0)]);
    let merge = one(Method::POST, "/merge", r#"{"primaryObjectId":"1","objectIdToMerge":"2"}"#);
    check(&merge, &record, &["0 contact 151"], &[(0, 0), (0, 1)]);
    let list = one(Method::GET, "", "");
    check(
        &list,
        &json!({ "results": [record, { "id": 9 }] }),
        &["0 contact 151", "1 contact 9"],
        &[],
    );

    // The order of results says nothing.
    let results = json!({ "results": [{ "id": "2" }, { "id": "9", "objectWriteTraceId": "t" }, { "id": "1" }] });
    let expected = ["0 contact 2", "1 contact 9", "2 contact 1"];
    let inputs = json!({ "inputs": [
        { "id": "1" },
        { "id": "a@b.de", "idProperty": "email", "objectWriteTraceId": "t" },
        { "id": "02" },
        { "id": "1" },
        { "id": "9", "idProperty": "customer_number" },
    ] });
    let pairs = [(0, 2), (1, 1), (2, 0), (2, 3)];
    check(&batch("update", &inputs), &results, &expected, &pairs);
    check(
        &batch("read", &json!({ "idProperty": "zip", "inputs": [{ "id": "1" }] })),
        &results,
        &expected,
        &[],
    );
    // An answer of another shape is not taken for the only record.
    check(&batch("update", &inputs), &record, &["0 contact 151"], &[]);
}

#[test]
fn each_error_of_a_batch_counts_by_itself() {
    let body = json!({
        "results": [{ "id": "1", "properties": { "email": "t1" } }],
        "errors": [{ "message": "a", "context": { "ids": ["b"] } }, { "message": "c" }],
    });
    let located = batch("read", &json!({ "inputs": [{ "id": "1" }] }));
    let answer = read_answer(&located, 207, &[], &body.to_string()).unwrap();
    let mut found = lines(&answer.body);
    found.sort();
    let expected = [
        "0 contact.email Stored t1",
        "1 contact.message Echo a",
        "1 contact.message Echo b",
        "2 contact.message Echo c",
    ];
    assert_eq!(found, expected);
}

fn refused(records: &[u32]) -> RefusedRecords {
    let refusal = |record| Refusal::new(RefusalCode::Forbidden, format!("record {record}"));
    records.iter().map(|record| (*record, refusal(*record))).collect()
}

fn render(document: &Document, refused: &RefusedRecords) -> Value {
    let keep = Replacement::Keep;
    let is_refused = |record| refused.contains_key(&record);
    let mut replacements = std::iter::repeat(&keep);
    let rendered = document.render_without(&mut replacements, &is_refused).unwrap();
    serde_json::from_slice(&rendered).unwrap()
}

/// Reads what is answered to the rest of a batch.
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
        headers: &http::HeaderMap::new(),
        body: &body.to_owned().into(),
        origins: &origins(),
        expansion: crate::carrier::coding::ExpansionLimits::FOR_TESTS,
        sorted: None,
    })
}

fn turned_back(record: u32, context: &Value) -> Value {
    let message = format!("Zollhaus: record {record}");
    json!({ "status": "error", "category": "VALIDATION_ERROR", "message": message, "context": context })
}

#[test]
fn refusals_join_the_errors_of_the_batch() {
    let located = batch(
        "upsert",
        &json!({ "inputs": [
            { "id": "a@b.de", "idProperty": "email", "properties": { "zip": "0" }, "objectWriteTraceId": "t0" },
            { "id": "7", "properties": { "zip": "1" }, "objectWriteTraceId": "t1" },
            { "id": "8", "properties": { "zip": "2" }, "objectWriteTraceId": "t2" },
        ] }),
    );
    let refused = refused(&[0, 2]);
    let left = json!({ "inputs": [{ "id": "7", "properties": { "zip": "1" }, "objectWriteTraceId": "t1" }] });
    assert_eq!(render(&located.body, &refused), left);
    let added = [
        turned_back(0, &json!({ "ids": ["a@b.de"], "objectWriteTraceId": ["t0"] })),
        turned_back(2, &json!({ "ids": ["8"], "objectWriteTraceId": ["t2"] })),
    ];
    let check = |status, answer: Value, errors: Value| {
        let located = rest(&located, &refused, status, &answer.to_string()).unwrap();
        let mut expected = answer;
        expected["numErrors"] = errors.as_array().unwrap().len().into();
        expected["errors"] = errors;
        let shown = render(&located.body, &RefusedRecords::new());
        assert_eq!((located.status.as_u16(), shown), (207, expected));
        assert_eq!(same(&located), [(0, 1)]);
    };
    let results = json!([{ "id": "7", "properties": { "zip": "1" }, "new": false }]);
    check(200, json!({ "status": "COMPLETE", "results": results }), json!(added));
    check(201, json!({ "results": results, "errors": [], "numErrors": 0 }), json!(added));
    check(200, json!({ "results": results, "errors": null, "completedAt": "x" }), json!(added));
    let failed = json!({ "status": "error", "message": "bad", "context": {} });
    let all = [std::slice::from_ref(&failed), added.as_slice()].concat();
    check(207, json!({ "numErrors": 1, "errors": [failed], "results": results }), json!(all));
    check(207, json!({ "errors": [failed], "results": results }), json!(all));
}

#[test]
fn nothing_is_forwarded_when_every_input_is_refused() {
    let located = batch("read", &json!({ "inputs": [{ "id": "1" }, { "id": "2" }] }));
    let left = located.batch.unwrap().refuse(&refused(&[0, 1]), NOW);
    let Remaining::None(answer) = left else { panic!("something is left") };
    let errors =
        [turned_back(0, &json!({ "ids": ["1"] })), turned_back(1, &json!({ "ids": ["2"] }))];
    let now = "2026-01-01T00:00:00.000Z";
    let expected = json!({
        "status": "COMPLETE", "results": [], "numErrors": 2, "errors": errors,
        "startedAt": now, "completedAt": now,
    });
    assert_eq!(serde_json::from_str::<Value>(&answer.body).unwrap(), expected);
    assert_eq!(answer.status.as_u16(), 207);
}

#[test]
fn answers_that_are_no_batch_are_refused() {
    let located = batch("read", &json!({ "inputs": [{ "id": "1" }, { "id": "2" }] }));
    let refused = refused(&[1]);
    for body in [
        "",
        "{}",
        "[]",
        r#"{"results":{}}"#,
        r#"{"results":[],"errors":"x"}"#,
        r#"{"results":[],"numErrors":"one"}"#,
    ] {
        assert!(rest(&located, &refused, 200, body).is_err(), "{body}");
    }
    // It speaks for the whole request.
    let error = r#"{"status":"error","message":"x","category":"CONFLICT"}"#;
    let answer = rest(&located, &refused, 409, error).unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.bytes().as_ref()), (409, error.as_bytes()));
    assert_eq!(
        render(&answer.body, &RefusedRecords::new()),
        serde_json::from_str::<Value>(error).unwrap()
    );
}

#[test]
fn some_batches_are_refused_as_a_whole() {
    let check = |verb: &str, inputs: Value, can_be_split: bool| {
        let located = batch(verb, &json!({ "inputs": inputs }));
        assert_eq!(located.batch.is_some(), can_be_split, "{verb} {inputs}");
    };
    let traced = |trace: &str| json!({ "properties": {}, "objectWriteTraceId": trace });
    check("create", json!([traced("a"), traced("b")]), true);
    check("create", json!([traced("a"), traced("a")]), false);
    check("create", json!([traced("a"), { "properties": {} }]), false);
    let with_id = |id: &str| json!({ "id": id });
    for verb in ["read", "update", "upsert"] {
        check(verb, json!([with_id("1"), with_id("2")]), true);
        check(verb, json!([with_id("1"), with_id("1")]), false);
        check(verb, json!([with_id("1"), {}]), false);
    }
    let named = |trace: &str| json!({ "id": "1", "objectWriteTraceId": trace });
    check("update", json!([named("a"), named("b")]), true);
    check("archive", json!([with_id("1"), with_id("2")]), false);
    let many = |count: u32| (1..=count).map(|n| with_id(&n.to_string())).collect::<Vec<_>>();
    check("read", many(100).into(), true);
    check("read", many(101).into(), false);
    check("read", json!([]), true);
}

#[test]
fn debug_output_holds_no_values() {
    let input = |id: &str| json!({ "id": id, "idProperty": "email" });
    let located = batch("update", &json!({ "inputs": [input("a@b.de"), input("c@d.de")] }));
    let some = refused(&[0]);
    let answer = rest(&located, &some, 200, r#"{"results":[]}"#).unwrap();
    let split = located.batch.as_ref().unwrap();
    let printed = format!(
        "{located:?} {answer:?} {:?} {:?}",
        split.refuse(&some, NOW),
        split.refuse(&refused(&[0, 1]), NOW)
    );
    assert!(!printed.contains("@b.de") && !printed.contains("@d.de"), "{printed}");
    assert_eq!(
        render(&answer.body, &RefusedRecords::new())["errors"][0]["context"]["ids"],
        json!(["a@b.de"])
    );
}
