// SPDX-License-Identifier: Apache-2.0

use crate::query::SyntaxError;
use crate::query::tokens::{self, Kind, sign};

/// A word may also be a value without quotes.
pub(super) type Token = tokens::Token<Literal>;

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Literal {
    /// In quotes; without them, and with doubled ones undone.
    Quoted(String),
    Number,
}

const SIGNS: [&str; 13] = ["!=", "<=", ">=", "->", "<", ">", "=", "(", ")", ",", ".", "!", "*"];

pub(super) fn tokens(query: &str) -> Result<Vec<Token>, SyntaxError> {
    tokens::tokens(query, &[' ', '\t', '\n', '\r'], token)
}

fn token(rest: &str, at: usize) -> Result<(Kind<Literal>, usize), SyntaxError> {
    let first = rest.chars().next().unwrap_or_default();
    let count = |is_part: fn(char) -> bool, from: usize| {
        let tail = rest.get(from..).unwrap_or_default();
        from + tail.find(|next| !is_part(next)).unwrap_or(tail.len())
    };
    let is_digit = |character: Option<char>| character.is_some_and(|next| next.is_ascii_digit());
    match first {
        'a'..='z' | 'A'..='Z' | '_' | '$' => {
            Ok((Kind::Word, count(|next| next.is_ascii_alphanumeric() || "_$".contains(next), 0)))
        }
        '\'' | '"' => quoted(rest, first, at),
        '0'..='9' | '-' if first != '-' || is_digit(rest.chars().nth(1)) => {
            let length = count(|next| next.is_ascii_alphanumeric() || next == '.', 1);
            let is_number = rest.get(..length).unwrap_or_default().parse::<f64>().is_ok();
            if is_number {
                Ok((Kind::Literal(Literal::Number), length))
            } else {
                Err(SyntaxError::Literal(at))
            }
        }
        _ => sign(&SIGNS, rest).ok_or(SyntaxError::Character(at)),
    }
}

fn quoted(token: &str, quote: char, at: usize) -> Result<(Kind<Literal>, usize), SyntaxError> {
    let mut text = String::new();
    let mut end = 1;
    loop {
        let rest = token.get(end..).unwrap_or_default();
        let plain = rest.find([quote, '\\']).ok_or(SyntaxError::Literal(at))?;
        let (head, tail) = rest.split_at(plain);
        text.push_str(head);
        end += plain + 1;
        if tail.starts_with('\\') {
            return Err(SyntaxError::Literal(at));
        }
        if !tail.get(1..).unwrap_or_default().starts_with(quote) {
            return Ok((Kind::Literal(Literal::Quoted(text)), end));
        }
        text.push(quote);
        end += 1;
    }
}
