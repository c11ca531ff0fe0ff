// SPDX-License-Identifier: Apache-2.0

use std::borrow::Cow;

use proptest::prelude::*;
use serde_json::Value as Tree;

use super::{DEFAULT_MAX_DEPTH, Json, JsonError, Kind, Node};
use crate::carrier::{Codec, Document, Occurrence, Replacement, Role, Slot};
use crate::testkit;

fn parse(text: &str) -> Result<Json<'_>, JsonError> {
    Json::parse(text.as_bytes(), DEFAULT_MAX_DEPTH)
}

/// The value as an independent parser would hold it; numbers by their spelling.
fn tree(node: Node<'_>) -> Tree {
    match node.kind() {
        Kind::Object => node
            .members()
            .map(|member| (member.key.into_owned(), tree(member.value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Kind::Array => node.elements().map(tree).collect(),
        Kind::String => node.text().unwrap().into_owned().into(),
        Kind::True => true.into(),
        Kind::False => false.into(),
        Kind::Null => Tree::Null,
        Kind::Number => serde_json::from_str(node.raw()).unwrap(),
    }
}

/// Every scalar as an occurrence.
fn document(bytes: &[u8]) -> Document {
    fn locate(node: Node<'_>, slots: &mut Vec<Slot>) {
        if matches!(node.kind(), Kind::Object | Kind::Array) {
            node.children().for_each(|child| locate(child, slots));
        } else {
            let occurrence = Occurrence {
                object: "object".into(),
                field: "field".into(),
                record: 0,
                role: Role::Stored,
                value: node.value(),
            };
            slots.push(Slot::value(node.span(), Codec::Json, occurrence).removable(node.removal()));
        }
    }
    let json = Json::parse(bytes, 1000).unwrap();
    let mut slots = Vec::new();
    locate(json.root(), &mut slots);
    Document::new(bytes.to_vec(), slots)
}

fn render(document: &Document, replacement: &Replacement) -> Vec<u8> {
    document.render(&mut std::iter::repeat(replacement)).unwrap().to_vec()
}

#[test]
fn json_test_suite() {
    // RFC 8259 leaves these open. Beyond numbers of any size we accept none of
    // them: another reader could see another value.
    let accepted = |name: &str| name.starts_with("i_number");
    let Some(folder) = testkit::shared_path("vectors/json/test_parsing") else { return };
    let mut counts = [0, 0, 0];
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let bytes = std::fs::read(&path).unwrap();
        let expected = match name.as_bytes()[0] {
            b'y' => true,
            b'n' => false,
            _ => accepted(&name),
        };
        // The suite accepts objects with the same key twice; we do not.
        let expected = expected && !name.starts_with("y_object_duplicated_key");
        counts["yni".find(&name[..1]).unwrap()] += 1;
        let parsed = Json::parse(&bytes, DEFAULT_MAX_DEPTH);
        assert_eq!(parsed.is_ok(), expected, "{name}: {:?}", parsed.err());
        if expected {
            assert_eq!(render(&document(&bytes), &Replacement::Keep), bytes, "{name}");
        }
    }
    assert_eq!(counts, [95, 188, 35]);
    let note = "2 y_ files have the same key twice and are refused; of 35 i_ files numbers only are accepted";
    testkit::report("JSONTestSuite", 318, 316, note);
}

#[test]
fn texts_that_parsers_read_differently_are_refused() {
    let check = |text: &[u8], expected| {
        let found = Json::parse(text, 4).unwrap_err();
        assert_eq!(found, expected, "{}", text.escape_ascii());
    };
    check(b"", JsonError::UnexpectedEnd);
    check(b"\xef\xbb\xbf{}", JsonError::Syntax(0));
    check(b"{} {}", JsonError::Syntax(3));
    check(b"{}\0", JsonError::Syntax(2));
    check(b"\"\xff\"", JsonError::Encoding(1));
    check(br#"{"a":1,"a":2}"#, JsonError::DuplicateKey(7));
    check(br#"{"a":1,"\u0061":2}"#, JsonError::DuplicateKey(7));
    check(br#"[{"b":{"a":1,"c":1,"a":2}}]"#, JsonError::DuplicateKey(19));
    check(br#"{"\ud83d\ude00":1,"\uD83D\uDE00":2}"#, JsonError::DuplicateKey(18));
    check(br#""\ud800""#, JsonError::Syntax(1));
    check(br#""\ud800\u0061""#, JsonError::Syntax(1));
    check(br#""\udc00""#, JsonError::Syntax(1));
    check(br#""\x""#, JsonError::Syntax(1));
    check(br#""\u12"#, JsonError::UnexpectedEnd);
    check(b"[01]", JsonError::Syntax(2));
    check(b"[1.]", JsonError::Syntax(3));
    check(b"1e", JsonError::UnexpectedEnd);
    check(b"[,1]", JsonError::Syntax(1));
    check(b"[1,]", JsonError::Syntax(3));
    check(b"[[[[[", JsonError::TooDeep(4));
    assert!(Json::parse(b"[[[[]]]]", 4).is_ok());
}

#[test]
fn duplicate_keys_are_found_in_objects_of_any_size() {
    for size in [2, 13, 5000] {
        let members: Vec<String> = (0..size).map(|at| format!("\"k{at}\":{at}")).collect();
        assert!(parse(&format!("{{{}}}", members.join(","))).is_ok());
        let text = format!("{{{},\"k1\":0}}", members.join(","));
        assert_eq!(parse(&text).unwrap_err(), JsonError::DuplicateKey(text.len() - 7));
    }
}

#[test]
fn bombs_are_refused() {
    for bomb in testkit::bombs().filter(|bomb| bomb.content_encoding.is_none()) {
        let expected = match bomb.id.as_str() {
            "BMB-008" => JsonError::TooDeep(DEFAULT_MAX_DEPTH),
            "BMB-010" => JsonError::TooMany,
            // The others are no JSON, or small once a body limit holds.
            _ => continue,
        };
        let found = Json::parse(&bomb.body, DEFAULT_MAX_DEPTH).unwrap_err();
        assert_eq!(found, expected, "{}", bomb.id);
    }
}

#[test]
fn members_lead_to_their_bytes() {
    let text = r#" { "a" : "x\ny" , "b\u0063":[ 1 , {"d":null} ] } "#;
    let json = parse(text).unwrap();
    let root = json.root();
    let a = root.get("a").unwrap();
    assert_eq!(&text[a.span()], r#""x\ny""#);
    assert_eq!(&text[a.inner_span()], r"x\ny");
    assert_eq!(&text[a.key_span()], r#""a""#);
    assert_eq!(a.text(), Some(Cow::Borrowed("x\ny")));
    let decoded = a.decoded().unwrap();
    assert_eq!(decoded.origin_of(&(1..2)), 1..3);
    let list = root.get("bc").unwrap();
    assert_eq!(
        list.elements().map(|element| element.kind()).collect::<Vec<_>>(),
        [Kind::Number, Kind::Object]
    );
    assert_eq!(list.elements().next().unwrap().raw(), "1");
    assert_eq!(list.members().count(), 0);
    assert_eq!(root.elements().count(), 0);
    assert!(root.get("c").is_none());
}

#[test]
fn members_and_elements_go_with_one_separator() {
    let check = |text: &str, remove: &[&str], expected: &str| {
        let document = document(text.as_bytes());
        let replacements: Vec<Replacement> = document
            .occurrences()
            .iter()
            .map(|(slot, _)| {
                let raw = &text[slot.span.clone()];
                if remove.contains(&raw) { Replacement::Remove } else { Replacement::Keep }
            })
            .collect();
        let rendered = document.render(&mut replacements.iter()).unwrap();
        assert_eq!(rendered, expected.as_bytes(), "{text} without {remove:?}");
        serde_json::from_slice::<Tree>(&rendered).unwrap();
    };
    let text = r#"{"a":1,"b":2,"c":3}"#;
    check(text, &["1"], r#"{"b":2,"c":3}"#);
    check(text, &["2"], r#"{"a":1,"c":3}"#);
    check(text, &["3"], r#"{"a":1,"b":2}"#);
    check(text, &["1", "2"], r#"{"c":3}"#);
    check(text, &["2", "3"], r#"{"a":1}"#);
    check(text, &["1", "3"], r#"{"b":2}"#);
    check(text, &["1", "2", "3"], "{}");
    check("{ \"a\" : 1 ,\n \"b\" : 2 }", &["1"], "{ \n \"b\" : 2 }");
    check("{ \"a\" : 1 ,\n \"b\" : 2 }", &["2"], "{ \"a\" : 1  }");
    check("[ 1 , 2 , [ 3 ] ]", &["1", "2", "3"], "[  [  ] ]");
    check(r#"{"a":{"b":1},"c":2}"#, &["1", "2"], r#"{"a":{}}"#);
}

#[test]
fn debug_output_holds_no_text() {
    let json = parse(r#"{"name":"secret"}"#).unwrap();
    assert!(!format!("{json:?} {:?}", json.root()).contains("secret"));
}

/// JSON texts with odd white space, escapes and now and then a defect.
fn json_like() -> impl Strategy<Value = String> {
    let string = r#"(\\u00[0-9a-f]{2}|\\[nrt"\\/]|\\ud83d\\ude00|\\ud83d|[a-zäß€😀 ]){0,6}"#
        .prop_map(|inner| format!("\"{inner}\""));
    let scalar = prop_oneof![
        4 => string.clone(),
        2 => "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?",
        1 => "(true|false|null|nul|01|\\+1|1\\.)",
    ];
    scalar.prop_recursive(4, 40, 5, move |inner| {
        let members = prop::collection::vec((string.clone(), inner.clone()), 0..5);
        prop_oneof![
            (prop::collection::vec(inner, 0..5), "[ \n\t]{0,2}").prop_map(
                |(elements, space)| format!("[{space}{}]", elements.join(&format!("{space},")))
            ),
            (members, "[ \r]{0,2}").prop_map(|(members, space)| {
                let members: Vec<String> =
                    members.iter().map(|(key, value)| format!("{key}{space}:{value}")).collect();
                format!("{{{}{space}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn agrees_with_an_independent_parser(text in json_like()) {
        let theirs = serde_json::from_str::<Tree>(&text);
        match parse(&text) {
            Ok(json) => {
                prop_assert_eq!(tree(json.root()), theirs.unwrap());
                prop_assert_eq!(render(&document(text.as_bytes()), &Replacement::Keep), text.as_bytes());
                let replaced = render(&document(text.as_bytes()), &Replacement::text("\"\\\nü"));
                let replaced = std::str::from_utf8(&replaced).unwrap();
                prop_assert!(parse(replaced).is_ok());
            }
            // The only texts that we refuse and they accept have a key twice, or
            // numbers that they cannot hold.
            Err(JsonError::DuplicateKey(_)) => {}
            Err(error) => prop_assert!(theirs.is_err(), "{error} in {text}"),
        }
    }
}
