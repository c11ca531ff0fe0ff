// SPDX-License-Identifier: Apache-2.0

use super::*;

#[test]
fn what_is_not_understood_is_refused() {
    let field = |field: &str| {
        let query =
            format!("{{ uiapi {{ query {{ Contact {{ edges {{ node {{ {field} }} }} }} }} }} }}");
        sent(&query, &json!({}))
    };
    let arguments = |arguments: &str| sent(&contacts(arguments), &json!({}));
    let variable = |types: &str, by: &str, variables: Tree| {
        sent(&format!("query({types}) {}", contacts(by)), &variables)
    };
    // Places where a value could hide.
    refused(&field("ApiName(x: \"a@b.de\")"), "has arguments or fields");
    refused(&field("Id { x(y: \"a@b.de\") }"), "has arguments or fields");
    refused(&field("__typename { x(y: \"a@b.de\") }"), "has arguments or fields");
    refused(&field("Email(x: \"a@b.de\") { value }"), "is not what can stand there");
    refused(&field("Email { value(x: \"a@b.de\") }"), "is not what can stand there");
    refused(&field("Email { value { y } }"), "is no part of a value");
    refused(&field("Email @x { value }"), "is a directive that is not known");
    refused(&field("Email @include(if: \"a\") { value }"), "is not what can stand there");
    refused(&field("Email @optional(x: \"a\") { value }"), "is a directive that is not known");
    refused(&arguments("after: \"a@b.de\""), "is not what can stand there");
    refused(&arguments("after: \"YUBiLmRl\""), "is not what can stand there");
    refused(&arguments("first: \"a\""), "is not what can stand there");
    refused(&arguments("scope: \"a b\""), "is not what can stand there");
    refused(&arguments("x: 1"), "is no argument of a page of records");
    refused(&arguments("where: {Email: {eq: MUELLER}}"), "is no value to compare with");
    refused(&arguments("where: {Email: {eq: [\"a\"]}}"), "is no value to compare with");
    refused(&arguments("where: {Email: {in: [[\"a\"]]}}"), "is no value to compare with");
    refused(&arguments("where: {Email: {eq: {other: \"a\"}}}"), "is not a part of a date");
    refused(&arguments("where: {Email: {eq: \"a\", EQ: \"b\"}}"), "is no object");
    refused(&arguments("where: {Email: \"a\"}"), "is no object");
    refused(&arguments("where: \"a\""), "is no object");
    refused(
        &arguments("where: {Foo__r: {Email: {eq: \"a\"}}}"),
        "belongs to an object that is not known",
    );
    refused(
        &arguments("orderBy: {Foo__r: {Email: {order: ASC}}}"),
        "belongs to an object that is not known",
    );
    refused(&arguments("where: {Id: {inq: {Lead: {}, Account: {}}}}"), "does not say which object");
    refused(&sent("{ setup { x } }", &json!({})), "asks for something that is not known");
    refused(&sent("{ uiapi { x } }", &json!({})), "asks for something that is not known");
    refused(
        &sent("{ uiapi { objectInfos(apiNames: [\"a@b.de\"]) { x } } }", &json!({})),
        "is not what can stand there",
    );
    refused(
        &sent("mutation { uiapi { ContactMerge(input: {}) { x } } }", &json!({})),
        "does something that is not known",
    );
    // What has two meanings.
    refused(&field("x: Email { value } x: Phone { value }"), "has the name of another field");
    refused(&field("Foo__r { Email { value } }"), "say it by `... on`");
    refused(&field("Foo__r { edges { node { Email { value } } } }"), "say it by `... on`");
    refused(
        &field("Owner { ... on User { Email { value } } ... on Group { Email { value } } }"),
        "ask for `__typename`",
    );
    refused(
        &variable("$a: Int", "first: $a", json!({ "a": 1, "b": "x" })),
        "is no variable of the operation",
    );
    refused(
        &variable("$a: Int", "first: 1", json!({ "a": 1 })),
        "defines at byte 6 what it does not use",
    );
    refused(r#"{"query":"{a}","variables":{"a":1,"a":2}}"#, "has the same key twice");
    refused(r#"{"query":"{a}","extensions":{"persistedQuery":"x"}}"#, "is not a member");
    refused(r#"{"query":"{a}","other":1}"#, "is not a member");
    refused(r#"{"query":"{a}","variables":[]}"#, "is not a member");
    refused(r#"{"variables":{}}"#, "has no `query`");
    refused(r#"[{"query":"{a}"}]"#, "has no `query`");
    refused(&sent("{ ...f } fragment f on Query { ...f }", &json!({})), "a fragment inside itself");
    for (record, problem) in [
        ("{Lead: {LastName: \"a\"}}", "is neither the id nor the fields"),
        ("{Contact: {LastName: [\"a\"]}}", "is no value of a field"),
        ("{Contact: {LastName: {value: \"a\"}}}", "is no value of a field"),
        ("{Contact: {LastName: MUELLER}}", "is no value of a field"),
        ("{Contact: {LastName: \"a\", lastname: \"b\"}}", "differ in case only"),
        ("{Id: \"a@b.de\"}", "is not what can stand there"),
    ] {
        let query =
            format!("mutation {{ uiapi {{ ContactUpdate(input: {record}) {{ success }} }} }}");
        refused(&sent(&query, &json!({})), problem);
    }
}

#[test]
fn only_posted_json_is_read() {
    let body = sent("{ uiapi { query { Contact { totalCount } } } }", &json!({}));
    assert!(matches!(locate("GET", TARGET, ""), Err(LocateError::MethodNotAllowed { .. })));
    assert!(locate("POST", &format!("{TARGET}?x=1"), &body).is_err());
    assert!(locate("POST", &format!("{TARGET}/"), &body).is_ok());
    let other = headers(&[("content-type", "application/graphql")]);
    let found = locate_with("POST", TARGET, &other, &body);
    assert!(matches!(found, Err(LocateError::UnsupportedMediaType { .. })));
}

#[test]
fn what_fragments_write_out_is_bounded() {
    let mut query = "{ uiapi { query { Contact { edges { node { ...f0 } } } } } }".to_owned();
    for number in 0..20 {
        let next = number + 1;
        let _ = write!(
            query,
            " fragment f{number} on Contact {{ a{number}: Account {{ ...g{number} }} b{number}: Account {{ ...g{number} }} }}\
              fragment g{number} on Account {{ Owner {{ Id }} c{number}: Parent {{ ...h{number} }} }}\
              fragment h{number} on Contact {{ ...f{next} ...f{next} }}"
        );
    }
    query.push_str(" fragment f20 on Contact { Id }");
    let found = locate("POST", TARGET, &sent(&query, &json!({})));
    assert!(
        matches!(found, Err(LocateError::TooLarge { .. } | LocateError::Unparseable { .. })),
        "{found:?}"
    );
}

#[test]
fn what_operations_share_is_counted_for_each() {
    let too_large = |query: &str| {
        let body = json!({ "query": query, "operationName": "q0", "variables": {} }).to_string();
        let found = locate("POST", TARGET, &body);
        assert!(matches!(found, Err(LocateError::TooLarge { .. })), "{found:?}");
    };
    let operation = "{ uiapi { query { Contact { edges { node { ...f } } } } } }";
    let operations: String = (0..50).map(|n| format!("query q{n} {operation} ")).collect();
    let fields: String = (0..250).map(|n| format!("a{n}: Id ")).collect();
    too_large(&format!("{operations} fragment f on Contact {{ {fields} }}"));
    // What is written once is looked at wherever it is asked for.
    let filter = "{LastName: {eq: 1}} ".repeat(100);
    let accounts: String = (0..2000).map(|n| format!("a{n}: Account {{ ...g }} ")).collect();
    too_large(&format!(
        "query q0 {operation} fragment f on Contact {{ {accounts} }} \
         fragment g on Account {{ Contacts(where: {{or: [{filter}]}}) {{ totalCount }} }}"
    ));
}

proptest! {
    #[test]
    fn no_document_makes_the_dialect_panic(
        query in "(query |mutation |\\.\\.\\. on Contact |[{}()\\[\\]:!$@]|uiapi|query|Contact|ContactCreate|edges|node|where|input|Email|eq|in|\"a\"|\\$a|a|1| ){0,60}",
        value in "(\\{\"Email\":\\{\"eq\":\"a\"\\}\\}|\"a\"|1|null|\\[\"a\"\\])",
    ) {
        let body = format!(r#"{{"query":{},"variables":{{"a":{value}}}}}"#, json!(query));
        if let Ok(located) = locate("POST", TARGET, &body) {
            let _ = read_answer(&located, 200, &HeaderMap::new(), r#"{"data":{"uiapi":{"query":{"Contact":{"edges":[{"node":{"Email":{"value":"a"}}}]}}}}}"#);
        }
    }
}
