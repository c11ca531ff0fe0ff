// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Response, Uri};
use http_body::Body;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper_rustls::{HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceBuilder};

use super::answer::{AnswerBody, causes, check_head};
use super::watched::Watched;
use super::{ClientIdentity, UpstreamConfig, UpstreamError, UpstreamSetupError};

/// How long a connection waits in the pool. Shorter than what the usual load
/// balancers allow, so that it is rarely closed under a request.
const POOL_IDLE: Duration = Duration::from_secs(50);
/// Header block of an answer: Salesforce and Dataverse stay well below 16 KiB.
const MAX_HEADER_BYTES: usize = 64 * 1024;
const MAX_HEADERS: usize = 200;
const H2_STREAM_WINDOW: u32 = 1024 * 1024;
const H2_CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
const H2_PING_INTERVAL: Duration = Duration::from_secs(20);
const H2_PING_TIMEOUT: Duration = Duration::from_secs(10);

type Connector = BoxCloneSyncService<Uri, MaybeHttpsStream<TokioIo<TcpStream>>, BoxError>;

/// Sends requests to one CRM. Clones share the connections.
#[derive(Clone)]
pub struct UpstreamClient {
    client: Client<Connector, Watched<UnsyncBoxBody<Bytes, BoxError>>>,
    url: Uri,
    answer_timeout: Duration,
    read_timeout: Duration,
}

impl UpstreamClient {
    /// # Errors
    /// [`UpstreamSetupError`] if the URL or the authorities cannot be used.
    /// Nothing is connected yet.
    pub fn new(config: &UpstreamConfig) -> Result<Self, UpstreamSetupError> {
        check_url(config)?;
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .pool_idle_timeout(POOL_IDLE)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http1_max_buf_size(MAX_HEADER_BYTES)
            .http1_max_headers(MAX_HEADERS)
            .http2_max_header_list_size(MAX_HEADER_BYTES as u32)
            .http2_initial_stream_window_size(H2_STREAM_WINDOW)
            .http2_initial_connection_window_size(H2_CONNECTION_WINDOW)
            .http2_keep_alive_interval(H2_PING_INTERVAL)
            .http2_keep_alive_timeout(H2_PING_TIMEOUT);
        Ok(Self {
            client: builder.build(connector(config)?),
            url: config.url.clone(),
            answer_timeout: config.answer_timeout,
            read_timeout: config.read_timeout,
        })
    }

    /// Sends one request and waits for the header of its answer.
    ///
    /// The request's URI is absolute; one that names another origin than the
    /// configured one is not sent. `Host` and `Content-Length` are set from the
    /// URI and the body. Dropping the future gives the request up; it may have
    /// been sent.
    ///
    /// # Errors
    /// [`UpstreamError`]; only `Unreachable` means that nothing was sent.
    pub async fn send<B>(&self, request: Request<B>) -> Result<Response<AnswerBody>, UpstreamError>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        self.send_and_wait(request, Duration::ZERO).await
    }

    /// As [`send`](Self::send); `held_back` is how much longer than others this answer may
    /// take.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_and_wait<B>(
        &self,
        request: Request<B>,
        held_back: Duration,
    ) -> Result<Response<AnswerBody>, UpstreamError>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        // SECURITY: whatever happened before, a request leaves for the configured upstream or not at all.
        if !is_same_origin(request.uri(), &self.url) {
            return Err(UpstreamError::Unreachable("the request is for another origin".into()));
        }
        let (taken, last_taken) = watch::channel(Instant::now());
        let body = |body: B| Watched { body: body.map_err(Into::into).boxed_unsync(), taken };
        let request = request.map(body);
        let mut request = std::pin::pin!(self.client.request(request));
        let patience = self.answer_timeout + held_back;
        let answer = loop {
            let last = *last_taken.borrow();
            match tokio::time::timeout_at(last + patience, request.as_mut()).await {
                Ok(answer) => break answer,
                Err(_) if *last_taken.borrow() > last => {}
                Err(_) => return Err(UpstreamError::TimedOut),
            }
        };
        let answer = answer.map_err(|error| {
            let detail = causes(&error);
            if error.is_connect() {
                UpstreamError::Unreachable(detail)
            } else {
                UpstreamError::BrokenOff(detail)
            }
        })?;
        check_head(&answer).map_err(|reason| UpstreamError::BrokenOff(reason.to_owned()))?;
        Ok(answer.map(|body| AnswerBody::new(body, self.read_timeout)))
    }
}

