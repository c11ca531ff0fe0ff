// SPDX-License-Identifier: Apache-2.0
//! Binds a SOQL query to objects and fields.

use super::answer::{self, Columns};
use super::id::{self, is_id};
use super::schema;
use super::sort::{self, Order};
use crate::base::{FieldName, ObjectName};
use crate::carrier::{Codec, Occurrence, Role, Slot, Value};
use crate::crm::message::unparseable;
use crate::crm::{FieldUse, LocateError, RecordName};
use crate::query::soql::{self, Column, Path, Query, Source};

/// What a query compares, uses and asks for.
#[derive(Default)]
pub(super) struct Found {
    /// Places in the text that was read.
    pub slots: Vec<Slot>,
    pub uses: Vec<FieldUse>,
    /// The records that are asked for by their ids.
    pub names: Vec<RecordName>,
    /// Whether others are found than those that are compared with.
    pub finds_others: bool,
    pub object: Option<ObjectName>,
    /// `None` where the answer has records.
    pub columns: Option<Columns>,
    /// How its records can be sorted here.
    pub order: Option<Order>,
}

/// # Errors
/// [`LocateError::Unparseable`] when the query is not understood, or a value or a
/// use in it cannot be bound to an object beyond doubt.
pub(super) fn bind(text: &str) -> Result<Found, LocateError> {
    let query = soql::parse(text).map_err(|error| refuse(error.to_string()))?;
    let mut found = Found::default();
    let scope = Scope::new(&query, named_object)?;
    found.take_in(text, &query, &scope)?;
    found.finds_others = query.finds_others
        || !(query.semi_joins.is_empty() && query.children.is_empty())
        || query.comparisons.iter().any(|comparison| scope.leads_away(&comparison.field));
    if query.is_aggregate {
        found.columns = Some(columns(&query, &scope));
    } else {
        found.take_in_aliases(&query, &scope)?;
    }
    found.order = sort::order(text, &query, &scope)?;
    found.object = scope.object;
    Ok(found)
}

impl Found {
    fn take_in(&mut self, text: &str, query: &Query, scope: &Scope<'_>) -> Result<(), LocateError> {
        for comparison in &query.comparisons {
            let (object, field) = scope.resolve(&comparison.field)?;
            if let Some(uses) = scope.uses_of_copy(&comparison.field) {
                self.uses.extend(uses);
                continue;
            }
            let raw = text.get(comparison.span.clone()).unwrap_or_default();
            let id = raw.trim_matches('\'');
            if field.as_str() == "id" && is_id(id) {
                self.names.push(RecordName { record: 0, object, id: id::canonical(id) });
                continue;
            }
            let operator = match comparison.role {
                Role::Pattern { operator, .. } => operator,
                _ => "comparing with a composed field",
            };
            self.uses.extend(schema::uses_of_parts(&object, &field, operator));
            let value = comparison.value.clone();
            self.uses.extend(use_of_space(&object, &field, &value));
            self.uses.extend(use_of_part(&object, &field));
            let role = comparison.role.clone();
            let occurrence = Occurrence { object, field, record: 0, role, value };
            let codec = if raw.starts_with('\'') { Codec::Soql } else { Codec::SoqlBare };
            self.slots.push(
                Slot::value(comparison.span.clone(), codec, occurrence)
                    .widening(comparison.widening.clone()),
            );
        }
        for field_use in &query.uses {
            let (object, field) = scope.resolve(&field_use.field)?;
            if field.as_str() != "id" {
                let operator = field_use.operator;
                self.uses.extend(schema::uses_of_parts(&object, &field, operator));
                self.uses.push(FieldUse { object, field, operator });
            }
        }
        for inner in &query.semi_joins {
            self.take_in(text, inner, &Scope::new(inner, named_object)?)?;
        }
        for child in &query.children {
            let scope = Scope::new(child, child_object)?;
            self.take_in(text, child, &scope)?;
            self.take_in_aliases(child, &scope)?;
        }
        Ok(())
    }

