// SPDX-License-Identifier: Apache-2.0

mod answers;
mod refused;

use std::fmt::Write as _;

use http::HeaderMap;
use proptest::prelude::*;
use serde_json::{Value as Tree, json};

use super::{headers, locate, locate_with, names, occurrences, read_answer, render, uses};
use crate::carrier::Replacement;
use crate::crm::{About, Done, LocateError, LocatedRequest};

const TARGET: &str = "/services/data/v62.0/graphql";
const ID: &str = "003WV00000A1b2CYAR";

fn sent(query: &str, variables: &Tree) -> String {
    json!({ "query": query, "variables": variables }).to_string()
}

/// A query for contacts with these arguments.
fn contacts(arguments: &str) -> String {
    format!("{{ uiapi {{ query {{ Contact({arguments}) {{ edges {{ node {{ Id }} }} }} }} }} }}")
}

fn located(body: &str) -> LocatedRequest {
    let located = locate("POST", TARGET, body).unwrap_or_else(|error| panic!("{body}: {error}"));
    let kept = render(&located.body, &Replacement::Keep);
    if !body.contains('#') {
        assert_eq!(kept, body);
    }
    located
}

fn found(located: &LocatedRequest) -> Vec<String> {
    let mut found = occurrences(&located.body);
    let widened = located.body.occurrences();
    for (line, (slot, _)) in found.iter_mut().zip(widened) {
        if slot.widening.is_some() {
            line.push('*');
        }
    }
    found.extend(uses(located));
    found
}

fn check(query: &str, variables: &Tree, expected: &[&str]) {
    assert_eq!(found(&located(&sent(query, variables))), expected, "{query}");
}

/// What leaves with these texts in the place of each value.
fn widened(query: &str, variables: &Tree, texts: &[&str]) -> (String, Tree) {
    let located = located(&sent(query, variables));
    let texts = texts.iter().map(|&text| text.to_owned()).collect();
    let rendered = render(&located.body, &Replacement::AnyOf(texts));
    let rendered: Tree = serde_json::from_str(&rendered).unwrap();
    (rendered["query"].as_str().unwrap().to_owned(), rendered["variables"].clone())
}

