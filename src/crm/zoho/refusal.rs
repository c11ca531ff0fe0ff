// SPDX-License-Identifier: Apache-2.0

use http::StatusCode;

use crate::base::{Refusal, RefusalCode};
use crate::carrier::Codec;
use crate::crm::NativeAnswer;

pub(super) const CONTENT_TYPE: &str = "application/json;charset=UTF-8";

/// `{"code":…,"details":{},"message":…,"status":"error"}`, alone or as one row.
pub(super) fn row(refusal: &Refusal) -> String {
    let message = Codec::Json.literal(&format!("Zollhaus: {}", refusal.message));
    let code = code(refusal.code);
    format!(r#"{{"code":"{code}","details":{{}},"message":{message},"status":"error"}}"#)
}

pub(super) fn native(refusal: &Refusal) -> NativeAnswer {
    NativeAnswer { status: refusal.code.status(), content_type: CONTENT_TYPE, body: row(refusal) }
}

/// All records of a batch are refused.
pub(super) fn rows(rows: &[&str]) -> NativeAnswer {
    NativeAnswer {
        status: StatusCode::BAD_REQUEST,
        content_type: CONTENT_TYPE,
        body: format!(r#"{{"data":[{}]}}"#, rows.join(",")),
    }
}

/// The code that Zoho itself uses for what comes nearest. Never `INVALID_TOKEN`: it
/// makes clients throw their token away.
fn code(code: RefusalCode) -> &'static str {
    match code {
        RefusalCode::BadRequest | RefusalCode::HeadersTooLarge | RefusalCode::CallerTimeout => {
            "INVALID_REQUEST"
        }
        RefusalCode::NoRoute => "INVALID_URL_PATTERN",
        RefusalCode::MethodNotAllowed => "INVALID_REQUEST_METHOD",
        RefusalCode::UnknownCaller
        | RefusalCode::Forbidden
        | RefusalCode::TransferRefused
        | RefusalCode::ConsentMissing
        | RefusalCode::PurposeMissing => "NO_PERMISSION",
        RefusalCode::UnknownOperation
        | RefusalCode::UnsupportedMediaType
        | RefusalCode::UnsupportedCoding => "NOT_SUPPORTED",
        RefusalCode::TooLarge | RefusalCode::TargetTooLong | RefusalCode::QueryTooLong => {
            "LIMIT_EXCEEDED"
        }
        RefusalCode::OperatorUnsupported => "INVALID_QUERY",
        RefusalCode::Unparseable | RefusalCode::UnprotectableValue | RefusalCode::MaskedValue => {
            "INVALID_DATA"
        }
        RefusalCode::RateLimited | RefusalCode::Overloaded => "TOO_MANY_REQUESTS",
        RefusalCode::VaultUnavailable
        | RefusalCode::TransferLogUnavailable
        | RefusalCode::KeysUnavailable
        | RefusalCode::Draining
        | RefusalCode::UpstreamUnavailable
        | RefusalCode::UpstreamTimeout
        | RefusalCode::UpstreamUnreadable
        | RefusalCode::AnswerWithheld
        | RefusalCode::Internal => "INTERNAL_ERROR",
    }
}
