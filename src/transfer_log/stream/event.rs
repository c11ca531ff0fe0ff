// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeSet;

use crate::transfer_log::{Entry, KeyChange, Outcome, RefusedTransfer, Transfer, TransferResult};

/// An entry on its way to a sink.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// Its place in the log.
    pub index: u64,
    pub entry: Entry,
    /// The canonical bytes that the log's proofs are about.
    pub json: String,
}

impl Record {
    /// The entry as it stands in the log, with what it takes to ask the log for a
    /// proof of it: `{"index":7,"origin":"acme.example/one","entry":{…}}`.
    pub fn to_json(&self, origin: &str) -> String {
        let origin = serde_json::Value::from(origin);
        format!(r#"{{"index":{},"origin":{origin},"entry":{}}}"#, self.index, self.json)
    }
}

/// How much an entry wants to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Info,
    Notice,
    Warning,
}

/// What formats without nesting say about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    Text(String),
    Number(u64),
    List(Vec<String>),
}

/// An entry in a flat form: what people search by.
#[derive(Debug)]
pub(super) struct Event {
    pub kind: &'static str,
    /// The kind for people.
    pub title: &'static str,
    pub weight: Weight,
    pub facts: Vec<(&'static str, Fact)>,
}

impl Event {
    pub fn of(entry: &Entry) -> Self {
        match entry {
            Entry::Transfer(transfer) => Self::transfer(transfer),
            Entry::Outcome(outcome) => Self::outcome(outcome),
            Entry::Refused(refused) => Self::refused(refused),
            Entry::KeyChange(change) => Self::key_change(change),
        }
    }

    fn new(kind: &'static str, title: &'static str, weight: Weight) -> Self {
        Self { kind, title, weight, facts: Vec::new() }
    }

    fn transfer(entry: &Transfer) -> Self {
        let clear = entry.fields.iter().filter(|field| field.unlisted().is_some());
        let clear = clear.map(|field| u64::from(field.count)).sum();
        let weight = if entry.uninspected { Weight::Warning } else { Weight::Info };
        let grounds = &entry.grounds;
        Self::new("transfer", "Personal data transferred", weight)
            .text("id", Some(&entry.id))
            .text("caller", Some(&entry.caller))
            .text("purpose", entry.purpose.as_ref())
            .text("upstream", Some(&entry.upstream))
            .text("region", Some(&entry.region))
            .text("operation", Some(&entry.operation))
            .text("object", entry.object.as_ref())
            .text("uninspected", entry.uninspected.then_some("true"))
            .list("categories", entry.fields.iter().filter_map(|field| field.category.as_ref()))
            .number("values", Some(entry.fields.iter().map(|field| u64::from(field.count)).sum()))
            .number("unprotected", Some(clear).filter(|clear| *clear > 0))
            .list("jurisdictions", grounds.iter().flat_map(|ground| &ground.jurisdictions))
            .list("rules", grounds.iter().flat_map(|ground| &ground.rules))
            .list("bases", grounds.iter().flat_map(|ground| &ground.bases).map(|basis| &basis.name))
            .number("subjects", Some(entry.subjects.len() as u64))
    }

    fn outcome(entry: &Outcome) -> Self {
        let (result, weight) = match entry.result {
            TransferResult::Answered => ("answered", Weight::Info),
            TransferResult::Failed => ("failed", Weight::Warning),
            TransferResult::Unknown => ("unknown", Weight::Warning),
        };
        Self::new("outcome", "Transfer ended", weight)
            .text("id", Some(&entry.id))
            .text("result", Some(result))
            .number("status", entry.status.map(u64::from))
            .list("categories", entry.reveals.iter().map(|revealed| &revealed.category))
            .number("values", Some(entry.reveals.iter().map(|shown| u64::from(shown.count)).sum()))
            .number("subjects", Some(entry.subjects.len() as u64))
    }

    fn refused(entry: &RefusedTransfer) -> Self {
        Self::new("refused", "Transfer refused", Weight::Warning)
            .text("id", Some(&entry.id))
            .text("caller", Some(&entry.caller))
            .text("purpose", entry.purpose.as_ref())
            .text("upstream", entry.upstream.as_ref())
            .text("operation", entry.operation.as_ref())
            .text("code", Some(entry.code.as_str()))
            .list("rules", entry.rules.iter())
            .number("records", entry.records.map(u64::from))
            .number("subjects", Some(entry.subjects.len() as u64))
    }

    fn key_change(entry: &KeyChange) -> Self {
        Self::new("key_change", "Log signing key added", Weight::Notice)
            .text("verifier_key", Some(&entry.verifier_key))
    }

    fn text(mut self, name: &'static str, text: Option<impl ToString>) -> Self {
        self.facts.extend(text.map(|text| (name, Fact::Text(text.to_string()))));
        self
    }

    fn number(mut self, name: &'static str, number: Option<u64>) -> Self {
        self.facts.extend(number.map(|number| (name, Fact::Number(number))));
        self
    }

    /// Each once, sorted; nothing when there are none.
    fn list(mut self, name: &'static str, items: impl Iterator<Item = impl ToString>) -> Self {
        let items: BTreeSet<String> = items.map(|item| item.to_string()).collect();
        if !items.is_empty() {
            self.facts.push((name, Fact::List(items.into_iter().collect())));
        }
        self
    }
}

impl Fact {
    /// In one text; items of a list are separated by commas.
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::List(items) => items.join(","),
        }
    }
}
