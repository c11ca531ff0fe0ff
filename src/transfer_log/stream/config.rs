// SPDX-License-Identifier: Apache-2.0

use std::path::PathBuf;

use smol_str::SmolStr;

use crate::upstream::{ClientIdentity, Credential, UpstreamConfig};

/// One stream, as `transfer_log.streams` names it.
#[derive(Clone, Debug)]
pub struct StreamConfig {
    pub name: SmolStr,
    pub to: Destination,
    /// Entries that may be in the log before the sink has taken them.
    pub max_lag: u64,
    pub on_lag: OnLag,
}

#[derive(Clone, Debug)]
pub enum Destination {
    Syslog {
        over: Syslog,
        /// A name or an address, IPv6 without brackets.
        host: String,
        port: u16,
        format: Format,
    },
    /// A line per entry, appended. Opened anew for each batch, so that it can be rotated
    /// by renaming it.
    File { path: PathBuf, format: Format },
    /// A collector, by the whole URL: `https://otel.acme.example/v1/logs`.
    Otlp { client: UpstreamConfig, credential: Option<Credential> },
}

/// What carries syslog messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Syslog {
    /// RFC 5426: a datagram for each message. What gets lost, nobody knows.
    Udp,
    /// RFC 6587 with octet counting.
    Tcp,
    /// RFC 5425. `ca` is a PEM file of the authorities to trust instead of the system's,
    /// `identity` what the server knows us by.
    Tls { ca: Option<PathBuf>, identity: Option<ClientIdentity> },
}

/// How an entry is written in a syslog message or a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 5424, with the entry as JSON.
    Rfc5424,
    /// ArcSight Common Event Format: the main facts of the entry.
    Cef,
}

/// What happens when a stream lags by more than `max_lag`, beside being reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnLag {
    Report,
    /// Requests are refused.
    Refuse,
}
