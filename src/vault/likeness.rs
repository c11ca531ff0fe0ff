// SPDX-License-Identifier: Apache-2.0

use zeroize::Zeroizing;

use crate::base::{
    Equality, Pattern, PatternOf, fold, joined, parted, possible_words, rough, words,
};

/// What a CRM makes of two texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    Same,
    Different,
    /// It is not known.
    Doubtful,
}

/// What a CRM with this equality makes of two texts.
pub fn likeness(equality: Equality, one: &str, other: &str) -> Likeness {
    let agree = |form: fn(&str) -> Zeroizing<String>| form(one) == form(other);
    let (is_same, is_possible) = match equality {
        Equality::Exact => (one == other, false),
        Equality::Case => (is_same_but_case(one, other), agree(without_case)),
        // Which characters it takes for space is not known beyond these.
        Equality::Trimmed => (
            is_same_but_case(one.trim_matches(is_space), other.trim_matches(is_space)),
            agree(|text| without_case(text.trim())),
        ),
        Equality::Collated => (agree(|text| fold(text.trim_end_matches(' '))), agree(rough)),
    };
    match (is_same, is_possible) {
        (true, _) => Likeness::Same,
        (false, true) => Likeness::Doubtful,
        (false, false) => Likeness::Different,
    }
}

/// What a CRM with this equality makes of a text that is compared with a pattern.
pub fn looks_like(equality: Equality, pattern: &Pattern, text: &str) -> Likeness {
    match pattern.of {
        PatternOf::Value => {}
        PatternOf::Word => return has_word_like(pattern, text),
        PatternOf::Address => return is_address_like(pattern, text),
    }
    let but_case = |text: &str| matches_but_case(pattern, text);
    let (is_same, is_possible) = match equality {
        Equality::Exact => (pattern.matches(text, str::to_owned), false),
        Equality::Case => (but_case(text), pattern.matches(text, without_case)),
        Equality::Trimmed => (
            but_case(text.trim_matches(is_space)),
            pattern.matches(text.trim(), without_case) || but_case(text),
        ),
        // Whether space at the end of what is stored counts is not known.
        Equality::Collated => {
            let texts = [text, text.trim_end_matches(' ')];
            let matching = texts.map(|text| pattern.matches(text, fold));
            (matching == [true; 2], matching.contains(&true) || pattern.matches(text, rough))
        }
    };
    match (is_same, is_possible) {
        (true, _) => Likeness::Same,
        (false, true) => Likeness::Doubtful,
        (false, false) => Likeness::Different,
    }
}

/// What a CRM makes of a text in which it looks for a word. Which signs beside space end a word,
/// whether accents count, and whether what goes on at one end may begin or end with the text
/// only, nobody says: it is known where it makes no difference.
fn has_word_like(pattern: &Pattern, text: &str) -> Likeness {
    let readings = |text: &str, is_like: &dyn Fn(&str) -> bool| {
        let by_words =
            [text.split_ascii_whitespace().any(is_like), words(text).any(is_like)].into_iter();
        by_words.chain((!pattern.is_one_text()).then(|| is_like(text))).collect::<Vec<_>>()
    };
    let but_case = readings(text, &|text| matches_but_case(pattern, text));
    if !but_case.contains(&false) {
        return Likeness::Same;
    }
    let is_like = |text: &str| pattern.matches(text, rough);
    let may_have = || match possible_words(text) {
        Some(words) => words.iter().any(|word| is_like(word)),
        None => pattern.parts.iter().all(|part| stands_in(part.expose(), text)),
    };
    let is_possible =
        but_case.contains(&true) || readings(&rough(text), &is_like).contains(&true) || may_have();
    if is_possible { Likeness::Doubtful } else { Likeness::Different }
}

/// Whether the signs of a word stand in a text, one after the other, with any between.
fn stands_in(word: &str, text: &str) -> bool {
    let text = joined(text);
    let mut signs = text.chars();
    rough(word).chars().all(|sign| signs.any(|other| other == sign))
}

