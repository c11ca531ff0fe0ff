// SPDX-License-Identifier: Apache-2.0

use http::HeaderMap;
use serde_json::{Value as Tree, json};

use super::{headers, locate, locate_with, names, occurrences, read_answer, render, uses};
use crate::carrier::Replacement;
use crate::crm::{LocateError, LocatedRequest};

const TARGET: &str = "/cometd/62.0/connect";

fn connect() -> LocatedRequest {
    let body = r#"[{"channel":"/meta/connect","clientId":"1a-b_2","connectionType":"long-polling","id":"7"}]"#;
    locate("POST", TARGET, body).unwrap()
}

fn read(answer: &Tree) -> (Vec<String>, Vec<String>) {
    let answer = answer.to_string();
    let located = read_answer(&connect(), 200, &HeaderMap::new(), &answer).unwrap();
    assert_eq!(render(&located.body, &Replacement::Keep), answer);
    let found = occurrences(&located.body).into_iter();
    (found.filter(|line| !line.contains("error.message")).collect(), names(&located.records))
}

#[test]
fn messages_are_known() {
    let check = |target: &str, body: Tree, operation: &str| {
        let body = body.to_string();
        let located = locate("POST", target, &body).unwrap_or_else(|it| panic!("{body}: {it}"));
        assert_eq!(located.operation.name.as_str(), operation);
        assert_eq!(occurrences(&located.body), [""; 0]);
    };
    check(
        "/cometd/62.0",
        json!([{ "channel": "/meta/handshake", "version": "1.0", "minimumVersion": "1.0beta", "id": 1,
            "supportedConnectionTypes": ["long-polling", "callback-polling"], "advice": { "timeout": 60000, "interval": 0 },
            "ext": { "replay": true, "ack": true, "timesync": { "tc": 1, "l": 0, "o": -3 }, "payload.format": true } }]),
        "cometd.handshake",
    );
    check(
        "/cometd/62.0/",
        json!([{ "channel": "/meta/subscribe", "clientId": "a", "subscription": "/data/ContactChangeEvent",
            "ext": { "replay": { "/data/ContactChangeEvent": -2 } } },
            { "channel": "/meta/connect", "clientId": "a", "connectionType": "long-polling", "timestamp": "2026-03-01T09:00:00" }]),
        "cometd.subscribe",
    );
    check(
        "/cometd/replay/36.0/",
        json!({ "channel": "/meta/unsubscribe", "clientId": "a", "subscription": ["/topic/Sales", "/event/**"] }),
        "cometd.unsubscribe",
    );
    check(
        "/cometd/62.0/disconnect",
        json!([{ "channel": "/meta/disconnect", "clientId": "a" }]),
        "cometd.disconnect",
    );
}

#[test]
fn what_is_published_is_a_record_of_its_event() {
    let body = r#"[{"channel":"/event/Contact_Event__e","clientId":"a","data":{"Mail__c":"a@b.de","Age__c":7}}]"#;
    let located = locate("POST", "/cometd/62.0/", body).unwrap();
    assert_eq!(located.operation.name.as_str(), "cometd.publish");
    assert_eq!(
        occurrences(&located.body),
        ["0 contact_event__e.mail__c = a@b.de", "0 contact_event__e.age__c = 7"]
    );
    assert_eq!(uses(&located), [""; 0]);
}

