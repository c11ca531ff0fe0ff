// SPDX-License-Identifier: Apache-2.0
//! The way to a CRM: TLS client, pool, time-outs.
//!
//! A client speaks to exactly one upstream. It follows no redirects, takes no
//! proxy from the environment, and repeats a request only when its connection
//! was closed before the first byte was written. An answer is passed on only if
//! its framing leaves no doubt; its trailers are dropped.

use std::path::PathBuf;
use std::time::Duration;

mod answer;
mod client;
mod credential;
mod watched;

pub use answer::AnswerBody;
pub(crate) use answer::causes;
pub use client::{UpstreamClient, client_tls};
pub(crate) use credential::read_secret;
pub use credential::{Credential, CredentialError};

/// How one upstream is reached.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// Scheme, host and port, and a path prefix if the CRM has one:
    /// `https://acme.my.salesforce.com`.
    pub url: http::Uri,
    /// Accept an `http` URL whose host is not a loopback address.
    pub allow_plain: bool,
    /// PEM file of the authorities to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// Until the connection stands, TLS included.
    pub connect_timeout: Duration,
    /// From the call to the end of the answer's header, a new connection included; begins
    /// anew with each part of the request's body that is taken.
    pub answer_timeout: Duration,
    /// Longest pause within the answer's body.
    pub read_timeout: Duration,
}

/// What a server knows us by: a certificate with those that lead to its authority, and
/// its key. PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIdentity {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// A configuration that cannot become a client.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamSetupError {
    #[error("`{0}` is not `https` or `http` with a host and nothing before it")]
    Url(http::Uri),
    #[error("`{0}` is plain http to another machine")]
    Plain(http::Uri),
    #[error("the authorities in `{path}` cannot be read")]
    AuthoritiesUnreadable { path: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("an authority in `{path}` cannot be trusted")]
    AuthorityUnusable { path: PathBuf, source: rustls::Error },
    #[error("no authority is found to trust: {0}")]
    NoAuthorities(String),
    #[error("the client certificate in `{path}`, or its key, cannot be read")]
    IdentityUnreadable { path: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// Why there is no answer. Details are for the operator's log only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// Nothing was sent.
    #[error("the upstream cannot be reached: {0}")]
    Unreachable(String),
    /// The request may have arrived.
    #[error("the upstream broke off before it answered: {0}")]
    BrokenOff(String),
    /// The request may have arrived.
    #[error("the upstream did not answer in time")]
    TimedOut,
}

#[cfg(test)]
mod tests;
