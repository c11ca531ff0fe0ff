// SPDX-License-Identifier: Apache-2.0

use http::header::LOCATION;

use super::{headers, locate, occurrences, read, read_answer, render};
use crate::carrier::{Codec, Replacement, Role};
use crate::crm::Done;

fn query(query: &str) -> String {
    format!("/services/data/v62.0/query?q={}", Codec::Percent.fragment(query))
}

fn check(target: &str, status: u16, body: &str, found: &[&str]) {
    let located = read(("GET", target, ""), status, body);
    assert_eq!(occurrences(&located.body), found, "{body}");
    assert_eq!(render(&located.body, &Replacement::Keep), body);
}

const READ: &str = "/services/data/v62.0/sobjects/Contact/003WV00000A1b2CYAR";

/// Cut out of a record, `{"Name":…}` would state no object.
#[test]
fn a_part_of_an_answer_is_not_read() {
    let located = locate("GET", &query("SELECT Id, Account.Name FROM Contact"), "").unwrap();
    let part = r#"{"Name":"Anna"}"#;
    let problem = read_answer(&located, 206, &headers(&[]), part).unwrap_err().to_string();
    assert!(problem.contains("only a part"), "{problem}");
}

#[test]
fn records_are_read_by_what_they_state() {
    check(
        READ,
        200,
        r#"{"attributes":{"type":"Contact","url":"/x"},"Id":"003WV00000A1b2CYAR","Name":"Anna Müller",
            "Email":"a@b.de","Phone":null,"IsDeleted":false,"Score__c":1.50,"Fax":""}"#,
        &[
            "0 contact.name from Anna Müller",
            "0 contact.email = a@b.de",
            "0 contact.isdeleted = a boolean",
            "0 contact.score__c = 1.50",
            "0 contact.fax = -",
        ],
    );
    check(READ, 200, r#"{"Email":"a@b.de"}"#, &["0 contact.email = a@b.de"]);
    check(READ, 200, "", &[]);
    check(
        READ,
        200,
        r#"{"MailingAddress":{"city":"Berlin","street":"Torstraße 1","latitude":52.5,"state":null},
            "Loc__c":{"latitude":1.5}}"#,
        &[
            "0 contact.mailingcity = Berlin",
            "0 contact.mailingstreet = Torstraße 1",
            "0 contact.mailinglatitude = 52.5",
            "0 contact.mailingstate = -",
            "0 contact.loc__latitude__s = 1.5",
        ],
    );
    check(
        "/services/data/v62.0/sobjects/Quote/0Q0WV00000A1b2C2AR",
        200,
        r#"{"QuoteToAddress":{"city":"Hof"},"AdditionalAddress":{"city":"Bonn"},
            "ShipToAddress":{"city":"Ulm"},"Address":{"attributes":{"type":"Address"},"City":"Rom"}}"#,
        &[
            "0 quote.quotetocity = Hof",
            "0 quote.additionalcity = Bonn",
            "0 quote.shiptocity = Ulm",
            "1 address.city = Rom",
        ],
    );
    let retrieve =
        "/services/data/v62.0/composite/sobjects/Contact?ids=003WV00000A1b2CYAR&fields=Id";
    check(
        retrieve,
        200,
        r#"[{"attributes":{"type":"Contact"},"Email":"a"},null,{"Email":"b"}]"#,
        &["0 contact.email = a", "1 contact.email = b"],
    );
    check(
        "/services/data/v62.0/sobjects/Contact",
        200,
        r#"{"objectDescribe":{"name":"Contact"},"recentItems":[{"attributes":{"type":"Contact"},"Name":"A"}]}"#,
        &["0 contact.name from A"],
    );
    let located = read(("GET", READ, ""), 200, r#"{"Name":"A"}"#);
    let (_, name) = located.body.occurrences()[0];
    let from = &["firstname", "lastname", "middlename", "suffix", "salutation"];
    assert_eq!(name.role, Role::Composed { from });
}

