// SPDX-License-Identifier: Apache-2.0
//! Records, read in the same way in requests and in answers.

use std::borrow::Cow;

use smol_str::SmolStr;

use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{Kind, Node};
use crate::carrier::{Element, Role, Slot, Value};
use crate::crm::message::unparseable;
use crate::crm::{FieldUse, LocateError, RecordName, Referred};

use super::operation::is_reference;
use super::schema::{
    self, USERS, composed_from, field_name, is_id, is_name, object_name, title_of,
};
use super::value::{Place, emptied, use_of, uses_of_parts};

/// Whether a message asks or tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Side {
    #[default]
    Request,
    /// A part of a composite request: texts may be places in other answers.
    Part,
    Answer,
}

/// What is found in records.
#[derive(Default)]
pub(super) struct Records {
    pub slots: Vec<Slot>,
    pub uses: Vec<FieldUse>,
    pub names: Vec<RecordName>,
    pub referred: Vec<Referred>,
    pub side: Side,
    /// The fields that an upsert compares.
    pub keys: Vec<FieldName>,
    /// Whether the records of a body are named there, and not in the path.
    pub are_named: bool,
    /// The records of a batch, and where they stand.
    pub elements: Vec<Element>,
    /// Whether a query finds others than those that it compares with.
    pub finds_others: bool,
    pub count: u32,
}

impl Records {
    pub fn on(side: Side) -> Self {
        Self { side, ..Self::default() }
    }

    pub fn next_record(&mut self) -> u32 {
        let record = self.count;
        self.count += 1;
        record
    }

    pub fn name_record(&mut self, record: u32, object: &ObjectName, id: &str) {
        let id = canonical_id(id);
        self.names.extend(id.map(|id| RecordName { record, object: object.clone(), id }));
    }

    /// Takes note of whom a record of a request is about.
    pub fn refer(&mut self, by: u32, object: &ObjectName, id: &str) {
        if self.side != Side::Answer && object.as_str() != USERS {
            let id = canonical_id(id);
            self.referred.extend(id.map(|id| Referred { by, object: object.clone(), id }));
        }
    }

    /// What a request says of other records names none: whose values they are decides
    /// what may become of them.
    pub fn name_other(&mut self, record: u32, object: &ObjectName, id: &str) {
        if self.side == Side::Answer {
            self.name_record(record, object, id);
        }
    }

    /// # Errors
    /// [`LocateError`] for a member whose name could be a value.
    pub fn record(&mut self, record: Node<'_>, object: &ObjectName) -> Result<u32, LocateError> {
        self.record_within(record, object, None)
    }

    fn record_within(
        &mut self,
        node: Node<'_>,
        object: &ObjectName,
        parent: Option<&ObjectName>,
    ) -> Result<u32, LocateError> {
        let number = self.next_record();
        if self.side == Side::Answer || (self.are_named && parent.is_none()) {
            self.name_record(number, object, &id_of(node));
        }
        if node.kind() != Kind::Object {
            return Err(unparseable("a record", "it is not an object"));
        }
        let stated = stated_module(node);
        for member in node.members() {
            let stated = match member.key.to_ascii_lowercase().as_str() {
                "what_id" => stated.as_ref(),
                "parent_id" => stated.as_ref().or(parent),
                // Of what was deleted, little more is told.
                "display_name" if node.get("deleted_time").is_some() => {
                    self.title(member.value, object, number, false);
                    continue;
                }
                _ => None,
            };
            self.member(&member.key, member.value, object, number, stated)?;
        }
        Ok(number)
    }

    /// One member of a record; `stated` is the module that the record says a lookup
    /// leads to.
    pub fn member(
        &mut self,
        name: &str,
        node: Node<'_>,
        object: &ObjectName,
        record: u32,
        stated: Option<&ObjectName>,
    ) -> Result<(), LocateError> {
        self.check_name(name)?;
        let lower = name.to_ascii_lowercase();
        if lower == "id" {
            let is_id = self.side == Side::Answer
                || node.kind() == Kind::Null
                || self.names_record(&scalar(node));
            return if is_id { Ok(()) } else { Err(unparseable("member `id`", "it is no id")) };
        }
        let inside = match node.kind() {
            Kind::Object => stated_module(node),
            _ => None,
        };
        let known = schema::lookup(object, &lower);
        let place = Place { object: object.clone(), field: field_name(name), record };
        let target = if self.side == Side::Answer {
            inside.or_else(|| stated.cloned()).or(known)
        } else {
            let of_several = schema::named(object, &lower);
            if of_several.is_none() && (inside.is_some() || is_user(node)) {
                self.use_as_records(&place);
            }
            // Whatever module the caller states.
            known.or(inside).or_else(|| stated.cloned()).or(of_several)
        };
        match (target, node.kind()) {
            (_, Kind::Array) if lower == "participants" => {
                node.elements().try_for_each(|one| self.participant(one, record))
            }
            (_, kind) if lower == "participants" && kind != Kind::Null => {
                self.participant(node, record)
            }
            (_, Kind::Array) if lower == "tag" => {
                node.elements().try_for_each(|tag| self.tag(tag, &place))
            }
            (Some(_), Kind::Array) => {
                node.elements().try_for_each(|one| self.member(name, one, object, record, stated))
            }
            (None, Kind::Array) => self.list(node, &place),
            (Some(target), Kind::Object) => self.related(node, &target, &place),
            (None, Kind::Object) if is_user(node) => {
                self.related(node, &ObjectName::from_static(USERS), &place)
            }
            (None, Kind::Object) if node.get("id").is_some() => self.custom_lookup(node, &place),
            (_, Kind::Object) => self.leaves(node, &place),
            (Some(target), Kind::String | Kind::Number) => {
                self.refer(record, &target, &scalar(node));
                if !self.names_record(&scalar(node)) {
                    let number = self.next_record();
                    self.title(node, &target, number, true);
                }
                Ok(())
            }
            _ => {
                self.value(node, &place);
                Ok(())
            }
        }
    }

