// SPDX-License-Identifier: Apache-2.0

use std::ops::Range;

use crate::keys::{Siv, Version};
use crate::vault::{Token, word};

/// Encrypted words of the first format, one for each version of the key, in turn.
const ENCRYPTED_FORMS: [char; 8] = ['e', 'd', 'c', 'b', 'a', 'f', 'g', 'h'];

/// A word that has the form of one of our surrogates.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Surrogate {
    Token(Token),
    /// The complete word of an AES-SIV surrogate, in lower case.
    Encrypted(String),
}

impl Surrogate {
    /// Reads a word in any letter case.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(token) = Token::parse(text) {
            return Some(Self::Token(token));
        }
        let sealed = read_encrypted(text)?;
        (sealed.len() > Siv::TAG_BYTES).then(|| Self::Encrypted(text.to_ascii_lowercase()))
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
    /// Where it stands, its e-mail domain included.
    pub span: Range<usize>,
    pub surrogate: Surrogate,
}

/// A word is a run of ASCII letters and digits: it may stand beside anything else,
/// such as a space, a quote, a tag or a letter of another script.
pub(super) fn find(text: &str, email_domain: &str) -> Vec<FoundSurrogate> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, begun)) = rest.find(is_of_words).and_then(|at| rest.split_at_checked(at)) {
        let length = begun.find(|character| !is_of_words(character)).unwrap_or(begun.len());
        let Some((word, after)) = begun.split_at_checked(length) else { break };
        if let Some(surrogate) = Surrogate::parse(word) {
            let start = text.len() - begun.len();
            let end = start + length + domain_length(after, email_domain);
            found.push(FoundSurrogate { span: start..end, surrogate });
        }
        rest = after;
    }
    found
}

fn is_of_words(character: char) -> bool {
    character.is_ascii_alphanumeric()
}

/// The surrogate that this text is, with or without the e-mail domain.
pub(super) fn whole(text: &str, email_domain: &str) -> Option<Surrogate> {
    let end = text.find(|character| !is_of_words(character));
    let (word, rest) = text.split_at_checked(end.unwrap_or(text.len()))?;
    (rest.len() == domain_length(rest, email_domain)).then(|| Surrogate::parse(word)).flatten()
}

/// The length of `@<email_domain>` if the text begins with it and the domain ends
/// there.
fn domain_length(text: &str, email_domain: &str) -> usize {
    let domain = text.strip_prefix('@').and_then(|rest| rest.get(..email_domain.len()));
    if !domain.is_some_and(|domain| domain.eq_ignore_ascii_case(email_domain)) {
        return 0;
    }
    let length = 1 + email_domain.len();
    let mut after = text.get(length..).unwrap_or_default().chars();
    let goes_on = match after.next() {
        Some('.') => after.next().is_some_and(|next| next.is_ascii_alphanumeric()),
        Some(next) => next.is_ascii_alphanumeric() || next == '-',
        None => false,
    };
    if goes_on { 0 } else { length }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "TOKEN";

    #[test]
    fn surrogates_are_found_where_they_stand() {
        let token = word::spell('t', &[7; 10]);
        let encrypted = word::spell('e', &[9; 17]);
        let check = |text: &str, expected: &[&str]| {
            let write = |text: &str| text.replace("TOKEN", &token).replace("ENCRYPTED", &encrypted);
            let text = write(text);
            let found = find(&text, "pii.acme.example");
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
            assert_eq!(whole(&text, "pii.acme.example").is_some(), is_whole, "{text}");
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
}
