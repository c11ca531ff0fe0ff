// SPDX-License-Identifier: Apache-2.0
//! Rows of an upload that are refused one by one. The CRM never hears of them, so they are
//! kept as rows of the failed results, which the job tells of when it is done: there they
//! are added, and in the numbers of the job.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use smol_str::SmolStr;

use super::columns::{ERROR, ID};
use super::csv;
use super::job::Job;
use super::results::Uploaded;
use crate::base::{Cleartext, Timestamp};
use crate::carrier::csv::{Cell, Csv, Delimiter, LineEnding};
use crate::carrier::json::Json;
use crate::carrier::{Codec, Document, Element, Removal, Slot};
use crate::crm::message::{parse_answer, unparseable};
use crate::crm::salesforce::answer::Answer;
use crate::crm::salesforce::refusal;
use crate::crm::{
    AnswerView, Batch, LocateError, LocatedAnswer, ReadAnswer, RefusedRecords, Remaining,
};

/// The rows of an upload, by their records and places.
pub(super) struct Upload {
    job: SmolStr,
    delimiter: char,
    body: Bytes,
    header: Range<usize>,
    rows: Vec<(Range<u32>, Range<usize>)>,
}

impl Upload {
    pub(super) fn new(id: SmolStr, job: &Job, body: &Bytes, csv: &Csv<'_>) -> Self {
        Self {
            job: id,
            delimiter: char::from(job.delimiter.byte()),
            body: body.clone(),
            header: span_of(&csv.header().collect::<Vec<_>>()).unwrap_or_default(),
            rows: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, records: Range<u32>, row: &[Cell<'_>]) {
        self.rows.extend(span_of(row).map(|span| (records, span)));
    }

    /// Each row with the line end behind it.
    pub(super) fn elements(&self) -> Vec<Element> {
        let element = |(records, span): &(Range<u32>, Range<usize>)| {
            let behind = self.body.get(span.end..).unwrap_or_default();
            let carriage_return = usize::from(behind.starts_with(b"\r\n"));
            let line_feed = behind.get(carriage_return).map(|_| span.end + carriage_return);
            let member = span.start..line_feed.unwrap_or(span.end);
            Element {
                records: records.clone(),
                removal: Removal { member, before: None, after: line_feed },
            }
        };
        self.rows.iter().map(element).collect()
    }

    fn text(&self, span: &Range<usize>) -> &str {
        let bytes = self.body.get(span.clone()).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// Where a row stands, without its line end.
fn span_of(row: &[Cell<'_>]) -> Option<Range<usize>> {
    let (first, last) = row.first().zip(row.last())?;
    Some(first.span().start..last.span().end)
}

/// Names the size only: the rows hold values.
impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upload({} rows)", self.rows.len())
    }
}

impl Batch for Upload {
    fn elements(&self) -> Vec<Range<u32>> {
        self.rows.iter().map(|(records, _)| records.clone()).collect()
    }

    fn reported_as(&self) -> Option<SmolStr> {
        Some(self.job.clone())
    }

    fn refuse(&self, refused: &RefusedRecords, _now: Timestamp) -> Remaining {
        let of_row = |records: &Range<u32>| refused.range(records.clone()).next();
        let between = self.delimiter;
        let mut failed = format!("{ID}{between}{ERROR}{between}{}\n", self.text(&self.header));
        let mut left = self.rows.len();
        for (records, span) in &self.rows {
            let Some((_, refusal)) = of_row(records) else { continue };
            left -= 1;
            let message = Codec::Csv.literal(&refusal::row(refusal));
            let row = format!("\"\"{between}{message}{between}{}\n", self.text(span));
            failed.push_str(&row);
        }
        let emptied = refused.values().next().filter(|_| left == 0).map(refusal::native);
        let reader = Box::new(Uploaded(Answer::default()));
        Remaining::Reported { reader, left_out: Cleartext::new(failed), emptied }
    }
}

/// The failed results as the CRM tells of them, with the rows that it never saw.
///
/// # Errors
/// Where they have not the columns of the upload.
pub(super) fn add_rows(
    told: &Bytes,
    job: &Job,
    quarantined: &[Cleartext],
) -> Result<Bytes, LocateError> {
    let Some((first, others)) = quarantined.split_first() else { return Ok(told.clone()) };
    let (told, quarantined) = if told.is_empty() {
        (Bytes::copy_from_slice(first.expose().as_bytes()), others)
    } else {
        (told.clone(), quarantined)
    };
    let answer = csv("the answer", &told, job)?;
    let columns: Vec<String> = answer.header().map(|cell| cell.text().to_lowercase()).collect();
    let header_end = answer.header().last().map_or(0, |cell| cell.span().end);
    let line_end: &[u8] = if told.get(header_end) == Some(&b'\r') { b"\r\n" } else { b"\n" };
    let mut all = told.to_vec();
    for rows in quarantined {
        let rows = rows.expose().as_bytes();
        let kept = parse_kept(rows)?;
        let names: Vec<String> = kept.header().map(|cell| cell.text().to_lowercase()).collect();
        let places = columns.iter().map(|name| names.iter().position(|known| known == name));
        let places: Option<Vec<usize>> = places.collect();
        let places = places.filter(|places| places.len() == names.len());
        let places = places.ok_or_else(|| refuse("it has not the columns of the upload"))?;
        if all.last() != Some(&b'\n') {
            all.extend_from_slice(line_end);
        }
        for row in kept.rows() {
            for (at, place) in places.iter().enumerate() {
                if at > 0 {
                    all.push(job.delimiter.byte());
                }
                let cell = row.get(*place).map(Cell::span).unwrap_or_default();
                all.extend_from_slice(rows.get(cell).unwrap_or_default());
            }
            all.extend_from_slice(line_end);
        }
    }
    Ok(all.into())
}

/// What [`Upload::refuse`] has written: it says itself what stands between its cells.
fn parse_kept(rows: &[u8]) -> Result<Csv<'_>, LocateError> {
    let delimiter = rows.get(ID.len()).and_then(|byte| Delimiter::of_byte(*byte));
    let delimiter = delimiter.ok_or_else(|| refuse("what was left out of it cannot be read"))?;
    Csv::parse(rows, delimiter, LineEnding::Lf).map_err(|error| refuse(&error.to_string()))
}

fn refuse(problem: &str) -> LocateError {
    unparseable("the answer", problem)
}

/// Reads what the CRM says of a job, of which it never saw some rows.
#[derive(Debug, Default)]
pub(super) struct Report {
    left_out: usize,
}

impl Report {
    pub(super) fn new(quarantined: &[Cleartext]) -> Result<Self, LocateError> {
        let counts = quarantined.iter().map(|rows| {
            let kept = parse_kept(rows.expose().as_bytes())?;
            Ok(kept.rows().count())
        });
        Ok(Self { left_out: counts.sum::<Result<usize, LocateError>>()? })
    }

    /// The numbers that count failures, with the rows that were left out.
    fn numbers(&self, job: &Json<'_>) -> Vec<Slot> {
        let numbers = ["numberRecordsFailed", "numberRecordsProcessed"].into_iter();
        let slots = numbers.filter_map(|name| {
            let number = job.root().get(name)?;
            let all = number.raw().parse::<usize>().ok()?.checked_add(self.left_out)?;
            Some(Slot::rewritten(number.span(), Codec::Plain, all.to_string()))
        });
        slots.collect()
    }
}

impl ReadAnswer for Report {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        if self.left_out == 0 || !answer.status.is_success() {
            return Answer::default().locate(answer);
        }
        let slots = parse_answer(answer)?.map(|job| self.numbers(&job)).unwrap_or_default();
        let body = Document::new(answer.body.clone(), slots).render(&mut [].iter());
        let body = body.map_err(|error| refuse(&error.to_string()))?;
        Answer::default().locate(&AnswerView { body: &body, ..*answer })
    }
}
