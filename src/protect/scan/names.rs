// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use regex::Regex;

use super::{pattern, stands_alone};

/// Shorter names are other words too often.
const MIN_CHARACTERS: usize = 3;

/// Names to look for, whole and in each of their words, in any letter case.
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
                if word.chars().count() >= MIN_CHARACTERS && word.chars().any(char::is_alphabetic) {
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

    pub(super) fn find(&self, text: &str) -> Vec<Range<usize>> {
        let Some(automaton) = &self.0 else { return Vec::new() };
        let found = automaton.find_iter(text).map(|found| found.range());
        found.filter(|span| stands_alone(text, span)).collect()
    }
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

/// Forms of address, behind which names stand.
#[derive(Debug)]
pub(super) struct Titles(Regex);

impl Titles {
    pub(super) fn new() -> Self {
        let name = r"\p{Lu}(?:\.|[\p{L}'’-]+)";
        Self(pattern(&format!(
            r"(?x)\b(?:Herrn?|Frau|Hr\.|Fr\.|Dr\.|Prof\.|Mr\.?|Mrs\.?|Ms\.?|Miss|Mme|Sir|
                Vorname:?|Nachname:?|[Ff]irst\ name:?|[Ll]ast\ name:?|[Ss]urname:?|Name:)
            (?:\ (?:Dr\.|Prof\.|med\.|Dipl\.-Ing\.))*
            \ (?P<name>{name}(?:,?\ {name})?)"
        )))
    }

    pub(super) fn find(&self, text: &str) -> Vec<Range<usize>> {
        let found = self.0.captures_iter(text);
        found.filter_map(|captures| Some(captures.name("name")?.range())).collect()
    }
}
