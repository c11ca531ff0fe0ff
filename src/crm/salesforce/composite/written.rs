// SPDX-License-Identifier: Apache-2.0
//! How the requests inside a composite one are written.

use crate::carrier::json::{Kind, Node};
use crate::crm::LocateError;
use crate::crm::message::{shown, unparseable};

/// How one request inside is written.
pub(super) struct Written<'a> {
    pub method: Node<'a>,
    pub url: Node<'a>,
    pub body: Option<Node<'a>>,
    pub reference: String,
}

/// The list of parts, and whether all of them are done or none.
pub(super) fn parts<'a>(
    root: Node<'a>,
    list: &str,
    all_or_none: &str,
    other: &str,
) -> Result<(Node<'a>, bool), LocateError> {
    let mut found = (None, false);
    for member in root.members() {
        let is_flag = matches!(member.value.kind(), Kind::True | Kind::False);
        match member.key.as_ref() {
            key if key == list && member.value.kind() == Kind::Array => {
                found.0 = Some(member.value);
            }
            key if key == all_or_none && is_flag => found.1 = member.value.kind() == Kind::True,
            key if key == other && is_flag => {}
            _ => return Err(refuse(member.value, "is no member of a composite request")),
        }
    }
    match found {
        (Some(parts), is_one) => Ok((parts, is_one)),
        (None, _) => Err(refuse(root, "has no list of requests")),
    }
}

/// `{"method":…,"url":…,"referenceId":…,"httpHeaders":{…},"body":…}`
pub(super) fn named(node: Node<'_>) -> Result<Written<'_>, LocateError> {
    let mut reference = String::new();
    for member in node.members() {
        match member.key.as_ref() {
            "method" | "url" | "body" => {}
            "referenceId" => reference = name(member.value)?,
            "httpHeaders" => check_headers(member.value)?,
            _ => return Err(refuse(member.value, "is no member of a request inside")),
        }
    }
    if reference.is_empty() {
        return Err(refuse(node, "has no `referenceId`"));
    }
    written(node, "body", reference)
}

/// `{"method":…,"url":…,"richInput":…}`
pub(super) fn unnamed(node: Node<'_>) -> Result<Written<'_>, LocateError> {
    let is_known = |key: &str| matches!(key, "method" | "url" | "richInput");
    match node.members().find(|member| !is_known(&member.key)) {
        Some(other) => Err(refuse(other.value, "is no member of a request inside")),
        None => written(node, "richInput", String::new()),
    }
}

fn written<'a>(node: Node<'a>, body: &str, reference: String) -> Result<Written<'a>, LocateError> {
    let text = |name| node.get(name).filter(|value: &Node<'_>| value.kind() == Kind::String);
    let (Some(method), Some(url)) = (text("method"), text("url")) else {
        return Err(refuse(node, "has no method, or no URL"));
    };
    let body = node.get(body).filter(|body| body.kind() != Kind::Null);
    Ok(Written { method, url, body, reference })
}

/// Fields whose words are fixed. What names rows or repeats values may hold anything.
fn check_headers(headers: Node<'_>) -> Result<(), LocateError> {
    const KNOWN: [&str; 8] = [
        "if-match",
        "if-none-match",
        "if-modified-since",
        "if-unmodified-since",
        "sforce-auto-assign",
        "sforce-duplicate-rule-header",
        "sforce-mru",
        "sforce-query-options",
    ];
    if !matches!(headers.kind(), Kind::Object | Kind::Null) {
        return Err(refuse(headers, "is no list of headers"));
    }
    for member in headers.members() {
        let text = member.value.text().unwrap_or_default();
        let is_known = KNOWN.contains(&member.key.to_ascii_lowercase().as_str());
        let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'@');
        if !is_known || !is_plain || text.is_empty() {
            let place = format!("header `{}` of a request inside", shown(&member.key));
            return Err(unparseable(place, "it is not taken here"));
        }
    }
    Ok(())
}

/// An id that the caller gives: letters, digits and underscores.
pub(super) fn name(node: Node<'_>) -> Result<String, LocateError> {
    let text = node.text().unwrap_or_default();
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if (1..=64).contains(&text.len()) && text.bytes().all(is_part) {
        return Ok(text.into_owned());
    }
    Err(refuse(node, "is no id of letters, digits and underscores"))
}

pub(super) fn refuse(node: Node<'_>, problem: &str) -> LocateError {
    unparseable("the body", format!("what stands at byte {} {problem}", node.span().start))
}
