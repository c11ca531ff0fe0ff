// SPDX-License-Identifier: Apache-2.0
//! Salesforce's composite requests and text searches through the house.

use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{Options, World};

const DATA: &str = "/services/data/v62.0";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_are_sealed_and_opened_one_by_one() {
    let world = World::start(Options::default()).await;
    let query = "SELECT+Id,LastName,Email+FROM+Contact+WHERE+Email='ZOE%40example.org'";
    let body = json!({ "allOrNone": false, "compositeRequest": [
        { "method": "POST", "url": format!("{DATA}/sobjects/Contact"), "referenceId": "a",
          "body": { "LastName": "O'Muster", "Email": "zoe@example.org" } },
        { "method": "PATCH", "url": format!("{DATA}/sobjects/Contact/@{{a.id}}"), "referenceId": "b",
          "body": { "FirstName": "Zoë" } },
        { "method": "GET", "url": format!("{DATA}/query?q={query}"), "referenceId": "c" },
        { "method": "GET", "url": format!("{DATA}/sobjects/Contact/Email/zoe%40example.org"), "referenceId": "d" },
        { "method": "POST", "url": format!("{DATA}/sobjects/Contact"), "referenceId": "e",
          "body": { "FirstName": "Nobody" } },
    ]});
    let target = format!("/sf{DATA}/composite");
    let answer = world.post("support", &target, body.to_string()).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let answer = answer.json();
    let part = |at: usize| &answer["compositeResponse"][at];
    let statuses: Vec<_> = (0..5).map(|at| part(at)["httpStatusCode"].clone()).collect();
    assert_eq!(statuses, [201, 204, 200, 200, 400], "{answer}");
    assert_eq!(part(2)["body"]["records"][0]["LastName"], "O'Muster");
    assert_eq!(part(3)["body"]["Name"], "Zoë O'Muster");

    let recorded = world.crm.requests().pop().expect("a request");
    let sent = String::from_utf8_lossy(&recorded.body).into_owned();
    for value in ["Muster", "zoe", "ZOE", "Zoë", "Nobody"] {
        assert!(!sent.contains(value), "{sent}");
    }
    assert!(sent.contains("@{a.id}"), "{sent}");
    let entries = world.entries();
    let fields = entries[0]["fields"].as_array().expect("a list");
    assert!(fields.iter().any(|field| field["field"] == "email"), "{entries:?}");

    let moved = json!({ "compositeRequest": [
        { "method": "GET", "url": format!("{DATA}/query?q={query}"), "referenceId": "a" },
        { "method": "POST", "url": format!("{DATA}/sobjects/Contact"), "referenceId": "b",
          "body": { "LastName": "@{a.records[0].Email}" } },
    ]});
    let refused = world.post("support", &target, moved.to_string()).await;
    assert_eq!(refused.refusal(), Some("operator_unsupported"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_search_is_refused_unless_it_is_one_address() {
    let world = World::start(Options::default()).await;
    let search = async |text: &str| -> (Option<String>, Value) {
        let encoded =
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
        let answer = world.get("support", &format!("/sf{DATA}/search?q={encoded}")).await;
        (answer.refusal().map(str::to_owned), answer.json())
    };
    for text in [
        "FIND {Muster} RETURNING Contact(Id)",
        "FIND {Muster} IN NAME FIELDS RETURNING Account, Lead",
        "FIND {zoe@example.org} IN EMAIL FIELDS RETURNING Contact, Lead",
        "FIND {zoe*} IN EMAIL FIELDS RETURNING Contact",
    ] {
        let (refusal, body) = search(text).await;
        assert_eq!(refusal.as_deref(), Some("operator_unsupported"), "{text}");
        assert!(!body.to_string().contains("Muster"), "{body}");
    }
    assert_eq!(search("FIND {Muster}").await.0.as_deref(), Some("unparseable"));
    assert_eq!(world.crm.request_count(), 0);
    // The sample CRM has no search, but what it is asked shows.
    search("FIND {zoe@example.org} IN EMAIL FIELDS RETURNING Contact(Id)").await;
    let asked = world.crm.requests().pop().expect("a request");
    let asked = String::from_utf8_lossy(&asked.target).into_owned();
    assert!(asked.contains("zht") && !asked.contains("zoe"), "{asked}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_that_may_not_travel_is_refused_in_its_place() {
    let world = crate::border::world().await;
    let contact = |reference: &str, name: &str, country: &str| {
        json!({ "method": "POST", "url": format!("{DATA}/sobjects/Contact"), "referenceId": reference,
            "body": { "LastName": name, "MailingCountryCode": country } })
    };
    let parts = json!([
        contact("a", "Bern", "CH"),
        contact("b", "Berlin", "DE"),
        { "method": "PATCH", "url": format!("{DATA}/sobjects/Contact/@{{a.id}}"), "referenceId": "c",
          "body": { "FirstName": "Urs" } },
    ]);
    let target = format!("/sf{DATA}/composite");
    let body = json!({ "compositeRequest": parts });
    let answer = world.post("support", &target, body.to_string()).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let answer = answer.json();
    let list = answer["compositeResponse"].as_array().expect("a list");
    let told: Vec<_> =
        list.iter().map(|it| (it["referenceId"].clone(), it["httpStatusCode"].clone())).collect();
    let expected = [("a", 403), ("b", 201), ("c", 403)];
    assert_eq!(told, expected.map(|(name, code)| (json!(name), json!(code))), "{answer}");
    assert_eq!(list[2]["body"][0]["errorCode"], "INSUFFICIENT_ACCESS");
    assert_eq!(world.crm.stored().len(), 1);
    let sent = world.crm.requests().pop().expect("a request");
    let sent: Value = serde_json::from_slice(&sent.body).expect("it is JSON");
    assert_eq!(sent["compositeRequest"].as_array().map(Vec::len), Some(1));

    let requests = world.crm.request_count();
    let body = json!({ "allOrNone": true, "compositeRequest": parts });
    let answer = world.post("support", &target, body.to_string()).await.json();
    let list = answer["compositeResponse"].as_array().expect("a list");
    assert!(list.iter().all(|part| part["httpStatusCode"] == 403), "{answer}");
    assert_eq!(world.crm.request_count(), requests, "nothing of it was forwarded");
}
