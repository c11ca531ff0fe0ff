// SPDX-License-Identifier: Apache-2.0

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use tower::service_fn;

use super::*;
use crate::listener::tests::certificates::Certificates;
use crate::listener::tests::harness::{Recorder, Script};
use crate::listener::{ClientCertificates, ConnectionLimits, Listener, ListenerConfig};

const LONG: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(50);

fn config(url: &str) -> UpstreamConfig {
    UpstreamConfig {
        url: url.parse().unwrap(),
        allow_plain: false,
        ca: None,
        connect_timeout: LONG,
        answer_timeout: LONG,
        read_timeout: LONG,
    }
}

fn get(uri: &str) -> Request<Full<Bytes>> {
    Request::get(uri).body(Full::default()).unwrap()
}

/// Sends `GET /a` and reads the whole body, or says what went wrong.
async fn fetch(config: &UpstreamConfig) -> Result<(u16, Bytes), UpstreamError> {
    fetch_held_back(config, Duration::ZERO).await
}

async fn fetch_held_back(
    config: &UpstreamConfig,
    held_back: Duration,
) -> Result<(u16, Bytes), UpstreamError> {
    let client = UpstreamClient::new(config).unwrap();
    let mut answer = client.send_and_wait(get(&format!("{}a", config.url)), held_back).await?;
    let mut body = Vec::new();
    while let Some(frame) = answer.body_mut().frame().await {
        body.extend_from_slice(&frame?.into_data().unwrap());
    }
    Ok((answer.status().as_u16(), body.into()))
}

/// What a client makes of an upstream that answers with these bytes and hangs up.
async fn fetch_hostile(bytes: &str) -> Result<(u16, Bytes), UpstreamError> {
    let script = Script::Hostile { bytes: bytes.into(), pause_between_bytes: Duration::ZERO };
    let upstream = Recorder::start(script).await;
    fetch(&config(&format!("http://{}/", upstream.address))).await
}

#[tokio::test]
async fn answers_with_doubtful_framing_are_broken() {
    let whole = fetch_hostile("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
    assert_eq!(whole, Ok((200, Bytes::from_static(b"{}"))));
    let trailers =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: y\r\n\r\n";
    assert_eq!(fetch_hostile(trailers).await, Ok((200, Bytes::from_static(b"{}"))));
    for hostile in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    ] {
        let fetched = fetch_hostile(hostile).await;
        assert!(matches!(fetched, Err(UpstreamError::BrokenOff(_))), "{hostile}: {fetched:?}");
    }
}

#[tokio::test]
async fn redirects_are_answers_like_others() {
    let moved = "HTTP/1.1 302 Found\r\nLocation: http://other.test/\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(fetch_hostile(moved).await, Ok((302, Bytes::new())));
}

#[tokio::test]
async fn an_upstream_that_is_silent_times_out() {
    let upstream = Recorder::start(Script::Silence).await;
    let url = format!("http://{}/", upstream.address);
    let config = UpstreamConfig { answer_timeout: SOON, ..config(&url) };
    assert_eq!(fetch(&config).await, Err(UpstreamError::TimedOut));
    assert_eq!(upstream.requests().len(), 1);
}

/// A long request is on its way for longer than its answer may be.
#[tokio::test]
async fn the_answer_is_due_once_the_upstream_takes_no_more_of_the_request() {
    const PATIENCE: Duration = Duration::from_millis(500);
    let script = Script::Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec());
    let upstream = Recorder::start(script).await;
    let url = format!("http://{}/", upstream.address);
    let config = UpstreamConfig { answer_timeout: PATIENCE, ..config(&url) };
    let parts = futures_util::stream::unfold(0, |sent| async move {
        tokio::time::sleep(PATIENCE / 5).await;
        let part = Frame::data(Bytes::from_static(b"a row\n"));
        (sent < 8).then_some((Ok::<_, Infallible>(part), sent + 1))
    });
    let request = Request::put(format!("{url}a")).body(StreamBody::new(parts)).unwrap();
    let answer = UpstreamClient::new(&config).unwrap().send(request).await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    assert!(upstream.requests()[0].is_complete);

    let never = StreamBody::new(futures_util::stream::pending::<Result<_, Infallible>>());
    let never = never.map_frame(|frame: Frame<Bytes>| frame);
    let request = Request::put(format!("{url}a")).body(never).unwrap();
    let config = UpstreamConfig { answer_timeout: SOON, ..config };
    let answer = UpstreamClient::new(&config).unwrap().send(request).await;
    assert_eq!(answer.map(drop), Err(UpstreamError::TimedOut));
}

#[tokio::test]
async fn an_answer_that_is_held_back_is_waited_for() {
    let script = Script::Hostile {
        bytes: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".into(),
        pause_between_bytes: SOON / 10,
    };
    let upstream = Recorder::start(script).await;
    let url = format!("http://{}/", upstream.address);
    let config = UpstreamConfig { answer_timeout: SOON, ..config(&url) };
    assert_eq!(fetch(&config).await, Err(UpstreamError::TimedOut));
    let held_back = fetch_held_back(&config, LONG).await;
    assert_eq!(held_back, Ok((200, Bytes::from_static(b"{}"))));
}

