// SPDX-License-Identifier: Apache-2.0

use crate::base::Cleartext;
use crate::carrier::{Codec, DecodedText, Occurrence, Role, Value};

use super::{Document, RenderError, Replacement, Slot, Widening};

fn occurrence(text: &str) -> Occurrence {
    Occurrence {
        object: "contact".into(),
        field: "email".into(),
        record: 0,
        role: Role::Equality,
        value: Value::Text(Cleartext::new(text)),
    }
}

/// A slot for the first place where `literal` stands.
fn slot(text: &str, literal: &str, codec: Codec) -> Slot {
    let at = text.find(literal).unwrap();
    Slot::value(at..at + literal.len(), codec, occurrence(literal))
}

fn render(document: &Document, replacements: &[Replacement]) -> Result<String, RenderError> {
    let rendered = document.render(&mut replacements.iter())?;
    Ok(String::from_utf8(rendered.to_vec()).unwrap())
}

fn text(text: &str) -> Replacement {
    Replacement::text(text)
}

#[test]
fn values_are_replaced_in_the_order_of_their_places() {
    let target = "/a/x@y/b?q=z&r=1";
    let document = Document::new(
        target,
        vec![slot(target, "z", Codec::Percent), slot(target, "x@y", Codec::Percent)],
    );
    let found: Vec<_> = document.occurrences().iter().map(|(slot, _)| slot.span.clone()).collect();
    assert_eq!(found, [3..6, 11..12]);
    let check = |replacements: &[Replacement], expected: Result<&str, RenderError>| {
        assert_eq!(render(&document, replacements), expected.map(str::to_owned));
    };
    check(&[Replacement::Keep, Replacement::Keep], Ok(target));
    check(&[text("k1"), text("a b")], Ok("/a/k1/b?q=a%20b&r=1"));
    check(&[Replacement::Keep], Err(RenderError::TooFewReplacements));
    check(&[Replacement::Keep, Replacement::Remove], Err(RenderError::NotRemovable));
    check(
        &[Replacement::Keep, Replacement::AnyOf(vec!["a".into()])],
        Err(RenderError::NotWidenable),
    );
}

#[test]
fn a_compared_value_becomes_several() {
    let any_of = Replacement::AnyOf(vec!["a".into(), "b'".into()]);
    let query = "E='x' AND F IN ('y', 'z')";
    let document = Document::new(
        query,
        vec![
            slot(query, "'x'", Codec::Soql).widening(Widening::List(vec![(1..2, " IN ")])),
            slot(query, "'y'", Codec::Soql).widening(Widening::Elements),
            slot(query, "'z'", Codec::Soql).widening(Widening::Elements),
        ],
    );
    assert_eq!(
        render(&document, &[any_of.clone(), any_of, Replacement::Keep]).unwrap(),
        r"E IN ('a','b\'') AND F IN ('a','b\'', 'z')"
    );
}

#[test]
fn edits_pass_through_every_level_of_escaping() {
    // A SOQL literal inside a query parameter inside a JSON string.
    let query = "E = 'ü'";
    let literal = Slot::value(4..8, Codec::Soql, occurrence("ü"))
        .widening(Widening::List(vec![(2..3, "IN")]));
    let target = "/q?q=E+%3D+'%C3%BC'&x=1";
    let origin = vec![0, 1, 2, 5, 6, 7, 10, 13, 14];
    let parameter = Slot::nested(
        5..19,
        Codec::Percent,
        DecodedText::new(query.to_owned(), origin),
        vec![literal],
    );
    let body = r#"{"url":"\/q?q=E+%3D+'%C3%BC'&x=1","n":1.0}"#;
    let mut origin = vec![0];
    origin.extend(2..target.len() + 2);
    let document = Document::new(
        body,
        vec![Slot::nested(
            8..8 + target.len() + 1,
            Codec::Json,
            DecodedText::new(target.to_owned(), origin),
            vec![parameter],
        )],
    );
    let check = |replacement, expected| {
        assert_eq!(render(&document, &[replacement]).unwrap(), expected);
    };
    check(Replacement::Keep, body);
    check(text("zh'1"), r#"{"url":"\/q?q=E+%3D+%27zh%5C%271%27&x=1","n":1.0}"#);
    check(
        Replacement::AnyOf(vec!["a".into(), "b".into()]),
        r#"{"url":"\/q?q=E+IN+%28%27a%27%2C%27b%27%29&x=1","n":1.0}"#,
    );
}

#[test]
fn links_are_rewritten_whatever_is_decided() {
    let body = r#"{"u":"https://a/b","v":"x"}"#;
    let document = Document::new(
        body,
        vec![
            Slot::rewritten(5..18, Codec::Json, "https://c/b".to_owned()),
            slot(body, "\"x\"", Codec::Json),
        ],
    );
    assert_eq!(document.occurrences().len(), 1);
    assert_eq!(render(&document, &[Replacement::Keep]).unwrap(), r#"{"u":"https://c/b","v":"x"}"#);
    let header = Document::new(
        "https://a/b",
        vec![Slot::rewritten(0..11, Codec::Plain, "https://c/b".to_owned())],
    );
    assert_eq!(render(&header, &[]).unwrap(), "https://c/b");
}

#[test]
fn overlapping_edits_are_refused() {
    let widened = |span, operator| {
        Slot::value(span, Codec::Soql, occurrence("x"))
            .widening(Widening::List(vec![(operator, "IN")]))
    };
    let document = Document::new("abcdef", vec![widened(4..6, 1..3), widened(3..4, 1..3)]);
    let any_of = || Replacement::AnyOf(vec!["a".into()]);
    assert_eq!(render(&document, &[any_of(), any_of()]), Err(RenderError::Overlap));
}

#[test]
fn debug_output_holds_no_values() {
    let document = Document::new("secret", vec![slot("secret", "secret", Codec::Json)]);
    let printed = format!(
        "{document:?} {:?} {:?}",
        text("secret"),
        Replacement::AnyOf(vec!["secret".into()])
    );
    assert!(!printed.contains("secret"), "{printed}");
}
