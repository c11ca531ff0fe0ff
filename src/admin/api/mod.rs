// SPDX-License-Identifier: Apache-2.0
//! The admin API: whose consent there is, and its change. `docs/ADMIN-API.md` says it
//! in full.
//!
//! It takes personal values, in bodies only, so it is served on loopback only (see
//! `config`) and to those who present an administrator's key. It never repeats a
//! value: problems name members of the body, answers and the log name pseudonyms.

mod message;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use message::{ConsentRequest, Lookup, SubjectName};

use super::respond;
use crate::base::{Cleartext, Clock, PrincipalName, SubjectId};
use crate::caller::ApiKeys;
use crate::keys::Lease;
use crate::subject::{ConsentRecord, SubjectError, Subjects, Vocabulary};
use crate::telemetry::Metrics;

/// Of a request; more than the longest address, version and source need.
const MAX_BODY_BYTES: usize = 16 << 10;

/// What the API works on.
pub struct Api {
    pub administrators: ApiKeys<PrincipalName>,
    pub subjects: Subjects,
    /// The names that the policies know which are in force now.
    pub vocabulary: Box<dyn Fn() -> Vocabulary + Send + Sync>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    /// Pseudonyms are made with keys, too.
    pub lease: Lease,
}

/// Why a request is not answered as asked.
struct Problem {
    status: StatusCode,
    detail: String,
}

impl Problem {
    fn new(status: StatusCode, detail: impl fmt::Display) -> Self {
        Self { status, detail: detail.to_string() }
    }

    fn unprocessable(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }
}

impl Api {
    /// Whether a request is for the API, whatever comes of it.
    pub(super) fn is_for<B>(request: &Request<B>) -> bool {
        request.uri().path().starts_with("/v1/")
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        match self.handle(request).await {
            Ok((status, answer)) => respond(status, "application/json", answer.to_string().into()),
            Err(problem) => problem.into_response(),
        }
    }

    async fn handle(&self, request: Request<Incoming>) -> Result<(StatusCode, Value), Problem> {
        let administrator = self.administrators.identify(request.headers()).map_err(|error| {
            tracing::warn!(%error, "a request to the admin API was refused");
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "an administrator's key is needed in `Zollhaus-Key`",
            )
        })?;
        let path = request.uri().path().to_owned();
        if !matches!(&*path, "/v1/consents" | "/v1/subjects/lookup") {
            return Err(Problem::new(StatusCode::NOT_FOUND, "there is no such resource"));
        }
        if request.method() != Method::POST {
            return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "the method is POST"));
        }
        self.lease.check().map_err(|over| {
            tracing::warn!(%over, "a request to the admin API was refused");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the keys are not available")
        })?;
        match &*path {
            "/v1/consents" => self.record(&administrator, read(request).await?).await,
            _ => self.look_up(&administrator, read(request).await?).await,
        }
    }

    async fn record(
        &self,
        administrator: &PrincipalName,
        request: ConsentRequest,
    ) -> Result<(StatusCode, Value), Problem> {
        let words = (self.vocabulary)();
        let subject = self.identify(&words, request.subject)?;
        let purpose = words.purpose(&request.purpose).map_err(Problem::unprocessable)?;
        let text_version = request.text_version.as_deref().map(str::parse).transpose();
        let text_version = text_version.map_err(in_member("text_version"))?;
        let source = request.source.parse().map_err(in_member("source"))?;
        let (choice, now) = (request.state, self.clock.now());
        let record = ConsentRecord::new(purpose, choice, now, request.until, text_version, source)
            .map_err(Problem::unprocessable)?;
        let record = self.subjects.record(subject, record).await.map_err(unavailable)?;
        let (purpose, state) = (&record.purpose, record.choice.as_str());
        tracing::info!(%administrator, %subject, %purpose, state, "a consent was changed");
        self.metrics.consent_change(purpose, record.choice);
        Ok((StatusCode::CREATED, json!({ "subject": subject, "consent": record })))
    }

    async fn look_up(
        &self,
        administrator: &PrincipalName,
        request: Lookup,
    ) -> Result<(StatusCode, Value), Problem> {
        let subject = self.identify(&(self.vocabulary)(), request.subject)?;
        let dossier = self.subjects.dossier(subject).await.map_err(unavailable)?;
        tracing::info!(%administrator, %subject, "a data subject was looked up");
        let now = self.clock.now();
        let consents = dossier.known.consents.latest().map(|latest| {
            let state = dossier.known.consents.state(&latest.purpose, now);
            json!({ "purpose": latest.purpose, "state": state })
        });
        let answer = json!({
            "subject": subject,
            "person": dossier.known.person,
            "pseudonyms": dossier.pseudonyms,
            "jurisdictions": dossier.known.jurisdictions,
            "consents": consents.collect::<Vec<_>>(),
            "history": dossier.history,
        });
        Ok((StatusCode::OK, answer))
    }

    fn identify(&self, words: &Vocabulary, subject: SubjectName) -> Result<SubjectId, Problem> {
        let SubjectName { category, value, pseudonym } = subject;
        match (category, value.map(Cleartext::new), pseudonym) {
            (None, None, Some(pseudonym)) => Ok(pseudonym),
            (Some(category), Some(value), None) if !value.expose().trim().is_empty() => {
                let category = words.category(&category).map_err(Problem::unprocessable)?;
                Ok(self.subjects.by_value(&category, &value))
            }
            _ => Err(Problem::unprocessable(
                "`subject` has a `category` and a `value` that is not empty, or a `pseudonym`",
            )),
        }
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("subjects", &self.subjects).finish_non_exhaustive()
    }
}

/// The body as a message. What serde says of one that is none may repeat what stands
/// there, so only the place is passed on.
async fn read<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Problem> {
    let kind = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let kind = kind.and_then(|kind| kind.split(|byte| *byte == b';').next());
    if !kind.is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"application/json")) {
        let problem = "the body is not said to be `application/json`";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, problem));
    }
    #[expect(clippy::disallowed_methods, reason = "`Limited` is the bound")]
    let body = Limited::new(request.into_body(), MAX_BODY_BYTES).collect().await;
    let body = body.map_err(|_| {
        let problem = format!("the body is broken off or longer than {MAX_BODY_BYTES} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, problem)
    })?;
    serde_json::from_slice(&body.to_bytes()).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Problem::new(
            StatusCode::BAD_REQUEST,
            format!(
                "the body is not the JSON that is expected here, at line {line}, column {column}"
            ),
        )
    })
}

fn in_member<E: fmt::Display>(member: &'static str) -> impl Fn(E) -> Problem {
    move |error| Problem::unprocessable(format!("`{member}`: {error}"))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn unavailable(error: SubjectError) -> Problem {
    tracing::error!(%error, "the admin API cannot answer");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "what is known of data subjects is not available")
}

impl Problem {
    /// Problem details (RFC 9457).
    fn into_response(self) -> Response<Full<Bytes>> {
        let Self { status, detail } = self;
        let title = status.canonical_reason();
        let details = json!({ "title": title, "status": status.as_u16(), "detail": detail });
        let body = details.to_string().into();
        let mut response = respond(status, "application/problem+json", body);
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}
