// SPDX-License-Identifier: Apache-2.0
//! Raw sockets on both sides of a proxy: a caller that sends exact bytes and an
//! upstream that records exact bytes. Knows nothing of what stands between, so
//! that the whole product can stand there too.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A proxy under test has to close every connection by itself long before this.
const PATIENCE: Duration = Duration::from_secs(20);

/// What an upstream answers with.
#[derive(Clone, Debug)]
pub(crate) enum Script {
    /// These bytes after each request; the connection stays open.
    Answer(Vec<u8>),
    /// These bytes after the first request, then the end.
    Hostile { bytes: Vec<u8>, pause_between_bytes: Duration },
    /// Nothing, for as long as the proxy waits.
    Silence,
}

/// An upstream that records what it gets.
pub(crate) struct Recorder {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<Recorded>>>,
    _tasks: JoinSet<()>,
}

/// A request as it arrived; `body` is raw, chunk framing included.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorded {
    pub(crate) head: Vec<u8>,
    pub(crate) body: Vec<u8>,
    pub(crate) is_complete: bool,
}

impl Recorded {
    pub(crate) fn head_text(&self) -> String {
        String::from_utf8_lossy(&self.head).into_owned()
    }

    pub(crate) fn values(&self, name: &str) -> Vec<String> {
        let head = self.head_text();
        let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
            .collect()
    }
}

impl Recorder {
    pub(crate) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        let log = Arc::clone(&requests);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(record(stream, script.clone(), Arc::clone(&log)));
            }
        });
        Self { address, requests, _tasks: tasks }
    }

    /// What has arrived, complete or not.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        let requests = self.requests.lock().unwrap();
        requests.iter().filter(|request| !request.head.is_empty()).cloned().collect()
    }
}

async fn record(mut stream: TcpStream, script: Script, log: Arc<Mutex<Vec<Recorded>>>) {
    let mut buffer = Vec::new();
    loop {
        let index = {
            let mut log = log.lock().unwrap();
            log.push(Recorded::default());
            log.len() - 1
        };
        loop {
            let (recorded, used) = parse(&buffer);
            log.lock().unwrap()[index] = recorded.clone();
            if recorded.is_complete {
                buffer.drain(..used);
                break;
            }
            if !matches!(stream.read_buf(&mut buffer).await, Ok(1..)) {
                return;
            }
        }
        match &script {
            Script::Answer(bytes) => {
                if stream.write_all(bytes).await.is_err() {
                    return;
                }
            }
            Script::Hostile { bytes, pause_between_bytes } => {
                if pause_between_bytes.is_zero() {
                    let _ = stream.write_all(bytes).await;
                } else {
                    for byte in bytes {
                        if stream.write_all(&[*byte]).await.is_err() {
                            return;
                        }
                        tokio::time::sleep(*pause_between_bytes).await;
                    }
                }
                let _ = stream.shutdown().await;
                let _ = stream.read_to_end(&mut Vec::new()).await;
                return;
            }
            Script::Silence => {
                let _ = stream.read_to_end(&mut Vec::new()).await;
                return;
            }
        }
    }
}

/// Takes one request from the front; also says how many bytes it has.
fn parse(bytes: &[u8]) -> (Recorded, usize) {
    let Some(end) = find(bytes, b"\r\n\r\n") else {
        return (Recorded { head: bytes.to_vec(), ..Recorded::default() }, bytes.len());
    };
    let head = bytes[..end + 4].to_vec();
    let rest = &bytes[end + 4..];
    let recorded = Recorded { head, ..Recorded::default() };
    let length = if recorded.values("transfer-encoding").is_empty() {
        let lengths = recorded.values("content-length");
        Some(lengths.first().map_or(0, |length| length.parse().unwrap()))
    } else {
        find(rest, b"0\r\n\r\n").map(|at| at + 5)
    };
    let is_complete = length.is_some_and(|length| rest.len() >= length);
    let length = length.unwrap_or(rest.len()).min(rest.len());
    let used = recorded.head.len() + length;
    (Recorded { body: rest[..length].to_vec(), is_complete, ..recorded }, used)
}

pub(crate) fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

/// What a caller sends: bytes, maybe the end of its side, and maybe more bytes
/// once the proxy has closed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) bytes: Vec<u8>,
    pub(crate) half_close: bool,
    pub(crate) after_close: Vec<u8>,
}

/// Sends and returns everything that came until the proxy closed the connection;
/// `None` if it never did.
pub(crate) async fn call(proxy: SocketAddr, sent: Sent) -> Option<Vec<u8>> {
    let stream = TcpStream::connect(proxy).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let read = async {
        let mut received = Vec::new();
        // A reset ends the answer as well as a close does.
        let _ = reader.read_to_end(&mut received).await;
        received
    };
    let write = async {
        let _ = writer.write_all(&sent.bytes).await;
        if sent.half_close {
            let _ = writer.shutdown().await;
        }
    };
    let (received, ()) =
        tokio::time::timeout(PATIENCE, async { tokio::join!(read, write) }).await.ok()?;
    let _ = writer.write_all(&sent.after_close).await;
    Some(received)
}

/// The status codes of the final HTTP/1.1 answers in what a caller received.
pub(crate) fn statuses(mut received: &[u8]) -> Vec<u16> {
    let mut statuses = Vec::new();
    while let Some(end) = find(received, b"\r\n\r\n") {
        let head = String::from_utf8_lossy(&received[..end]).to_ascii_lowercase();
        let Some(status) = head.strip_prefix("http/1.1 ").or(head.strip_prefix("http/1.0 ")) else {
            break;
        };
        let status: u16 = status[..3].parse().unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
        if status >= 200 {
            statuses.push(status);
        }
        received = &received[(end + 4 + length).min(received.len())..];
    }
    statuses
}
