// SPDX-License-Identifier: Apache-2.0
//! Searches. Bodies follow the examples of "Dataverse Search query" and "Dataverse search
//! (legacy)".

use http::HeaderMap;
use serde_json::{Value as Tree, json};

use super::{ID, locate_with, origins, render};
use crate::carrier::Replacement;
use crate::carrier::json::MAX_VALUES;
use crate::crm::testkit::{self, all_lines};
use crate::crm::{LocateError, LocatedAnswer, LocatedRequest, RecordName};

fn described(located: &LocatedRequest) -> Vec<String> {
    testkit::described(located, all_lines)
}

fn names(records: &[RecordName]) -> Vec<String> {
    records.iter().map(|name| format!("{} {} {}", name.record, name.object, name.id)).collect()
}

const QUERY: &str = "/api/search/v2.0/query";

fn search(target: &str, body: &str) -> Result<LocatedRequest, LocateError> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    locate_with("POST", target, &headers, body)
}

#[track_caller]
fn check(target: &str, body: &Tree, expected: &[&str]) -> LocatedRequest {
    let body = body.to_string();
    let located = search(target, &body).unwrap_or_else(|error| panic!("{body}: {error}"));
    assert_eq!(described(&located), expected, "{body}");
    assert_eq!(render(&located.body, &Replacement::Keep), body);
    located
}

#[track_caller]
fn refused(body: &Tree, expected: &str) {
    let message = search(QUERY, &body.to_string()).unwrap_err().to_string();
    assert!(message.contains(expected), "{message}");
    assert!(!message.contains("a@b.de"), "{message}");
}

fn entities(list: &Tree) -> Tree {
    json!({ "search": "*", "entities": list.to_string() })
}

#[test]
fn a_term_is_a_use_of_every_column_that_is_searched() {
    let body = json!({ "search": "anna", "entities": ["contact", "accounts"], "top": 5,
        "returntotalrecordcount": true, "searchmode": "any", "facets": ["entityname,count:100"] });
    let uses = ["use contact.* a text search", "use account.* a text search"];
    for (target, name) in [
        ("/api/search/v1.0/query", "search.query -"),
        ("/api/search/v1.0/suggest", "search.suggest -"),
        ("/api/search/v2.0/autocomplete", "search.autocomplete -"),
        ("/api/data/v9.2/searchquery", "search.query -"),
        ("/api/data/v9.2/searchautocomplete", "search.autocomplete -"),
    ] {
        check(target, &body, &[&[name], &uses[..]].concat());
    }
    let mut body =
        entities(&json!([{ "name": "contact", "searchColumns": ["emailaddress1", "fullname"],
        "selectColumns": ["lastname"] }]));
    check(QUERY, &body, &["search.query contact"]);
    body["search"] = "a@b.de".into();
    let uses = "use contact.emailaddress1 a text search";
    let found = search(QUERY, &body.to_string()).unwrap();
    let found = described(&found);
    assert_eq!(found[1], uses, "{found:?}");
    assert!(found.contains(&"use contact.firstname a text search".to_owned()), "{found:?}");
}

#[test]
fn a_quoted_address_in_one_column_of_addresses_is_compared_with_it() {
    let of = |term: &str, columns: &Tree| {
        let mut body = entities(&json!([{ "name": "contact", "searchColumns": columns }]));
        body["search"] = term.into();
        body
    };
    let one = json!(["emailaddress1"]);
    let located = check(
        QUERY,
        &of("\"a+b@c.de\"", &one),
        &["search.query contact", "0 contact.emailaddress1 Equality a+b@c.de"],
    );
    let sent: Tree =
        serde_json::from_str(&render(&located.body, &Replacement::text("t@x"))).unwrap();
    assert_eq!(sent["search"], "\"t@x\"");
    for (term, columns) in [
        ("a@b.de", &one),
        ("\"a@b.de\" x", &one),
        ("\"a@b de\"", &one),
        ("\"a@b.de\"", &json!(["emailaddress1", "emailaddress2"])),
        ("\"a@b.de\"", &json!(["lastname"])),
        ("\"a@b.de\"", &json!([])),
    ] {
        let located = search(QUERY, &of(term, columns).to_string()).unwrap();
        let found = described(&located);
        assert!(found.iter().all(|line| !line.contains("Equality")), "{term}: {found:?}");
        assert!(found.len() > 1, "{term}");
    }
}

