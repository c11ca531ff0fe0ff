// SPDX-License-Identifier: Apache-2.0
//! What `../shared/crm` has no examples of.

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use super::examples::Example;

pub fn examples() -> Vec<Example> {
    let query = r#"query Q($a: String = "x@y.de", $b: Contact_Filter) { uiapi { query {
        found: Contact(where: {or: [{Email: {eq: $a}} {Phone: {in: ["1", """2"""]}} $b]} first: 5 after: "djE6MA==") {
        edges { node { Id ...f mail: Email { value displayValue } Account { Name { value } } ... on Contact {
        Cases { edges { node { ContactEmail { value } } } } } } } pageInfo { endCursor } } } } }
        fragment f on Record { __typename LastModifiedBy { Email { value } } } # comment"#;
    let node = json!({ "Id": "003WV00000A1b2CYAR", "__typename": "Contact",
        "mail": { "value": "a@b.de", "displayValue": "a@b.de" }, "Account": { "Name": { "value": "n" } },
        "LastModifiedBy": { "Email": { "value": null } },
        "Cases": { "edges": [{ "node": { "ContactEmail": { "value": "a@b.de" } } }] } });
    let found = json!({ "edges": [{ "node": node }], "pageInfo": { "endCursor": "djE6MQ==" } });
    let mutation = r#"mutation M($a: ContactUpdateInput!) { uiapi(input: {allOrNone: false}) {
        ContactCreate(input: {Contact: {LastName: "M\u00fcller" Email: "a@b.de" Phone: 49}}) { success Record { Id } }
        b: ContactUpdate(input: $a) { Record { LastName { value } } } } }"#;
    let update = json!({ "Id": "003WV00000A1b2CYAR", "Contact": { "LastName": "x", "Fax": null } });
    vec![
        example(
            &json!({ "query": query, "variables": { "a": "a@b.de", "b": { "LastName": { "ne": "x" } } },
                "operationName": "Q", "extensions": {} }),
            &json!({ "data": { "uiapi": { "query": { "found": found } } }, "errors": [] }),
        ),
        example(
            &json!({ "query": mutation, "variables": { "a": update } }),
            &json!({ "data": { "uiapi": { "ContactCreate": { "success": true, "Record": { "Id": "003WV00000A1b2CYAR" } },
                "b": { "Record": { "LastName": { "value": "x" } } } } },
                "errors": [{ "message": "a@b.de is wrong", "path": ["uiapi", 0] }] }),
        ),
    ]
}

fn example(body: &Value, answer: &Value) -> Example {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    Example {
        method: Method::POST,
        target: b"/services/data/v62.0/graphql".to_vec(),
        headers,
        body: body.to_string().into_bytes(),
        status: StatusCode::OK,
        answer_headers: HeaderMap::new(),
        answer: answer.to_string().into_bytes(),
    }
}
