// SPDX-License-Identifier: Apache-2.0
//! Bulk jobs. Bodies follow the examples of "Create Bulk Write Job", "Get Bulk Write Job
//! Details", "Download Bulk Write Result" and "Create Bulk Read Job" of Zoho CRM API v8.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::{Zoho, all_lines, described, locate, names, origins, read_answer, refused, render};
use crate::carrier::coding::ExpansionLimits;
use crate::carrier::zip::{Archive, MAX_ENTRIES};
use crate::carrier::{Document, Replacement};
use crate::crm::testkit;
use crate::crm::{
    About, AnswerView, BodyForm, Dialect, Done, FieldUse, LocateError, LocatedAnswer,
    LocatedRequest, Memo, Question, Told,
};
use crate::testkit::zip::{Packing, archive};

const CONTACTS: &str = "Id,Last_Name,Email,Secondary_Email,Account_Name,Reporting_To,Full_Name,City\n\
    55,Müller,a@b.de,,77,,Anna Müller,Ulm\n,\"O\"\"N\",,c@d.de,Weingut,,,\n";

fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let files = files.iter().map(|(name, text)| (*name, text.as_bytes(), Packing::Streamed));
    archive(&files.collect::<Vec<_>>())
}

fn form(file: &[u8]) -> Vec<u8> {
    let head = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.zip\"\r\n\
        Content-Type: application/zip\r\n\r\n";
    [&head[..], file, b"\r\n--b--\r\n"].concat()
}

fn request(
    (method, target): (&str, &str),
    fields: &[(&'static str, &'static str)],
    body: &[u8],
    told: Told<'_>,
) -> Result<LocatedRequest, LocateError> {
    let headers: HeaderMap = fields
        .iter()
        .map(|(name, value)| ((*name).parse().unwrap(), HeaderValue::from_static(value)))
        .collect();
    testkit::see(&origins(), (method, target), &headers, body, told, |view| Zoho.locate(view))
}

const EXPANSION: ExpansionLimits = ExpansionLimits::FOR_TESTS;

const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=b");
const FEATURE: (&str, &str) = ("feature", "bulk-write");

fn upload(body: &[u8]) -> Result<LocatedRequest, LocateError> {
    request(("POST", "/crm/v8/upload"), &[FORM, FEATURE], body, Told::default())
}

fn answer(located: &LocatedRequest, body: &[u8]) -> Result<LocatedAnswer, LocateError> {
    located.answer.locate(&AnswerView {
        status: StatusCode::OK,
        headers: &HeaderMap::new(),
        body: &Bytes::copy_from_slice(body),
        origins: &origins(),
        expansion: EXPANSION,
        sorted: None,
    })
}

fn rendered(document: &Document, replacement: &Replacement) -> Bytes {
    let all = vec![replacement.clone(); document.occurrences().len()];
    document.render(&mut all.iter()).unwrap()
}

fn texts(bytes: &[u8]) -> Vec<(String, String)> {
    let archive = Archive::read(&Bytes::copy_from_slice(bytes), EXPANSION).unwrap();
    let text = |content: &Bytes| String::from_utf8(content.to_vec()).unwrap();
    archive.entries().iter().map(|it| (it.name().to_owned(), text(it.content()))).collect()
}

fn uses(located: &LocatedRequest) -> Vec<String> {
    located.uses.iter().map(|it| format!("{}.{} {}", it.object, it.field, it.operator)).collect()
}

