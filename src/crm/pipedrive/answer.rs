// SPDX-License-Identifier: Apache-2.0
//! Answers: `{"success":…,"data":…,"additional_data":…}`.

use smol_str::SmolStr;

use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{Kind, Node};
use crate::carrier::{Codec, Document, Role, Slot};
use crate::crm::message::{link_headers, parse_answer, unparseable};
use crate::crm::{AnswerView, Done, LocateError, LocatedAnswer, ReadAnswer, SameRecord};

use super::record::{Place, Records};
use super::schema::{object_name, related};

/// Reads the answer to a request.
#[derive(Debug)]
pub(super) struct Answer {
    pub content: Content,
    /// Of the records, where they are not items that state what they are.
    pub object: Option<ObjectName>,
    /// That of the record that the path names.
    pub id: Option<SmolStr>,
}

/// What an answer without an error holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Records,
    /// The record that these of the request were written to, or merged into, as it is now.
    Written(&'static [u32]),
    /// What fields there are, or nothing of note.
    Other,
    /// The URL that the client uses from now on.
    Login,
}

impl ReadAnswer for Answer {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        let headers = link_headers(answer)?;
        let Some(json) = parse_answer(answer)? else {
            return Ok(LocatedAnswer {
                status: answer.status,
                headers,
                ..LocatedAnswer::default()
            });
        };
        let root = json.root();
        let mut records = Records::of_answer(answer.origins);
        let has_failed = !answer.status.is_success()
            || root.get("success").is_some_and(|success| success.kind() == Kind::False);
        let mut done = if has_failed { Done::default() } else { Done::All };
        match self.content {
            _ if has_failed => records.echoes(root),
            Content::Records => _ = records.answer(root, self)?,
            Content::Written(written) => {
                if let Some(in_answer) = records.answer(root, self)? {
                    let same = |in_request| SameRecord { in_answer, in_request, is_taken: true };
                    done.add(written.iter().copied().map(same));
                }
            }
            Content::Other => records.links(root),
            Content::Login => records.login(root, &answer.origins.public),
        }
        Ok(LocatedAnswer {
            status: answer.status,
            headers,
            body: Document::new(answer.body.clone(), records.slots),
            records: records.names,
            done,
        })
    }
}

impl Records<'_> {
    /// The number of the record that `data` is, if it is one.
    fn answer(&mut self, root: Node<'_>, asked: &Answer) -> Result<Option<u32>, LocateError> {
        if root.kind() != Kind::Object {
            return Err(unparseable("the answer", "it is not an object"));
        }
        let mut sole = None;
        for member in root.members() {
            match member.key.as_ref() {
                "data" => {
                    let first = self.count();
                    self.data(member.value, asked)?;
                    let is_record = member.value.kind() == Kind::Object && self.count() > first;
                    sole = is_record.then_some(first);
                }
                "related_objects" => self.related_objects(member.value),
                _ => self.links(member.value),
            }
        }
        Ok(sole)
    }

    fn data(&mut self, node: Node<'_>, asked: &Answer) -> Result<(), LocateError> {
        match node.kind() {
            Kind::Array => node.elements().try_for_each(|element| self.data(element, asked)),
            Kind::Object => self.object(node, asked),
            _ => {
                self.link(node);
                Ok(())
            }
        }
    }

    /// A record; a change of one; a page of items (`{"items":[…],"related_items":[…]}`);
    /// an item that was found (`{"result_score":…,"item":{…}}`) or that changed
    /// (`{"item":"person","data":{…}}`).
    fn object(&mut self, node: Node<'_>, asked: &Answer) -> Result<(), LocateError> {
        let is_page = node.get("items").is_some_and(|items| items.kind() == Kind::Array);
        if is_page {
            return node.children().try_for_each(|child| self.data(child, asked));
        }
        let item = node.get("item");
        let changed = item.and_then(|item| item.text()).map(|name| object_name(&name));
        let (record, object) = match (item, changed) {
            (Some(item), None) if item.kind() == Kind::Object => {
                let stated = item.get("type").and_then(|name| name.text());
                (Some(item), stated.map(|name| object_name(&name)))
            }
            (_, Some(object)) => (node.get("data"), Some(object)),
            (_, None) => (Some(node), None),
        };
        let object = object.as_ref().or(asked.object.as_ref()).ok_or_else(|| {
            unparseable("the answer", "it has an item that does not say what it is")
        })?;
        match (record, node.get("field_key").and_then(|key| key.text())) {
            (_, Some(field)) => self.change(node, &field, object, asked.id.clone()),
            (Some(record), None) => self.record(record, object),
            (None, None) => {}
        }
        Ok(())
    }

    /// `{"field_key":"name","old_value":…,"new_value":…}`
    fn change(&mut self, node: Node<'_>, field: &str, object: &ObjectName, id: Option<SmolStr>) {
        let number = self.next_record();
        self.name(number, object, id);
        for member in node.members() {
            match member.key.as_ref() {
                "old_value" | "new_value" => self.former(field, member.value, object, number),
                _ => self.links(member.value),
            }
        }
    }

    /// `{"person":{"9":{…}},"user":{"1":{…}}}`
    fn related_objects(&mut self, node: Node<'_>) {
        for member in node.members() {
            match related(&member.key) {
                Some(object) => member.value.children().for_each(|it| self.record(it, &object)),
                None => self.links(member.value),
            }
        }
    }

    /// Error texts, down to every string. They belong to no field.
    fn echoes(&mut self, node: Node<'_>) {
        if node.kind() != Kind::String {
            node.children().for_each(|child| self.echoes(child));
        } else if !self.link(node) {
            let place = Place {
                object: ObjectName::from_static("error"),
                field: FieldName::from_static("message"),
                record: 0,
            };
            let occurrence = place.occurrence(Role::Echo, node.value());
            self.slots.push(Slot::value(node.span(), Codec::Json, occurrence));
        }
    }

    /// `api_domain` names the company's own host, not the one that hands out tokens; a
    /// client that followed it would leave the proxy.
    fn login(&mut self, root: Node<'_>, public: &str) {
        for member in root.members() {
            if member.key == "api_domain" && member.value.kind() == Kind::String {
                let span = member.value.span();
                self.slots.push(Slot::rewritten(span, Codec::Json, public.to_owned()));
            } else {
                self.links(member.value);
            }
        }
    }
}
