// SPDX-License-Identifier: Apache-2.0
//! Life and death of connections.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tower::service_fn;

use super::certificates::Certificates;
use super::harness::{Sent, call, statuses};
use crate::listener::tls::Tls;
use crate::listener::{
    ClientCertificates, ConnectionLimits, Listener, ListenerConfig, Peer, TlsConfig,
};

const NEVER: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(50);
const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: crm.test\r\n\r\n";

/// Nothing ends by itself, unless a test says so.
const PATIENT: ConnectionLimits = ConnectionLimits {
    max_connections: 8,
    max_header_bytes: 16 * 1024,
    max_headers: 20,
    header_timeout: NEVER,
    idle_timeout: NEVER,
    drain_timeout: NEVER,
    max_h2_streams: 8,
};

struct Running {
    address: SocketAddr,
    shutdown: oneshot::Sender<()>,
    served: JoinHandle<()>,
    /// Lets requests for `/held` end.
    release: Arc<Notify>,
    /// Tells that one of them has begun.
    held: Arc<Notify>,
}

/// A listener whose answers say what it knows of the other end.
async fn start(limits: ConnectionLimits, tls: Option<TlsConfig>) -> Running {
    let config = ListenerConfig { bind: "127.0.0.1:0".parse().unwrap(), tls, limits };
    let listener = Listener::bind(config).await.unwrap();
    let address = listener.local_addr();
    let (shutdown, stop) = oneshot::channel();
    let (release, held) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (on_release, on_held) = (Arc::clone(&release), Arc::clone(&held));
    let service = service_fn(move |request: Request<Incoming>| {
        let (release, held) = (Arc::clone(&on_release), Arc::clone(&on_held));
        async move {
            if request.uri().path() == "/held" {
                held.notify_one();
                release.notified().await;
            }
            if request.uri().path() == "/endless" {
                return Ok(Response::new(Full::new(Bytes::from(vec![b'.'; 32 * 1024 * 1024]))));
            }
            let peer = request.extensions().get::<Peer>().unwrap();
            let names = peer.certificate_names.join(" ");
            let text = format!("{:?} {} [{names}]", request.version(), peer.is_tls);
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
        }
    });
    let served = tokio::spawn(listener.serve(service, async {
        let _ = stop.await;
    }));
    Running { address, shutdown, served, release, held }
}

async fn send(address: SocketAddr, bytes: &[u8]) -> Vec<u16> {
    let received = call(address, Sent { bytes: bytes.to_vec(), ..Sent::default() }).await;
    statuses(&received.expect("the connection stays open"))
}

/// Reads the head and body of one answer.
async fn answer(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut received = Vec::new();
    while !received.ends_with(b"]") {
        assert!(stream.read_buf(&mut received).await.unwrap() > 0, "the connection broke off");
    }
    String::from_utf8(received).unwrap()
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_the_idle_timeout() {
    let running = start(ConnectionLimits { idle_timeout: SOON, ..PATIENT }, None).await;
    assert_eq!(send(running.address, GET).await, [200]);
    assert_eq!(send(running.address, &GET.repeat(3)).await, [200, 200, 200]);
}

#[tokio::test]
async fn a_header_that_does_not_end_is_cut_after_the_header_timeout() {
    let running = start(ConnectionLimits { header_timeout: SOON, ..PATIENT }, None).await;
    for bytes in [&b""[..], b"GET /a HT", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        assert!(send(running.address, bytes).await.is_empty());
    }
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(GET).await.unwrap();
    answer(&mut stream).await;
    stream.write_all(b"GET /b HTTP/1.1\r\nHos").await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty());
}

