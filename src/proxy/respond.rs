// SPDX-License-Identifier: Apache-2.0
//! Errors → refusals → HTTP: the one place where that mapping is.

use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use crate::base::{Refusal, RefusalCode};
use crate::caller::CallerError;
use crate::carrier::coding::CodingError;
use crate::crm::{Dialect, LocateError, NativeAnswer, RefusalForm, problem_details};
use crate::keys::LeaseOver;
use crate::policy::Forbidden;
use crate::protect::ProtectError;
use crate::quarantine::QuarantineError;
use crate::reveal::{RestoreError, SortError};
use crate::subject::SubjectError;
use crate::transfer_log::TransferLogError;
use crate::upstream::UpstreamError;
use crate::vault::VaultError;

use super::Body;
use super::body::{self, BodyError};
use super::spool::SpoolError;
use super::stage::Stopped;

/// Carries the stable code of a refusal.
pub const REFUSAL_HEADER: HeaderName = HeaderName::from_static("zollhaus-refusal");

/// A refusal as an answer: in the form of the API that was called, in the dialect's shape
/// where only the upstream is known, as problem details (RFC 9457) otherwise.
pub fn refusal(
    refusal: &Refusal,
    dialect: Option<&dyn Dialect>,
    form: Option<RefusalForm>,
) -> Response<Body> {
    let answer = match (form, dialect) {
        (Some(form), _) => form(refusal),
        (None, Some(dialect)) => dialect.refuse(refusal),
        (None, None) => problem_details(refusal),
    };
    native(refusal, answer)
}

/// An answer of ours in a CRM's shape, that turns back what the refusal says.
pub fn native(refusal: &Refusal, native: NativeAnswer) -> Response<Body> {
    let mut response = Response::new(body::whole(native.body));
    *response.status_mut() = native.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(native.content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFUSAL_HEADER, HeaderValue::from_static(refusal.code.as_str()));
    if let Some(wait) = refusal.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    }
    response
}

impl From<LocateError> for Refusal {
    fn from(error: LocateError) -> Self {
        let code = match &error {
            LocateError::UnknownOperation => RefusalCode::UnknownOperation,
            LocateError::MethodNotAllowed { .. } => RefusalCode::MethodNotAllowed,
            LocateError::Unparseable { .. } => RefusalCode::Unparseable,
            LocateError::UnsupportedMediaType { .. } => RefusalCode::UnsupportedMediaType,
            LocateError::TooLarge { .. } => RefusalCode::TooLarge,
        };
        Refusal::new(code, error.to_string())
    }
}

impl From<Forbidden> for Refusal {
    fn from(error: Forbidden) -> Self {
        let code = match &error {
            Forbidden::Operator { .. }
            | Forbidden::Decisive { .. }
            | Forbidden::Sorting { .. }
            | Forbidden::Equality { .. } => RefusalCode::OperatorUnsupported,
            Forbidden::UnlistedField { .. }
            | Forbidden::Probing { .. }
            | Forbidden::Residual { .. } => RefusalCode::Forbidden,
            Forbidden::Structured { .. } => RefusalCode::UnprotectableValue,
        };
        Refusal::new(code, error.to_string())
    }
}

impl From<CallerError> for Refusal {
    fn from(error: CallerError) -> Self {
        match error {
            CallerError::Unknown(reason) => {
                // Why a credential does not hold is for the operator only.
                tracing::info!(reason, "a caller is not known");
                Refusal::new(
                    RefusalCode::UnknownCaller,
                    "the caller is not known here; send a valid `Zollhaus-Key` header",
                )
            }
            CallerError::RateLimited { retry_after } => Refusal {
                retry_after: Some(retry_after),
                ..Refusal::new(RefusalCode::RateLimited, "the caller exceeds its request rate")
            },
        }
    }
}

impl From<ProtectError> for Refusal {
    fn from(error: ProtectError) -> Self {
        let code = match &error {
            ProtectError::Vault(error) => return vault(error),
            ProtectError::Unprotectable { .. } => RefusalCode::UnprotectableValue,
            ProtectError::TooMuch { .. } => RefusalCode::TooLarge,
            ProtectError::Masked { .. } => RefusalCode::MaskedValue,
            ProtectError::Ambiguous { .. }
            | ProtectError::Rotated { .. }
            | ProtectError::Doubtful { .. }
            | ProtectError::Unsearchable { .. }
            | ProtectError::TooManySpellings { .. } => RefusalCode::OperatorUnsupported,
        };
        Refusal::new(code, error.to_string())
    }
}

impl From<SubjectError> for Refusal {
    fn from(error: SubjectError) -> Self {
        tracing::error!(%error, "what is known of data subjects cannot be read or written");
        Refusal::new(
            RefusalCode::VaultUnavailable,
            "what is known of data subjects is not available",
        )
    }
}

impl From<QuarantineError> for Refusal {
    fn from(error: QuarantineError) -> Self {
        tracing::error!(%error, "what is left out of batches cannot be read or written");
        Refusal::new(RefusalCode::VaultUnavailable, "what is left out of batches is not available")
    }
}

impl From<QuarantineError> for Stopped {
    fn from(error: QuarantineError) -> Self {
        Refusal::from(error).into()
    }
}

