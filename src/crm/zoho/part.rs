// SPDX-License-Identifier: Apache-2.0
//! One request: alone, or as a part of a composite one.

use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{Kind, Node};
use crate::carrier::url::Piece;
use crate::carrier::{Codec, Element, Removal, Role, Slot, Value};
use crate::crm::LocateError;
use crate::crm::message::unparseable;

use super::answer::{Holds, Reply, Told};
use super::coql;
use super::operation::{Call, Verb, is_reference, refers};
use super::parameter::{self, Parameter};
use super::record::{Records, Side};
use super::schema::{field_name, is_id, is_name, object_name};
use super::search;
use super::value::{Place, REFERENCE, use_of};

/// What one request asks.
pub(super) struct Part<'a> {
    pub call: &'a Call<'a>,
    pub query: Vec<Parameter>,
    /// Beside the URL, in parts of a composite request.
    pub params: Vec<Parameter>,
    pub body: Option<Node<'a>>,
    /// The header `X-EXTERNAL`: `Contacts.External_ID`.
    pub external: Option<&'a str>,
}

/// What stands in its URL, and what its answer holds. The rest is among the records.
pub(super) struct Found {
    pub target: Vec<Slot>,
    pub reply: Reply,
}

impl Part<'_> {
    /// # Errors
    /// [`LocateError`] for whatever passes without being understood.
    pub fn locate(&self, records: &mut Records) -> Result<Found, LocateError> {
        let verb = self.call.verb;
        let parameters = || self.query.iter().chain(&self.params);
        parameter::check(verb, parameters())?;
        let first = records.count;
        let mut found = Found { target: Vec::new(), reply: Reply::of_nothing() };
        if verb == Verb::Query {
            self.query(records, &mut found.reply)?;
        }
        if let Some(module) = parameters().find(|parameter| parameter.name == "module") {
            found.reply.object = object_name(module.value());
        }
        let Some(object) = &self.call.object else { return Ok(found) };
        let external = self.external_field(object)?;
        self.check_ids(external.is_some())?;
        found.reply.object = object.clone();
        found.reply.holds = match verb {
            Verb::Timeline => Holds::Timeline,
            _ if verb.answers_rows() => Holds::Rows,
            _ => Holds::Records,
        };
        if let Some(body) = self.body.filter(|_| verb.has_records()) {
            let elements = records.elements.len();
            records.keys = external.iter().cloned().collect();
            records.body(verb, self.call.key.is_some(), body, object)?;
            let elements = records.elements.iter().skip(elements);
            found.reply.places =
                elements.map(|element| Told::Forwarded(element.records.clone())).collect();
        }
        let mut compares = false;
        for (list, slots) in [(&self.query, &mut found.target), (&self.params, &mut records.slots)]
        {
            let asked = search::locate(object, list, first)?;
            slots.extend(asked.slots);
            records.uses.extend(asked.uses);
            records.finds_others |= asked.finds_others;
            compares |= asked.compares;
        }
        if let Some(key) = self.call.key {
            let place = (object.clone(), external, first);
            let slot = located_key(key, place, records)?;
            found.target.extend(slot);
            records.count = records.count.max(first + 1);
            if found.reply.places.is_empty() {
                found.reply.places.push(Told::Forwarded(first..first + 1));
            }
        }
        for (list, is_url) in [(&self.query, true), (&self.params, false)] {
            let Some(ids) = parameter::find(list, "ids") else { continue };
            let elements = ids_of(ids, object, records);
            let told = elements.iter().map(|element| Told::Forwarded(element.records.clone()));
            if verb.answers_rows() {
                found.reply.places.extend(told);
            }
            let (span, text) = (ids.inner.clone(), ids.text.clone());
            let slot = Slot::nested_list(span, ids.codec, text, elements);
            if is_url { found.target.push(slot) } else { records.slots.push(slot) }
        }
        if verb == Verb::Search || verb == Verb::Count {
            records.count = records.count.max(first + 1);
            // Of several, Zoho takes one.
            let asks = |name| parameters().any(|parameter| parameter.name == name);
            let several = ["criteria", "email", "phone", "word"].into_iter().filter(|it| asks(*it));
            records.finds_others |= !compares || several.count() > 1;
        }
        // Notes and attachments belong to the record itself.
        records.finds_others |=
            verb == Verb::ListRelated && !matches!(object.as_str(), "notes" | "attachments");
        if let Some((parent, id)) = &self.call.parent {
            let number = records.next_record();
            records.name_record(number, parent, id);
            // A note that is written under a contact is about that.
            (first..number).for_each(|record| records.refer(record, parent, id));
        }
        // Another part of the request may name somebody.
        records.finds_others |= verb.is_about_records() && records.count == first;
        Ok(found)
    }

    /// `{"select_query":"select …"}`
    fn query(&self, records: &mut Records, reply: &mut Reply) -> Result<(), LocateError> {
        let missing = || unparseable("the body", "it is not an object with a `select_query` alone");
        let body = self.body.filter(|body| body.children().count() == 1).ok_or_else(missing)?;
        let node = body.get("select_query").ok_or_else(missing)?;
        let decoded = node.decoded().ok_or_else(missing)?;
        let bound = coql::bind(decoded.as_str(), records.next_record())?;
        let slot = Slot::nested(node.inner_span(), Codec::Json, decoded, bound.slots);
        records.slots.push(slot);
        records.uses.extend(bound.uses);
        records.finds_others |= bound.finds_others;
        *reply =
            Reply { holds: Holds::Query(bound.columns), object: bound.object, places: Vec::new() };
        Ok(())
    }

    /// A record that goes by a field of one's own has no id in its stead: digits may be
    /// a value of the field.
    fn check_ids(&self, has_external: bool) -> Result<(), LocateError> {
        let has_ids = self.query.iter().chain(&self.params).any(|it| it.name == "ids");
        let parent = match &self.call.parent {
            Some((parent, _)) => self.external_field(parent)?,
            None => None,
        };
        if (has_external && has_ids) || parent.is_some() {
            let problem =
                "it is not taken here: only the last segment of a path names a record by it";
            return Err(unparseable("the header `X-EXTERNAL`", problem));
        }
        Ok(())
    }

    /// The field of the object that `X-EXTERNAL` names.
    fn external_field(&self, object: &ObjectName) -> Result<Option<FieldName>, LocateError> {
        let names = self.external.unwrap_or_default().split(',').map(str::trim);
        let mut fields = names
            .filter_map(|name| name.split_once('.'))
            .filter(|(module, _)| object_name(module) == *object)
            .map(|(_, field)| field_name(field));
        match (fields.next(), fields.next()) {
            (field, None) => Ok(field),
            (_, Some(_)) => {
                Err(unparseable("the header `X-EXTERNAL`", "it names two fields of one module"))
            }
        }
    }
}

