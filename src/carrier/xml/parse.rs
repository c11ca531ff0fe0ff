// SPDX-License-Identifier: Apache-2.0

use std::ops::Range;

use super::{Attribute, Element, MAX_ATTRIBUTES, MAX_DEPTH, MAX_ELEMENTS, Piece, XmlError};
use crate::carrier::DecodedText;

pub(super) struct Parser<'t> {
    text: &'t str,
    at: usize,
    elements: usize,
}

/// What the declaration in front may say.
const DECLARED: [&str; 4] =
    ["version='1.0'", "encoding='utf-8'", "standalone='yes'", "standalone='no'"];

const WHITE_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, elements: 0 }
    }

    pub(super) fn document(mut self) -> Result<Element, XmlError> {
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
        let is_part = |next: char| next.is_ascii_alphanumeric() || matches!(next, '_' | '-' | '.');
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
        if self.elements > MAX_ELEMENTS {
            return Err(XmlError::TooMany);
        }
        if self.rest().starts_with("<!") || self.rest().starts_with("<?") {
            return Err(XmlError::Unsupported(start));
        }
        if !self.take("<") {
            return Err(XmlError::Syntax(start));
        }
        let name = self.name()?.to_owned();
        let attributes = self.attributes()?;
        let (mut children, mut text) = (Vec::new(), None);
        if !self.take("/>") {
            if !self.take(">") {
                return Err(XmlError::Syntax(self.at));
            }
            (children, text) = self.content(depth)?;
            let end = self.at;
            if !self.take("</") || self.name()? != name {
                return Err(XmlError::Syntax(end));
            }
            self.space();
            if !self.take(">") {
                return Err(XmlError::Syntax(self.at));
            }
        }
        Ok(Element { name, attributes, children, text, span: start..self.at })
    }

    fn attributes(&mut self) -> Result<Vec<Attribute>, XmlError> {
        let mut attributes: Vec<Attribute> = Vec::new();
        loop {
            let before = self.at;
            self.space();
            if self.rest().starts_with(['>', '/']) {
                return Ok(attributes);
            }
            if attributes.len() == MAX_ATTRIBUTES {
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
            let value = self.piece(self.at..self.at + length)?;
            // Readers turn these into spaces (XML 1.0 section 3.3.3).
            if self.rest().get(..length).is_some_and(|raw| raw.contains(['\t', '\n', '\r'])) {
                return Err(XmlError::Syntax(self.at));
            }
            self.at += length + 1;
            attributes.push(Attribute { name: name.to_owned(), value, span: before..self.at });
        }
    }

    /// What stands between two tags: elements, or text.
    fn content(&mut self, depth: usize) -> Result<(Vec<Element>, Option<Piece>), XmlError> {
        let mut children = Vec::new();
        let start = self.at;
        loop {
            let length = self.rest().find('<').ok_or(XmlError::Syntax(self.at))?;
            let run = self.at..self.at + length;
            let is_blank = self.text.get(run.clone()).is_some_and(|run| run.trim().is_empty());
            self.at = run.end;
            if self.rest().starts_with("</") {
                let is_text = children.is_empty() && run.start == start;
                return if is_text {
                    Ok((children, Some(self.piece(run)?)))
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

    /// Characters and references.
    fn piece(&self, span: Range<usize>) -> Result<Piece, XmlError> {
        let raw = self.text.get(span.clone()).unwrap_or_default();
        let bad = |at: usize| XmlError::Syntax(span.start + at);
        let is_allowed = |next: char| next >= ' ' || matches!(next, '\t' | '\n' | '\r');
        if let Some(at) = raw.find(|next| next == '<' || !is_allowed(next)) {
            return Err(bad(at));
        }
        let mut text = String::with_capacity(raw.len());
        let mut origin = Vec::with_capacity(raw.len() + 1);
        let mut rest = raw;
        while let Some(first) = rest.chars().next() {
            let at = raw.len() - rest.len();
            let (character, length) = if first == '&' {
                reference(rest).ok_or(XmlError::Unsupported(span.start + at))?
            } else {
                (first, first.len_utf8())
            };
            text.push(character);
            origin.extend(std::iter::repeat_n(at, character.len_utf8()));
            rest = rest.get(length..).unwrap_or_default();
        }
        origin.push(raw.len());
        let decoded = DecodedText::new(text, origin);
        Ok(Piece { span, decoded })
    }
}

/// The character that a reference at the start of a text stands for, and its length.
fn reference(text: &str) -> Option<(char, usize)> {
    let end = text.find(';')?;
    let name = text.get(1..end)?;
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let (digits, radix) = match number.strip_prefix('x') {
                Some(digits) => (digits, 16),
                None => (number, 10),
            };
            let is_number = (1..=8).contains(&digits.len())
                && digits.chars().all(|digit| digit.is_digit(radix));
            let code = u32::from_str_radix(digits, radix).ok().filter(|_| is_number)?;
            let is_allowed = |next: &char| *next >= ' ' || matches!(next, '\t' | '\n' | '\r');
            char::from_u32(code).filter(is_allowed)?
        }
    };
    Some((character, end + 1))
}
