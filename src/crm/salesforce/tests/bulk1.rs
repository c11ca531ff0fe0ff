// SPDX-License-Identifier: Apache-2.0
//! Bulk API 1.0: jobs, batches in three syntaxes, and what they answer.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{asked_first, headers, locate_told, names, occurrences, read_answer, render, uses};
use crate::base::{Refusal, RefusalCode};
use crate::carrier::Replacement;
use crate::crm::salesforce::Salesforce;
use crate::crm::{Dialect, FieldUse, LocateError, LocatedAnswer, LocatedRequest, Memo};

const JOB: &str = "750WV000000demoXAA";
const BATCH: &str = "751WV000000demoXAA";
const XML: &str = "application/xml; charset=UTF-8";
const JSON: &str = "application/json";
const CSV: &str = "text/csv; charset=UTF-8";
const NAMESPACE: &str = "xmlns='http://www.force.com/2009/06/asyncapi/dataload'";
const INSTANCE: &str = "xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'";

fn target(rest: &str) -> String {
    format!("/services/async/62.0/job{rest}")
}

fn job(operation: &str, contents: &str) -> String {
    format!(
        r#"{{"id":"{JOB}","object":"Contact","operation":"{operation}","contentType":"{contents}",
            "externalIdFieldName":"Email","state":"Open","apexProcessingTime":0,
            "assignmentRuleId":null,"fastPathEnabled":false}}"#
    )
}

fn locate(
    (method, path): (&str, &str),
    media_type: &str,
    body: &str,
    told: Option<&str>,
) -> Result<LocatedRequest, LocateError> {
    let headers = headers(&[("content-type", media_type), ("x-sfdc-session", "00D!x")]);
    locate_told((method, &target(path)), &headers, body, told.map(|told| (told, Some("contact"))))
}

fn batch(told: &str, media_type: &str, body: &str) -> Result<LocatedRequest, LocateError> {
    locate(("POST", &format!("/{JOB}/batch")), media_type, body, Some(told))
}

/// The answer to a `GET` of what belongs to a batch.
fn answer(
    resource: &str,
    told: &str,
    media_type: &str,
    body: &str,
) -> Result<LocatedAnswer, LocateError> {
    let path = format!("/{JOB}/batch/{BATCH}{resource}");
    let located = locate(("GET", &path), JSON, "", Some(told)).unwrap();
    read_answer(&located, 200, &headers(&[("content-type", media_type)]), body)
}

fn problem<T: std::fmt::Debug>(result: Result<T, LocateError>) -> String {
    result.unwrap_err().to_string()
}

fn records(inside: &str) -> String {
    format!(
        "<?xml version='1.0' encoding='UTF-8'?>\n<sObjects {NAMESPACE} {INSTANCE}>{inside}</sObjects>"
    )
}

#[test]
fn only_what_depends_on_a_job_is_asked_first() {
    let check = |method: &str, path: &str, is_asked: bool| {
        let expected = is_asked.then(|| Bytes::from(target(&format!("/{JOB}"))));
        assert_eq!(asked_first(method, &target(path)), expected, "{method} {path}");
    };
    check("POST", "", false);
    check("GET", &format!("/{JOB}"), false);
    check("POST", &format!("/{JOB}/batch"), true);
    check("GET", &format!("/{JOB}/batch/{BATCH}/request"), true);
    check("GET", &format!("/{JOB}/batch/{BATCH}/result"), false);
    check("GET", &format!("/{JOB}/batch/{BATCH}/result/752WV000000demoXAA"), true);
    check("GET", &format!("/{JOB}/batch/{BATCH}/result/Anna"), false);
}

