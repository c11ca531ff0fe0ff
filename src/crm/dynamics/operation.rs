// SPDX-License-Identifier: Apache-2.0
//! Which operation of the Web API a request is.

use http::Method;

use super::link::is_version;
use super::path::Key;
use super::schema::is_name;
use super::search;
use super::walk::{Message, Place, Walk};
use crate::base::{FieldName, ObjectName};
use crate::carrier::url::{Piece, Target};
use crate::crm::LocateError;
use crate::crm::message::{method_not_allowed, unparseable};
use crate::query::odata::{self, Operand, Segment};

/// A classified request.
pub(super) struct Call {
    pub name: &'static str,
    /// The table whose records the request is about, where there is one.
    pub object: Option<ObjectName>,
    /// The records that the path names, each with its table, numbered in order.
    pub keys: Vec<(ObjectName, Key)>,
    /// The number of the record that the request is about.
    pub record: u32,
    /// Whether that is a record which the path names by another one.
    pub leads_away: bool,
    pub body: Body,
    pub answer: Answered,
    pub options: Options,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    None,
    /// The columns of one record.
    Record,
    /// `{"Targets":[…]}`
    Targets,
    /// `{"value":…}`
    Property(FieldName),
    /// `{"@odata.id":…}`
    Reference,
    /// `multipart/mixed`
    Batch,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    /// One record or a list of them.
    Records,
    /// `{"value":…}`, or a record where the name turns out to be a relationship's.
    Property(FieldName),
    /// The value of a column as it is.
    RawProperty(FieldName),
    /// A number as text.
    Count,
    /// `{"Ids":[…]}` of what was made.
    Ids,
    /// References, metadata, or nothing of note.
    Other,
    /// Metadata in XML.
    Metadata,
    Batch,
}

/// The query options that an operation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Options {
    None,
    /// `$select` and `$expand`.
    OfRecord,
    /// All that narrow and order a list.
    OfList,
    /// As of a list, but every literal has to be a name.
    OfMetadata,
    /// `$id`, which names the record that a reference leads to.
    OfReference,
}

/// Definitions of tables, columns, relationships and choices.
const DEFINITIONS: [&str; 5] = [
    "EntityDefinitions",
    "GlobalOptionSetDefinitions",
    "ManagedPropertyDefinitions",
    "RelationshipDefinitions",
    "EntityKeyMetadata",
];

/// Functions that take no values and answer none.
const FUNCTIONS: [&str; 4] =
    ["RetrieveCurrentOrganization", "RetrieveTotalRecordCount", "RetrieveVersion", "WhoAmI"];

/// # Errors
/// [`LocateError::UnknownOperation`], [`LocateError::MethodNotAllowed`], or another when
/// the operation is asked for in a form that is not read here.
pub(super) fn classify(method: &Method, target: &Target, first: u32) -> Result<Call, LocateError> {
    let path = target.path();
    match path.as_slice() {
        ["api", "data", version, ..] if is_version(version) => {}
        _ => return Err(LocateError::UnknownOperation),
    }
    let mut segments = target.segments.get(3..).unwrap_or_default();
    if segments.len() > 1 && segments.last().is_some_and(|last| last.span.is_empty()) {
        segments = segments.get(..segments.len() - 1).unwrap_or_default();
    }
    let Some((start, rest)) = segments.split_first() else { return fixed(method, "") };
    if start.decoded.as_str().is_empty() {
        return fixed(method, "");
    }
    let opening = read(start)?;
    let is_function = opening.arguments.is_some() && FUNCTIONS.contains(&opening.name);
    if opening.name.starts_with('$') || (rest.is_empty() && FUNCTIONS.contains(&opening.name)) {
        if !rest.is_empty() || (opening.arguments.is_some() && !is_function) {
            return Err(LocateError::UnknownOperation);
        }
        require_names(start, &opening)?;
        return fixed(method, opening.name);
    }
    if DEFINITIONS.contains(&opening.name) {
        return definitions(method, segments);
    }
    // In a batch, nothing of them would be located.
    if search::ACTIONS.contains(&opening.name) {
        return Err(LocateError::UnknownOperation);
    }
    let mut walk = Walk::new(first);
    let mut place = walk.enter(start, &opening)?;
    for piece in rest {
        let segment = read(piece)?;
        place = walk.follow(place, piece, &segment)?;
    }
    call(method, place, walk)
}

fn read(piece: &Piece) -> Result<Segment<'_>, LocateError> {
    odata::segment(piece.decoded.as_str())
        .map_err(|error| unparseable("the path", error.to_string()))
}

const CALL: Call = Call {
    name: "",
    object: None,
    keys: Vec::new(),
    record: 0,
    leads_away: false,
    body: Body::None,
    answer: Answered::Other,
    options: Options::None,
};

