// SPDX-License-Identifier: Apache-2.0
//! `where`, `orderBy` and `groupBy`.

use super::binding::Binding;
use super::input::{Input, Kind, Member, Scope};
use super::widening::{Form, ListOperator};
use crate::base::ObjectName;
use crate::crm::LocateError;
use crate::crm::salesforce::schema::{self, is_name};

/// What an operator asks of a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparing {
    /// With one value, and what the operator becomes for several.
    Equality(ListOperator),
    Membership,
    /// With a pattern.
    Pattern,
    /// More than equality.
    Other,
    SemiJoin,
}

/// Source: "Field Operators", "Semi-Join and Anti-Join".
const OPERATORS: [(&str, Comparing); 13] = [
    ("eq", Comparing::Equality(ListOperator::In)),
    ("ne", Comparing::Equality(ListOperator::NotIn)),
    ("in", Comparing::Membership),
    ("nin", Comparing::Membership),
    ("like", Comparing::Pattern),
    ("lt", Comparing::Other),
    ("gt", Comparing::Other),
    ("lte", Comparing::Other),
    ("gte", Comparing::Other),
    ("includes", Comparing::Other),
    ("excludes", Comparing::Other),
    ("inq", Comparing::SemiJoin),
    ("ninq", Comparing::SemiJoin),
];

/// What the clauses of a field say, in `orderBy` and `groupBy`.
const CLAUSE: [&str; 5] = ["order", "nulls", "group", "type", "function"];

impl Comparing {
    /// What the operator becomes for several values.
    fn list(self) -> Option<ListOperator> {
        match self {
            Self::Equality(list) => Some(list),
            Self::Pattern => Some(ListOperator::In),
            Self::Membership | Self::Other | Self::SemiJoin => None,
        }
    }
}

const UNKNOWN: &str = "belongs to an object that is not known";

fn operator(name: &str) -> Option<(&'static str, Comparing)> {
    OPERATORS.into_iter().find(|(known, _)| *known == name)
}

