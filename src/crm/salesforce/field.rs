// SPDX-License-Identifier: Apache-2.0
//! What the fields of records mean, whatever syntax they are written in.

use super::id::{self, is_id};
use super::record::Records;
use super::schema;
use crate::base::ObjectName;
use crate::carrier::{Occurrence, Role, Slot, Value};
use crate::crm::RecordName;

/// Whose field it is.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    pub object: &'a ObjectName,
    pub record: u32,
    pub role: &'a Role,
}

impl Records {
    /// A field of a record on its way to the CRM. `text` is its value where that is one;
    /// `slot` says how it is written.
    pub(super) fn field(
        &mut self,
        Owner { object, record, role }: Owner<'_>,
        name: &str,
        text: Option<&str>,
        value: Value,
        slot: impl FnOnce(Occurrence) -> Slot,
    ) {
        let own = object;
        let (object, field) = schema::original(own, name);
        if field.as_str() == "id"
            && let Some(id) = text.filter(|id| is_id(id))
        {
            let id = id::canonical(id);
            self.names.push(RecordName { record, object, id });
            return;
        }
        if object != *own {
            self.copies.push((own.clone(), schema::field_name(name)));
        }
        // An account's name is composed, and read-only, for persons only.
        if object.as_str() != "account" {
            let operator = "writing a composed field";
            self.uses.extend(schema::uses_of_parts(&object, &field, operator));
        }
        let names_record = self.key.as_ref() == Some(&field);
        let role = if names_record { Role::Key } else { role.clone() };
        self.slots.push(slot(Occurrence { object, field, record, role, value }));
    }
}

/// What a record is. `object` is what is known from elsewhere.
///
/// # Errors
/// What is wrong with what it states.
pub(super) fn object(
    stated: Option<ObjectName>,
    object: Option<&ObjectName>,
) -> Result<ObjectName, &'static str> {
    match (stated, object) {
        (Some(stated), _) if !schema::is_object(&stated) => Err(NO_OBJECT),
        (Some(stated), Some(object)) if stated != *object => {
            Err("states another object than the path")
        }
        (stated, object) => stated.or_else(|| object.cloned()).ok_or("does not state its object"),
    }
}

/// What a record is that another refers to by one of its fields.
///
/// # Errors
/// What is wrong with what it states.
pub(super) fn referred(
    stated: Option<ObjectName>,
    object: &ObjectName,
    relationship: &str,
) -> Result<ObjectName, &'static str> {
    match (stated, schema::parent(object, relationship)) {
        (Some(stated), _) if !schema::is_object(&stated) => Err(NO_OBJECT),
        (Some(stated), Some(known))
            if stated != known && !relationship.eq_ignore_ascii_case("owner") =>
        {
            Err("states another object than its relationship leads to")
        }
        (Some(stated), _) => Ok(stated),
        (None, known) => known
            .ok_or("refers to an object that is not known; state it (`attributes.type`, `type`)"),
    }
}

const NO_OBJECT: &str = "states what may be of several objects; name the one that it is";

/// Whether there are names twice. They are in lower case: what Salesforce does not tell
/// apart would let it read another value than we do.
pub(super) fn has_equals(mut names: Vec<String>) -> bool {
    names.sort_unstable();
    names.iter().zip(names.iter().skip(1)).any(|(a, b)| a == b)
}

pub(super) const EQUAL_NAMES: &str = "has two names that differ in case only";