/// Resources that are about no records.
fn fixed(method: &Method, name: &str) -> Result<Call, LocateError> {
    let (verb, call) = match name {
        "" => (Method::GET, Call { name: "service.read", ..CALL }),
        "$metadata" => {
            (Method::GET, Call { name: "metadata.read", answer: Answered::Metadata, ..CALL })
        }
        "$batch" => {
            let (body, answer) = (Body::Batch, Answered::Batch);
            (Method::POST, Call { name: "batch", body, answer, ..CALL })
        }
        name if FUNCTIONS.contains(&name) => {
            (Method::GET, Call { name: "function.read", options: Options::OfMetadata, ..CALL })
        }
        _ => return Err(LocateError::UnknownOperation),
    };
    if *method == verb { Ok(call) } else { Err(method_not_allowed(method)) }
}

/// `EntityDefinitions(LogicalName='contact')/Attributes(…)/Microsoft.Dynamics.CRM.…`
fn definitions(method: &Method, segments: &[Piece]) -> Result<Call, LocateError> {
    for piece in segments {
        let segment = read(piece)?;
        require_names(piece, &segment)?;
    }
    // Changing them would change what the policy speaks of.
    if *method != Method::GET {
        return Err(LocateError::UnknownOperation);
    }
    Ok(Call { name: "metadata.read", options: Options::OfMetadata, ..CALL })
}

/// Nothing is located in arguments of what is about no records, so they have to be
/// names, ids or references to names.
fn require_names(piece: &Piece, segment: &Segment<'_>) -> Result<(), LocateError> {
    let is_fine = |value: &Operand| match value {
        Operand::Alias(_) => true,
        Operand::Literal { literal, .. } => is_metadata_literal(&literal.value),
    };
    if segment.arguments.iter().flatten().all(|argument| is_fine(&argument.value)) {
        return Ok(());
    }
    let place = format!("the path at byte {}", piece.span.start);
    Err(unparseable(place, "it has an argument that is no name"))
}

/// Whether a value can stand where nothing is located: a name, a number or an id.
pub(super) fn is_metadata_literal(value: &crate::carrier::Value) -> bool {
    match value {
        crate::carrier::Value::Text(text) => {
            let text = text.expose();
            is_name(text)
                || odata::is_guid(text)
                || (text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit()))
        }
        _ => true,
    }
}

fn call(method: &Method, place: Place, walk: Walk) -> Result<Call, LocateError> {
    let Walk { keys, record, leads_away, .. } = walk;
    let call = |name, object| Call { name, object: Some(object), keys, record, leads_away, ..CALL };
    let is_keyed = |call: &Call| !call.keys.is_empty();
    let records = Answered::Records;
    Ok(match (method.as_str(), place) {
        ("GET", Place::Collection(object)) => {
            Call { answer: records, options: Options::OfList, ..call("record.list", object) }
        }
        ("POST", Place::Collection(object)) => {
            let (body, options) = (Body::Record, Options::OfRecord);
            Call { body, answer: records, options, ..call("record.create", object) }
        }
        ("GET", Place::Record(object)) => {
            Call { answer: records, options: Options::OfRecord, ..call("record.read", object) }
        }
        ("PATCH", Place::Record(object)) => {
            let (body, options) = (Body::Record, Options::OfRecord);
            Call { body, answer: records, options, ..call("record.update", object) }
        }
        ("DELETE", Place::Record(object)) => call("record.delete", object),
        ("GET", Place::Property(object, field)) => {
            let answer = Answered::Property(field);
            Call { answer, options: Options::OfRecord, ..call("property.read", object) }
        }
        ("PUT" | "PATCH", Place::Property(object, field)) => {
            Call { body: Body::Property(field), ..call("property.update", object) }
        }
        ("DELETE", Place::Property(object, _)) => call("property.delete", object),
        ("GET", Place::Raw(object, field)) => {
            Call { answer: Answered::RawProperty(field), ..call("property.read", object) }
        }
        ("GET", Place::Count(object)) => Call {
            answer: Answered::Count,
            options: Options::OfList,
            ..call("record.count", object)
        },
        ("GET", Place::References(object)) => {
            Call { options: Options::OfList, ..call("reference.list", object) }
        }
        ("POST" | "PUT", Place::References(object)) => {
            Some(Call { body: Body::Reference, ..call("reference.add", object) })
                .filter(is_keyed)
                .ok_or(LocateError::UnknownOperation)?
        }
        ("DELETE", Place::References(object)) => {
            Some(Call { options: Options::OfReference, ..call("reference.remove", object) })
                .filter(is_keyed)
                .ok_or(LocateError::UnknownOperation)?
        }
        ("POST", Place::Message(object, message)) => {
            let (name, answer) = match message {
                Message::Create => ("records.create", Answered::Ids),
                Message::Update => ("records.update", Answered::Other),
                Message::Upsert => ("records.upsert", Answered::Other),
                Message::Delete => ("records.delete", Answered::Other),
            };
            Call { body: Body::Targets, answer, ..call(name, object) }
        }
        _ => return Err(method_not_allowed(method)),
    })
}
