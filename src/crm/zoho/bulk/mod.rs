// SPDX-License-Identifier: Apache-2.0
//! Bulk jobs: records as CSV in ZIP archives ("Bulk Write APIs", "Bulk Read APIs" of Zoho
//! CRM API v8; zoho/crm-oas, v8.0).
//!
//! A file is uploaded before a job says what it holds, and to another host. So the file
//! itself has to say it: it is named after its module (`Contacts.csv`), and its header row
//! names fields by their API names. Neither is taken on trust. A column is refused that
//! the policy protects in another module and not in this one; and what the file said is
//! remembered, and a job has to bind each column to the field that its header names. What
//! records are found by is not known at the upload, so a job cannot find them by a
//! protected field.
//!
//! What a job read is told by the job, which is asked first; what became of a written
//! file names its module in its own name. Those are answers: they open nothing that
//! another answer would not.
//!
//! Refused: files without a header row, calendars, and callbacks with a query.

mod columns;
mod job;
mod query;
mod results;
mod upload;

use http::{HeaderMap, Method};
use smol_str::format_smolstr;

use self::results::{Results, Source};
use super::answer::{Answer, Holds, Reply};
use super::operation::{choose, is_version};
use super::record::Records;
use super::request::parse_body;
use super::schema::is_id;
use crate::base::{ObjectName, OperationName};
use crate::carrier::url::Target;
use crate::carrier::{Document, Slot};
use crate::crm::message::{refuse_body, unparseable};
use crate::crm::{
    About, BodyForm, LocateError, LocatedRequest, Operation, Question, ReadAnswer, RequestView,
};

/// A request that is about a bulk job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call<'t> {
    Upload,
    CreateWrite,
    ReadWrite,
    WriteResult,
    CreateRead,
    ReadRead,
    ReadResult { version: &'t str, job: &'t str },
}

impl Call<'_> {
    fn name(self) -> &'static str {
        match self {
            Self::Upload => "bulk.upload",
            Self::CreateWrite => "bulk.write.create",
            Self::ReadWrite => "bulk.write.read",
            Self::WriteResult => "bulk.write.result",
            Self::CreateRead => "bulk.read.create",
            Self::ReadRead => "bulk.read.read",
            Self::ReadResult { .. } => "bulk.read.result",
        }
    }

    fn is_about_records(self) -> bool {
        !matches!(self, Self::ReadWrite | Self::ReadRead)
    }
}

/// `None` for what is about something else.
///
/// # Errors
/// [`LocateError`] for a resource, method or parameter that bulk jobs do not have.
pub(super) fn classify<'t>(
    method: &Method,
    target: &Target,
    path: &[&'t str],
) -> Result<Option<Call<'t>>, LocateError> {
    let get = |call| choose(method, &[(Method::GET, call)]);
    let post = |call| choose(method, &[(Method::POST, call)]);
    let call = match path {
        ["crm", version, "upload"] if is_version(version) => post(Call::Upload)?,
        ["v2", "crm", organization, "bulk-write", job, file]
            if is_id(organization)
                && is_id(job)
                && file.strip_suffix(".zip").is_some_and(is_id) =>
        {
            get(Call::WriteResult)?
        }
        ["crm", "bulk", version, rest @ ..] if is_version(version) => match rest {
            ["write"] => post(Call::CreateWrite)?,
            ["write", job] if is_id(job) => get(Call::ReadWrite)?,
            ["read"] => post(Call::CreateRead)?,
            ["read", job] if is_id(job) => get(Call::ReadRead)?,
            ["read", job, "result"] if is_id(job) => get(Call::ReadResult { version, job })?,
            _ => return Err(LocateError::UnknownOperation),
        },
        _ => return Ok(None),
    };
    if target.query.is_empty() {
        Ok(Some(call))
    } else {
        Err(unparseable("the query", "this operation takes no parameters"))
    }
}

/// What has to be known of the file of a new job, or of the job whose result is asked for.
pub(super) fn asks_first(request: &RequestView<'_>, call: Call<'_>) -> Option<Question> {
    match call {
        Call::CreateWrite => {
            let about = job::file_of(parse_body(request).ok()?.root())?;
            Some(Question { target: None, about })
        }
        Call::ReadResult { version, job } => {
            let target = format!("/crm/bulk/{version}/read/{job}");
            Some(Question { target: Some(target.into()), about: format_smolstr!("read {job}") })
        }
        _ => None,
    }
}

pub(super) fn body_form(call: Call<'_>) -> BodyForm {
    if call == Call::Upload { BodyForm::Archive } else { BodyForm::Whole }
}

/// # Errors
/// [`LocateError`] for whatever passes without being understood.
pub(super) fn locate(
    request: &RequestView<'_>,
    call: Call<'_>,
) -> Result<LocatedRequest, LocateError> {
    let mut located = Located::default();
    let job = |object: Option<&ObjectName>| {
        let nothing = Reply::of_nothing();
        let object = object.cloned().unwrap_or(nothing.object);
        Answer::One(Reply { holds: Holds::Job, object, ..nothing })
    };
    let answer: Box<dyn ReadAnswer> = match call {
        Call::Upload => {
            let upload = upload::locate(request, &mut located.records)?;
            located.slots.push(upload.slot);
            located.object = upload.object;
            Box::new(results::Uploaded { answer: job(None), said: upload.said })
        }
        Call::CreateWrite => {
            let json = parse_body(request)?;
            let said = request.told.by_caller;
            located.object = Some(job::locate(json.root(), said, &mut located.records)?);
            Box::new(job(None))
        }
        Call::CreateRead => {
            let json = parse_body(request)?;
            located.object = Some(query::locate(json.root(), &mut located.records)?);
            Box::new(job(None))
        }
        Call::ReadWrite | Call::ReadRead => {
            refuse_body(request.body)?;
            Box::new(job(None))
        }
        Call::WriteResult => {
            refuse_body(request.body)?;
            Box::new(Results { source: Source::Written, answer: job(None) })
        }
        Call::ReadResult { .. } => {
            refuse_body(request.body)?;
            let object = query::told(request)?;
            located.object = Some(object.clone());
            Box::new(Results { answer: job(Some(&object)), source: Source::Read(object) })
        }
    };
    if call != Call::Upload && request.headers.contains_key("feature") {
        return Err(unparseable("the header `feature`", "this operation does not take it"));
    }
    Ok(located.into_request(request, call, answer))
}

/// What is found in a request.
#[derive(Default)]
struct Located {
    object: Option<ObjectName>,
    /// Those in the body itself.
    slots: Vec<Slot>,
    records: Records,
}

impl Located {
    fn into_request(
        mut self,
        request: &RequestView<'_>,
        call: Call<'_>,
        answer: Box<dyn ReadAnswer>,
    ) -> LocatedRequest {
        self.slots.append(&mut self.records.slots);
        let about = About::named_if(call.is_about_records());
        LocatedRequest {
            operation: Operation {
                name: OperationName::from_static(call.name()),
                object: self.object,
                about: about.and_others_if(self.records.finds_others),
            },
            target: Document::new(request.target.clone(), Vec::new()),
            headers: Vec::new(),
            body: Document::new(request.body.clone(), self.slots),
            uses: self.records.uses,
            records: self.records.names,
            referred: self.records.referred,
            batch: None,
            answer,
        }
    }
}

/// The only field of this name, if it is a word or a number.
fn word<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut fields = headers.get_all(name).iter();
    let only = fields.next().filter(|_| fields.next().is_none())?.to_str().ok()?;
    super::schema::is_name(only).then_some(only)
}