/// What a CRM makes of a text that has to end like an address. Whether it compares the end of
/// the text or of a word in it, nobody says: one that goes on behind a sign, as with `.uk`, may
/// be found or not.
fn is_address_like(pattern: &Pattern, text: &str) -> Likeness {
    if matches_but_case(pattern, text) {
        return Likeness::Same;
    }
    let ends_in = |text: &str| {
        let may_end = text.char_indices().filter(|(_, sign)| !sign.is_alphanumeric());
        let mut ends = may_end.map(|(at, _)| at).chain([text.len()]);
        ends.any(|end| text.get(..end).is_some_and(|text| pattern.matches(text, rough)))
    };
    let is_possible = [rough(text), joined(text), parted(text)].iter().any(|text| ends_in(text));
    if is_possible { Likeness::Doubtful } else { Likeness::Different }
}

fn matches_but_case(pattern: &Pattern, text: &str) -> bool {
    // Character by character: `Σ` at the end of a part may stand within a word.
    let lower =
        |text: &str| Zeroizing::new(text.chars().flat_map(char::to_lowercase).collect::<String>());
    let upper = |text: &str| Zeroizing::new(text.to_uppercase());
    pattern.matches(text, lower) && pattern.matches(text, upper)
}

/// Whether two texts differ in case only, however it is taken off: some CRMs compare what
/// is in lower case, others what is in upper case.
fn is_same_but_case(one: &str, other: &str) -> bool {
    one.chars().flat_map(char::to_lowercase).eq(other.chars().flat_map(char::to_lowercase))
        && one.chars().flat_map(char::to_uppercase).eq(other.chars().flat_map(char::to_uppercase))
}

/// The form that all texts have in common which differ in case only for some CRM: `ß` is
/// `SS` in upper case, and `ı` is `I`.
fn without_case(text: &str) -> Zeroizing<String> {
    fold(&Zeroizing::new(text.to_uppercase()))
}

