// SPDX-License-Identifier: Apache-2.0
//! Up to 200 records at a time: `/composite/sobjects`.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::demo::crm::message::Answer;

use super::problem::Problem;
use super::record::Upserted;
use super::schema::Object;
use super::{Api, Outcome};

const MAX_RECORDS: usize = 200;

impl Api<'_, '_> {
    pub(super) fn create_all(&mut self) -> Outcome {
        let (records, all_or_none) = self.records()?;
        self.each(records, all_or_none, |api, record| {
            let object = typed(&record)?;
            Ok(done(&api.insert(&object, record)?))
        })
    }

    pub(super) fn update_all(&mut self) -> Outcome {
        let (records, all_or_none) = self.records()?;
        self.each(records, all_or_none, |api, mut record| {
            let object = typed(&record)?;
            let id = record.remove("id").or_else(|| record.remove("Id"));
            let id = id.as_ref().and_then(Value::as_str).unwrap_or_default();
            let id = api.existing(&object, id)?;
            api.change(&object, &id, record)?;
            Ok(done(&id))
        })
    }

    pub(super) fn upsert_all(&mut self, object: &Object, key: &str) -> Outcome {
        let key = object.key(key)?;
        let (records, all_or_none) = self.records()?;
        self.each(records, all_or_none, |api, record| {
            let value = record.iter().find(|(name, _)| name.eq_ignore_ascii_case(&key));
            let value = match value {
                Some((_, Value::String(text))) => text.clone(),
                Some((_, Value::Number(number))) => number.to_string(),
                _ => return Err(Problem::required(vec![key.clone()])),
            };
            let matching = api.matching(object, &key, &value)?;
            if matching.len() > 1 {
                return Err(Problem::ambiguous(&key, &value));
            }
            let existing = matching.into_iter().next();
            let Upserted { id, is_new } =
                api.store_by_key(object, &key, &value, existing, record)?;
            Ok(json!({ "id": id, "success": true, "errors": [], "created": is_new }))
        })
    }

    pub(super) fn delete_all(&mut self) -> Outcome {
        let ids = self.request.list("ids").into_iter().map(str::to_owned).collect();
        let all_or_none = self.request.parameter("allOrNone") == Some("true");
        self.each(ids, all_or_none, |api, id: String| {
            let object = super::schema::STANDARD
                .into_iter()
                .find(|object| id.starts_with(object.key_prefix))
                .or_else(|| api.custom_object_of(&id))
                .ok_or_else(Problem::no_resource)?;
            let id = api.existing(&object, &id)?;
            api.remove(&object, &id);
            Ok(done(&id))
        })
    }

    /// Retrieves records by id; one that is not there is null.
    pub(super) fn read_all(&mut self, object: &Object) -> Outcome {
        let (ids, fields) = if self.request.method == http::Method::POST {
            let body = self.body()?;
            let texts = |name: &str| -> Vec<String> {
                let list = body.get(name).and_then(Value::as_array).into_iter().flatten();
                list.filter_map(Value::as_str).map(str::to_owned).collect()
            };
            (texts("ids"), texts("fields"))
        } else {
            let list = |name| self.request.list(name).into_iter().map(str::to_owned).collect();
            (list("ids"), list("fields"))
        };
        let columns = fields.iter().map(|f| object.column(f)).collect::<Result<Vec<_>, _>>()?;
        let records = ids.iter().map(|id| {
            let id = self.existing(object, id).ok()?;
            let record = self.desk.state.store.get(&object.name, &id)?;
            Some(self.render(object, record, Some(&columns)))
        });
        Ok(Answer::json(StatusCode::OK, records.collect()))
    }

    fn custom_object_of(&self, id: &str) -> Option<Object> {
        let id = super::id::long(id)?;
        let record = self.desk.state.store.live().find(|record| record.id == id)?;
        Object::find(&record.object)
    }

    /// The records of a body, and whether they go all together or not at all.
    fn records(&self) -> Result<(Vec<Map<String, Value>>, bool), Problem> {
        let mut body = self.body()?;
        let all_or_none = body.get("allOrNone").and_then(Value::as_bool).unwrap_or(false);
        let Some(Value::Array(records)) = body.remove("records") else {
            return Err(Problem::malformed_json("`records` is expected"));
        };
        let records = records.into_iter().map(|record| match record {
            Value::Object(record) => Ok(record),
            _ => Err(Problem::malformed_json("a record is expected")),
        });
        Ok((records.collect::<Result<_, _>>()?, all_or_none))
    }

    fn each<T>(
        &mut self,
        items: Vec<T>,
        all_or_none: bool,
        mut act: impl FnMut(&mut Self, T) -> Result<Value, Problem>,
    ) -> Outcome {
        if items.len() > MAX_RECORDS {
            return Err(Problem::too_many_records(MAX_RECORDS));
        }
        let before = all_or_none.then(|| self.desk.state.store.clone());
        let mut results: Vec<_> = items.into_iter().map(|item| act(self, item)).collect();
        if let Some(before) = before.filter(|_| results.iter().any(Result::is_err)) {
            self.desk.state.store = before;
            for result in results.iter_mut().filter(|result| result.is_ok()) {
                *result = Err(Problem::rolled_back());
            }
        }
        let results = results.into_iter().map(|result| result.unwrap_or_else(Problem::into_result));
        Ok(Answer::json(StatusCode::OK, results.collect()))
    }
}

/// The object that a record's `attributes` name.
fn typed(record: &Map<String, Value>) -> Result<Object, Problem> {
    let name = record.get("attributes").and_then(|a| a.get("type")).and_then(Value::as_str);
    let name = name.unwrap_or_default();
    Object::find(name).ok_or_else(|| Problem::no_object(name))
}

fn done(id: &str) -> Value {
    json!({ "id": id, "success": true, "errors": [] })
}
