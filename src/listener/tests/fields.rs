// SPDX-License-Identifier: Apache-2.0

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::{answer_fields, end_to_end};

/// Checks which of the fields pass, by their names.
fn check(
    pass: fn(&HeaderMap) -> HeaderMap,
    fields: &[(&'static str, &'static str)],
    expected: &[&str],
) {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let passed = pass(&headers);
    let names: Vec<_> = passed.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, expected, "{fields:?}");
}

#[test]
fn requests_travel_with_known_fields_only() {
    check(
        end_to_end,
        &[
            ("authorization", "Bearer a@b"),
            ("content-type", "application/json"),
            ("sforce-call-options", "client=x"),
            ("mscrm.mergelabels", "true"),
            ("x-api-token", "a@b"),
            ("x-zoho-sdk", "Linux/6.18/python-8.0/3.11.7:7.0.0"),
            ("if-match", "*"),
        ],
        &[
            "authorization",
            "content-type",
            "sforce-call-options",
            "mscrm.mergelabels",
            "x-api-token",
            "x-zoho-sdk",
            "if-match",
        ],
    );
    for withheld in [
        "zollhaus-key",
        "zollhaus-token",
        "zollhaus-purpose",
        "x-zollhaus-tenant",
        "host",
        "expect",
        "content-length",
        "content-encoding",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "http2-settings",
        "proxy-authorization",
        "proxy-connection",
        "cookie",
        "referer",
        "origin",
        "from",
        "baggage",
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "via",
        "x-request-id",
        "x-original-url",
        "x-host",
        "content-md5",
        "sforce-anything",
        "mscrm.anything",
        "unknown",
    ] {
        check(end_to_end, &[(withheld, "v")], &[]);
    }
}

#[test]
fn values_that_may_name_somebody_do_not_travel() {
    check(end_to_end, &[("user-agent", "sync (mailto:a@b.de)")], &[]);
    check(end_to_end, &[("user-agent", "python-requests/2.32")], &["user-agent"]);
    let renaming = "client=x, defaultNamespace=acme";
    check(end_to_end, &[("sforce-call-options", renaming)], &[]);
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_bytes(b"\xc3\xa4").unwrap());
    assert!(end_to_end(&headers).is_empty());
}

#[test]
fn what_connection_names_stays_behind() {
    let fields = [("connection", "close, Accept"), ("accept", "*/*"), ("pragma", "no-cache")];
    check(end_to_end, &fields, &["pragma"]);
    check(answer_fields, &[("connection", "x"), ("x", "1"), ("y", "1")], &["y"]);
}

#[test]
fn trace_contexts_are_well_formed_or_absent() {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let check = |parent, state, expected: &[&str]| {
        check(end_to_end, &[("traceparent", parent), ("tracestate", state)], expected);
    };
    check(parent, "a=1,b=2", &["traceparent", "tracestate"]);
    check(parent, "a@b.de", &["traceparent"]);
    check(parent, "a=x@y", &["traceparent"]);
    check("00-ABC-1-01", "a=1", &[]);
    check("00-4bf92f3577b34da6a3ce929d0e0e473@-00f067aa0ba902b7-01", "a=1", &[]);
}

#[test]
fn answers_lose_what_tells_of_other_bytes_or_other_ways() {
    check(
        answer_fields,
        &[
            ("content-type", "text/csv"),
            ("etag", "\"1\""),
            ("sforce-limit-info", "a=1"),
            ("sforce-limit-info", "b=2"),
        ],
        &["content-type", "etag", "sforce-limit-info", "sforce-limit-info"],
    );
    for withheld in [
        "content-length",
        "content-encoding",
        "transfer-encoding",
        "content-md5",
        "digest",
        "content-digest",
        "repr-digest",
        "alt-svc",
        "set-cookie",
        "strict-transport-security",
        "keep-alive",
        "proxy-authenticate",
        "trailer",
        "upgrade",
        "zollhaus-refusal",
    ] {
        check(answer_fields, &[(withheld, "v")], &[]);
    }
}
