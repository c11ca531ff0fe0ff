// SPDX-License-Identifier: Apache-2.0
//! What a job answers: rows of a query, or what became of the rows of an upload.

use super::columns::{Column, Columns, Meta};
use super::job::Job;
use super::{csv, echo};
use crate::carrier::csv::{Cell, LineEnding};
use crate::carrier::{Document, Slot};
use crate::crm::message::{MediaType, link_headers, unparseable};
use crate::crm::salesforce::answer::Answer;
use crate::crm::salesforce::id::{self, is_id};
use crate::crm::{AnswerView, LocateError, LocatedAnswer, ReadAnswer, RecordName};

/// Reads results as the job says that they are written.
#[derive(Debug)]
pub(super) struct Results {
    pub job: Job,
    /// Whether they tell of an upload, so that what they repeat need not be stored.
    pub is_ingest: bool,
}

impl ReadAnswer for Results {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        if !answer.status.is_success() {
            return Answer::default().locate(answer);
        }
        const PLACE: &str = "the answer";
        if !answer.body.is_empty() && MediaType::of(answer.headers) != MediaType::Csv {
            let expected = "text/csv in UTF-8";
            return Err(LocateError::UnsupportedMediaType { place: PLACE, expected });
        }
        // That of results is not promised to be the one of the upload.
        let job = Job { line_ending: LineEnding::Either, ..self.job.clone() };
        let csv = csv(PLACE, answer.body, &job)?;
        let columns = Columns::read(&csv, &job)?;
        let mut rows = Rows { columns: &columns, slots: Vec::new(), names: Vec::new() };
        for (number, row) in (0..).zip(csv.rows()) {
            rows.row(number, &row, &job)?;
        }
        Ok(LocatedAnswer {
            status: answer.status,
            headers: link_headers(answer)?,
            body: Document::new(answer.body.clone(), rows.slots),
            records: rows.names,
            ..LocatedAnswer::default()
        })
    }
}

struct Rows<'c> {
    columns: &'c Columns,
    slots: Vec<Slot>,
    names: Vec<RecordName>,
}

impl Rows<'_> {
    fn row(&mut self, number: u32, row: &[Cell<'_>], job: &Job) -> Result<(), LocateError> {
        self.columns.row(number, row, &mut self.slots, &mut self.names);
        let record = self.columns.first_record(number);
        for (column, cell) in self.columns.of(row) {
            match column {
                Column::Meta(Meta::Id) if is_id(&cell.text()) => {
                    let (object, id) = (job.object.clone(), id::canonical(&cell.text()));
                    self.names.push(RecordName { record, object, id });
                }
                Column::Meta(Meta::Error) => {
                    let message = echo::locate(cell, record, self.columns.of(row));
                    let message = message.map_err(|problem| unparseable("the answer", problem))?;
                    self.slots.extend(message);
                }
                Column::Meta(Meta::Id | Meta::Created) | Column::Field { .. } => {}
            }
        }
        Ok(())
    }
}
