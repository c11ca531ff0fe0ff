// SPDX-License-Identifier: Apache-2.0

use super::{ID, headers, locate_with, occurrences, read_answer, render, uses};
use crate::base::{Refusal, RefusalCode, Timestamp};
use crate::carrier::json::MAX_VALUES;
use crate::carrier::{Replacement, multipart};
use crate::crm::{About, AnswerView, Done, LocateError, LocatedRequest, RefusedRecords, Remaining};

const BATCH: &str = "{v}/$batch";

pub(super) fn located(body: &str) -> Result<LocatedRequest, LocateError> {
    let media = headers(&[("content-type", "multipart/mixed; boundary=\"b\"")]);
    locate_with("POST", BATCH, &media, body)
}

fn request(line: &str, fields: &str, content: &str) -> String {
    format!(
        "--b\nContent-Type: application/http\nContent-Transfer-Encoding: binary\n\n{line} HTTP/1.1\n{fields}\n{content}\n"
    )
}

pub(super) fn in_change_set(parts: &[(&str, &str, &str)]) -> String {
    let parts = parts.iter().map(|(id, line, content)| {
        format!("--c\nContent-Type: application/http\nContent-Transfer-Encoding: binary\nContent-ID: {id}\n\n{line} HTTP/1.1\nContent-Type: application/json\n\n{content}\n")
    });
    format!("--b\nContent-Type: multipart/mixed;boundary=c\n\n{}--c--\n", parts.collect::<String>())
}

/// A batch with a query, a change set whose parts refer to one another, and an update.
fn batch() -> String {
    let query = request(
        "GET /api/data/v9.2/contacts?$filter=emailaddress1%20eq%20'a@b.de'",
        "Accept: application/json\n",
        "",
    );
    let change_set = in_change_set(&[
        ("1", "POST accounts", "{\"name\":\"Acme\"}"),
        ("2", "POST $1/contact_customer_accounts", "{\"lastname\":\"Ü\",\"x@odata.bind\":\"$1\"}"),
        ("3", "PATCH $2", "{\"firstname\":\"F\"}"),
    ]);
    let update = request(
        &format!("PATCH https://crm.acme.example/dyn/api/data/v9.1/contacts({ID})"),
        "Content-Type: application/json\nContent-Length: 17\nX-Note: Anna\nIf-Match: *\n",
        "{\"lastname\":\"Ü\"}",
    );
    format!("{query}{change_set}{update}--b--\n")
}

#[test]
fn each_part_is_located_as_a_request_of_its_own() {
    for body in [batch(), batch().replace('\n', "\r\n")] {
        let located = located(&body).unwrap();
        assert_eq!(
            occurrences(&located.body),
            [
                "0 contact.emailaddress1 == a@b.de",
                "1 account.name = Acme",
                "3 contact.lastname = Ü",
                "4 contact.firstname = F",
                "5 contact.lastname = Ü",
            ]
        );
        let names: Vec<_> =
            located.records.iter().map(|name| (name.record, name.id.as_str())).collect();
        assert_eq!(names, [(5, ID)]);

        // What no one knows goes away, and our own address; all else stays.
        let end = if body.contains('\r') { "\r\n" } else { "\n" };
        let kept = body
            .replace(&format!("X-Note: Anna{end}"), "")
            .replace("https://crm.acme.example/dyn", "https://zollhaus-demo.crm4.dynamics.com");
        assert_eq!(render(&located.body, &Replacement::Keep), kept);
        let replaced = kept
            .replace("'a@b.de'", "%27zh0%27")
            .replace("\"Acme\"", "\"zh0\"")
            .replace("\"Ü\"", "\"zh0\"")
            .replace("\"F\"", "\"zh0\"")
            .replace("Content-Length: 17", "Content-Length: 18");
        assert_eq!(render(&located.body, &Replacement::text("zh0")), replaced);
    }
}

