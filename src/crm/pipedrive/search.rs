// SPDX-License-Identifier: Apache-2.0
//! What a query asks: search terms, and orders.
//!
//! A term is one text, and a surrogate stands for the value of one field. So a
//! term can be exchanged where it is compared as a whole, without regard to case,
//! with a single field. Everything else is reported as a use of each field that is
//! looked at, so that it is refused where one of them is protected.

use crate::base::{FieldName, ObjectName};
use crate::carrier::url::{Parameter, Target};
use crate::carrier::{Codec, Role, Slot, Value};
use crate::crm::message::unparseable;
use crate::crm::{FieldUse, LocateError};

use super::operation::{Call, Verb, flag};
use super::record::{Place, uses_of_parts, words};
use super::schema::{ITEMS, USER, is_reference, is_words, object_name, original, searched};

const PARTIAL: &str = "a search without `exact_match=true`";
const SEVERAL: &str = "a search in several `fields`";
const CASE: &str = "a search that minds the case";
const FIND: &str = "a search for users";
const SORT: &str = "sort";
const LETTER: &str = "first_char";

#[derive(Default)]
pub(super) struct Asked {
    pub slots: Vec<Slot>,
    pub uses: Vec<FieldUse>,
    /// The object whose records the answer holds, where it is told by the query.
    pub object: Option<ObjectName>,
}

/// # Errors
/// [`LocateError`] for a search that does not say where it looks.
pub(super) fn locate(call: &Call, target: &Target) -> Result<Asked, LocateError> {
    let mut asked = Asked::default();
    if let Some(object) = &call.object {
        asked.orders(object, target);
    }
    let Some(term) = target.parameter("term") else { return Ok(asked) };
    match call.verb {
        Verb::Search | Verb::SearchItems => asked.search(call, target, term)?,
        Verb::SearchField => {
            let (item, place) = field_searched(target)?;
            asked.use_of(&place, CASE);
            asked.object = Some(item);
        }
        _ => {
            for field in ["name", "email"] {
                asked.use_of(&place(USER, field), FIND);
            }
        }
    }
    Ok(asked)
}

impl Asked {
    fn orders(&mut self, object: &ObjectName, target: &Target) {
        let orders = ["sort", "sort_by"].into_iter().filter_map(|name| target.parameter(name));
        for order in orders.flat_map(|order| order.value.decoded.as_str().split(',')) {
            let name = order.split_whitespace().next().unwrap_or_default();
            if !is_reference(name) {
                let (object, field) = original(object, name);
                self.use_of(&Place { object, field, record: 0 }, SORT);
            }
        }
        if target.parameter("first_char").is_some() {
            let (object, field) = original(object, "name");
            self.use_of(&Place { object, field, record: 0 }, LETTER);
        }
    }

    fn search(
        &mut self,
        call: &Call,
        target: &Target,
        term: &Parameter,
    ) -> Result<(), LocateError> {
        let items = match (&call.object, list(target, "item_types")) {
            (Some(object), _) => vec![object.clone()],
            (None, Some(names)) => names.map(object_name).collect(),
            (None, None) => ITEMS.iter().map(|name| ObjectName::from_static(name)).collect(),
        };
        let fields = list(target, "fields").ok_or_else(|| {
            unparseable(
                "the search",
                "it looks at custom fields without naming them; say in `fields` where to look",
            )
        })?;
        let mut places = Vec::new();
        for word in fields {
            let found: Vec<_> = items.iter().flat_map(|item| searched(item, word)).collect();
            if found.is_empty() {
                return Err(unparseable(
                    "parameter `fields`",
                    "which fields of these items it means is not known",
                ));
            }
            places.extend(found);
        }
        places.sort_unstable();
        places.dedup();
        let is_exact = target
            .parameter("exact_match")
            .is_some_and(|exact| flag(exact.value.decoded.as_str()) == Some(true));
        match places.as_slice() {
            [(object, field)] if is_exact => self.slots.push(compared(term, &place(object, field))),
            _ => {
                let operator = if is_exact { SEVERAL } else { PARTIAL };
                for (object, field) in places {
                    self.use_of(&place(object, field), operator);
                }
            }
        }
        Ok(())
    }

    fn use_of(&mut self, place: &Place, operator: &'static str) {
        let (object, field) = (place.object.clone(), place.field.clone());
        self.uses.push(FieldUse { object, field, operator });
        self.uses.extend(uses_of_parts(place, operator));
    }
}

/// A term that is compared with the values of one field.
fn compared(term: &Parameter, place: &Place) -> Slot {
    let (span, decoded) = (term.value.span.clone(), term.value.decoded.clone());
    if is_words(&place.object, &place.field) {
        let words = words(&decoded, place, &Role::Equality);
        return Slot::nested(span, Codec::Percent, decoded, words);
    }
    let value = Value::from(decoded.as_str().to_owned());
    Slot::value(span, Codec::Percent, place.occurrence(Role::Equality, value))
}

/// The type of item and the field of `/itemSearch/field`, as v2 or v1 names them.
fn field_searched(target: &Target) -> Result<(ObjectName, Place), LocateError> {
    let text = |name| target.parameter(name).map(|found| found.value.decoded.as_str());
    let [v2, v1] = [["entity_type", "field"], ["field_type", "field_key"]].map(|it| it.map(text));
    let found = match (v2, v1) {
        ([Some(item), Some(name)], [None, None]) => Some((item, name)),
        ([None, None], [Some(item), Some(name)]) => item.strip_suffix("Field").zip(Some(name)),
        _ => None,
    };
    match found {
        Some((item, name)) => {
            let item = object_name(item);
            let (object, field) = original(&item, name);
            Ok((item, Place { object, field, record: 0 }))
        }
        None => Err(unparseable("the search", "it does not say which field of what it looks at")),
    }
}

fn list<'t>(target: &'t Target, name: &str) -> Option<impl Iterator<Item = &'t str> + use<'t>> {
    let parameter = target.parameter(name)?;
    Some(parameter.value.decoded.as_str().split(',').map(str::trim))
}

fn place(object: &'static str, field: &'static str) -> Place {
    Place {
        object: ObjectName::from_static(object),
        field: FieldName::from_static(field),
        record: 0,
    }
}
