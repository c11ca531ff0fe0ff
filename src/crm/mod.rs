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
mod located;
mod message;
pub mod pipedrive;
mod record;
mod room;
pub mod salesforce;
mod sorting;
#[cfg(test)]
mod testkit;
mod view;
pub mod zoho;

pub use facts::{FieldFacts, FieldKind};
pub use generic::problem_details;
pub use located::{FieldUse, LocatedAnswer, LocatedRequest, Operation, ReadAnswer};
pub use record::{About, Batch, Done, RecordName, Referred, RefusedRecords, Remaining, SameRecord};
pub use sorting::{Row, Rows, SortKey, Sorted, Sorting, ValueAt};
pub use view::{AnswerView, BodyForm, Memo, Origins, Question, RequestView, Told};

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use smol_str::SmolStr;

use crate::base::{Equality, FieldName, ObjectName, OperationName, Refusal};
use crate::carrier::Occurrence;

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

    /// Whether there are queries whose rows can be sorted here, by fields that the CRM holds
    /// no values of ([`ReadAnswer::sorting`]).
    fn sorts_rows(&self) -> bool {
        false
    }

    /// Which stored texts a value stands for that is compared with them.
    fn equality(&self) -> Equality {
        Equality::Case
    }

    /// How many bytes of a path and query the CRM reads. No CRM reads more than this, and
    /// [`http::Uri`] takes 64 KiB with its origin.
    fn longest_target(&self) -> usize {
        60 * 1024
    }

    /// How many characters of a query in a body the CRM reads; `None` where it does not say.
    fn longest_query(&self, _operation: &OperationName) -> Option<usize> {
        None
    }

    /// The record that another refers to by a value, where that alone tells its object and id:
    /// by whom it is about, not who owns or has written it. The id is in the one spelling that
    /// the dialect has for each record.
    fn refers_to(&self, _at: &Occurrence) -> Option<(ObjectName, SmolStr)> {
        None
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
