// SPDX-License-Identifier: Apache-2.0

use std::borrow::Cow;

use crate::base::{Cleartext, FieldName, ObjectName};
use crate::carrier::json::{Kind, Node};
use crate::carrier::url::{Parameter, Target};
use crate::carrier::{Codec, Element, Occurrence, Removal, Role, Slot, Value};
use crate::crm::message::{self, MediaType, shown, unparseable};
use crate::crm::{FieldUse, LocateError, RecordName, Referred, RequestView};

use super::batch::Input;
use super::operation::{Call, Verb};
use super::schema::{
    RECORD_ID, canonical_field, canonical_id, composed_from, is_name, is_opaque, is_record_id,
    listed,
};
use super::{association, email_headers};

pub(super) const NO_FORM: &str = "it has a form that HubSpot does not use";
const NO_KEY: &str = "it is not a record id, and no `idProperty` says what it is";

/// What is found in a request about records of one object.
#[derive(Default)]
pub(super) struct Found {
    /// Places in the body.
    pub slots: Vec<Slot>,
    pub uses: Vec<FieldUse>,
    pub names: Vec<RecordName>,
    pub referred: Vec<Referred>,
    /// The inputs of a batch, and where they stand in the body.
    pub inputs: Vec<Input>,
    pub elements: Vec<Element>,
    /// Whether a search finds others than those that it compares with.
    pub finds_others: bool,
}

/// Finds the key in the path and checks all that passes.
pub(super) fn locate_target(
    call: &Call<'_>,
    target: &Target,
    found: &mut Found,
) -> Result<Vec<Slot>, LocateError> {
    for (index, parameter) in target.query.iter().enumerate() {
        let name = parameter.name.as_str();
        let earlier = target.query.iter().take(index).any(|earlier| earlier.name == name);
        let problem = if !call.verb.parameters().contains(&name) {
            "this operation does not take it"
        } else if earlier && !takes_names(name) {
            "it is given twice"
        } else if !is_acceptable(parameter) {
            NO_FORM
        } else {
            continue;
        };
        return Err(unparseable(format!("parameter `{}`", shown(name)), problem));
    }
    let (Some(key), Some(object)) = (call.key, &call.object) else { return Ok(Vec::new()) };
    let id_property = target.parameter("idProperty").map(|found| found.value.decoded.as_str());
    let text = key.decoded.as_str();
    match key_property(object, id_property)? {
        Some(field) => {
            let value = Value::Text(Cleartext::new(text));
            let occurrence =
                Occurrence { object: object.clone(), field, record: 0, role: Role::Key, value };
            Ok(vec![Slot::value(key.span.clone(), Codec::Percent, occurrence)])
        }
        None if is_record_id(text) => {
            let id = canonical_id(text);
            found.names.push(RecordName { record: 0, object: object.clone(), id });
            Ok(Vec::new())
        }
        None => Err(unparseable("the last segment of the path", NO_KEY)),
    }
}

fn takes_names(parameter: &str) -> bool {
    ["properties", "propertiesWithHistory", "associations"].contains(&parameter)
}

fn is_acceptable(parameter: &Parameter) -> bool {
    let value = parameter.value.decoded.as_str();
    match parameter.name.as_str() {
        name if takes_names(name) => value.is_empty() || value.split(',').all(is_name),
        "after" => is_opaque(value),
        _ => is_name(value),
    }
}

/// The property that keys are values of; `None` when they are record ids.
fn key_property(
    object: &ObjectName,
    id_property: Option<&str>,
) -> Result<Option<FieldName>, LocateError> {
    let field = id_property.map(canonical_field).filter(|field| field.as_str() != RECORD_ID);
    // A value of one is personal, though no policy needs to list it.
    if field.as_ref().is_some_and(|field| !composed_from(object, field).is_empty()) {
        return Err(unparseable("`idProperty`", "it is composed, so it names no record"));
    }
    Ok(field)
}

/// Finds all values and uses of fields in the body.
pub(super) fn locate_body(
    call: &Call<'_>,
    request: &RequestView<'_>,
    found: &mut Found,
) -> Result<(), LocateError> {
    let Some(object) = call.object.as_ref().filter(|_| call.verb.has_body()) else {
        return match call.verb {
            Verb::OAuthToken => message::check_token_request(request),
            _ => message::refuse_body(request.body),
        };
    };
    if MediaType::of(request.headers) != MediaType::Json {
        let expected = "application/json in UTF-8";
        return Err(LocateError::UnsupportedMediaType { place: "the body", expected });
    }
    let json = message::parse_json("the body", request.body)?;
    let mut body = Body { object, found };
    let root = json.root();
    match call.verb {
        Verb::Search => body.search(root)?,
        Verb::BatchCreate | Verb::BatchUpdate | Verb::BatchUpsert | Verb::BatchArchive => {
            members(root, &["inputs"])?;
            body.inputs(root, call.verb, None)?;
        }
        Verb::BatchRead => {
            members(root, &["inputs", "properties", "propertiesWithHistory", "idProperty"])?;
            check_names(root.get("properties"))?;
            check_names(root.get("propertiesWithHistory"))?;
            let id_property = name_of(root.get("idProperty"))?;
            body.inputs(root, call.verb, id_property.as_deref())?;
        }
        verb => body.record(root, verb.record_members(), None, 0).map(drop)?,
    }
    Ok(())
}

