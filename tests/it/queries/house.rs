// SPDX-License-Identifier: Apache-2.0
//! Two small CRMs that hold the same records: one behind a proxy, one in clear.

use std::collections::BTreeMap;
use std::sync::Mutex;

use futures_util::future::join_all;
use http::{Method, StatusCode};
use serde_json::{Map, Value};

use super::Outcomes;
use crate::stand_in::{Reply, StandIn};
use crate::world::{Options, Seen, World};

pub type Record = Map<String, Value>;

/// What a CRM holds, by the names of its tables.
pub type Data = BTreeMap<String, Vec<Record>>;

/// Answers a request.
///
/// # Errors
/// What it does not understand.
pub type Crm = fn(&mut Data, &Call) -> Result<Said, String>;

pub struct Said(pub &'static str, pub Value);

/// A request as a CRM reads it.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    pub path: String,
    /// Percent-decoded, names and values.
    pub query: Vec<(String, String)>,
    pub body: String,
}

impl Call {
    fn new(method: &str, target: &str, body: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let parameters = query.split('&').filter(|pair| !pair.is_empty());
        let parameters = parameters.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        });
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: parameters.collect(),
            body: body.to_owned(),
        }
    }

    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// As servers decode forms: a plus is a space.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let escaped = rest.get(..2).filter(|_| *first == b'%').map(|digits| {
            let digits = std::str::from_utf8(digits).expect("digits");
            u8::from_str_radix(digits, 16).expect("digits")
        });
        if escaped.is_some() {
            rest = &rest[2..];
        }
        bytes.push(escaped.unwrap_or(if *first == b'+' { b' ' } else { *first }));
    }
    String::from_utf8(bytes).expect("UTF-8")
}

pub struct House {
    world: World,
    clear: Mutex<Data>,
    crm: Crm,
    stand_in: StandIn,
}

/// What is asked of both.
#[derive(Clone, Debug)]
pub struct Question {
    pub method: Method,
    pub target: String,
    pub body: String,
    /// The query, for whoever reads of a difference.
    pub text: String,
}

impl House {
    pub async fn start(dialect: &str, policy: &'static str, crm: Crm) -> Self {
        let mut held = Data::default();
        let stand_in = StandIn::replying(move |seen| answer(crm, &mut held, seen)).await;
        let upstreams = format!(
            "  {dialect}-twin:
    dialect: {dialect}
    url: http://{}
    region: US
    match: {{ path_prefix: /twin }}
    policy: policies/further.yaml
",
            stand_in.address
        );
        let options = Options { upstreams, further_policy: policy, ..Options::default() };
        Self { world: World::start(options).await, clear: Mutex::default(), crm, stand_in }
    }

    /// Has a request done by both, which must not fail.
    pub async fn both(&self, target: &str, body: &Value) {
        let body = body.to_string();
        let answer = self.world.post("support", &format!("/twin{target}"), body.clone()).await;
        assert!(answer.status.is_success(), "{body}\n{answer:?}");
        let (status, _) = self.in_clear(&Method::POST, target, &body);
        assert!(status.is_success(), "{target}");
    }

    fn in_clear(&self, method: &Method, target: &str, body: &str) -> (StatusCode, Value) {
        let call = Call::new(method.as_str(), target, body);
        let mut clear = self.clear.lock().expect("nobody panicked");
        let Said(status, said) = said((self.crm)(&mut clear, &call));
        (status[..3].parse().expect("a status"), said)
    }

    /// Asks both, and compares what they say. `rows` counts those of an answer.
    pub async fn compare(&self, questions: &[Question], rows: fn(&Value) -> usize) -> Outcomes {
        let mut outcomes = Outcomes::default();
        // Together they share what makes the log durable.
        for several in questions.chunks(32) {
            let asked = several.iter().map(|question| async move {
                let target = format!("/twin{}", question.target);
                let method = question.method.clone();
                self.world.send("support", method, &target, question.body.clone()).await
            });
            for (question, answer) in several.iter().zip(join_all(asked).await) {
                if answer.refusal().is_some() {
                    outcomes.refused += 1;
                    continue;
                }
                let Question { method, target, body, text } = question;
                let (status, expected) = self.in_clear(method, target, body);
                let found = if answer.body.is_empty() { Value::Null } else { answer.json() };
                let is_same = answer.status == status && found == expected;
                assert!(
                    is_same && status.is_success(),
                    "{text}\nfinds {} {found}\nnot {status} {expected}\namong {:#?}",
                    answer.status,
                    self.last_sent(several.len())
                );
                outcomes.count(rows(&expected));
            }
        }
        outcomes
    }

    fn last_sent(&self, count: usize) -> Vec<(String, String)> {
        let sent = self.stand_in.seen().into_iter().rev().take(count);
        sent.map(|seen| (seen.target, seen.body)).collect()
    }
}

fn answer(crm: Crm, data: &mut Data, seen: &Seen) -> Reply {
    let call = Call::new(&seen.method, &seen.target, &seen.body);
    let Said(status, said) = said(crm(data, &call));
    let body = if said.is_null() { String::new() } else { said.to_string() };
    Reply { status, ..Reply::json(body) }
}

fn said(answer: Result<Said, String>) -> Said {
    answer
        .unwrap_or_else(|problem| Said("400 Bad Request", serde_json::json!({ "error": problem })))
}
