// SPDX-License-Identifier: Apache-2.0
//! Binds values to fields, each once.

use std::collections::HashMap;

use super::input::{Home, Input, Kind};
use super::widening::Form;
use crate::base::{FieldName, ObjectName};
use crate::carrier::{Codec, DecodedText, Occurrence, Removal, Role, Slot, Widening};
use crate::crm::salesforce::filter::{use_of_part, use_of_space};
use crate::crm::salesforce::id::{self, is_id};
use crate::crm::salesforce::schema;
use crate::crm::{FieldUse, LocateError, RecordName};

const LIKE: &str = "like";

/// What is found in a request.
pub(super) struct Binding<'a> {
    /// Slots of the document, and of the body around it.
    pub in_query: Vec<Slot>,
    pub in_body: Vec<Slot>,
    pub uses: Vec<FieldUse>,
    pub names: Vec<RecordName>,
    pub finds_others: bool,
    /// The first that is asked for or written to.
    pub object: Option<ObjectName>,
    /// How many records mutations write to.
    pub records: u32,
    /// How many fields were looked at, in all operations.
    pub fields: usize,
    /// With the place among the slots of what has one.
    meanings: HashMap<(Home, usize), HashMap<Meaning, usize>>,
    /// Where the document starts in the body, and how it is written there.
    pub(super) start: usize,
    pub(super) text: &'a DecodedText,
}

/// What a value that stands somewhere is taken for.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Meaning {
    /// A value of this field, of a record.
    Stored(ObjectName, FieldName, u32),
    Compared(ObjectName, FieldName),
    /// A pattern that this field is compared with.
    Like(ObjectName, FieldName),
    /// Anything that passes as it is.
    Setting,
}

impl Meaning {
    /// What it asks of its field, if it is not all that the value stands for.
    fn shared(&self) -> Option<FieldUse> {
        let (Self::Compared(object, field) | Self::Like(object, field)) = self else {
            return None;
        };
        let (object, field) = (object.clone(), field.clone());
        Some(FieldUse { object, field, operator: "a value that stands for more than one field" })
    }
}

/// What was said of a value before.
enum Said {
    First,
    /// The same, and its slot.
    Again(usize),
    Otherwise,
}

impl<'a> Binding<'a> {
    pub fn new(start: usize, text: &'a DecodedText) -> Self {
        Self {
            in_query: Vec::new(),
            in_body: Vec::new(),
            uses: Vec::new(),
            names: Vec::new(),
            finds_others: false,
            object: None,
            records: 0,
            fields: 0,
            meanings: HashMap::new(),
            start,
            text,
        }
    }

    /// A value that passes as it is, if it is fine.
    pub fn setting(&mut self, input: Input<'_>, is_fine: bool) -> Result<(), LocateError> {
        if !is_fine {
            return Err(input.refuse("is not what can stand there"));
        }
        self.mean(input, Meaning::Setting).map(drop)
    }

    /// A use of a field by more than equality.
    pub fn field_use(&mut self, object: &ObjectName, field: &str, operator: &'static str) {
        let (object, field) = schema::original(object, field);
        if field.as_str() != "id" {
            self.uses.extend(schema::uses_of_parts(&object, &field, operator));
            self.uses.push(FieldUse { object, field, operator });
        }
    }

    /// A value that a field is compared with for equality.
    pub fn compare(
        &mut self,
        input: Input<'_>,
        own: &ObjectName,
        name: &str,
        form: &Form<'_>,
    ) -> Result<(), LocateError> {
        self.compare_as(Role::Equality, input, (own, name), form)
    }

    /// A value that a field is compared with by `like`.
    pub fn like(
        &mut self,
        input: Input<'_>,
        own: &ObjectName,
        name: &str,
        form: &Form<'_>,
    ) -> Result<(), LocateError> {
        if let Some(role) = Role::like(&input.value(), LIKE) {
            return self.compare_as(role, input, (own, name), form);
        }
        self.field_use(own, name, LIKE);
        let is_scalar = matches!(input.kind(), Kind::Null | Kind::Text | Kind::Number | Kind::Flag);
        self.setting(input, is_scalar)
    }

