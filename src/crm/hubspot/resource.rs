// SPDX-License-Identifier: Apache-2.0
//! Requests and answers about resources beside objects.

use http::Method;

use crate::base::{Cleartext, ObjectName, OperationName};
use crate::carrier::url::Target;
use crate::carrier::{Codec, Document, Occurrence, Role, Slot, Value};
use crate::crm::message::{self, MediaType, link_headers, parse_answer, unparseable};
use crate::crm::{
    About, AnswerView, Done, LocateError, LocatedAnswer, LocatedRequest, Operation, ReadAnswer,
    RecordName, RequestView, SameRecord,
};

use super::answer::{echoes, links};
use super::fields::Fields;
use super::request::Found;
use super::route::{Content, Key, Taken};
use super::schema::canonical_id;
use super::{association, contact_v1, import, parameter};

/// Finds everything in a request.
pub(super) fn locate(
    request: &RequestView<'_>,
    target: &Target,
    taken: &Taken<'_>,
) -> Result<LocatedRequest, LocateError> {
    let Taken { route, keys } = taken;
    if let Content::Unread { place, because } = route.content {
        return Err(unparseable(place, because));
    }
    let mut found = Found::default();
    let mut slots = parameter::locate(route, target, &mut found)?;
    slots.extend(locate_keys(keys, &mut found));
    locate_body(request, taken, &mut found)?;
    let types = keys.iter().find_map(|key| match key {
        Key::Type(object) | Key::Record(object, _) => Some(object.clone()),
        Key::Value(..) => None,
    });
    let object = route.content.object().or(types);
    let is_about_records = route.content.is_about_records();
    // Of what a record is linked to, its own name says nothing.
    let reads = request.method == Method::GET || route.name == "association.batch_read";
    let finds_others = route.content == Content::Ids && reads;
    Ok(LocatedRequest {
        operation: Operation {
            name: OperationName::from_static(route.name),
            object: object.clone().filter(|_| is_about_records),
            about: About::named_if(is_about_records).and_others_if(finds_others),
        },
        target: Document::new(request.target.clone(), slots),
        headers: Vec::new(),
        body: Document::new(request.body.clone(), found.slots),
        uses: found.uses,
        records: found.names,
        referred: Vec::new(),
        batch: None,
        answer: Box::new(ResourceAnswer {
            content: route.content,
            object: object.unwrap_or_else(|| ObjectName::from_static("error")),
            is_merge: route.name == "contact_v1.merge",
        }),
    })
}

fn locate_keys(keys: &[Key<'_>], found: &mut Found) -> Vec<Slot> {
    let mut records = 0..;
    let mut slots = Vec::new();
    for key in keys {
        match key {
            Key::Type(_) => {}
            Key::Record(object, id) => {
                let name =
                    |record| RecordName { record, object: object.clone(), id: canonical_id(id) };
                found.names.extend(records.next().map(name));
            }
            // It is of the record that the path names by its id, if it names one.
            Key::Value(object, field, piece) => {
                let occurrence = Occurrence {
                    object: object.clone(),
                    field: field.clone(),
                    record: 0,
                    role: Role::Key,
                    value: Value::Text(Cleartext::new(piece.decoded.as_str())),
                };
                slots.push(Slot::value(piece.span.clone(), Codec::Percent, occurrence));
            }
        }
    }
    slots
}

fn locate_body(
    request: &RequestView<'_>,
    taken: &Taken<'_>,
    found: &mut Found,
) -> Result<(), LocateError> {
    let content = taken.route.content;
    if request.body.is_empty() {
        return Ok(());
    }
    if ["GET", "DELETE"].contains(&request.method.as_str()) || content == Content::Plain {
        return message::refuse_body(request.body);
    }
    if content == Content::Import {
        return import::locate(request, found);
    }
    if MediaType::of(request.headers) != MediaType::Json {
        let expected = "application/json in UTF-8";
        return Err(LocateError::UnsupportedMediaType { place: "the body", expected });
    }
    let json = message::parse_json("the body", request.body)?;
    match content {
        Content::Contacts => contact_v1::locate(json.root(), found),
        Content::Ids => association::locate(json.root(), &taken.keys, found),
        Content::Fields(object) | Content::Definitions(object) => {
            Fields::of_request(object, found).request(json.root())
        }
        Content::Import | Content::Plain | Content::Unread { .. } => Ok(()),
    }
}

/// Reads answers of resources.
#[derive(Debug)]
struct ResourceAnswer {
    content: Content,
    object: ObjectName,
    /// Whether the contact of the answer is two of the request.
    is_merge: bool,
}

impl ReadAnswer for ResourceAnswer {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        let mut located = LocatedAnswer {
            status: answer.status,
            headers: link_headers(answer)?,
            done: Done::All,
            ..LocatedAnswer::default()
        };
        let Some(json) = parse_answer(answer)? else { return Ok(located) };
        let root = json.root();
        let origins = answer.origins;
        let mut found = Found::default();
        let is_error = answer.status.is_client_error() || answer.status.is_server_error();
        match self.content {
            _ if is_error => echoes(root, &self.object, 0, origins, &mut found.slots),
            Content::Plain | Content::Unread { .. } => links(root, origins, &mut found.slots),
            Content::Contacts => {
                if let Some(in_answer) = contact_v1::answered(root, origins, &mut found)? {
                    let both = if self.is_merge { 0..2 } else { 0..1 };
                    let same = |in_request| SameRecord { in_answer, in_request, is_taken: true };
                    located.done.add(both.map(same));
                }
            }
            Content::Ids => {
                for member in root.members() {
                    if member.key == "errors" {
                        echoes(member.value, &self.object, 0, origins, &mut found.slots);
                    } else {
                        links(member.value, origins, &mut found.slots);
                    }
                }
            }
            Content::Import => {
                Fields::of_answer("import", &mut found, origins).answer(root);
                // It has begun; what becomes of its rows is told later.
                located.done = Done::default();
            }
            Content::Fields(object) | Content::Definitions(object) => {
                Fields::of_answer(object, &mut found, origins).answer(root);
            }
        }
        // A batch of which a part failed says which, by what it was sent.
        if root.get("errors").is_some_and(|errors| errors.children().next().is_some()) {
            located.done = Done::default();
        }
        located.body = Document::new(answer.body.clone(), found.slots);
        located.records = found.names;
        Ok(located)
    }
}
