// SPDX-License-Identifier: Apache-2.0
//! The way to a CRM: TLS client, pool, time-outs.

use std::path::PathBuf;
use std::time::Duration;

/// How one upstream is reached.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// Scheme, host and port, and a path prefix if the CRM has one:
    /// `https://acme.my.salesforce.com`.
    pub url: http::Uri,
    /// PEM file of the authorities to trust instead of the system's.
    pub ca: Option<PathBuf>,
    pub connect_timeout: Duration,
    /// From sending the request to the end of the answer's header.
    pub answer_timeout: Duration,
    /// Longest pause within the answer's body.
    pub read_timeout: Duration,
}