/// What the path names a record by: its id, or a value of an external field.
fn located_key(
    key: &Piece,
    (object, external, record): (ObjectName, Option<FieldName>, u32),
    records: &mut Records,
) -> Result<Option<Slot>, LocateError> {
    let text = key.decoded.as_str();
    match external {
        Some(field) => {
            let place = Place { object, field, record };
            if records.side == Side::Part && refers(text) {
                records.uses.push(use_of(&place, REFERENCE));
            }
            let occurrence = place.occurrence(Role::Key, Value::from(text.to_owned()));
            Ok(Some(Slot::value(key.span.clone(), Codec::Percent, occurrence)))
        }
        None if is_id(text) => {
            records.name_record(record, &object, text);
            Ok(None)
        }
        None if records.side == Side::Part && is_reference(text) => Ok(None),
        None => {
            let problem = "it is not a record id, and no `X-EXTERNAL` says what it is";
            Err(unparseable("the last segment of the path", problem))
        }
    }
}

/// `ids=1,2`: the record of each.
fn ids_of(parameter: &Parameter, object: &ObjectName, records: &mut Records) -> Vec<Element> {
    let text = parameter.value();
    let mut elements = Vec::new();
    let mut start = 0;
    for item in text.split(',').filter(|_| !text.is_empty()) {
        let end = start + item.len();
        let number = records.next_record();
        records.name_record(number, object, item.trim_matches(' '));
        let removal = Removal {
            member: start..end,
            before: start.checked_sub(1),
            after: (end < text.len()).then_some(end),
        };
        elements.push(Element { records: number..number + 1, removal });
        start = end + 1;
    }
    elements
}

/// `Contacts.External_ID,Accounts.Number`
pub(super) fn is_list_of_fields(text: &str) -> bool {
    let is_field = |name: &str| name.contains('.') && is_name(name);
    text.split(',').map(str::trim).all(is_field)
}

/// Whether there is nothing.
pub(super) fn is_nothing(node: Node<'_>) -> bool {
    node.kind() == Kind::Null || (node.kind() == Kind::Object && node.children().count() == 0)
}
