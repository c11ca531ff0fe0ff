// SPDX-License-Identifier: Apache-2.0
//! FetchXML, the XML query language of Dataverse (Microsoft, "Query data using
//! FetchXml"; fetch.xsd).
//!
//! [`parse`] takes a query apart so far that every condition, order and column is bound
//! to the table that it is about: of the entity, or of a link that an alias names.
//! Elements and attributes that are not known are refused, and what is no value of a
//! column has to look like a name. `uiname`, which repeats the name of a record for
//! editors and which the server ignores, is reported to be taken out.

mod check;
mod operators;
mod parser;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::carrier::xml::{Piece, XmlError};
use crate::carrier::{Role, Widening};

/// A query taken apart.
#[derive(Debug, Default)]
pub struct Fetch {
    /// The table whose records are asked for.
    pub table: String,
    pub links: Vec<Link>,
    /// The columns that links compare with one another.
    pub joins: Vec<(Field, Field)>,
    pub columns: Vec<Column>,
    pub comparisons: Vec<Comparison>,
    pub uses: Vec<FieldUse>,
    /// Attributes that name a record for readers: they have to be taken out.
    pub labels: Vec<Range<usize>>,
    /// Whether records are found for which not all comparisons hold, or for which one must
    /// not (`or`, `ne`, `not-in`), or others than those that are asked for (links).
    pub finds_others: bool,
    /// Where the page before ended.
    pub cookie: Option<Piece>,
}

/// A table that is joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub table: String,
    pub alias: Option<String>,
}

impl Link {
    /// Whether its name and that of another link are one to readers that take names
    /// without regard to case, or of which one is given by Dataverse.
    fn is_mistakable(&self, other: &Self) -> bool {
        match (&self.alias, &other.alias) {
            (Some(alias), Some(other)) => alias.eq_ignore_ascii_case(other),
            (Some(_), None) => self.may_be(&other.table),
            (None, Some(_)) => other.may_be(&self.table),
            // They are numbered, and their table is the same.
            (None, None) => false,
        }
    }

    /// Whether its alias could be taken for the name of another table than its own.
    fn may_be(&self, table: &str) -> bool {
        let is_taken = |alias: &String| {
            let name = alias.trim_end_matches(|last: char| last.is_ascii_digit());
            [alias, name].iter().any(|name| name.eq_ignore_ascii_case(table))
        };
        !self.table.eq_ignore_ascii_case(table) && self.alias.as_ref().is_some_and(is_taken)
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub table: String,
    pub column: String,
}

/// A column of the answer that has a name of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// `None` for counts and sums.
    pub field: Option<Field>,
    pub alias: String,
    /// The name of the link that it stands in.
    pub link: Option<String>,
}

/// A value that a column is compared with.
#[derive(Debug)]
pub struct Comparison {
    pub field: Field,
    /// [`Role::Equality`] or [`Role::Pattern`].
    pub role: Role,
    pub value: Piece,
    /// `None` where what stands around the value must not be written again.
    pub widening: Option<Widening>,
}

/// A use of a column that equality does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldUse {
    pub field: Field,
    /// The operator or element: `like`, `order`.
    pub operator: &'static str,
}

/// Not FetchXML as we read it. Names offsets, never content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    #[error(transparent)]
    Xml(#[from] XmlError),
    #[error("it has an element that is not known there, at byte {0}")]
    Element(usize),
    #[error("it has an attribute that is not known there or is no name, at byte {0}")]
    Attribute(usize),
    #[error("it has {expected} missing at byte {at}")]
    Missing { expected: &'static str, at: usize },
    #[error("it names a link that it does not have, or has twice, at byte {0}")]
    Link(usize),
}

/// Takes a query apart.
///
/// # Errors
/// [`FetchError`] when any part of it is not understood.
pub fn parse(text: &str) -> Result<Fetch, FetchError> {
    parser::Parser::new(text).run()
}

impl Fetch {
    /// The table that a link's name stands for: its alias, its table's name, or that with
    /// a number, which Dataverse gives to links without an alias.
    pub fn link(&self, name: &str) -> Option<&str> {
        let by_alias = self.links.iter().find(|link| link.alias.as_deref() == Some(name));
        let table = name.trim_end_matches(|last: char| last.is_ascii_digit());
        let without =
            |link: &&Link| link.alias.is_none() && (link.table == name || link.table == table);
        by_alias.or_else(|| self.links.iter().find(without)).map(|link| link.table.as_str())
    }
}
