// SPDX-License-Identifier: Apache-2.0
//! `hs_email_headers`: who wrote an e-mail to whom, as JSON inside of a string.
//!
//! HubSpot copies each part into a property of its own, such as `hs_email_from_email`,
//! with semicolons where there are several people. So each part is a value of that
//! property, and `hs_email_headers` is composed of them.
//!
//! Source: HubSpot, "Engagements | Email", setting email headers; the properties of
//! objects of the type `0-49`.

use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{DEFAULT_MAX_DEPTH, Json, Kind, Member, Node};
use crate::carrier::{Codec, Occurrence, Role, Slot, Value};
use crate::crm::LocateError;
use crate::crm::message::unparseable;

/// The properties that hold the parts of headers.
pub(super) const PARTS: [&str; 20] = [
    "hs_email_from_email",
    "hs_email_from_firstname",
    "hs_email_from_lastname",
    "hs_email_from_raw",
    "hs_email_sender_email",
    "hs_email_sender_firstname",
    "hs_email_sender_lastname",
    "hs_email_sender_raw",
    "hs_email_to_email",
    "hs_email_to_firstname",
    "hs_email_to_lastname",
    "hs_email_to_raw",
    "hs_email_cc_email",
    "hs_email_cc_firstname",
    "hs_email_cc_lastname",
    "hs_email_cc_raw",
    "hs_email_bcc_email",
    "hs_email_bcc_firstname",
    "hs_email_bcc_lastname",
    "hs_email_bcc_raw",
];

/// Who they tell of.
const PEOPLE: [&str; 5] = ["from", "sender", "to", "cc", "bcc"];

pub(super) fn is_headers(object: &ObjectName, field: &FieldName) -> bool {
    (object.as_str(), field.as_str()) == ("email", "hs_email_headers")
}

/// The headers in a request; `None` when there is no value.
///
/// # Errors
/// [`LocateError`] for headers that are not of the form that HubSpot documents.
pub(super) fn sent(
    object: &ObjectName,
    node: Node<'_>,
    record: u32,
) -> Result<Option<Slot>, LocateError> {
    if matches!(node.value(), Value::Empty) {
        return Ok(None);
    }
    let found = Headers { object, record, role: &Role::Stored }.slot(node);
    let found = found.filter(|headers| headers.is_complete);
    let slot = found.map(|headers| headers.slot).ok_or_else(|| {
        unparseable(
            "property `hs_email_headers`",
            "it is not JSON with `email`, `firstName` and `lastName` of `from`, `to`, `cc` and `bcc`",
        )
    })?;
    Ok(Some(slot))
}

/// The headers in an answer; `None` when they are not JSON.
pub(super) fn answered(
    object: &ObjectName,
    node: Node<'_>,
    record: u32,
    role: &Role,
) -> Option<Slot> {
    Headers { object, record, role }.slot(node).map(|headers| headers.slot)
}

struct Headers<'a> {
    object: &'a ObjectName,
    record: u32,
    role: &'a Role,
}

struct Found {
    slot: Slot,
    /// Whether each part is known.
    is_complete: bool,
}

impl Headers<'_> {
    fn slot(&self, node: Node<'_>) -> Option<Found> {
        let decoded = node.decoded()?;
        let json = Json::parse(decoded.as_str().as_bytes(), DEFAULT_MAX_DEPTH).ok()?;
        if json.root().kind() != Kind::Object {
            return None;
        }
        let mut slots = Vec::new();
        let mut is_complete = true;
        for member in json.root().members() {
            is_complete &= self.people(&member.key, member.value, &mut slots);
        }
        drop(json);
        let slot = Slot::nested(node.inner_span(), Codec::Json, decoded, slots);
        Some(Found { slot, is_complete })
    }

    /// One person, or a list of several; whether each part is known.
    fn people(&self, who: &str, node: Node<'_>, slots: &mut Vec<Slot>) -> bool {
        let mut is_complete = PEOPLE.contains(&who);
        match node.kind() {
            Kind::Null => {}
            Kind::Array => {
                for person in node.elements() {
                    is_complete &= self.people(who, person, slots);
                }
            }
            Kind::Object => {
                for part in node.members() {
                    is_complete &= self.part(who, &part, slots);
                }
            }
            _ => is_complete = self.other(node, slots),
        }
        is_complete
    }

    fn part(&self, who: &str, part: &Member<'_>, slots: &mut Vec<Slot>) -> bool {
        let name = format!("hs_email_{who}_{}", part.key.to_ascii_lowercase());
        let known = PARTS.iter().find(|known| **known == name);
        let is_one = !matches!(part.value.kind(), Kind::Object | Kind::Array);
        match known.filter(|_| is_one) {
            Some(field) => {
                self.push(field, part.value, self.role.clone(), slots);
                true
            }
            None => self.other(part.value, slots),
        }
    }

    /// What is of no known part may repeat any of them.
    fn other(&self, node: Node<'_>, slots: &mut Vec<Slot>) -> bool {
        if node.kind() == Kind::String {
            self.push("hs_email_headers", node, Role::Composed { from: &PARTS }, slots);
        }
        node.children().for_each(|child| _ = self.other(child, slots));
        false
    }

    fn push(&self, field: &'static str, node: Node<'_>, role: Role, slots: &mut Vec<Slot>) {
        let occurrence = Occurrence {
            object: self.object.clone(),
            field: FieldName::from_static(field),
            record: self.record,
            role,
            value: node.value(),
        };
        let slot = Slot::value(node.span(), Codec::Json, occurrence);
        slots.push(slot.removable(node.removal()));
    }
}
