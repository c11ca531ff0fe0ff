// SPDX-License-Identifier: Apache-2.0
//! What a job answers, in the syntax that it says.

use super::job::{self, BatchJob};
use super::{query, records};
use crate::base::ObjectName;
use crate::carrier::csv::{Csv, Delimiter, LineEnding};
use crate::carrier::{Document, Role, Slot};
use crate::crm::message::{MediaType, link_headers, refuse_part, unparseable};
use crate::crm::salesforce::answer::Answer;
use crate::crm::salesforce::bulk::resource::Became;
use crate::crm::salesforce::bulk::results::Results;
use crate::crm::salesforce::id::{self, is_id};
use crate::crm::salesforce::reader::Reader;
use crate::crm::salesforce::xml;
use crate::crm::{AnswerView, LocateError, LocatedAnswer, Memo, ReadAnswer, RecordName};

/// Reads an answer in JSON or XML.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Whose records it holds.
    pub object: Option<ObjectName>,
}

impl ReadAnswer for Said {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        if MediaType::of(answer.headers) != MediaType::Xml {
            return Answer { object: self.object.clone(), ..Answer::default() }.locate(answer);
        }
        let mut reader = Reader::new(answer.origins, None);
        if let Some(root) = xml::parse_answer(answer)? {
            reader.element(&root, self.object.as_ref())?;
        }
        reader.into_answer(answer)
    }
}

/// Reads the answer to a new job: the id that the CRM gives it, for the object that the
/// caller named.
#[derive(Debug)]
pub(super) struct Ordered {
    pub object: ObjectName,
}

impl ReadAnswer for Ordered {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        let job = job::members("the answer", answer.body, MediaType::of(answer.headers));
        let named = job.into_iter().flatten().find(|(name, id)| name == "id" && is_id(id));
        let memo = named
            .map(|(_, id)| Memo { about: id::canonical(&id), text: self.object.as_str().into() });
        Ok(LocatedAnswer { memo, ..Said::default().locate(answer)? })
    }
}

/// Reads what became of the records of a batch.
#[derive(Debug)]
pub(super) struct Outcomes;

impl ReadAnswer for Outcomes {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        if MediaType::of(answer.headers) != MediaType::Csv {
            return Said::default().locate(answer);
        }
        refuse_part(answer)?;
        let csv = Csv::parse(answer.body, Delimiter::Comma, LineEnding::Either)
            .map_err(|error| unparseable("the answer", error.to_string()))?;
        let header: Vec<String> = csv.header().map(|cell| cell.text().into_owned()).collect();
        if header != ["Id", "Success", "Created", "Error"] {
            return Err(unparseable("the answer", "its columns are not those of results"));
        }
        let headers = link_headers(answer)?;
        let body = Document::new(answer.body.clone(), Vec::new());
        Ok(LocatedAnswer { status: answer.status, headers, body, ..LocatedAnswer::default() })
    }
}

/// Reads what a query found, as a table.
#[derive(Debug)]
pub(super) struct Rows(pub Results);

/// What stands there instead of a table where it found nothing.
const NOTHING: &[u8] = b"Records not found for this query";

impl ReadAnswer for Rows {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        let told = answer.body.trim_ascii();
        let unquoted = told.strip_prefix(b"\"").and_then(|told| told.strip_suffix(b"\""));
        if !answer.status.is_success() || unquoted.unwrap_or(told) != NOTHING {
            return self.0.locate(answer);
        }
        let headers = link_headers(answer)?;
        let body = Document::new(answer.body.clone(), Vec::new());
        Ok(LocatedAnswer { status: answer.status, headers, body, ..LocatedAnswer::default() })
    }
}

/// Reads what was sent in a batch: the CRM was told, and has perhaps not taken it.
#[derive(Debug)]
pub(super) struct Sent(pub BatchJob);

impl ReadAnswer for Sent {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        const PLACE: &str = "the answer";
        let Self(known) = self;
        if !answer.status.is_success() {
            return Said::default().locate(answer);
        }
        if known.contents == MediaType::Csv && !known.is_query {
            let (job, became) = (known.job.clone(), Became::Unprocessed);
            let results = Results { job, became, left_out: Vec::new() };
            return results.locate(answer);
        }
        refuse_part(answer)?;
        let (slots, records): (Vec<Slot>, Vec<RecordName>) = if known.is_query {
            (query(PLACE, answer.body, &known.job)?.slots, Vec::new())
        } else {
            known.check(MediaType::of(answer.headers))?;
            let records = records(PLACE, answer.body, known)?;
            (records.slots, records.names)
        };
        let body = Document::new(answer.body.clone(), slots).revised(&mut |found| {
            found.role = Role::Former;
            true
        });
        Ok(LocatedAnswer {
            status: answer.status,
            headers: link_headers(answer)?,
            body,
            records,
            ..LocatedAnswer::default()
        })
    }
}
