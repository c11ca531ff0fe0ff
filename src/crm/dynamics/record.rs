// SPDX-License-Identifier: Apache-2.0
//! Records in requests.

use super::link::{Towards, link, reference};
use super::path::{Key, canonical_id};
use super::schema::{self, is_name};
use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{Kind, Node};
use crate::carrier::{Codec, Occurrence, Removal, Role, Slot};
use crate::crm::message::unparseable;
use crate::crm::{FieldUse, LocateError, Origins, RecordName, Referred};

/// Collects the values of the records of one request.
pub(super) struct Records<'a> {
    origins: &'a Origins,
    /// The number of the next record.
    pub next: u32,
    pub slots: Vec<Slot>,
    pub uses: Vec<FieldUse>,
    pub names: Vec<RecordName>,
    pub referred: Vec<Referred>,
    /// The records that the request is about, in order.
    pub asked: Vec<u32>,
}

impl<'a> Records<'a> {
    pub(super) fn new(origins: &'a Origins, next: u32) -> Self {
        Self {
            origins,
            next,
            slots: Vec::new(),
            uses: Vec::new(),
            names: Vec::new(),
            referred: Vec::new(),
            asked: Vec::new(),
        }
    }

    fn next_record(&mut self) -> u32 {
        let record = self.next;
        self.next += 1;
        record
    }

    /// `{"Targets":[…]}`
    pub(super) fn targets(
        &mut self,
        body: Node<'_>,
        object: &ObjectName,
    ) -> Result<(), LocateError> {
        require(body, body.kind() == Kind::Object, "is no object")?;
        for member in body.members() {
            let value = member.value;
            require(value, member.key == "Targets", "is not a member of this message")?;
            require(value, value.kind() == Kind::Array, "is no list")?;
            for target in value.elements() {
                let number = self.next_record();
                self.asked.push(number);
                self.record(target, Some(object), number)?;
            }
        }
        Ok(())
    }

    /// `{"value":…}`: the value of one column.
    pub(super) fn property(
        &mut self,
        body: Node<'_>,
        object: &ObjectName,
        field: &FieldName,
        number: u32,
    ) -> Result<(), LocateError> {
        require(body, body.kind() == Kind::Object, "is no object")?;
        for member in body.members() {
            match member.key.as_ref() {
                // Without its value, the request says nothing.
                "value" => self.field(member.value, None, (object, field.clone()), number),
                key => self.control(key, member.value)?,
            }
        }
        Ok(())
    }

    /// `{"@odata.id":…}`: a record to refer to.
    pub(super) fn reference_body(&mut self, body: Node<'_>) -> Result<(), LocateError> {
        require(body, body.kind() == Kind::Object, "is no object")?;
        body.members().try_for_each(|member| self.control(&member.key, member.value))
    }

    /// One record. `object` is what path or relationship say that it is; without that,
    /// the record has to say it.
    pub(super) fn record(
        &mut self,
        record: Node<'_>,
        object: Option<&ObjectName>,
        number: u32,
    ) -> Result<(), LocateError> {
        require(record, record.kind() == Kind::Object, "is no object")?;
        let stated = match record.get("@odata.type") {
            None => None,
            Some(node) => {
                let stated = node.text().and_then(|text| schema::type_name(&text));
                Some(stated.ok_or_else(|| refuse(node, "is no type of a record"))?)
            }
        };
        if stated.as_ref().is_some_and(|stated| !schema::fits(stated, object)) {
            return Err(refuse(record, "states `@odata.type` of another table"));
        }
        let object = stated.as_ref().or(object).ok_or_else(|| {
            refuse(record, "belongs to a table that is not known; state `@odata.type`")
        })?;
        for member in record.members() {
            let (key, value) = (member.key.as_ref(), member.value);
            match key.split_once('@') {
                Some(("", _)) => self.control(key, value)?,
                Some((name, annotation)) => self.annotation(name, annotation, value, number)?,
                None => self.member(key, value, object, number)?,
            }
        }
        Ok(())
    }

    fn member(
        &mut self,
        name: &str,
        value: Node<'_>,
        object: &ObjectName,
        number: u32,
    ) -> Result<(), LocateError> {
        require(value, is_name(name), "has a name that no column can have")?;
        let is_record = |node: Node<'_>| node.kind() == Kind::Object;
        if is_record(value) || value.elements().any(is_record) {
            let related = schema::navigation(object, name).map(|led| led.object);
            let each = |records: &mut Self, node| {
                let (nested, before) = (records.next_record(), records.referred.len());
                records.record(node, related.as_ref(), nested)?;
                // Whom an e-mail goes to is whom the e-mail is about.
                if related.as_ref().is_some_and(schema::is_party) {
                    records.referred.iter_mut().skip(before).for_each(|it| it.by = number);
                }
                Ok(())
            };
            return if is_record(value) {
                each(self, value)
            } else {
                value.elements().try_for_each(|node| each(self, node))
            };
        }
        let field = schema::field_name(name);
        if let Some(id) = canonical_id(&value.value()) {
            if field == schema::primary_key(object) {
                self.names.push(RecordName { record: number, object: object.clone(), id });
                return Ok(());
            }
            if schema::holds_ids(&field) {
                return Ok(());
            }
        }
        self.field(value, value.removal(), (object, field), number);
        Ok(())
    }