#[test]
fn nothing_hides_in_a_message() {
    let refused = |message: Tree| {
        let found = locate("POST", TARGET, &json!([message]).to_string());
        assert!(matches!(found, Err(LocateError::Unparseable { .. })), "{message}: {found:?}");
    };
    refused(json!({ "channel": "/meta/other" }));
    refused(json!({ "channel": "/u/news", "data": { "a": "a@b.de" } }));
    refused(json!({ "channel": "/data/ContactChangeEvent", "data": { "Email": "a@b.de" } }));
    refused(json!({ "channel": "/event/A b", "data": {} }));
    refused(json!({ "clientId": "a" }));
    refused(json!("a@b.de"));
    let with = |member: &str, value: Tree| {
        let mut message = json!({ "channel": "/meta/connect" });
        message[member] = value;
        refused(message);
    };
    with("subscription", json!("/topic/Contacts?Email=a@b.de"));
    with("subscription", json!(["/topic/a", "a@b.de"]));
    with("subscription", json!("/topic/"));
    with("clientId", json!("a@b.de"));
    with("id", json!("Anna Müller"));
    with("data", json!({ "Email": "a@b.de" }));
    with("ext", json!({ "note": "a@b.de" }));
    with("ext", json!({ "replay": { "a@b.de": 1 } }));
    with("ext", json!({ "replay": { "/topic/a": "a@b.de" } }));
    with("ext", json!({ "timesync": { "tc": "a@b.de" } }));
    with("advice", json!({ "timeout": "a@b.de" }));
    with("advice", json!("a@b.de"));
    with("version", json!("a@b.de"));
    with("supportedConnectionTypes", json!("a@b.de"));
    with("timestamp", json!("Anna"));
    with("other", json!(1));
    refused(json!({ "channel": "/event/A__e", "data": "a@b.de" }));
    refused(json!({ "channel": "/event/A__e", "data": { "a": { "b": "c" } } }));

    let body = r#"[{"channel":"/meta/connect"}]"#;
    for target in
        ["/cometd", "/cometd/x", "/cometd/62.0/a/b", "/cometd/62.0/other", "/cometd/19.0/"]
    {
        assert!(
            matches!(locate("POST", target, body), Err(LocateError::UnknownOperation)),
            "{target}"
        );
    }
    assert!(matches!(locate("GET", TARGET, ""), Err(LocateError::MethodNotAllowed { .. })));
    assert!(locate("POST", "/cometd/62.0?jsonp=x", body).is_err());
    let other = headers(&[("content-type", "application/x-www-form-urlencoded")]);
    let found = locate_with("POST", TARGET, &other, body);
    assert!(matches!(found, Err(LocateError::UnsupportedMediaType { .. })));
}

#[test]
fn change_events_say_of_which_records_they_are() {
    let event = json!([
        { "channel": "/data/ContactChangeEvent", "data": { "schema": "s", "event": { "replayId": 17 }, "payload": {
            "Email": "e", "Phone": null, "Name": { "LastName": "l", "Salutation": "s" },
            "MailingAddress": { "Street": "m", "City": null }, "AccountId": "001WV00000A1b2CYAR",
            "ChangeEventHeader": { "entityName": "Contact", "changeType": "UPDATE",
                "recordIds": ["003WV00000A1b2CYAR", "003WV00000A1b2DYAR"],
                "changedFields": ["Name.LastName", "Email"], "commitUser": "005WV000000demoYAA" },
        } } },
        { "channel": "/data/ChangeEvents", "data": { "payload": { "LastName": "x",
            "ChangeEventHeader": { "entityName": "Lead", "recordIds": ["00QWV00000A1b2C2AR"] } } } },
        { "channel": "/event/Contact_Event__e", "data": { "payload": { "Mail__c": "y", "CreatedById": "005WV000000demoYAA" } } },
        { "channel": "/data/Own__chn", "data": { "payload": { "Email": "z" } } },
        { "channel": "/meta/connect", "clientId": "a", "successful": true },
    ]);
    let (found, named) = read(&event);
    assert_eq!(
        found,
        [
            "1 contact.email = e",
            "1 contact.lastname = l",
            "1 contact.salutation = s",
            "1 contact.mailingstreet = m",
            "1 contact.mailingcity = -",
            "1 contact.accountid = 001WV00000A1b2CYAR",
            "3 lead.lastname = x",
            "5 contact_event__e.mail__c = y",
            "5 contact_event__e.createdbyid = 005WV000000demoYAA",
        ]
    );
    assert_eq!(
        named,
        [
            "1 contact 003WV00000A1b2CYAR",
            "1 contact 003WV00000A1b2DYAR",
            "3 lead 00QWV00000A1b2C2AR",
        ]
    );
}

