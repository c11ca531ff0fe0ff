// SPDX-License-Identifier: Apache-2.0

use crate::base::{Refusal, RefusalCode};
use crate::carrier::Codec;
use crate::crm::NativeAnswer;

/// The error list of the REST API ("Status Codes and Error Responses").
pub(super) fn native(refusal: &Refusal) -> NativeAnswer {
    let message = Codec::Json.literal(&format!("Zollhaus: {}", refusal.message));
    let code = error_code(refusal.code);
    NativeAnswer {
        status: refusal.code.status(),
        content_type: "application/json;charset=UTF-8",
        body: format!("[{{\"message\":{message},\"errorCode\":\"{code}\"}}]"),
    }
}

/// The code that Salesforce itself uses for what comes nearest. Never
/// `INVALID_SESSION_ID`: it makes clients throw their session away.
fn error_code(code: RefusalCode) -> &'static str {
    match code {
        RefusalCode::BadRequest | RefusalCode::HeadersTooLarge | RefusalCode::CallerTimeout => {
            "INVALID_REQUEST"
        }
        RefusalCode::NoRoute => "NOT_FOUND",
        RefusalCode::MethodNotAllowed => "METHOD_NOT_ALLOWED",
        RefusalCode::UnknownOperation => "FUNCTIONALITY_NOT_ENABLED",
        RefusalCode::UnknownCaller | RefusalCode::Forbidden => "INSUFFICIENT_ACCESS",
        RefusalCode::Unparseable => "MALFORMED_REQUEST",
        RefusalCode::UnsupportedMediaType | RefusalCode::UnsupportedCoding => {
            "UNSUPPORTED_MEDIA_TYPE"
        }
        RefusalCode::TooLarge | RefusalCode::TargetTooLong => "EXCEEDED_MAX_SIZE_REQUEST",
        RefusalCode::OperatorUnsupported => "INVALID_FIELD",
        RefusalCode::UnprotectableValue | RefusalCode::MaskedValue => "FIELD_INTEGRITY_EXCEPTION",
        RefusalCode::RateLimited | RefusalCode::Overloaded => "REQUEST_LIMIT_EXCEEDED",
        RefusalCode::VaultUnavailable
        | RefusalCode::TransferLogUnavailable
        | RefusalCode::Draining
        | RefusalCode::UpstreamUnavailable
        | RefusalCode::UpstreamTimeout => "SERVER_UNAVAILABLE",
        RefusalCode::UpstreamUnreadable | RefusalCode::AnswerWithheld | RefusalCode::Internal => {
            "UNKNOWN_EXCEPTION"
        }
    }
}
