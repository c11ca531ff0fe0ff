// SPDX-License-Identifier: Apache-2.0

use std::borrow::Cow;
use std::ops::Range;

use super::OpenedSurrogates;
use super::dress::{dressed, is_of_words, undressed};
use super::preserve::SURROGATE_DIGITS;
use crate::base::{Category, Cleartext, Moment, MomentForm};
use crate::keys::{Siv, Version};
use crate::policy::{Protection, Shape};
use crate::vault::{Form, Token, number, word};

/// Encrypted words of the first format, one for each version of the key, in turn.
const ENCRYPTED_FORMS: [char; 8] = ['e', 'd', 'c', 'b', 'a', 'f', 'g', 'h'];

/// What has the form of one of our surrogates.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Surrogate {
    Token(Token),
    /// The complete word of an AES-SIV surrogate, in lower case.
    Encrypted(String),
    /// The digits of a telephone number of FF1, behind the prefix.
    Preserved(String),
}

impl Surrogate {
    /// Reads a word in any letter case.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(token) = Token::parse(text).filter(|token| token.form() == Form::Word) {
            return Some(Self::Token(token));
        }
        let sealed = read_encrypted(text)?;
        (sealed.len() > Siv::TAG_BYTES).then(|| Self::Encrypted(text.to_ascii_lowercase()))
    }

    /// Whether its form alone says that it is ours. A day in the reserved range may be
    /// anybody's; only that it opens tells.
    pub(super) fn is_evident(&self) -> bool {
        match self {
            Self::Token(token) => token.form() == Form::Word,
            Self::Encrypted(_) => true,
            Self::Preserved(_) => false,
        }
    }

    /// Whether it stands for no value: what has none is compared with it.
    pub fn is_nobodys(&self) -> bool {
        matches!(self, Self::Token(token) if Token::nobody(token.form()).as_ref() == Some(token))
    }
}

/// Whether days and points in time are looked for beside what is ours in any text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought {
    Words,
    WordsAndMoments,
}

impl Sought {
    /// What may stand in a field with this protection.
    pub fn of(protection: Protection) -> Self {
        let has_moments = match protection {
            // Where a date was tokenized before.
            Protection::Generalize(kept) => kept.is_date(),
            _ => protection.shape().is_some_and(Shape::is_moment),
        };
        if has_moments { Self::WordsAndMoments } else { Self::Words }
    }
}

/// The word of a value that a key of this version has sealed.
pub(super) fn spell_encrypted(sealed: &[u8], version: Version) -> String {
    word::spell(word::form(ENCRYPTED_FORMS, version), sealed)
}

/// The sealed value in a word.
pub(super) fn read_encrypted(text: &str) -> Option<Vec<u8>> {
    let (form, sealed) = word::read(text)?;
    ENCRYPTED_FORMS.contains(&form).then_some(sealed)
}

/// A surrogate found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundSurrogate {
    /// Where it stands, its dress included.
    pub span: Range<usize>,
    pub surrogate: Surrogate,
    /// How a day or a point in time is written there.
    pub form: Option<MomentForm>,
}

impl FoundSurrogate {
    fn new(span: Range<usize>, surrogate: Surrogate) -> Self {
        Self { span, surrogate, form: None }
    }

    /// What it stands for at a place of this category, in the form that it has itself
    /// there: what the CRM would have answered.
    pub fn clear<'o>(
        &self,
        opened: &'o OpenedSurrogates,
        category: &Category,
    ) -> Option<Cow<'o, Cleartext>> {
        let value = opened.get(&self.surrogate, category)?;
        let Some(form) = &self.form else { return Some(Cow::Borrowed(value)) };
        let (moment, _) = Moment::read(value.expose())?;
        Some(Cow::Owned(Cleartext::new(moment.write(form)?)))
    }

    /// Whether it is ours: by its form, or because it opens at a place of one of these
    /// categories. What is not is an ordinary value.
    pub fn is_ours<'c>(
        &self,
        opened: &OpenedSurrogates,
        mut categories: impl Iterator<Item = &'c Category>,
    ) -> bool {
        self.surrogate.is_evident()
            || categories.any(|category| opened.knows(&self.surrogate, category))
    }
}

