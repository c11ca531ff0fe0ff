// SPDX-License-Identifier: Apache-2.0
//! What the columns of a table hold. Source: "Relationship Fields in a Header Row (2.0)".

use std::ops::Range;

use super::job::Job;
use crate::base::{FieldName, ObjectName};
use crate::carrier::csv::{Cell, Csv};
use crate::carrier::{Codec, Occurrence, Role, Slot, Value};
use crate::crm::message::unparseable;
use crate::crm::salesforce::filter::Found;
use crate::crm::salesforce::id::{self, is_id};
use crate::crm::salesforce::schema::{self, is_name};
use crate::crm::{FieldUse, LocateError, RecordName};

/// Fields that a record may have. Source: "Limits and Allocations", "Limits for Ingest
/// Jobs".
pub(in crate::crm::salesforce) const MAX_COLUMNS: usize = 5_000;

pub(super) const ID: &str = "sf__Id";
pub(super) const ERROR: &str = "sf__Error";

/// The columns of one table, in order.
#[derive(Debug)]
pub(super) struct Columns {
    all: Vec<Column>,
    /// The columns that show copies of other fields, as they name themselves.
    copies: Vec<(ObjectName, FieldName)>,
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
        /// The record of the row that it names by an id, if it names another one.
        leads_to: Option<(u32, ObjectName)>,
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
pub(super) enum Use {
    Written,
    /// They are what the CRM holds.
    Read,
    /// They are what it was told, and has not taken.
    Told,
}

impl Columns {
    /// # Errors
    /// [`LocateError::Unparseable`] for a column of which it is not known what it holds.
    pub(super) fn bind(csv: &Csv<'_>, job: &Job, purpose: Use) -> Result<Self, LocateError> {
        if csv.header().count() > MAX_COLUMNS {
            return Err(unparseable(
                "the header row",
                "it has more columns than a record has fields",
            ));
        }
        let records = vec![String::new()];
        let mut binding = Binding { job, purpose, records, copies: Vec::new() };
        let mut names: Vec<String> = Vec::new();
        let mut all = Vec::new();
        for (number, cell) in (1..).zip(csv.header()) {
            let text = cell.text();
            let meta = meta(&text).filter(|_| purpose != Use::Written);
            let column = match (meta, text.rsplit_once('.')) {
                (Some(meta), _) => Column::Meta(meta),
                (None, None) if is_name(&text) => binding.column(number, &job.object, "", &text)?,
                (None, Some((path, name))) if is_name(name) => {
                    let object = related(&job.object, path, purpose)
                        .ok_or_else(|| refuse(number, "is of an object that is not known"))?;
                    binding.column(number, &object, path, name)?
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
        binding.connect(&mut all);
        let Binding { records, copies, .. } = binding;
        Ok(Self { all, copies, records: records.len() as u32 })
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

    /// The fields that they may be of.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&ObjectName, &FieldName)> {
        let fields = self.all.iter().filter_map(|column| match column {
            Column::Field { object, field, .. } => Some((object, field)),
            Column::Meta(_) => None,
        });
        fields.chain(self.copies.iter().map(|(object, field)| (object, field)))
    }

    /// The columns with the cells of a row.
    pub(super) fn of<'c, 'a>(
        &'c self,
        row: &'c [Cell<'a>],
    ) -> impl Iterator<Item = (&'c Column, &'c Cell<'a>)> {
        self.all.iter().zip(row)
    }

    /// Which of a row's records is which one of the message: its own is the first, and
    /// those follow that it refers to.
    pub(super) fn numbers(&self, row: u32, cells: &[Cell<'_>]) -> Numbers {
        let mut is_there = vec![false; self.records as usize];
        let mut mark = |record: u32| {
            if let Some(record) = is_there.get_mut(record as usize) {
                *record = true;
            }
        };
        mark(0);
        for (column, cell) in self.of(cells) {
            let Column::Field { record, leads_to, .. } = column else { continue };
            let text = cell.text();
            if !(text.is_empty() || text == NULL) {
                mark(*record);
            }
            if let Some((other, _)) = leads_to.as_ref().filter(|_| is_id(&text)) {
                mark(*other);
            }
        }
        let mut next = row * self.records;
        let number = |is_there: bool| {
            let own = next;
            next += u32::from(is_there);
            own
        };
        let first = row * self.records;
        let of_records: Vec<u32> = is_there.into_iter().map(number).collect();
        Numbers { of_records, all: first..next }
    }

    /// Takes up the values of one row, and the records that it names.
    pub(super) fn row(&self, numbers: &Numbers, row: &[Cell<'_>], found: &mut Found) {
        for (column, cell) in self.of(row) {
            let Column::Field { object, field, role, record, leads_to } = column else { continue };
            let text = cell.text();
            let value = if text == NULL { Value::Empty } else { Value::from(text.to_string()) };
            // A row that refers to nothing says nothing of what it would refer to.
            if value == Value::Empty && *record > 0 {
                continue;
            }
            let record = numbers.of(*record);
            if field.as_str() == "id" && is_id(&text) {
                let id = id::canonical(&text);
                found.names.push(RecordName { record, object: object.clone(), id });
                continue;
            }
            if let Some((other, object)) = leads_to.clone().filter(|_| is_id(&text)) {
                let (record, id) = (numbers.of(other), id::canonical(&text));
                found.names.push(RecordName { record, object, id });
            }
            let (object, field, role) = (object.clone(), field.clone(), role.clone());
            let occurrence = Occurrence { object, field, record, role, value };
            found.slots.push(Slot::value(cell.span(), Codec::Csv, occurrence));
        }
    }
}

/// The numbers of the records of one row.
pub(super) struct Numbers {
    /// By their numbers in the row.
    of_records: Vec<u32>,
    /// Those of which the row tells something.
    pub all: Range<u32>,
}

impl Numbers {
    pub(super) fn of(&self, record: u32) -> u32 {
        self.of_records.get(record as usize).copied().unwrap_or(self.all.start)
    }
}

/// Sets a field to null. Source: "Prepare CSV Files".
const NULL: &str = "#N/A";

/// Finds out which column is of which record.
struct Binding<'j> {
    job: &'j Job,
    purpose: Use,
    /// The records that a row tells of: what leads to each of them from its own.
    records: Vec<String>,
    copies: Vec<(ObjectName, FieldName)>,
}

impl Binding<'_> {
    fn column(
        &mut self,
        number: usize,
        object: &ObjectName,
        path: &str,
        name: &str,
    ) -> Result<Column, LocateError> {
        let (of, field) = schema::original(object, name);
        if self.purpose != Use::Written && schema::is_compound(&field) {
            return Err(refuse(number, "is a compound field, whose parts are not told apart"));
        }
        let mut path = path.to_ascii_lowercase();
        if of != *object {
            // It is copied from another record.
            path.push(COPIED);
            path.push_str(of.as_str());
            self.copies.push((object.clone(), schema::field_name(name)));
        }
        let known = self.records.iter().position(|known| *known == path);
        let record = known.unwrap_or_else(|| {
            self.records.push(path);
            self.records.len() - 1
        });
        let role = self.role(&of, &field, record);
        Ok(Column::Field { object: of, field, role, record: record as u32, leads_to: None })
    }

    fn role(&self, object: &ObjectName, field: &FieldName, record: usize) -> Role {
        let is_key = record > 0 || self.job.key.as_ref() == Some(field);
        match (self.purpose, schema::composed_from(object, field)) {
            (Use::Written, _) if is_key => Role::Key,
            (Use::Read | Use::Told, from @ [_, ..]) => Role::Composed { from },
            (Use::Told, []) => Role::Former,
            (Use::Read, []) | (Use::Written, _) => Role::Stored,
        }
    }

    /// `AccountId` names the record that `Account.Name` is of, `ContactId` the one that
    /// `ContactEmail` is copied from.
    fn connect(&self, columns: &mut [Column]) {
        let objects: Vec<Option<ObjectName>> =
            (0..).zip(&self.records).map(|(number, _)| object_of(columns, number)).collect();
        let records = (0..).zip(self.records.iter().zip(objects)).skip(1);
        for (number, (path, object)) in records {
            let Some(object) = object else { continue };
            let (before, last) = path.rsplit_once(['.', COPIED]).unwrap_or(("", path));
            let is_copied = path.contains(COPIED);
            let reference = format!("{last}id");
            for column in &mut *columns {
                let Column::Field { field, record, leads_to, .. } = column else { continue };
                let referred = if is_copied {
                    schema::copied_by(&object, field.as_str())
                } else {
                    (field.as_str() == reference).then(|| object.clone())
                };
                let is_beside = self.records.get(*record as usize).is_some_and(|it| it == before);
                if let Some(referred) = referred.filter(|_| is_beside) {
                    *leads_to = Some((number, referred));
                }
            }
        }
    }
}

/// The object of a record of each row.
fn object_of(columns: &[Column], number: u32) -> Option<ObjectName> {
    columns.iter().find_map(|column| match column {
        Column::Field { object, record, .. } if *record == number => Some(object.clone()),
        Column::Field { .. } | Column::Meta(_) => None,
    })
}

/// Stands in no name.
const COPIED: char = '>';

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
    [(ID, Meta::Id), (ERROR, Meta::Error), ("sf__Created", Meta::Created)]
        .into_iter()
        .find(|(known, _)| *known == name)
        .map(|(_, meta)| meta)
}

fn refuse(column: usize, problem: &str) -> LocateError {
    unparseable("the header row", format!("column {column} {problem}"))
}
