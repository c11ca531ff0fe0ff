// SPDX-License-Identifier: Apache-2.0
//! Bulk API 2.0: jobs, uploads and results.

use bytes::Bytes;
use http::HeaderMap;

use super::{asked_first, headers, locate_told, names, occurrences, read_answer, render, uses};
use crate::carrier::Replacement;
use crate::crm::salesforce::bulk::MAX_COLUMNS;
use crate::crm::{FieldUse, LocateError, LocatedAnswer, LocatedRequest, Memo};

const JOB: &str = "750WV000000demoYAA";

fn target(rest: &str) -> String {
    format!("/services/data/v62.0/jobs/{rest}")
}

/// Locates a request of which the job is known.
fn locate(
    request: (&str, &str),
    media_type: &str,
    body: &str,
    told: Option<&str>,
) -> Result<LocatedRequest, LocateError> {
    let created = if told.is_some_and(|told| told.contains("Case")) { "case" } else { "contact" };
    let stated = [("content-type", media_type)];
    let headers = headers(if media_type.is_empty() { &[] } else { &stated });
    locate_told(
        (request.0, &target(request.1)),
        &headers,
        body,
        told.map(|told| (told, Some(created))),
    )
}

fn job(operation: &str, delimiter: &str, line_ending: &str) -> String {
    format!(
        r#"{{"id":"{JOB}","object":"Contact","operation":"{operation}","externalIdFieldName":"Email",
            "columnDelimiter":"{delimiter}","lineEnding":"{line_ending}","state":"Open"}}"#
    )
}

fn upload(told: &str, body: &str) -> Result<LocatedRequest, LocateError> {
    let path = format!("ingest/{JOB}/batches");
    locate(("PUT", &path), "text/csv; charset=UTF-8", body, Some(told))
}

fn results(path: &str, told: &str, body: &str) -> Result<LocatedAnswer, LocateError> {
    let located = locate(("GET", path), "", "", Some(told)).unwrap();
    assert_eq!(located.operation.object, Some("contact".into()));
    read_answer(&located, 200, &headers(&[("content-type", "text/csv")]), body)
}

