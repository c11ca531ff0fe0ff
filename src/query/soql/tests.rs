// SPDX-License-Identifier: Apache-2.0

use proptest::prelude::*;

use super::{Path, Query, SyntaxError, parse};
use crate::carrier::{Codec, Document, Occurrence, Replacement, Role, Slot, Value, Widening};

fn text(value: &Value) -> &str {
    match value {
        Value::Text(text) => text.expose(),
        _ => "",
    }
}

/// A query in one line: what is compared, used and selected, sub-selects in brackets.
fn summary(query: &Query) -> String {
    let path = |path: &Path| path.names.join(".");
    let mut parts: Vec<String> = Vec::new();
    for source in &query.from {
        let alias = source.alias.as_deref().map(|alias| format!(" {alias}")).unwrap_or_default();
        parts.push(format!("from {}{alias}", path(&source.path)));
    }
    for column in &query.columns {
        let field = column.field.as_ref().map_or("-".to_owned(), path);
        let alias = column.alias.as_deref().map(|alias| format!(" {alias}")).unwrap_or_default();
        let computed = if column.is_computed { "()" } else { "" };
        parts.push(format!("{field}{computed}{alias}"));
    }
    for comparison in &query.comparisons {
        let widening = match &comparison.widening {
            Widening::Elements => "in",
            Widening::List(edits) => edits[0].1.trim(),
            Widening::Lists { .. } | Widening::Repetition { .. } => "other",
        };
        let sense = match &comparison.role {
            Role::Pattern { operator, .. } => format!(" as {operator}"),
            _ => String::new(),
        };
        let (field, value) = (path(&comparison.field), text(&comparison.value));
        parts.push(format!("{field} {widening} {value}{sense}"));
    }
    for field_use in &query.uses {
        parts.push(format!("{} by {}", path(&field_use.field), field_use.operator));
    }
    for inner in query.children.iter().chain(&query.semi_joins) {
        parts.push(format!("[{}]", summary(inner)));
    }
    parts.join("; ")
}