#[test]
fn push_topics_are_of_the_object_that_an_id_tells() {
    let event = |id: &str| {
        json!([{ "channel": "/topic/Sales", "data": { "event": { "type": "updated", "replayId": 1 },
            "sobject": { "Id": id, "Email": "e", "Name": "n" } } }])
    };
    let (found, named) = read(&event("003WV00000A1b2CYAR"));
    assert_eq!(found, ["1 contact.email = e", "1 contact.name from n"]);
    assert_eq!(named, ["1 contact 003WV00000A1b2CYAR"]);
    // Of what object it is, nothing tells: surrogates stay what they are.
    assert_eq!(read(&event("a0BWV00000A1b2C2AR")), (Vec::new(), Vec::new()));
    assert_eq!(read(&event("Anna")), (Vec::new(), Vec::new()));
    let generic = json!([{ "channel": "/u/news", "data": { "payload": "x", "event": {} } }]);
    assert_eq!(read(&generic), (Vec::new(), Vec::new()));
}

#[test]
fn errors_repeat_what_was_sent() {
    let answer = json!([{ "channel": "/meta/subscribe", "successful": false, "error": "403:/topic/x:denied",
        "ext": { "sfdc": { "failureReason": "401::Authentication invalid" } } }]);
    let located = read_answer(&connect(), 200, &HeaderMap::new(), &answer.to_string()).unwrap();
    let echoed = occurrences(&located.body);
    assert!(echoed.contains(&"0 error.message echo 403:/topic/x:denied".to_owned()), "{echoed:?}");
    let listed = r#"[{"message":"zhta","errorCode":"INVALID_SESSION_ID"}]"#;
    let located = read_answer(&connect(), 401, &HeaderMap::new(), listed).unwrap();
    assert_eq!(occurrences(&located.body), ["0 error.message echo zhta"]);
}

#[test]
fn two_cookies_pass_and_no_other() {
    let body = r#"[{"channel":"/meta/connect"}]"#;
    let cookies = |field: &str| {
        let headers = headers(&[("content-type", "application/json"), ("cookie", field)]);
        let located = locate_with("POST", TARGET, &headers, body).unwrap();
        let found = located.headers.iter();
        found.map(|(name, it)| format!("{name}: {}", render(it, &Replacement::Keep))).collect()
    };
    let check = |field: &str, expected: &[&str]| {
        let found: Vec<String> = cookies(field);
        assert_eq!(found, expected, "{field}");
    };
    check(
        "BrowserId=x; BAYEUX_BROWSER=9f2b-1d1p; sid=00D!x;sfdc-stream=!aB+/c==",
        &["cookie: BAYEUX_BROWSER=9f2b-1d1p; sfdc-stream=!aB+/c=="],
    );
    check("sid=x", &[]);
    check("BAYEUX_BROWSER=a@b.de", &[]);
    check("BAYEUX_BROWSER=\"Anna B\"", &[]);
    check("BAYEUX_BROWSER=M%C3%BCller", &[]);
    check(&format!("BAYEUX_BROWSER={}", "a".repeat(129)), &[]);
    check("bayeux_browser=a", &[]);
    check("BAYEUX_BROWSER", &[]);
    // Elsewhere no cookie passes.
    let headers = headers(&[("cookie", "BAYEUX_BROWSER=a")]);
    let query = "/services/data/v62.0/query?q=SELECT+Id+FROM+Contact";
    assert!(locate_with("GET", query, &headers, "").unwrap().headers.is_empty());
}

#[test]
fn a_cookie_is_set_for_this_resource_at_our_origin() {
    let headers: HeaderMap = [
        ("set-cookie", "BAYEUX_BROWSER=9f2b; Path=/cometd/62.0/; Domain=.salesforce.com; HttpOnly"),
        ("set-cookie", "sid=x; Path=/"),
        ("set-cookie", "sfdc-stream=Anna B"),
    ]
    .into_iter()
    .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
    .collect();
    let located = read_answer(&connect(), 200, &headers, "[]").unwrap();
    let set: Vec<String> = located
        .headers
        .iter()
        .map(|(name, it)| format!("{name}: {}", render(it, &Replacement::Keep)))
        .collect();
    assert_eq!(set, ["set-cookie: BAYEUX_BROWSER=9f2b; Path=/sf/cometd; HttpOnly; Secure"]);
}
