// SPDX-License-Identifier: Apache-2.0
//! Accepting connections: TCP, TLS, HTTP/1.1 and HTTP/2, limits, drain.
//!
//! [`Listener`] hands each request to a service with its [`Peer`] attached.
//! What the HTTP library leaves open to a proxy is closed by two pure functions
//! that the service calls: [`admit()`] refuses requests that two servers could
//! read differently, and [`end_to_end`] picks the fields that may travel on.
//! `docs/HTTP-CONFORMANCE.md` says how this was tested and where it deviates.
//!
//! Nothing here knows callers, routes or CRMs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

mod admit;
mod fields;
mod server;
mod tls;
mod traffic;

pub use admit::{ALLOWED_METHODS, Admitted, admit};
pub use fields::{answer_fields, end_to_end};
pub use server::Listener;

/// Where and how callers reach us.
#[derive(Clone, Debug)]
pub struct ListenerConfig {
    pub bind: SocketAddr,
    /// `None` is plain HTTP; `config` allows it on loopback only, unless told otherwise.
    pub tls: Option<TlsConfig>,
    pub limits: ConnectionLimits,
}

#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// PEM, leaf first. Read again when it changes.
    pub certificate: PathBuf,
    /// PEM, PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
    pub client_certificates: ClientCertificates,
}

#[derive(Clone, Debug)]
pub enum ClientCertificates {
    Ignored,
    /// Asked for; a caller without one is identified in another way.
    Optional {
        ca: PathBuf,
    },
    Required {
        ca: PathBuf,
    },
}

/// Bounds on connections. Each has a name in `zollhaus.yaml` under `limits`.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// When so many are open, no more are accepted: they wait in the kernel's
    /// queue until one closes.
    pub max_connections: usize,
    /// HTTP/1.1 counts the request line too, and never less than 8 KiB.
    pub max_header_bytes: usize,
    /// HTTP/1.1 only; on HTTP/2 `max_header_bytes` bounds the count, because
    /// each field counts 32 bytes more than its text (RFC 9113 section 6.5.2).
    pub max_headers: usize,
    /// From the first byte of a request to the end of its header block, and
    /// from the TCP connection to the end of the TLS handshake.
    pub header_timeout: Duration,
    /// How long a connection may stay without a request, or leave answers untaken.
    pub idle_timeout: Duration,
    /// How long requests in flight may take to end after SIGTERM.
    pub drain_timeout: Duration,
    pub max_h2_streams: u32,
}

/// What is known of the other end of a connection; an extension of every request.
#[derive(Clone, Debug)]
pub struct Peer {
    pub address: SocketAddr,
    pub is_tls: bool,
    /// The name asked for in the TLS handshake.
    pub server_name: Option<String>,
    /// DNS names, URIs and e-mail addresses (SAN) of a verified client certificate,
    /// as `dns:…`, `uri:…`, `email:…`.
    pub certificate_names: Arc<[String]>,
}

/// Why a listener cannot start, or cannot take new certificates.
#[derive(Debug, thiserror::Error)]
pub enum ListenerError {
    #[error("`{address}` cannot be listened on")]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error("`{path}` cannot be read")]
    File { path: PathBuf, source: std::io::Error },
    #[error("`{path}` holds no usable certificate in PEM")]
    Certificate { path: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("`{path}` holds no usable private key in PEM")]
    Key { path: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("the authorities in `{path}` cannot vouch for clients")]
    Authority { path: PathBuf, source: rustls::server::VerifierBuilderError },
    #[error("the certificate in `{certificate}` and the key in `{key}` cannot be used together")]
    Pair { certificate: PathBuf, key: PathBuf, source: rustls::Error },
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

#[cfg(test)]
pub(crate) mod tests;