/// "Dataverse Search query", options; what serializers of .NET and callers of forms write.
#[test]
fn options_and_tables_are_read_as_clients_write_them() {
    for options in [
        json!("{\"querytype\":\"lucene\",\"searchmode\":\"all\",\"grouprankingenabled\":true}"),
        json!("{'querytype': 'lucene', 'searchmode': 'any', 'grouprankingenabled': 'true'}"),
        json!({ "QueryType": "Simple", "BestEffortSearchEnabled": false }),
        json!(["lucene"]),
        json!(""),
    ] {
        let mut body = entities(&json!([{ "Name": "contact", "SearchColumns": ["emailaddress1"],
            "SelectColumns": ["lastname"], "Filter": "lastname eq 'x'" }]));
        body["search"] = "\"a@b.de\"".into();
        body["options"] = options;
        body["facets"] = json!("[\"@search.entityname,count:100\"]");
        let expected = [
            "search.query contact",
            "0 contact.emailaddress1 Equality a@b.de",
            "0 contact.lastname Equality* x",
        ];
        check(QUERY, &body, &expected);
    }
    for wrong in [
        json!("{'querytype': 'a@b.de'}"),
        json!("{'a@b.de': 'lucene'}"),
        json!("{'querytype': ['lucene']}"),
        json!("lucene"),
        json!({ "querytype": "lucene", "note": "all" }),
    ] {
        let mut body = entities(&json!(["contact"]));
        body["options"] = wrong;
        refused(&body, "`options`");
    }
    refused(&entities(&json!([{ "name": "contact", "Name": "lead" }])), "`name`");
    let twice = json!([{ "name": "lead", "searchColumns": ["subject"], "SearchColumns": [] }]);
    refused(&entities(&twice), "`searchcolumns`");
}

/// A surrogate is neither begun like another value nor nearly one.
#[test]
fn an_address_is_not_compared_where_more_than_equality_is_asked() {
    let mut body = entities(&json!([{ "name": "contact", "searchColumns": ["emailaddress1"] }]));
    body["search"] = "\"a@b.de\"".into();
    for target in ["/api/search/v2.0/suggest", "/api/data/v9.2/searchautocomplete"] {
        let found = described(&search(target, &body.to_string()).unwrap());
        assert_eq!(found[1..], ["use contact.emailaddress1 a text search"], "{target}");
    }
    for (name, value) in [
        ("fuzzy", json!(true)),
        ("usefuzzy", json!(true)),
        ("options", json!(["besteffortsearch"])),
        ("options", json!("{\"besteffortsearchenabled\":\"true\"}")),
        ("options", json!({ "BestEffortSearchEnabled": true })),
    ] {
        let mut body = body.clone();
        body[name] = value;
        let found = described(&search(QUERY, &body.to_string()).unwrap());
        assert_eq!(found[1..], ["use contact.emailaddress1 a text search"], "{name}");
    }
}

#[test]
fn filters_are_compared_through_every_level_of_text() {
    let located = check(
        "/api/search/v1.0/query",
        &json!({ "search": "*", "entities": ["contact"], "orderby": ["@search.score desc", "lastname"],
            "filter": "contact:emailaddress1 eq 'a@b.de' and contactid ne 70bf4d48-34cb-ed11-b596-0022481d68cd" }),
        &[
            "search.query contact",
            "0 contact.emailaddress1 Equality* a@b.de",
            "use contact.lastname orderby",
        ],
    );
    assert_eq!(names(&located.records), ["0 contact 70bf4d48-34cb-ed11-b596-0022481d68cd"]);
    let sent = render(&located.body, &Replacement::text("t"));
    assert!(sent.contains("contact:emailaddress1 eq 't' and contactid"), "{sent}");

    let list = json!([
        { "name": "account", "selectColumns": ["name"], "filter": "modifiedon ge 2018-01-01T00:00:00Z" },
        { "name": "contact", "searchColumns": ["lastname"], "filter": "lastname eq 'O''Brien \"x\"' or startswith(jobtitle,'a')" },
    ]);
    let located = check(
        QUERY,
        &entities(&list),
        &[
            "search.query -",
            "0 contact.lastname Equality* O'Brien \"x\"",
            "0 contact.jobtitle Pattern { pattern: Pattern { parts: 1, .. }, operator: \"startswith\" }* a",
            "use account.modifiedon ge",
        ],
    );
    let both = Replacement::AnyOf(vec!["t1".into(), "t2".into()]);
    let sent: Tree = serde_json::from_str(&render(&located.body, &both)).unwrap();
    let list: Tree = serde_json::from_str(sent["entities"].as_str().unwrap()).unwrap();
    let filter = "(lastname eq 't1' or lastname eq 't2') or \
                  (startswith(jobtitle,'t1') or startswith(jobtitle,'t2'))";
    assert_eq!(list[1]["filter"], filter);
}

