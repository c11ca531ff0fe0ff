// SPDX-License-Identifier: Apache-2.0
//! Mutations: `ContactCreate(input: { Contact: { LastName: … } }) { Record { … } }`.

use super::asked::Sets;
use super::binding::Binding;
use super::input::{Home, Input, Kind, Member, Scope};
use super::selection::Selecting;
use crate::base::ObjectName;
use crate::carrier::Removal;
use crate::crm::LocateError;
use crate::crm::salesforce::composite::{has_reference, is_reference};
use crate::crm::salesforce::id::is_id;
use crate::crm::salesforce::schema::{self, is_name};
use crate::query::graphql::Field;

/// What the name of a mutation says.
pub(super) fn object_of(name: &str) -> Option<&str> {
    let verbs = ["Create", "Update", "Delete"];
    let object = verbs.into_iter().find_map(|verb| name.strip_suffix(verb));
    object.filter(|object| is_name(object))
}

impl<'a> Selecting<'a, '_, '_> {
    /// Gives each mutation the number of its record. One that refers to the record of another
    /// goes on with the number of that, so that the same laws hold.
    pub fn number_records(&mut self, sets: Sets<'a>) -> Result<(), LocateError> {
        let mut others = Vec::new();
        for asked in self.flattened(sets)? {
            self.numbers.insert(asked.key, self.found.records);
            self.found.records += 1;
            for (_, field) in &asked.fields {
                others.extend(self.written_by(field)?.map(|other| (asked.key, other)));
            }
        }
        for (key, other) in others {
            if let Some(number) = self.numbers.get(other.as_str()).copied() {
                self.numbers.insert(key, number);
            }
        }
        Ok(())
    }

    /// The mutation that writes the record which the id of this one refers to.
    fn written_by(&self, field: &'a Field) -> Result<Option<String>, LocateError> {
        let inputs = self.scope.arguments(&field.arguments)?;
        for input in inputs.iter().flat_map(|argument| &argument.values) {
            let members = self.scope.members(*input)?;
            let ids = members.iter().filter(|member| member.name == "Id");
            let mut texts = ids.flat_map(|id| &id.values).filter_map(Input::text);
            let name = texts.find_map(|text| record_of(&text).map(str::to_owned));
            if name.is_some() {
                return Ok(name);
            }
        }
        Ok(None)
    }
}

/// `a` of `@{a}`, `@{a.Id}` and `@{a.Record.Id}`.
fn record_of(reference: &str) -> Option<&str> {
    let inner = reference.strip_prefix("@{")?.strip_suffix('}')?;
    let (name, path) = inner.split_once('.').unwrap_or((inner, "Id"));
    ["Id", "Record.Id"].iter().any(|own| own.eq_ignore_ascii_case(path)).then_some(name)
}

impl Binding<'_> {
    /// `{ Id: …, Contact: { … } }`
    pub fn input<'a>(
        &mut self,
        scope: Scope<'a>,
        input: Input<'a>,
        record: u32,
        object: &ObjectName,
    ) -> Result<(), LocateError> {
        for member in scope.members(input)? {
            for value in &member.values {
                if member.name == "Id" {
                    self.id(*value, record, object)?;
                } else if schema::object_name(&member.name) == *object {
                    self.fields(scope, *value, record, object)?;
                } else {
                    return Err(value.refuse("is neither the id nor the fields of the record"));
                }
            }
        }
        Ok(())
    }

    fn id(&mut self, id: Input<'_>, record: u32, object: &ObjectName) -> Result<(), LocateError> {
        let text = id.text().filter(|_| id.kind() == Kind::Text).unwrap_or_default();
        if is_id(&text) {
            self.name(record, object, &text);
        }
        self.setting(id, is_id(&text) || is_reference(&text))
    }

    fn fields<'a>(
        &mut self,
        scope: Scope<'a>,
        fields: Input<'a>,
        record: u32,
        object: &ObjectName,
    ) -> Result<(), LocateError> {
        let members = scope.members(fields)?;
        let mut names: Vec<String> =
            members.iter().map(|member| member.name.to_ascii_lowercase()).collect();
        names.sort_unstable();
        if names.iter().zip(names.iter().skip(1)).any(|(a, b)| a == b) {
            return Err(fields.refuse("has two names that differ in case only"));
        }
        for member in members {
            for value in &member.values {
                self.field(&member, *value, record, object)?;
            }
        }
        Ok(())
    }

    fn field(
        &mut self,
        member: &Member<'_>,
        value: Input<'_>,
        record: u32,
        own: &ObjectName,
    ) -> Result<(), LocateError> {
        let (object, field) = schema::original(own, &member.name);
        if !matches!(value.kind(), Kind::Null | Kind::Text | Kind::Number | Kind::Flag) {
            return Err(value.refuse("is no value of a field"));
        }
        let text = value.text().unwrap_or_default();
        if field.as_str() == "id" {
            return self.id(value, record, own);
        }
        if has_reference(&text) {
            self.field_use(own, &member.name, "a reference to another result");
            return self.setting(value, true);
        }
        // An account's name is composed, and read-only, for persons only.
        if object.as_str() != "account" {
            let operator = "writing a composed field";
            self.uses.extend(schema::uses_of_parts(&object, &field, operator));
        }
        self.store(value, record, (object, field), removal(member, value))
    }
}

/// How a field is left out: with its name, or by a variable that has no value.
fn removal(member: &Member<'_>, value: Input<'_>) -> Option<Removal> {
    match (value.variable, value.home()) {
        (None, Home::Query) => {
            let whole = member.name_span.start..value.span().end;
            Some(Removal { member: whole, before: None, after: None })
        }
        (None, Home::Body) => value.removal(),
        (Some(variable), _) => {
            value.removal().filter(|_| !variable.is_required && variable.default.is_none())
        }
    }
}
