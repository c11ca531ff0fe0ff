// SPDX-License-Identifier: Apache-2.0
//! The OData query language as the Dataverse Web API speaks it (OASIS "OData Version
//! 4.0 ABNF"; Microsoft, "Query data using the Web API").
//!
//! [`parse`] takes one query option apart so far that every literal and every use of
//! a property is bound to the path that the option names the property by: range
//! variables of `any` and `all` and the options inside `$expand` are resolved, so
//! that every path starts at the resource that the request names. [`segment`] and
//! [`literals`] read a path segment with its keys, and the value of a parameter alias.
//!
//! It knows the syntax only, and refuses what it does not know: arithmetic, `has`,
//! enumeration literals, `$it`, `$root` and `$count` inside of paths.

mod calls;
mod cursor;
mod functions;
mod lexer;
mod options;
mod parser;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::SyntaxError;
pub use super::{FieldUse, Path};
use crate::carrier::{Codec, Role, Value, Widening};

/// The query options that name properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clause {
    Filter,
    OrderBy,
    Select,
    Expand,
    Apply,
}

/// What a query option asks of properties.
#[derive(Debug, Default)]
pub struct Found {
    pub comparisons: Vec<Comparison>,
    pub uses: Vec<FieldUse>,
    /// Names of parameter aliases, without `@`, whose values are compared with no
    /// property: they name one, or belong to what is a [`FieldUse`].
    pub passed: Vec<String>,
    /// The names that `$apply` gives to what it computes.
    pub computed: Vec<String>,
    /// Whether records are found for which not all comparisons hold, or for which one must
    /// not (`or`, `not`, `ne`, `NotIn`), or others than those that are asked for
    /// (`$expand`, lambdas, other paths).
    pub finds_others: bool,
}

/// A value that a property is compared with for equality: by `eq`, `ne`, `in`, `In`
/// or `NotIn`. `null`, `true` and `false` are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    pub field: Path,
    /// [`Role::Equality`] or [`Role::Pattern`].
    pub role: Role,
    pub with: Operand,
}

/// What stands on the other side of a comparison, or in a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    Literal {
        literal: Literal,
        /// `None` in a place for one value, such as a key.
        widening: Option<Widening>,
    },
    /// A parameter alias, by its name without `@`.
    Alias(String),
}

/// A literal and where it stands, quotes included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    pub span: Range<usize>,
    pub value: Value,
    /// How a replacement is written.
    pub codec: Codec,
}

/// A segment of a path: `contacts`, `contacts(…)`, `lastname`, `$ref`.
#[derive(Debug, PartialEq, Eq)]
pub struct Segment<'s> {
    pub name: &'s str,
    /// `None` where there are no parentheses.
    pub arguments: Option<Vec<Argument<'s>>>,
}

/// One key or parameter of a segment.
#[derive(Debug, PartialEq, Eq)]
pub struct Argument<'s> {
    /// `None` for a key that needs no name, which a record's own id does not.
    pub name: Option<&'s str>,
    pub value: Operand,
}

/// Takes the value of a query option apart. `alias` gives the text of a parameter alias
/// by its name without `@`, where one stands for the name of a property.
///
/// # Errors
/// [`SyntaxError`] when any part of it is not understood.
pub fn parse(
    clause: Clause,
    text: &str,
    alias: &dyn Fn(&str) -> Option<String>,
) -> Result<Found, SyntaxError> {
    parser::Parser::new(text, lexer::tokens(text)?, alias).option(clause)
}

/// Takes a path segment apart.
///
/// # Errors
/// [`SyntaxError`] when it is not one.
pub fn segment(text: &str) -> Result<Segment<'_>, SyntaxError> {
    cursor::Cursor::new(text, lexer::tokens(text)?).segment()
}

/// The literals in the value of a parameter alias: one, or those of a list.
///
/// # Errors
/// [`SyntaxError`] when it is something else.
pub fn literals(text: &str) -> Result<Vec<Operand>, SyntaxError> {
    cursor::Cursor::new(text, lexer::tokens(text)?).alias_value()
}

/// Whether it has the form of a GUID, in which Dataverse writes ids of records.
pub fn is_guid(text: &str) -> bool {
    lexer::is_guid(text)
}
