// SPDX-License-Identifier: Apache-2.0
//! The criteria of Zoho's searches: `((Email:equals:a@b.example)and(City:in:Ulm,Bonn))`.
//!
//! [`parse`] takes such a text apart: conditions of one field, one operator and its
//! values, in parentheses, joined by `and` and `or`. Values stand without quotes;
//! parentheses, commas and backslashes in them have a backslash before them. Any other
//! backslash, and a comma where one value belongs, could be read in two ways and is
//! refused.
//!
//! Source: Zoho CRM API, "Search Records" (v2 to v8), parameter `criteria`.

mod parser;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::SyntaxError;

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// As the text spells it, with dots where it leads through lookups.
    pub field: String,
    /// Where the condition starts.
    pub at: usize,
    pub operator: Operator,
    /// Where the operator stands.
    pub operator_span: Range<usize>,
    pub operands: Vec<Operand>,
}

/// A value of a condition.
#[derive(Clone, PartialEq, Eq)]
pub struct Operand {
    /// Where it stands, escapes included.
    pub span: Range<usize>,
    /// Without escapes.
    pub text: String,
}

/// Names the place only: the text is a value.
impl std::fmt::Debug for Operand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Operand({:?})", self.span)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    /// As Zoho spells it.
    pub name: &'static str,
    pub comparing: Comparing,
}

/// A text of criteria, taken apart.
#[derive(Debug, Default)]
pub struct Criteria {
    pub conditions: Vec<Condition>,
    /// Whether records are found for which not all conditions hold, or for which one must
    /// not: by `or`, `not_equal`, `not_in` and the like.
    pub finds_others: bool,
}

/// What an operator needs to know of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparing {
    /// Whether it equals this one; the operator of the same sense for several, where
    /// there is one.
    Equality { several: Option<&'static str> },
    /// Whether it equals one of these.
    Membership,
    /// Whether a part of it is this, and where; the operator that asks whether it equals one of
    /// several.
    Part { is_at_start: bool, is_at_end: bool, several: &'static str },
    /// More than equality, of one value.
    Other,
    /// More than equality, of a list.
    Range,
}

/// Takes criteria apart.
///
/// # Errors
/// [`SyntaxError`] when any part of them is not understood.
pub fn parse(text: &str) -> Result<Criteria, SyntaxError> {
    parser::Parser::new(text).run()
}