#[tokio::test]
async fn header_blocks_are_bounded_in_size_and_count() {
    let limits = ConnectionLimits { idle_timeout: SOON, ..PATIENT };
    let running = start(limits, None).await;
    let request = |fields: &str| format!("GET /a HTTP/1.1\r\nHost: crm.test\r\n{fields}\r\n");
    for (fields, expected) in [
        ("a: b\r\n".repeat(limits.max_headers - 1), 200),
        ("a: b\r\n".repeat(limits.max_headers), 431),
        (format!("a: {}\r\n", "b".repeat(limits.max_header_bytes - 100)), 200),
        (format!("a: {}\r\n", "b".repeat(limits.max_header_bytes)), 431),
    ] {
        assert_eq!(send(running.address, request(&fields).as_bytes()).await, [expected]);
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_place() {
    let running = start(ConnectionLimits { max_connections: 1, ..PATIENT }, None).await;
    let mut first = TcpStream::connect(running.address).await.unwrap();
    first.write_all(GET).await.unwrap();
    answer(&mut first).await;
    let mut second = TcpStream::connect(running.address).await.unwrap();
    second.write_all(GET).await.unwrap();
    first.write_all(GET).await.unwrap();
    answer(&mut first).await;
    let mut byte = [0];
    let is_silent = second.try_read(&mut byte).is_err();
    assert!(is_silent, "the second connection was served beside the first");
    drop(first);
    answer(&mut second).await;
}

#[tokio::test]
async fn a_caller_that_does_not_take_its_answer_loses_its_place() {
    let limits = ConnectionLimits { max_connections: 1, idle_timeout: SOON, ..PATIENT };
    let running = start(limits, None).await;
    let mut first = TcpStream::connect(running.address).await.unwrap();
    first.write_all(b"GET /endless HTTP/1.1\r\nHost: crm.test\r\n\r\n").await.unwrap();
    assert_eq!(send(running.address, GET).await, [200]);
    drop(first);
}

/// Over HTTP/2, it may give its answer no room at all.
#[tokio::test]
async fn an_answer_without_room_ends_its_connection() {
    let limits = ConnectionLimits { max_connections: 1, idle_timeout: SOON, ..PATIENT };
    let running = start(limits, None).await;
    let stream = TcpStream::connect(running.address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(0)
        .handshake(TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::get("http://crm.test/a").body(Full::<Bytes>::default()).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(send(running.address, GET).await, [200], "its place is free again");
    drop(answer);
    connection.abort();
}

#[tokio::test]
async fn a_drain_lets_requests_end_and_takes_no_new_ones() {
    let running = start(PATIENT, None).await;
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    idle.write_all(GET).await.unwrap();
    answer(&mut idle).await;
    let mut busy = TcpStream::connect(running.address).await.unwrap();
    busy.write_all(b"GET /held HTTP/1.1\r\nHost: crm.test\r\n\r\n").await.unwrap();
    running.held.notified().await;

    running.shutdown.send(()).unwrap();
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
    running.release.notify_one();
    assert!(answer(&mut busy).await.contains("connection: close"));
    running.served.await.unwrap();
}

#[tokio::test]
async fn a_drain_cuts_what_does_not_end() {
    let running = start(ConnectionLimits { drain_timeout: SOON, ..PATIENT }, None).await;
    let mut busy = TcpStream::connect(running.address).await.unwrap();
    busy.write_all(b"GET /held HTTP/1.1\r\nHost: crm.test\r\n\r\n").await.unwrap();
    running.held.notified().await;
    running.shutdown.send(()).unwrap();
    running.served.await.unwrap();
    let mut rest = Vec::new();
    let _ = busy.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
}

async fn get_by_tls(
    certificates: &Certificates,
    address: SocketAddr,
    is_known: bool,
) -> std::io::Result<String> {
    let connector = TlsConnector::from(certificates.client(is_known, "http/1.1"));
    let name = ServerName::try_from("crm.test").unwrap();
    let stream = TcpStream::connect(address).await?;
    let mut stream = connector.connect(name, stream).await?;
    stream.write_all(GET).await?;
    let mut received = Vec::new();
    while !received.ends_with(b"]") {
        if stream.read_buf(&mut received).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(String::from_utf8(received).unwrap())
}

#[tokio::test]
async fn client_certificates_tell_names() {
    const NAMES: &str = "[uri:spiffe://zollhaus.dev/client dns:client.zollhaus.dev]";
    let certificates = Certificates::make();
    let ca = certificates.path("ca.pem");
    for (wanted, is_known, expected) in [
        (ClientCertificates::Ignored, true, Some("[]")),
        (ClientCertificates::Optional { ca: ca.clone() }, true, Some(NAMES)),
        (ClientCertificates::Optional { ca: ca.clone() }, false, Some("[]")),
        (ClientCertificates::Required { ca: ca.clone() }, true, Some(NAMES)),
        (ClientCertificates::Required { ca: ca.clone() }, false, None),
    ] {
        let running = start(PATIENT, Some(certificates.server(wanted.clone()))).await;
        let got = get_by_tls(&certificates, running.address, is_known).await;
        match expected {
            Some(expected) => {
                assert!(got.unwrap().ends_with(&format!("HTTP/1.1 true {expected}")), "{wanted:?}");
            }
            None => assert!(got.is_err(), "{wanted:?}"),
        }
    }
}

#[tokio::test]
async fn a_client_of_another_authority_is_turned_away() {
    let (ours, others) = (Certificates::make(), Certificates::make());
    let optional = ClientCertificates::Optional { ca: others.path("ca.pem") };
    let running = start(PATIENT, Some(ours.server(optional))).await;
    assert!(get_by_tls(&ours, running.address, true).await.is_err());
    assert!(get_by_tls(&ours, running.address, false).await.is_ok());
}

#[tokio::test]
async fn certificates_follow_their_files_and_broken_ones_are_not_used() {
    let (old, new) = (Certificates::make(), Certificates::make());
    let tls = Tls::load(old.server(ClientCertificates::Ignored)).await.unwrap();
    assert!(!tls.reload().await.unwrap());

    let certificate = old.path("server.pem");
    std::fs::write(&certificate, "broken").unwrap();
    tls.reload().await.unwrap_err();
    assert!(!tls.reload().await.unwrap(), "the same trouble is told once");
    std::fs::remove_file(&certificate).unwrap();
    tls.reload().await.unwrap_err();

    std::fs::copy(new.path("server.pem"), &certificate).unwrap();
    tls.reload().await.expect_err("the key is still the old one");
    std::fs::copy(new.path("server.key"), old.path("server.key")).unwrap();
    assert!(tls.reload().await.unwrap());
}

#[tokio::test]
async fn a_listener_that_cannot_start_says_which_file_is_at_fault() {
    let certificates = Certificates::make();
    let mut tls = certificates.server(ClientCertificates::Ignored);
    tls.certificate = certificates.path("missing.pem");
    let config =
        ListenerConfig { bind: "127.0.0.1:0".parse().unwrap(), tls: Some(tls), limits: PATIENT };
    let error = Listener::bind(config).await.unwrap_err().to_string();
    assert!(error.contains("missing.pem"), "{error}");
}