fn is_space(character: char) -> bool {
    character <= ' '
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Cleartext;

    #[test]
    fn what_looks_alike_depends_on_who_compares() {
        use Likeness::{Different, Doubtful, Same};
        let all = [Equality::Exact, Equality::Case, Equality::Trimmed, Equality::Collated];
        for (like, text, expected) in [
            ("An%", "Anna", [Same; 4]),
            ("AN%", "anna", [Different, Same, Same, Same]),
            ("%NA", "Anna ", [Different, Different, Same, Doubtful]),
            ("An%", " Anna", [Different, Different, Same, Doubtful]),
            ("Wei%SS%", "Weiß", [Different, Doubtful, Doubtful, Same]),
            ("Jü%", "Jurgen", [Different, Different, Different, Doubtful]),
            ("ΟΔΥΣ%", "Οδυσσεύς", [Different, Same, Same, Same]),
            ("%x%", "Anna", [Different; 4]),
        ] {
            let pattern = Pattern::like(like).unwrap();
            let found = all.map(|equality| looks_like(equality, &pattern, text));
            assert_eq!(found, expected, "{like} {text:?}");
        }
    }

    #[test]
    fn a_word_is_found_where_nobody_doubts_that_it_is_one() {
        use Likeness::{Different, Doubtful, Same};
        for (word, text, expected) in [
            ("smith", "Smith", Same),
            ("SMITH", "Anna Smith", Same),
            ("smith", "Smith-Jones", Doubtful),
            ("smith", "Smith, Anna", Doubtful),
            ("smith", "山田Smith", Doubtful),
            ("muller", "Anna Müller", Doubtful),
            ("weiss", "Weiß", Doubtful),
            ("smith", "Smith²", Doubtful),
            ("smith", "½Smith①", Doubtful),
            ("smith2", "Smith²", Doubtful),
            ("smith", "Smi\u{fe0f}th\u{ad}Anna", Doubtful),
            (
                "smith",
                "S\u{ad}m\u{ad}i\u{ad}t\u{ad}h\u{ad}a\u{ad}b\u{ad}a\u{ad}b\u{ad}a\u{ad}b\u{ad}a\u{ad}b\u{ad}a\u{ad}b\u{ad}a\u{ad}b",
                Doubtful,
            ),
            (
                "jones",
                "S\u{ad}m\u{ad}i\u{ad}t\u{ad}h\u{ad}a\u{ad}b\u{ad}a\u{ad}b\u{ad}a\u{ad}b\u{ad}a\u{ad}b\u{ad}a\u{ad}b\u{ad}a\u{ad}b",
                Different,
            ),
            ("smith", "Smithson", Different),
            ("smith", "Smithson²", Different),
            ("smith", "Smi th", Different),
            ("smi*", "Smith", Same),
            ("smi*", "Smith-Jones", Same),
            ("smi*", "Anna Smith", Doubtful),
            ("smi*", "Goldsmith", Different),
            ("*smith", "Goldsmith", Same),
            ("*smith", "Goldsmith Anna", Doubtful),
            ("*mit*", "Anna Smith", Same),
            ("*mit*", "Anna", Different),
        ] {
            let pattern = Pattern::word(word).unwrap();
            assert_eq!(looks_like(Equality::Case, &pattern, text), expected, "{word} {text}");
        }
    }

    #[test]
    fn an_address_that_goes_on_behind_the_end_is_in_doubt() {
        use Likeness::{Different, Doubtful, Same};
        for (text, expected) in [
            ("a@acme.co", Same),
            ("A@ACME.CO", Same),
            ("a@acme.co.uk", Doubtful),
            ("a@acme.co, b@acme.com", Doubtful),
            ("a@acme.co\u{200b}m", Doubtful),
            ("a@äcme.co", Doubtful),
            ("a@acme.com", Different),
            ("a@b.acme.co", Different),
            ("acme.co", Different),
        ] {
            let end = Pattern::end_of_address(Cleartext::new("@acme.co"));
            assert_eq!(looks_like(Equality::Case, &end, text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_the_same_depends_on_who_compares() {
        use Likeness::{Different, Doubtful, Same};
        let all = [Equality::Exact, Equality::Case, Equality::Trimmed, Equality::Collated];
        for (one, other, expected) in [
            ("Anna", "Anna", [Same; 4]),
            ("Anna", "ANNA", [Different, Same, Same, Same]),
            ("Anna", "anna ", [Different, Different, Same, Same]),
            ("Anna", " Anna", [Different, Different, Same, Doubtful]),
            ("Anna", "\t\r\nAnna", [Different, Different, Same, Doubtful]),
            ("Anna", "Anna\u{a0}", [Different, Different, Doubtful, Doubtful]),
            ("Anna", "\u{2003}anna", [Different, Different, Doubtful, Doubtful]),
            ("Weiß", "WEISS", [Different, Doubtful, Doubtful, Same]),
            ("Weiß", "weiß", [Different, Same, Same, Same]),
            ("Νίκος", "ΝΊΚΟΣ", [Different, Doubtful, Doubtful, Same]),
            ("Kelvin", "\u{212a}elvin", [Different, Doubtful, Doubtful, Same]),
            ("Yıldız", "YILDIZ", [Different, Doubtful, Doubtful, Doubtful]),
            ("Jürgen", "Jurgen", [Different, Different, Different, Doubtful]),
            ("Ａnna", "Anna", [Different, Different, Different, Doubtful]),
            ("ｻﾄｳ", "サトウ", [Different, Different, Different, Doubtful]),
            ("Anna", "Anne", [Different; 4]),
        ] {
            let found = all.map(|equality| likeness(equality, one, other));
            assert_eq!(found, expected, "{one:?} {other:?}");
            assert_eq!(all.map(|equality| likeness(equality, other, one)), expected);
        }
    }
}
