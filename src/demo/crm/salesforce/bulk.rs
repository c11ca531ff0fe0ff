// SPDX-License-Identifier: Apache-2.0
//! Bulk API 2.0: `/jobs/ingest` and `/jobs/query`. A job is done as soon as it may be.

use std::collections::VecDeque;

use http::header::{CONTENT_TYPE, HeaderName};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::demo::crm::message::Answer;
use crate::demo::crm::soql::{self, Selection};

use super::batches::BatchJob;
use super::csv::Format;
use super::problem::Problem;
use super::schema::Object;
use super::{Api, Outcome, id, session};

/// How many jobs are kept; the oldest makes room.
pub(super) const MAX_JOBS: usize = 50;
pub(super) const JOB_PREFIX: &str = "750";
const LOCATOR: HeaderName = HeaderName::from_static("sforce-locator");
const NUMBER: HeaderName = HeaderName::from_static("sforce-numberofrecords");

/// Jobs of both kinds.
#[derive(Default)]
pub(in crate::demo::crm) struct Jobs {
    kept: VecDeque<Job>,
    /// Those of the older API.
    pub(super) of_batches: VecDeque<BatchJob>,
    last: u64,
}

impl Jobs {
    pub(super) fn new_id(&mut self, prefix: &str) -> String {
        self.last += 1;
        id::new(prefix, self.last)
    }
}

#[derive(Clone)]
struct Job {
    id: String,
    /// `ingest` or `query`
    kind: &'static str,
    operation: String,
    object: Object,
    key: Option<String>,
    words: [String; 2],
    format: Format,
    state: &'static str,
    data: String,
    /// The names of the columns, and what became of each row.
    header: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Clone)]
struct Row {
    id: String,
    is_new: bool,
    /// Why it was not taken.
    error: Option<String>,
    cells: Vec<String>,
}

impl Api<'_, '_> {
    pub(super) fn jobs(&mut self, path: &[&str]) -> Outcome {
        match (self.request.method.as_str(), path) {
            ("POST", ["ingest"]) => self.order("ingest"),
            ("POST", ["query"]) => self.order("query"),
            ("GET", [kind @ ("ingest" | "query")]) => {
                let jobs = self.desk.state.jobs.kept.iter().filter(|job| job.kind == *kind);
                let records: Vec<Value> = jobs.map(|job| self.info(job)).collect();
                let body = json!({ "done": true, "records": records, "nextRecordsUrl": null });
                Ok(Answer::json(StatusCode::OK, body))
            }
            (_, [kind, id]) => self.job(kind, id),
            ("PUT", ["ingest", id, "batches"]) => {
                let text = String::from_utf8(self.request.body.to_vec());
                let text = text.map_err(|_| Problem::malformed_csv("it is not UTF-8"))?;
                let job = self.find("ingest", id)?;
                if job.state != "Open" {
                    return Err(Problem::job_state());
                }
                job.data = text;
                Ok(Answer::empty(StatusCode::CREATED))
            }
            ("GET", ["ingest", id, results]) => {
                let job = self.find("ingest", id)?.clone();
                job.results(results)
            }
            ("GET", ["query", id, "results"]) => {
                let job = self.find("query", id)?.clone();
                Ok(self.page_of(&job))
            }
            _ => Err(Problem::no_resource()),
        }
    }

    fn job(&mut self, kind: &str, id: &str) -> Outcome {
        let job = self.find(kind, id)?.clone();
        match self.request.method {
            Method::GET => Ok(Answer::json(StatusCode::OK, self.info(&job))),
            Method::PATCH => {
                let body = self.body()?;
                let job = match body.get("state").and_then(Value::as_str) {
                    Some("UploadComplete") if job.state == "Open" => self.work(job),
                    Some("Aborted") => Job { state: "Aborted", ..job },
                    _ => return Err(Problem::malformed_json("a state is expected")),
                };
                *self.find(kind, id)? = job.clone();
                Ok(Answer::json(StatusCode::OK, self.info(&job)))
            }
            Method::DELETE => {
                self.desk.state.jobs.kept.retain(|other| other.id != job.id);
                Ok(Answer::empty(StatusCode::NO_CONTENT))
            }
            _ => Err(Problem::method_not_allowed(&self.request.method)),
        }
    }

