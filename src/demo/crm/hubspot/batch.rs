// SPDX-License-Identifier: Apache-2.0
//! Up to 100 objects at a time: `/batch/…`. One that fails does not stop the
//! others, if the error can say which it was; the answer is then a 207. Inputs to
//! create are told apart by `objectWriteTraceId` only.

use std::collections::HashSet;

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::demo::crm::message::Answer;

use super::problem::Problem;
use super::record::properties_of;
use super::{Api, Outcome};

const MAX_INPUTS: usize = 100;

type Input = Map<String, Value>;

impl Api<'_, '_> {
    pub(super) fn create_batch(&mut self) -> Outcome {
        let body = self.body()?;
        let traces: HashSet<_> = inputs(&body)?.into_iter().filter_map(trace).collect();
        let can_be_told = traces.len() == inputs(&body)?.len();
        let before = self.desk.state.store.clone();
        let mut failed = None;
        let answer = self.each(StatusCode::CREATED, |api, _, input| {
            let record = properties_of(input).and_then(|properties| api.insert(properties));
            let record = record.inspect_err(|problem| {
                failed.get_or_insert_with(|| problem.clone());
            })?;
            Ok(api.render_all(&record))
        });
        match failed.filter(|_| !can_be_told) {
            Some(problem) => {
                self.desk.state.store = before;
                Err(problem)
            }
            None => answer,
        }
    }

    pub(super) fn read_batch(&mut self) -> Outcome {
        self.each(StatusCode::OK, |api, body, input| {
            let id = api.existing(id_of(input), text(body, "idProperty"))?;
            let wanted = body.get("properties").and_then(Value::as_array).into_iter().flatten();
            let wanted: Vec<&str> = wanted.filter_map(Value::as_str).collect();
            Ok(api.render(api.record(&id)?, &wanted))
        })
    }

    pub(super) fn update_batch(&mut self) -> Outcome {
        self.each(StatusCode::OK, |api, _, input| {
            let id = api.existing(id_of(input), text(input, "idProperty"))?;
            api.change(&id, properties_of(input)?)
        })
    }

    pub(super) fn upsert_batch(&mut self) -> Outcome {
        self.each(StatusCode::OK, |api, _, input| {
            let key = text(input, "idProperty");
            let properties = properties_of(input)?;
            let (mut shown, is_new) = match (api.existing(id_of(input), key), key) {
                (Ok(id), _) => (api.change(&id, properties)?, false),
                (Err(_), Some("email")) => {
                    let mut properties = properties.clone();
                    properties.entry("email").or_insert_with(|| id_of(input).into());
                    (api.insert(&properties).map(|record| api.render_all(&record))?, true)
                }
                (Err(problem), _) => return Err(problem),
            };
            if let Some(shown) = shown.as_object_mut() {
                shown.insert("new".to_owned(), is_new.into());
            }
            Ok(shown)
        })
    }

    /// Ids that are not there count as archived.
    pub(super) fn archive_batch(&mut self) -> Outcome {
        let body = self.body()?;
        for input in inputs(&body)? {
            if let Ok(id) = self.existing(id_of(input), None) {
                self.remove(&id);
            }
        }
        Ok(Answer::empty(StatusCode::NO_CONTENT))
    }

    fn each(
        &mut self,
        success: StatusCode,
        mut act: impl FnMut(&mut Self, &Input, &Input) -> Result<Value, Problem>,
    ) -> Outcome {
        let body = self.body()?;
        let (mut results, mut errors) = (Vec::new(), Vec::new());
        for input in inputs(&body)? {
            match act(self, &body, input) {
                Ok(mut result) => {
                    if let (Some(result), Some(trace)) = (result.as_object_mut(), trace(input)) {
                        result.insert(TRACE.to_owned(), trace.into());
                    }
                    results.push(result);
                }
                Err(problem) => errors.push(problem.into_error(text(input, "id"), trace(input))),
            }
        }
        let now = self.desk.now.to_rfc3339();
        let mut answer = Map::new();
        answer.insert("status".to_owned(), "COMPLETE".into());
        answer.insert("results".to_owned(), results.into());
        let status = if errors.is_empty() { success } else { StatusCode::MULTI_STATUS };
        if !errors.is_empty() {
            answer.insert("numErrors".to_owned(), errors.len().into());
            answer.insert("errors".to_owned(), errors.into());
        }
        answer.insert("startedAt".to_owned(), json!(now));
        answer.insert("completedAt".to_owned(), json!(now));
        Ok(Answer::json(status, answer.into()))
    }
}

fn inputs(body: &Input) -> Result<Vec<&Input>, Problem> {
    let inputs =
        body.get("inputs").and_then(Value::as_array).ok_or_else(Problem::malformed_json)?;
    if inputs.len() > MAX_INPUTS {
        return Err(Problem::invalid(format!("a batch holds at most {MAX_INPUTS} inputs")));
    }
    inputs.iter().map(|input| input.as_object().ok_or_else(Problem::malformed_json)).collect()
}

fn text<'v>(object: &'v Input, name: &str) -> Option<&'v str> {
    object.get(name).and_then(Value::as_str)
}

const TRACE: &str = "objectWriteTraceId";

fn trace(input: &Input) -> Option<&str> {
    text(input, TRACE)
}

fn id_of(input: &Input) -> &str {
    text(input, "id").unwrap_or_default()
}
