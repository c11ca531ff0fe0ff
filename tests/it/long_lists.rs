// SPDX-License-Identifier: Apache-2.0
//! Queries that become too long for the CRM when values in them become several.

use http::StatusCode;
use serde_json::{Value, json};

use crate::search::{options, store, with_words};
use crate::world::{Answer, World};

/// Asks for these names so many times.
async fn ask(world: &World, times: usize) -> Answer {
    let filter = vec!["LastName LIKE 'M%'"; times].join(" OR ");
    let query = format!("SELECT LastName FROM Contact WHERE {filter}").replace('%', "%25");
    let target = format!("/sf/services/data/v62.0/query?q={}", query.replace(' ', "+"));
    world.get("support", &target).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_the_crm_does_not_read_is_refused_with_its_length() {
    let world = World::start(options()).await;
    let names: Vec<String> = (0..40).map(|number| format!("M{number}")).collect();
    store(&world, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let answer = ask(&world, 12).await;
    let found = answer.json()["records"].as_array().map(Vec::len);
    assert_eq!((answer.status, found), (StatusCode::OK, Some(40)));

    let sent = world.crm.requests().len();
    let refused = ask(&world, 30).await;
    let code = refused.refusal().map(str::to_owned);
    assert_eq!(code.as_deref(), Some("target_too_long"), "{refused:?}");
    let said: Value = refused.json();
    let message = said[0]["message"].as_str().expect("a message");
    assert!(message.contains("1200 then, and the CRM reads 16384"), "{message}");
    assert_eq!(world.crm.requests().len(), sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_that_hubspot_does_not_read_is_refused_with_its_length() {
    let world = World::start(with_words()).await;
    let contacts = "/hs/crm/v3/objects/contacts";
    let ask = async |filler: &str| {
        let filter =
            json!({ "propertyName": "lastname", "operator": "CONTAINS_TOKEN", "value": "garcia" });
        let groups = json!([{ "filters": [filter] }]);
        let body = json!({ "filterGroups": groups, "limit": 200 });
        world.post("support", &format!("{contacts}/search"), format!("{body}{filler}")).await
    };
    for number in 0..130 {
        let record = json!({ "properties": { "lastname": format!("Garcia {number}") } });
        let created = world.post("support", contacts, record.to_string()).await;
        assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
        if number == 99 {
            let found = ask("").await.json()["results"].as_array().map(Vec::len);
            assert_eq!(found, Some(100));
        }
    }
    let sent = world.crm.requests().len();
    let refused = ask("").await;
    assert_eq!(refused.refusal(), Some("query_too_long"), "{refused:?}");
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let said: Value = refused.json();
    let message = said["message"].as_str().expect("a message");
    assert!(message.contains("which are 130 then, and the CRM reads 3000"), "{message}");
    assert_eq!(world.crm.requests().len(), sent);
    // One that was too long as the caller wrote it is the CRM's to refuse.
    ask(&" ".repeat(3_000)).await;
    assert_eq!(world.crm.requests().len(), sent + 1);
}
