// SPDX-License-Identifier: Apache-2.0

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// A request as the two APIs read it.
pub(super) struct Request {
    pub(super) method: Method,
    /// The path's segments, percent-decoded (a raw `+` is a plus), without the
    /// empty one that a slash at the end makes.
    pub(super) path: Vec<String>,
    /// The query's pairs, form-decoded (a raw `+` is a space).
    query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    /// Without its content coding.
    pub(super) body: Bytes,
}

impl Request {
    pub(super) fn new(method: Method, target: &Uri, headers: HeaderMap, body: Bytes) -> Self {
        let path = target.path();
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        Self {
            method,
            path: path.split('/').map(decode).collect(),
            query: form(target.query().unwrap_or_default()),
            headers,
            body,
        }
    }

    pub(super) fn segments(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All values of a parameter that may be repeated or hold a list with commas.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        let values = self.query.iter().filter(|(key, _)| key == name);
        values.flat_map(|(_, value)| value.split(',')).filter(|item| !item.is_empty()).collect()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether a header with a comma-separated list names this item.
    pub(super) fn lists(&self, name: HeaderName, item: &str) -> bool {
        let values = self.headers.get_all(name).into_iter().filter_map(|v| v.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|entry| {
            entry.split(';').next().is_some_and(|e| e.trim().eq_ignore_ascii_case(item))
        })
    }
}

/// Pairs in `application/x-www-form-urlencoded`.
pub(super) fn form(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(&key.replace('+', " ")), decode(&value.replace('+', " ")))
        })
        .collect()
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// An answer before it is written out.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Value>,
    /// A body that is not JSON.
    pub(super) text: Option<String>,
}

impl Answer {
    pub(super) fn json(status: StatusCode, body: Value) -> Self {
        Self { status, headers: HeaderMap::new(), body: Some(body), text: None }
    }

    pub(super) fn text(status: StatusCode, text: String) -> Self {
        Self { text: Some(text), ..Self::empty(status) }
    }

    pub(super) fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: None, text: None }
    }

    /// Adds a header; a value that no header can hold is left out.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}
