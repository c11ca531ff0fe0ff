// SPDX-License-Identifier: Apache-2.0

use crate::base::{Refusal, RefusalCode};
use http::StatusCode;

use crate::carrier::Codec;
use crate::carrier::xml::INSTANCE;
use crate::crm::NativeAnswer;
use crate::crm::salesforce::xml;

pub(super) const CONTENT_TYPE: &str = "application/json;charset=UTF-8";

/// The error list of the REST API ("Status Codes and Error Responses").
pub(super) fn native(refusal: &Refusal) -> NativeAnswer {
    let (message, code) = (message(refusal), Codes::of(refusal.code).rest);
    NativeAnswer {
        status: refusal.code.status(),
        content_type: CONTENT_TYPE,
        body: format!("[{{\"message\":{message},\"errorCode\":\"{code}\"}}]"),
    }
}

/// An error of the Bulk API 1.0 to callers that speak JSON ("Errors").
pub(super) fn of_json_batch(refusal: &Refusal) -> NativeAnswer {
    let (message, code) = (message(refusal), Codes::of(refusal.code).bulk);
    NativeAnswer {
        status: refusal.code.status(),
        content_type: CONTENT_TYPE,
        body: format!("{{\"exceptionCode\":\"{code}\",\"exceptionMessage\":{message}}}"),
    }
}

/// The same to all others.
pub(super) fn of_xml_batch(refusal: &Refusal) -> NativeAnswer {
    let (message, code) = (xml_message(refusal), Codes::of(refusal.code).bulk);
    let namespace = xml::BULK;
    NativeAnswer {
        status: refusal.code.status(),
        content_type: "application/xml;charset=UTF-8",
        body: format!(
            "{DECLARATION}<error xmlns=\"{namespace}\"><exceptionCode>{code}</exceptionCode>\
             <exceptionMessage>{message}</exceptionMessage></error>"
        ),
    }
}

pub(super) const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";

/// The result of one record of a collection.
pub(super) fn result(refusal: &Refusal) -> String {
    let (message, code) = (message(refusal), Codes::of(refusal.code).rest);
    format!(
        r#"{{"success":false,"errors":[{{"statusCode":"{code}","message":{message},"fields":[]}}]}}"#
    )
}

/// The error of one row of a bulk job: code, message and fields.
pub(super) fn row(refusal: &Refusal) -> String {
    format!("{}:Zollhaus: {}:--", Codes::of(refusal.code).rest, refusal.message)
}

fn message(refusal: &Refusal) -> String {
    Codec::Json.literal(&format!("Zollhaus: {}", refusal.message))
}

/// A fault of the SOAP API. Its clients read one from answers with status 500 only (SOAP
/// 1.1 section 6.2).
pub(super) fn partner_fault(refusal: &Refusal) -> NativeAnswer {
    fault(refusal, "urn:fault.partner.soap.sforce.com")
}

/// The same of the enterprise form.
pub(super) fn enterprise_fault(refusal: &Refusal) -> NativeAnswer {
    fault(refusal, "urn:fault.enterprise.soap.sforce.com")
}

fn fault(refusal: &Refusal, namespace: &str) -> NativeAnswer {
    let (message, code) = (xml_message(refusal), Codes::of(refusal.code).soap);
    NativeAnswer {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        content_type: SOAP_CONTENT_TYPE,
        body: format!(
            "{DECLARATION}<soapenv:Envelope xmlns:soapenv=\"{}\" xmlns:sf=\"{namespace}\" \
             xmlns:xsi=\"{INSTANCE}\"><soapenv:Body><soapenv:Fault><faultcode>sf:{code}</faultcode>\
             <faultstring>{code}: {message}</faultstring><detail>\
             <sf:UnexpectedErrorFault xsi:type=\"sf:UnexpectedErrorFault\">\
             <sf:exceptionCode>{code}</sf:exceptionCode>\
             <sf:exceptionMessage>{message}</sf:exceptionMessage></sf:UnexpectedErrorFault>\
             </detail></soapenv:Fault></soapenv:Body></soapenv:Envelope>",
            xml::SOAP
        ),
    }
}

pub(super) const SOAP_CONTENT_TYPE: &str = "text/xml;charset=UTF-8";

