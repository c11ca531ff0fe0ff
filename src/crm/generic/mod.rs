// SPDX-License-Identifier: Apache-2.0
//! Any JSON API, described by routes in the configuration.
//!
//! ```yaml
//! routes:
//!   GET /api/v1/contacts/{email}:
//!     path: { email: contact.email }
//!     response: { contact: { email: $.email, lastname: $.lastName } }
//!   GET /api/v1/contacts:
//!     parameters: { email: contact.email, page: pass }
//!     response: { contact: { email: "$.data[*].email" } }
//!   POST /api/v1/contacts:
//!     object: contact                # members without a selector belong to it
//!     request: { contact: { email: $.email, lastname: $.lastName } }
//!     response: { contact: { email: $.data.email } }
//!   POST /api/v1/contacts/find:
//!     compare: { contact: { email: "$.filter.emails[*]" } }
//!     response: { contact: { email: "$..email" } }
//!   POST /signup:
//!     body: form
//!     request: { contact: { email: $.mail } }
//! ```
//!
//! What no route describes is refused: other paths and methods, query parameters
//! that are not listed, bodies where a route has none, media types other than
//! JSON or the form that a route asks for. Names match exactly.

mod jsonpath;
mod lines;
mod request;
mod route;
mod values;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use http::Method;

use crate::base::{Equality, FieldName, ObjectName, Refusal};
use crate::carrier::url::Target;
use crate::carrier::{Codec, Document};

use super::message::{self, MediaType};
use super::{
    About, AnswerView, Dialect, Done, FieldFacts, LocateError, LocatedAnswer, LocatedRequest,
    NativeAnswer, Operation, ReadAnswer, RequestView,
};
use lines::locate_lines;
use request::{locate_body, locate_target};
use route::Route;
use values::{Unselected, locate_values};

pub use jsonpath::PathError;
pub use route::{
    BodySyntax, FieldRef, GenericError, Parameter, RequestBody, RouteProblem, RouteSpec, Selector,
};

/// The API that a list of routes describes.
#[derive(Debug)]
pub struct GenericDialect {
    routes: Vec<Arc<Route>>,
}

impl GenericDialect {
    /// # Errors
    /// Every problem of every route.
    pub fn new(specs: Vec<RouteSpec>) -> Result<Self, Vec<GenericError>> {
        let mut routes: Vec<Arc<Route>> = Vec::new();
        let mut errors = Vec::new();
        for (index, spec) in specs.into_iter().enumerate() {
            let name = spec.name.clone();
            let problems = match Route::compile(spec) {
                Ok(route) => {
                    let conflicts = routes.iter().filter_map(|earlier| route.conflict(earlier));
                    let conflicts: Vec<RouteProblem> = conflicts.collect();
                    routes.push(Arc::new(route));
                    conflicts
                }
                Err(problems) => problems,
            };
            errors.extend(problems.into_iter().map(|problem| GenericError {
                index,
                route: name.clone(),
                problem,
            }));
        }
        if errors.is_empty() { Ok(Self { routes }) } else { Err(errors) }
    }

    /// The narrowest path decides, before the method is looked at: a request that
    /// the API serves by a narrow route must not be read by a wide one.
    fn resolve(&self, method: &Method, target: &Target) -> Result<&Arc<Route>, LocateError> {
        let path = target.path();
        let matching = || self.routes.iter().filter(|route| route.matches(&path));
        let narrowest =
            matching().map(|route| route.literals()).max().ok_or(LocateError::UnknownOperation)?;
        matching()
            .find(|route| route.literals() == narrowest && route.answers(method))
            .ok_or_else(|| message::method_not_allowed(method))
    }
}

impl Dialect for GenericDialect {
    fn name(&self) -> &'static str {
        "generic"
    }

    fn locate(&self, request: &RequestView<'_>) -> Result<LocatedRequest, LocateError> {
        let target = message::parse_target(request.target)?;
        let route = self.resolve(request.method, &target)?;
        let target = Document::new(request.target.clone(), locate_target(route, &target)?);
        let body = Document::new(request.body.clone(), locate_body(route, request)?);
        let occurrences = [&target, &body].into_iter().flat_map(Document::occurrences);
        let records: BTreeSet<u32> = occurrences.map(|(_, found)| found.record).collect();
        Ok(LocatedRequest {
            operation: Operation {
                name: route.name.clone(),
                object: route.object.clone(),
                about: About::named_if(route.object.is_some() || !route.response.is_empty()),
            },
            target,
            headers: Vec::new(),
            body,
            uses: Vec::new(),
            records: Vec::new(),
            referred: Vec::new(),
            batch: None,
            answer: Box::new(GenericAnswer {
                route: Arc::clone(route),
                is_about_one_record: records.len() == 1,
            }),
        })
    }

    fn canonical_object(&self, name: &str) -> ObjectName {
        ObjectName::new(name)
    }

    fn canonical_field(&self, _object: &ObjectName, name: &str) -> FieldName {
        FieldName::new(name)
    }

    fn field_facts(&self, _object: &ObjectName, _field: &FieldName) -> Option<FieldFacts> {
        None
    }

    /// An API that nobody has described may tell spellings apart.
    fn equality(&self) -> Equality {
        Equality::Exact
    }

    fn refuse(&self, refusal: &Refusal) -> NativeAnswer {
        problem_details(refusal)
    }
}

/// Reads the answer to a request of this route.
#[derive(Debug)]
struct GenericAnswer {
    route: Arc<Route>,
    /// Of several, an API may take some and still answer with success.
    is_about_one_record: bool,
}

impl ReadAnswer for GenericAnswer {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        let mut located = LocatedAnswer {
            status: answer.status,
            headers: message::link_headers(answer)?,
            done: if self.is_about_one_record { Done::All } else { Done::default() },
            ..LocatedAnswer::default()
        };
        let route = &self.route;
        let is_error = answer.status.is_client_error() || answer.status.is_server_error();
        let unselected = if is_error { Unselected::ErrorAnswer } else { Unselected::Answer };
        let unselected = unselected(route.object.as_ref(), answer.origins);
        let slots = if MediaType::of(answer.headers) == MediaType::JsonLines {
            message::refuse_part(answer)?;
            locate_lines("the answer", answer.body, |json| {
                locate_values(json, &route.response, unselected)
            })?
        } else {
            let Some(json) = message::parse_answer(answer)? else { return Ok(located) };
            locate_values(&json, &route.response, unselected)?
        };
        located.body = Document::new(answer.body.clone(), slots);
        Ok(located)
    }
}

/// A refusal as problem details (RFC 9457), with our stable code as the member
/// `code`. Also for callers of an upstream whose dialect is not known yet.
pub fn problem_details(refusal: &Refusal) -> NativeAnswer {
    let status = refusal.code.status();
    let title = Codec::Json.literal(status.canonical_reason().unwrap_or_default());
    let detail = Codec::Json.literal(&refusal.message);
    let (status_code, code) = (status.as_u16(), refusal.code.as_str());
    NativeAnswer {
        status,
        content_type: "application/problem+json",
        body: format!(
            r#"{{"type":"about:blank","title":{title},"status":{status_code},"detail":{detail},"code":"{code}"}}"#
        ),
    }
}
