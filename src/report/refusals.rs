// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeMap;

use crate::base::{Date, OperationName, PrincipalName, RuleName, UpstreamName};
use crate::transfer_log::{Entry, RefusedTransfer};

use super::table::Tally;
use super::{Cell, Report, Seen, Table};

/// What was turned back, why, and when.
#[derive(Debug, Default)]
pub struct Refusals {
    refused: BTreeMap<Key, Refused>,
    days: BTreeMap<(Date, &'static str), Tally>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    code: &'static str,
    rules: Vec<RuleName>,
    caller: PrincipalName,
    upstream: Option<UpstreamName>,
    operation: Option<OperationName>,
}

#[derive(Debug, Default)]
struct Refused {
    requests: Tally,
    /// Requests of which the rest was forwarded.
    in_part: u64,
    /// Records that such requests lost.
    records: u64,
}

impl Report for Refusals {
    fn title(&self) -> &'static str {
        "Refusals"
    }

    fn summary(&self) -> String {
        "Requests of known callers that were turned back as a whole or in part, by code, rule, \
         caller, upstream and operation, and day by day. Nothing of what was turned back has \
         left the house. Requests without a known caller are in the metrics, not in the log."
            .to_owned()
    }

    fn add(&mut self, seen: &Seen<'_>) {
        let Entry::Refused(entry) = seen.entry else { return };
        self.refused.entry(Key::of(entry)).or_default().add(entry);
        let day = self.days.entry((entry.time.date(), entry.code.as_str())).or_default();
        day.add_request(entry.id, entry.time);
    }

    fn tables(&self) -> Vec<Table> {
        let refusal = |(key, refused): (&Key, &Refused)| {
            vec![
                Cell::text(key.code),
                Cell::lines(&key.rules),
                Cell::text(&key.caller),
                Cell::optional(key.upstream.as_ref()),
                Cell::optional(key.operation.as_ref()),
                Cell::Number(refused.requests.count),
                Cell::Number(refused.in_part),
                Cell::Number(refused.records),
                refused.requests.first(),
                refused.requests.last(),
            ]
        };
        let day = |((day, code), requests): (&(Date, &'static str), &Tally)| {
            vec![Cell::Day(*day), Cell::text(code), Cell::Number(requests.count)]
        };
        vec![
            Table {
                name: "refusals",
                title: "What was turned back",
                note: "`In part` counts requests of which other records were forwarded; `records` are those that such requests lost.",
                columns: vec![
                    "Code",
                    "Rules",
                    "Caller",
                    "Upstream",
                    "Operation",
                    "Requests",
                    "In part",
                    "Records",
                    "First",
                    "Last",
                ],
                rows: self.refused.iter().map(refusal).collect(),
            },
            Table {
                name: "days",
                title: "Day by day",
                note: "Days in UTC; days without refusals are left out.",
                columns: vec!["Day", "Code", "Requests"],
                rows: self.days.iter().map(day).collect(),
            },
        ]
    }
}

impl Key {
    fn of(entry: &RefusedTransfer) -> Self {
        Self {
            code: entry.code.as_str(),
            rules: entry.rules.clone(),
            caller: entry.caller.clone(),
            upstream: entry.upstream.clone(),
            operation: entry.operation.clone(),
        }
    }
}

impl Refused {
    fn add(&mut self, entry: &RefusedTransfer) {
        let is_new = self.requests.add_request(entry.id, entry.time);
        if let Some(records) = entry.records {
            self.in_part += u64::from(is_new);
            self.records += u64::from(records);
        }
    }
}