#[test]
fn a_file_says_what_it_holds() {
    let located =
        upload(&form(&zip(&[("Contacts.csv", CONTACTS), ("kids.CSV", "Name\nMax\n")]))).unwrap();
    let by = FieldUse::FILE_NAME;
    assert_eq!(located.operation.name.as_str(), "bulk.upload");
    assert_eq!(
        all_lines(&located.body),
        [
            "0 contacts.last_name Stored Müller",
            "0 contacts.email Stored a@b.de",
            "link ",
            "0 contacts.city Stored Ulm",
            "1 contacts.last_name Stored O\"N",
            "1 contacts.email Stored c@d.de",
            "2 accounts.account_name Key Weingut",
            "3 kids.name Stored Max",
        ]
    );
    assert_eq!(names(&located.records), ["0 contacts 55"]);
    assert_eq!(testkit::referred(&located), ["0 accounts 77"]);
    let fields =
        ["contacts.last_name", "contacts.email", "contacts.email", "accounts.account_name"];
    let further = ["contacts.reporting_to", "contacts.city", "kids.name"];
    let expected: Vec<_> =
        fields.iter().chain(&further).map(|field| format!("{field} {by}")).collect();
    assert_eq!(uses(&located), expected);

    let sent = rendered(&located.body, &Replacement::text("t"));
    let from = sent.windows(2).position(|pair| pair == b"PK").unwrap();
    let packed = sent[from..].strip_suffix(b"\r\n--b--\r\n").unwrap();
    let contacts = "Id,Last_Name,Email,Secondary_Email,Account_Name,Reporting_To,Full_Name,City\n\
        55,\"t\",\"t\",,77,,\"\",\"t\"\n,\"t\",,\"t\",\"t\",,,\n";
    let expected = [("Contacts.csv", contacts), ("kids.CSV", "Name\n\"t\"\n")];
    assert_eq!(texts(packed), expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    // What is dropped is an empty cell, unless the row would be empty then.
    let one = upload(&form(&zip(&[("Leads.csv", "Email,City\na@b.de,Ulm\n")]))).unwrap();
    let sent = rendered(&one.body, &Replacement::Remove);
    let from = sent.windows(2).position(|pair| pair == b"PK").unwrap();
    let packed = sent[from..].strip_suffix(b"\r\n--b--\r\n").unwrap();
    assert_eq!(texts(packed)[0].1, "Email,City\n,\n");
    assert_eq!(one.operation.object, Some("leads".into()));
    let lone = upload(&form(&zip(&[("Leads.csv", "Email\na@b.de\n")]))).unwrap();
    assert!(lone.body.render(&mut [Replacement::Remove].iter()).is_err());

    // What is kept stays byte for byte, and the id of the file leads back to its names.
    let body = form(&zip(&[("Leads.csv", "Last_Name,Email\nx,y\n")]));
    let located = upload(&body).unwrap();
    assert_eq!(rendered(&located.body, &Replacement::Keep), body);
    let uploaded = br#"{"status":"success","code":"FILE_UPLOAD_SUCCESS","message":"file uploaded.","details":{"file_id":"111","created_time":"2026-01-02T00:00:00Z"}}"#;
    let answered = answer(&located, uploaded).unwrap();
    let memo = Memo { about: "file 111".into(), text: "leads:last_name,email".into() };
    assert_eq!((answered.memo, answered.done), (Some(memo), Done::default()));
    let failed = br#"{"status":"error","code":"INVALID","message":"t1","details":{}}"#;
    assert_eq!(answer(&located, failed).unwrap().memo, None);
}

#[test]
fn what_a_file_does_not_say_is_refused() {
    let check = |body: &[u8], expected: &str| {
        let message = upload(body).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("a@b.de") && !message.contains("Anna"), "{message}");
    };
    let of = |name: &str, text: &str| form(&zip(&[(name, text)]));
    for name in ["Anna.txt", "Anna", "Anna Muster.csv", "Anna-1.csv", "a.b.csv", "upload.csv"] {
        check(&of(name, "Email\na@b.de\n"), "not named after the module");
    }
    for header in ["a@b.de,Email", "Email,EMAIL", "Account_Name.Phone,Email", ",Email", "$a,b"] {
        check(&of("Leads.csv", &format!("{header}\na@b.de,Anna\n")), "the header row");
    }
    check(&of("Leads.csv", "Id,Email\na@b.de,\n"), "no id");
    check(&of("Leads.csv", "Email\na@b.de,x\n"), "as many cells");
    check(&form(b"Email\na@b.de\n"), "the file cannot be parsed");
    check(b"Email\na@b.de\n", "the form");
    let two = b"--b\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\na@b.de\r\n";
    check(&[&two[..], &of("Leads.csv", "Email\n")].concat(), "another part");
    let nul = "Email\n".to_owned() + &"a".repeat(EXPANSION.max_bytes);
    check(&of("Leads.csv", &nul), "too large");
    let composed = upload(&of("Deals.csv", "Contact_Name\nAnna Muster\n")).unwrap();
    assert!(uses(&composed).iter().any(|it| it.starts_with("contacts.first_name naming")));

    let body = of("Leads.csv", "Email\n");
    for fields in
        [&[FORM][..], &[FORM, FEATURE, FEATURE], &[FORM, ("feature", "photo")], &[FEATURE]]
    {
        assert!(
            request(("POST", "/crm/v8/upload"), fields, &body, Told::default()).is_err(),
            "{fields:?}"
        );
    }
    let with_query = ("POST", "/crm/v8/upload?note=a@b.de");
    assert!(request(with_query, &[FORM, FEATURE], &body, Told::default()).is_err());
}

