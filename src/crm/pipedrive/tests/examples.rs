// SPDX-License-Identifier: Apache-2.0
//! The exchanges of `../shared/crm/pipedrive/examples`, all the way with the policy
//! that we ship: located, decided, sealed and rendered; answered as a Pipedrive that
//! holds the surrogates would; and opened again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::Value as Tree;

use super::{JSON, locate, origins, read_answer};
use crate::base::{Refusal, RefusalCode};
use crate::carrier::{Document, Occurrence, Replacement, Role, Slot, Value};
use crate::config::load_policy;
use crate::crm::pipedrive::Pipedrive;
use crate::crm::{Dialect, LocateError, LocatedRequest, Origins};
use crate::keys::Keyset;
use crate::policy::{Decision, Forbidden, Policy, Protection};
use crate::protect::{Echoes, Protectors, ToSeal};
use crate::reveal;
use crate::testkit::shared_path;
use crate::vault::{MemoryStore, Vault};

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

struct House {
    policy: Policy,
    protectors: Protectors,
}

impl House {
    fn new() -> Self {
        let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/pipedrive.yaml");
        let policy = load_policy(&pack, &Pipedrive, "tokens.acme.example").unwrap().value;
        let keyset = Keyset::generate(&"acme".into()).unwrap();
        let vault = Vault::new(Arc::new(MemoryStore::default()), &keyset);
        Self { policy, protectors: Protectors::new(vault, &keyset, "tokens.acme.example") }
    }

    /// What is written in the place of each value on its way to Pipedrive.
    async fn sealed(&self, document: &Document) -> Result<Vec<Replacement>, Forbidden> {
        let mut replacements = Vec::new();
        for (slot, occurrence) in document.occurrences() {
            replacements.push(match self.policy.decide(occurrence)? {
                Decision::Protect(rule) => {
                    let Value::Text(value) = &occurrence.value else { unreachable!() };
                    let item = ToSeal {
                        rule: &rule,
                        role: &occurrence.role,
                        value,
                        can_widen: false,
                        ignores_case: true,
                        can_remove: slot.removal.is_some(),
                        max_length: None,
                    };
                    self.protectors.seal(&[item]).await.unwrap().remove(0).replacement
                }
                Decision::Untouched(_) => Replacement::Keep,
            });
        }
        Ok(replacements)
    }

    /// The target and the body as they leave.
    async fn sent(&self, request: &LocatedRequest) -> Result<Vec<u8>, Forbidden> {
        for found in &request.uses {
            self.policy.permit_use(found)?;
        }
        let mut sent = Vec::new();
        for document in request.documents() {
            let replacements = self.sealed(document).await?;
            sent.extend_from_slice(&document.render(&mut replacements.iter()).unwrap());
            sent.push(b'\n');
        }
        Ok(sent)
    }

    /// The body of an answer as a Pipedrive would send it that holds surrogates.
    async fn stored(&self, request: &LocatedRequest, status: u16, body: &str) -> Vec<u8> {
        let upstream = origins().upstream;
        let nowhere = Origins { upstream: upstream.clone(), public: upstream };
        let answer = read_answer(request, status, body.as_bytes(), &nowhere).unwrap();
        let mut replacements = self.sealed(&answer.body).await.unwrap();
        for ((_, occurrence), replacement) in
            answer.body.occurrences().iter().zip(&mut replacements)
        {
            if matches!(occurrence.role, Role::Composed { .. } | Role::Echo) {
                *replacement = Replacement::Keep;
            }
        }
        answer.body.render(&mut replacements.iter()).unwrap().into()
    }

    async fn shown(
        &self,
        request: &LocatedRequest,
        status: u16,
        body: &[u8],
        role: &str,
    ) -> Vec<u8> {
        let answer = read_answer(request, status, body, &origins()).unwrap();
        let roles = [role.into()];
        let opened = reveal::open(&answer, &self.policy, &roles, &self.protectors).await.unwrap();
        opened.show(&Echoes::new(), &self.protectors).await.unwrap().body.into()
    }

    /// The body without what the policy drops, and with our links.
    fn without_dropped(&self, request: &LocatedRequest, status: u16, body: &str) -> Vec<u8> {
        let answer = read_answer(request, status, body.as_bytes(), &origins()).unwrap();
        let is_dropped = |occurrence: &Occurrence| {
            let rule = self.policy.rule_of(&occurrence.object, &occurrence.field);
            rule.is_some_and(|rule| rule.protection == Protection::Drop)
        };
        let replace = |(_, occurrence): (&Slot, &Occurrence)| {
            if is_dropped(occurrence) { Replacement::Remove } else { Replacement::Keep }
        };
        let replacements: Vec<Replacement> =
            answer.body.occurrences().into_iter().map(replace).collect();
        answer.body.render(&mut replacements.iter()).unwrap().into()
    }
}