#[test]
fn queries_are_taken_apart() {
    let check = |query: &str, expected: &str| {
        assert_eq!(parse(query).map(|query| summary(&query)), Ok(expected.to_owned()), "{query}");
    };
    check("SELECT Id FROM Contact", "from Contact; Id");
    check("select\tid ,Name\r\nfrom Contact ", "from Contact; id; Name");
    check(
        "SELECT c.Id, a.Name, Contact.Owner.Email FROM Contact c, c.Account a",
        "from Contact c; from c.Account a; c.Id; a.Name; Contact.Owner.Email",
    );
    check("SELECT FIELDS(ALL), Ext__c FROM ns__Foo__c LIMIT 200", "from ns__Foo__c; Ext__c");
    check("SELECT COUNT() FROM Contact", "from Contact; -()");
    check(
        "SELECT toLabel(Status) s, FORMAT(convertCurrency(Amount)) FROM Case",
        "from Case; Status() s; Amount()",
    );
    check(
        "SELECT Email e, COUNT(Id) c, MAX(LastName), Count_Distinct(Phone) FROM Contact \
         GROUP BY Email HAVING COUNT(Id) > 1 AND MIN(Email) = 'a' AND COUNT() > 2 \
         ORDER BY COUNT(Id) DESC NULLS LAST, Email",
        "from Contact; Email e; -() c; LastName(); -(); Id by COUNT; LastName by MAX; \
         Phone by COUNT_DISTINCT; Email by GROUP BY; Id by COUNT; Email by MIN; Id by ORDER BY; \
         Email by ORDER BY",
    );
    check(
        "SELECT LeadSource, GROUPING(Rating) g FROM Lead GROUP BY ROLLUP(LeadSource, Rating)",
        "from Lead; LeadSource; -() g; Rating by GROUPING; LeadSource by GROUP BY; \
         Rating by GROUP BY",
    );
    check(
        "SELECT CALENDAR_YEAR(convertTimezone(Birthdate)) FROM Contact \
         GROUP BY CALENDAR_YEAR(convertTimezone(Birthdate))",
        "from Contact; -(); Birthdate by CALENDAR_YEAR; Birthdate by GROUP BY",
    );
    check("SELECT Id FROM C WHERE E='x'", "from C; Id; E IN x");
    check("SELECT Id FROM C WHERE E != 'x' OR E <> 'y'", "from C; Id; E NOT IN x; E NOT IN y");
    check(
        "SELECT Id FROM C WHERE E IN ('x', 'y') and not E not in('z',null)",
        "from C; Id; E in x; E in y; E in z; E by a test for a value",
    );
    check(
        "SELECT Id FROM C WHERE (A = 1 OR B = -2.5e3) AND NOT(D = 2026-11-24 OR (E = null))",
        "from C; Id; A IN 1; B IN -2.5e3; D IN 2026-11-24; E by a test for a value",
    );
    check(
        "SELECT Id FROM C WHERE D > 2026-11-24T10:00:00.000+01:00 AND D <= 2026-11-24T10:00:00Z \
         AND T = 10:00:00Z AND X < 1 AND Y >= +2 AND B = TRUE",
        "from C; Id; T IN 10:00:00Z; D by >; D by <=; X by <; Y by >=",
    );
    check(
        "SELECT Id FROM C WHERE D = LAST_N_DAYS:30 AND D > TODAY AND M INCLUDES ('a;b','c') \
         AND M EXCLUDES ('d') AND P LIKE '%a\\_\\%' AND toLabel(S) = 'x' AND A = USD5000",
        "from C; Id; D by a relative date; D by >; M by INCLUDES; M by EXCLUDES; P by LIKE; \
         S by toLabel; A by a relative date",
    );
    check(
        "SELECT Id FROM C WHERE A LIKE '%a%b' AND NOT B LIKE 'b' AND E LIKE 'a_%' AND F LIKE '%' \
         AND toLabel(S) LIKE 'x%' AND G LIKE null",
        "from C; Id; A IN %a%b as LIKE; B IN b; E by LIKE; F by LIKE; S by toLabel; G by LIKE",
    );
    check(
        "SELECT Id FROM C WHERE DISTANCE(Loc__c, GEOLOCATION(37.7,-122.4), 'mi') < 20 \
         ORDER BY DISTANCE(Loc__c, Other__c, 'km')",
        "from C; Id; Loc__c by DISTANCE; Loc__c by ORDER BY; Other__c by ORDER BY",
    );
    check(
        "SELECT Id, (SELECT Subject FROM c.Tasks t WHERE t.Subject = 'x' LIMIT 5) FROM Contact c \
         WHERE Id IN (SELECT WhoId FROM Event WHERE Description = 'y')",
        "from Contact c; Id; Id by IN (SELECT); \
         [from c.Tasks t; Subject; t.Subject IN x]; \
         [from Event; WhoId; Description IN y; WhoId by IN (SELECT)]",
    );
    check(
        "SELECT TYPEOF What WHEN Account THEN Phone, Name WHEN Case THEN Subject ELSE Name END, Id \
         FROM Event USING SCOPE mine WHERE Id = 'a' WITH SECURITY_ENFORCED ORDER BY Id ASC \
         LIMIT 10 OFFSET 20 FOR VIEW FOR REFERENCE UPDATE TRACKING, VIEWSTAT",
        "from Event; Id; Id IN a; Id by ORDER BY",
    );
}