    /// Choices, or the rows of a subform: those are records of a module of its own.
    fn list(&mut self, node: Node<'_>, place: &Place) -> Result<(), LocateError> {
        if node.elements().any(|element| element.kind() == Kind::Object) {
            self.use_as_records(place);
        }
        let rows = ObjectName::new(place.field.as_str());
        for element in node.elements() {
            match element.kind() {
                Kind::Object => _ = self.record_within(element, &rows, Some(&place.object))?,
                Kind::Array => self.list(element, place)?,
                _ => self.value(element, place),
            }
        }
        Ok(())
    }

    /// The caller says that a field holds records of a module of their own, whose fields
    /// are not those that are protected here.
    fn use_as_records(&mut self, place: &Place) {
        if self.side != Side::Answer {
            self.uses.push(use_of(place, "records in its place"));
        }
    }

    /// Another record inside of one: `{"name":…,"id":…}`.
    pub fn related(
        &mut self,
        node: Node<'_>,
        target: &ObjectName,
        place: &Place,
    ) -> Result<(), LocateError> {
        let id = id_of(node);
        let has_id = self.names_record(&id);
        self.refer(place.record, target, &id);
        let says_more = node.members().any(|it| it.key != "id" && it.value.kind() != Kind::Null);
        if !says_more && has_id && self.side != Side::Answer {
            return Ok(());
        }
        let number = self.next_record();
        self.name_other(number, target, &id);
        for member in node.members() {
            match member.key.to_ascii_lowercase().as_str() {
                "id" if has_id => {}
                "name" => self.title(member.value, target, number, !has_id),
                "module" => self.names_only(member.value, place)?,
                _ => self.member(&member.key, member.value, target, number, None)?,
            }
        }
        Ok(())
    }

    /// A lookup to records of a module that is not known: what it is called by is a
    /// value of the lookup itself.
    fn custom_lookup(&mut self, node: Node<'_>, place: &Place) -> Result<(), LocateError> {
        let place = Place { record: self.next_record(), ..place.clone() };
        for member in node.members() {
            self.check_name(&member.key)?;
            match member.key.as_ref() {
                "id" if self.names_record(&scalar(member.value)) => {}
                _ => self.leaf(member.value, &place)?,
            }
        }
        Ok(())
    }

    /// What a record is called by. Where it is composed, it is not the place to change
    /// it, nor does Zoho take it from there; so beside an id it is left empty.
    pub fn title(&mut self, node: Node<'_>, object: &ObjectName, record: u32, is_key: bool) {
        let field = FieldName::from_static(title_of(object));
        let place = Place { object: object.clone(), field, record };
        let is_answer = self.side == Side::Answer;
        let from = composed_from(&place.object, &place.field);
        let is_empty = node.value() == Value::Empty;
        if !is_answer && !from.is_empty() && !is_empty {
            if is_key {
                self.uses.extend(uses_of_parts(&place, "naming a record by a composed name"));
            } else {
                self.slots.push(emptied(node));
            }
        } else if is_key && !is_answer {
            self.slot(node, &place, Role::Key);
        } else {
            self.value(node, &place);
        }
    }

    pub fn names_record(&self, text: &str) -> bool {
        is_id(text) || (self.side == Side::Part && is_reference(text))
    }
}

/// Ids are numbers: zeros before one name the same record.
fn canonical_id(text: &str) -> Option<SmolStr> {
    is_id(text).then(|| text.trim_start_matches('0').into())
}

/// The text of a string or number; empty for anything else.
pub(super) fn scalar(node: Node<'_>) -> Cow<'_, str> {
    match node.kind() {
        Kind::Number => Cow::Borrowed(node.raw()),
        _ => node.text().unwrap_or_default(),
    }
}

pub(super) fn id_of(record: Node<'_>) -> Cow<'_, str> {
    record.get("id").map(scalar).unwrap_or_default()
}

/// Only users are shown with their address.
fn is_user(node: Node<'_>) -> bool {
    node.get("id").is_some() && node.get("email").is_some()
}

/// The module that a record says its lookup leads to: `"$se_module":"Leads"`, or
/// `"module":{"api_name":"Leads"}` inside of the lookup.
pub(super) fn stated_module(node: Node<'_>) -> Option<ObjectName> {
    let beside = node.get("$se_module").or_else(|| node.get("se_module"));
    let inside = || node.get("module").map(|module| module.get("api_name").unwrap_or(module));
    let text = scalar(beside.or_else(inside)?);
    is_name(&text).then(|| object_name(&text))
}
