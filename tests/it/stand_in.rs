// SPDX-License-Identifier: Apache-2.0
//! A CRM on loopback that a test makes up.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::world::{Seen, read_request};

/// The status line without the version, header lines, and the body of an answer.
pub struct Reply {
    pub status: &'static str,
    pub head: String,
    pub body: Bytes,
}

impl Reply {
    pub fn json(body: impl Into<Bytes>) -> Self {
        let head = "Content-Type: application/json\r\n".to_owned();
        Self { status: "200 OK", head, body: body.into() }
    }
}

/// Answers one request after another, and keeps them.
pub struct StandIn {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl StandIn {
    /// `answer` makes the JSON of an answer from the target and the body of a request.
    pub async fn start(mut answer: impl FnMut(&str, &str) -> String + Send + 'static) -> Self {
        Self::replying(move |seen| Reply::json(answer(&seen.target, &seen.body))).await
    }

    pub async fn replying(mut reply: impl FnMut(&Seen) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let requests: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let kept = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some(seen) = read_request(&mut stream).await else { continue };
                let Reply { status, head, body } = reply(&seen);
                kept.lock().expect("no writer panicked").push(seen);
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status}\r\n{head}Connection: close\r\nContent-Length: {length}\r\n\r\n"
                );
                let answer = [head.as_bytes(), &body].concat();
                let _ = stream.write_all(&answer).await;
            }
        });
        Self { address, requests, task }
    }

    /// Target and body of the last request.
    pub fn last(&self) -> (String, String) {
        let Seen { target, body, .. } = self.seen().pop().expect("a request");
        (target, body)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.requests.lock().expect("no writer panicked").clone()
    }

    pub fn count(&self) -> usize {
        self.requests.lock().expect("no writer panicked").len()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}
