// SPDX-License-Identifier: Apache-2.0
//! One sObject at a time: `/sobjects/{object}` and below.

use http::StatusCode;
use http::header::LOCATION;
use serde_json::{Map, Value, json};

use crate::demo::crm::message::Answer;
use crate::demo::crm::store::Record;

use super::problem::Problem;
use super::schema::Object;
use super::{Api, Outcome, clean, id};

/// What an upsert did.
pub(super) struct Upserted {
    pub(super) id: String,
    pub(super) is_new: bool,
}

impl Api<'_, '_> {
    pub(super) fn create(&mut self, object: &Object) -> Outcome {
        let id = self.insert(object, self.body()?)?;
        let url = self.url(object, &id);
        let body = json!({ "id": id, "success": true, "errors": [] });
        Ok(Answer::json(StatusCode::CREATED, body).with(LOCATION, &url))
    }

    pub(super) fn read(&mut self, object: &Object, id: &str) -> Outcome {
        let id = self.existing(object, id)?;
        self.show(object, &id)
    }

    pub(super) fn update(&mut self, object: &Object, id: &str) -> Outcome {
        let id = self.existing(object, id)?;
        self.change(object, &id, self.body()?)?;
        Ok(Answer::empty(StatusCode::NO_CONTENT))
    }

    pub(super) fn delete(&mut self, object: &Object, id: &str) -> Outcome {
        let id = self.existing(object, id)?;
        self.remove(object, &id);
        Ok(Answer::empty(StatusCode::NO_CONTENT))
    }

    pub(super) fn read_by_key(&mut self, object: &Object, key: &str, value: &str) -> Outcome {
        match self.matching(object, key, value)?.as_slice() {
            [] => Err(Problem::no_resource()),
            [id] => self.show(object, id),
            several => Ok(self.choices(object, several)),
        }
    }

    pub(super) fn delete_by_key(&mut self, object: &Object, key: &str, value: &str) -> Outcome {
        match self.matching(object, key, value)?.as_slice() {
            [] => Err(Problem::no_resource()),
            [id] => {
                self.remove(object, id);
                Ok(Answer::empty(StatusCode::NO_CONTENT))
            }
            several => Ok(self.choices(object, several)),
        }
    }

    /// PATCH by external id: 201 or 200 with a result since v46.0, 204 for an
    /// update before; 300 when several records match.
    pub(super) fn upsert(&mut self, object: &Object, key: &str, value: &str) -> Outcome {
        let matching = self.matching(object, key, value)?;
        let is_update_only = self.request.parameter("updateOnly") == Some("true");
        match matching.as_slice() {
            [] if is_update_only => return Err(Problem::no_resource()),
            [] | [_] => {}
            several => return Ok(self.choices(object, several)),
        }
        let body = self.body()?;
        let Upserted { id, is_new } =
            self.store_by_key(object, key, value, matching.into_iter().next(), body)?;
        let status = match is_new {
            true => StatusCode::CREATED,
            false if self.major_version() < 46 => return Ok(Answer::empty(StatusCode::NO_CONTENT)),
            false => StatusCode::OK,
        };
        let body = json!({ "id": id, "success": true, "errors": [], "created": is_new });
        Ok(Answer::json(status, body))
    }

    /// Writes a record that is known by a key: over `existing`, or anew.
    pub(super) fn store_by_key(
        &mut self,
        object: &Object,
        key: &str,
        value: &str,
        existing: Option<String>,
        mut body: Map<String, Value>,
    ) -> Result<Upserted, Problem> {
        if let Some(id) = existing {
            self.change(object, &id, body)?;
            return Ok(Upserted { id, is_new: false });
        }
        body.retain(|name, _| !name.eq_ignore_ascii_case(key));
        body.insert(key.to_owned(), value.into());
        Ok(Upserted { id: self.insert(object, body)?, is_new: true })
    }