impl fmt::Debug for UpstreamClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamClient").field("url", &self.url).finish_non_exhaustive()
    }
}

fn check_url(config: &UpstreamConfig) -> Result<(), UpstreamSetupError> {
    let url = &config.url;
    let wrong = || UpstreamSetupError::Url(without_user(url));
    let host = url.host().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
    if url.authority().is_none_or(|authority| authority.as_str().contains('@')) {
        return Err(wrong());
    }
    match url.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if config.allow_plain || is_loopback(host) => Ok(()),
        Some("http") => Err(UpstreamSetupError::Plain(url.clone())),
        _ => Err(wrong()),
    }
}

/// The URL as far as it may stand in a message: what precedes `@` may be a password.
fn without_user(url: &Uri) -> Uri {
    let holds_user = url.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if holds_user { Uri::default() } else { url.clone() }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

pub(super) fn is_same_origin(uri: &Uri, other: &Uri) -> bool {
    let port = |uri: &Uri| {
        uri.port_u16().unwrap_or(if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 })
    };
    let has_user = uri.authority().is_none_or(|authority| authority.as_str().contains('@'));
    let is_same_host = match (uri.host(), other.host()) {
        (Some(host), Some(other)) => host.eq_ignore_ascii_case(other),
        _ => false,
    };
    !has_user && is_same_host && uri.scheme() == other.scheme() && port(uri) == port(other)
}

fn connector(config: &UpstreamConfig) -> Result<Connector, UpstreamSetupError> {
    let is_plain = config.url.scheme() == Some(&Scheme::HTTP);
    let roots = if is_plain { RootCertStore::empty() } else { authorities(config.ca.as_deref())? };
    let tls = trusting(roots)?.with_no_client_auth();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(POOL_IDLE));
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(tcp);
    let timed = ServiceBuilder::new().timeout(config.connect_timeout).service(https);
    Ok(BoxCloneSyncService::new(timed))
}

/// TLS of a connection that we open, which trusts the authorities in a PEM file, or
/// the system's.
///
/// # Errors
/// [`UpstreamSetupError`] if there is no authority to trust.
pub fn client_tls(
    ca: Option<&Path>,
    identity: Option<&ClientIdentity>,
) -> Result<ClientConfig, UpstreamSetupError> {
    let builder = trusting(authorities(ca)?)?;
    let Some(identity) = identity else { return Ok(builder.with_no_client_auth()) };
    let failed = |source| {
        let path = identity.certificate.clone();
        UpstreamSetupError::IdentityUnreadable { path, source }
    };
    let chain = CertificateDer::pem_file_iter(&identity.certificate).map_err(failed)?;
    let chain = chain.collect::<Result<_, _>>().map_err(failed)?;
    let key = PrivateKeyDer::from_pem_file(&identity.key).map_err(failed)?;
    builder.with_client_auth_cert(chain, key).map_err(UpstreamSetupError::Tls)
}

fn trusting(
    roots: RootCertStore,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, UpstreamSetupError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(UpstreamSetupError::Tls)?
        .with_root_certificates(roots))
}

fn authorities(file: Option<&Path>) -> Result<RootCertStore, UpstreamSetupError> {
    let mut roots = RootCertStore::empty();
    let Some(path) = file else {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let reasons: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
            return Err(UpstreamSetupError::NoAuthorities(reasons.join("; ")));
        }
        return Ok(roots);
    };
    let unreadable =
        |source| UpstreamSetupError::AuthoritiesUnreadable { path: path.into(), source };
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        roots.add(certificate.map_err(unreadable)?).map_err(|source| {
            UpstreamSetupError::AuthorityUnusable { path: path.into(), source }
        })?;
    }
    if roots.is_empty() {
        let reason = format!("`{}` holds no certificate", path.display());
        return Err(UpstreamSetupError::NoAuthorities(reason));
    }
    Ok(roots)
}
