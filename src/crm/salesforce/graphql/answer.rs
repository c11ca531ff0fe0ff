// SPDX-License-Identifier: Apache-2.0
//! Answers, read by what was asked for.

use std::collections::HashMap;

use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{Kind, Node};
use crate::crm::message::{parse_answer, unparseable};
use crate::crm::salesforce::id::is_id;
use crate::crm::salesforce::reader::Reader;
use crate::crm::salesforce::schema;
use crate::crm::{AnswerView, LocateError, LocatedAnswer, ReadAnswer, SameRecord};

/// What a place of the answer holds.
#[derive(Debug, Default)]
pub(super) enum Shape {
    /// Counts, cursors, and what the schema says.
    #[default]
    Plain,
    /// The id of a record.
    Id,
    Value {
        object: ObjectName,
        field: FieldName,
        /// It is a copy from another record than the one at hand.
        is_copy: bool,
    },
    Object(Members),
    Record(Record),
    /// What became of a record of the request.
    Written {
        in_request: u32,
        object: ObjectName,
        members: Members,
    },
}

/// What is asked for, by its names.
pub(super) type Members = HashMap<String, Shape>;

#[derive(Debug)]
pub(super) struct Record {
    pub object: Option<ObjectName>,
    /// Where the answer says what object it is.
    pub stated: Option<String>,
    /// Where its id stands.
    pub id: Option<String>,
    pub members: HashMap<String, Shapes>,
}

/// What one name of a record holds, where the record is of this object.
pub(super) type Shapes = Vec<(Option<ObjectName>, Shape)>;

impl Record {
    /// Whether something is asked of it in case it is of this object.
    fn may_be(&self, object: &ObjectName) -> bool {
        let mut shapes = self.members.values().flatten();
        shapes.any(|(of, _)| of.as_ref() == Some(object))
    }
}

impl Shape {
    /// Whether it holds the same, whatever the object is.
    pub fn is_formal(&self) -> bool {
        matches!(self, Self::Plain | Self::Id)
    }
}

/// The record at hand, and those that it shows copies of.
struct Current {
    number: u32,
    copies: Vec<(ObjectName, u32)>,
}

/// Reads the answer to a request that asked for this.
#[derive(Debug)]
pub(super) struct Answered(pub Shape);

impl ReadAnswer for Answered {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        let json = parse_answer(answer)?;
        let mut reader = Reader::new(answer.origins, None);
        if let Some(json) = &json {
            let root = json.root();
            let is_answer = root.get("data").is_some() || root.get("errors").is_some();
            if is_answer { reader.graphql(root, &self.0)? } else { reader.walk(root, None)? }
        }
        reader.into_answer(answer)
    }
}

impl Reader<'_> {
    /// `{"data":…,"errors":[…]}`
    fn graphql(&mut self, root: Node<'_>, shape: &Shape) -> Result<(), LocateError> {
        for member in root.members() {
            match member.key.as_ref() {
                "data" => self.shaped(member.value, shape, &mut self.nobody())?,
                "errors" => {
                    let number = self.next_record();
                    self.echoes(member.value, number);
                }
                "extensions" => self.plain(member.value),
                _ => return Err(refuse(member.value)),
            }
        }
        Ok(())
    }

    fn nobody(&self) -> Current {
        Current { number: self.records, copies: Vec::new() }
    }

    fn plain(&mut self, node: Node<'_>) {
        if node.kind() == Kind::String {
            self.link(node);
        }
        node.children().for_each(|child| self.plain(child));
    }

    fn shaped(
        &mut self,
        node: Node<'_>,
        shape: &Shape,
        current: &mut Current,
    ) -> Result<(), LocateError> {
        match (shape, node.kind()) {
            (_, Kind::Null) => Ok(()),
            (Shape::Plain, _) => {
                self.plain(node);
                Ok(())
            }
            (_, Kind::Array) => {
                node.elements().try_for_each(|element| self.shaped(element, shape, current))
            }
            (Shape::Id, Kind::String) if node.text().is_some_and(|text| is_id(&text)) => Ok(()),
            (Shape::Value { object, field, is_copy }, kind) if kind != Kind::Object => {
                let number = if *is_copy { self.copied(object, current) } else { current.number };
                self.value(node, number, object.clone(), field.clone());
                Ok(())
            }
            (Shape::Object(members), Kind::Object) => self.members(node, members, current),
            (Shape::Record(record), Kind::Object) => self.graphql_record(node, record),
            (Shape::Written { in_request, object, members }, Kind::Object) => {
                self.written(node, *in_request, object, members)
            }
            _ => Err(refuse(node)),
        }
    }

    fn members(
        &mut self,
        node: Node<'_>,
        members: &Members,
        current: &mut Current,
    ) -> Result<(), LocateError> {
        node.members().try_for_each(|found| {
            let shape = members.get(found.key.as_ref()).ok_or_else(|| refuse(found.value))?;
            self.shaped(found.value, shape, current)
        })
    }

    fn graphql_record(&mut self, node: Node<'_>, record: &Record) -> Result<(), LocateError> {
        let mut current = self.nobody();
        self.next_record();
        let text = |key: &Option<String>| node.get(key.as_deref()?)?.text();
        let stated = text(&record.stated).map(|name| schema::object_name(&name));
        let stated = stated.filter(|object| record.may_be(object));
        let object = stated.as_ref().or(record.object.as_ref());
        if let (Some(id), Some(object)) = (text(&record.id).filter(|id| is_id(id)), object) {
            self.name(current.number, object, &id);
        }
        for found in node.members() {
            let shapes = record.members.get(found.key.as_ref());
            let shapes = shapes.map(Vec::as_slice).unwrap_or_default();
            let shape = match shapes {
                [(_, only)] => Some(only),
                several => several
                    .iter()
                    .find(|(of, shape)| shape.is_formal() || of.as_ref() == stated.as_ref())
                    .map(|(_, shape)| shape),
            };
            let shape = shape.ok_or_else(|| refuse(found.value))?;
            self.shaped(found.value, shape, &mut current)?;
        }
        Ok(())
    }

    /// What became of a record: it is the record of the answer that is nested here.
    fn written(
        &mut self,
        node: Node<'_>,
        in_request: u32,
        object: &ObjectName,
        members: &Members,
    ) -> Result<(), LocateError> {
        let in_answer = self.records;
        self.members(node, members, &mut self.nobody())?;
        if self.records == in_answer {
            self.next_record();
        }
        let id = members.iter().find(|(_, shape)| matches!(shape, Shape::Id));
        let id = id.and_then(|(key, _)| node.get(key)?.text()).filter(|id| is_id(id));
        if let Some(id) = id {
            self.name(in_answer, object, &id);
        }
        let is_taken = node.members().all(|member| member.value.kind() != Kind::False);
        self.done.add([SameRecord { in_answer, in_request, is_taken }]);
        Ok(())
    }

    fn copied(&mut self, object: &ObjectName, current: &mut Current) -> u32 {
        if let Some((_, number)) = current.copies.iter().find(|(of, _)| of == object) {
            return *number;
        }
        let number = self.next_record();
        current.copies.push((object.clone(), number));
        number
    }
}

fn refuse(node: Node<'_>) -> LocateError {
    let at = node.span().start;
    unparseable("the answer", format!("what stands at byte {at} was not asked for in this form"))
}
