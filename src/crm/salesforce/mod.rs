// SPDX-License-Identifier: Apache-2.0
//! Salesforce: the REST API ("REST API Developer Guide"), versions 20.0 and later.
//!
//! Read here: sObjects by id and by external id and what is related to them, sObject
//! collections and trees, composite requests (`composite`), SOQL queries and their further
//! pages, GraphQL (`graphql`), text searches (`search`), jobs of both Bulk APIs (`bulk`),
//! events (`cometd`), the partner and enterprise forms of the SOAP API (`soap`), metadata,
//! and the OAuth and identity endpoints. Everything else (the other SOAP APIs …) is an
//! unknown operation. Requests and answers are JSON, CSV and XML in jobs, and XML in SOAP;
//! the REST API in XML is refused.
//!
//! What makes Salesforce special, and where it is minded:
//! - It ignores the case of names: they are compared in lower case, and members
//!   that differ in case only are refused (`record`).
//! - Names and addresses are composed from other fields. Filtering by one, sorting
//!   by it or writing it is a use of each of those fields (`schema`).
//! - A filter can reach other objects through relationships. Where one leads is
//!   known for standard relationships only; a value behind any other is refused,
//!   because nothing could say whether it is protected (`filter`).
//! - Answers name the object of each record; only the query says what the columns
//!   of groups mean (`answer`).
//! - A record has two ids, of 15 and of 18 characters, and the longer one in any case
//!   (`id`). They name records, and are not treated as values anywhere.

mod answer;
mod api;
mod batch;
mod bulk;
mod cometd;
mod composite;
mod coverage;
mod field;
mod filter;
mod graphql;
mod id;
mod login;
mod operation;
mod reader;
mod record;
mod refusal;
mod row;
mod schema;
mod search;
mod soap;
mod sort;
mod tree;
mod xml;
#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::ACCEPT;
use smol_str::SmolStr;

use self::answer::{Answer, Place};
use self::api::Api;
use self::batch::Collection;
use self::filter::Found;
use self::operation::{Answered, Body, Operation, classify};
use self::record::Records;
use self::tree::Tree;
use crate::base::{Equality, FieldName, ObjectName, Refusal};
use crate::carrier::url::{Parameter, Piece, Target};
use crate::carrier::{Codec, Document, Occurrence, Role, Slot, Value};
use crate::crm::message::{self, MediaType};
use crate::crm::{
    self, About, Batch, BodyForm, Dialect, FieldFacts, LocateError, LocatedRequest, NativeAnswer,
    Question, RefusalForm, RequestView,
};

/// The Salesforce dialect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Salesforce;