/// Every surrogate in a text, in order.
pub(super) fn find(text: &str, domain: &str, sought: Sought) -> Vec<FoundSurrogate> {
    let mut found = words(text, domain);
    found.extend(phones(text));
    if sought == Sought::WordsAndMoments {
        found.extend(moments(text));
    }
    found.sort_by_key(|found| found.span.start);
    found
}

/// A word may stand beside anything that is no part of words, such as a space, a quote, a tag
/// or a letter of another script.
fn words(text: &str, domain: &str) -> Vec<FoundSurrogate> {
    let word = |(start, word): (usize, &str)| {
        let span = start..start + word.len();
        if let Some(surrogate) = Surrogate::parse(word) {
            return Some(FoundSurrogate::new(dressed(text, span, domain), surrogate));
        }
        let is_phone = text.get(..start).is_some_and(|before| before.ends_with('+'));
        let surrogate = number(word).filter(|_| !is_phone)?;
        Some(FoundSurrogate::new(span, surrogate))
    };
    runs(text, is_of_words).filter_map(word).collect()
}

/// The longest parts of a text that are made of such characters, and where they begin.
fn runs(text: &str, is_part: fn(char) -> bool) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..)?;
        let start = at + rest.find(is_part)?;
        let run = text.get(start..)?;
        let length = run.find(|next| !is_part(next)).unwrap_or(run.len());
        at = start + length;
        Some((start, run.get(..length)?))
    })
}

/// Telephone numbers of ours: digits behind the prefix, as many as there are.
fn phones(text: &str) -> impl Iterator<Item = FoundSurrogate> {
    text.match_indices(number::PHONE_PREFIX).filter_map(|(start, _)| {
        let rest = text.get(start..)?;
        let length =
            1 + rest.get(1..)?.find(|next: char| !next.is_ascii_digit()).unwrap_or(rest.len() - 1);
        let surrogate = phone(rest.get(..length)?)?;
        Some(FoundSurrogate::new(start..start + length, surrogate))
    })
}

fn phone(text: &str) -> Option<Surrogate> {
    let digits = text.strip_prefix(number::PHONE_PREFIX)?;
    if SURROGATE_DIGITS.contains(&digits.len()) {
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        return is_number.then(|| Surrogate::Preserved(digits.to_owned()));
    }
    Token::parse(text).filter(|token| token.form() == Form::Phone).map(Surrogate::Token)
}

/// A card number or an IBAN of ours.
fn number(text: &str) -> Option<Surrogate> {
    let is_number = |token: &Token| matches!(token.form(), Form::Card | Form::Iban);
    Token::parse(text).filter(is_number).map(Surrogate::Token)
}

/// Days and points in time of ours, in any of their forms.
fn moments(text: &str) -> impl Iterator<Item = FoundSurrogate> {
    const AROUND: [char; 4] = ['-', '+', ':', '.'];
    let is_part = |next: char| next.is_ascii_alphanumeric() || AROUND.contains(&next);
    runs(text, is_part).filter_map(|(start, run)| {
        let begun = run.trim_start_matches(AROUND);
        let start = start + run.len() - begun.len();
        let run = begun.trim_end_matches(AROUND);
        let (surrogate, form) = moment(run)?;
        Some(FoundSurrogate { span: start..start + run.len(), surrogate, form: Some(form) })
    })
}

fn moment(text: &str) -> Option<(Surrogate, MomentForm)> {
    let (moment, form) = Moment::read(text)?;
    Some((Surrogate::Token(Token::of_moment(moment)?), form))
}