#[test]
fn query_results_are_read_with_their_query() {
    let check = |text: &str, body: &str, found: &[&str]| check(&query(text), 200, body, found);
    check(
        "SELECT Id FROM Contact",
        r#"{"totalSize":2,"done":false,"nextRecordsUrl":"/services/data/v62.0/query/01g-1","records":[
            {"attributes":{"type":"Contact"},"Email":"a",
             "Account":{"attributes":{"type":"Account"},"Name":"Acme","Owner":{"Email":"o"}},
             "Owner":{"attributes":{"type":"Name","url":"/services/data/v62.0/sobjects/User/005"},"Name":"U"},
             "Cases":{"totalSize":1,"done":true,"records":[{"ContactEmail":"c"}]},
             "Foo__r":{"attributes":{"type":"Foo__c"},"Name":"f"},"Bar__r":null},
            {"Email":"b"}]}"#,
        &[
            "0 contact.email = a",
            "1 account.name from Acme",
            "2 user.email = o",
            "3 user.name from U",
            "5 contact.email = c",
            "6 foo__c.name = f",
            "7 contact.email = b",
        ],
    );
    check(
        "SELECT Email e, MAX(Account.Phone), MIN(LastName) m, COUNT(Id), Owner.Email, COUNT(Fax) c \
         FROM Contact GROUP BY Email, Owner.Email",
        r#"{"records":[{"attributes":{"type":"AggregateResult"},
            "e":"a","expr0":"1","m":"b","expr1":2,"Email":"o","c":3}]}"#,
        &[
            "1 contact.email = a",
            "2 account.phone = 1",
            "1 contact.lastname = b",
            "0 aggregateresult.expr1 = 2",
            "3 user.email = o",
            "0 aggregateresult.c = 3",
        ],
    );
    // An alias is no name of ours: on further pages nothing would say what it means.
    check(
        "SELECT toLabel(LeadSource) s, Foo__r.Name FROM Lead",
        r#"{"records":[{"attributes":{"type":"Lead"},"S":"Web","Owner":{"attributes":{"type":"User"},"s":"x"}}]}"#,
        &["0 lead.s = Web", "1 user.s = x"],
    );
}

#[test]
fn rows_of_groups_mean_nothing_without_their_query() {
    let rows = r#"{"records":[{"attributes":{"type":"AggregateResult"},"e":"a@b.de"}]}"#;
    let children = r#"{"records":[{"attributes":{"type":"Account"},"Contacts":{"records":[{"attributes":{"type":"AggregateResult"},"e":"a@b.de"}]}}]}"#;
    let check = |target: &str, body: &str| {
        let located = locate("GET", target, "").unwrap();
        let error = read_answer(&located, 200, &headers(&[]), body).unwrap_err();
        let expected = "the answer cannot be parsed: it has rows of groups that no query explains";
        assert_eq!(error.to_string(), expected, "{target}");
    };
    check("/services/data/v62.0/query/01gWV000000demoYAAQ-2000", rows);
    check(&query("SELECT Email FROM Contact"), rows);
    check(&query("SELECT Id, (SELECT MAX(Email) e FROM Contacts) FROM Account"), children);
    check(&query("SELECT MAX(Name) e FROM Account"), children);
}

#[test]
fn errors_may_repeat_what_was_sent() {
    check(
        READ,
        400,
        r#"[{"message":"bad a@b.de","errorCode":"X","fields":["Email"]}]"#,
        &["0 error.message echo bad a@b.de"],
    );
    let create = ("POST", "/services/data/v62.0/composite/sobjects", r#"{"records":[]}"#);
    let body = r#"[{"id":"003","success":true,"errors":[]},
        {"success":false,"errors":[{"statusCode":"X","message":"bad a","fields":[]}]},
        {"success":false,"errors":[{"statusCode":"Y","message":"bad b"}]}]"#;
    let located = read(create, 200, body);
    let expected = ["0 error.message echo bad a", "1 error.message echo bad b"];
    assert_eq!(occurrences(&located.body), expected);
}

#[test]
fn links_lead_to_the_proxy() {
    let check = |target: &str, status: u16, body: &str, expected: &str| {
        let located = read(("GET", target, ""), status, body);
        assert_eq!(render(&located.body, &Replacement::Keep), expected);
    };
    check(
        "/services/data/v62.0",
        200,
        r#"{"identity":"https://zollhaus-demo.my.salesforce.com\/id\/00D\/005","x":"https://zollhaus-demo.my.salesforce.com.evil.example/","y":"/services/data"}"#,
        r#"{"identity":"https://crm.acme.example/sf/id/00D/005","x":"https://zollhaus-demo.my.salesforce.com.evil.example/","y":"/services/data"}"#,
    );
    check(
        &query("SELECT Id FROM User"),
        200,
        r#"{"nextRecordsUrl":"https://zollhaus-demo.my.salesforce.com/services/data/v62.0/query/01g","records":[{"PhotoUrl":"https://ZOLLHAUS-demo.my.salesforce.com/p?x=1"}]}"#,
        r#"{"nextRecordsUrl":"https://crm.acme.example/sf/services/data/v62.0/query/01g","records":[{"PhotoUrl":"https://crm.acme.example/sf/p?x=1"}]}"#,
    );
    check(
        READ,
        300,
        r#"["https://zollhaus-demo.my.salesforce.com/services/data/a","/services/data/b"]"#,
        r#"["https://crm.acme.example/sf/services/data/a","/services/data/b"]"#,
    );
    let identity = "/id/00DWV000000demoMAA/005WV000000demoYAA";
    check(
        identity,
        200,
        r#"{"id":"https://login.salesforce.com/id/00D/005","urls":{"rest":"https://zollhaus-demo.my.salesforce.com/services/data/v{version}/"},"email":"u@acme.example"}"#,
        r#"{"id":"https://crm.acme.example/sf/id/00D/005","urls":{"rest":"https://crm.acme.example/sf/services/data/v{version}/"},"email":"u@acme.example"}"#,
    );
    check(
        identity,
        200,
        r#"{"instance_url":"https://na1.salesforce.com","access_token":"00D!x","id":"005"}"#,
        r#"{"instance_url":"https://crm.acme.example/sf","access_token":"00D!x","id":"005"}"#,
    );
}

