// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use zeroize::Zeroizing;

use crate::base::push_rough;

/// Stands in a folded text wherever a word begins or ends.
const BOUNDARY: &str = "\0";

/// Texts to look for as words of their own, without regard to case, accents and width, and to
/// which spaces, hyphens and apostrophes are written.
#[derive(Clone)]
pub struct Words(AhoCorasick);

impl Words {
    /// Longer texts are not to be looked for: nobody repeats them as a word. With it, looking
    /// for all takes linear time.
    pub const MAX_BYTES: usize = 256;

    /// `None` if there is nothing to look for.
    pub fn new<'w>(words: impl Iterator<Item = &'w str>) -> Option<Self> {
        let words: Vec<_> = words.map(folded).collect();
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(words.iter().map(|word| word.as_bytes()));
        automaton.ok().filter(|_| !words.is_empty()).map(Self)
    }

    /// Whether one of them stands in a text.
    pub fn stand_in(&self, text: &str) -> bool {
        self.0.is_match(folded(text).as_str())
    }

    /// Where they stand, in order and without overlaps, and which; of those that begin at one
    /// place, the longest.
    pub fn find(&self, text: &str) -> Vec<(Range<usize>, usize)> {
        let folded = folded(text);
        let mut hits = self.0.find_iter(folded.as_str()).peekable();
        let mut found = Vec::new();
        if hits.peek().is_none() {
            return found;
        }
        let (mut at, mut start) = (0, None);
        fold(text, |origin, piece| {
            let end = at + piece.len();
            while let Some(hit) = hits.peek().filter(|hit| hit.start() < end) {
                let begun = *start.get_or_insert(origin.start);
                if hit.end() > end {
                    break;
                }
                found.push((begun..origin.end, hit.pattern().as_usize()));
                (start, _) = (None, hits.next());
            }
            at = end;
        });
        found
    }
}

/// Says nothing of them.
impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Words({})", self.0.patterns_len())
    }
}

/// A text in its rough form, with its words marked.
fn folded(text: &str) -> Zeroizing<String> {
    let mut folded = Zeroizing::new(String::with_capacity(2 * text.len() + 2));
    fold(text, |_, piece| folded.push_str(piece));
    folded
}

/// Hands on each piece of the folded text, with where it stands.
fn fold(text: &str, mut take: impl FnMut(Range<usize>, &str)) {
    let (mut in_word, mut in_space) = (false, false);
    let mut piece = String::new();
    for (at, character) in text.char_indices() {
        let is_more_space = in_space && character.is_whitespace();
        piece.clear();
        push_rough(&mut piece, usual(character));
        if piece.is_empty() || is_more_space {
            continue;
        }
        in_space = character.is_whitespace();
        if character.is_alphanumeric() != in_word {
            in_word = !in_word;
            take(at..at, BOUNDARY);
        }
        take(at..at + character.len_utf8(), &piece);
    }
    if in_word {
        take(text.len()..text.len(), BOUNDARY);
    }
}

/// The usual sign for what is written in several ways.
fn usual(character: char) -> char {
    match character {
        '\u{2018}' | '\u{2019}' | '\u{2bc}' => '\'',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        _ if character.is_whitespace() => ' ',
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &[&str], text: &str, expected: &[&str]) {
        let words = Words::new(words.iter().copied()).unwrap();
        let found = words.find(text);
        let found: Vec<&str> = found.iter().map(|(span, _)| &text[span.clone()]).collect();
        assert_eq!(found, expected, "{text}");
        assert_eq!(words.stand_in(text), !expected.is_empty(), "{text}");
    }

    #[test]
    fn words_are_found_however_they_are_written() {
        check(&["Anna"], "Hannah, anna, ANNA.anna_anna 1anna", &["anna", "ANNA", "anna", "anna"]);
        check(&["иванов", "ŻÓŁĆ"], "Иванов Żółć Ивановна", &["Иванов", "Żółć"]);
        check(&["Müller"], "Mu\u{308}ller, Muller, Mülle", &["Mu\u{308}ller", "Muller"]);
        check(&["Zoe\u{308}"], "Zoë Zoe\u{308}.", &["Zoë", "Zoe\u{308}"]);
        check(&["Strauß"], "STRAUSS Strausse", &["STRAUSS"]);
        check(&["ΟΔΥΣΣΕΥΣ"], "Οδυσσεύς", &["Οδυσσεύς"]);
        check(&["Anna"], "An\u{200b}na Ａnna", &["An\u{200b}na", "Ａnna"]);
        check(&["O'Brien"], "o'brien's O’Brien", &["o'brien", "O’Brien"]);
        check(&["Anna Muster-Li"], "Anna\r\nMuster\u{2011}Li", &["Anna\r\nMuster\u{2011}Li"]);
        check(&["(030) 231-25"], "T(030) 231-25, (030) 231-256", &["(030) 231-25"]);
        check(&["佐藤"], "佐藤 様", &["佐藤"]);
    }

    /// A longer one that goes on as another word hides none.
    #[test]
    fn of_those_that_begin_at_one_place_the_longest_that_is_whole_is_found() {
        let words = ["Anna Muster", "Anna", "Muster Anna Bernd"];
        check(&words, "Anna Musterfrau", &["Anna"]);
        check(&words, "Anna Muster", &["Anna Muster"]);
        check(&words, "muster anna berndt", &["anna"]);
    }

    #[test]
    fn what_is_found_is_named_by_its_place_in_the_list() {
        let words = Words::new(["Muster", "Anna"].into_iter()).unwrap();
        assert_eq!(words.find("Anna Muster"), [(0..4, 1), (5..11, 0)]);
        assert!(Words::new([].into_iter()).is_none());
    }
}
