// SPDX-License-Identifier: Apache-2.0
//! What the columns of a table hold. Source: "Relationship Fields in a Header Row (2.0)".

use super::job::Job;
use crate::base::{FieldName, ObjectName};
use crate::carrier::csv::{Cell, Csv};
use crate::carrier::{Codec, Occurrence, Role, Slot, Value};
use crate::crm::message::unparseable;
use crate::crm::salesforce::id::{self, is_id};
use crate::crm::salesforce::schema::{self, is_name};
use crate::crm::{FieldUse, LocateError, RecordName};

/// The columns of one table, in order.
#[derive(Debug)]
pub(super) struct Columns {
    all: Vec<Column>,
    /// How many records one row tells of: its own, and those that it refers to.
    records: u32,
}

#[derive(Debug)]
pub(super) enum Column {
    Field {
        object: ObjectName,
        field: FieldName,
        role: Role,
        /// Which record of the row it is of: 0 is its own.
        record: u32,
    },
    /// What the API itself says of each row.
    Meta(Meta),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meta {
    /// `sf__Id`
    Id,
    /// `sf__Error`
    Error,
    /// `sf__Created`
    Created,
}

/// What is done with the rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Written,
    Read,
}

impl Columns {
    /// The columns of an upload.
    ///
    /// # Errors
    /// [`LocateError::Unparseable`] for a column of which it is not known what it holds.
    pub(super) fn written(csv: &Csv<'_>, job: &Job) -> Result<Self, LocateError> {
        Self::bind(csv, job, Use::Written)
    }

    /// The columns of results.
    ///
    /// # Errors
    /// As [`written`](Self::written).
    pub(super) fn read(csv: &Csv<'_>, job: &Job) -> Result<Self, LocateError> {
        Self::bind(csv, job, Use::Read)
    }

    fn bind(csv: &Csv<'_>, job: &Job, purpose: Use) -> Result<Self, LocateError> {
        let mut relations: Vec<String> = Vec::new();
        let mut names: Vec<String> = Vec::new();
        let mut all = Vec::new();
        for (number, cell) in (1..).zip(csv.header()) {
            let text = cell.text();
            let meta = meta(&text).filter(|_| purpose == Use::Read);
            let column = match (meta, text.rsplit_once('.')) {
                (Some(meta), _) => Column::Meta(meta),
                (None, None) if is_name(&text) => field(&job.object, &text, 0, job, purpose),
                (None, Some((path, name))) if is_name(name) => {
                    let object = related(&job.object, path, purpose)
                        .ok_or_else(|| refuse(number, "is of an object that is not known"))?;
                    let path = path.to_ascii_lowercase();
                    let known = relations.iter().position(|known| *known == path);
                    let at = known.unwrap_or_else(|| {
                        relations.push(path);
                        relations.len() - 1
                    });
                    field(&object, name, at as u32 + 1, job, purpose)
                }
                (None, _) => return Err(refuse(number, "has a name that no field can have")),
            };
            all.push(column);
            names.push(text.to_ascii_lowercase());
        }
        names.sort_unstable();
        if names.iter().zip(names.iter().skip(1)).any(|(a, b)| a == b) {
            return Err(unparseable("the header row", "it has two names that differ in case only"));
        }
        Ok(Self { all, records: relations.len() as u32 + 1 })
    }

    /// What writing or comparing composed fields asks of others.
    pub(super) fn uses(&self, operator: &'static str) -> Vec<FieldUse> {
        let fields = self.all.iter().filter_map(|column| match column {
            // An account's name is composed, and read-only, for persons only.
            Column::Field { object, field, .. } if object.as_str() != "account" => {
                Some((object, field))
            }
            _ => None,
        });
        fields.flat_map(|(object, field)| schema::uses_of_parts(object, field, operator)).collect()
    }

    /// The columns with the cells of a row.
    pub(super) fn of<'c, 'a>(
        &'c self,
        row: &'c [Cell<'a>],
    ) -> impl Iterator<Item = (&'c Column, &'c Cell<'a>)> {
        self.all.iter().zip(row)
    }

    /// The number of the record that a row is about.
    pub(super) fn first_record(&self, row: u32) -> u32 {
        row * self.records
    }

    /// Takes up the values of one row, and the records that it names.
    pub(super) fn row(
        &self,
        number: u32,
        row: &[Cell<'_>],
        slots: &mut Vec<Slot>,
        names: &mut Vec<RecordName>,
    ) {
        let first = self.first_record(number);
        for (column, cell) in self.of(row) {
            let Column::Field { object, field, role, record } = column else { continue };
            let text = cell.text();
            let value = if text == NULL { Value::Empty } else { Value::from(text.to_string()) };
            // A row that refers to nothing says nothing of what it would refer to.
            if value == Value::Empty && *record > 0 {
                continue;
            }
            let record = first + record;
            if field.as_str() == "id" && is_id(&text) {
                let id = id::canonical(&text);
                names.push(RecordName { record, object: object.clone(), id });
                continue;
            }
            let (object, field, role) = (object.clone(), field.clone(), role.clone());
            let occurrence = Occurrence { object, field, record, role, value };
            slots.push(Slot::value(cell.span(), Codec::Csv, occurrence));
        }
    }
}

/// Sets a field to null. Source: "Prepare CSV Files".
const NULL: &str = "#N/A";

fn field(object: &ObjectName, name: &str, record: u32, job: &Job, purpose: Use) -> Column {
    let (object, field) = schema::original(object, name);
    let is_key = record > 0 || job.key.as_ref() == Some(&field);
    let role = match schema::composed_from(&object, &field) {
        from @ [_, ..] if purpose == Use::Read => Role::Composed { from },
        _ if purpose == Use::Written && is_key => Role::Key,
        _ => Role::Stored,
    };
    Column::Field { object, field, role, record }
}

/// The object that a path leads to: one step in an upload, where it may be stated, as in
/// `Lead:Who.Email`; any number in what a query found.
fn related(object: &ObjectName, path: &str, purpose: Use) -> Option<ObjectName> {
    if let Some((stated, relationship)) = path.split_once(':') {
        let stated =
            (is_name(stated) && is_name(relationship)).then(|| schema::object_name(stated))?;
        let known = schema::parent(object, relationship).filter(|_| !is_owner(relationship));
        return known.is_none_or(|known| known == stated).then_some(stated);
    }
    let mut names = path.split('.');
    if purpose == Use::Written && names.clone().count() > 1 {
        return None;
    }
    names.try_fold(object.clone(), |object, name| schema::parent(&object, name))
}

fn is_owner(relationship: &str) -> bool {
    relationship.eq_ignore_ascii_case("owner")
}

fn meta(name: &str) -> Option<Meta> {
    [("sf__Id", Meta::Id), ("sf__Error", Meta::Error), ("sf__Created", Meta::Created)]
        .into_iter()
        .find(|(known, _)| *known == name)
        .map(|(_, meta)| meta)
}

fn refuse(column: usize, problem: &str) -> LocateError {
    unparseable("the header row", format!("column {column} {problem}"))
}