impl Dialect for Salesforce {
    fn name(&self) -> &'static str {
        "salesforce"
    }

    fn asks_first(&self, request: &RequestView<'_>) -> Option<Question> {
        let target = message::parse_target(request.target).ok()?;
        match Api::of(&target.path())? {
            Api::Data(version, ["jobs", path @ ..]) => {
                bulk::asks_first(request, &target, version, path)
            }
            Api::Async(version, path) => bulk::v1::asks_first(request, &target, version, path),
            Api::Data(..) | Api::Soap(_) | Api::Events(_) => None,
        }
    }

    fn body_form(&self, request: &RequestView<'_>) -> BodyForm {
        let target = message::parse_target(request.target).ok();
        target.map_or(BodyForm::Whole, |target| match api::resource(&target.path()) {
            Some(["jobs", path @ ..]) => bulk::body_form(request, &target, path),
            _ => BodyForm::Whole,
        })
    }

    fn reports_on(&self, request: &RequestView<'_>) -> Option<SmolStr> {
        let target = message::parse_target(request.target).ok()?;
        match api::resource(&target.path())? {
            ["jobs", path @ ..] => bulk::reports_on(request, &target, path),
            _ => None,
        }
    }

    fn locate(&self, request: &RequestView<'_>) -> Result<LocatedRequest, LocateError> {
        let target = message::parse_target(request.target)?;
        let located = match Api::of(&target.path()) {
            Some(Api::Async(_, path)) => return bulk::v1::locate(request, &target, path),
            Some(Api::Soap(form)) => return soap::locate(request, &target, form),
            Some(Api::Events(path)) => cometd::locate(request, &target, path),
            Some(Api::Data(_, ["jobs", path @ ..])) => bulk::locate(request, &target, path),
            Some(Api::Data(_, ["graphql"] | ["graphql", ""])) => graphql::locate(request, &target),
            Some(Api::Data(_, ["composite", path @ ..]))
                if !matches!(path.first(), Some(&("sobjects" | "tree"))) =>
            {
                composite::locate(request, path)
            }
            _ => locate_single(request, &target),
        }?;
        refuse_xml_answer(request.headers)?;
        Ok(located)
    }

    fn canonical_object(&self, name: &str) -> ObjectName {
        schema::object_name(name)
    }

    fn canonical_field(&self, _object: &ObjectName, name: &str) -> FieldName {
        schema::field_name(name)
    }

    fn operations(&self) -> Vec<(&'static str, String)> {
        crm::listed(coverage::OPERATIONS)
    }

    fn field_facts(&self, object: &ObjectName, field: &FieldName) -> Option<FieldFacts> {
        schema::facts(object, field)
    }

    fn known_fields(&self) -> Vec<(ObjectName, FieldName)> {
        schema::known_fields()
    }

    fn holds_back(&self, operation: &crm::Operation) -> Duration {
        cometd::holds_back(operation.name.as_str())
    }

    /// "Salesforce trims leading and trailing white spaces in field values" ("Change Data
    /// Capture Developer Guide").
    fn equality(&self) -> Equality {
        Equality::Trimmed
    }

    /// Of the URI with the header fields ("API Request Limits and Allocations").
    fn longest_target(&self) -> usize {
        16 * 1024
    }

    fn sorts_rows(&self) -> bool {
        true
    }

    fn refers_to(&self, at: &Occurrence) -> Option<(ObjectName, SmolStr)> {
        let Value::Text(id) = &at.value else { return None };
        let id = Some(id.expose()).filter(|id| at.role == Role::Stored && id::is_id(id))?;
        let id = id::canonical(id);
        let object = id::object_of(&id).filter(schema::may_be_person)?;
        Some((object, id))
    }

    fn has_global_ids(&self) -> bool {
        true
    }

    fn refuse(&self, refusal: &Refusal) -> NativeAnswer {
        refusal::native(refusal)
    }

    /// A session stands in the envelope.
    fn holds_credential(&self, target: &Bytes) -> bool {
        let target = message::parse_target(target).ok();
        target.is_some_and(|target| matches!(Api::of(&target.path()), Some(Api::Soap(_))))
    }

    fn refusal_form(&self, target: &Bytes, headers: &HeaderMap) -> Option<RefusalForm> {
        let mut path = std::str::from_utf8(target).ok()?.split(['/', '?']).skip(1);
        match [path.next()?, path.next()?, path.next()?] {
            ["services", "async", _] => Some(bulk::v1::refusal_form(headers)),
            ["services", "Soap", form] => soap::Form::of(form).map(soap::Form::refusal_form),
            _ => None,
        }
    }
}

/// Locates a request inside a composite one.
fn locate_part(request: &RequestView<'_>) -> Result<LocatedRequest, LocateError> {
    let target = message::parse_target(request.target)?;
    match api::resource(&target.path()) {
        Some(_) => locate_single(request, &target),
        None => Err(LocateError::UnknownOperation),
    }
}

/// Locates a request that holds no others.
fn locate_single(
    request: &RequestView<'_>,
    target: &Target,
) -> Result<LocatedRequest, LocateError> {
    match api::resource(&target.path()) {
        Some(path @ ["search" | "parameterizedSearch", ..]) => {
            search::locate(request, target, path)
        }
        _ => locate_records(request, target),
    }
}

