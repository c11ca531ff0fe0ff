// SPDX-License-Identifier: Apache-2.0
//! Values that a request protects in one place and repeats in another.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{Answer, Options, World};

const CONTACTS: &str = "/sf/services/data/v62.0/sobjects/Contact";

async fn world(salesforce_policy: fn(String) -> String) -> World {
    World::start(Options { salesforce_policy: Some(salesforce_policy), ..Options::default() }).await
}

fn with(policy: &str, residual: &str) -> String {
    let policy = policy.replacen("version: 1", &format!("version: 1\nresidual: {residual}"), 1);
    policy.replacen(
        "Description:       { category: free_text, protect: encrypt }",
        "Description:       { category: free_text, protect: scan, find: [email] }",
        1,
    )
}

async fn create(world: &World, contact: Value) -> Answer {
    world.post("support", CONTACTS, contact.to_string()).await
}

fn sent(world: &World) -> String {
    let request = world.crm.requests().pop().expect("a request");
    String::from_utf8_lossy(&request.body).into_owned()
}

/// What else may hold what is protected, or looks personal.
fn contacts() -> [(&'static str, Value); 6] {
    [
        ("MUSTERMANN", json!({ "LastName": "Mustermann", "Title": "Assistenz von MUSTERMANN" })),
        ("23125877", json!({ "LastName": "M", "Title": "+49 30 23125877" })),
        (
            "ustermann",
            json!({ "LastName": "Mustermann", "Description": "a@b.example, Mustermann" }),
        ),
        ("513447995", json!({ "LastName": "M", "Title": "5134 4799 5570 8460" })),
        (
            "rgen",
            json!({ "FirstName": "Jürgen", "LastName": "M", "Title": "an Ju\u{308}rgen, JÜRGEN" }),
        ),
        (
            "Özdemir",
            json!({ "FirstName": "Jo", "LastName": "Özdemir", "Department": "Büro Özdemir" }),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_value_gets_a_token_where_it_stands() {
    let world = world(|policy| with(&policy, "protect")).await;
    for (hidden, contact) in contacts() {
        let created = create(&world, contact.clone()).await;
        assert_eq!(created.status, StatusCode::CREATED, "{contact}: {created:?}");
        let body = sent(&world);
        assert!(!body.contains(hidden) && body.contains("zht"), "{contact}: {body}");
    }
    assert!(sent(&world).contains(r#""Department":"Büro zht"#), "{}", sent(&world));
    let number = r#"{"LastName":"M","Reference__c":5134479955708460}"#;
    world.post("support", CONTACTS, number).await;
    assert!(sent(&world).contains(r#""Reference__c":"zht"#), "{}", sent(&world));
    // Of what is compared, no form finds all records.
    let query = "/sf/services/data/v62.0/query?q=SELECT+Id+FROM+Contact+WHERE+Title='a@b.example'";
    let refused = world.get("support", query).await;
    assert_eq!(refused.refusal(), Some("forbidden"), "{refused:?}");
    // A part of a word is another word.
    let other = json!({ "LastName": "Muster", "Title": "Mustermann" });
    create(&world, other).await;
    assert!(sent(&world).contains("Mustermann"), "{}", sent(&world));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_value_is_refused_by_the_name_of_its_field() {
    let world = world(|policy| with(&policy, "refuse")).await;
    for (hidden, contact) in contacts() {
        let refused = create(&world, contact.clone()).await;
        assert_eq!(refused.refusal(), Some("forbidden"), "{contact}: {refused:?}");
        let said = String::from_utf8_lossy(&refused.body).into_owned();
        assert!(said.contains("contact.") && !said.contains(hidden), "{said}");
    }
    assert!(world.crm.requests().iter().all(|request| request.method != Method::POST));
    // Where words of the API are names, nobody can say which is meant.
    let refused = create(&world, json!({ "LastName": "Data" })).await;
    let said = String::from_utf8_lossy(&refused.body).into_owned();
    assert!(said.contains("the path or query"), "{said}");
    let escaped = r#"{"LastName":"Mustermann","Title":"M\u0075stermann"}"#;
    let refused = world.post("support", CONTACTS, escaped).await;
    assert_eq!(refused.refusal(), Some("forbidden"), "{refused:?}");
    let fine = create(&world, json!({ "LastName": "Mustermann", "Title": "Chefin" })).await;
    assert_eq!(fine.status, StatusCode::CREATED, "{fine:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_value_is_counted_and_leaves() {
    let world = world(|policy| with(&policy, "report")).await;
    let (value, contact) = contacts()[0].clone();
    let created = create(&world, contact).await;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    assert!(sent(&world).contains(value), "{}", sent(&world));
    let entries = world.entries();
    let transfer = entries.iter().find(|entry| entry["kind"] == "transfer").expect("a transfer");
    let said = transfer.to_string();
    assert!(said.contains(r#""reason":"residual""#), "{said}");
    assert!(!said.to_uppercase().contains(value), "{said}");
    let metrics = String::from_utf8_lossy(&world.admin("/metrics").await.body).into_owned();
    assert!(metrics.contains(r#"reason="residual""#), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_row_repeats_does_not_leave_either() {
    let world = world(|policy| with(&policy, "protect")).await;
    let insert = json!({ "object": "Contact", "operation": "insert", "contentType": "CSV" });
    let job = crate::bulk::order(&world, "ingest", insert).await;
    let rows = "LastName,Title\nMustermann,bei Mustermann\nMuster,Chefin\n";
    let uploaded = crate::bulk::upload(&world, &job, rows).await;
    assert_eq!(uploaded.status, StatusCode::CREATED, "{uploaded:?}");
    let body = sent(&world);
    assert!(!body.contains("Mustermann") && body.contains("bei zht"), "{body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_looks_unless_the_policy_says_so() {
    let world = World::start(Options::default()).await;
    let (value, contact) = contacts()[0].clone();
    create(&world, contact).await;
    assert!(sent(&world).contains(value), "{}", sent(&world));
}

const ROUTES: &str = "  notes:
    dialect: generic
    url: {crm}
    region: US
    match: { path_prefix: /other }
    policy: policies/further.yaml
    routes:
      POST /v1/notes:
        object: person
        parameters: { page: pass }
        request: { person: { name: $.name } }
";

const POLICY: &str = "version: 1
residual: protect
categories:
  name: {}
objects:
  person:
    fields:
      name: { category: name, protect: tokenize }
    unlisted: pass
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_value_of_a_field_is_looked_at_as_it_leaves() {
    let upstreams = ROUTES.to_owned();
    let options = Options { upstreams, further_policy: POLICY, ..Options::default() };
    let world = World::start(options).await;
    let path = "/other/v1/notes";
    let repeated = json!({ "name": "Mustermann", "bei Mustermann": 1 }).to_string();
    let refused = world.post("support", path, repeated).await;
    assert_eq!(refused.refusal(), Some("forbidden"), "{refused:?}");
    let in_query = json!({ "name": "Jürgen Muster" }).to_string();
    let query = format!("{path}?page=bei+J%C3%BCrgen+Muster");
    let said = world.post("support", &query, in_query).await;
    let said = String::from_utf8_lossy(&said.body).into_owned();
    assert!(said.contains("the path or query") && !said.contains("Muster"), "{said}");
    let said = String::from_utf8_lossy(&refused.body).into_owned();
    assert!(said.contains("the body") && !said.contains("Muster"), "{said}");
    assert!(world.crm.requests().is_empty());
    let other = json!({ "name": "Mustermann", "text": ["bei Muster"] }).to_string();
    let passed = world.post("support", path, other).await;
    assert_eq!(passed.refusal(), None, "{passed:?}");
    assert!(sent(&world).contains("bei Muster"), "{}", sent(&world));
}
