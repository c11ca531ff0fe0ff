// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::net::Ipv6Addr;

/// A host of RFC 3986, section 3.2.2, with an optional port, in one spelling:
/// lower case, no dot at the end, IPv6 addresses in brackets and compressed.
/// User information, percent-encoding and empty names are not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    name: String,
    pub(super) port: Option<u16>,
}

impl Host {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (name, port) = if let Some(bracketed) = text.strip_prefix('[') {
            let (address, rest) = bracketed.split_once(']')?;
            let address: Ipv6Addr = address.parse().ok()?;
            (format!("[{address}]"), rest)
        } else {
            let (name, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
            (registered_name(name)?, rest)
        };
        let port = match port.strip_prefix(':') {
            Some(digits) => Some(port_number(digits)?),
            None if port.is_empty() => None,
            None => return None,
        };
        Some(Self { name, port })
    }

    /// Whether this configured host stands for `given`.
    pub(super) fn covers(&self, given: &Self) -> bool {
        self.name == given.name && (self.port.is_none() || self.port == given.port)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Labels of letters, digits, hyphens and underscores.
fn registered_name(name: &str) -> Option<String> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let in_label = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    name.split('.')
        .all(|label| !label.is_empty() && label.bytes().all(in_label))
        .then(|| name.to_ascii_lowercase())
}

/// Digits only: `u16::from_str` alone would take a sign.
fn port_number(digits: &str) -> Option<u16> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}