/// What is kept of a value takes far more memory than its bytes.
#[test]
fn all_parts_together_hold_no_more_values_than_one_body() {
    let json = "Content-Type: application/json\n";
    let columns = |count: usize| {
        let members = (0..count).map(|number| format!("\"c{number}\":1"));
        let content = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
        request("POST contacts", json, &content)
    };
    let half = columns(MAX_VALUES / 2);
    assert!(located(&format!("{half}{half}--b--")).is_ok());
    let one_more = columns(1);
    let sent = located(&format!("{half}{half}{one_more}--b--"));
    assert!(matches!(sent, Err(LocateError::TooLarge { .. })));
    let asked = |count: usize| {
        let values = vec!["1"; count].join(",");
        request(&format!("GET contacts?$filter=lastname%20in%20({values})"), "", "")
    };
    let quarter = asked(MAX_VALUES / 4);
    assert!(located(&format!("{half}{quarter}{quarter}--b--")).is_ok());
    let sent = located(&format!("{half}{quarter}{quarter}{}--b--", asked(1)));
    assert!(matches!(sent, Err(LocateError::TooLarge { .. })));
    let first = located(&format!("{half}{half}--b--")).unwrap();
    let row = half.split_once("\n\n").unwrap().1.split_once("\n\n").unwrap().1;
    let part = format!("--r\nContent-Type: application/http\n\nHTTP/1.1 200 OK\n\n{row}");
    let media = headers(&[("content-type", "multipart/mixed; boundary=r")]);
    assert!(read_answer(&first, 200, &media, &format!("{part}{part}--r--")).is_ok());
    let more = row.replacen('{', "{\"d\":1,", 1);
    let part = part.replace(row, &more);
    let answer = read_answer(&first, 200, &media, &format!("{part}{part}--r--"));
    assert!(matches!(answer, Err(LocateError::TooLarge { .. })));
}

#[test]
fn uses_are_taken_together() {
    let body = request("GET contacts?$orderby=lastname", "", "") + "--b--";
    assert_eq!(uses(&located(&body).unwrap()), ["contact.lastname by $orderby"]);
}

#[test]
fn a_part_without_records_is_about_anybody() {
    let json = "Content-Type: application/json\n";
    let create = request("POST contacts", json, "{\"lastname\":\"x\"}");
    let list = request("GET contacts?$top=1", "", "");
    let metadata = request("GET WhoAmI", "", "");
    let check = |body: String, expected: About| {
        assert_eq!(located(&(body + "--b--")).unwrap().operation.about, expected);
    };
    check(metadata.clone(), About::Nobody);
    check(format!("{metadata}{create}"), About::Named);
    check(format!("{list}{create}"), About::Anybody);
    check(format!("{create}{list}{create}"), About::Anybody);
}

