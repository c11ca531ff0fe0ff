// SPDX-License-Identifier: Apache-2.0

use std::borrow::Cow;

use crate::carrier::DecodedText;

/// The text inside the quotes of a validated string token.
pub(super) fn unescape(inner: &str, escaped: bool) -> Cow<'_, str> {
    if !escaped {
        return Cow::Borrowed(inner);
    }
    let mut text = String::with_capacity(inner.len());
    each_character(inner, |character, _| text.push(character));
    Cow::Owned(text)
}

/// As [`unescape`], with the way back to where each byte stood.
pub(super) fn decode(inner: &str, escaped: bool) -> DecodedText {
    if !escaped {
        return DecodedText::verbatim(inner.to_owned());
    }
    let mut text = String::with_capacity(inner.len());
    let mut origin = Vec::with_capacity(inner.len() + 1);
    each_character(inner, |character, at| {
        text.push(character);
        origin.extend(std::iter::repeat_n(at, character.len_utf8()));
    });
    origin.push(inner.len());
    DecodedText::new(text, origin)
}

/// Hands out each decoded character with the offset it, or its escape, stands at.
fn each_character(inner: &str, mut found: impl FnMut(char, usize)) {
    let mut rest = inner;
    while let Some(first) = rest.chars().next() {
        let at = inner.len() - rest.len();
        let (character, length) =
            if first == '\\' { decode_escape(rest) } else { (first, first.len_utf8()) };
        found(character, at);
        rest = rest.get(length..).unwrap_or_default();
    }
}

/// The character that a validated escape stands for, and the escape's length.
fn decode_escape(escape: &str) -> (char, usize) {
    let unit = |at: usize| escape.get(at..at + 4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    match escape.as_bytes().get(1) {
        Some(b'n') => ('\n', 2),
        Some(b'r') => ('\r', 2),
        Some(b't') => ('\t', 2),
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'u') => {
            let high = unit(2).unwrap_or_default();
            if let Some(character) = char::from_u32(high) {
                return (character, 6);
            }
            let low = unit(8).unwrap_or_default();
            let scalar = 0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff);
            (char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
        }
        Some(other) => (char::from(*other), 2),
        None => (char::REPLACEMENT_CHARACTER, 1),
    }
}
