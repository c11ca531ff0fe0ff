// SPDX-License-Identifier: Apache-2.0
//! Answers of a CRM that hold surrogates where nothing is to be opened, and what is opened in
//! those where it is.

use std::sync::{Arc, Mutex};

use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::json;

use super::{SF, create, read, stored};
use crate::bulk::{order, text};
use crate::stand_in::{Reply, StandIn};
use crate::world::{Options, World};

const CONTACT: &str = "/st/services/data/v62.0/sobjects/Contact/003WV00000A1b2CYAR";

/// What a CRM answers next: the status, header lines, and the body.
type Next = Arc<Mutex<(&'static str, String, String)>>;

/// A house before a second CRM, at `/st`, that answers what it is told to.
pub(super) async fn before_stand_in() -> (World, StandIn, Next) {
    let next: Next = Arc::default();
    let told = Arc::clone(&next);
    let crm = StandIn::replying(move |_| {
        let (status, head, body) = told.lock().expect("no test panicked").clone();
        Reply { status, head, body: body.into() }
    })
    .await;
    let upstreams = format!(
        "  stand_in:
    dialect: salesforce
    url: http://{}
    region: US
    match: {{ path_prefix: /st }}
    policy: policies/salesforce.yaml
",
        crm.address
    );
    (World::start(Options { upstreams, ..Options::default() }).await, crm, next)
}

pub(super) fn tell(next: &Next, status: &'static str, head: &str, body: String) {
    let head = head.lines().map(|line| format!("{line}\r\n")).collect();
    *next.lock().expect("no test panicked") = (status, head, body);
}

const JSON: &str = "Content-Type: application/json";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_headers_and_pages_open_nothing() {
    let (world, _crm, next) = before_stand_in().await;
    create(&world, json!({ "LastName": "<script>alert(1)</script>" })).await;
    let token = stored(&world, "LastName");
    let error = json!([{ "message": format!("bad value {token}"), "errorCode": "INVALID_FIELD" }]);
    let moved = format!("{JSON}\nLocation: /x?e={token}\nX-Told: {token}");
    let record = json!({ "attributes": { "type": "Contact" }, "Id": "003WV00000A1b2CYAR" });
    let page = format!("<html>{token}</html>");
    for (status, head, body) in [
        ("400 Bad Request", JSON, error.to_string()),
        ("302 Found", moved.as_str(), String::new()),
        ("200 OK", moved.as_str(), record.to_string()),
        ("200 OK", "Content-Type: text/html", page.clone()),
        ("200 OK", JSON, page),
    ] {
        tell(&next, status, head, body);
        let answer = world.get("support", CONTACT).await;
        let seen = format!("{:?} {}", answer.headers, String::from_utf8_lossy(&answer.body));
        assert!(!seen.contains("alert(1)"), "{seen}");
        assert!(status != "400 Bad Request" || seen.contains(&token), "{seen}");
        let is_page = head.contains("html") || seen.contains("<html>");
        assert!(!is_page || answer.refusal() == Some("upstream_unreadable"), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn formulas_stay_in_their_cell() {
    let world = World::start(Options::default()).await;
    let formulas = ["=1+1,\"2", "+49,1", "-1\n2", "@SUM(1;2)"];
    for formula in formulas {
        create(&world, json!({ "LastName": formula, "Title": "end" })).await;
    }
    let query = json!({ "operation": "query", "query": "SELECT LastName, Title FROM Contact" });
    let job = order(&world, "query", query).await;
    let rows = text(&world.get("support", &format!("{job}/results")).await);
    // Quoted, and not changed: docs/LIMITS.md says so.
    for formula in formulas {
        let cell = format!("\"{}\",\"end\"\n", formula.replace('"', "\"\""));
        assert!(rows.contains(&cell), "{cell} {rows}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_value_holds_the_answer_is_json() {
    let world = World::start(Options::default()).await;
    let odd = "a\"b\\c\nd\u{2028}e\0f\u{7}</script>";
    let id = create(&world, json!({ "LastName": odd, "Description": odd })).await;
    let shown = read(&world, "support", &id).await;
    assert_eq!((&shown["LastName"], &shown["Description"]), (&json!(odd), &json!(odd)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_opened_is_not_compressed_cached_or_cut() {
    let (world, crm, next) = before_stand_in().await;
    create(&world, json!({ "LastName": "Muster" })).await;
    let record =
        json!({ "attributes": { "type": "Contact" }, "LastName": stored(&world, "LastName") });
    let head =
        format!("{JSON}\nETag: \"v1\"\nCache-Control: public, max-age=600\nDigest: sha-256=x");
    tell(&next, "200 OK", &head, record.to_string());
    let send = async |caller: &str, method: Method, name: &str, value: &str, body: &str| {
        let request = Request::builder().method(method);
        let request = request.uri(format!("http://{}{CONTACT}", world.address()));
        let request = request.header("zollhaus-key", world.key(caller));
        let request = request.header("authorization", "Bearer 00Dxx!session").header(name, value);
        let request = request.header("content-type", "application/json");
        let request = request.body(Full::new(body.to_owned().into())).expect("a request");
        world.send_request(request).await.expect("an answer")
    };
    for caller in ["support", "analyst"] {
        for (name, value) in [("accept-encoding", "gzip, br"), ("range", "bytes=0-10")] {
            let answer = send(caller, Method::GET, name, value, "").await;
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
            assert_eq!(answer.json()["LastName"] == "Muster", caller == "support");
            assert_eq!(answer.headers["cache-control"], "no-store");
            for other in ["content-encoding", "content-range", "digest"] {
                assert!(!answer.headers.contains_key(other), "{answer:?}");
            }
            assert_eq!(answer.headers["etag"], "\"v1\"");
        }
    }
    let asked: Vec<String> = crm.seen().into_iter().map(|seen| seen.head.to_lowercase()).collect();
    assert!(asked.iter().all(|head| !head.contains("range:")), "{asked:?}");
    tell(&next, "204 No Content", "", String::new());
    let body = json!({ "Title": "Dr" }).to_string();
    let changed = send("support", Method::PATCH, "if-match", "\"v1\"", &body).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT, "{changed:?}");
    let head = crm.seen().pop().expect("a request").head.to_lowercase();
    assert!(head.contains("if-match: \"v1\""), "{head}");
    // The sample CRM is behind the same rules.
    let answer = world.get("support", &format!("{SF}/query?q=SELECT+LastName+FROM+Contact")).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
}
