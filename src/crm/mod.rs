// SPDX-License-Identifier: Apache-2.0
//! What we know of each CRM's API: one [`Dialect`] per CRM.
//!
//! A dialect turns a request into the places where values stand, and leaves
//! behind a [`ReadAnswer`] that does the same for the answer to that request. It
//! names objects and fields in one canonical spelling, says which of them the
//! CRM composes from others and how long they may be, and renders refusals in
//! the shape that the CRM's clients parse.
//!
//! A dialect does not decide anything: no policy, key or caller is known here.
//! What it cannot read without doubt, it refuses.

pub mod dynamics;
mod facts;
mod form;
pub mod generic;
pub mod hubspot;
mod message;
mod record;
pub mod pipedrive;
mod room;
pub mod salesforce;
pub mod zoho;
#[cfg(test)]
mod testkit;

pub use facts::{FieldFacts, FieldKind};
pub use generic::problem_details;
pub use record::{About, Batch, Done, RecordName, RefusedRecords, Remaining, SameRecord};

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode};
use smol_str::SmolStr;

use crate::base::{Cleartext, Equality, FieldName, ObjectName, OperationName, Refusal};
use crate::carrier::Document;
use crate::carrier::coding::ExpansionLimits;

/// One CRM's API. Implementations are pure and shared by all requests.
pub trait Dialect: Send + Sync + fmt::Debug {
    /// The name that configuration uses: `salesforce`.
    fn name(&self) -> &'static str;

    /// What has to be asked of the CRM before a request can be located. Its answer comes
    /// with the request as [`RequestView::told`].
    fn asks_first(&self, _request: &RequestView<'_>) -> Option<Question> {
        None
    }

    /// How the body of a request is read. The body does not come with it.
    fn body_form(&self, _request: &RequestView<'_>) -> BodyForm {
        BodyForm::Whole
    }

    /// The batch that the answer to a request tells of, by [`Batch::reported_as`]. What
    /// was taken out of it comes with the request as [`Told::quarantined`].
    fn reports_on(&self, _request: &RequestView<'_>) -> Option<SmolStr> {
        None
    }

    /// Classifies a request and finds every place in it where a value stands.
    ///
    /// # Errors
    /// [`LocateError::UnknownOperation`] when the dialect does not know the
    /// operation; any other when it does, but cannot read this request of it.
    fn locate(&self, request: &RequestView<'_>) -> Result<LocatedRequest, LocateError>;

    /// The canonical spelling of an object and of a field, matched as the CRM
    /// matches them.
    fn canonical_object(&self, name: &str) -> ObjectName;
    fn canonical_field(&self, object: &ObjectName, name: &str) -> FieldName;

    /// What the CRM is known to accept in a field; `None` when nothing is known.
    /// Takes canonical names.
    fn field_facts(&self, object: &ObjectName, field: &FieldName) -> Option<FieldFacts>;

    /// Every field that [`field_facts`](Self::field_facts) tells about, so that a
    /// misspelt name can be noticed.
    fn known_fields(&self) -> Vec<(ObjectName, FieldName)> {
        Vec::new()
    }

    /// Every operation by its name, with its request as the CRM's reference writes it.
    /// Empty where the configuration says what operations there are.
    fn operations(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// How long the CRM may hold back its answer to an operation until something happens;
    /// nothing where it answers as soon as it can.
    fn holds_back(&self, _operation: &Operation) -> Duration {
        Duration::ZERO
    }

    /// Which stored texts a value stands for that is compared with them.
    fn equality(&self) -> Equality {
        Equality::Case
    }

    /// Whether records of different accounts of this CRM never have one id, so that a
    /// record is known by its id wherever it is kept, and to whichever upstream it was
    /// asked from.
    fn has_global_ids(&self) -> bool {
        false
    }

    /// Whether a request holds, beside its header fields, what opens the upstream that was
    /// called: then it must not be sent to another.
    fn holds_credential(&self, _target: &Bytes) -> bool {
        false
    }

    /// The error answer that the CRM's own clients parse.
    fn refuse(&self, refusal: &Refusal) -> NativeAnswer;

    /// The same for a request that is to an API with errors of its own. Takes path and
    /// query without the route's prefix.
    fn refusal_form(&self, _target: &Bytes, _headers: &HeaderMap) -> Option<RefusalForm> {
        None
    }
}

/// How an API says a refusal.
pub type RefusalForm = fn(&Refusal) -> NativeAnswer;

/// A request as a dialect sees it. The body is complete and has no content coding.
#[derive(Clone, Copy)]
pub struct RequestView<'a> {
    pub method: &'a Method,
    /// Path and query as sent, without the route's prefix: starts with `/`.
    pub target: &'a Bytes,
    pub headers: &'a HeaderMap,
    pub body: &'a Bytes,
    pub origins: &'a Origins,
    /// How far what is packed in the body may expand.
    pub expansion: ExpansionLimits,
    /// What is known besides.
    pub told: Told<'a>,
}

/// How a body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyForm {
    Whole,
    /// It may be an archive, which is opened to be located.
    Archive,
    /// CSV: the first row with any of the others is a message of its own, and no answer
    /// tells what became of single rows. So a long one is read in pieces.
    Rows,
}