/// Locates what is about records by themselves, queries and metadata.
fn locate_records(
    request: &RequestView<'_>,
    target: &Target,
) -> Result<LocatedRequest, LocateError> {
    let operation = classify(request.method, target)?;
    let object = operation.object.map(schema::object_name);
    let key = operation.key.zip(object.as_ref());
    let key = key.map(|(field, object)| schema::original(object, field));
    let mut records = records(request, &operation, object.as_ref(), key.as_ref())?;
    let from = operation.related.map(|(id, _)| id);
    if let Some((id, object)) = operation.id.or(from).zip(object.as_ref()) {
        records.named(id, object);
    }

    let mut found = match target.parameter("q") {
        Some(parameter) => query(parameter)?,
        None if operation.parameters == ["q"] => {
            return Err(message::unparseable("the query", "parameter `q` is missing"));
        }
        None => Found { object: object.clone(), ..Found::default() },
    };
    if let Some(ids) = target.parameter("ids") {
        found.slots.push(records.ids(&ids.value, object.as_ref()));
    } else if operation.is_about_one_record() {
        records.asks_for(0, object);
    }
    let last = target.segments.iter().rfind(|segment| !segment.span.is_empty());
    if let (Some((object, field)), Some(last)) =
        (key.filter(|_| operation.body != Body::Records), last)
    {
        if field.as_str() == "id" && id::is_id(last.decoded.as_str()) {
            records.named(last.decoded.as_str(), &object);
        } else {
            found.uses.extend(schema::uses_of_parts(&object, &field, KEY));
            found.slots.push(path_key(last, object, field));
        }
    }
    let collection = collection(&operation, target, &records);
    found.uses.extend(records.uses);
    records.names.extend(found.names);

    Ok(LocatedRequest {
        operation: crm::Operation {
            name: operation.name.into(),
            object: found.object.clone(),
            about: About::named_if(operation.is_about_records()).and_others_if(found.finds_others),
        },
        target: Document::new(request.target.clone(), found.slots),
        headers: Vec::new(),
        body: Document::new(request.body.clone(), records.slots).with_elements(records.elements),
        uses: found.uses,
        records: records.names,
        referred: Vec::new(),
        batch: collection.map(|collection| Box::new(collection) as Box<dyn Batch>),
        answer: match operation.body {
            Body::Tree => Box::new(Tree(records.references)),
            _ => Box::new(Answer {
                object: match operation.related {
                    Some((_, name)) => {
                        found.object.and_then(|object| schema::related(&object, name))
                    }
                    None => found.object.filter(|_| operation.answer == Answered::Records),
                },
                columns: found.columns,
                is_login: operation.answer == Answered::Login,
                places: records.asked.into_iter().map(Place::Forwarded).collect(),
                order: found.order,
            }),
        },
    })
}

const KEY: &str = "a key in a composed field";

/// The collection that is written, if single records of it can be refused.
fn collection(operation: &Operation<'_>, target: &Target, records: &Records) -> Option<Collection> {
    let flag = target.parameter("allOrNone").map(|flag| flag.value.decoded.as_str());
    let all_or_none = records.all_or_none || flag == Some("true");
    let is_split =
        operation.writes_collection() && !all_or_none && records.asked.len() <= batch::MAX_RECORDS;
    is_split.then(|| Collection(records.asked.clone()))
}

/// What a query in a parameter asks, with slots for the target.
fn query(parameter: &Parameter) -> Result<Found, LocateError> {
    let Piece { span, decoded } = &parameter.value;
    let found = filter::bind(decoded.as_str())?;
    let slot = Slot::nested(span.clone(), Codec::Percent, decoded.clone(), found.slots);
    let order = found.order.map(|order| order.nested_at(span.clone()));
    Ok(Found { slots: vec![slot], order, ..found })
}

/// The value of an external id in the path.
fn path_key(segment: &Piece, object: ObjectName, field: FieldName) -> Slot {
    let value = Value::from(segment.decoded.as_str().to_owned());
    let key = Occurrence { object, field, record: 0, role: Role::Key, value };
    Slot::value(segment.span.clone(), Codec::Percent, key)
}

/// The records of the body.
fn records(
    request: &RequestView<'_>,
    operation: &Operation<'_>,
    object: Option<&ObjectName>,
    key: Option<&(ObjectName, FieldName)>,
) -> Result<Records, LocateError> {
    let mut records = Records::new(key.map(|(_, field)| field.clone()));
    let found = MediaType::of(request.headers);
    match operation.body {
        Body::None => return message::refuse_body(request.body).map(|()| records),
        Body::Form => {
            require(found, MediaType::Form, "application/x-www-form-urlencoded")?;
            return Ok(records);
        }
        Body::Record | Body::Records | Body::Selection | Body::Tree => {
            require(found, MediaType::Json, "application/json")?;
        }
    }
    let json = message::parse_json("the body", request.body)?;
    match operation.body {
        Body::Selection => records.selection(json.root(), object)?,
        Body::Records => records.collection(json.root(), object)?,
        Body::Tree => records.tree(json.root(), object)?,
        _ => records.record(json.root(), object).map(drop)?,
    }
    Ok(records)
}

/// # Errors
/// [`LocateError::UnsupportedMediaType`] unless the body says that it is `expected`.
fn require(found: MediaType, expected: MediaType, name: &'static str) -> Result<(), LocateError> {
    if found == expected {
        Ok(())
    } else {
        Err(LocateError::UnsupportedMediaType { place: "the body", expected: name })
    }
}

/// An answer in XML could not be read.
fn refuse_xml_answer(headers: &HeaderMap) -> Result<(), LocateError> {
    let asks_for_xml = headers
        .get_all(ACCEPT)
        .iter()
        .any(|value| value.as_bytes().to_ascii_lowercase().windows(3).any(|part| part == b"xml"));
    if asks_for_xml {
        let (place, expected) = ("the `Accept` header", "application/json");
        return Err(LocateError::UnsupportedMediaType { place, expected });
    }
    Ok(())
}
