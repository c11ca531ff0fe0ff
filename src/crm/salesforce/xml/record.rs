// SPDX-License-Identifier: Apache-2.0
//! Records in requests.

use smol_str::SmolStr;

use super::{
    ANY_RECORD, ENTERPRISE_RECORDS, NAMESPACES, TYPE, check, is_no_record, refuse, refuse_text,
    text,
};
use crate::base::ObjectName;
use crate::carrier::xml::Element;
use crate::carrier::{self, Codec, Role, Slot, Value};
use crate::crm::LocateError;
use crate::crm::salesforce::field::{self, Owner};
use crate::crm::salesforce::record::Records;
use crate::crm::salesforce::schema::{self, is_name};

/// Fields that an update empties, by their names.
const TO_NULL: &str = "fieldsToNull";

impl Records {
    /// A record that an answer tells about. `object` is what is known of it; without that,
    /// it has to state its object.
    ///
    /// # Errors
    /// [`LocateError`] for a part of it that is not understood.
    pub(in crate::crm::salesforce) fn element(
        &mut self,
        record: &Element,
        object: Option<&ObjectName>,
    ) -> Result<(), LocateError> {
        let first = self.next_record;
        let object = field::object(stated(record)?, object);
        let object = object.map_err(|problem| refuse(record, problem))?;
        self.children(record, &object, &Role::Stored)?;
        self.asks_for(first, Some(object));
        let records = first..self.next_record;
        self.elements.push(carrier::Element { records, removal: record.removal() });
        Ok(())
    }

    fn children(
        &mut self,
        record: &Element,
        object: &ObjectName,
        role: &Role,
    ) -> Result<(), LocateError> {
        check(record)?;
        refuse_text(record)?;
        let number = self.next_record;
        self.next_record += 1;
        let mut names = Vec::new();
        for child in &record.children {
            check(child)?;
            let owner = Owner { object, record: number, role };
            let name = match child.name.as_str() {
                TYPE => continue,
                TO_NULL if text(child)?.is_empty() => continue,
                TO_NULL => text(child)?,
                name => name,
            };
            if !is_name(name) {
                return Err(refuse(child, "has a name that no field can have"));
            }
            names.push(name.to_ascii_lowercase());
            if !child.children.is_empty() {
                self.referred(child, object)?;
                continue;
            }
            let given = child.text.as_ref().filter(|_| child.name != TO_NULL);
            let span = given.map_or(child.span.end..child.span.end, |text| text.span.clone());
            let given = given.map_or("", |text| text.as_str());
            self.field(owner, name, Some(given), Value::from(given.to_owned()), |occurrence| {
                Slot::value(span, Codec::Xml, occurrence).removable(Some(child.removal()))
            });
        }
        if field::has_equals(names) {
            return Err(refuse(record, field::EQUAL_NAMES));
        }
        Ok(())
    }

    /// `<Account><Ext__c>A-1</Ext__c></Account>` names another record by an external id;
    /// in jobs it stands in an `sObject` of its own.
    fn referred(&mut self, reference: &Element, object: &ObjectName) -> Result<(), LocateError> {
        let inner = match reference.children.as_slice() {
            [inner] if inner.name == ANY_RECORD => inner,
            _ => reference,
        };
        let target = field::referred(stated(inner)?, object, &reference.name);
        let target = target.map_err(|problem| refuse(reference, problem))?;
        self.children(inner, &target, &Role::Key)
    }
}

/// The object that a record states: by its type, or by an element in it.
///
/// # Errors
/// [`LocateError`] where it states more than one, or where it is not said which of both
/// an element means.
fn stated(record: &Element) -> Result<Option<ObjectName>, LocateError> {
    let mut types = record.named(TYPE);
    let (by_element, more) = (types.next(), types.next());
    if more.is_some() {
        return Err(refuse(record, "states its object twice"));
    }
    let is_object = |(namespace, name): &&(SmolStr, String)| {
        let name = name.as_str();
        NAMESPACES.contains(&namespace.as_str()) && name != ANY_RECORD && !is_no_record(name)
    };
    let by_type = record.stated_type.as_ref().filter(is_object);
    if by_element.is_some_and(|it| it.namespace == ENTERPRISE_RECORDS) {
        // There, it could be the field of that name.
        return Err(refuse(
            record,
            "has a `type` that could be a field; write it as the WSDL does",
        ));
    }
    let by_element = by_element.map(text).transpose()?;
    let names = [by_type.map(|(_, name)| name.as_str()), by_element];
    let mut names = names.into_iter().flatten();
    let Some(name) = names.next() else { return Ok(None) };
    if !is_name(name) || names.any(|other| !other.eq_ignore_ascii_case(name)) {
        return Err(refuse(record, "does not state one object"));
    }
    Ok(Some(schema::object_name(name)))
}