/// The surrogate that this text is, dressed or not.
pub(super) fn whole(text: &str, domain: &str) -> Option<FoundSurrogate> {
    let all = 0..text.len();
    if let Some((surrogate, form)) = moment(text) {
        return Some(FoundSurrogate { span: all, surrogate, form: Some(form) });
    }
    if let Some(surrogate) = phone(text).or_else(|| number(text)) {
        return Some(FoundSurrogate::new(all, surrogate));
    }
    Some(FoundSurrogate::new(all, Surrogate::parse(undressed(text, domain)?)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "TOKEN";

    #[test]
    fn surrogates_are_found_where_they_stand() {
        let token = word::spell('t', &[7; 10]);
        let encrypted = word::spell('e', &[9; 17]);
        let check = |text: &str, expected: &[&str]| {
            let write = |text: &str| text.replace("TOKEN", &token).replace("ENCRYPTED", &encrypted);
            let text = write(text);
            let found = find(&text, "pii.acme.example", Sought::Words);
            let spans: Vec<&str> = found.iter().map(|found| &text[found.span.clone()]).collect();
            assert_eq!(
                spans,
                expected.iter().map(|text| write(text)).collect::<Vec<_>>(),
                "{text}"
            );
        };
        check("", &[]);
        check(TOKEN, &["TOKEN"]);
        check("TOKEN ENCRYPTED", &["TOKEN", "ENCRYPTED"]);
        check("<p class=\"x\">TOKEN</p>", &["TOKEN"]);
        check("{\"a\":\"TOKEN\"}", &["TOKEN"]);
        check("ГосподинTOKEN—TOKENä", &["TOKEN", "TOKEN"]);
        check("TOKEN@pii.acme.example", &["TOKEN@pii.acme.example"]);
        check("TOKEN@PII.Acme.Example.", &["TOKEN@PII.Acme.Example"]);
        check("<ENCRYPTED@pii.acme.example>", &["ENCRYPTED@pii.acme.example"]);
        check("TOKEN@pii.acme.example.org", &["TOKEN"]);
        check("TOKEN@pii.acme.examples", &["TOKEN"]);
        check("TOKEN@other.example", &["TOKEN"]);
        check("TOKEN@pii.acme.exampleü", &["TOKEN@pii.acme.example"]);
        check("aTOKEN TOKENa TOKENTOKEN", &[]);
        check("zh zhang zht zhe", &[]);
    }

    #[test]
    fn whole_values_are_told_from_texts() {
        let token = word::spell('t', &[7; 10]);
        for (text, is_whole) in [
            (token.clone(), true),
            (token.to_uppercase(), true),
            (format!("{token}@PII.acme.example"), true),
            (format!("{token}@other.example"), false),
            (format!("{token} "), false),
            (format!("{token}ä"), false),
            (format!("{token} {token}"), false),
            (String::new(), false),
        ] {
            let found = whole(&text, "pii.acme.example");
            assert_eq!(found.is_some(), is_whole, "{text}");
        }
    }

    #[test]
    fn letter_case_does_not_matter() {
        for word in [word::spell('t', &[7; 10]), word::spell('e', &[9; 17])] {
            assert!(Surrogate::parse(&word).is_some());
            assert_eq!(Surrogate::parse(&word), Surrogate::parse(&word.to_uppercase()));
        }
    }

    #[test]
    fn words_of_other_lengths_and_forms_are_not_ours() {
        for (form, length) in [('t', 9), ('t', 11), ('e', 16), ('e', 0), ('k', 10), ('k', 17)] {
            assert_eq!(Surrogate::parse(&word::spell(form, &vec![7; length])), None);
        }
    }

    proptest! {
        /// What is found is written anew piece by piece.
        #[test]
        fn what_is_found_never_overlaps(pieces in prop::collection::vec(prop::sample::select(vec![
            "zht", "TOKEN", "ENCRYPTED", "CARD", "IBAN", "+", "+999", "12345678901", "000", "https://", "http://", "@",
            ".", "/", "-", "pii.acme.example", "2612-03-04", "T05:06:07Z", "+01:00", " ", "é",
        ]), 0..12)) {
            let text = pieces.concat().replace("TOKEN", &word::spell('t', &[7; 10]));
            let text = text.replace("ENCRYPTED", &word::spell('e', &[9; 17]));
            let text = text.replace("CARD", "9999000000000004");
            let text = text.replace("IBAN", "ZZ66000000000000000000");
            let mut end = 0;
            for found in find(&text, "pii.acme.example", Sought::WordsAndMoments) {
                prop_assert!(end <= found.span.start && found.span.start < found.span.end, "{}", text);
                let alone = text.get(found.span.clone());
                let again = alone.and_then(|alone| whole(alone, "pii.acme.example"));
                prop_assert_eq!(again.map(|again| again.surrogate), Some(found.surrogate), "{}", text);
                end = found.span.end;
            }
            prop_assert!(end <= text.len());
        }
    }
}
