// SPDX-License-Identifier: Apache-2.0
//! Imports of CSV files.

use http::Method;
use serde_json::{Value as Json, json};

use super::{described, locate, read_answer};
use crate::carrier::Replacement;
use crate::carrier::csv::MAX_CELLS;
use crate::crm::testkit::lines;
use crate::crm::{About, Done, LocateError, LocatedRequest};

const FORM: &str = "multipart/form-data; boundary=X";

fn mapping(object: &str, name: &str, property: impl Into<Json>) -> Json {
    let property = property.into();
    json!({ "columnObjectTypeId": object, "columnName": name, "propertyName": property })
}

fn order(mappings: &[Json]) -> Json {
    let page = json!({ "hasHeader": true, "columnMappings": mappings });
    json!({
        "name": "März",
        "importOperations": { "0-1": "UPSERT" },
        "dateFormat": "DAY_MONTH_YEAR",
        "marketableContactImport": false,
        "files": [{ "fileName": "c.csv", "fileFormat": "CSV", "fileImportPage": page }],
    })
}

fn form(order: &Json, file: &str) -> String {
    format!(
        "--X\r\nContent-Disposition: form-data; name=\"importRequest\"\r\nContent-Type: application/json\r\n\r\n{order}\r\n--X\r\nContent-Disposition: form-data; name=\"files\"; filename=\"c.csv\"\r\nContent-Type: text/csv\r\n\r\n{file}\r\n--X--\r\n"
    )
}

fn send(content_type: &str, body: &str) -> Result<LocatedRequest, LocateError> {
    locate(&Method::POST, "/crm/v3/imports", content_type, body)
}

