// SPDX-License-Identifier: Apache-2.0
//! SOQL, the query language of Salesforce ("SOQL and SOSL Reference").
//!
//! [`parse`] takes a query apart so far that every literal and every use of a
//! field is bound to the path that the query names the field by. It reads
//! queries as they travel over the REST API; Apex bind variables, comments and
//! `WITH DATA CATEGORY` are refused like anything else it does not know.

pub(super) mod cursor;
mod functions;
pub(super) mod lexer;
mod parser;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub use super::Path;
use crate::carrier::{Value, Widening};

/// One `SELECT`, at the top or inside another.
#[derive(Debug, Default)]
pub struct Query {
    /// What follows `FROM`: first the object (in a sub-select the child
    /// relationship), then aliased relationships.
    pub from: Vec<Source>,
    pub columns: Vec<Column>,
    pub comparisons: Vec<Comparison>,
    pub uses: Vec<FieldUse>,
    /// `(SELECT … FROM Contacts)` in the select list.
    pub children: Vec<Query>,
    /// `IN (SELECT …)` in a condition.
    pub semi_joins: Vec<Query>,
    /// Whether rows are found for which not all comparisons hold, or for which one must
    /// not: by `OR`, `NOT`, `!=`, `NOT IN`.
    pub finds_others: bool,
    /// Whether the answer has rows of groups and aggregates instead of records.
    pub is_aggregate: bool,
}

/// `Contact c`, or `c.Account a`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub path: Path,
    pub alias: Option<String>,
}

/// One column of the answer. `TYPEOF` yields none: its answer names its types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The field whose values the column holds; none for counts and the like.
    pub field: Option<Path>,
    pub alias: Option<String>,
    /// Whether the column is computed, so that without an alias an aggregate
    /// answer calls it `expr0`, `expr1` and so on.
    pub is_computed: bool,
}

/// A literal that is compared for equality: by `=`, `!=`, `IN` or `NOT IN`.
/// `null`, `true` and `false` are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    pub field: Path,
    /// Where the literal stands, quotes included.
    pub span: Range<usize>,
    pub value: Value,
    pub widening: Widening,
}

/// A use of a field that equality does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldUse {
    pub field: Path,
    /// The operator, clause or function: `LIKE`, `ORDER BY`, `MAX`.
    pub operator: &'static str,
}

/// Not SOQL as we read it. Names offsets, never content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SoqlError {
    #[error("it has a character that SOQL does not have at byte {0}")]
    Character(usize),
    #[error("it has a malformed literal at byte {0}")]
    Literal(usize),
    #[error("it has {expected} missing at byte {at}")]
    Expected { expected: &'static str, at: usize },
    #[error("it is nested too deeply at byte {0}")]
    TooDeep(usize),
}

/// Takes a query apart.
///
/// # Errors
/// [`SoqlError`] when any part of it is not understood.
pub fn parse(query: &str) -> Result<Query, SoqlError> {
    cursor::Cursor::new(lexer::tokens(query)?, query).run()
}
