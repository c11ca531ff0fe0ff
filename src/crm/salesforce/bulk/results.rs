// SPDX-License-Identifier: Apache-2.0
//! What a job answers: rows of a query, or what became of the rows of an upload.

use http::{HeaderMap, StatusCode};

use super::columns::{Column, Columns, Meta, Use};
use super::job::Job;
use super::resource::Became;
use super::{csv, echo, refused};
use crate::base::{Cleartext, ObjectName};
use crate::carrier::Document;
use crate::carrier::csv::{Cell, LineEnding};
use crate::crm::message::{MediaType, link_headers, parse_answer, refuse_part, unparseable};
use crate::crm::salesforce::answer::Answer;
use crate::crm::salesforce::filter::Found;
use crate::crm::salesforce::id::{self, is_id};
use crate::crm::{
    AnswerView, BodyForm, Done, LocateError, LocatedAnswer, Memo, ReadAnswer, RecordName,
};

const PLACE: &str = "the answer";

/// How many places of messages may be compared with how many values, in all.
const MAX_COMPARED: usize = 250_000_000;

/// Reads results as the job says that they are written.
#[derive(Debug)]
pub(super) struct Results {
    pub job: Job,
    pub became: Became,
    /// The rows that were left out of the upload.
    pub left_out: Vec<Cleartext>,
}

impl ReadAnswer for Results {
    fn body_form(&self, status: StatusCode, headers: &HeaderMap) -> BodyForm {
        let is_table = status.is_success() && MediaType::of(headers) == MediaType::Csv;
        // Rows that were left out are added to all that the CRM tells.
        if is_table && self.left_out.is_empty() { BodyForm::Rows } else { BodyForm::Whole }
    }

    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        if !answer.status.is_success() {
            return Answer::default().locate(answer);
        }
        refuse_part(answer)?;
        if !answer.body.is_empty() && MediaType::of(answer.headers) != MediaType::Csv {
            let expected = "text/csv in UTF-8";
            return Err(LocateError::UnsupportedMediaType { place: PLACE, expected });
        }
        // That of results is not promised to be the one of the upload.
        let job = Job { line_ending: LineEnding::Either, ..self.job.clone() };
        let purpose = match self.became {
            Became::Stored => Use::Read,
            Became::Failed | Became::Unprocessed => Use::Told,
        };
        let body = refused::add_rows(answer.body, &job, &self.left_out)?;
        let csv = csv(PLACE, &body, &job)?;
        let columns = Columns::bind(&csv, &job, purpose)?;
        let mut rows = Rows { columns: &columns, found: Found::default(), compared: 0 };
        for (number, row) in (0..).zip(csv.rows()) {
            rows.row(number, &row, &job)?;
        }
        Ok(LocatedAnswer {
            status: answer.status,
            headers: link_headers(answer)?,
            body: Document::new(body.clone(), rows.found.slots),
            records: rows.found.names,
            ..LocatedAnswer::default()
        })
    }
}

/// Reads the answer to a new job: the id that the CRM gives it, for the object that the
/// caller named.
#[derive(Debug)]
pub(super) struct Ordered {
    pub object: Option<ObjectName>,
}

impl ReadAnswer for Ordered {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        let json = parse_answer(answer)?;
        let id = json.as_ref().and_then(|json| json.root().get("id")?.text());
        let id = id.filter(|id| is_id(id)).map(|id| id::canonical(&id));
        let memo = id.zip(self.object.as_ref());
        let memo = memo.map(|(about, object)| Memo { about, text: object.as_str().into() });
        Ok(LocatedAnswer { memo, ..Answer::default().locate(answer)? })
    }
}

/// Reads the answer to an upload: that the data is there, not what becomes of it.
#[derive(Debug)]
pub(super) struct Uploaded<R>(pub R);

impl<R: ReadAnswer> ReadAnswer for Uploaded<R> {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        Ok(LocatedAnswer { done: Done::default(), ..self.0.locate(answer)? })
    }
}

struct Rows<'c> {
    columns: &'c Columns,
    found: Found,
    compared: usize,
}

impl Rows<'_> {
    fn row(&mut self, number: u32, row: &[Cell<'_>], job: &Job) -> Result<(), LocateError> {
        let numbers = self.columns.numbers(number, row);
        self.columns.row(&numbers, row, &mut self.found);
        let record = numbers.all.start;
        for (column, cell) in self.columns.of(row) {
            match column {
                Column::Meta(Meta::Id) if is_id(&cell.text()) => {
                    let (object, id) = (job.object.clone(), id::canonical(&cell.text()));
                    self.found.names.push(RecordName { record, object, id });
                }
                Column::Meta(Meta::Error) => {
                    self.compared += cell.span().len() * row.len();
                    if self.compared > MAX_COMPARED {
                        return Err(LocateError::TooLarge { place: PLACE });
                    }
                    let message = echo::locate(cell, &numbers, self.columns.of(row));
                    let message = message.map_err(|problem| unparseable("the answer", problem))?;
                    self.found.slots.extend(message);
                }
                Column::Meta(Meta::Id | Meta::Created) | Column::Field { .. } => {}
            }
        }
        Ok(())
    }
}
