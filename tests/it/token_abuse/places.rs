// SPDX-License-Identifier: Apache-2.0
//! Surrogates at places that they were not made for.

use http::StatusCode;
use serde_json::json;

use super::{SF, alarms, create, read, stored};
use crate::world::{Options, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_another_field_stays_closed() {
    let world = World::start(Options::default()).await;
    create(&world, json!({ "LastName": "Muster", "Email": "anna@corp.example" })).await;
    let token = stored(&world, "Email");
    assert_eq!(alarms(&world, "moved").await, 0);
    let id = create(&world, json!({ "LastName": token })).await;
    assert_eq!(read(&world, "support", &id).await["LastName"], token.as_str());
    assert_eq!(alarms(&world, "moved").await, 1);
    assert_eq!(alarms(&world, "unknown").await, 0);
    let log = String::from_utf8_lossy(&world.log()).into_owned();
    let line = log.lines().find(|line| line.contains("\"alarm\":\"moved\"")).expect("a line");
    let transfer = world.entries().into_iter().rev().find(|entry| entry["kind"] == "transfer");
    let caller = &transfer.expect("a transfer")["caller"];
    assert!(line.contains("\"id\":\"") && caller == "support", "{line}");
    assert!(!line.contains("anna"), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_tenant_sealed_stays_closed() {
    let (one, other) =
        (World::start(Options::default()).await, World::start(Options::default()).await);
    let secret = "met her at the fair";
    create(&one, json!({ "LastName": "Muster", "Description": secret })).await;
    let (name, sealed) = (stored(&one, "LastName"), stored(&one, "Description"));
    let id = create(&other, json!({ "LastName": name, "Description": sealed })).await;
    let shown = read(&other, "support", &id).await;
    assert_eq!((&shown["LastName"], &shown["Description"]), (&json!(name), &json!(sealed)));
    assert_eq!(alarms(&other, "unknown").await, 2);
}

fn with_notes(policy: &str) -> String {
    let notes = "\n      Notes__c: { category: free_text, protect: scan }\n      LastName:";
    policy.replacen("\n      LastName:", notes, 1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_in_another_text_opens_by_its_own_category_only() {
    let options =
        Options { salesforce_policy: Some(|policy| with_notes(&policy)), ..Options::default() };
    let world = World::start(options).await;
    create(&world, json!({ "LastName": "Muster", "Email": "anna@corp.example" })).await;
    let token = stored(&world, "Email");
    let text = format!("call {token}");
    let planted = json!({ "LastName": "Planter", "Title": token, "Department": text,
        "Notes__c": text, "Description": text });
    let id = create(&world, planted).await;
    for caller in ["support", "marketing", "analyst"] {
        let shown = read(&world, caller, &id).await;
        assert_eq!(shown["Title"], token.as_str(), "{caller}");
        assert_eq!(shown["Department"], text.as_str(), "{caller}");
        // Whoever sees e-mail addresses in full sees one in a note, and nobody else.
        let note = shown["Notes__c"].as_str().expect("a text");
        assert_eq!(note.contains("anna@corp.example"), caller == "support", "{note}");
        assert_eq!(note == text, caller == "analyst", "{note}");
        // Sealed as a whole: what stands in it is not looked at.
        let description = shown["Description"].as_str().expect("a text");
        assert_eq!(description == text, caller == "support", "{description}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_for_a_token_does_not_open_it() {
    let world = World::start(Options::default()).await;
    create(&world, json!({ "LastName": "Muster", "Email": "anna@corp.example" })).await;
    let token = stored(&world, "Email");
    let query = format!("SELECT+Id,Email+FROM+Contact+WHERE+Email='{token}'");
    let answer = world.get("analyst", &format!("{SF}/query?q={query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.json()["records"][0]["Email"], token.as_str());
    assert!(!String::from_utf8_lossy(&answer.body).contains("anna"), "{answer:?}");
}
