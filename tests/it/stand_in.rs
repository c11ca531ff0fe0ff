// SPDX-License-Identifier: Apache-2.0
//! A CRM on loopback that a test makes up.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::world::read_request;

/// Answers one request after another, and keeps them.
pub struct StandIn {
    pub address: SocketAddr,
    /// Target and body of each request.
    requests: Arc<Mutex<Vec<(String, String)>>>,
    task: JoinHandle<()>,
}

impl StandIn {
    /// `answer` makes the JSON of an answer from the target and the body of a request.
    pub async fn start(mut answer: impl FnMut(&str, &str) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let requests: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let seen = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some((target, body)) = read_request(&mut stream).await else { continue };
                let answer = answer(&target, &body);
                seen.lock().expect("no writer panicked").push((target, body));
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{answer}",
                    answer.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { address, requests, task }
    }

    pub fn last(&self) -> (String, String) {
        self.requests.lock().expect("no writer panicked").last().expect("a request").clone()
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
