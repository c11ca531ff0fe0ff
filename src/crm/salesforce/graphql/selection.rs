// SPDX-License-Identifier: Apache-2.0
//! What is asked for, and what the answer will hold.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::answer::Shape;
use super::asked::{Asked, without_arguments};
use super::binding::Binding;
use super::input::{Input, Kind, Scope};
use super::mutation;
use crate::base::ObjectName;
use crate::crm::LocateError;
use crate::crm::salesforce::id::is_id;
use crate::crm::salesforce::schema;
use crate::query::graphql::{Document, Field, OperationKind};

/// One operation of a document.
pub(super) struct Selecting<'a, 'b, 't> {
    pub document: &'a Document,
    pub scope: Scope<'a>,
    pub found: &'b mut Binding<'t>,
    /// The records that are written to, by what the answer calls them.
    pub numbers: HashMap<&'a str, u32>,
}

impl<'a, 'b, 't> Selecting<'a, 'b, 't> {
    pub fn new(document: &'a Document, scope: Scope<'a>, found: &'b mut Binding<'t>) -> Self {
        Self { document, scope, found, numbers: HashMap::new() }
    }

    pub fn operation(mut self) -> Result<Shape, LocateError> {
        let kind = self.scope.operation.kind;
        let set = (None, self.scope.operation.selections.as_slice());
        self.object(vec![set], |selecting, asked| match asked.name {
            "uiapi" => {
                selecting.each(asked, Self::all_or_none)?;
                if kind == OperationKind::Mutation {
                    selecting.number_records(asked.inner())?;
                }
                selecting.object(asked.inner(), |selecting, asked| match kind {
                    OperationKind::Query => selecting.root(asked),
                    OperationKind::Mutation => selecting.mutation(asked),
                })
            }
            "__schema" | "__type" => selecting.metadata(asked),
            _ => Err(asked.refuse("asks for something that is not known")),
        })
    }

    /// What is below `uiapi` in a query.
    fn root(&mut self, asked: &Asked<'a>) -> Result<Shape, LocateError> {
        let is_aggregate = asked.name == "aggregate";
        match asked.name {
            "query" | "aggregate" => {
                self.each(asked, |_, field| without_arguments(field))?;
                self.object(asked.inner(), |selecting, asked| {
                    let object = schema::object_name(asked.name);
                    selecting.asks_for(&object);
                    selecting.connection(asked, Some(&object), is_aggregate)
                })
            }
            "currentUser" => {
                self.each(asked, |_, field| without_arguments(field))?;
                let user = ObjectName::from_static("user");
                self.asks_for(&user);
                self.record(asked.inner(), Some(&user), false).map(Shape::Record)
            }
            "objectInfos" | "objectInfoInputs" | "relatedListByName" => self.metadata(asked),
            _ => Err(asked.refuse("asks for something that is not known")),
        }
    }

    /// What is asked for beside something else finds others than the rest names.
    fn asks_for(&mut self, object: &ObjectName) {
        self.found.finds_others |= self.found.object.is_some();
        self.found.object.get_or_insert_with(|| object.clone());
    }

    fn mutation(&mut self, asked: &Asked<'a>) -> Result<Shape, LocateError> {
        let object = mutation::object_of(asked.name).map(schema::object_name);
        let object = object.ok_or_else(|| asked.refuse("does something that is not known"))?;
        let [(_, field)] = asked.fields.as_slice() else {
            return Err(asked.refuse("is written more than once"));
        };
        self.found.object.get_or_insert_with(|| object.clone());
        let in_request = self.numbers.get(asked.key).copied().unwrap_or_default();
        for argument in self.scope.arguments(&field.arguments)? {
            for value in argument.values {
                if argument.name != "input" {
                    return Err(value.refuse("is no argument of a mutation"));
                }
                self.found.input(self.scope, value, in_request, &object)?;
            }
        }
        let members = self.members(asked.inner(), |selecting, asked| match asked.name {
            "Record" => {
                selecting.each(asked, |_, field| without_arguments(field))?;
                selecting.record(asked.inner(), Some(&object), false).map(Shape::Record)
            }
            "Id" => asked.leaf(Shape::Id),
            "success" => asked.leaf(Shape::Plain),
            _ => Err(asked.refuse("is not known of a mutation")),
        })?;
        Ok(Shape::Written { in_request, object, members })
    }

