// SPDX-License-Identifier: Apache-2.0
//! Query languages: which fields a query names, and where its literals stand.
//!
//! A parser here reads a query in full or refuses it, and returns a plain
//! structure that says what the query asks of each field. It knows the syntax
//! only: what a relationship leads to, and what is personal, is for others to say.

pub mod coql;
pub mod fetchxml;
pub mod graphql;
pub mod odata;
pub mod soql;
pub mod sosl;
mod tokens;
pub mod zoho_criteria;

use std::ops::Range;

use crate::carrier::{Role, Value, Widening};

/// The operator of a use that asks only whether a field has a value.
pub const PRESENCE: &str = "a test for a value";

/// The most bytes around a value that are written again for each of several: there may be
/// hundreds, and whoever writes a query may put any amount of space there.
const LONGEST_REPEATED: usize = 1_000;

/// Relationships and the field that they lead to, as a query spells them:
/// `Account.Owner.Name`, `primarycontactid/emailaddress1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Never empty.
    pub names: Vec<String>,
    pub at: usize,
}

impl Path {
    /// What leads to the field, and the field.
    pub fn split(&self) -> (&[String], &str) {
        match self.names.split_last() {
            Some((field, relationships)) => (relationships, field),
            None => (&[], ""),
        }
    }
}

/// A literal that a field is compared with: for equality, by `=`, `!=`, `IN`, `NOT IN` or
/// what the language has for them, or in part, by `LIKE`. `null`, `true` and `false` are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison<P = Path> {
    pub field: P,
    /// Where the literal stands, quotes included.
    pub span: Range<usize>,
    pub value: Value,
    /// [`Role::Equality`] or [`Role::Pattern`].
    pub role: Role,
    pub widening: Widening,
}

/// A use of a field that equality does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldUse<P = Path> {
    pub field: P,
    /// The operator, clause or function: `LIKE`, `ORDER BY`, `MAX`, `contains`.
    pub operator: &'static str,
}

/// A text that is not read as its language. Names offsets, never content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    #[error("it has a character that the language does not have there at byte {0}")]
    Character(usize),
    #[error("it has a malformed literal at byte {0}")]
    Literal(usize),
    #[error("it has {expected} missing at byte {at}")]
    Expected { expected: &'static str, at: usize },
    #[error("it has an operator that is not known at byte {0}")]
    Operator(usize),
    #[error("it has a character at byte {0} that needs a backslash before it")]
    Unescaped(usize),
    #[error("it has a backslash at byte {0} that can be read in two ways")]
    Backslash(usize),
    #[error("it has too many columns or objects at byte {0}")]
    TooMany(usize),
    #[error("it is nested too deeply at byte {0}")]
    TooDeep(usize),
    #[error("it has more than {} words and signs", tokens::MAX_TOKENS)]
    TooLong,
    #[error("it is longer than {0} characters")]
    Longer(usize),
    #[error("it says at byte {0} what it has said before")]
    Twice(usize),
    #[error("it refers at byte {0} to what it does not define")]
    Undefined(usize),
    #[error("it defines at byte {0} what it does not use")]
    Unused(usize),
    #[error("it has a fragment inside itself at byte {0}")]
    Cycle(usize),
}