impl From<UpstreamError> for Refusal {
    fn from(error: UpstreamError) -> Self {
        tracing::warn!(%error, "an upstream failed");
        match error {
            UpstreamError::Unreachable(_) => {
                Refusal::new(RefusalCode::UpstreamUnavailable, "the upstream cannot be reached")
            }
            UpstreamError::BrokenOff(_) => Refusal::new(
                RefusalCode::UpstreamUnavailable,
                "the upstream broke off before it answered",
            ),
            UpstreamError::TimedOut => {
                Refusal::new(RefusalCode::UpstreamTimeout, "the upstream did not answer in time")
            }
        }
    }
}

impl From<RestoreError> for Refusal {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::Protect(error) => error.into(),
            RestoreError::Render(error) => defect(&error),
            RestoreError::Structured { .. } => unreadable_answer(&error),
        }
    }
}

impl From<SortError> for Refusal {
    fn from(error: SortError) -> Self {
        match error {
            SortError::Protect(error) => error.into(),
            SortError::TooMany { .. } | SortError::Paged { .. } | SortError::Closed { .. } => {
                Refusal::new(RefusalCode::OperatorUnsupported, error.to_string())
            }
        }
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => {
                Refusal::new(RefusalCode::TooLarge, "the body is larger than the limit")
            }
            BodyError::TimedOut => {
                Refusal::new(RefusalCode::CallerTimeout, "the body did not arrive in time")
            }
            BodyError::Broken => Refusal::new(RefusalCode::BadRequest, "the body broke off"),
            BodyError::BudgetExhausted => buffers_full(),
            BodyError::Coding(error) => {
                let code = match error {
                    CodingError::Unsupported => RefusalCode::UnsupportedCoding,
                    CodingError::TooLarge => RefusalCode::TooLarge,
                    CodingError::Corrupt => RefusalCode::Unparseable,
                };
                Refusal::new(code, format!("the body cannot be opened: {error}"))
            }
        }
    }
}

/// What a disk that fails says is for the operator only.
pub fn spool(error: SpoolError) -> Refusal {
    match error {
        SpoolError::Full => buffers_full(),
        SpoolError::Io(error) => {
            tracing::error!(%error, "the spool for long bodies cannot be used");
            Refusal::new(RefusalCode::Overloaded, "a long body cannot be spooled at the moment")
        }
    }
}

fn buffers_full() -> Refusal {
    Refusal::new(RefusalCode::Overloaded, "too much is buffered at the moment")
}

/// A body that the upstream sent: the same troubles, but not the caller's.
pub fn answer_body(error: BodyError) -> Refusal {
    match error {
        BodyError::TooLarge => {
            Refusal::new(RefusalCode::UpstreamUnreadable, "the answer is larger than the limit")
        }
        BodyError::TimedOut => {
            Refusal::new(RefusalCode::UpstreamTimeout, "the answer did not arrive in time")
        }
        BodyError::Broken => Refusal::new(RefusalCode::UpstreamUnavailable, "the answer broke off"),
        BodyError::BudgetExhausted => buffers_full(),
        BodyError::Coding(error) => unreadable_answer(&error),
    }
}

/// An answer that cannot be read, and so cannot be opened or checked.
pub fn unreadable_answer(problem: &impl std::fmt::Display) -> Refusal {
    Refusal::new(RefusalCode::UpstreamUnreadable, format!("the answer cannot be read: {problem}"))
}

/// The text for the caller says only that the vault or keys are away, or that it has no room;
/// the cause is logged where it is seen.
pub fn vault(error: &VaultError) -> Refusal {
    tracing::error!(%error, "the vault failed");
    match error {
        VaultError::Full(_) => Refusal::new(RefusalCode::UnprotectableValue, error.to_string()),
        VaultError::Closed(_) => {
            let message = "the keys of its jurisdiction are not available";
            Refusal::new(RefusalCode::KeysUnavailable, message)
        }
        _ => Refusal::new(RefusalCode::VaultUnavailable, "the vault is not available"),
    }
}

pub fn transfer_log(error: &TransferLogError) -> Refusal {
    tracing::error!(%error, "the transfer log failed");
    Refusal::new(RefusalCode::TransferLogUnavailable, "the transfer log cannot be written")
}

/// The text for the caller does not say what the key service says.
pub fn keys(over: &LeaseOver) -> Refusal {
    tracing::error!(%over, "the keys may not be used");
    Refusal::new(RefusalCode::KeysUnavailable, "the keys are not available")
}

/// What went wrong after the upstream had answered with `status`: it has acted, and
/// the caller must not be told to try again.
pub fn after_answer(refusal: Refusal, status: Option<StatusCode>) -> Refusal {
    match status {
        Some(status) if refusal.code.is_transient() => Refusal::new(
            RefusalCode::AnswerWithheld,
            format!("the upstream answered {}, but {}", status.as_u16(), refusal.message),
        ),
        _ => refusal,
    }
}

/// A defect of ours. The caller learns nothing but that it happened.
pub fn defect(error: &impl std::fmt::Display) -> Refusal {
    tracing::error!(%error, "a defect stopped this request");
    Refusal::new(RefusalCode::Internal, "an internal error stopped this request")
}
