// SPDX-License-Identifier: Apache-2.0

use super::lexer::Literal;
use crate::query::{SyntaxError, tokens};

pub(in crate::query) type Cursor<'q> = tokens::Cursor<'q, Literal>;

impl<'q> Cursor<'q> {
    pub(in crate::query) fn is_keyword_at(&self, position: usize, keyword: &str) -> bool {
        self.word_at(position).is_some_and(|word| word.eq_ignore_ascii_case(keyword))
    }

    pub(in crate::query) fn take_keywords(&mut self, keywords: &[&str]) -> bool {
        let matches = keywords
            .iter()
            .enumerate()
            .all(|(offset, keyword)| self.is_keyword_at(self.position + offset, keyword));
        self.position += if matches { keywords.len() } else { 0 };
        matches
    }

    pub(in crate::query) fn take_call(&mut self, name: &str) -> bool {
        let matches = self.is_keyword_at(self.position, name) && self.second_is("(");
        self.position += if matches { 2 } else { 0 };
        matches
    }

    pub(in crate::query) fn take_opening_select(&mut self) -> bool {
        let matches = self.next_is("(") && self.is_keyword_at(self.position + 1, "SELECT");
        self.position += if matches { 2 } else { 0 };
        matches
    }

    pub(in crate::query) fn keyword(&mut self, keyword: &'static str) -> Result<(), SyntaxError> {
        self.one_of(&[keyword])
    }

    pub(in crate::query) fn one_of(
        &mut self,
        keywords: &[&'static str],
    ) -> Result<(), SyntaxError> {
        if keywords.iter().any(|keyword| self.take_keywords(&[keyword])) {
            return Ok(());
        }
        Err(self.expected(keywords.first().copied().unwrap_or_default()))
    }

    /// A name; not a word with a count, such as `LAST_N_DAYS:30`.
    pub(in crate::query) fn word(
        &mut self,
        expected: &'static str,
    ) -> Result<&'q str, SyntaxError> {
        let word = self.next_word().filter(|word| !word.contains(':'));
        let word = word.ok_or_else(|| self.expected(expected))?;
        self.position += 1;
        Ok(word)
    }
}