const SAID: &str = "leads:last_name,email,company,account_name\naccounts:account_name";

fn write(
    resource: &Value,
    operation: &str,
    said: Option<&str>,
) -> Result<LocatedRequest, LocateError> {
    let body = json!({ "operation": operation, "character_encoding": "UTF-8", "ignore_empty": true,
        "callback": { "url": "https://hooks.acme.example/x", "method": "post" }, "resource": resource });
    let told = Told { by_crm: None, by_caller: said, ..Told::default() };
    request(("POST", "/crm/bulk/v8/write"), &[], body.to_string().as_bytes(), told)
}

fn resource(mappings: &Value) -> Value {
    json!([{ "type": "data", "module": { "api_name": "Leads" }, "file_id": "111",
        "file_names": ["Leads.csv"], "find_by": "id", "field_mappings": mappings }])
}

#[test]
fn a_job_takes_columns_for_what_their_headers_say() {
    let mappings = json!([
        { "api_name": "Last_Name", "index": 0 },
        { "api_name": "Account_Name", "index": 3, "find_by": "account_name" },
        { "api_name": "Created_On", "index": 2, "format": "yyyy-MM-dd'T'HH:mm:ss" },
        { "api_name": "Email", "default_value": { "value": "a@b.de" } },
        { "api_name": "Owner", "default_value": { "name": "Jo Kern", "module": "users", "value": "9" } },
    ]);
    let said = SAID.replace("company", "created_on");
    let located = write(&resource(&mappings), "insert", Some(&said)).unwrap();
    assert_eq!(
        described(&located),
        ["bulk.write.create leads", "0 leads.email Stored a@b.de", "2 users.full_name Key Jo Kern"]
    );
    let answered = answer(&located, br#"{"status":"success","code":"SUCCESS","message":"success","details":{"id":"7","created_by":{"id":"9","name":"Jo Kern"}}}"#).unwrap();
    assert_eq!(all_lines(&answered.body), ["1 users.full_name Stored Jo Kern"]);
    assert_eq!(answered.done, Done::default());

    let refused = |mappings: Value, said: Option<&str>, expected: &str| {
        let message = write(&resource(&mappings), "insert", said).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("a@b.de"), "{message}");
    };
    let email = || json!([{ "api_name": "Email", "index": 1 }]);
    refused(email(), None, "upload it anew");
    refused(email(), Some(""), "upload it anew");
    refused(email(), Some("contacts:last_name,email"), "no file of the archive");
    for (name, index) in [("Email", 0), ("Company", 1), ("Email", 9), ("Secondary_Email", 1)] {
        refused(json!([{ "api_name": name, "index": index }]), Some(SAID), "another field");
    }
    refused(json!([{ "api_name": "Email" }]), Some(SAID), "field_mappings");
    refused(json!([{ "api_name": "a@b.de", "index": 1 }]), Some(SAID), "api_name");
    refused(json!([{ "api_name": "Email", "index": 1, "note": "a@b.de" }]), Some(SAID), "`note`");
    refused(json!([{ "api_name": "Email", "index": 1, "format": "Anna" }]), Some(SAID), "format");
    for by in ["Email", "Phone"] {
        let lookup = json!([{ "api_name": "Account_Name", "index": 3, "find_by": by }]);
        refused(lookup, Some(SAID), "find_by");
    }
    let two = json!([
        { "type": "data", "module": "Leads", "file_id": "111", "field_mappings": [] },
        { "type": "data", "module": "Accounts", "file_id": "112", "field_mappings": [] },
    ]);
    assert!(write(&two, "insert", Some(SAID)).unwrap_err().to_string().contains("one file"));
    let many = vec![resource(&email())[0].clone(); MAX_ENTRIES + 1];
    assert!(write(&json!(many[1..]), "insert", Some(SAID)).is_ok());
    let many = write(&json!(many), "insert", Some(SAID));
    assert!(matches!(many, Err(LocateError::TooLarge { .. })));
    let other = json!([{ "module": "Leads", "file_id": "111", "file_names": ["Accounts.csv"] }]);
    assert!(write(&other, "insert", Some(SAID)).unwrap_err().to_string().contains("file_names"));
    let body = json!({ "operation": "insert", "resource": resource(&email()),
        "callback": { "url": "https://hooks.acme.example/?mail=a@b.de", "method": "post" } });
    let told = Told { by_crm: None, by_caller: Some(SAID), ..Told::default() };
    let target = ("POST", "/crm/bulk/v8/write");
    let callback = request(target, &[], body.to_string().as_bytes(), told).unwrap_err().to_string();
    assert!(callback.contains("callback") && !callback.contains("a@b.de"), "{callback}");
    let latin = body
        .to_string()
        .replace("\"operation\"", "\"character_encoding\":\"ISO-8859-1\",\"operation\"");
    assert!(request(target, &[], latin.as_bytes(), told).is_err());
}

