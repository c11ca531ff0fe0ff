// SPDX-License-Identifier: Apache-2.0
//! Records in answers.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;

use super::answer::echo;
use super::fetch::{Column, Columns, Member};
use super::link::shown_link;
use super::path::canonical_id;
use super::schema;
use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{Kind, Node};
use crate::carrier::{Codec, Occurrence, Removal, Role, Slot, Value};
use crate::crm::message::unparseable;
use crate::crm::{LocateError, Origins, RecordName};

/// Collects what one answer shows.
pub(super) struct Shown<'a> {
    origins: &'a Origins,
    columns: &'a Columns,
    /// The number of the next record.
    pub next: u32,
    pub slots: Vec<Slot>,
    pub names: Vec<RecordName>,
}

/// A record that is being read.
struct Row<'r> {
    record: Node<'r>,
    object: ObjectName,
    number: u32,
    /// Its members by their names, once they are asked for.
    members: OnceCell<HashMap<Cow<'r, str>, Node<'r>>>,
    /// The numbers of the records that links join to it, by the names of the links.
    joined: HashMap<String, u32>,
}

impl<'r> Row<'r> {
    fn get(&self, name: &str) -> Option<Node<'r>> {
        let all = || self.record.members().map(|member| (member.key, member.value)).collect();
        self.members.get_or_init(all).get(name).copied()
    }
}

const FORMATTED: &str = "OData.Community.Display.V1.FormattedValue";
const LOGICAL_NAME: &str = "Microsoft.Dynamics.CRM.lookuplogicalname";

/// How the CRM made what a column shows.
pub(super) fn role_of(object: &ObjectName, field: &FieldName) -> Role {
    match schema::composed_from(object, field) {
        [] => Role::Stored,
        from => Role::Composed { from },
    }
}

impl<'a> Shown<'a> {
    pub(super) fn new(origins: &'a Origins, next: u32, columns: &'a Columns) -> Self {
        Self { origins, columns, next, slots: Vec::new(), names: Vec::new() }
    }

    pub(super) fn next_record(&mut self) -> u32 {
        let record = self.next;
        self.next += 1;
        record
    }

    /// A list in `value`, or one record.
    pub(super) fn records(
        &mut self,
        root: Node<'_>,
        object: Option<&ObjectName>,
    ) -> Result<(), LocateError> {
        let list = root.get("value").filter(|value| value.kind() == Kind::Array);
        let Some(list) = list else { return self.record(root, object) };
        for record in list.elements() {
            if record.kind() == Kind::Object {
                self.record(record, object)?;
            } else {
                return Err(unparseable("the answer", "it has a list of what are no records"));
            }
        }
        self.links(root);
        Ok(())
    }

    /// One record.
    fn record(
        &mut self,
        record: Node<'_>,
        expected: Option<&ObjectName>,
    ) -> Result<(), LocateError> {
        let object = object_of(record, expected);
        let mut row = Row {
            record,
            object,
            number: self.next_record(),
            members: OnceCell::new(),
            joined: HashMap::new(),
        };
        for member in record.members() {
            let (key, value) = (member.key.as_ref(), member.value);
            match key.split_once('@') {
                Some((name, FORMATTED)) if !name.is_empty() => {
                    self.formatted(&mut row, name, value);
                }
                Some((_, annotation)) => self.annotation(annotation, value),
                None => self.member(&mut row, key, value)?,
            }
        }
        Ok(())
    }

    fn member(
        &mut self,
        row: &mut Row<'_>,
        name: &str,
        value: Node<'_>,
    ) -> Result<(), LocateError> {
        let is_record = |node: &Node<'_>| node.kind() == Kind::Object;
        if is_record(&value) || value.elements().any(|node| is_record(&node)) {
            let related = schema::navigation(&row.object, name).map(|led| led.object);
            let records = Some(value).filter(is_record).into_iter();
            let mut records = records.chain(value.elements().filter(is_record));
            return records.try_for_each(|record| self.record(record, related.as_ref()));
        }
        let Some((object, field, number)) = self.column(row, name) else { return Ok(()) };
        if let Some(id) = canonical_id(&value.value()) {
            if field == schema::primary_key(&object) {
                self.names.push(RecordName { record: number, object, id });
                return Ok(());
            }
            if schema::holds_ids(&field) {
                return Ok(());
            }
        }
        self.value(value, value.removal(), (object, field), number);
        Ok(())
    }

    /// The column that a member shows, and the record that has it: this one, or one that
    /// a link joins. `None` for what is computed.
    fn column(&mut self, row: &mut Row<'_>, name: &str) -> Option<(ObjectName, FieldName, u32)> {
        let Column { object, field, link } = match self.columns.member(name) {
            Member::Own => {
                return Some((row.object.clone(), schema::field_name(name), row.number));
            }
            Member::Computed => return None,
            Member::Column(column) => column,
        };
        let Some(link) = link else { return Some((object, field, row.number)) };
        let number = *row.joined.entry(link).or_insert_with(|| self.next_record());
        Some((object, field, number))
    }

