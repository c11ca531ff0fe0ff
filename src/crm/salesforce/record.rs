// SPDX-License-Identifier: Apache-2.0
//! Records in requests.

use std::collections::HashMap;
use std::ops::Range;

use super::answer::Asked;
use super::field::{self, Owner};
use super::id::{self, is_id};
use super::operation::is_path;
use super::schema::{self, is_name};
use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{Kind, Node};
use crate::carrier::url::Piece;
use crate::carrier::{Codec, Element, Removal, Role, Slot};
use crate::crm::message::unparseable;
use crate::crm::{FieldUse, LocateError, RecordName};

/// The records of a tree with their objects, by the names that its answer has for them.
pub(super) type References = HashMap<String, (u32, ObjectName)>;

/// Collects the values of the records of one request.
#[derive(Default)]
pub(super) struct Records {
    /// The field that names each record, where one does.
    pub key: Option<FieldName>,
    pub next_record: u32,
    is_tree: bool,
    pub slots: Vec<Slot>,
    pub uses: Vec<FieldUse>,
    /// The fields that show copies of others, as they name themselves.
    pub copies: Vec<(ObjectName, FieldName)>,
    pub names: Vec<RecordName>,
    /// What the answer tells about, in order.
    pub asked: Vec<Asked>,
    /// The elements of a collection in the body.
    pub elements: Vec<Element>,
    pub references: References,
    /// Whether the caller wants all records of a collection to be written, or none.
    pub all_or_none: bool,
}

impl Records {
    pub(super) fn new(key: Option<FieldName>) -> Self {
        Self { key, ..Self::default() }
    }

    /// A record that the path names.
    pub(super) fn named(&mut self, id: &str, object: &ObjectName) {
        if !is_id(id) {
            return;
        }
        let id = id::canonical(id);
        self.names.push(RecordName { record: 0, object: object.clone(), id });
    }

    /// Takes note that all records from `first` on are one that the answer tells
    /// about, and those nested in it.
    pub(super) fn asks_for(&mut self, first: u32, object: Option<ObjectName>) {
        self.asked.push(Asked { records: first..self.next_record.max(first + 1), object });
    }

    /// `ids=003…,003…`. A record without an `object` is of the one that its id tells.
    pub(super) fn ids(
        &mut self,
        Piece { span, decoded }: &Piece,
        object: Option<&ObjectName>,
    ) -> Slot {
        let text = decoded.as_str();
        let mut elements = Vec::new();
        let mut start = 0;
        for item in text.split(',') {
            let end = start + item.len();
            let removal = Removal {
                member: start..end,
                before: start.checked_sub(1),
                after: (end < text.len()).then_some(end),
            };
            elements.push(Element { records: self.id(item.trim(), object), removal });
            start = end + 1;
        }
        Slot::nested_list(span.clone(), Codec::Percent, decoded.clone(), elements)
    }

    /// One record that is named by its id only.
    pub(super) fn id(&mut self, id: &str, object: Option<&ObjectName>) -> Range<u32> {
        let record = self.next_record;
        self.next_record += 1;
        let id = id::canonical(id);
        let object = object.cloned().or_else(|| id::object_of(&id));
        if let Some(object) = object.clone() {
            self.names.push(RecordName { record, object, id });
        }
        self.asks_for(record, object);
        record..self.next_record
    }

    /// `{"allOrNone":false,"records":[…]}`
    pub(super) fn collection(
        &mut self,
        body: Node<'_>,
        object: Option<&ObjectName>,
    ) -> Result<(), LocateError> {
        require(body, body.kind() == Kind::Object, "is no object")?;
        for member in body.members() {
            let value = member.value;
            match member.key.as_ref() {
                "allOrNone" => {
                    require(value, matches!(value.kind(), Kind::True | Kind::False), "is no flag")?;
                    self.all_or_none = value.kind() == Kind::True;
                }
                "records" => self.list(value, object)?,
                _ => return Err(refuse(value, "is not a member of a collection")),
            }
        }
        Ok(())
    }

    /// `[…]`
    pub(super) fn list(
        &mut self,
        list: Node<'_>,
        object: Option<&ObjectName>,
    ) -> Result<(), LocateError> {
        require(list, list.kind() == Kind::Array, "is no list")?;
        for record in list.elements() {
            let first = self.next_record;
            let object = self.record(record, object)?;
            self.asks_for(first, Some(object));
            let records = first..self.next_record;
            let removal = record.removal();
            self.elements.extend(removal.map(|removal| Element { records, removal }));
        }
        Ok(())
    }

    /// `{"records":[{"attributes":{"type":…,"referenceId":…},…,"Contacts":{"records":[…]}}]}`
    pub(super) fn tree(
        &mut self,
        list: Node<'_>,
        object: Option<&ObjectName>,
    ) -> Result<(), LocateError> {
        self.is_tree = true;
        require(list, list.members().count() == 1, "has more than `records`")?;
        let records = list.get("records").filter(|records| records.kind() == Kind::Array);
        let records = records.ok_or_else(|| refuse(list, "is no list of records"))?;
        for record in records.elements() {
            let number = self.next_record;
            let object = self.record(record, object)?;
            let name = record.get(ATTRIBUTES).and_then(|it| it.get(REFERENCE)?.text());
            let name = name.ok_or_else(|| refuse(record, "has no `referenceId`"))?.into_owned();
            let other = self.references.insert(name, (number, object));
            require(record, other.is_none(), "has the `referenceId` of another")?;
            let children = record.members().map(|member| member.value);
            children.filter(is_list_of_children).try_for_each(|list| self.tree(list, None))?;
        }
        Ok(())
    }

