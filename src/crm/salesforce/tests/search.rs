// SPDX-License-Identifier: Apache-2.0
//! Text searches.

use super::{locate, occurrences, read, render, uses};
use crate::carrier::{Codec, Replacement};
use crate::crm::{LocateError, LocatedRequest};

const DATA: &str = "/services/data/v62.0";

fn search(text: &str) -> Result<LocatedRequest, LocateError> {
    locate("GET", &format!("{DATA}/search/?q={}", Codec::Percent.fragment(text)), "")
}

#[test]
fn a_search_uses_every_field_of_what_it_looks_at() {
    let check = |text: &str, expected: &[&str]| {
        let located = search(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(located.operation.name.as_str(), "search");
        assert_eq!(uses(&located), expected, "{text}");
    };
    let contact = ["contact.* by a text search"];
    check("FIND {Anna} RETURNING Contact", &contact);
    check("FIND {anna@b.de} RETURNING Contact", &contact);
    check("FIND {an*@b.de} IN EMAIL FIELDS RETURNING Contact", &contact);
    check("FIND {\"a@b.de\" OR \"c@d.de\"} IN EMAIL FIELDS RETURNING Contact", &contact);
    check("FIND {4711} IN PHONE FIELDS RETURNING Contact", &contact);
    check("FIND {Anna} IN EMAIL FIELDS RETURNING Contact", &contact);
    check("FIND {a@b.de} IN EMAIL FIELDS RETURNING User", &["user.* by a text search"]);
    let both = ["contact.* by a text search", "lead.* by a text search"];
    check("FIND {a@b.de} IN EMAIL FIELDS RETURNING Contact(Id), Lead(Id)", &both);
    check("FIND {x} RETURNING Case", &["case.* by a text search", "contact.* by a text search"]);
    check(
        "FIND {x} RETURNING Contact(Id ORDER BY LastName)",
        &["contact.* by a text search", "contact.lastname by ORDER BY"],
    );
    let everything = search("FIND {Anna}").unwrap_err().to_string();
    assert!(everything.contains("say in `RETURNING` at which"), "{everything}");
    search("FIND {Anna} RETURNING Contact(Id WHERE Sponsor__r.Email = 'a')").unwrap_err();
    locate("GET", &format!("{DATA}/search?q=FIND+%7Bx%7D+RETURNING+Contact&x=Anna"), "")
        .unwrap_err();
    locate("POST", &format!("{DATA}/search?q=FIND+%7Bx%7D+RETURNING+Contact"), "").unwrap_err();
}

#[test]
fn an_address_is_compared_with_the_one_field_it_can_be_in() {
    let located = search(
        "FIND { \"a\\-b@c.de\" } IN EMAIL FIELDS RETURNING Contact(Id, Name WHERE LastName = 'O\\'B')",
    )
    .unwrap();
    assert_eq!(
        occurrences(&located.target),
        ["0 contact.email == a-b@c.de", "0 contact.lastname == O'B"]
    );
    assert!(uses(&located).is_empty());
    let target = render(&located.target, &Replacement::text("zh0@t-k.de"));
    let decoded = percent_encoding::percent_decode_str(&target).decode_utf8().unwrap();
    assert_eq!(
        decoded,
        "/services/data/v62.0/search/?q=FIND {\"zh0@t\\-k.de\"} IN EMAIL FIELDS \
         RETURNING Contact(Id, Name WHERE LastName = 'zh0@t-k.de')"
    );
    let sent = render(&located.target, &Replacement::Keep);
    assert_eq!(sent.as_bytes(), located.target.bytes());

    let person = search("FIND {a@b.de} IN EMAIL FIELDS RETURNING Account").unwrap();
    assert_eq!(occurrences(&person.target), ["0 account.personemail == a@b.de"]);
    let request = "FIND {a@b.de} IN EMAIL FIELDS RETURNING Contact(Id,Email)";
    let target = format!("{DATA}/search?q={}", Codec::Percent.fragment(request));
    let answer = r#"{"searchRecords":[{"attributes":{"type":"Contact",
        "url":"/services/data/v62.0/sobjects/Contact/003WV00000A1b2CYAR"},"Email":"a@b.de"}]}"#;
    let found = read(("GET", &target, ""), 200, answer);
    assert_eq!(occurrences(&found.body), ["0 contact.email = a@b.de"]);
}

#[test]
fn a_search_by_parameters_says_what_it_looks_at() {
    let target = format!("{DATA}/parameterizedSearch");
    let body = r#"{"q":"+49 89","in":"PHONE","fields":["id"],"overallLimit":10,
        "sobjects":[{"name":"Contact","fields":["id"],"where":"LastName = 'Gro\u00dfmann'","limit":5}]}"#;
    let located = locate("POST", &target, body).unwrap();
    assert_eq!(uses(&located), ["contact.* by a text search"]);
    assert_eq!(occurrences(&located.body), ["0 contact.lastname == Großmann"]);
    let sealed = render(&located.body, &Replacement::AnyOf(vec!["a".into(), "b\"".into()]));
    assert!(sealed.contains(r#""where":"LastName  IN  ('a','b\"')""#), "{sealed}");

    let body = r#"{"q":"Acme","sobjects":[{"name":"Product2","orderBy":"Name DESC NULLS LAST"}]}"#;
    let located = locate("POST", &target, body).unwrap();
    assert_eq!(uses(&located), ["product2.* by a text search", "product2.name by ORDER BY"]);
    let hidden = r#"{"q":"Acme","sobjects":[{"name":"Product2","orderBy":"'Anna'"}]}"#;
    assert!(locate("POST", &target, hidden).is_err());

    let get = |query: &str| locate("GET", &format!("{target}?{query}"), "");
    let located = get("q=Acme&sobject=Product2&sobject=Contact&Contact.where=LastName='Gro%C3%9Fmann'+and+Title='x'").unwrap();
    assert_eq!(uses(&located), ["product2.* by a text search", "contact.* by a text search"]);
    assert_eq!(
        occurrences(&located.target),
        ["0 contact.lastname == Großmann", "0 contact.title == x"]
    );
    let sealed = render(&located.target, &Replacement::AnyOf(vec!["a".into(), "b".into()]));
    assert!(
        sealed.contains("Contact.where=LastName%20IN%20%28%27a%27%2C%27b%27%29+and"),
        "{sealed}"
    );
    assert!(get("q=Acme&sobject=Contact&Contact.limit=1&Contact.limit=2").is_err());
    let located =
        get("q=Anna&sobject=Contact,Lead&Contact.fields=Id,Name&Contact.limit=3&in=name").unwrap();
    assert_eq!(uses(&located), ["contact.* by a text search", "lead.* by a text search"]);
    for query in [
        "q=Anna",
        "q=a&sobject=Contact&Contact.where='Anna'",
        "q=a&sobject=An+na",
        "q=a&q=b&sobject=Lead",
    ] {
        get(query).unwrap_err();
    }
    for body in [
        r#"{"q":"Anna"}"#,
        r#"{"q":"Anna","sobjects":[]}"#,
        r#"{"q":"a","sobjects":[{"name":"Anna Muster"}]}"#,
        r#"{"q":"a","sobjects":[{"name":"Lead","where":"x"}]}"#,
        r#"{"q":"a","snippet":"Anna","sobjects":[{"name":"Lead"}]}"#,
        r#"{"q":"a","fields":["Anna M"],"sobjects":[{"name":"Lead"}]}"#,
    ] {
        locate("POST", &target, body).unwrap_err();
    }
}
