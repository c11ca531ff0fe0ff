// SPDX-License-Identifier: Apache-2.0
//! GraphQL (October 2021, <https://spec.graphql.org/October2021/>): documents that execute
//! something. Those that define types are refused.
//!
//! [`parse`] takes a document apart and checks what holds whatever the schema says: names
//! are given once, fragments and variables are defined and used, and no fragment holds
//! itself. What is special:
//! - A comment stands for nothing, and may hold anything: [`Document::comments`] says
//!   where they stand.
//! - A character may be written `\u{1F600}`, as later drafts have it; half of a surrogate
//!   pair stands for no character and is refused.
//! - What is not used, a server would refuse, and nobody would look at: so it is refused
//!   here as well.

mod check;
mod lexer;
mod parser;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;

use super::SyntaxError;
use crate::carrier;

/// A whole document.
#[derive(Debug, Default)]
pub struct Document {
    /// Never empty; several have a name each.
    pub operations: Vec<Operation>,
    /// By their names.
    pub fragments: BTreeMap<String, Fragment>,
    /// Without the ends of their lines.
    pub comments: Vec<Range<usize>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    Query,
    Mutation,
}

#[derive(Debug)]
pub struct Operation {
    pub kind: OperationKind,
    pub name: Option<String>,
    /// By their names.
    pub variables: BTreeMap<String, Variable>,
    pub selections: Vec<Selection>,
    pub at: usize,
}

/// `$email: [EmailAddress!] = "a@b.de"`
#[derive(Debug)]
pub struct Variable {
    /// Where its type stands.
    pub type_span: Range<usize>,
    pub is_list: bool,
    /// Whether it has to have a value: `!`.
    pub is_required: bool,
    pub default: Option<Value>,
    pub at: usize,
}

#[derive(Debug)]
pub struct Fragment {
    /// The type that it applies to.
    pub on: String,
    pub selections: Vec<Selection>,
    pub at: usize,
}

#[derive(Debug)]
pub struct Selection {
    pub kind: SelectionKind,
    pub directives: Vec<Directive>,
    pub at: usize,
}

#[derive(Debug)]
pub enum SelectionKind {
    Field(Field),
    /// `...contactFields`
    Spread(String),
    /// `... on Contact { … }`, or without a type.
    Inline {
        on: Option<String>,
        selections: Vec<Selection>,
    },
}

#[derive(Debug)]
pub struct Field {
    pub alias: Option<String>,
    pub name: String,
    pub arguments: Vec<Argument>,
    /// Empty where there is no selection set.
    pub selections: Vec<Selection>,
    pub at: usize,
}

impl Field {
    /// What the answer calls it.
    pub fn key(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.name)
    }
}

#[derive(Debug)]
pub struct Directive {
    pub name: String,
    pub arguments: Vec<Argument>,
    pub at: usize,
}

/// `first: 10`, among the arguments of a field or in an input object.
#[derive(Debug)]
pub struct Argument {
    pub name: String,
    pub name_span: Range<usize>,
    pub value: Value,
}

#[derive(Debug)]
pub struct Value {
    /// Quotes and brackets included.
    pub span: Range<usize>,
    pub kind: ValueKind,
}

#[derive(Debug)]
pub enum ValueKind {
    /// Without its `$`.
    Variable(String),
    Text(carrier::Value),
    /// A number in its spelling.
    Number(carrier::Value),
    Flag(bool),
    Null,
    Enum(String),
    List(Vec<Value>),
    Object(Vec<Argument>),
}

/// Takes a document apart.
///
/// # Errors
/// [`SyntaxError`] when any part of it is not understood, or says something twice or not
/// at all.
pub fn parse(text: &str) -> Result<Document, SyntaxError> {
    let tokens = lexer::tokens(text)?;
    let comments = lexer::comments(text, &tokens);
    let document = parser::document(parser::Cursor::new(text, tokens))?;
    check::check(&document)?;
    Ok(Document { comments, ..document })
}
