// SPDX-License-Identifier: Apache-2.0
//! The exchanges of `../shared/crm/pipedrive/examples`, all the way with the policy
//! that we ship: located, decided, sealed and rendered; answered as a Pipedrive that
//! holds the surrogates would; and opened again.

use http::StatusCode;
use serde_json::Value as Tree;

use super::{JSON, locate, origins};
use crate::base::{Refusal, RefusalCode};
use crate::crm::pipedrive::Pipedrive;
use crate::crm::{Dialect, LocateError, LocatedRequest};
use crate::testkit::house::{Answer, House, Personal, body, examples, left, strings};

/// What is sent to the customer's own server, not to Pipedrive.
const WEBHOOK: &str = "webhook-v2-person-change";

/// Searches that do not name one field to be compared as a whole, and such as do:
/// the first are refused, and the answer is that to the second.
const REFUSED: [(&str, &str); 3] = [
    ("item-search-field", "/api/v2/itemSearch/field?term=x&entity_type=person&field=name"),
    (
        "item-search-v2",
        "/api/v2/itemSearch?term=%2B49%2030%2023125%20014&item_types=person&fields=phone&exact_match=true",
    ),
    (
        "person-search-partial",
        "/api/v2/persons/search?term=M%C3%BCller&fields=name&exact_match=true",
    ),
];

fn located(request: &Tree) -> Result<LocatedRequest, LocateError> {
    let method = request["method"].as_str().unwrap_or("GET");
    let recents = "/v1/recents?since_timestamp=1970-01-01%2000:00:00&items=person";
    let content_type = request["headers"]["Content-Type"].as_str().unwrap_or(JSON);
    locate(method, request["target"].as_str().unwrap_or(recents), content_type, &body(request))
}

#[tokio::test]
async fn nothing_personal_leaves_and_everything_comes_back() {
    let house = House::new(&Pipedrive, origins());
    let examples = examples("pipedrive");
    for (name, example) in &examples {
        let personal = Personal::of(example, &[]);
        let request = located(&example["request"]);
        if name == WEBHOOK {
            assert_eq!(request.unwrap_err(), LocateError::UnknownOperation);
            continue;
        }
        let answered = REFUSED.iter().find(|(refused, _)| refused == name);
        let request = match answered {
            None => request.unwrap_or_else(|error| panic!("{name}: {error}")),
            Some((_, target)) => {
                check_refused(&house, name, request, &personal).await;
                locate("GET", target, JSON, "").unwrap()
            }
        };
        if name != "item-search-field" {
            let sent = house.sent(&request).await.unwrap();
            assert_eq!(personal.left(&sent), [""; 0], "{name}: {}", String::from_utf8_lossy(&sent));
        }

        let answer = Answer::of(&example["response"]);
        let shown = house.check_answer(name, &request, &answer, &personal).await;
        let in_answer = personal.left(&answer.body);
        let dropped: &[&str] = if name == "person-create-v2" { &["1984-02-29"] } else { &[] };
        let missing: Vec<&str> = in_answer
            .iter()
            .filter(|value| !personal.left(&shown.body).contains(value))
            .copied()
            .collect();
        assert_eq!(missing, dropped, "{name}");
        assert_eq!(left(&strings(&example["upstream_urls"]), &shown.written()), [""; 0], "{name}");
    }
    assert!(examples.is_empty() || examples.len() == 14, "{}", examples.len());
}

/// A request that is refused says so in Pipedrive's shape, and repeats no value.
async fn check_refused(
    house: &House,
    name: &str,
    request: Result<LocatedRequest, LocateError>,
    personal: &Personal<'_>,
) {
    let message = match request {
        Ok(request) => house.sent(&request).await.unwrap_err().to_string(),
        Err(error) => error.to_string(),
    };
    assert_eq!(personal.left(message.as_bytes()), [""; 0], "{name}");
    let refusal = Refusal::new(RefusalCode::OperatorUnsupported, message);
    let answer = Pipedrive.refuse(&refusal);
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let body: Tree = serde_json::from_str(&answer.body).unwrap();
    let error = body["error"].as_str().unwrap();
    assert!(error.contains("person.name") || error.contains("custom fields"), "{name}: {error}");
}

/// A search finds what was written, also when the name is written in another case.
#[tokio::test]
async fn a_search_asks_for_what_was_stored() {
    let house = House::new(&Pipedrive, origins());
    let name = r#"{"name":"Anna-Lena Müller-Özdemir","email":"a@b.de"}"#;
    let create = locate("POST", "/v1/persons", JSON, name).unwrap();
    let sent = String::from_utf8(house.sent(&create).await.unwrap()).unwrap();
    let stored: Tree = serde_json::from_str(sent.lines().nth(1).unwrap()).unwrap();
    let search = |term: &str, field: &str| {
        let target = format!("/v1/persons/search?exact_match=true&fields={field}&term={term}");
        locate("GET", &target, JSON, "").unwrap()
    };
    for (term, field) in [("anna-lena+M%C3%BCller-%C3%96ZDEMIR", "name"), ("A%40b.de", "email")] {
        let sent = String::from_utf8(house.sent(&search(term, field)).await.unwrap()).unwrap();
        let term = sent.trim_end().rsplit_once("term=").unwrap().1.replace('+', " ");
        let term = percent_encoding::percent_decode_str(&term).decode_utf8().unwrap();
        assert_eq!(term, stored[field].as_str().unwrap(), "{sent}");
    }
}
