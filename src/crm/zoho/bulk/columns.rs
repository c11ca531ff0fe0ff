// SPDX-License-Identifier: Apache-2.0
//! What the columns of a table hold: each is named by the field's API name.

use std::collections::HashSet;

use crate::base::{FieldName, ObjectName};
use crate::carrier::csv::{Cell, Csv, CsvError, Delimiter, LineEnding, MAX_CELLS};
use crate::carrier::{Codec, Removal, Role, Slot, Value};
use crate::crm::message::unparseable;
use crate::crm::zoho::record::Records;
use crate::crm::zoho::schema::{self, composed_from, field_name, is_id, is_name, title_of};
use crate::crm::zoho::search::resolve;
use crate::crm::zoho::value::{Place, use_of, uses_of_parts};
use crate::crm::{FieldUse, LocateError};

/// The columns of one table, in order.
pub(super) struct Columns {
    all: Vec<Column>,
    /// How many records one row tells of: its own, and those that dots lead to.
    records: u32,
}

struct Column {
    /// In lower case.
    name: String,
    object: ObjectName,
    field: FieldName,
    holds: Holds,
    /// Which record of the row it is of: 0 is its own.
    record: u32,
}

enum Holds {
    /// The id of the record.
    Id,
    /// The id of a record of this module, or what that is called by.
    Lookup(ObjectName),
    Value,
    /// What Zoho says of each row.
    Told(About),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Record,
    Else,
}

/// Behind the columns of a table that was written: what became of each row.
const TOLD: [(&str, About); 3] =
    [("STATUS", About::Else), ("RECORD_ID", About::Record), ("ERRORS", About::Else)];

/// Which tables a text may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Upload,
    /// What Zoho holds.
    Read,
    /// What it was told, and what became of it.
    Written,
}

/// Cells that may still be read, in all tables of a message.
pub(super) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(MAX_CELLS)
    }
}

impl Room {
    pub(super) fn parse<'a>(
        &mut self,
        place: &'static str,
        text: &'a [u8],
    ) -> Result<Csv<'a>, LocateError> {
        let csv = Csv::parse(text, Delimiter::Comma, LineEnding::Either);
        let csv = csv.map_err(|error| match error {
            CsvError::TooLarge | CsvError::TooMany => LocateError::TooLarge { place },
            _ => unparseable(place, error.to_string()),
        })?;
        let left = self.0.checked_sub(csv.cell_count());
        self.0 = left.ok_or(LocateError::TooLarge { place })?;
        Ok(csv)
    }
}

impl Columns {
    /// # Errors
    /// [`LocateError::Unparseable`] for a header that is not one row of names.
    pub(super) fn bind(
        csv: &Csv<'_>,
        object: &ObjectName,
        table: Table,
    ) -> Result<Self, LocateError> {
        let mut paths = vec![String::new()];
        let mut names = HashSet::new();
        let mut all = Vec::new();
        let count = csv.header().count();
        for (number, cell) in (1..).zip(csv.header()) {
            let text = cell.text();
            let told = TOLD.get((number + TOLD.len()).wrapping_sub(count + 1));
            let told = told.filter(|(name, _)| table == Table::Written && *name == text);
            let is_known = is_name(&text) && (table != Table::Upload || is_field(&text));
            if !is_known || (told.is_none() && !names.insert(text.to_ascii_lowercase())) {
                let problem = format!("column {number} does not name a field, and no other");
                return Err(unparseable("the header row", problem));
            }
            let column = Column::of(&text, object, &mut paths);
            all.push(match told {
                Some((_, about)) => Column { holds: Holds::Told(*about), ..column },
                None => column,
            });
        }
        Ok(Self { all, records: paths.len() as u32 })
    }

    /// The names of all columns, as a job may bind them.
    pub(super) fn names(&self) -> String {
        let names: Vec<&str> = self.all.iter().map(|column| column.name.as_str()).collect();
        names.join(",")
    }

    /// Nothing but the name of a file says that these are fields of the module: what a
    /// column would be in another one must not be less protected here.
    pub(super) fn uses(&self, records: &mut Records) {
        // Nothing leaves of ids that are none, and of what is composed.
        let leaves = |column: &&Column| {
            !matches!(column.holds, Holds::Id)
                && composed_from(&column.object, &column.field).is_empty()
        };
        let fields = self.all.iter().filter(leaves);
        records.uses.extend(fields.map(|column| {
            let place = match &column.holds {
                // It is called by the same name there, and protected as that.
                Holds::Lookup(target) if column.name == title_of(target) => {
                    Place { object: target.clone(), field: column.field.clone(), record: 0 }
                }
                _ => column.place(0),
            };
            use_of(&place, FieldUse::FILE_NAME)
        }));
    }

