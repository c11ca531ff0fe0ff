// SPDX-License-Identifier: Apache-2.0
//! Batches without some of their records, from the dialect to the CRM and back.

use http::HeaderMap;

use super::*;
use crate::base::{Refusal, RefusalCode};
use crate::carrier::{Document, Replacement};
use crate::crm::hubspot::HubSpot;
use crate::crm::salesforce::Salesforce;
use crate::crm::{AnswerView, Dialect, Origins, RefusedRecords, Remaining, RequestView, Told};

/// Sends a batch without these records, and gives what its caller sees.
async fn split(
    fixture: &Fixture,
    dialect: &dyn Dialect,
    (method, target): (&str, &str),
    body: &Value,
    refused: &[u32],
) -> (u16, Value) {
    let origin = fixture.crm.origin().to_owned();
    let origins = Origins {
        upstream: origin,
        public: "https://zoll.example".to_owned(),
        siblings: Vec::new(),
    };
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    let located = dialect
        .locate(&RequestView {
            method: &method.parse().unwrap(),
            target: &target.to_owned().into(),
            headers: &headers,
            body: &if body.is_null() { Bytes::new() } else { body.to_string().into() },
            origins: &origins,
            expansion: crate::carrier::coding::ExpansionLimits::FOR_TESTS,
            told: Told::default(),
        })
        .unwrap();
    let refusal = Refusal::new(RefusalCode::Forbidden, "not abroad");
    let refused: RefusedRecords = refused.iter().map(|n| (*n, refusal.clone())).collect();
    let keep = Replacement::Keep;
    let without = |document: &Document, is_refused: &dyn Fn(u32) -> bool| {
        document.render_without(&mut std::iter::repeat(&keep), is_refused).unwrap()
    };
    let is_refused = |record| refused.contains_key(&record);
    let target = without(&located.target, &is_refused);
    let body = without(&located.body, &is_refused);
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let Remaining::Some(answer) =
        located.batch.unwrap().refuse(&refused, Timestamp::from_unix_millis(0))
    else {
        panic!("nothing is left");
    };
    let authorised = [("authorization", "Bearer x")];
    let target = std::str::from_utf8(&target).unwrap();
    let reply = fixture.send(method, target, &authorised, body).await.unwrap();
    let answer = answer
        .locate(&AnswerView {
            status: reply.status,
            headers: &reply.headers,
            body: &reply.body,
            origins: &origins,
            expansion: crate::carrier::coding::ExpansionLimits::FOR_TESTS,
            sorted: None,
        })
        .unwrap();
    let shown = without(&answer.body, &|_| false);
    (answer.status.as_u16(), serde_json::from_slice(&shown).unwrap())
}

#[tokio::test]
async fn salesforce_collections_go_without_single_records() {
    let fixture = Fixture::new().await;
    let all = "/services/data/v62.0/composite/sobjects";
    let contact = |fields: Value| {
        let mut record = json!({ "attributes": { "type": "Contact" } });
        record.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        record
    };
    let records = ["A", "B", "C", "D"].map(|name| contact(json!({ "LastName": name })));
    let mut records = Vec::from(records);
    records.push(contact(json!({})));
    let body = json!({ "records": records });
    let (status, results) = split(&fixture, &Salesforce, ("POST", all), &body, &[0, 2]).await;
    let results = results.as_array().unwrap();
    let codes =
        results.iter().map(|result| result["errors"][0]["statusCode"].as_str().unwrap_or_default());
    let expected = ["INSUFFICIENT_ACCESS", "", "INSUFFICIENT_ACCESS", "", "REQUIRED_FIELD_MISSING"];
    assert_eq!((status, codes.collect::<Vec<_>>()), (200, expected.to_vec()));
    let stored = fixture.crm.stored();
    let names: Vec<_> = stored.iter().map(|record| &record.fields["LastName"]).collect();
    assert_eq!(names, ["B", "D"]);
    assert_eq!(
        (&results[1]["id"], &results[3]["id"]),
        (&json!(stored[0].id), &json!(stored[1].id))
    );

    let target = format!("{all}?ids={},{}", stored[0].id, stored[1].id);
    let delete = ("DELETE", target.as_str());
    let (_, results) = split(&fixture, &Salesforce, delete, &Value::Null, &[0]).await;
    assert_eq!((&results[0]["success"], &results[1]["success"]), (&json!(false), &json!(true)));
    assert_eq!(fixture.crm.stored(), &stored[..1]);
}

#[tokio::test]
async fn hubspot_batches_go_without_single_inputs() {
    let fixture = Fixture::new().await;
    let contacts = "/crm/v3/objects/contacts";
    let input = |n: u32| {
        let email = format!("p{n}@example.com");
        json!({ "properties": { "email": email }, "objectWriteTraceId": format!("t{n}") })
    };
    let target = format!("{contacts}/batch/create");
    // The last fails at HubSpot: an address that is taken.
    let body = json!({ "inputs": [input(0), input(1), { "properties": { "email": "p0@example.com" }, "objectWriteTraceId": "t2" }] });
    let (status, answer) = split(&fixture, &HubSpot, ("POST", &target), &body, &[1]).await;
    assert_eq!((status, &answer["numErrors"]), (207, &json!(2)));
    assert_eq!(answer["results"][0]["objectWriteTraceId"], "t0");
    let traces =
        [0, 1].map(|at: usize| answer["errors"][at]["context"]["objectWriteTraceId"].clone());
    assert_eq!(traces, [json!(["t2"]), json!(["t1"])]);
    assert_eq!(answer["errors"][1]["message"], "Zollhaus: not abroad");
    assert_eq!(fixture.crm.stored().len(), 1);

    let target = format!("{contacts}/batch/read");
    let body = json!({ "idProperty": "email", "inputs": [{ "id": "p0@example.com" }, { "id": "p9@example.com" }] });
    let (status, answer) = split(&fixture, &HubSpot, ("POST", &target), &body, &[1]).await;
    assert_eq!((status, &answer["numErrors"]), (207, &json!(1)));
    assert_eq!(answer["errors"][0]["context"]["ids"], json!(["p9@example.com"]));
    assert_eq!(answer["results"][0]["properties"]["email"], "p0@example.com");
}
