// SPDX-License-Identifier: Apache-2.0
//! What a value is found by, beside its spellings: the texts that blind indexes are made of.

use crate::base::{SearchKind, words};

/// Longer beginnings are looked for by so many characters, and compared when they are found.
const LONGEST_PREFIX: usize = 10;

const GRAM: usize = 3;

/// The most characters of a value whose every part or word can be found: each adds a row.
pub const LONGEST_TO_CONTAIN: usize = 1000;

/// What a value is indexed by, in its rough form.
pub fn texts_of(kind: SearchKind, rough: &str) -> Vec<&str> {
    match kind {
        SearchKind::Prefix => prefixes(rough).collect(),
        SearchKind::Contains => grams(rough).collect(),
        SearchKind::Words => words(rough).collect(),
    }
}

/// What every value is indexed by that holds a text, in its rough form, in the way of this
/// kind; nothing where the text is too short to be looked for, or is no word.
pub fn texts_to_find(kind: SearchKind, rough: &str) -> Vec<&str> {
    match kind {
        SearchKind::Prefix => prefixes(rough).last().into_iter().collect(),
        SearchKind::Contains => grams(rough).collect(),
        SearchKind::Words if words(rough).eq([rough]) => vec![rough],
        SearchKind::Words => Vec::new(),
    }
}

fn prefixes(text: &str) -> impl Iterator<Item = &str> {
    ends(text).take(LONGEST_PREFIX).filter_map(|end| text.get(..end))
}

fn grams(text: &str) -> impl Iterator<Item = &str> {
    let starts = text.char_indices().map(|(at, _)| at);
    starts.zip(ends(text).skip(GRAM - 1)).filter_map(|(start, end)| text.get(start..end))
}

fn ends(text: &str) -> impl Iterator<Item = usize> {
    text.char_indices().map(|(at, character)| at + character.len_utf8())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::rough;

    #[test]
    fn known_texts() {
        let [prefix, contains, words] = SearchKind::ALL;
        assert_eq!(texts_of(prefix, "mul"), ["m", "mu", "mul"]);
        assert_eq!(texts_to_find(prefix, "mul"), ["mul"]);
        assert_eq!(texts_of(prefix, "wolfeschlegelsteinhausen").len(), LONGEST_PREFIX);
        assert_eq!(texts_to_find(prefix, "wolfeschlegelstein"), ["wolfeschle"]);
        assert_eq!(texts_of(contains, "ännä a"), ["änn", "nnä", "nä ", "ä a"]);
        assert_eq!(texts_to_find(contains, "nna"), ["nna"]);
        assert_eq!(texts_of(words, "smith-jones, anna"), ["smith", "jones", "anna"]);
        assert_eq!(texts_to_find(words, "jones"), ["jones"]);
        assert_eq!(texts_to_find(words, "smith-jones"), [""; 0]);
        assert_eq!(texts_to_find(prefix, "").len() + texts_to_find(contains, "an").len(), 0);
    }

    proptest! {
        /// Whatever a value begins with or contains, it is found by.
        #[test]
        fn every_part_leads_to_its_value(
            before in "[ \u{300}A-Zßüæ-]{0,6}", part in "[ a-zA-ZßÜæŒ\u{301}]{0,8}", after in "\\PC{0,6}",
        ) {
            for (kind, value) in SearchKind::ALL.into_iter().zip([
                format!("{part}{after}"),
                format!("{before}{part}{after}"),
                format!("{before}-{part} {after}"),
            ]) {
                let (part, value) = (rough(&part), rough(&value));
                let indexed = texts_of(kind, &value);
                let sought = texts_to_find(kind, &part);
                prop_assert!(sought.iter().all(|text| indexed.contains(text)), "{sought:?}");
            }
        }
    }
}
