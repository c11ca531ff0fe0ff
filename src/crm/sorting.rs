// SPDX-License-Identifier: Apache-2.0
//! Queries that are sorted by what the CRM does not know, and the rows that they find.

use std::collections::BTreeSet;
use std::ops::Range;

use super::LocatedAnswer;
use crate::base::{FieldName, ObjectName};
use crate::carrier::{Codec, Document, Slot};

/// How a query wants its rows sorted, and how it is asked without.
#[derive(Debug)]
pub struct Sorting {
    /// As the language spells it: `ORDER BY`.
    pub operator: &'static str,
    /// The first decides, the next where rows are equal by it.
    pub keys: Vec<SortKey>,
    /// How many rows are wanted.
    pub limit: Option<usize>,
    /// The place in the target that the query is nested in.
    pub query: Range<usize>,
    /// Where the query says its order and how many rows are wanted.
    pub clauses: Range<usize>,
    /// Writes these clauses with other keys, for so many rows.
    pub write: fn(keys: &[SortKey], rows: usize) -> String,
}

/// A field that rows are sorted by.
#[derive(Debug)]
pub struct SortKey {
    pub object: ObjectName,
    pub field: FieldName,
    /// The fields of the object whose values decide: this one, and those that the CRM composes
    /// it of. None for the id of a record, which is no value.
    pub compared: Vec<FieldName>,
    pub is_descending: bool,
    /// Whether rows without a value are the last, whatever the direction.
    pub nulls_last: bool,
    /// All of it as the query has it.
    pub text: String,
    /// Why rows cannot be sorted by it here.
    pub obstacle: Option<&'static str>,
}

impl Sorting {
    /// The target of the query, without the first `count` keys and for so many rows; `None`
    /// where it is not the one that the query stands in.
    pub fn rewrite(&self, target: Document, count: usize, rows: usize) -> Option<Document> {
        let text = (self.write)(self.keys.get(count..)?, rows);
        target.rewriting(&self.query, self.clauses.clone(), text)
    }
}

impl LocatedAnswer {
    /// The same with its rows in this order, which may leave some out; `None` where the rows
    /// are not those of this answer.
    pub fn with_rows(mut self, rows: &Rows, order: &[usize]) -> Option<Self> {
        let mut body = self.body;
        if order.len() < rows.rows.len() {
            let count = rows.count.clone()?;
            body = body.with(Slot::rewritten(count, Codec::Plain, order.len().to_string()));
            let kept: BTreeSet<usize> = order.iter().copied().collect();
            self.records.retain(|name| {
                let at = rows.rows.partition_point(|row| row.records.end <= name.record);
                let is_in = rows.rows.get(at).is_some_and(|row| row.records.contains(&name.record));
                !is_in || kept.contains(&at)
            });
        }
        let spans: Vec<Range<usize>> = rows.rows.iter().map(|row| row.span.clone()).collect();
        self.body = body.reordered(&spans, order)?;
        Some(self)
    }
}

/// What is needed of an answer to sort it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sorted {
    /// By how many of the first keys of the [`Sorting`].
    pub keys: usize,
    /// The most rows that are looked at: one more than may be sorted.
    pub rows: usize,
}

impl Sorted {
    /// What the rows of a body of so many bytes take at most.
    pub fn bytes(self, body: usize) -> usize {
        // `{},` is a row.
        let rows = self.rows.min(body / 3 + 1);
        rows * (size_of::<Row>() + self.keys * size_of::<ValueAt>())
    }
}

/// The rows of an answer.
#[derive(Debug, Default)]
pub struct Rows {
    /// In the order in which they stand in the body, and no more than [`Sorted::rows`].
    pub rows: Vec<Row>,
    /// How many there are, as the answer says.
    pub total: Option<usize>,
    /// Whether there are no more than these.
    pub is_complete: bool,
    /// Where their count stands.
    pub count: Option<Range<usize>>,
}

/// A row of an answer.
#[derive(Debug)]
pub struct Row {
    pub span: Range<usize>,
    /// The records that it shows.
    pub records: Range<u32>,
    /// What it holds of each of the first keys of the [`Sorting`].
    pub keys: Vec<ValueAt>,
}

/// Where the value of a sort key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueAt {
    /// It is null, or of a related record that is not there.
    Null,
    /// A text.
    Text(Range<usize>),
    /// Something else, or it is missing.
    Other,
}
