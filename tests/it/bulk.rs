// SPDX-License-Identifier: Apache-2.0
//! Jobs of Salesforce's Bulk API 2.0 through the house.

use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use zollhaus::demo::crm::Fault;

use crate::world::{Answer, Options, World};

const JOBS: &str = "/sf/services/data/v62.0/jobs";

pub(crate) async fn order(world: &World, kind: &str, order: Value) -> String {
    let answer = world.post("support", &format!("{JOBS}/{kind}"), order.to_string()).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let id = answer.json()["id"].as_str().expect("an id").to_owned();
    format!("{JOBS}/{kind}/{id}")
}

pub(crate) async fn upload(world: &World, job: &str, rows: &str) -> Answer {
    let request = Request::builder()
        .method(Method::PUT)
        .uri(format!("http://{}{job}/batches", world.address()))
        .header("zollhaus-key", world.key("support"))
        .header("authorization", "Bearer 00Dxx!session")
        .header("content-type", "text/csv; charset=UTF-8");
    let request = request.body(Full::new(rows.to_owned().into())).expect("a sound request");
    world.send_request(request).await.expect("an answer")
}

pub(crate) fn text(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    String::from_utf8_lossy(&answer.body).into_owned()
}

pub(crate) fn of_kind(world: &World, kind: &str) -> Vec<Value> {
    world.entries().into_iter().filter(|entry| entry["kind"] == kind).collect()
}

