// SPDX-License-Identifier: Apache-2.0

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Date, Jurisdiction, Region, UpstreamName};
use crate::transfer_log::{BasisUsed, Entry, Transfer};

use super::table::Tally;
use super::{Cell, Mark, Report, Seen, Table};

/// A basis that the policy of an upstream names now, whether traffic relied on it or not.
#[derive(Clone, Debug)]
pub struct DeclaredBasis {
    pub upstream: UpstreamName,
    pub basis: BasisUsed,
}

/// The bases that transfers rely on, and when they end.
#[derive(Debug)]
pub struct Bases {
    today: Date,
    /// Days before its end from which a basis is said to expire.
    warning_days: u32,
    /// Whether the policies were given.
    knows_policies: bool,
    used: BTreeMap<BasisUsed, Used>,
}

#[derive(Debug, Default)]
struct Used {
    upstreams: BTreeSet<UpstreamName>,
    regions: BTreeSet<Region>,
    jurisdictions: BTreeSet<Jurisdiction>,
    transfers: Tally,
    values: u64,
    is_declared: bool,
}

impl Bases {
    /// `declared` are the bases of the policies in force, where these are known.
    pub fn new(today: Date, warning_days: u32, declared: Option<Vec<DeclaredBasis>>) -> Self {
        let knows_policies = declared.is_some();
        let mut used: BTreeMap<BasisUsed, Used> = BTreeMap::new();
        for DeclaredBasis { upstream, basis } in declared.into_iter().flatten() {
            let entry = used.entry(basis).or_default();
            entry.upstreams.insert(upstream);
            entry.is_declared = true;
        }
        Self { today, warning_days, knows_policies, used }
    }
}

impl Report for Bases {
    fn title(&self) -> &'static str {
        "Transfer bases"
    }

    fn summary(&self) -> String {
        format!(
            "The legal bases that transfers relied on, those that end first at the top, seen \
             from {}. A basis that ends within {} days is marked; after its last day transfers \
             that need it are refused.",
            self.today, self.warning_days
        )
    }

    fn add(&mut self, seen: &Seen<'_>) {
        if let Entry::Transfer(transfer) = seen.entry {
            self.transfer(transfer);
        }
    }

    fn tables(&self) -> Vec<Table> {
        let mut bases: Vec<_> = self.used.iter().collect();
        bases.sort_by_key(|(basis, _)| (basis.until.is_none(), basis.until));
        let row = |(basis, used): (&BasisUsed, &Used)| {
            let mut row = vec![
                self.state(basis.until),
                basis.until.map_or_else(|| Cell::text(""), Cell::Day),
                Cell::text(&basis.name),
                Cell::text(&basis.kind),
                Cell::optional(basis.reference.as_ref()),
                Cell::lines(&used.jurisdictions),
                Cell::lines(&used.upstreams),
                Cell::lines(&used.regions),
                Cell::Number(used.values),
                Cell::Number(used.transfers.count),
                used.transfers.first(),
                used.transfers.last(),
            ];
            if self.knows_policies {
                row.push(Cell::text(if used.is_declared { "yes" } else { "no" }));
            }
            row
        };
        let mut columns = vec![
            "State",
            "Until",
            "Basis",
            "Kind",
            "Reference",
            "Jurisdiction",
            "Upstream",
            "Region",
            "Values",
            "Transfers",
            "First",
            "Last",
        ];
        if self.knows_policies {
            columns.push("In the policy");
        }
        vec![Table {
            name: "bases",
            title: "Bases and their ends",
            note: "A basis that was changed in the policy has a line for each form in which transfers relied on it.",
            columns,
            rows: bases.into_iter().map(row).collect(),
        }]
    }
}

impl Bases {
    fn transfer(&mut self, transfer: &Transfer) {
        let mut values: BTreeMap<&BasisUsed, u64> = BTreeMap::new();
        for (at, ground) in (0_u32..).zip(&transfer.grounds) {
            let fields = transfer.fields.iter().filter(|field| field.ground == Some(at));
            let count: u64 = fields.map(|field| u64::from(field.count)).sum();
            for basis in &ground.bases {
                *values.entry(basis).or_default() += count;
                let used = self.used.entry(basis.clone()).or_default();
                used.jurisdictions.extend(ground.jurisdictions.iter().cloned());
            }
        }
        for (basis, count) in values {
            let used = self.used.entry(basis.clone()).or_default();
            used.values += count;
            used.transfers.add_request(transfer.id, transfer.time);
            used.upstreams.insert(transfer.upstream.clone());
            used.regions.insert(transfer.region.clone());
        }
    }

    fn state(&self, until: Option<Date>) -> Cell {
        let Some(until) = until else { return Cell::text("no end") };
        match until.days().checked_sub(self.today.days()) {
            None => Cell::Marked("expired".to_owned(), Mark::Bad),
            Some(0) => Cell::Marked("ends today".to_owned(), Mark::Attention),
            Some(1) => Cell::Marked("1 day left".to_owned(), Mark::Attention),
            Some(days) if days <= self.warning_days => {
                Cell::Marked(format!("{days} days left"), Mark::Attention)
            }
            Some(days) => Cell::Marked(format!("{days} days left"), Mark::Good),
        }
    }
}
