// SPDX-License-Identifier: Apache-2.0

use std::fmt::Write as _;

use proptest::prelude::*;

use super::{
    Argument, Document, OperationKind, Selection, SelectionKind, SyntaxError, Value, ValueKind,
    parse,
};
use crate::carrier::{self, Codec};

fn shown(value: &Value) -> String {
    let text = |value: &carrier::Value| match value {
        carrier::Value::Text(text) => text.expose().to_owned(),
        _ => "-".to_owned(),
    };
    match &value.kind {
        ValueKind::Variable(name) => format!("${name}"),
        ValueKind::Text(value) => format!("'{}'", text(value)),
        ValueKind::Number(value) => text(value),
        ValueKind::Flag(flag) => flag.to_string(),
        ValueKind::Null => "null".to_owned(),
        ValueKind::Enum(word) => word.clone(),
        ValueKind::List(values) => {
            format!("[{}]", values.iter().map(shown).collect::<Vec<_>>().join(" "))
        }
        ValueKind::Object(members) => format!("{{{}}}", arguments(members)),
    }
}

fn arguments(all: &[Argument]) -> String {
    let one = |it: &Argument| format!("{}:{}", it.name, shown(&it.value));
    all.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn selections(all: &[Selection]) -> String {
    let mut text = String::new();
    for selection in all {
        let inner = match &selection.kind {
            SelectionKind::Field(field) => {
                let key = field.alias.as_ref().map(|alias| format!("{alias}:")).unwrap_or_default();
                write!(text, " {key}{}", field.name).unwrap();
                if !field.arguments.is_empty() {
                    write!(text, "({})", arguments(&field.arguments)).unwrap();
                }
                &field.selections
            }
            SelectionKind::Spread(name) => {
                write!(text, " ...{name}").unwrap();
                &Vec::new()
            }
            SelectionKind::Inline { on, selections } => {
                write!(text, " ...on {}", on.as_deref().unwrap_or("-")).unwrap();
                selections
            }
        };
        for directive in &selection.directives {
            write!(text, " @{}({})", directive.name, arguments(&directive.arguments)).unwrap();
        }
        if !inner.is_empty() {
            write!(text, " {{{} }}", selections(inner)).unwrap();
        }
    }
    text
}

fn described(document: &Document) -> String {
    let mut text = String::new();
    for operation in &document.operations {
        let kind = if operation.kind == OperationKind::Query { "query" } else { "mutation" };
        write!(text, "{kind} {}", operation.name.as_deref().unwrap_or("-")).unwrap();
        for (name, variable) in &operation.variables {
            let list = if variable.is_list { "[]" } else { "" };
            let required = if variable.is_required { "!" } else { "" };
            write!(text, " ${name}{list}{required}").unwrap();
            if let Some(default) = &variable.default {
                write!(text, "={}", shown(default)).unwrap();
            }
        }
        writeln!(text, " {{{} }}", selections(&operation.selections)).unwrap();
    }
    for (name, fragment) in &document.fragments {
        let on = &fragment.on;
        writeln!(text, "fragment {name} on {on} {{{} }}", selections(&fragment.selections))
            .unwrap();
    }
    text
}

fn check(text: &str, expected: &str) {
    let found = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(described(&found), expected, "{text}");
}

#[test]
fn documents_are_taken_apart() {
    check("{a}", "query - { a }\n");
    check("query{a,b,,,c}", "query - { a b c }\n");
    check(
        "query Q($a:[E!] = [\"x\"], $b: String!) { a(x: $a, y: {z: [1 -2.5e3 true null NOW $b]}) }",
        "query Q $a[]=['x'] $b! { a(x:$a y:{z:[1 -2.5e3 true null NOW $b]}) }\n",
    );
    check(
        "mutation M { a }",
        "mutation M { a }
",
    );
    check(
        "query A { a } query B { b(in: []) c(in: {}) }",
        "query A { a }\nquery B { b(in:[]) c(in:{}) }\n",
    );
    // Keywords are names everywhere else.
    check(
        "{ query fragment: on mutation(null: null, on: on) }",
        "query - { query fragment:on mutation(null:null on:on) }\n",
    );
}

#[test]
fn strings_stand_for_what_the_specification_says() {
    let text = |literal: &str| {
        let document = parse(&format!("{{a(x: {literal})}}")).ok()?;
        let SelectionKind::Field(field) = &document.operations[0].selections[0].kind else {
            return None;
        };
        let value = &field.arguments[0].value;
        assert_eq!(value.span, 6..6 + literal.len(), "{literal}");
        match &value.kind {
            ValueKind::Text(carrier::Value::Text(text)) => Some(text.expose().to_owned()),
            ValueKind::Text(carrier::Value::Empty) => Some(String::new()),
            _ => None,
        }
    };
    let check = |literal, expected: &str| {
        assert_eq!(text(literal).as_deref(), Some(expected), "{literal}");
    };
    check(r#""""#, "");
    check(r#""a#b,c""#, "a#b,c");
    check(r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t");
    check(r#""\u00FC\u00fc\ud83d\ude00\u{1F600}\u{fc}😀""#, "üü😀😀ü😀");
    check(r#""""a "b" ""c""""#, r#"a "b" ""c"#);
    check("\"\"\"\n    a\n      b\\n\n\n    c \\\"\"\" d\n  \"\"\"", "a\n  b\\n\n\nc \"\"\" d");
    check("\"\"\"a\r\n  b\r  c\"\"\"", "a\nb\nc");
    check("\"\"\" \n\t\n \"\"\"", "");
    let refused = [
        r#""\x""#,
        r#""\u12""#,
        r#""\u+123""#,
        r#""\ud83d""#,
        r#""\ud83d\u0041""#,
        r#""\ude00""#,
        r#""\u{}""#,
        r#""\u{d83d}""#,
        r#""\u{110000}""#,
        r#""\u{41""#,
        "\"a\nb\"",
        "\"a\u{1}\"",
        "\"\"\"a\u{1}\"\"\"",
        "\"a",
        "\"\"\"a\"\"",
        "'a'",
        "01",
        "1.",
        "-",
        "1a",
        "1.2.3",
        "0x1",
        "+1",
    ];
    for literal in refused {
        assert_eq!(text(literal), None, "{literal}");
    }
}

#[test]
fn comments_are_found_and_stand_for_nothing() {
    let text = "# a@b.de\n{ a # \"x\r b(x: \"# no\", y: \"\"\"# no\n# no\"\"\") }#end";
    let document = parse(text).unwrap();
    let comments: Vec<&str> = document.comments.iter().map(|span| &text[span.clone()]).collect();
    assert_eq!(comments, ["# a@b.de", "# \"x", "#end"]);
    check(text, "query - { a b(x:'# no' y:'# no\n# no') }\n");
}

#[test]
fn what_can_be_read_in_two_ways_or_not_at_all_is_refused() {
    use SyntaxError::{Character, Cycle, TooDeep, Twice, Undefined, Unused};
    let check = |text: &str, expected: SyntaxError| {
        assert_eq!(parse(text).unwrap_err(), expected, "{text}");
    };
    check("{ a(x: 1, x: 2) }", Twice(10));
    check("{ a(x: {y: 1 y: 2}) }", Twice(13));
    check("query($a: S, $a: S) { b(x: $a) }", Twice(13));
    check("query A { a } query A { b }", Twice(14));
    check("{ a } query A { b }", Twice(0));
    check("{ ...f } fragment f on C { a } fragment f on C { b }", Twice(40));
    check("{ a @skip(if: true) @skip(if: false) }", Twice(20));
    check("{ a(x: $b) }", Undefined(7));
    check("query A($b: S) { a(x: $b) } query B { a(x: $b) }", Undefined(43));
    check("query($b: S) { ...f } fragment f on C { a(x: $b, y: $c) }", Undefined(52));
    check("{ ...f }", Undefined(2));
    check("query($a: S) { b }", Unused(6));
    check("{ a } fragment f on C { a }", Unused(15));
    check("{ ...f } fragment f on C { ...g } fragment g on C { ...f }", Cycle(52));
    check("{ ...f } fragment f on C { a { ...f } }", Cycle(31));
    check("{ a; b }", Character(3));
    check("\u{feff}{ a }", Character(0));
    let nested = format!("{}a{}", "{a".repeat(40), "}".repeat(40));
    assert!(matches!(parse(&nested).unwrap_err(), TooDeep(_)));
    let values = format!("{{a(x: {}{})}}", "[".repeat(40), "]".repeat(40));
    assert!(matches!(parse(&values).unwrap_err(), TooDeep(_)));
    let chain: String =
        (0..80).map(|n| format!(" fragment f{n} on C {{ ...f{} }}", n + 1)).collect();
    let chain = format!("{{ ...f0 }}{chain} fragment f80 on C {{ a }}");
    assert!(matches!(parse(&chain).unwrap_err(), TooDeep(_)));
    for text in [
        "",
        "{}",
        "{ a {} }",
        "{ a() }",
        "query() { a }",
        "subscription { a }",
        "type A { b: C }",
        "\"says\" query { a }",
        "query Q @x { a }",
        "query($a: S @x) { b(x: $a) }",
        "query($a: S = $b, $b: S) { c(x: $a) }",
        "query($a: S = [{b: $b}], $b: S) { c(x: $a) }",
        "fragment on on C { a }",
        "{ a(x:) }",
        "{ a(x: \"b\" }",
        "{ a b: }",
        "{ a } }",
        "fragment f on C { a }",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn fragments_add_to_the_depth_wherever_they_were_looked_at_first() {
    let document = |levels: usize, first: usize| {
        let (open, close) = ("{ a ".repeat(levels), "}".repeat(levels));
        let chain: String = (0..9)
            .map(|n| format!(" fragment f{n} on C {open} {{ ...f{} }} {close}", n + 1))
            .collect();
        let spreads: String = (first..9).rev().map(|n| format!("...f{n} ")).collect();
        format!("{{ {spreads} ...f0 }}{chain} fragment f9 on C {{ a }}")
    };
    // From the last one on, each has been looked at before the one that it is in.
    for first in [0, 9] {
        let deep = parse(&document(6, first)).unwrap_err();
        assert!(matches!(deep, SyntaxError::TooDeep(_)), "{deep}");
        parse(&document(4, first)).unwrap();
    }
}

#[test]
fn what_operations_share_is_looked_at_for_each() {
    let operations: String = (0..300).map(|n| format!("query q{n} {{ ...f }} ")).collect();
    let document = |fields| format!("{operations} fragment f on C {{ {} }}", "a ".repeat(fields));
    assert_eq!(parse(&document(1000)).unwrap_err(), SyntaxError::TooLong);
    parse(&document(800)).unwrap();
}

proptest! {
    #[test]
    fn strings_are_replaced_and_read_back(value: String, other: String) {
        let text = format!("{{a(x: {}, y: \"b\")}}", Codec::Json.literal(&value));
        let expected = if value.trim().is_empty() { "-".to_owned() } else { value.clone() };
        prop_assert_eq!(described(&parse(&text).unwrap()), format!("query - {{ a(x:'{expected}' y:'b') }}\n"));
        let block = format!("{{a(x: \"\"\"{}\"\"\")}}", other.replace("\"\"\"", ""));
        let _ = parse(&block);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "(query |mutation |fragment f on C|\\.\\.\\.|[{}()\\[\\]:!=@$#\"\\\\,\n]|\\\\u|\"\"\"|[a-z0-9ü \n-]{1,4}){0,40}") {
        let _ = parse(&text);
    }
}
