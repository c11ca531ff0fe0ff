// SPDX-License-Identifier: Apache-2.0
//! Jobs of the Bulk API 2.0, and several requests in one.

use super::*;

const JOBS: &str = "/services/data/v62.0/jobs";

async fn text(fixture: &Fixture, method: &str, target: &str, body: &'static str) -> (u16, Reply) {
    let request = Request::builder()
        .method(method)
        .uri(format!("{}{target}", fixture.crm.origin()))
        .header("authorization", "Bearer x")
        .header("content-type", "text/csv");
    let reply = fixture.client.send(request.body(Bytes::from(body)).unwrap()).await.unwrap();
    (reply.status.as_u16(), reply)
}

#[tokio::test]
async fn a_job_takes_rows_and_tells_what_became_of_them() {
    let fixture = Fixture::new().await;
    let order = json!({ "object": "Contact", "operation": "insert", "columnDelimiter": "PIPE" });
    let (_, job) = fixture.call("POST", &format!("{JOBS}/ingest"), order).await;
    assert_eq!((&job["state"], &job["lineEnding"]), (&json!("Open"), &json!("LF")));
    let job = format!("{JOBS}/ingest/{}", job["id"].as_str().unwrap());
    let rows = "LastName|Email\n\"A|\"\"B\"\"\"|a@b.de\nC|no address\n";
    assert_eq!(text(&fixture, "PUT", &format!("{job}/batches"), rows).await.0, 201);
    let close = json!({ "state": "UploadComplete" });
    let (_, info) = fixture.call("PATCH", &job, close).await;
    assert_eq!(info["numberRecordsFailed"], 1);
    let stored = fixture.crm.stored().remove(0);
    assert_eq!(stored.fields["LastName"], "A|\"B\"");
    let (_, done) = text(&fixture, "GET", &format!("{job}/successfulResults"), "").await;
    let expected = format!(
        "\"sf__Id\"|\"sf__Created\"|\"LastName\"|\"Email\"\n\"{}\"|\"true\"|\"A|\"\"B\"\"\"|\"a@b.de\"\n",
        stored.id
    );
    assert_eq!(
        (done.body.as_ref(), &done.headers["content-type"]),
        (expected.as_bytes(), &"text/csv".parse().unwrap())
    );
    let (_, failed) = text(&fixture, "GET", &format!("{job}/failedResults"), "").await;
    let failed = String::from_utf8(failed.body.to_vec()).unwrap();
    assert!(failed.contains("invalid email address: no address:Email --"), "{failed}");
    assert_eq!(
        fixture.call("GET", &format!("{JOBS}/ingest/750000000000001AAA"), Value::Null).await.0,
        404
    );
}

#[tokio::test]
async fn a_query_job_pages_by_locators() {
    let fixture = Fixture::new().await;
    for name in ["A", "B", "C"] {
        fixture.sobject("Contact", json!({ "LastName": name })).await;
    }
    let order = json!({ "operation": "query", "query": "SELECT LastName FROM Contact" });
    let (_, job) = fixture.call("POST", &format!("{JOBS}/query"), order).await;
    assert_eq!((&job["object"], &job["state"]), (&json!("Contact"), &json!("JobComplete")));
    let results = format!("{JOBS}/query/{}/results?maxRecords=2", job["id"].as_str().unwrap());
    let (_, page) = text(&fixture, "GET", &results, "").await;
    assert_eq!(page.body, "\"LastName\"\n\"A\"\n\"B\"\n");
    let locator = page.headers["sforce-locator"].to_str().unwrap();
    let (_, page) = text(&fixture, "GET", &format!("{results}&locator={locator}"), "").await;
    assert_eq!(
        (page.body.as_ref(), &page.headers["sforce-locator"]),
        (&b"\"LastName\"\n\"C\"\n"[..], &"null".parse().unwrap())
    );
}

#[tokio::test]
async fn parts_of_a_composite_refer_to_one_another() {
    let fixture = Fixture::new().await;
    let part = |reference: &str, body: Value| {
        json!({ "method": "POST", "url": "/services/data/v62.0/sobjects/Contact",
            "referenceId": reference, "body": body })
    };
    let parts = [
        part("a", json!({ "LastName": "A" })),
        part("b", json!({ "LastName": "B", "AccountId": "@{a.id}" })),
        part("c", json!({})),
        part("d", json!({ "LastName": "D", "AccountId": "@{c.id}" })),
    ];
    let target = "/services/data/v62.0/composite";
    let send = |all_or_none| json!({ "allOrNone": all_or_none, "compositeRequest": parts.clone() });
    let (_, answer) = fixture.call("POST", target, send(false)).await;
    let list = answer["compositeResponse"].as_array().unwrap();
    let told: Vec<_> = list.iter().map(|it| it["httpStatusCode"].clone()).collect();
    assert_eq!(told, [201, 201, 400, 400]);
    assert_eq!(list[3]["body"][0]["errorCode"], "PROCESSING_HALTED");
    let stored = fixture.crm.stored();
    assert_eq!(stored[1].fields["AccountId"], stored[0].id.as_str());
    fixture.call("POST", target, send(true)).await;
    assert_eq!(fixture.crm.stored().len(), 2, "nothing of it stays");
}
