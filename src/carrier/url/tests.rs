// SPDX-License-Identifier: Apache-2.0

use proptest::prelude::*;

use super::{Target, UrlError, parameters};

fn parts(target: &str) -> (Vec<String>, Vec<(String, String)>) {
    let parsed = Target::parse(target.as_bytes()).unwrap();
    let path = parsed.path().into_iter().map(str::to_owned).collect();
    let query = parsed
        .query
        .iter()
        .map(|parameter| (parameter.name.clone(), parameter.value.decoded.as_str().to_owned()))
        .collect();
    (path, query)
}

#[test]
fn targets_come_apart() {
    let check = |target: &str, path: &[&str], query: &[(&str, &str)]| {
        let (found_path, found_query) = parts(target);
        assert_eq!(found_path, path, "{target}");
        let expected: Vec<(String, String)> =
            query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(found_query, expected, "{target}");
    };
    check("/", &[""], &[]);
    check("/a/b", &["a", "b"], &[]);
    check("/a/b/", &["a", "b", ""], &[]);
    check("/a?", &["a"], &[]);
    check("/a%40b/siobhan.o'brien@c?x", &["a@b", "siobhan.o'brien@c"], &[("x", "")]);
    check("/a+b", &["a+b"], &[]);
    check("/q?q=a+b%2Bc%20d&r==&%71=%C3%BC", &["q"], &[("q", "a b+c d"), ("r", "="), ("q", "ü")]);
    check("/q?a=1&&b=2&", &["q"], &[("a", "1"), ("", ""), ("b", "2")]);
    check("/q?q=a%0Ab;c", &["q"], &[("q", "a\nb;c")]);
    check("/ü?ü=ü", &["ü"], &[("ü", "ü")]);
}

#[test]
fn what_servers_read_differently_is_refused() {
    let check = |target: &[u8], expected| {
        let found = Target::parse(target).unwrap_err();
        assert_eq!(found, expected, "{}", target.escape_ascii());
    };
    check(b"", UrlError::Character(0));
    check(b"a/b", UrlError::Character(0));
    check(b"*", UrlError::Character(0));
    check(b"?a=b", UrlError::Character(0));
    check(b"http://a/b", UrlError::Character(0));
    check(b"/a#b", UrlError::Character(2));
    check(b"/a?b#c", UrlError::Character(4));
    check(b"//a", UrlError::Segment(1));
    check(b"/a//b", UrlError::Segment(3));
    check(b"/a/./b", UrlError::Segment(3));
    check(b"/a/../b", UrlError::Segment(3));
    check(b"/a/%2e%2E", UrlError::Segment(3));
    check(b"/a%2Fb", UrlError::Character(1));
    check(b"/a%5cb", UrlError::Character(1));
    check(b"/a\\b", UrlError::Character(1));
    check(b"/a;b", UrlError::Character(1));
    check(b"/a%3Bb", UrlError::Character(1));
    check(b"/a%", UrlError::Escape(2));
    check(b"/a%4", UrlError::Escape(2));
    check(b"/a%4g", UrlError::Escape(2));
    check(b"/a%+4", UrlError::Escape(2));
    check(b"/%41%00", UrlError::Character(4));
    check(b"/a%0ab", UrlError::Character(2));
    check(b"/a%7f", UrlError::Character(2));
    check(b"/a b", UrlError::Character(2));
    check(b"/a\x7fb", UrlError::Character(2));
    check(b"/%41\xffb", UrlError::Encoding(4));
    check(b"/a\xff", UrlError::Encoding(2));
    check(b"/a%c3%28", UrlError::Encoding(2));
    check(b"/a%C0%AE", UrlError::Encoding(2));
    check(b"/a?q=%u0061", UrlError::Escape(5));
    check(b"/a?q=%00", UrlError::Character(5));
    check(b"/a?q%00=1", UrlError::Character(4));
}

#[test]
fn parameters_can_be_removed_with_one_separator() {
    let text = b"xx a=1&b=&c";
    let found = parameters(text, 3..text.len()).unwrap();
    let removals: Vec<_> = found
        .iter()
        .map(|p| (p.removal.member.clone(), p.removal.before, p.removal.after))
        .collect();
    assert_eq!(
        removals,
        [(3..6, None, Some(6)), (7..9, Some(6), Some(9)), (10..11, Some(9), None)]
    );
    let values: Vec<_> = found.iter().map(|parameter| parameter.value.span.clone()).collect();
    assert_eq!(values, [5..6, 9..9, 11..11]);
}

proptest! {
    /// What is decoded stands, escaped, where the piece says.
    #[test]
    fn decoded_text_leads_back_to_its_escapes(value in "[a-z+ü@%€']{0,12}", plus in any::<bool>()) {
        let mut escaped = String::new();
        for character in value.chars() {
            match character {
                ' ' if plus => escaped.push('+'),
                'a'..='z' | '@' | '\'' => escaped.push(character),
                _ => escaped.push_str(&crate::carrier::Codec::Percent.fragment(&character.to_string())),
            }
        }
        let target = format!("/p?q={escaped}");
        let parsed = Target::parse(target.as_bytes()).unwrap();
        let piece = &parsed.query[0].value;
        prop_assert_eq!(piece.decoded.as_str(), &value);
        for (at, character) in value.char_indices() {
            let origin = piece.decoded.origin_of(&(at..at + character.len_utf8()));
            let raw = &escaped[origin];
            prop_assert!(raw == character.to_string()
                || raw == crate::carrier::Codec::Percent.fragment(&character.to_string()));
        }
    }
}
