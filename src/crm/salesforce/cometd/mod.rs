// SPDX-License-Identifier: Apache-2.0
//! CometD: events by long polling ("Streaming API Developer Guide", "Platform Events
//! Developer Guide", "Change Data Capture Developer Guide"; the protocol is Bayeux 1.0).
//!
//! - A change event says in its header which records of which object have changed; a
//!   platform event is of the object that its channel is named by. What a PushTopic shows
//!   is of the object that its id tells; of a custom object it tells none, and surrogates
//!   in it stay what they are.
//! - A subscription with a filter holds values of an object that nothing tells: refused.
//! - A session needs two cookies, which hold nothing but who and where it is ([`cookies`]).

mod cookies;
mod event;
mod request;

use std::time::Duration;

use http::Method;
use http::header::COOKIE;

use self::event::Events;
use self::request::Messages;
use super::operation::is_version;
use crate::carrier::Document;
use crate::carrier::url::Target;
use crate::crm::message::{MediaType, method_not_allowed, parse_json, unparseable};
use crate::crm::{About, LocateError, LocatedRequest, Operation, RequestView};

/// Whether what follows `/cometd` is the resource of a version of the API. Clients may
/// append what a message does.
fn is_known(path: &[&str]) -> bool {
    const MESSAGES: [&str; 7] =
        ["", "handshake", "connect", "subscribe", "unsubscribe", "disconnect", "publish"];
    match path {
        ["replay", version, rest @ ..] | [version, rest @ ..] if is_version(version) => {
            matches!(rest, [] | [_]) && rest.iter().all(|message| MESSAGES.contains(message))
        }
        _ => false,
    }
}

/// A poll without events ends after 110 seconds ("How the Client Connects"). Any of these
/// operations may have a poll behind its first message.
pub(super) fn holds_back(operation: &str) -> Duration {
    const LONGEST_POLL: Duration = Duration::from_secs(110);
    if operation.starts_with("cometd.") { LONGEST_POLL } else { Duration::ZERO }
}

/// # Errors
/// [`LocateError`] for messages that are not understood.
pub(super) fn locate(
    request: &RequestView<'_>,
    target: &Target,
    path: &[&str],
) -> Result<LocatedRequest, LocateError> {
    if !is_known(path) {
        return Err(LocateError::UnknownOperation);
    }
    if request.method != Method::POST {
        return Err(method_not_allowed(request.method));
    }
    if !target.query.is_empty() {
        return Err(unparseable("the query", "this operation has none"));
    }
    if MediaType::of(request.headers) != MediaType::Json {
        let expected = "application/json";
        return Err(LocateError::UnsupportedMediaType { place: "the body", expected });
    }
    let json = parse_json("the body", request.body)?;
    let mut messages = Messages::default();
    messages.read(json.root())?;
    let records = messages.records;
    Ok(LocatedRequest {
        operation: Operation {
            name: messages.operation.unwrap_or("cometd.connect").into(),
            object: messages.object,
            about: About::Anybody,
        },
        target: Document::new(request.target.clone(), Vec::new()),
        headers: cookies::sent(request.headers)
            .map(|cookies| (COOKIE, cookies))
            .into_iter()
            .collect(),
        body: Document::new(request.body.clone(), records.slots),
        uses: records.uses,
        records: records.names,
        referred: Vec::new(),
        batch: None,
        answer: Box::new(Events),
    })
}
