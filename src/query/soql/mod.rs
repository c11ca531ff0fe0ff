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
mod order;
mod parser;
#[cfg(test)]
mod tests;

use super::SyntaxError;
pub use super::{Comparison, FieldUse, Path};
pub use order::{Limit, Order, SortKey};

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
    /// In which order rows are answered, and which of them. What it sorts by is among `uses`.
    pub order: Order,
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

/// Characters of a query that Salesforce reads ("Maximum length of SOQL statements"). What
/// is longer would only keep us busy: each name may be an alias of each other.
const MAX_LENGTH: usize = 100_000;

/// Takes a query apart.
///
/// # Errors
/// [`SyntaxError`] when any part of it is not understood.
pub fn parse(query: &str) -> Result<Query, SyntaxError> {
    if query.chars().nth(MAX_LENGTH).is_some() {
        return Err(SyntaxError::Longer(MAX_LENGTH));
    }
    cursor::Cursor::new(query, lexer::tokens(query)?).run()
}
