// SPDX-License-Identifier: Apache-2.0

use super::lexer::Literal;
use super::{Path, Step};
use crate::query::SyntaxError;
use crate::query::tokens::{self, Kind, MAX_STEPS};

pub(super) type Cursor<'q> = tokens::Cursor<'q, Literal>;

impl<'q> Cursor<'q> {
    /// What stands here in quotes, if that does.
    pub(super) fn quoted(&self) -> Option<&str> {
        match &self.token().kind {
            Kind::Literal(Literal::Quoted(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let matches = self.next_word().is_some_and(|next| next.eq_ignore_ascii_case(word));
        self.position += usize::from(matches);
        matches
    }

    pub(super) fn word(&mut self, word: &'static str) -> Result<(), SyntaxError> {
        if self.take_word(word) { Ok(()) } else { Err(self.expected(word)) }
    }

    pub(super) fn name(&mut self) -> Result<&'q str, SyntaxError> {
        let name = self.next_word().ok_or_else(|| self.expected("a name"))?;
        self.position += 1;
        Ok(name)
    }

    /// A path, in quotes or without.
    pub(super) fn path(&mut self) -> Result<Path, SyntaxError> {
        let at = self.at();
        if let Some(text) = self.quoted() {
            let path = quoted_path(text, at).ok_or_else(|| self.expected("a name"))?;
            self.position += 1;
            return bounded(path);
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
                return bounded(Path { module, steps, at });
            }
        }
    }
}

fn bounded(path: Path) -> Result<Path, SyntaxError> {
    if path.steps.len() > MAX_STEPS { Err(SyntaxError::TooDeep(path.at)) } else { Ok(path) }
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