    /// `{"ids":[…],"fields":[…]}`: ids and names only.
    pub(super) fn selection(
        &mut self,
        body: Node<'_>,
        object: Option<&ObjectName>,
    ) -> Result<(), LocateError> {
        require(body, body.kind() == Kind::Object, "is no object")?;
        for member in body.members() {
            require(member.value, member.value.kind() == Kind::Array, "is no list")?;
            for element in member.value.elements() {
                let text = element.text().unwrap_or_default();
                let is_fine = match member.key.as_ref() {
                    "ids" => is_id(&text),
                    "fields" => is_path(&text),
                    _ => false,
                };
                require(element, is_fine, "is neither an id nor a name")?;
                if member.key == "ids" {
                    self.id(&text, object);
                }
            }
        }
        Ok(())
    }

    /// One record, and what it is. `object` is what the path says that it is; without
    /// that, the record has to say it.
    pub(super) fn record(
        &mut self,
        record: Node<'_>,
        object: Option<&ObjectName>,
    ) -> Result<ObjectName, LocateError> {
        let stated = stated_object(record)?;
        let object = field::object(stated, object).map_err(|problem| refuse(record, problem))?;
        self.members(record, &object, &Role::Stored)?;
        Ok(object)
    }

    fn members(
        &mut self,
        record: Node<'_>,
        object: &ObjectName,
        role: &Role,
    ) -> Result<(), LocateError> {
        refuse_equal_names(record)?;
        let number = self.next_record;
        self.next_record += 1;
        for member in record.members() {
            let (name, value) = (member.key.as_ref(), member.value);
            if name == ATTRIBUTES {
                continue;
            }
            // Where there is no tree, it is a reference that is refused below.
            if self.is_tree && is_list_of_children(&value) {
                continue;
            }
            if value.kind() == Kind::Object {
                self.reference(value, object, name)?;
                continue;
            }
            let is_nested =
                |element: Node<'_>| matches!(element.kind(), Kind::Object | Kind::Array);
            require(value, !value.elements().any(is_nested), "is a list of records")?;
            let owner = Owner { object, record: number, role };
            self.field(owner, name, value.text().as_deref(), value.value(), |occurrence| {
                Slot::value(value.span(), Codec::Json, occurrence).removable(value.removal())
            });
        }
        Ok(())
    }

    /// `"Account":{"Ext__c":"A-1"}`: names another record by an external id.
    fn reference(
        &mut self,
        reference: Node<'_>,
        object: &ObjectName,
        relationship: &str,
    ) -> Result<(), LocateError> {
        let target = field::referred(stated_object(reference)?, object, relationship);
        let target = target.map_err(|problem| refuse(reference, problem))?;
        self.members(reference, &target, &Role::Key)
    }
}

const ATTRIBUTES: &str = "attributes";
const REFERENCE: &str = "referenceId";

/// A name that the caller gives to a record.
fn is_reference_id(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=64).contains(&text.len()) && text.bytes().all(is_part)
}

/// `{"records":[…]}`
fn is_list_of_children(value: &Node<'_>) -> bool {
    value.get("records").is_some_and(|records| records.kind() == Kind::Array)
}

/// The object that a record states in its `attributes`, which hold no values.
fn stated_object(record: Node<'_>) -> Result<Option<ObjectName>, LocateError> {
    require(record, record.kind() == Kind::Object, "is no object")?;
    let Some(attributes) = record.get(ATTRIBUTES) else { return Ok(None) };
    require(attributes, attributes.kind() == Kind::Object, "is no object")?;
    let mut object = None;
    for member in attributes.members() {
        let text = member.value.text().unwrap_or_default();
        match member.key.as_ref() {
            "type" if is_name(&text) => object = Some(schema::object_name(&text)),
            REFERENCE if is_reference_id(&text) => {}
            // Clients send back what they read.
            "url" if is_record_url(&text) => {}
            _ => return Err(refuse(member.value, "is not an attribute of a record")),
        }
    }
    Ok(object)
}

/// `/services/data/v62.0/sobjects/Contact/003…`
fn is_record_url(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    let parts: Vec<&str> = text.split('/').collect();
    matches!(parts.as_slice(), ["", "services", "data", _, "sobjects", _, id] if is_id(id))
        && parts.iter().all(|part| part.bytes().all(is_part))
}

/// Names that Salesforce does not tell apart would let it read another value
/// than we do.
fn refuse_equal_names(record: Node<'_>) -> Result<(), LocateError> {
    let mut names = Vec::new();
    for member in record.members() {
        require(member.value, is_name(&member.key), "has a name that no field can have")?;
        names.push(member.key.to_ascii_lowercase());
    }
    require(record, !field::has_equals(names), field::EQUAL_NAMES)
}

fn require(node: Node<'_>, holds: bool, otherwise: &str) -> Result<(), LocateError> {
    if holds { Ok(()) } else { Err(refuse(node, otherwise)) }
}

fn refuse(node: Node<'_>, problem: &str) -> LocateError {
    unparseable("the body", format!("what stands at byte {} {problem}", node.span().start))
}
