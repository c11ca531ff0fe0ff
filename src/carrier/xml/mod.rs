// SPDX-License-Identifier: Apache-2.0
//! XML by locate and splice: a strict reader that keeps where every attribute value and
//! every text stands.
//!
//! It reads elements, attributes, text, and the five predefined and the numeric
//! references of XML 1.0, in UTF-8. What two readers could see differently is refused:
//! a document type and its entities, comments, processing instructions other than the
//! declaration in front, attributes that stand twice or hold line ends, text beside
//! elements, and nesting beyond a limit.
//!
//! [`parse()`] is for languages without namespaces: a name with a colon is refused, and so
//! is a CDATA section. [`parse_namespaced`] resolves prefixes ("Namespaces in XML 1.0")
//! and joins sections with the text around them.

mod namespaces;
mod parse;
mod text;
#[cfg(test)]
mod tests;

use std::ops::Range;

use smol_str::SmolStr;

use super::{DecodedText, Removal};

/// Elements inside one another.
pub const MAX_DEPTH: usize = 32;
/// Elements of one document, and attributes of all of them.
pub const MAX_ELEMENTS: usize = 10_000;
/// The same of one document with namespaces: as many as a table may have cells.
pub const MAX_NAMESPACED: usize = 250_000;
/// Attributes of one element, and prefixes that are declared around it.
pub const MAX_ATTRIBUTES: usize = 100;

/// Attributes that say of what type an element is, or that it has no value ("XML Schema
/// Part 1", section 2.6).
pub const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// An element. Names are ASCII and compared as they are written.
#[derive(Debug)]
pub struct Element {
    /// Without its prefix.
    pub name: String,
    /// Empty where there is none.
    pub namespace: SmolStr,
    /// Namespace and name of the type that the element states (`xsi:type`).
    pub stated_type: Option<(SmolStr, String)>,
    /// Without those that declare namespaces, where these are read.
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
    /// Without its prefix.
    pub name: String,
    /// Empty where there is none.
    pub namespace: SmolStr,
    pub value: Piece,
    /// All of it, with the white space in front.
    pub span: Range<usize>,
}

/// A text in a document: where it stands, and what it says.
#[derive(Clone)]
pub struct Piece {
    /// Without quotes.
    pub span: Range<usize>,
    pub text: String,
    /// Whether a part of it is a CDATA section: then nothing can be written into it, only
    /// over all of it.
    pub has_sections: bool,
}

/// Names places only: the text is a value.
impl std::fmt::Debug for Piece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Piece").field("span", &self.span).finish_non_exhaustive()
    }
}

impl Piece {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text with the way back to where each byte of it stands in its document. It is
    /// not kept for each, because it takes eight times the memory.
    pub fn decoded(&self, document: &str) -> DecodedText {
        let raw = document.get(self.span.clone()).unwrap_or_default();
        if raw == self.text {
            return DecodedText::verbatim(self.text.clone());
        }
        DecodedText::new(self.text.clone(), text::origin(raw))
    }
}

impl Element {
    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&Piece> {
        let found = self.attributes.iter().find(|attribute| attribute.name == name);
        found.map(|attribute| &attribute.value)
    }

    /// The elements of this name in it.
    pub fn named<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first element of this name in it.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        let child = self.children.iter().find(|child| child.name == name)?;
        child.text.as_ref().map(Piece::as_str)
    }

    /// How to take it out of what holds it.
    pub fn removal(&self) -> Removal {
        Removal { member: self.span.clone(), before: None, after: None }
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
    #[error("a prefix is not declared, or not as it may be, at byte {0}")]
    Prefix(usize),
    #[error("it is nested too deeply at byte {0}")]
    TooDeep(usize),
    #[error("it has too many elements or attributes")]
    TooMany,
}

/// The root element of a document.
///
/// # Errors
/// [`XmlError`] for anything that is not one document beyond doubt.
pub fn parse(text: &str) -> Result<Element, XmlError> {
    parse::Parser::new(text, parse::Form::Plain).document()
}

/// As [`parse()`], of a document with namespaces.
///
/// # Errors
/// [`XmlError`] for anything that is not one document beyond doubt.
pub fn parse_namespaced(text: &str) -> Result<Element, XmlError> {
    parse::Parser::new(text, parse::Form::Namespaced).document()
}
