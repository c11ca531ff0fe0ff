// SPDX-License-Identifier: Apache-2.0
//! Where a word begins and ends, and where nobody knows it.

use zeroize::Zeroizing;

use super::rough;

/// The most words that a text without space may have.
const MOST_WORDS: usize = 128;

/// The words of a text: letters and digits that stand together, of alphabets in which space
/// stands between words. Of others, only a dictionary knows where a word ends.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|sign| !is_in_word(sign)).filter(|word| !word.is_empty())
}

/// Whether all of a text is one word, whoever reads it.
pub fn is_one_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|sign| matches!(class(sign), Class::Letter(_)))
}

/// All that may be a word of a text for some CRM, in the rough form: it may take a sign that is
/// neither letter nor space for a part of the word, for its end, or leave it out. `None` where
/// that is more than 128 between two spaces.
pub fn possible_words(text: &str) -> Option<Vec<Zeroizing<String>>> {
    let of_runs = runs(text).into_iter().map(|run| words_of(&run));
    Some(of_runs.collect::<Option<Vec<_>>>()?.concat())
}

fn words_of(run: &Run) -> Option<Vec<Zeroizing<String>>> {
    let mut words: Vec<Zeroizing<String>> = Vec::new();
    for start in 0..run.len() {
        let mut begun = vec![Zeroizing::new(String::new())];
        for piece in run.iter().skip(start) {
            let without = if piece.is_letters { Vec::new() } else { begun.clone() };
            for word in &mut begun {
                word.push_str(&piece.text);
            }
            words.extend(begun.iter().cloned());
            begun.extend(without);
            if words.len() > MOST_WORDS {
                return None;
            }
        }
    }
    Some(words)
}

/// A text, in the rough form, without the signs that have nothing in common with a letter or a
/// digit: the letters of all that may be a word stand in it, one after the other.
pub fn joined(text: &str) -> Zeroizing<String> {
    let mut joined = Zeroizing::new(String::with_capacity(text.len()));
    for sign in text.chars() {
        match class(sign) {
            Class::Letter(text) | Class::Doubtful(text) => joined.push_str(&text),
            Class::Apart => joined.push(sign),
        }
    }
    rough(&joined)
}

/// A text, in the rough form, with space for each sign that may end a word.
pub fn parted(text: &str) -> Zeroizing<String> {
    let part = |sign: char| if matches!(class(sign), Class::Doubtful(_)) { ' ' } else { sign };
    rough(&Zeroizing::new(text.chars().map(part).collect::<String>()))
}

/// What stands between two spaces and is one word, or several.
type Run = Vec<Piece>;

struct Piece {
    text: Zeroizing<String>,
    /// Another sign may be left out, or be the end of a word.
    is_letters: bool,
    /// Whether a letter behind it belongs to it.
    goes_on: bool,
}

fn runs(text: &str) -> Vec<Run> {
    let mut runs = vec![Run::new()];
    for sign in text.chars() {
        let class = class(sign);
        if matches!(class, Class::Apart) {
            runs.push(Run::new());
        }
        let Some(run) = runs.last_mut() else { continue };
        match (class, run.last_mut()) {
            (Class::Letter(letter), Some(piece)) if piece.goes_on => piece.text.push_str(&letter),
            (Class::Letter(text), _) => run.push(Piece { text, is_letters: true, goes_on: true }),
            (Class::Doubtful(text), before) => {
                if let Some(before) = before {
                    before.goes_on = false;
                }
                if !text.is_empty() {
                    run.push(Piece { text, is_letters: false, goes_on: false });
                }
            }
            (Class::Apart, _) => {}
        }
    }
    runs
}

enum Class {
    /// It is a part of a word for everybody, in this rough form.
    Letter(Zeroizing<String>),
    /// It stands between words.
    Apart,
    /// Nobody says what it is. If it is a part of a word, it is this.
    Doubtful(Zeroizing<String>),
}

fn class(sign: char) -> Class {
    if sign.is_ascii() && !sign.is_ascii_alphanumeric() || sign.is_whitespace() {
        return Class::Apart;
    }
    let mut rough = rough(sign.encode_utf8(&mut [0; 4]));
    let is_word = !rough.is_empty() && rough.chars().all(is_in_word);
    // Signs such as `ʼ` count as letters, and are left out like apostrophes.
    let is_letter = sign.is_alphabetic() && !matches!(sign, '\u{2b0}'..='\u{2ff}');
    match (is_letter || sign.is_ascii(), is_word) {
        (true, true) => Class::Letter(rough),
        (true, false) if !rough.is_empty() => Class::Apart,
        _ => {
            rough.retain(is_in_word);
            Class::Doubtful(rough)
        }
    }
}

fn is_in_word(sign: char) -> bool {
    sign.is_alphanumeric() && matches!(sign, ..'\u{590}' | '\u{1e00}'..'\u{2000}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_letters_and_digits_that_stand_together() {
        let words: Vec<&str> = words(" Smith-Jones, Dr. Ωmega2 山田an ").collect();
        assert_eq!(words, ["Smith", "Jones", "Dr", "Ωmega2", "an"]);
    }

    #[test]
    fn whatever_may_be_a_word_is_one() {
        for (text, expected) in [
            ("Anna Smith-Jones", &["anna", "jones", "smith"][..]),
            ("Smith²", &["2", "smith", "smith2"]),
            ("Smith½ ①", &["smith", "smith½", "½"]),
            ("a½b", &["a", "ab", "a½", "a½b", "b", "½", "½b"]),
            ("Smith٣", &["smith"]),
            ("An\u{ad}na\u{200b}Smith", &["an", "anna", "annasmith", "na", "nasmith", "smith"]),
            ("Smi\u{fe0f}th", &["smi", "smith", "th"]),
            ("Zoe\u{308}", &["zoe"]),
            ("ＡnnaØ ß", &["annao", "ss"]),
            ("山田Smith", &["smith"]),
            ("O’Neil", &["neil", "o", "oneil"]),
            ("★★★★★★★★★★★★★★★★★★★★Anna", &["anna"]),
            (" - ", &[]),
        ] {
            let found = possible_words(text).unwrap();
            let mut found: Vec<&str> = found.iter().map(|word| word.as_str()).collect();
            found.sort_unstable();
            found.dedup();
            assert_eq!(found, expected, "{text}");
        }
        let pieces = |count: usize| vec!["a"; count].join("\u{ad}");
        assert_eq!(possible_words(&pieces(15)).unwrap().len(), 120);
        assert!(possible_words(&pieces(16)).is_none());
        assert!(possible_words(&"²".repeat(1000)).is_none());
    }

    #[test]
    fn a_word_is_one_for_everybody_if_it_is_of_letters_and_digits() {
        for word in ["Smith", "Müller2", "Ωmega", "ß", "Ｓmith"] {
            assert!(is_one_word(word), "{word}");
        }
        for text in ["", "Smith²", "a b", "a-b", "Zoe\u{308}", "山田", "an\u{ad}na", "Smith٣"] {
            assert!(!is_one_word(text), "{text}");
        }
    }

    #[test]
    fn a_text_with_and_without_the_signs_in_doubt() {
        assert_eq!(*joined("Smi\u{fe0f}th² O-N"), *"smith2 o-n");
        assert_eq!(*parted("Smi\u{fe0f}th² O-N"), *"smi th  o-n");
    }
}
