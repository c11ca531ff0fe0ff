// SPDX-License-Identifier: Apache-2.0

use http::Method;

use crate::carrier::url::{Parameter, Target};
use crate::crm::LocateError;
use crate::crm::message::unparseable;
use crate::crm::salesforce::id::is_id;

/// One resource of the API, asked for by one method.
pub(super) struct Resource<'t> {
    pub name: &'static str,
    pub subject: Subject<'t>,
    /// The query parameters it takes; any other is refused.
    parameters: &'static [&'static str],
}

/// What a request is about.
#[derive(Clone, Copy)]
pub(super) enum Subject<'t> {
    /// A new job for records.
    Order,
    /// A new job for a query.
    Query,
    /// The state of a job, to be changed.
    State,
    /// A job, or all jobs, to be read or deleted.
    Job,
    /// The records of a job, on their way out.
    Data { id: &'t str },
    /// What became of the records of a job.
    Results {
        id: &'t str,
        /// Whether the CRM has taken them.
        is_stored: bool,
    },
    /// What a query found.
    Rows { id: &'t str },
}

impl Subject<'_> {
    pub(super) fn is_about_records(self) -> bool {
        match self {
            Self::Order | Self::State | Self::Job => false,
            Self::Query | Self::Data { .. } | Self::Results { .. } | Self::Rows { .. } => true,
        }
    }
}

/// # Errors
/// [`LocateError::UnknownOperation`], or another for a parameter that the resource does
/// not take.
pub(super) fn classify<'t>(
    method: &Method,
    target: &Target,
    path: &[&'t str],
) -> Result<Resource<'t>, LocateError> {
    let path = path.strip_suffix(&[""]).unwrap_or(path);
    let resource = known(method.as_str(), path).ok_or(LocateError::UnknownOperation)?;
    for (position, parameter) in target.query.iter().enumerate() {
        let mut before = target.query.iter().take(position);
        let is_first = !before.any(|other| other.name == parameter.name);
        let is_known = resource.parameters.contains(&parameter.name.as_str());
        if !is_first || !is_known || !is_opaque(parameter) {
            let place = format!("the query at byte {}", parameter.removal.member.start);
            return Err(unparseable(place, "it is not a parameter that this operation takes once"));
        }
    }
    Ok(resource)
}

fn known<'t>(method: &str, path: &[&'t str]) -> Option<Resource<'t>> {
    let resource = |name, subject, parameters| Some(Resource { name, subject, parameters });
    match (method, path) {
        ("POST", ["ingest"]) => resource("bulk.ingest.create", Subject::Order, &[]),
        ("POST", ["query"]) => resource("bulk.query.create", Subject::Query, &[]),
        ("GET", ["ingest" | "query"]) => resource("bulk.job.list", Subject::Job, &LIST),
        ("GET", ["ingest" | "query", id]) if is_id(id) => {
            resource("bulk.job.read", Subject::Job, &[])
        }
        ("PATCH", ["ingest" | "query", id]) if is_id(id) => {
            resource("bulk.job.update", Subject::State, &[])
        }
        ("DELETE", ["ingest" | "query", id]) if is_id(id) => {
            resource("bulk.job.delete", Subject::Job, &[])
        }
        ("PUT", ["ingest", id, "batches"]) if is_id(id) => {
            resource("bulk.ingest.upload", Subject::Data { id }, &[])
        }
        ("GET", ["ingest", id, results]) if is_id(id) => {
            let is = |name: &str| results.eq_ignore_ascii_case(name);
            let is_stored = is("successfulResults");
            let is_known = is_stored || is("failedResults") || is("unprocessedRecords");
            let subject = Subject::Results { id, is_stored };
            is_known.then_some(Resource { name: "bulk.ingest.results", subject, parameters: &[] })
        }
        ("GET", ["query", id, "results"]) if is_id(id) => {
            resource("bulk.query.results", Subject::Rows { id }, &["locator", "maxRecords"])
        }
        _ => None,
    }
}

const LIST: [&str; 4] = ["isPkChunkingEnabled", "jobType", "concurrencyMode", "queryLocator"];

/// A word of the API, a number or a locator.
fn is_opaque(parameter: &Parameter) -> bool {
    let value = parameter.value.decoded.as_str();
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=');
    (1..=128).contains(&value.len()) && value.bytes().all(is_part)
}