#[test]
fn records_are_not_found_by_what_the_upload_did_not_know() {
    let used = |by: Option<&str>, operation: &str| {
        let mut resource = resource(&json!([{ "api_name": "Email", "index": 1 }]));
        resource[0]["find_by"] = by.into();
        uses(&write(&resource, operation, Some(SAID)).unwrap())
    };
    let by = "finding records by `find_by`, which the upload did not say,";
    assert_eq!(used(Some("Email"), "upsert"), [format!("leads.email {by}")]);
    assert_eq!(used(None, "update"), [format!("leads.email {by}")]);
    assert!(used(Some("id"), "upsert").is_empty());
    assert!(used(None, "insert").is_empty());
}

#[test]
fn the_file_and_the_job_are_asked_for_first() {
    let asked = |method: &str, target: &str, body: &str| {
        let (headers, told) = (HeaderMap::new(), Told::default());
        testkit::see(&origins(), (method, target), &headers, body, told, |view| {
            Zoho.asks_first(view)
        })
    };
    let body = json!({ "resource": [{ "file_id": "111" }, { "file_id": 111 }] }).to_string();
    let file = Question { target: None, about: "file 111".into() };
    assert_eq!(asked("POST", "/crm/bulk/v8/write", &body), Some(file));
    let two = json!({ "resource": [{ "file_id": "111" }, { "file_id": "112" }] }).to_string();
    assert_eq!(asked("POST", "/crm/bulk/v8/write", &two), None);
    let job = asked("GET", "/crm/bulk/v2/read/7/result", "").unwrap();
    assert_eq!(job.target, Some(Bytes::from("/crm/bulk/v2/read/7")));
    for target in ["/crm/bulk/v8/read/7", "/crm/bulk/v8/write/7", "/crm/v8/Leads"] {
        assert_eq!(asked("GET", target, ""), None);
    }
}

#[test]
fn what_a_job_says_of_itself_is_read() {
    let located = locate("GET", "/crm/bulk/v8/write/7", "").unwrap();
    assert_eq!(located.operation.about, About::Nobody);
    let job = json!({ "status": "COMPLETED", "character_encoding": "UTF-8", "operation": "insert", "id": "7",
        "resource": [{ "status": "COMPLETED", "type": "data", "module": "Leads", "field_mappings": [
            { "api_name": "Email", "index": 1, "default_value": { "value": "t1" } },
            { "api_name": "Account_Name", "default_value": { "name": "t2", "value": "77" } } ],
            "file": { "status": "COMPLETED", "name": "Leads.csv", "added_count": 1 } }],
        "created_by": { "id": "9", "name": "Jo Kern" },
        "result": { "download_url": "https://download-accl.zoho.eu/v2/crm/1/bulk-write/7/7.zip" } });
    let answered = read_answer(&located, 200, &job.to_string()).unwrap();
    assert_eq!(
        all_lines(&answered.body),
        [
            "0 leads.email Stored t1",
            "2 accounts.account_name Stored t2",
            "4 users.full_name Stored Jo Kern",
            "link https://zoll.example/files/v2/crm/1/bulk-write/7/7.zip",
        ]
    );
    let located = locate("GET", "/crm/bulk/v8/read/7", "").unwrap();
    let job = json!({ "data": [{ "id": "7", "operation": "read", "state": "COMPLETED",
        "query": { "module": { "api_name": "Contacts" }, "fields": ["Email"], "criteria": {
            "group_operator": "and", "group": [
                { "field": { "api_name": "Email" }, "comparator": "in", "value": ["t1", "t2"] },
                { "api_name": "Last_Name", "comparator": "equal", "value": "t3" } ] } },
        "created_by": { "id": "9", "name": "Jo Kern" },
        "result": { "download_url": "/crm/bulk/v8/read/7/result" } }] });
    let answered = read_answer(&located, 200, &job.to_string()).unwrap();
    let lines: Vec<String> =
        all_lines(&answered.body).iter().map(|line| line[2..].to_owned()).collect();
    assert_eq!(
        lines,
        [
            "contacts.email Stored t1",
            "contacts.email Stored t2",
            "contacts.last_name Stored t3",
            "users.full_name Stored Jo Kern",
        ]
    );
}

