// SPDX-License-Identifier: Apache-2.0
//! Bulk API 2.0: jobs that take records as CSV, and jobs that answer queries with it
//! ("Bulk API 2.0 and Bulk API Developer Guide"). `v1` is the older Bulk API, whose jobs
//! take batches.
//!
//! An upload names no object, and neither do results: only the job knows. So the job
//! is asked first ([`asks_first`]), and what it says comes with the request: a job is
//! known whoever created it, through which instance. But the CRM's word alone must not
//! decide what the CRM sees. What the caller said when the job was created is remembered
//! ([`Ordered`]) and compared; where it is forgotten, an upload is refused that has a
//! column which another object of the policy would protect.
//!
//! Refused: jobs that are created together with their data (multipart), and queries
//! whose columns do not say what they hold.

mod columns;
mod echo;
mod job;
mod refused;
mod resource;
mod results;
pub(super) mod v1;

use std::collections::BTreeSet;

use bytes::Bytes;
use smol_str::SmolStr;

#[cfg(test)]
pub(super) use self::columns::MAX_COLUMNS;
use self::columns::{Columns, Use};
use self::job::{Job, Order};
use self::refused::{Report, Upload};
use self::resource::{Became, Resource, Subject, classify};
use self::results::{Ordered, Results, Uploaded};
use super::answer::Answer;
use super::filter::Found;
use super::id;
use crate::base::{FieldName, ObjectName};
use crate::carrier::Document;
use crate::carrier::csv::{Csv, CsvError};
use crate::carrier::url::Target;
use crate::crm::message::{MediaType, parse_json, refuse_body, unparseable};
use crate::crm::{
    About, BodyForm, FieldUse, LocateError, LocatedRequest, Operation, Question, ReadAnswer,
    RequestView,
};

/// What has to be known of the job before the request can be read: where to ask for it.
pub(super) fn asks_first(
    request: &RequestView<'_>,
    target: &Target,
    version: &str,
    path: &[&str],
) -> Option<Question> {
    let resource = classify(request.method, target, path).ok()?;
    let (kind, id) = match resource.subject {
        Subject::Data { id } | Subject::Results { id, .. } => ("ingest", id),
        Subject::Rows { id } => ("query", id),
        Subject::Order
        | Subject::Query
        | Subject::State
        | Subject::Job
        | Subject::Report { .. } => {
            return None;
        }
    };
    let target = format!("/services/data/{version}/jobs/{kind}/{id}").into();
    Some(Question { target: Some(target), about: id::canonical(id) })
}

/// Uploads are long. What becomes of their rows, a later answer tells.
pub(super) fn body_form(request: &RequestView<'_>, target: &Target, path: &[&str]) -> BodyForm {
    match classify(request.method, target, path).map(|resource| resource.subject) {
        Ok(Subject::Data { .. }) => BodyForm::Rows,
        _ => BodyForm::Whole,
    }
}

/// The job that an answer tells of, where rows may have been left out of its upload.
pub(super) fn reports_on(
    request: &RequestView<'_>,
    target: &Target,
    path: &[&str],
) -> Option<SmolStr> {
    match classify(request.method, target, path).ok()?.subject {
        Subject::Results { id, became: Became::Failed } | Subject::Report { id } => {
            Some(id::canonical(id))
        }
        _ => None,
    }
}

/// # Errors
/// [`LocateError`] when a part of the request cannot be read without doubt.
pub(super) fn locate(
    request: &RequestView<'_>,
    target: &Target,
    path: &[&str],
) -> Result<LocatedRequest, LocateError> {
    let resource = classify(request.method, target, path)?;
    let mut located = Located::default();
    let answer: Box<dyn ReadAnswer> = match resource.subject {
        Subject::Order => {
            let object = job::read_order(order(request)?.root())?;
            Box::new(Ordered { object })
        }
        Subject::Query => {
            located.found = job::read_query(order(request)?.root())?;
            located.object.clone_from(&located.found.object);
            Box::new(Answer::default())
        }
        Subject::State => {
            job::read_state(order(request)?.root())?;
            Box::new(Answer::default())
        }
        Subject::Job => {
            refuse_body(request.body)?;
            Box::new(Answer::default())
        }
        Subject::Report { .. } => {
            refuse_body(request.body)?;
            Box::new(Report::new(request.told.quarantined)?)
        }
        Subject::Data { id } => {
            let job = Job::read(request, id)?;
            located.data(request, id, &job)?;
            located.object = Some(job.object);
            Box::new(Uploaded(Answer::default()))
        }
        Subject::Results { id, .. } | Subject::Rows { id } => {
            refuse_body(request.body)?;
            let job = Job::read(request, id)?;
            located.object = Some(job.object.clone());
            let became = match resource.subject {
                Subject::Results { became, .. } => became,
                _ => Became::Stored,
            };
            Box::new(Results { job, became, left_out: request.told.quarantined.to_vec() })
        }
    };
    let Resource { name, subject, .. } = resource;
    Ok(located.into_request(request, name, subject.is_about_records(), answer))
}

