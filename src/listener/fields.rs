// SPDX-License-Identifier: Apache-2.0
//! Which header fields travel on.
//!
//! Towards the CRM only known fields pass, because an unknown one may hold
//! personal data, route around us, or mean something to a server behind. On the
//! way back everything passes except what belongs to one connection, describes
//! bytes that we change, or leads callers past us.

use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue};

/// Request fields that CRM clients send and that hold no personal data by their
/// meaning. `Cookie` is not among them: what Dataverse sets to pin a client to a
/// server is a performance aid, and other cookies may identify people. Where a CRM needs
/// one, its dialect lets it pass.
const FORWARDED: &[&str] = &[
    // HTTP
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "authorization",
    "cache-control",
    "content-language",
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "pragma",
    "prefer",
    "soapaction",
    "traceparent",
    "tracestate",
    "user-agent",
    // Salesforce
    "sforce-auto-assign",
    "sforce-call-options",
    "sforce-disable-batch-retry",
    "sforce-duplicate-rule-header",
    "sforce-enable-pkchunking",
    "sforce-limit-info",
    "sforce-line-ending",
    "sforce-mru",
    "sforce-query-options",
    "x-prettyprint",
    "x-sfdc-session",
    // Dataverse
    "odata-isolation",
    "odata-maxversion",
    "odata-version",
    "mscrm.breadcrumb",
    "mscrm.bypassbusinesslogicexecution",
    "mscrm.bypasscustompluginexecution",
    "mscrm.mergelabels",
    "mscrm.returnnotifications",
    "mscrm.solutionuniquename",
    "mscrm.suppresscallbackregistrationexpanderjob",
    "mscrm.suppressduplicatedetection",
    "callerobjectid",
    "mscrmcallerid",
    "x-ms-client-request-id",
    // Pipedrive
    "x-api-token",
    // Zoho
    "feature",
    "x-crm-org",
    "x-external",
    "x-zoho-sdk",
];

/// CRM credentials are opaque: an `@` in them says nothing.
const CRM_CREDENTIALS: [&str; 3] = ["authorization", "x-sfdc-session", "x-api-token"];

/// Fields that belong to one connection (RFC 9110 section 7.6.1), beside
/// `Proxy-…` and those that `Connection` names.
const HOP_BY_HOP: [&str; 7] =
    ["connection", "http2-settings", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"];

/// Answer fields that tell of bytes we change, or of ways past us.
const WITHHELD: [&str; 9] = [
    "alt-svc",
    "content-digest",
    "content-encoding",
    "content-length",
    "content-md5",
    "digest",
    "repr-digest",
    "set-cookie",
    "strict-transport-security",
];

/// The fields of a request that may travel to the CRM.
///
/// Never among them: hop-by-hop fields, our own credentials and `Zollhaus-…`,
/// `Host`, `Expect`, `Content-Length` and `Content-Encoding` (whoever sends the
/// body sets them), `Forwarded` and its kin, cookies, and every field that is
/// not known. A known field with an `@` or with other than visible ASCII is left
/// out too, unless it is a credential for the CRM; so is a trace context that is
/// not one (W3C Trace Context).
pub fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut forwarded = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        if is_forwarded(name.as_str()) && !is_named(headers, name) && is_harmless(name, value) {
            forwarded.append(name.clone(), value.clone());
        }
    }
    if !forwarded.contains_key("traceparent") {
        forwarded.remove("tracestate");
    }
    forwarded
}

/// The fields of an answer that may travel to the caller.
///
/// Left out are hop-by-hop fields, lengths, codings and digests of bytes that
/// we change (whoever sends the body sets them), `Alt-Svc` and
/// `Strict-Transport-Security`, `Set-Cookie`, since no cookie would be sent back unless a
/// dialect says so, and any `Zollhaus-…` that an upstream made up.
pub fn answer_fields(headers: &HeaderMap) -> HeaderMap {
    let passes = |name: &HeaderName| {
        let text = name.as_str();
        !HOP_BY_HOP.contains(&text)
            && !WITHHELD.contains(&text)
            && !text.starts_with("proxy-")
            && !text.starts_with("zollhaus-")
            && !is_named(headers, name)
    };
    let mut passed = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        if passes(name) {
            passed.append(name.clone(), value.clone());
        }
    }
    passed
}

fn is_forwarded(name: &str) -> bool {
    FORWARDED.contains(&name)
}

/// Whether `Connection` names this field.
fn is_named(headers: &HeaderMap, name: &HeaderName) -> bool {
    let values = headers.get_all(CONNECTION).into_iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|option| option.trim().eq_ignore_ascii_case(name.as_str()))
}

fn is_harmless(name: &HeaderName, value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else {
        return false;
    };
    match name.as_str() {
        "traceparent" => is_trace_parent(text),
        "tracestate" => is_trace_state(text),
        // A default namespace renames fields: the policy would look for others.
        "sforce-call-options" => !text.to_ascii_lowercase().contains("defaultnamespace"),
        name => CRM_CREDENTIALS.contains(&name) || !text.contains('@'),
    }
}

/// `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`
fn is_trace_parent(text: &str) -> bool {
    let is_hex = |part: &str| {
        part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let parts: Vec<_> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([2, 32, 16, 2]) && parts.iter().all(|part| is_hex(part))
}

/// `vendor=opaque,other=opaque`, short enough to be one.
fn is_trace_state(text: &str) -> bool {
    let is_member = |member: &str| {
        member.split_once('=').is_some_and(|(key, value)| {
            !key.is_empty() && !value.is_empty() && !value.contains(['@', '='])
        })
    };
    text.len() <= 512 && text.split(',').count() <= 32 && text.split(',').all(is_member)
}

#[cfg(test)]
#[path = "tests/fields.rs"]
mod tests;
