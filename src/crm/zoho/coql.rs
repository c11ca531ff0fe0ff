// SPDX-License-Identifier: Apache-2.0
//! Binds COQL to modules and fields, and reads the rows that it answers with.

use std::collections::HashMap;

use crate::base::ObjectName;
use crate::carrier::json::{Kind, Node};
use crate::carrier::{Codec, Role, Slot};
use crate::crm::message::{shown, unparseable};
use crate::crm::{FieldUse, LocateError};
use crate::query::PRESENCE;
use crate::query::coql::{self, Column, Path, Query};

use super::operation::refers;
use super::record::{Records, id_of};
use super::schema::{self, field_name, object_name};
use super::search::{called, compared};
use super::value::{Place, REFERENCE, use_of, uses_of_parts};

/// What a query compares, uses and asks for.
pub(super) struct Found {
    pub object: ObjectName,
    pub slots: Vec<Slot>,
    pub uses: Vec<FieldUse>,
    pub columns: Columns,
    pub finds_others: bool,
}

/// The fields behind the columns of the answer, by the name of the column in lower case.
pub(super) type Columns = HashMap<String, Shown>;

/// A field behind a column.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    object: ObjectName,
    /// As the query spells it.
    field: String,
    /// The lookups that lead to it, with dots between them; empty for the module's own.
    lookups: String,
}

impl Shown {
    fn path(&self) -> String {
        let lookups = self.lookups.as_str();
        let dot = if lookups.is_empty() { "" } else { "." };
        format!("{lookups}{dot}{}", self.field)
    }
}

/// # Errors
/// [`LocateError::Unparseable`] when the query is not understood, or a name in it cannot
/// be bound to a module beyond doubt.
pub(super) fn bind(text: &str, record: u32) -> Result<Found, LocateError> {
    let query = coql::parse(text).map_err(|error| refuse(error.to_string()))?;
    let scope = Scope { object: object_name(&query.module), query: &query, record };
    let mut found = Found {
        object: scope.object.clone(),
        slots: Vec::new(),
        uses: Vec::new(),
        columns: Columns::new(),
        finds_others: query.finds_others
            || query.comparisons.iter().any(|comparison| comparison.field.steps.len() > 1),
    };
    for comparison in &query.comparisons {
        let place = scope.resolve(&comparison.field)?;
        let raw = text.get(comparison.span.clone()).unwrap_or_default();
        // Those that it leads to are others than the query finds.
        found.finds_others |= called(&place).is_some();
        let Some(place) = compared(&place, raw.trim_matches(['\'', '"'])) else { continue };
        let operator = match comparison.role {
            Role::Pattern { operator, .. } => operator,
            _ => "comparing with a composed field",
        };
        found.uses.extend(uses_of_parts(&place, operator));
        if refers(raw) {
            found.uses.push(use_of(&place, REFERENCE));
        }
        let occurrence = place.occurrence(comparison.role.clone(), comparison.value.clone());
        let slot = Slot::value(comparison.span.clone(), Codec::Coql, occurrence);
        found.slots.push(slot.widening(comparison.widening.clone()));
    }
    let names = query.comparisons.iter().any(|comparison| comparison.role == Role::Equality);
    found.finds_others |= !names || found.slots.is_empty();
    for field_use in &query.uses {
        let place = scope.resolve(&field_use.field)?;
        // Whether there is a record, and which, shows nothing of it.
        let is_of_record = matches!(field_use.operator, PRESENCE | "group by" | "COUNT");
        let place = called(&place).filter(|_| !is_of_record).unwrap_or(place);
        if place.field.as_str() != "id" {
            found.uses.extend(uses_of_parts(&place, field_use.operator));
            found.uses.push(use_of(&place, field_use.operator));
        }
    }
    for column in &query.columns {
        // It names the record.
        if column.has_alias && column.key.eq_ignore_ascii_case("id") {
            return Err(refuse("an alias takes the name of the id of a record".to_owned()));
        }
        let Some(path) = &column.field else { continue };
        let shown = scope.shown(path)?;
        if found.columns.insert(column.key.to_ascii_lowercase(), shown).is_some() {
            return Err(refuse("two columns have the same name".to_owned()));
        }
    }
    Ok(found)
}

struct Scope<'q> {
    object: ObjectName,
    query: &'q Query,
    record: u32,
}

