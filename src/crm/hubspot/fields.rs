// SPDX-License-Identifier: Apache-2.0
//! Messages whose members are fields: owners, definitions, communication preferences.

use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{Kind, Node};
use crate::carrier::{Codec, Occurrence, Role, Slot};
use crate::crm::message::{link, unparseable};
use crate::crm::{FieldUse, LocateError, Origins, RecordName};

use super::answer::{echoes, links};
use super::request::{Found, NO_FORM, member, members, scalar};
use super::schema::{PREFERENCE, canonical_field, canonical_id, facts, is_name, is_record_id};

/// The lists that hold a record in each element.
const LISTS: [&str; 3] = ["inputs", "results", "lists"];

/// Members that say something of the message, or when something was done.
const ENVELOPE: [&str; 9] = [
    "status",
    "createdat",
    "updatedat",
    "archivedat",
    "startedat",
    "completedat",
    "requestedat",
    "timestamp",
    "archived",
];

pub(super) struct Fields<'a> {
    object: ObjectName,
    found: &'a mut Found,
    /// Whose links are rewritten; `None` in a request.
    origins: Option<&'a Origins>,
}

impl<'a> Fields<'a> {
    pub fn of_request(object: &'static str, found: &'a mut Found) -> Self {
        Self { object: ObjectName::from_static(object), found, origins: None }
    }

    pub fn of_answer(object: &'static str, found: &'a mut Found, origins: &'a Origins) -> Self {
        Self { object: ObjectName::from_static(object), found, origins: Some(origins) }
    }

    /// # Errors
    /// [`LocateError`] for anything but an object, for a name that could be a value, and
    /// for one that a message about people does not have.
    pub fn request(&mut self, root: Node<'_>) -> Result<(), LocateError> {
        if root.kind() != Kind::Object {
            return Err(unparseable("the body", "it is not an object"));
        }
        check_names(root)?;
        if self.object.as_str() == PREFERENCE {
            check_preference(root)?;
        }
        if self.object.as_str() == "list" && root.get("query").is_some() {
            let (object, field) = (self.object.clone(), FieldName::from_static("name"));
            self.found.uses.push(FieldUse { object, field, operator: "query" });
        }
        self.records(root);
        Ok(())
    }

    pub fn answer(&mut self, root: Node<'_>) {
        self.records(root);
    }

    /// One record, or several in a list.
    fn records(&mut self, root: Node<'_>) {
        let list = root.members().find(|member| {
            LISTS.contains(&member.key.as_ref()) && member.value.kind() == Kind::Array
        });
        if root.kind() == Kind::Array {
            return self.list("results", root);
        }
        let Some(list) = list else { return self.record(root, 0) };
        for member in root.members() {
            match (member.key.as_ref(), self.origins) {
                (name, _) if *name == *list.key => self.list(name, member.value),
                ("errors", Some(origins)) => {
                    echoes(member.value, &self.object, 0, origins, &mut self.found.slots);
                }
                (_, Some(origins)) => links(member.value, origins, &mut self.found.slots),
                (name, None) => self.member(name, member.value, 0),
            }
        }
    }

    fn list(&mut self, name: &str, list: Node<'_>) {
        for (record, element) in (0..).zip(list.elements()) {
            match element.kind() {
                Kind::Object => self.record(element, record),
                _ => self.member(name, element, record),
            }
        }
    }

    fn record(&mut self, node: Node<'_>, record: u32) {
        let id = node.get("id").map(scalar).filter(|id| is_record_id(id));
        if let (Some(id), Some(_)) = (id, self.origins) {
            let object = self.object.clone();
            self.found.names.push(RecordName { record, object, id: canonical_id(&id) });
        }
        node.members().for_each(|member| self.member(&member.key, member.value, record));
    }

    fn member(&mut self, name: &str, node: Node<'_>, record: u32) {
        match node.kind() {
            Kind::Object => {
                for member in node.members() {
                    self.member(&member.key, member.value, record);
                }
            }
            Kind::Array => node.elements().for_each(|it| self.member(name, it, record)),
            _ => self.value(name, node, record),
        }
    }

    fn value(&mut self, name: &str, node: Node<'_>, record: u32) {
        let name = name.to_ascii_lowercase();
        let (object, field) = self.place(&name);
        let is_link = facts(&object, &field).is_none();
        let link = self.origins.filter(|_| is_link).and_then(|origins| link(&node, origins));
        if link.is_some() {
            self.found.slots.extend(link);
            return;
        }
        let is_reference = (name.ends_with("id") || name.ends_with("ids"))
            && !is_subscriber(&name)
            && is_record_id(&scalar(node));
        let is_envelope = ENVELOPE.contains(&name.as_str()) && self.origins.is_some();
        if is_reference || is_envelope || node.kind() == Kind::Null {
            return;
        }
        let is_key = object != self.object && self.origins.is_none();
        let role = if is_key { Role::Key } else { Role::Stored };
        let occurrence = Occurrence { object, field, record, role, value: node.value() };
        let slot = Slot::value(node.span(), Codec::Json, occurrence);
        self.found.slots.push(slot.removable(node.removal()));
    }

    /// Whose field a member is: preferences are those of a contact, who goes by the
    /// address.
    fn place(&self, name: &str) -> (ObjectName, FieldName) {
        match (self.object.as_str(), name) {
            (PREFERENCE, name) if is_subscriber(name) => {
                (ObjectName::from_static("contact"), FieldName::from_static("email"))
            }
            ("import", "importname") => (self.object.clone(), FieldName::from_static("name")),
            _ => (self.object.clone(), canonical_field(name)),
        }
    }
}

fn is_subscriber(name: &str) -> bool {
    ["emailaddress", "recipient", "subscriberidstring", "inputs"].contains(&name)
}

/// An address in a member that is not known, or that holds a choice, would leave as it is.
fn check_preference(node: Node<'_>) -> Result<(), LocateError> {
    const TEXTS: [&str; 4] =
        ["inputs", "emailAddress", "subscriberIdString", "legalBasisExplanation"];
    const CHOICES: [&str; 6] =
        ["subscriptionId", "statusState", "channel", "legalBasis", "businessUnitId", "brandId"];
    if node.kind() == Kind::Object {
        for (name, value) in members(node, &[TEXTS.as_slice(), &CHOICES].concat())? {
            if CHOICES.contains(&name.as_ref()) && !is_name(&scalar(value)) {
                return Err(unparseable(member(&name), NO_FORM));
            }
        }
    }
    node.children().try_for_each(check_preference)
}

fn check_names(node: Node<'_>) -> Result<(), LocateError> {
    if node.members().any(|member| !is_name(&member.key)) {
        return Err(unparseable("a name in the body", NO_FORM));
    }
    node.children().try_for_each(check_names)
}