impl Verb {
    fn has_body(self) -> bool {
        !matches!(self, Self::List | Self::Read | Self::Delete)
    }

    /// The records of the request that the only record of an answer is. What two
    /// records were merged into is both.
    pub fn sole_records(self) -> Vec<u32> {
        match self {
            Self::Create | Self::Read | Self::Update => vec![0],
            Self::Merge => vec![0, 1],
            _ => Vec::new(),
        }
    }

    /// The members of the one record of the body, or of each of a batch.
    fn record_members(self) -> &'static [&'static str] {
        match self {
            Self::Create | Self::BatchCreate => {
                &["properties", "associations", "objectWriteTraceId"]
            }
            Self::Update => &["properties", "objectWriteTraceId"],
            Self::BatchUpdate | Self::BatchUpsert => {
                &["id", "idProperty", "properties", "objectWriteTraceId"]
            }
            Self::BatchRead | Self::BatchArchive => &["id"],
            Self::Merge => &["primaryObjectId", "objectIdToMerge"],
            Self::GdprDelete => &["objectId", "idProperty"],
            _ => &[],
        }
    }
}

/// The body of a request about records of one object.
pub(super) struct Body<'a> {
    pub object: &'a ObjectName,
    pub found: &'a mut Found,
}

impl Body<'_> {
    fn inputs(
        &mut self,
        root: Node<'_>,
        verb: Verb,
        id_property: Option<&str>,
    ) -> Result<(), LocateError> {
        for (record, input) in list(root.get("inputs"), "inputs")?.into_iter().enumerate() {
            let record = u32::try_from(record).unwrap_or(u32::MAX);
            let found = self.record(input, verb.record_members(), id_property, record)?;
            self.found.inputs.push(found);
            let records = record..record + 1;
            let element = input.removal().map(|removal| Element { records, removal });
            self.found.elements.extend(element);
        }
        Ok(())
    }

    fn record(
        &mut self,
        node: Node<'_>,
        known: &[&str],
        inherited: Option<&str>,
        record: u32,
    ) -> Result<Input, LocateError> {
        let own = name_of(node.get("idProperty"))?;
        let key = key_property(self.object, own.as_deref().or(inherited))?;
        let mut input = Input { is_record_id: key.is_none(), ..Input::default() };
        for (name, value) in members(node, known)? {
            match name.as_ref() {
                "properties" => self.properties(value, record)?,
                "associations" => {
                    association::check(value)?;
                    self.found.referred.extend(association::referred(value, record));
                }
                "objectWriteTraceId" => {
                    check_opaque(&name, value)?;
                    input.trace = Some(scalar(value).into_owned());
                }
                "id" | "objectId" => {
                    self.key(&name, value, key.clone(), record)?;
                    input.id = Some(Cleartext::new(scalar(value)));
                }
                "primaryObjectId" => self.key(&name, value, None, record)?,
                // A merge is about two records.
                "objectIdToMerge" => self.key(&name, value, None, record + 1)?,
                _ => {}
            }
        }
        Ok(input)
    }

    fn properties(&mut self, node: Node<'_>, record: u32) -> Result<(), LocateError> {
        if node.kind() != Kind::Object {
            return Err(unparseable(member("properties"), "it is not an object"));
        }
        node.members().try_for_each(|member| {
            self.property(&member.key, member.value, member.value.removal(), record)
        })
    }

    /// `removal` takes away what holds the property.
    pub fn property(
        &mut self,
        name: &str,
        value: Node<'_>,
        removal: Option<Removal>,
        record: u32,
    ) -> Result<(), LocateError> {
        let field = property_name(name)?;
        refuse_several(value, || format!("property `{field}`"))?;
        if email_headers::is_headers(self.object, &field) {
            let headers = email_headers::sent(self.object, value, record)?;
            self.found.slots.extend(headers);
            return Ok(());
        }
        self.use_sources(&field, "writing what is composed of it");
        let text = value.text().unwrap_or_default();
        if listed(self.object, &field).is_some() && text.contains(';') {
            self.use_field(field.clone(), "a list of several");
        }
        let slot = self.slot(value, field, record, Role::Stored);
        self.push(slot.removable(removal));
        Ok(())
    }

    pub fn key(
        &mut self,
        name: &str,
        value: Node<'_>,
        field: Option<FieldName>,
        record: u32,
    ) -> Result<(), LocateError> {
        match field {
            Some(field) => {
                refuse_several(value, || member(name))?;
                self.push(self.slot(value, field, record, Role::Key));
            }
            None if self.named(record, &scalar(value)) => {}
            None => return Err(unparseable(member(name), NO_KEY)),
        }
        Ok(())
    }

    /// Takes note of the id of a record, if it is one.
    pub fn named(&mut self, record: u32, id: &str) -> bool {
        let is_id = is_record_id(id);
        if is_id {
            let id = canonical_id(id);
            self.found.names.push(RecordName { record, object: self.object.clone(), id });
        }
        is_id
    }

    pub fn slot(&self, node: Node<'_>, field: FieldName, record: u32, role: Role) -> Slot {
        let occurrence =
            Occurrence { object: self.object.clone(), field, record, role, value: node.value() };
        Slot::value(node.span(), Codec::Json, occurrence)
    }

    pub fn push(&mut self, slot: Slot) {
        self.found.slots.push(slot);
    }

    pub fn use_field(&mut self, field: FieldName, operator: &'static str) {
        self.found.uses.push(FieldUse { object: self.object.clone(), field, operator });
    }

    /// A composed field is as protected as the fields it is composed from.
    pub fn use_sources(&mut self, field: &FieldName, operator: &'static str) {
        for source in composed_from(self.object, field) {
            self.use_field(FieldName::from_static(source), operator);
        }
    }
}