    pub(super) fn insert(
        &mut self,
        object: &Object,
        body: Map<String, Value>,
    ) -> Result<String, Problem> {
        let fields = clean::creation(object, body)?;
        let new_id = |number| id::new(object.key_prefix, number);
        Ok(self.desk.state.store.insert(&object.name, new_id, fields, self.desk.now).id)
    }

    pub(super) fn change(
        &mut self,
        object: &Object,
        id: &str,
        body: Map<String, Value>,
    ) -> Result<(), Problem> {
        let changes = clean::change(object, body)?;
        if let Some(record) = self.desk.state.store.get_mut(&object.name, id) {
            record.update(changes, self.desk.now);
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, object: &Object, id: &str) {
        if let Some(record) = self.desk.state.store.get_mut(&object.name, id) {
            record.is_deleted = true;
            record.updated = self.desk.now;
        }
    }

    /// The long id of a record that is there and not deleted.
    pub(super) fn existing(&self, object: &Object, id: &str) -> Result<String, Problem> {
        let long = id::long(id).ok_or_else(|| Problem::no_external_id(id))?;
        match self.desk.state.store.get(&object.name, &long) {
            Some(record) if record.is_deleted => Err(Problem::deleted()),
            Some(_) => Ok(long),
            None => Err(Problem::no_resource()),
        }
    }

    /// The ids of the records whose key has this value, in any case.
    pub(super) fn matching(
        &self,
        object: &Object,
        key: &str,
        value: &str,
    ) -> Result<Vec<String>, Problem> {
        let key = object.key(key)?;
        let wanted = value.to_lowercase();
        let is_match = |record: &&Record| match record.field(&key) {
            Some(Value::String(text)) => text.to_lowercase() == wanted,
            Some(Value::Number(number)) => number.to_string() == wanted,
            _ => false,
        };
        let records = self.desk.state.store.of(&object.name).filter(|r| !r.is_deleted);
        Ok(records.filter(is_match).map(|record| record.id.clone()).collect())
    }

    fn choices(&self, object: &Object, ids: &[String]) -> Answer {
        let urls: Vec<String> = ids.iter().map(|id| self.url(object, id)).collect();
        Answer::json(StatusCode::MULTIPLE_CHOICES, urls.into())
    }

    fn show(&self, object: &Object, id: &str) -> Outcome {
        let columns = match self.request.list("fields") {
            fields if fields.is_empty() => None,
            fields => Some(fields.iter().map(|f| object.column(f)).collect::<Result<Vec<_>, _>>()?),
        };
        let record =
            self.desk.state.store.get(&object.name, id).ok_or_else(Problem::no_resource)?;
        Ok(Answer::json(StatusCode::OK, self.render(object, record, columns.as_deref())))
    }

    /// A record with these columns and its id, or with all.
    pub(super) fn render(
        &self,
        object: &Object,
        record: &Record,
        columns: Option<&[String]>,
    ) -> Value {
        let mut shown = Map::new();
        let url = self.url(object, &record.id);
        shown.insert("attributes".to_owned(), json!({ "type": object.name, "url": url }));
        let columns = match columns {
            Some(columns) => columns.to_vec(),
            None => all_columns(object, record),
        };
        for column in columns {
            let value = object.value(record, &column);
            shown.insert(column, value);
        }
        shown.entry("Id").or_insert_with(|| record.id.as_str().into());
        Value::Object(shown)
    }

    fn major_version(&self) -> u32 {
        let number = self.version.trim_start_matches('v').split('.').next();
        number.and_then(|major| major.parse().ok()).unwrap_or(0)
    }
}

fn all_columns(object: &Object, record: &Record) -> Vec<String> {
    let standard = object.fields.iter().map(|field| field.name.to_owned());
    let custom = record.fields.keys().filter(|key| object.field(key).is_none()).cloned();
    object.computed().chain(standard).chain(custom).collect()
}
