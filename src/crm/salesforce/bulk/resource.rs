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
    /// A job that takes records, to be read.
    Report { id: &'t str },
    /// The records of a job, on their way out.
    Data { id: &'t str },
    /// What became of the records of a job.
    Results { id: &'t str, became: Became },
    /// What a query found.
    Rows { id: &'t str },
}

/// What may become of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Became {
    Stored,
    Failed,
    /// Nobody has tried.
    Unprocessed,
}

impl Subject<'_> {
    pub(super) fn is_about_records(self) -> bool {
        match self {
            Self::Order | Self::State | Self::Job | Self::Report { .. } => false,
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
        ("GET", ["ingest", id]) if is_id(id) => {
            resource("bulk.job.read", Subject::Report { id }, &[])
        }
        ("GET", ["query", id]) if is_id(id) => resource("bulk.job.read", Subject::Job, &[]),
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
            let known = [
                ("successfulResults", Became::Stored),
                ("failedResults", Became::Failed),
                ("unprocessedRecords", Became::Unprocessed),
            ];
            let (_, became) =
                known.into_iter().find(|(name, _)| results.eq_ignore_ascii_case(name))?;
            resource("bulk.ingest.results", Subject::Results { id, became }, &[])
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
