// SPDX-License-Identifier: Apache-2.0
//! What an answer holds, by its structure, which is the same for all operations.

use std::borrow::Cow;
use std::ops::Range;

use super::answer::Columns;
use super::id::{self, is_id};
use super::schema::{self, is_name};
use crate::base::{FieldName, ObjectName};
use crate::carrier::Document;
use crate::carrier::json::{Kind, Node};
use crate::carrier::{Codec, Occurrence, Role, Slot, Value};
use crate::crm::message::{link_headers, unparseable};
use crate::crm::{AnswerView, Done, LocateError, LocatedAnswer, Origins, RecordName};

/// What a place of the answer holds, if it holds records.
#[derive(Clone, Copy)]
pub(super) enum Expected<'a> {
    /// What the request asked for; its columns may have other names.
    Asked(&'a ObjectName),
    Related(&'a ObjectName),
}

pub(super) struct Reader<'a> {
    pub origins: &'a Origins,
    pub columns: Option<&'a Columns>,
    pub slots: Vec<Slot>,
    pub records: u32,
    pub names: Vec<RecordName>,
    pub done: Done,
}

impl<'a> Reader<'a> {
    pub(super) fn new(origins: &'a Origins, columns: Option<&'a Columns>) -> Self {
        let (slots, names, done) = (Vec::new(), Vec::new(), Done::default());
        Self { origins, columns, slots, records: 0, names, done }
    }

    pub(super) fn into_answer(self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        Ok(LocatedAnswer {
            status: answer.status,
            headers: link_headers(answer)?,
            body: Document::new(answer.body.clone(), self.slots),
            records: self.names,
            done: self.done,
            ..LocatedAnswer::default()
        })
    }
}

impl Reader<'_> {
    pub(super) fn walk(
        &mut self,
        node: Node<'_>,
        expected: Option<Expected<'_>>,
    ) -> Result<(), LocateError> {
        match node.kind() {
            Kind::String => {
                self.link(node);
                Ok(())
            }
            Kind::Array => node.elements().try_for_each(|element| self.walk(element, expected)),
            Kind::Object => self.object(node, expected),
            Kind::Number | Kind::True | Kind::False | Kind::Null => Ok(()),
        }
    }

    fn object(
        &mut self,
        node: Node<'_>,
        expected: Option<Expected<'_>>,
    ) -> Result<(), LocateError> {
        let is_error = node.get("message").is_some()
            && (node.get("errorCode").is_some() || node.get("statusCode").is_some());
        if let Some(stated) = stated_object(node) {
            let is_asked = matches!(expected, Some(Expected::Asked(_)));
            let known =
                expected.map(|(Expected::Asked(object) | Expected::Related(object))| object);
            let is_told = stated.as_str() != schema::SEVERAL;
            let object = Some(&stated).filter(|_| is_told).or(known);
            self.record(node, object.ok_or_else(of_several)?, is_asked)
        } else if is_error {
            let number = self.next_record();
            self.error(node, number)
        } else if node.get("records").is_some() {
            node.members().try_for_each(|member| {
                self.walk(member.value, expected.filter(|_| member.key == "records"))
            })
        } else if let Some(Expected::Asked(object) | Expected::Related(object)) = expected {
            self.record(node, object, matches!(expected, Some(Expected::Asked(_))))
        } else {
            node.members().try_for_each(|member| match member.key.as_ref() {
                "errorMessage" | "exceptionMessage" | "stateMessage" => {
                    let number = self.next_record();
                    self.echo(member.value, number);
                    Ok(())
                }
                _ => self.walk(member.value, None),
            })
        }
    }

    /// A record of this object, whatever else the query says.
    pub(super) fn record_of(
        &mut self,
        record: Node<'_>,
        object: &ObjectName,
    ) -> Result<(), LocateError> {
        self.record(record, object, false)
    }

    fn record(
        &mut self,
        record: Node<'_>,
        object: &ObjectName,
        is_asked: bool,
    ) -> Result<(), LocateError> {
        let number = self.next_record();
        let columns = self.columns.filter(|_| is_asked);
        let id = id_of(record);
        let mut row = self.row(number, object, columns, id.as_deref())?;
        for member in record.members() {
            let value = member.value;
            let references = || record.members().map(|it| (it.key, it.value.text()));
            let (number, object, field) = self.place_of(&mut row, &member.key, references);
            match value.kind() {
                Kind::Object if member.key == "attributes" => self.walk(value, None)?,
                Kind::Object => self.nested(value, number, &object, &field)?,
                Kind::Array if value.elements().any(|element| element.kind() == Kind::Object) => {
                    self.walk(value, None)?;
                }
                Kind::Array | Kind::String | Kind::Number | Kind::True | Kind::False => {
                    self.value(value, number, object, field);
                }
                Kind::Null => {}
            }
        }
        Ok(())
    }

    /// A related record, the records of a sub-select, or the parts of a compound field.
    fn nested(
        &mut self,
        node: Node<'_>,
        number: u32,
        object: &ObjectName,
        field: &FieldName,
    ) -> Result<(), LocateError> {
        let related = schema::related(object, field.as_str());
        let part_of = |member: &str| {
            let known = schema::member_of(object, field, member);
            known.or_else(|| schema::part_by_name(field, member).filter(|_| related.is_none()))
        };
        let is_record = stated_object(node).is_some() || node.get("records").is_some();
        if !is_record && part_of("").is_some() {
            for member in node.members() {
                if let Some(part) = part_of(&member.key) {
                    self.value(member.value, number, object.clone(), part);
                }
            }
            return Ok(());
        }
        self.walk(node, related.as_ref().map(Expected::Related))
    }

    pub(super) fn value(
        &mut self,
        node: Node<'_>,
        record: u32,
        object: ObjectName,
        field: FieldName,
    ) {
        let is_id = || field.as_str() == "id" && node.text().is_some_and(|text| is_id(&text));
        // What else begins like a link to the upstream is what somebody has written.
        let is_link = field.as_str().ends_with("photourl") && self.link(node);
        if is_link || is_id() {
            return;
        }
        self.found((node.span(), Codec::Json), record, object, field, node.value());
    }

    /// A value of a record, wherever it stands.
    pub(super) fn found(
        &mut self,
        (span, codec): (Range<usize>, Codec),
        record: u32,
        object: ObjectName,
        field: FieldName,
        value: Value,
    ) {
        let role = match schema::composed_from(&object, &field) {
            [] => Role::Stored,
            from => Role::Composed { from },
        };
        let occurrence = Occurrence { object, field, record, role, value };
        self.slots.push(Slot::value(span, codec, occurrence));
    }

    pub(super) fn error(&mut self, error: Node<'_>, record: u32) -> Result<(), LocateError> {
        error.members().try_for_each(|member| match member.key.as_ref() {
            "message" => {
                self.echo(member.value, record);
                Ok(())
            }
            _ => self.walk(member.value, None),
        })
    }

    /// Every text of an error may repeat what was sent.
    pub(super) fn echoes(&mut self, node: Node<'_>, record: u32) {
        self.echo(node, record);
        node.children().for_each(|child| self.echoes(child, record));
    }

    /// A message to readers. It belongs to no field.
    pub(super) fn echo(&mut self, node: Node<'_>, record: u32) {
        if node.kind() != Kind::String || self.link(node) {
            return;
        }
        self.message((node.span(), Codec::Json), record, node.value());
    }

    pub(super) fn message(
        &mut self,
        (span, codec): (Range<usize>, Codec),
        record: u32,
        value: Value,
    ) {
        let occurrence = Occurrence {
            object: ObjectName::from_static("error"),
            field: FieldName::from_static("message"),
            record,
            role: Role::Echo,
            value,
        };
        self.slots.push(Slot::value(span, codec, occurrence));
    }

    pub(super) fn name(&mut self, record: u32, object: &ObjectName, id: &str) {
        let id = id::canonical(id);
        self.names.push(RecordName { record, object: object.clone(), id });
    }

    pub(super) fn insert(&mut self, at: usize, text: String) {
        self.slots.push(Slot::rewritten(at..at, Codec::Plain, text));
    }

    /// Exchanges the origin of a URL that points to the upstream.
    pub(super) fn link(&mut self, node: Node<'_>) -> bool {
        let public = node.text().and_then(|text| self.origins.to_public(&text));
        let is_link = public.is_some();
        self.slots.extend(public.map(|url| Slot::rewritten(node.span(), Codec::Json, url)));
        is_link
    }

    pub(super) fn next_record(&mut self) -> u32 {
        let record = self.records;
        self.records += 1;
        record
    }
}

