// SPDX-License-Identifier: Apache-2.0
//! The exchanges of `../shared/crm/hubspot/examples`, all the way with the policy that
//! we ship.

use http::Method;
use serde_json::Value as Tree;

use super::{JSON, locate, origins};
use crate::crm::hubspot::HubSpot;
use crate::crm::{LocateError, LocatedRequest};
use crate::testkit::house::{Answer, House, Personal, body, examples, left, strings};

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
        let personal = Personal::of(example, &PASSED);
        if let Some((_, operator)) = REFUSED.iter().find(|(refused, _)| refused == name) {
            let refusal = house.sent(&request).await.unwrap_err().to_string();
            assert!(refusal.starts_with(operator), "{name}: {refusal}");
            assert_eq!(personal.left(refusal.as_bytes()), [""; 0], "{name}");
        } else {
            let sent = house.sent(&request).await.unwrap();
            let shown = String::from_utf8_lossy(&sent);
            assert_eq!(personal.left(&sent), [""; 0], "{name}: {shown}");
        }
        let mut response = example["response"].clone();
        if name == "v1-search-query" {
            // What was searched for, in clear: such a search does not get there.
            response["body"].as_object_mut().unwrap().remove("query");
        }
        let answer = Answer::of(&response);
        let shown = house.check_answer(name, &request, &answer, &personal).await;
        assert_eq!(left(&strings(&example["upstream_urls"]), &shown.written()), [""; 0], "{name}");
    }
    assert!(examples.is_empty() || examples.len() == 28, "{}", examples.len());
}
