// SPDX-License-Identifier: Apache-2.0
//! The published request and answer corpora, with the mends that their
//! `SOURCES.md` asks for.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::harness::{Script, Sent};

/// What a corpus says of a case.
#[derive(Clone, Debug)]
pub(super) enum Expectation {
    /// `smuggling.jsonl`: the safe outcomes and what must not be seen upstream.
    Smuggling(Value),
    /// `llhttp_cases.jsonl`: how many messages its strict parser completes, and
    /// whether it ends with an error.
    Llhttp { completed: u64, is_error: bool },
    /// `http11probe_cases.jsonl`: the status, in words.
    Probe(String),
}

#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) is_h2: bool,
    /// Whose bytes the case is about.
    pub(super) is_answer: bool,
    pub(super) sent: Sent,
    pub(super) script: Script,
    pub(super) expectation: Expectation,
}

const GET: &[u8] = b"GET /api/v1/contacts HTTP/1.1\r\nHost: crm.test\r\n\r\n";
const OK: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

/// The lines of a file under `http/`.
fn lines(name: &str) -> Option<Vec<Value>> {
    let text = crate::testkit::shared(&format!("vectors/http/{name}"))?;
    let text = String::from_utf8(text).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn base64(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

fn text(case: &Value, key: &str) -> String {
    case[key].as_str().unwrap_or_default().to_owned()
}

/// 498 cases of request smuggling, hostile answers and HTTP/2 abuse.
pub(super) fn smuggling() -> Option<Vec<Case>> {
    let cases = lines("smuggling.jsonl")?;
    let cases = cases.into_iter().filter(|case| case["id"] != "H2-053"); // contradicts itself
    Some(
        cases
            .map(|case| {
                let bytes = match case["parts"].as_array() {
                    Some(parts) => parts.iter().flat_map(repeated).collect(),
                    None => base64(&case["raw_b64"]),
                };
                let expect = &case["expect"];
                let is_answer = case["direction"] == "response";
                let pause = expect["delay_between_bytes_ms"].as_u64().unwrap_or(0);
                let script = match is_answer {
                    true if expect["hold_open_seconds"].is_u64() => Script::Silence,
                    true => Script::Hostile {
                        bytes: bytes.clone(),
                        // Slower than the set says, to tell it from a busy machine.
                        pause_between_bytes: Duration::from_millis(pause * 10),
                    },
                    false => Script::Answer(OK.to_vec()),
                };
                let after_close = match &expect["send_after_pause_b64"] {
                    Value::Null => Vec::new(),
                    bytes => base64(bytes),
                };
                Case {
                    id: text(&case, "id"),
                    title: text(&case, "title"),
                    is_h2: case["protocol"] == "h2",
                    is_answer,
                    sent: Sent {
                        bytes: if is_answer { GET.to_vec() } else { bytes },
                        half_close: expect["client_half_close"] == true,
                        after_close,
                    },
                    script,
                    expectation: Expectation::Smuggling(expect.clone()),
                }
            })
            .collect(),
    )
}

fn repeated(part: &Value) -> Vec<u8> {
    base64(&part["b64"]).repeat(usize::try_from(part["repeat"].as_u64().unwrap()).unwrap())
}

/// The cases of Node's parser: 115 requests and 64 answers.
pub(super) fn llhttp() -> Option<Vec<Case>> {
    const NOT_CASES: [&str; 3] = ["LLHTTP-004", "LLHTTP-007", "LLHTTP-161"];
    let cases = lines("llhttp_cases.jsonl")?;
    let cases = cases.into_iter().filter(|case| !NOT_CASES.contains(&case["id"].as_str().unwrap()));
    Some(
        cases
            .map(|case| {
                let is_answer = case["type"] == "response";
                let bytes = complete_head(base64(&case["raw_b64"]));
                let (sent, script) = if is_answer {
                    let pause_between_bytes = Duration::ZERO;
                    (GET.to_vec(), Script::Hostile { bytes, pause_between_bytes })
                } else {
                    (with_host(bytes), Script::Answer(OK.to_vec()))
                };
                Case {
                    id: text(&case, "id"),
                    title: text(&case, "name"),
                    is_h2: false,
                    is_answer,
                    sent: Sent { bytes: sent, ..Sent::default() },
                    script,
                    expectation: Expectation::Llhttp {
                        completed: case["messages_completed"].as_u64().unwrap(),
                        is_error: case["strict_parser_error"] == true,
                    },
                }
            })
            .collect(),
    )
}

fn complete_head(mut bytes: Vec<u8>) -> Vec<u8> {
    if super::harness::find(&bytes, b"\r\n\r\n").is_none() {
        bytes.extend_from_slice(if bytes.ends_with(b"\r\n") { b"\r\n" } else { b"\r\n\r\n" });
    }
    bytes
}

/// Parser cases have no `Host`; without one all would be refused for that.
fn with_host(bytes: Vec<u8>) -> Vec<u8> {
    let has_host = super::harness::find(&bytes.to_ascii_lowercase(), b"host:").is_some();
    match super::harness::find(&bytes, b"\r\n") {
        Some(end) if !has_host => [&bytes[..end], b"\r\nHost: crm.test", &bytes[end..]].concat(),
        _ => bytes,
    }
}

/// The cases of Http11Probe that have bytes.
pub(super) fn probe() -> Option<Vec<Case>> {
    let cases = lines("http11probe_cases.jsonl")?;
    let cases = cases.into_iter().filter(|case| case["raw_b64"].is_string());
    Some(
        cases
            .map(|case| {
                let bytes = replace(&base64(&case["raw_b64"]), b"[TAB]", b"\t");
                let bytes = replace(&bytes, b"\x0cile", b"\\file");
                Case {
                    id: text(&case, "id"),
                    title: text(&case, "description"),
                    is_h2: false,
                    is_answer: false,
                    sent: Sent { bytes, ..Sent::default() },
                    script: Script::Answer(OK.to_vec()),
                    expectation: Expectation::Probe(text(&case, "expected")),
                }
            })
            .collect(),
    )
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::new();
    let mut rest = bytes;
    while let Some(at) = super::harness::find(rest, from) {
        replaced.extend_from_slice(&rest[..at]);
        replaced.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    replaced.extend_from_slice(rest);
    replaced
}