fn problem<T: std::fmt::Debug>(result: Result<T, LocateError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn only_what_depends_on_a_job_is_asked_first() {
    let check = |method: &str, path: &str, expected: Option<&str>| {
        let expected = expected.map(|path| Bytes::from(target(path)));
        assert_eq!(asked_first(method, &target(path)), expected, "{method} {path}");
    };
    let ingest = Some("ingest/750WV000000demoYAA");
    check("PUT", "ingest/750WV000000demoYAA/batches", ingest);
    check("PUT", "ingest/750WV000000demoYAA/batches/", ingest);
    check("GET", "ingest/750WV000000demoYAA/successfulResults/", ingest);
    check("GET", "ingest/750WV000000demoYAA/failedResults", ingest);
    check("GET", "ingest/750WV000000demoYAA/unprocessedrecords", ingest);
    let rows = "query/750WV000000demoYAA/results?maxRecords=2&locator=MTAwMDA";
    check("GET", rows, Some("query/750WV000000demoYAA"));
    for path in ["ingest", "query", "ingest/750WV000000demoYAA", "ingest/x/batches"] {
        check("GET", path, None);
    }
}

#[test]
fn jobs_are_made_of_words_of_the_api() {
    let json = "application/json";
    let check = |method: &str, path: &str, body: &str, name: &str| {
        let located = locate((method, path), json, body, None).unwrap();
        assert_eq!(located.operation.name.as_str(), name);
        assert_eq!(render(&located.body, &Replacement::text("x")), body);
    };
    let order = r#"{"object":"Contact","operation":"upsert","externalIdFieldName":"Email",
        "contentType":"CSV","columnDelimiter":"PIPE","lineEnding":"CRLF","assignmentRuleId":null}"#;
    check("POST", "ingest", order, "bulk.ingest.create");
    check("PATCH", "ingest/750WV000000demoYAA", r#"{"state":"UploadComplete"}"#, "bulk.job.update");
    check("PATCH", "query/750WV000000demoYAA", r#"{"state":"Aborted"}"#, "bulk.job.update");
    for path in ["ingest", "query?isPkChunkingEnabled=true", "ingest/750WV000000demoYAA"] {
        let name =
            if path.len() > 20 && !path.contains('?') { "bulk.job.read" } else { "bulk.job.list" };
        let located = locate(("GET", path), "", "", None).unwrap();
        assert_eq!(located.operation.name.as_str(), name);
    }
    for body in [
        r#"{"object":"Anna Muster","operation":"insert"}"#,
        r#"{"object":"Contact","operation":"Anna"}"#,
        r#"{"object":"Contact","name":"Anna"}"#,
        r#"{"object":"Contact","columnDelimiter":"@"}"#,
        "[]",
    ] {
        locate(("POST", "ingest"), json, body, None).unwrap_err();
    }
    locate(("PATCH", "ingest/750WV000000demoYAA"), json, r#"{"state":"Anna"}"#, None).unwrap_err();
    locate(("GET", "ingest?name=Anna"), "", "", None).unwrap_err();
    let multipart = locate(("POST", "ingest"), "multipart/form-data; boundary=b", "--b", None);
    let expected = "upload data by a request of its own";
    assert!(problem(multipart).contains(expected));
}

#[test]
fn an_upload_is_read_as_its_job_says() {
    let body = "FirstName,Email,Account.Ext__c,Id,Lead:Who.Email,MailingStreet\n\
        Anna,a@b.de,KD-1,003WV00000A1b2C,w@b.de,\"Weg 1\nHof\"\n\
        \"Zoë \"\"Z\"\"\",#N/A,,,,\n";
    let located = upload(&job("upsert", "COMMA", "LF"), body).unwrap();
    assert_eq!(located.operation.name.as_str(), "bulk.ingest.upload");
    assert_eq!(located.operation.object, Some("contact".into()));
    assert_eq!(
        occurrences(&located.body),
        [
            "0 contact.firstname = Anna",
            "0 contact.email key a@b.de",
            "1 account.ext__c key KD-1",
            "2 lead.email key w@b.de",
            "0 contact.mailingstreet = Weg 1\nHof",
            "3 contact.firstname = Zoë \"Z\"",
            "3 contact.email key -",
            "3 contact.id = -",
            "3 contact.mailingstreet = -",
        ]
    );
    assert_eq!(names(&located.records), ["0 contact 003WV00000A1b2CYAR"]);
    assert_eq!(render(&located.body, &Replacement::Keep), body);
    let sealed = render(&located.body, &Replacement::text("zh\"0"));
    assert!(sealed.contains("\n\"zh\"\"0\",\"zh\"\"0\",\"zh\"\"0\",003WV00000A1b2C,\"zh\"\"0\","));

    let semicolons = "Email;LastName\r\na@b.de;\"d'Arc; Zoë\"\r\n";
    let located = upload(&job("insert", "SEMICOLON", "CRLF"), semicolons).unwrap();
    let expected = ["0 contact.email = a@b.de", "0 contact.lastname = d'Arc; Zoë"];
    assert_eq!(occurrences(&located.body), expected, "a key is one for an upsert only");
    assert!(!format!("{located:?}").contains("Arc"));

    let named = upload(&job("insert", "COMMA", "LF"), "NAME\nAnna Muster\n").unwrap();
    assert!(uses(&named).contains(&"contact.lastname by writing a composed field".to_owned()));
}

#[test]
fn an_upload_of_which_too_little_is_known_is_refused() {
    let insert = job("insert", "COMMA", "LF");
    let check = |body: &str, expected: &str| {
        let found = problem(upload(&insert, body));
        assert!(found.contains(expected), "{found}");
        assert!(!found.contains("Anna"), "{found}");
    };
    check("Email,EMAIL\na,b\n", "two names that differ in case only");
    check("Anna Muster,Email\na,b\n", "column 1 has a name that no field can have");
    check("Email,Sponsor__r.Email\na,b\n", "column 2 is of an object that is not known");
    check("Account.Owner.Email\na\n", "column 1 is of an object that is not known");
    check("Lead:Account.Email\na\n", "column 1 is of an object that is not known");
    check("Email\nAnna,b\n", "row 2 has not as many cells");
    check("Email\r\nAnna\r\n", "a line end of another kind");
    check("sf__Error.x,Email\nAnna,b\n", "column 1 is of an object");
    let many: Vec<String> = (0..=MAX_COLUMNS).map(|number| format!("X{number}:Who.Y")).collect();
    let row = vec!["Anna"; many.len()].join(",");
    check(&format!("{}\n{row}\n", many.join(",")), "more columns than a record has fields");

    let put = format!("ingest/{JOB}/batches");
    let path = put.as_str();
    let csv = "text/csv";
    assert!(problem(locate(("PUT", path), csv, "Email\nAnna", None)).contains("was not asked"));
    let other = insert.replace(JOB, "750WV0000otherYAA0");
    assert!(problem(upload(&other, "Email\nAnna")).contains("told of another one"));
    let silent = r#"{"id":"750WV000000demoYAA","columnDelimiter":"COMMA","lineEnding":"LF"}"#;
    assert!(problem(upload(silent, "Email\nAnna")).contains("of which object"));
    assert!(problem(upload(&job("insert", "COLON", "LF"), "Email\nA")).contains("its delimiter"));
    let json = locate(("PUT", path), "application/json", "{}", Some(&insert));
    assert!(matches!(json, Err(LocateError::UnsupportedMediaType { .. })));
    let latin = locate(("PUT", path), "text/csv; charset=ISO-8859-1", "Email\nA", Some(&insert));
    assert!(matches!(latin, Err(LocateError::UnsupportedMediaType { .. })));
}

#[test]
fn the_word_of_the_crm_alone_does_not_decide_what_it_sees() {
    let path = format!("{}/batches", target(&format!("ingest/{JOB}")));
    let headers = headers(&[("content-type", "text/csv")]);
    let told = job("insert", "COMMA", "LF");
    let upload = |by_caller| {
        let told = Some((told.as_str(), by_caller));
        locate_told(("PUT", &path), &headers, "Id,Fax,Account.Ext__c\n,1,2\n", told)
    };
    assert!(uses(&upload(Some("contact")).unwrap()).is_empty());
    let by = FieldUse::HEARSAY;
    let expected = [format!("contact.fax by {by}"), format!("account.ext__c by {by}")];
    assert_eq!(uses(&upload(None).unwrap()), expected);
    assert!(problem(upload(Some("lead"))).contains("another object than it was created for"));
    // A column may be one of another object by its own name, too.
    let copies = told.replace("Contact", "CampaignMember");
    let copies = Some((copies.as_str(), None));
    let copies = locate_told(("PUT", &path), &headers, "City\nHof\n", copies).unwrap();
    let found = uses(&copies);
    assert_eq!(
        found,
        [format!("contact.mailingcity by {by}"), format!("campaignmember.city by {by}"),]
    );

    let remembers = |method: &str, body: &str, answer: &str| {
        let media_type = if body.is_empty() { "" } else { "application/json" };
        let located = locate((method, "ingest"), media_type, body, None).unwrap();
        read_answer(&located, 200, &HeaderMap::new(), answer).unwrap().memo
    };
    let order = r#"{"object":"CONTACT","operation":"insert"}"#;
    let memo = Memo { about: JOB.into(), text: "contact".into() };
    assert_eq!(remembers("POST", order, &told.replace("Contact", "Foo__c")), Some(memo));
    assert_eq!(remembers("GET", "", &told), None);
    assert_eq!(remembers("POST", order, r#"{"id":"x"}"#), None);
}

#[test]
fn results_of_an_upload_are_opened_and_messages_with_them() {
    let insert = job("insert", "COMMA", "LF");
    let path = format!("ingest/{JOB}/failedResults/");
    let body = "\"sf__Id\",\"sf__Error\",FirstName,Email,ReportsTo.Email\n\
        \"003WV00000A1b2CYAR\",\"INVALID:Email: bad \"\"ANNA@b.de\"\" for Anna:Email --\",Anna,anna@b.de,x@y.de\n\
        \"\",\"\",Ann,b@b.de,\n";
    let answer = results(&path, &insert, body).unwrap();
    assert_eq!(
        occurrences(&answer.body),
        [
            "0 contact.email was ANNA@b.de",
            "0 contact.firstname was Anna",
            "0 contact.firstname was Anna",
            "0 contact.email was anna@b.de",
            "1 contact.email was x@y.de",
            "2 contact.firstname was Ann",
            "2 contact.email was b@b.de",
        ]
    );
    assert_eq!(names(&answer.records), ["0 contact 003WV00000A1b2CYAR"]);
    assert_eq!(render(&answer.body, &Replacement::Keep), body);
    let opened = render(&answer.body, &Replacement::text("\"q\""));
    assert!(
        opened.contains(r#""INVALID:Email: bad """"q"""" for ""q"":Email --","""q""","#),
        "{opened}"
    );

    // Nobody writes so much about so many columns; to compare it all would take minutes.
    let many: Vec<String> = (0..4_000).map(|number| format!("X{number}")).collect();
    let (message, cells) = ("-".repeat(100_000), ",a".repeat(many.len()));
    let long = format!("sf__Error,{}\n\"{message}\"{cells}\n", many.join(","));
    assert!(problem(results(&path, &insert, &long)).contains("too large"));
    let bare = "sf__Id,sf__Error,Email\n,bad a@b.de,a@b.de\n";
    assert!(problem(results(&path, &insert, bare)).contains("without quotes"));
    let created = "\"sf__Id\",\"sf__Created\",LastName\n\"003WV00000A1b2CYAR\",\"true\",\"M\"\n";
    let path = format!("ingest/{JOB}/successfulResults/");
    let answer = results(&path, &insert, created).unwrap();
    assert_eq!(occurrences(&answer.body), ["0 contact.lastname = M"]);
    assert!(results(&path, &insert, "").unwrap().records.is_empty());
    assert!(results(&path, &insert, "\"Anna M\"\nx\n").is_err());
}

#[test]
fn a_query_job_asks_for_columns_that_explain_themselves() {
    let json = "application/json";
    let ask = |query: &str| {
        let body = serde_json::json!({ "operation": "query", "query": query }).to_string();
        locate(("POST", "query"), json, &body, None)
    };
    let located =
        ask("SELECT Id, c.Account.Name FROM Contact c WHERE LastName = 'O\\'Brien'").unwrap();
    assert_eq!(located.operation.name.as_str(), "bulk.query.create");
    assert_eq!(occurrences(&located.body), ["0 contact.lastname == O'Brien"]);
    let widened = render(&located.body, &Replacement::AnyOf(vec!["a'".into(), "b".into()]));
    assert!(widened.contains(r"WHERE LastName  IN  ('a\\'','b')"), "{widened}");
    assert_eq!(
        uses(&ask("SELECT Id FROM Lead ORDER BY Email").unwrap()),
        ["lead.email by ORDER BY"]
    );

    let check = |query: &str, expected: &str| {
        let found = problem(ask(query));
        assert!(found.starts_with("member `query` cannot") && found.contains(expected), "{found}");
    };
    check("SELECT Id FROM Contact WHERE", "missing");
    check("SELECT COUNT(Id) FROM Contact", "groups or sub-selects");
    check("SELECT COUNT() FROM Contact", "a computed column");
    check("SELECT (SELECT Id FROM Contacts) FROM Account", "groups or sub-selects");
    check("SELECT toLabel(LeadSource) FROM Contact", "a computed column");
    check("SELECT Sponsor__r.Email FROM Contact", "not known");
    check("SELECT Id, Account.BillingAddress FROM Contact", "a compound column");
    check("SELECT Id FROM Contact c, c.Account a", "after `FROM`");
    locate(("POST", "query"), json, r#"{"operation":"query"}"#, None).unwrap_err();
}

#[test]
fn rows_of_a_query_are_read_by_their_names() {
    let path = format!("query/{JOB}/results?locator=MTAw&maxRecords=2");
    let body = "\"Id\"|\"Name\"|\"Account.Name\"|\"Account.Id\"|\"Account.Owner.Email\"|\"IsDeleted\"\r\n\
        \"003WV00000A1b2CYAR\"|\"Anna M\"|\"M KG\"|\"001WV00000A1b2CYAR\"|\"o@b.de\"|\"false\"\r\n\
        \"003WV00000A1b2DYAR\"|\"\"|\"\"|\"\"|\"\"|\"\"\r\n";
    let answer = results(&path, &job("query", "PIPE", "CRLF"), body).unwrap();
    assert_eq!(
        occurrences(&answer.body),
        [
            "0 contact.name from Anna M",
            "1 account.name from M KG",
            "2 user.email = o@b.de",
            "0 contact.isdeleted = false",
            "3 contact.name from -",
            "3 contact.isdeleted = -",
        ]
    );
    let expected = [
        "0 contact 003WV00000A1b2CYAR",
        "1 account 001WV00000A1b2CYAR",
        "3 contact 003WV00000A1b2DYAR",
    ];
    assert_eq!(names(&answer.records), expected);
    let compound = "\"Id\",\"MailingAddress\"\n,\"Weg 1\"\n";
    let comma = job("query", "COMMA", "LF");
    assert!(problem(results(&path, &comma, compound)).contains("column 2 is a compound field"));
    let located = locate(("GET", &path), "", "", Some(&comma)).unwrap();
    let csv = headers(&[("content-type", "text/csv")]);
    let cut = read_answer(&located, 206, &csv, "Anna\nBerta\n");
    assert!(problem(cut).contains("only a part"), "its first row need not be the header row");
    let copies = "\"ContactEmail\",\"ContactId\"\n\"a@b.de\",\"003WV00000A1b2CYAR\"\n";
    let of_cases = job("query", "COMMA", "LF").replace("Contact", "Case");
    let located = locate(("GET", &path), "", "", Some(&of_cases)).unwrap();
    let answer =
        read_answer(&located, 200, &headers(&[("content-type", "text/csv")]), copies).unwrap();
    assert_eq!(
        occurrences(&answer.body),
        ["1 contact.email = a@b.de", "0 case.contactid = 003WV00000A1b2CYAR"]
    );
    assert_eq!(names(&answer.records), ["1 contact 003WV00000A1b2CYAR"]);
    let members = of_cases.replace("Case", "CampaignMember");
    let located = locate_told(
        ("GET", &target(&path)),
        &HeaderMap::new(),
        "",
        Some((members.as_str(), Some("campaignmember"))),
    )
    .unwrap();
    let copies = "\"LeadId\",\"Email\"\n\"00QWV00000A1b2C2AR\",\"a@b.de\"\n";
    let csv = headers(&[("content-type", "text/csv")]);
    let answer = read_answer(&located, 200, &csv, copies).unwrap();
    assert_eq!(names(&answer.records), ["1 lead 00QWV00000A1b2C2AR"]);
    let unknown = "\"Sponsor__r.Email\"\n\"a@b.de\"\n";
    assert!(problem(results(&path, &job("query", "PIPE", "LF"), unknown)).contains("not known"));
    let located = locate(("GET", &path), "", "", Some(&job("query", "COMMA", "LF"))).unwrap();
    let error = r#"[{"message":"no a@b.de","errorCode":"X"}]"#;
    let answer = read_answer(&located, 400, &HeaderMap::new(), error).unwrap();
    assert_eq!(occurrences(&answer.body), ["0 error.message echo no a@b.de"]);
    assert!(read_answer(&located, 200, &HeaderMap::new(), error).is_err());
}
