// SPDX-License-Identifier: Apache-2.0
//! A server with TLS on loopback that answers as a key service does.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::sync::oneshot;
use tower::service_fn;

use crate::listener::tests::certificates::Certificates;
use crate::listener::{ClientCertificates, ConnectionLimits, Listener, ListenerConfig};

const LONG: Duration = Duration::from_secs(3600);

/// A status and a body.
pub(crate) type Reply = (u16, String);

pub(crate) struct StandIn {
    pub(crate) url: String,
    certificates: Certificates,
    /// What it answers instead of its own answers, if anything.
    instead: Arc<Mutex<Option<Reply>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl StandIn {
    /// Runs in a thread of its own, because those who ask block.
    pub(crate) fn start(answer: impl Fn(&Parts, &[u8]) -> Reply + Send + Sync + 'static) -> Self {
        let certificates = Certificates::make();
        let tls = Some(certificates.server(ClientCertificates::Ignored));
        let instead: Arc<Mutex<Option<Reply>>> = Arc::default();
        let (answer, shown) = (Arc::new(answer), Arc::clone(&instead));
        let (stop, stopped) = oneshot::channel();
        let (say_port, port) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let limits = ConnectionLimits {
                    max_connections: 8,
                    max_header_bytes: 16 * 1024,
                    max_headers: 20,
                    header_timeout: LONG,
                    idle_timeout: LONG,
                    drain_timeout: Duration::ZERO,
                    max_h2_streams: 8,
                };
                let bind = "127.0.0.1:0".parse().unwrap();
                let listener = Listener::bind(ListenerConfig { bind, tls, limits }).await.unwrap();
                say_port.send(listener.local_addr().port()).unwrap();
                let service = service_fn(move |request: Request<Incoming>| {
                    let (answer, instead) = (Arc::clone(&answer), Arc::clone(&shown));
                    async move {
                        let (head, body) = request.into_parts();
                        #[expect(clippy::disallowed_methods, reason = "it is ours")]
                        let body = body.collect().await.unwrap().to_bytes();
                        let instead = instead.lock().unwrap().clone();
                        let (status, text) = instead.unwrap_or_else(|| answer(&head, &body));
                        let mut response = Response::new(Full::new(Bytes::from(text)));
                        *response.status_mut() = StatusCode::from_u16(status).unwrap();
                        Ok::<_, Infallible>(response)
                    }
                });
                let stopped = async {
                    let _ = stopped.await;
                };
                listener.serve(service, stopped).await;
            });
        });
        let url = format!("https://localhost:{}", port.recv().unwrap());
        Self { url, certificates, instead, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.certificates.path("ca.pem")
    }

    /// From now on this, or what it answers by itself.
    pub(crate) fn answer_instead(&self, reply: Option<Reply>) {
        *self.instead.lock().unwrap() = reply;
    }

    /// Nobody listens any more.
    pub(crate) fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
