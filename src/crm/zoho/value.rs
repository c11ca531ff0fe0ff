// SPDX-License-Identifier: Apache-2.0
//! Values of records, and structures of values that are not records.

use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{Kind, Node};
use crate::carrier::{Codec, Occurrence, Role, Slot, Value};
use crate::crm::message::unparseable;
use crate::crm::{FieldUse, LocateError};

use super::operation::refers;
use super::record::{Records, Side, scalar};
use super::schema::{USERS, composed_from, is_id, is_name};

/// The operator of a value that only Zoho knows.
pub(super) const REFERENCE: &str = "a reference to another part of the request";

/// The field that a value belongs to, and the record that this is a field of.
#[derive(Clone)]
pub(super) struct Place {
    pub object: ObjectName,
    pub field: FieldName,
    pub record: u32,
}

impl Place {
    pub fn occurrence(&self, role: Role, value: Value) -> Occurrence {
        let Self { object, field, record } = self.clone();
        Occurrence { object, field, record, role, value }
    }
}

impl Records {
    /// Somebody who is invited: `{"type":"contact","participant":"55…","name":…,"Email":…}`.
    pub fn participant(&mut self, node: Node<'_>, event: u32) -> Result<(), LocateError> {
        let kind = node.get("type").map(scalar).unwrap_or_default();
        let object = ObjectName::from_static(match kind.as_ref() {
            "user" => USERS,
            "lead" => "leads",
            _ => "contacts",
        });
        let number = self.next_record();
        match node.kind() {
            Kind::Object => {}
            _ if self.side == Side::Answer => {
                return self.member("email", node, &object, number, None);
            }
            _ => return Err(unparseable("a participant", "it is not an object")),
        }
        let id = node.get("participant").map(scalar).unwrap_or_default();
        self.refer(event, &object, &id);
        self.name_other(number, &object, &id);
        for member in node.members() {
            match member.key.to_ascii_lowercase().as_str() {
                "participant" if is_id(&id) => {}
                // Whom only an address stands for.
                "participant" => self.member("email", member.value, &object, number, None)?,
                "name" => self.title(member.value, &object, number, false),
                "type" | "status" if is_name(&scalar(member.value)) => {}
                _ => self.member(&member.key, member.value, &object, number, None)?,
            }
        }
        Ok(())
    }

    /// Nothing is located in a name.
    ///
    /// # Errors
    /// [`LocateError`] for one of a request that could be a value.
    pub fn check_name(&self, name: &str) -> Result<(), LocateError> {
        if self.side == Side::Answer || is_name(name) {
            return Ok(());
        }
        Err(unparseable("a name in the body", "it has a form that Zoho does not use"))
    }

    /// A tag is a value of the record that has it.
    pub fn tag(&mut self, node: Node<'_>, place: &Place) -> Result<(), LocateError> {
        if node.kind() != Kind::Object {
            return self.leaf(node, place);
        }
        for member in node.members() {
            self.check_name(&member.key)?;
            let is_mark = matches!(member.key.as_ref(), "id" | "color_code");
            if !is_mark || !is_name(scalar(member.value).trim_start_matches('#')) {
                self.leaf(member.value, place)?;
            }
        }
        Ok(())
    }

    pub fn names_only(&mut self, node: Node<'_>, place: &Place) -> Result<(), LocateError> {
        let is_fine = |node: Node<'_>| is_name(&scalar(node)) || node.kind() == Kind::Null;
        let are_fine = || node.members().all(|it| is_name(&it.key) && is_fine(it.value));
        if is_fine(node) || (node.kind() == Kind::Object && are_fine()) {
            return Ok(());
        }
        self.leaf(node, place)
    }

    /// All that stands in a structure that is not known: values of the field.
    pub fn leaves(&mut self, node: Node<'_>, place: &Place) -> Result<(), LocateError> {
        for member in node.members() {
            self.check_name(&member.key)?;
            self.leaf(member.value, place)?;
        }
        Ok(())
    }

    pub fn leaf(&mut self, node: Node<'_>, place: &Place) -> Result<(), LocateError> {
        match node.kind() {
            Kind::Object => self.leaves(node, place),
            Kind::Array => node.elements().try_for_each(|one| self.leaf(one, place)),
            _ => {
                self.value(node, place);
                Ok(())
            }
        }
    }

    /// One value of a field.
    pub fn value(&mut self, node: Node<'_>, place: &Place) {
        let from = composed_from(&place.object, &place.field);
        match self.side {
            Side::Answer if node.kind() == Kind::Null => {}
            Side::Answer if from.is_empty() => self.slot(node, place, Role::Stored),
            Side::Answer => self.slot(node, place, Role::Composed { from }),
            // Clients send back what they read; Zoho composes it anew.
            Side::Request | Side::Part if !from.is_empty() => {
                if node.value() != Value::Empty {
                    self.slots.push(emptied(node));
                }
            }
            Side::Request | Side::Part => {
                let is_key = self.keys.contains(&place.field);
                self.slot(node, place, if is_key { Role::Key } else { Role::Stored });
            }
        }
    }

    pub fn slot(&mut self, node: Node<'_>, place: &Place, role: Role) {
        if self.side == Side::Part && refers(&scalar(node)) {
            self.uses.push(use_of(place, REFERENCE));
        }
        let occurrence = place.occurrence(role, node.value());
        let slot = Slot::value(node.span(), Codec::Json, occurrence);
        self.slots.push(slot.removable(node.removal()));
    }
}

pub(super) fn use_of(place: &Place, operator: &'static str) -> FieldUse {
    FieldUse { object: place.object.clone(), field: place.field.clone(), operator }
}

/// What is asked of a composed field is asked of each field that it shows.
pub(super) fn uses_of_parts(
    place: &Place,
    operator: &'static str,
) -> impl Iterator<Item = FieldUse> {
    FieldUse::of_parts(&place.object, composed_from(&place.object, &place.field), operator)
}

pub(super) fn emptied(node: Node<'_>) -> Slot {
    Slot::rewritten(node.span(), Codec::Json, String::new())
}
