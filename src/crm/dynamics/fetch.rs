// SPDX-License-Identifier: Apache-2.0
//! Binds FetchXML and the cookies of its pages to tables and columns.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;

use super::query::{Bound, named, uses_of_comparison};
use super::schema;
use crate::base::{FieldName, ObjectName};
use crate::carrier::url::Parameter;
use crate::carrier::xml::{self, Element};
use crate::carrier::{Codec, Occurrence, Slot, Value};
use crate::crm::message::unparseable;
use crate::crm::{FieldUse, LocateError};
use crate::query::fetchxml::{self, Fetch, Field};
use crate::query::odata::is_guid;

/// What the columns of an answer to FetchXML are.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// By their own names; `None` for what is computed.
    aliases: HashMap<String, Option<Column>>,
    /// The tables that links join, by the names of the links.
    links: Vec<(String, ObjectName)>,
}

/// What a member of a record shows.
pub(super) enum Member {
    /// The column of its name.
    Own,
    Column(Column),
    /// A count, a sum or the like: no value of anybody.
    Computed,
}

impl Member {
    /// A column, or the one behind a lookup whose name it shows.
    fn behind(column: Column) -> Self {
        let Some((object, field)) = schema::name_behind(&column.object, &column.field) else {
            return Self::Column(column);
        };
        let link = format!("{}#{}", column.link.unwrap_or_default(), column.field);
        Self::Column(Column { object, field, link: Some(link) })
    }
}

/// A column that does not go by its own name.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub object: ObjectName,
    pub field: FieldName,
    /// The link, or the lookup, whose records have it; `None` for the table that is asked
    /// for.
    pub link: Option<String>,
}

impl Columns {
    /// A name that a query gives to what it computes.
    pub(super) fn compute(&mut self, name: String) {
        self.aliases.insert(name, None);
    }

    /// What a member shows whose name may be an alias or begin with that of a link:
    /// `a.lastname`, `a_x002e_lastname`.
    pub(super) fn member(&self, name: &str) -> Member {
        if let Some(known) = self.aliases.get(name) {
            return known.clone().map_or(Member::Computed, Member::behind);
        }
        self.joined(name).map_or(Member::Own, Member::behind)
    }

    fn joined(&self, name: &str) -> Option<Column> {
        let (link, column) = name.split_once('.').or_else(|| name.split_once("_x002e_"))?;
        let by_name = self.links.iter().find(|(name, _)| name == link);
        let table = link.trim_end_matches(|last: char| last.is_ascii_digit());
        let (_, object) = by_name.or_else(|| self.links.iter().find(|(name, _)| name == table))?;
        let field = schema::field_name(column);
        // By the name in the answer: links to one table have numbers behind it.
        Some(Column { object: object.clone(), field, link: Some(link.to_owned()) })
    }
}

/// Reads the query in a parameter, whose comparisons belong to the record `record` of the
/// table `expected`.
///
/// # Errors
/// [`LocateError`] when it is not understood, or is about another table.
pub(super) fn bind(
    parameter: &Parameter,
    expected: &ObjectName,
    record: u32,
    bound: &mut Bound,
) -> Result<Columns, LocateError> {
    let refuse = |problem: String| unparseable("parameter `fetchXml`", problem);
    let text = parameter.value.decoded.as_str();
    let fetch = fetchxml::parse(text).map_err(|error| refuse(error.to_string()))?;
    if schema::object_name(&fetch.table) != *expected {
        return Err(refuse("it is about another table than the path".to_owned()));
    }
    bound.finds_others |= fetch.finds_others;
    let mut slots: Vec<Slot> = fetch
        .labels
        .iter()
        .map(|label| Slot::rewritten(label.clone(), Codec::Plain, String::new()))
        .collect();
    for comparison in &fetch.comparisons {
        let (object, field) = asked_of(&comparison.field, bound);
        let value = comparison.value.as_str();
        let id = value.trim_matches(['{', '}']);
        if is_guid(id) && schema::holds_ids(&field) {
            let id = Value::from(id.to_owned());
            bound.names.extend(named(&object, &field, &id, record));
            continue;
        }
        let value = Value::from(value.to_owned());
        bound.uses.extend(uses_of_comparison(&object, &field, &comparison.role, &value));
        let occurrence = Occurrence { object, field, record, role: comparison.role.clone(), value };
        let slot = Slot::value(comparison.value.span.clone(), Codec::Xml, occurrence);
        slots.push(match &comparison.widening {
            Some(widening) => slot.widening(widening.clone()),
            None => slot,
        });
    }
    for found in &fetch.uses {
        let (object, field) = asked_of(&found.field, bound);
        bound.uses.extend(schema::uses_of_parts(&object, &field, found.operator));
        bound.uses.push(FieldUse { object, field, operator: found.operator });
    }
    for (from, to) in &fetch.joins {
        let sides = [asked_of(from, bound), asked_of(to, bound)];
        // Where one is an id, so is the other.
        if sides.iter().any(|(_, field)| schema::holds_ids(field)) {
            continue;
        }
        for (object, field) in sides {
            let operator = "comparing columns";
            bound.uses.extend(schema::uses_of_parts(&object, &field, operator));
            bound.uses.push(FieldUse { object, field, operator });
        }
    }
    for column in &fetch.columns {
        let shown = column.field.as_ref().map(bound_to);
        bound.uses.extend(alias_use(expected, &column.alias, shown.as_ref()));
    }
    if let Some(cookie) = &fetch.cookie {
        let uses = cookie_uses(cookie.as_str(), expected, Some(&fetch))
            .ok_or_else(|| refuse("its paging cookie cannot be read".to_owned()))?;
        bound.uses.extend(uses);
    }
    if !slots.is_empty() {
        let piece = &parameter.value;
        let decoded = piece.decoded.clone();
        let slot = Slot::nested(piece.span.clone(), Codec::Percent, decoded, slots);
        bound.slots.push(slot);
    }
    Ok(columns(&fetch))
}

