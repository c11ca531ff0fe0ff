// SPDX-License-Identifier: Apache-2.0
//! What dialects with JSON bodies share: media types, bodies, links to the upstream.

use bytes::Bytes;
use http::header::{CONTENT_LOCATION, CONTENT_TYPE, LINK, LOCATION};
use http::{HeaderMap, HeaderName, Method, StatusCode};

use crate::carrier::json::{DEFAULT_MAX_DEPTH, Json, JsonError, Node};
use crate::carrier::url::{Parameter, Target, UrlError, parameters};
use crate::carrier::{Codec, Document, Slot};
use crate::crm::{AnswerView, LocateError, Origins, RequestView};

/// The media types that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    Missing,
    Json,
    /// `application/…+json` (RFC 6839), except JSON Patch: there, values stand in
    /// operations instead of members.
    JsonSuffix,
    /// A JSON text on each line.
    JsonLines,
    Form,
    Csv,
    Xml,
    /// Anything else, more than one, or in another charset than UTF-8.
    Other,
}

impl MediaType {
    pub fn of(headers: &HeaderMap) -> Self {
        let mut fields = headers.get_all(CONTENT_TYPE).iter();
        match (fields.next(), fields.next()) {
            (None, _) => Self::Missing,
            (Some(field), None) => field.to_str().map_or(Self::Other, Self::read),
            (Some(_), Some(_)) => Self::Other,
        }
    }

    fn read(field: &str) -> Self {
        let mut parts = field.split(';').map(trim);
        let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
        // Space around `=` has no place there (RFC 9110 section 5.6.6), and servers skip it.
        let is_utf8 = parts.filter_map(|part| part.split_once('=')).all(|(name, value)| {
            !trim(name).eq_ignore_ascii_case("charset")
                || trim(value).trim_matches('"').eq_ignore_ascii_case("utf-8")
        });
        let structured = essence.strip_prefix("application/").and_then(|s| s.strip_suffix("+json"));
        match essence.as_str() {
            _ if !is_utf8 => Self::Other,
            "application/json" => Self::Json,
            "application/x-ndjson" | "application/jsonl" => Self::JsonLines,
            "application/x-www-form-urlencoded" => Self::Form,
            "text/csv" => Self::Csv,
            "application/xml" | "text/xml" => Self::Xml,
            _ if structured.is_some_and(|name| !name.contains("json-patch")) => Self::JsonSuffix,
            _ => Self::Other,
        }
    }
}

fn trim(part: &str) -> &str {
    part.trim_matches([' ', '\t'])
}

/// The target of a request, taken apart.
///
/// # Errors
/// [`LocateError`] for a target that servers could read in more than one way.
pub fn parse_target(target: &Bytes) -> Result<Target, LocateError> {
    Target::parse(target).map_err(|error| unparseable_url("the request target", error))
}

/// # Errors
/// [`LocateError`] for a form that servers could read in more than one way.
pub fn parse_form(body: &Bytes) -> Result<Vec<Parameter>, LocateError> {
    parameters(body, 0..body.len()).map_err(|error| unparseable_url("the body", error))
}

fn unparseable_url(place: &str, error: UrlError) -> LocateError {
    unparseable(place, error.to_string())
}

/// # Errors
/// [`LocateError`] for anything that is not one JSON value beyond doubt.
pub fn parse_json<'a>(place: &'static str, body: &'a Bytes) -> Result<Json<'a>, LocateError> {
    Json::parse(body, DEFAULT_MAX_DEPTH).map_err(|error| match error {
        JsonError::TooDeep(_) | JsonError::TooLarge | JsonError::TooMany => {
            LocateError::TooLarge { place }
        }
        _ => unparseable(place, error.to_string()),
    })
}

/// The body of an answer; `None` when it has none.
///
/// # Errors
/// [`LocateError`] for a body that is not JSON, or only a part of one.
pub fn parse_answer<'a>(answer: &AnswerView<'a>) -> Result<Option<Json<'a>>, LocateError> {
    const PLACE: &str = "the answer";
    if answer.body.is_empty() {
        return Ok(None);
    }
    refuse_part(answer)?;
    match MediaType::of(answer.headers) {
        MediaType::Json | MediaType::JsonSuffix | MediaType::Missing => {
            parse_json(PLACE, answer.body).map(Some)
        }
        MediaType::JsonLines
        | MediaType::Form
        | MediaType::Csv
        | MediaType::Xml
        | MediaType::Other => {
            Err(LocateError::UnsupportedMediaType { place: PLACE, expected: "JSON in UTF-8" })
        }
    }
}

/// # Errors
/// [`LocateError`] for a part of an answer: cut out of it, a value stands where nothing says
/// of which field it is.
pub fn refuse_part(answer: &AnswerView<'_>) -> Result<(), LocateError> {
    if answer.status == StatusCode::PARTIAL_CONTENT {
        return Err(unparseable("the answer", "it is only a part; ask without `Range`"));
    }
    Ok(())
}

