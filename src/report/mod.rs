// SPDX-License-Identifier: Apache-2.0
//! What auditors and data-protection officers ask of the log, as tables.
//!
//! A [`Report`] is given the entries of a log one by one and keeps sums, never the
//! entries themselves: its memory grows with the distinct things that it counts. Its
//! [`Table`]s become one page of HTML, for people and paper, or CSV, for programs.
//!
//! Pure: the same entries and policies give the same bytes. Nothing here can show a
//! value, since no entry holds one.

mod bases;
mod coverage;
mod csv;
mod html;
mod processing;
mod read;
mod refusals;
mod subject;
mod table;
#[cfg(test)]
mod tests;

pub use bases::{Bases, DeclaredBasis};
pub use coverage::{Coverage, CoveredUpstream};
pub use csv::inert;
pub use processing::Processing;
pub use read::{About, Extent, Period, Seen, read};
pub use refusals::Refusals;
pub use subject::Subject;
pub use table::{Cell, Column, Mark, Table};

use crate::base::{Tenant, Timestamp};
use crate::transfer_log::Checkpoint;

/// What is counted while a log is read.
pub trait Report {
    /// In the words of who asks for it.
    fn title(&self) -> &'static str;
    /// What it shows, and what it cannot show.
    fn summary(&self) -> String;
    fn add(&mut self, seen: &Seen<'_>);
    /// The first table is the one that the others add to.
    fn tables(&self) -> Vec<Table>;
}

/// A report that is done, with all that its reader needs to check it.
#[derive(Clone, Debug)]
pub struct Document {
    pub title: &'static str,
    pub summary: String,
    pub provenance: Provenance,
    pub tables: Vec<Table>,
}

/// The log that a report was made from.
#[derive(Clone, Debug)]
pub struct Provenance {
    pub tenant: Option<Tenant>,
    /// What the log committed to when it was read: its name, size and root hash.
    pub checkpoint: Checkpoint,
    /// Entries before this one were removed when their time was over.
    pub first_entry: u64,
    pub period: Period,
    pub extent: Extent,
    pub made: Timestamp,
}

impl Document {
    pub fn new(report: &dyn Report, provenance: Provenance) -> Self {
        Self {
            title: report.title(),
            summary: report.summary(),
            provenance,
            tables: report.tables(),
        }
    }

    /// One self-contained page: no scripts, nothing loaded from elsewhere.
    pub fn to_html(&self) -> String {
        html::page(self)
    }
}
