// SPDX-License-Identifier: Apache-2.0

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::admin::tests::{Running, ask, run_with};
use crate::admin::{MAX_CONNECTIONS, Readiness};
use crate::base::{ManualClock, Secret, Timestamp};
use crate::caller::{ApiKey, KeyKind, api_key_mac, generate_api_key};
use crate::config::load_policy;
use crate::crm::hubspot::HubSpot;
use crate::keys::{Keyset, Lease};
use crate::policy::Policy;
use crate::subject::MemorySubjects;
use crate::testkit::Scratch;

const NOON: &str = "2026-11-24T12:00:00.000Z";

const POLICY: &str = "
version: 1
categories: { email: {}, name: {} }
objects:
  contacts:
    subject: [email]
    fields:
      email: { category: email, protect: tokenize }
      lastname: { category: name, protect: tokenize }
    consents: { optout: { purpose: news, withdrawn: [yes] } }
    unlisted: pass
";

fn policy() -> Policy {
    let scratch = Scratch::new();
    std::fs::write(scratch.file("policy.yaml"), POLICY).unwrap();
    let loaded = load_policy(&scratch.file("policy.yaml"), &HubSpot, "tokens.acme.com");
    loaded.unwrap_or_else(|problems| panic!("{problems}")).value
}

struct House {
    running: Running,
    key: String,
    clock: Arc<ManualClock>,
}

fn text(key: &Secret) -> String {
    String::from_utf8(key.expose().to_vec()).unwrap()
}

async fn house() -> House {
    let keyset = Keyset::generate(&"acme".into()).unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp::from_rfc3339(NOON).unwrap()));
    let key = generate_api_key(KeyKind::Admin).unwrap();
    let mac = api_key_mac(&keyset.caller_mac, key.expose());
    let administrator = ApiKey { principal: PrincipalName::new("dpo"), mac };
    let api = |metrics| Api {
        administrators: ApiKeys::new(
            KeyKind::Admin,
            keyset.caller_mac.clone(),
            vec![administrator],
        ),
        subjects: Subjects::new(Arc::new(MemorySubjects::default()), &keyset),
        vocabulary: Box::new(|| Vocabulary::of([&policy()])),
        clock: Arc::clone(&clock) as _,
        metrics,
        lease: Lease::unlimited(),
    };
    let running = run_with(Readiness::new(), |metrics| Some(api(metrics))).await;
    House { running, key: text(&key), clock }
}

impl House {
    /// Sends a request with the administrator's key; status, header and body.
    async fn send(&self, head: &str, body: &str) -> (u16, String, Value) {
        let request = format!(
            "{head} HTTP/1.1\r\nhost: localhost\r\nzollhaus-key: {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.key,
            body.len()
        );
        split(&ask(self.running.address, &request).await)
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, _, answer) = self.send(&format!("POST {path}"), &body.to_string()).await;
        (status, answer)
    }
}

fn split(answer: &str) -> (u16, String, Value) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_owned(), serde_json::from_str(body).unwrap())
}

fn by_mail(value: &str) -> Value {
    json!({ "category": "email", "value": value })
}

fn given() -> Value {
    json!({
        "subject": by_mail("max@muster.example"), "purpose": "news", "state": "given",
        "text_version": "v1", "source": "form", "until": "2026-11-24T13:00:00Z",
    })
}

