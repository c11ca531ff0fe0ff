// SPDX-License-Identifier: Apache-2.0

use super::{Argument, Literal, Operand, Segment, SyntaxError, lexer};
use crate::carrier::{Codec, Value};
use crate::query::tokens::{self, Kind};

pub(super) type Cursor<'t> = tokens::Cursor<'t, lexer::Literal>;

/// A value, before it is known what it is compared with.
pub(super) enum Constant {
    Literal(Literal),
    Alias(String),
    Null,
    Flag,
}

impl<'t> Cursor<'t> {
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let matches = self.next_word() == Some(word);
        self.position += usize::from(matches);
        matches
    }

    /// A name of a property: neither qualified nor one of OData's own.
    pub(super) fn name(&mut self) -> Result<&'t str, SyntaxError> {
        match self.next_word() {
            Some(word) if !word.contains(['.', '$']) => {
                self.position += 1;
                Ok(word)
            }
            _ => Err(self.expected("a name")),
        }
    }

    pub(super) fn any_word(&mut self) -> Result<&'t str, SyntaxError> {
        let word = self.next_word().ok_or_else(|| self.expected("a name"))?;
        self.position += 1;
        Ok(word)
    }

    /// A value, if one stands here.
    pub(super) fn take_constant(&mut self, in_list: bool) -> Result<Option<Constant>, SyntaxError> {
        let token = self.token();
        let span = token.span.clone();
        let raw = self.raw(span.clone());
        let constant = match &token.kind {
            Kind::Literal(lexer::Literal::Text { codec: Codec::Json, .. }) if !in_list => {
                return Err(SyntaxError::Literal(span.start));
            }
            Kind::Literal(lexer::Literal::Text { value, codec }) => {
                Constant::Literal(Literal { span, value: value.clone(), codec: *codec })
            }
            Kind::Literal(lexer::Literal::Unquoted) => {
                let value = Value::from(raw.to_owned());
                Constant::Literal(Literal { span, value, codec: Codec::ODataBare })
            }
            Kind::Literal(lexer::Literal::Alias) => {
                Constant::Alias(raw.get(1..).unwrap_or_default().to_owned())
            }
            Kind::Word if raw == "null" => Constant::Null,
            Kind::Word if matches!(raw, "true" | "false") => Constant::Flag,
            _ => return Ok(None),
        };
        self.position += 1;
        Ok(Some(constant))
    }

    /// `contacts(lastname='x',emailaddress1=@p)`, `contacts(70bf…)`, `WhoAmI()`, `$ref`.
    pub(super) fn segment(mut self) -> Result<Segment<'t>, SyntaxError> {
        let name = self.any_word()?;
        let mut arguments = None;
        if self.take_sign("(") {
            let mut found = Vec::new();
            if !self.next_is(")") {
                self.list(|cursor| {
                    found.push(cursor.argument()?);
                    Ok(())
                })?;
            }
            self.sign(")")?;
            arguments = Some(found);
        }
        self.end("the end")?;
        // White space has no place in a path, but inside of quotes.
        Ok(Segment { name, arguments })
    }

    fn argument(&mut self) -> Result<Argument<'t>, SyntaxError> {
        let name = if self.second_is("=") {
            let name = self.name()?;
            self.sign("=")?;
            Some(name)
        } else {
            None
        };
        if self.next_is("[") {
            return Err(self.expected("a value"));
        }
        Ok(Argument { name, value: self.operand(false)? })
    }

    /// A value as an operand.
    fn operand(&mut self, in_list: bool) -> Result<Operand, SyntaxError> {
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
    pub(super) fn alias_value(mut self) -> Result<Vec<Operand>, SyntaxError> {
        let mut found = Vec::new();
        if self.take_sign("[") {
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
            self.sign("]")?;
        } else {
            match self.operand(false)? {
                Operand::Alias(_) => return Err(self.expected("a value")),
                literal @ Operand::Literal { .. } => found.push(literal),
            }
        }
        self.end("the end")?;
        Ok(found)
    }
}
