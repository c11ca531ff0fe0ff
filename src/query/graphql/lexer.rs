// SPDX-License-Identifier: Apache-2.0

use std::ops::Range;

use crate::query::SyntaxError;
use crate::query::tokens::{self, Kind, sign};

pub(super) type Token = tokens::Token<Literal>;

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Literal {
    /// What a string or a block string stands for.
    Text(String),
    Number,
}

/// Those of documents that execute something.
const SIGNS: [&str; 12] = ["...", "!", "$", "(", ")", ":", "=", "@", "[", "]", "{", "}"];

const LINE_ENDS: [char; 2] = ['\n', '\r'];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, SyntaxError> {
    tokens::tokens_behind(text, after_ignored, token)
}

/// Where comments stand: in what is between tokens, a `#` starts one.
pub(super) fn comments(text: &str, tokens: &[Token]) -> Vec<Range<usize>> {
    let mut comments = Vec::new();
    let mut position = 0;
    for token in tokens {
        while position < token.span.start {
            let rest = text.get(position..token.span.start).unwrap_or_default();
            let Some(start) = rest.find('#') else { break };
            let length = rest.get(start..).and_then(|comment| comment.find(LINE_ENDS));
            let end = length.map_or(token.span.start, |length| position + start + length);
            comments.push(position + start..end);
            position = end;
        }
        position = token.span.end;
    }
    comments
}

/// Section 2.1.7, "Ignored Tokens", except a byte order mark.
fn after_ignored(text: &str) -> &str {
    let mut rest = text.trim_start_matches([' ', '\t', '\n', '\r', ',']);
    while let Some(comment) = rest.strip_prefix('#') {
        let end = comment.find(LINE_ENDS).unwrap_or(comment.len());
        rest = comment.get(end..).unwrap_or_default();
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r', ',']);
    }
    rest
}

fn token(rest: &str, at: usize) -> Result<(Kind<Literal>, usize), SyntaxError> {
    match rest.chars().next().unwrap_or_default() {
        'a'..='z' | 'A'..='Z' | '_' => {
            Ok((Kind::Word, rest.find(|next| !is_name_part(next)).unwrap_or(rest.len())))
        }
        '0'..='9' | '-' => number(rest, at),
        '"' if rest.starts_with("\"\"\"") => block_string(rest, at),
        '"' => string(rest, at),
        _ => sign(&SIGNS, rest).ok_or(SyntaxError::Character(at)),
    }
}

fn is_name_part(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// Sections 2.9.1 and 2.9.2: as in JSON, and neither a name nor a dot follows.
fn number(rest: &str, at: usize) -> Result<(Kind<Literal>, usize), SyntaxError> {
    let is_part = |next: char| is_name_part(next) || matches!(next, '.' | '+' | '-');
    let length = rest.find(|next| !is_part(next)).unwrap_or(rest.len());
    let literal = rest.get(..length).unwrap_or_default();
    let is_json = crate::carrier::json::Json::parse(literal.as_bytes(), 1).is_ok();
    if is_json {
        Ok((Kind::Literal(Literal::Number), length))
    } else {
        Err(SyntaxError::Literal(at))
    }
}

/// Section 2.9.4.
fn string(token: &str, at: usize) -> Result<(Kind<Literal>, usize), SyntaxError> {
    let mut value = String::new();
    let mut rest = token.get(1..).unwrap_or_default();
    loop {
        let position = token.len() - rest.len();
        let next = rest.chars().next().ok_or(SyntaxError::Literal(at))?;
        let length = match next {
            '"' => return Ok((Kind::Literal(Literal::Text(value)), position + 1)),
            '\\' => {
                let (character, length) =
                    escape(rest).ok_or(SyntaxError::Literal(at + position))?;
                value.push(character);
                length
            }
            '\t' | ' '.. => {
                value.push(next);
                next.len_utf8()
            }
            _ => return Err(SyntaxError::Literal(at + position)),
        };
        rest = rest.get(length..).unwrap_or_default();
    }
}

/// The character that the escape at the start of `text` stands for, and its length.
fn escape(text: &str) -> Option<(char, usize)> {
    let character = match text.chars().nth(1)? {
        same @ ('"' | '\\' | '/') => same,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return unicode(text),
        _ => return None,
    };
    Some((character, 2))
}

/// `\u00fc`, `\ud83d\ude00` or `\u{1F600}`.
fn unicode(text: &str) -> Option<(char, usize)> {
    let hex = |digits: &str| {
        let is_hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)
    };
    if let Some(rest) = text.get(2..).and_then(|rest| rest.strip_prefix('{')) {
        let digits = rest.split('}').next().filter(|digits| digits.len() < rest.len())?;
        return Some((char::from_u32(hex(digits)?)?, digits.len() + 4));
    }
    let high = hex(text.get(2..6)?)?;
    if let Some(character) = char::from_u32(high) {
        return Some((character, 6));
    }
    let low = text.get(6..8).filter(|mark| *mark == "\\u").and_then(|_| hex(text.get(8..12)?))?;
    let pair = [u16::try_from(high).ok()?, u16::try_from(low).ok()?];
    Some((char::decode_utf16(pair).next()?.ok()?, 12))
}

fn block_string(token: &str, at: usize) -> Result<(Kind<Literal>, usize), SyntaxError> {
    const QUOTES: &str = "\"\"\"";
    let inner = token.get(QUOTES.len()..).unwrap_or_default();
    let mut raw = String::new();
    let mut rest = inner;
    loop {
        let end = rest.find(QUOTES).ok_or(SyntaxError::Literal(at))?;
        let (head, tail) = rest.split_at(end);
        if let Some(head) = head.strip_suffix('\\') {
            raw.push_str(head);
            raw.push_str(QUOTES);
            rest = tail.get(QUOTES.len()..).unwrap_or_default();
            continue;
        }
        raw.push_str(head);
        let is_fine = |next: char| next >= ' ' || "\t\n\r".contains(next);
        if !raw.chars().all(is_fine) {
            return Err(SyntaxError::Literal(at));
        }
        let length = token.len() - tail.len() + QUOTES.len();
        return Ok((Kind::Literal(Literal::Text(unindented(&raw))), length));
    }
}

/// Section 2.9.4, `BlockStringValue`: without the indentation that all lines but the first
/// share, and without blank lines at the start and the end.
fn unindented(raw: &str) -> String {
    let raw = raw.replace("\r\n", "\n").replace('\r', "\n");
    let indent = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let is_blank = |line: &str| indent(line) == line.len();
    let rest = raw.split('\n').skip(1).filter(|line| !is_blank(line));
    let common = rest.map(indent).min().unwrap_or_default();
    let without = |(number, line): (usize, &'_ str)| {
        let cut = if number == 0 { 0 } else { common };
        line.get(cut..).unwrap_or_default().to_owned()
    };
    let lines: Vec<String> = raw.split('\n').enumerate().map(without).collect();
    let first = lines.iter().position(|line| !is_blank(line)).unwrap_or(lines.len());
    let last = lines.iter().rposition(|line| !is_blank(line)).map_or(first, |last| last + 1);
    lines.get(first..last).unwrap_or_default().join("\n")
}
