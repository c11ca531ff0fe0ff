// SPDX-License-Identifier: Apache-2.0
//! Pipedrive behind the house: what the shipped policy lets out, and what comes back.

use http::StatusCode;
use serde_json::{Value, json};

use crate::stand_in::StandIn;
use crate::world::{Options, World};

const POLICY: &str = include_str!("../../policies/pipedrive.yaml");

#[tokio::test]
async fn a_person_is_created_found_and_shown_by_role() {
    let mut person = "null".to_owned();
    let pipedrive = StandIn::start(move |_, body| {
        if !body.is_empty() {
            body.clone_into(&mut person);
        }
        format!(r#"{{"success":true,"data":{person}}}"#)
    })
    .await;
    let upstream = format!(
        "  pipedrive:
    dialect: pipedrive
    url: http://{}
    region: US
    match: {{ path_prefix: /pd }}
    policy: policies/further.yaml
",
        pipedrive.address
    );
    let options = Options { upstreams: upstream, further_policy: POLICY, ..Options::default() };
    let world = World::start(options).await;

    let person = json!({
        "name": "Zoë d’Arc",
        "emails": [{ "value": "zoe.darc@sub.example.org", "primary": true, "label": "work" }],
        "phones": [{ "value": "+49 30 23125 014" }],
        "owner_id": 1,
    });
    let created = world.post("support", "/pd/api/v2/persons", person.to_string()).await;
    assert_eq!(created.status, StatusCode::OK, "{created:?}");
    assert_eq!(created.json()["data"], person, "what the CRM holds comes back open");
    let (target, sent) = pipedrive.last();
    assert_eq!(target, "/api/v2/persons");
    let sent: Value = serde_json::from_str(&sent).expect("it is JSON");
    assert_eq!(sent["owner_id"], 1);
    assert_eq!(sent["emails"][0]["label"], "work");
    let email = sent["emails"][0]["value"].as_str().expect("a text").to_owned();
    assert!(email.ends_with("@tokens.example.com"), "{email}");
    for value in ["Zoë", "Arc", "zoe.darc", "23125"] {
        assert!(!sent.to_string().contains(value), "{sent}");
    }

    let search = "/pd/api/v2/persons/search?term=Zoe.Darc%40sub.example.org&api_token=s3cret";
    let found = world.get("marketing", &format!("{search}&fields=email&exact_match=1")).await;
    let (target, _) = pipedrive.last();
    let term = email.replace('@', "%40");
    assert_eq!(
        target,
        format!("/api/v2/persons/search?term={term}&api_token=s3cret&fields=email&exact_match=1")
    );
    let shown = &found.json()["data"];
    assert_eq!(shown["name"], sent["name"]);
    assert_eq!(shown["emails"][0]["value"], "z•••@•••.org");

    let requests = pipedrive.count();
    for (query, field) in [
        ("fields=email", "`person.email`"),
        ("fields=email,name&exact_match=1", "`person.email`"),
        ("exact_match=1", "`fields`"),
    ] {
        let refused = world.get("support", &format!("{search}&{query}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{query}");
        let body = refused.json();
        assert_eq!(body["success"], false);
        let error = body["error"].as_str().expect("a text");
        assert!(error.starts_with("Zollhaus: ") && error.contains(field), "{error}");
    }
    assert_eq!(pipedrive.count(), requests, "nothing of them was forwarded");
    let log = String::from_utf8_lossy(&world.log()).into_owned();
    for value in ["Zoë", "zoe.darc", "s3cret"] {
        assert!(!log.contains(value), "`{value}` is in the log");
    }
}
