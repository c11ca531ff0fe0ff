// SPDX-License-Identifier: Apache-2.0

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Category, PrincipalName, Purpose, Region, Role, UpstreamName};
use crate::policy::{Reason, Reveal};
use crate::transfer_log::{Entry, FieldCount, Ground, Outcome, Transfer};

use super::table::{Tally, basis_lines};
use super::{About, Cell, Report, Seen, Table};

/// The record of processing activities and of transfers to third countries, as far as
/// traffic shows them (GDPR Art. 30(1)(c)-(e) and (2)).
#[derive(Debug, Default)]
pub struct Processing {
    sent: BTreeMap<SentKey, Sent>,
    shown: BTreeMap<ShownKey, Shown>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SentKey {
    upstream: UpstreamName,
    region: Region,
    data: Data,
    ground: Option<Ground>,
    purpose: Option<Purpose>,
}

/// What kind of data went.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Data {
    Category(Category),
    /// Fields or objects that the policy does not list.
    Unlisted,
    /// Surrogates that the caller had been given before.
    Surrogates,
    /// `observe` mode let a request pass unread.
    Uninspected,
}

#[derive(Debug, Default)]
struct Sent {
    protections: BTreeMap<String, u64>,
    values: u64,
    transfers: Tally,
    callers: BTreeSet<PrincipalName>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ShownKey {
    upstream: Option<UpstreamName>,
    category: Category,
    found_clear: bool,
    reveal: Reveal,
    role: Option<Role>,
    caller: Option<PrincipalName>,
}

#[derive(Debug, Default)]
struct Shown {
    values: u64,
    answers: Tally,
}

impl Report for Processing {
    fn title(&self) -> &'static str {
        "Record of processing and transfers"
    }

    fn summary(&self) -> String {
        "What personal data went to which CRM, in which region, on which legal basis and \
         under which protection, and what was shown to whom on the way back. It serves the \
         record under Art. 30 GDPR; names and contacts of the controller, and time limits for \
         erasure, are not in the log and stand elsewhere."
            .to_owned()
    }

    fn add(&mut self, seen: &Seen<'_>) {
        match seen.entry {
            Entry::Transfer(transfer) => self.sent(transfer),
            Entry::Outcome(outcome) => self.shown(outcome, seen.about),
            Entry::Refused(_) | Entry::KeyChange(_) => {}
        }
    }

    fn tables(&self) -> Vec<Table> {
        vec![self.transfers(), self.reveals()]
    }
}

impl Processing {
    fn sent(&mut self, transfer: &Transfer) {
        let mut counted: BTreeMap<(Data, Option<Ground>), Vec<&FieldCount>> = BTreeMap::new();
        for field in &transfer.fields {
            if let Some(data) = Data::of(field) {
                let at = field.ground.and_then(|at| usize::try_from(at).ok());
                let ground = at.and_then(|at| transfer.grounds.get(at)).cloned();
                counted.entry((data, ground)).or_default().push(field);
            }
        }
        if transfer.uninspected {
            counted.entry((Data::Uninspected, None)).or_default();
        }
        for ((data, ground), fields) in counted {
            let sent = self.sent.entry(SentKey {
                upstream: transfer.upstream.clone(),
                region: transfer.region.clone(),
                data,
                ground,
                purpose: transfer.purpose.clone(),
            });
            let sent = sent.or_default();
            for field in fields {
                let count = u64::from(field.count);
                sent.values += count;
                *sent.protections.entry(protection(field)).or_default() += count;
            }
            sent.transfers.add_request(transfer.id, transfer.time);
            sent.callers.insert(transfer.caller.clone());
        }
    }

