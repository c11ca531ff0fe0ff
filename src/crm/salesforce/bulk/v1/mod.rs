// SPDX-License-Identifier: Apache-2.0
//! Bulk API 1.0: jobs that take batches of records as CSV, JSON or XML, or queries, under
//! `/services/async` ("Bulk API 2.0 and Bulk API Developer Guide", "Bulk API").
//!
//! Callers show their session in `X-SFDC-Session`. A batch says neither its object nor
//! what it is written in, and neither do the rows that a query found: the job is asked
//! first, as in version 2.0, and by the same rules.
//!
//! Refused: archives, which hold files beside records; queries whose columns do not say
//! what they hold; transformation specs, which give columns other names. Messages about
//! records that failed are left as they are: no row beside them tells what they repeat.

mod job;
mod resource;
mod results;

use bytes::Bytes;
use http::HeaderMap;

use self::job::BatchJob;
use self::resource::{Resource, Subject, classify};
use self::results::{Ordered, Outcomes, Rows, Said, Sent};
use super::resource::Became;
use super::results::{Results, Uploaded};
use super::{Job, Located, hearsay};
use crate::carrier::Content;
use crate::carrier::json::Kind;
use crate::carrier::url::Target;
use crate::crm::message::{MediaType, parse_json, refuse_body, unparseable};
use crate::crm::salesforce::filter::Found;
use crate::crm::salesforce::id;
use crate::crm::salesforce::record::Records;
use crate::crm::salesforce::{refusal, schema, xml};
use crate::crm::{LocateError, LocatedRequest, Question, ReadAnswer, RefusalForm, RequestView};

/// As [`bulk::asks_first`](super::asks_first).
pub(in crate::crm::salesforce) fn asks_first(
    request: &RequestView<'_>,
    target: &Target,
    version: &str,
    path: &[&str],
) -> Option<Question> {
    let id = classify(request.method, target, path).ok()?.subject.job()?;
    let target = format!("/services/async/{version}/job/{id}").into();
    Some(Question { target: Some(target), about: id::canonical(id) })
}

/// In which form callers of this API read refusals: that of what they send.
pub(in crate::crm::salesforce) fn refusal_form(headers: &HeaderMap) -> RefusalForm {
    match MediaType::of(headers) {
        MediaType::Json => refusal::of_json_batch,
        _ => refusal::of_xml_batch,
    }
}

/// # Errors
/// [`LocateError`] when a part of the request cannot be read without doubt.
pub(in crate::crm::salesforce) fn locate(
    request: &RequestView<'_>,
    target: &Target,
    path: &[&str],
) -> Result<LocatedRequest, LocateError> {
    let Resource { name, subject } = classify(request.method, target, path)?;
    let mut located = Located::default();
    if !matches!(subject, Subject::Order | Subject::State { .. } | Subject::Data { .. }) {
        refuse_body(request.body)?;
    }
    let answer: Box<dyn ReadAnswer> = match subject {
        Subject::Order => {
            let object = schema::object_name(&job::read_order(request)?);
            Box::new(Ordered { object })
        }
        Subject::State { id } => {
            job::read_state(request, id)?;
            Box::new(Said::default())
        }
        Subject::Progress => Box::new(Said::default()),
        Subject::Results => Box::new(Outcomes),
        Subject::Data { id } => {
            let known = BatchJob::read(request, id)?;
            located.batch(request, &known)?;
            located.object = Some(known.job.object);
            Box::new(Uploaded(Said::default()))
        }
        Subject::Sent { id } => {
            let known = BatchJob::read(request, id)?;
            located.object = Some(known.job.object.clone());
            Box::new(Sent(known))
        }
        Subject::Rows { id } => {
            let BatchJob { job, contents, .. } = BatchJob::read(request, id)?;
            located.object = Some(job.object.clone());
            match contents {
                MediaType::Csv => {
                    let (became, left_out) = (Became::Stored, Vec::new());
                    Box::new(Rows(Results { job, became, left_out }))
                }
                _ => Box::new(Said { object: Some(job.object) }),
            }
        }
    };
    Ok(located.into_request(request, name, subject.is_about_records(), answer))
}

impl Located {
    /// The records of a batch, or its query.
    fn batch(&mut self, request: &RequestView<'_>, known: &BatchJob) -> Result<(), LocateError> {
        known.check(MediaType::of(request.headers))?;
        if known.is_query {
            self.found = query("the batch", request.body, &known.job)?;
            return Ok(());
        }
        if known.contents == MediaType::Csv {
            return self.rows(request, &known.job, None);
        }
        let records = records("the body", request.body, known)?;
        let fields = records.slots.iter().filter_map(|slot| match &slot.content {
            Content::Value(found) => Some((&found.object, &found.field)),
            _ => None,
        });
        let copies = records.copies.iter().map(|(object, field)| (object, field));
        if !known.job.is_certain {
            self.found.uses.extend(hearsay(fields.chain(copies)));
        }
        self.found.uses.extend(records.uses);
        self.found.names = records.names;
        self.found.slots = records.slots;
        Ok(())
    }
}

/// A batch that is a query.
fn query(place: &'static str, body: &Bytes, job: &Job) -> Result<Found, LocateError> {
    let text = std::str::from_utf8(body).map_err(|_| unparseable(place, "it is not UTF-8"))?;
    let found = super::job::query_text(place, text)?;
    // Its rows are read as the object of the job.
    if found.object.as_ref() != Some(&job.object) {
        return Err(unparseable(place, "it asks for another object than its job"));
    }
    Ok(found)
}

/// The records of a batch that is not a table.
fn records(place: &'static str, body: &Bytes, known: &BatchJob) -> Result<Records, LocateError> {
    let mut records = Records::new(known.job.key.clone());
    let object = Some(&known.job.object);
    if known.contents == MediaType::Json {
        let json = parse_json(place, body)?;
        if json.root().kind() != Kind::Array {
            return Err(unparseable(place, "it is no list of records"));
        }
        records.list(json.root(), object)?;
        return Ok(records);
    }
    for record in &xml::parse_root(place, body, "sObjects")?.children {
        if record.name != "sObject" {
            return Err(xml::refuse(record, "is no `sObject`"));
        }
        records.element(record, object)?;
    }
    Ok(records)
}
