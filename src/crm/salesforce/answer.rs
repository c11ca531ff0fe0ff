// SPDX-License-Identifier: Apache-2.0
//! Answers: read by their structure, which is the same for all operations.

use std::collections::HashMap;

use crate::crm::message::{link_headers, parse_answer};

use super::schema::{self, is_id};
use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{Kind, Node};
use crate::carrier::{Codec, Document, Occurrence, Role, Slot};
use crate::crm::{AnswerView, LocateError, LocatedAnswer, Origins, ReadAnswer};

/// What the request says about its answer.
#[derive(Debug)]
pub(super) struct Answer {
    /// Whose records a successful answer holds, where they do not say it.
    pub object: Option<ObjectName>,
    /// The fields behind columns with another name, by that name in lower case.
    pub columns: HashMap<String, (ObjectName, FieldName)>,
    /// The answer tells the client which URLs to use from now on.
    pub is_login: bool,
}

impl ReadAnswer for Answer {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        let headers = link_headers(answer)?;
        let Some(json) = parse_answer(answer)? else {
            return Ok(LocatedAnswer { headers, body: Document::default() });
        };
        let is_success = answer.status.is_success();
        let mut reader = Reader {
            origins: answer.origins,
            columns: &self.columns,
            slots: Vec::new(),
            records: 0,
        };
        if self.is_login && is_success {
            reader.login(json.root());
        } else {
            let expected = self.object.as_ref().filter(|_| is_success);
            reader.walk(json.root(), expected.map(Expected::Asked));
        }
        Ok(LocatedAnswer { headers, body: Document::new(answer.body.clone(), reader.slots) })
    }
}

/// What a place of the answer holds, if it holds records.
#[derive(Clone, Copy)]
enum Expected<'a> {
    /// What the request asked for; its columns may have other names.
    Asked(&'a ObjectName),
    Related(&'a ObjectName),
}

struct Reader<'a> {
    origins: &'a Origins,
    columns: &'a HashMap<String, (ObjectName, FieldName)>,
    slots: Vec<Slot>,
    records: u32,
}

