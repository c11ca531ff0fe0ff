// SPDX-License-Identifier: Apache-2.0
//! XML by locate and splice: a strict reader of small documents that keeps where every
//! attribute value and every text stands.
//!
//! It reads elements, attributes, text, and the five predefined and the numeric
//! references of XML 1.0, in UTF-8. What two readers could see differently is refused:
//! a document type and its entities, CDATA sections, comments, processing instructions
//! other than the declaration in front, attributes that stand twice or hold line ends,
//! and nesting beyond a limit. Namespaces mean nothing here: a name with a colon is
//! refused.

mod parse;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::DecodedText;

/// Elements inside one another.
pub const MAX_DEPTH: usize = 32;
/// Elements of one document.
pub const MAX_ELEMENTS: usize = 10_000;
/// Attributes of one element.
pub const MAX_ATTRIBUTES: usize = 100;

/// An element. Names are ASCII and compared as they are written.
#[derive(Debug)]
pub struct Element {
    pub name: String,
    pub attributes: Vec<Attribute>,
    pub children: Vec<Element>,
    /// What stands between the tags, where that is text only.
    pub text: Option<Piece>,
    /// From the start of its first tag to the end of its last.
    pub span: Range<usize>,
}

/// One attribute of an element.
#[derive(Debug)]
pub struct Attribute {
    pub name: String,
    pub value: Piece,
    /// All of it, with the white space in front.
    pub span: Range<usize>,
}

/// A text in a document: where it stands, and what it says.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Without quotes.
    pub span: Range<usize>,
    pub decoded: DecodedText,
}

impl Piece {
    pub fn as_str(&self) -> &str {
        self.decoded.as_str()
    }
}

impl Element {
    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&Piece> {
        let found = self.attributes.iter().find(|attribute| attribute.name == name);
        found.map(|attribute| &attribute.value)
    }
}

/// Not XML as it is read here. Names offsets, never content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    #[error("it is not well-formed XML at byte {0}")]
    Syntax(usize),
    #[error("it has a declaration, a section or a reference that is not read here, at byte {0}")]
    Unsupported(usize),
    #[error("an element has the same attribute twice, at byte {0}")]
    DuplicateAttribute(usize),
    #[error("it is nested too deeply at byte {0}")]
    TooDeep(usize),
    #[error(
        "it has more than {MAX_ELEMENTS} elements, or one with more than {MAX_ATTRIBUTES} attributes"
    )]
    TooMany,
}

/// The root element of a document.
///
/// # Errors
/// [`XmlError`] for anything that is not one document beyond doubt.
pub fn parse(text: &str) -> Result<Element, XmlError> {
    parse::Parser::new(text).document()
}
