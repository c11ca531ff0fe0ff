// SPDX-License-Identifier: Apache-2.0
//! The exchanges of `../shared/crm/hubspot/examples`, all the way with the policy that
//! we ship.

use http::Method;
use serde_json::Value as Tree;

use super::{JSON, locate, origins};
use crate::crm::hubspot::HubSpot;
use crate::crm::{LocateError, LocatedRequest};
use crate::testkit::house::{House, body, examples, left, strings};

/// Searches that surrogates do not answer, by what is refused of them.
const REFUSED: [(&str, &str); 3] = [
    ("contact-search-between-date", "BETWEEN"),
    ("contact-search-contains-token", "CONTAINS_TOKEN"),
    ("v1-search-query", "query"),
];

/// Names of companies pass in clear, as the policy says.
const PASSED: [&str; 1] = ["Weingut Großmann"];

fn located(name: &str, request: &Tree) -> Result<LocatedRequest, LocateError> {
    let listed = match name {
        _ if name.contains("companies") => "/crm/v3/objects/companies",
        _ if name.contains("properties") => "/crm/v3/properties/contacts",
        _ => "/crm/v3/objects/contacts",
    };
    let method = request["method"].as_str().unwrap_or("GET");
    let content_type = request["headers"]["Content-Type"].as_str().unwrap_or(JSON);
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let target = request["target"].as_str().unwrap_or(listed);
    locate(&method, target, content_type, &body(request))
}

#[tokio::test]
async fn nothing_personal_leaves_and_everything_comes_back() {
    let house = House::new(&HubSpot, origins());
    let examples = examples("hubspot");
    for (name, example) in &examples {
        let request = located(name, &example["request"]);
        let request = request.unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut personal = strings(&example["personal_values"]);
        personal.retain(|value| !PASSED.contains(value));
        if let Some((_, operator)) = REFUSED.iter().find(|(refused, _)| refused == name) {
            let refusal = house.sent(&request).await.unwrap_err().to_string();
            assert!(refusal.starts_with(operator), "{name}: {refusal}");
            assert_eq!(left(&personal, refusal.as_bytes()), [""; 0], "{name}");
        } else {
            let sent = house.sent(&request).await.unwrap();
            let shown = String::from_utf8_lossy(&sent);
            assert_eq!(left(&personal, &sent), [""; 0], "{name}: {shown}");
        }
        check_answer(&house, name, example, &request, &personal).await;
    }
    assert!(examples.is_empty() || examples.len() == 28, "{}", examples.len());
}

async fn check_answer(
    house: &House,
    name: &str,
    example: &Tree,
    request: &LocatedRequest,
    personal: &[&str],
) {
    let mut response = example["response"].clone();
    if name == "v1-search-query" {
        // What was searched for, in clear: such a search does not get there.
        response["body"].as_object_mut().unwrap().remove("query");
    }
    let status = response["status"].as_u64().unwrap_or(200) as u16;
    let clear = body(&response);
    let stored = house.stored(request, status, &clear).await;
    let text = String::from_utf8_lossy(&stored);
    assert_eq!(left(personal, &stored), [""; 0], "{name}: {text}");

    let shown = house.shown(request, status, &stored, "support").await;
    let expected = house.without_dropped(request, status, &clear);
    assert_eq!(String::from_utf8_lossy(&shown), String::from_utf8_lossy(&expected), "{name}");
    let upstream = strings(&example["upstream_urls"]);
    assert_eq!(left(&upstream, &shown), [""; 0], "{name}");

    for holds in [stored.as_slice(), clear.as_bytes()] {
        let shown = house.shown(request, status, holds, "nobody").await;
        let text = String::from_utf8_lossy(&shown);
        assert_eq!(left(personal, &shown), [""; 0], "{name}: {text}");
    }
}
