// SPDX-License-Identifier: Apache-2.0
//! Bulk API 1.0: jobs with batches in JSON. A batch is done as soon as it is there.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::demo::crm::message::Answer;
use crate::demo::crm::soql::{self, Selection};

use super::bulk::{JOB_PREFIX, MAX_JOBS};
use super::problem::Problem;
use super::schema::Object;
use super::{Api, Outcome, id};

const BATCH_PREFIX: &str = "751";
const ROWS_PREFIX: &str = "752";

/// A job and its batches.
#[derive(Clone)]
pub(super) struct BatchJob {
    id: String,
    operation: String,
    object: Object,
    key: Option<String>,
    state: String,
    batches: Vec<Batch>,
}

#[derive(Clone)]
struct Batch {
    id: String,
    sent: Value,
    /// What became of each record, or where the rows are.
    results: Vec<Value>,
    rows: Vec<Value>,
}

impl BatchJob {
    fn info(&self) -> Value {
        json!({
            "id": self.id,
            "operation": self.operation,
            "object": self.object.name,
            "externalIdFieldName": self.key,
            "contentType": "JSON",
            "concurrencyMode": "Parallel",
            "state": self.state,
            "apiVersion": 59.0,
            "numberBatchesTotal": self.batches.len(),
        })
    }

    fn is_query(&self) -> bool {
        self.operation.to_ascii_lowercase().starts_with("query")
    }

    fn batch(&self, id: &str) -> Result<&Batch, Problem> {
        let id = id::long(id).ok_or_else(Problem::no_resource)?;
        self.batches.iter().find(|batch| batch.id == id).ok_or_else(Problem::no_resource)
    }
}

impl Batch {
    fn info(&self, job: &BatchJob) -> Value {
        json!({
            "id": self.id,
            "jobId": job.id,
            "state": "Completed",
            "stateMessage": null,
            "numberRecordsProcessed": self.results.len().max(self.rows.len()),
        })
    }
}

impl Api<'_, '_> {
    /// What stands under `/services/async/{version}/job`.
    pub(super) fn batch_jobs(&mut self, path: &[&str]) -> Outcome {
        if self.request.header("x-sfdc-session").is_none() {
            return Err(Problem::no_session());
        }
        let (at, path) = match path.split_first() {
            None => return self.batch_order(),
            Some((id, path)) => (self.position(id)?, path),
        };
        let jobs = &mut self.desk.state.jobs.of_batches;
        let mut job = jobs.get(at).cloned().ok_or_else(Problem::no_resource)?;
        let (status, said) = match (self.request.method.as_str(), path) {
            ("GET", []) => (StatusCode::OK, job.info()),
            ("POST", []) => {
                let state = self.body()?.get("state").and_then(Value::as_str).map(str::to_owned);
                let state = state.ok_or_else(|| Problem::malformed_json("a state is expected"))?;
                job.state = state;
                (StatusCode::OK, job.info())
            }
            ("POST", ["batch"]) => {
                let batch = self.work_on(&job)?;
                let info = batch.info(&job);
                job.batches.push(batch);
                (StatusCode::CREATED, info)
            }
            ("GET", ["batch"]) => {
                let batches: Vec<Value> = job.batches.iter().map(|it| it.info(&job)).collect();
                (StatusCode::OK, json!({ "batchInfo": batches }))
            }
            ("GET", ["batch", batch, rest @ ..]) => {
                let batch = job.batch(batch)?;
                let said = match rest {
                    [] => batch.info(&job),
                    ["request"] => batch.sent.clone(),
                    ["result"] => batch.results.clone().into(),
                    ["result", _] => batch.rows.clone().into(),
                    _ => return Err(Problem::no_resource()),
                };
                (StatusCode::OK, said)
            }
            _ => return Err(Problem::no_resource()),
        };
        if let Some(kept) = self.desk.state.jobs.of_batches.get_mut(at) {
            *kept = job;
        }
        Ok(Answer::json(status, said))
    }

    fn position(&self, id: &str) -> Result<usize, Problem> {
        let id = id::long(id).ok_or_else(Problem::no_resource)?;
        let mut jobs = self.desk.state.jobs.of_batches.iter();
        jobs.position(|job| job.id == id).ok_or_else(Problem::no_resource)
    }

    fn batch_order(&mut self) -> Outcome {
        let body = self.body()?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("contentType") != "JSON" {
            return Err(Problem::unsupported_media_type(text("contentType")));
        }
        let object =
            Object::find(text("object")).ok_or_else(|| Problem::no_object(text("object")))?;
        let key = Some(text("externalIdFieldName")).filter(|key| !key.is_empty());
        let jobs = &mut self.desk.state.jobs;
        let job = BatchJob {
            id: jobs.new_id(JOB_PREFIX),
            operation: text("operation").to_owned(),
            key: key.map(|key| object.key(key)).transpose()?,
            object,
            state: "Open".to_owned(),
            batches: Vec::new(),
        };
        let info = job.info();
        jobs.of_batches.push_back(job);
        if jobs.of_batches.len() > MAX_JOBS {
            jobs.of_batches.pop_front();
        }
        Ok(Answer::json(StatusCode::CREATED, info))
    }

    /// Takes up the records of a batch, or finds what it asks for.
    fn work_on(&mut self, job: &BatchJob) -> Result<Batch, Problem> {
        let text = String::from_utf8(self.request.body.to_vec());
        let text = text.map_err(|_| Problem::malformed_json("it is not UTF-8"))?;
        let id = self.desk.state.jobs.new_id(BATCH_PREFIX);
        if job.is_query() {
            let rows = self.rows_of(job, &text)?;
            let results = vec![self.desk.state.jobs.new_id(ROWS_PREFIX).into()];
            return Ok(Batch { id, sent: text.into(), results, rows });
        }
        let sent: Value =
            serde_json::from_str(&text).map_err(|it| Problem::malformed_json(&it.to_string()))?;
        let records = sent.as_array().into_iter().flatten();
        let results = records
            .map(|record| {
                let fields: Map<String, Value> = record.as_object().cloned().unwrap_or_default();
                let done =
                    self.write_one((&job.operation, &job.object, job.key.as_deref()), fields);
                match done {
                    Ok((id, created)) => {
                        json!({ "success": true, "created": created, "id": id, "errors": [] })
                    }
                    Err(problem) => problem.into_result(),
                }
            })
            .collect();
        Ok(Batch { id, sent, results, rows: Vec::new() })
    }

    fn rows_of(&self, job: &BatchJob, text: &str) -> Result<Vec<Value>, Problem> {
        let statement =
            soql::parse(text).map_err(|error| Problem::malformed_query(error.to_string()))?;
        let object = &job.object;
        let Selection::Fields(fields) = &statement.selection else {
            return Err(Problem::malformed_query("aggregates are not answered in bulk"));
        };
        let columns: Vec<String> =
            fields.iter().map(|field| object.column(field)).collect::<Result<_, _>>()?;
        let with_deleted = job.operation.eq_ignore_ascii_case("queryAll");
        let ids = self.find_rows(object, &statement, with_deleted)?;
        let records = ids.iter().filter_map(|id| self.desk.state.store.get(&object.name, id));
        Ok(records.map(|record| self.selected(object, &columns, record)).collect())
    }
}
