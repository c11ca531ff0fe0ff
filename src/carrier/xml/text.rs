// SPDX-License-Identifier: Apache-2.0
//! Characters, references and sections.

use std::ops::Range;

use super::parse::Form;
use super::{Piece, XmlError};
use crate::carrier::DecodedText;

/// What a CDATA section stands between.
pub(super) const SECTION: (&str, &str) = ("<![CDATA[", "]]>");

/// The text at this place of a document.
pub(super) fn piece(document: &str, span: Range<usize>, form: Form) -> Result<Piece, XmlError> {
    let raw = document.get(span.clone()).unwrap_or_default();
    if !raw.contains(['<', '&', '\r', ']']) && raw.chars().all(is_allowed) {
        let decoded = DecodedText::verbatim(raw.to_owned());
        return Ok(Piece { span, decoded, has_sections: false });
    }
    let mut text = String::with_capacity(raw.len());
    let mut origin = Vec::with_capacity(raw.len() + 1);
    let mut rest = raw;
    let (mut has_sections, mut is_inside) = (false, false);
    while let Some(first) = rest.chars().next() {
        let at = raw.len() - rest.len();
        let mut length = first.len_utf8();
        let mut character = Some(first);
        let ends = rest.starts_with(SECTION.1);
        if !is_inside && form == Form::Namespaced && rest.starts_with(SECTION.0) {
            (has_sections, is_inside) = (true, true);
            (character, length) = (None, SECTION.0.len());
        } else if is_inside && ends {
            is_inside = false;
            (character, length) = (None, SECTION.1.len());
        } else if !is_inside && first == '&' {
            let (referred, all) = reference(rest).ok_or(XmlError::Unsupported(span.start + at))?;
            (character, length) = (Some(referred), all);
        } else if first == '\r' {
            // Readers see a line feed (XML 1.0 section 2.11).
            character = Some('\n').filter(|_| !rest.starts_with("\r\n"));
        } else if !is_allowed(first) || (!is_inside && (first == '<' || ends)) {
            return Err(XmlError::Syntax(span.start + at));
        }
        if let Some(character) = character {
            text.push(character);
            origin.extend(std::iter::repeat_n(at, character.len_utf8()));
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    origin.push(raw.len());
    Ok(Piece { span, decoded: DecodedText::new(text, origin), has_sections })
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
