// SPDX-License-Identifier: Apache-2.0
//! What the small readers of query languages share.

use serde_json::Value;

use super::house::Record;

/// True, false or, with no value, neither, as SQL has it.
pub type Truth = Option<bool>;

pub fn and(left: Truth, right: Truth) -> Truth {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

pub fn or(left: Truth, right: Truth) -> Truth {
    and(left.map(|it| !it), right.map(|it| !it)).map(|it| !it)
}

/// Conditions that are joined by `and` and `or`.
pub trait Conditions<'t> {
    fn text(&mut self) -> &mut Reader<'t>;

    /// One condition, or several in parentheses.
    fn one(&mut self) -> Result<Truth, String>;

    fn alternatives(&mut self) -> Result<Truth, String> {
        let mut truth = self.all()?;
        while self.text().keyword("or") {
            truth = or(truth, self.all()?);
        }
        Ok(truth)
    }

    fn all(&mut self) -> Result<Truth, String> {
        let mut truth = self.one()?;
        while self.text().keyword("and") {
            truth = and(truth, self.one()?);
        }
        Ok(truth)
    }
}

/// The text of a field; `None` where it has no value.
pub fn text(record: &Record, field: &str) -> Option<String> {
    match record.get(field)? {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

/// Whether a text is like a pattern, in which `%` stands for any text; without regard to case.
pub fn like(pattern: &str, field: &str) -> bool {
    fn is_like(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['%', rest @ ..] => (0..=text.len()).any(|at| is_like(rest, &text[at..])),
            [first, rest @ ..] => text.first() == Some(first) && is_like(rest, &text[1..]),
        }
    }
    let characters = |text: &str| folded(text).chars().collect::<Vec<_>>();
    is_like(&characters(pattern), &characters(field))
}

/// Without regard to case.
pub fn folded(text: &str) -> String {
    text.to_uppercase().to_lowercase()
}

/// A place in a text.
pub struct Reader<'t> {
    pub rest: &'t str,
}

impl<'t> Reader<'t> {
    pub fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes these characters, and the space before them.
    pub fn take(&mut self, sign: &str) -> bool {
        self.skip();
        let behind = self.rest.strip_prefix(sign);
        self.rest = behind.unwrap_or(self.rest);
        behind.is_some()
    }

    pub fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.take(sign) {
            Ok(())
        } else {
            Err(format!("{sign} is missing before {}", self.rest))
        }
    }

    /// The word that comes next, which may have these signs in it.
    pub fn peek(&mut self, signs: &str) -> &'t str {
        self.skip();
        let is_part =
            |next: char| next.is_ascii_alphanumeric() || next == '_' || signs.contains(next);
        let length = self.rest.find(|next| !is_part(next)).unwrap_or(self.rest.len());
        &self.rest[..length]
    }

    pub fn word(&mut self, signs: &str) -> Result<&'t str, String> {
        let word = self.peek(signs);
        self.rest = &self.rest[word.len()..];
        if word.is_empty() {
            Err(format!("a word is missing before {}", self.rest))
        } else {
            Ok(word)
        }
    }

    /// Takes a whole word without regard to case.
    pub fn keyword(&mut self, word: &str) -> bool {
        let next = self.peek("");
        let matches = next.eq_ignore_ascii_case(word);
        self.rest = &self.rest[if matches { next.len() } else { 0 }..];
        matches
    }

    /// A text in such quotes, which are doubled inside.
    pub fn quoted(&mut self, quote: char) -> Result<String, String> {
        let mut text = String::new();
        let mut rest = self.rest.strip_prefix(quote).ok_or("a quote is missing")?;
        loop {
            let end = rest.find(quote).ok_or("a quote is not closed")?;
            text.push_str(&rest[..end]);
            rest = &rest[end + quote.len_utf8()..];
            match rest.strip_prefix(quote) {
                Some(further) => rest = further,
                None => break,
            }
            text.push(quote);
        }
        self.rest = rest;
        Ok(text)
    }

    pub fn end(&mut self) -> Result<(), String> {
        self.skip();
        if self.rest.is_empty() { Ok(()) } else { Err(format!("{} is left over", self.rest)) }
    }
}
