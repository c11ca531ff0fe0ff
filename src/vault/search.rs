// SPDX-License-Identifier: Apache-2.0
//! What a value is found by, beside its spellings: the texts that blind indexes are made of.

use zeroize::Zeroizing;

use crate::base::{SearchKind, joined, possible_words, rough, words};

/// Longer beginnings are looked for by so many characters, and compared when they are found.
const LONGEST_PREFIX: usize = 10;

const GRAM: usize = 3;

/// The most characters of a value whose every part or word can be found: each adds a row.
pub const LONGEST_TO_CONTAIN: usize = 1000;

/// What values are indexed by that may have more words than are indexed: it is no text that is
/// looked for.
pub const TOO_MANY_WORDS: &str = "";

/// What a value is indexed by.
pub fn texts_of(kind: SearchKind, value: &str) -> Vec<Zeroizing<String>> {
    let own = |text: &str| Zeroizing::new(text.to_owned());
    let words = || possible_words(value).unwrap_or_else(|| vec![own(TOO_MANY_WORDS)]);
    match kind {
        SearchKind::Prefix => prefixes(&rough(value)).map(own).collect(),
        // A CRM that looks for words may leave out signs that the rough form keeps.
        SearchKind::Contains => {
            let (rough, joined, mut words) = (rough(value), joined(value), words());
            let mut grams: Vec<_> = grams(&rough).chain(grams(&joined)).map(own).collect();
            grams.extend(words.iter().flat_map(|word| self::grams(word)).map(own));
            words.retain(|word| word.as_str() == TOO_MANY_WORDS);
            grams.extend(words);
            grams
        }
        SearchKind::Words => words(),
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
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::base::{Equality, Pattern};
    use crate::vault::{Likeness, looks_like};

    #[test]
    fn known_texts() {
        let [prefix, contains, words] = SearchKind::ALL;
        let texts_of = |kind, value| {
            let texts = texts_of(kind, value);
            let texts: BTreeSet<_> = texts.iter().map(|text| text.as_str().to_owned()).collect();
            texts.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(texts_of(prefix, "Mul"), ["m", "mu", "mul"]);
        assert_eq!(texts_to_find(prefix, "mul"), ["mul"]);
        assert_eq!(texts_of(prefix, "wolfeschlegelsteinhausen").len(), LONGEST_PREFIX);
        assert_eq!(texts_to_find(prefix, "wolfeschlegelstein"), ["wolfeschle"]);
        assert_eq!(texts_of(contains, "яnnä a"), ["a a", "na ", "nna", "яnn"]);
        assert_eq!(texts_of(contains, "a\u{fe0f}nna"), ["ann", "a\u{fe0f}n", "nna", "\u{fe0f}nn"]);
        assert_eq!(texts_to_find(contains, "nna"), ["nna"]);
        assert_eq!(texts_of(words, "Smith-Jones, Anna²"), ["2", "anna", "anna2", "jones", "smith"]);
        assert_eq!(texts_of(words, &"a\u{ad}".repeat(16)), [TOO_MANY_WORDS]);
        assert_eq!(texts_to_find(words, "jones"), ["jones"]);
        assert_eq!(texts_to_find(words, "smith-jones"), [""; 0]);
        assert_eq!(texts_to_find(prefix, "").len() + texts_to_find(contains, "an").len(), 0);
    }

    /// What a CRM may make of a sign.
    #[derive(Clone, Copy, Debug)]
    enum Reading {
        Keeps,
        LeavesOut,
        Parts,
    }

    const IN_DOUBT: &str =
        "[²³½①٣९\u{200b}\u{200d}\u{ad}\u{2060}\u{fe0f}\u{301}\u{20dd}\u{483}’—★]";

    fn read(text: &str, readings: &[Reading]) -> String {
        let mut readings = readings.iter().cycle();
        let read = |sign: char| match readings.next() {
            _ if sign.is_ascii() => Some(sign),
            Some(Reading::LeavesOut) => None,
            Some(Reading::Parts) => Some(' '),
            Some(Reading::Keeps) | None => Some(sign),
        };
        text.chars().filter_map(read).collect()
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
                let part = rough(&part);
                let indexed = texts_of(kind, &value);
                let mut sought = texts_to_find(kind, &part).into_iter();
                prop_assert!(sought.all(|text| indexed.iter().any(|it| it.as_str() == text)));
            }
        }

        /// However a CRM reads the signs of which nobody knows whether they are a part of a
        /// word: a value in which it finds a word is found, and is not taken for another one.
        #[test]
        fn a_word_is_found_however_signs_are_read(
            pieces in prop::collection::vec(("[ab2]{0,2}", IN_DOUBT), 0..20),
            end in "[ab -]{0,3}",
            readings in prop::collection::vec(
                prop::sample::select(&[Reading::Keeps, Reading::LeavesOut, Reading::Parts][..]), 1..9,
            ),
            stars in any::<[bool; 2]>(),
        ) {
            let value: String = pieces.iter().flat_map(|(text, sign)| [text.as_str(), sign]).collect();
            let value = value + &end;
            let seen = read(&value, &readings);
            let seen = rough(&seen);
            for word in seen.split([' ', '-']).filter(|word| !word.is_empty()) {
                let [before, after] = stars.map(|star| if star { "*" } else { "" });
                let Some(pattern) = Pattern::word(&format!("{before}{word}{after}")) else { continue };
                let likeness = looks_like(Equality::Case, &pattern, &value);
                prop_assert_ne!(likeness, Likeness::Different, "{:?} {:?}", word, value);
                let one_text = pattern.is_one_text();
                let kind = if one_text { SearchKind::Words } else { SearchKind::Contains };
                let indexed = texts_of(kind, &value);
                let is_indexed = |text: &str| indexed.iter().any(|it| it.as_str() == text);
                let found = texts_to_find(kind, word).into_iter().all(is_indexed);
                prop_assert!(found || is_indexed(TOO_MANY_WORDS), "{:?} {:?}", word, value);
            }
        }
    }
}
