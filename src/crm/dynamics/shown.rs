// SPDX-License-Identifier: Apache-2.0
//! Records in answers.

use super::answer::echo;
use super::link::shown_link;
use super::path::canonical_id;
use super::schema;
use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{Kind, Node};
use crate::carrier::{Codec, Occurrence, Role, Slot, Value};
use crate::crm::message::unparseable;
use crate::crm::{LocateError, Origins, RecordName};

/// Collects what one answer shows.
pub(super) struct Shown<'a> {
    origins: &'a Origins,
    /// The number of the next record.
    pub next: u32,
    pub slots: Vec<Slot>,
    pub names: Vec<RecordName>,
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
    pub(super) fn new(origins: &'a Origins, next: u32) -> Self {
        Self { origins, next, slots: Vec::new(), names: Vec::new() }
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
        let Some(list) = list else { return self.record(root, object).map(drop) };
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

    /// One record, and its number.
    fn record(
        &mut self,
        record: Node<'_>,
        expected: Option<&ObjectName>,
    ) -> Result<u32, LocateError> {
        let number = self.next_record();
        let object = object_of(record, expected);
        for member in record.members() {
            let (key, value) = (member.key.as_ref(), member.value);
            match key.split_once('@') {
                Some(("", annotation)) => self.annotation_of_record(annotation, value),
                Some((name, FORMATTED)) => self.formatted(record, (name, value), &object, number),
                Some((_, annotation)) => self.annotation_of_record(annotation, value),
                None => self.member(key, value, &object, number)?,
            }
        }
        Ok(number)
    }

    fn member(
        &mut self,
        name: &str,
        value: Node<'_>,
        object: &ObjectName,
        number: u32,
    ) -> Result<(), LocateError> {
        let is_record = |node: Node<'_>| node.kind() == Kind::Object;
        if is_record(value) || value.elements().any(is_record) {
            let related = schema::navigation(object, name).map(|led| led.object);
            return if is_record(value) {
                self.record(value, related.as_ref()).map(drop)
            } else {
                value
                    .elements()
                    .filter(|node| is_record(*node))
                    .try_for_each(|node| self.record(node, related.as_ref()).map(drop))
            };
        }
        let field = schema::field_name(name);
        if canonical_id(&value.value()).is_some() {
            if field == schema::primary_key(object) {
                self.named(number, object, &value.value());
                return Ok(());
            }
            if field.as_str().ends_with("id") || field.as_str().ends_with("_value") {
                return Ok(());
            }
        }
        self.value(value, object.clone(), field, number);
        Ok(())
    }

    pub(super) fn value(
        &mut self,
        node: Node<'_>,
        object: ObjectName,
        field: FieldName,
        record: u32,
    ) {
        if node.kind() == Kind::Null {
            return;
        }
        let role = role_of(&object, &field);
        let occurrence = Occurrence { object, field, record, role, value: node.value() };
        self.slots.push(Slot::value(node.span(), Codec::Json, occurrence));
    }

    /// What a column looks like to readers; of a lookup, the name of another record.
    fn formatted(
        &mut self,
        record: Node<'_>,
        (name, value): (&str, Node<'_>),
        object: &ObjectName,
        number: u32,
    ) {
        if value.kind() == Kind::Null {
            return;
        }
        let lookup = name.strip_prefix('_').and_then(|name| name.strip_suffix("_value"));
        let (object, field, number, role) = match lookup {
            None => {
                let role = Role::Composed { from: &[] };
                (object.clone(), schema::field_name(name), number, role)
            }
            Some(lookup) => {
                let target = target_of(record, name, object, lookup);
                let number = self.next_record();
                if let Some(id) = record.get(name) {
                    self.named(number, &target, &id.value());
                }
                let (object, field) = schema::name_of(&target);
                let role = role_of(&object, &field);
                (object, field, number, role)
            }
        };
        let occurrence = Occurrence { object, field, record: number, role, value: value.value() };
        self.slots.push(Slot::value(value.span(), Codec::Json, occurrence));
    }

    /// Links, and what is no value of a column.
    fn annotation_of_record(&mut self, annotation: &str, value: Node<'_>) {
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
                Some((_, annotation)) => self.annotation_of_record(annotation, member.value),
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
fn target_of(record: Node<'_>, name: &str, object: &ObjectName, lookup: &str) -> ObjectName {
    let stated = record.get(&format!("{name}@{LOGICAL_NAME}")).and_then(|node| node.text());
    let stated = stated.filter(|name| schema::is_name(name)).map(|name| schema::object_name(&name));
    stated
        .or_else(|| schema::navigation(object, lookup).map(|led| led.object))
        .unwrap_or_else(|| ObjectName::from_static(schema::CONTACT))
}
