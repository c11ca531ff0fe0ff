// SPDX-License-Identifier: Apache-2.0
//! Servers that sinks deliver to, on loopback.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::listener::tests::certificates::Certificates;

use super::PATIENCE;

/// What arrived, message by message.
pub(super) struct Received {
    pub port: u16,
    messages: mpsc::UnboundedReceiver<String>,
    _tasks: JoinSet<()>,
}

impl Received {
    pub async fn next(&mut self) -> String {
        let next = tokio::time::timeout(PATIENCE, self.messages.recv()).await;
        next.expect("a message in time").expect("the server lives")
    }

    /// The callers of the entries that arrive, until that with this caller has.
    pub async fn callers_until(&mut self, last: u64) -> Vec<u64> {
        let mut callers = Vec::new();
        while callers.last() != Some(&last) {
            callers.push(caller(&self.next().await));
        }
        callers
    }

    pub fn nothing_more(&mut self) -> bool {
        self.messages.try_recv().is_err()
    }
}

/// The `caller` of the entry in a message, which [`House`](super::House) counts up.
pub(super) fn caller(message: &str) -> u64 {
    let json = message.find('{').map_or("", |start| &message[start..]);
    let record: Value = serde_json::from_str(json).expect("a message ends with JSON");
    let entry = record.get("entry").unwrap_or(&record);
    let number: u64 = entry["caller"].as_str().unwrap().parse().unwrap();
    assert!(record.get("index").is_none_or(|index| index.as_u64() == Some(number)));
    number
}

/// A syslog server over TCP, or over TLS for those with a certificate. It resets its first `resets` connections with
/// bytes unread.
pub(super) async fn syslog(resets: usize, certificates: Option<&Certificates>) -> Received {
    let listener = TcpListener::bind(("localhost", 0)).await.unwrap();
    let acceptor = certificates.map(acceptor);
    serve(listener, move |at, stream, messages| {
        let acceptor = acceptor.clone();
        async move {
            if at < resets {
                let mut stream = stream;
                let _ = stream.read(&mut [0; 3]).await;
                stream.set_zero_linger().unwrap();
            } else if let Some(acceptor) = acceptor {
                // A client that does not trust us goes away.
                if let Ok(stream) = acceptor.accept(stream).await {
                    read_frames(stream, messages).await;
                }
            } else {
                read_frames(stream, messages).await;
            }
        }
    })
}

/// A syslog server over TLS that reads to the end, and goes without a farewell.
pub(super) async fn rude_syslog(certificates: &Certificates) -> Received {
    let listener = TcpListener::bind(("localhost", 0)).await.unwrap();
    let acceptor = acceptor(certificates);
    serve(listener, move |_, stream, _| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            while stream.read(&mut [0; 4096]).await.unwrap() > 0 {}
        }
    })
}

/// A collector that answers each request with the next status and body, then with 200.
/// With a field, requests must have it.
pub(super) async fn collector(
    answers: &'static [(u16, &'static str)],
    field: Option<&'static str>,
) -> Received {
    let listener = TcpListener::bind(("localhost", 0)).await.unwrap();
    serve(listener, move |at, stream, messages| async move {
        let next = answers.get(at).copied().unwrap_or((200, "{}"));
        answer(stream, next, field, messages).await;
    })
}

fn serve<F>(
    listener: TcpListener,
    connection: impl Fn(usize, TcpStream, mpsc::UnboundedSender<String>) -> F + Send + 'static,
) -> Received
where
    F: Future<Output = ()> + Send,
{
    let port = listener.local_addr().unwrap().port();
    let (sender, messages) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        for at in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            connection(at, stream, sender.clone()).await;
        }
    });
    Received { port, messages, _tasks: tasks }
}

fn acceptor(certificates: &Certificates) -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(certificates.path("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(certificates.path("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificates.path("ca.pem")).unwrap()).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let verifier = verifier.build().unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain.map(Result::unwrap).collect(), key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Reads a few bytes at a time, so that frames are split at every place.
async fn read_frames(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    messages: mpsc::UnboundedSender<String>,
) {
    let (mut waiting, mut bytes) = (Vec::new(), [0; 7]);
    loop {
        let read = stream.read(&mut bytes).await.unwrap();
        waiting.extend_from_slice(&bytes[..read]);
        while let Some(length) = first_frame(&waiting) {
            let frame: Vec<u8> = waiting.drain(..length).collect();
            let start = frame.iter().position(|byte| *byte == b' ').unwrap() + 1;
            let _ = messages.send(String::from_utf8(frame[start..].to_vec()).unwrap());
        }
        if read == 0 {
            assert_eq!(waiting, b"", "half a frame");
            let _ = stream.shutdown().await;
            return;
        }
    }
}

/// The length of the first frame, if it is complete: `MSG-LEN SP SYSLOG-MSG`, where
/// `MSG-LEN` does not start with 0.
fn first_frame(bytes: &[u8]) -> Option<usize> {
    let space = bytes.iter().position(|byte| *byte == b' ')?;
    let digits = std::str::from_utf8(&bytes[..space]).unwrap();
    assert!(digits.starts_with(|c| matches!(c, '1'..='9')), "`{digits}` is no length");
    let length = space + 1 + digits.parse::<usize>().unwrap();
    (bytes.len() >= length).then_some(length)
}

/// One request per connection; a body that is taken counts as its records.
async fn answer(
    mut stream: TcpStream,
    (mut status, mut body): (u16, &str),
    field: Option<&str>,
    messages: mpsc::UnboundedSender<String>,
) {
    let (mut request, mut bytes) = (Vec::new(), [0; 4096]);
    let request = loop {
        let read = stream.read(&mut bytes).await.unwrap();
        assert!(read > 0, "half a request");
        request.extend_from_slice(&bytes[..read]);
        let text = String::from_utf8_lossy(&request);
        let Some((head, sent)) = text.split_once("\r\n\r\n") else { continue };
        assert!(head.starts_with("POST /v1/logs HTTP/1.1\r\n"), "{head}");
        let head = head.to_ascii_lowercase();
        assert!(head.contains("content-type: application/json"), "{head}");
        if field.is_some_and(|field| !head.lines().any(|line| line == field)) {
            (status, body) = (401, "");
        }
        let length = head.split("content-length: ").nth(1).unwrap();
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if sent.len() == length {
            break sent.to_owned();
        }
    };
    if status / 100 == 2 {
        let request: Value = serde_json::from_str(&request).unwrap();
        let records = &request["resourceLogs"][0]["scopeLogs"][0]["logRecords"];
        for record in records.as_array().unwrap() {
            let _ = messages.send(record["body"]["stringValue"].as_str().unwrap().to_owned());
        }
    }
    // A 204 has neither.
    let rest = match status {
        204 => "\r\n".to_owned(),
        _ => format!("content-length: {}\r\n\r\n{body}", body.len()),
    };
    let answer = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n{rest}");
    stream.write_all(answer.as_bytes()).await.unwrap();
    let _ = stream.shutdown().await;
}
