// SPDX-License-Identifier: Apache-2.0

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tower::{Service, ServiceExt};

use crate::telemetry::{Held, Metrics, RefusedConnection};

use super::tls::Tls;
use super::traffic::{AnswerInFlight, BoxError, Observed, Traffic};
use super::{ConnectionLimits, ListenerConfig, ListenerError, Peer};

/// How often certificate files are looked at.
const RELOAD_INTERVAL: Duration = Duration::from_secs(5);
/// Pauses after a failed accept, so that a lack of file descriptors does not spin.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// hyper refuses smaller buffers.
const SMALLEST_H1_BUFFER: usize = 8 * 1024;
/// Window sizes as Envoy advises for the edge.
const H2_STREAM_WINDOW: u32 = 64 * 1024;
const H2_CONNECTION_WINDOW: u32 = 1024 * 1024;
const H2_SEND_BUFFER: usize = 64 * 1024;
const H2_PING_TIMEOUT: Duration = Duration::from_secs(10);
/// Streams that a caller resets before they are looked at (CVE-2023-44487).
const MAX_RESET_STREAMS: usize = 32;
/// Streams that a caller makes us reset (CVE-2025-8671).
const MAX_LOCAL_RESET_STREAMS: usize = 64;

/// A bound socket that is ready to serve.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<Tls>>,
    limits: ConnectionLimits,
    metrics: Option<Arc<Metrics>>,
}

impl Listener {
    /// Loads the certificates and binds the socket; connections queue up from here.
    ///
    /// # Errors
    /// [`ListenerError`], with the file or address at fault.
    pub async fn bind(config: ListenerConfig) -> Result<Self, ListenerError> {
        let tls = match config.tls {
            Some(tls) => Some(Arc::new(Tls::load(tls).await?)),
            None => None,
        };
        let bound = |source| ListenerError::Bind { address: config.bind, source };
        let tcp = TcpListener::bind(config.bind).await.map_err(bound)?;
        let address = tcp.local_addr().map_err(bound)?;
        Ok(Self { tcp, address, tls, limits: config.limits, metrics: None })
    }

    /// Counts connections.
    #[must_use]
    pub fn counted_by(self, metrics: Arc<Metrics>) -> Self {
        Self { metrics: Some(metrics), ..self }
    }

    /// The address bound, with the port that the system chose for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` completes and its connections have ended.
    ///
    /// Then nothing more is accepted, idle connections close, and requests in
    /// flight have `drain_timeout` to end before they are cut. Dropping the
    /// future cuts all connections at once.
    pub async fn serve<S, B>(self, service: S, shutdown: impl Future<Output = ()>)
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let Self { tcp, address, tls, limits, metrics } = self;
        let places = Arc::new(Semaphore::new(limits.max_connections));
        let drain = watch::Sender::new(false);
        let mut connections = JoinSet::new();
        let mut background = JoinSet::new();
        if let Some(tls) = tls.clone() {
            background.spawn(async move { tls.follow_files(RELOAD_INTERVAL).await });
        }

        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(_) = connections.join_next() => {}
                (stream, address, place) = accept(&tcp, &places) => {
                    let connection = Connection {
                        address,
                        limits,
                        drain: drain.subscribe(),
                        _open: metrics.as_ref().map(|metrics| metrics.connection_open()),
                        metrics: metrics.clone(),
                        _place: place,
                    };
                    connections.spawn(connection.run(stream, tls.clone(), service.clone()));
                }
            }
        }

        drop(tcp);
        drain.send_replace(true);
        let ended = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(limits.drain_timeout, ended).await.is_err() {
            tracing::warn!(%address, connections = connections.len(), "cutting connections that did not end in time");
            connections.shutdown().await;
        }
    }
}