    /// Records show a column under its alias, and answers with further records do
    /// not know of the query: they would be read as if the alias were a field. So it
    /// is a use of the field behind it, and of the field whose name it takes.
    fn take_in_aliases(&mut self, query: &Query, scope: &Scope<'_>) -> Result<(), LocateError> {
        for column in &query.columns {
            let Some(alias) = &column.alias else { continue };
            let own = scope.object.as_ref().ok_or_else(|| {
                let problem = "it has an alias in a sub-select from an object that is not known";
                refuse(problem.to_owned())
            })?;
            let taken = schema::original(own, alias);
            let shown = column.field.as_ref().map(|path| scope.resolve_column(path)).transpose()?;
            if shown.as_ref() == Some(&taken) {
                continue;
            }
            if taken.1.as_str() == "id" {
                return Err(refuse("an alias takes the name of the id of a record".to_owned()));
            }
            for (object, field) in shown.into_iter().chain([taken]) {
                let operator = FieldUse::ALIAS;
                self.uses.extend(schema::uses_of_parts(&object, &field, operator));
                self.uses.push(FieldUse { object, field, operator });
            }
        }
        Ok(())
    }
}

/// Stored values have no space around them. Whether it counts in what they are compared
/// with is not documented.
pub(super) fn use_of_space(
    object: &ObjectName,
    field: &FieldName,
    value: &Value,
) -> Option<FieldUse> {
    let has_space =
        matches!(value, Value::Text(text) if text.expose().trim().len() < text.expose().len());
    has_space.then(|| FieldUse {
        object: object.clone(),
        field: field.clone(),
        operator: "a value with space around it",
    })
}

/// "SOQL queries ignore the year portion of the Birthdate field" (Object Reference, Contact):
/// a surrogate would find whoever has another of that day of the year.
pub(super) fn use_of_part(object: &ObjectName, field: &FieldName) -> Option<FieldUse> {
    let ignores_year = matches!(
        (object.as_str(), field.as_str()),
        ("contact", "birthdate") | ("account", "personbirthdate")
    );
    ignores_year.then(|| FieldUse {
        object: object.clone(),
        field: field.clone(),
        operator: "comparing without the year, as Salesforce does,",
    })
}

/// What names mean inside one `SELECT`.
pub(super) struct Scope<'q> {
    pub query: &'q Query,
    /// `None` behind a child relationship that is not known.
    pub object: Option<ObjectName>,
    aliases: Vec<(&'q str, Option<ObjectName>)>,
}

impl<'q> Scope<'q> {
    fn new(query: &'q Query, object: fn(&Path) -> Option<ObjectName>) -> Result<Self, LocateError> {
        let mut scope = Self { query, object: None, aliases: Vec::new() };
        let mut sources = query.from.iter();
        if let Some(first) = sources.next() {
            scope.object = object(&first.path);
            scope.name(first, scope.object.clone())?;
        }
        for source in sources {
            scope.name(source, scope.follow(&source.path.names))?;
        }
        Ok(scope)
    }

    fn name(&mut self, source: &'q Source, object: Option<ObjectName>) -> Result<(), LocateError> {
        let Some(alias) = source.alias.as_deref() else { return Ok(()) };
        let hidden = self.object.as_ref().and_then(|object| schema::parent(object, alias));
        let is_taken = self.aliases.iter().any(|(taken, _)| taken.eq_ignore_ascii_case(alias));
        let is_custom = alias.to_ascii_lowercase().ends_with("__r");
        if is_taken || is_custom || (hidden.is_some() && hidden != object) {
            return Err(ambiguous(source.path.at));
        }
        self.aliases.push((alias, object));
        Ok(())
    }

    pub(super) fn resolve(&self, path: &Path) -> Result<(ObjectName, FieldName), LocateError> {
        let (relationships, field) = path.split();
        let is_hidden = |column| hides(column, field);
        if relationships.is_empty() && self.query.columns.iter().any(is_hidden) {
            return Err(ambiguous(path.at));
        }
        self.resolve_column(path)
    }

