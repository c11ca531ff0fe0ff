// SPDX-License-Identifier: Apache-2.0
//! What bodies of requests hold. No `Debug`: there are values among it.

use serde::Deserialize;

use crate::base::{Choice, SubjectId, Timestamp};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConsentRequest {
    pub subject: SubjectName,
    pub purpose: String,
    pub state: Choice,
    pub text_version: Option<String>,
    pub source: String,
    pub until: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lookup {
    pub subject: SubjectName,
}

/// Whom a request is about: `category` and `value`, or `pseudonym`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SubjectName {
    pub category: Option<String>,
    pub value: Option<String>,
    pub pseudonym: Option<SubjectId>,
}
