// SPDX-License-Identifier: Apache-2.0

use std::time::Duration;

use http::StatusCode;

/// Why a caller got no answer from the CRM, in words for the caller.
///
/// A refusal never holds a value: its message names fields, operators and
/// places. What an operator needs beyond that goes to the log, by another type.
/// Each dialect renders it in the error shape its clients parse
/// (see [`Dialect::refuse`](crate::crm::Dialect::refuse)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: RefusalCode,
    /// Lower case, one clause, no full stop, names in backticks.
    pub message: String,
    /// When it makes sense to try again, for transient refusals.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        let retry_after = code.is_transient().then_some(Duration::from_secs(1));
        Self { code, message: message.into(), retry_after }
    }
}

/// Whose doing a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The caller sent something we do not accept.
    Downstream,
    /// The policy forbids it.
    Policy,
    /// The CRM failed or answered what cannot be read.
    Upstream,
    /// Something of ours is away or full.
    Internal,
}

macro_rules! refusal_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $status:ident, $side:ident;)+) => {
        /// The stable codes that refusals carry in the `Zollhaus-Refusal` header,
        /// in metrics and in the transfer log.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum RefusalCode {
            $($(#[$doc])* $variant,)+
        }

        impl RefusalCode {
            /// Every code, for documentation and tests.
            pub const ALL: &[RefusalCode] = &[$(RefusalCode::$variant,)+];

            pub const fn as_str(self) -> &'static str {
                match self { $(RefusalCode::$variant => $text,)+ }
            }

            pub const fn status(self) -> StatusCode {
                match self { $(RefusalCode::$variant => StatusCode::$status,)+ }
            }

            /// The code of this text, if there is one.
            pub fn from_text(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.as_str() == text)
            }

            pub const fn side(self) -> Side {
                match self { $(RefusalCode::$variant => Side::$side,)+ }
            }
        }
    };
}

refusal_codes! {
    /// The request target, a header or the framing is not acceptable HTTP.
    BadRequest = "bad_request", BAD_REQUEST, Downstream;
    /// No principal: no credential, or one that does not hold. Answered with
    /// 403, because a 401 makes CRM clients throw away their CRM session.
    UnknownCaller = "unknown_caller", FORBIDDEN, Downstream;
    /// The caller exceeded its request rate.
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, Downstream;
    /// No upstream is configured for this host or path.
    NoRoute = "no_route", NOT_FOUND, Downstream;
    /// The HTTP method is not one that a CRM API uses.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, Downstream;
    /// The dialect does not know this operation, so it cannot say where values stand.
    UnknownOperation = "unknown_operation", FORBIDDEN, Policy;
    /// The body or a part of the target cannot be parsed without doubt.
    Unparseable = "unparseable", BAD_REQUEST, Downstream;
    /// The body has a media type that this operation is not read in.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, Downstream;
    /// The body has a content coding that is not opened.
    UnsupportedCoding = "unsupported_coding", UNSUPPORTED_MEDIA_TYPE, Downstream;
    /// The body, or what it expands to, is larger than the limit.
    TooLarge = "too_large", PAYLOAD_TOO_LARGE, Downstream;
    /// The target is longer than CRMs take, or becomes so by its surrogates.
    TargetTooLong = "target_too_long", URI_TOO_LONG, Downstream;
    /// A query in the body becomes longer by its surrogates than the CRM takes.
    QueryTooLong = "query_too_long", BAD_REQUEST, Downstream;
    /// Header fields exceed the limit on size or count.
    HeadersTooLarge = "headers_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE, Downstream;
    /// The caller took too long to send its request.
    CallerTimeout = "caller_timeout", REQUEST_TIMEOUT, Downstream;
    /// The operator or use of a protected field cannot be answered exactly.
    OperatorUnsupported = "operator_unsupported", BAD_REQUEST, Policy;
    /// The policy forbids this field, value or operation.
    Forbidden = "forbidden", FORBIDDEN, Policy;
    /// The border does not let the data of a record go where the request leads.
    TransferRefused = "transfer_refused", FORBIDDEN, Policy;
    /// The data subject has not consented to what the request is for.
    ConsentMissing = "consent_missing", FORBIDDEN, Policy;
    /// The request does not say what it is for, or for what it may not be.
    PurposeMissing = "purpose_missing", FORBIDDEN, Policy;
    /// A protected field holds a value that its protection cannot take.
    UnprotectableValue = "unprotectable_value", BAD_REQUEST, Policy;
    /// A value that was masked on the way out came back; storing it would destroy the original.
    MaskedValue = "masked_value", BAD_REQUEST, Policy;
    /// Too many requests are in flight, or buffers are full.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, Internal;
    /// The vault cannot be read or written.
    VaultUnavailable = "vault_unavailable", SERVICE_UNAVAILABLE, Internal;
    /// The transfer log cannot be written.
    TransferLogUnavailable = "transfer_log_unavailable", SERVICE_UNAVAILABLE, Internal;
    /// The key service has been away for too long, or has withdrawn the root key.
    KeysUnavailable = "keys_unavailable", SERVICE_UNAVAILABLE, Internal;
    /// The process is draining and takes no new requests.
    Draining = "draining", SERVICE_UNAVAILABLE, Internal;
    /// The upstream cannot be reached, or broke off before it answered.
    UpstreamUnavailable = "upstream_unavailable", BAD_GATEWAY, Upstream;
    /// The upstream did not answer in time.
    UpstreamTimeout = "upstream_timeout", GATEWAY_TIMEOUT, Upstream;
    /// The upstream's answer cannot be read, so it cannot be opened or checked.
    UpstreamUnreadable = "upstream_unreadable", BAD_GATEWAY, Upstream;
    /// The upstream has answered, but the answer cannot be shown: do not repeat the
    /// request as if it had not been made.
    AnswerWithheld = "answer_withheld", BAD_GATEWAY, Internal;
    /// A defect of ours.
    Internal = "internal", INTERNAL_SERVER_ERROR, Internal;
}

impl RefusalCode {
    /// Whether the same request may succeed later without being changed.
    pub const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::RateLimited
                | Self::Overloaded
                | Self::VaultUnavailable
                | Self::TransferLogUnavailable
                | Self::KeysUnavailable
                | Self::Draining
                | Self::UpstreamUnavailable
                | Self::UpstreamTimeout
        )
    }
}
