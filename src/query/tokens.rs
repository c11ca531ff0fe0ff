// SPDX-License-Identifier: Apache-2.0
//! What the readers of query languages share: a text becomes tokens, and a parser goes
//! along them.

use std::ops::Range;

use super::SyntaxError;

/// Parentheses, functions and sub-queries inside one another.
const MAX_DEPTH: usize = 32;

/// Names in one path. What one stands for may be kept, or followed, for each of many uses.
pub(super) const MAX_STEPS: usize = 32;

/// Pieces of one text: what is kept of each takes far more memory than its bytes.
pub(super) const MAX_TOKENS: usize = 250_000;

/// A piece of a text and where it stands.
#[derive(Clone)]
pub(super) struct Token<L> {
    pub kind: Kind<L>,
    pub span: Range<usize>,
}

/// What a piece is; `L` are the literals of the language.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Kind<L> {
    /// A name or a keyword.
    Word,
    /// Punctuation or an operator.
    Sign(&'static str),
    Literal(L),
    End,
}

/// The tokens of a text, with an [`Kind::End`] behind the last. `token` reads one at the
/// start of a text that is not empty, which stands at a position of the whole, and says
/// how long it is.
pub(super) fn tokens<L>(
    text: &str,
    spaces: &[char],
    token: impl Fn(&str, usize) -> Result<(Kind<L>, usize), SyntaxError>,
) -> Result<Vec<Token<L>>, SyntaxError> {
    tokens_behind(text, |rest| rest.trim_start_matches(spaces), token)
}

/// As [`tokens`], where `skip` takes what stands for nothing off the start of a text.
pub(super) fn tokens_behind<L>(
    text: &str,
    skip: impl Fn(&str) -> &str,
    token: impl Fn(&str, usize) -> Result<(Kind<L>, usize), SyntaxError>,
) -> Result<Vec<Token<L>>, SyntaxError> {
    let mut tokens = Vec::new();
    let mut position = 0;
    loop {
        let rest = skip(text.get(position..).unwrap_or_default());
        let start = text.len() - rest.len();
        if rest.is_empty() {
            tokens.push(Token { kind: Kind::End, span: start..start });
            return Ok(tokens);
        }
        if tokens.len() == MAX_TOKENS {
            return Err(SyntaxError::TooLong);
        }
        let (kind, length) = token(rest, start)?;
        position = start + length;
        tokens.push(Token { kind, span: start..position });
    }
}

/// The sign at the start of a text. Of two with the same start, the longer one has to
/// come first in the list.
pub(super) fn sign<L>(signs: &[&'static str], rest: &str) -> Option<(Kind<L>, usize)> {
    let sign = signs.iter().find(|sign| rest.starts_with(**sign))?;
    Some((Kind::Sign(sign), sign.len()))
}

/// A place in the tokens of a text. Methods named `take…` say whether they moved on; the
/// others fail where the text does not go on as it must.
pub(super) struct Cursor<'t, L> {
    pub text: &'t str,
    tokens: Vec<Token<L>>,
    pub position: usize,
    depth: usize,
}

impl<'t, L: PartialEq> Cursor<'t, L> {
    /// `tokens` ends with an end.
    pub fn new(text: &'t str, tokens: Vec<Token<L>>) -> Self {
        Self { text, tokens, position: 0, depth: 0 }
    }

    pub fn token_at(&self, position: usize) -> &Token<L> {
        #[expect(
            clippy::indexing_slicing,
            reason = "an end is behind the last token, and positions stop there"
        )]
        &self.tokens[position.min(self.tokens.len() - 1)]
    }

    pub fn token(&self) -> &Token<L> {
        self.token_at(self.position)
    }

    /// Moves on, and returns what stood here.
    pub fn take(&mut self) -> &Token<L> {
        let position = self.position;
        self.position += 1;
        self.token_at(position)
    }

    /// Where the next token stands.
    pub fn at(&self) -> usize {
        self.token().span.start
    }

    /// Where the token before the next one ends.
    pub fn end_of_last(&self) -> usize {
        self.position.checked_sub(1).map_or(0, |last| self.token_at(last).span.end)
    }

    pub fn raw(&self, span: Range<usize>) -> &'t str {
        self.text.get(span).unwrap_or_default()
    }

    pub fn word_at(&self, position: usize) -> Option<&'t str> {
        let token = self.token_at(position);
        (token.kind == Kind::Word).then(|| self.raw(token.span.clone()))
    }

    pub fn next_word(&self) -> Option<&'t str> {
        self.word_at(self.position)
    }

    pub fn next_is(&self, sign: &'static str) -> bool {
        self.token().kind == Kind::Sign(sign)
    }

    pub fn second_is(&self, sign: &'static str) -> bool {
        self.token_at(self.position + 1).kind == Kind::Sign(sign)
    }

    pub fn take_sign(&mut self, sign: &'static str) -> bool {
        let matches = self.next_is(sign);
        self.position += usize::from(matches);
        matches
    }

    pub fn sign(&mut self, sign: &'static str) -> Result<(), SyntaxError> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.expected(sign)) }
    }

    pub fn end(&self, expected: &'static str) -> Result<(), SyntaxError> {
        if self.token().kind == Kind::End { Ok(()) } else { Err(self.expected(expected)) }
    }

    /// Digits, and nothing else.
    pub fn count(&mut self) -> Result<(), SyntaxError> {
        let digits = self.raw(self.token().span.clone());
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.expected("a count"));
        }
        self.position += 1;
        Ok(())
    }

    /// One or more items with commas between them.
    pub fn list(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), SyntaxError>,
    ) -> Result<(), SyntaxError> {
        item(self)?;
        while self.take_sign(",") {
            item(self)?;
        }
        Ok(())
    }

    pub fn deeper<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        self.enter()?;
        let result = inner(self);
        self.leave();
        result
    }

    /// Goes one deeper, until [`leave`](Self::leave).
    pub fn enter(&mut self) -> Result<(), SyntaxError> {
        if self.depth == MAX_DEPTH {
            return Err(SyntaxError::TooDeep(self.at()));
        }
        self.depth += 1;
        Ok(())
    }

    pub fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    pub fn expected(&self, expected: &'static str) -> SyntaxError {
        SyntaxError::Expected { expected, at: self.at() }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, MAX_TOKENS, tokens};
    use crate::query::SyntaxError;

    #[test]
    fn a_text_has_so_many_tokens() {
        let count = |text: &str| {
            tokens::<()>(text, &[' '], |_, _| Ok((Kind::Word, 1))).map(|tokens| tokens.len())
        };
        assert_eq!(count(&"a ".repeat(MAX_TOKENS)), Ok(MAX_TOKENS + 1), "and the end");
        assert_eq!(count(&"a ".repeat(MAX_TOKENS + 1)), Err(SyntaxError::TooLong));
    }
}