fn refused(body: &str, problem: &str) {
    match locate("POST", TARGET, body) {
        Err(LocateError::Unparseable { place, problem: found }) => {
            assert!(format!("{place} {found}").contains(problem), "{body}: {place} {found}");
        }
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn filters_are_bound_to_fields() {
    let check = |filter: &str, expected: &[&str]| {
        check(&contacts(&format!("where: {filter}")), &json!({}), expected);
    };
    check(r#"{Email: {eq: "a@b.de"}}"#, &["0 contact.email == a@b.de*"]);
    check(r#"{EMAIL: {ne: "a\u0040b.de"}}"#, &["0 contact.email == a@b.de*"]);
    check(
        r#"{Email: {in: ["a", """b"""], nin: "c"}}"#,
        &["0 contact.email == a*", "0 contact.email == b*", "0 contact.email == c*"],
    );
    check("{Phone: {eq: 4930}}", &["0 contact.phone == 4930*"]);
    check("{DoNotCall: {eq: true}}", &["0 contact.donotcall == a boolean*"]);
    // Widened, there would be two operators of one name.
    check(r#"{Email: {eq: "a", in: ["b"]}}"#, &["0 contact.email == a", "0 contact.email == b*"]);
    check(
        r#"{and: [{LastName: {eq: "a"}}, {or: [{FirstName: {eq: "b"}} {not: {Title: {eq: "c"}}}]}]}"#,
        &["0 contact.lastname == a*", "0 contact.firstname == b*", "0 contact.title == c*"],
    );
    check(
        r#"{Account: {Owner: {LastName: {eq: "a"}}}, ReportsTo: {Email: {eq: "b"}}}"#,
        &["0 user.lastname == a*", "0 contact.email == b*"],
    );
    check(r#"{Who: {Lead: {Email: {eq: "a"}}}}"#, &["0 lead.email == a*"]);
    check(
        r#"{Name: {eq: "A B"}}"#,
        &[
            "0 contact.name == A B*",
            "contact.firstname by comparing with a composed field",
            "contact.lastname by comparing with a composed field",
            "contact.middlename by comparing with a composed field",
            "contact.suffix by comparing with a composed field",
            "contact.salutation by comparing with a composed field",
        ],
    );
    check(
        r#"{Phone: {eq: " 49"}}"#,
        &["0 contact.phone ==  49*", "contact.phone by a value with space around it"],
    );
    check("{Email: {eq: null}}", &["contact.email by a test for a value"]);
    for operator in ["lt", "gt", "lte", "gte", "includes", "excludes"] {
        check(
            &format!(r#"{{Email: {{{operator}: "a"}}}}"#),
            &[&format!("contact.email by {operator}")],
        );
    }
    let of_email = "0 contact.email like a%*";
    check(r#"{Email: {like: "a%"}}"#, &[of_email]);
    check(r#"{Email: {like: "a"}}"#, &["0 contact.email == a*"]);
    for pattern in ["a_b%", "%", "", "a\\\\%"] {
        check(&format!(r#"{{Email: {{like: "{pattern}"}}}}"#), &["contact.email by like"]);
    }
    // Both would become `in`.
    let alone = of_email.trim_end_matches('*');
    check(r#"{Email: {eq: "b", like: "a%"}}"#, &["0 contact.email == b", alone]);
    check(r#"{Email: {like: "a%", in: ["b"]}}"#, &[alone, "0 contact.email == b*"]);
    check(r#"{Email: {like: "a%", ne: "b"}}"#, &[of_email, "0 contact.email == b*"]);
    check(
        r#"{Name: {like: "A%"}}"#,
        &[
            "0 contact.name like A%*",
            "contact.firstname by like",
            "contact.lastname by like",
            "contact.middlename by like",
            "contact.suffix by like",
            "contact.salutation by like",
        ],
    );
    check(r#"{Hired__c: {eq: {value: "1980-02-29"}}}"#, &["0 contact.hired__c == 1980-02-29"]);
    let without_year = "contact.birthdate by comparing without the year, as Salesforce does,";
    check(
        r#"{Birthdate: {eq: {value: "1980-02-29"}}}"#,
        &["0 contact.birthdate == 1980-02-29", without_year],
    );
    check("{Birthdate: {eq: {literal: TODAY}}}", &["contact.birthdate by a relative date"]);
    check(
        "{Birthdate: {gt: {range: {last_n_days: 3}}}}",
        &["contact.birthdate by gt", "contact.birthdate by a relative date"],
    );
    check(
        r#"{Id: {inq: {Lead: {Email: {eq: "a"}}, ApiName: "ConvertedContactId"}}}"#,
        &["0 lead.email == a*", "lead.convertedcontactid by inq"],
    );
    check(
        r#"{Email: {ninq: {Lead: {}, ApiName: "Email"}}}"#,
        &["contact.email by ninq", "lead.email by ninq"],
    );
    check("{Email: {}, Phone: null}", &[]);
}

#[test]
fn ids_name_records() {
    let query = contacts(&format!(r#"where: {{Id: {{in: ["{ID}"]}}}}"#));
    let located = located(&sent(&query, &json!(null)));
    assert_eq!(names(&located.records), [format!("0 contact {ID}")]);
    assert_eq!(located.operation.about, About::Named);
    assert_eq!(located.operation.object.as_ref().unwrap().as_str(), "contact");
    let others = |filter: &str| {
        let query = contacts(&format!("where: {filter}"));
        locate("POST", TARGET, &sent(&query, &json!({}))).unwrap().operation.about
    };
    assert_eq!(others(r#"{Email: {eq: "a"}}"#), About::Named);
    assert_eq!(others(r#"{Email: {ne: "a"}}"#), About::Anybody);
    assert_eq!(others(r#"{or: [{Email: {eq: "a"}}]}"#), About::Anybody);
    assert_eq!(others(r#"{Account: {Name: {eq: "a"}}}"#), About::Anybody);
}

#[test]
fn a_second_page_is_about_others_than_the_first_names() {
    let about = |kind: &str, inner: &str| {
        let query = format!("{kind} {{ uiapi {{ {inner} }} }}");
        located(&sent(&query, &json!({}))).operation.about
    };
    let named = r#"a: Contact(where: {Email: {eq: "a"}}) { totalCount }"#;
    assert_eq!(about("query", &format!("query {{ {named} }}")), About::Named);
    for other in ["Contact { totalCount }", r#"Contact(where: {Title: {eq: "b"}}) { totalCount }"#]
    {
        assert_eq!(about("query", &format!("query {{ {named} b: {other} }}")), About::Anybody);
    }
    assert_eq!(
        about("query", &format!("query {{ {named} }} currentUser {{ Id }}")),
        About::Anybody
    );
    // What is written is a record of its own each.
    let writes = r#"ContactCreate(input: {Contact: {LastName: "a"}}) { success }
                    LeadCreate(input: {Lead: {LastName: "b"}}) { success }"#;
    assert_eq!(about("mutation", writes), About::Named);
}

#[test]
fn order_and_groups_are_uses() {
    let query = contacts(
        "orderBy: [{Email: {order: ASC, nulls: LAST}}, {Account: {Name: {order: DESC}}}, {Id: {order: ASC}}], \
         first: 10, after: \"eyJ2IjoiMiJ9\", scope: MINE, upperBound: 2000",
    );
    let parts = ["firstname", "lastname", "middlename", "suffix", "salutation", "name"];
    let mut expected = vec!["contact.email by orderBy".to_owned()];
    expected.extend(parts.map(|part| format!("account.{part} by orderBy")));
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check(&query, &json!({}), &expected);
    let query = "{ uiapi { aggregate { Contact(groupBy: {Email: {group: true, type: ROLLUP}}) {
        edges { node { aggregate { Email { value max { value displayValue } count { value } } } } } totalCount } } } }";
    check(
        query,
        &json!({}),
        &["contact.email by groupBy", "contact.email by max", "contact.email by count"],
    );
}

#[test]
fn values_in_variables_are_found() {
    let query = |types: &str, filter: &str| {
        let query = contacts(&format!("where: {filter}"));
        format!("query Q({types}) {query}")
    };
    check(
        &query("$a: Contact_Filter", "$a"),
        &json!({ "a": { "Email": { "eq": "a@b.de" }, "or": [{ "Phone": { "in": ["1", 2] } }] } }),
        &["0 contact.email == a@b.de*", "0 contact.phone == 1*", "0 contact.phone == 2*"],
    );
    check(
        &query("$a: EmailAddress!, $b: [String]", "{Email: {eq: $a}, Phone: {in: $b}}"),
        &json!({ "a": "a@b.de", "b": ["1"] }),
        &["0 contact.email == a@b.de*", "0 contact.phone == 1*"],
    );
    // An element that is a variable cannot become several.
    check(
        &query("$a: String", "{Email: {in: [$a, \"b\"]}}"),
        &json!({ "a": "a" }),
        &["0 contact.email == b*", "0 contact.email == a"],
    );
    // The default travels as well.
    check(
        &query("$a: String = \"x@y.de\"", "{Email: {eq: $a}}"),
        &json!({ "a": "a@b.de" }),
        &["0 contact.email == x@y.de*", "0 contact.email == a@b.de"],
    );
    check(
        &query("$a: String = \"x@y.de\"", "{Email: {eq: $a}}"),
        &json!({}),
        &["0 contact.email == x@y.de*"],
    );
    // Two places would have to change.
    check(
        &query("$a: String", "{or: [{Email: {eq: $a}}, {Email: {ne: $a}}]}"),
        &json!({ "a": "a" }),
        &["0 contact.email == a"],
    );
    check(&query("$a: String", "{Email: {eq: $a}}"), &json!({}), &[]);
    check(
        &query("$a: String", "{Email: {eq: $a}}"),
        &json!({ "a": null }),
        &["contact.email by a test for a value"],
    );
}

#[test]
fn a_variable_may_stand_for_several_fields_of_which_none_is_protected() {
    let shared = "by a value that stands for more than one field";
    let check = |filter: &str, value: &str, expected: &[&str]| {
        let query = format!("query Q($a: String) {}", contacts(&format!("where: {filter}")));
        let located = located(&sent(&query, &json!({ "a": value })));
        assert_eq!(found(&located), expected, "{query}");
    };
    let expected = [
        "0 contact.email == x*",
        "0 contact.phone == x",
        "0 contact.title == x",
        &format!("contact.email {shared}"),
        &format!("contact.phone {shared}"),
        &format!("contact.title {shared}"),
    ];
    check(
        "{Email: {eq: $a}, Phone: {eq: $a}, or: [{Title: {ne: $a}}, {Phone: {eq: $a}}]}",
        "x",
        &expected,
    );
    // Changed for one, it would be changed for the other.
    let expected =
        ["0 contact.email == x", "contact.title by gt", &format!("contact.email {shared}")];
    check("{Title: {gt: $a}, Email: {eq: $a}}", "x", &expected);
    let expected = [
        "0 contact.email like x%*",
        "0 contact.email == x%",
        &format!("contact.email {shared}"),
        &format!("contact.email {shared}"),
    ];
    check("{Email: {like: $a, ne: $a}}", "x%", &expected);
    let expected = [format!("0 contact.accountid == {ID}"), format!("contact.accountid {shared}")];
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check("{or: [{Id: {eq: $a}}, {AccountId: {eq: $a}}]}", ID, &expected);
    // What is written may say whose law a record is under: it stands for itself.
    let query = "mutation M($a: String) { uiapi { ContactCreate(input: {Contact: {LastName: $a, Title: $a}}) { success } } }";
    refused(&sent(query, &json!({ "a": "x" })), "stands for two things");
}

#[test]
fn equality_becomes_membership() {
    let texts = ["\"\\", "ü"];
    let check = |query: &str, variables: Tree, expected: &str, expected_variables: Tree| {
        let (query, variables) = widened(query, &variables, &texts);
        assert_eq!(query, expected);
        assert_eq!(variables, expected_variables);
        crate::query::graphql::parse(&query).unwrap();
    };
    let list = r#"["\"\\","ü"]"#;
    check(
        &contacts(
            r#"where: {Email: {eq: "a"} Phone: {ne: "b"} Fax: {nin: ["c"]} Title: {in: "d"}}"#,
        ),
        json!({}),
        &contacts(&format!(
            "where: {{Email: {{in: {list}}} Phone: {{nin: {list}}} Fax: {{nin: {list}}} Title: {{in: {list}}}}}"
        )),
        json!({}),
    );
    check(
        &format!("query($a: E!) {}", contacts("where: {Email: {eq: $a}}")),
        json!({ "a": "x" }),
        &format!("query($a: [E!]) {}", contacts("where: {Email: {in: $a}}")),
        json!({ "a": texts }),
    );
    check(
        &format!("query($a: E = \"x\") {}", contacts("where: {Email: {ne: $a}}")),
        json!({}),
        &format!("query($a: [E] = {list}) {}", contacts("where: {Email: {nin: $a}}")),
        json!({}),
    );
    check(
        &format!("query($a: F) {}", contacts("where: $a")),
        json!({ "a": { "Email": { "ne": "x" } } }),
        &format!("query($a: F) {}", contacts("where: $a")),
        json!({ "a": { "Email": { "nin": texts } } }),
    );
}

#[test]
fn mutations_hold_records() {
    let query = r#"mutation M($b: ContactUpdateInput!, $c: String) { uiapi(input: {allOrNone: false}) {
        a: ContactCreate(input: {Contact: {LastName: "Müller", Email: $c, Fax: null, AccountId: "001WV00000A1b2CYAQ"}}) { Record { Id } }
        ContactUpdate(input: $b) { success Record { LastName { value } } }
        LeadDelete(input: {Id: "00QWV00000A1b2C2AR"}) { Id } } }"#;
    let variables = json!({ "b": { "Id": ID, "Contact": { "Phone": "@{a.Record.Phone.value}", "Title": "Dr." } }, "c": "a@b.de" });
    check(
        query,
        &variables,
        &[
            "0 contact.lastname = Müller",
            "0 contact.fax = -",
            "0 contact.accountid = 001WV00000A1b2CYAQ",
            "1 contact.title = Dr.",
            "0 contact.email = a@b.de",
            "contact.phone by a reference to another result",
        ],
    );
    let located = located(&sent(query, &variables));
    assert_eq!(
        names(&located.records),
        [format!("1 contact {ID}"), "2 lead 00QWV00000A1b2C2AR".to_owned()]
    );
    assert_eq!(located.operation.name.as_str(), "graphql.mutation");

    let answer = json!({ "data": { "uiapi": {
        "a": { "Record": { "Id": "003WV00000A1b2DYAR" } },
        "ContactUpdate": { "success": false, "Record": { "LastName": { "value": "zhta" } } },
        "LeadDelete": null,
    } }, "errors": [{ "message": "zhta is wrong", "path": ["uiapi", 1] }] });
    let answer = read_answer(&located, 200, &HeaderMap::new(), &answer.to_string()).unwrap();
    assert_eq!(
        occurrences(&answer.body),
        [
            "1 contact.lastname = zhta",
            "2 error.message echo zhta is wrong",
            "2 error.message echo uiapi",
        ]
    );
    let Done::Each(done) = &answer.done else { panic!() };
    let done: Vec<_> =
        done.iter().map(|same| (same.in_answer, same.in_request, same.is_taken)).collect();
    assert_eq!(done, [(0, 0, true), (1, 1, false)]);
    assert_eq!(names(&answer.records), ["0 contact 003WV00000A1b2DYAR"]);
}

#[test]
fn what_a_reference_writes_to_is_the_record_that_it_names() {
    let check = |id: &str, numbers: [u32; 3]| {
        let query = format!(
            r#"mutation {{ uiapi {{
                a: ContactCreate(input: {{Contact: {{LastName: "a"}}}}) {{ Record {{ Id }} }}
                b: ContactCreate(input: {{Contact: {{LastName: "b"}}}}) {{ Record {{ Id }} }}
                c: ContactUpdate(input: {{Id: "{id}", Contact: {{LastName: "c"}}}}) {{ success }} }} }}"#
        );
        let located = located(&sent(&query, &json!({})));
        let expected: Vec<String> = ["a", "b", "c"]
            .iter()
            .zip(numbers)
            .map(|(name, number)| format!("{number} contact.lastname = {name}"))
            .collect();
        assert_eq!(occurrences(&located.body), expected, "{id}");
        let answer = json!({ "data": { "uiapi": { "a": null, "c": { "success": true } } } });
        let answer = read_answer(&located, 200, &HeaderMap::new(), &answer.to_string()).unwrap();
        let Done::Each(done) = &answer.done else { panic!() };
        assert_eq!(done[0].in_request, numbers[2], "{id}");
    };
    for own in ["@{b}", "@{b.Id}", "@{b.Record.Id}"] {
        check(own, [0, 1, 1]);
    }
    for other in [ID, "@{b.Record.AccountId.value}", "@{d}"] {
        check(other, [0, 1, 2]);
    }
}

#[test]
fn what_is_written_can_be_left_out() {
    let query = r#"mutation M($b: Date, $i: ContactCreateInput) { uiapi {
        a: ContactCreate(input: {Contact: {LastName: "x", Birthdate: "1980-01-01" Email: $b}}) { success }
        b: ContactCreate(input: $i) { success } } }"#;
    let variables = json!({ "b": "c", "i": { "Contact": { "Email": "d", "Id": ID } } });
    let located = located(&sent(query, &variables));
    let rendered: Tree =
        serde_json::from_str(&render(&located.body, &Replacement::Remove)).unwrap();
    let query = rendered["query"].as_str().unwrap();
    assert!(query.contains("Contact: {,  Email: $b}"), "{query}");
    assert_eq!(rendered["variables"], json!({ "i": { "Contact": { "Id": ID } } }));
    crate::query::graphql::parse(query).unwrap();
    let required = query_with_required("Date!");
    let required = locate("POST", TARGET, &required).unwrap();
    assert!(required.body.occurrences()[0].0.removal.is_none());
}

#[test]
fn a_comment_goes_with_what_it_stands_in() {
    let query = "mutation { uiapi { ContactCreate(input: {Contact: {LastName: \"x\", \
                 Birthdate: # born\n \"1980-01-01\" }}) { success } } }";
    let located = located(&sent(query, &json!({})));
    let replacements = [Replacement::Keep, Replacement::Remove];
    let rendered = located.body.render(&mut replacements.iter()).unwrap();
    let rendered: Tree = serde_json::from_slice(&rendered).unwrap();
    let query = rendered["query"].as_str().unwrap();
    assert!(query.contains("{LastName: \"x\",  }"), "{query}");
}

#[test]
fn a_comment_may_stand_right_behind_what_changes() {
    let filter = contacts("where: {Email: {eq#b\n: $a}}");
    let expected = contacts("where: {Email: {in\n: $a}}");
    let texts = ["x", "y"];
    let (query, _) =
        widened(&format!("query($a: String#a\n) {filter}"), &json!({ "a": "x" }), &texts);
    assert_eq!(query, format!("query($a: [String]\n) {expected}"));
    let (query, _) = widened(&format!("query($a: String#a\n= \"x\") {filter}"), &json!({}), &texts);
    assert_eq!(query, format!("query($a: [String]\n= [\"x\",\"y\"]) {expected}"));
}

fn query_with_required(kind: &str) -> String {
    let query = format!(
        "mutation M($b: {kind}) {{ uiapi {{ ContactCreate(input: {{Contact: {{Birthdate: $b}}}}) {{ success }} }} }}"
    );
    sent(&query, &json!({ "b": "1980-01-01" }))
}

#[test]
fn several_operations_may_travel_and_one_is_executed() {
    let query = r#"query A($x: String) { uiapi { query { Contact(where: {Email: {eq: $x}}) { totalCount } } } }
        query B($x: Int) { uiapi { query { Lead(first: $x, where: {Email: {eq: "l"}}) { totalCount } } } }"#;
    let body = json!({ "query": query, "variables": { "x": "c" }, "operationName": "A", "extensions": {} }).to_string();
    assert_eq!(found(&located(&body)), ["0 lead.email == l*", "0 contact.email == c*"]);
    let other =
        json!({ "query": query, "variables": { "x": 5 }, "operationName": "B" }).to_string();
    assert_eq!(found(&located(&other)), ["0 lead.email == l*"]);
    refused(&sent(query, &json!({})), "has several operations");
    refused(&json!({ "query": query, "operationName": "C" }).to_string(), "is no operation");
}

#[test]
fn comments_are_taken_out() {
    let query = "# a@b.de\n{ uiapi # Müller\n { query { Contact { totalCount } } } } # x";
    let located = located(&sent(query, &json!({})));
    let rendered: Tree = serde_json::from_str(&render(&located.body, &Replacement::Keep)).unwrap();
    assert_eq!(rendered["query"], "\n{ uiapi \n { query { Contact { totalCount } } } } ");
}