#[test]
fn an_order_says_where_it_stands() {
    let check = |query: &str, expected: &str| {
        let order = parse(query).unwrap().order;
        let part = |span: &std::ops::Range<usize>| &query[span.clone()];
        let keys = order.keys.iter().map(|key| {
            let field = key.field.as_ref().map_or("-".to_owned(), |path| path.names.join("."));
            let descends = if key.is_descending { " down" } else { "" };
            let nulls = if key.nulls_last { " nulls last" } else { "" };
            format!("{field}{descends}{nulls} at {}", part(&key.span))
        });
        let mut said: Vec<String> = keys.collect();
        said.push(format!("[{}]", part(&order.span)));
        said.extend(order.limit.iter().map(|it| format!("{} at {}", it.rows, part(&it.span))));
        said.extend(order.other.map(str::to_owned));
        assert_eq!(said.join("; "), expected, "{query}");
    };
    check("SELECT Id FROM C", "[]");
    check("SELECT Id FROM C LIMIT  7 ", "[]; 7 at LIMIT  7");
    check(
        "SELECT Id FROM C ORDER  BY a.B desc nulls LAST , D ASC\tNULLS FIRST,e LIMIT 10",
        "a.B down nulls last at a.B desc nulls LAST; D at D ASC\tNULLS FIRST; e at e; \
         [ORDER  BY a.B desc nulls LAST , D ASC\tNULLS FIRST,e]; 10 at LIMIT 10",
    );
    check(
        "SELECT Id FROM C ORDER BY toLabel(S) LIMIT 99999999999999999999999 OFFSET 1",
        "- at toLabel(S); [ORDER BY toLabel(S)]; 18446744073709551615 at LIMIT \
         99999999999999999999999; the query has an OFFSET",
    );
    for (clause, said) in [("FOR VIEW", "a FOR clause"), ("UPDATE TRACKING", "an UPDATE clause")] {
        let query = format!("SELECT Id FROM C ORDER BY D {clause}");
        check(&query, &format!("D at D; [ORDER BY D]; the query has {said}"));
    }
    for broken in ["ORDER BY", "ORDER BY A NULLS", "ORDER BY A DESC ASC", "LIMIT", "LIMIT x"] {
        assert!(parse(&format!("SELECT Id FROM C {broken}")).is_err(), "{broken}");
    }
}