fn examples() -> BTreeMap<String, Tree> {
    let Some(folder) = shared_path("crm/pipedrive/examples") else { return BTreeMap::new() };
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let load = |path: &Path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    files
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), load(&path)))
        .collect()
}

fn body(message: &Tree) -> String {
    match (&message["body"], message["body_text"].as_str()) {
        (Tree::Null, text) => text.unwrap_or_default().to_owned(),
        (body, _) => body.to_string(),
    }
}

fn strings(list: &Tree) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Tree::as_str).collect()
}

/// Those of the values that stand in the bytes, in one encoding or another.
fn left<'v>(values: &[&'v str], bytes: &[u8]) -> Vec<&'v str> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let percent = percent_encoding::percent_decode_str(&text).decode_utf8().unwrap();
    let json: String = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .map(|tree| leaves(&tree))
        .collect();
    let places =
        [text.to_lowercase(), percent.replace('+', " ").to_lowercase(), json.to_lowercase()];
    let is_left = |value: &&&str| {
        let forms = [value.to_lowercase(), STANDARD.encode(value).to_lowercase()];
        forms.iter().any(|form| places.iter().any(|place| place.contains(form)))
    };
    values.iter().filter(is_left).copied().collect()
}

fn leaves(tree: &Tree) -> String {
    match tree {
        Tree::String(text) => format!("{text}\n"),
        Tree::Array(elements) => elements.iter().map(leaves).collect(),
        Tree::Object(members) => members.values().map(leaves).collect(),
        other => format!("{other}\n"),
    }
}

fn located(request: &Tree) -> Result<LocatedRequest, LocateError> {
    let method = request["method"].as_str().unwrap_or("GET");
    let recents = "/v1/recents?since_timestamp=1970-01-01%2000:00:00&items=person";
    let content_type = request["headers"]["Content-Type"].as_str().unwrap_or(JSON);
    locate(method, request["target"].as_str().unwrap_or(recents), content_type, &body(request))
}

#[tokio::test]
async fn nothing_personal_leaves_and_everything_comes_back() {
    let house = House::new();
    let examples = examples();
    for (name, example) in &examples {
        let personal = strings(&example["personal_values"]);
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
            assert_eq!(
                left(&personal, &sent),
                [""; 0],
                "{name}: {}",
                String::from_utf8_lossy(&sent)
            );
        }

        let status = example["response"]["status"].as_u64().unwrap_or(200) as u16;
        let clear = body(&example["response"]);
        let stored = house.stored(&request, status, &clear).await;
        let overlooked = left(&personal, &stored);
        assert_eq!(overlooked, [""; 0], "{name}: {}", String::from_utf8_lossy(&stored));

        let shown = house.shown(&request, status, &stored, "support").await;
        let expected = house.without_dropped(&request, status, &clear);
        assert_eq!(String::from_utf8_lossy(&shown), String::from_utf8_lossy(&expected), "{name}");
        let in_answer = left(&personal, clear.as_bytes());
        let dropped: &[&str] = if name == "person-create-v2" { &["1984-02-29"] } else { &[] };
        let missing: Vec<&str> = in_answer
            .iter()
            .filter(|value| !left(&personal, &shown).contains(value))
            .copied()
            .collect();
        assert_eq!(missing, dropped, "{name}");
        assert_eq!(left(&strings(&example["upstream_urls"]), &shown), [""; 0], "{name}");

        for holds in [stored.as_slice(), clear.as_bytes()] {
            let shown = house.shown(&request, status, holds, "nobody").await;
            assert_eq!(left(&personal, &shown), [""; 0], "{name}");
        }
    }
    assert!(examples.is_empty() || examples.len() == 14, "{}", examples.len());
}

/// A request that is refused says so in Pipedrive's shape, and repeats no value.
async fn check_refused(
    house: &House,
    name: &str,
    request: Result<LocatedRequest, LocateError>,
    personal: &[&str],
) {
    let message = match request {
        Ok(request) => house.sent(&request).await.unwrap_err().to_string(),
        Err(error) => error.to_string(),
    };
    assert_eq!(left(personal, message.as_bytes()), [""; 0], "{name}");
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
    let house = House::new();
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
