// SPDX-License-Identifier: Apache-2.0
//! Characters, references and sections.

use std::ops::Range;

use super::parse::Form;
use super::{Piece, XmlError};

/// What a CDATA section stands between.
pub(super) const SECTION: (&str, &str) = ("<![CDATA[", "]]>");

/// The text at this place of a document.
pub(super) fn piece(document: &str, span: Range<usize>, form: Form) -> Result<Piece, XmlError> {
    let raw = document.get(span.clone()).unwrap_or_default();
    if !raw.contains(['<', '&', '\r', ']']) && raw.chars().all(is_allowed) {
        return Ok(Piece { span, text: raw.to_owned(), has_sections: false });
    }
    let mut text = String::with_capacity(raw.len());
    let mut characters = Characters { raw, at: 0, form, has_sections: false, is_inside: false };
    while let Some((_, character)) = characters.step().map_err(|error| error.behind(span.start))? {
        text.extend(character);
    }
    Ok(Piece { span, text, has_sections: characters.has_sections })
}

/// Where each byte of a text that was read stands in it as it is written, and its end.
pub(super) fn origin(raw: &str) -> Vec<usize> {
    let form = Form::Namespaced;
    let mut characters = Characters { raw, at: 0, form, has_sections: false, is_inside: false };
    let mut origin = Vec::with_capacity(raw.len() + 1);
    while let Ok(Some((at, character))) = characters.step() {
        let length = character.map_or(0, char::len_utf8);
        origin.extend(std::iter::repeat_n(at, length));
    }
    origin.push(raw.len());
    origin
}

/// Reads a text one character after another.
struct Characters<'t> {
    raw: &'t str,
    at: usize,
    form: Form,
    has_sections: bool,
    /// In a section.
    is_inside: bool,
}

impl Characters<'_> {
    /// Where the next part stands, and its character if it is one; `None` at the end.
    fn step(&mut self) -> Result<Option<(usize, Option<char>)>, XmlError> {
        let (at, rest) = (self.at, self.raw.get(self.at..).unwrap_or_default());
        let Some(first) = rest.chars().next() else { return Ok(None) };
        let ends = rest.starts_with(SECTION.1);
        let (character, length) = if self.is_inside && ends {
            self.is_inside = false;
            (None, SECTION.1.len())
        } else if self.is_inside && is_allowed(first) && first != '\r' {
            (Some(first), first.len_utf8())
        } else if self.form == Form::Namespaced && rest.starts_with(SECTION.0) {
            (self.has_sections, self.is_inside) = (true, true);
            (None, SECTION.0.len())
        } else if first == '&' {
            let (character, length) = reference(rest).ok_or(XmlError::Unsupported(at))?;
            (Some(character), length)
        } else if first == '\r' {
            // Readers see a line feed (XML 1.0 section 2.11).
            (Some('\n').filter(|_| !rest.starts_with("\r\n")), 1)
        } else if first == '<' || ends || !is_allowed(first) {
            return Err(XmlError::Syntax(at));
        } else {
            (Some(first), first.len_utf8())
        };
        self.at += length;
        Ok(Some((at, character)))
    }
}

impl XmlError {
    /// The same, of a text that begins there.
    fn behind(self, start: usize) -> Self {
        match self {
            Self::Syntax(at) => Self::Syntax(start + at),
            Self::Unsupported(at) => Self::Unsupported(start + at),
            other => other,
        }
    }
}

/// XML 1.0 section 2.2.
fn is_allowed(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        _ => character >= ' ',
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
            char::from_u32(code).filter(|next| is_allowed(*next))?
        }
    };
    Some((character, end + 1))
}
