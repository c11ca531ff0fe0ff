// SPDX-License-Identifier: Apache-2.0

use std::ops::Range;

use super::CoqlError;

/// A word or sign of a query and where it stands.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: TokenKind,
    pub span: Range<usize>,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name, a keyword, or a value without quotes.
    Word,
    /// In quotes; without them, and with doubled ones undone.
    Quoted(String),
    Number,
    Sign(&'static str),
    End,
}

/// The longer of two signs with the same start comes first.
const SIGNS: [&str; 13] = ["!=", "<=", ">=", "->", "<", ">", "=", "(", ")", ",", ".", "!", "*"];

/// The tokens of a query, with an [`TokenKind::End`] behind the last.
pub(super) fn tokens(query: &str) -> Result<Vec<Token>, CoqlError> {
    let mut tokens = Vec::new();
    let mut end = 0;
    loop {
        let rest = query.get(end..).unwrap_or_default();
        let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        let start = query.len() - trimmed.len();
        let (kind, length) = token(trimmed, start)?;
        end = start + length;
        let is_end = kind == TokenKind::End;
        tokens.push(Token { kind, span: start..end });
        if is_end {
            return Ok(tokens);
        }
    }
}

fn token(rest: &str, at: usize) -> Result<(TokenKind, usize), CoqlError> {
    let Some(first) = rest.chars().next() else { return Ok((TokenKind::End, 0)) };
    let count = |is_part: fn(char) -> bool, from: usize| {
        let tail = rest.get(from..).unwrap_or_default();
        from + tail.find(|next| !is_part(next)).unwrap_or(tail.len())
    };
    let is_digit = |character: Option<char>| character.is_some_and(|next| next.is_ascii_digit());
    match first {
        'a'..='z' | 'A'..='Z' | '_' | '$' => Ok((
            TokenKind::Word,
            count(|next| next.is_ascii_alphanumeric() || "_$".contains(next), 0),
        )),
        '\'' | '"' => quoted(rest, first, at),
        '0'..='9' | '-' if first != '-' || is_digit(rest.chars().nth(1)) => {
            let length = count(|next| next.is_ascii_alphanumeric() || next == '.', 1);
            let is_number = rest.get(..length).unwrap_or_default().parse::<f64>().is_ok();
            if is_number { Ok((TokenKind::Number, length)) } else { Err(CoqlError::Literal(at)) }
        }
        _ => {
            let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
            sign.map(|sign| (TokenKind::Sign(sign), sign.len())).ok_or(CoqlError::Character(at))
        }
    }
}

fn quoted(token: &str, quote: char, at: usize) -> Result<(TokenKind, usize), CoqlError> {
    let mut text = String::new();
    let mut end = 1;
    loop {
        let rest = token.get(end..).unwrap_or_default();
        let plain = rest.find([quote, '\\']).ok_or(CoqlError::Literal(at))?;
        let (head, tail) = rest.split_at(plain);
        text.push_str(head);
        end += plain + 1;
        if tail.starts_with('\\') {
            return Err(CoqlError::Literal(at));
        }
        if !tail.get(1..).unwrap_or_default().starts_with(quote) {
            return Ok((TokenKind::Quoted(text), end));
        }
        text.push(quote);
        end += 1;
    }
}