#[tokio::test]
async fn consent_is_given_withdrawn_and_listed() {
    let house = house().await;
    let look_up = async |subject: Value| {
        let (status, answer) =
            house.post("/v1/subjects/lookup", &json!({ "subject": subject })).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let state = async |subject: Value| look_up(subject).await["consents"].clone();

    let (status, answer) = house.post("/v1/consents", &given()).await;
    assert_eq!(status, 201, "{answer}");
    let subject = answer["subject"].clone();
    let consent = json!({
        "purpose": "news", "state": "given", "at": NOON, "until": "2026-11-24T13:00:00.000Z",
        "text_version": "v1", "source": "form",
    });
    assert_eq!(answer, json!({ "subject": subject, "consent": consent }));
    let given = json!([{ "purpose": "news", "state": "given" }]);
    assert_eq!(state(by_mail(" MAX@muster.example")).await, given);
    assert_eq!(state(by_mail("maria@muster.example")).await, json!([]));

    house.clock.set(Timestamp::from_rfc3339("2026-11-24T13:00:00Z").unwrap());
    let expired = json!([{ "purpose": "news", "state": "expired" }]);
    assert_eq!(state(by_mail("max@muster.example")).await, expired);

    let pseudonym = json!({ "pseudonym": subject });
    let withdrawal = json!({
        "subject": pseudonym, "purpose": "news", "state": "withdrawn", "source": "phone",
    });
    assert_eq!(house.post("/v1/consents", &withdrawal).await.0, 201);
    let dossier = look_up(pseudonym).await;
    assert_eq!(dossier["consents"], json!([{ "purpose": "news", "state": "withdrawn" }]));
    assert_eq!(dossier["history"].as_array().unwrap().len(), 2);
    assert_eq!(dossier["history"][0], consent);
    assert_eq!((&dossier["person"], &dossier["pseudonyms"]), (&subject, &json!([subject])));

    let metrics = house.running.state.metrics.render().unwrap();
    for line in [r#"{purpose="news",state="given"} 1"#, r#"{purpose="news",state="withdrawn"} 1"#] {
        assert!(metrics.contains(&format!("zollhaus_consent_changes_total{line}")), "{line}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_and_no_value_repeated() {
    let house = house().await;
    let check = async |path: &str, body: &str, status: u16, detail: &str| {
        let (found, head, answer) = house.send(&format!("POST {path}"), body).await;
        assert_eq!(found, status, "{body}: {answer}");
        assert!(head.contains("content-type: application/problem+json"), "{head}");
        assert_eq!(answer["status"], status);
        assert!(answer["detail"].as_str().unwrap().contains(detail), "{body}: {answer}");
        for value in ["muster", "Muster", "2b7a"] {
            assert!(!answer.to_string().contains(value), "{body}: {answer}");
        }
    };
    let changed = |member: &str, value: Value| {
        let mut body = given();
        body[member] = value;
        body.to_string()
    };
    let consents = "/v1/consents";
    let mail = "max@muster.example";
    for (body, status, detail) in [
        (String::new(), 400, "line 1"),
        (format!("{{\n\"{mail}\": 1}}"), 400, "line 2"),
        (changed("subjekt", mail.into()), 400, "not the JSON"),
        (changed("state", mail.into()), 400, "not the JSON"),
        (changed("until", mail.into()), 400, "not the JSON"),
        (changed("subject", mail.into()), 400, "not the JSON"),
        (changed("subject", json!({ "pseudonym": "2b7a" })), 400, "not the JSON"),
        (changed("subject", json!({})), 422, "`subject` has"),
        (changed("subject", json!({ "category": "email", "value": " " })), 422, "`subject` has"),
        (changed("subject", json!({ "value": mail })), 422, "`subject` has"),
        (changed("subject", json!({ "category": mail, "value": "x" })), 422, "known are `email`"),
        (
            changed("subject", json!({ "category": "name", "value": mail })),
            422,
            "known are `email`",
        ),
        (changed("purpose", mail.into()), 422, "known are `news`"),
        (changed("source", mail.into()), 422, "`source`: a reference"),
        (changed("text_version", "Max Muster".into()), 422, "`text_version`: a reference"),
        (changed("text_version", Value::Null), 422, "version of the text"),
        (changed("until", NOON.into()), 422, "cannot end before"),
        (changed("state", "withdrawn".into()), 422, "does not end"),
        (changed("source", "x".repeat(MAX_BODY_BYTES).into()), 413, "longer than"),
    ] {
        check(consents, &body, status, detail).await;
    }
    check("/v1/consents/max@muster.example", "{}", 404, "no such").await;
    check("/v1/subjects/lookup", "{}", 400, "not the JSON").await;
    let (status, head, _) = house.send("GET /v1/consents", "").await;
    assert_eq!(status, 405);
    assert!(head.contains("allow: POST"), "{head}");
}

#[tokio::test]
async fn only_administrators_are_answered() {
    let house = house().await;
    let body = json!({ "subject": by_mail("max@muster.example") }).to_string();
    let length = body.len();
    let caller = text(&generate_api_key(KeyKind::Caller).unwrap());
    let other = text(&generate_api_key(KeyKind::Admin).unwrap());
    let key = &house.key;
    for credential in [
        String::new(),
        format!("zollhaus-key: {caller}\r\n"),
        format!("zollhaus-key: {other}\r\n"),
        format!("zollhaus-key: {key}\r\nzollhaus-key: {key}\r\n"),
        format!("authorization: Bearer {key}\r\n"),
    ] {
        let request = format!(
            "POST /v1/subjects/lookup HTTP/1.1\r\nhost: localhost\r\n{credential}\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let (status, _, _) = split(&ask(house.running.address, &request).await);
        assert_eq!(status, 401, "{credential}");
    }
    let request = format!(
        "POST /v1/subjects/lookup HTTP/1.1\r\nhost: localhost\r\nzollhaus-key: {key}\r\n\
         content-type: text/plain\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    assert_eq!(split(&ask(house.running.address, &request).await).0, 415);
    // Health needs no key, and turning others away takes no place for good.
    for _ in 0..=MAX_CONNECTIONS {
        let answer = ask(house.running.address, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

#[tokio::test]
async fn two_administrators_at_once_are_both_recorded() {
    let house = house().await;
    let body = given();
    let posts = (0..8).map(|_| house.post("/v1/consents", &body));
    let answers = futures_util::future::join_all(posts).await;
    assert!(answers.iter().all(|(status, _)| *status == 201));
    let mut times: Vec<_> =
        answers.iter().map(|(_, answer)| answer["consent"]["at"].to_string()).collect();
    times.sort();
    times.dedup();
    assert_eq!(times.len(), 8, "records of one person and purpose follow one another");
}