    /// `{ edges { node { … } cursor } pageInfo { … } totalCount }`
    pub fn connection(
        &mut self,
        asked: &Asked<'a>,
        object: Option<&ObjectName>,
        is_aggregate: bool,
    ) -> Result<Shape, LocateError> {
        self.each(asked, |selecting, field| selecting.connection_arguments(field, object))?;
        self.object(asked.inner(), |selecting, asked| {
            if asked.name != "edges" {
                return selecting.connected(asked);
            }
            selecting.each(asked, |_, field| without_arguments(field))?;
            selecting.object(asked.inner(), |selecting, asked| {
                selecting.each(asked, |_, field| without_arguments(field))?;
                match asked.name {
                    "cursor" => asked.leaf(Shape::Plain),
                    "node" if is_aggregate => {
                        selecting.object(asked.inner(), |selecting, asked| {
                            if asked.name != "aggregate" {
                                return Err(asked.refuse("is not known of an aggregate"));
                            }
                            let record = selecting.record(asked.inner(), object, true)?;
                            Ok(Shape::Record(record))
                        })
                    }
                    "node" => selecting.record(asked.inner(), object, false).map(Shape::Record),
                    _ => Err(asked.refuse("is not known of a page of records")),
                }
            })
        })
    }

    fn connected(&mut self, asked: &Asked<'a>) -> Result<Shape, LocateError> {
        match asked.name {
            "pageInfo" | "totalCount" | "pageResultCount" => self.metadata(asked),
            _ => Err(asked.refuse("is not known of a page of records")),
        }
    }

    fn connection_arguments(
        &mut self,
        field: &'a Field,
        object: Option<&ObjectName>,
    ) -> Result<(), LocateError> {
        let scope = self.scope;
        for argument in scope.arguments(&field.arguments)? {
            for value in argument.values {
                let is_null = value.kind() == Kind::Null;
                let is_number = is_null || value.kind() == Kind::Number;
                match argument.name.as_ref() {
                    "where" => self.found.filter(scope, value, object)?,
                    "orderBy" => self.found.clauses(scope, value, object, "orderBy")?,
                    "groupBy" => self.found.clauses(scope, value, object, "groupBy")?,
                    "first" | "upperBound" => self.found.setting(value, is_number)?,
                    "after" => self.found.setting(value, is_null || is_cursor(&value))?,
                    "scope" if is_null => self.found.setting(value, true)?,
                    "scope" => self.found.word(value)?,
                    _ => return Err(value.refuse("is no argument of a page of records")),
                }
            }
        }
        Ok(())
    }

    /// What says nothing of records. Its arguments are words of the schema, and ids of
    /// types of records.
    pub fn metadata(&mut self, asked: &Asked<'a>) -> Result<Shape, LocateError> {
        self.each(asked, |selecting, field| {
            let arguments = selecting.scope.arguments(&field.arguments)?;
            let mut values = arguments.into_iter().flat_map(|argument| argument.values);
            values.try_for_each(|value| selecting.words(value))
        })?;
        for inner in self.flattened(asked.inner())? {
            self.metadata(&inner)?;
        }
        Ok(Shape::Plain)
    }

    fn words(&mut self, input: Input<'a>) -> Result<(), LocateError> {
        match input.kind() {
            Kind::Null | Kind::Flag | Kind::Number => self.found.setting(input, true),
            Kind::Text if input.text().is_some_and(|text| is_id(&text)) => {
                self.found.setting(input, true)
            }
            Kind::Text | Kind::Enum => self.found.word(input),
            Kind::List => {
                let mut elements = self.scope.elements(input)?.into_iter();
                elements.try_for_each(|inner| self.words(inner))
            }
            Kind::Object => {
                let members = self.scope.members(input)?.into_iter();
                let mut values = members.flat_map(|member| member.values);
                values.try_for_each(|value| self.words(value))
            }
        }
    }

    /// Arguments that are flags: `RecordTypeId(fallback: true)`.
    pub fn flags(&mut self, field: &'a Field) -> Result<(), LocateError> {
        for value in self.scope.arguments(&field.arguments)?.iter().flat_map(|it| &it.values) {
            self.found.setting(*value, matches!(value.kind(), Kind::Flag | Kind::Null))?;
        }
        Ok(())
    }

    /// `uiapi(input: { allOrNone: true })`, or the flag itself.
    fn all_or_none(&mut self, field: &'a Field) -> Result<(), LocateError> {
        for argument in self.scope.arguments(&field.arguments)? {
            for value in argument.values {
                let inner = match argument.name.as_ref() {
                    "input" => self.scope.members(value)?,
                    "allOrNone" => {
                        self.found.setting(value, value.kind() == Kind::Flag)?;
                        continue;
                    }
                    _ => return Err(value.refuse("is an argument that is not known")),
                };
                for flag in inner {
                    for value in flag.values {
                        let is_fine = flag.name == "allOrNone" && value.kind() == Kind::Flag;
                        self.found.setting(value, is_fine)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// What a page before has given: base64, and of nothing that reads like an address or
/// several words.
fn is_cursor(value: &Input<'_>) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte);
    let text = value.text().filter(|_| value.kind() == Kind::Text).unwrap_or_default();
    let bare = text.trim_end_matches('=');
    let decoded = STANDARD_NO_PAD.decode(bare).or_else(|_| URL_SAFE_NO_PAD.decode(bare));
    let is_telling = decoded.is_ok_and(|it| it.iter().any(|byte| b"@ ".contains(byte)));
    (1..=512).contains(&text.len()) && text.bytes().all(is_part) && !is_telling
}
