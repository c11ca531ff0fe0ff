// SPDX-License-Identifier: Apache-2.0
//! SOQL and its pages: `/query`, `/queryAll`, `/query/{locator}`.

use std::collections::VecDeque;

use http::StatusCode;
use serde_json::{Map, Value};

use crate::demo::crm::message::Answer;
use crate::demo::crm::soql::{self, Selection, Statement};
use crate::demo::crm::store::Record;

use super::problem::Problem;
use super::schema::{Kind, Object};
use super::{Api, Outcome, id};

/// How many queries may be open at a time; the oldest makes room.
const MAX_CURSORS: usize = 50;
const QUERY_LOCATOR_PREFIX: &str = "01g";

/// Queries with pages that were not fetched yet.
#[derive(Default)]
pub(in crate::demo::crm) struct Cursors {
    open: VecDeque<Cursor>,
    last: u64,
}

#[derive(Clone)]
struct Cursor {
    locator: String,
    object: Object,
    columns: Vec<String>,
    ids: Vec<String>,
}

impl Api<'_, '_> {
    pub(super) fn query(&mut self, with_deleted: bool) -> Outcome {
        let text = self.request.parameter("q").unwrap_or_default();
        let statement =
            soql::parse(text).map_err(|error| Problem::malformed_query(error.to_string()))?;
        let object =
            Object::find(&statement.object).ok_or_else(|| Problem::no_object(&statement.object))?;
        let columns = match &statement.selection {
            Selection::Count => Vec::new(),
            Selection::Fields(fields) => {
                fields.iter().map(|field| object.column(field)).collect::<Result<_, _>>()?
            }
        };
        let ids = self.find_rows(&object, &statement, with_deleted)?;
        if statement.selection == Selection::Count {
            return Ok(page(ids.len(), None, Vec::new()));
        }
        let locator = String::new();
        Ok(self.page(Cursor { locator, object, columns, ids }, 0))
    }

    /// `{locator}-{rows already fetched}`
    pub(super) fn query_more(&mut self, locator: &str) -> Outcome {
        let (locator, offset) = locator.rsplit_once('-').ok_or_else(Problem::no_locator)?;
        let offset: usize = offset.parse().map_err(|_| Problem::no_locator())?;
        let mut cursors = self.desk.state.cursors.open.iter();
        let cursor = cursors.find(|cursor| cursor.locator == locator && offset < cursor.ids.len());
        let cursor = cursor.ok_or_else(Problem::no_locator)?.clone();
        Ok(self.page(cursor, offset))
    }

    pub(super) fn find_rows(
        &self,
        object: &Object,
        statement: &Statement,
        with_deleted: bool,
    ) -> Result<Vec<String>, Problem> {
        for field in statement.compared() {
            let column = object.column(field)?;
            if object.field(&column).is_some_and(|field| field.kind == Kind::LongText) {
                return Err(Problem::not_filterable(&column));
            }
        }
        let read = |record: &Record, field: &str| match object.column(field) {
            Ok(column) => object.value(record, &column),
            Err(_) => Value::Null,
        };
        let records = self.desk.state.store.of(&object.name);
        let records = records.filter(|record| with_deleted || !record.is_deleted);
        let rows = statement.rows(records, read);
        Ok(rows.into_iter().map(|record| record.id.clone()).collect())
    }

    fn page(&mut self, mut cursor: Cursor, offset: usize) -> Answer {
        let end = cursor.ids.len().min(offset + self.page_size());
        let is_done = end == cursor.ids.len();
        let store = &self.desk.state.store;
        let rows = cursor.ids.get(offset..end).unwrap_or_default().iter();
        let records = rows.filter_map(|id| store.get(&cursor.object.name, id));
        let records = records.map(|record| self.selected(&cursor.object, &cursor.columns, record));
        let records = records.collect();
        let total = cursor.ids.len();
        if is_done {
            return page(total, None, records);
        }
        let cursors = &mut self.desk.state.cursors;
        if cursor.locator.is_empty() {
            cursors.last += 1;
            cursor.locator = id::new(QUERY_LOCATOR_PREFIX, cursors.last);
            cursors.open.push_back(cursor.clone());
            if cursors.open.len() > MAX_CURSORS {
                cursors.open.pop_front();
            }
        }
        let next = format!("/services/data/{}/query/{}-{end}", self.version, cursor.locator);
        page(total, Some(next), records)
    }

    /// A row holds the columns that were selected, and no other.
    pub(super) fn selected(&self, object: &Object, columns: &[String], record: &Record) -> Value {
        let mut row = self.render(object, record, Some(columns));
        if let Some(row) = row.as_object_mut()
            && !columns.iter().any(|column| column == "Id")
        {
            row.remove("Id");
        }
        row
    }

    /// `Sforce-Query-Options: batchSize=N` asks for 200 to 2,000 rows.
    fn page_size(&self) -> usize {
        let options = self.request.header("sforce-query-options").unwrap_or_default();
        let asked = options.split(',').find_map(|o| o.trim().strip_prefix("batchSize="));
        let asked = asked.and_then(|n| n.parse().ok()).unwrap_or(2000_usize);
        asked.clamp(200, 2000).min(self.desk.page_size.max(1))
    }
}

fn page(total: usize, next: Option<String>, records: Vec<Value>) -> Answer {
    let mut body = Map::new();
    body.insert("totalSize".to_owned(), total.into());
    body.insert("done".to_owned(), next.is_none().into());
    if let Some(next) = next {
        body.insert("nextRecordsUrl".to_owned(), next.into());
    }
    body.insert("records".to_owned(), records.into());
    Answer::json(StatusCode::OK, body.into())
}