fn read(query: &Value) -> String {
    json!({ "callback": { "url": "https://hooks.acme.example/x", "method": "post" },
        "query": query, "file_type": "csv" })
    .to_string()
}

#[test]
fn what_a_job_is_to_read_is_located() {
    let target = "/crm/bulk/v8/read";
    let query = read(&json!({ "module": { "api_name": "Contacts" }, "page": 1,
        "fields": ["Last_Name", "Account_Name.Phone", "Owner"],
        "criteria": { "group_operator": "and", "group": [
            { "field": { "api_name": "Email" }, "comparator": "equal", "value": "a@b.de" },
            { "field": { "api_name": "Last_Name" }, "comparator": "in", "value": ["Müller", "O'N"] } ] } }));
    let located = locate("POST", target, &query).unwrap();
    assert_eq!(
        described(&located),
        [
            "bulk.read.create contacts",
            "0 contacts.email Equality* a@b.de",
            "0 contacts.last_name Equality* Müller",
            "0 contacts.last_name Equality* O'N",
        ]
    );
    assert_eq!(located.operation.about, About::Named);
    let both = Replacement::AnyOf(vec!["t1".into(), "t2".into()]);
    let keep = Replacement::Keep;
    let sent = located.body.render(&mut [&both, &both, &keep].into_iter()).unwrap();
    let sent: Value = serde_json::from_slice(&sent).unwrap();
    let group = &sent["query"]["criteria"]["group"];
    assert_eq!(group[0]["comparator"], "in");
    assert_eq!(group[0]["value"], json!(["t1", "t2"]));
    assert_eq!(group[1]["value"], json!(["t1", "t2", "O'N"]));

    let one = |criteria: Value| {
        let body = read(&json!({ "module": "Leads", "criteria": criteria }));
        locate("POST", target, &body).map(|located| (uses(&located), located.operation.about))
    };
    for comparator in ["contains", "starts_with", "between", "less_than", "not_contains"] {
        let value = if comparator == "between" { json!(["a", "b"]) } else { json!("a") };
        let (uses, about) =
            one(json!({ "api_name": "Email", "comparator": comparator, "value": value })).unwrap();
        assert_eq!(uses[0], format!("leads.email {comparator}"));
        assert_eq!(about, About::Anybody);
    }
    let (uses, _) =
        one(json!({ "api_name": "Full_Name", "comparator": "equal", "value": "a" })).unwrap();
    assert_eq!(uses, ["leads.first_name equal", "leads.last_name equal"]);
    let (uses, _) =
        one(json!({ "api_name": "Email", "comparator": "equal", "value": "${EMPTY}" })).unwrap();
    assert_eq!(uses, ["leads.email equal"]);
    let (_, about) =
        one(json!({ "api_name": "Email", "comparator": "not_equal", "value": "a" })).unwrap();
    assert_eq!(about, About::Anybody);
    for bad in [
        json!({ "api_name": "Email", "comparator": "like", "value": "a@b.de" }),
        json!({ "api_name": "a@b.de", "comparator": "equal", "value": "x" }),
        json!({ "api_name": "Guardian.Email", "comparator": "equal", "value": "a@b.de" }),
        json!({ "api_name": "Email", "comparator": "equal", "value": { "a": "a@b.de" } }),
        json!({ "api_name": "Email", "comparator": "equal", "value": "x", "note": "a@b.de" }),
        json!({ "group": [], "note": "a@b.de" }),
    ] {
        let message = one(bad).unwrap_err().to_string();
        assert!(!message.contains("a@b.de"), "{message}");
    }
    refused("POST", target, &read(&json!({ "module": "Leads", "fields": ["a@b.de"] })));
    refused("POST", target, &read(&json!({ "module": "Leads", "note": "a@b.de" })));
    refused("POST", target, &read(&json!({ "fields": [] })));
    refused("POST", target, &read(&json!({ "module": "Events" })).replace("\"csv\"", "\"ics\""));
}

