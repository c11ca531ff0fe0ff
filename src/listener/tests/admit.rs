// SPDX-License-Identifier: Apache-2.0

use std::sync::Arc;

use http::{Request, Version};

use super::{Admitted, admit};
use crate::base::RefusalCode;
use crate::listener::Peer;

const MAX_BODY: u64 = 1000;

fn check(method: &str, uri: &str, headers: &[(&str, &str)], expected: Result<&str, RefusalCode>) {
    check_on(Version::HTTP_11, false, method, uri, headers, expected);
}

/// Expects the host and target of an admitted request, joined, or the code.
fn check_on(
    version: Version,
    is_tls: bool,
    method: &str,
    uri: &str,
    headers: &[(&str, &str)],
    expected: Result<&str, RefusalCode>,
) {
    let mut request = Request::builder().method(method).uri(uri).version(version);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let peer = Peer {
        address: "127.0.0.1:9".parse().unwrap(),
        is_tls,
        server_name: None,
        certificate_names: Arc::default(),
    };
    let request = request.extension(peer).body(()).unwrap();
    let admitted = admit(&request, MAX_BODY)
        .map(|Admitted { host, target }| host + std::str::from_utf8(&target).unwrap());
    let admitted = admitted.map_err(|refusal| refusal.code);
    assert_eq!(admitted, expected.map(str::to_owned), "{method} {uri} {headers:?}");
}

const HOST: (&str, &str) = ("host", "crm.test");
const BAD: Result<&str, RefusalCode> = Err(RefusalCode::BadRequest);

#[test]
fn methods_of_crm_apis_are_admitted() {
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
        check(method, "/a", &[HOST], Ok("crm.test/a"));
    }
    for method in ["TRACE", "CONNECT", "OPTIONS", "get", "PURGE", "PROPFIND"] {
        check(method, "/a", &[HOST], Err(RefusalCode::MethodNotAllowed));
    }
    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        check("POST", "/a", &[HOST, (name, "DELETE")], BAD);
    }
}

#[test]
fn one_host_is_named_and_all_places_agree() {
    let host = |value| [("host", value)];
    check("GET", "/a", &[], BAD);
    check("GET", "/a", &[HOST, HOST], BAD);
    check("GET", "/a", &host("CRM.test:8443"), Ok("crm.test:8443/a"));
    check("GET", "/a", &host("[::1]:80"), Ok("[::1]:80/a"));
    check("GET", "/a", &host("my_service"), Ok("my_service/a"));
    for odd in [
        "",
        "a b",
        "a,b",
        "u@crm.test",
        "crm.test/",
        "crm.test:",
        "crm.test:0",
        "crm.test:65536",
        "crm.test:+1",
        "crm.test.",
        ".crm.test",
        "a..b",
        "[::1",
        "[x]",
        "[::1]x",
        "crm%2etest",
    ] {
        check("GET", "/a", &host(odd), BAD);
    }

    check("GET", "http://crm.test/a", &[HOST], Ok("crm.test/a"));
    check("GET", "http://crm.test:80/a", &[HOST], Ok("crm.test/a"));
    check("GET", "http://crm.test", &[HOST], Ok("crm.test/"));
    check("GET", "http://crm.test/a", &[], BAD);
    check("GET", "http://other.test/a", &[HOST], BAD);
    check("GET", "http://crm.test:81/a", &[HOST], BAD);
    check("GET", "http://u@crm.test/a", &[HOST], BAD);
    check("GET", "ftp://crm.test/a", &[HOST], BAD);
    check("GET", "crm.test:80", &[HOST], BAD);
    check_on(Version::HTTP_11, true, "GET", "https://crm.test/a", &[HOST], Ok("crm.test/a"));
    check_on(Version::HTTP_11, true, "GET", "http://crm.test/a", &[HOST], BAD);

    check_on(Version::HTTP_2, true, "GET", "https://crm.test/a", &[], Ok("crm.test/a"));
    check_on(Version::HTTP_2, true, "GET", "https://crm.test/a", &[HOST], Ok("crm.test/a"));
    check_on(Version::HTTP_2, true, "GET", "https://other.test/a", &[HOST], BAD);
}

#[test]
fn framing_leaves_no_choice() {
    let post = |headers: &[(&str, &str)], expected| {
        check("POST", "/a", &[&[HOST], headers].concat(), expected);
    };
    let te = "transfer-encoding";
    let length = "content-length";
    post(&[(te, "chunked")], Ok("crm.test/a"));
    post(&[(te, "Chunked")], Ok("crm.test/a"));
    for odd in ["gzip, chunked", "identity", "chunked, chunked", "", "xchunked"] {
        post(&[(te, odd)], BAD);
    }
    post(&[(te, "chunked"), (te, "chunked")], BAD);
    post(&[(te, "chunked"), (length, "1")], BAD);
    post(&[(length, "1000")], Ok("crm.test/a"));
    post(&[(length, "1001")], Err(RefusalCode::TooLarge));
    post(&[(length, "99999999999999999999999")], Err(RefusalCode::TooLarge));
    post(&[(length, "1"), (length, "1")], BAD);
    for odd in ["", "+1", "-1", "1, 1", "0x1", "1 "] {
        post(&[(length, odd)], BAD);
    }
    let headers = [HOST, (te, "chunked")];
    check_on(Version::HTTP_2, true, "POST", "https://crm.test/a", &headers, BAD);
    check_on(Version::HTTP_10, false, "POST", "/a", &headers, BAD);
}

#[test]
fn header_fields_leave_no_doubt() {
    let post = |headers: &[(&str, &str)], expected| {
        check("POST", "/a", &[&[HOST], headers].concat(), expected);
    };
    post(&[("mscrm.suppressduplicatedetection", "false")], Ok("crm.test/a"));
    post(&[("content_length", "1")], BAD);
    post(&[("#a", "1")], BAD);
    post(&[("content-type", "text/csv"), ("content-type", "text/csv")], BAD);
    post(&[("expect", "100-Continue")], Ok("crm.test/a"));
    post(&[("expect", "100-continue, 100-continue")], BAD);
    post(&[("connection", "Keep-Alive, TE")], Ok("crm.test/a"));
    post(&[("connection", "Upgrade, HTTP2-Settings"), ("upgrade", "h2c")], Ok("crm.test/a"));
    post(&[("connection", "close, Authorization")], BAD);
    post(&[("connection", "close"), ("connection", "content-type")], BAD);
}

#[test]
fn targets_are_read_one_way() {
    let query = "/services/data/v59.0/query/?q=SELECT+Id+FROM+Contact+WHERE+Email%3D'a%40b.de'";
    check("GET", query, &[HOST], Ok(&format!("crm.test{query}")));
    check("GET", "/a?page[size]=1&q=%0A", &[HOST], Ok("crm.test/a?page[size]=1&q=%0A"));
    for odd in [
        "*",
        "/a/../b",
        "/a/%2e%2e/b",
        "//a",
        "/a;b",
        "/a%2fb",
        "/a%5cb",
        "/a%00",
        "/a%zz",
        "/a%c0%af",
        "/a%0d%0ab",
        "/a|b",
        "/a{b}",
        "/a?q=%80",
        "/a?q=\u{e9}",
    ] {
        check("GET", odd, &[HOST], BAD);
    }
}