    fn find(&mut self, kind: &str, id: &str) -> Result<&mut Job, Problem> {
        let id = id::long(id).ok_or_else(Problem::no_resource)?;
        let mut jobs = self.desk.state.jobs.kept.iter_mut();
        jobs.find(|job| job.id == id && job.kind == kind).ok_or_else(Problem::no_resource)
    }

    /// Creates a job; one for a query has its answer at once.
    fn order(&mut self, kind: &'static str) -> Outcome {
        let body = self.body()?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let words = [("columnDelimiter", "COMMA"), ("lineEnding", "LF")].map(|(name, default)| {
            if text(name).is_empty() { default } else { text(name) }.to_owned()
        });
        let format = format_of(&words)?;
        let (mut header, mut rows) = (Vec::new(), Vec::new());
        let object = if kind == "query" {
            let statement = soql::parse(text("query"))
                .map_err(|error| Problem::malformed_query(error.to_string()))?;
            let object = Object::find(&statement.object)
                .ok_or_else(|| Problem::no_object(&statement.object))?;
            let Selection::Fields(fields) = &statement.selection else {
                return Err(Problem::malformed_query("aggregates are not answered in bulk"));
            };
            header = fields.iter().map(|field| object.column(field)).collect::<Result<_, _>>()?;
            let ids = self.find_rows(&object, &statement, text("operation") == "queryAll")?;
            rows = ids.iter().map(|id| self.row_of(&object, id, &header)).collect();
            object
        } else {
            Object::find(text("object")).ok_or_else(|| Problem::no_object(text("object")))?
        };
        let key = Some(text("externalIdFieldName")).filter(|key| !key.is_empty());
        let jobs = &mut self.desk.state.jobs;
        let job = Job {
            id: jobs.new_id(JOB_PREFIX),
            kind,
            operation: text("operation").to_owned(),
            key: key.map(|key| object.key(key)).transpose()?,
            object,
            words,
            format,
            state: if kind == "query" { "JobComplete" } else { "Open" },
            data: String::new(),
            header,
            rows,
        };
        jobs.kept.push_back(job.clone());
        if jobs.kept.len() > MAX_JOBS {
            jobs.kept.pop_front();
        }
        Ok(Answer::json(StatusCode::OK, self.info(&job)))
    }

    fn row_of(&self, object: &Object, id: &str, columns: &[String]) -> Row {
        let record = self.desk.state.store.get(&object.name, id);
        let cell = |column: &String| match record.map(|record| object.value(record, column)) {
            Some(Value::String(text)) => text,
            None | Some(Value::Null | Value::Object(_) | Value::Array(_)) => String::new(),
            Some(other) => other.to_string(),
        };
        let cells = columns.iter().map(cell).collect();
        Row { id: id.to_owned(), is_new: false, error: None, cells }
    }

    /// Takes up the rows of a job, one by one.
    fn work(&mut self, mut job: Job) -> Job {
        let mut rows = job.format.read(&job.data).into_iter();
        job.header = rows.next().unwrap_or_default();
        job.rows = rows
            .map(|cells| match self.take(&job, &cells) {
                Ok((id, is_new)) => Row { id, is_new, error: None, cells },
                Err(problem) => {
                    let error = Some(problem.into_cell());
                    Row { id: String::new(), is_new: false, error, cells }
                }
            })
            .collect();
        job.state = "JobComplete";
        job
    }

    fn take(&mut self, job: &Job, cells: &[String]) -> Result<(String, bool), Problem> {
        if cells.len() != job.header.len() {
            return Err(Problem::malformed_csv("a row has another number of cells"));
        }
        let mut fields = Map::new();
        for (name, cell) in job.header.iter().zip(cells) {
            match cell.as_str() {
                "" => {}
                "#N/A" => drop(fields.insert(name.clone(), Value::Null)),
                text => drop(fields.insert(name.clone(), text.into())),
            }
        }
        self.write_one((&job.operation, &job.object, job.key.as_deref()), fields)
    }

