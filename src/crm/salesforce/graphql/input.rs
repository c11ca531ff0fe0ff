// SPDX-License-Identifier: Apache-2.0
//! Values of arguments, wherever they stand: in the document, or in the variables.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::ops::Range;

use crate::carrier::Value;
use crate::carrier::json::{self, Node};
use crate::crm::LocateError;
use crate::crm::message::unparseable;
use crate::crm::salesforce::schema::is_name;
use crate::query::graphql::{self, Operation, ValueKind, Variable};

/// What offsets count in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Home {
    Query,
    Body,
}

/// A value that stands somewhere.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    node: Written<'a>,
    /// The variable that it is the whole of.
    pub variable: Option<&'a Variable>,
}

#[derive(Clone, Copy)]
enum Written<'a> {
    Query(&'a graphql::Value),
    Body(Node<'a>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Flag,
    Number,
    Text,
    Enum,
    List,
    Object,
}

/// A member of an input object, or an argument.
pub(super) struct Member<'a> {
    pub name: Cow<'a, str>,
    /// Where its name stands, quotes included.
    pub name_span: Range<usize>,
    /// More than one where a variable has a default and a value: both travel.
    pub values: Vec<Input<'a>>,
}

/// Values that a document may have once its fragments are written out, and its variables
/// looked up. A short one may name as many as it likes.
const MAX_VALUES: usize = 250_000;

/// Variables that are given, by their names.
pub(super) type Given<'a> = HashMap<Cow<'a, str>, Node<'a>>;

/// An operation and the variables that are given to it.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub operation: &'a Operation,
    pub given: &'a Given<'a>,
    /// How many values were looked at, in all operations.
    pub values: &'a Cell<usize>,
}

impl<'a> Scope<'a> {
    /// What a value of the document is, once variables are looked up.
    fn inputs(&self, value: &'a graphql::Value) -> Vec<Input<'a>> {
        let ValueKind::Variable(name) = &value.kind else {
            return vec![Input { node: Written::Query(value), variable: None }];
        };
        let variable = self.operation.variables.get(name);
        let given = self.given.get(name.as_str()).copied().map(Written::Body);
        let default = variable.and_then(|it| it.default.as_ref()).map(Written::Query);
        given.into_iter().chain(default).map(|node| Input { node, variable }).collect()
    }

    pub fn arguments(
        &self,
        arguments: &'a [graphql::Argument],
    ) -> Result<Vec<Member<'a>>, LocateError> {
        self.count(arguments.len())?;
        Ok(self.looked_up(arguments))
    }

    fn count(&self, values: usize) -> Result<(), LocateError> {
        self.values.set(self.values.get() + values);
        if self.values.get() > MAX_VALUES {
            return Err(LocateError::TooLarge { place: "the GraphQL document" });
        }
        Ok(())
    }

    fn looked_up(&self, arguments: &'a [graphql::Argument]) -> Vec<Member<'a>> {
        let member = |argument: &'a graphql::Argument| Member {
            name: Cow::Borrowed(argument.name.as_str()),
            name_span: argument.name_span.clone(),
            values: self.inputs(&argument.value),
        };
        arguments.iter().map(member).collect()
    }

