// SPDX-License-Identifier: Apache-2.0
//! What a query asks: searches by `criteria`, `email`, `phone` and `word`, and orders.
//!
//! Zoho's `equals` also finds longer values that contain the one it is given. A
//! surrogate is contained in no other, so on protected fields it finds whole values.

use std::ops::Range;

use crate::base::{FieldName, ObjectName, Pattern};
use crate::carrier::{Codec, Occurrence, Role, Slot, Value, Widening};
use crate::crm::message::unparseable;
use crate::crm::{FieldUse, LocateError};
use crate::query::zoho_criteria::{self, Comparing, Condition};

use super::operation::refers;
use super::parameter::{Parameter, find};
use super::schema::{self, EMAIL, PHONE, field_name, is_id, title_of};
use super::value::{self, Place, uses_of_parts};

#[derive(Default)]
pub(super) struct Asked {
    record: u32,
    pub slots: Vec<Slot>,
    pub uses: Vec<FieldUse>,
    /// Whether there is a value that records are compared with.
    pub compares: bool,
    /// Whether others are found than those that are compared with.
    pub finds_others: bool,
}

/// # Errors
/// [`LocateError`] for criteria that are not understood, or that lead through lookups
/// to a module that is not known.
pub(super) fn locate(
    object: &ObjectName,
    parameters: &[Parameter],
    record: u32,
) -> Result<Asked, LocateError> {
    let mut asked = Asked { record, ..Asked::default() };
    if let Some(order) = find(parameters, "sort_by") {
        let place = resolve(object, order.value(), record).ok_or_else(|| {
            unparseable("parameter `sort_by`", "it leads to records of a module that is not known")
        })?;
        let place = called(&place).unwrap_or(place);
        if !matches!(place.field.as_str(), "audited_time" | "created_time" | "id" | "modified_time")
        {
            asked.use_of(&place, "sort_by");
        }
    }
    for (name, field) in [("email", EMAIL), ("phone", PHONE)] {
        if let Some(term) = find(parameters, name) {
            let place = place(object, FieldName::from_static(field), record);
            if refers(term.value()) {
                asked.use_of(&place, name);
            }
            let occurrence = place.occurrence(Role::Equality, Value::from(term.value().to_owned()));
            asked.slots.push(Slot::value(term.span.clone(), term.codec, occurrence));
            asked.compares = true;
            // It looks at all addresses or numbers of a record, whatever they are called.
            if schema::facts(object, &FieldName::from_static(field)).is_none() {
                asked.use_all(object, name);
            }
        }
    }
    if find(parameters, "word").is_some_and(|word| !word.value().is_empty()) {
        asked.use_all(object, "word");
    }
    if let Some(criteria) = find(parameters, "criteria") {
        asked.criteria(object, criteria)?;
    }
    Ok(asked)
}

impl Asked {
    fn criteria(&mut self, object: &ObjectName, text: &Parameter) -> Result<(), LocateError> {
        let criteria = zoho_criteria::parse(text.value())
            .map_err(|error| unparseable("parameter `criteria`", error.to_string()))?;
        let mut slots = Vec::new();
        self.finds_others |= criteria.finds_others;
        for condition in criteria.conditions {
            self.finds_others |= condition.field.contains('.');
            self.condition(object, condition, &mut slots)?;
        }
        self.slots.push(Slot::nested(text.inner.clone(), text.codec, text.text.clone(), slots));
        Ok(())
    }

