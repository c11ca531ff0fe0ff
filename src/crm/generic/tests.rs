// SPDX-License-Identifier: Apache-2.0

mod bypass;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::{
    BodySyntax, FieldRef, GenericDialect, Parameter, RequestBody, RouteSpec, Selector,
    problem_details,
};
use crate::base::{Refusal, RefusalCode};
use crate::carrier::json::MAX_VALUES;
use crate::carrier::{Replacement, Value};
use crate::crm::testkit::{self, lines, occurrences, render};
use crate::crm::{AnswerView, Dialect, LocateError, LocatedAnswer, LocatedRequest, Origins, Told};

fn field(name: &str) -> FieldRef {
    let (object, field) = name.split_once('.').unwrap();
    FieldRef { object: object.into(), field: field.into() }
}

fn select(path: &str, name: &str) -> Selector {
    Selector { path: path.to_owned(), field: field(name) }
}

fn route(method: Method, path: &str) -> RouteSpec {
    RouteSpec {
        name: format!("{method} {path}").as_str().into(),
        method,
        path: path.to_owned(),
        object: None,
        variables: Vec::new(),
        parameters: Vec::new(),
        request: None,
        response: Vec::new(),
    }
}

fn body(syntax: BodySyntax, stores: Vec<Selector>, compares: Vec<Selector>) -> RequestBody {
    RequestBody { syntax, stores, compares }
}

/// The API of the examples below.
fn dialect() -> GenericDialect {
    GenericDialect::new(vec![
        RouteSpec {
            variables: vec![("email".to_owned(), field("contact.email"))],
            response: vec![select("$.email", "contact.email")],
            ..route(Method::GET, "/v1/contacts/{email}")
        },
        RouteSpec {
            object: Some("contact".into()),
            parameters: vec![
                ("email".to_owned(), Parameter::Compares(field("contact.email"))),
                ("note".to_owned(), Parameter::Stores(field("contact.note"))),
                ("page".to_owned(), Parameter::Pass),
            ],
            response: vec![select("$.data[*].email", "contact.email")],
            ..route(Method::GET, "/v1/contacts")
        },
        RouteSpec {
            object: Some("contact".into()),
            request: Some(body(
                BodySyntax::Json,
                vec![
                    select("$..email", "contact.email"),
                    select("$.address", "contact.address"),
                    select("$.address.city", "contact.city"),
                    select("$.phones[?@.kind=='home'].number", "contact.home"),
                ],
                Vec::new(),
            )),
            ..route(Method::POST, "/v1/contacts")
        },
        RouteSpec {
            request: Some(body(
                BodySyntax::Json,
                Vec::new(),
                vec![select("$.emails[*]", "contact.email"), select("$.phone", "contact.phone")],
            )),
            ..route(Method::POST, "/v1/contacts/find")
        },
        RouteSpec {
            object: Some("contact".into()),
            request: Some(body(
                BodySyntax::Form,
                vec![select("$.mail", "contact.email")],
                Vec::new(),
            )),
            ..route(Method::POST, "/v1/forms")
        },
    ])
    .unwrap()
}

fn origins() -> Origins {
    Origins {
        upstream: "https://api.crm.example/base".to_owned(),
        public: "https://zoll.example/crm".to_owned(),
        siblings: Vec::new(),
    }
}

/// What a request of `method target` with this body holds.
fn locate(
    method: &Method,
    target: &str,
    content_type: &str,
    body: &str,
) -> Result<Vec<String>, LocateError> {
    let located = located(method, target, content_type, body)?;
    Ok(located.documents().flat_map(lines).collect())
}

fn located(
    method: &Method,
    target: &str,
    content_type: &str,
    body: &str,
) -> Result<LocatedRequest, LocateError> {
    let mut headers = HeaderMap::new();
    if !content_type.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
    }
    let request = (method.as_str(), target);
    testkit::see(&origins(), request, &headers, body, Told::default(), |view| {
        dialect().locate(view)
    })
}

fn read_answer(
    target: &str,
    status: StatusCode,
    headers: &[(&'static str, &'static str)],
    body: &str,
) -> Result<LocatedAnswer, LocateError> {
    let located = located(&Method::GET, target, "", "")?;
    let headers = headers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
        .collect();
    let body = Bytes::copy_from_slice(body.as_bytes());
    located.answer.locate(&AnswerView {
        status,
        headers: &headers,
        body: &body,
        origins: &origins(),
        expansion: crate::carrier::coding::ExpansionLimits::FOR_TESTS,
        sorted: None,
    })
}

const JSON: &str = "application/json";

