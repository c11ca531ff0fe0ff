// SPDX-License-Identifier: Apache-2.0

use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{Kind, Node};
use crate::carrier::{Codec, Document, Occurrence, Role, Slot};
use crate::crm::message::{link, link_headers, parse_answer};
use crate::crm::{AnswerView, LocateError, LocatedAnswer, Origins, ReadAnswer};

use super::schema::{ADDITIONAL_EMAILS, canonical_field, composed_from};

/// Reads answers: records alone, in `results`, or errors.
#[derive(Debug)]
pub(super) struct HubSpotAnswer {
    /// The object whose records are answered.
    pub object: Option<ObjectName>,
}

impl ReadAnswer for HubSpotAnswer {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        let headers = link_headers(answer)?;
        let Some(json) = parse_answer(answer)? else {
            return Ok(LocatedAnswer { headers, body: Document::default() });
        };
        let mut slots = Vec::new();
        if let Some(object) = &self.object {
            let mut found = Found { object, origins: answer.origins, slots: &mut slots };
            if answer.status.is_client_error() || answer.status.is_server_error() {
                found.echoes(json.root());
            } else {
                found.answer(json.root());
            }
        } else {
            links(json.root(), answer.origins, &mut slots);
        }
        Ok(LocatedAnswer { headers, body: Document::new(answer.body.clone(), slots) })
    }
}

/// Links to the upstream in all the strings from here on.
fn links(node: Node<'_>, origins: &Origins, slots: &mut Vec<Slot>) {
    slots.extend(link(&node, origins));
    node.children().for_each(|child| links(child, origins, slots));
}

struct Found<'a> {
    object: &'a ObjectName,
    origins: &'a Origins,
    slots: &'a mut Vec<Slot>,
}

impl Found<'_> {
    /// One record, or the answer about several: then each of `results` is one.
    fn answer(&mut self, root: Node<'_>) {
        for member in root.members() {
            match member.key.as_ref() {
                "results" => {
                    for (record, result) in member.value.children().enumerate() {
                        let record = u32::try_from(record).unwrap_or(u32::MAX);
                        for member in result.members() {
                            self.record_member(&member.key, member.value, record);
                        }
                    }
                }
                // A batch of which a part failed (207).
                "errors" => self.echoes(member.value),
                name => self.record_member(name, member.value, 0),
            }
        }
    }

    fn record_member(&mut self, name: &str, node: Node<'_>, record: u32) {
        match name {
            "properties" => {
                for property in node.members() {
                    self.value(&property.key, property.value, record);
                }
            }
            "propertiesWithHistory" => {
                for property in node.members() {
                    let versions = property.value.children().flat_map(|version| version.members());
                    for member in versions {
                        if member.key == "value" {
                            self.value(&property.key, member.value, record);
                        } else {
                            links(member.value, self.origins, self.slots);
                        }
                    }
                }
            }
            _ => links(node, self.origins, self.slots),
        }
    }

    fn value(&mut self, property: &str, node: Node<'_>, record: u32) {
        let field = canonical_field(property);
        let role = match composed_from(self.object, &field) {
            _ if field.as_str() == ADDITIONAL_EMAILS => {
                Role::Composed { from: &["email", ADDITIONAL_EMAILS] }
            }
            [] => Role::Stored,
            from => Role::Composed { from },
        };
        self.push(field, node, record, role);
    }

    /// Error texts, down to every string: `message`, `context`, `errors[]`.
    fn echoes(&mut self, node: Node<'_>) {
        if let Some(link) = link(&node, self.origins) {
            self.slots.push(link);
        } else if node.kind() == Kind::String {
            self.push(FieldName::from_static("message"), node, 0, Role::Echo);
        } else {
            node.children().for_each(|child| self.echoes(child));
        }
    }

    fn push(&mut self, field: FieldName, node: Node<'_>, record: u32, role: Role) {
        let object = self.object.clone();
        let occurrence = Occurrence { object, field, record, role, value: node.value() };
        let slot = Slot::value(node.span(), Codec::Json, occurrence);
        self.slots.push(slot.removable(node.removal()));
    }
}
