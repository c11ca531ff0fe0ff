// SPDX-License-Identifier: Apache-2.0
//! What each stage hands to the next. Each type owns the one before it and is
//! made by one function of `pipeline`, so that the compiler checks the order of
//! the road.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use tokio::time::Instant;

use crate::base::{Cleartext, Purpose, Refusal, SubjectId};
use crate::caller::Principal;
use crate::carrier::{Document, Occurrence, Slot};
use crate::crm::{BodyForm, LocatedRequest, NativeAnswer, Origins};
use crate::listener::Peer;
use crate::policy::{Forbidden, Policy};
use crate::protect::Echoes;
use crate::transfer_log::Revealed;
use crate::upstream::AnswerBody;

use super::Upstream;
use super::body::Content;
use super::budget::Lease;
use super::declaration::Declaration;
use super::manifest::{Manifest, Record};
use super::records::Statement;
use super::request_body::RequestBody;

/// A request whose head is acceptable HTTP and names a configured upstream.
pub struct Received {
    pub upstream: Arc<Upstream>,
    pub peer: Peer,
    pub origins: Origins,
    pub method: Method,
    /// Path and query without the route's prefix.
    pub target: Bytes,
    pub headers: HeaderMap,
    pub body: RequestBody,
}

/// Its caller is known.
pub struct Identified {
    pub received: Received,
    pub caller: Principal,
    /// What the request is for.
    pub purpose: Option<Purpose>,
}

/// Its body is here, without content coding.
pub struct Complete {
    pub upstream: Arc<Upstream>,
    /// The policy that holds for this request from here to its end.
    pub policy: Arc<Policy>,
    pub caller: Principal,
    pub purpose: Option<Purpose>,
    pub origins: Origins,
    pub method: Method,
    pub target: Bytes,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub form: BodyForm,
    /// Another piece of the same body is bound for this upstream already.
    pub is_settled: bool,
    /// Given back when the request has ended.
    pub lease: Lease,
}

impl Complete {
    /// The same request with another body.
    pub fn with_body(&self, body: Bytes, lease: Lease) -> Self {
        Self {
            upstream: Arc::clone(&self.upstream),
            policy: Arc::clone(&self.policy),
            caller: self.caller.clone(),
            purpose: self.purpose.clone(),
            origins: self.origins.clone(),
            method: self.method.clone(),
            target: self.target.clone(),
            headers: self.headers.clone(),
            body,
            form: self.form,
            is_settled: self.is_settled,
            lease,
        }
    }
}

/// Every occurrence in it is found.
pub struct Located {
    pub complete: Complete,
    pub request: LocatedRequest,
    /// The dialect does not know the operation, and `observe` lets it pass.
    pub uninspected: bool,
}

/// Every value has its decision, every record its ground or is turned back.
pub struct Decided {
    pub located: Located,
    pub manifest: Manifest,
    pub statement: Statement,
    /// With what is known of them, where there is a border.
    pub records: BTreeMap<u32, Record>,
    pub left_out: LeftOut,
    /// By how many keys the rows of the answer are to be sorted here.
    pub sorted_by: usize,
}

/// What is taken out of a batch that a later answer reports on.
#[derive(Default)]
pub struct LeftOut {
    pub records: Vec<Cleartext>,
    /// Nothing else was in it.
    pub emptied: Option<Emptied>,
}

/// Each record of a request is refused, in the CRM's own form.
pub struct Emptied {
    pub refusal: Refusal,
    pub answer: NativeAnswer,
}

/// What goes upstream, and what is needed to understand the answer.
pub struct Protected {
    pub decided: Decided,
    pub outgoing: Outgoing,
    pub echoes: Echoes,
    pub declaration: Declaration,
}

impl Protected {
    pub fn complete(&self) -> &Complete {
        &self.decided.located.complete
    }
}

/// A request in the form in which it leaves.
pub struct Outgoing {
    pub method: Method,
    /// At the upstream.
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Content,
}

/// Its entry is durable in the transfer log: it may leave.
pub struct Recorded {
    pub decided: Decided,
    pub outgoing: Outgoing,
    pub echoes: Echoes,
}

/// The upstream's answer, whose body is still on its way.
pub struct Arriving {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: AnswerBody,
    /// How long it may take in all.
    pub deadline: Instant,
}

/// The upstream's answer, or a piece of it, complete and without content coding.
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub lease: Lease,
}

/// What the caller may see of the answer.
pub struct Restored {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Content,
    pub lease: Lease,
    /// What is shown of protected fields.
    pub reveals: Vec<Revealed>,
    /// Whom the answer is about.
    pub subjects: Vec<SubjectId>,
}

/// A header that carries values, in its new form.
pub type RenderedHeader = (HeaderName, Bytes);

/// What becomes of a request that is not turned back.
pub enum Outward {
    Leaves(Box<Recorded>),
    /// The CRM has said so much to what had to be asked first that it need not.
    Answered(Box<Restored>),
}

/// Why a request does not leave.
pub enum Stopped {
    Refused(Refusal),
    Emptied(Emptied),
}

impl Stopped {
    pub fn refusal(&self) -> &Refusal {
        match self {
            Self::Refused(refusal) | Self::Emptied(Emptied { refusal, .. }) => refusal,
        }
    }
}

impl From<Emptied> for Stopped {
    fn from(emptied: Emptied) -> Self {
        Self::Emptied(emptied)
    }
}

impl From<Refusal> for Stopped {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Forbidden> for Stopped {
    fn from(forbidden: Forbidden) -> Self {
        Self::Refused(forbidden.into())
    }
}

/// What a message holds, in the order of its documents.
pub fn occurrences<'a>(
    documents: impl Iterator<Item = &'a Document>,
) -> Vec<(&'a Slot, &'a Occurrence)> {
    documents.flat_map(Document::occurrences).collect()
}
