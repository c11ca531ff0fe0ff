// SPDX-License-Identifier: Apache-2.0
//! What an answer holds, by its structure, which is the same for all operations.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::{
    ANY_RECORD, COMPOUND, ENTERPRISE_RECORDS, LIST, PARTNER_RECORDS, TYPE, is_nil, is_no_record,
};
use crate::base::{FieldName, ObjectName};
use crate::carrier::xml::{Element, Piece};
use crate::carrier::{Codec, Slot, Value};
use crate::crm::LocateError;
use crate::crm::message::unparseable;
use crate::crm::salesforce::id::{self, is_id};
use crate::crm::salesforce::reader::{Reader, of_several};
use crate::crm::salesforce::schema::{self, is_name};

/// What holds the records that a query has found.
const RECORDS: &str = "records";
/// What holds one that a search has found, or a duplicate.
const RECORD: &str = "record";
/// Messages to readers, which may repeat what was sent.
const MESSAGES: [&str; 4] = ["message", "exceptionMessage", "faultstring", "stateMessage"];

impl Reader<'_> {
    /// `expected` is whose records are found in it, where they do not say it.
    ///
    /// # Errors
    /// [`LocateError`] for a record of which nothing says what it is.
    pub(in crate::crm::salesforce) fn element(
        &mut self,
        element: &Element,
        expected: Option<&ObjectName>,
    ) -> Result<(), LocateError> {
        if let Some(object) = object_of(element, expected)? {
            return self.record_in(element, &object);
        }
        if [RECORDS, RECORD].contains(&element.name.as_str()) && !is_nil(element) {
            let unknown = || unparseable("the answer", "it has a record of an unknown object");
            return self.record_in(element, expected.ok_or_else(unknown)?);
        }
        if let Some(text) = &element.text {
            if MESSAGES.contains(&element.name.as_str()) {
                let number = self.next_record();
                self.told(text, number);
            } else {
                self.lead_back(text);
            }
        }
        element.children.iter().try_for_each(|child| self.element(child, expected))
    }

    fn record_in(&mut self, record: &Element, object: &ObjectName) -> Result<(), LocateError> {
        let texts = || record.children.iter().map(|it| (it.name.as_str(), text(it)));
        let mut ids = texts().filter(|(name, _)| name.eq_ignore_ascii_case("Id"));
        let id = ids.find_map(|(_, text)| text.filter(|id| is_id(id)));
        let number = self.next_record();
        let columns = self.columns;
        let mut row = self.row(number, object, columns, id)?;
        let referred: OnceCell<BTreeMap<_, _>> = OnceCell::new();
        for child in &record.children {
            if child.name == TYPE {
                continue;
            }
            let (number, of, field) = self.place_of(&mut row, &child.name, texts);
            let is_stated = stated(child).is_some();
            let is_compound = part_of(child, &field, "").is_some() && !is_stated;
            match &child.text {
                Some(text) => self.value_in(text, number, of, field),
                None if is_compound => {
                    for part in &child.children {
                        let field = part_of(child, &field, &part.name);
                        if let (Some(field), Some(text)) = (field, &part.text) {
                            self.value_in(text, number, of.clone(), field);
                        }
                    }
                }
                None => {
                    let related = schema::related(&of, field.as_str());
                    let by_id = || {
                        let all = || record.children.iter().filter_map(referred_to).collect();
                        referred.get_or_init(all).get(field.as_str()).cloned()
                    };
                    let related = related.or_else(by_id);
                    let is_known = is_stated || related.is_some() || is_list(child);
                    if !is_known && !child.children.is_empty() {
                        let problem =
                            "it has something in a record of which nothing says what it is";
                        return Err(unparseable("the answer", problem));
                    }
                    self.related(child, related.as_ref())?;
                }
            }
        }
        Ok(())
    }

    /// A related record, or the records of a sub-select.
    pub(in crate::crm::salesforce) fn related(
        &mut self,
        element: &Element,
        object: Option<&ObjectName>,
    ) -> Result<(), LocateError> {
        match object.filter(|_| !is_list(element) && !element.children.is_empty()) {
            Some(object) if stated(element).is_none() => self.record_in(element, object),
            _ => self.element(element, object),
        }
    }

    fn value_in(&mut self, text: &Piece, record: u32, object: ObjectName, field: FieldName) {
        let is_link = field.as_str().ends_with("photourl") && self.lead_back(text);
        if is_link || (field.as_str() == "id" && is_id(text.as_str())) {
            return;
        }
        let value = Value::from(text.as_str().to_owned());
        self.found((text.span.clone(), Codec::Xml), record, object, field, value);
    }

    pub(in crate::crm::salesforce) fn told(&mut self, text: &Piece, record: u32) {
        let value = Value::from(text.as_str().to_owned());
        self.message((text.span.clone(), Codec::Xml), record, value);
    }

    /// Exchanges the origin of a URL that points to the upstream.
    fn lead_back(&mut self, text: &Piece) -> bool {
        let public = self.origins.to_public(text.as_str());
        let is_link = public.is_some();
        let slot = |url| Slot::rewritten(text.span.clone(), Codec::Xml, url);
        self.slots.extend(public.map(slot));
        is_link
    }
}

