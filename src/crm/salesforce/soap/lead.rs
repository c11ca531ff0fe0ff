// SPDX-License-Identifier: Apache-2.0
//! Records that become one, and leads that become contacts ("merge()", "convertLead()").

use super::word::Word;
use crate::base::ObjectName;
use crate::carrier::xml::Element;
use crate::carrier::{self, Codec, Role, Slot, Value};
use crate::crm::salesforce::field::Owner;
use crate::crm::salesforce::id::{self, is_id};
use crate::crm::salesforce::record::Records;
use crate::crm::salesforce::xml::{check, refuse, refuse_text, text};
use crate::crm::{LocateError, RecordName};

impl Records {
    /// `<masterRecord>…</masterRecord><recordToMergeIds>…</recordToMergeIds>`: the answer
    /// tells about the record that stays.
    pub(super) fn merge(&mut self, request: &Element) -> Result<(), LocateError> {
        check(request)?;
        refuse_text(request)?;
        let first = self.next_record;
        let (asked, elements) = (self.asked.len(), self.elements.len());
        for child in &request.children {
            match child.name.as_str() {
                "masterRecord" if self.asked.len() == asked => self.element(child, None)?,
                "recordToMergeIds" => self.mention(Word::Id.read(child)?),
                _ => return Err(refuse(child, "is no part of a merge that is known here")),
            }
        }
        let object = self.asked.drain(asked..).next().and_then(|asked| asked.object);
        self.asks_for(
            first,
            Some(object.ok_or_else(|| refuse(request, "has no record that stays"))?),
        );
        self.elements.truncate(elements);
        self.elements.push(self.element_from(first, request));
        Ok(())
    }

    /// What becomes of a lead.
    pub(super) fn conversion(&mut self, lead: &Element) -> Result<(), LocateError> {
        check(lead)?;
        refuse_text(lead)?;
        let record = self.next_record;
        self.next_record += 2;
        let mut names = Vec::new();
        for child in &lead.children {
            let name = child.name.as_str();
            if names.contains(&name) {
                return Err(refuse(child, "stands there twice"));
            }
            names.push(name);
            match name {
                "leadId" => {
                    let object = ObjectName::from_static("lead");
                    let id = Word::Id.read(child)?;
                    if is_id(id) {
                        self.names.push(RecordName { record, object, id: id::canonical(id) });
                    }
                }
                "accountId"
                | "contactId"
                | "opportunityId"
                | "ownerId"
                | "relatedPersonAccountId" => self.mention(Word::Id.read(child)?),
                "convertedStatus" => self.written(child, record, "lead", "Status")?,
                "opportunityName" => self.written(child, record + 1, "opportunity", "Name")?,
                "bypassAccountDedupeCheck"
                | "bypassContactDedupeCheck"
                | "doNotCreateOpportunity"
                | "overwriteLeadSource"
                | "sendNotificationEmail" => drop(Word::Flag.read(child)?),
                "accountRecord"
                | "contactRecord"
                | "opportunityRecord"
                | "relatedPersonAccountRecord"
                    if text(child)?.is_empty() => {}
                _ => return Err(refuse(child, "is no part of a conversion that is known here")),
            }
        }
        self.asks_for(record, Some(ObjectName::from_static("lead")));
        self.elements.push(self.element_from(record, lead));
        Ok(())
    }

    fn element_from(&self, first: u32, element: &Element) -> carrier::Element {
        carrier::Element { records: first..self.next_record, removal: element.removal() }
    }

    /// A record that is named, and of which the answer tells nothing.
    fn mention(&mut self, id: &str) {
        let id = id::canonical(id);
        if let Some(object) = id::object_of(&id) {
            self.names.push(RecordName { record: self.next_record, object, id });
        }
        self.next_record += 1;
    }

    fn written(
        &mut self,
        element: &Element,
        record: u32,
        object: &'static str,
        field: &str,
    ) -> Result<(), LocateError> {
        let value = Value::from(text(element)?.to_owned());
        let object = ObjectName::from_static(object);
        let owner = Owner { object: &object, record, role: &Role::Stored };
        if let Some(piece) = &element.text {
            self.field(owner, field, None, value, |occurrence| {
                Slot::value(piece.span.clone(), Codec::Xml, occurrence)
                    .removable(Some(element.removal()))
            });
        }
        Ok(())
    }
}