impl Reader<'_> {
    fn walk(&mut self, node: Node<'_>, expected: Option<Expected<'_>>) {
        match node.kind() {
            Kind::String => {
                self.link(node);
            }
            Kind::Array => node.elements().for_each(|element| self.walk(element, expected)),
            Kind::Object => self.object(node, expected),
            Kind::Number | Kind::True | Kind::False | Kind::Null => {}
        }
    }

    fn object(&mut self, node: Node<'_>, expected: Option<Expected<'_>>) {
        let is_error = node.get("message").is_some()
            && (node.get("errorCode").is_some() || node.get("statusCode").is_some());
        if let Some(object) = stated_object(node) {
            let is_asked = matches!(expected, Some(Expected::Asked(_)));
            self.record(node, &object, is_asked);
        } else if is_error {
            self.error(node);
        } else if node.get("records").is_some() {
            for member in node.members() {
                self.walk(member.value, expected.filter(|_| member.key == "records"));
            }
        } else if let Some(Expected::Asked(object) | Expected::Related(object)) = expected {
            self.record(node, object, matches!(expected, Some(Expected::Asked(_))));
        } else {
            for member in node.members() {
                match member.key.as_ref() {
                    "errorMessage" => self.echo(member.value),
                    _ => self.walk(member.value, None),
                }
            }
        }
    }

    fn record(&mut self, record: Node<'_>, object: &ObjectName, is_asked: bool) {
        let number = self.next_record();
        let is_renamed = is_asked && !self.columns.is_empty();
        for member in record.members() {
            let value = member.value;
            let name = is_renamed.then(|| member.key.to_ascii_lowercase());
            let column = name.and_then(|name| self.columns.get(&name));
            let (object, field) =
                column.cloned().unwrap_or_else(|| schema::original(object, &member.key));
            match value.kind() {
                Kind::Object if member.key == "attributes" => self.walk(value, None),
                Kind::Object => self.nested(value, number, &object, &field),
                Kind::Array if value.elements().any(|element| element.kind() == Kind::Object) => {
                    self.walk(value, None);
                }
                Kind::Array | Kind::String | Kind::Number | Kind::True | Kind::False => {
                    self.value(value, number, object, field);
                }
                Kind::Null => {}
            }
        }
    }

    /// A related record, the records of a sub-select, or the parts of a compound field.
    fn nested(&mut self, node: Node<'_>, number: u32, object: &ObjectName, field: &FieldName) {
        let name = field.as_str();
        let is_part = schema::part_of(field, "").is_some();
        if is_part && stated_object(node).is_none() {
            for member in node.members() {
                if let Some(part) = schema::part_of(field, &member.key) {
                    self.value(member.value, number, object.clone(), part);
                }
            }
            return;
        }
        let related = schema::parent(object, name).or_else(|| schema::children(name));
        self.walk(node, related.as_ref().map(Expected::Related));
    }

    fn value(&mut self, node: Node<'_>, record: u32, object: ObjectName, field: FieldName) {
        let is_id = || field.as_str() == "id" && node.text().is_some_and(|text| is_id(&text));
        if self.link(node) || is_id() {
            return;
        }
        let role = match schema::composed_from(&object, &field) {
            [] => Role::Stored,
            from => Role::Composed { from },
        };
        let occurrence = Occurrence { object, field, record, role, value: node.value() };
        self.slots.push(Slot::value(node.span(), Codec::Json, occurrence));
    }

    fn error(&mut self, error: Node<'_>) {
        for member in error.members() {
            match member.key.as_ref() {
                "message" => self.echo(member.value),
                _ => self.walk(member.value, None),
            }
        }
    }

    /// A message to readers. It belongs to no field.
    fn echo(&mut self, node: Node<'_>) {
        if node.kind() != Kind::String || self.link(node) {
            return;
        }
        let occurrence = Occurrence {
            object: ObjectName::from_static("error"),
            field: FieldName::from_static("message"),
            record: self.next_record(),
            role: Role::Echo,
            value: node.value(),
        };
        self.slots.push(Slot::value(node.span(), Codec::Json, occurrence));
    }

    /// Exchanges the origin of a URL that points to the upstream.
    fn link(&mut self, node: Node<'_>) -> bool {
        let public = node.text().and_then(|text| self.origins.to_public(&text));
        let is_link = public.is_some();
        self.slots.extend(public.map(|url| Slot::rewritten(node.span(), Codec::Json, url)));
        is_link
    }

    /// `instance_url` and `id` name hosts of Salesforce that need not be the
    /// upstream; a client that followed them would leave the proxy.
    fn login(&mut self, node: Node<'_>) {
        for member in node.members() {
            let is_ours = matches!(member.key.as_ref(), "instance_url" | "id");
            let text = member.value.text().filter(|_| is_ours);
            match text.as_deref().and_then(path_of) {
                Some(path) => {
                    let url = format!("{}{path}", self.origins.public);
                    self.slots.push(Slot::rewritten(member.value.span(), Codec::Json, url));
                }
                None => self.walk(member.value, None),
            }
        }
    }

    fn next_record(&mut self) -> u32 {
        let record = self.records;
        self.records += 1;
        record
    }
}

/// What follows the origin of an absolute URL.
fn path_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    Some(rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default())
}

/// The object that a record states. A polymorphic relationship states `Name`, and
/// the URL of the record says more.
fn stated_object(record: Node<'_>) -> Option<ObjectName> {
    let attributes = record.get("attributes")?;
    let stated = attributes.get("type")?.text()?;
    if stated.eq_ignore_ascii_case("Name") {
        let url = attributes.get("url").and_then(|url| url.text()).unwrap_or_default();
        let mut parts = url.split('/').skip_while(|part| *part != "sobjects").skip(1);
        if let Some(object) = parts.next() {
            return Some(schema::object_name(object));
        }
    }
    Some(schema::object_name(&stated))
}