/// Whether it holds the records of a sub-select, even if there are none.
fn is_list(element: &Element) -> bool {
    let is_typed = element.stated_type.as_ref().is_some_and(|(_, name)| name == LIST);
    is_typed || element.named(RECORDS).next().is_some()
}

/// The field that a part of a compound value shows; `None` of any other value.
fn part_of(value: &Element, field: &FieldName, part: &str) -> Option<FieldName> {
    let is_typed = |it: &&(SmolStr, String)| COMPOUND.contains(&it.1.as_str());
    schema::part_of(field, part).or_else(|| {
        value.stated_type.as_ref().filter(is_typed)?;
        schema::part_by_name(field, part)
    })
}

fn text(element: &Element) -> Option<&str> {
    element.text.as_ref().map(Piece::as_str)
}

/// The object of an element that states that it is a record.
///
/// # Errors
/// [`LocateError`] for one that may be of several objects, where nothing tells of which.
fn object_of(
    element: &Element,
    expected: Option<&ObjectName>,
) -> Result<Option<ObjectName>, LocateError> {
    let stated = stated(element);
    if stated.as_ref().is_none_or(|stated| stated.as_str() != schema::SEVERAL) {
        return Ok(stated);
    }
    let by_id = element
        .children
        .iter()
        .filter_map(referred_to)
        .find_map(|(name, object)| name.is_empty().then_some(object));
    let by_name = || element.text_of("Type").filter(|name| is_name(name)).map(schema::object_name);
    let object = by_id.or_else(by_name).or_else(|| expected.cloned());
    object.ok_or_else(of_several).map(Some)
}

/// The relationship that an id in a record is of, in lower case, and the object of the record
/// that it names: `who` and a contact. The record's own id is of none.
fn referred_to(reference: &Element) -> Option<(String, ObjectName)> {
    let id = text(reference).filter(|id| is_id(id))?;
    let relationship = reference.name.to_ascii_lowercase().strip_suffix("id")?.to_owned();
    Some((relationship, id::object_of(&id::canonical(id))?))
}

/// The object that a record states by its type, or by an element in it where its type is
/// that of any.
fn stated(element: &Element) -> Option<ObjectName> {
    let by_element = || {
        let mut types = element.named(TYPE);
        types.next().and_then(text).map(schema::object_name)
    };
    match element.stated_type.as_ref() {
        Some((_, name)) if name == ANY_RECORD => by_element(),
        Some((namespace, name))
            if [ENTERPRISE_RECORDS, PARTNER_RECORDS].contains(&namespace.as_str())
                && !is_no_record(name) =>
        {
            Some(schema::object_name(name))
        }
        Some(_) => None,
        None => element
            .named(TYPE)
            .next()
            .filter(|it| it.namespace == PARTNER_RECORDS)
            .and_then(text)
            .map(schema::object_name),
    }
}
