// SPDX-License-Identifier: Apache-2.0

use http::{HeaderMap, StatusCode};

use super::{locate, origins, read, uses};
use crate::carrier::coding::ExpansionLimits;
use crate::carrier::{Codec, Document, Replacement};
use crate::crm::{AnswerView, LocatedAnswer, LocatedRequest, Rows, Sorted, ValueAt};

fn query(text: &str) -> LocatedRequest {
    let target = format!("/services/data/v62.0/query?q={}", Codec::Percent.fragment(text));
    locate("GET", &target, "").unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn kept(document: &Document) -> String {
    let bytes = document.render(&mut std::iter::repeat(&Replacement::Keep)).unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_sorted_query_says_by_what_and_why_not() {
    let check = |text: &str, expected: &[&str]| {
        let located = query(text);
        let keys = located.answer.sorting().map(|it| it.keys.as_slice()).unwrap_or_default();
        let said = keys.iter().map(|key| {
            let down = if key.is_descending { " down" } else { "" };
            let last = if key.nulls_last { " nulls last" } else { "" };
            let why = key.obstacle.map(|why| format!(": {why}")).unwrap_or_default();
            format!("{}.{}{down}{last}{why}", key.object, key.field)
        });
        assert_eq!(said.collect::<Vec<_>>(), expected, "{text}");
        // Whoever does not sort refuses the query by its uses.
        for key in keys.iter().filter(|key| !key.compared.is_empty()) {
            let used = format!("{}.{} by ORDER BY", key.object, key.field);
            assert!(uses(&located).contains(&used), "{text}");
        }
    };
    check("SELECT Id FROM Contact LIMIT 5", &[]);
    check(
        "SELECT Id, LASTNAME, c.Account.Phone, Email FROM Contact c \
         ORDER BY Contact.LastName DESC, Account.phone NULLS LAST, c.email LIMIT 5",
        &["contact.lastname down", "account.phone nulls last", "contact.email"],
    );
    let by_id = query("SELECT LastName FROM Contact ORDER BY LastName, Id");
    let compared = by_id.answer.sorting().unwrap().keys.iter().map(|key| key.compared.as_slice());
    assert_eq!(compared.collect::<Vec<_>>(), [&["lastname".into()][..], &[]]);
    assert_eq!(uses(&by_id), ["contact.lastname by ORDER BY"]);
    let not_selected = "it is not among the fields that the query selects by their own names";
    for column in ["Id", "LastName l", "toLabel(LastName)", "Account.LastName", "FIELDS(ALL)"] {
        let text = format!("SELECT {column} FROM Contact ORDER BY LastName");
        check(&text, &[&format!("contact.lastname: {not_selected}")]);
    }
    check(
        "SELECT a.Phone FROM Contact c, c.Account a ORDER BY a.Phone",
        &[&format!("account.phone: {not_selected}")],
    );
    check(
        "SELECT Name FROM Contact ORDER BY Name",
        &["contact.name: the query sorts by what Salesforce composes of it and others"],
    );
    check(
        "SELECT Email FROM CampaignMember ORDER BY Email",
        &["contact.email: it is a copy of another record"],
    );
    check(
        "SELECT MailingCountryCode FROM Contact ORDER BY MailingCountryCode",
        &["contact.mailingcountrycode: only Salesforce knows the order of a picklist"],
    );
    check(
        "SELECT Description FROM Contact ORDER BY Description",
        &["contact.description: Salesforce does not sort by a long text"],
    );
    let many =
        |count: usize| format!("SELECT A FROM Contact ORDER BY {}", vec!["A"; count].join(","));
    check(&many(32), &["contact.a"; 32]);
    check(&many(33), &[]);
    for (clause, said) in [
        ("OFFSET 5", "an OFFSET"),
        ("FOR VIEW", "a FOR clause"),
        ("FOR UPDATE", "a FOR clause"),
        ("UPDATE VIEWSTAT", "an UPDATE clause"),
    ] {
        let text = format!("SELECT LastName FROM Contact ORDER BY LastName LIMIT 5 {clause}");
        check(&text, &[&format!("contact.lastname: the query has {said}")]);
    }
    // What is not answered with records, or sorted by more than fields, or inside as well.
    check("SELECT LastName FROM Contact GROUP BY LastName ORDER BY LastName", &[]);
    check("SELECT LastName FROM Contact ORDER BY toLabel(LastName)", &[]);
    check(
        "SELECT LastName, (SELECT Id FROM Contacts ORDER BY LastName) FROM Contact \
         ORDER BY LastName",
        &[],
    );
}

#[test]
fn only_a_query_of_its_own_is_sorted_here() {
    let q = "SELECT LastName FROM Contact ORDER BY LastName";
    let inner = format!("/services/data/v62.0/query?q={}", Codec::Percent.fragment(q));
    let body =
        format!(r#"{{"compositeRequest":[{{"method":"GET","url":"{inner}","referenceId":"a"}}]}}"#);
    let located = locate("POST", "/services/data/v62.0/composite", &body).unwrap();
    assert!(located.answer.sorting().is_none());
    assert_eq!(uses(&located), ["contact.lastname by ORDER BY"]);
}

#[test]
fn the_crm_is_asked_without_what_is_sorted_by_here() {
    let check = |text: &str, keys: usize, expected: &str| {
        let located = query(text);
        let sorting = located.answer.sorting().unwrap();
        let target = sorting.rewrite(located.target.clone(), keys, 2001).unwrap();
        let expected = Codec::Percent.fragment(expected);
        assert_eq!(kept(&target), format!("/services/data/v62.0/query?q={expected}"), "{text}");
    };
    let text = "SELECT LastName, Email FROM Contact WHERE Phone = '1' ORDER BY LastName DESC, \
                Email  NULLS LAST , Title LIMIT 7";
    let head = "SELECT LastName, Email FROM Contact WHERE Phone = '1'";
    check(text, 1, &format!("{head} ORDER BY Email  NULLS LAST, Title LIMIT 2001"));
    check(text, 2, &format!("{head} ORDER BY Title LIMIT 2001"));
    check(text, 3, &format!("{head} LIMIT 2001"));
    check("SELECT Title FROM Lead ORDER BY Title", 1, "SELECT Title FROM Lead LIMIT 2001");
    let plus = "/services/data/v62.0/query?q=SELECT+Title+FROM+Lead%20ORDER+BY%20Title+limit+5";
    let located = locate("GET", plus, "").unwrap();
    let sorting = located.answer.sorting().unwrap();
    assert_eq!(sorting.limit, Some(5));
    let target = sorting.rewrite(located.target.clone(), 1, 3).unwrap();
    assert_eq!(kept(&target), "/services/data/v62.0/query?q=SELECT+Title+FROM+Lead%20LIMIT%203");
    let located = query(text);
    assert!(located.answer.sorting().unwrap().rewrite(located.target, 4, 5).is_none());
}

const PAGE: &str = r#"{"totalSize":3,"done":true,"records":[
 {"attributes":{"type":"Contact","url":"/services/data/v62.0/sobjects/Contact/003000000000001AAA"},"LastName":"b","Account":{"attributes":{"type":"Account"},"Phone":"1"}},
 {"attributes":{"type":"Contact","url":"/services/data/v62.0/sobjects/Contact/003000000000002AAA"},"LastName":null,"Account":null},
 {"attributes":{"type":"Contact","url":"/services/data/v62.0/sobjects/Contact/003000000000003AAA"},"LastName":"a","Account":{"attributes":{"type":"Account"},"Phone":2}} ]}"#;

const SORTED: &str =
    "SELECT LastName, Account.Phone FROM Contact ORDER BY LastName, Account.Phone LIMIT 5";

fn page(body: &str) -> (LocatedAnswer, Option<Rows>) {
    page_for(Some(Sorted { keys: 2, rows: 4 }), body)
}

fn page_for(sorted: Option<Sorted>, body: &str) -> (LocatedAnswer, Option<Rows>) {
    let view = AnswerView {
        status: StatusCode::OK,
        headers: &HeaderMap::new(),
        body: &body.to_owned().into(),
        origins: &origins(),
        expansion: ExpansionLimits::FOR_TESTS,
        sorted,
    };
    let mut answer = query(SORTED).answer.locate(&view).unwrap();
    let rows = answer.rows.take();
    (answer, rows)
}

#[test]
fn an_answer_says_where_its_rows_stand() {
    let (answer, rows) = page(PAGE);
    let rows = rows.unwrap();
    assert!(rows.is_complete);
    let text = |at: &ValueAt| match at {
        ValueAt::Text(span) => PAGE[span.clone()].to_owned(),
        other => format!("{other:?}"),
    };
    let keys: Vec<Vec<String>> =
        rows.rows.iter().map(|row| row.keys.iter().map(text).collect()).collect();
    assert_eq!(keys, [["\"b\"", "\"1\""], ["Null", "Null"], ["\"a\"", "Other"]]);
    let records: Vec<_> = rows.rows.iter().map(|row| row.records.clone()).collect();
    assert_eq!(records, [0..2, 2..3, 3..5]);

    // Those that are left out are not told of.
    let sorted = answer.with_rows(&rows, &[2, 0]).unwrap();
    let names: Vec<&str> = sorted.records.iter().map(|name| name.id.as_str()).collect();
    assert_eq!(names, ["003000000000001AAA", "003000000000003AAA"]);
    let found: Vec<u32> = sorted.body.occurrences().iter().map(|(_, it)| it.record).collect();
    assert_eq!(found, [3, 4, 0, 1]);
    let lines: Vec<&str> = PAGE.lines().collect();
    let third = lines[3].strip_suffix(" ]}").unwrap();
    let expected = format!(
        "{}\n{third},\n{} ]}}",
        lines[0].replace("\"totalSize\":3", "\"totalSize\":2"),
        lines[1].trim_end_matches(',')
    );
    assert_eq!(kept(&sorted.body), expected);
}

#[test]
fn no_more_is_kept_of_rows_than_is_sorted() {
    assert_eq!(page_for(None, PAGE).1.map(|rows| rows.rows.len()), None);
    let small = Sorted { keys: 1, rows: 2 };
    let kept = page_for(Some(small), PAGE).1.unwrap();
    assert_eq!(kept.rows.iter().map(|row| row.keys.len()).collect::<Vec<_>>(), [1, 1]);
    assert!(!kept.is_complete);
    let rows: Vec<&str> = vec!["{}"; 100_000];
    let hostile = format!(r#"{{"totalSize":2,"done":true,"records":[{}]}}"#, rows.join(","));
    let kept = page_for(Some(small), &hostile).1.unwrap();
    assert_eq!(kept.rows.len(), 2);
    let most = Sorted { keys: 32, rows: 2001 };
    let of_short = most.bytes("{\"records\":[{},{}]}".len());
    assert!((2 * small.bytes(6)..8 * 32 * 100).contains(&of_short), "{of_short}");
    assert_eq!(most.bytes(hostile.len()), most.bytes(usize::MAX));
}

#[test]
fn an_answer_that_is_a_page_of_more_says_so() {
    let check = |from: &str, to: &str, expected: Option<bool>| {
        let (_, rows) = page(&PAGE.replacen(from, to, 1));
        assert_eq!(rows.map(|rows| rows.is_complete), expected, "{to}");
    };
    check(
        "\"done\":true",
        "\"done\":false,\"nextRecordsUrl\":\"/services/data/v62.0/query/01g-2\"",
        Some(false),
    );
    check(
        "\"done\":true",
        "\"done\":true,\"nextRecordsUrl\":\"/services/data/v62.0/query/01g-2\"",
        Some(false),
    );
    check("\"done\":true,", "", Some(false));
    check("\"totalSize\":3", "\"totalSize\":4", Some(false));
    check("\"totalSize\":3,", "", Some(false));
    check("\"records\":[", "\"rows\":[", None);
    check("{\"totalSize\"", "{\"message\":\"x\",\"totalSize\"", None);
    // Nothing is lost of an answer that is read in the other way, or in this.
    let (answer, _) = page(PAGE);
    let other =
        read(("GET", "/services/data/v62.0/query?q=SELECT+LastName+FROM+Contact", ""), 200, PAGE);
    let found = |answer: &LocatedAnswer| format!("{:?} {:?}", answer.body, answer.records);
    assert_eq!(found(&answer), found(&other));
}
