// SPDX-License-Identifier: Apache-2.0
//! Records, read in the same way in requests and in answers.

use smol_str::SmolStr;

use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{Kind, Node};
use crate::carrier::{Codec, DecodedText, Occurrence, Removal, Role, Slot, Value};
use crate::crm::message::link;
use crate::crm::{FieldUse, Origins, RecordName, Referred};

use super::schema::{self, composed_from, is_reference, is_words, may_hold_words};
use super::shape::{holds_fields, holds_ids, holds_words, id_of, is_mark, referred};

/// The field that a value belongs to, and the record that this is a field of.
#[derive(Clone)]
pub(super) struct Place {
    pub object: ObjectName,
    pub field: FieldName,
    pub record: u32,
}

/// What is found in records.
#[derive(Default)]
pub(super) struct Records<'a> {
    pub slots: Vec<Slot>,
    pub uses: Vec<FieldUse>,
    pub names: Vec<RecordName>,
    pub referred: Vec<Referred>,
    /// A member of a request that holds what would not be looked at there, and what that is.
    pub misplaced: Option<(String, &'static str)>,
    /// Whose links are rewritten; `None` in a request.
    origins: Option<&'a Origins>,
    count: u32,
}

/// The record whose members are read.
struct Owner<'n> {
    node: Node<'n>,
    object: ObjectName,
    number: u32,
    /// The records that values in it are copied from, one for each object.
    others: Vec<(ObjectName, u32)>,
}

impl<'a> Records<'a> {
    pub fn of_answer(origins: &'a Origins) -> Self {
        Self { origins: Some(origins), ..Self::default() }
    }

    pub fn record(&mut self, record: Node<'_>, object: &ObjectName) {
        let number = self.next_record();
        let id = record.get("id").and_then(id_of);
        self.name(number, object, id);
        let mut owner = Owner { node: record, object: object.clone(), number, others: Vec::new() };
        for member in record.members() {
            self.member(&member.key, member.value, &mut owner);
        }
    }

    pub fn next_record(&mut self) -> u32 {
        let record = self.count;
        self.count += 1;
        record
    }

    pub fn count(&self) -> u32 {
        self.count
    }

    /// Takes note of the id that an answer gives a record. What the body of a request
    /// says of it decides nothing: the path names the record.
    pub fn name(&mut self, record: u32, object: &ObjectName, id: Option<SmolStr>) {
        if let Some(id) = id.filter(|_| self.origins.is_some()) {
            self.names.push(RecordName { record, object: object.clone(), id });
        }
    }

    /// The record that the path names is merged with another.
    pub fn merged_with(&mut self, body: Node<'_>, object: &ObjectName) {
        let record = self.next_record();
        let id = body.get("merge_with_id").and_then(id_of);
        self.names.extend(id.map(|id| RecordName { record, object: object.clone(), id }));
    }

    fn member(&mut self, name: &str, node: Node<'_>, owner: &mut Owner<'_>) {
        let name = name.to_ascii_lowercase();
        let related = schema::related(&name).or_else(|| referred(&name, node));
        match (name.as_str(), node.kind(), related) {
            (name, Kind::Object, Some(related)) => self.related(name, node, &related, owner.number),
            (name, _, related) if is_reference(name) && holds_ids(node) => {
                let related = related.iter();
                related.for_each(|related| self.refers(owner.number, related, node));
            }
            (name, Kind::Array, Some(_)) => {
                node.elements().for_each(|element| self.member(name, element, owner));
            }
            ("custom_fields", Kind::Object, _) => {
                for field in node.members() {
                    self.member_field(&field.key, field.value, owner);
                }
            }
            (name, _, related)
                if (is_reference(name) || related.is_some())
                    && self.origins.is_none()
                    && holds_words(node) =>
            {
                self.misplace(name, "something else than ids of records");
            }
            // What a search finds: the notes about a record.
            ("notes", Kind::Array, _) => {
                self.field("content", node, &ObjectName::from_static("note"), owner.number);
            }
            (name, ..) => self.member_field(name, node, owner),
        }
    }

    /// Another record inside of one. In the place of an id, v1 puts it in `value`.
    fn related(&mut self, name: &str, node: Node<'_>, object: &ObjectName, by: u32) {
        let number = self.next_record();
        // Who takes part in something is named by a reference.
        let references = schema::references(object);
        let referred = || references.iter().find_map(|name| node.get(name).and_then(id_of));
        let id = id_of(node).or_else(referred);
        self.refer(by, object, id.clone());
        self.name(number, object, id);
        let mut owner = Owner { node, object: object.clone(), number, others: Vec::new() };
        for member in node.members() {
            let may_be_id = name.ends_with("_id") || schema::is_custom(name);
            let is_id = may_be_id && member.key == "value" && holds_ids(member.value);
            if !is_id {
                self.member(&member.key, member.value, &mut owner);
            }
        }
    }

    /// Takes note of whom a record of a request is about, by ids that stand in it.
    fn refers(&mut self, by: u32, object: &ObjectName, ids: Node<'_>) {
        match ids.kind() {
            Kind::Array => ids.elements().for_each(|id| self.refers(by, object, id)),
            _ => self.refer(by, object, id_of(ids)),
        }
    }

    fn refer(&mut self, by: u32, object: &ObjectName, id: Option<SmolStr>) {
        let is_about = self.origins.is_none() && !schema::is_user(object);
        if let Some(id) = id.filter(|_| is_about) {
            self.referred.push(Referred { by, object: object.clone(), id });
        }
    }