#[test]
fn jobs_are_words_of_the_api_only() {
    let order = |inside: &str| format!("<jobInfo {NAMESPACE}>{inside}</jobInfo>");
    let check = |path: &str, media_type: &str, body: &str, name: &str| {
        let located = locate(("POST", path), media_type, body, None).unwrap();
        assert_eq!(located.operation.name.as_str(), name);
        assert_eq!(located.operation.about, crate::crm::About::Nobody);
    };
    let simple = r#"{"operation":"upsert","object":"Contact","concurrencyMode":0,
        "contentType":"JSON","externalIdFieldName":"Email"}"#;
    check("", JSON, simple, "bulk1.job.create");
    let query =
        "<operation>queryAll</operation><object>Contact</object><contentType>CSV</contentType>";
    check("/", XML, &order(query), "bulk1.job.create");
    check(&format!("/{JOB}"), JSON, r#"{"state":"Closed"}"#, "bulk1.job.update");
    check(&format!("/{JOB}"), XML, &order("<state>Aborted</state>"), "bulk1.job.update");

    // As the Java client of Salesforce closes one.
    let closed = format!("<id>{JOB}</id><state>Closed</state>");
    check(&format!("/{JOB}"), XML, &order(&closed), "bulk1.job.update");

    let refuse = |path: &str, media_type: &str, body: &str, expected: &str| {
        let found = problem(locate(("POST", path), media_type, body, None));
        assert!(found.contains(expected) && !found.contains("Anna"), "{found}");
    };
    refuse("", JSON, r#"{"operation":"insert","object":"Anna Muster"}"#, "`object` is not");
    refuse("", JSON, r#"{"operation":"Anna","object":"Contact"}"#, "`operation` is not");
    refuse("", JSON, r#"{"object":"Contact","name":"Anna"}"#, "`name` is not");
    refuse("", JSON, r#"{"object":"Contact","name":["Anna"]}"#, "is no word");
    refuse("", JSON, r#"{"operation":"insert"}"#, "of which object");
    refuse("", JSON, r#"["Anna"]"#, "no object");
    refuse("", JSON, r#"{"object":"Contact","contentType":"ZIP_CSV"}"#, "archives");
    refuse("", "text/plain", "{}", "application/xml");
    refuse("", XML, &order("<object>Contact</object><object>Lead</object>"), "twice");
    refuse("", XML, &order("Anna"), "is a text");
    refuse("", XML, &format!("<job {NAMESPACE}/>"), "no `jobInfo`");
    refuse("", XML, "<jobInfo xmlns='urn:anna'/>", "namespace that is not known");
    refuse("", XML, &format!("<jobInfo {NAMESPACE} note='Anna'/>"), "attribute");
    refuse("", XML, &order("<object><b>Anna</b></object>"), "more than text");
    let state = format!("/{JOB}");
    refuse(&state, XML, &order("<state>Anna</state>"), "`state` is not");
    refuse(&state, XML, &order("<state>Closed</state><object>Anna</object>"), "`object` is not");
    refuse(&state, XML, &order("<id>751WV000000demoXAA</id><state>Closed</state>"), "`id` is not");
    refuse(&state, XML, &order("<id>Anna</id><state>Closed</state>"), "`id` is not");
    for (method, path) in [
        ("DELETE", format!("/{JOB}")),
        ("POST", format!("/{JOB}/spec")),
        ("GET", String::new()),
        ("PUT", format!("/{JOB}/batch")),
        ("GET", format!("/Anna/batch/{BATCH}")),
    ] {
        let unknown = locate((method, &path), JSON, "", None);
        assert_eq!(unknown.unwrap_err(), LocateError::UnknownOperation, "{method} {path}");
    }
    locate(("GET", &format!("/{JOB}/batch?name=Anna")), JSON, "", None).unwrap_err();
    locate(("GET", &format!("/{JOB}")), JSON, "Anna", None).unwrap_err();
}

#[test]
fn a_batch_is_read_as_its_job_says() {
    let expected = [
        "0 contact.firstname = Zoë <&>",
        "0 contact.email key a@b.de",
        "1 account.ext__c key KD-1",
        "0 contact.fax = -",
        "2 contact.firstname = Anna",
    ];
    let check = |contents: &str, media_type: &str, body: &str, expected: &[&str]| {
        let located = batch(&job("upsert", contents), media_type, body).unwrap();
        assert_eq!(located.operation.name.as_str(), "bulk1.batch.create");
        assert_eq!(located.operation.object, Some("contact".into()));
        assert_eq!(occurrences(&located.body), expected);
        assert_eq!(names(&located.records), ["0 contact 003WV00000A1b2CYAR"]);
        assert_eq!(render(&located.body, &Replacement::Keep), body);
        let sealed = render(&located.body, &Replacement::text("zht"));
        for value in ["Zo", "Anna", "a@b", "KD-1"] {
            assert!(!sealed.contains(value), "{sealed}");
        }
        sealed
    };
    let json = r#"[{"Id":"003WV00000A1b2C","FirstName":"Zo\u00eb <&>","Email":"a@b.de",
        "Account":{"Ext__c":"KD-1"},"Fax":null},{"firstname":"Anna"}]"#;
    check("JSON", JSON, json, &expected);
    let xml = records(
        "<sObject><Id>003WV00000A1b2C</Id><FirstName>Zo&#235;<![CDATA[ <&]]>&gt;</FirstName>\
         <Email>a@b.de</Email><Account><sObject><Ext__c>KD-1</Ext__c></sObject></Account>\
         <Fax xsi:nil='true'/></sObject>\n<sObject><firstname>Anna</firstname></sObject>",
    );
    let sealed = check("XML", XML, &xml, &expected);
    assert!(sealed.contains("<FirstName>zht</FirstName>"), "{sealed}");
    let csv = "Id,FirstName,Email,Account.Ext__c,Fax\r\n\
        003WV00000A1b2C,Zoë <&>,a@b.de,KD-1,#N/A\r\n,Anna,,,\r\n";
    let rows = ["2 contact.id = -", "2 contact.firstname = Anna", "2 contact.email key -"];
    let rows = [&expected[..4], &rows, &["2 contact.fax = -"]].concat();
    check("CSV", CSV, csv, &rows);
}

#[test]
fn a_batch_that_can_be_read_in_two_ways_is_refused() {
    let xml = |inside: &str, expected: &str| {
        let body = records(&format!("<sObject>{inside}</sObject>"));
        let found = problem(batch(&job("insert", "XML"), XML, &body));
        assert!(found.contains(expected) && !found.contains("Anna"), "{found}");
    };
    xml("<Email>Anna</Email><EMAIL>Anna</EMAIL>", "differ in case only");
    xml(
        "<Email>Anna</Email><x:Email xmlns:x='urn:partner.soap.sforce.com'>Anna</x:Email>",
        "differ",
    );
    xml("<x:Email xmlns:x='urn:other'>Anna</x:Email>", "namespace that is not known");
    xml("<Email>An<!-- -->na</Email>", "cannot be parsed");
    xml("<Email>Anna<b/></Email>", "cannot be parsed");
    xml("<Email>&anna;</Email>", "cannot be parsed");
    xml("<Email id='Anna'/>", "attribute");
    xml("<Email xsi:nil='true'>Anna</Email>", "is nil, and holds something");
    xml("<Email xsi:nil='Anna'/>", "attribute");
    xml("<type>Lead</type><Email>Anna</Email>", "another object");
    xml("<type>Contact</type><type>Lead</type>", "twice");
    xml("<Sponsor__r><sObject><Ext__c>Anna</Ext__c></sObject></Sponsor__r>", "not known");
    xml("<Account><sObject><type>Lead</type><Ext__c>Anna</Ext__c></sObject></Account>", "leads to");
    xml("<MailingAddress><city>Anna</city></MailingAddress>", "not known");
    xml("<A.b>Anna</A.b>", "a name that no field can have");
    xml("Anna", "is a text");
    let body = records("<record><Email>Anna</Email></record>");
    assert!(problem(batch(&job("insert", "XML"), XML, &body)).contains("no `sObject`"));
    let typed = format!("<!DOCTYPE a [<!ENTITY b 'Anna'>]>{}", records(""));
    assert!(problem(batch(&job("insert", "XML"), XML, &typed)).contains("cannot be parsed"));
    let wide: Vec<u8> = records("").encode_utf16().flat_map(u16::to_be_bytes).collect();
    let wide = String::from_utf8_lossy(&wide).into_owned();
    batch(&job("insert", "XML"), "application/xml; charset=UTF-16", &wide).unwrap_err();
    batch(&job("insert", "XML"), XML, &wide).unwrap_err();

    let json = |body: &str| problem(batch(&job("insert", "JSON"), JSON, body));
    assert!(json(r#"[{"Email":"Anna","email":"Anna"}]"#).contains("differ in case only"));
    assert!(json(r#"{"records":[{"Email":"Anna"}]}"#).contains("no list of records"));
    assert!(json(r#"[{"attributes":{"type":"Lead"},"Email":"Anna"}]"#).contains("another object"));
    assert!(json(r#"["Anna"]"#).contains("no object"));

    // The CRM reads it by its job, or by its header field: both must say the same.
    for (contents, media_type, body) in [
        ("XML", JSON, "[]"),
        ("JSON", XML, "<sObjects/>"),
        ("CSV", JSON, "[]"),
        ("JSON", CSV, "Email\nAnna"),
        ("CSV", "zip/csv", "PK"),
        ("CSV", "text/csv; charset=ISO-8859-1", "Email\nA"),
    ] {
        let found = batch(&job("insert", contents), media_type, body).unwrap_err();
        assert!(matches!(found, LocateError::UnsupportedMediaType { .. }), "{found}");
    }
    let archive = problem(batch(&job("insert", "ZIP_XML"), "zip/xml", "PK"));
    assert!(archive.contains("archives"), "{archive}");
}

#[test]
fn what_is_told_of_a_job_must_be_of_this_one() {
    let body = "Email\nAnna\n";
    let told = job("insert", "CSV");
    let check = |told: &str, expected: &str| {
        let found = problem(batch(told, CSV, body));
        assert!(found.contains(expected) && !found.contains("Anna"), "{found}");
    };
    check(&told.replace(JOB, "750WV0000otherYAA0"), "told of another one");
    check(&told.replace("Contact", "Lead"), "another object than it was created for");
    check(&told.replace("insert", "Anna"), "what it does");
    check("{}", "what it does");
    check("[", "cannot be parsed");
    assert!(problem(locate(("POST", &format!("/{JOB}/batch")), CSV, body, None)).contains("asked"));
    let xml = format!(
        "<?xml version='1.0' encoding='UTF-8'?><jobInfo {NAMESPACE}><id>{JOB}</id><operation>insert\
         </operation><object>Contact</object><contentType>CSV</contentType></jobInfo>"
    );
    let located = batch(&xml, CSV, body).unwrap();
    assert_eq!(occurrences(&located.body), ["0 contact.email = Anna"]);

    let by = FieldUse::HEARSAY;
    let alone = |contents: &str, media_type: &str, body: &str| {
        let headers = headers(&[("content-type", media_type)]);
        let told = job("insert", contents).replace("Contact", "Case");
        let path = target(&format!("/{JOB}/batch"));
        uses(&locate_told(("POST", &path), &headers, body, Some((&told, None))).unwrap())
    };
    let expected = [
        format!("case.subject by {by}"),
        format!("contact.email by {by}"),
        format!("case.contactemail by {by}"),
    ];
    assert_eq!(alone("CSV", CSV, "Subject,ContactEmail\na,b\n"), expected);
    let json = r#"[{"Subject":"a","ContactEmail":"b"},{"Subject":"c"}]"#;
    assert_eq!(alone("JSON", JSON, json), expected);
    let xml = "<sObject><Subject>a</Subject><ContactEmail>b</ContactEmail></sObject>";
    assert_eq!(alone("XML", XML, &records(xml)), expected);
}

#[test]
fn what_a_caller_created_a_job_for_is_remembered() {
    let remembers = |media_type: &str, body: &str, answer: &str| {
        let stated = headers(&[("content-type", media_type)]);
        let located = locate_told(("POST", &target("")), &stated, body, None).unwrap();
        read_answer(&located, 201, &stated, answer).unwrap().memo
    };
    let memo = Memo { about: crate::crm::salesforce::id::canonical(JOB), text: "contact".into() };
    let order = r#"{"object":"CONTACT","operation":"insert"}"#;
    let lie = job("insert", "JSON").replace("Contact", "Foo__c");
    assert_eq!(remembers(JSON, order, &lie), Some(memo.clone()));
    let order = format!("<jobInfo {NAMESPACE}><object>Contact</object></jobInfo>");
    let told = format!("<jobInfo {NAMESPACE}><id>{JOB}</id></jobInfo>");
    assert_eq!(remembers(XML, &order, &told), Some(memo));
    assert_eq!(remembers(XML, &order, "<jobInfo/>"), None);
}

#[test]
fn a_batch_of_a_query_is_its_text() {
    let query = |text: &str| batch(&job("query", "XML"), XML, text);
    let located =
        query("SELECT Id, Account.Name FROM Contact WHERE LastName = 'O\\'Brien'").unwrap();
    assert_eq!(occurrences(&located.body), ["0 contact.lastname == O'Brien"]);
    let widened = render(&located.body, &Replacement::AnyOf(vec!["a".into(), "b".into()]));
    assert!(widened.ends_with("WHERE LastName  IN  ('a','b')"), "{widened}");
    let check = |text: &str, expected: &str| {
        let found = problem(query(text));
        assert!(found.starts_with("the batch cannot") && found.contains(expected), "{found}");
    };
    check("SELECT Id FROM Lead", "another object than its job");
    check("SELECT COUNT(Id) FROM Contact", "groups or sub-selects");
    check("SELECT Sponsor__r.Email FROM Contact", "not known");
    check("Anna", "cannot be parsed");
}

#[test]
fn rows_of_a_query_are_opened_in_each_syntax() {
    let rows = "/result/752WV000000demoXAA";
    let expected = ["0 contact.lastname = Anna M", "1 account.name from M KG"];
    let check = |contents: &str, media_type: &str, body: &str| {
        let located = answer(rows, &job("query", contents), media_type, body).unwrap();
        assert_eq!(occurrences(&located.body), expected, "{contents}");
        assert_eq!(names(&located.records)[0], "0 contact 003WV00000A1b2CYAR");
        assert_eq!(render(&located.body, &Replacement::Keep), body);
    };
    let json = r#"[{"attributes":{"type":"Contact","url":"/services/data/v62.0/sobjects/Contact/003WV00000A1b2CYAR"},
        "Id":"003WV00000A1b2CYAR","LastName":"Anna M",
        "Account":{"attributes":{"type":"Account","url":"/x"},"Name":"M KG"}}]"#;
    check("JSON", JSON, json);
    let xml = format!(
        "<?xml version='1.0' encoding='UTF-8'?><queryResult {NAMESPACE} {INSTANCE}>\
         <records xsi:type='sObject'><type>Contact</type><Id>003WV00000A1b2CYAR</Id>\
         <Id>003WV00000A1b2CYAR</Id><LastName>Anna M</LastName><Phone xsi:nil='true'/>\
         <Account xsi:type='sObject'><type>Account</type><Name>M KG</Name></Account>\
         </records></queryResult>"
    );
    check("XML", "application/xml", &xml);
    check(
        "CSV",
        "text/csv",
        "\"Id\",\"LastName\",\"Account.Name\"\n\"003WV00000A1b2CYAR\",\"Anna M\",\"M KG\"\n",
    );
    // Without a type, they are what the job is about.
    let bare =
        format!("<queryResult {NAMESPACE}><records><Email>a@b.de</Email></records></queryResult>");
    let located = answer(rows, &job("query", "XML"), "application/xml", &bare).unwrap();
    assert_eq!(occurrences(&located.body), ["0 contact.email = a@b.de"]);

    // What a query that found nothing is answered with, instead of a table.
    for nothing in ["Records not found for this query", "\"Records not found for this query\"\n"] {
        let located = answer(rows, &job("query", "CSV"), "text/csv", nothing).unwrap();
        assert_eq!(render(&located.body, &Replacement::text("x")), nothing);
        answer(rows, &job("insert", "CSV"), "text/csv", &format!("{nothing},Anna")).unwrap_err();
    }

    let list =
        format!("<result-list {NAMESPACE}><result>752WV000000demoXAA</result></result-list>");
    for (media_type, body) in
        [("application/xml", list.as_str()), (JSON, r#"["752WV000000demoXAA"]"#)]
    {
        let located = answer("/result", &job("query", "CSV"), media_type, body).unwrap();
        assert_eq!(render(&located.body, &Replacement::text("x")), body);
    }
}

#[test]
fn what_became_of_records_is_shown_and_messages_with_it() {
    let results =
        |media_type: &str, body: &str| answer("/result", &job("insert", "CSV"), media_type, body);
    let csv = "\"Id\",\"Success\",\"Created\",\"Error\"\n\"\",\"false\",\"false\",\"BAD:zht\"\n";
    assert_eq!(occurrences(&results("text/csv", csv).unwrap().body), [""; 0]);
    let other = problem(results("text/csv", "\"Id\",\"Email\"\n\"\",\"a@b.de\"\n"));
    assert!(other.contains("not those of results"), "{other}");
    let json = r#"[{"success":false,"id":"","errors":[{"message":"bad zht","statusCode":"X","fields":[]}]}]"#;
    assert_eq!(occurrences(&results(JSON, json).unwrap().body), ["0 error.message echo bad zht"]);
    let xml = format!(
        "<results {NAMESPACE}><result><errors><message>bad &lt;zht&gt;</message><statusCode>X</statusCode>\
         </errors><success>false</success></result></results>"
    );
    let found = results("application/xml", &xml).unwrap();
    assert_eq!(occurrences(&found.body), ["0 error.message echo bad <zht>"]);
    let located = locate(("GET", &format!("/{JOB}/batch/{BATCH}")), JSON, "", None).unwrap();
    let info = r#"{"id":"751WV000000demoXAA","state":"Failed","stateMessage":"bad zht"}"#;
    let found = read_answer(&located, 200, &HeaderMap::new(), info).unwrap();
    assert_eq!(occurrences(&found.body), ["0 error.message echo bad zht"]);
    let error = format!(
        "<error {NAMESPACE}><exceptionCode>X</exceptionCode><exceptionMessage>zht</exceptionMessage></error>"
    );
    let found = read_answer(&located, 400, &headers(&[("content-type", XML)]), &error).unwrap();
    assert_eq!(occurrences(&found.body), ["0 error.message echo zht"]);
    assert!(
        read_answer(&located, 200, &headers(&[("content-type", "text/plain")]), "Anna").is_err()
    );
}

#[test]
fn what_was_sent_in_a_batch_is_opened_and_nothing_is_learned_from_it() {
    let check = |told: &str, media_type: &str, body: &str, expected: &[&str]| {
        let located = answer("/request", told, media_type, body).unwrap();
        assert_eq!(occurrences(&located.body), expected);
        assert_eq!(located.done, crate::crm::Done::default());
    };
    let sent = ["0 contact.email was zht"];
    check(&job("insert", "CSV"), "text/csv", "Email\nzht\n", &sent);
    check(&job("insert", "JSON"), JSON, r#"[{"Email":"zht"}]"#, &sent);
    let xml = records("<sObject><Email>zht</Email></sObject>");
    check(&job("insert", "XML"), "application/xml", &xml, &sent);
    let query = "SELECT Id FROM Contact WHERE Email = 'zht'";
    check(&job("query", "CSV"), "text/csv", query, &sent);
    assert!(answer("/request", &job("insert", "JSON"), "text/csv", "Email\nAnna\n").is_err());
    assert!(answer("/request", &job("query", "CSV"), "text/csv", "Email\nAnna\n").is_err());
}

#[test]
fn refusals_are_said_as_the_caller_speaks() {
    let form = |path: &str, media_type: &str| {
        let headers = headers(&[("content-type", media_type)]);
        Salesforce.refusal_form(&Bytes::copy_from_slice(path.as_bytes()), &headers)
    };
    let refusal = Refusal::new(RefusalCode::UnknownOperation, "a \"b\" <c>");
    let path = "/services/async/62.0/anything";
    let json = form(path, JSON).unwrap()(&refusal);
    let expected =
        r#"{"exceptionCode":"FeatureNotEnabled","exceptionMessage":"Zollhaus: a \"b\" <c>"}"#;
    assert_eq!((json.body.as_str(), json.status), (expected, StatusCode::FORBIDDEN));
    let xml = form(path, "zip/csv").unwrap()(&refusal);
    assert_eq!(
        xml.body,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><error xmlns=\"http://www.force.com/2009/06/asyncapi/\
         dataload\"><exceptionCode>FeatureNotEnabled</exceptionCode><exceptionMessage>Zollhaus: \
         a &quot;b&quot; &lt;c&gt;</exceptionMessage></error>"
    );
    assert!(xml.content_type.starts_with("application/xml"));
    for code in RefusalCode::ALL {
        // Clients read no others.
        let known = [
            "ClientInputError",
            "ExceededQuota",
            "FeatureNotEnabled",
            "InternalServerError",
            "InvalidOperation",
            "InvalidUrl",
            "InvalidUser",
            "Timeout",
            "UnsupportedContentType",
        ];
        let said = form(path, XML).unwrap()(&Refusal::new(*code, "a")).body;
        assert!(
            known.iter().any(|known| said.contains(&format!("<exceptionCode>{known}<"))),
            "{said}"
        );
    }
    assert!(form("/services/data/v62.0/query", JSON).is_none());
}