    fn condition(
        &mut self,
        object: &ObjectName,
        condition: Condition,
        slots: &mut Vec<Slot>,
    ) -> Result<(), LocateError> {
        let place = resolve(object, &condition.field, self.record).ok_or_else(|| {
            let at = condition.at;
            let problem =
                format!("the name at byte {at} leads to records of a module that is not known");
            unparseable("parameter `criteria`", problem)
        })?;
        let operator = condition.operator.name;
        // Those that it leads to are others than the search finds.
        self.finds_others |= called(&place).is_some();
        let is_other = matches!(condition.operator.comparing, Comparing::Other | Comparing::Range);
        for operand in condition.operands {
            let Some(place) = compared(&place, &operand.text) else { continue };
            let is_place_holder = operand.text.starts_with("${") || refers(&operand.text);
            self.uses.extend(uses_of_parts(&place, operator));
            if is_other || is_place_holder {
                self.use_of(&place, operator);
            } else {
                let comparing = condition.operator.comparing;
                let widening = widening(comparing, &condition.operator_span);
                let value = Value::from(operand.text);
                let role = match (comparing, &value) {
                    (Comparing::Part { is_at_start, is_at_end, .. }, Value::Text(text)) => {
                        let pattern =
                            Pattern { is_at_start, is_at_end, ..Pattern::contains(text.clone()) };
                        Role::Pattern { pattern, operator }
                    }
                    (Comparing::Part { .. }, _) => {
                        self.use_of(&place, operator);
                        continue;
                    }
                    _ => Role::Equality,
                };
                // A part of a value names nobody.
                self.compares |= role == Role::Equality;
                slots.push(slot(operand.span, place.occurrence(role, value), widening));
            }
        }
        Ok(())
    }

    fn use_all(&mut self, object: &ObjectName, operator: &'static str) {
        let field = FieldName::from_static(FieldUse::EVERY_FIELD);
        self.uses.push(FieldUse { object: object.clone(), field, operator });
    }

    fn use_of(&mut self, place: &Place, operator: &'static str) {
        self.uses.push(value::use_of(place, operator));
        self.uses.extend(uses_of_parts(place, operator));
    }
}

fn slot(span: Range<usize>, occurrence: Occurrence, widening: Option<Widening>) -> Slot {
    let mut slot = Slot::value(span, Codec::ZohoCriteria, occurrence);
    slot.widening = widening;
    slot
}

fn widening(comparing: Comparing, operator: &Range<usize>) -> Option<Widening> {
    match comparing {
        Comparing::Membership => Some(Widening::Elements),
        Comparing::Equality { several: Some(several) } => {
            Some(Widening::List(vec![(operator.clone(), several)]))
        }
        Comparing::Part { several, .. } => Some(Widening::List(vec![(operator.clone(), several)])),
        Comparing::Equality { several: None } | Comparing::Other | Comparing::Range => None,
    }
}

/// The field that dots lead to; `None` where they lead to a module that is not known.
pub(super) fn resolve(object: &ObjectName, path: &str, record: u32) -> Option<Place> {
    let mut steps = path.split('.').peekable();
    let mut object = object.clone();
    let mut is_related = false;
    while let Some(step) = steps.next() {
        let Some(further) = steps.peek() else {
            let name = if is_related { schema::related_field(&object, step) } else { step };
            return Some(place(&object, field_name(name), record));
        };
        match schema::lookup(&object, &step.to_ascii_lowercase()) {
            Some(target) => object = target,
            None if further.eq_ignore_ascii_case("id") => {}
            None => return None,
        }
        is_related = true;
    }
    None
}

/// What a value is compared with: the field, or for a lookup what its record is called
/// by. `None` for ids.
pub(super) fn compared(place: &Place, value: &str) -> Option<Place> {
    let called = called(place);
    let is_reference = called.is_some() || place.field.as_str() == "id";
    if is_reference && is_id(value) {
        return None;
    }
    Some(called.unwrap_or_else(|| place.clone()))
}

/// What the record is called by that a lookup leads to.
pub(super) fn called(place: &Place) -> Option<Place> {
    let object = schema::named(&place.object, place.field.as_str())?;
    let field = FieldName::from_static(title_of(&object));
    Some(Place { object, field, record: place.record })
}

fn place(object: &ObjectName, field: FieldName, record: u32) -> Place {
    Place { object: object.clone(), field, record }
}