/// The result of one record of a call, in the form and the namespace of its API. Single
/// records are refused by law only.
pub(super) fn soap_result(refusal: &Refusal, call: &str, namespace: &str) -> String {
    let message = xml_message(refusal);
    let nil = |names: &[&str]| -> String {
        names.iter().map(|name| format!("<{name} xsi:nil=\"true\"/>")).collect()
    };
    let (before, behind) = match call {
        "convertLead" => (nil(&["accountId", "contactId"]), nil(&["leadId", "opportunityId"])),
        "upsert" => ("<created>false</created>".to_owned(), nil(&["id"])),
        _ => (String::new(), nil(&["id"])),
    };
    format!(
        "<result xmlns=\"{namespace}\" xmlns:xsi=\"{INSTANCE}\">{before}<errors>\
         <message>{message}</message><statusCode>INSUFFICIENT_ACCESS_OR_READONLY</statusCode>\
         </errors>{behind}<success>false</success></result>"
    )
}

fn xml_message(refusal: &Refusal) -> String {
    Codec::Xml.literal(&format!("Zollhaus: {}", refusal.message))
}

/// What the APIs of Salesforce call what comes nearest to a refusal. Never
/// `INVALID_SESSION_ID`: it makes clients throw their session away. Clients of SOAP and of
/// the Bulk API 1.0 read no code that their description of the API does not list.
struct Codes {
    /// `errorCode`, and `statusCode` of a result.
    rest: &'static str,
    /// `ExceptionCode` of both WSDLs.
    soap: &'static str,
    /// `AsyncExceptionCode`
    bulk: &'static str,
}

impl Codes {
    const fn new(rest: &'static str, soap: &'static str, bulk: &'static str) -> Self {
        Self { rest, soap, bulk }
    }

    const fn of(code: RefusalCode) -> Self {
        match code {
            RefusalCode::BadRequest | RefusalCode::HeadersTooLarge => {
                Self::new("INVALID_REQUEST", "INVALID_OPERATION", "ClientInputError")
            }
            RefusalCode::CallerTimeout => {
                Self::new("INVALID_REQUEST", "INVALID_OPERATION", "Timeout")
            }
            RefusalCode::NoRoute => Self::new("NOT_FOUND", "INVALID_OPERATION", "InvalidUrl"),
            RefusalCode::MethodNotAllowed => {
                Self::new("METHOD_NOT_ALLOWED", "INVALID_OPERATION", "InvalidOperation")
            }
            RefusalCode::UnknownOperation => {
                let not_enabled = "FUNCTIONALITY_NOT_ENABLED";
                Self::new(not_enabled, not_enabled, "FeatureNotEnabled")
            }
            RefusalCode::UnknownCaller
            | RefusalCode::Forbidden
            | RefusalCode::TransferRefused
            | RefusalCode::ConsentMissing
            | RefusalCode::PurposeMissing => {
                Self::new("INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS", "InvalidUser")
            }
            RefusalCode::Unparseable => {
                Self::new("MALFORMED_REQUEST", "INVALID_OPERATION", "ClientInputError")
            }
            RefusalCode::UnsupportedMediaType | RefusalCode::UnsupportedCoding => {
                Self::new("UNSUPPORTED_MEDIA_TYPE", "INVALID_OPERATION", "UnsupportedContentType")
            }
            RefusalCode::TooLarge | RefusalCode::TargetTooLong | RefusalCode::QueryTooLong => {
                let exceeded = "EXCEEDED_MAX_SIZE_REQUEST";
                Self::new(exceeded, exceeded, "ExceededQuota")
            }
            RefusalCode::OperatorUnsupported => {
                Self::new("INVALID_FIELD", "INVALID_FIELD", "ClientInputError")
            }
            RefusalCode::UnprotectableValue | RefusalCode::MaskedValue => {
                Self::new("FIELD_INTEGRITY_EXCEPTION", "INVALID_FIELD", "ClientInputError")
            }
            RefusalCode::RateLimited | RefusalCode::Overloaded => {
                let exceeded = "REQUEST_LIMIT_EXCEEDED";
                Self::new(exceeded, exceeded, "ExceededQuota")
            }
            RefusalCode::VaultUnavailable
            | RefusalCode::TransferLogUnavailable
            | RefusalCode::KeysUnavailable
            | RefusalCode::Draining
            | RefusalCode::UpstreamUnavailable
            | RefusalCode::UpstreamTimeout => {
                Self::new("SERVER_UNAVAILABLE", "SERVER_UNAVAILABLE", "InternalServerError")
            }
            RefusalCode::UpstreamUnreadable
            | RefusalCode::AnswerWithheld
            | RefusalCode::Internal => {
                Self::new("UNKNOWN_EXCEPTION", "UNKNOWN_EXCEPTION", "InternalServerError")
            }
        }
    }
}
