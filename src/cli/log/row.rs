// SPDX-License-Identifier: Apache-2.0

use std::fmt::{self, Display};

use crate::base::SubjectId;
use crate::transfer_log::{
    Entry, FieldCount, Ground, KeyChange, Outcome, RefusedTransfer, Revealed, Transfer,
    TransferResult,
};

/// An entry as columns of text; what an entry does not say is empty.
#[derive(Clone, Debug, Default)]
pub struct Row {
    index: u64,
    time: String,
    kind: &'static str,
    id: String,
    instance: String,
    caller: String,
    purpose: String,
    upstream: String,
    region: String,
    operation: String,
    object: String,
    result: String,
    /// What was done with which fields, or what of them was shown.
    fields: String,
    grounds: String,
    subjects: String,
}

/// The names of the columns.
pub const COLUMNS: [&str; 15] = [
    "index",
    "time",
    "kind",
    "id",
    "instance",
    "caller",
    "purpose",
    "upstream",
    "region",
    "operation",
    "object",
    "result",
    "fields",
    "grounds",
    "subjects",
];

impl Row {
    pub fn new(index: u64, entry: &Entry) -> Self {
        let row = Self { index, time: entry.time().to_rfc3339(), ..Self::default() };
        match entry {
            Entry::Transfer(entry) => row.transfer(entry),
            Entry::Outcome(entry) => row.outcome(entry),
            Entry::Refused(entry) => row.refused(entry),
            Entry::KeyChange(KeyChange { verifier_key, .. }) => {
                Self { kind: "key_change", result: verifier_key.to_string(), ..row }
            }
        }
    }

    fn transfer(self, entry: &Transfer) -> Self {
        Self {
            kind: "transfer",
            id: entry.id.to_string(),
            instance: entry.instance.to_string(),
            caller: entry.caller.to_string(),
            purpose: optional(entry.purpose.as_ref()),
            upstream: entry.upstream.to_string(),
            region: entry.region.to_string(),
            operation: entry.operation.to_string(),
            object: optional(entry.object.as_ref()),
            result: if entry.uninspected { "uninspected" } else { "" }.to_owned(),
            fields: list(&entry.fields, protected),
            grounds: list(&entry.grounds, ground),
            subjects: list(&entry.subjects, SubjectId::to_string),
            ..self
        }
    }

    fn outcome(self, entry: &Outcome) -> Self {
        let result = match entry.result {
            TransferResult::Answered => "answered",
            TransferResult::Failed => "failed",
            TransferResult::Unknown => "unknown",
        };
        let status = entry.status.map(|status| format!(" {status}")).unwrap_or_default();
        Self {
            kind: "outcome",
            id: entry.id.to_string(),
            result: format!("{result}{status}"),
            fields: list(&entry.reveals, revealed),
            subjects: list(&entry.subjects, SubjectId::to_string),
            ..self
        }
    }

    fn refused(self, entry: &RefusedTransfer) -> Self {
        let records = entry.records.map(|records| format!(" {records} records"));
        Self {
            kind: "refused",
            id: entry.id.to_string(),
            instance: entry.instance.to_string(),
            caller: entry.caller.to_string(),
            purpose: optional(entry.purpose.as_ref()),
            upstream: optional(entry.upstream.as_ref()),
            operation: optional(entry.operation.as_ref()),
            result: format!("{}{}", entry.code.as_str(), records.unwrap_or_default()),
            grounds: list(&entry.rules, ToString::to_string),
            subjects: list(&entry.subjects, SubjectId::to_string),
            ..self
        }
    }

    /// The cells, in the order of [`COLUMNS`].
    pub fn cells(&self) -> [String; COLUMNS.len()] {
        let Self { time, id, instance, caller, purpose, upstream, .. } = self.clone();
        let Self { region, operation, object, result, fields, grounds, subjects, .. } =
            self.clone();
        let (index, kind) = (self.index.to_string(), self.kind.to_owned());
        [
            index, time, kind, id, instance, caller, purpose, upstream, region, operation, object,
            result, fields, grounds, subjects,
        ]
        .map(|cell| printable(&cell))
    }
}

/// `412  2026-01-01T00:00:00.000Z  transfer  billing → sf (US)  contact.create  email tokenize 2`
impl Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = vec![self.result.clone()];
        if !self.caller.is_empty() {
            let upstream = if self.upstream.is_empty() { "-" } else { &self.upstream };
            parts.push(format!("{} → {upstream}", self.caller));
        }
        parts.extend([&self.region, &self.operation, &self.object].map(Clone::clone));
        parts.extend([&self.fields, &self.grounds].map(Clone::clone));
        if !self.id.is_empty() {
            parts.push(format!("id {}", self.id));
        }
        if !self.subjects.is_empty() {
            parts.push(format!("about {}", self.subjects));
        }
        parts.retain(|part| !part.is_empty());
        let parts = printable(&parts.join("  "));
        write!(f, "{:>8}  {}  {:<10}  {parts}", self.index, self.time, self.kind)
    }
}

fn protected(field: &FieldCount) -> String {
    let reason = field.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let FieldCount { object, field, protection, count, .. } = field;
    format!("{object}.{field} {protection}{reason} {count}")
}

fn revealed(shown: &Revealed) -> String {
    let role = shown.role.as_ref().map(|role| format!(" to {role}")).unwrap_or_default();
    let clear = if shown.found_clear { " (stored clear)" } else { "" };
    let Revealed { object, field, reveal, count, .. } = shown;
    format!("{object}.{field} {}{role}{clear} {count}", reveal.as_str())
}

fn ground(ground: &Ground) -> String {
    let all = [
        ground.jurisdictions.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ground.rules.iter().map(ToString::to_string).collect(),
        ground.bases.iter().map(|basis| basis.name.to_string()).collect(),
    ];
    all.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn list<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
    items.iter().map(text).collect::<Vec<_>>().join("; ")
}

fn optional(name: Option<&impl Display>) -> String {
    name.map(ToString::to_string).unwrap_or_default()
}

/// Without characters that move the cursor or begin another line.
fn printable(text: &str) -> String {
    let escaped = |letter: char| {
        if letter.is_control() { letter.escape_default().to_string() } else { letter.to_string() }
    };
    text.chars().map(escaped).collect()
}
