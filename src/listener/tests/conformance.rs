// SPDX-License-Identifier: Apache-2.0
//! The listener, `admit`, the field rules and the upstream client, put together
//! as the smallest proxy there can be, against the published corpora over raw
//! sockets. `docs/HTTP-CONFORMANCE.md` explains what is listed here.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response, StatusCode, Uri};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::service_fn;

use super::corpus::{self, Case, Expectation};
use super::harness::{Recorded, Recorder, call, find, statuses};
use crate::listener::{
    ConnectionLimits, Listener, ListenerConfig, admit, answer_fields, end_to_end,
};
use crate::testkit::report;
use crate::upstream::{UpstreamClient, UpstreamConfig, UpstreamError};

const MAX_BODY: usize = 1024 * 1024;
/// The proxy closes every connection itself, soon after its last answer …
const IDLE: Duration = Duration::from_millis(700);
/// … and gives up on what does not come, but not on what a busy machine delays.
const WAIT: Duration = Duration::from_secs(4);
const AT_ONCE: usize = 48;

/// Deviations from a corpus that are known and harmless: the reasons stand in
/// `docs/HTTP-CONFORMANCE.md`.
const KNOWN: [&str; 11] = [
    // Methods: OPTIONS is refused, DELETE is for the upstream to refuse.
    "H11P-COMP-405-ALLOW",
    "H11P-COMP-OPTIONS-ALLOW",
    "H11P-COMP-OPTIONS-STAR",
    // Chunk extensions are dropped unread, bodies leave with a length.
    "H11P-SMUG-CHUNK-BARE-SEMICOLON",
    "H11P-SMUG-CHUNK-EXT-CTRL",
    "H11P-SMUG-CHUNK-EXT-INVALID-TOKEN",
    "H11P-SMUG-CHUNK-SIZE-TRAILING-OWS",
    // A bare LF ends a line, as RFC 9112 section 2.2 permits; what leaves has CRLF.
    "LLHTTP-045",
    "LLHTTP-153",
    "LLHTTP-154",
    "LLHTTP-165",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_smuggling_case_has_an_unsafe_outcome() {
    check("HTTP desync", corpus::smuggling(), CRM).await;
}

/// The negative control: the judge finds what hyper alone lets through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_without_admission_is_found_unsafe() {
    const OPEN: [&str; 6] =
        ["HOST-003", "METHOD-001", "TARGET-008", "TARGET-033", "TETE-008", "TETE-064"];
    let cases = corpus::smuggling().unwrap_or_default();
    for case in cases.iter().filter(|case| OPEN.contains(&case.id.as_str())) {
        let found = play(case, Proxy { admits: false, hosts: &[] }).await;
        assert!(!found.is_empty(), "{} is not found", case.id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_parser_of_node_refuses_is_refused() {
    check("llhttp", corpus::llhttp(), ANY_HOST).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_probe_for_http_1_1_gets_what_it_expects() {
    check("Http11Probe", corpus::probe(), ANY_HOST).await;
}

/// Plays all cases and compares the deviations with the known ones.
async fn check(suite: &str, cases: Option<Vec<Case>>, proxy: Proxy) {
    let Some(cases) = cases else { return };
    let total = cases.len();
    let mut known = 0;
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut playing = JoinSet::new();
    for case in cases {
        let turns = Arc::clone(&turns);
        playing.spawn(async move {
            let _turn = turns.acquire_owned().await.unwrap();
            let found = play(&case, proxy).await;
            (case, found)
        });
    }
    let mut deviations = Vec::new();
    while let Some(played) = playing.join_next().await {
        let (case, found) = played.unwrap();
        match KNOWN.contains(&case.id.as_str()) {
            true if found.is_empty() => deviations.push(format!("{}: no longer deviates", case.id)),
            true => known += 1,
            false => deviations
                .extend(found.iter().map(|found| format!("{}: {found} ({})", case.id, case.title))),
        }
    }
    deviations.sort();
    assert!(deviations.is_empty(), "{} deviations:\n{}", deviations.len(), deviations.join("\n"));
    report(suite, total, total - known, "deviations are listed in docs/HTTP-CONFORMANCE.md");
}

async fn play(case: &Case, proxy: Proxy) -> Vec<String> {
    let upstream = Recorder::start(case.script.clone()).await;
    let (address, _running) = proxy.start(upstream.address).await;
    let Some(received) = call(address, case.sent.clone()).await else {
        return vec!["the connection stays open".into()];
    };
    let requests = upstream.requests();
    let statuses = if case.is_h2 { Vec::new() } else { statuses(&received) };
    let mut found = forwarded_problems(&requests, upstream.address);
    found.extend(match &case.expectation {
        Expectation::Smuggling(expect) if case.is_answer => judge_answer(expect, &statuses),
        Expectation::Smuggling(expect) => judge_request(expect, &requests, &statuses),
        Expectation::Llhttp { completed, is_error } if case.is_answer => {
            let is_passed = statuses.iter().any(|status| ![502, 504].contains(status));
            problem(*is_error && *completed == 0 && is_passed, "a broken answer is passed on")
        }
        Expectation::Llhttp { completed, is_error } => {
            let forwarded = requests.iter().filter(|request| request.is_complete).count() as u64;
            problem(*is_error && forwarded > *completed, "a broken request is forwarded")
        }
        Expectation::Probe(expected) => {
            let closes = find(&received, b"\r\nconnection: close\r\n").is_some();
            judge_probe(expected, &requests, &statuses, closes)
        }
    });
    found
}

fn problem(is_one: bool, what: &str) -> Vec<String> {
    if is_one { vec![what.to_owned()] } else { Vec::new() }
}

/// What must hold for every request that reaches an upstream.
fn forwarded_problems(requests: &[Recorded], upstream: SocketAddr) -> Vec<String> {
    let mut found = Vec::new();
    for request in requests {
        let head = request.head_text().replace("\r\n", "");
        found.extend(problem(head.contains(['\r', '\n', '\0']), "upstream: a bare CR, LF or NUL"));
        let hosts = request.values("host");
        found.extend(problem(hosts != [upstream.to_string()], "upstream: `Host` is not its own"));
        let is_framed_twice = !request.values("content-length").is_empty()
            && !request.values("transfer-encoding").is_empty();
        found.extend(problem(is_framed_twice, "upstream: both framing fields"));
        for name in ["connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"] {
            let has_it = !request.values(name).is_empty();
            found.extend(problem(has_it, "upstream: a hop-by-hop field"));
        }
    }
    found
}

fn strings(value: &Value) -> Vec<String> {
    let values = value.as_array().into_iter().flatten();
    values.filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

fn judge_request(expect: &Value, requests: &[Recorded], statuses: &[u16]) -> Vec<String> {
    let mut found = Vec::new();
    let allowed = strings(&expect["allowed"]);
    let complete = requests.iter().filter(|request| request.is_complete).count();
    let outcome = if complete == 0 { "reject" } else { "forward" };
    let is_allowed = allowed
        .iter()
        .any(|allowed| if complete == 0 { allowed == "reject" } else { allowed != "reject" });
    let bound = expect["max_upstream_requests"].as_u64();
    // Floods are judged by the bound: some of their requests are good ones.
    let is_flood = bound.is_some_and(|bound| bound > 2);
    found.extend(problem(!is_allowed && !is_flood, &format!("outcome {outcome}")));
    if let Some(bound) = bound {
        found.extend(problem(complete as u64 > bound, "too many requests upstream"));
    }
    for start in strings(&expect["upstream_must_not_contain"]) {
        let is_there = requests.iter().any(|request| request.head.starts_with(start.as_bytes()));
        found.extend(problem(is_there, "upstream: a hidden request"));
    }
    for name in strings(&expect["upstream_must_not_have_fields"]) {
        let is_there = requests.iter().any(|request| !request.values(&name).is_empty());
        found.extend(problem(is_there, &format!("upstream: `{name}`")));
    }
    let has_body = expect["upstream_must_not_have_complete_body"] == true && complete > 0;
    found.extend(problem(has_body, "upstream: a complete body"));
    if expect["upstream_must_not_contain_chunk_ext"] == true {
        let is_there = requests.iter().any(|request| request.body.contains(&b';'));
        found.extend(problem(is_there, "upstream: a chunk extension"));
    }
    let codes: Vec<_> = expect["reject_status"].as_array().into_iter().flatten().collect();
    if let (0, Some(status)) = (complete, statuses.last())
        && !codes.is_empty()
    {
        let is_late = expect["timeout_counts_as_reject"] == true && *status == 408;
        let is_fitting =
            is_late || codes.iter().any(|code| code.as_u64() == Some(u64::from(*status)));
        found.extend(problem(!is_fitting, &format!("refused with {status}")));
    }
    if let Some(bound) = expect["max_responses"].as_u64() {
        found.extend(problem(statuses.len() as u64 > bound, "too many answers"));
    }
    for status in expect["response_status_must_not_be"].as_array().into_iter().flatten() {
        let is_there =
            statuses.iter().any(|answered| Some(u64::from(*answered)) == status.as_u64());
        found.extend(problem(is_there, "a status that must not be"));
    }
    found
}

fn judge_answer(expect: &Value, statuses: &[u16]) -> Vec<String> {
    let allowed = strings(&expect["allowed"]);
    match statuses {
        [502 | 504] if allowed.iter().any(|allowed| allowed == "reject") => Vec::new(),
        [200..=399] if allowed.iter().any(|allowed| allowed == "normalise") => Vec::new(),
        other => vec![format!("answered {other:?}")],
    }
}

/// Reads the prose of the expectation as far as it binds: what names no 2xx must
/// not be forwarded, what names nothing else must be.
fn judge_probe(
    expected: &str,
    requests: &[Recorded],
    statuses: &[u16],
    closes: bool,
) -> Vec<String> {
    let is_forwarded = requests.iter().any(|request| request.is_complete);
    let names_success = expected.contains("2xx") || expected.contains("200");
    let names_refusal = ["400", "405", "415", "417", "501", "505", "close"]
        .iter()
        .any(|refusal| expected.contains(refusal));
    let is_advice = ["preferred", "pass-through"].iter().any(|word| expected.contains(word));
    let is_met_by_close = expected.contains("connection close") && closes && statuses.len() == 1;
    let must_not = names_refusal && !names_success && !is_advice && !is_met_by_close;
    let mut found = problem(is_forwarded && must_not, &format!("forwarded, expected `{expected}`"));
    found.extend(problem(
        !is_forwarded && names_success && !names_refusal,
        &format!("answered {statuses:?}, expected `{expected}`"),
    ));
    found
}

/// The smallest proxy: admit, read, forward, answer.
#[derive(Clone, Copy)]
struct Proxy {
    admits: bool,
    /// The hosts it has a route for; none means any.
    hosts: &'static [&'static str],
}

const CRM: Proxy = Proxy { admits: true, hosts: &["crm.test"] };
const ANY_HOST: Proxy = Proxy { admits: true, hosts: &[] };

impl Proxy {
    async fn start(self, upstream: SocketAddr) -> (SocketAddr, JoinSet<()>) {
        let client = UpstreamClient::new(&UpstreamConfig {
            url: format!("http://{upstream}").parse().unwrap(),
            allow_plain: false,
            ca: None,
            connect_timeout: WAIT,
            answer_timeout: WAIT,
            read_timeout: WAIT,
        })
        .unwrap();
        let config = ListenerConfig {
            bind: "127.0.0.1:0".parse().unwrap(),
            tls: None,
            limits: ConnectionLimits {
                max_connections: 16,
                max_header_bytes: 16 * 1024,
                max_headers: 100,
                header_timeout: WAIT,
                idle_timeout: IDLE,
                drain_timeout: WAIT,
                max_h2_streams: 32,
            },
        };
        let listener = Listener::bind(config).await.unwrap();
        let address = listener.local_addr();
        let service = service_fn(move |request| {
            let client = client.clone();
            async move {
                let answer = self.forward(request, &client, upstream).await;
                Ok::<_, Infallible>(answer.unwrap_or_else(|status| {
                    let mut answer = Response::new(Full::default());
                    *answer.status_mut() = status;
                    answer
                }))
            }
        });
        let mut running = JoinSet::new();
        running.spawn(listener.serve(service, std::future::pending()));
        (address, running)
    }

    async fn forward(
        self,
        request: Request<Incoming>,
        client: &UpstreamClient,
        upstream: SocketAddr,
    ) -> Result<Response<Full<Bytes>>, StatusCode> {
        let target = if self.admits {
            let admitted =
                admit(&request, MAX_BODY as u64).map_err(|refusal| refusal.code.status())?;
            let host = admitted.host.split(':').next().unwrap_or_default();
            if !self.hosts.is_empty() && !self.hosts.contains(&host) {
                return Err(StatusCode::NOT_FOUND);
            }
            String::from_utf8(admitted.target.to_vec()).unwrap()
        } else {
            request.uri().path().to_owned()
        };
        let uri: Uri = format!("http://{upstream}{target}").parse().unwrap();
        let (parts, body) = request.into_parts();
        let body = read(body, |_| StatusCode::BAD_REQUEST, StatusCode::REQUEST_TIMEOUT).await?;
        let mut outgoing = Request::new(Full::new(body));
        *outgoing.method_mut() = parts.method;
        *outgoing.uri_mut() = uri;
        *outgoing.headers_mut() = end_to_end(&parts.headers);

        let status = |error: UpstreamError| match error {
            UpstreamError::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            UpstreamError::Unreachable(_) | UpstreamError::BrokenOff(_) => StatusCode::BAD_GATEWAY,
        };
        let (parts, body) = client.send(outgoing).await.map_err(status)?.into_parts();
        let body = read(body, status, StatusCode::GATEWAY_TIMEOUT).await?;
        let mut answer = Response::new(Full::new(body));
        *answer.status_mut() = parts.status;
        *answer.headers_mut() = answer_fields(&parts.headers);
        Ok(answer)
    }
}

async fn read<B: Body<Data = Bytes> + Unpin>(
    mut body: B,
    broken: impl Fn(B::Error) -> StatusCode,
    late: StatusCode,
) -> Result<Bytes, StatusCode> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = tokio::time::timeout(WAIT, body.frame()).await.map_err(|_| late)? {
        if let Ok(data) = frame.map_err(&broken)?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() > MAX_BODY {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
    }
    Ok(bytes.freeze())
}