/// What a dialect asks first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Of the CRM: a `GET`, which holds no values, and asks nothing itself. `None` where
    /// what callers have said is all that there is to know.
    pub target: Option<Bytes>,
    /// What it is about, as [`Memo::about`] says.
    pub about: SmolStr,
}

/// What is known of what a request is about.
#[derive(Clone, Copy, Default)]
pub struct Told<'a> {
    /// The CRM's answer to what the dialect asks first, if it was asked.
    pub by_crm: Option<&'a Bytes>,
    /// What a caller said of it before, if that is still known.
    pub by_caller: Option<&'a str>,
    /// What was taken out of the batch that the answer reports on.
    pub quarantined: &'a [Cleartext],
}

/// Names the size only: the answer may hold anything.
impl fmt::Debug for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Told({} bytes)", self.by_crm.map_or(0, Bytes::len))
    }
}

/// What a caller said of something that later requests are about. The CRM's own word for it
/// is not enough to decide what it may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memo {
    /// By what the CRM goes on to name it.
    pub about: SmolStr,
    pub text: SmolStr,
}

/// An answer as the reader of its request sees it. The body is complete and has
/// no content coding.
#[derive(Clone, Copy)]
pub struct AnswerView<'a> {
    pub status: StatusCode,
    pub headers: &'a HeaderMap,
    pub body: &'a Bytes,
    pub origins: &'a Origins,
    /// How far what is packed in the body may expand.
    pub expansion: ExpansionLimits,
}

/// Names the method and the size only: target, headers and body hold values.
impl fmt::Debug for RequestView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestView({}, {} bytes)", self.method, self.body.len())
    }
}

/// Names the status and the size only: headers and body hold values.
impl fmt::Debug for AnswerView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnswerView({}, {} bytes)", self.status.as_str(), self.body.len())
    }
}

/// The two names of one place: the CRM's own URL, and ours in front of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins {
    /// `https://acme.my.salesforce.com`, without a slash at the end.
    pub upstream: String,
    /// What the caller used to reach us, with the route's path prefix:
    /// `https://crm.acme.example/sf`, without a slash at the end.
    pub public: String,
    /// The same of the other hosts of this CRM that the caller reaches through us.
    pub siblings: Vec<(String, String)>,
}

impl Origins {
    /// `url` with the origin of an upstream exchanged for ours, if it points there.
    pub fn to_public(&self, url: &str) -> Option<String> {
        let own = std::iter::once((&self.upstream, &self.public));
        let siblings = self.siblings.iter().map(|(upstream, public)| (upstream, public));
        own.chain(siblings).find_map(|(upstream, public)| {
            let (head, rest) = url.split_at_checked(upstream.len())?;
            let ends_here = rest.is_empty() || rest.starts_with(['/', '?', '#']);
            let points_there = head.eq_ignore_ascii_case(upstream) && ends_here;
            points_there.then(|| format!("{public}{rest}"))
        })
    }
}

/// A request with everything found in it.
#[derive(Debug)]
pub struct LocatedRequest {
    pub operation: Operation,
    /// Path and query.
    pub target: Document,
    /// Headers that carry values; the others pass by the rules of the proxy.
    pub headers: Vec<(HeaderName, Document)>,
    pub body: Document,
    /// Uses of fields that no single value stands for.
    pub uses: Vec<FieldUse>,
    /// The records that the request names by the CRM's own ids.
    pub records: Vec<RecordName>,
    /// Refuses single records of the request; `None` where the API has no form for
    /// that, or where the caller wants all records to be written or none.
    pub batch: Option<Box<dyn Batch>>,
    /// Reads the answer to this request.
    pub answer: Box<dyn ReadAnswer>,
}

