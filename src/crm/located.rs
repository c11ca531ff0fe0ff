// SPDX-License-Identifier: Apache-2.0
//! Messages with everything found in them.

use std::fmt;

use http::{HeaderMap, HeaderName, StatusCode};

use super::{
    About, AnswerView, Batch, BodyForm, Done, LocateError, Memo, RecordName, Referred, Rows,
    Sorting,
};
use crate::base::{FieldName, ObjectName, OperationName};
use crate::carrier::Document;

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
    /// Whom its records are about beside themselves, where an id and what stands beside it
    /// tell that. Where the id tells it alone, [`Dialect::refers_to`] does.
    ///
    /// [`Dialect::refers_to`]: super::Dialect::refers_to
    pub referred: Vec<Referred>,
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

    /// How the rows of the answer are to be sorted, where that can be done here in the
    /// place of the CRM. What they are sorted by is among the uses of the request all the same.
    fn sorting(&self) -> Option<&Sorting> {
        None
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
    /// The rows, where they are asked for and [`ReadAnswer::sorting`] says how they are sorted.
    pub rows: Option<Rows>,
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
    pub(super) fn of_parts(
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
