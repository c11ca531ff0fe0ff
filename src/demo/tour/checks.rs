// SPDX-License-Identifier: Apache-2.0
//! What a step must have led to. Each check is one sentence that holds or does not.

use http::StatusCode;
use serde_json::Value;

use super::StepReport;
use super::person;
use super::scene::{Scene, Vendor, readable};

/// The checks of one step, with their results.
pub(super) struct Checks<'s> {
    scene: &'s Scene,
    results: Vec<Check>,
}

pub(super) struct Check {
    /// What should be.
    pub(super) claim: String,
    /// What is instead.
    pub(super) difference: Option<String>,
}

impl<'s> Checks<'s> {
    pub(super) fn new(scene: &'s Scene) -> Self {
        Self { scene, results: Vec::new() }
    }

    pub(super) fn results(&self) -> &[Check] {
        &self.results
    }

    pub(super) fn into_report(self, title: &'static str) -> StepReport {
        let held = self.results.iter().filter(|check| check.difference.is_none()).count();
        let differences = self.results.into_iter().filter_map(|check| {
            check.difference.map(|difference| format!("{}: {difference}", check.claim))
        });
        StepReport { title, held, differences: differences.collect() }
    }

    fn check(&mut self, claim: impl Into<String>, difference: Option<String>) {
        self.results.push(Check { claim: claim.into(), difference });
    }

    pub(super) fn status(&mut self, expected: StatusCode) {
        let found = self.scene.status;
        let difference = (found != expected).then(|| format!("it was {found}"));
        self.check(format!("the caller got {expected}"), difference);
    }

    /// The CRM was asked, and neither what it received nor what it stores holds a
    /// protected value in the clear.
    pub(super) fn crm_saw_no_clear_value(&mut self) {
        let claim = "the CRM saw no protected value in the clear";
        if self.scene.received.is_empty() {
            return self.check(claim, Some("nothing reached the CRM".to_owned()));
        }
        let mut texts: Vec<String> = Vec::new();
        for request in &self.scene.received {
            texts.push(readable(&request.target));
            texts.push(String::from_utf8_lossy(&request.target).into_owned());
            texts.push(String::from_utf8_lossy(&request.body).into_owned());
            let json = serde_json::from_slice(&request.body).unwrap_or_default();
            strings(&json, &mut texts);
            let headers = request.headers.values();
            texts.extend(
                headers.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            );
        }
        if let Some(record) = &self.scene.stored {
            record.fields.values().for_each(|value| strings(value, &mut texts));
        }
        self.check(claim, leaked(&texts).map(|secret| format!("it saw `{secret}`")));
    }

    /// What the CRM stores in these fields is there, and is not what was sent.
    pub(super) fn stored_as_surrogates(&mut self, fields: &[&str]) {
        let differences = fields.iter().filter_map(|field| {
            let sent = self.scene.sent_value(field);
            match self.scene.stored_value(field) {
                None => Some(format!("`{field}` is not stored")),
                Some(stored) if Some(&stored) == sent.as_ref() => {
                    Some(format!("`{field}` is stored in the clear"))
                }
                Some(_) => None,
            }
        });
        let difference = joined(differences);
        self.check(format!("the CRM stored surrogates of {}", fields.join(", ")), difference);
    }

    pub(super) fn stored_unchanged(&mut self, field: &str) {
        let (sent, stored) = (self.scene.sent_value(field), self.scene.stored_value(field));
        let difference = (sent != stored).then(|| format!("it stored {}", quoted(stored)));
        self.check(format!("the CRM stored {field} as it was sent"), difference);
    }

    /// The update replaced what the CRM held in a field.
    pub(super) fn stored_anew(&mut self, field: &str) {
        let before = self.scene.before.as_ref().and_then(|record| record.fields.get(field));
        let after = self.scene.stored.as_ref().and_then(|record| record.fields.get(field));
        let difference = (before == after).then(|| "it is what it was before".to_owned());
        self.check(format!("the CRM has another {field} now"), difference);
    }

    pub(super) fn sees(&mut self, field: &str, expected: &str) {
        let found = self.scene.answered_value(field);
        let difference =
            (found.as_deref() != Some(expected)).then(|| format!("it saw {}", quoted(found)));
        self.check(format!("{} sees {field} in full", self.scene.caller.name()), difference);
    }

    /// The caller sees neither the value nor what the CRM stores, but a mask.
    pub(super) fn sees_masked(&mut self, field: &str, clear: &str) {
        let stored = self.scene.stored_value(field);
        let difference = match self.scene.answered_value(field) {
            None => Some("it saw nothing".to_owned()),
            Some(found) if Some(&found) == stored.as_ref() => {
                Some("it saw the surrogate".to_owned())
            }
            Some(found) if found.to_lowercase().contains(&clear.to_lowercase()) => {
                Some(format!("it saw `{found}`"))
            }
            Some(_) => None,
        };
        self.check(format!("{} sees {field} masked", self.scene.caller.name()), difference);
    }