#[test]
fn requests_are_located() {
    let check = |method, target, content_type, body, expected: &[&str]| {
        assert_eq!(locate(&method, target, content_type, body).unwrap(), expected, "{target}");
    };
    check(Method::GET, "/v1/contacts/a%40b.de", "", "", &["0 contact.email Key a@b.de"]);
    check(Method::HEAD, "/v1/contacts/a+c@b.de", "", "", &["0 contact.email Key a+c@b.de"]);
    check(
        Method::GET,
        "/v1/contacts?page=2&em%61il=a%40b.de&note=x+y&email=",
        "",
        "",
        &[
            "0 contact.email Equality a@b.de",
            "0 contact.note Stored x y",
            "0 contact.email Equality -",
        ],
    );
    check(
        Method::POST,
        "/v1/contacts/find",
        "application/vnd.api+json; charset=\"UTF-8\"",
        r#"{"emails":["a@b.de","c@d.de"],"phone":"1","other":"passes"}"#,
        &[
            "0 contact.email Equality* a@b.de",
            "0 contact.email Equality* c@d.de",
            "0 contact.phone Equality 1",
        ],
    );
    check(
        Method::POST,
        "/v1/forms",
        "application/x-www-form-urlencoded",
        "mail=a%40b.de&note=x+y&empty=",
        &["0 contact.email Stored a@b.de", "0 contact.note Stored x y", "0 contact.empty Stored -"],
    );
    check(Method::POST, "/v1/contacts", "", "", &[]);
}