/// The error of a record that may be of several objects, where nothing tells of which.
pub(super) fn of_several() -> LocateError {
    let problem = "it has a record that may be of several objects; ask for its `Type`, too";
    unparseable("the answer", problem)
}

/// The id that a record states, itself or by its URL.
fn id_of(record: Node<'_>) -> Option<Cow<'_, str>> {
    let own = record.members().find(|member| member.key.eq_ignore_ascii_case("Id"));
    let own = own.and_then(|member| member.value.text()).filter(|id| is_id(id));
    own.or_else(|| {
        let url = record.get("attributes")?.get("url")?.text()?;
        let (_, id) = url.rsplit_once('/')?;
        is_id(id).then(|| Cow::Owned(id.to_owned()))
    })
}

/// The object that a record states. One that may be of several objects states `Name`; then
/// its URL says more, or its id in there, or its `Type`.
fn stated_object(record: Node<'_>) -> Option<ObjectName> {
    let attributes = record.get("attributes")?;
    let stated = schema::object_name(&attributes.get("type")?.text()?);
    if stated.as_str() != schema::SEVERAL {
        return Some(stated);
    }
    let url = attributes.get("url").and_then(|url| url.text()).unwrap_or_default();
    let mut parts = url.split('/').skip_while(|part| *part != "sobjects").skip(1);
    let by_url = parts.next().map(schema::object_name);
    let by_url = by_url.filter(|object| object.as_str() != schema::SEVERAL);
    let by_id = || id::object_of(&id::canonical(parts.next().filter(|id| is_id(id))?));
    let by_name = || {
        let name = record.get("Type")?.text().filter(|name| is_name(name))?;
        Some(schema::object_name(&name))
    };
    by_url.or_else(by_id).or_else(by_name).or(Some(stated))
}
