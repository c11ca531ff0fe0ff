// SPDX-License-Identifier: Apache-2.0
//! The HubSpot CRM API: objects of every type under `/crm/v3/objects` and the
//! date-versioned `/crm/objects/{yyyy-mm}`; beside them associations, owners,
//! communication preferences, definitions of properties, pipelines, schemas and lists,
//! contacts in the form of the API v1, imports of CSV files, and the OAuth calls of
//! clients. Facts are from HubSpot's public reference
//! (developers.hubspot.com/docs/api-reference) and what its client libraries send.
//!
//! Not read here, so refused: spreadsheets in imports, exports (their files are fetched
//! from another host), filters of lists, engagements v1, marketing, files.
//!
//! Invariants:
//! - Every member and parameter of a known operation is either located, checked
//!   to be an id, a name or a cursor, or refused.
//! - An object has one canonical name, whichever of its spellings a path uses:
//!   the policy for `contact` also holds for `contacts` and `0-1`. A custom object that
//!   is called like a resource (`owner`, `list`) goes by that resource's policy.
//! - A contact's address is the field `contact.email` wherever it names somebody: in the
//!   path of v1 and of preferences as well.

mod answer;
mod association;
mod association_type;
mod batch;
mod contact_v1;
mod coverage;
mod email_headers;
mod fields;
mod import;
mod operation;
mod parameter;
mod property;
mod refusal;
mod request;
mod resource;
mod route;
mod routes;
mod schema;
mod search;

#[cfg(test)]
mod tests;

use crate::base::{FieldName, ObjectName, OperationName, Refusal};
use crate::carrier::Document;

use super::message;
use super::{
    About, Batch, Dialect, FieldFacts, LocateError, LocatedRequest, NativeAnswer, Operation,
    RequestView,
};
use answer::HubSpotAnswer;
use batch::Inputs;
use operation::Verb;
use request::Found;

/// The dialect of `api.hubapi.com`.
#[derive(Clone, Copy, Debug, Default)]
pub struct HubSpot;

impl Dialect for HubSpot {
    fn name(&self) -> &'static str {
        "hubspot"
    }

    fn locate(&self, request: &RequestView<'_>) -> Result<LocatedRequest, LocateError> {
        let target = message::parse_target(request.target)?;
        if let Some(taken) = route::find(request.method, &target)? {
            return resource::locate(request, &target, &taken);
        }
        let call = operation::classify(request.method, &target)?;
        let mut found = Found::default();
        let target_slots = request::locate_target(&call, &target, &mut found)?;
        request::locate_body(&call, request, &mut found)?;
        let object = call.object.as_ref();
        let batch = object.and_then(|object| Inputs::new(call.verb, object, &found.inputs));
        Ok(LocatedRequest {
            operation: Operation {
                name: OperationName::from_static(call.verb.name()),
                object: call.object.clone(),
                about: About::named_if(call.object.is_some()).and_others_if(found.finds_others),
            },
            target: Document::new(request.target.clone(), target_slots),
            headers: Vec::new(),
            body: Document::new(request.body.clone(), found.slots).with_elements(found.elements),
            uses: found.uses,
            records: found.names,
            referred: found.referred,
            batch: batch.map(|batch| Box::new(batch) as Box<dyn Batch>),
            answer: Box::new(HubSpotAnswer {
                object: call.object,
                sole: call.verb.sole_records(),
                inputs: (0..).zip(found.inputs).collect(),
                refused: Vec::new(),
            }),
        })
    }

    fn canonical_object(&self, name: &str) -> ObjectName {
        schema::canonical_object(name)
    }

    fn canonical_field(&self, _object: &ObjectName, name: &str) -> FieldName {
        schema::canonical_field(name)
    }

    fn operations(&self) -> Vec<(&'static str, String)> {
        coverage::operations()
    }

    fn field_facts(&self, object: &ObjectName, field: &FieldName) -> Option<FieldFacts> {
        schema::facts(object, field)
    }

    fn known_fields(&self) -> Vec<(ObjectName, FieldName)> {
        schema::known_fields()
    }

    /// "Search the CRM", limits.
    fn longest_query(&self, operation: &OperationName) -> Option<usize> {
        (operation.as_str() == Verb::Search.name()).then_some(3_000)
    }

    fn refuse(&self, refusal: &Refusal) -> NativeAnswer {
        refusal::native(refusal)
    }
}
