// SPDX-License-Identifier: Apache-2.0
//! Generated queries over generated data: what comes back through the proxy is what the
//! same query finds in clear data, or it is refused. Never another answer.
//!
//! A CRM that answers is a [`house::Crm`]: a small reader of its query language that shares
//! nothing with ours and compares as its vendor says. One of two holds what the proxy let
//! through, the other the clear values; both are asked the same.

mod coql;
mod criteria;
mod dataverse;
mod fetchxml;
mod graphql;
mod house;
mod hubspot;
mod odata;
mod people;
mod pipedrive;
mod reading;
mod soql;
mod sosl;
mod twins;
mod zoho;

/// Of each language; with `tests/run --long` ten times as many.
const QUERIES: usize = 2_000;

/// How often each of them happened.
#[derive(Debug, Default)]
struct Outcomes {
    /// With rows.
    answered: usize,
    empty: usize,
    refused: usize,
}

impl Outcomes {
    fn count(&mut self, rows: usize) {
        if rows == 0 { self.empty += 1 } else { self.answered += 1 }
    }

    /// That all of them happened often enough to mean something.
    fn check(&self) {
        for count in [self.answered, self.empty, self.refused] {
            assert!(count > queries() / 20, "{self:?}");
        }
    }
}

fn queries() -> usize {
    if std::env::var_os("ZOLLHAUS_TEST_LONG").is_some() { 10 * QUERIES } else { QUERIES }
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