impl LocatedRequest {
    /// The documents in the order that occurrences are numbered in: target,
    /// headers, body.
    pub fn documents(&self) -> impl Iterator<Item = &Document> {
        std::iter::once(&self.target)
            .chain(self.headers.iter().map(|(_, document)| document))
            .chain(std::iter::once(&self.body))
    }
}

/// Reads the answer to one located request: it knows what was asked for.
pub trait ReadAnswer: Send + Sync + fmt::Debug {
    /// Finds every place in the answer where a value or a link to the upstream stands.
    ///
    /// # Errors
    /// [`LocateError`] when the answer cannot be read; then nothing of it may be
    /// passed on.
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError>;

    /// How the body of an answer with this status and these fields is read.
    fn body_form(&self, _status: StatusCode, _headers: &HeaderMap) -> BodyForm {
        BodyForm::Whole
    }
}

/// An answer with everything found in it.
#[derive(Debug, Default)]
pub struct LocatedAnswer {
    /// What the caller gets: another status than the CRM's where records were refused.
    pub status: StatusCode,
    /// Headers that carry values or links, such as `Location`.
    pub headers: Vec<(HeaderName, Document)>,
    pub body: Document,
    /// The records that the answer names by the CRM's own ids.
    pub records: Vec<RecordName>,
    /// What was done of the request, if the status of the answer says success.
    pub done: Done,
    /// What the request said that later ones will be about, if the status says success.
    pub memo: Option<Memo>,
}

impl LocatedAnswer {
    /// The documents in the order that occurrences are numbered in: headers, body.
    pub fn documents(&self) -> impl Iterator<Item = &Document> {
        self.headers.iter().map(|(_, document)| document).chain(std::iter::once(&self.body))
    }
}

/// What a request does, in words of bounded variety, fit for metrics and the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    pub name: OperationName,
    /// The main object, where there is one.
    pub object: Option<ObjectName>,
    pub about: About,
}

impl Operation {
    /// The name of what the dialect does not know, where it may pass.
    pub const UNKNOWN: &str = "unknown";
}

/// A use of a field that needs more than equality of surrogates: refused where
/// the field is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldUse {
    pub object: ObjectName,
    pub field: FieldName,
    /// The operator or clause, as its language spells it: `LIKE`, `ORDER BY`.
    pub operator: &'static str,
}

impl FieldUse {
    /// What is asked of a composed field, or written to it, is asked of each field whose
    /// values it shows.
    fn of_parts(
        object: &ObjectName,
        parts: &'static [&'static str],
        operator: &'static str,
    ) -> impl Iterator<Item = Self> + use<> {
        let object = object.clone();
        parts.iter().map(move |field| {
            let field = FieldName::from_static(field);
            Self { object: object.clone(), field, operator }
        })
    }

    /// Only whether there is a value. Surrogates answer that; what was dropped does not.
    pub const PRESENCE: &str = crate::query::PRESENCE;

    /// Only the CRM says of which object the field is. It would see in clear what it says
    /// the policy does not protect.
    pub const HEARSAY: &str =
        "an upload to a job of which only the CRM tells the object (create the job anew)";

    /// Only the name of an uploaded file says of which object the field is.
    pub const FILE_NAME: &str = "an upload to an object that only the name of the file tells";

    /// In the place of a field: whatever fields the object has are used.
    pub const EVERY_FIELD: &str = "*";

    /// Another name for a field in the answer, which may be the name of yet another field.
    pub const ALIAS: &str = "an alias";
}

/// What [`Dialect::operations`] says, for a table of them.
fn listed(operations: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    operations.iter().map(|(name, request)| (*name, (*request).to_owned())).collect()
}

/// An answer in a CRM's own shape.
#[derive(Clone, PartialEq, Eq)]
pub struct NativeAnswer {
    pub status: StatusCode,
    pub content_type: &'static str,
    pub body: String,
}

/// Names the status and the size only: the body may name records as the caller did.
impl fmt::Debug for NativeAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NativeAnswer({}, {} bytes)", self.status.as_str(), self.body.len())
    }
}

/// A message that a dialect cannot read. Names places, never values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocateError {
    #[error("the dialect does not know this operation")]
    UnknownOperation,
    #[error("{method} is not a method of this resource")]
    MethodNotAllowed { method: &'static str },
    /// `place` says which part: `the body`, `parameter `q``.
    #[error("{place} cannot be parsed: {problem}")]
    Unparseable { place: String, problem: String },
    #[error("{place} has a media type that is not read here; expected {expected}")]
    UnsupportedMediaType { place: &'static str, expected: &'static str },
    #[error("{place} is too large or too deeply nested")]
    TooLarge { place: &'static str },
}
