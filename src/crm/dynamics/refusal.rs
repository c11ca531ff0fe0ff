// SPDX-License-Identifier: Apache-2.0

use crate::base::{Refusal, RefusalCode};
use crate::carrier::Codec;
use crate::crm::NativeAnswer;

/// `{"error":{"code":…,"message":…}}` ("Compose HTTP requests and handle errors").
pub(super) fn native(refusal: &Refusal) -> NativeAnswer {
    let message = Codec::Json.literal(&format!("Zollhaus: {}", refusal.message));
    let code = error_code(refusal.code);
    NativeAnswer {
        status: refusal.code.status(),
        content_type: "application/json; odata.metadata=minimal",
        body: format!(r#"{{"error":{{"code":"{code}","message":{message}}}}}"#),
    }
}

/// The code of Dataverse for what comes nearest ("Web service error codes").
fn error_code(code: RefusalCode) -> &'static str {
    match code {
        RefusalCode::OperatorUnsupported | RefusalCode::UnknownOperation => "0x80060888",
        RefusalCode::UnknownCaller
        | RefusalCode::Forbidden
        | RefusalCode::TransferRefused
        | RefusalCode::ConsentMissing
        | RefusalCode::PurposeMissing => "0x80040220",
        RefusalCode::RateLimited => "0x80072322",
        RefusalCode::NoRoute => "0x80060891",
        RefusalCode::BadRequest
        | RefusalCode::HeadersTooLarge
        | RefusalCode::CallerTimeout
        | RefusalCode::MethodNotAllowed
        | RefusalCode::Unparseable
        | RefusalCode::UnsupportedMediaType
        | RefusalCode::UnsupportedCoding
        | RefusalCode::TooLarge
        | RefusalCode::TargetTooLong
        | RefusalCode::QueryTooLong
        | RefusalCode::UnprotectableValue
        | RefusalCode::MaskedValue
        | RefusalCode::Overloaded
        | RefusalCode::VaultUnavailable
        | RefusalCode::TransferLogUnavailable
        | RefusalCode::KeysUnavailable
        | RefusalCode::Draining
        | RefusalCode::UpstreamUnavailable
        | RefusalCode::UpstreamTimeout
        | RefusalCode::UpstreamUnreadable
        | RefusalCode::AnswerWithheld
        | RefusalCode::Internal => "0x80040265",
    }
}
