// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;

use crate::base::{
    EntryId, ObjectName, OperationName, PrincipalName, Purpose, RuleName, SubjectId, is_identifier,
};
use crate::crm::{Operation, RefusalForm};

use super::Upstream;

/// What is known of a request so far, for its line in the log and the metrics,
/// however it ends.
#[derive(Debug)]
pub struct Trail {
    pub id: EntryId,
    pub started: Instant,
    pub upstream: Arc<Upstream>,
    pub caller: Option<PrincipalName>,
    pub operation: Option<OperationName>,
    pub object: Option<ObjectName>,
    pub purpose: Option<Purpose>,
    pub said: Said,
    /// How the API that was called says refusals.
    pub refusal_form: Option<RefusalForm>,
    /// Its transfer is in the log: its outcome follows there, not a refusal.
    pub recorded: bool,
}

/// What is said of the records of a request, or of a piece of one.
#[derive(Debug, Default)]
pub struct Said {
    /// Whom it is about, as far as it says.
    pub subjects: BTreeSet<SubjectId>,
    /// The rules of the border that turned it back, or records of it.
    pub rules: BTreeSet<RuleName>,
    /// How many records were turned back, when it was not the whole request.
    pub refused_records: Option<u32>,
}

impl Said {
    /// What is said of several pieces.
    pub fn add(&mut self, other: Self) {
        self.subjects.extend(other.subjects);
        self.rules.extend(other.rules);
        let both = self.refused_records.zip(other.refused_records);
        let sum = both.map(|(own, more)| own.saturating_add(more));
        self.refused_records = sum.or(self.refused_records).or(other.refused_records);
    }
}

impl Trail {
    pub fn new(id: EntryId, upstream: Arc<Upstream>) -> Self {
        Self {
            id,
            started: Instant::now(),
            upstream,
            caller: None,
            operation: None,
            object: None,
            purpose: None,
            said: Said::default(),
            refusal_form: None,
            recorded: false,
        }
    }

    pub fn classified_as(&mut self, operation: &Operation) {
        self.operation = Some(operation.name.clone());
        // SECURITY: the object comes from the caller's path; see `is_identifier`.
        self.object = operation.object.clone().filter(|object| is_identifier(object.as_str()));
    }
}
