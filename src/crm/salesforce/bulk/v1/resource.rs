// SPDX-License-Identifier: Apache-2.0

use http::Method;

use crate::carrier::url::Target;
use crate::crm::LocateError;
use crate::crm::message::unparseable;
use crate::crm::salesforce::id::is_id;

/// One resource of the API, asked for by one method.
pub(super) struct Resource<'t> {
    pub name: &'static str,
    pub subject: Subject<'t>,
}

/// What a request is about.
#[derive(Clone, Copy)]
pub(super) enum Subject<'t> {
    /// A new job.
    Order,
    /// The state of a job, to be changed.
    State { id: &'t str },
    /// What becomes of a job or of its batches.
    Progress,
    /// Records on their way out, or a query.
    Data { id: &'t str },
    /// What was sent in a batch.
    Sent { id: &'t str },
    /// What became of the records of a batch, or where the rows of a query are.
    Results,
    /// What a query found.
    Rows { id: &'t str },
}

impl<'t> Subject<'t> {
    pub(super) fn is_about_records(self) -> bool {
        match self {
            Self::Order | Self::State { .. } | Self::Progress => false,
            Self::Data { .. } | Self::Sent { .. } | Self::Results | Self::Rows { .. } => true,
        }
    }

    /// The job that has to be known before it can be read.
    pub(super) fn job(self) -> Option<&'t str> {
        match self {
            Self::Data { id } | Self::Sent { id } | Self::Rows { id } => Some(id),
            Self::Order | Self::State { .. } | Self::Progress | Self::Results => None,
        }
    }
}

/// # Errors
/// [`LocateError::UnknownOperation`], or another for a parameter: none is known.
pub(super) fn classify<'t>(
    method: &Method,
    target: &Target,
    path: &[&'t str],
) -> Result<Resource<'t>, LocateError> {
    let path = path.strip_suffix(&[""]).unwrap_or(path);
    let resource = known(method.as_str(), path).ok_or(LocateError::UnknownOperation)?;
    if target.query.is_empty() {
        Ok(resource)
    } else {
        Err(unparseable("the query", "this operation takes no parameters"))
    }
}

fn known<'t>(method: &str, path: &[&'t str]) -> Option<Resource<'t>> {
    let ["job", path @ ..] = path else { return None };
    let (name, subject) = match (method, path) {
        ("POST", []) => ("bulk1.job.create", Subject::Order),
        ("GET", [id]) if is_id(id) => ("bulk1.job.read", Subject::Progress),
        ("POST", [id]) if is_id(id) => ("bulk1.job.update", Subject::State { id }),
        ("POST", [id, "batch"]) if is_id(id) => ("bulk1.batch.create", Subject::Data { id }),
        ("GET", [id, "batch"]) if is_id(id) => ("bulk1.batch.list", Subject::Progress),
        ("GET", [id, "batch", batch, rest @ ..]) if is_id(id) && is_id(batch) => match rest {
            [] => ("bulk1.batch.read", Subject::Progress),
            ["request"] => ("bulk1.batch.request", Subject::Sent { id }),
            ["result"] => ("bulk1.batch.results", Subject::Results),
            ["result", rows] if is_id(rows) => ("bulk1.batch.rows", Subject::Rows { id }),
            _ => return None,
        },
        _ => return None,
    };
    Some(Resource { name, subject })
}
