// SPDX-License-Identifier: Apache-2.0
//! Answers to trees of records: all of them are made, or none, and the answer names each
//! by its `referenceId`. Source: REST API Developer Guide, "sObject Tree".

use super::answer::Answer;
use super::id::{self, is_id};
use super::record::References;
use crate::crm::message::parse_answer;
use crate::crm::{
    AnswerView, Done, LocateError, LocatedAnswer, ReadAnswer, RecordName, SameRecord,
};

/// Reads the answer to a tree of these records.
#[derive(Debug)]
pub(super) struct Tree(pub References);

impl ReadAnswer for Tree {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        let located = Answer::default().locate(answer)?;
        let json = parse_answer(answer)?;
        let results = json.as_ref().and_then(|json| json.root().get("results"));
        let Some(results) = results.filter(|_| answer.status.is_success()) else {
            return Ok(located);
        };
        let (mut records, mut done) = (Vec::new(), Vec::new());
        for (in_answer, result) in (0..).zip(results.elements()) {
            let text = |member: &str| result.get(member).and_then(|value| value.text());
            let reference = text("referenceId").and_then(|name| self.0.get(name.as_ref()));
            let Some((in_request, object)) = reference.cloned() else { continue };
            let Some(id) = text("id").filter(|id| is_id(id)) else { continue };
            records.push(RecordName { record: in_answer, object, id: id::canonical(&id) });
            done.push(SameRecord { in_answer, in_request, is_taken: true });
        }
        Ok(LocatedAnswer { records, done: Done::Each(done), ..located })
    }
}
