// SPDX-License-Identifier: Apache-2.0
//! The HubSpot CRM API: objects of every type under `/crm/v3/objects` and the
//! date-versioned `/crm/objects/{yyyy-mm}`, property definitions, and the OAuth
//! calls that clients make beside them. Facts are from HubSpot's public
//! reference (developers.hubspot.com/docs/api-reference) and what its client
//! libraries send.
//!
//! Not read here, so refused: v1 and v4 paths, imports, exports, associations.
//!
//! Invariants:
//! - Every member and parameter of a known operation is either located, checked
//!   to be an id, a name or a cursor, or refused.
//! - An object has one canonical name, whichever of its spellings a path uses:
//!   the policy for `contact` also holds for `contacts` and `0-1`.

mod answer;
mod operation;
mod request;
mod schema;
mod search;

#[cfg(test)]
mod tests;

use http::StatusCode;

use crate::base::{FieldName, ObjectName, OperationName, Refusal};
use crate::carrier::{Codec, Document};

use super::message;
use super::{
    Dialect, FieldFacts, LocateError, LocatedRequest, NativeAnswer, Operation, RequestView,
};
use answer::HubSpotAnswer;

/// The dialect of `api.hubapi.com`.
#[derive(Clone, Copy, Debug, Default)]
pub struct HubSpot;

impl Dialect for HubSpot {
    fn name(&self) -> &'static str {
        "hubspot"
    }

    fn locate(&self, request: &RequestView<'_>) -> Result<LocatedRequest, LocateError> {
        let target = message::parse_target(request.target)?;
        let call = operation::classify(request.method, &target)?;
        let target_slots = request::locate_target(&call, &target)?;
        let (body_slots, uses) = request::locate_body(&call, request)?;
        Ok(LocatedRequest {
            operation: Operation {
                name: OperationName::from_static(call.verb.name()),
                object: call.object.clone(),
            },
            target: Document::new(request.target.clone(), target_slots),
            headers: Vec::new(),
            body: Document::new(request.body.clone(), body_slots),
            uses,
            answer: Box::new(HubSpotAnswer { object: call.object }),
        })
    }

    fn canonical_object(&self, name: &str) -> ObjectName {
        schema::canonical_object(name)
    }

    fn canonical_field(&self, _object: &ObjectName, name: &str) -> FieldName {
        schema::canonical_field(name)
    }

    fn field_facts(&self, object: &ObjectName, field: &FieldName) -> Option<FieldFacts> {
        schema::facts(object, field)
    }

    fn known_fields(&self) -> Vec<(ObjectName, FieldName)> {
        schema::known_fields()
    }

    /// `{"status":"error","message":…,"correlationId":…,"category":…}`.
    ///
    /// The correlation id is nil: it would name a request in HubSpot's own logs,
    /// and this one never got there.
    fn refuse(&self, refusal: &Refusal) -> NativeAnswer {
        let status = refusal.code.status();
        let category = match status {
            StatusCode::TOO_MANY_REQUESTS => "RATE_LIMITS",
            _ if status.is_server_error() => "INTERNAL_ERROR",
            _ => "VALIDATION_ERROR",
        };
        let text = Codec::Json.literal(&format!("Zollhaus: {}", refusal.message));
        NativeAnswer {
            status,
            content_type: "application/json;charset=utf-8",
            body: format!(
                r#"{{"status":"error","message":{text},"correlationId":"00000000-0000-0000-0000-000000000000","category":"{category}"}}"#
            ),
        }
    }
}
