// SPDX-License-Identifier: Apache-2.0

use super::{Scope, Search, parse};

fn ok(search: &str) -> Search {
    parse(search).unwrap_or_else(|error| panic!("{search}: {error}"))
}

#[test]
fn a_search_is_taken_apart() {
    let text = "find { \"Anna\" } in email fields returning Contact(Id, toLabel(X) WHERE \
                LastName IN ('(x', 'y') ORDER BY Name LIMIT 3), Lead LIMIT 5 UPDATE TRACKING";
    let search = ok(text);
    assert_eq!((search.scope, search.term.words.as_deref()), (Scope::Email, Some("Anna")));
    assert_eq!(text.get(search.term.span.clone()), Some(" \"Anna\" "));
    let [contact, lead] = search.returning.as_slice() else { panic!("two objects") };
    assert_eq!((contact.object.as_str(), lead.object.as_str()), ("Contact", "Lead"));
    assert!(lead.fields.is_none());
    let fields = contact.fields.as_ref().unwrap();
    let query = fields.query.as_str();
    let expected = "SELECT Id, toLabel(X)  FROM Contact WHERE LastName IN ('(x', 'y') \
                    ORDER BY Name LIMIT 3";
    assert_eq!(query, expected);
    // Each byte that stands in the search leads back to itself.
    for part in ["Id", "LastName", "'(x'", "'y'", "3"] {
        let at = query.find(part).unwrap();
        let origin = fields.query.origin_of(&(at..at + part.len()));
        let stands = fields.span.start + origin.start..fields.span.start + origin.end;
        assert_eq!(text.get(stands), Some(part));
    }
    assert!(!format!("{search:?}").contains("Anna"));

    let search = ok("FIND {x} RETURNING Contact(Id)");
    assert_eq!(
        search.returning[0].fields.as_ref().unwrap().query.as_str(),
        "SELECT Id FROM Contact "
    );
    assert_eq!(ok("FIND{x}").scope, Scope::All);
    assert_eq!(
        ok("FIND {x} IN Sidebar Fields WITH SPELL_CORRECTION = false").scope,
        Scope::Sidebar
    );
}

#[test]
fn only_one_word_or_phrase_is_told_from_a_pattern() {
    let check = |term: &str, expected: Option<&str>| {
        assert_eq!(ok(&format!("FIND {{{term}}}")).term.words.as_deref(), expected, "{term}");
    };
    check("a@b-c.de", Some("a@b-c.de"));
    check("\"a b\"", Some("a b"));
    check("a\\+b@c.de", Some("a+b@c.de"));
    check("a\\}b", Some("a}b"));
    for pattern in
        ["a b", "a*", "a?", "\"a*\"", "\"a\" OR \"b\"", "-a", "a\\n", "a+b", "", "AND", "\""]
    {
        check(pattern, None);
    }
}

#[test]
fn what_is_not_understood_is_refused() {
    for search in [
        "",
        "SELECT Id FROM Contact",
        "FIND 'x'",
        "FIND {x",
        "FIND {x\\}",
        "FIND {x{y}",
        "FIND {x} IN FIELDS",
        "FIND {x} RETURNING",
        "FIND {x} RETURNING Contact(Id",
        "FIND {x} RETURNING Contact(Id) WITH SNIPPET(target_length=120)",
        "FIND {x} WITH HIGHLIGHT",
        "FIND {x} WITH DIVISION = 'Anna'",
        "FIND {x} LIMIT 'Anna'",
        "FIND {x} Anna",
        "FINDE {x}",
    ] {
        let error = parse(search).expect_err(search).to_string();
        assert!(!error.contains("Anna"), "{error}");
    }
}
