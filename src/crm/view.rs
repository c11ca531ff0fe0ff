// SPDX-License-Identifier: Apache-2.0
//! Messages as dialects see them, and what is known besides.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use smol_str::SmolStr;

use super::Sorted;
use crate::base::Cleartext;
use crate::carrier::coding::ExpansionLimits;

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
    /// What rows are wanted for; `None` where they are not sorted here.
    pub sorted: Option<Sorted>,
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
