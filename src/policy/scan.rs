// SPDX-License-Identifier: Apache-2.0

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, Input, MatchKind, PatternID};

use super::{FieldRule, FindingKind};

/// What a policy says of findings in free text.
#[derive(Clone, Debug, Default)]
pub struct ScanRules {
    /// How findings are protected whose kind is a category of the policy. Others are of the
    /// category of the field that they stand in.
    pub rules: HashMap<FindingKind, Arc<FieldRule>>,
    /// Names that are looked for in every field that is scanned.
    pub names: Names,
}

/// Shorter names are other words too often.
const MIN_CHARACTERS: usize = 3;

/// Longer ones are no names. With it, looking for them takes linear time.
const MAX_BYTES: usize = 256;

/// Names to look for, whole and in each of their words, in any letter case.
#[derive(Clone, Default)]
pub struct Names(Option<AhoCorasick>);

impl Names {
    /// A name of several words is found by itself and by each word. Words of less than three
    /// characters are not looked for.
    pub fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let mut words = BTreeSet::new();
        for name in names {
            let parts = name.split(|character: char| !is_of_name(character));
            for word in parts.chain([name.trim()]) {
                let word = word.trim_matches(['-', '\'', '’']);
                if word.chars().count() >= MIN_CHARACTERS
                    && word.len() <= MAX_BYTES
                    && word.chars().any(char::is_alphabetic)
                {
                    // Beyond ASCII, the automaton minds the case.
                    words.extend([word.to_owned(), word.to_lowercase(), word.to_uppercase()]);
                }
            }
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .build(&words);
        Self(automaton.ok().filter(|_| !words.is_empty()))
    }

    /// Where they stand as words of their own.
    pub fn find(&self, text: &str) -> Vec<Range<usize>> {
        let Some(automaton) = &self.0 else { return Vec::new() };
        find_words(automaton, text).into_iter().map(|(span, _)| span).collect()
    }
}

/// Where patterns stand as words of their own, the first and longest of those that overlap,
/// and which. A pattern that is a part of a longer word hides none that begins further on.
pub fn find_words(automaton: &AhoCorasick, text: &str) -> Vec<(Range<usize>, PatternID)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(hit) = automaton.find(Input::new(text).range(at..)) {
        let span = hit.range();
        at = if stands_alone(text, &span) && !span.is_empty() {
            found.push((span.clone(), hit.pattern()));
            span.end
        } else {
            behind_word(text, span.start)
        };
    }
    found
}

/// Where the word ends that a place is in, or else the character.
fn behind_word(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let word: usize = rest.chars().take_while(|it| is_of_word(*it)).map(char::len_utf8).sum();
    let character = rest.chars().next().map_or(1, char::len_utf8);
    at + word.max(character)
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn is_of_name(character: char) -> bool {
    character.is_alphabetic() || matches!(character, '-' | '\'' | '’')
}

/// Says nothing of the names.
impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names(redacted)")
    }
}

/// Whether a range is not a part of a longer word.
fn stands_alone(text: &str, span: &Range<usize>) -> bool {
    let before = text.get(..span.start).and_then(|head| head.chars().next_back());
    let after = text.get(span.end..).and_then(|rest| rest.chars().next());
    !before.is_some_and(is_of_word) && !after.is_some_and(is_of_word)
}
