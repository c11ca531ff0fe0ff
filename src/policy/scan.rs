// SPDX-License-Identifier: Apache-2.0

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::{FieldRule, FindingKind, Words};
use crate::base::rough;

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

/// Names to look for, whole and in each of their words.
#[derive(Clone, Default)]
pub struct Names(Option<Words>);

impl Names {
    /// A name of several words is found by itself and by each word. Words of less than three
    /// characters are not looked for.
    pub fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let words: BTreeSet<String> = names.flat_map(words_of).collect();
        Self(Words::new(words.iter().map(String::as_str)))
    }

    /// Where they stand as words of their own.
    pub fn find(&self, text: &str) -> Vec<Range<usize>> {
        let found = self.0.iter().flat_map(|words| words.find(text));
        found.map(|(span, _)| span).collect()
    }
}

/// What is looked for of a name: nothing if all of it is too short.
pub fn words_of(name: &str) -> Vec<String> {
    let name = rough(name);
    let is_of_name = |it: char| it.is_alphabetic() || matches!(it, '-' | '\'' | '’');
    let parts = name.split(|character| !is_of_name(character));
    let words = parts.chain([name.as_str()]).map(|word| word.trim_matches(['-', '\'', '’']));
    let words = words.filter(|word| {
        word.chars().nth(MIN_CHARACTERS - 1).is_some()
            && word.len() <= Words::MAX_BYTES
            && word.chars().any(char::is_alphabetic)
    });
    words.map(str::to_owned).collect()
}

/// Says nothing of the names.
impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names(redacted)")
    }
}