#[test]
fn all_filters_together_hold_no_more_values_than_one_body() {
    let table = |count: usize| {
        let values = vec!["1"; count].join(",");
        json!({ "name": "contact", "filter": format!("lastname in ({values})") })
    };
    let of = |tables: &[Tree]| search(QUERY, &entities(&json!(tables)).to_string()).map(drop);
    let quarter = table(MAX_VALUES / 4);
    let mut tables = vec![quarter; 4];
    assert!(of(&tables).is_ok());
    tables.push(table(1));
    assert!(matches!(of(&tables), Err(LocateError::TooLarge { .. })));
    // Each order is one of each table.
    let ordered = |count: usize| {
        let body = json!({ "search": "*", "entities": vec!["contact"; 500],
            "orderby": vec!["createdon"; count] });
        search(QUERY, &body.to_string()).map(|located| located.uses.len())
    };
    assert_eq!(ordered(500).unwrap(), MAX_VALUES);
    assert!(matches!(ordered(501), Err(LocateError::TooLarge { .. })));
}

#[test]
fn what_is_not_understood_is_refused() {
    let with = |name: &str, value: Tree| {
        let mut body = entities(&json!(["contact"]));
        body[name] = value;
        body
    };
    refused(&json!({ "search": "a@b.de" }), "which tables");
    refused(&json!({ "search": "a@b.de", "entities": "[]" }), "which tables");
    refused(&with("entities", json!("[{\"name\":\"a@b.de\"}]")), "without a name");
    refused(&with("entities", json!("a@b.de")), "`entities`");
    refused(&with("entities", json!("[{\"name\":\"contact\",\"note\":\"a@b.de\"}]")), "`note`");
    refused(&with("filter", json!("emailaddress1 eq 'a@b.de'")), "begin with a table");
    refused(&with("filter", json!("contact:emailaddress1 eq @p")), "alias");
    refused(&with("filter", json!("contact:parentcustomerid/name eq 'a@b.de'")), "another table");
    refused(&with("filter", json!("contact:emailaddress1 like 'a@b.de'")), "`filter`");
    refused(&with("orderby", json!(["a@b.de"])), "`orderby`");
    refused(&with("facets", json!("[\"lastname,count:3\"]")), "`facets`");
    refused(&with("facets", json!(["modifiedon,values:a@b.de"])), "`facets`");
    refused(&with("options", json!("[\"a@b.de\"]")), "`options`");
    refused(&with("propertybag", json!("a@b.de")), "`propertybag`");
    refused(&with("search", json!(["a@b.de"])), "`search`");
    assert!(search("/api/search/v2.0/query?q=a@b.de", "{}").is_err());
    assert!(search("/api/search/v3.0/query", "{}").is_err());
    assert!(search("/api/search/v2.0/statistics", "{}").is_err());
    let get = locate_with("GET", QUERY, &HeaderMap::new(), "");
    assert!(matches!(get, Err(LocateError::MethodNotAllowed { .. })));
}

fn read(target: &str, status: u16, answer: &str) -> Result<LocatedAnswer, LocateError> {
    let located = search(target, &entities(&json!(["contact"])).to_string()).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    testkit::read_answer(&located, &origins(), status, &headers, answer.as_bytes())
}

const OWNER: &str = "bb2500d1-5e6d-4953-8389-bfedf57e3857";

