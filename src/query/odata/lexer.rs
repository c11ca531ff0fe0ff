// SPDX-License-Identifier: Apache-2.0

use crate::carrier::{Codec, Value};
use crate::query::SyntaxError;
use crate::query::tokens::{self, Kind, sign};

/// A word may have dots, where it is qualified, or a `$` before it.
pub(super) type Token = tokens::Token<Literal>;

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Literal {
    /// `@name`
    Alias,
    /// A string. In double quotes, as JSON writes it, only in lists.
    Text { value: Value, codec: Codec },
    /// A number, a GUID, a date or a point in time.
    Unquoted,
}

const SIGNS: [&str; 10] = ["(", ")", "[", "]", ",", ";", ":", "=", "/", "*"];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, SyntaxError> {
    tokens::tokens(text, &[' ', '\t'], token)
}

fn token(rest: &str, at: usize) -> Result<(Kind<Literal>, usize), SyntaxError> {
    let first = rest.chars().next().unwrap_or_default();
    if rest.get(..GUID_LENGTH).is_some_and(is_guid) && !continues(rest, GUID_LENGTH) {
        return Ok((Kind::Literal(Literal::Unquoted), GUID_LENGTH));
    }
    match first {
        'a'..='z' | 'A'..='Z' | '_' | '$' => {
            let length = word(rest, |next| next == '.');
            if length == first.len_utf8() && first == '$' {
                return Err(SyntaxError::Character(at));
            }
            Ok((Kind::Word, length))
        }
        '@' => {
            let length = word(rest, |_| false);
            if length == 1 {
                Err(SyntaxError::Character(at))
            } else {
                Ok((Kind::Literal(Literal::Alias), length))
            }
        }
        '0'..='9' | '-' | '+' => unquoted(rest, at),
        '\'' => single_quoted(rest, at),
        '"' => double_quoted(rest, at),
        _ => sign(&SIGNS, rest).ok_or(SyntaxError::Character(at)),
    }
}

/// The length of a word that starts here, its first character included.
fn word(rest: &str, also: fn(char) -> bool) -> usize {
    let is_part = |next: char| next.is_ascii_alphanumeric() || next == '_' || also(next);
    let tail = rest.get(1..).unwrap_or_default();
    1 + tail.find(|next| !is_part(next)).unwrap_or(tail.len())
}

fn continues(rest: &str, at: usize) -> bool {
    let next = rest.get(at..).and_then(|tail| tail.chars().next());
    next.is_some_and(|next| next.is_ascii_alphanumeric() || matches!(next, '_' | '-' | '.' | '\''))
}

const GUID_LENGTH: usize = 36;

pub(super) fn is_guid(text: &str) -> bool {
    matches_shape(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
}

/// A number, a date `2026-11-24`, or a point in time `2026-11-24T10:00:00Z`.
fn unquoted(rest: &str, at: usize) -> Result<(Kind<Literal>, usize), SyntaxError> {
    let is_part =
        |next: char| next.is_ascii_alphanumeric() || matches!(next, '.' | ':' | '+' | '-');
    let length = rest.find(|next| !is_part(next)).unwrap_or(rest.len());
    let literal = rest.get(..length).unwrap_or_default();
    let is_number = !literal.ends_with(|last: char| last.is_ascii_alphabetic() || last == '.')
        && literal.parse::<f64>().is_ok_and(f64::is_finite);
    let is_time = |text: &str| {
        let zone = text.get(..5).filter(|clock| matches_shape(clock, "00:00")).map(|clock| {
            let rest = text.get(clock.len()..).unwrap_or_default();
            rest.trim_start_matches(|next: char| next.is_ascii_digit() || matches!(next, ':' | '.'))
        });
        zone.is_some_and(|zone| {
            let offset = zone.strip_prefix(['+', '-']).unwrap_or_default();
            zone == "Z" || matches_shape(offset, "00:00")
        })
    };
    let is_date = |text: &str| matches_shape(text, "0000-00-00");
    let is_known = is_number
        || is_date(literal)
        || literal.split_once('T').is_some_and(|(date, time)| is_date(date) && is_time(time));
    if is_known {
        Ok((Kind::Literal(Literal::Unquoted), length))
    } else {
        Err(SyntaxError::Literal(at))
    }
}

/// Whether `text` is `shape`, with any digit for each `0` and any hexadecimal one for
/// each `x`.
fn matches_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(found, expected)| match expected {
            b'0' => found.is_ascii_digit(),
            b'x' => found.is_ascii_hexdigit(),
            other => found == other,
        })
}

fn single_quoted(token: &str, at: usize) -> Result<(Kind<Literal>, usize), SyntaxError> {
    let mut value = String::new();
    let mut position = 1;
    loop {
        let rest = token.get(position..).unwrap_or_default();
        let plain = rest.find('\'').ok_or(SyntaxError::Literal(at))?;
        value.push_str(rest.get(..plain).unwrap_or_default());
        position += plain + 1;
        if !token.get(position..).is_some_and(|tail| tail.starts_with('\'')) {
            let literal = Literal::Text { value: value.into(), codec: Codec::OData };
            return Ok((Kind::Literal(literal), position));
        }
        value.push('\'');
        position += 1;
    }
}

/// A JSON string (OData 4.0 "Parameter Aliases": collections are written as JSON).
fn double_quoted(token: &str, at: usize) -> Result<(Kind<Literal>, usize), SyntaxError> {
    let mut is_escaped = false;
    let end = token.char_indices().skip(1).find(|(_, character)| {
        let is_end = *character == '"' && !is_escaped;
        is_escaped = *character == '\\' && !is_escaped;
        is_end
    });
    let length = end.ok_or(SyntaxError::Literal(at))?.0 + 1;
    let literal = token.get(..length).unwrap_or_default();
    let json = crate::carrier::json::Json::parse(literal.as_bytes(), 1)
        .map_err(|_| SyntaxError::Literal(at))?;
    let literal = Literal::Text { value: json.root().value(), codec: Codec::Json };
    Ok((Kind::Literal(literal), length))
}