    fn compare_as(
        &mut self,
        role: Role,
        input: Input<'_>,
        (own, name): (&ObjectName, &str),
        form: &Form<'_>,
    ) -> Result<(), LocateError> {
        let (object, field) = schema::original(own, name);
        let is_scalar = matches!(input.kind(), Kind::Text | Kind::Number | Kind::Flag);
        if input.kind() == Kind::Null {
            self.field_use(own, name, FieldUse::PRESENCE);
            return self.setting(input, true);
        }
        if !is_scalar {
            return Err(input.refuse("is no value to compare with"));
        }
        if let Some(uses) = schema::uses_of_copy(own, name, "comparing with a copy") {
            self.uses.extend(uses);
            return self.setting(input, true);
        }
        if field.as_str() == "id"
            && let Some(text) = input.text().filter(|text| is_id(text))
        {
            self.name(0, &object, &text);
            return self.setting(input, true);
        }
        let operator = match role {
            Role::Pattern { operator, .. } => operator,
            _ => "comparing with a composed field",
        };
        self.uses.extend(schema::uses_of_parts(&object, &field, operator));
        self.uses.extend(use_of_space(&object, &field, &input.value()));
        self.uses.extend(use_of_part(&object, &field));
        let widening = self.widening(input, form);
        let meaning = match role {
            Role::Pattern { .. } => Meaning::Like(object, field),
            _ => Meaning::Compared(object, field),
        };
        self.value(input, (meaning, role), widening, None)
    }

    /// A value that is written to a field.
    pub fn store(
        &mut self,
        input: Input<'_>,
        record: u32,
        (object, field): (ObjectName, FieldName),
        removal: Option<Removal>,
    ) -> Result<(), LocateError> {
        self.value(input, (Meaning::Stored(object, field, record), Role::Stored), None, removal)
    }

    pub fn name(&mut self, record: u32, object: &ObjectName, id: &str) {
        let id = id::canonical(id);
        self.names.push(RecordName { record, object: object.clone(), id });
    }

    fn value(
        &mut self,
        input: Input<'_>,
        (meaning, role): (Meaning, Role),
        widening: Option<Widening>,
        removal: Option<Removal>,
    ) -> Result<(), LocateError> {
        let (object, field, record) = match meaning.clone() {
            Meaning::Stored(object, field, record) => (object, field, record),
            Meaning::Compared(object, field) | Meaning::Like(object, field) => (object, field, 0),
            Meaning::Setting => return Ok(()),
        };
        let occurrence = Occurrence { object, field, record, role, value: input.value() };
        let (span, said) = (input.span(), self.mean(input, meaning)?);
        let slots = self.slots_in(input.home());
        match said {
            Said::First => {
                let slot = Slot::value(span, Codec::Json, occurrence).removable(removal);
                slots.push(Slot { widening, ..slot });
            }
            Said::Again(at) => {
                if let Some(slot) = slots.get_mut(at).filter(|slot| slot.widening != widening) {
                    // Two places would have to change with it.
                    slot.widening = None;
                }
            }
            // Nothing is written for it: as several fields, it is refused where it would be.
            Said::Otherwise => {
                slots.push(Slot::value(span.end..span.end, Codec::Json, occurrence));
            }
        }
        Ok(())
    }

    /// Takes down what a value stands for. Compared, it may stand for several fields, of
    /// which none is protected then: it is a use of each of them.
    fn mean(&mut self, input: Input<'_>, meaning: Meaning) -> Result<Said, LocateError> {
        let next = self.slots_in(input.home()).len();
        let known = self.meanings.entry((input.home(), input.span().start)).or_default();
        if let Some(at) = known.get(&meaning) {
            return Ok(Said::Again(*at));
        }
        if known.is_empty() {
            known.insert(meaning, next);
            return Ok(Said::First);
        }
        if known.keys().chain([&meaning]).any(|it| matches!(it, Meaning::Stored(..))) {
            return Err(input.refuse("stands for two things"));
        }
        let first = known.keys().filter(|_| known.len() == 1);
        self.uses.extend(first.chain([&meaning]).filter_map(Meaning::shared));
        known.insert(meaning, next);
        Ok(Said::Otherwise)
    }

    fn slots_in(&mut self, home: Home) -> &mut Vec<Slot> {
        match home {
            Home::Query => &mut self.in_query,
            Home::Body => &mut self.in_body,
        }
    }
}
