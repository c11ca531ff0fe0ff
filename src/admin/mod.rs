// SPDX-License-Identifier: Apache-2.0
//! What operators and their tools ask: is it alive, is it ready, what does it count.
//!
//! A listener of its own for plain HTTP, on loopback unless configured otherwise:
//!
//! | target | answer |
//! | --- | --- |
//! | `GET /healthz` | 200 while the process lives |
//! | `GET /readyz` | 200, or 503 with a JSON line for each thing that is not ready |
//! | `GET /metrics` | the Prometheus text format |
//! | `POST /v1/…` | the [`Api`], where administrators have keys |
//!
//! What needs no key changes nothing, says nothing of callers or values and reads no
//! body. Every connection takes one request and is closed after [`CONNECTION_TIME`] at
//! the latest; no more than [`MAX_CONNECTIONS`] are open.

mod api;
mod readiness;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

pub use api::Api;
pub use readiness::Readiness;

use crate::telemetry::Metrics;

/// Further connections wait to be accepted.
pub const MAX_CONNECTIONS: u32 = 32;

/// From accepting a connection to the end of its answer.
pub const CONNECTION_TIME: Duration = Duration::from_secs(10);

const HEADER_TIME: Duration = Duration::from_secs(5);
const MAX_HEAD_BYTES: usize = 16 << 10;

/// After the system could not give us a connection, mostly for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The admin listener, bound.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    address: SocketAddr,
}

/// What the admin listener tells about.
#[derive(Debug)]
pub struct AdminState {
    pub metrics: Arc<Metrics>,
    pub readiness: Readiness,
    /// `None` where no administrator has a key.
    pub api: Option<Api>,
}

#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("the admin listener cannot be bound to {address}")]
    Bind { address: SocketAddr, source: std::io::Error },
}

impl Admin {
    /// Takes the address; connections wait until [`serve`](Self::serve).
    pub async fn bind(address: SocketAddr) -> Result<Self, AdminError> {
        let bind_error = |source| AdminError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(bind_error)?;
        let address = listener.local_addr().map_err(bind_error)?;
        Ok(Self { listener, address })
    }

    /// Where it listens; the port is the one the system chose if 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` completes and the requests then in flight are answered.
    pub async fn serve(self, state: Arc<AdminState>, shutdown: impl Future<Output = ()>) {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS as usize));
        tokio::select! {
            () = shutdown => {}
            () = self.accept(&state, &places) => {}
        }
        drop(self);
        // Its end is bounded by `CONNECTION_TIME`; the semaphore is never closed.
        let _ = places.acquire_many(MAX_CONNECTIONS).await;
    }

    /// Serves for as long as `work` takes; connections wait again after it.
    pub async fn serve_during<T>(
        &self,
        state: Arc<AdminState>,
        work: impl Future<Output = T>,
    ) -> T {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS as usize));
        let serve = async {
            self.accept(&state, &places).await;
            // The semaphore is never closed, so this is not reached.
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            done = work => done,
            never = serve => match never {},
        }
    }

    async fn accept(&self, state: &Arc<AdminState>, places: &Arc<Semaphore>) {
        while let Ok(place) = Arc::clone(places).acquire_owned().await {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let state = Arc::clone(state);
                    tokio::spawn(async move {
                        serve_connection(stream, state).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the admin listener cannot accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, state: Arc<AdminState>) {
    let service = service_fn(|request: Request<Incoming>| {
        let state = Arc::clone(&state);
        async move { Ok::<_, hyper::Error>(answer(request, &state).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(MAX_HEAD_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(CONNECTION_TIME, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "an admin connection failed"),
        Err(_) => tracing::debug!("an admin connection took too long"),
    }
}

async fn answer(request: Request<Incoming>, state: &AdminState) -> Response<Full<Bytes>> {
    if let Some(api) = state.api.as_ref().filter(|_| Api::is_for(&request)) {
        return api.answer(request).await;
    }
    let path = request.uri().path();
    if !matches!(path, "/healthz" | "/readyz" | "/metrics") {
        return text(StatusCode::NOT_FOUND, "not found\n");
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match path {
        "/readyz" => match state.readiness.check().await {
            Ok(()) => text(StatusCode::OK, "ready\n"),
            Err(lines) => {
                respond(StatusCode::SERVICE_UNAVAILABLE, "application/x-ndjson", lines.into())
            }
        },
        "/metrics" => match state.metrics.render() {
            Ok(metrics) => respond(StatusCode::OK, prometheus::TEXT_FORMAT, metrics.into()),
            Err(error) => {
                tracing::error!(%error, "the metrics cannot be rendered");
                text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be rendered\n")
            }
        },
        _ => text(StatusCode::OK, "alive\n"),
    }
}

fn text(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    respond(status, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
}

fn respond(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
