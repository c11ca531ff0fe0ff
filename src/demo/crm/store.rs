// SPDX-License-Identifier: Apache-2.0

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use crate::base::Timestamp;

/// What the sample CRM holds of one record.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRecord {
    /// As the CRM spells it: `Contact` (Salesforce), `contacts` (HubSpot).
    pub object: String,
    pub id: String,
    /// What callers wrote, after the CRM's own normalisation. Values that the CRM
    /// derives, such as `Name`, are not stored.
    pub fields: Map<String, Value>,
}

impl From<&Record> for StoredRecord {
    fn from(record: &Record) -> Self {
        Self { object: record.object.clone(), id: record.id.clone(), fields: record.fields.clone() }
    }
}

#[derive(Clone)]
pub(super) struct Record {
    pub(super) object: String,
    pub(super) id: String,
    pub(super) fields: Map<String, Value>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) is_deleted: bool,
}

impl Record {
    /// A stored field, whatever the case of its name.
    pub(super) fn field(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).or_else(|| {
            self.fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v)
        })
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.field(name).and_then(Value::as_str)
    }

    /// Overwrites the fields that `changes` names; a field keeps its first spelling.
    pub(super) fn update(&mut self, changes: Map<String, Value>, now: Timestamp) {
        for (name, value) in changes {
            let key = self.fields.keys().find(|key| key.eq_ignore_ascii_case(&name)).cloned();
            self.fields.insert(key.unwrap_or(name), value);
        }
        self.updated = now;
    }
}

/// The records of all objects, in order of creation. Deleted ones stay, as in a
/// recycle bin.
#[derive(Clone, Default)]
pub(super) struct Store {
    records: BTreeMap<u64, Record>,
    numbers: HashMap<String, u64>,
    last: u64,
}

impl Store {
    /// Adds a record; `id` makes its id from a number that no other record has.
    /// Ids must differ between objects.
    pub(super) fn insert(
        &mut self,
        object: &str,
        id: impl FnOnce(u64) -> String,
        fields: Map<String, Value>,
        now: Timestamp,
    ) -> Record {
        self.last += 1;
        let record = Record {
            object: object.to_owned(),
            id: id(self.last),
            fields,
            created: now,
            updated: now,
            is_deleted: false,
        };
        self.numbers.insert(record.id.clone(), self.last);
        self.records.insert(self.last, record.clone());
        record
    }

    /// A record by its id, deleted or not.
    pub(super) fn get(&self, object: &str, id: &str) -> Option<&Record> {
        let record = self.records.get(self.numbers.get(id)?)?;
        (record.object == object).then_some(record)
    }

    pub(super) fn get_mut(&mut self, object: &str, id: &str) -> Option<&mut Record> {
        let record = self.records.get_mut(self.numbers.get(id)?)?;
        (record.object == object).then_some(record)
    }

    /// The records of an object, deleted or not.
    pub(super) fn of<'s>(&'s self, object: &'s str) -> impl Iterator<Item = &'s Record> {
        self.records.values().filter(move |record| record.object == object)
    }

    pub(super) fn live(&self) -> impl Iterator<Item = &Record> {
        self.records.values().filter(|record| !record.is_deleted)
    }
}