#[test]
fn each_cell_is_a_property_of_the_record_of_its_row() {
    let mut key = mapping("0-1", "E-Mail", "email");
    key["columnType"] = "HUBSPOT_ALTERNATE_ID".into();
    let mut id = mapping("0-2", "Firma", Json::Null);
    id["idColumnType"] = "HUBSPOT_OBJECT_ID".into();
    let phone = mapping("0-2", "Telefon", "phone");
    let body = form(
        &order(&[phone, key, id]),
        "E-Mail,Firma,Telefon\r\na@b.de,9,\"030 \"\"1\"\"\"\r\n,,\"\"\r\n",
    );
    let located = send(FORM, &body).unwrap();
    assert_eq!(
        described(&located),
        [
            "import.create import",
            "0 import.name Stored März",
            "1 contact.email Key a@b.de",
            "0 company.phone Stored 030 \"1\"",
            "3 contact.email Stored -",
            "2 company.phone Stored -",
        ]
    );
    let names = located.records.iter().map(|it| format!("{} {} {}", it.record, it.object, it.id));
    assert_eq!(names.collect::<Vec<_>>(), ["0 company 9"]);
    assert_eq!(located.operation.about, About::Named);

    let keep = [const { Replacement::Keep }; 5];
    assert_eq!(located.body.render(&mut keep.iter()).unwrap(), body.as_bytes());
    let text = Replacement::text("a\"b");
    let rendered = located.body.render(&mut std::iter::repeat(&text)).unwrap();
    let rendered = String::from_utf8(rendered.into()).unwrap();
    let rows = "E-Mail,Firma,Telefon\r\n\"a\"\"b\",9,\"a\"\"b\"\r\n\"a\"\"b\",,\"a\"\"b\"\r\n";
    assert!(rendered.contains(rows) && rendered.contains(r#""name":"a\"b""#), "{rendered}");

    let answer = r#"{"id":"77","state":"STARTED","importName":"März"}"#;
    let answer = read_answer(&located, 200, &[], answer).unwrap();
    assert_eq!(lines(&answer.body), ["0 import.state Stored STARTED", "0 import.name Stored März"]);
    assert_eq!(answer.done, Done::default());
}

#[test]
fn what_is_composed_or_a_list_is_reported() {
    let mappings =
        [mapping("contacts", "a", "hs_email_domain"), mapping("0-1", "b", "hs_additional_emails")];
    let located = send(FORM, &form(&order(&mappings), "a,b\nb.de,c@d.de;e@f.de\n")).unwrap();
    assert_eq!(
        described(&located)[4..],
        [
            "use contact.email writing what is composed of it",
            "use contact.hs_additional_emails a list of several",
        ]
    );
}

#[test]
fn what_is_not_known_is_refused() {
    let check = |body: &str, expected: &str| {
        let error = send(FORM, body).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}\n{body}");
        assert!(!error.contains("a@b.de") && !error.contains("Anna"), "{error}");
    };
    let email = mapping("0-1", "E-Mail", "email");
    let good = order(std::slice::from_ref(&email));
    assert!(send(FORM, &form(&good, "E-Mail\na@b.de")).is_ok());

    let no_column = "a column of the import cannot be parsed: it is not mapped to exactly one";
    check(&form(&good, "E-Mail,Anna\na@b.de,x"), no_column);
    check(&form(&good, "Anna\na@b.de"), no_column);
    check(&form(&good, "E-Mail,E-Mail\na@b.de,x"), no_column);
    check(&form(&order(&[email.clone(), email.clone()]), "E-Mail\na@b.de"), no_column);
    check(&form(&good, "E-Mail\na@b.de,Anna"), "row 2 has not as many cells");
    assert!(send(FORM, &form(&good, "\u{feff}E-Mail\na@b.de")).is_ok());
    check(&form(&good, "\u{feff}\"E-Mail\"\na@b.de"), "a quote where none can stand");

    let columns = [
        (json!({ "columnObjectTypeId": "2-123" }), "it is of an object that is not known"),
        (json!({ "propertyName": null }), "it is of no property"),
        (json!({ "propertyName": "hs_object_id" }), "it holds something else than ids of records"),
        (json!({ "toColumnObjectTypeId": "0-2" }), "it names another record by a property"),
        (json!({ "propertyName": "Anna Müller" }), "the name of a property"),
        (json!({ "defaultValue": "Anna" }), "this operation does not take it"),
        (
            json!({ "columnObjectTypeId": "0-49", "propertyName": "hs_email_headers" }),
            "it holds the headers of e-mails",
        ),
        (
            json!({ "propertyName": null, "columnType": "HUBSPOT_OBJECT_ID" }),
            "it holds something else than ids of records",
        ),
    ];
    for (changes, expected) in columns {
        let mut column = email.clone();
        column.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        check(&form(&order(&[column]), "E-Mail\na@b.de"), expected);
    }
    let orders: [(&str, Json, &str); 7] = [
        ("/files/0/fileFormat", "SPREADSHEET".into(), "one is no CSV"),
        ("/files/0/fileName", "other.csv".into(), "one is not described"),
        ("/files/0/fileImportPage/hasHeader", false.into(), "one has no header row"),
        ("/files/0/dateFormat", "Anna Müller".into(), "a date format that is none"),
        ("/dateFormat", "Anna Müller".into(), "a choice that is none"),
        ("/importOperations", json!({ "Anna Müller": "CREATE" }), "a type that is none"),
        ("/importOperations", json!({ "0-1": "Anna Müller" }), "a choice that is none"),
    ];
    for (pointer, value, expected) in orders {
        let mut order = good.clone();
        order["files"][0]["dateFormat"] = "DAY_MONTH_YEAR".into();
        *order.pointer_mut(pointer).unwrap() = value;
        check(&form(&order, "E-Mail\na@b.de"), expected);
    }
    let mut more = good.clone();
    more["files"].as_array_mut().unwrap().push(good["files"][0].clone());
    check(&form(&more, "E-Mail\na@b.de"), "one that is described is missing");
}

#[test]
fn forms_are_read_strictly() {
    let good = form(&order(&[mapping("0-1", "E-Mail", "email")]), "E-Mail\na@b.de");
    let part = "--X\r\nContent-Disposition: form-data; name=\"files\"; filename=\"c.csv\"";
    let changed = [
        ("name=\"files\"; filename", "name=\"other\"; filename", "a part that an import has not"),
        ("; filename=\"c.csv\"", "", "a part that an import has not"),
        ("filename=\"c.csv\"", "filename=c.csv", "headers that are not read here"),
        ("filename=\"c.csv\"", "filename*=UTF-8''c.csv", "headers that are not read here"),
        ("filename=\"c.csv\"", "filename=\"a@b.de\"", "headers that are not read here"),
        ("Content-Type: text/csv", "X-Name: Anna", "headers that are not read here"),
        (
            "Content-Type: text/csv",
            "Content-Type: text/csv; x=a@b.de",
            "headers that are not read here",
        ),
        (
            "Content-Type: text/csv",
            "Content-Transfer-Encoding: base64",
            "the form cannot be parsed",
        ),
        ("name=\"importRequest\"", "name=\"order\"", "a part that an import has not"),
        ("--X--", "--X", "the form cannot be parsed"),
        ("{\"name\"", "{\"name\":1,\"name\"", "twice"),
    ];
    for (from, to, expected) in changed {
        let body = good.replacen(from, to, 1);
        assert_ne!(body, good, "{from}");
        let error = send(FORM, &body).unwrap_err().to_string();
        assert!(error.contains(expected), "{to}: {error}");
    }
    let order_only = good.split(part).next().unwrap();
    let error = send(FORM, &format!("{order_only}--X--\r\n")).unwrap_err().to_string();
    assert!(error.contains("one that is described is missing"), "{error}");
    for media_type in ["multipart/mixed; boundary=X", "multipart/form-data", "application/json"] {
        let error = send(media_type, &good).unwrap_err();
        assert!(matches!(error, LocateError::UnsupportedMediaType { .. }), "{media_type}");
    }
}

/// A column of ids that leads to another file names records of that file's object, whose
/// law is not that of the row's own record.
#[test]
fn an_id_that_leads_elsewhere_is_no_name_of_the_row() {
    let mut id = mapping("0-2", "Kontakt", Json::Null);
    id["columnType"] = "HUBSPOT_OBJECT_ID".into();
    id["toColumnObjectTypeId"] = "0-1".into();
    id["foreignKeyType"] =
        json!({ "associationTypeId": 279, "associationCategory": "HUBSPOT_DEFINED" });
    let columns = [id.clone(), mapping("0-2", "Telefon", "phone")];
    let located = send(FORM, &form(&order(&columns), "Kontakt,Telefon\n9,030")).unwrap();
    assert!(located.records.is_empty(), "{:?}", located.records);

    let changes = [
        ("toColumnObjectTypeId", json!("a@b.de")),
        ("foreignKeyType", json!({ "associationTypeId": "a@b.de" })),
        ("foreignKeyType", json!({ "name": 1 })),
        ("columnType", json!("Anna Müller")),
        ("idColumnType", json!("Anna Müller")),
    ];
    for (name, value) in changes {
        let mut id = id.clone();
        id[name] = value;
        let error = send(FORM, &form(&order(&[id]), "Kontakt\n9")).unwrap_err().to_string();
        assert!(error.contains("cannot be parsed") && !error.contains("a@b.de"), "{error}");
    }
}

/// What is kept of a cell takes far more memory than its bytes, in one file or in many.
#[test]
fn all_files_together_hold_no_more_cells_than_one_may() {
    let file = |name: usize| {
        let rows = "\n".repeat(MAX_CELLS / 4);
        format!(
            "--X\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\n\na\n{rows}\n"
        )
    };
    let send_files = |count: usize| {
        let mut order = order(&[mapping("0-1", "a", "email")]);
        let described = order["files"][0].clone();
        let files = (0..count).map(|name| {
            let mut file = described.clone();
            file["fileName"] = name.to_string().into();
            file
        });
        order["files"] = files.collect::<Vec<_>>().into();
        let files: String = (0..count).map(file).collect();
        let order =
            format!("--X\nContent-Disposition: form-data; name=\"importRequest\"\n\n{order}\n");
        send(FORM, &format!("{order}{files}--X--\n"))
    };
    assert!(send_files(3).is_ok());
    assert!(matches!(send_files(5), Err(LocateError::TooLarge { place: "the import" })));
}

#[test]
fn the_name_of_an_import_is_one_field() {
    let located = locate(&Method::GET, "/crm/v3/imports/77", "", "").unwrap();
    let answer = r#"{"id":"77","importName":"t1","importRequestJson":{"name":"t1"}}"#;
    assert_eq!(
        lines(&read_answer(&located, 200, &[], answer).unwrap().body),
        ["0 import.name Stored t1", "0 import.name Stored t1"]
    );
}