/// What is used of each field whose object only the CRM tells. Of another object, what
/// seems to be a copy would be a field of its own.
fn hearsay<'f>(
    fields: impl Iterator<Item = (&'f ObjectName, &'f FieldName)>,
) -> impl Iterator<Item = FieldUse> {
    let mut seen = BTreeSet::new();
    let fields = fields.filter(|(_, field)| field.as_str() != "id");
    fields.filter(move |field| seen.insert(*field)).map(|(object, field)| FieldUse {
        object: object.clone(),
        field: field.clone(),
        operator: FieldUse::HEARSAY,
    })
}

/// What is found in a request.
#[derive(Default)]
struct Located {
    object: Option<ObjectName>,
    found: Found,
    upload: Option<Upload>,
}

impl Located {
    /// The records of an upload.
    fn data(&mut self, request: &RequestView<'_>, id: &str, job: &Job) -> Result<(), LocateError> {
        if MediaType::of(request.headers) != MediaType::Csv {
            let expected = "text/csv in UTF-8";
            return Err(LocateError::UnsupportedMediaType { place: "the body", expected });
        }
        self.rows(request, job, Some(id))
    }

    /// The rows of a body that is CSV. Of the job with this `id`, single ones can be refused.
    fn rows(
        &mut self,
        request: &RequestView<'_>,
        job: &Job,
        id: Option<&str>,
    ) -> Result<(), LocateError> {
        let csv = csv("the body", request.body, job)?;
        let columns = Columns::bind(&csv, job, Use::Written)?;
        self.found.uses = columns.uses("writing a composed field");
        if !job.is_certain {
            self.found.uses.extend(hearsay(columns.fields()));
        }
        let mut upload = id.map(|id| Upload::new(id::canonical(id), job, request.body, &csv));
        for (number, row) in (0..).zip(csv.rows()) {
            let numbers = columns.numbers(number, &row);
            columns.row(&numbers, &row, &mut self.found);
            if let Some(upload) = &mut upload {
                upload.add(numbers.all, &row);
            }
        }
        self.upload = upload;
        Ok(())
    }

    fn into_request(
        self,
        request: &RequestView<'_>,
        name: &'static str,
        is_about_records: bool,
        answer: Box<dyn ReadAnswer>,
    ) -> LocatedRequest {
        let elements = self.upload.as_ref().map(Upload::elements).unwrap_or_default();
        LocatedRequest {
            operation: Operation {
                name: name.into(),
                object: self.object,
                about: About::named_if(is_about_records).and_others_if(self.found.finds_others),
            },
            target: Document::new(request.target.clone(), Vec::new()),
            headers: Vec::new(),
            body: Document::new(request.body.clone(), self.found.slots).with_elements(elements),
            uses: self.found.uses,
            records: self.found.names,
            referred: Vec::new(),
            batch: self.upload.map(|upload| Box::new(upload) as _),
            answer,
        }
    }
}

/// The JSON that creates or changes a job.
fn order<'a>(request: &RequestView<'a>) -> Result<Order<'a>, LocateError> {
    if MediaType::of(request.headers) != MediaType::Json {
        let expected = "application/json; upload data by a request of its own";
        return Err(LocateError::UnsupportedMediaType { place: "the body", expected });
    }
    parse_json("the body", request.body)
}

fn csv<'a>(place: &'static str, body: &'a Bytes, job: &Job) -> Result<Csv<'a>, LocateError> {
    Csv::parse(body, job.delimiter, job.line_ending).map_err(|error| match error {
        CsvError::TooLarge | CsvError::TooMany => LocateError::TooLarge { place },
        _ => unparseable(place, error.to_string()),
    })
}
