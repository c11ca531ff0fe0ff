// SPDX-License-Identifier: Apache-2.0

use std::fmt::Display;

use crate::base::{Date, EntryId, Timestamp};
use crate::transfer_log::{BasisUsed, Ground};

/// A table that is to be read by people and by programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// One word, by which CSV is asked for.
    pub name: &'static str,
    pub title: &'static str,
    pub note: &'static str,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
}

/// The heading of a column.
pub type Column = &'static str;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    Text(String),
    Number(u64),
    Time(Timestamp),
    Day(Date),
    /// Several texts, one below the other.
    Lines(Vec<String>),
    /// A text that is good or bad news.
    Marked(String, Mark),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Good,
    Attention,
    Bad,
}

impl Cell {
    pub fn text(text: impl Display) -> Self {
        Self::Text(text.to_string())
    }

    /// An empty cell if there is nothing.
    pub fn optional(text: Option<&(impl Display + ?Sized)>) -> Self {
        Self::Text(text.map(ToString::to_string).unwrap_or_default())
    }

    pub fn lines(lines: impl IntoIterator<Item = impl Display>) -> Self {
        Self::Lines(lines.into_iter().map(|line| line.to_string()).collect())
    }

    pub fn time(time: Option<Timestamp>) -> Self {
        time.map_or_else(|| Self::Text(String::new()), Self::Time)
    }

    /// In one line, as programs read it.
    pub fn plain(&self) -> String {
        match self {
            Self::Text(text) | Self::Marked(text, _) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Time(time) => time.to_rfc3339(),
            Self::Day(day) => day.to_string(),
            Self::Lines(lines) => lines.join("; "),
        }
    }
}

/// How often, and when for the first and the last time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub count: u64,
    /// The request that was counted last.
    request: Option<EntryId>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Tally {
    pub fn add(&mut self, count: u64, time: Timestamp) {
        self.count += count;
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
    }

    /// Counts a request once, though the log may say what there is to say of it in
    /// several entries, one behind the other. Whether it is a new one.
    pub fn add_request(&mut self, id: EntryId, time: Timestamp) -> bool {
        let is_new = self.request.replace(id) != Some(id);
        self.add(u64::from(is_new), time);
        is_new
    }

    pub fn first(&self) -> Cell {
        Cell::time(self.first)
    }

    pub fn last(&self) -> Cell {
        Cell::time(self.last)
    }
}

/// The bases of a ground, each in one line: `scc-2026 (scc), SCC-2026-014, until 2027-06-30`.
pub(super) fn basis_lines(ground: Option<&Ground>) -> Cell {
    Cell::lines(ground.into_iter().flat_map(|ground| &ground.bases).map(basis_line))
}

fn basis_line(basis: &BasisUsed) -> String {
    let reference = basis.reference.as_ref().map(|reference| format!(", {reference}"));
    let until = basis.until.map(|until| format!(", until {until}"));
    let (reference, until) = (reference.unwrap_or_default(), until.unwrap_or_default());
    format!("{} ({}){reference}{until}", basis.name, basis.kind)
}
