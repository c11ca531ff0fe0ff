// SPDX-License-Identifier: Apache-2.0
//! COQL, the query language of Zoho CRM ("Query API - An Overview", v2 to v8).
//!
//! [`parse`] takes a query apart so far that every literal and every use of a field is
//! bound to the path that the query names the field by. What is special:
//! - Strings stand in single or double quotes, and a quote inside is doubled. Field
//!   names may stand in quotes as well: the position says which of the two it is.
//!   A backslash in a string can be read in two ways and is refused.
//! - Values of lists may stand without quotes.
//! - A path leads through lookups by dots; a lookup to one of several modules names
//!   the module: `What_Id->Leads.Last_Name`. `!` before the first name marks a module.

mod cursor;
mod lexer;
mod parser;
#[cfg(test)]
mod tests;

use super::SyntaxError;

/// A literal, and the path of the field that it is compared with. `true`, `false` and
/// `null` without quotes are none.
pub type Comparison = super::Comparison<Path>;
pub type FieldUse = super::FieldUse<Path>;

/// A `SELECT`.
#[derive(Debug, Default)]
pub struct Query {
    pub module: String,
    pub columns: Vec<Column>,
    pub comparisons: Vec<Comparison>,
    pub uses: Vec<FieldUse>,
    /// Whether rows are found for which not all comparisons hold, or for which one must
    /// not: by `or`, `!=`, `not in`.
    pub finds_others: bool,
}

/// What leads to a field, and the field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The module that it starts from, where the query says so: `!Leads.Owner`.
    pub module: Option<String>,
    /// Never empty.
    pub steps: Vec<Step>,
    pub at: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub name: String,
    /// The module that a lookup leads to, where the query says so.
    pub module: Option<String>,
}

/// One column of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The field whose values the column holds; none for counts and sums.
    pub field: Option<Path>,
    /// What the answer calls it.
    pub key: String,
    pub has_alias: bool,
}

/// Takes a query apart.
///
/// # Errors
/// [`SyntaxError`] when any part of it is not understood.
pub fn parse(query: &str) -> Result<Query, SyntaxError> {
    parser::parse(cursor::Cursor::new(query, lexer::tokens(query)?))
}
