// SPDX-License-Identifier: Apache-2.0

use super::lexer::{Token, TokenKind};
use super::{CoqlError, Path, Step};

/// Parentheses inside one another.
const MAX_DEPTH: usize = 32;

/// A place in the tokens of a query. What it takes is before it; the methods that fail
/// leave it where the query does not go on as it must.
pub(super) struct Cursor<'q> {
    query: &'q str,
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    end: usize,
    depth: usize,
}

impl<'q> Cursor<'q> {
    pub(super) fn new(query: &'q str, tokens: Vec<Token>) -> Self {
        Self { query, tokens: tokens.into_iter().peekable(), end: query.len(), depth: 0 }
    }

    pub(super) fn at(&mut self) -> usize {
        let end = self.end;
        self.tokens.peek().map_or(end, |token| token.span.start)
    }

    pub(super) fn raw(&self, token: &Token) -> &'q str {
        self.query.get(token.span.clone()).unwrap_or_default()
    }

    pub(super) fn next(&mut self) -> Token {
        let end = self.end;
        self.tokens.next().unwrap_or(Token { kind: TokenKind::End, span: end..end })
    }

    pub(super) fn next_if(&mut self, is_wanted: impl FnOnce(&Token) -> bool) -> Option<Token> {
        self.tokens.next_if(is_wanted)
    }

    pub(super) fn is_quoted(&mut self) -> bool {
        self.tokens.peek().is_some_and(|token| matches!(token.kind, TokenKind::Quoted(_)))
    }

    pub(super) fn is_word(&mut self) -> bool {
        self.tokens.peek().is_some_and(|token| token.kind == TokenKind::Word)
    }

    pub(super) fn take_sign(&mut self, sign: &'static str) -> bool {
        self.next_if(|token| token.kind == TokenKind::Sign(sign)).is_some()
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let query = self.query;
        let is_word = |token: &Token| {
            let raw = query.get(token.span.clone()).unwrap_or_default();
            token.kind == TokenKind::Word && raw.eq_ignore_ascii_case(word)
        };
        self.next_if(is_word).is_some()
    }

    pub(super) fn sign(&mut self, sign: &'static str) -> Result<(), CoqlError> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.expected(sign)) }
    }

    pub(super) fn word(&mut self, word: &'static str) -> Result<(), CoqlError> {
        if self.take_word(word) { Ok(()) } else { Err(self.expected(word)) }
    }

    pub(super) fn name(&mut self) -> Result<&'q str, CoqlError> {
        match self.next_if(|token| token.kind == TokenKind::Word) {
            Some(token) => Ok(self.raw(&token)),
            None => Err(self.expected("a name")),
        }
    }

    /// A path, in quotes or without.
    pub(super) fn path(&mut self) -> Result<Path, CoqlError> {
        let at = self.at();
        if let Some(token) = self.next_if(|token| matches!(token.kind, TokenKind::Quoted(_))) {
            let TokenKind::Quoted(text) = token.kind else { return Err(self.expected("a name")) };
            return quoted_path(&text, at).ok_or(CoqlError::Expected { expected: "a name", at });
        }
        let module = if self.take_sign("!") {
            let module = self.name()?.to_owned();
            self.sign(".")?;
            Some(module)
        } else {
            None
        };
        let mut steps = Vec::new();
        loop {
            let name = self.name()?.to_owned();
            let target = if self.take_sign("->") { Some(self.name()?.to_owned()) } else { None };
            steps.push(Step { name, module: target });
            if !self.take_sign(".") {
                return Ok(Path { module, steps, at });
            }
        }
    }

    /// One or more items with commas between them.
    pub(super) fn list(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), CoqlError>,
    ) -> Result<(), CoqlError> {
        item(self)?;
        while self.take_sign(",") {
            item(self)?;
        }
        Ok(())
    }

    pub(super) fn deeper(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<(), CoqlError>,
    ) -> Result<(), CoqlError> {
        if self.depth == MAX_DEPTH {
            return Err(CoqlError::TooDeep(self.at()));
        }
        self.depth += 1;
        inner(self)?;
        self.depth -= 1;
        Ok(())
    }

    pub(super) fn expected(&mut self, expected: &'static str) -> CoqlError {
        CoqlError::Expected { expected, at: self.at() }
    }
}

fn quoted_path(text: &str, at: usize) -> Option<Path> {
    let (module, text) = match text.strip_prefix('!') {
        Some(marked) => marked.split_once('.').map(|(module, rest)| (Some(module), rest))?,
        None => (None, text),
    };
    let step = |part: &str| {
        let (name, module) = match part.split_once("->") {
            Some((name, module)) => (name, Some(module)),
            None => (part, None),
        };
        let is_step = is_name(name) && module.is_none_or(is_name);
        is_step.then(|| Step { name: name.to_owned(), module: module.map(str::to_owned) })
    };
    let steps = text.split('.').map(step).collect::<Option<Vec<_>>>()?;
    let module = match module {
        Some(module) => Some(Some(module).filter(|name| is_name(name))?.to_owned()),
        None => None,
    };
    Some(Path { module, steps, at })
}

fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
    !text.is_empty() && text.bytes().all(is_part)
}