    fn shown(&mut self, outcome: &Outcome, about: Option<&About>) {
        let mut counted: BTreeMap<ShownKey, u64> = BTreeMap::new();
        for revealed in &outcome.reveals {
            let key = ShownKey {
                upstream: about.map(|about| about.upstream.clone()),
                category: revealed.category.clone(),
                found_clear: revealed.found_clear,
                reveal: revealed.reveal,
                role: revealed.role.clone(),
                caller: about.map(|about| about.caller.clone()),
            };
            *counted.entry(key).or_default() += u64::from(revealed.count);
        }
        for (key, values) in counted {
            let shown = self.shown.entry(key).or_default();
            shown.values += values;
            shown.answers.add_request(outcome.id, outcome.time);
        }
    }

    fn transfers(&self) -> Table {
        let row = |(key, sent): (&SentKey, &Sent)| {
            let ground = key.ground.as_ref();
            let jurisdictions = ground.into_iter().flat_map(|ground| &ground.jurisdictions);
            let rules = ground.into_iter().flat_map(|ground| &ground.rules);
            vec![
                Cell::text(&key.upstream),
                Cell::text(&key.region),
                key.data.cell(),
                Cell::lines(jurisdictions),
                basis_lines(ground),
                Cell::lines(rules),
                Cell::optional(key.purpose.as_ref()),
                Cell::lines(sent.protections.iter().map(|(word, count)| format!("{word} {count}"))),
                Cell::Number(sent.values),
                Cell::Number(sent.transfers.count),
                sent.transfers.first(),
                sent.transfers.last(),
                Cell::lines(&sent.callers),
            ]
        };
        Table {
            name: "transfers",
            title: "Data sent to CRMs",
            note: "One line per upstream, category, legal ground and purpose. A request counts once in every line that it belongs to.",
            columns: vec![
                "Upstream",
                "Region",
                "Category",
                "Jurisdiction",
                "Basis",
                "Rule",
                "Purpose",
                "Protection",
                "Values",
                "Transfers",
                "First",
                "Last",
                "Callers",
            ],
            rows: self.sent.iter().map(row).collect(),
        }
    }

    fn reveals(&self) -> Table {
        let row = |(key, shown): (&ShownKey, &Shown)| {
            vec![
                Cell::optional(key.upstream.as_ref()),
                Cell::text(&key.category),
                Cell::optional(key.caller.as_ref()),
                Cell::optional(key.role.as_ref()),
                Cell::text(key.reveal.as_str()),
                Cell::text(if key.found_clear { "clear" } else { "protected" }),
                Cell::Number(shown.values),
                Cell::Number(shown.answers.count),
                shown.answers.first(),
                shown.answers.last(),
            ]
        };
        Table {
            name: "reveals",
            title: "Data shown to callers",
            note: "What callers saw in answers: `full`, `mask` or the `surrogate` alone, by the role that gave the right, and whether the CRM held the value protected or in the clear. An upstream or caller is missing where the request was logged before what was read.",
            columns: vec![
                "Upstream",
                "Category",
                "Caller",
                "Role",
                "Shown as",
                "Held in the CRM",
                "Values",
                "Answers",
                "First",
                "Last",
            ],
            rows: self.shown.iter().map(row).collect(),
        }
    }
}

impl Data {
    /// `None` for a field that held no value.
    fn of(field: &FieldCount) -> Option<Self> {
        let is = |reason: Reason| field.reason.as_deref() == Some(reason.as_str());
        if is(Reason::Empty) {
            None
        } else if let Some(category) = &field.category {
            Some(Self::Category(category.clone()))
        } else if is(Reason::AlreadyProtected) {
            Some(Self::Surrogates)
        } else {
            Some(Self::Unlisted)
        }
    }

    fn cell(&self) -> Cell {
        match self {
            Self::Category(category) => Cell::text(category),
            Self::Surrogates => Cell::text("surrogates sent back"),
            Self::Unlisted => Cell::Marked("not in the policy".to_owned(), super::Mark::Attention),
            Self::Uninspected => Cell::Marked("not inspected".to_owned(), super::Mark::Bad),
        }
    }
}

/// `tokenize`, or `none (field_unlisted)`.
fn protection(field: &FieldCount) -> String {
    match &field.reason {
        Some(reason) => format!("{} ({reason})", field.protection),
        None => field.protection.to_string(),
    }
}