/// A column that goes by another name takes that of what may stand beside it.
pub(super) fn alias_use(
    object: &ObjectName,
    alias: &str,
    shown: Option<&(ObjectName, FieldName)>,
) -> Option<FieldUse> {
    let field = schema::field_name(alias);
    let is_own = shown.is_some_and(|(of, shown)| of == object && *shown == field);
    let operator = FieldUse::ALIAS;
    (!is_own).then(|| FieldUse { object: object.clone(), field, operator })
}

fn columns(fetch: &Fetch) -> Columns {
    let aliases = fetch.columns.iter().map(|column| {
        let shown = column.field.as_ref().map(|field| {
            let (object, field) = bound_to(field);
            Column { object, field, link: column.link.clone() }
        });
        (column.alias.clone(), shown)
    });
    let links = fetch.links.iter().map(|link| {
        let name = link.alias.as_ref().unwrap_or(&link.table);
        (name.clone(), schema::object_name(&link.table))
    });
    Columns { aliases: aliases.collect(), links: links.collect() }
}

fn bound_to(field: &Field) -> (ObjectName, FieldName) {
    (schema::object_name(&field.table), schema::field_name(&field.column))
}

/// The column that a condition or an order is about, which may be that of the record
/// behind a lookup.
fn asked_of(field: &Field, bound: &mut Bound) -> (ObjectName, FieldName) {
    let (object, field) = bound_to(field);
    let behind = schema::name_behind(&object, &field);
    bound.finds_others |= behind.is_some();
    behind.unwrap_or((object, field))
}

/// How often a cookie may be percent-encoded.
const MAX_CODINGS: usize = 3;

/// The columns whose values a paging cookie repeats: of the first and the last record of
/// a page, those that it is ordered by. It goes back to the CRM as it came, so a
/// protected column in it is a use that no surrogate answers. `None` when the cookie
/// cannot be read.
pub(super) fn cookie_uses(
    text: &str,
    object: &ObjectName,
    fetch: Option<&Fetch>,
) -> Option<Vec<FieldUse>> {
    const OPERATOR: &str = "a paging cookie";
    let is_number = |text: &str| text.len() <= 8 && text.bytes().all(|b| b.is_ascii_digit());
    let is_id = |text: &str| text.is_empty() || is_guid(text.trim_matches(['{', '}']));
    // What surrounds the values is numbers, flags, names and ids.
    let is_plain = |text: &str| is_number(text) || is_id(text) || schema::is_name(text);
    let has_plain = |element: &Element, but: &str| {
        let mut others = element.attributes.iter().filter(|attribute| attribute.name != but);
        others.all(|attribute| is_plain(attribute.value.as_str()))
    };
    let mut root = xml::parse(&unescaped(text)?).ok()?;
    if let Some(inner) = root.attribute("pagingcookie").map(|inner| inner.as_str().to_owned()) {
        if !has_plain(&root, "pagingcookie") || !root.children.is_empty() {
            return None;
        }
        if inner.is_empty() {
            return Some(Vec::new());
        }
        root = xml::parse(&unescaped(&inner)?).ok()?;
    }
    if root.name != "cookie" || !has_plain(&root, "") {
        return None;
    }
    let mut uses = Vec::new();
    for element in &root.children {
        let is_blank = |text: &xml::Piece| text.as_str().trim().is_empty();
        if !element.children.is_empty() || !element.text.iter().all(is_blank) {
            return None;
        }
        let (object, column) = match (element.name.split_once('.'), fetch) {
            (None, _) => (object.clone(), element.name.as_str()),
            (Some((link, column)), Some(fetch)) => (schema::object_name(fetch.link(link)?), column),
            (Some(_), None) => return None,
        };
        let field = schema::field_name(column);
        let mut values = element.attributes.iter().map(|attribute| attribute.value.as_str());
        let are_ids = values.all(|value| is_id(value) || is_number(value));
        if are_ids && schema::holds_ids(&field) {
            continue;
        }
        uses.extend(schema::uses_of_parts(&object, &field, OPERATOR));
        uses.push(FieldUse { object, field, operator: OPERATOR });
    }
    Some(uses)
}

/// A cookie without the percent-encoding around it.
fn unescaped(text: &str) -> Option<String> {
    let mut text = text.to_owned();
    for _ in 0..MAX_CODINGS {
        if text.starts_with('<') {
            break;
        }
        text = percent_decode_str(&text).decode_utf8().ok()?.into_owned();
    }
    Some(text)
}