    /// The caller sees just what the CRM stores.
    pub(super) fn sees_surrogates(&mut self, fields: &[&str]) {
        let differences = fields.iter().filter_map(|field| {
            let found = self.scene.answered_value(field);
            let is_surrogate = found.is_some() && found == self.scene.stored_value(field);
            (!is_surrogate).then(|| format!("it saw {} in `{field}`", quoted(found)))
        });
        let difference = joined(differences);
        let claim =
            format!("{} sees only surrogates of {}", self.scene.caller.name(), fields.join(", "));
        self.check(claim, difference);
    }

    /// No protected value stands anywhere in the answer.
    pub(super) fn sees_no_clear_value(&mut self) {
        let mut texts = Vec::new();
        strings(&self.scene.answer, &mut texts);
        let difference = leaked(&texts).map(|secret| format!("it saw `{secret}`"));
        let claim = format!("{} sees no protected value in the clear", self.scene.caller.name());
        self.check(claim, difference);
    }

    /// A search found one record.
    pub(super) fn found_one(&mut self) {
        let count = ["totalSize", "total"].iter().find_map(|name| self.scene.answered_value(name));
        let difference =
            (count.as_deref() != Some("1")).then(|| format!("the count is {}", quoted(count)));
        self.check("the search found the one contact", difference);
    }

    /// The transfer and its outcome are in the log, without a clear value.
    pub(super) fn logged(&mut self) {
        let id_of = |kind| self.entry(kind).and_then(|entry| entry.get("id").cloned());
        let difference = match (id_of("transfer"), id_of("outcome")) {
            (None, _) => Some("there is no transfer".to_owned()),
            (_, None) => Some("there is no outcome".to_owned()),
            (transfer, outcome) => (transfer != outcome).then(|| "their ids differ".to_owned()),
        };
        self.check("the log has the transfer and its outcome", difference);
        let difference = leaked(&self.scene.log).map(|secret| format!("it holds `{secret}`"));
        self.check("the log holds no protected value", difference);
    }

    /// The transfer's entry says that these fields were sealed.
    pub(super) fn logged_as_sealed(&mut self, fields: &[&str]) {
        let entry = self.entry("transfer").unwrap_or_default();
        let counts = entry.get("fields").and_then(Value::as_array).cloned().unwrap_or_default();
        let is_logged = |field: &str| {
            counts.iter().any(|count| {
                let word = |name| count.get(name).and_then(Value::as_str).unwrap_or_default();
                word("field").eq_ignore_ascii_case(field)
                    && ["tokenize", "encrypt"].contains(&word("protection"))
            })
        };
        let missing = fields.iter().filter(|field| !is_logged(field));
        let difference = joined(missing.map(|field| format!("`{field}` is not in it")));
        self.check(format!("the log says that {} left sealed", fields.join(", ")), difference);
    }

    /// The proxy turned the request back: with this code, in words, and with
    /// nothing forwarded.
    pub(super) fn refused(&mut self, code: &str) {
        let found = self.scene.refusal.clone();
        let difference =
            (found.as_deref() != Some(code)).then(|| format!("the code is {}", quoted(found)));
        self.check(format!("the refusal's code is `{code}`"), difference);
        let (problem, members) = match self.scene.vendor {
            Vendor::Salesforce => (self.scene.answer.get(0), ["message", "errorCode"]),
            Vendor::HubSpot => (Some(&self.scene.answer), ["message", "category"]),
        };
        let missing = members.into_iter().filter(|member| {
            problem.and_then(|problem| problem.get(member)).is_none_or(|text| !text.is_string())
        });
        let difference = joined(missing.map(|member| format!("`{member}` is not in it")));
        self.check("the refusal has the CRM's own error shape", difference);
        let received = self.scene.received.len();
        let difference = (received > 0).then(|| format!("{received} requests reached it"));
        self.check("nothing reached the CRM", difference);
        let logged = self.entry("refused").and_then(|entry| entry.get("code").cloned());
        let difference = (logged.as_ref().and_then(Value::as_str) != Some(code))
            .then(|| "there is no such entry".to_owned());
        self.check("the log has the refusal", difference);
    }

    fn entry(&self, kind: &str) -> Option<Value> {
        let entries =
            self.scene.log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        entries.into_iter().find(|entry| entry.get("kind").and_then(Value::as_str) == Some(kind))
    }
}

/// Every text in a JSON value.
fn strings(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, texts)),
        Value::Object(members) => members.values().for_each(|member| strings(member, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The first protected value that stands in one of the texts, in any case.
fn leaked(texts: &[String]) -> Option<String> {
    let texts: Vec<String> = texts.iter().map(|text| text.to_lowercase()).collect();
    person::secrets().into_iter().find(|secret| texts.iter().any(|text| text.contains(secret)))
}

fn joined(differences: impl Iterator<Item = String>) -> Option<String> {
    let differences: Vec<String> = differences.collect();
    (!differences.is_empty()).then(|| differences.join(", "))
}

fn quoted(found: Option<String>) -> String {
    found.map_or_else(|| "nothing".to_owned(), |found| format!("`{found}`"))
}
