// SPDX-License-Identifier: Apache-2.0
//! What stands around a word so that a CRM takes it for an e-mail address or a URL:
//! `<word>@<domain>`, `https://<word>.<domain>/`. The domain is the operator's own.

use std::ops::Range;

use crate::policy::Shape;

const SCHEME: &str = "https://";

/// A word in the dress of a shape.
pub(super) fn dress(word: &str, shape: Shape, domain: &str) -> String {
    match shape {
        Shape::Email => format!("{word}@{domain}"),
        Shape::Url => format!("{SCHEME}{word}.{domain}/"),
        _ => word.to_owned(),
    }
}

/// How many characters the dress adds to a word.
pub(super) const fn length(shape: Shape, domain_length: usize) -> usize {
    match shape {
        Shape::Email => 1 + domain_length,
        Shape::Url => SCHEME.len() + 1 + domain_length + 1,
        _ => 0,
    }
}

/// The longest word that the dress is for, and what it is the limit of.
pub(super) const fn longest_word(shape: Shape) -> Option<(usize, &'static str)> {
    match shape {
        // RFC 5321 section 4.5.3.1.1.
        Shape::Email => Some((64, "the local part of an e-mail address")),
        // RFC 1035 section 2.3.4.
        Shape::Url => Some((63, "a label of a host name")),
        _ => None,
    }
}

/// Where a word stands in a text, its dress included. CRMs write URLs with and without what
/// stands before and behind the host.
pub(super) fn dressed(text: &str, word: Range<usize>, domain: &str) -> Range<usize> {
    let Range { start, end } = word;
    let before = text.get(..start).unwrap_or_default();
    let after = text.get(end..).unwrap_or_default();
    if let Some(length) = domain_behind(after, '@', domain) {
        return start..end + length;
    }
    let Some(length) = domain_behind(after, '.', domain) else { return start..end };
    let end = end + length;
    let slash = usize::from(text.get(end..).unwrap_or_default().starts_with('/'));
    let scheme = [SCHEME, "http://"].into_iter().find(|scheme| ends_with(before, scheme));
    start - scheme.map_or(0, str::len)..end + slash
}

/// The word that this text is, without its dress.
pub(super) fn undressed<'t>(text: &'t str, domain: &str) -> Option<&'t str> {
    let scheme = [SCHEME, "http://"].into_iter().find(|scheme| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    let start = scheme.map_or(0, str::len);
    let rest = text.get(start..)?;
    let length = rest.find(|next| !is_of_words(next)).unwrap_or(rest.len());
    let word = start..start + length;
    (dressed(text, word.clone(), domain) == (0..text.len())).then(|| text.get(word))?
}

/// Words are runs of ASCII letters and digits.
pub(super) fn is_of_words(character: char) -> bool {
    character.is_ascii_alphanumeric()
}

/// The length of `<mark><domain>` if the text begins with it and the domain ends there.
fn domain_behind(text: &str, mark: char, domain: &str) -> Option<usize> {
    let found = text.strip_prefix(mark)?.get(..domain.len())?;
    let length = mark.len_utf8() + domain.len();
    let mut after = text.get(length..)?.chars();
    let goes_on = match after.next() {
        Some('.') => after.next().is_some_and(|next| next.is_ascii_alphanumeric()),
        Some(next) => next.is_ascii_alphanumeric() || next == '-',
        None => false,
    };
    (found.eq_ignore_ascii_case(domain) && !goes_on).then_some(length)
}

fn ends_with(text: &str, end: &str) -> bool {
    let at = text.len().checked_sub(end.len());
    at.and_then(|at| text.get(at..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOMAIN: &str = "pii.acme.example";

    #[test]
    fn words_are_found_with_what_they_wear() {
        let check = |text: &str, expected: &str| {
            let start = text.find("zht1").unwrap();
            let found = dressed(text, start..start + 4, DOMAIN);
            assert_eq!(&text[found], expected, "{text}");
        };
        for whole in [
            "zht1",
            "zht1@pii.acme.example",
            "zht1@PII.Acme.Example",
            "https://zht1.pii.acme.example/",
            "https://zht1.pii.acme.example",
            "HTTP://zht1.pii.acme.example/",
            "zht1.pii.acme.example",
        ] {
            check(whole, whole);
            assert_eq!(undressed(whole, DOMAIN), Some("zht1"), "{whole}");
            let quoted = format!("see <{whole}>.");
            check(&quoted, whole);
            assert_eq!(undressed(&quoted, DOMAIN), None);
        }
        check("https://zht1/", "zht1");
        check("https://zht1.acme.example/", "zht1");
        check("https://zht1.pii.acme.example.org/", "zht1");
        check("https://zht1.pii.acme.example/a", "https://zht1.pii.acme.example/");
        check("https://www.zht1.pii.acme.example/", "zht1.pii.acme.example/");
        check("ftp://zht1.pii.acme.example/", "zht1.pii.acme.example/");
        check("zht1@pii.acme.example/", "zht1@pii.acme.example");
        for other in ["https://zht1", "https://", "", "https://zht1@pii.acme.example", "é"] {
            assert_eq!(undressed(other, DOMAIN).filter(|word| !word.is_empty()), None, "{other}");
        }
    }

    #[test]
    fn a_dress_is_as_long_as_it_is_said_to_be() {
        for shape in [Shape::Text, Shape::Email, Shape::Url, Shape::Card] {
            let dressed = dress("zht1", shape, DOMAIN);
            assert_eq!(dressed.len(), 4 + length(shape, DOMAIN.len()));
            assert_eq!(undressed(&dressed, DOMAIN), Some("zht1"));
        }
    }
}
