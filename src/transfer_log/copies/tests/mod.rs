// SPDX-License-Identifier: Apache-2.0

mod mirrors;
mod witnesses;

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use super::{CopySettings, RemoteSettings};
use crate::base::{EntryId, ManualClock, Timestamp};
use crate::telemetry::Metrics;
use crate::testkit::Scratch;
use crate::transfer_log::note::{SignedNote, SignerKey};
use crate::transfer_log::open_transfers::unknown_outcome;
use crate::transfer_log::{Checkpoint, DirectoryLog, DirectorySettings, OpenError, TransferLog};

const ORIGIN: &str = "acme.example/one";

/// A place on loopback that answers as it is told.
struct Server {
    url: Uri,
    task: AbortHandle,
}

impl Server {
    async fn start(
        port: u16,
        answer: impl Fn(Parts, String) -> (StatusCode, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let url = format!("http://{}/copies", listener.local_addr().unwrap()).parse().unwrap();
        let answer = Arc::new(answer);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let answer = Arc::clone(&answer);
                let service = service_fn(move |request: Request<Incoming>| {
                    let answer = Arc::clone(&answer);
                    async move {
                        let (head, body) = request.into_parts();
                        #[expect(clippy::disallowed_methods, reason = "it is ours")]
                        let body = body.collect().await.unwrap().to_bytes();
                        let body = String::from_utf8(body.to_vec()).unwrap();
                        let (status, text) = answer(head, body);
                        let mut answer = Response::new(Full::new(Bytes::from(text)));
                        *answer.status_mut() = status;
                        Ok::<_, Infallible>(answer)
                    }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .keep_alive(false)
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        Self { url, task: task.abort_handle() }
    }

    fn remote(&self) -> RemoteSettings {
        RemoteSettings { url: self.url.clone(), ca: None, credential: None }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A mirror that keeps what it is given.
async fn mirror(port: u16, kept: &Arc<Mutex<Option<String>>>) -> Server {
    mirror_for(port, kept, None).await
}

/// A mirror that keeps what it is given, by those who know the secret if there is one.
async fn mirror_for(
    port: u16,
    kept: &Arc<Mutex<Option<String>>>,
    secret: Option<&'static str>,
) -> Server {
    let kept = Arc::clone(kept);
    Server::start(port, move |head, body| {
        assert_eq!(head.uri.path(), "/copies");
        if secret.is_some_and(|secret| head.headers.get("authorization").unwrap() != secret) {
            return (StatusCode::FORBIDDEN, String::new());
        }
        let mut kept = kept.lock().unwrap();
        match (head.method, &*kept) {
            (Method::PUT, _) => {
                *kept = Some(body);
                (StatusCode::NO_CONTENT, String::new())
            }
            (_, Some(text)) => (StatusCode::OK, text.clone()),
            (_, None) => (StatusCode::NOT_FOUND, String::new()),
        }
    })
    .await
}

struct Log {
    scratch: Scratch,
    metrics: Arc<Metrics>,
    copies: CopySettings,
    interval: Duration,
}

impl Log {
    fn new(copies: CopySettings) -> Self {
        let (scratch, metrics) = (Scratch::new(), Arc::new(Metrics::new().unwrap()));
        Self { scratch, metrics, copies, interval: Duration::from_millis(5) }
    }

    fn directory(&self) -> PathBuf {
        self.scratch.file("log")
    }

    async fn open(&self) -> Result<DirectoryLog, OpenError> {
        let settings = DirectorySettings {
            directory: self.directory(),
            origin: ORIGIN.to_owned(),
            interval: self.interval,
            max_unintegrated: 1000,
            retention: None,
            copies: self.copies.clone(),
        };
        let keys = vec![SignerKey::new(ORIGIN, &[1; 32]).unwrap()];
        let clock = Arc::new(ManualClock::at(Timestamp::from_unix_millis(1000)));
        DirectoryLog::open(&settings, keys, clock, Arc::clone(&self.metrics)).await
    }

    /// Puts a copy of the directory aside, or one back in its place.
    fn copy(from: &Path, to: &Path) {
        let _ = fs::remove_dir_all(to);
        let done = std::process::Command::new("cp").arg("-r").arg(from).arg(to).status();
        assert!(done.unwrap().success());
    }

    fn has_sample(&self, sample: &str) -> bool {
        let text = self.metrics.render().unwrap();
        text.lines().any(|line| line == format!("zollhaus_transfer_log_{sample}"))
    }

    /// Whether it has brought something to a mirror.
    fn has_mirrored(&self) -> bool {
        let text = self.metrics.render().unwrap();
        text.lines().any(|line| line.starts_with("zollhaus_transfer_log_mirrored_entries{"))
    }

    fn checkpoint(&self) -> Option<SignedNote> {
        fs::read_to_string(self.directory().join("checkpoint")).ok()?.parse().ok()
    }
}

async fn append(log: &DirectoryLog, numbers: std::ops::Range<u8>) {
    let time = Timestamp::from_unix_millis(1000);
    let entries = numbers.map(|number| unknown_outcome(EntryId([number; 16]), time));
    log.append(entries.collect()).await.unwrap();
}

/// Waits for what another thread is about to do.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..4000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never happened: {what}");
}

fn size(note: &str) -> Option<u64> {
    let note: SignedNote = note.parse().ok()?;
    note.text().parse().ok().map(|checkpoint: Checkpoint| checkpoint.size)
}