/// Whether one operator may become another one: a second one of that name would hide one of
/// the two.
fn is_free(list: ListOperator, operators: &[Member<'_>]) -> bool {
    let lists = operators.iter().filter_map(|member| operator(&member.name)?.1.list());
    lists.filter(|other| *other == list).count() == 1
        && operators.iter().all(|member| member.name != list.name())
}

/// Where a relationship leads. From an object that is not known, it may be the name of
/// one of several that it is ("Polymorphic Relationship Filters").
fn leads(object: Option<&ObjectName>, relationship: &str) -> Option<ObjectName> {
    match object {
        Some(object) => schema::parent(object, relationship),
        None => schema::parent_of_any(relationship),
    }
}

impl Binding<'_> {
    /// `{ Email: { eq: … }, or: [ … ], Account: { Name: { … } } }`
    pub fn filter<'a>(
        &mut self,
        scope: Scope<'a>,
        filter: Input<'a>,
        object: Option<&ObjectName>,
    ) -> Result<(), LocateError> {
        for member in scope.members(filter)? {
            let is_joint = matches!(member.name.as_ref(), "and" | "or" | "not");
            self.finds_others |= matches!(member.name.as_ref(), "or" | "not");
            for value in &member.values {
                if is_joint {
                    for inner in scope.elements(*value)? {
                        self.filter(scope, inner, object)?;
                    }
                    continue;
                }
                let inner = scope.members(*value)?;
                if inner.is_empty() {
                    continue;
                }
                if inner.iter().all(|member| operator(&member.name).is_some()) {
                    let object = object.ok_or_else(|| value.refuse(UNKNOWN))?;
                    self.comparisons(scope, &inner, (object, &member.name))?;
                } else {
                    self.finds_others = true;
                    let next = leads(object, &member.name);
                    self.filter(scope, *value, next.as_ref())?;
                }
            }
        }
        Ok(())
    }

    fn comparisons<'a>(
        &mut self,
        scope: Scope<'a>,
        operators: &[Member<'a>],
        (object, field): (&ObjectName, &str),
    ) -> Result<(), LocateError> {
        for member in operators {
            let Some((name, comparing)) = operator(&member.name) else { continue };
            let form = match comparing.list() {
                Some(list) if is_free(list, operators) => Form::Operator(&member.name_span, list),
                _ => Form::Single,
            };
            self.finds_others |= matches!(name, "ne" | "nin" | "excludes" | "inq" | "ninq");
            for value in &member.values {
                match comparing {
                    Comparing::Equality(_) => {
                        self.comparison(scope, *value, (object, field), &form)?;
                    }
                    Comparing::Pattern => {
                        if !self.is_moving(scope, *value, (object, field))? {
                            self.like(*value, object, field, &form)?;
                        }
                    }
                    Comparing::Membership => {
                        let is_list = value.kind() == Kind::List;
                        let form = if is_list { Form::Element } else { Form::List };
                        for element in scope.elements(*value)? {
                            self.comparison(scope, element, (object, field), &form)?;
                        }
                    }
                    Comparing::Other => {
                        self.field_use(object, field, name);
                        for element in scope.elements(*value)? {
                            let is_moving = self.is_moving(scope, element, (object, field))?;
                            let is_scalar = matches!(
                                element.kind(),
                                Kind::Null | Kind::Text | Kind::Number | Kind::Flag
                            );
                            if !is_moving {
                                self.setting(element, is_scalar)?;
                            }
                        }
                    }
                    Comparing::SemiJoin => {
                        self.field_use(object, field, name);
                        self.semi_join(scope, *value, name)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn comparison<'a>(
        &mut self,
        scope: Scope<'a>,
        value: Input<'a>,
        (object, field): (&ObjectName, &str),
        form: &Form<'_>,
    ) -> Result<(), LocateError> {
        if self.is_moving(scope, value, (object, field))? {
            return Ok(());
        }
        self.compare(value, object, field, form)
    }

    /// Whether a value is one of a date: `{ literal: TODAY }`, `{ range: { last_n_days: 3 } }`
    /// or `{ value: "2026-03-01" }`. What it says is bound then.
    fn is_moving<'a>(
        &mut self,
        scope: Scope<'a>,
        value: Input<'a>,
        (object, field): (&ObjectName, &str),
    ) -> Result<bool, LocateError> {
        if value.kind() != Kind::Object {
            return Ok(false);
        }
        for member in scope.members(value)? {
            for inner in &member.values {
                match (member.name.as_ref(), inner.kind()) {
                    (_, Kind::Null) => self.setting(*inner, true)?,
                    ("value", _) => self.compare(*inner, object, field, &Form::Single)?,
                    ("literal", _) => {
                        self.field_use(object, field, "a relative date");
                        self.word(*inner)?;
                    }
                    ("range", Kind::Object) => {
                        self.field_use(object, field, "a relative date");
                        for length in scope.members(*inner)? {
                            for length in length.values {
                                self.setting(length, length.kind() == Kind::Number)?;
                            }
                        }
                    }
                    _ => return Err(inner.refuse("is not a part of a date")),
                }
            }
        }
        Ok(true)
    }

    /// `{ Opportunity: { StageName: { … } }, ApiName: "AccountId" }`
    fn semi_join<'a>(
        &mut self,
        scope: Scope<'a>,
        join: Input<'a>,
        operator: &'static str,
    ) -> Result<(), LocateError> {
        let members = scope.members(join)?;
        let (fields, objects): (Vec<_>, Vec<_>) =
            members.into_iter().partition(|member| member.name == "ApiName");
        let [object] = objects.as_slice() else {
            return Err(join.refuse("does not say which object it looks at"));
        };
        let joined = schema::object_name(&object.name);
        for value in &object.values {
            self.filter(scope, *value, Some(&joined))?;
        }
        for field in fields.iter().flat_map(|field| &field.values) {
            self.word(*field)?;
            self.field_use(&joined, &field.text().unwrap_or_default(), operator);
        }
        Ok(())
    }

    /// `{ CloseDate: { order: ASC }, Account: { Name: { order: DESC, nulls: LAST } } }`
    pub fn clauses<'a>(
        &mut self,
        scope: Scope<'a>,
        clauses: Input<'a>,
        object: Option<&ObjectName>,
        operator: &'static str,
    ) -> Result<(), LocateError> {
        for clause in scope.elements(clauses)? {
            for member in scope.members(clause)? {
                for value in &member.values {
                    let inner = scope.members(*value)?;
                    if !inner.iter().all(|member| CLAUSE.contains(&member.name.as_ref())) {
                        let next = leads(object, &member.name);
                        self.clauses(scope, *value, next.as_ref(), operator)?;
                        continue;
                    }
                    let object = object.ok_or_else(|| value.refuse(UNKNOWN))?;
                    self.field_use(object, &member.name, operator);
                    for setting in inner.iter().flat_map(|member| &member.values) {
                        match setting.kind() {
                            Kind::Null | Kind::Flag => self.setting(*setting, true)?,
                            _ => self.word(*setting)?,
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// A word of the schema: an enum value, or the name of a field.
    pub fn word(&mut self, input: Input<'_>) -> Result<(), LocateError> {
        self.setting(input, input.text().is_some_and(|text| is_name(&text)))
    }
}
