// SPDX-License-Identifier: Apache-2.0
//! Dates of birth of which the year is kept, through the house.

use http::StatusCode;
use serde_json::json;

use crate::world::{Options, World};

const CONTACTS: &str = "/sf/services/data/v62.0/sobjects/Contact";

const TOKENS_ONLY: &str = "version: 1
law: house
applies_to: anyone
otherwise: refuse
bases:
  clauses: { kind: scc, reference: SCC-2026-014, until: 2099-12-31 }
jurisdiction:
  - { name: country, code_in: [Contact.MailingCountryCode] }
  - { name: rest, otherwise: DE }
transfers:
  - { name: tokens, from: CH, to: US, action: allow, basis: clauses, require: protected, otherwise: tokenize }
  - { name: clauses, from: DE, to: US, action: allow, basis: clauses }
";

fn keep_year(policy: &str) -> String {
    policy.replacen(
        "{ category: birthdate, protect: drop }",
        "{ category: birthdate, protect: generalize, keep: year }",
        1,
    )
}

fn sent(world: &World) -> String {
    let request = world.crm.requests().pop().expect("a request");
    String::from_utf8_lossy(&request.body).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_year_of_a_birth_date_leaves_and_nothing_else_of_it() {
    let world = World::start(Options {
        salesforce_policy: Some(|policy| keep_year(&policy)),
        ..Options::default()
    })
    .await;
    let anna = json!({ "LastName": "Muster", "Birthdate": "1985-02-23" });
    let created = world.post("support", CONTACTS, anna.to_string()).await;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    assert!(sent(&world).contains(r#""Birthdate":"1985-01-01""#), "{}", sent(&world));
    let transfer = world.entries().into_iter().find(|entry| entry["kind"] == "transfer");
    let fields = transfer.expect("a transfer")["fields"].to_string();
    assert!(fields.contains(r#""protection":"generalize""#), "{fields}");

    let id = created.json()["id"].as_str().expect("an id").to_owned();
    let path = format!("{CONTACTS}/{id}");
    for caller in ["support", "analyst"] {
        let read = world.get(caller, &path).await.json();
        assert_eq!(read["Birthdate"], "1985-01-01");
    }
    // What a client has read, it writes back.
    let back = json!({ "LastName": "Muster", "Birthdate": "1985-01-01" }).to_string();
    let updated = world.send("support", http::Method::PATCH, &path, back).await;
    assert_eq!(updated.status, StatusCode::NO_CONTENT, "{updated:?}");

    let query = |condition: &str| {
        format!("/sf/services/data/v62.0/query?q=SELECT+Id+FROM+Contact+WHERE+Birthdate{condition}")
    };
    for condition in ["=1985-02-23", "%3E1985-01-01", "=1985-01-01"] {
        let refused = world.get("support", &query(condition)).await;
        assert_eq!(refused.refusal(), Some("operator_unsupported"), "{refused:?}");
    }
    let other = json!({ "LastName": "Muster", "Birthdate": "23.02.1985" }).to_string();
    let refused = world.post("support", CONTACTS, other).await;
    assert_eq!(refused.refusal(), Some("unprotectable_value"), "{refused:?}");
    assert!(!String::from_utf8_lossy(&refused.body).contains("23.02"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_it_leaves_where_a_law_asks_for_tokens() {
    let world = World::start(Options {
        house_rules: TOKENS_ONLY,
        salesforce_policy: Some(|policy| {
            keep_year(&policy).replacen("version: 1", "version: 1\nborder: [house.yaml]", 1)
        }),
        ..Options::default()
    })
    .await;
    for (country, is_kept) in [("CH", false), ("DE", true)] {
        let anna = json!({ "LastName": "Muster", "Birthdate": "1985-02-23",
            "MailingCountryCode": country });
        let created = world.post("support", CONTACTS, anna.to_string()).await;
        assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
        let body = sent(&world);
        assert!(!body.contains("02-23"), "{body}");
        assert_eq!(body.contains("1985-01-01"), is_kept, "{country}: {body}");
    }
}
