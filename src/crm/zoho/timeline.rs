// SPDX-License-Identifier: Apache-2.0
//! What was changed in a record, and by whom. Source: Zoho CRM API v8, "Timeline of a
//! Record".

use crate::base::ObjectName;
use crate::carrier::Role;
use crate::carrier::json::{Kind, Node};
use crate::crm::LocateError;

use super::record::{Records, id_of, scalar, stated_module};
use super::schema::{composed_from, field_name};
use super::value::Place;

impl Records {
    /// An entry of a timeline: `{"record":{…},"done_by":{…},"field_history":[{"api_name":
    /// "Email","_value":{"old":…,"new":…}}]}`.
    pub fn change(&mut self, entry: Node<'_>, object: &ObjectName) -> Result<(), LocateError> {
        let record = entry.get("record").filter(|record| record.kind() == Kind::Object);
        let object = record.and_then(stated_module).unwrap_or_else(|| object.clone());
        let number = self.next_record();
        self.name_record(number, &object, &record.map(id_of).unwrap_or_default());
        for member in entry.members() {
            match (member.key.as_ref(), member.value.kind()) {
                ("field_history", Kind::Array) => {
                    for change in member.value.elements() {
                        self.former(change, &object, number)?;
                    }
                }
                ("record" | "related_record", Kind::Object) => {
                    let target = stated_module(member.value).unwrap_or_else(|| object.clone());
                    let place =
                        Place { object: target.clone(), field: "id".into(), record: number };
                    self.related(member.value, &target, &place)?;
                }
                (key @ "done_by", _) => self.member(key, member.value, &object, number, None)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// What a field held once, and what it held then.
    fn former(
        &mut self,
        change: Node<'_>,
        object: &ObjectName,
        record: u32,
    ) -> Result<(), LocateError> {
        let name = change.get("api_name").map(scalar).unwrap_or_default();
        let place = Place { object: object.clone(), field: field_name(&name), record };
        let is_composed = !composed_from(&place.object, &place.field).is_empty();
        for value in change.get("_value").into_iter().flat_map(|values| values.children()) {
            match value.kind() {
                Kind::Null => {}
                Kind::Object | Kind::Array => self.member(&name, value, object, record, None)?,
                _ if is_composed => self.value(value, &place),
                _ => self.slot(value, &place, Role::Former),
            }
        }
        Ok(())
    }
}
