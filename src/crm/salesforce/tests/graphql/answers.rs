// SPDX-License-Identifier: Apache-2.0

use super::*;

#[test]
fn answers_are_read_by_what_was_asked_for() {
    let check = |query: &str, data: Tree, expected: &[&str], named: &[&str]| {
        let located = located(&sent(query, &json!({})));
        let body = json!({ "data": data, "errors": [] }).to_string();
        let answer = read_answer(&located, 200, &HeaderMap::new(), &body)
            .unwrap_or_else(|error| panic!("{query}: {error}"));
        assert_eq!(occurrences(&answer.body), expected, "{query}");
        assert_eq!(names(&answer.records), named, "{query}");
    };
    check(
        "{ uiapi { query { c: Contact { __typename edges { cursor node {
            ...f x: Email @optional { v: value displayValue } Name { value }
            Account { Name { value } Owner { Email { value } } }
            MailingAddress { city MailingStreet { value } }
            RecordTypeId(fallback: true) { value } WeakEtag DisplayValue
            Cases { edges { node { ContactEmail { value } Subject { value } } } }
            Foo__r { __typename ... on Lead { Id Email { value } } }
        } } pageInfo { endCursor } totalCount } } } }
        fragment f on Record { Id Phone { value } }",
        json!({ "uiapi": { "query": { "c": { "__typename": "ContactConnection", "totalCount": 1,
            "pageInfo": { "endCursor": "abc" },
            "edges": [{ "cursor": "abc", "node": {
                "Id": ID, "Phone": { "value": "p" },
                "x": { "v": "e", "displayValue": "e" }, "Name": { "value": "n" },
                "Account": { "Name": { "value": "a" }, "Owner": { "Email": { "value": "o" } } },
                "MailingAddress": { "city": "k", "MailingStreet": { "value": "s" } },
                "RecordTypeId": { "value": null }, "WeakEtag": 17, "DisplayValue": "n",
                "Cases": { "edges": [{ "node": { "ContactEmail": { "value": "ce" }, "Subject": { "value": "cs" } } }] },
                "Foo__r": { "__typename": "Lead", "Id": "00QWV00000A1b2C2AR", "Email": { "value": "l" } },
            } }] } } } }),
        &[
            "0 contact.phone = p",
            "0 contact.email = e",
            "0 contact.email = e",
            "0 contact.name from n",
            "1 account.name from a",
            "2 user.email = o",
            "0 contact.mailingcity = k",
            "0 contact.mailingstreet = s",
            "0 contact.name from n",
            "4 contact.email = ce",
            "3 case.subject = cs",
            "5 lead.email = l",
        ],
        &[&format!("0 contact {ID}"), "5 lead 00QWV00000A1b2C2AR"],
    );
    check(
        "{ uiapi { query { Case { edges { node { Owner { __typename
            ... on User { Name { value } } ... on Group { Name { value } Email { value } } } } } } } } }",
        json!({ "uiapi": { "query": { "Case": { "edges": [
            { "node": { "Owner": { "__typename": "User", "Name": { "value": "u" } } } },
            { "node": { "Owner": { "__typename": "Group", "Name": { "value": "g" }, "Email": { "value": "q" } } } },
            { "node": null },
        ] } } } }),
        &["1 user.name from u", "3 group.name = g", "3 group.email = q"],
        &[],
    );
    check(
        "{ uiapi { aggregate { Contact { edges { node { aggregate {
            Email { value max { value } count { value } } } } } } } } }",
        json!({ "uiapi": { "aggregate": { "Contact": { "edges": [{ "node": { "aggregate": {
            "Email": { "value": "e", "max": { "value": "m" }, "count": { "value": 3 } } } } }] } } } }),
        &["0 contact.email = e", "0 contact.email = m"],
        &[],
    );
    check(
        "{ uiapi { currentUser { Id Name { value } } objectInfos(apiNames: [\"Contact\"]) { ApiName fields { label } } } __schema { types { name } } }",
        json!({ "uiapi": { "currentUser": { "Id": "005WV00000A1b2CYAR", "Name": { "value": "n" } },
            "objectInfos": [{ "ApiName": "Contact", "fields": [{ "label": "Email" }] }] },
            "__schema": { "types": [] } }),
        &["0 user.name from n"],
        &["0 user 005WV00000A1b2CYAR"],
    );
}

#[test]
fn ids_are_counted_and_name_types_of_records() {
    let query = "{ uiapi { aggregate { Contact(groupBy: {Title: {group: true}}) { edges { node { aggregate {
        Title { value } Id { count { value } max { value } } } } } } } } }";
    let located = located(&sent(query, &json!({})));
    assert_eq!(uses(&located), ["contact.title by groupBy"]);
    let answer = json!({ "data": { "uiapi": { "aggregate": { "Contact": { "edges": [{ "node": { "aggregate": {
        "Title": { "value": "Dr." }, "Id": { "count": { "value": 3 }, "max": { "value": ID } } } } }] } } } } });
    let answer = read_answer(&located, 200, &HeaderMap::new(), &answer.to_string()).unwrap();
    assert_eq!(occurrences(&answer.body), ["0 contact.title = Dr."]);
    let query =
        "query Q($i: [ObjectInfoInput]) { uiapi { objectInfos(objectInfoInputs: $i) { ApiName
        fields { ... on PicklistField { picklistValuesByRecordTypeIDs { recordTypeID } } } } } }";
    let inputs = |id: &str| json!({ "i": [{ "apiName": "Contact", "recordTypeIDs": [id], "fieldNames": ["Title"] }] });
    check(query, &inputs("012000000000000AAA"), &[]);
    refused(&sent(query, &inputs("4930123456")), "is not what can stand there");
}

#[test]
fn answers_that_were_not_asked_for_are_refused() {
    let query = "{ uiapi { query { Contact { edges { node { Id x: Email { value } } } } } } }";
    let located = located(&sent(query, &json!({})));
    let node = |node: Tree| json!({ "data": { "uiapi": { "query": { "Contact": { "edges": [{ "node": node }] } } } } });
    let read = |body: &Tree| read_answer(&located, 200, &HeaderMap::new(), &body.to_string());
    assert!(read(&node(json!({ "Id": ID, "x": { "value": "a" } }))).is_ok());
    for wrong in [
        json!({ "Email": { "value": "a" } }),
        json!({ "x": "a" }),
        json!({ "x": { "value": { "a": "b" } } }),
        json!({ "x": { "other": "a" } }),
        json!({ "Id": "a@b.de" }),
        json!("a@b.de"),
    ] {
        assert!(read(&node(wrong.clone())).is_err(), "{wrong}");
    }
    assert!(read(&json!({ "data": null, "other": "a" })).is_err());
    // Without a session, errors come in the form of the REST API.
    let answer = read(&json!([{ "message": "zhta", "errorCode": "INVALID_SESSION_ID" }])).unwrap();
    assert_eq!(occurrences(&answer.body), ["0 error.message echo zhta"]);
}