    /// Takes up the values of one row of an upload.
    ///
    /// # Errors
    /// [`LocateError::Unparseable`] for an id that is none.
    pub(super) fn upload(
        &self,
        row: &[Cell<'_>],
        records: &mut Records,
    ) -> Result<(), LocateError> {
        let number = records.next_record();
        for (column, cell) in self.all.iter().zip(row) {
            let text = cell.text();
            if text.is_empty() {
                continue;
            }
            let mut place = column.place(number);
            match &column.holds {
                Holds::Id if is_id(&text) => records.name_record(number, &place.object, &text),
                Holds::Id | Holds::Told(_) => {
                    return Err(unparseable("column `Id`", "it holds something that is no id"));
                }
                Holds::Lookup(target) if is_id(&text) => records.refer(number, target, &text),
                Holds::Lookup(target) => {
                    place = title(target, records.next_record());
                    let parts = uses_of_parts(&place, "naming a record by a composed name");
                    records.uses.extend(parts);
                    records.slots.push(slot(cell, &place, Role::Key));
                }
                Holds::Value if composed_from(&place.object, &place.field).is_empty() => {
                    // Where there is no other cell, an empty row could be none.
                    let member = Removal { member: cell.span(), before: None, after: None };
                    let removal = Some(member).filter(|_| row.len() > 1);
                    records.slots.push(slot(cell, &place, Role::Stored).removable(removal));
                }
                // Zoho composes it anew.
                Holds::Value => {
                    records.slots.push(Slot::rewritten(cell.span(), Codec::Csv, String::new()));
                }
            }
        }
        Ok(())
    }

    /// Takes up the values of one row of a result.
    pub(super) fn result(&self, row: &[Cell<'_>], table: Table, records: &mut Records) {
        let first = records.count;
        records.count += self.records;
        for (column, cell) in self.all.iter().zip(row) {
            let text = cell.text();
            if text.is_empty() {
                continue;
            }
            let mut place = column.place(first + column.record);
            match &column.holds {
                Holds::Told(About::Else) => continue,
                Holds::Id | Holds::Told(About::Record) if is_id(&text) => {
                    records.name_record(place.record, &place.object, &text);
                    continue;
                }
                Holds::Lookup(_) if is_id(&text) => continue,
                Holds::Lookup(target) => place = title(target, records.next_record()),
                Holds::Id | Holds::Told(About::Record) | Holds::Value => {}
            }
            let role = match composed_from(&place.object, &place.field) {
                [] if table == Table::Written => Role::Former,
                [] => Role::Stored,
                from => Role::Composed { from },
            };
            records.slots.push(slot(cell, &place, role));
        }
    }
}

impl Column {
    /// `Account_Name.Phone` leads to another record; where it leads to a module that is
    /// not known, it is a value of the lookup.
    fn of(name: &str, object: &ObjectName, paths: &mut Vec<String>) -> Self {
        let lower = name.to_ascii_lowercase();
        let (path, _) = lower.rsplit_once('.').unwrap_or(("", &lower));
        let place = resolve(object, name, 0).unwrap_or_else(|| Place {
            object: object.clone(),
            field: field_name(lower.split('.').next().unwrap_or_default()),
            record: 0,
        });
        let record = paths.iter().position(|known| known == path).unwrap_or_else(|| {
            paths.push(path.to_owned());
            paths.len() - 1
        });
        let holds = match schema::lookup(&place.object, place.field.as_str()) {
            _ if place.field.as_str() == "id" => Holds::Id,
            Some(target) if !lower.contains('.') => Holds::Lookup(target),
            _ => Holds::Value,
        };
        let Place { object, field, .. } = place;
        Self { name: lower, object, field, holds, record: record as u32 }
    }

    fn place(&self, record: u32) -> Place {
        Place { object: self.object.clone(), field: self.field.clone(), record }
    }
}

fn title(object: &ObjectName, record: u32) -> Place {
    let field = FieldName::from_static(title_of(object));
    Place { object: object.clone(), field, record }
}

fn slot(cell: &Cell<'_>, place: &Place, role: Role) -> Slot {
    let value = Value::from(cell.text().into_owned());
    Slot::value(cell.span(), Codec::Csv, place.occurrence(role, value))
}

/// The API name of a field.
fn is_field(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
