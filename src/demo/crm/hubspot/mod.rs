// SPDX-License-Identifier: Apache-2.0
//! The HubSpot side: CRM objects v3, also under its date-versioned paths.
//!
//! Spoken for `contacts`, `companies`, `notes` and `emails`: create, read, update,
//! archive (by id or by e-mail), list, batches, search; links between them; owners.

mod association;
mod batch;
mod clean;
mod object;
mod owner;
mod problem;
mod record;
mod search;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use http::{Method, StatusCode};
use serde_json::{Map, Value};

use super::Desk;
use super::message::{Answer, Request};

pub(super) use association::Link;
use object::ObjectType;
use problem::Problem;

type Outcome = Result<Answer, Problem>;

pub(super) fn answer(desk: &mut Desk<'_>, request: &Request) -> Answer {
    let call = desk.state.calls;
    let outcome = route(desk, request);
    labelled(outcome.unwrap_or_else(|problem| problem.into_answer(call)))
}

/// A failure of the service itself, as a test asks for it.
pub(super) fn refuse(status: StatusCode) -> Answer {
    labelled(Problem::of_status(status).into_answer(0))
}

fn labelled(answer: Answer) -> Answer {
    let limits = [
        ("x-hubspot-ratelimit-max", "190"),
        ("x-hubspot-ratelimit-remaining", "188"),
        ("x-hubspot-ratelimit-interval-milliseconds", "10000"),
    ];
    let answer = limits
        .into_iter()
        .fold(answer, |answer, (name, value)| answer.with(HeaderName::from_static(name), value));
    match answer.body {
        Some(_) => answer.with(CONTENT_TYPE, "application/json;charset=utf-8"),
        None => answer,
    }
}

fn route(desk: &mut Desk<'_>, request: &Request) -> Outcome {
    if !request.headers.contains_key(AUTHORIZATION) {
        return Err(Problem::unauthenticated());
    }
    let path = request.segments();
    let (base, object, rest) = match path.as_slice() {
        ["crm", "v4", rest @ ..] => {
            let answer = association::answer(desk, request, rest);
            return answer.unwrap_or_else(|| Err(Problem::no_resource()));
        }
        ["crm", "v3", "owners", rest @ ..] => return owner::answer(request, rest),
        ["crm", "v3", "objects", object, rest @ ..] => ("/crm/v3/objects".to_owned(), object, rest),
        ["crm", "objects", version, object, rest @ ..] if is_dated(version) => {
            (format!("/crm/objects/{version}"), object, rest)
        }
        _ => return Err(Problem::no_resource()),
    };
    let object = ObjectType::named(object).ok_or_else(Problem::no_resource)?;
    Api { desk, request, object, base }.route(rest)
}

/// `2026-03`
fn is_dated(segment: &str) -> bool {
    segment.split_once('-').is_some_and(|(year, month)| {
        year.len() == 4
            && month.len() == 2
            && [year, month].iter().all(|p| p.parse::<u16>().is_ok())
    })
}

/// One call about one type of objects.
struct Api<'c, 'd> {
    desk: &'c mut Desk<'d>,
    request: &'c Request,
    object: ObjectType,
    /// The path up to the object's name.
    base: String,
}

impl Api<'_, '_> {
    fn route(&mut self, path: &[&str]) -> Outcome {
        match (self.request.method.as_str(), path) {
            ("GET", []) => Ok(self.list()),
            ("POST", []) => self.create(),
            ("POST", ["search"]) => self.search(),
            ("POST", ["batch", "create"]) => self.create_batch(),
            ("POST", ["batch", "read"]) => self.read_batch(),
            ("POST", ["batch", "update"]) => self.update_batch(),
            ("POST", ["batch", "upsert"]) => self.upsert_batch(),
            ("POST", ["batch", "archive"]) => self.archive_batch(),
            ("GET", [id]) => self.read(id),
            ("PATCH", [id]) => self.update(id),
            ("DELETE", [id]) => self.archive(id),
            (_, [] | [_]) => Err(Problem::method_not_allowed()),
            _ => Err(Problem::no_resource()),
        }
    }

    fn body(&self) -> Result<Map<String, Value>, Problem> {
        body_of(self.request)
    }
}

/// The body of a write or search: a JSON object.
fn body_of(request: &Request) -> Result<Map<String, Value>, Problem> {
    let content_type = request.header("content-type").unwrap_or_default();
    if request.method != Method::GET && !content_type.starts_with("application/json") {
        return Err(Problem::unsupported_media_type());
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(body)) => Ok(body),
        _ => Err(Problem::malformed_json()),
    }
}