    pub(super) fn value(
        &mut self,
        node: Node<'_>,
        removal: Option<Removal>,
        (object, field): (ObjectName, FieldName),
        record: u32,
    ) {
        if node.kind() == Kind::Null {
            return;
        }
        let role = role_of(&object, &field);
        let occurrence = Occurrence { object, field, record, role, value: node.value() };
        self.slots.push(Slot::value(node.span(), Codec::Json, occurrence).removable(removal));
    }

    /// What a column looks like to readers; of a lookup, the name of another record.
    fn formatted(&mut self, row: &mut Row<'_>, name: &str, value: Node<'_>) {
        if value.kind() == Kind::Null {
            return;
        }
        let own = name.strip_prefix('_').and_then(|name| name.strip_suffix("_value"));
        let id = row.get(name).map(|id| id.value());
        let is_lookup = own.is_some() || id.as_ref().is_some_and(|id| canonical_id(id).is_some());
        let Some((object, field, record)) = self.column(row, own.unwrap_or(name)) else { return };
        let (object, field, record, role) = if is_lookup {
            let target = target_of(row, name, &object, field.as_str());
            let record = self.next_record();
            if let Some(id) = id {
                self.named(record, &target, &id);
            }
            let (object, field) = schema::name_of(&target);
            let role = role_of(&object, &field);
            (object, field, record, role)
        } else {
            (object, field, record, Role::Composed { from: &[] })
        };
        let occurrence = Occurrence { object, field, record, role, value: value.value() };
        let slot = Slot::value(value.span(), Codec::Json, occurrence);
        self.slots.push(slot.removable(value.removal()));
    }

    /// Links, and what is no value of a column.
    fn annotation(&mut self, annotation: &str, value: Node<'_>) {
        let is_link =
            annotation.ends_with("Link") || matches!(annotation, "odata.id" | "odata.context");
        if is_link {
            self.link(value);
        }
    }

    /// The origin of a URL exchanged; all else in it stays as it is, byte for byte.
    fn link(&mut self, node: Node<'_>) {
        let Some(decoded) = node.decoded() else { return };
        let found = shown_link(decoded.as_str(), self.origins, self.next);
        if !found.slots.is_empty() {
            let has_key = found.key.is_some_and(|key| key.id.is_none());
            self.next += u32::from(has_key);
            self.slots.push(Slot::nested(node.inner_span(), Codec::Json, decoded, found.slots));
        }
    }

    /// The links of an object that holds records, and of lists in it.
    pub(super) fn links(&mut self, node: Node<'_>) {
        for member in node.members() {
            match member.key.split_once('@') {
                Some((_, annotation)) => self.annotation(annotation, member.value),
                None if member.key == "value" => {
                    member.value.elements().for_each(|element| self.references(element));
                }
                None => {}
            }
        }
    }

    /// `{"@odata.id":…}` in a list of references.
    fn references(&mut self, node: Node<'_>) {
        if let Some(id) = node.get("@odata.id").filter(|_| node.members().count() == 1) {
            self.link(id);
        }
    }

    pub(super) fn named(&mut self, record: u32, object: &ObjectName, id: &Value) {
        if let Some(id) = canonical_id(id) {
            self.names.push(RecordName { record, object: object.clone(), id });
        }
    }

    /// Error texts, down to every string.
    pub(super) fn echoes(&mut self, node: Node<'_>) {
        if node.kind() == Kind::String {
            self.slots.push(echo(node));
        } else {
            node.children().for_each(|child| self.echoes(child));
        }
    }
}

/// The table of a record: as it says itself, as is expected of it, or as the column of
/// its id tells.
fn object_of(record: Node<'_>, expected: Option<&ObjectName>) -> ObjectName {
    let stated = record.get("@odata.type").and_then(|node| node.text());
    let stated = stated.and_then(|text| schema::type_name(&text));
    let by_key = || {
        record.members().find_map(|member| {
            canonical_id(&member.value.value())?;
            schema::object_of_key(&member.key)
        })
    };
    stated
        .or_else(|| expected.cloned())
        .or_else(by_key)
        .unwrap_or_else(|| ObjectName::from_static("unknown"))
}

/// The table that a lookup leads to: as the answer says, as the relationship tells, or
/// else persons, whose names are protected wherever any are.
fn target_of(row: &Row<'_>, name: &str, object: &ObjectName, lookup: &str) -> ObjectName {
    let stated = row.get(&format!("{name}@{LOGICAL_NAME}")).and_then(|node| node.text());
    let stated = stated.filter(|name| schema::is_name(name)).map(|name| schema::object_name(&name));
    stated
        .or_else(|| schema::navigation(object, lookup).map(|led| led.object))
        .unwrap_or_else(|| ObjectName::from_static(schema::CONTACT))
}