    /// Writes one record of a job. Its id, and whether it is new.
    pub(super) fn write_one(
        &mut self,
        (operation, object, key): (&str, &Object, Option<&str>),
        mut fields: Map<String, Value>,
    ) -> Result<(String, bool), Problem> {
        let id = fields.remove("Id").or_else(|| fields.remove("id"));
        let id = id.as_ref().and_then(Value::as_str).unwrap_or_default();
        match (operation, key) {
            ("insert", _) => Ok((self.insert(object, fields)?, true)),
            ("upsert", Some(key)) => {
                let value = fields.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                let existing = self.matching(object, key, &value)?.into_iter().next();
                let done = self.store_by_key(object, key, &value, existing, fields)?;
                Ok((done.id, done.is_new))
            }
            ("delete" | "hardDelete", _) => {
                let id = self.existing(object, id)?;
                self.remove(object, &id);
                Ok((id, false))
            }
            _ => {
                let id = self.existing(object, id)?;
                self.change(object, &id, fields)?;
                Ok((id, false))
            }
        }
    }

    /// A page of what a query found, from `locator` on.
    fn page_of(&self, job: &Job) -> Answer {
        let number = |name: &str| self.request.parameter(name).and_then(|text| text.parse().ok());
        let start: usize = number("locator").unwrap_or(0);
        let end = job.rows.len().min(start + number("maxRecords").unwrap_or(usize::MAX / 2));
        let rows = job.rows.get(start..end).unwrap_or_default();
        let next = if end == job.rows.len() { "null".to_owned() } else { end.to_string() };
        let cells = rows.iter().map(|row| row.cells.as_slice());
        let text = job.format.write(std::iter::once(job.header.as_slice()).chain(cells));
        csv(text).with(LOCATOR, &next).with(NUMBER, &rows.len().to_string())
    }

    fn info(&self, job: &Job) -> Value {
        let failed = job.rows.iter().filter(|row| row.error.is_some()).count();
        let now = self.desk.now.to_rfc3339();
        let mut info = json!({
            "id": job.id,
            "operation": job.operation,
            "object": job.object.name,
            "createdById": session::USER,
            "createdDate": now,
            "systemModstamp": now,
            "state": job.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": 62.0,
            "columnDelimiter": job.words.first(),
            "lineEnding": job.words.last(),
            "numberRecordsProcessed": job.rows.len(),
            "numberRecordsFailed": failed,
        });
        if let Some(info) = info.as_object_mut().filter(|_| job.kind == "ingest") {
            let url = format!("services/data/{}/jobs/ingest/{}/batches", self.version, job.id);
            info.insert("contentUrl".to_owned(), url.into());
            info.insert("externalIdFieldName".to_owned(), job.key.clone().into());
        }
        info
    }
}

impl Job {
    fn results(&self, name: &str) -> Outcome {
        let (wanted, second) = match name.to_ascii_lowercase().as_str() {
            "successfulresults" => (Some(false), Some("sf__Created")),
            "failedresults" => (Some(true), Some("sf__Error")),
            "unprocessedrecords" => (None, None),
            _ => return Err(Problem::no_resource()),
        };
        let added = second.map(|second| ["sf__Id".to_owned(), second.to_owned()]);
        let mut table = vec![added.into_iter().flatten().chain(self.header.clone()).collect()];
        let rows = self.rows.iter().filter(|row| wanted == Some(row.error.is_some()));
        table.extend(rows.map(|row| {
            let second = row.error.clone().unwrap_or_else(|| row.is_new.to_string());
            let added = [row.id.clone(), second];
            added.into_iter().chain(row.cells.clone()).collect::<Vec<_>>()
        }));
        Ok(csv(self.format.write(table.iter().map(Vec::as_slice))))
    }
}

fn csv(text: String) -> Answer {
    Answer::text(StatusCode::OK, text).with(CONTENT_TYPE, "text/csv")
}

fn format_of([delimiter, line_ending]: &[String; 2]) -> Result<Format, Problem> {
    let delimiter = match delimiter.as_str() {
        "BACKQUOTE" => '`',
        "CARET" => '^',
        "COMMA" => ',',
        "PIPE" => '|',
        "SEMICOLON" => ';',
        "TAB" => '\t',
        _ => return Err(Problem::malformed_json("a delimiter is expected")),
    };
    let line_end = if line_ending == "CRLF" { "\r\n" } else { "\n" };
    Ok(Format { delimiter, line_end })
}