/// The members of an object that hold something.
///
/// # Errors
/// [`LocateError`] when it is not an object or has a member beside these.
pub(super) fn members<'a>(
    node: Node<'a>,
    known: &[&str],
) -> Result<Vec<(Cow<'a, str>, Node<'a>)>, LocateError> {
    if node.kind() != Kind::Object {
        return Err(unparseable("the body", "it has something else where an object belongs"));
    }
    if let Some(unknown) = node.members().find(|member| !known.contains(&member.key.as_ref())) {
        return Err(unparseable(member(&unknown.key), "this operation does not take it"));
    }
    let members = node.members().map(|member| (member.key, member.value));
    Ok(members.filter(|(_, value)| value.kind() != Kind::Null).collect())
}

/// The elements of a list; nothing where it is missing or null.
pub(super) fn list<'a>(node: Option<Node<'a>>, name: &str) -> Result<Vec<Node<'a>>, LocateError> {
    match node {
        Some(node) if node.kind() == Kind::Array => Ok(node.elements().collect()),
        Some(node) if node.kind() != Kind::Null => {
            Err(unparseable(member(name), "it is not a list"))
        }
        _ => Ok(Vec::new()),
    }
}

/// A place for one value, where something else would pass without being looked at.
pub(super) fn refuse_several(
    node: Node<'_>,
    place: impl Fn() -> String,
) -> Result<(), LocateError> {
    if matches!(node.kind(), Kind::Object | Kind::Array) {
        return Err(unparseable(place(), "it holds more than one value"));
    }
    Ok(())
}

/// The canonical name of a property.
pub(super) fn property_name(text: &str) -> Result<FieldName, LocateError> {
    if is_name(text) {
        return Ok(canonical_field(text));
    }
    Err(unparseable("the name of a property", NO_FORM))
}

pub(super) fn check_names(node: Option<Node<'_>>) -> Result<(), LocateError> {
    for name in list(node, "properties")? {
        property_name(&scalar(name))?;
    }
    Ok(())
}

pub(super) fn check_opaque(name: &str, value: Node<'_>) -> Result<(), LocateError> {
    if is_opaque(&scalar(value)) {
        return Ok(());
    }
    Err(unparseable(member(name), NO_FORM))
}

fn name_of(node: Option<Node<'_>>) -> Result<Option<Cow<'_, str>>, LocateError> {
    let Some(node) = node.filter(|node| node.kind() != Kind::Null) else { return Ok(None) };
    let text = scalar(node);
    property_name(&text)?;
    Ok(Some(text))
}

/// The text of a string or number; empty for anything else.
pub(super) fn scalar(node: Node<'_>) -> Cow<'_, str> {
    match node.kind() {
        Kind::Number => Cow::Borrowed(node.raw()),
        _ => node.text().unwrap_or_default(),
    }
}

pub(super) fn member(name: &str) -> String {
    format!("member `{}` of the body", shown(name))
}
