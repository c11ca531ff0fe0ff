// SPDX-License-Identifier: Apache-2.0
//! The cookies of a session: without them Salesforce knows of no client ("Clients and
//! Cookies for Streaming API"). No other cookie passes, and what a cookie is for is said
//! anew: for this resource, at our origin.

use http::HeaderMap;
use http::header::{COOKIE, SET_COOKIE};

use crate::carrier::Document;
use crate::crm::{AnswerView, Origins};

/// Whose session it is, and which server holds it.
const KNOWN: [&str; 2] = ["BAYEUX_BROWSER", "sfdc-stream"];

/// What a client sends back of them.
pub(super) fn sent(headers: &HeaderMap) -> Option<Document> {
    let fields = headers.get_all(COOKIE).iter().filter_map(|field| field.to_str().ok());
    let pairs = fields.flat_map(|field| field.split(';')).map(str::trim);
    let known: Vec<&str> = pairs.filter(|pair| is_known(pair)).collect();
    (!known.is_empty()).then(|| Document::new(known.join("; "), Vec::new()))
}

/// Those that an answer sets.
pub(super) fn set(answer: &AnswerView<'_>) -> impl Iterator<Item = Document> {
    let scope = scope(answer.origins);
    let fields = answer.headers.get_all(SET_COOKIE).into_iter();
    let pairs = fields.filter_map(|field| field.to_str().ok()?.split(';').next());
    pairs
        .map(str::trim)
        .filter(|pair| is_known(pair))
        .map(move |pair| Document::new(format!("{pair}; {scope}"), Vec::new()))
}

/// Where a cookie of ours goes.
fn scope(origins: &Origins) -> String {
    let (scheme, rest) = origins.public.split_once("://").unwrap_or_default();
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default();
    let secure = if scheme.eq_ignore_ascii_case("https") { "; Secure" } else { "" };
    format!("Path={path}/cometd; HttpOnly{secure}")
}

/// `BAYEUX_BROWSER=9f2b-1d1p6k7d`: a known name, and a value that is a number in all but
/// spelling.
fn is_known(pair: &str) -> bool {
    let Some((name, value)) = pair.split_once('=') else { return false };
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_!+/=.".contains(&byte);
    KNOWN.contains(&name) && (1..=128).contains(&value.len()) && value.bytes().all(is_part)
}