impl Scope<'_> {
    /// The field of a condition, an order or a group. An alias may be meant, too.
    fn resolve(&self, path: &Path) -> Result<Place, LocateError> {
        let name = path.steps.first().map(|step| step.name.as_str()).unwrap_or_default();
        let is_alias = |column: &&Column| column.has_alias && column.key.eq_ignore_ascii_case(name);
        let alias = self.query.columns.iter().find(is_alias).filter(|_| path.steps.len() == 1);
        let own = self.shown(path);
        let shown = match alias {
            None => own?,
            // A count or the like.
            Some(Column { field: None, .. }) => return Ok(self.place("id", self.object.clone())),
            Some(Column { field: Some(meant), .. }) => {
                let meant = self.shown(meant)?;
                let is_same = |own: Shown| {
                    own.object == meant.object && own.field.eq_ignore_ascii_case(&meant.field)
                };
                let is_name_of_field = schema::known_fields()
                    .iter()
                    .any(|(of, field)| *of == self.object && *field == field_name(name));
                if is_name_of_field && !own.is_ok_and(is_same) {
                    return Err(refuse(format!(
                        "the name at byte {} can be read in two ways",
                        path.at
                    )));
                }
                meant
            }
        };
        Ok(self.place(&shown.field, shown.object))
    }

    fn place(&self, field: &str, object: ObjectName) -> Place {
        Place { object, field: field_name(field), record: self.record }
    }

    fn shown(&self, path: &Path) -> Result<Shown, LocateError> {
        let is_own = |module: &String| object_name(module) == self.object;
        if !path.module.as_ref().is_none_or(is_own) {
            return Err(refuse(format!("the name at byte {} is of another module", path.at)));
        }
        let mut object = self.object.clone();
        let mut lookups = Vec::new();
        let Some((last, steps)) = path.steps.split_last() else { return Err(unknown(path)) };
        for step in steps {
            let stated = step.module.as_deref().map(object_name);
            let target =
                stated.or_else(|| schema::lookup(&object, &step.name.to_ascii_lowercase()));
            match target {
                Some(target) => object = target,
                None if last.name.eq_ignore_ascii_case("id") => {}
                None => return Err(unknown(path)),
            }
            lookups.push(match &step.module {
                Some(module) => format!("{}->{module}", step.name),
                None => step.name.clone(),
            });
        }
        if last.module.is_some() {
            return Err(unknown(path));
        }
        let name = last.name.as_str();
        let field = if steps.is_empty() { name } else { schema::related_field(&object, name) };
        Ok(Shown { field: field.to_owned(), object, lookups: lookups.join(".") })
    }
}

impl Records {
    /// A row of a query: the columns of the module, and those that lookups lead to.
    pub fn row_of_query(
        &mut self,
        row: Node<'_>,
        object: &ObjectName,
        columns: &Columns,
    ) -> Result<u32, LocateError> {
        let number = self.next_record();
        self.name_record(number, object, &id_of(row));
        let mut related: HashMap<&str, u32> = HashMap::new();
        for member in row.members() {
            let shown = columns.get(&member.key.to_ascii_lowercase());
            let Some(shown) = shown else {
                self.member(&member.key, member.value, object, number, None)?;
                continue;
            };
            if shown.lookups.is_empty() {
                self.member(&shown.field, member.value, &shown.object, number, None)?;
                continue;
            }
            let lookups = shown.lookups.as_str();
            let record = if let Some(record) = related.get(lookups) {
                *record
            } else {
                let record = self.next_record();
                // `"Account_Name":{"id":"55…"}` or `"Account_Name.id":"55…"`
                let lookup = row.members().find(|it| it.key.eq_ignore_ascii_case(lookups));
                let is_itself = columns
                    .get(&lookups.to_ascii_lowercase())
                    .is_none_or(|shown| shown.path().eq_ignore_ascii_case(lookups));
                let lookup = lookup.filter(|it| is_itself && it.value.kind() == Kind::Object);
                if let Some(lookup) = lookup {
                    self.name_record(record, &shown.object, &id_of(lookup.value));
                }
                related.insert(lookups, record);
                record
            };
            self.member(&shown.field, member.value, &shown.object, record, None)?;
        }
        Ok(number)
    }
}

fn unknown(path: &Path) -> LocateError {
    let first = path.steps.first().map(|step| step.name.as_str()).unwrap_or_default();
    refuse(format!("`{}` at byte {} leads to a module that is not known", shown(first), path.at))
}

fn refuse(problem: String) -> LocateError {
    unparseable("`select_query`", problem)
}
