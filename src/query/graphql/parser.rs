// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeMap;

use super::lexer::Literal;
use super::{
    Argument, Directive, Document, Field, Fragment, Operation, OperationKind, Selection,
    SelectionKind, SyntaxError, Value, ValueKind, Variable,
};
use crate::carrier;
use crate::query::tokens::{self, Kind};

pub(super) type Cursor<'q> = tokens::Cursor<'q, Literal>;

/// Whether a value may hold variables: defaults of variables may not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Argument,
    Default,
}

pub(super) fn document(mut cursor: Cursor<'_>) -> Result<Document, SyntaxError> {
    let mut document = Document::default();
    while cursor.token().kind != Kind::End {
        match cursor.next_word() {
            Some("fragment") => cursor.fragment(&mut document.fragments)?,
            _ => document.operations.push(cursor.operation()?),
        }
    }
    if document.operations.is_empty() {
        return Err(cursor.expected("an operation"));
    }
    Ok(document)
}

impl Cursor<'_> {
    fn operation(&mut self) -> Result<Operation, SyntaxError> {
        let at = self.at();
        let (mut name, mut variables) = (None, BTreeMap::new());
        let kind = match self.next_word() {
            Some("query") => OperationKind::Query,
            Some("mutation") => OperationKind::Mutation,
            Some(_) => return Err(self.expected("a query or a mutation")),
            None => {
                let selections = self.selection_set()?;
                let kind = OperationKind::Query;
                return Ok(Operation { kind, name, variables, selections, at });
            }
        };
        self.position += 1;
        if self.next_word().is_some() {
            name = Some(self.name()?);
        }
        if self.take_sign("(") {
            self.several(")", |cursor| cursor.variable(&mut variables))?;
        }
        Ok(Operation { kind, name, variables, selections: self.selection_set()?, at })
    }

    fn variable(&mut self, all: &mut BTreeMap<String, Variable>) -> Result<(), SyntaxError> {
        let at = self.at();
        self.sign("$")?;
        let name = self.name()?;
        self.sign(":")?;
        let (start, is_list) = (self.at(), self.next_is("["));
        let is_required = self.type_reference()?;
        let type_span = start..self.end_of_last();
        let default = if self.take_sign("=") { Some(self.value(Place::Default)?) } else { None };
        once(all, name, Variable { type_span, is_list, is_required, default, at }, at)
    }

    /// `[EmailAddress!]!`, and whether it ends like this.
    fn type_reference(&mut self) -> Result<bool, SyntaxError> {
        if self.take_sign("[") {
            self.deeper(Self::type_reference)?;
            self.sign("]")?;
        } else {
            self.name()?;
        }
        Ok(self.take_sign("!"))
    }

    fn fragment(&mut self, all: &mut BTreeMap<String, Fragment>) -> Result<(), SyntaxError> {
        self.position += 1;
        let at = self.at();
        if self.next_word() == Some("on") {
            return Err(self.expected("the name of a fragment"));
        }
        let name = self.name()?;
        if self.next_word() != Some("on") {
            return Err(self.expected("on"));
        }
        self.position += 1;
        let on = self.name()?;
        once(all, name, Fragment { on, selections: self.selection_set()?, at }, at)
    }

    fn selection_set(&mut self) -> Result<Vec<Selection>, SyntaxError> {
        self.sign("{")?;
        self.deeper(|cursor| cursor.several("}", Self::selection))
    }

    fn selection(&mut self) -> Result<Selection, SyntaxError> {
        let at = self.at();
        if !self.take_sign("...") {
            return self.field(at);
        }
        match self.next_word() {
            Some("on") => {
                self.position += 1;
                let on = Some(self.name()?);
                self.inline(on, at)
            }
            Some(_) => {
                let kind = SelectionKind::Spread(self.name()?);
                Ok(Selection { kind, directives: self.directives()?, at })
            }
            None => self.inline(None, at),
        }
    }

    fn inline(&mut self, on: Option<String>, at: usize) -> Result<Selection, SyntaxError> {
        let directives = self.directives()?;
        let selections = self.selection_set()?;
        Ok(Selection { kind: SelectionKind::Inline { on, selections }, directives, at })
    }

    fn field(&mut self, at: usize) -> Result<Selection, SyntaxError> {
        let first = self.name()?;
        let (alias, name) =
            if self.take_sign(":") { (Some(first), self.name()?) } else { (None, first) };
        let arguments = self.arguments()?;
        let directives = self.directives()?;
        let selections = if self.next_is("{") { self.selection_set()? } else { Vec::new() };
        let field = Field { alias, name, arguments, selections, at };
        Ok(Selection { kind: SelectionKind::Field(field), directives, at })
    }

    fn directives(&mut self) -> Result<Vec<Directive>, SyntaxError> {
        let mut directives = Vec::new();
        while self.next_is("@") {
            let at = self.at();
            self.position += 1;
            directives.push(Directive { name: self.name()?, arguments: self.arguments()?, at });
        }
        Ok(directives)
    }

    fn arguments(&mut self) -> Result<Vec<Argument>, SyntaxError> {
        if !self.take_sign("(") {
            return Ok(Vec::new());
        }
        self.several(")", |cursor| cursor.argument(Place::Argument))
    }

    fn argument(&mut self, place: Place) -> Result<Argument, SyntaxError> {
        let name_span = self.token().span.clone();
        let name = self.name()?;
        self.sign(":")?;
        Ok(Argument { name, name_span, value: self.value(place)? })
    }

    fn value(&mut self, place: Place) -> Result<Value, SyntaxError> {
        let start = self.at();
        let raw = self.raw(self.token().span.clone());
        let kind = match self.take().kind.clone() {
            Kind::Literal(Literal::Text(text)) => ValueKind::Text(carrier::Value::from(text)),
            Kind::Literal(Literal::Number) => {
                ValueKind::Number(carrier::Value::from(raw.to_owned()))
            }
            Kind::Word => match raw {
                "true" => ValueKind::Flag(true),
                "false" => ValueKind::Flag(false),
                "null" => ValueKind::Null,
                word => ValueKind::Enum(word.to_owned()),
            },
            Kind::Sign("$") if place == Place::Argument => ValueKind::Variable(self.name()?),
            Kind::Sign("[") => ValueKind::List(self.deeper(|cursor| {
                if cursor.take_sign("]") {
                    return Ok(Vec::new());
                }
                cursor.several("]", |cursor| cursor.value(place))
            })?),
            Kind::Sign("{") => ValueKind::Object(self.deeper(|cursor| {
                if cursor.take_sign("}") {
                    return Ok(Vec::new());
                }
                cursor.several("}", |cursor| cursor.argument(place))
            })?),
            Kind::Sign(_) | Kind::End => {
                self.position -= 1;
                return Err(self.expected("a value"));
            }
        };
        Ok(Value { span: start..self.end_of_last(), kind })
    }

    /// One or more items, up to this sign.
    fn several<T>(
        &mut self,
        end: &'static str,
        mut item: impl FnMut(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<Vec<T>, SyntaxError> {
        let mut items = vec![item(self)?];
        while !self.take_sign(end) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn name(&mut self) -> Result<String, SyntaxError> {
        let name = self.next_word().ok_or_else(|| self.expected("a name"))?.to_owned();
        self.position += 1;
        Ok(name)
    }
}

/// # Errors
/// [`SyntaxError::Twice`] for a name that was given before.
fn once<T>(
    all: &mut BTreeMap<String, T>,
    name: String,
    one: T,
    at: usize,
) -> Result<(), SyntaxError> {
    match all.insert(name, one) {
        None => Ok(()),
        Some(_) => Err(SyntaxError::Twice(at)),
    }
}