    /// As [`resolve`](Self::resolve), where no alias can be meant.
    fn resolve_column(&self, path: &Path) -> Result<(ObjectName, FieldName), LocateError> {
        let (relationships, field) = path.split();
        let object = self.follow(relationships).ok_or_else(|| {
            refuse(format!("the name at byte {} belongs to an object that is not known", path.at))
        })?;
        Ok(schema::original(&object, field))
    }

    /// Whether a field is one of another record than those that are asked for.
    fn leads_away(&self, path: &Path) -> bool {
        let is_own = |name: &String| {
            let object = self.object.as_ref().map(ObjectName::as_str);
            let alias = self.query.from.first().and_then(|source| source.alias.as_deref());
            object.into_iter().chain(alias).any(|own| own.eq_ignore_ascii_case(name))
        };
        match path.split().0 {
            [] => false,
            [name] => !is_own(name),
            _ => true,
        }
    }

    pub(super) fn uses_of_copy(&self, path: &Path) -> Option<[FieldUse; 2]> {
        let (relationships, field) = path.split();
        schema::uses_of_copy(&self.follow(relationships)?, field, "comparing with a copy")
    }

    /// Where relationships lead from here. The first may be an alias or the object.
    fn follow(&self, names: &[String]) -> Option<ObjectName> {
        let Some((first, rest)) = names.split_first() else { return self.object.clone() };
        let alias = self.aliases.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(first));
        let own = self.object.as_ref()?;
        let start = match alias {
            Some((_, object)) => object.clone()?,
            None if own.as_str().eq_ignore_ascii_case(first) => own.clone(),
            None => schema::parent(own, first)?,
        };
        rest.iter().try_fold(start, |object, name| schema::parent(&object, name))
    }
}

/// Whether a column has this name, but stands for something else.
fn hides(column: &Column, name: &str) -> bool {
    let is_own = |path: &Path| {
        let (relationships, field) = path.split();
        relationships.is_empty() && field.eq_ignore_ascii_case(name)
    };
    column.alias.as_deref().is_some_and(|alias| alias.eq_ignore_ascii_case(name))
        && !column.field.as_ref().is_some_and(is_own)
}

/// `Contact`, at the top and in semi-joins.
fn named_object(path: &Path) -> Option<ObjectName> {
    let (relationships, object) = path.split();
    relationships.is_empty().then(|| schema::object_name(object))
}

/// `Contacts` or `a.Contacts`, in sub-selects.
fn child_object(path: &Path) -> Option<ObjectName> {
    schema::children(path.split().1)
}

/// The columns of rows of groups. These are never continued on a further page
/// ("Considerations for GROUP BY"), so their meaning need not outlive the answer.
fn columns(query: &Query, scope: &Scope<'_>) -> Columns {
    let mut columns = Columns::new();
    let mut expressions = 0;
    for column in &query.columns {
        let name = match (&column.alias, &column.field) {
            (Some(alias), _) => alias.to_ascii_lowercase(),
            (None, _) if column.is_computed => {
                expressions += 1;
                format!("expr{}", expressions - 1)
            }
            (None, Some(field)) => field.split().1.to_ascii_lowercase(),
            (None, None) => continue,
        };
        let Some(path) = &column.field else { continue };
        let (relationships, field) = path.split();
        if let Some(object) = scope.follow(relationships) {
            let (object, field) = schema::original(&object, field);
            let path = relationships.join(".").to_ascii_lowercase();
            columns.insert(name, answer::Column { object, field, path });
        }
    }
    columns
}

fn ambiguous(at: usize) -> LocateError {
    refuse(format!("the name at byte {at} can be read in two ways"))
}

fn refuse(problem: String) -> LocateError {
    unparseable("parameter `q`", problem)
}