#[test]
fn text_is_unescaped() {
    let check = |literal: &str, expected: &str| {
        let query = format!("SELECT Id FROM C WHERE E = {literal}");
        let parsed = parse(&query).unwrap();
        assert_eq!(text(&parsed.comparisons[0].value), expected, "{literal}");
        assert_eq!(&query[parsed.comparisons[0].span.clone()], literal);
    };
    check("''", "");
    check(r"'O\'Brien'", "O'Brien");
    check(r#"'a\"b"c\\'"#, "a\"b\"c\\");
    check(r"'\n\N\r\R\t\T\b\B\f\F'", "\n\n\r\r\t\t\u{8}\u{8}\u{c}\u{c}");
    check(r"'\u0061nna\u00E9\ud83d\uDE00'", "annaé😀");
    check("'Müller-Özdemir 😀 FROM (SELECT'", "Müller-Özdemir 😀 FROM (SELECT");
    check("'line\nend'", "line\nend");
}

#[test]
fn what_is_not_understood_is_refused() {
    let check = |query: &str, expected: SyntaxError| {
        assert_eq!(parse(query).map(|query| summary(&query)), Err(expected), "{query}");
    };
    let expected = |expected, at| SyntaxError::Expected { expected, at };
    let condition = |condition: &str| format!("SELECT Id FROM C WHERE {condition}");
    check("", expected("SELECT", 0));
    check("FIND {x}", SyntaxError::Character(5));
    check("FIND x", expected("SELECT", 0));
    check("SELECT", expected("a name", 6));
    check("SELECT Id", expected("FROM", 9));
    check("SELECT Id FROM", expected("a name", 14));
    check("SELECT Id, FROM C", expected("FROM", 17));
    check("SELECT Id FROM C;", SyntaxError::Character(16));
    check("SELECT Id FROM C ALL ROWS", expected("the end of the query", 21));
    check("SELECT Id FROM C LIMIT x", expected("a count", 23));
    check("SELECT Id FROM C LIMIT -1", expected("a count", 23));
    check("SELECT Id FROM C GROUP Id", expected("the end of the query", 17));
    check("SELECT Id FROM C WITH DATA CATEGORY x AT y", expected("SECURITY_ENFORCED", 22));
    check("SELECT Id FROM C LIMIT 1 WHERE E = 'x'", expected("the end of the query", 25));
    check("SELECT UPPER(Email) FROM C", expected("a known function", 7));
    check("SELECT MAX() FROM C", expected("a name", 11));
    check("SELECT MAX('x') FROM C", expected("a name", 11));
    check("SELECT DISTANCE(A, 'x') FROM C", expected("a name", 19));
    check("SELECT FIELDS(Email) FROM C", expected("ALL", 14));
    check("SELECT TYPEOF What END FROM C", expected("WHEN", 19));
    check(&condition("E"), expected("an operator", 24));
    check(&condition("E = "), expected("a value", 27));
    check(&condition("E = 'x' F = 'y'"), expected("the end of the query", 31));
    check(&condition("E = ('x')"), expected("a value", 27));
    check(&condition("E IN 'x'"), expected("(", 28));
    check(&condition("E IN ()"), expected("a value", 29));
    check(&condition("E IN ('x',)"), expected("a value", 33));
    check(&condition("E IN :names"), SyntaxError::Character(28));
    check(&condition("E NOT LIKE 'x'"), expected("an operator", 25));
    check(&condition("'x' = E"), expected("a name", 23));
    check(&condition("(E = 'x'"), expected(")", 31));
    check(&condition("E = 'x' AND"), expected("a name", 34));
    check(&condition("E = \"x\""), SyntaxError::Character(27));
    check(&condition("E /**/ = 'x'"), SyntaxError::Character(25));
    check(&condition("E = 'x' -- y"), SyntaxError::Character(31));
    check(&condition("E = 'x"), SyntaxError::Literal(27));
    check(&condition(r"E = 'x\'"), SyntaxError::Literal(27));
    check(&condition(r"E = 'a\x'"), SyntaxError::Literal(29));
    check(&condition(r"E = 'a\_'"), SyntaxError::Literal(27));
    check(&condition(r"E IN ('a\%')"), SyntaxError::Literal(29));
    check(&condition(r"E = '\u+061'"), SyntaxError::Literal(28));
    check(&condition(r"E = '\ud800'"), SyntaxError::Literal(28));
    check(&condition(r"E = '\ud800\u0061'"), SyntaxError::Literal(28));
    check(&condition("E = 1x"), SyntaxError::Literal(27));
    check(&condition("E = 2026-1-2"), SyntaxError::Literal(27));
    check(&condition("E = 1e999"), SyntaxError::Literal(27));
    check(&condition("É = 'x'"), SyntaxError::Character(23));
    check(&condition("E\u{a0}= 'x'"), SyntaxError::Character(24));
    check(&condition("E. = 'x'"), expected("a name", 26));
    check(&condition("E LIKE 'x' ESCAPE 'y'"), expected("the end of the query", 34));
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels| {
        let (open, close) = ("(".repeat(levels), ")".repeat(levels));
        parse(&format!("SELECT Id FROM C WHERE {open}E = 'x'{close}")).map(drop)
    };
    assert_eq!(nested(32), Ok(()));
    assert_eq!(nested(33), Err(SyntaxError::TooDeep(23 + 33)));
    // Each name of a condition is looked for among them.
    let wide = |columns: usize, sources: usize| {
        let sources: String = (1..sources).map(|number| format!(", C.A a{number}")).collect();
        parse(&format!("SELECT {} FROM C{sources}", vec!["a"; columns].join(","))).map(drop)
    };
    assert_eq!(wide(2_000, 100), Ok(()));
    assert!(matches!(wide(2_001, 1), Err(SyntaxError::TooMany(_))));
    assert!(matches!(wide(1, 101), Err(SyntaxError::TooMany(_))));
    assert_eq!(nested(45_000), Err(SyntaxError::TooDeep(23 + 33)));
    let not = format!("SELECT Id FROM C WHERE {}E = 'x'", "NOT ".repeat(24_000));
    assert!(parse(&not).is_ok());
    assert!(parse(&format!("SELECT {}", "MAX(".repeat(24_000))).is_err());
    assert!(parse(&"SELECT (".repeat(12_000)).is_err());
}

#[test]
fn errors_and_debug_output_hold_no_values() {
    let parsed = parse("SELECT Id FROM C WHERE E = 'secret'").unwrap();
    assert!(!format!("{parsed:?}").contains("secret"));
    let refused = parse("SELECT Id FROM C WHERE E = 'secret' 'secret'").unwrap_err();
    assert!(!format!("{refused:?} {refused}").contains("secret"));
}

/// The query with its compared literals as occurrences.
fn document(query: &str) -> Document {
    let slots = parse(query).unwrap().comparisons.into_iter().map(|comparison| {
        let occurrence = Occurrence {
            object: "contact".into(),
            field: "email".into(),
            record: 0,
            role: Role::Equality,
            value: comparison.value,
        };
        Slot::value(comparison.span, Codec::Soql, occurrence).widening(comparison.widening)
    });
    Document::new(query.to_owned(), slots.collect())
}

fn literals(query: &str) -> Vec<String> {
    let parsed = parse(query).unwrap();
    parsed.comparisons.iter().map(|comparison| text(&comparison.value).to_owned()).collect()
}

#[test]
fn a_query_is_as_long_as_salesforce_reads_it() {
    let query = |length: usize| {
        let rest = "SELECT Id FROM C WHERE E='ü'";
        rest.replace('ü', &"ü".repeat(length + 1 - rest.chars().count()))
    };
    assert!(parse(&query(100_000)).is_ok());
    assert_eq!(parse(&query(100_001)).unwrap_err(), SyntaxError::Longer(100_000));
}

/// Any texts; of space alone, only what is empty is told apart.
fn values() -> impl Strategy<Value = String> {
    any::<String>().prop_filter("no value", |text| text.is_empty() || !text.trim().is_empty())
}

proptest! {
    #[test]
    fn literals_are_replaced_and_read_back(
        values in prop::collection::vec(values(), 1..5),
        several in prop::collection::vec(values(), 1..4),
        compact in any::<bool>(),
    ) {
        let written: Vec<String> = values.iter().map(|value| Codec::Soql.literal(value)).collect();
        let (first, space) = (&written[0], if compact { "" } else { "\n " });
        let query = format!(
            "SELECT Id FROM C WHERE E{space}={space}{first} AND F IN ({}) AND G!={first}",
            written.join(","),
        );
        let document = document(&query);
        let mut expected = vec![values[0].clone()];
        expected.extend(values.iter().cloned());
        expected.push(values[0].clone());
        prop_assert_eq!(literals(&query), expected);

        let kept = document.render(&mut std::iter::repeat(&Replacement::Keep)).unwrap();
        prop_assert_eq!(&kept[..], query.as_bytes());

        let replacement = Replacement::text(several[0].as_str());
        let replaced = document.render(&mut std::iter::repeat(&replacement)).unwrap();
        let replaced = literals(std::str::from_utf8(&replaced).unwrap());
        prop_assert_eq!(replaced, vec![several[0].clone(); values.len() + 2]);

        let any_of = Replacement::AnyOf(several.clone());
        let widened = document.render(&mut std::iter::repeat(&any_of)).unwrap();
        let widened = literals(std::str::from_utf8(&widened).unwrap());
        prop_assert_eq!(widened, vec![several; values.len() + 2].concat());
    }

    #[test]
    fn no_text_makes_the_parser_panic(query in "(SELECT |FROM |WHERE |IN |NOT |[(),.=<>!:']|\\\\|\\\\u|[a-z0-9ü \n-]{1,4}){0,30}") {
        let _ = parse(&query);
    }
}