#[test]
fn what_is_not_read_in_a_part_refuses_all() {
    let check = |body: String, expected: &str| {
        let error = located(&body).expect_err(&body).to_string();
        assert!(error.contains(expected), "{body}: {error}");
    };
    let json = "Content-Type: application/json\n";
    let one = |line: &str, fields: &str, content: &str| request(line, fields, content) + "--b--";
    check(one("GET contacts?$search=x", "", ""), "does not take it");
    check(one("POST searchquery", json, r#"{"search":"x"}"#), "does not know");
    check(
        one("POST $batch", "Content-Type: multipart/mixed;boundary=d\n", "--d--"),
        "does not know",
    );
    check(one("POST /api/data/v9.2/$batch", json, "{\"a\":\"x\"}"), "does not know");
    check(one("GET https://evil.example/api/data/v9.2/contacts", "", ""), "another host");
    check(one("GET //evil.example/contacts", "", ""), "another host");
    check(one("GET contacts x", "", ""), "three words");
    check(one("HEAD contacts", "", ""), "method is not known");
    check(one("PATCH $1", json, "{}"), "nothing before it");
    check(one("POST contacts", "", "{\"lastname\":\"x\"}"), "media type");
    check(
        one(
            "POST contacts",
            "Content-Type: application/json\nContent-Length: 3\n",
            "{\"lastname\":\"x\"}",
        ),
        "length",
    );
    let change_set = |parts| in_change_set(parts) + "--b--";
    check(change_set(&[("Anna", "POST contacts", "{}")]), "no number");
    check(change_set(&[("1", "GET contacts", "")]), "changes nothing");
    check(
        in_change_set(&[("1", "POST contacts", "{}")]) + &request("PATCH $1", json, "{}") + "--b--",
        "nothing before it",
    );
    check("--b\nContent-Type: text/plain\n\nx\n--b--".to_owned(), "media type");
    let media = headers(&[("content-type", "application/json")]);
    assert!(locate_with("POST", BATCH, &media, "{}").is_err());
}

fn answer_part(status: &str, fields: &str, content: &str) -> String {
    format!(
        "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nHTTP/1.1 {status}\r\n{fields}\r\n{content}\r\n"
    )
}

const JSON: &str = "Content-Type: application/json; odata.metadata=minimal\r\n";

#[test]
fn answers_are_read_part_by_part() {
    let located = located(&batch()).unwrap();
    let made = format!(
        "OData-EntityId: https://zollhaus-demo.crm4.dynamics.com/api/data/v9.2/accounts({ID})\r\n"
    );
    let list = format!(
        "{{\"@odata.nextLink\":\"https://zollhaus-demo.crm4.dynamics.com/x\",\"value\":[{{\"lastname\":\"Ü\",\"contactid\":\"{ID}\"}}]}}"
    );
    let body = format!(
        "--r\r\n{}--r\r\nContent-Type: multipart/mixed; boundary=s\r\n\r\n--s\r\nContent-ID: 1\r\n{}--s\r\nContent-ID: 3\r\n{}--s--\r\n--r\r\n{}--r--\r\n",
        answer_part("200 OK", &format!("{JSON}Content-Length: {}\r\n", list.len()), &list),
        answer_part("204 No Content", &made, ""),
        answer_part("204 No Content", "", ""),
        answer_part("400 Bad Request", JSON, "{\"error\":{\"message\":\"no zh0\"}}"),
    );
    let media = headers(&[("content-type", "multipart/mixed; boundary=r")]);
    let answer = read_answer(&located, 200, &media, &body).unwrap();
    assert_eq!(
        occurrences(&answer.body),
        ["0 contact.lastname = Ü", "0 error.message echo no zh0"]
    );
    let names: Vec<_> =
        answer.records.iter().map(|name| (name.record, name.object.as_str())).collect();
    assert_eq!(names, [(0, "contact"), (2, "account")]);
    let Done::Each(done) = answer.done else { panic!("parts are told apart") };
    let done: Vec<_> = done.iter().map(|same| (same.in_answer, same.in_request)).collect();
    assert_eq!(done, [(1, 0), (2, 1), (4, 4)]);
    let shown = body
        .replace("https://zollhaus-demo.crm4.dynamics.com", "https://crm.acme.example/dyn")
        .replace("\"Ü\"", "\"zoe\"")
        .replace("no zh0", "zoe");
    let length =
        list.len() + 1 - ("zollhaus-demo.crm4.dynamics.com".len() - "crm.acme.example/dyn".len());
    let shown = shown
        .replace(&format!("Content-Length: {}", list.len()), &format!("Content-Length: {length}"));
    assert_eq!(render(&answer.body, &Replacement::text("zoe")), shown);
}

#[test]
fn a_change_set_that_failed_has_one_answer() {
    let located = located(
        &(in_change_set(&[("1", "POST contacts", "{}"), ("2", "POST contacts", "{}")]) + "--b--"),
    )
    .unwrap();
    let media = headers(&[("content-type", "multipart/mixed; boundary=r")]);
    let of = |status: &str| {
        format!("--r\r\n{}--r--", answer_part(status, JSON, "{\"error\":{\"message\":\"a\"}}"))
    };
    let answer = read_answer(&located, 400, &media, &of("400 Bad Request")).unwrap();
    assert_eq!(occurrences(&answer.body), ["0 error.message echo a"]);
    assert_eq!(answer.done, Done::default());
    assert!(read_answer(&located, 200, &media, &of("200 OK")).is_err());
    // The batch as such was refused.
    let json = headers(&[("content-type", "application/json")]);
    let error = "{\"error\":{\"message\":\"a\"}}";
    assert_eq!(occurrences(&read_answer(&located, 400, &json, error).unwrap().body).len(), 1);
    assert!(read_answer(&located, 200, &json, error).is_err());
    let two = format!("--r\r\n{0}--r\r\n{0}--r--", answer_part("204 No Content", "", ""));
    assert!(read_answer(&located, 200, &media, &two).is_err());
}

fn three(prefer: &str) -> LocatedRequest {
    let json = "Content-Type: application/json\n";
    let body = request("POST contacts", json, "{\"lastname\":\"A\"}")
        + &in_change_set(&[
            ("1", "POST contacts", "{\"lastname\":\"B\"}"),
            ("2", "PATCH $1", "{\"lastname\":\"C\"}"),
        ])
        + &request("POST contacts", json, "{\"lastname\":\"D\"}")
        + "--b--\n";
    let media = headers(&[("content-type", "multipart/mixed; boundary=b"), ("prefer", prefer)]);
    locate_with("POST", BATCH, &media, &body).unwrap()
}

const NOW: Timestamp = Timestamp::from_unix_millis(1_767_225_600_000);
const GO_ON: &str = "return=minimal, odata.continue-on-error";

fn refused(records: &[u32]) -> RefusedRecords {
    let refusal = Refusal::new(RefusalCode::TransferRefused, "it may not");
    records.iter().map(|record| (*record, refusal.clone())).collect()
}

#[test]
fn a_part_is_refused_without_the_others_where_the_caller_prefers_that() {
    assert!(three("return=minimal").batch.is_none());
    let found = three(GO_ON);
    let batch = found.batch.as_ref().unwrap();
    assert_eq!(batch.elements(), [0..1, 1..3, 3..4]);

    let mut out = refused(&[2]);
    batch.complete(&mut out);
    assert_eq!(out.keys().copied().collect::<Vec<_>>(), [1, 2], "a change set is one");
    let keep = vec![Replacement::Keep; 4];
    let rendered =
        found.body.render_without(&mut keep.iter(), &|record| out.contains_key(&record)).unwrap();
    let rendered = String::from_utf8(rendered.to_vec()).unwrap();
    assert!(!rendered.contains("--c") && !rendered.contains('B') && rendered.contains("\"D\""));
    let again = located(&rendered).unwrap();
    assert_eq!(occurrences(&again.body), ["0 contact.lastname = A", "1 contact.lastname = D"]);

    let Remaining::Some(reader) = batch.refuse(&out, NOW) else { panic!("some is left") };
    let part = answer_part("204 No Content", "", "");
    let sent = format!("--r\r\n{part}--r\r\n{part}--r--\r\n");
    let read = |body: &str| {
        reader.locate(&AnswerView {
            status: http::StatusCode::OK,
            headers: &headers(&[("content-type", "multipart/mixed; boundary=r")]),
            body: &body.to_owned().into(),
            origins: &super::origins(),
            expansion: crate::carrier::coding::ExpansionLimits::FOR_TESTS,
            sorted: None,
        })
    };
    let answer = read(&sent).unwrap();
    let shown = render(&answer.body, &Replacement::Keep);
    let parts: Vec<&str> = shown.split("--r\r\n").skip(1).collect();
    assert_eq!(
        (parts.len(), parts[0], parts[2].trim_end_matches("--r--\r\n")),
        (3, part.as_str(), part.as_str())
    );
    assert!(parts[1].contains("HTTP/1.1 403 Forbidden\r\n"), "{}", parts[1]);
    assert!(parts[1].contains("\"Zollhaus: it may not\""), "{}", parts[1]);
    let Done::Each(done) = answer.done else { panic!("parts are told apart") };
    assert_eq!(done.iter().map(|same| same.in_request).collect::<Vec<_>>(), [0, 3]);
    assert!(read(&format!("--r\r\n{part}--r--\r\n")).is_err(), "one would be in the other's place");

    let Remaining::None(all) = batch.refuse(&refused(&[0, 1, 3]), NOW) else { panic!("all") };
    let boundary = multipart::boundary(all.content_type).unwrap();
    let parts = multipart::parts(all.body.as_bytes(), 0..all.body.len(), boundary).unwrap();
    assert_eq!(parts.len(), 3);
    assert!(parts.iter().all(|part| part.message(all.body.as_bytes()).is_ok()));
}

#[test]
fn an_id_names_one_part() {
    let change_set = in_change_set(&[
        ("1", "POST tasks", "{}"),
        ("1", "POST contacts", "{}"),
        ("2", "PATCH $1", "{\"lastname\":\"x\"}"),
    ]);
    let error = located(&format!("{change_set}--b--\n")).unwrap_err().to_string();
    assert!(error.contains("same id"), "{error}");
}

#[test]
fn a_record_that_a_reference_names_is_not_that_of_the_next_part() {
    let reference = format!(
        "DELETE accounts({ID})/contact_customer_accounts/$ref?$id=contacts(emailaddress1='a@b.de')"
    );
    let update = format!("PATCH contacts({ID})");
    let media = "Content-Type: application/json\n";
    let body = request(&reference, "", "") + &request(&update, media, "{\"lastname\":\"x\"}");
    let located = located(&format!("{body}--b--\n")).unwrap();
    assert_eq!(
        occurrences(&located.body),
        ["2 contact.emailaddress1 key a@b.de", "3 contact.lastname = x"]
    );
}