    /// The members of an input object, whose names are names of the schema; none of `null`.
    pub fn members(&self, input: Input<'a>) -> Result<Vec<Member<'a>>, LocateError> {
        if !matches!(input.kind(), Kind::Object | Kind::Null) {
            return Err(input.refuse("is no object"));
        }
        let members = self.written(input);
        self.count(members.len())?;
        match members.iter().find(|member| !is_name(&member.name)) {
            Some(_) => Err(input.refuse("has a name that the schema cannot have")),
            None => Ok(members),
        }
    }

    fn written(&self, input: Input<'a>) -> Vec<Member<'a>> {
        match input.node {
            Written::Query(graphql::Value { kind: ValueKind::Object(members), .. }) => {
                self.looked_up(members)
            }
            Written::Query(_) => Vec::new(),
            Written::Body(node) => {
                let member = |member: json::Member<'a>| Member {
                    name_span: member.value.key_span(),
                    values: vec![Input { node: Written::Body(member.value), variable: None }],
                    name: member.key,
                };
                node.members().map(member).collect()
            }
        }
    }

    /// The elements of a list. One value stands for a list of it (section 3.11).
    pub fn elements(&self, input: Input<'a>) -> Result<Vec<Input<'a>>, LocateError> {
        let elements = match input.node {
            Written::Query(graphql::Value { kind: ValueKind::List(values), .. }) => {
                values.iter().flat_map(|value| self.inputs(value)).collect()
            }
            Written::Body(node) if node.kind() == json::Kind::Array => {
                let element = |node| Input { node: Written::Body(node), variable: None };
                node.elements().map(element).collect()
            }
            _ => vec![input],
        };
        self.count(elements.len()).map(|()| elements)
    }
}

impl<'a> Input<'a> {
    pub fn home(&self) -> Home {
        match self.node {
            Written::Query(_) => Home::Query,
            Written::Body(_) => Home::Body,
        }
    }

    pub fn span(&self) -> Range<usize> {
        match self.node {
            Written::Query(value) => value.span.clone(),
            Written::Body(node) => node.span(),
        }
    }

    pub fn kind(&self) -> Kind {
        match self.node {
            Written::Query(value) => match &value.kind {
                ValueKind::Text(_) => Kind::Text,
                ValueKind::Number(_) => Kind::Number,
                ValueKind::Flag(_) => Kind::Flag,
                // Variables have been looked up.
                ValueKind::Null | ValueKind::Variable(_) => Kind::Null,
                ValueKind::Enum(_) => Kind::Enum,
                ValueKind::List(_) => Kind::List,
                ValueKind::Object(_) => Kind::Object,
            },
            Written::Body(node) => match node.kind() {
                json::Kind::String => Kind::Text,
                json::Kind::Number => Kind::Number,
                json::Kind::True | json::Kind::False => Kind::Flag,
                json::Kind::Null => Kind::Null,
                json::Kind::Array => Kind::List,
                json::Kind::Object => Kind::Object,
            },
        }
    }

    /// The value of a field.
    pub fn value(&self) -> Value {
        match self.node {
            Written::Query(value) => match &value.kind {
                ValueKind::Text(value) | ValueKind::Number(value) => value.clone(),
                ValueKind::Flag(flag) => Value::Flag(*flag),
                ValueKind::Null | ValueKind::Variable(_) => Value::Empty,
                ValueKind::Enum(_) => Value::Structured("an enum value"),
                ValueKind::List(_) => Value::Structured("a list"),
                ValueKind::Object(_) => Value::Structured("an object"),
            },
            Written::Body(node) => node.value(),
        }
    }

    /// The text of a string, or the word of an enum value.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        match self.node {
            Written::Query(value) => match &value.kind {
                ValueKind::Text(Value::Text(text)) => Some(Cow::Borrowed(text.expose())),
                ValueKind::Text(_) => Some(Cow::Borrowed("")),
                ValueKind::Enum(word) => Some(Cow::Borrowed(word)),
                _ => None,
            },
            Written::Body(node) => node.text(),
        }
    }

    /// How to take it out of the variables, where it is a member there.
    pub fn removal(&self) -> Option<crate::carrier::Removal> {
        match self.node {
            Written::Query(_) => None,
            Written::Body(node) => node.removal().filter(|_| !node.key_span().is_empty()),
        }
    }

    pub fn refuse(&self, problem: &str) -> LocateError {
        let whole = match self.home() {
            Home::Query => "the GraphQL document",
            Home::Body => "the body",
        };
        unparseable(whole, format!("what stands at byte {} {problem}", self.span().start))
    }
}