    fn field(
        &mut self,
        value: Node<'_>,
        removal: Option<Removal>,
        (object, field): (&ObjectName, FieldName),
        record: u32,
    ) {
        const OPERATOR: &str = "writing a composed column";
        self.uses.extend(schema::uses_of_parts(object, &field, OPERATOR));
        let object = object.clone();
        let occurrence =
            Occurrence { object, field, record, role: Role::Stored, value: value.value() };
        self.slots.push(Slot::value(value.span(), Codec::Json, occurrence).removable(removal));
    }

    /// `@odata.…` of a record.
    fn control(&mut self, key: &str, value: Node<'_>) -> Result<(), LocateError> {
        match key {
            "@odata.id" => self.reference(value, None),
            "@odata.type" => {
                let is_type = value.text().is_some_and(|text| schema::type_name(&text).is_some());
                require(value, is_type, "is no type of a record")
            }
            // Clients send back what they read.
            "@odata.context" => self.context(value),
            "@odata.etag" => {
                let is_etag = value.text().is_some_and(|text| {
                    text.len() <= 64
                        && text.bytes().all(|byte| byte.is_ascii_digit() || b"W/\"".contains(&byte))
                });
                require(value, is_etag, "is no version of a record")
            }
            _ => Err(refuse(value, "is no annotation that a request needs")),
        }
    }

    /// `https://…/$metadata#contacts(fullname)/$entity`: leads to names only.
    fn context(&mut self, value: Node<'_>) -> Result<(), LocateError> {
        let decoded = value.decoded().ok_or_else(|| refuse(value, "is no text"))?;
        let link = link(decoded.as_str(), self.origins, Towards::Upstream);
        let link = link.ok_or_else(|| refuse(value, "leads to another host"))?;
        let rest = decoded.as_str().get(link.resource..).unwrap_or_default();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"$#_(),/*-.".contains(&byte);
        let names_only = rest.starts_with("$metadata#") && rest.bytes().all(allowed);
        require(value, names_only, "is no context of a record")?;
        if let Some(origin) = link.origin {
            self.slots.push(Slot::nested(value.inner_span(), Codec::Json, decoded, vec![origin]));
        }
        Ok(())
    }

    /// `parentcustomerid_account@odata.bind`
    fn annotation(
        &mut self,
        name: &str,
        annotation: &str,
        value: Node<'_>,
        number: u32,
    ) -> Result<(), LocateError> {
        require(value, is_name(name), "has a name that no column can have")?;
        match annotation {
            "odata.bind" if value.kind() == Kind::Array => {
                value.elements().try_for_each(|element| self.reference(element, Some(number)))
            }
            "odata.bind" if value.kind() == Kind::Null => Ok(()),
            "odata.bind" => self.reference(value, Some(number)),
            "odata.type" => {
                let is_type = value.text().is_some_and(|text| {
                    let allowed =
                        |byte: u8| byte.is_ascii_alphanumeric() || b"#._()".contains(&byte);
                    text.len() <= 128 && text.bytes().all(allowed)
                });
                require(value, is_type, "is no type")
            }
            _ => Err(refuse(value, "is no annotation that a request needs")),
        }
    }

    /// `by` is the record that is about the one that it refers to.
    fn reference(&mut self, value: Node<'_>, by: Option<u32>) -> Result<(), LocateError> {
        let decoded = value.decoded().ok_or_else(|| refuse(value, "is no reference"))?;
        let found = reference(decoded.as_str(), self.origins, Towards::Upstream, self.next)?;
        match found.key {
            Some(Key { id: Some(id), .. }) => {
                let referred = by.zip(found.object).filter(|(_, object)| !schema::is_user(object));
                self.referred.extend(referred.map(|(by, object)| Referred { by, object, id }));
            }
            Some(key) => {
                self.next += 1;
                self.uses.extend(key.uses);
            }
            None => {}
        }
        if !found.slots.is_empty() {
            self.slots.push(Slot::nested(value.inner_span(), Codec::Json, decoded, found.slots));
        }
        Ok(())
    }
}

fn require(node: Node<'_>, holds: bool, otherwise: &str) -> Result<(), LocateError> {
    if holds { Ok(()) } else { Err(refuse(node, otherwise)) }
}

fn refuse(node: Node<'_>, problem: &str) -> LocateError {
    unparseable("the body", format!("what stands at byte {} {problem}", node.span().start))
}
