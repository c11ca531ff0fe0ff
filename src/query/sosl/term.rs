// SPDX-License-Identifier: Apache-2.0

use std::ops::Range;

use crate::carrier::SOSL_RESERVED;
use crate::query::SyntaxError;

/// What is looked for.
#[derive(Clone, PartialEq, Eq)]
pub struct Term {
    /// Between the braces.
    pub span: Range<usize>,
    /// The one word or phrase that it is; `None` where it has operators, wildcards, or
    /// several words.
    pub words: Option<String>,
}

/// Leaves the words out: they may be a value.
impl std::fmt::Debug for Term {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Term({:?})", self.span)
    }
}

impl Term {
    /// The term of a search, which begins with it: `FIND {…}`.
    pub(super) fn find(search: &str) -> Result<Self, SyntaxError> {
        let trimmed = search.trim_start_matches(SPACES);
        let start = search.len() - trimmed.len();
        let behind = trimmed.get(..4).filter(|word| word.eq_ignore_ascii_case("FIND"));
        let rest = behind.and_then(|_| trimmed.get(4..));
        let rest = rest.ok_or(SyntaxError::Expected { expected: "FIND", at: start })?;
        let opened = rest.trim_start_matches(SPACES).strip_prefix('{');
        let at = search.len() - rest.len();
        let inner = opened.ok_or(SyntaxError::Expected { expected: "{", at })?;
        let first = search.len() - inner.len();
        let mut is_escaped = false;
        for (at, character) in inner.char_indices() {
            match character {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '}' => {
                    let text = inner.get(..at).unwrap_or_default();
                    return Ok(Self { span: first..first + at, words: words(text) });
                }
                '{' => return Err(SyntaxError::Character(first + at)),
                _ => {}
            }
        }
        Err(SyntaxError::Literal(first))
    }

    /// Where the search goes on.
    pub(super) fn behind(&self) -> usize {
        self.span.end + 1
    }
}

const SPACES: [char; 4] = [' ', '\t', '\n', '\r'];

/// A phrase in quotes, or a single word.
fn words(term: &str) -> Option<String> {
    let term = term.trim_matches(SPACES);
    let quoted = term.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let mut words = String::new();
    let mut is_escaped = false;
    for character in quoted.unwrap_or(term).chars() {
        if is_escaped {
            // What needs no escape may mean anything.
            if !SOSL_RESERVED.contains(character) {
                return None;
            }
            is_escaped = false;
            words.push(character);
        } else if character == '\\' {
            is_escaped = true;
        } else if (character.is_whitespace() && quoted.is_none())
            || (SOSL_RESERVED.contains(character) && (character != '-' || words.is_empty()))
        {
            return None;
        } else {
            words.push(character);
        }
    }
    let is_operator = ["AND", "OR", "NOT"].iter().any(|word| words.eq_ignore_ascii_case(word));
    (!is_escaped && !words.is_empty() && !is_operator).then_some(words)
}