const FOUND: [&str; 7] = [
    r#"1 systemuser.fullname Composed { from: ["firstname", "middlename", "lastname", "salutation", "suffix"] } Jo Kern"#,
    r#"0 contact.fullname Composed { from: ["firstname", "middlename", "lastname", "salutation", "suffix"] } t1 t2"#,
    "0 contact.emailaddress1 Stored t3",
    "0 contact.statecode Stored 0",
    "0 contact.statecode Stored Active",
    "0 contact.emailaddress1 Composed { from: [] } zht3@x.example",
    "0 contact.description Composed { from: [] } all of zht4",
];

#[test]
fn records_are_found_in_both_forms_of_answers() {
    let columns = json!({ "ownerid": OWNER, "owneridname": "Jo Kern", "fullname": "t1 t2",
        "emailaddress1": "t3", "statecode": 0, "statecode@stringcollection": ["Active"] });
    let highlights = json!({ "emailaddress1": ["{crmhit}zht{/crmhit}3@x.example"],
        "description": ["all {crmhit}of{/crmhit} zh{crmhit}t4{/crmhit}"] });
    let mut old = columns.clone();
    old["@search.score"] = 0.45.into();
    old["@search.highlights"] = highlights.clone();
    old["@search.entityname"] = "contact".into();
    old["@search.objectid"] = ID.into();
    let old = json!({ "value": [old], "facets": {}, "totalrecordcount": -1 }).to_string();
    let answer = read("/api/search/v1.0/query", 200, &old).unwrap();
    let mut lines = all_lines(&answer.body);
    lines.sort();
    let mut expected = FOUND.map(str::to_owned);
    expected.sort();
    assert_eq!(lines, expected);
    assert_eq!(
        names(&answer.records),
        [format!("0 contact {ID}"), format!("1 systemuser {OWNER}")]
    );
    assert_eq!(render(&answer.body, &Replacement::Keep), old);

    let new = json!({ "Error": null, "Count": -1, "Facets": {},
        "QueryContext": { "OriginalQuery": "*", "AlteredQuery": null },
        "Value": [{ "Id": ID, "EntityName": "contact", "ObjectTypeCode": 0,
            "Attributes": columns, "Highlights": highlights, "Score": 1.0 }] });
    let new = json!({ "@odata.context": "x", "response": new.to_string() }).to_string();
    let answer = read("/api/data/v9.2/searchquery", 200, &new).unwrap();
    let mut lines = all_lines(&answer.body);
    lines.retain(|line| line != "0 error.message Echo *");
    lines.sort();
    assert_eq!(lines, expected);
    assert_eq!(render(&answer.body, &Replacement::Keep), new);
    let shown: Tree =
        serde_json::from_str(&render(&answer.body, &Replacement::text("\"x\""))).unwrap();
    let shown: Tree = serde_json::from_str(shown["response"].as_str().unwrap()).unwrap();
    assert_eq!(shown["Value"][0]["Highlights"]["description"], json!(["\"x\""]));
    assert_eq!(shown["Value"][0]["Score"], 1.0);
}

#[test]
fn suggestions_terms_and_errors_are_read() {
    let suggested = json!({ "value": [{ "text": "{crmhit}t1{/crmhit}",
        "document": { "@search.objectid": ID, "@search.entityname": "contact", "lastname": "t2" } }] });
    let answer = read("/api/search/v1.0/suggest", 200, &suggested.to_string()).unwrap();
    assert_eq!(
        all_lines(&answer.body),
        ["0 contact.lastname Stored t2", "0 error.message Echo {crmhit}t1{/crmhit}"]
            .iter()
            .rev()
            .copied()
            .collect::<Vec<_>>()
    );
    let completed = read("/api/search/v1.0/autocomplete", 200, r#"{"value":"t1"}"#).unwrap();
    assert_eq!(all_lines(&completed.body), ["0 error.message Echo t1"]);
    let failed = read(QUERY, 400, r#"{"error":{"code":"0x1","message":"t1"}}"#).unwrap();
    assert_eq!(all_lines(&failed.body)[1], "0 error.message Echo t1");
    for bad in
        [r#"{"response":"a"}"#, r#"{"value":["a"]}"#, r#"{"value":[{"lastname":{"a":"b"}}]}"#]
    {
        assert!(read(QUERY, 200, bad).is_err(), "{bad}");
    }
}
