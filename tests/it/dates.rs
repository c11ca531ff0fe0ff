// SPDX-License-Identifier: Apache-2.0
//! Dates whose surrogates are dates, through the house.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{Options, World};

const CONTACTS: &str = "/sf/services/data/v62.0/sobjects/Contact";

fn tokenized(policy: &str) -> String {
    let policy = policy.replacen("birthdate: {}", "birthdate: { reveal: { support: full } }", 1);
    policy.replacen(
        "{ category: birthdate, protect: drop }",
        "{ category: birthdate, protect: tokenize }
      Hired__c: { category: birthdate, protect: tokenize, shape: date }
      Seen__c: { category: birthdate, protect: tokenize, shape: date_time }",
        1,
    )
}

async fn world() -> World {
    let salesforce_policy: Option<fn(String) -> String> = Some(|policy| tokenized(&policy));
    World::start(Options { salesforce_policy, ..Options::default() }).await
}

fn sent(world: &World) -> Value {
    let request = world.crm.requests().pop().expect("a request");
    serde_json::from_slice(&request.body).expect("JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dates_leave_as_other_dates_and_come_back() {
    let world = world().await;
    let anna = json!({
        "LastName": "Muster", "Birthdate": "1985-02-23", "Hired__c": "2020-01-01",
        "Seen__c": "2026-11-30T10:15:00.000+0100",
    });
    let created = world.post("support", CONTACTS, anna.to_string()).await;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    let stored = sent(&world);
    for (field, length) in [("Birthdate", 10), ("Hired__c", 10), ("Seen__c", 28)] {
        let text = stored[field].as_str().expect("a text");
        assert_eq!(text.len(), length, "{text}");
        assert!(("2500".."3000").contains(&&text[..4]), "{text}");
    }
    let id = created.json()["id"].as_str().expect("an id").to_owned();
    let path = format!("{CONTACTS}/{id}");
    let read = world.get("support", &path).await.json();
    for field in ["Birthdate", "Hired__c", "Seen__c"] {
        assert_eq!(read[field], anna[field]);
        assert_eq!(world.get("analyst", &path).await.json()[field], stored[field]);
    }
    // Without seconds, it has some from then on.
    let seen = json!({ "Seen__c": "2026-11-30T10:15+01:00" }).to_string();
    let updated = world.send("support", Method::PATCH, &path, seen).await;
    assert_eq!(updated.status, StatusCode::NO_CONTENT, "{updated:?}");
    let read = world.get("support", &path).await.json();
    assert_eq!(read["Seen__c"], "2026-11-30T10:15:00+01:00");
    // Who sees surrogates writes them back, and nothing changes.
    let back = json!({ "LastName": "Muster", "Birthdate": stored["Birthdate"] }).to_string();
    let updated = world.send("analyst", Method::PATCH, &path, back).await;
    assert_eq!(updated.status, StatusCode::NO_CONTENT, "{updated:?}");
    assert_eq!(sent(&world)["Birthdate"], stored["Birthdate"]);

    for (field, value) in
        [("Birthdate", "2612-03-04"), ("Birthdate", "23.02.1985"), ("Seen__c", "2026-11-29")]
    {
        let other = json!({ "LastName": "Muster", field: value });
        let answer = world.post("support", CONTACTS, other.to_string()).await;
        assert_eq!(answer.refusal(), Some("unprotectable_value"), "{answer:?}");
        assert!(!String::from_utf8_lossy(&answer.body).contains(value), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_compares_a_date_with_a_date() {
    let world = world().await;
    let anna = json!({ "LastName": "Muster", "Hired__c": "2020-01-01" });
    let created = world.post("support", CONTACTS, anna.to_string()).await;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    let stored = sent(&world)["Hired__c"].as_str().expect("a text").to_owned();
    let query = |condition: &str| {
        format!("/sf/services/data/v62.0/query?q=SELECT+Id+FROM+Contact+WHERE+{condition}")
    };
    for (day, expected) in [("2020-01-01", &*stored), ("2020-01-02", "2500-01-01")] {
        for form in [format!("Hired__c={day}"), format!("Hired__c+IN+({day})")] {
            let answer = world.get("support", &query(&form)).await;
            let request = world.crm.requests().pop().expect("a request");
            let target = String::from_utf8_lossy(&request.target).into_owned();
            assert!(target.contains(expected), "{target} {answer:?}");
            assert!(!target.contains("%27") && !target.contains('\''), "{target}");
        }
    }
    for condition in [
        "Birthdate=1985-02-23",
        "Birthdate+IN+(1985-02-23)",
        "Hired__c%3E2020-01-01",
        "Hired__c=LAST_YEAR",
        "CALENDAR_YEAR(Hired__c)=2020",
        "LastName='Muster'+ORDER+BY+Hired__c",
    ] {
        let refused = world.get("support", &query(condition)).await;
        assert_eq!(refused.refusal(), Some("operator_unsupported"), "{condition}: {refused:?}");
    }
}
