// SPDX-License-Identifier: Apache-2.0
//! Answers: what became of messages, and events.

use http::header::SET_COOKIE;

use super::cookies;
use super::request::event_of;
use crate::base::ObjectName;
use crate::carrier::json::{Kind, Node};
use crate::crm::message::{link_headers, parse_answer};
use crate::crm::salesforce::id::{self, is_id};
use crate::crm::salesforce::reader::Reader;
use crate::crm::salesforce::schema;
use crate::crm::{AnswerView, LocateError, LocatedAnswer, ReadAnswer};

/// Reads the answer to any messages: events may come with each.
#[derive(Debug)]
pub(super) struct Events;

impl ReadAnswer for Events {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        let mut headers = link_headers(answer)?;
        headers.extend(cookies::set(answer).map(|cookie| (SET_COOKIE, cookie)));
        let json = parse_answer(answer)?;
        let mut reader = Reader::new(answer.origins, None);
        if let Some(json) = &json {
            let root = json.root();
            match root.kind() {
                Kind::Array => root.elements().try_for_each(|message| reader.bayeux(message))?,
                _ => reader.bayeux(root)?,
            }
        }
        Ok(LocatedAnswer { headers, ..reader.into_answer(answer)? })
    }
}

impl Reader<'_> {
    fn bayeux(&mut self, message: Node<'_>) -> Result<(), LocateError> {
        let Some(channel) = message.get("channel").and_then(|channel| channel.text()) else {
            return self.walk(message, None);
        };
        let number = self.next_record();
        for member in message.members() {
            match member.key.as_ref() {
                "data" => self.event(member.value, &channel)?,
                // `error`, and what extensions say of it, may repeat what was sent.
                _ => self.echoes(member.value, number),
            }
        }
        Ok(())
    }

    fn event(&mut self, data: Node<'_>, channel: &str) -> Result<(), LocateError> {
        for member in data.members() {
            let value = member.value;
            match member.key.as_ref() {
                "payload" if value.kind() == Kind::Object => self.payload(value, channel)?,
                "sobject" if value.kind() == Kind::Object => match object_by_id(value) {
                    Some(object) => self.record_of(value, &object)?,
                    None => self.walk(value, None)?,
                },
                _ => self.walk(value, None)?,
            }
        }
        Ok(())
    }

    /// What a change event says has changed, or a platform event.
    fn payload(&mut self, payload: Node<'_>, channel: &str) -> Result<(), LocateError> {
        let header = payload.get("ChangeEventHeader");
        let entity = header.and_then(|header| header.get("entityName")?.text());
        let entity = entity.as_deref().or_else(|| event_of(channel));
        let Some(object) = entity.map(schema::object_name) else {
            return self.walk(payload, None);
        };
        let number = self.records;
        self.record_of(payload, &object)?;
        let ids = header.and_then(|header| header.get("recordIds"));
        for id in ids.iter().flat_map(Node::elements).filter_map(|id| id.text()) {
            if is_id(&id) {
                self.name(number, &object, &id);
            }
        }
        Ok(())
    }
}

/// The object of a record that states no more than its id.
fn object_by_id(record: Node<'_>) -> Option<ObjectName> {
    let id = record.members().find(|member| member.key.eq_ignore_ascii_case("Id"))?;
    let id = id.value.text().filter(|id| is_id(id))?;
    id::object_of(&id::canonical(&id))
}
