// SPDX-License-Identifier: Apache-2.0
//! The recorder, codings and faults.

use http::StatusCode;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::super::coding::{gunzip, gzip};
use super::*;

const LIMITS: &str = "/services/data/v62.0/limits";
const AUTHORISED: [(&str, &str); 1] = [("authorization", "Bearer x")];

#[tokio::test]
async fn requests_are_recorded_as_they_came() {
    let fixture = Fixture::new().await;
    fixture.call("POST", "/crm/v3/objects/contacts?a=%40&b=+", json!({ "properties": {} })).await;
    fixture.call("GET", "/nowhere/%C3%BC/", Value::Null).await;
    let requests = fixture.crm.requests();
    let heads: Vec<_> = requests.iter().map(|r| (r.method.as_str(), &r.target[..])).collect();
    let expected: [(&str, &[u8]); 2] =
        [("POST", b"/crm/v3/objects/contacts?a=%40&b=+"), ("GET", b"/nowhere/%C3%BC/")];
    assert_eq!(heads, expected);
    assert_eq!(&requests[0].body[..], b"{\"properties\":{}}");
    assert_eq!(requests[0].headers["authorization"], "Bearer x");
    assert!(requests[0].is_complete);
    fixture.crm.forget_requests();
    assert_eq!((fixture.crm.requests().len(), fixture.crm.request_count()), (0, 2));
}

#[tokio::test]
async fn http_2_is_spoken_with_prior_knowledge() {
    let crm = Fixture::new().await.crm;
    let client =
        Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Empty<Bytes>>();
    let uri = format!("{}{LIMITS}", crm.origin()).parse().unwrap();
    let response = client.get(uri).await;
    assert_eq!(response.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(crm.requests()[0].version, http::Version::HTTP_2);
    assert_eq!(crm.requests()[0].target, LIMITS);
}

#[tokio::test]
async fn bodies_travel_in_gzip() {
    let fixture = Fixture::new().await;
    let coded = gzip(br#"{"LastName":"Zip"}"#).unwrap();
    let request =
        Request::post(format!("{}/services/data/v62.0/sobjects/Lead__c", fixture.crm.origin()))
            .header("authorization", "Bearer x")
            .header("content-type", "application/json")
            .header("content-encoding", "gzip");
    let request = request.body(Bytes::from(gzip(br#"{"Name":"Zip"}"#).unwrap())).unwrap();
    assert_eq!(fixture.client.send(request).await.unwrap().status, 201);
    assert_eq!(fixture.crm.stored()[0].fields["Name"], "Zip");
    assert!(gunzip(&coded, 17).is_err(), "18 bytes are too many");
    assert_eq!(gunzip(&coded, 18).unwrap().len(), 18);

    let headers = [
        ("authorization", "Bearer x"),
        ("accept-encoding", "deflate, gzip;q=0.5"),
        ("x-prettyprint", "1"),
    ];
    let reply = fixture.send("GET", LIMITS, &headers, Value::Null).await.unwrap();
    assert_eq!(reply.headers["content-encoding"], "gzip");
    assert!(gunzip(&reply.body, 1 << 20).unwrap().starts_with(b"{\n"));

    fixture.crm.set_fault(Fault::UnaskedGzip);
    let reply = fixture.send("GET", LIMITS, &AUTHORISED, Value::Null).await.unwrap();
    assert_eq!(reply.headers["content-encoding"], "gzip");
}

#[tokio::test]
async fn faults_come_and_go() {
    let fixture = Fixture::new().await;
    let get = || fixture.send("GET", LIMITS, &AUTHORISED, Value::Null);
    let fails = async |fault| {
        fixture.crm.set_fault(fault);
        get().await.err()
    };
    assert!(matches!(fails(Fault::ResetMidBody).await, Some(ClientError::BrokenOff)));
    assert!(matches!(fails(Fault::Down).await, Some(ClientError::NoAnswer(_))));

    let answers = async |fault, target: &str| {
        fixture.crm.set_fault(fault);
        fixture.send("GET", target, &AUTHORISED, Value::Null).await.unwrap()
    };
    let reply = answers(Fault::Status(StatusCode::SERVICE_UNAVAILABLE), LIMITS).await;
    assert_eq!(
        (reply.status.as_u16(), &json_of(&reply)[0]["errorCode"]),
        (503, &json!("SERVER_UNAVAILABLE"))
    );
    let reply =
        answers(Fault::Status(StatusCode::TOO_MANY_REQUESTS), "/crm/v3/objects/contacts").await;
    assert_eq!((reply.status.as_u16(), &json_of(&reply)["category"]), (429, &json!("RATE_LIMITS")));
    let reply = answers(Fault::Garbage, LIMITS).await;
    assert!(serde_json::from_slice::<Value>(&reply.body).is_err());
    let reply = answers(Fault::Slow(std::time::Duration::from_millis(1)), LIMITS).await;
    assert_eq!(reply.status, 200);

    fixture.crm.set_fault(Fault::Stall);
    let stalled = tokio::time::timeout(std::time::Duration::from_millis(50), get()).await;
    assert!(stalled.is_err(), "the answer must not end");

    fixture.crm.set_fault(Fault::None);
    assert_eq!(get().await.unwrap().status, 200);
    let Fixture { crm, client } = fixture;
    let request = Request::get(format!("{}{LIMITS}", crm.origin())).body(Bytes::new()).unwrap();
    drop(crm);
    tokio::task::yield_now().await;
    assert!(client.send(request).await.is_err(), "dropping it closes its connections");
}