#[tokio::test]
async fn a_body_that_pauses_too_long_times_out() {
    let script = Script::Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_vec());
    let upstream = Recorder::start(script).await;
    let url = format!("http://{}/", upstream.address);
    let config = UpstreamConfig { read_timeout: SOON, ..config(&url) };
    assert_eq!(fetch(&config).await, Err(UpstreamError::TimedOut));
}

#[tokio::test]
async fn an_upstream_that_is_down_is_unreachable() {
    let upstream = Recorder::start(Script::Silence).await;
    let url = format!("http://{}/", upstream.address);
    drop(upstream);
    assert!(matches!(fetch(&config(&url)).await, Err(UpstreamError::Unreachable(_))));
}

#[tokio::test]
async fn a_request_for_another_origin_never_leaves() {
    let upstream = Recorder::start(Script::Silence).await;
    let client = UpstreamClient::new(&config(&format!("http://{}", upstream.address))).unwrap();
    let port = upstream.address.port();
    for other in [
        format!("https://{}/a", upstream.address),
        format!("http://127.0.0.1:{}/a", port - 1),
        format!("http://localhost:{port}/a"),
        format!("http://user@127.0.0.1:{port}/a"),
        "/a".to_owned(),
    ] {
        let sent = client.send(get(&other)).await;
        assert!(matches!(sent, Err(UpstreamError::Unreachable(_))), "{other}");
    }
    assert!(upstream.requests().is_empty());
}

#[test]
fn plain_http_stays_on_the_machine_unless_allowed() {
    let check = |url: &str, allow_plain, is_accepted| {
        let config = UpstreamConfig { allow_plain, ..config(url) };
        assert_eq!(UpstreamClient::new(&config).is_ok(), is_accepted, "{url}");
    };
    for url in ["http://127.0.0.1:1", "http://[::1]:1/x", "http://localhost", "https://crm.test"] {
        check(url, false, true);
    }
    check("http://crm.test", false, false);
    check("http://crm.test", true, true);
    for url in ["ftp://crm.test", "/path", "https://user:secret@crm.test", "localhost:80"] {
        check(url, true, false);
    }
    let config = UpstreamConfig { allow_plain: true, ..config("https://user:secret@crm.test") };
    assert!(!UpstreamClient::new(&config).unwrap_err().to_string().contains("secret"));
}

async fn over_tls(certificates: &Certificates, ca: &str) -> Result<(u16, Bytes), UpstreamError> {
    let limits = ConnectionLimits {
        max_connections: 8,
        max_header_bytes: 16 * 1024,
        max_headers: 20,
        header_timeout: LONG,
        idle_timeout: LONG,
        drain_timeout: LONG,
        max_h2_streams: 8,
    };
    let tls = Some(certificates.server(ClientCertificates::Ignored));
    let bind = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::bind(ListenerConfig { bind, tls, limits }).await.unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().port());
    let service = service_fn(|request: Request<Incoming>| async move {
        let text = format!("{:?} {}", request.version(), request.uri().host().unwrap_or_default());
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
    });
    let config = UpstreamConfig { ca: Some(ca.into()), ..config(&url) };
    tokio::select! {
        () = listener.serve(service, std::future::pending()) => unreachable!(),
        fetched = fetch(&config) => fetched,
    }
}

#[tokio::test]
async fn http_2_is_spoken_where_it_is_offered() {
    let certificates = Certificates::make();
    let ca = certificates.path("ca.pem");
    let fetched = over_tls(&certificates, ca.to_str().unwrap()).await;
    assert_eq!(fetched, Ok((200, Bytes::from_static(b"HTTP/2.0 localhost"))));
}

#[tokio::test]
async fn an_upstream_that_cannot_prove_its_name_is_unreachable() {
    let (ours, others) = (Certificates::make(), Certificates::make());
    let fetched = over_tls(&ours, others.path("ca.pem").to_str().unwrap()).await;
    assert!(matches!(fetched, Err(UpstreamError::Unreachable(_))), "{fetched:?}");
}

#[test]
fn authorities_that_cannot_be_used_are_named() {
    let missing = UpstreamConfig { ca: Some("/missing.pem".into()), ..config("https://crm.test") };
    let error = UpstreamClient::new(&missing).unwrap_err();
    assert!(matches!(error, UpstreamSetupError::AuthoritiesUnreadable { .. }));
    let empty = UpstreamConfig { ca: Some("/dev/null".into()), ..config("https://crm.test") };
    let error = UpstreamClient::new(&empty).unwrap_err();
    assert!(matches!(error, UpstreamSetupError::NoAuthorities(_)));
}

#[test]
fn origins_are_compared_with_default_ports() {
    let uri: Uri = "https://crm.test:443/a".parse().unwrap();
    assert!(client::is_same_origin(&uri, &"https://CRM.test".parse().unwrap()));
    assert!(!client::is_same_origin(&uri, &"http://crm.test:443".parse().unwrap()));
}
