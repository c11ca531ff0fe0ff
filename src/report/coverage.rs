// SPDX-License-Identifier: Apache-2.0

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Category, FieldName, ObjectName, UpstreamName};
use crate::policy::{Policy, Reason, Unlisted};
use crate::transfer_log::{Entry, FieldCount};

use super::table::Tally;
use super::{Cell, Mark, Report, Seen, Table};

/// What the policies list, next to what traffic showed.
#[derive(Debug)]
pub struct Coverage {
    listed: BTreeMap<Place, Listed>,
    seen: BTreeMap<Place, Traffic>,
    clear: BTreeMap<(Option<UpstreamName>, ObjectName, FieldName, Category), Tally>,
}

/// An upstream with the policy that is in force.
#[derive(Clone, Copy, Debug)]
pub struct CoveredUpstream<'p> {
    pub name: &'p UpstreamName,
    pub policy: &'p Policy,
}

type Place = (UpstreamName, ObjectName, FieldName);

#[derive(Debug)]
struct Listed {
    category: Option<Category>,
    protection: &'static str,
}

#[derive(Debug, Default)]
struct Traffic {
    protected: Tally,
    unlisted: Tally,
    reasons: BTreeSet<&'static str>,
}

impl Coverage {
    pub fn new<'p>(upstreams: impl IntoIterator<Item = CoveredUpstream<'p>>) -> Self {
        let mut listed = BTreeMap::new();
        for CoveredUpstream { name, policy } in upstreams {
            for (object, rule) in &policy.objects {
                for (field, rule) in &rule.fields {
                    let (category, protection) =
                        (Some(rule.category.clone()), rule.protection.name());
                    let place = (name.clone(), object.clone(), field.clone());
                    listed.insert(place, Listed { category, protection });
                }
                let others = match &rule.unlisted {
                    Unlisted::Pass => Listed { category: None, protection: "none" },
                    Unlisted::Refuse => Listed { category: None, protection: "refused" },
                    Unlisted::Protect(rule) => Listed {
                        category: Some(rule.category.clone()),
                        protection: rule.protection.name(),
                    },
                };
                listed
                    .insert((name.clone(), object.clone(), FieldName::from_static(OTHERS)), others);
            }
        }
        Self { listed, seen: BTreeMap::new(), clear: BTreeMap::new() }
    }
}

/// Stands for the fields of an object that its policy does not list.
const OTHERS: &str = "(others)";

impl Report for Coverage {
    fn title(&self) -> &'static str {
        "Policy coverage"
    }

    fn summary(&self) -> String {
        "The fields that the policies in force list, next to what the log shows of them: \
         whether they were seen, which fields went out without protection because no policy \
         lists them, and which protected fields the CRM still holds in the clear."
            .to_owned()
    }

    fn add(&mut self, seen: &Seen<'_>) {
        match seen.entry {
            Entry::Transfer(transfer) => {
                for field in &transfer.fields {
                    let (object, name) = (field.object.clone(), field.field.clone());
                    let place = (transfer.upstream.clone(), object, name);
                    self.seen.entry(place).or_default().add(field, transfer.time);
                }
            }
            Entry::Outcome(outcome) => {
                for revealed in outcome.reveals.iter().filter(|revealed| revealed.found_clear) {
                    let upstream = seen.about.map(|about| about.upstream.clone());
                    let (object, field) = (revealed.object.clone(), revealed.field.clone());
                    let count =
                        self.clear.entry((upstream, object, field, revealed.category.clone()));
                    count.or_default().add(revealed.count.into(), outcome.time);
                }
            }
            Entry::Refused(_) | Entry::KeyChange(_) => {}
        }
    }

    fn tables(&self) -> Vec<Table> {
        vec![self.listed(), self.unprotected(), self.found_clear()]
    }
}

impl Traffic {
    fn add(&mut self, field: &FieldCount, time: crate::base::Timestamp) {
        match field.unlisted() {
            Some(reason) => {
                self.unlisted.add(field.count.into(), time);
                self.reasons.insert(reason.as_str());
            }
            None if field.reason.as_deref() == Some(Reason::Empty.as_str()) => {}
            None => self.protected.add(field.count.into(), time),
        }
    }
}

impl Coverage {
    fn listed(&self) -> Table {
        let nothing = Traffic::default();
        let row = |(place, listed): (&Place, &Listed)| {
            let (upstream, object, field) = place;
            let seen = self.seen.get(place).unwrap_or(&nothing);
            let is_rest = field.as_str() == OTHERS;
            let state = if is_rest {
                Cell::text("")
            } else if seen.protected.count + seen.unlisted.count > 0 {
                Cell::Marked("seen".to_owned(), Mark::Good)
            } else {
                Cell::Marked("never seen".to_owned(), Mark::Attention)
            };
            vec![
                Cell::text(upstream),
                Cell::text(object),
                Cell::text(field),
                Cell::optional(listed.category.as_ref()),
                Cell::text(listed.protection),
                state,
                if is_rest { Cell::text("") } else { Cell::Number(seen.protected.count) },
                seen.protected.first(),
                seen.protected.last(),
            ]
        };
        Table {
            name: "fields",
            title: "What the policies list",
            note: "A field that was never seen may be misspelt, or belong to an operation that nobody uses. `(others)` is what happens to fields of the object that are not listed.",
            columns: vec![
                "Upstream",
                "Object",
                "Field",
                "Category",
                "Protection",
                "In traffic",
                "Values protected",
                "First",
                "Last",
            ],
            rows: self.listed.iter().map(row).collect(),
        }
    }

    fn unprotected(&self) -> Table {
        let unlisted = self.seen.iter().filter(|(_, seen)| seen.unlisted.count > 0);
        let row = |(place, seen): (&Place, &Traffic)| {
            let (upstream, object, field) = place;
            let is_listed = self.listed.contains_key(place);
            vec![
                Cell::text(upstream),
                Cell::text(object),
                Cell::text(field),
                Cell::lines(&seen.reasons),
                Cell::Number(seen.unlisted.count),
                seen.unlisted.first(),
                seen.unlisted.last(),
                Cell::text(if is_listed { "yes" } else { "no" }),
            ]
        };
        Table {
            name: "unprotected",
            title: "What went out unprotected",
            note: "`object_unlisted`: no policy names the object; `field_unlisted`: its object is listed, but not the field. `(other)` stands for names that are not fit for the log. The last column says whether the policy in force lists the field by now.",
            columns: vec![
                "Upstream",
                "Object",
                "Field",
                "Reason",
                "Values",
                "First",
                "Last",
                "Listed now",
            ],
            rows: unlisted.map(row).collect(),
        }
    }

    fn found_clear(&self) -> Table {
        let rows = self.clear.iter().map(|((upstream, object, field, category), count)| {
            vec![
                Cell::optional(upstream.as_ref()),
                Cell::text(object),
                Cell::text(field),
                Cell::text(category),
                Cell::Number(count.count),
                count.first(),
                count.last(),
            ]
        });
        Table {
            name: "clear",
            title: "What the CRM still holds in the clear",
            note: "Values of protected fields that answers held unprotected: written before the policy, or past this proxy.",
            columns: vec!["Upstream", "Object", "Field", "Category", "Values", "First", "Last"],
            rows: rows.collect(),
        }
    }
}
