// SPDX-License-Identifier: Apache-2.0
//! HTTP strictness beyond what hyper checks: a request is admitted only if no
//! server could read it as another one.

use std::net::Ipv6Addr;

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, HeaderName, TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version};

use super::Peer;
use crate::base::{Refusal, RefusalCode};
use crate::carrier::url::Target;

/// What CRM APIs use. `TRACE` and `CONNECT` are not, and no CRM needs `OPTIONS`
/// from a server-side client.
pub const ALLOWED_METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Fields that make some servers act on another method than the one we decide on.
const METHOD_OVERRIDES: [HeaderName; 3] = [
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-method-override"),
];

/// What `Connection` may name. Any other field named there would be taken out
/// of the request by the next server, `Authorization` for instance.
const CONNECTION_OPTIONS: [&str; 6] =
    ["close", "keep-alive", "te", "trailer", "upgrade", "http2-settings"];

/// What an admitted request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// The authority that the caller used, in lower case: `crm.test:8443`.
    pub host: String,
    /// Path and query as they were sent: `/services/data/v62.0/query?q=SELECT+Id`.
    pub target: Bytes,
}

/// Looks at the header of a request before its body is read.
///
/// `max_body` bounds a `Content-Length`; a body without one is for the reader
/// to bound. The extension [`Peer`] tells whether TLS was used.
///
/// # Errors
/// A [`Refusal`] on the caller's side. The connection may stay open: hyper
/// closes it when the body is not read.
pub fn admit<B>(request: &Request<B>, max_body: u64) -> Result<Admitted, Refusal> {
    if !ALLOWED_METHODS.contains(request.method()) {
        let message = "the method is not one that a CRM API uses";
        return Err(Refusal::new(RefusalCode::MethodNotAllowed, message));
    }
    let headers = request.headers();
    check_names(headers)?;
    check_framing(headers, request.version(), max_body)?;
    check_singles(headers)?;
    let is_tls = request.extensions().get::<Peer>().is_some_and(|peer| peer.is_tls);
    Ok(Admitted { host: host(request, is_tls)?, target: target(request.uri())? })
}

fn bad_request(message: &'static str) -> Refusal {
    Refusal::new(RefusalCode::BadRequest, message)
}

/// Names that some servers read as other names are refused, underscores above all.
fn check_names(headers: &HeaderMap) -> Result<(), Refusal> {
    for name in headers.keys() {
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
        if !name.as_str().bytes().all(is_plain) {
            return Err(bad_request(
                "a header name has other characters than letters, digits, hyphens and dots",
            ));
        }
        if METHOD_OVERRIDES.contains(name) {
            return Err(bad_request("a header overrides the method"));
        }
    }
    Ok(())
}

/// RFC 9112 section 6, without its leniency.
fn check_framing(headers: &HeaderMap, version: Version, max_body: u64) -> Result<(), Refusal> {
    let coding = single(headers, &TRANSFER_ENCODING)?;
    let length = single(headers, &CONTENT_LENGTH)?;
    if let Some(coding) = coding {
        if length.is_some() {
            return Err(bad_request("`Content-Length` and `Transfer-Encoding` exclude each other"));
        }
        let is_chunked = coding.as_bytes().eq_ignore_ascii_case(b"chunked");
        if !is_chunked || version != Version::HTTP_11 {
            return Err(bad_request("`Transfer-Encoding` may only be `chunked`, on HTTP/1.1"));
        }
    }
    let Some(length) = length else {
        return Ok(());
    };
    let digits = length.as_bytes();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(bad_request("`Content-Length` is not a number"));
    }
    let length = length.to_str().ok().and_then(|digits| digits.parse::<u64>().ok());
    match length {
        Some(length) if length <= max_body => Ok(()),
        _ => Err(Refusal::new(RefusalCode::TooLarge, "the body is larger than the limit")),
    }
}

fn check_singles(headers: &HeaderMap) -> Result<(), Refusal> {
    single(headers, &CONTENT_TYPE)?;
    if let Some(expectation) = single(headers, &EXPECT)?
        && !expectation.as_bytes().eq_ignore_ascii_case(b"100-continue")
    {
        return Err(bad_request("`Expect` may only be `100-continue`"));
    }
    for value in headers.get_all(CONNECTION) {
        let options = value.to_str().unwrap_or("?").split(',').map(str::trim);
        for option in options.filter(|option| !option.is_empty()) {
            if !CONNECTION_OPTIONS.iter().any(|known| option.eq_ignore_ascii_case(known)) {
                return Err(bad_request("`Connection` names a field that is not hop-by-hop"));
            }
        }
    }
    Ok(())
}

fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a HeaderValue>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        let message = format!("the header `{name}` occurs more than once");
        return Err(Refusal::new(RefusalCode::BadRequest, message));
    }
    Ok(first)
}

/// RFC 9112 section 3.2 and RFC 9113 section 8.3.1: one host, and all places
/// that name it agree.
fn host<B>(request: &Request<B>, is_tls: bool) -> Result<String, Refusal> {
    let from_field = single(request.headers(), &HOST)?
        .map(|value| {
            Authority::parse(value.as_bytes())
                .ok_or_else(|| bad_request("`Host` is not a host name"))
        })
        .transpose()?;
    let uri = request.uri();
    let from_target = match (uri.scheme_str(), uri.authority()) {
        (None, None) => None,
        // A proxy in front of us may have ended TLS, so `https` on a plain connection is fine.
        (Some(scheme), Some(authority)) if scheme == "https" || (scheme == "http" && !is_tls) => {
            let authority = Authority::parse(authority.as_str().as_bytes())
                .ok_or_else(|| bad_request("the authority of the target is not a host name"))?;
            Some((authority, if scheme == "https" { 443 } else { 80 }))
        }
        _ => return Err(bad_request("the target is neither a path nor an http URL")),
    };
    match (from_field, from_target) {
        (Some(field), Some((target, port))) if field.is_same(&target, port) => Ok(field.text),
        (Some(_), Some(_)) => Err(bad_request("`Host` and the target name different hosts")),
        (Some(field), None) => Ok(field.text),
        (None, Some((target, _))) if is_h2(request) => Ok(target.text),
        (None, _) => Err(bad_request("`Host` is missing")),
    }
}

fn is_h2<B>(request: &Request<B>) -> bool {
    request.version() == Version::HTTP_2
}

/// A host and maybe a port, in lower case.
struct Authority {
    text: String,
    host_length: usize,
    port: Option<u16>,
}

impl Authority {
    /// A DNS name, an IPv4 address or an IPv6 address in brackets; nothing that
    /// RFC 3986 would allow beyond that.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?.to_ascii_lowercase();
        let host_length = if let Some(rest) = text.strip_prefix('[') {
            let (address, _) = rest.split_once(']')?;
            address.parse::<Ipv6Addr>().ok()?;
            address.len() + 2
        } else {
            let name = text.split(':').next()?;
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            let mut labels = name.split('.');
            let is_name = labels.all(|label| !label.is_empty() && label.bytes().all(is_plain));
            (is_name && name.len() <= 253).then_some(name.len())?
        };
        let port = match text.get(host_length..)? {
            "" => None,
            rest => {
                let digits = rest.strip_prefix(':')?;
                let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
                let port = digits.parse::<u16>().ok().filter(|port| is_number && *port > 0)?;
                Some(port)
            }
        };
        Some(Self { text, host_length, port })
    }

    fn is_same(&self, other: &Self, default_port: u16) -> bool {
        self.text.get(..self.host_length) == other.text.get(..other.host_length)
            && self.port.unwrap_or(default_port) == other.port.unwrap_or(default_port)
    }
}

/// The path and query, if no server can resolve them to others.
fn target(uri: &Uri) -> Result<Bytes, Refusal> {
    let target = uri.path_and_query().map(http::uri::PathAndQuery::as_str).unwrap_or_default();
    // RFC 3986 has these only escaped; `[` and `]` are tolerated as in `page[size]`.
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    if !target.bytes().all(is_allowed) {
        return Err(bad_request("the target has a character that must be escaped"));
    }
    let parsed = Target::parse(target.as_bytes()).map_err(|error| {
        Refusal::new(RefusalCode::BadRequest, format!("the target is ambiguous: {error}"))
    })?;
    if parsed.path().iter().any(|segment| segment.chars().any(char::is_control)) {
        return Err(bad_request("the path has a control character"));
    }
    Ok(Bytes::copy_from_slice(target.as_bytes()))
}

#[cfg(test)]
#[path = "tests/admit.rs"]
mod tests;