/// Each line is about records of its own.
#[test]
fn lines_of_json_are_located_one_by_one() {
    const LINES: &str = "application/x-ndjson";
    let body = "{\"email\":\"a@b.de\",\"n\":[1]}\r\n[{\"email\":\"c\"},{\"email\":\"d\"}]\n{\"email\":\"e\"}";
    let found = located(&Method::POST, "/v1/contacts", LINES, body).unwrap();
    let expected = [
        "0 contact.email = a@b.de",
        "0 contact.n = 1",
        "2 contact.email = c",
        "3 contact.email = d",
        "4 contact.email = e",
    ];
    assert_eq!(occurrences(&found.body), expected);
    assert_eq!(render(&found.body, &Replacement::Keep), body);
    let headers = &[("content-type", LINES)];
    let answer =
        read_answer("/v1/contacts", StatusCode::OK, headers, &format!("{body}\n")).unwrap();
    assert_eq!(render(&answer.body, &Replacement::Keep), format!("{body}\n"));
    let answer = "{\"data\":[{\"email\":\"zh\"}]}\n{\"data\":[{\"email\":\"zi\"}]}\n";
    let answer = read_answer("/v1/contacts", StatusCode::OK, headers, answer).unwrap();
    let shown = render(&answer.body, &Replacement::text("\"q\""));
    let opened = "{\"data\":[{\"email\":\"\\\"q\\\"\"}]}\n";
    assert_eq!(shown, opened.repeat(2));
    assert!(read_answer("/v1/contacts", StatusCode::PARTIAL_CONTENT, headers, body).is_err());
    for (wrong, problem) in [
        ("{}\n\n{}", "line 2 of the body cannot be parsed"),
        ("{}\n{\"a\":1}{}\n", "line 2 of the body cannot be parsed"),
        ("{\n}\n", "line 1 of the body cannot be parsed"),
    ] {
        let error = locate(&Method::POST, "/v1/contacts", LINES, wrong).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
}

/// What is kept of a line takes far more memory than its bytes.
#[test]
fn lines_of_json_hold_no_more_values_than_one_text_of_it() {
    const LINES: &str = "application/x-ndjson";
    let most = "{}\n".repeat(MAX_VALUES - 1) + "[1]";
    let sent = locate(&Method::POST, "/v1/contacts", LINES, &most);
    assert!(matches!(sent, Err(LocateError::TooLarge { .. })));
    let headers = &[("content-type", LINES)];
    let answer = read_answer("/v1/contacts", StatusCode::OK, headers, &most);
    assert!(matches!(answer, Err(LocateError::TooLarge { .. })));
    let fewer = most.strip_prefix("{}\n").unwrap();
    assert!(locate(&Method::POST, "/v1/contacts", LINES, fewer).is_ok());
}

#[test]
fn selectors_cover_what_they_hold_and_the_inner_one_counts() {
    let check = |body, expected: &[&str]| {
        assert_eq!(locate(&Method::POST, "/v1/contacts", JSON, body).unwrap(), expected);
    };
    check(r#"{"\u0065mail":"\u0061@b.de"}"#, &["0 contact.email Stored a@b.de"]);
    check(
        r#"{"address":{"street":["A 1",2],"city":"Ulm","pobox":null,"main":true},"email":""}"#,
        &[
            "0 contact.address Stored A 1",
            "0 contact.address Stored 2",
            "0 contact.city Stored Ulm",
            "0 contact.address Stored -",
            "0 contact.address Stored a boolean",
            "0 contact.email Stored -",
        ],
    );
    check(
        r#"{"phones":[{"kind":"home","number":"1"},{"kind":"work","number":"2"}]}"#,
        &[
            "1 contact.phones.kind Stored home",
            "1 contact.home Stored 1",
            "2 contact.phones.kind Stored work",
            "2 contact.phones.number Stored 2",
        ],
    );
    check(
        r#"[{"email":"a@b.de","Email":"c@d.de","vip":false},[[{"email":"e@f.de"}]]]"#,
        &[
            "1 contact.email Stored a@b.de",
            "1 contact.Email Stored c@d.de",
            "1 contact.vip Stored a boolean",
            "2 contact.email Stored e@f.de",
        ],
    );
    let long = format!(r#"{{"{}":1}}"#, "ä".repeat(300));
    check(&long, &[format!("0 contact.{} Stored 1", "ä".repeat(100)).as_str()]);
}

#[test]
fn what_cannot_be_read_is_refused() {
    let check = |method, target, content_type, body, expected: &str| {
        let error = locate(&method, target, content_type, body).unwrap_err();
        assert_eq!(error.to_string(), expected, "{method} {target} {content_type}");
    };
    let unknown = "the dialect does not know this operation";
    let media =
        "the body has a media type that is not read here; expected JSON in UTF-8, or lines of it";
    check(Method::GET, "/v1/companies", "", "", unknown);
    check(Method::GET, "/v1/contacts/", "", "", unknown);
    check(Method::GET, "/v1/contacts/1/notes", "", "", unknown);
    check(Method::PUT, "/v1/contacts", "", "", "PUT is not a method of this resource");
    // Not a read of the contact `find`: the API serves this path by another route.
    check(Method::GET, "/v1/contacts/find", "", "", "GET is not a method of this resource");
    check(
        Method::GET,
        "/v1/contacts?Email=a",
        "",
        "",
        "parameter `Email` cannot be parsed: the route does not list it",
    );
    check(
        Method::GET,
        "/v1/contacts?a@b.de",
        "",
        "",
        "parameter `…` cannot be parsed: the route does not list it",
    );
    check(
        Method::GET,
        "/v1/contacts",
        JSON,
        "{}",
        "the body cannot be parsed: this operation has none",
    );
    for content_type in [
        "",
        "text/plain",
        "application/json-patch+json",
        "application/x-ndjson; charset=utf-16",
        "application/json; charset=utf-16",
        "application/json, text/plain",
        "application/x-www-form-urlencoded",
    ] {
        check(Method::POST, "/v1/contacts", content_type, "{}", media);
    }
    check(
        Method::POST,
        "/v1/contacts",
        JSON,
        r#"{"a":1,"\u0061":2}"#,
        "the body cannot be parsed: an object has the same key twice at byte 7",
    );
    check(
        Method::POST,
        "/v1/contacts",
        JSON,
        r#"{"n":1e999}"#,
        "what `$.phones[?@.kind=='home'].number` selects cannot be parsed: a number does not fit into 64 bits",
    );
    let deep = "[".repeat(100_000);
    check(Method::POST, "/v1/contacts", JSON, &deep, "the body is too large or too deeply nested");
}

#[test]
fn answers_are_located() {
    let check = |status, body, expected: &[&str]| {
        let answer = read_answer("/v1/contacts", status, &[("content-type", JSON)], body).unwrap();
        assert_eq!(lines(&answer.body), expected);
    };
    check(
        StatusCode::OK,
        r#"{"data":[{"email":"t1","name":"t2","self":"https://api.crm.example/base/v1/7"}],"next":"https://api.crm.example/base?p=2"}"#,
        &[
            "1 contact.email Stored t1",
            "1 contact.data.name Stored t2",
            "link https://zoll.example/crm/v1/7",
            "link https://zoll.example/crm?p=2",
        ],
    );
    check(
        StatusCode::CONFLICT,
        r#"{"message":"t1 exists","code":7,"data":[{"email":"t1"}]}"#,
        &["0 contact.message Echo t1 exists", "1 contact.email Stored t1"],
    );
    check(StatusCode::NO_CONTENT, "", &[]);

    let target = "/v1/contacts/1";
    let html = [("content-type", "text/html")];
    let error = read_answer(target, StatusCode::BAD_GATEWAY, &html, "<p>t1").unwrap_err();
    let expected = "the answer has a media type that is not read here; expected JSON in UTF-8";
    assert_eq!(error.to_string(), expected);
    let error = read_answer(target, StatusCode::NOT_FOUND, &[], r#"{"message":"t1"}"#).unwrap();
    assert_eq!(lines(&error.body), ["0 error.message Echo t1"]);
}

#[test]
fn links_in_headers_lead_back_to_us() {
    let check = |name, value, expected: &str| {
        let answer =
            read_answer("/v1/contacts", StatusCode::CREATED, &[(name, value)], "").unwrap();
        assert_eq!(answer.headers.len(), 1);
        assert_eq!(answer.headers[0].1.bytes(), expected, "{name}: {value}");
    };
    check("location", "https://API.crm.example/base/v1/7", "https://zoll.example/crm/v1/7");
    check("location", "/base/v1/7", "https://zoll.example/crm/v1/7");
    check("location", "/login", "/login");
    check("location", "//elsewhere.example/", "//elsewhere.example/");
    check("content-location", "v1/7", "v1/7");
    check(
        "link",
        r#"<https://api.crm.example/base?page=2>; rel="next", <https://docs.example/a>; rel="help""#,
        r#"<https://zoll.example/crm?page=2>; rel="next", <https://docs.example/a>; rel="help""#,
    );
    check("link", "<https://api.crm.example/base", "<https://zoll.example/crm");
}

#[test]
fn unusable_routes_are_all_reported() {
    let check = |specs: Vec<RouteSpec>, expected: &[&str]| {
        let errors = GenericDialect::new(specs).unwrap_err();
        let lines: Vec<String> =
            errors.iter().map(|error| format!("{} {error}", error.index)).collect();
        assert_eq!(lines, expected);
    };
    let get = |path| route(Method::GET, path);
    check(
        vec![get("v1"), get("/a{b}/{c}/{c}?d")],
        &[
            "0 route `GET v1`: path `v1` does not begin with a slash",
            "1 route `GET /a{b}/{c}/{c}?d`: path `/a{b}/{c}/{c}?d` has more than a path; query parameters are listed by name",
            "1 route `GET /a{b}/{c}/{c}?d`: path `/a{b}/{c}/{c}?d` has braces that do not enclose a whole segment",
            "1 route `GET /a{b}/{c}/{c}?d`: path `/a{b}/{c}/{c}?d` has braces that do not enclose a whole segment",
        ],
    );
    check(
        vec![get("/a/{b}"), get("/a/{x}"), get("/{a}/b"), get("/a/b")],
        &[
            "1 route `GET /a/{x}`: it has the method and path of route `GET /a/{b}`",
            "2 route `GET /{a}/b`: some requests match its path and that of route `GET /a/{b}`, and neither is narrower",
            "2 route `GET /{a}/b`: some requests match its path and that of route `GET /a/{x}`, and neither is narrower",
        ],
    );
    check(
        vec![RouteSpec {
            variables: vec![("id".to_owned(), field("contact.id"))],
            parameters: vec![("q".to_owned(), Parameter::Pass), ("q".to_owned(), Parameter::Pass)],
            request: Some(body(BodySyntax::Form, vec![select("$.a.b", "c.a")], Vec::new())),
            response: vec![
                select("$.a", "c.a"),
                select("$['a']", "c.b"),
                select("$[", "c.c"),
                select("$[?match(@.a, 'a')]", "c.d"),
            ],
            ..get("/a")
        }],
        &[
            "0 route `GET /a`: `{id}` is not in the path",
            "0 route `GET /a`: parameter `q` is listed twice",
            "0 route `GET /a`: selector `$.a.b` does not name one parameter of the form, as `$.name` does",
            "0 route `GET /a`: selector `$['a']` is listed twice",
            "0 route `GET /a`: selector `$[`: it is not a JSONPath as RFC 9535 has it",
            "0 route `GET /a`: selector `$[?match(@.a, 'a')]`: the functions `match` and `search` are not available",
        ],
    );
}

#[test]
fn refusals_are_problem_details() {
    let answer =
        problem_details(&Refusal::new(RefusalCode::Forbidden, "field `a\"b` is not listed"));
    assert_eq!(
        (answer.status, answer.content_type),
        (StatusCode::FORBIDDEN, "application/problem+json")
    );
    assert_eq!(
        answer.body,
        r#"{"type":"about:blank","title":"Forbidden","status":403,"detail":"field `a\"b` is not listed","code":"forbidden"}"#
    );
}
