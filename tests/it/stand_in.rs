// SPDX-License-Identifier: Apache-2.0
//! A CRM that keeps what it was sent and answers as a test says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub target: String,
    /// The header lines.
    pub head: String,
    pub body: String,
}

/// The status line without the version, header lines, and the body of an answer.
pub struct Reply {
    pub status: &'static str,
    pub head: String,
    pub body: String,
}

impl Reply {
    pub fn json(body: impl Into<String>) -> Self {
        let head = "Content-Type: application/json\r\n".to_owned();
        Self { status: "200 OK", head, body: body.into() }
    }
}

pub struct StandIn {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl StandIn {
    pub async fn start(mut answer: impl FnMut(&Seen) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let requests: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let kept = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some(seen) = read(&mut stream).await else { continue };
                let Reply { status, head, body } = answer(&seen);
                kept.lock().expect("no writer panicked").push(seen);
                let length = body.len();
                let reply = format!(
                    "HTTP/1.1 {status}\r\n{head}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
                );
                let _ = stream.write_all(reply.as_bytes()).await;
            }
        });
        Self { address, requests, task }
    }

    pub fn last(&self) -> Seen {
        self.requests().pop().expect("a request")
    }

    pub fn requests(&self) -> Vec<Seen> {
        self.requests.lock().expect("no writer panicked").clone()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse().ok())?
        });
        if body.len() >= length.unwrap_or(0) {
            let (line, head) = head.split_once("\r\n")?;
            let mut words = line.split(' ').map(str::to_owned);
            let (method, target) = (words.next()?, words.next()?);
            return Some(Seen { method, target, head: head.to_owned(), body: body.to_owned() });
        }
    }
}
