// SPDX-License-Identifier: Apache-2.0
//! Errors: `{"code":…,"details":{…},"message":…,"status":"error"}`, alone or as a row.

use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{Kind, Node};
use crate::carrier::{Codec, Role, Slot};
use crate::crm::LocateError;

use super::answer::{Reader, Reply};
use super::record::{scalar, stated_module};
use super::schema::{self, is_id};
use super::value::Place;

impl Reader<'_> {
    pub fn error(
        &mut self,
        node: Node<'_>,
        reply: &Reply,
        indexes: Option<&[usize]>,
    ) -> Result<(), LocateError> {
        let number = self.found.next_record();
        self.error_of(node, reply, number, indexes)
    }

    /// Error texts, down to every string: they belong to no field, except what is said of
    /// other records, such as the owner of a duplicate.
    pub fn error_of(
        &mut self,
        node: Node<'_>,
        reply: &Reply,
        number: u32,
        indexes: Option<&[usize]>,
    ) -> Result<(), LocateError> {
        for member in node.members() {
            let value = member.value;
            let is_lookup = schema::lookup(&reply.object, &member.key.to_ascii_lowercase());
            match (member.key.as_ref(), value.kind()) {
                ("id", _) if is_id(&scalar(value)) => {}
                ("duplicate_record", Kind::Object) => {
                    let object = stated_module(value).unwrap_or_else(|| reply.object.clone());
                    let place =
                        Place { object: object.clone(), field: "id".into(), record: number };
                    self.found.related(value, &object, &place)?;
                }
                (key, Kind::Object) if is_lookup.is_some() => {
                    self.found.member(key, value, &reply.object, number, None)?;
                }
                ("json_path", Kind::String) if indexes.is_some() => {
                    self.json_path(value, indexes.unwrap_or_default(), number);
                }
                (_, Kind::Object) => self.error_of(value, reply, number, indexes)?,
                (_, Kind::Array) => {
                    for element in value.elements() {
                        self.echo(element, number);
                        self.error_of(element, reply, number, indexes)?;
                    }
                }
                _ => self.echo(value, number),
            }
        }
        Ok(())
    }

    /// `$.data[1].Email` counts the records that were forwarded.
    pub fn json_path(&mut self, node: Node<'_>, indexes: &[usize], number: u32) {
        let text = scalar(node);
        let place = text.strip_prefix("$.data[").and_then(|rest| rest.split_once(']'));
        let index = place.and_then(|(index, _)| indexes.get(index.parse::<usize>().ok()?));
        match (index, place) {
            (Some(index), Some((_, rest))) if schema::is_name(rest) || rest.is_empty() => {
                let path = format!("$.data[{index}]{rest}");
                self.found.slots.push(Slot::rewritten(node.span(), Codec::Json, path));
            }
            _ => self.echo(node, number),
        }
    }

    pub fn echo(&mut self, node: Node<'_>, record: u32) {
        if node.kind() != Kind::String || self.link(node) {
            return;
        }
        let place = Place {
            object: ObjectName::from_static("error"),
            field: FieldName::from_static("message"),
            record,
        };
        self.found.slot(node, &place, Role::Echo);
    }
}
