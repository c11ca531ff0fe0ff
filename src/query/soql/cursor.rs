// SPDX-License-Identifier: Apache-2.0

use super::SoqlError;
use super::lexer::{Token, TokenKind};

/// Parentheses, sub-selects and functions inside one another.
const MAX_DEPTH: usize = 32;

/// A place in the tokens of a query. Methods named `take…` say whether they moved
/// on; the others fail where the query does not go on as it must.
pub(in crate::query) struct Cursor<'q> {
    pub query: &'q str,
    tokens: Vec<Token>,
    pub position: usize,
    depth: usize,
}

impl<'q> Cursor<'q> {
    /// `tokens` ends with an end.
    pub(in crate::query) fn new(tokens: Vec<Token>, query: &'q str) -> Self {
        Self { query, tokens, position: 0, depth: 0 }
    }

    /// One or more items with commas between them.
    pub(in crate::query) fn list(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), SoqlError>,
    ) -> Result<(), SoqlError> {
        item(self)?;
        while self.take_sign(",") {
            item(self)?;
        }
        Ok(())
    }

    pub(in crate::query) fn deeper<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, SoqlError>,
    ) -> Result<T, SoqlError> {
        if self.depth == MAX_DEPTH {
            return Err(SoqlError::TooDeep(self.token().span.start));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn token_at(&self, position: usize) -> &Token {
        #[expect(
            clippy::indexing_slicing,
            reason = "the lexer puts an end behind the last token, and positions stop there"
        )]
        &self.tokens[position.min(self.tokens.len() - 1)]
    }

    pub(in crate::query) fn token(&self) -> &Token {
        self.token_at(self.position)
    }

    pub(in crate::query) fn take(&mut self) -> &Token {
        let position = self.position;
        self.position += 1;
        self.token_at(position)
    }

    pub(in crate::query) fn next_is(&self, wanted: impl FnOnce(&TokenKind) -> bool) -> bool {
        wanted(&self.token().kind)
    }

    pub(in crate::query) fn second_is_opening(&self) -> bool {
        self.token_at(self.position + 1).kind == TokenKind::Sign("(")
    }

    pub(in crate::query) fn next_is_keyword(&self, position: usize, keyword: &str) -> bool {
        let token = self.token_at(position);
        let raw = self.query.get(token.span.clone()).unwrap_or_default();
        token.kind == TokenKind::Word && raw.eq_ignore_ascii_case(keyword)
    }

    pub(in crate::query) fn take_keywords(&mut self, keywords: &[&str]) -> bool {
        let matches = keywords
            .iter()
            .enumerate()
            .all(|(offset, keyword)| self.next_is_keyword(self.position + offset, keyword));
        self.position += if matches { keywords.len() } else { 0 };
        matches
    }

    pub(in crate::query) fn take_call(&mut self, name: &str) -> bool {
        let matches = self.next_is_keyword(self.position, name) && self.second_is_opening();
        self.position += if matches { 2 } else { 0 };
        matches
    }

    pub(in crate::query) fn take_opening_select(&mut self) -> bool {
        let matches = self.next_is(|kind| *kind == TokenKind::Sign("("))
            && self.next_is_keyword(self.position + 1, "SELECT");
        self.position += if matches { 2 } else { 0 };
        matches
    }

    pub(in crate::query) fn take_sign(&mut self, sign: &'static str) -> bool {
        let matches = self.next_is(|kind| *kind == TokenKind::Sign(sign));
        self.position += usize::from(matches);
        matches
    }

    pub(in crate::query) fn keyword(&mut self, keyword: &'static str) -> Result<(), SoqlError> {
        self.one_of(&[keyword])
    }

    pub(in crate::query) fn one_of(&mut self, keywords: &[&'static str]) -> Result<(), SoqlError> {
        if keywords.iter().any(|keyword| self.take_keywords(&[keyword])) {
            return Ok(());
        }
        Err(self.expected(keywords.first().copied().unwrap_or_default()))
    }

    pub(in crate::query) fn sign(&mut self, sign: &'static str) -> Result<(), SoqlError> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.expected(sign)) }
    }

    pub(in crate::query) fn word(&mut self, expected: &'static str) -> Result<&'q str, SoqlError> {
        let raw = self.query.get(self.token().span.clone()).unwrap_or_default();
        if self.token().kind != TokenKind::Word || raw.contains(':') {
            return Err(self.expected(expected));
        }
        self.position += 1;
        Ok(raw)
    }

    pub(in crate::query) fn expected(&self, expected: &'static str) -> SoqlError {
        SoqlError::Expected { expected, at: self.token().span.start }
    }
}
