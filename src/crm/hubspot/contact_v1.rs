// SPDX-License-Identifier: Apache-2.0
//! Contacts in the form of the API v1: `{"property":…,"value":…}` in requests; in
//! answers each property with its versions, and who the contact is known as.
//!
//! Source: HubSpot, legacy Contacts API, and what the examples of integrations hold.

use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{Kind, Node};
use crate::carrier::{Codec, Occurrence, Role, Slot};
use crate::crm::message::unparseable;
use crate::crm::{LocateError, Origins, RecordName};

use super::answer::{echoes, links};
use super::association;
use super::property;
use super::request::{Body, Found, list, member, members, scalar};
use super::schema::{ADDITIONAL_EMAILS, canonical_id, is_record_id};

const CONTACT: &str = "contact";

/// The ids that a contact is known by: its addresses, and others of HubSpot's own.
const IDENTITIES: &[&str] = &["email", ADDITIONAL_EMAILS, "phone", "mobilephone"];

/// Finds everything in a body: one contact, or a list of several.
///
/// # Errors
/// [`LocateError`] for a member that is not known.
pub(super) fn locate(root: Node<'_>, found: &mut Found) -> Result<(), LocateError> {
    if root.kind() != Kind::Array {
        return contact(root, 0, found);
    }
    (0..).zip(root.elements()).try_for_each(|(record, node)| contact(node, record, found))
}

fn contact(node: Node<'_>, record: u32, found: &mut Found) -> Result<(), LocateError> {
    let object = ObjectName::from_static(CONTACT);
    let mut body = Body { object: &object, found };
    for (name, value) in
        members(node, &["vid", "email", "properties", "associations", "vidToMerge"])?
    {
        match name.as_ref() {
            "vid" => body.key(&name, value, None, record)?,
            // A merge is about two records.
            "vidToMerge" => body.key(&name, value, None, record + 1)?,
            "email" => body.key(&name, value, Some(FieldName::from_static("email")), record)?,
            "associations" => association::check(value)?,
            _ => {
                for pair in list(Some(value), &name)? {
                    property_of(pair, record, &mut body)?;
                }
            }
        }
    }
    Ok(())
}

fn property_of(pair: Node<'_>, record: u32, body: &mut Body<'_>) -> Result<(), LocateError> {
    members(pair, &["property", "value"])?;
    let property = pair.get("property").map(scalar).unwrap_or_default();
    match pair.get("value") {
        Some(value) => body.property(&property, value, pair.removal(), record),
        None => Err(unparseable(member("properties"), "a property has no value")),
    }
}

/// Reads an answer, and returns the number of the contact that it is, if it is one.
///
/// # Errors
/// [`LocateError`] for properties without names.
pub(super) fn answered(
    root: Node<'_>,
    origins: &Origins,
    found: &mut Found,
) -> Result<Option<u32>, LocateError> {
    let mut answer = Answer { origins, found, records: 0 };
    if root.get("vid").is_some() {
        return answer.contact(root).map(Some);
    }
    for element in root.elements() {
        answer.contact(element)?;
    }
    for member in root.members() {
        match member.key.as_ref() {
            "contacts" => {
                for contact in member.value.elements() {
                    answer.contact(contact)?;
                }
            }
            // Contacts that were asked for by id or address go by their ids.
            id if is_record_id(id) && member.value.kind() == Kind::Object => {
                answer.contact(member.value)?;
            }
            // What was searched for.
            "query" => {
                let object = ObjectName::from_static(CONTACT);
                let record = answer.record(&object, None);
                echoes(member.value, &object, record, origins, &mut answer.found.slots);
            }
            _ => links(member.value, origins, &mut answer.found.slots),
        }
    }
    Ok(None)
}

struct Answer<'a> {
    origins: &'a Origins,
    found: &'a mut Found,
    records: u32,
}

