// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeSet;

use crate::base::SubjectId;
use crate::transfer_log::{Entry, FieldCount, Outcome, RefusedTransfer, Transfer, TransferResult};

use super::table::basis_lines;
use super::{About, Cell, Mark, Report, Seen, Table};

/// Every entry about one data subject, with its place in the log.
#[derive(Debug)]
pub struct Subject {
    /// Under each of them the log may name the person.
    pseudonyms: BTreeSet<SubjectId>,
    rows: Vec<Vec<Cell>>,
}

impl Subject {
    /// `pseudonyms` are all those of the person that are known.
    pub fn new(pseudonyms: impl IntoIterator<Item = SubjectId>) -> Self {
        Self { pseudonyms: pseudonyms.into_iter().collect(), rows: Vec::new() }
    }

    /// Whether an entry, or one that says it together with others, names the person.
    fn is_about(&self, whole: &[(u64, Entry)]) -> bool {
        let mut subjects = whole.iter().flat_map(|(_, entry)| entry.subjects());
        subjects.any(|subject| self.pseudonyms.contains(subject))
    }
}

impl Report for Subject {
    fn title(&self) -> &'static str {
        "Transfers about one data subject"
    }

    fn summary(&self) -> String {
        let pseudonyms: Vec<String> = self.pseudonyms.iter().map(ToString::to_string).collect();
        format!(
            "Every entry of the log that is about the data subject who goes by {}, as far as \
             requests and answers named them. An inclusion proof for each can be asked for by \
             its number.",
            pseudonyms.join(", ")
        )
    }

    fn add(&mut self, seen: &Seen<'_>) {
        if !self.is_about(seen.whole) {
            return;
        }
        let row = match seen.entry {
            Entry::Transfer(entry) => sent(entry),
            Entry::Outcome(entry) => shown(entry, seen.about),
            Entry::Refused(entry) => refused(entry),
            Entry::KeyChange(_) => return,
        };
        let place = [Cell::Number(seen.index), Cell::Time(seen.entry.time())];
        self.rows.push(place.into_iter().chain(row).collect());
    }

    fn tables(&self) -> Vec<Table> {
        vec![Table {
            name: "entries",
            title: "Entries",
            note: "Counts of fields are those of the whole request or answer, which may be about others too.",
            columns: vec![
                "Entry",
                "Time",
                "What",
                "Caller",
                "Purpose",
                "Upstream",
                "Region",
                "Operation",
                "Fields",
                "Basis",
                "Result",
            ],
            rows: self.rows.clone(),
        }]
    }
}

fn sent(entry: &Transfer) -> [Cell; 9] {
    let field = |field: &FieldCount| {
        let reason = field.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let (object, name, protection) = (&field.object, &field.field, &field.protection);
        format!("{object}.{name}: {protection}{reason} {}", field.count)
    };
    let mut bases: Vec<String> = Vec::new();
    for ground in &entry.grounds {
        if let Cell::Lines(lines) = basis_lines(Some(ground)) {
            bases.extend(lines);
        }
    }
    bases.sort();
    bases.dedup();
    [
        Cell::text("sent"),
        Cell::text(&entry.caller),
        Cell::optional(entry.purpose.as_ref()),
        Cell::text(&entry.upstream),
        Cell::text(&entry.region),
        Cell::text(&entry.operation),
        Cell::lines(entry.fields.iter().map(field)),
        Cell::Lines(bases),
        Cell::text(""),
    ]
}

fn shown(entry: &Outcome, about: Option<&About>) -> [Cell; 9] {
    let fields = entry.reveals.iter().map(|revealed| {
        let clear = if revealed.found_clear { " (held in the clear)" } else { "" };
        let (object, name) = (&revealed.object, &revealed.field);
        format!("{object}.{name}: {}{clear} {}", revealed.reveal.as_str(), revealed.count)
    });
    let result = match entry.result {
        TransferResult::Answered => "answered",
        TransferResult::Failed => "failed",
        TransferResult::Unknown => "unknown",
    };
    let status = entry.status.map(|status| format!(" {status}")).unwrap_or_default();
    [
        Cell::text("shown"),
        Cell::optional(about.map(|about| &about.caller)),
        Cell::optional(about.and_then(|about| about.purpose.as_ref())),
        Cell::optional(about.map(|about| &about.upstream)),
        Cell::optional(about.map(|about| &about.region)),
        Cell::optional(about.map(|about| &about.operation)),
        Cell::lines(fields),
        Cell::text(""),
        Cell::text(format!("{result}{status}")),
    ]
}

fn refused(entry: &RefusedTransfer) -> [Cell; 9] {
    let rules = entry.rules.iter().map(|rule| format!(", {rule}"));
    let code: String = std::iter::once(entry.code.as_str().to_owned()).chain(rules).collect();
    [
        Cell::text("turned back"),
        Cell::text(&entry.caller),
        Cell::optional(entry.purpose.as_ref()),
        Cell::optional(entry.upstream.as_ref()),
        Cell::text(""),
        Cell::optional(entry.operation.as_ref()),
        Cell::text(""),
        Cell::text(""),
        Cell::Marked(code, Mark::Attention),
    ]
}