/// Waits for a place, then for a connection to take it.
async fn accept(
    tcp: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let Ok(place) = Arc::clone(places).acquire_owned().await else {
        return std::future::pending().await; // INVARIANT: the semaphore is never closed.
    };
    let mut pause = FIRST_PAUSE;
    loop {
        match tcp.accept().await {
            Ok((stream, address)) => return (stream, address, place),
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(pause).await;
                pause = LONGEST_PAUSE.min(pause * 2);
            }
        }
    }
}

struct Connection {
    address: SocketAddr,
    limits: ConnectionLimits,
    drain: watch::Receiver<bool>,
    metrics: Option<Arc<Metrics>>,
    _open: Option<Held>,
    _place: OwnedSemaphorePermit,
}

/// Why no request came of a connection.
enum Handshake {
    Failed(std::io::Error),
    TimedOut,
}

impl Connection {
    async fn run<S, B>(self, stream: TcpStream, tls: Option<Arc<Tls>>, service: S)
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(peer = %self.address, %error, "the connection broke off");
            return;
        }
        let Some(tls) = tls else {
            let peer = Peer {
                address: self.address,
                is_tls: false,
                server_name: None,
                certificate_names: Arc::default(),
            };
            return self.serve(stream, peer, service).await;
        };
        match tokio::time::timeout(self.limits.header_timeout, tls.accept(stream)).await {
            Ok(Ok(stream)) => {
                let peer = super::tls::peer(self.address, stream.get_ref().1);
                self.serve(stream, peer, service).await;
            }
            Ok(Err(error)) => self.refused(&Handshake::Failed(error)),
            Err(_) => self.refused(&Handshake::TimedOut),
        }
    }

    fn refused(&self, handshake: &Handshake) {
        let peer = self.address;
        match handshake {
            Handshake::Failed(error) => tracing::debug!(%peer, %error, "the TLS handshake failed"),
            Handshake::TimedOut => tracing::debug!(%peer, "the TLS handshake took too long"),
        }
        if let Some(metrics) = &self.metrics {
            metrics.connection_refused(RefusedConnection::Handshake);
        }
    }

    async fn serve<I, S, B>(mut self, io: I, peer: Peer, service: S)
    where
        I: AsyncRead + AsyncWrite + Unpin + 'static,
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let traffic = Traffic::new(&self.limits);
        let counted = traffic.clone();
        let answered = service_fn(move |mut request: Request<Incoming>| {
            let in_flight = counted.begin(request.version());
            request.extensions_mut().insert(peer.clone());
            let answer = service.clone().oneshot(request);
            async move {
                let answer = answer.await?;
                Ok::<_, Infallible>(answer.map(|body| AnswerInFlight {
                    body: body.map_err(Into::into).boxed_unsync(),
                    request: in_flight.answered(),
                }))
            }
        });
        let io = TokioIo::new(Observed { io, traffic: traffic.clone() });
        let builder = protocols(&self.limits);
        let mut connection = pin!(builder.serve_connection(io, answered));

        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = traffic.exhausted() => None,
            _ = self.drain.wait_for(|drains| *drains) => None,
        };
        let ended = if let Some(ended) = ended {
            ended
        } else {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = traffic.exhausted() => Ok(()),
            }
        };
        if let Err(error) = ended {
            tracing::debug!(peer = %self.address, %error, "the connection broke off");
        }
    }
}

fn protocols(limits: &ConnectionLimits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None) // `Traffic` measures it.
        .max_buf_size(limits.max_header_bytes.max(SMALLEST_H1_BUFFER))
        .max_headers(limits.max_headers);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits.max_h2_streams)
        .initial_stream_window_size(H2_STREAM_WINDOW)
        .initial_connection_window_size(H2_CONNECTION_WINDOW)
        .max_send_buf_size(H2_SEND_BUFFER)
        .keep_alive_interval(limits.idle_timeout / 2)
        .keep_alive_timeout(H2_PING_TIMEOUT)
        .max_pending_accept_reset_streams(MAX_RESET_STREAMS)
        .max_local_error_reset_streams(MAX_LOCAL_RESET_STREAMS);
    builder
}
