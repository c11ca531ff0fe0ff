// SPDX-License-Identifier: Apache-2.0
//! Accepting connections: TCP, TLS, HTTP/1.1 and HTTP/2, limits, drain.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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
    pub max_connections: usize,
    pub max_header_bytes: usize,
    pub max_headers: usize,
    /// From the start of a request to the end of its header block.
    pub header_timeout: Duration,
    /// How long a connection may stay without a request.
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
