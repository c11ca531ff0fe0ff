// SPDX-License-Identifier: Apache-2.0

use proptest::prelude::*;

use crate::base::Cleartext;
use crate::carrier::{Codec, DecodedText, Element, Occurrence, Removal, Role, Value, Widening};

use super::{Document, RenderError, Replacement, Slot};

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
fn members_are_put_in_another_order() {
    let list = r#"{"n":3,"l":[ {"a":"x"} ,{"b":"yy"},  {} ],"r":"z"}"#;
    let span = |part: &str| {
        let at = list.find(part).unwrap();
        at..at + part.len()
    };
    let members = [span(r#"{"a":"x"}"#), span(r#"{"b":"yy"}"#), span("{}")];
    let y = Removal { member: span(r#""b":"yy""#), before: None, after: None };
    let slots = vec![
        Slot::rewritten(span("3"), Codec::Plain, "2".to_owned()),
        slot(list, r#""x""#, Codec::Json),
        slot(list, r#""yy""#, Codec::Json).removable(Some(y)),
        slot(list, r#""z""#, Codec::Json),
    ];
    let document = Document::new(list, slots);
    let check = |order: &[usize], replacements: &[Replacement], expected: &str| {
        let reordered = document.reordered(&members, order).unwrap();
        assert_eq!(render(&reordered, replacements), Ok(expected.to_owned()), "{order:?}");
    };
    check(
        &[2, 1, 0],
        &[Replacement::Remove, text("X"), text("Z")],
        r#"{"n":2,"l":[ {} ,{},  {"a":"X"} ],"r":"Z"}"#,
    );
    check(&[1], &[text("Y"), Replacement::Keep], r#"{"n":2,"l":[ {"b":"Y"} ],"r":"z"}"#);
    check(&[], &[Replacement::Keep], r#"{"n":2,"l":[  ],"r":"z"}"#);
    // A value that would be lost, and members that are not there.
    assert!(document.reordered(&members[..1], &[0]).is_some());
    assert!(document.reordered(&[members[0].clone(), members[2].clone()], &[1, 0]).is_none());
    assert!(document.reordered(&members, &[3]).is_none());
    let beyond = [members[0].clone(), 0..list.len() + 1];
    assert!(document.reordered(&beyond, &[0, 1]).is_none());
}

#[test]
fn a_nested_text_is_written_over_in_part() {
    let target = "/q?a=1&b=x%20y%20z";
    let (span, decoded) = (9..18, DecodedText::new("x y z".to_owned(), vec![0, 1, 4, 5, 8, 9]));
    let inner = vec![Slot::value(0..1, Codec::Plain, occurrence("x"))];
    let document =
        Document::new(target, vec![Slot::nested(span.clone(), Codec::Percent, decoded, inner)]);
    assert!(document.clone().rewriting(&(0..1), 2..5, String::new()).is_none());
    let rewritten = document.rewriting(&span, 2..5, "LIMIT 3".to_owned()).unwrap();
    assert_eq!(render(&rewritten, &[text("ü")]), Ok("/q?a=1&b=%C3%BC%20LIMIT%203".to_owned()));
}

#[test]
fn a_comparison_is_repeated_for_several_values() {
    let any_of = Replacement::AnyOf(vec!["a".into(), "b'".into(), "c".into()]);
    let check = |query: &str, between: &str, expected: &str| {
        let widening = Widening::Repetition {
            whole: 4..query.len() - 2,
            open: "(",
            between: between.to_owned(),
            close: ")",
        };
        let document = Document::new(
            query.to_owned(),
            vec![slot(query, "'x'", Codec::OData).widening(widening)],
        );
        assert_eq!(render(&document, std::slice::from_ref(&any_of)), Ok(expected.to_owned()));
    };
    check("not f eq 'x' &", " or f eq ", "not (f eq 'a' or f eq 'b''' or f eq 'c') &");
    check("not 'x' eq f &", " eq f or ", "not ('a' eq f or 'b''' eq f or 'c' eq f) &");
}

#[test]
fn a_length_counts_the_lengths_in_it() {
    let whole = "length: 19\n\nlength: 8\n\n\"x@y\",12; rest";
    let slots = vec![
        Slot::length(8..10, 12..31),
        Slot::length(20..21, 23..31),
        slot(whole, "x@y", Codec::Plain),
    ];
    let document = Document::new(whole, slots);
    let check = |written: &str, expected: &str| {
        let replacement = Replacement::text(written);
        assert_eq!(document.render(&mut [replacement].iter()).unwrap(), expected);
    };
    check("x@y", whole);
    check("zh0@t", "length: 22\n\nlength: 10\n\n\"zh0@t\",12; rest");
    check("", "length: 16\n\nlength: 5\n\n\"\",12; rest");
}

#[test]
fn a_length_counts_what_is_written() {
    let part = "length: 11\n\n{\"e\":\"x@y\"} rest";
    let slots = vec![Slot::length(8..10, 12..23), slot(part, "x@y", Codec::Plain)];
    let document = Document::new(part, slots);
    let check = |replacement, expected: &str| {
        assert_eq!(render(&document, &[replacement]), Ok(expected.to_owned()));
    };
    check(Replacement::Keep, part);
    check(text("zh0@t"), "length: 13\n\n{\"e\":\"zh0@t\"} rest");
    check(text(""), "length: 8\n\n{\"e\":\"\"} rest");
}

#[test]
fn a_document_inside_another_is_numbered_and_picked_from() {
    let inner = "[1,2]";
    let element = |record: u32, at: usize| Element {
        records: record..record + 1,
        removal: Removal { member: at..at + 1, before: Some(2), after: (at < 2).then_some(2) },
    };
    let document = Document::new(inner, vec![slot(inner, "2", Codec::Json)])
        .with_elements(vec![element(0, 1), element(1, 3)])
        .numbered_from(5);
    let outer = format!("{{\"a\":{inner}}}");
    let decoded = DecodedText::verbatim(inner.to_owned());
    let document =
        Document::new(outer.clone(), vec![Slot::holding(5..10, Codec::Plain, decoded, document)]);
    assert_eq!(document.occurrences()[0].1.record, 5);
    let without = |refused: u32| {
        let rendered = document
            .render_without(&mut [Replacement::Keep].iter(), &|record| record == refused)
            .unwrap();
        String::from_utf8(rendered.to_vec()).unwrap()
    };
    assert_eq!((without(6), without(0)), ("{\"a\":[1]}".to_owned(), outer));
    let moved = document.revised(&mut |found| {
        found.record = 9;
        true
    });
    assert!(moved.occurrences().iter().all(|(_, found)| found.record == 9));
    assert!(moved.revised(&mut |_| false).occurrences().is_empty());
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
fn more_values_than_a_list_takes_become_several_lists() {
    let query = "not E='x' or F='y'";
    let widening = |from: usize, operator: usize| Widening::Lists {
        further: vec![(operator..operator + 1, " in ")],
        from,
        between: " or E in ".to_owned(),
        most: 2,
    };
    let document = Document::new(
        query,
        vec![
            slot(query, "'x'", Codec::Coql).widening(widening(4, 5)),
            slot(query, "'y'", Codec::Coql).widening(widening(13, 14)),
        ],
    );
    let any_of =
        |texts: &[&str]| Replacement::AnyOf(texts.iter().map(|text| (*text).to_owned()).collect());
    assert_eq!(
        render(&document, &[any_of(&["a", "b", "c", "d", "e"]), any_of(&["f", "g"])]).unwrap(),
        "not ((E in ('a','b') or E in ('c','d')) or E in ('e')) or F in ('f','g')"
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
fn what_changes_inside_of_what_is_taken_out_goes_with_it() {
    let query = "{a: #c\n x, b: y}";
    let slots = || {
        let removal = Removal { member: 1..9, before: None, after: Some(9) };
        vec![
            Slot::rewritten(4..6, Codec::Plain, String::new()),
            slot(query, "x", Codec::Json).removable(Some(removal)),
            slot(query, "y", Codec::Json),
        ]
    };
    let render = |first| render(&Document::new(query, slots()), &[first, text("z")]);
    assert_eq!(render(Replacement::Remove), Ok("{ b: \"z\"}".to_owned()));
    assert_eq!(render(text("w")), Ok("{a: \n \"w\", b: \"z\"}".to_owned()));
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

/// Records in a list, one member each, as `[{"v":"0"}, …]` with white space `gap`.
fn list(count: u32, gap: &str) -> Document {
    let mut text = format!("x[{gap}");
    let (mut slots, mut elements) = (Vec::new(), Vec::new());
    for record in 0..count {
        let separator = if record > 0 { format!("{gap},{gap}") } else { String::new() };
        let value = format!("\"{record}\"");
        let start = text.len() + separator.len();
        text.extend([&separator, "{\"v\":", &value, "}"]);
        let end = text.len();
        let member = Removal { member: start + 1..end - 1, before: None, after: None };
        let occurrence = Occurrence { record, ..occurrence("x") };
        let slot = Slot::value(end - 1 - value.len()..end - 1, Codec::Json, occurrence);
        slots.push(slot.removable(Some(member)));
        let before = (record > 0).then(|| start - 1 - gap.len());
        let after = (record + 1 < count).then(|| end + gap.len());
        let removal = Removal { member: start..end, before, after };
        elements.push(Element { records: record..record + 1, removal });
    }
    text.extend([gap, "]y"]);
    Document::new(text, slots).with_elements(elements)
}

fn render_without(
    document: &Document,
    replacements: &[Replacement],
    refused: &[u32],
) -> Result<String, RenderError> {
    let mut replacements = replacements.iter();
    let is_refused = |record| refused.contains(&record);
    let rendered = document.render_without(&mut replacements, &is_refused)?;
    assert_eq!(replacements.next(), None, "replacements are left over");
    Ok(String::from_utf8(rendered.to_vec()).unwrap())
}

#[test]
fn refused_records_are_taken_out_of_their_list() {
    let document = list(4, " ");
    let values = [text("a"), Replacement::Keep, Replacement::Remove, text("d")];
    let check = |refused: &[u32], expected: &str| {
        assert_eq!(render_without(&document, &values, refused).unwrap(), expected, "{refused:?}");
    };
    check(&[], r#"x[ {"v":"a"} , {"v":"1"} , {} , {"v":"d"} ]y"#);
    check(&[0], r#"x[  {"v":"1"} , {} , {"v":"d"} ]y"#);
    check(&[1], r#"x[ {"v":"a"} ,  {} , {"v":"d"} ]y"#);
    check(&[1, 2], r#"x[ {"v":"a"} ,  {"v":"d"} ]y"#);
    check(&[2, 3], r#"x[ {"v":"a"} , {"v":"1"}  ]y"#);
    check(&[0, 2], r#"x[  {"v":"1"} ,  {"v":"d"} ]y"#);
    check(&[0, 1, 2, 3], "x[  ]y");
    check(&[7], r#"x[ {"v":"a"} , {"v":"1"} , {} , {"v":"d"} ]y"#);
    let fewer = &values[..3];
    assert_eq!(render_without(&document, fewer, &[3]), Err(RenderError::TooFewReplacements));
}

#[test]
fn an_element_goes_with_all_records_in_it() {
    // A record that refers to another one, and a third.
    let body = r#"[{"v":"0","r":{"v":"1"}},{"v":"2"}]"#;
    let value = |literal: &str, record| {
        let at = body.find(literal).unwrap();
        let occurrence = Occurrence { record, ..occurrence("x") };
        Slot::value(at..at + literal.len(), Codec::Json, occurrence)
    };
    let slots = || vec![value("\"0\"", 0), value("\"1\"", 1), value("\"2\"", 2)];
    let removal = |member, before, after| Removal { member, before, after };
    let document = Document::new(body, slots()).with_elements(vec![
        Element { records: 2..3, removal: removal(25..34, Some(24), None) },
        Element { records: 0..2, removal: removal(1..24, None, Some(24)) },
    ]);
    let keep = vec![Replacement::Keep; 3];
    let check = |refused: &[u32], expected: &str| {
        assert_eq!(render_without(&document, &keep, refused).unwrap(), expected);
    };
    check(&[1], r#"[{"v":"2"}]"#);
    check(&[0], r#"[{"v":"2"}]"#);
    check(&[2], r#"[{"v":"0","r":{"v":"1"}}]"#);
    // A value of a refused record never stays, whatever replaces it.
    let document = Document::new(body, slots());
    assert_eq!(render_without(&document, &keep, &[1]), Err(RenderError::NotRemovable));
}

#[test]
fn records_are_taken_out_of_escaped_lists() {
    let element = |record, member, before, after| Element {
        records: record..record + 1,
        removal: Removal { member, before, after },
    };
    let target = "/q?ids=a%2cb,c&x=1";
    let origin = vec![0, 1, 4, 5, 6, 7];
    let slot = Slot::nested_list(
        7..14,
        Codec::Percent,
        DecodedText::new("a,b,c".to_owned(), origin),
        vec![
            element(0, 0..1, None, Some(1)),
            element(1, 2..3, Some(1), Some(3)),
            element(2, 4..5, Some(3), None),
        ],
    );
    let document = Document::new(target, vec![slot]);
    let check = |refused: &[u32], expected: &str| {
        assert_eq!(render_without(&document, &[], refused).unwrap(), expected);
    };
    check(&[], target);
    check(&[0], "/q?ids=b,c&x=1");
    check(&[1], "/q?ids=a%2cc&x=1");
    check(&[1, 2], "/q?ids=a&x=1");
    check(&[0, 2], "/q?ids=b&x=1");
}

proptest! {
    /// What is left is what the other records render to by themselves, in their
    /// order, with the bytes around the list as they were.
    #[test]
    fn what_is_left_does_not_depend_on_what_was_taken_out(
        records in prop::collection::vec((any::<bool>(), 0..3_u8), 0..12),
        gap in "[ \n]{0,2}",
    ) {
        let document = list(u32::try_from(records.len()).unwrap(), &gap);
        let replacements: Vec<_> = records
            .iter()
            .map(|(_, kind)| match kind {
                0 => Replacement::Keep,
                1 => text("t\"1"),
                _ => Replacement::Remove,
            })
            .collect();
        let refused: Vec<u32> =
            (0..).zip(&records).filter(|(_, (is_refused, _))| *is_refused).map(|(n, _)| n).collect();
        let rendered = render_without(&document, &replacements, &refused).unwrap();
        let inner = rendered.strip_prefix("x[").unwrap().strip_suffix("]y").unwrap();
        let left: Vec<serde_json::Value> = serde_json::from_str(&format!("[{inner}]")).unwrap();
        let expected: Vec<_> = (0..)
            .zip(&records)
            .filter(|(_, (is_refused, _))| !is_refused)
            .map(|(record, (_, kind)): (u32, _)| match kind {
                0 => serde_json::json!({ "v": record.to_string() }),
                1 => serde_json::json!({ "v": "t\"1" }),
                _ => serde_json::json!({}),
            })
            .collect();
        prop_assert_eq!(left, expected);
        if refused.is_empty() {
            prop_assert_eq!(rendered, render(&document, &replacements).unwrap());
        }
    }
}
