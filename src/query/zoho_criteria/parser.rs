// SPDX-License-Identifier: Apache-2.0

use std::ops::Range;

use super::{Comparing, Condition, Criteria, Operand, Operator, SyntaxError};
use crate::query::tokens::MAX_TOKENS;

/// Parentheses inside one another.
const MAX_DEPTH: usize = 32;

/// Every operator of the documentation, and those of its filters elsewhere.
const OPERATORS: [(&str, Comparing); 14] = [
    ("equals", Comparing::Equality { several: Some("in") }),
    ("not_equal", Comparing::Equality { several: None }),
    ("in", Comparing::Membership),
    ("not_in", Comparing::Membership),
    ("starts_with", part(true, false)),
    ("ends_with", part(false, true)),
    ("contains", part(false, false)),
    ("not_contains", Comparing::Other),
    ("greater_than", Comparing::Other),
    ("greater_equal", Comparing::Other),
    ("less_than", Comparing::Other),
    ("less_equal", Comparing::Other),
    ("between", Comparing::Range),
    ("not_between", Comparing::Range),
];

const fn part(is_at_start: bool, is_at_end: bool) -> Comparing {
    Comparing::Part { is_at_start, is_at_end, several: "in" }
}

pub(super) struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    operands: usize,
    found: Criteria,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, depth: 0, operands: 0, found: Criteria::default() }
    }

    pub(super) fn run(mut self) -> Result<Criteria, SyntaxError> {
        self.expression()?;
        if self.at < self.text.len() {
            return Err(self.expected("`and`, `or` or the end"));
        }
        Ok(self.found)
    }

    /// Terms with `and` or `or` between them. Their precedence is left open: it changes
    /// no field that a value is compared with.
    fn expression(&mut self) -> Result<(), SyntaxError> {
        loop {
            self.term()?;
            self.skip_spaces();
            if self.take_word("and") {
                continue;
            }
            if !self.take_word("or") {
                return Ok(());
            }
            self.found.finds_others = true;
        }
    }

    fn term(&mut self) -> Result<(), SyntaxError> {
        self.skip_spaces();
        if !self.take('(') {
            return self.condition();
        }
        if self.depth == MAX_DEPTH {
            return Err(SyntaxError::TooDeep(self.at));
        }
        self.depth += 1;
        self.expression()?;
        self.depth -= 1;
        self.skip_spaces();
        if self.take(')') { Ok(()) } else { Err(self.expected("`)`")) }
    }

    fn condition(&mut self) -> Result<(), SyntaxError> {
        let at = self.at;
        let field = self.word(|byte| matches!(byte, b'_' | b'.' | b'$'), "a field")?.to_owned();
        self.colon()?;
        let start = self.at;
        let name = self.word(|byte| byte == b'_', "an operator")?;
        let operator_span = start..self.at;
        let operator = OPERATORS
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(name, comparing)| Operator { name, comparing })
            .ok_or(SyntaxError::Operator(start))?;
        self.colon()?;
        let takes_list = matches!(operator.comparing, Comparing::Membership | Comparing::Range);
        let mut operands = vec![self.operand()?];
        while self.rest().starts_with(',') {
            if !takes_list {
                return Err(SyntaxError::Unescaped(self.at));
            }
            self.at += 1;
            operands.push(self.operand()?);
        }
        self.found.finds_others |= name.starts_with("not_");
        self.found.conditions.push(Condition { field, at, operator, operator_span, operands });
        Ok(())
    }

    /// Up to a comma or parenthesis that is not escaped. Spaces around a value are none
    /// of it.
    fn operand(&mut self) -> Result<Operand, SyntaxError> {
        self.operands += 1;
        if self.operands > MAX_TOKENS {
            return Err(SyntaxError::TooLong);
        }
        let start = self.at;
        let mut text = String::new();
        let mut rest = self.rest().chars();
        while let Some(character) = rest.next() {
            match character {
                ',' | ')' => break,
                '(' => return Err(SyntaxError::Unescaped(self.at)),
                '\\' => {
                    let escaped = rest.next().filter(|next| matches!(next, '(' | ')' | ',' | '\\'));
                    text.push(escaped.ok_or(SyntaxError::Backslash(self.at))?);
                    self.at += 2;
                }
                _ => {
                    text.push(character);
                    self.at += character.len_utf8();
                }
            }
        }
        Ok(Operand { span: self.trimmed(start..self.at), text: text.trim_matches(' ').to_owned() })
    }

    fn trimmed(&self, span: Range<usize>) -> Range<usize> {
        let raw = self.text.get(span.clone()).unwrap_or_default();
        let start = span.start + (raw.len() - raw.trim_start_matches(' ').len());
        start..start + raw.trim_matches(' ').len()
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_spaces(&mut self) {
        self.at = self.text.len() - self.rest().trim_start_matches(' ').len();
    }

    fn take(&mut self, sign: char) -> bool {
        let is_next = self.rest().starts_with(sign);
        self.at += usize::from(is_next);
        is_next
    }

    fn take_word(&mut self, word: &str) -> bool {
        let next = self.rest().get(..word.len());
        let is_next = next.is_some_and(|next| next.eq_ignore_ascii_case(word));
        self.at += if is_next { word.len() } else { 0 };
        is_next
    }

    fn word(
        &mut self,
        is_sign: impl Fn(u8) -> bool,
        expected: &'static str,
    ) -> Result<&'t str, SyntaxError> {
        let rest = self.rest();
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || is_sign(byte);
        let length = rest.bytes().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        if length == 0 {
            return Err(self.expected(expected));
        }
        self.at += length;
        Ok(rest.get(..length).unwrap_or_default())
    }

    fn colon(&mut self) -> Result<(), SyntaxError> {
        if self.take(':') { Ok(()) } else { Err(self.expected("`:`")) }
    }

    fn expected(&self, expected: &'static str) -> SyntaxError {
        SyntaxError::Expected { expected, at: self.at }
    }
}
