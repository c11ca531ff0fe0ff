// SPDX-License-Identifier: Apache-2.0
//! Composite requests: up to five requests in one, each with its URL, parameters, body
//! and headers. A part may refer to the answers to others: `@{1:$.data[0].details.id}`.
//!
//! Source: Zoho CRM API v8, "Composite API".

use bytes::Bytes;
use http::Method;

use crate::carrier::json::{Kind, Node};
use crate::carrier::{Codec, Slot};
use crate::crm::LocateError;
use crate::crm::message::{is_time, parse_target, shown, unparseable};
use crate::crm::room::Room;

use super::answer::Reply;
use super::operation::{Verb, classify};
use super::parameter;
use super::part::{Part, is_list_of_fields, is_nothing};
use super::record::{Records, scalar};
use super::schema::is_name;

/// # Errors
/// [`LocateError`] for a part that is not read here, or for what passes beside the parts.
pub(super) fn locate(root: Node<'_>, records: &mut Records) -> Result<Vec<Reply>, LocateError> {
    if root.kind() != Kind::Object {
        return Err(unparseable("the body", "it is not an object"));
    }
    let mut replies = Vec::new();
    let mut room = Room::default();
    for member in root.members() {
        match (member.key.as_ref(), member.value.kind()) {
            (
                "rollback_on_fail" | "parallel_execution" | "concurrent_execution",
                Kind::True | Kind::False | Kind::Null,
            ) => {}
            ("__composite_requests", Kind::Array) => {
                for part in member.value.elements() {
                    let before = records.slots.len();
                    replies.push(one(part, records)?);
                    room.hold("the body", records.slots.get(before..).unwrap_or_default())?;
                }
            }
            (name, _) => return Err(refuse(name)),
        }
    }
    Ok(replies)
}

fn one(node: Node<'_>, records: &mut Records) -> Result<Reply, LocateError> {
    let mut external = None;
    for member in node.members() {
        match (member.key.as_ref(), member.value.kind()) {
            ("sub_request_id", _) if is_name(&scalar(member.value)) => {}
            ("uri" | "method", Kind::String)
            | ("params" | "body", Kind::Object | Kind::Null)
            | ("sub_request_id", Kind::Null) => {}
            ("headers", Kind::Object | Kind::Null) => external = headers(member.value)?,
            (name, _) => return Err(refuse(name)),
        }
    }
    let uri = node.get("uri").ok_or_else(|| refuse("uri"))?;
    let decoded = uri.decoded().ok_or_else(|| refuse("uri"))?;
    let target = parse_target(&Bytes::copy_from_slice(decoded.as_str().as_bytes()))?;
    let method = node.get("method").map(scalar).unwrap_or_default();
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| refuse("method"))?;
    let call = classify(&method, &target, true)?;
    if matches!(call.verb, Verb::Composite | Verb::OAuthToken | Verb::OAuthRevoke) {
        return Err(LocateError::UnknownOperation);
    }
    let has_body = call.verb.has_records() || call.verb == Verb::Query;
    let body = node.get("body").filter(|body| !is_nothing(*body));
    if body.is_some() != has_body {
        return Err(refuse("body"));
    }
    let params = node.get("params").map(parameter::of_params).transpose()?.unwrap_or_default();
    let part = Part {
        call: &call,
        query: parameter::of_query(&target),
        params,
        body,
        external: external.as_deref(),
    };
    let found = part.locate(records)?;
    records.slots.push(Slot::nested(uri.inner_span(), Codec::Json, decoded, found.target));
    Ok(found.reply)
}

/// Those that a part may have; the value of `X-EXTERNAL`.
fn headers(node: Node<'_>) -> Result<Option<String>, LocateError> {
    let mut external = None;
    for member in node.members() {
        let text = scalar(member.value).into_owned();
        match member.key.to_ascii_lowercase().as_str() {
            "x-external" if external.is_none() && is_list_of_fields(&text) => external = Some(text),
            "if-modified-since" | "if-unmodified-since" if is_time(&text) => {}
            name => {
                let place = format!("header `{}` of a part", shown(name));
                return Err(unparseable(place, "it is not taken here"));
            }
        }
    }
    Ok(external)
}

fn refuse(member: &str) -> LocateError {
    let place = format!("member `{}` of a composite request", shown(member));
    unparseable(place, "it is not what belongs there")
}
