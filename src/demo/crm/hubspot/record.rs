// SPDX-License-Identifier: Apache-2.0
//! One object at a time, and the list of all.

use http::StatusCode;
use http::header::LOCATION;
use serde_json::{Map, Value, json};

use crate::demo::crm::message::Answer;
use crate::demo::crm::store::Record;

use super::object::ObjectType;
use super::problem::Problem;
use super::{Api, Outcome, association, clean};

impl Api<'_, '_> {
    pub(super) fn create(&mut self) -> Outcome {
        let body = self.body()?;
        let record = self.insert(properties_of(&body)?)?;
        let end = (self.object.name(), record.id.clone());
        association::link_new(self.desk, &end, &body);
        let url = format!("{}{}/{}/{}", self.desk.origin, self.base, self.object.name(), record.id);
        Ok(Answer::json(StatusCode::CREATED, self.render_all(&record)).with(LOCATION, &url))
    }

    pub(super) fn read(&mut self, id: &str) -> Outcome {
        let id = self.existing(id, self.request.parameter("idProperty"))?;
        let wanted = self.request.list("properties");
        let record = self.record(&id)?;
        Ok(Answer::json(StatusCode::OK, self.render(record, &wanted)))
    }

    pub(super) fn update(&mut self, id: &str) -> Outcome {
        let id = self.existing(id, self.request.parameter("idProperty"))?;
        let body = self.body()?;
        let shown = self.change(&id, properties_of(&body)?)?;
        Ok(Answer::json(StatusCode::OK, shown))
    }

    pub(super) fn archive(&mut self, id: &str) -> Outcome {
        let id = self.existing(id, self.request.parameter("idProperty"))?;
        self.remove(&id);
        Ok(Answer::empty(StatusCode::NO_CONTENT))
    }

    /// Pages of live objects in order of creation; `after` is the last id of the
    /// page before.
    pub(super) fn list(&self) -> Answer {
        let number = |text: &str| text.parse::<u64>().ok();
        let limit = self.request.parameter("limit").and_then(number).unwrap_or(10).clamp(1, 100);
        let after = self.request.parameter("after").and_then(number).unwrap_or(0);
        let wanted = self.request.list("properties");
        let mut later =
            self.live().filter(|record| number(&record.id).is_some_and(|id| id > after));
        let page: Vec<&Record> = later.by_ref().take(limit as usize).collect();
        let has_more = later.next().is_some();
        let results: Vec<Value> = page.iter().map(|record| self.render(record, &wanted)).collect();
        let mut body = Map::new();
        body.insert("results".to_owned(), results.into());
        if let Some(last) = page.last().filter(|_| has_more) {
            let path = format!("{}/{}", self.base, self.object.name());
            let mut link = format!("{}{path}?limit={limit}&after={}", self.desk.origin, last.id);
            for name in wanted {
                link.push_str("&properties=");
                link.push_str(name);
            }
            let next = json!({ "next": { "after": last.id, "link": link } });
            body.insert("paging".to_owned(), next);
        }
        Answer::json(StatusCode::OK, body.into())
    }

    pub(super) fn insert(&mut self, properties: &Map<String, Value>) -> Result<Record, Problem> {
        let fields = clean::properties(self.object, properties)?;
        self.unique_email(&fields, None)?;
        let id = |number: u64| (150 + number).to_string();
        Ok(self.desk.state.store.insert(self.object.name(), id, fields, self.desk.now))
    }

    /// Changes a record; what comes back shows the properties that were written.
    pub(super) fn change(
        &mut self,
        id: &str,
        properties: &Map<String, Value>,
    ) -> Result<Value, Problem> {
        let changes = clean::properties(self.object, properties)?;
        self.unique_email(&changes, Some(id))?;
        let names: Vec<String> = changes.keys().cloned().collect();
        if let Some(record) = self.desk.state.store.get_mut(self.object.name(), id) {
            record.update(changes, self.desk.now);
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        Ok(self.render(self.record(id)?, &names))
    }

    pub(super) fn remove(&mut self, id: &str) {
        if let Some(record) = self.desk.state.store.get_mut(self.object.name(), id) {
            record.is_deleted = true;
        }
    }

    /// The id of a live record that is named by its id or by a unique property.
    pub(super) fn existing(&self, id: &str, property: Option<&str>) -> Result<String, Problem> {
        match property {
            None | Some("hs_object_id") => Ok(self.record(id)?.id.clone()),
            Some("email") if self.object == ObjectType::Contacts => {
                let id = self.by_email(id).map(|record| record.id.clone());
                id.ok_or_else(Problem::no_resource)
            }
            Some(other) => {
                Err(Problem::invalid(format!("{other} is not a unique identifier property")))
            }
        }
    }

    pub(super) fn record(&self, id: &str) -> Result<&Record, Problem> {
        let record = self.desk.state.store.get(self.object.name(), id);
        record.filter(|record| !record.is_deleted).ok_or_else(Problem::no_resource)
    }

    pub(super) fn live(&self) -> impl Iterator<Item = &Record> {
        self.desk.state.store.of(self.object.name()).filter(|record| !record.is_deleted)
    }

    fn by_email(&self, email: &str) -> Option<&Record> {
        let email = email.to_lowercase();
        self.live().find(|record| record.text("email") == Some(&email))
    }

    fn unique_email(&self, fields: &Map<String, Value>, own: Option<&str>) -> Result<(), Problem> {
        let email = fields.get("email").and_then(Value::as_str).filter(|email| !email.is_empty());
        let holder = match email {
            Some(email) if self.object == ObjectType::Contacts => self.by_email(email),
            _ => None,
        };
        match holder {
            Some(holder) if Some(holder.id.as_str()) != own => Err(Problem::conflict(&holder.id)),
            _ => Ok(()),
        }
    }

    /// A record with what was asked for, or with the usual properties; one that
    /// has no value is null.
    pub(super) fn render(&self, record: &Record, wanted: &[&str]) -> Value {
        let wanted = match wanted {
            [] => self.object.default_properties(),
            wanted => wanted,
        };
        let properties = wanted
            .iter()
            .map(|&name| (name.to_owned(), self.object.value(record, name).unwrap_or(Value::Null)));
        self.frame(record, properties.collect())
    }

    /// A record with everything that is set on it.
    pub(super) fn render_all(&self, record: &Record) -> Value {
        let mut properties = record.fields.clone();
        properties.extend(self.object.derived(record));
        self.frame(record, properties)
    }

    fn frame(&self, record: &Record, asked: Map<String, Value>) -> Value {
        let system = self.object.system(record).map(|(name, value)| (name.to_owned(), value));
        let mut properties: Map<String, Value> = system.into_iter().collect();
        properties.extend(asked);
        json!({
            "id": record.id,
            "properties": properties,
            "createdAt": record.created.to_rfc3339(),
            "updatedAt": record.updated.to_rfc3339(),
            "archived": record.is_deleted,
        })
    }
}

/// The `properties` of a write.
pub(super) fn properties_of(body: &Map<String, Value>) -> Result<&Map<String, Value>, Problem> {
    body.get("properties").and_then(Value::as_object).ok_or_else(Problem::malformed_json)
}
