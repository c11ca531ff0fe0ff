// SPDX-License-Identifier: Apache-2.0

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::telemetry::Metrics;

use super::{Admin, AdminState, Api, MAX_CONNECTIONS, Readiness};

pub(super) struct Running {
    pub address: SocketAddr,
    pub state: Arc<AdminState>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

async fn run(readiness: Readiness) -> Running {
    run_with(readiness, |_| None).await
}

pub(super) async fn run_with(
    readiness: Readiness,
    api: impl FnOnce(Arc<Metrics>) -> Option<Api>,
) -> Running {
    let admin = Admin::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = admin.address();
    let metrics = Arc::new(Metrics::new().unwrap());
    let api = api(Arc::clone(&metrics));
    let state = Arc::new(AdminState { metrics, readiness, api });
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async { drop(stopped.await) };
    let serving = tokio::spawn(admin.serve(Arc::clone(&state), shutdown));
    Running { address, state, stop, serving }
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

pub(super) async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = connect(address).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn check(address: SocketAddr, request: &str, status: u16, body: &str) {
    let answer = ask(address, &format!("{request} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
    let (head, found) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {head}");
    assert_eq!(found, body, "{request}");
}

#[tokio::test]
async fn targets_and_methods_are_the_known_ones() {
    let running = run(Readiness::new()).await;
    let address = running.address;
    check(address, "GET /healthz", 200, "alive\n").await;
    check(address, "GET /healthz?verbose", 200, "alive\n").await;
    check(address, "HEAD /healthz", 200, "").await;
    check(address, "GET /readyz", 200, "ready\n").await;
    check(address, "POST /readyz", 405, "method not allowed\n").await;
    check(address, "DELETE /metrics", 405, "method not allowed\n").await;
    for target in
        ["/", "/v1/consents", "/healthz/", "/HEALTHZ", "/metrics/../healthz", "/debug/pprof"]
    {
        check(address, &format!("GET {target}"), 404, "not found\n").await;
    }
    let metrics = ask(address, "GET /metrics HTTP/1.0\r\n\r\n").await;
    assert!(metrics.contains("content-type: text/plain; version=0.0.4"), "{metrics}");
    assert!(metrics.contains("\nzollhaus_build_info{"), "{metrics}");
}

#[tokio::test]
async fn a_body_is_not_waited_for() {
    let running = run(Readiness::new()).await;
    let head = "POST /healthz HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n";
    assert!(ask(running.address, head).await.starts_with("HTTP/1.1 405 "));
}

#[tokio::test]
async fn what_is_not_ready_is_named_until_it_is() {
    let is_well = Arc::new(AtomicBool::new(false));
    let vault = Arc::clone(&is_well);
    let readiness = Readiness::new()
        .with("vault", move || {
            let is_well = vault.load(Ordering::SeqCst);
            async move { if is_well { Ok(()) } else { Err("it is \"away\"") } }
        })
        .with("transfer_log", || async { Ok::<_, String>(()) });
    let running = run(readiness).await;
    let vault_line = "{\"not_ready\":\"vault\",\"because\":\"it is \\\"away\\\"\"}\n";
    let drain_line = "{\"not_ready\":\"process\",\"because\":\"it is draining\"}\n";
    check(running.address, "GET /readyz", 503, vault_line).await;
    check(running.address, "GET /healthz", 200, "alive\n").await;
    is_well.store(true, Ordering::SeqCst);
    check(running.address, "GET /readyz", 200, "ready\n").await;
    running.state.readiness.start_draining();
    check(running.address, "GET /readyz", 503, drain_line).await;
    is_well.store(false, Ordering::SeqCst);
    check(running.address, "GET /readyz", 503, &format!("{vault_line}{drain_line}")).await;
}

#[tokio::test]
async fn a_check_that_hangs_counts_as_failed() {
    let readiness = Readiness::with_patience(Duration::ZERO)
        .with("vault", std::future::pending::<Result<(), String>>);
    let expected = "{\"not_ready\":\"vault\",\"because\":\"it does not answer in time\"}\n";
    assert_eq!(readiness.check().await, Err(expected.to_owned()));
}

#[tokio::test]
async fn connections_are_bounded_and_a_closed_one_makes_room() {
    let count = AtomicU32::new(0);
    let readiness = Readiness::new()
        .with("turn", move || std::future::ready(Err(count.fetch_add(1, Ordering::SeqCst))));
    let running = run(readiness).await;
    let mut idle = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        idle.push(connect(running.address).await);
    }
    // The idle ones are accepted first. The one too many asks before one of them does,
    // and has its turn after it.
    let mut too_many = connect(running.address).await;
    let mut first = idle.remove(0);
    let mut answers = [String::new(), String::new()];
    for stream in [&mut too_many, &mut first] {
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    }
    first.read_to_string(&mut answers[0]).await.unwrap();
    too_many.read_to_string(&mut answers[1]).await.unwrap();
    for (turn, answer) in answers.iter().enumerate() {
        let expected = format!("{{\"not_ready\":\"turn\",\"because\":\"{turn}\"}}\n");
        assert!(answer.ends_with(&expected), "{answer}");
    }
}

#[tokio::test]
async fn shutting_down_lets_go_of_the_address() {
    let running = run(Readiness::new()).await;
    check(running.address, "GET /healthz", 200, "alive\n").await;
    running.stop.send(()).unwrap();
    running.serving.await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}
