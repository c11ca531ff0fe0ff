// SPDX-License-Identifier: Apache-2.0
//! The policy-bypass corpus, as far as a dialect alone can be asked: with every
//! located value replaced, nothing that leaves may hold a canary.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;
use percent_encoding::percent_decode;
use serde_json::Value as Json;

use super::*;

/// The protected members of `policy_bypass_policy.json`.
const PERSONAL: [&str; 6] = ["email", "lastName", "phone", "iban", "birthDate", "notes"];
const HARMLESS: [&str; 2] = ["stage", "amount"];

/// A policy with `unlisted: { protect: … }` on `contact` and nothing on `deal` goes with it.
fn corpus_dialect() -> GenericDialect {
    let personal = PERSONAL.map(|name| select(&format!("$..{name}"), &format!("contact.{name}")));
    let harmless = HARMLESS.map(|name| select(&format!("$..{name}"), &format!("deal.{name}")));
    let written = |method, path| RouteSpec {
        object: Some("contact".into()),
        request: Some(body(BodySyntax::Json, [&personal[..], &harmless[..]].concat(), Vec::new())),
        ..route(method, path)
    };
    GenericDialect::new(vec![
        written(Method::POST, "/api/v1/contacts"),
        written(Method::PATCH, "/api/v1/contacts/{id}"),
        RouteSpec {
            parameters: vec![
                ("email".to_owned(), Parameter::Compares(field("contact.email"))),
                ("q".to_owned(), Parameter::Compares(field("contact.notes"))),
            ],
            ..route(Method::GET, "/api/v1/contacts")
        },
        RouteSpec {
            variables: vec![("email".to_owned(), field("contact.email"))],
            ..route(Method::GET, "/api/v1/contacts/{email}")
        },
    ])
    .unwrap()
}

fn incoming_body(case: &Json) -> Vec<u8> {
    let decode = |text: &Json| STANDARD.decode(text.as_str().unwrap()).unwrap();
    let Some(parts) = case["body_parts"].as_array() else { return decode(&case["body_b64"]) };
    let repeat = |part: &Json| part["repeat"].as_u64().unwrap() as usize;
    parts.iter().flat_map(|part| decode(&part["b64"]).repeat(repeat(part))).collect()
}

/// What leaves, or `None` when the request is refused.
fn outgoing(dialect: &GenericDialect, case: &Json) -> Option<Vec<u8>> {
    let text = |member: &str| case[member].as_str().unwrap();
    let mut headers = HeaderMap::new();
    for header in case["headers"].as_array().unwrap() {
        let name: http::HeaderName = header[0].as_str().unwrap().parse().unwrap();
        headers.append(name, HeaderValue::from_str(header[1].as_str().unwrap()).ok()?);
    }
    let request = (text("method"), text("path"));
    let body = incoming_body(case);
    let located = testkit::see(&origins(), request, &headers, body, Told::default(), |view| {
        dialect.locate(view)
    });
    let located = located.ok()?;
    let mut sent = Vec::new();
    for document in located.documents() {
        let mut replacements = Vec::new();
        for (_, found) in document.occurrences() {
            replacements.push(match &found.value {
                _ if found.object.as_str() == "deal" => Replacement::Keep,
                Value::Empty => Replacement::Keep,
                Value::Text(_) => Replacement::text("token"),
                Value::Flag(_) | Value::Structured(_) => return None,
            });
        }
        sent.extend_from_slice(&document.render(&mut replacements.iter()).unwrap());
    }
    Some(sent)
}

#[test]
fn nothing_gets_past_the_selectors() {
    let Some(packed) = crate::testkit::shared("vectors/http/policy_bypass.jsonl.gz") else {
        return;
    };
    let mut corpus = String::new();
    MultiGzDecoder::new(packed.as_slice()).read_to_string(&mut corpus).unwrap();
    let dialect = corpus_dialect();
    let mut seen = 0;
    for case in corpus.lines().map(|line| serde_json::from_str::<Json>(line).unwrap()) {
        // The other categories are about what the proxy does around a dialect.
        let categories = ["control", "json", "ctype", "url", "method", "value"];
        if !categories.contains(&case["category"].as_str().unwrap()) {
            continue;
        }
        seen += 1;
        let sent = outgoing(&dialect, &case);
        let outcome = if sent.is_some() { "protect" } else { "reject" };
        let allowed = case["expect"]["allowed"].as_array().unwrap();
        assert!(allowed.iter().any(|allowed| *allowed == outcome), "{}: {outcome}", case["id"]);
        let sent = sent.unwrap_or_default();
        let decoded = percent_decode(&sent).decode_utf8_lossy().to_lowercase();
        for canary in case["canaries"].as_array().unwrap() {
            let canary = canary.as_str().unwrap().to_lowercase();
            assert!(!decoded.contains(&canary), "{}: {canary}", case["id"]);
        }
    }
    assert!(seen > 100, "only {seen} cases");
}
