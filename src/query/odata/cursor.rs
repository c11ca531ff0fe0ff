// SPDX-License-Identifier: Apache-2.0

use std::ops::Range;

use super::lexer::{Token, TokenKind};
use super::{Argument, Literal, ODataError, Operand, Segment};
use crate::carrier::{Codec, Value};

/// Parentheses, functions and expanded properties inside one another.
const MAX_DEPTH: usize = 32;

/// A place in the tokens of a text. Methods named `take…` say whether they moved on;
/// the others fail where the text does not go on as it must.
pub(super) struct Cursor<'t> {
    pub text: &'t str,
    tokens: Vec<Token>,
    position: usize,
    depth: usize,
}

/// A value, before it is known what it is compared with.
pub(super) enum Constant {
    Literal(Literal),
    Alias(String),
    Null,
    Flag,
}

impl<'t> Cursor<'t> {
    /// `tokens` ends with an end.
    pub(super) fn new(text: &'t str, tokens: Vec<Token>) -> Self {
        Self { text, tokens, position: 0, depth: 0 }
    }

    pub(super) fn deeper(&mut self) -> Result<(), ODataError> {
        if self.depth == MAX_DEPTH {
            return Err(ODataError::TooDeep(self.at()));
        }
        self.depth += 1;
        Ok(())
    }