    /// A field of a record, or of another one that it is copied from: what is known of
    /// one person must not be taken for what is known of another.
    fn member_field(&mut self, name: &str, node: Node<'_>, owner: &mut Owner<'_>) {
        let (object, field) = schema::original(&owner.object, name);
        let is_request = self.origins.is_none();
        if is_request && !may_hold_words(&object, &field) && holds_fields(node, &object) {
            self.misplace(name, "fields of a record");
        }
        let known = owner.others.iter().find(|(known, _)| *known == object);
        let number = match known {
            _ if object == owner.object || schema::is_remark(&object) => owner.number,
            _ if self.origins.is_none() => owner.number,
            Some((_, number)) => *number,
            None => {
                let number = self.next_record();
                owner.others.push((object.clone(), number));
                let references = schema::references(&object);
                let id = references.iter().find_map(|name| owner.node.get(name).and_then(id_of));
                self.name(number, &object, id);
                number
            }
        };
        self.field(name, node, &owner.object, number);
    }

    fn misplace(&mut self, name: &str, what: &'static str) {
        self.misplaced.get_or_insert_with(|| (name.to_owned(), what));
    }

    fn field(&mut self, name: &str, node: Node<'_>, object: &ObjectName, record: u32) {
        let (object, field) = schema::original(object, name);
        let place = Place { object, field, record };
        if self.origins.is_none() {
            let uses = uses_of_parts(&place, "writing what is composed of it");
            self.uses.extend(uses);
        }
        self.values(node, &place, &Role::Stored, node.removal());
    }

    /// What a field held before or after a change.
    pub fn former(&mut self, name: &str, node: Node<'_>, object: &ObjectName, record: u32) {
        let (object, field) = schema::original(object, name);
        self.values(node, &Place { object, field, record }, &Role::Former, None);
    }

    /// One value, a list of them (`[{"value":…,"label":…,"primary":…}]`), or one in
    /// parts (`{"value":…,"locality":…}`): each text is a value of the field.
    fn values(&mut self, node: Node<'_>, place: &Place, role: &Role, removal: Option<Removal>) {
        match node.kind() {
            Kind::Array => {
                node.elements()
                    .for_each(|element| self.values(element, place, role, element.removal()));
            }
            Kind::Object => {
                let parts = || node.members().filter(|part| !is_mark(&part.key, part.value));
                // A value goes away together with its marks.
                let whole = removal.filter(|_| parts().count() == 1);
                for part in parts() {
                    let removal = whole.clone().or_else(|| part.value.removal());
                    self.values(part.value, place, role, removal);
                }
            }
            _ => self.value(node, place, role, removal),
        }
    }

    fn value(&mut self, node: Node<'_>, place: &Place, role: &Role, removal: Option<Removal>) {
        let is_link = !may_hold_words(&place.object, &place.field) && self.link(node);
        if is_link || (node.kind() == Kind::Null && self.origins.is_some()) {
            return;
        }
        let role = match composed_from(&place.object, &place.field) {
            from if self.origins.is_some() && !from.is_empty() => Role::Composed { from },
            _ => role.clone(),
        };
        let decoded = node.decoded().filter(|_| is_words(&place.object, &place.field));
        let slot = if let Some(decoded) = decoded {
            let words = words(&decoded, place, &role);
            Slot::nested(node.inner_span(), Codec::Json, decoded, words)
        } else {
            let occurrence = place.occurrence(role, node.value());
            Slot::value(node.span(), Codec::Json, occurrence).removable(removal)
        };
        self.slots.push(slot);
    }

    /// Exchanges the origin of a URL that points to the upstream.
    pub fn link(&mut self, node: Node<'_>) -> bool {
        let link = self.origins.and_then(|origins| link(&node, origins));
        let is_link = link.is_some();
        self.slots.extend(link);
        is_link
    }

    /// Links in all the strings from here on.
    pub fn links(&mut self, node: Node<'_>) {
        self.link(node);
        node.children().for_each(|child| self.links(child));
    }
}

impl Place {
    pub fn occurrence(&self, role: Role, value: Value) -> Occurrence {
        let Self { object, field, record } = self.clone();
        Occurrence { object, field, record, role, value }
    }
}

/// Each word of a text as a value of its own, whatever stands between them; the whole
/// where it has more words than a name.
pub(super) fn words(text: &DecodedText, place: &Place, role: &Role) -> Vec<Slot> {
    let whole = text.as_str();
    if whole.split_whitespace().nth(MAX_WORDS).is_some() {
        let occurrence = place.occurrence(role.clone(), Value::from(whole.to_owned()));
        return vec![Slot::value(0..whole.len(), Codec::Plain, occurrence)];
    }
    let mut end = 0;
    let slots = whole.split_whitespace().filter_map(|word| {
        let start = end + whole.get(end..)?.find(word)?;
        end = start + word.len();
        let occurrence = place.occurrence(role.clone(), Value::from(word.to_owned()));
        Some(Slot::value(start..end, Codec::Plain, occurrence))
    });
    slots.collect()
}

/// What is kept of a word takes far more memory than its bytes.
const MAX_WORDS: usize = 100;

/// What is asked of a composed field, or written to it, is asked of each field
/// whose values it shows.
pub(super) fn uses_of_parts(
    place: &Place,
    operator: &'static str,
) -> impl Iterator<Item = FieldUse> {
    FieldUse::of_parts(&place.object, composed_from(&place.object, &place.field), operator)
}