impl Answer<'_> {
    fn contact(&mut self, node: Node<'_>) -> Result<u32, LocateError> {
        if !matches!(node.kind(), Kind::Object | Kind::Null) {
            return Err(unparseable("the answer", "it has contacts without properties"));
        }
        let object = ObjectName::from_static(CONTACT);
        let record = self.record(&object, node.get("vid"));
        for member in node.members() {
            let value = member.value;
            match member.key.as_ref() {
                "properties" => self.properties(value, &object, record)?,
                "identity-profiles" => self.identities(value, record),
                "secondaryEmails" | "secondary-emails" => {
                    each(value).for_each(|address| self.identity(address, record));
                }
                "merge-audits" => {
                    each(value).for_each(|audit| self.audit(audit, record));
                }
                "associated-company" => {
                    let company = ObjectName::from_static("company");
                    let record = self.record(&company, value.get("company-id"));
                    for part in value.members() {
                        match part.key.as_ref() {
                            "properties" => self.properties(part.value, &company, record)?,
                            _ => self.links(part.value),
                        }
                    }
                }
                "associated-owner" => self.owner(value),
                _ => self.links(value),
            }
        }
        Ok(record)
    }

    fn record(&mut self, object: &ObjectName, id: Option<Node<'_>>) -> u32 {
        let record = self.records;
        self.records += 1;
        let id = id.map(scalar).filter(|id| is_record_id(id));
        let name =
            id.map(|id| RecordName { record, object: object.clone(), id: canonical_id(&id) });
        self.found.names.extend(name);
        record
    }

    /// `{"email":{"value":…,"versions":[{"value":…}]}}`
    fn properties(
        &mut self,
        node: Node<'_>,
        object: &ObjectName,
        record: u32,
    ) -> Result<(), LocateError> {
        if !matches!(node.kind(), Kind::Object | Kind::Null) {
            return Err(unparseable("the answer", "it has properties without names"));
        }
        for found in node.members() {
            self.valued(object, &found.key, found.value, record, &Role::Stored);
        }
        Ok(())
    }

    /// `{"value":…,"source-type":…,"versions":[…]}`
    fn valued(
        &mut self,
        object: &ObjectName,
        name: &str,
        node: Node<'_>,
        record: u32,
        role: &Role,
    ) {
        if node.kind() != Kind::Object {
            return self.value(object, name, node, record, role.clone());
        }
        for part in node.members() {
            match part.key.as_ref() {
                "value" => self.value(object, name, part.value, record, role.clone()),
                "versions" => each(part.value).for_each(|version| {
                    self.valued(object, name, version, record, &Role::Former);
                }),
                other => match property::source(other, part.value, record) {
                    Some(source) => self.found.slots.push(source),
                    None => self.links(part.value),
                },
            }
        }
    }

    /// `[{"identities":[{"type":"EMAIL","value":…}]}]`
    fn identities(&mut self, profiles: Node<'_>, record: u32) {
        for part in each(profiles).flat_map(|profile| profile.members()) {
            if part.key != "identities" {
                self.links(part.value);
                continue;
            }
            for identity in each(part.value) {
                let kind = identity.get("type").map(scalar).unwrap_or_default();
                match identity.get("value") {
                    Some(value) if kind != "LEAD_GUID" => self.identity(value, record),
                    _ => self.links(identity),
                }
            }
        }
    }

    fn identity(&mut self, node: Node<'_>, record: u32) {
        let role = Role::Composed { from: IDENTITIES };
        let occurrence = Occurrence {
            object: ObjectName::from_static(CONTACT),
            field: FieldName::from_static(ADDITIONAL_EMAILS),
            record,
            role,
            value: node.value(),
        };
        self.found.slots.push(Slot::value(node.span(), Codec::Json, occurrence));
    }

    /// What two contacts were called before they were merged.
    fn audit(&mut self, audit: Node<'_>, record: u32) {
        let object = ObjectName::from_static(CONTACT);
        for part in audit.members() {
            let name = match part.key.as_ref() {
                "merged_from_email" | "merged_to_email" => "email",
                "first-name" => "firstname",
                "last-name" => "lastname",
                _ => {
                    self.links(part.value);
                    continue;
                }
            };
            self.valued(&object, name, part.value, record, &Role::Former);
        }
    }

    fn owner(&mut self, node: Node<'_>) {
        let object = ObjectName::from_static("owner");
        let record = self.record(&object, node.get("owner-id"));
        for part in node.members() {
            let name = part.key.replace('-', "");
            match name.as_str() {
                "email" | "firstname" | "lastname" => {
                    self.value(&object, &name, part.value, record, Role::Stored);
                }
                _ => self.links(part.value),
            }
        }
    }

    fn value(&mut self, object: &ObjectName, name: &str, node: Node<'_>, record: u32, role: Role) {
        self.found.slots.push(property::answered(object, name, node, record, role));
    }

    fn links(&mut self, node: Node<'_>) {
        links(node, self.origins, &mut self.found.slots);
    }
}

/// The elements of a list, or what stands there alone.
fn each(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let alone = (node.kind() != Kind::Array).then_some(node);
    node.elements().chain(alone)
}
