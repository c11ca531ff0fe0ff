// SPDX-License-Identifier: Apache-2.0

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::demo::crm::message::Answer;

/// What HubSpot says when it does not do as asked. Messages repeat what the client
/// sent, as HubSpot's do.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    status: StatusCode,
    category: &'static str,
    message: String,
}

impl Problem {
    fn new(status: StatusCode, category: &'static str, message: impl Into<String>) -> Self {
        Self { status, category, message: message.into() }
    }

    pub(super) fn of_status(status: StatusCode) -> Self {
        let category = match status {
            StatusCode::UNAUTHORIZED => "INVALID_AUTHENTICATION",
            StatusCode::TOO_MANY_REQUESTS => "RATE_LIMITS",
            _ => "INTERNAL_ERROR",
        };
        Self::new(status, category, "internal error")
    }

    pub(super) fn unauthenticated() -> Self {
        let message =
            "Authentication credentials not found. This API supports OAuth 2.0 authentication.";
        Self::new(StatusCode::UNAUTHORIZED, "INVALID_AUTHENTICATION", message)
    }

    pub(super) fn no_resource() -> Self {
        Self::new(StatusCode::NOT_FOUND, "OBJECT_NOT_FOUND", "resource not found")
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "VALIDATION_ERROR", "method not allowed")
    }

    pub(super) fn unsupported_media_type() -> Self {
        let message = "Unsupported content type";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "VALIDATION_ERROR", message)
    }

    pub(super) fn malformed_json() -> Self {
        Self::invalid("Invalid input JSON")
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", message)
    }

    /// A property that cannot be written: the details are JSON text inside the message.
    pub(super) fn property(name: &str, error: &str, message: &str) -> Self {
        let details = json!([{
            "isValid": false,
            "message": message,
            "error": error,
            "name": name,
            "localizedErrorMessage": message,
        }]);
        Self::invalid(format!("Property values were not valid: {details}"))
    }

    pub(super) fn conflict(id: &str) -> Self {
        let message = format!("Contact already exists. Existing ID: {id}");
        Self::new(StatusCode::CONFLICT, "CONFLICT", message)
    }

    pub(super) fn into_answer(self, call: u64) -> Answer {
        let body = json!({
            "status": "error",
            "message": self.message,
            "correlationId": format!("aeb5f871-7f07-4993-9211-{call:012x}"),
            "category": self.category,
        });
        Answer::json(self.status, body)
    }

    /// As one of the errors of a batch.
    pub(super) fn into_error(self, id: Option<&str>, trace: Option<&str>) -> Value {
        let named = [("ids", id), ("objectWriteTraceId", trace)];
        let context: Map<String, Value> = named
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), json!([value?]))))
            .collect();
        json!({
            "status": "error",
            "category": self.category,
            "message": self.message,
            "context": context,
        })
    }
}