#[test]
fn the_location_of_a_new_record_leads_to_the_proxy() {
    let check = |location: &str, expected: &str| {
        let located =
            locate("POST", "/services/data/v62.0/sobjects/Contact", r#"{"LastName":"x"}"#).unwrap();
        let headers = headers(&[("location", location)]);
        let body = r#"{"id":"003","success":true,"errors":[]}"#;
        let answer = read_answer(&located, 201, &headers, body).unwrap();
        let found: Vec<_> = answer
            .headers
            .iter()
            .map(|(name, document)| (name.clone(), render(document, &Replacement::Keep)))
            .collect();
        assert_eq!(found, [(LOCATION, expected.to_owned())]);
    };
    check(
        "https://zollhaus-demo.my.salesforce.com/services/data/v62.0/sobjects/Contact/003",
        "https://crm.acme.example/sf/services/data/v62.0/sobjects/Contact/003",
    );
    check(
        "/services/data/v62.0/sobjects/Contact/003",
        "https://crm.acme.example/sf/services/data/v62.0/sobjects/Contact/003",
    );
}

#[test]
fn answers_that_cannot_be_read_are_refused() {
    let located = locate("GET", READ, "").unwrap();
    for body in ["<html>", r#"{"Email":"a","Email":"b"}"#, r#"{"Email":"a"} x"#, "\u{feff}{}"] {
        assert!(read_answer(&located, 200, &headers(&[]), body).is_err(), "{body}");
    }
}

#[test]
fn related_records_are_not_the_one_they_are_asked_from() {
    let target = "/services/data/v62.0/sobjects/Contact/003WV00000A1b2CYAR/Account";
    let body = r#"{"Id":"001WV00000A1b2CYAR","Name":"M KG"}"#;
    let answer = read(("GET", target, ""), 200, body);
    assert_eq!(occurrences(&answer.body), ["0 account.name from M KG"]);
    assert_eq!(answer.done, Done::default());
    let list = r#"{"records":[{"attributes":{"type":"Case"},"Subject":"S"}]}"#;
    let answer = read(("GET", &target.replace("Account", "Cases"), ""), 200, list);
    assert_eq!(occurrences(&answer.body), ["0 case.subject = S"]);

    let changed = "/services/data/v62.0/sobjects/Contact/deleted/?start=2026-03-01T00%3A00%3A00%2B00%3A00&end=2026-03-02T00%3A00%3A00%2B00%3A00";
    let body = r#"{"deletedRecords":[{"deletedDate":"2026-03-01","id":"003WV00000A1b2CYAR"}]}"#;
    assert!(occurrences(&read(("GET", changed, ""), 200, body).body).is_empty());
    locate("GET", &changed.replace("2026-03-01T", "Anna"), "").unwrap_err();
}

#[test]
fn a_record_that_may_be_of_several_objects_is_of_the_one_that_something_tells() {
    let target = query("SELECT Id FROM Task");
    let task =
        |inside: &str| format!(r#"{{"records":[{{"attributes":{{"type":"Task"}},{inside}}}]}}"#);
    let name = |url: &str| format!(r#""attributes":{{"type":"Name"{url}}},"Email":"a@b.de""#);
    let url = |path: &str| name(&format!(r#","url":"/services/data/v62.0/sobjects/{path}""#));
    let told = |inside: &str, expected: &str| check(&target, 200, &task(inside), &[expected]);
    told(&format!(r#""Who":{{{}}}"#, url("Lead/003WV00000A1b2C")), "1 lead.email = a@b.de");
    told(&format!(r#""Who":{{{}}}"#, url("Name/003WV00000A1b2C")), "1 contact.email = a@b.de");
    told(&format!(r#""Owner":{{{}}}"#, name("")), "1 user.email = a@b.de");
    let typed = task(&format!(r#""Who":{{{},"Type":"Lead"}}"#, name("")));
    check(&target, 200, &typed, &["1 lead.email = a@b.de", "1 lead.type = Lead"]);
    let located = locate("GET", &target, "").unwrap();
    for unknown in [name(""), url("Name/a0BWV00000A1b2C")] {
        let body = task(&format!(r#""Who":{{{unknown}}}"#));
        let problem = read_answer(&located, 200, &headers(&[]), &body).unwrap_err().to_string();
        assert!(problem.contains("may be of several objects"), "{problem}");
    }
}
