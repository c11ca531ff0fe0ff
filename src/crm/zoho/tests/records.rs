// SPDX-License-Identifier: Apache-2.0
//! Which record of an answer is which of the request, and batches of which single
//! records are refused.

use serde_json::{Value, json};

use super::{locate, names, read_answer, render};
use crate::base::{Refusal, RefusalCode, Timestamp};
use crate::carrier::Replacement;
use crate::crm::testkit::all_lines;
use crate::crm::{Done, LocatedAnswer, LocatedRequest, RefusedRecords, Remaining};

const NOW: Timestamp = Timestamp::from_unix_millis(1_767_225_600_000);

fn same(answer: &LocatedAnswer) -> Vec<(u32, u32, bool)> {
    match &answer.done {
        Done::All => panic!("records are told apart"),
        Done::Each(same) => {
            same.iter().map(|same| (same.in_answer, same.in_request, same.is_taken)).collect()
        }
    }
}

fn success(id: &str) -> Value {
    json!({
        "code": "SUCCESS", "status": "success", "message": "record added",
        "details": { "id": id, "Created_By": { "name": "Jo Kern", "id": "9" }, "External_ID": "t9" },
    })
}

fn duplicate(path: &str) -> Value {
    json!({
        "code": "DUPLICATE_DATA", "status": "error", "message": "duplicate data t1",
        "details": {
            "api_name": "Email", "json_path": path, "id": "55",
            "duplicate_record": { "id": "55", "module": { "api_name": "Leads", "id": "2" }, "Owner": { "name": "Jo Kern", "id": "9" } },
        },
    })
}

fn batch() -> LocatedRequest {
    let people = json!({ "data": [
        { "Last_Name": "A", "Kids": [{ "First_Name": "B" }] },
        { "Last_Name": "C" },
        { "Last_Name": "D" },
    ] });
    locate("POST", "/crm/v8/Contacts", &people.to_string()).unwrap()
}

#[test]
fn rows_are_those_of_the_request_in_order() {
    let rows = json!({ "data": [success("1"), duplicate("$.data[1].Email"), success("3")] });
    let answer = read_answer(&batch(), 207, &rows.to_string()).unwrap();
    assert_eq!(same(&answer), [(0, 0, true), (2, 2, false), (5, 3, true)]);
    assert_eq!(
        names(&answer.records),
        ["0 contacts 1", "1 users 9", "3 leads 55", "4 users 9", "5 contacts 3", "6 users 9"]
    );
    let lines = all_lines(&answer.body);
    for expected in [
        "1 users.full_name Stored Jo Kern",
        "0 contacts.external_id Stored t9",
        "2 error.message Echo duplicate data t1",
        "2 error.message Echo $.data[1].Email",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected}: {lines:?}");
    }
    // One row too few: nothing is known of which is which.
    let rows = json!({ "data": [success("1")] });
    assert!(same(&read_answer(&batch(), 200, &rows.to_string()).unwrap()).is_empty());
    assert!(same(&read_answer(&batch(), 401, r#"{"status":"error"}"#).unwrap()).is_empty());
    let read = locate("GET", "/crm/v8/Contacts/55", "").unwrap();
    let answer = read_answer(&read, 200, r#"{"data":[{"Email":"t","id":"55"}]}"#).unwrap();
    assert_eq!(same(&answer), [(0, 0, true)]);
    let deleted = locate("DELETE", "/crm/v8/Contacts?ids=55,56", "").unwrap();
    let rows = json!({ "data": [success("55"), success("56")] });
    assert_eq!(same(&read_answer(&deleted, 200, &rows.to_string()).unwrap()).len(), 2);
    let list = locate("GET", "/crm/v8/Contacts", "").unwrap();
    let done = |status, body| read_answer(&list, status, body).unwrap().done;
    assert_eq!(done(200, r#"{"data":[{"id":"1"},{"id":"2"}]}"#), Done::All);
    assert_eq!(done(204, ""), Done::All);
    assert_eq!(done(200, r#"{"status":"error"}"#), Done::default());
}

fn refusal() -> Refusal {
    Refusal::new(RefusalCode::ConsentMissing, "no consent")
}

fn without(request: &LocatedRequest, records: &[u32]) -> (String, Remaining) {
    let batch = request.batch.as_ref().expect("it can be split");
    let mut refused: RefusedRecords = records.iter().map(|record| (*record, refusal())).collect();
    batch.complete(&mut refused);
    let document = if request.body.bytes().is_empty() { &request.target } else { &request.body };
    let keep = vec![Replacement::Keep; document.occurrences().len()];
    let is_refused = |record| refused.contains_key(&record);
    let rest = document.render_without(&mut keep.iter(), &is_refused).unwrap();
    (String::from_utf8(rest.into()).unwrap(), batch.refuse(&refused, NOW))
}

#[test]
fn single_records_are_refused_in_their_rows() {
    // The child of a record goes with it.
    let (body, remaining) = without(&batch(), &[1]);
    assert_eq!(body, r#"{"data":[{"Last_Name":"C"},{"Last_Name":"D"}]}"#);
    let Remaining::Some(reader) = remaining else { panic!("two are left") };
    let rows = json!({ "data": [duplicate("$.data[0].Email"), success("3")] }).to_string();
    let request = LocatedRequest { answer: reader, ..batch() };
    let answer = read_answer(&request, 200, &rows).unwrap();
    assert_eq!(answer.status, 207);
    let rows: Value = serde_json::from_str(&render(&answer.body, &Replacement::Keep)).unwrap();
    let refused = json!({
        "code": "NO_PERMISSION", "details": {}, "message": "Zollhaus: no consent", "status": "error",
    });
    assert_eq!(rows, json!({ "data": [refused, duplicate("$.data[1].Email"), success("3")] }));
    let in_request: Vec<u32> = same(&answer).iter().map(|(_, in_request, _)| *in_request).collect();
    assert_eq!(in_request, [2, 3]);
    assert!(read_answer(&request, 200, r#"{"data":[]}"#).is_err(), "a row is missing");
    assert!(read_answer(&request, 200, "").is_err());
    assert_eq!(read_answer(&request, 401, r#"{"code":"X"}"#).unwrap().status, 401);

    let deleted = locate("DELETE", "/crm/v8/Contacts?ids=55,56,57", "").unwrap();
    let (target, _) = without(&deleted, &[1]);
    assert_eq!(target, "/crm/v8/Contacts?ids=55,57");
}

#[test]
fn all_records_are_refused_without_the_crm() {
    let (_, remaining) = without(&batch(), &[0, 2, 3]);
    let Remaining::None(answer) = remaining else { panic!("nothing is left") };
    assert_eq!(answer.status, 400);
    let rows: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(rows["data"].as_array().map(Vec::len), Some(3));
    assert_eq!(rows["data"][2]["status"], "error");
    let long = json!({ "data": vec![json!({ "Last_Name": "A" }); 101] });
    let long = locate("POST", "/crm/v8/Contacts", &long.to_string()).unwrap();
    assert!(long.batch.is_none(), "Zoho refuses it as a whole");
}
