// SPDX-License-Identifier: Apache-2.0

use std::ops::Range;

use smol_str::SmolStr;

use super::namespaces::Scope;
use super::text::{self, SECTION};
use super::{
    Attribute, Element, MAX_ATTRIBUTES, MAX_DEPTH, MAX_ELEMENTS, MAX_NAMESPACED, Piece, XmlError,
};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Namespaced,
}

pub(super) struct Parser<'t> {
    text: &'t str,
    form: Form,
    at: usize,
    elements: usize,
    attributes: usize,
    scope: Scope,
}

/// What the declaration in front may say.
const DECLARED: [&str; 4] =
    ["version='1.0'", "encoding='utf-8'", "standalone='yes'", "standalone='no'"];

const WHITE_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str, form: Form) -> Self {
        Self { text, form, at: 0, elements: 0, attributes: 0, scope: Scope::default() }
    }

    pub(super) fn document(mut self) -> Result<Element, XmlError> {
        if self.form == Form::Namespaced {
            self.take("\u{feff}");
        }
        if self.take("<?xml ") {
            let end = self.rest().find("?>").ok_or(XmlError::Syntax(self.at))?;
            let declared = self.rest().get(..end).unwrap_or_default().to_ascii_lowercase();
            if !declared
                .split_whitespace()
                .all(|part| DECLARED.contains(&part.replace('"', "'").as_str()))
            {
                return Err(XmlError::Unsupported(0));
            }
            self.at += end + 2;
        }
        self.space();
        let root = self.element(0)?;
        self.space();
        if self.rest().is_empty() { Ok(root) } else { Err(XmlError::Syntax(self.at)) }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, expected: &str) -> bool {
        let is_there = self.rest().starts_with(expected);
        self.at += if is_there { expected.len() } else { 0 };
        is_there
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(WHITE_SPACE).len();
    }

    fn name(&mut self) -> Result<&'t str, XmlError> {
        let rest = self.rest();
        let is_part = |next: char| {
            next.is_ascii_alphanumeric()
                || matches!(next, '_' | '-' | '.')
                || (next == ':' && self.form == Form::Namespaced)
        };
        let length = rest.find(|next| !is_part(next)).unwrap_or(rest.len());
        let name = rest.get(..length).unwrap_or_default();
        if !name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
            return Err(XmlError::Syntax(self.at));
        }
        self.at += length;
        Ok(name)
    }

    fn element(&mut self, depth: usize) -> Result<Element, XmlError> {
        let start = self.at;
        if depth == MAX_DEPTH {
            return Err(XmlError::TooDeep(start));
        }
        self.elements += 1;
        if self.elements > self.limit() {
            return Err(XmlError::TooMany);
        }
        if self.rest().starts_with("<!") || self.rest().starts_with("<?") {
            return Err(XmlError::Unsupported(start));
        }
        if !self.take("<") {
            return Err(XmlError::Syntax(start));
        }
        let tag = self.name()?;
        let mut attributes = self.attributes()?;
        let outside = self.scope.len();
        let (mut namespace, mut name) = (SmolStr::default(), tag.to_owned());
        let mut stated_type = None;
        if self.form == Form::Namespaced {
            self.scope.enter(&mut attributes)?;
            (namespace, name) = self.scope.resolve(tag, start)?;
            stated_type = self.scope.stated_type(&attributes)?;
        }
        let (mut children, mut text) = (Vec::new(), None);
        if !self.take("/>") {
            if !self.take(">") {
                return Err(XmlError::Syntax(self.at));
            }
            (children, text) = self.content(depth)?;
            let end = self.at;
            if !self.take("</") || self.name()? != tag {
                return Err(XmlError::Syntax(end));
            }
            self.space();
            if !self.take(">") {
                return Err(XmlError::Syntax(self.at));
            }
        }
        self.scope.shrink(outside);
        let span = start..self.at;
        Ok(Element { name, namespace, stated_type, attributes, children, text, span })
    }

    /// Of elements, and of attributes.
    fn limit(&self) -> usize {
        if self.form == Form::Plain { MAX_ELEMENTS } else { MAX_NAMESPACED }
    }

    fn attributes(&mut self) -> Result<Vec<Attribute>, XmlError> {
        let mut attributes: Vec<Attribute> = Vec::new();
        loop {
            let before = self.at;
            self.space();
            if self.rest().starts_with(['>', '/']) {
                return Ok(attributes);
            }
            self.attributes += 1;
            if attributes.len() == MAX_ATTRIBUTES || self.attributes > self.limit() {
                return Err(XmlError::TooMany);
            }
            let at = self.at;
            let name = self.name()?;
            if before == at {
                return Err(XmlError::Syntax(at));
            }
            if attributes.iter().any(|attribute| attribute.name == name) {
                return Err(XmlError::DuplicateAttribute(at));
            }
            self.space();
            if !self.take("=") {
                return Err(XmlError::Syntax(self.at));
            }
            self.space();
            let quote = self.rest().chars().next().filter(|next| matches!(next, '"' | '\''));
            let quote = quote.ok_or(XmlError::Syntax(self.at))?;
            self.at += 1;
            let length = self.rest().find(quote).ok_or(XmlError::Syntax(self.at))?;
            let value = text::piece(self.text, self.at..self.at + length, Form::Plain)?;
            // Readers turn these into spaces (XML 1.0 section 3.3.3).
            if self.rest().get(..length).is_some_and(|raw| raw.contains(['\t', '\n', '\r'])) {
                return Err(XmlError::Syntax(self.at));
            }
            self.at += length + 1;
            let (name, namespace) = (name.to_owned(), SmolStr::default());
            attributes.push(Attribute { name, namespace, value, span: before..self.at });
        }
    }

    /// What stands between two tags: elements, or text.
    fn content(&mut self, depth: usize) -> Result<(Vec<Element>, Option<Piece>), XmlError> {
        let mut children = Vec::new();
        let start = self.at;
        loop {
            let run = self.run()?;
            let text = self.text.get(run.clone()).unwrap_or_default();
            let is_blank = text.trim_matches(WHITE_SPACE).is_empty();
            if self.rest().starts_with("</") {
                let is_text = children.is_empty() && run.start == start;
                return if is_text {
                    Ok((children, Some(text::piece(self.text, run, self.form)?)))
                } else if is_blank {
                    Ok((children, None))
                } else {
                    Err(XmlError::Syntax(run.start))
                };
            }
            // Text beside elements means nothing in what is read here.
            if !is_blank {
                return Err(XmlError::Syntax(run.start));
            }
            children.push(self.element(depth + 1)?);
        }
    }

    /// Moves on to the next tag. What stands before it.
    fn run(&mut self) -> Result<Range<usize>, XmlError> {
        let start = self.at;
        loop {
            self.at += self.rest().find('<').ok_or(XmlError::Syntax(self.at))?;
            if self.form == Form::Plain || !self.rest().starts_with(SECTION.0) {
                return Ok(start..self.at);
            }
            let length = self.rest().find(SECTION.1).ok_or(XmlError::Syntax(self.at))?;
            self.at += length + SECTION.1.len();
        }
    }
}
