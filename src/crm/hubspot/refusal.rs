// SPDX-License-Identifier: Apache-2.0

use http::StatusCode;

use crate::base::Refusal;
use crate::carrier::Codec;
use crate::crm::NativeAnswer;

pub(super) const CONTENT_TYPE: &str = "application/json;charset=utf-8";

/// `{"status":"error","message":…,"correlationId":…,"category":…}`.
///
/// The correlation id is nil: it would name a request in HubSpot's own logs, and
/// this one never got there.
pub(super) fn native(refusal: &Refusal) -> NativeAnswer {
    let (message, category) = (message(refusal), category(refusal));
    NativeAnswer {
        status: refusal.code.status(),
        content_type: CONTENT_TYPE,
        body: format!(
            r#"{{"status":"error","message":{message},"correlationId":"00000000-0000-0000-0000-000000000000","category":"{category}"}}"#
        ),
    }
}

pub(super) fn category(refusal: &Refusal) -> &'static str {
    match refusal.code.status() {
        StatusCode::TOO_MANY_REQUESTS => "RATE_LIMITS",
        status if status.is_server_error() => "INTERNAL_ERROR",
        _ => "VALIDATION_ERROR",
    }
}

/// The message as a JSON string.
pub(super) fn message(refusal: &Refusal) -> String {
    Codec::Json.literal(&format!("Zollhaus: {}", refusal.message))
}
