// SPDX-License-Identifier: Apache-2.0

use crate::carrier::Value;
use crate::query::SyntaxError;
use crate::query::tokens::{self, Kind, sign};

pub(in crate::query) type Token = tokens::Token<Literal>;

#[derive(Clone, PartialEq, Eq)]
pub(in crate::query) enum Literal {
    Text {
        value: Value,
        /// It has `\_` or `\%`, which only `LIKE` knows.
        is_pattern: bool,
    },
    /// A number, a date or a time.
    Number,
}

const SIGNS: [&str; 11] = ["!=", "<>", "<=", ">=", "<", ">", "=", "(", ")", ",", "."];

pub(in crate::query) fn tokens(query: &str) -> Result<Vec<Token>, SyntaxError> {
    tokens::tokens(query, &[' ', '\t', '\n', '\r'], token)
}

fn token(rest: &str, at: usize) -> Result<(Kind<Literal>, usize), SyntaxError> {
    let starts_number = |text: &str| text.starts_with(|next: char| next.is_ascii_digit());
    match rest.chars().next().unwrap_or_default() {
        'a'..='z' | 'A'..='Z' => {
            let is_part = |next: char| next.is_ascii_alphanumeric() || next == '_';
            let length = rest.find(|next| !is_part(next)).unwrap_or(rest.len());
            // `LAST_N_DAYS:30`
            let head = rest.get(length..).unwrap_or_default();
            let count = head.strip_prefix(':').unwrap_or_default();
            let digits = count.find(|next: char| !next.is_ascii_digit()).unwrap_or(count.len());
            Ok((Kind::Word, if digits > 0 { length + 1 + digits } else { length }))
        }
        '0'..='9' => number(rest, at),
        '+' | '-' if rest.get(1..).is_some_and(starts_number) => number(rest, at),
        '\'' => text(rest, at),
        _ => sign(&SIGNS, rest).ok_or(SyntaxError::Character(at)),
    }
}

/// A number, a date `2026-11-24`, a time `10:00:00Z`, or both with a `T` between.
fn number(rest: &str, at: usize) -> Result<(Kind<Literal>, usize), SyntaxError> {
    let is_part =
        |next: char| next.is_ascii_alphanumeric() || matches!(next, '.' | ':' | '+' | '-');
    let length = rest.find(|next| !is_part(next)).unwrap_or(rest.len());
    let literal = rest.get(..length).unwrap_or_default();
    let unsigned = literal.strip_prefix(['+', '-']).unwrap_or(literal);
    let is_known = unsigned.parse::<f64>().is_ok_and(f64::is_finite)
        || is_date(literal)
        || is_time(literal)
        || literal.split_once('T').is_some_and(|(date, time)| is_date(date) && is_time(time));
    if is_known {
        Ok((Kind::Literal(Literal::Number), length))
    } else {
        Err(SyntaxError::Literal(at))
    }
}

fn is_date(text: &str) -> bool {
    matches_shape(text, "0000-00-00")
}

/// `10:00:00Z`, with fractions of a second and an offset where there are any.
fn is_time(text: &str) -> bool {
    let Some(rest) = text.get(..8).filter(|clock| matches_shape(clock, "00:00:00")) else {
        return false;
    };
    let rest = text.get(rest.len()..).unwrap_or_default();
    let zone = rest
        .strip_prefix('.')
        .map_or(rest, |fraction| fraction.trim_start_matches(|next: char| next.is_ascii_digit()));
    let offset = zone.strip_prefix(['+', '-']).unwrap_or_default();
    matches!(zone, "Z" | "z") || matches_shape(offset, "00:00") || matches_shape(offset, "0000")
}

/// Whether `text` is `shape`, with any digit for each `0`.
fn matches_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(found, expected)| match expected {
            b'0' => found.is_ascii_digit(),
            other => found == other,
        })
}

/// A string literal.
fn text(token: &str, at: usize) -> Result<(Kind<Literal>, usize), SyntaxError> {
    let mut value = String::new();
    let mut is_pattern = false;
    let mut rest = token.get(1..).unwrap_or_default();
    loop {
        let plain = rest.find(['\'', '\\']).ok_or(SyntaxError::Literal(at))?;
        let (head, tail) = rest.split_at(plain);
        value.push_str(head);
        let position = token.len() - tail.len();
        if tail.starts_with('\'') {
            let value = Value::from(value);
            let literal = Literal::Text { value, is_pattern };
            return Ok((Kind::Literal(literal), position + 1));
        }
        let (character, length) = escape(tail).ok_or(SyntaxError::Literal(at + position))?;
        is_pattern |= matches!(character, '_' | '%') && length == 2;
        value.push(character);
        rest = tail.get(length..).unwrap_or_default();
    }
}

/// The character that the escape at the start of `text` stands for, and the
/// escape's length: "Quoted String Escape Sequences".
fn escape(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 4).filter(|digits| !digits.starts_with('+'))?;
        u32::from_str_radix(digits, 16).ok()
    };
    let character = match text.chars().nth(1)? {
        'n' | 'N' => '\n',
        'r' | 'R' => '\r',
        't' | 'T' => '\t',
        'b' | 'B' => '\u{8}',
        'f' | 'F' => '\u{c}',
        same @ ('"' | '\'' | '\\' | '_' | '%') => same,
        'u' => {
            let high = unit(2)?;
            if let Some(character) = char::from_u32(high) {
                return Some((character, 6));
            }
            let low = text.get(6..8).filter(|mark| *mark == "\\u").and_then(|_| unit(8))?;
            let pair = [u16::try_from(high).ok()?, u16::try_from(low).ok()?];
            let character = char::decode_utf16(pair).next()?.ok()?;
            return Some((character, 12));
        }
        _ => return None,
    };
    Some((character, 2))
}