/// The operations of what was transferred, in order.
fn transfers(world: &World) -> Vec<String> {
    let entries = of_kind(world, "transfer").into_iter();
    entries.map(|entry| entry["operation"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_sealed_on_their_way_out_and_opened_by_role() {
    let world = World::start(Options::default()).await;
    let upsert = json!({ "object": "Contact", "operation": "insert", "contentType": "CSV",
        "columnDelimiter": "SEMICOLON", "lineEnding": "CRLF" });
    let job = order(&world, "ingest", upsert).await;
    let rows = "LastName;Email;MailingStreet;LeadSource\r\n\
        \"O'Muster; \"\"Zoë\"\"\";zoe@example.org;\"Weg 1\r\nHof\";Web\r\n\
        Knödel;knoedel@example.org;#N/A;\r\n";
    let sent = upload(&world, &job, rows).await;
    assert_eq!(sent.status, StatusCode::CREATED, "{sent:?}");
    let operations = transfers(&world);
    assert_eq!(operations, ["bulk.ingest.create", "bulk.job.read", "bulk.ingest.upload"]);
    let recorded = world.crm.requests().pop().expect("the upload");
    let recorded = String::from_utf8_lossy(&recorded.body).into_owned();
    assert!(recorded.starts_with("LastName;Email;MailingStreet;LeadSource\r\n\"zht"), "{recorded}");
    assert!(recorded.contains("\";Web\r\n") && recorded.contains(";#N/A;\r\n"), "{recorded}");
    for value in ["Muster", "Zoë", "zoe@", "Weg", "Hof", "Knödel", "knoedel"] {
        assert!(!recorded.contains(value), "{recorded}");
    }

    let close = json!({ "state": "UploadComplete" }).to_string();
    let closed = world.send("support", Method::PATCH, &job, close).await;
    assert_eq!(closed.json()["numberRecordsFailed"], 0, "{closed:?}");
    let results = format!("{job}/successfulResults/");
    let full = text(&world.get("support", &results).await);
    assert!(
        full.contains("\"O'Muster; \"\"Zoë\"\"\";\"zoe@example.org\";\"Weg 1\r\nHof\";\"Web\""),
        "{full}"
    );
    let masked = text(&world.get("marketing", &results).await);
    assert!(masked.contains("z•••@•••.org") && !masked.contains("Muster"), "{masked}");
    let sealed = text(&world.get("analyst", &results).await);
    assert!(!sealed.contains("example.org") && sealed.contains("@tokens.example.com"), "{sealed}");

    let query = json!({ "operation": "query", "columnDelimiter": "PIPE",
        "query": "SELECT Id, Name, Email FROM Contact WHERE Email = 'ZOE@example.org'" });
    let job = order(&world, "query", query).await;
    let found = world.get("support", &format!("{job}/results?maxRecords=5")).await;
    assert_eq!(
        (&found.headers["sforce-locator"], &found.headers["cache-control"]),
        (&"null".parse().expect("a value"), &"no-store".parse().expect("a value"))
    );
    let found = text(&found);
    assert!(found.contains("|\"O'Muster; \"\"Zoë\"\"\"|\"zoe@example.org\"\n"), "{found}");
    assert_eq!(found.lines().count(), 2, "{found}");
    let hidden = text(&world.get("analyst", &format!("{job}/results")).await);
    assert!(!hidden.contains("Muster") && !hidden.contains("zoe"), "{hidden}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_the_crm_is_not_believed_alone() {
    let mut world = World::start(Options::default()).await;
    let contacts = json!({ "object": "Contact", "operation": "insert" });
    let contacts = order(&world, "ingest", contacts).await;
    let accounts = json!({ "object": "Account", "operation": "insert" });
    let accounts = order(&world, "ingest", accounts).await;
    let rows = "Name,OtherPhone\nMuster KG,4711\n";
    assert_eq!(upload(&world, &accounts, rows).await.status, StatusCode::CREATED);
    world.kill();
    world.run();
    // All that this job takes is protected, or would be by no object.
    let sent = upload(&world, &contacts, "LastName,LeadSource\nMuster,Web\n").await;
    assert_eq!(sent.status, StatusCode::CREATED, "{sent:?}");
    // The other phone of a contact would be protected, if it were one.
    let refused = upload(&world, &accounts, rows).await;
    assert_eq!(refused.refusal(), Some("operator_unsupported"), "{refused:?}");
    let message = refused.json()[0]["message"].as_str().expect("a text").to_owned();
    assert!(
        message.contains("create the job anew") && message.contains("contact.otherphone"),
        "{message}"
    );
    let sent = upload(&world, &accounts, "Name\nMuster KG\n").await;
    assert_eq!(sent.status, StatusCode::CREATED, "{sent:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_about_rows_are_opened_like_the_rows() {
    let world = World::start(Options::default()).await;
    let long = "M".repeat(50);
    let insert = json!({ "object": "Contact", "operation": "update" });
    let job = order(&world, "ingest", insert).await;
    upload(&world, &job, &format!("Id,LastName,Department\n003WV0000000001YAA,Muster,{long}\n"))
        .await;
    let close = json!({ "state": "UploadComplete" }).to_string();
    world.send("support", Method::PATCH, &job, close).await;
    let failed = text(&world.get("support", &format!("{job}/failedResults/")).await);
    assert!(failed.contains("\"Muster\"") && failed.contains(&long), "{failed}");
    let failed = text(&world.get("analyst", &format!("{job}/failedResults/")).await);
    assert!(!failed.contains("Muster"), "{failed}");
}

/// The values are located only when the question is answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_of_a_job_takes_no_words_of_the_upload_along() {
    let world = World::start(Options::default()).await;
    let job = order(&world, "ingest", json!({ "object": "Contact", "operation": "insert" })).await;
    let request = Request::builder()
        .method(Method::PUT)
        .uri(format!("http://{}{job}/batches", world.address()))
        .header("zollhaus-key", world.key("support"))
        .header("authorization", "Bearer 00Dxx!session")
        .header("user-agent", "sync/1 (Kanari-Muster)")
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .header("tracestate", "row=Kanari-Muster")
        .header("content-type", "text/csv");
    let request = request.body(Full::new("LastName\nKanari-Muster\n".into())).expect("a request");
    let sent = world.send_request(request).await.expect("an answer");
    assert_eq!(sent.status, StatusCode::CREATED, "{sent:?}");
    let requests = world.crm.requests();
    assert_eq!(requests.len(), 3);
    for request in requests {
        let fields = format!("{:?}", request.headers);
        assert!(!fields.contains("Kanari"), "{} {fields}", request.method);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_the_crm_does_not_know_is_answered_by_it() {
    let world = World::start(Options::default()).await;
    let job = format!("{JOBS}/ingest/750WV0000000009YAA");
    let answer = upload(&world, &job, "LastName\nMuster\n").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{answer:?}");
    assert_eq!(answer.json()[0]["errorCode"], "NOT_FOUND");
    assert_eq!(answer.refusal(), None, "it is the CRM's own answer");
    assert_eq!(transfers(&world), ["bulk.job.read"]);
    let requests = world.crm.requests();
    assert_eq!(requests.len(), 1, "no data followed the question");
    assert_eq!((&requests[0].method, requests[0].body.len()), (&Method::GET, 0));
    assert!(requests[0].headers.contains_key("authorization"));

    let made = order(&world, "ingest", json!({ "object": "Contact", "operation": "insert" })).await;
    let refused = upload(&world, &made, "LastName,LASTNAME\nMuster,Muster\n").await;
    assert_eq!((refused.status, refused.refusal()), (StatusCode::BAD_REQUEST, Some("unparseable")));
    assert!(!String::from_utf8_lossy(&refused.body).contains("Muster"));
    world.crm.set_fault(Fault::Down);
    let down = upload(&world, &made, "LastName\nMuster\n").await;
    assert_eq!(down.status, StatusCode::BAD_GATEWAY, "{down:?}");
    assert!(!String::from_utf8_lossy(&world.log()).contains("Muster"));
}

/// Rows of Swiss people may not go where the CRM is.
const SWISS_STAY: &str = "version: 1
law: house
applies_to: anyone
otherwise: refuse
bases:
  clauses: { kind: scc, reference: SCC-2026-014, until: 2099-12-31 }
jurisdiction:
  - { name: country, code_in: [Contact.MailingCountryCode] }
  - { name: rest, otherwise: DE }
transfers:
  - { name: no-transfer-of-swiss, from: CH, to: US, action: refuse }
  - { name: clauses, from: DE, to: US, action: allow, basis: clauses }
";

pub(crate) fn house_of_swiss() -> Options {
    Options {
        house_rules: SWISS_STAY,
        salesforce_policy: Some(|policy| {
            policy.replacen("version: 1", "version: 1\nborder: [house.yaml]", 1)
        }),
        ..Options::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_may_not_travel_fails_alone() {
    let mut world = World::start(house_of_swiss()).await;
    let job = order(&world, "ingest", json!({ "object": "Contact", "operation": "insert" })).await;
    let rows = "LastName,Email,MailingCountryCode\n\
        Tellsohn,tell@example.org,CH\nMuster,muster@example.org,DE\n";
    let sent = upload(&world, &job, rows).await;
    assert_eq!(sent.status, StatusCode::CREATED, "{sent:?}");
    let left = world.crm.requests().pop().expect("the upload");
    let left = String::from_utf8_lossy(&left.body).into_owned();
    assert_eq!(left.lines().count(), 2, "{left}");
    let refusals = of_kind(&world, "refused");
    assert_eq!((refusals.len(), &refusals[0]["records"]), (1, &json!(1)), "{refusals:?}");
    assert_eq!(refusals[0]["rules"], json!(["house/no-transfer-of-swiss"]));

    // Whatever happens in between.
    world.kill();
    world.run();
    let close = json!({ "state": "UploadComplete" }).to_string();
    world.send("support", Method::PATCH, &job, close).await;
    let told = world.get("support", &job).await.json();
    assert_eq!(
        (&told["numberRecordsProcessed"], &told["numberRecordsFailed"]),
        (&json!(2), &json!(1))
    );
    let results = format!("{job}/failedResults");
    let failed = text(&world.get("support", &results).await);
    let expected = "Tellsohn,tell@example.org,CH\n";
    assert!(failed.contains("INSUFFICIENT_ACCESS:Zollhaus: "), "{failed}");
    assert!(failed.ends_with(expected), "{failed}");
    assert_eq!(failed.lines().count(), 2, "{failed}");
    let sealed = text(&world.get("analyst", &results).await);
    assert!(!sealed.contains("Tellsohn") && !sealed.contains("tell@"), "{sealed}");
    let stored = text(&world.get("support", &format!("{job}/successfulResults")).await);
    assert!(stored.contains("Muster") && !stored.contains("Tellsohn"), "{stored}");
    for request in world.crm.requests() {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        assert!(!body.contains("Tellsohn") && !body.contains("tell@"), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_rows_of_the_upload_that_the_crm_has_taken_are_told_of() {
    let world = World::start(house_of_swiss()).await;
    let job = order(&world, "ingest", json!({ "object": "Contact", "operation": "insert" })).await;
    let rows = "LastName,MailingCountryCode\nTellsohn,CH\nMuster,DE\n";
    let all = upload(&world, &job, "LastName,MailingCountryCode\nTellsohn,CH\n").await;
    assert_eq!(all.refusal(), Some("transfer_refused"), "{all:?}");
    assert_eq!(upload(&world, &job, rows).await.status, StatusCode::CREATED);
    assert_eq!(world.get("support", &job).await.json()["numberRecordsFailed"], 1);
    let german = "LastName,MailingCountryCode\nMuster,DE\n";
    assert_eq!(upload(&world, &job, german).await.status, StatusCode::CREATED);
    assert_eq!(world.get("support", &job).await.json()["numberRecordsFailed"], 0);
    assert_eq!(upload(&world, &job, rows).await.status, StatusCode::CREATED);

    // A gateway that gives up does not know what has become of the rows behind it.
    world.crm.set_fault(Fault::GivenUp(StatusCode::GATEWAY_TIMEOUT));
    assert_eq!(upload(&world, &job, rows).await.status, StatusCode::GATEWAY_TIMEOUT);
    world.crm.set_fault(Fault::None);
    assert_eq!(world.get("support", &job).await.json()["numberRecordsFailed"], 2);
    assert_eq!(upload(&world, &job, rows).await.status, StatusCode::CREATED);

    let close = json!({ "state": "UploadComplete" }).to_string();
    world.send("support", Method::PATCH, &job, close).await;
    let late = upload(&world, &job, &format!("{rows}Tellsohn,CH\n")).await;
    assert_eq!(late.json()[0]["errorCode"], "INVALIDJOBSTATE", "{late:?}");
    assert_eq!(world.get("support", &job).await.json()["numberRecordsFailed"], 1);
}