/// # Errors
/// [`LocateError`] for a body where the operation has none.
pub fn refuse_body(body: &Bytes) -> Result<(), LocateError> {
    if body.is_empty() {
        return Ok(());
    }
    Err(unparseable("the body", "this operation has none"))
}

/// Nothing of a customer stands in what OAuth asks for: RFC 6749 sections 4.1.3 and
/// 6, RFC 7009 section 2.1.
///
/// # Errors
/// [`LocateError`] for anything but a form of their parameters.
pub fn check_token_request(request: &RequestView<'_>) -> Result<(), LocateError> {
    const KNOWN: [&str; 8] = [
        "grant_type",
        "code",
        "redirect_uri",
        "client_id",
        "client_secret",
        "refresh_token",
        "token",
        "token_type_hint",
    ];
    if MediaType::of(request.headers) != MediaType::Form {
        let expected = "application/x-www-form-urlencoded in UTF-8";
        return Err(LocateError::UnsupportedMediaType { place: "the body", expected });
    }
    let parameters = parse_form(request.body)?;
    match parameters.iter().find(|parameter| !KNOWN.contains(&parameter.name.as_str())) {
        Some(unknown) => {
            let place = format!("parameter `{}`", shown(&unknown.name));
            Err(unparseable(place, "this operation does not take it"))
        }
        None => Ok(()),
    }
}

pub fn unparseable(place: impl Into<String>, problem: impl Into<String>) -> LocateError {
    LocateError::Unparseable { place: place.into(), problem: problem.into() }
}

pub fn method_not_allowed(method: &Method) -> LocateError {
    let names = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let name = names.into_iter().find(|name| method == name);
    LocateError::MethodNotAllowed { method: name.unwrap_or("this") }
}

/// A name that a caller sent, fit for messages: anything longer or stranger than
/// a usual name could be a value.
pub fn shown(name: &str) -> &str {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.$".contains(&byte);
    if name.len() <= 64 && name.bytes().all(usual) { name } else { "…" }
}

/// The string as a link that leads back to us, if it leads to the upstream.
pub fn link(node: &Node<'_>, origins: &Origins) -> Option<Slot> {
    let public = origins.to_public(&node.text()?)?;
    Some(Slot::rewritten(node.span(), Codec::Json, public))
}

/// The headers of an answer that hold links, leading back to us: one document for
/// each field line of these names, in order.
///
/// # Errors
/// [`LocateError`] when one of them is not visible ASCII.
pub fn link_headers(answer: &AnswerView<'_>) -> Result<Vec<(HeaderName, Document)>, LocateError> {
    let mut found = Vec::new();
    for name in [LOCATION, CONTENT_LOCATION, LINK] {
        for value in answer.headers.get_all(&name) {
            let value = value.to_str().map_err(|_| {
                unparseable(format!("header `{name}` of the answer"), "it is not visible ASCII")
            })?;
            let public = if name == LINK {
                public_links(value, answer.origins)
            } else {
                public_location(value, answer.origins)
            };
            found.push((name.clone(), Document::new(public, Vec::new())));
        }
    }
    Ok(found)
}

/// An absolute URL, or an absolute path: the latter lacks our path prefix.
fn public_location(location: &str, origins: &Origins) -> String {
    let is_path = location.starts_with('/') && !location.starts_with("//");
    let absolute = if is_path {
        format!("{}{location}", origin(&origins.upstream))
    } else {
        location.to_owned()
    };
    origins.to_public(&absolute).unwrap_or_else(|| location.to_owned())
}

/// Scheme and authority of a URL.
fn origin(url: &str) -> &str {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let path = url.get(authority..).and_then(|rest| rest.find('/'));
    path.and_then(|at| url.get(..authority + at)).unwrap_or(url)
}

/// RFC 8288: `<https://…>; rel="next", <…>`.
fn public_links(field: &str, origins: &Origins) -> String {
    let mut links = field.split('<');
    let mut public = links.next().unwrap_or_default().to_owned();
    for link in links {
        let (url, rest) = link.split_once('>').unwrap_or((link, ""));
        let end = if url.len() == link.len() { "" } else { ">" };
        public.push('<');
        public.push_str(&origins.to_public(url).unwrap_or_else(|| url.to_owned()));
        public.push_str(end);
        public.push_str(rest);
    }
    public
}

/// Whether it can be a point in time: `2026-03-01T09:00:00Z`, `2023-02-22 15:40:07`.
pub fn is_time(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_digit() || b"-:.+TZ ".contains(&byte);
    (1..=40).contains(&text.len()) && text.bytes().all(allowed)
}

/// Whether it can be a cursor or a credential.
pub fn is_opaque(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.=+/~:".contains(&byte);
    (1..=4096).contains(&text.len()) && text.bytes().all(allowed)
}