    pub(super) fn shallower(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn token_at(&self, position: usize) -> &Token {
        #[expect(
            clippy::indexing_slicing,
            reason = "the lexer puts an end behind the last token, and positions stop there"
        )]
        &self.tokens[position.min(self.tokens.len() - 1)]
    }

    fn token(&self) -> &Token {
        self.token_at(self.position)
    }

    /// Where the next token stands.
    pub(super) fn at(&self) -> usize {
        self.token().span.start
    }

    /// Where the token before the next one ends.
    pub(super) fn end_of_last(&self) -> usize {
        self.position.checked_sub(1).map_or(0, |last| self.token_at(last).span.end)
    }

    pub(super) fn raw(&self, span: Range<usize>) -> &'t str {
        self.text.get(span).unwrap_or_default()
    }

    pub(super) fn next_word(&self) -> Option<&'t str> {
        let token = self.token();
        (token.kind == TokenKind::Word).then(|| self.raw(token.span.clone()))
    }

    pub(super) fn second_is(&self, sign: char) -> bool {
        self.token_at(self.position + 1).kind == TokenKind::Sign(sign)
    }

    pub(super) fn next_is(&self, sign: char) -> bool {
        self.token().kind == TokenKind::Sign(sign)
    }

    pub(super) fn take_sign(&mut self, sign: char) -> bool {
        let matches = self.next_is(sign);
        self.position += usize::from(matches);
        matches
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let matches = self.next_word() == Some(word);
        self.position += usize::from(matches);
        matches
    }

    pub(super) fn sign(&mut self, sign: char, name: &'static str) -> Result<(), ODataError> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.expected(name)) }
    }

    /// A name of a property: neither qualified nor one of OData's own.
    pub(super) fn name(&mut self) -> Result<&'t str, ODataError> {
        match self.next_word() {
            Some(word) if !word.contains(['.', '$']) => {
                self.position += 1;
                Ok(word)
            }
            _ => Err(self.expected("a name")),
        }
    }

    pub(super) fn any_word(&mut self) -> Result<&'t str, ODataError> {
        let word = self.next_word().ok_or_else(|| self.expected("a name"))?;
        self.position += 1;
        Ok(word)
    }

    pub(super) fn end(&self) -> Result<(), ODataError> {
        if self.token().kind == TokenKind::End { Ok(()) } else { Err(self.expected("the end")) }
    }

    pub(super) fn expected(&self, expected: &'static str) -> ODataError {
        ODataError::Expected { expected, at: self.at() }
    }

    /// One or more items with commas between them.
    pub(super) fn list(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), ODataError>,
    ) -> Result<(), ODataError> {
        item(self)?;
        while self.take_sign(',') {
            item(self)?;
        }
        Ok(())
    }

    pub(super) fn count(&mut self) -> Result<(), ODataError> {
        let digits = self.raw(self.token().span.clone());
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.expected("a count"));
        }
        self.position += 1;
        Ok(())
    }

    /// A value, if one stands here.
    pub(super) fn take_constant(&mut self, in_list: bool) -> Result<Option<Constant>, ODataError> {
        let token = self.token();
        let span = token.span.clone();
        let raw = self.raw(span.clone());
        let constant = match &token.kind {
            TokenKind::Text { codec: Codec::Json, .. } if !in_list => {
                return Err(ODataError::Literal(span.start));
            }
            TokenKind::Text { value, codec } => {
                Constant::Literal(Literal { span, value: value.clone(), codec: *codec })
            }
            TokenKind::Unquoted => {
                let value = Value::from(raw.to_owned());
                Constant::Literal(Literal { span, value, codec: Codec::OData })
            }
            TokenKind::Alias => Constant::Alias(raw.get(1..).unwrap_or_default().to_owned()),
            TokenKind::Word if raw == "null" => Constant::Null,
            TokenKind::Word if matches!(raw, "true" | "false") => Constant::Flag,
            _ => return Ok(None),
        };
        self.position += 1;
        Ok(Some(constant))
    }

    /// `contacts(lastname='x',emailaddress1=@p)`, `contacts(70bf…)`, `WhoAmI()`, `$ref`.
    pub(super) fn segment(mut self) -> Result<Segment<'t>, ODataError> {
        let name = self.any_word()?;
        let mut arguments = None;
        if self.take_sign('(') {
            let mut found = Vec::new();
            if !self.next_is(')') {
                self.list(|cursor| {
                    found.push(cursor.argument()?);
                    Ok(())
                })?;
            }
            self.sign(')', ")")?;
            arguments = Some(found);
        }
        self.end()?;
        // White space has no place in a path, but inside of quotes.
        Ok(Segment { name, arguments })
    }

    fn argument(&mut self) -> Result<Argument<'t>, ODataError> {
        let name = if self.second_is('=') {
            let name = self.name()?;
            self.sign('=', "=")?;
            Some(name)
        } else {
            None
        };
        if self.next_is('[') {
            return Err(self.expected("a value"));
        }
        Ok(Argument { name, value: self.operand(false)? })
    }

    /// A value as an operand.
    fn operand(&mut self, in_list: bool) -> Result<Operand, ODataError> {
        let span = self.token().span.clone();
        Ok(match self.take_constant(in_list)? {
            Some(Constant::Literal(literal)) => Operand::Literal { literal, widening: None },
            Some(Constant::Alias(name)) => Operand::Alias(name),
            Some(Constant::Null) => Operand::Literal {
                literal: Literal { span, value: Value::Empty, codec: Codec::OData },
                widening: None,
            },
            Some(Constant::Flag) => {
                let value = Value::Flag(self.raw(span.clone()) == "true");
                let literal = Literal { span, value, codec: Codec::OData };
                Operand::Literal { literal, widening: None }
            }
            None => return Err(self.expected("a value")),
        })
    }

    /// `'x'`, or `['x','y']`.
    pub(super) fn alias_value(mut self) -> Result<Vec<Operand>, ODataError> {
        let mut found = Vec::new();
        if self.take_sign('[') {
            self.list(|cursor| {
                found.push(match cursor.operand(true)? {
                    Operand::Literal { literal, .. } => {
                        let widening = Some(crate::carrier::Widening::Elements);
                        Operand::Literal { literal, widening }
                    }
                    Operand::Alias(_) => return Err(cursor.expected("a value")),
                });
                Ok(())
            })?;
            self.sign(']', "]")?;
        } else {
            match self.operand(false)? {
                Operand::Alias(_) => return Err(self.expected("a value")),
                literal @ Operand::Literal { .. } => found.push(literal),
            }
        }
        self.end()?;
        Ok(found)
    }
}