#[test]
fn results_are_opened() {
    let job = Bytes::from(r#"{"data":[{"id":"7","query":{"module":{"api_name":"Contacts"}}}]}"#);
    let told = Told { by_crm: Some(&job), by_caller: None, ..Told::default() };
    let target = ("GET", "/crm/bulk/v8/read/7/result");
    let located = request(target, &[], b"", told).unwrap();
    assert_eq!(located.operation.object, Some("contacts".into()));
    let form = located.answer.body_form(StatusCode::OK, &HeaderMap::new());
    assert_eq!(form, BodyForm::Archive);
    let text = "Id,Last_Name,Full_Name,Owner,Owner.last_name,Account_Name.Phone,Reporting_To,Guardian.X\n\
        55,t1,t2 t1,9,t3,t4,t5 t6,t7\n56,,,,,,57,\n";
    let zip_file = zip(&[("7.csv", text)]);
    let answered = answer(&located, &zip_file).unwrap();
    assert_eq!(
        all_lines(&answered.body),
        [
            "0 contacts.last_name Stored t1",
            r#"0 contacts.full_name Composed { from: ["first_name", "last_name"] } t2 t1"#,
            "1 users.last_name Stored t3",
            "2 accounts.phone Stored t4",
            r#"4 contacts.full_name Composed { from: ["first_name", "last_name"] } t5 t6"#,
            "3 contacts.guardian Stored t7",
        ]
    );
    assert_eq!(names(&answered.records), ["0 contacts 55", "5 contacts 56"]);
    let shown = rendered(&answered.body, &Replacement::text("x"));
    assert!(texts(&shown)[0].1.starts_with("Id,Last_Name"), "{shown:?}");
    assert_eq!(rendered(&answered.body, &Replacement::Keep), zip_file);
    assert!(request(target, &[], b"", Told::default()).is_err(), "the module is not known");
    assert!(answer(&located, b"PK\x03\x04").is_err());
    assert!(answer(&located, b"Email\na@b.de\n").is_err());

    let located =
        request(("GET", "/v2/crm/1/bulk-write/7/7.zip"), &[], b"", Told::default()).unwrap();
    let text = "Last_Name,Email,Status,STATUS,RECORD_ID,ERRORS\nt1,t2,,ADDED,55,\nt3,,,SKIPPED,,DUPLICATE_DATA-Email\n";
    let answered = answer(&located, &zip(&[("Leads-Leads.csv", text)])).unwrap();
    assert_eq!(
        all_lines(&answered.body),
        ["0 leads.last_name Former t1", "0 leads.email Former t2", "1 leads.last_name Former t3"]
    );
    assert_eq!(names(&answered.records), ["0 leads 55"]);
    let error = answer(&located, &zip(&[("7.csv", text)])).unwrap_err().to_string();
    assert!(error.contains("name does not begin"), "{error}");
}

#[test]
fn other_resources_of_jobs_are_unknown() {
    for (method, target) in [
        ("GET", "/crm/bulk/v8/write"),
        ("DELETE", "/crm/bulk/v8/write/7"),
        ("GET", "/crm/bulk/v8/write/x"),
        ("GET", "/crm/bulk/v8/read/7/other"),
        ("GET", "/crm/bulk/v8/read/7/result?note=a@b.de"),
        ("GET", "/v2/crm/1/bulk-write/7/Anna.zip"),
        ("GET", "/crm/v8/upload"),
    ] {
        assert!(!refused(method, target, "").contains("a@b.de"));
    }
    let json = render(&locate("GET", "/crm/bulk/v8/read/7", "").unwrap().body, &Replacement::Keep);
    assert_eq!(json, "");
}
