// SPDX-License-Identifier: Apache-2.0
//! Binds values to fields, each once.

use std::collections::HashMap;
use std::ops::Range;

use super::input::{Home, Input, Kind};
use crate::base::{FieldName, ObjectName};
use crate::carrier::{Codec, DecodedText, Occurrence, Removal, Role, Slot, Widening};
use crate::crm::salesforce::filter::{use_of_part, use_of_space};
use crate::crm::salesforce::id::{self, is_id};
use crate::crm::salesforce::schema;
use crate::crm::{FieldUse, LocateError, RecordName};

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
    start: usize,
    text: &'a DecodedText,
}

/// What a value that stands somewhere is taken for.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Meaning {
    /// A value of this field, of a record.
    Stored(ObjectName, FieldName, u32),
    Compared(ObjectName, FieldName),
    /// Anything that passes as it is.
    Setting,
}

impl Meaning {
    /// What it asks of its field, if it is not all that the value stands for.
    fn shared(&self) -> Option<FieldUse> {
        let Self::Compared(object, field) = self else { return None };
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

/// How a compared value may become several.
pub(super) enum Form<'k> {
    /// It stands in a list.
    Element,
    /// Its place becomes a list.
    List,
    /// Its operator becomes another one, whose name stands here.
    Operator(&'k Range<usize>, ListOperator),
    /// It does not.
    Single,
}

/// The operator that takes a list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ListOperator {
    In,
    NotIn,
}

impl ListOperator {
    pub fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::NotIn => "nin",
        }
    }

    fn written(self, home: Home) -> &'static str {
        match (self, home) {
            (Self::In, Home::Query) => "in",
            (Self::In, Home::Body) => "\"in\"",
            (Self::NotIn, Home::Query) => "nin",
            (Self::NotIn, Home::Body) => "\"nin\"",
        }
    }
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
        let operator = "comparing with a composed field";
        self.uses.extend(schema::uses_of_parts(&object, &field, operator));
        self.uses.extend(use_of_space(&object, &field, &input.value()));
        self.uses.extend(use_of_part(&object, &field));
        let widening = self.widening(input, form);
        self.value(input, Meaning::Compared(object, field), widening, None)
    }

    /// A value that is written to a field.
    pub fn store(
        &mut self,
        input: Input<'_>,
        record: u32,
        (object, field): (ObjectName, FieldName),
        removal: Option<Removal>,
    ) -> Result<(), LocateError> {
        self.value(input, Meaning::Stored(object, field, record), None, removal)
    }

    pub fn name(&mut self, record: u32, object: &ObjectName, id: &str) {
        let id = id::canonical(id);
        self.names.push(RecordName { record, object: object.clone(), id });
    }

    fn value(
        &mut self,
        input: Input<'_>,
        meaning: Meaning,
        widening: Option<Widening>,
        removal: Option<Removal>,
    ) -> Result<(), LocateError> {
        let (object, field, record, role) = match meaning.clone() {
            Meaning::Stored(object, field, record) => (object, field, record, Role::Stored),
            Meaning::Compared(object, field) => (object, field, 0, Role::Equality),
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

    fn widening(&self, input: Input<'_>, form: &Form<'_>) -> Option<Widening> {
        let (name, operator) = match (form, input.variable) {
            (Form::Element, None) => return Some(Widening::Elements),
            (Form::List, None) => return Some(Widening::List(Vec::new())),
            (Form::Operator(name, operator), _) => (*name, *operator),
            _ => return None,
        };
        let Some(variable) = input.variable else {
            let edit = (name.clone(), operator.written(input.home()));
            return Some(Widening::List(vec![edit]));
        };
        // A default and a value would both want to change the type.
        if variable.is_list || (variable.default.is_some() && input.home() == Home::Body) {
            return None;
        }
        let written = &variable.type_span;
        let edits = [
            (name.clone(), operator.written(Home::Query)),
            (written.start..written.start, "["),
            (written.end..written.end, "]"),
        ];
        let edits = edits.into_iter().map(|(span, text)| match input.home() {
            Home::Query => (span, text),
            Home::Body => (self.in_the_body(&span), text),
        });
        Some(Widening::List(edits.collect()))
    }

    /// Where a range of the document stands in the body.
    fn in_the_body(&self, span: &Range<usize>) -> Range<usize> {
        let origin = self.text.origin_of(span);
        self.start + origin.start..self.start + origin.end
    }
}
