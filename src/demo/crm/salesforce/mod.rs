// SPDX-License-Identifier: Apache-2.0
//! The Salesforce side: REST API resources under `/services`.
//!
//! Spoken: OAuth token and user info, versions, limits, describe, sObjects by id
//! and by external id, collections, composite, SOQL with paging, GraphQL, jobs of the Bulk
//! API 2.0, those of the Bulk API 1.0 in JSON, and logging in, writing and querying over SOAP.
//! Anything else is answered with Salesforce's `NOT_FOUND`. Contact, Lead and Account have the standard
//! fields of [`schema`]; any object and field whose name ends in `__c` exists.

mod batches;
mod bulk;
mod clean;
mod collections;
mod composite;
mod csv;
mod describe;
mod graphql;
mod id;
mod problem;
mod query;
mod record;
mod schema;
mod session;
mod soap;
mod xml;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use http::{Method, StatusCode};
use serde_json::{Map, Value};

use super::Desk;
use super::message::{Answer, Request};

pub(super) use bulk::Jobs;
pub(super) use query::Cursors;

use problem::Problem;
use schema::Object;

const LIMIT_INFO: HeaderName = HeaderName::from_static("sforce-limit-info");

type Outcome = Result<Answer, Problem>;

pub(super) fn answer(desk: &mut Desk<'_>, request: &Request) -> Answer {
    let usage = format!("api-usage={}/15000", desk.state.calls);
    let answer = route(desk, request).unwrap_or_else(Problem::into_answer);
    labelled(answer).with(LIMIT_INFO, &usage)
}

/// A failure of the service itself, as a test asks for it.
pub(super) fn refuse(status: StatusCode) -> Answer {
    labelled(Problem::of_status(status).into_answer())
}

fn labelled(answer: Answer) -> Answer {
    match answer.body {
        Some(_) => answer.with(CONTENT_TYPE, "application/json;charset=UTF-8"),
        None => answer,
    }
}

fn route(desk: &mut Desk<'_>, request: &Request) -> Outcome {
    let path = request.segments();
    match (request.method.as_str(), path.as_slice()) {
        ("POST", ["services", "oauth2", "token"]) => return Ok(session::token(desk, request)),
        ("GET", ["services", "data"]) => return Ok(session::versions()),
        _ => {}
    }
    if let ["services", "async", version, "job", rest @ ..] = path.as_slice() {
        let version = format!("v{version}");
        let answer = Api { desk, request, version: &version }.batch_jobs(rest);
        return Ok(answer.unwrap_or_else(Problem::into_batch_answer));
    }
    if let ["services", "Soap", "u", version, ..] = path.as_slice() {
        let version = format!("v{version}");
        return Ok(Api { desk, request, version: &version }.soap());
    }
    if !request.headers.contains_key(AUTHORIZATION) {
        return Err(Problem::no_session());
    }
    match (request.method.as_str(), path.as_slice()) {
        ("GET", ["services", "oauth2", "userinfo"] | ["id", session::ORG, session::USER]) => {
            Ok(session::user_info(desk))
        }
        (_, ["services", "data", version, rest @ ..]) if is_version(version) => {
            Api { desk, request, version }.route(rest)
        }
        _ => Err(Problem::no_resource()),
    }
}

fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|number| {
        number.split_once('.').is_some_and(|(major, minor)| {
            [major, minor]
                .iter()
                .all(|part| !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit()))
        })
    })
}

/// One call to a version of the data API.
struct Api<'c, 'd> {
    desk: &'c mut Desk<'d>,
    request: &'c Request,
    /// `v62.0`
    version: &'c str,
}

impl Api<'_, '_> {
    fn route(&mut self, path: &[&str]) -> Outcome {
        match (self.method(), path) {
            ("GET", []) => Ok(session::resources(self.version)),
            ("GET", ["limits"]) => Ok(session::limits(self.desk)),
            ("GET", ["sobjects"]) => Ok(describe::global(self.version)),
            ("GET", ["sobjects", object]) => Ok(self.basic(&Object::named(object)?)),
            ("POST", ["sobjects", object]) => self.create(&Object::named(object)?),
            ("GET", ["sobjects", object, "describe"]) => Ok(self.describe(&Object::named(object)?)),
            ("GET", ["sobjects", object, id]) => self.read(&Object::named(object)?, id),
            ("PATCH", ["sobjects", object, id]) => self.update(&Object::named(object)?, id),
            ("DELETE", ["sobjects", object, id]) => self.delete(&Object::named(object)?, id),
            ("GET", ["sobjects", object, field, value]) => {
                self.read_by_key(&Object::named(object)?, field, value)
            }
            ("PATCH", ["sobjects", object, field, value]) => {
                self.upsert(&Object::named(object)?, field, value)
            }
            ("DELETE", ["sobjects", object, field, value]) => {
                self.delete_by_key(&Object::named(object)?, field, value)
            }
            ("POST", ["composite"]) => self.composite(),
            (_, ["jobs", rest @ ..]) => self.jobs(rest),
            ("POST", ["graphql"]) => self.graphql(),
            ("GET", ["query"]) => self.query(false),
            ("GET", ["queryAll"]) => self.query(true),
            ("GET", ["query" | "queryAll", locator]) => self.query_more(locator),
            ("POST", ["composite", "sobjects"]) => self.create_all(),
            ("PATCH", ["composite", "sobjects"]) => self.update_all(),
            ("DELETE", ["composite", "sobjects"]) => self.delete_all(),
            ("GET" | "POST", ["composite", "sobjects", object]) => {
                self.read_all(&Object::named(object)?)
            }
            ("PATCH", ["composite", "sobjects", object, field]) => {
                self.upsert_all(&Object::named(object)?, field)
            }
            (
                _,
                ["limits" | "query" | "queryAll"]
                | ["sobjects", ..]
                | ["composite", "sobjects", ..],
            ) => Err(Problem::method_not_allowed(&self.request.method)),
            _ => Err(Problem::no_resource()),
        }
    }

    /// The method, which clients that know only POST put into `_HttpMethod`.
    fn method(&self) -> &str {
        match self.request.parameter("_HttpMethod") {
            Some(method) if self.request.method == Method::POST => method,
            _ => self.request.method.as_str(),
        }
    }

    /// The body of a write: a JSON object.
    fn body(&self) -> Result<Map<String, Value>, Problem> {
        let content_type = self.request.header("content-type").unwrap_or_default();
        if !content_type.starts_with("application/json") {
            return Err(Problem::unsupported_media_type(content_type));
        }
        match serde_json::from_slice(&self.request.body) {
            Ok(Value::Object(body)) => Ok(body),
            Ok(_) => Err(Problem::malformed_json("an object is expected")),
            Err(error) => Err(Problem::malformed_json(&error.to_string())),
        }
    }

    fn url(&self, object: &Object, id: &str) -> String {
        format!("/services/data/{}/sobjects/{}/{id}", self.version, object.name)
    }
}
