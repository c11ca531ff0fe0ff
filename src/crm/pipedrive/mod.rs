// SPDX-License-Identifier: Apache-2.0
//! Pipedrive: its API in the versions 1 and 2 ("Pipedrive API reference",
//! developers.pipedrive.com/docs/api).
//!
//! Read here: persons, organizations, deals, leads, products, notes and activities
//! (lists, single records, merging, change logs, search), what stands under them
//! (followers, participants, products and discounts of deals, permitted users), search
//! over several kinds of items, recent changes, users, names of files, webhooks, what an
//! account is made of, and the OAuth token. Everything else (contents of files, mails,
//! flows, projects, filters, summaries …) is an unknown operation.
//!
//! What makes Pipedrive special, and where it is minded:
//! - It splits a person's `name` into `first_name` and `last_name`. So the three are
//!   one field here, and each word of a name is a value of its own: however the words
//!   are dealt out, each part opens to what it was (`record`).
//! - Version 1 and 2 spell fields differently, and version 1 copies names and
//!   titles of other records into a record. All of them are one field (`schema`).
//! - A search looks at several fields at once, also at custom fields, unless `fields`
//!   names one (`search`).
//! - Addresses are geocoded. Every part of one is a value of the same field.
//!
//! Record ids are not treated as values anywhere. The API token, in the header
//! `x-api-token` or the parameter `api_token`, is the caller's own and passes.

mod answer;
mod coverage;
mod operation;
mod part;
mod record;
mod schema;
mod search;
mod shape;
#[cfg(test)]
mod tests;

use crate::base::{FieldName, ObjectName, OperationName, Refusal};
use crate::carrier::json::{Kind, Node};
use crate::carrier::{Codec, Document};

use smol_str::SmolStr;

use self::answer::Answer;
use self::operation::{Call, Verb};
use self::record::Records;
use super::message::{self, MediaType, unparseable};
use super::{
    About, Dialect, FieldFacts, LocateError, LocatedRequest, NativeAnswer, Operation, RecordName,
    RequestView,
};

/// The dialect of `api.pipedrive.com`, of the companies' own hosts and of
/// `oauth.pipedrive.com`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pipedrive;

impl Dialect for Pipedrive {
    fn name(&self) -> &'static str {
        "pipedrive"
    }

    fn locate(&self, request: &RequestView<'_>) -> Result<LocatedRequest, LocateError> {
        let target = message::parse_target(request.target)?;
        let call = operation::classify(request.method, &target)?;
        let asked = search::locate(&call, &target)?;
        let records = records(&call, request)?;
        let mut uses = asked.uses;
        uses.extend(records.uses);
        let mut names = records.names;
        if let Some((object, id)) = &call.named {
            names.push(RecordName { record: 0, object: object.clone(), id: id.clone() });
        }
        if let (Some(ids), Some(object)) = (target.parameter("ids"), &call.object) {
            let ids = ids.value.decoded.as_str().split(',').map(|id| SmolStr::new(id.trim()));
            names.extend(ids.map(|id| RecordName { record: 0, object: object.clone(), id }));
        }
        let is_of = |object| call.object.as_ref() == Some(object);
        let id = call.named.as_ref().filter(|(of, _)| is_of(of)).map(|(_, id)| id.clone());
        Ok(LocatedRequest {
            operation: Operation {
                name: OperationName::from_static(call.verb.name()),
                object: call.object.clone(),
                about: about(&call),
            },
            target: Document::new(request.target.clone(), asked.slots),
            headers: Vec::new(),
            body: Document::new(request.body.clone(), records.slots),
            uses,
            records: names,
            referred: records.referred,
            batch: None,
            answer: Box::new(Answer {
                content: call.verb.answered(),
                object: call.object.or(asked.object),
                id,
            }),
        })
    }

    fn canonical_object(&self, name: &str) -> ObjectName {
        schema::object_name(name)
    }

    fn canonical_field(&self, object: &ObjectName, name: &str) -> FieldName {
        schema::field_name(object, name)
    }

    fn operations(&self) -> Vec<(&'static str, String)> {
        crate::crm::listed(coverage::OPERATIONS)
    }

    fn field_facts(&self, object: &ObjectName, field: &FieldName) -> Option<FieldFacts> {
        schema::facts(object, field)
    }

    fn known_fields(&self) -> Vec<(ObjectName, FieldName)> {
        schema::known_fields()
    }

    /// `{"success":false,"error":…,"error_info":…,"data":null,"additional_data":null,"code":…}`.
    fn refuse(&self, refusal: &Refusal) -> NativeAnswer {
        let error = Codec::Json.literal(&format!("Zollhaus: {}", refusal.message));
        let code = refusal.code.as_str().to_ascii_uppercase();
        NativeAnswer {
            status: refusal.code.status(),
            content_type: "application/json; charset=utf-8",
            body: format!(
                r#"{{"success":false,"error":{error},"error_info":"This answer is of the proxy in front of Pipedrive.","data":null,"additional_data":null,"code":"ZOLLHAUS_{code}"}}"#
            ),
        }
    }
}

/// Who stands under a record is told by its answer.
fn about(call: &Call) -> About {
    let is_definition = call.object.as_ref().is_some_and(schema::is_definition);
    About::named_if(call.verb.is_about_records() && !is_definition)
        .and_others_if(call.verb == Verb::ListPart)
}

/// What the body of a request holds.
fn records(call: &Call, request: &RequestView<'_>) -> Result<Records<'static>, LocateError> {
    let mut records = Records::default();
    match (call.verb, &call.object) {
        (Verb::CreatePart, _) if request.body.is_empty() => {}
        (
            Verb::Create | Verb::Update | Verb::Merge | Verb::CreatePart | Verb::UpdatePart,
            Some(object),
        ) => {
            if MediaType::of(request.headers) != MediaType::Json {
                let expected = "application/json in UTF-8";
                return Err(LocateError::UnsupportedMediaType { place: "the body", expected });
            }
            let json = message::parse_json("the body", request.body)?;
            if json.root().kind() != Kind::Object {
                return Err(unparseable("the body", "it is not an object"));
            }
            check_names(json.root())?;
            records.record(json.root(), object);
            if let Some((name, what)) = &records.misplaced {
                let place = format!("member `{}` of the body", message::shown(name));
                return Err(unparseable(place, format!("it holds {what}")));
            }
            if call.verb == Verb::Merge {
                records.merged_with(json.root(), object);
            }
        }
        (Verb::OAuthToken | Verb::OAuthRevoke, _) => message::check_token_request(request)?,
        _ => message::refuse_body(request.body)?,
    }
    Ok(records)
}

/// A value could stand where a name should, and nothing is located there.
fn check_names(node: Node<'_>) -> Result<(), LocateError> {
    if node.members().any(|member| !schema::is_name(&member.key)) {
        return Err(unparseable("a name in the body", "it has a form that Pipedrive does not use"));
    }
    node.children().try_for_each(check_names)
}
