// SPDX-License-Identifier: Apache-2.0
//! Which record of an answer a value is of, whatever syntax it is written in.

use super::answer::{Column, Columns};
use super::id::is_id;
use super::reader::Reader;
use super::schema;
use crate::base::{FieldName, ObjectName};
use crate::crm::LocateError;
use crate::crm::message::unparseable;

/// A record of an answer, and those that it shows values of.
pub(super) struct Row<'a> {
    number: u32,
    object: ObjectName,
    /// What its columns are, where they may have any name.
    columns: Option<&'a Columns>,
    /// The records that its values are copied from, by object and way to them.
    others: Vec<(ObjectName, String, u32)>,
}

impl Reader<'_> {
    /// # Errors
    /// [`LocateError::Unparseable`] for a row of groups that no query explains.
    pub(super) fn row<'a>(
        &mut self,
        number: u32,
        object: &ObjectName,
        columns: Option<&'a Columns>,
        id: Option<&str>,
    ) -> Result<Row<'a>, LocateError> {
        if object.as_str() != schema::GROUP {
            if let Some(id) = id {
                self.name(number, object, id);
            }
        } else if columns.is_none() {
            return Err(unparseable("the answer", "it has rows of groups that no query explains"));
        }
        Ok(Row { number, object: object.clone(), columns, others: Vec::new() })
    }

    /// The record, object and field of a value of a row. `references` are all names and
    /// texts of the row.
    pub(super) fn place_of<K: AsRef<str>, V: AsRef<str>, I: Iterator<Item = (K, Option<V>)>>(
        &mut self,
        row: &mut Row<'_>,
        name: &str,
        references: impl Fn() -> I,
    ) -> (u32, ObjectName, FieldName) {
        let column = row.columns.and_then(|columns| columns.get(&name.to_ascii_lowercase()));
        let Column { object, field, path } = column.cloned().unwrap_or_else(|| {
            let (object, field) = schema::original(&row.object, name);
            Column { object, field, path: String::new() }
        });
        if object == row.object {
            return (row.number, object, field);
        }
        (self.other(row, (&object, &path), references), object, field)
    }

    /// The number of the record that a value is copied from, one for each object and way
    /// to it. What is known of one person must not be taken for what is known of another.
    fn other<K: AsRef<str>, V: AsRef<str>, I: Iterator<Item = (K, Option<V>)>>(
        &mut self,
        row: &mut Row<'_>,
        (object, path): (&ObjectName, &str),
        references: impl Fn() -> I,
    ) -> u32 {
        let known = row.others.iter().find(|(of, by, _)| of == object && by == path);
        if let Some((.., number)) = known {
            return *number;
        }
        let number = self.next_record();
        row.others.push((object.clone(), path.to_owned(), number));
        // The columns of groups may have any name.
        if row.columns.is_none() {
            for (name, text) in references() {
                let id = text.as_ref().map(AsRef::as_ref).filter(|id| is_id(id));
                if let (Some(referred), Some(id)) = (schema::copied_by(object, name.as_ref()), id) {
                    self.name(number, &referred, id);
                }
            }
        }
        number
    }
}
