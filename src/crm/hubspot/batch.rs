// SPDX-License-Identifier: Apache-2.0
//! Batches, of which single inputs can be refused.
//!
//! A batch of which a part failed is answered with 207, `results` in no promised
//! order, and `errors` that name the inputs they are about: by `objectWriteTraceId`,
//! where the caller gave one to each input, or by id. A batch whose inputs cannot be
//! told apart by one of the two fails as a whole, at HubSpot and so here. Sources:
//! HubSpot, "Error handling", multi-status errors; the reference of batch reads.

use std::collections::HashSet;
use std::ops::Range;

use http::StatusCode;

use super::answer::HubSpotAnswer;
use super::operation::Verb;
use super::refusal;
use crate::base::{Cleartext, ObjectName, Refusal, Timestamp};
use crate::carrier::Codec;
use crate::crm::{Batch, NativeAnswer, RefusedRecords, Remaining};

/// HubSpot refuses longer batches as a whole. One that we shortened would pass where
/// it should not.
pub(super) const MAX_INPUTS: usize = 100;

/// An input of a batch; its place in the list is the number of its record.
#[derive(Clone, Debug, Default)]
pub(super) struct Input {
    /// As the caller wrote it; the value of a property where `idProperty` says so.
    pub id: Option<Cleartext>,
    /// Whether `id` is the id of a record.
    pub is_record_id: bool,
    pub trace: Option<String>,
}

/// A batch whose inputs can be told apart.
#[derive(Debug)]
pub(super) struct Inputs {
    object: ObjectName,
    inputs: Vec<Input>,
}

impl Inputs {
    /// `None` where HubSpot could not say which input failed.
    pub fn new(verb: Verb, object: &ObjectName, inputs: &[Input]) -> Option<Self> {
        let traces = || are_distinct(inputs.iter().map(|input| input.trace.as_deref()));
        let ids =
            || are_distinct(inputs.iter().map(|input| input.id.as_ref().map(Cleartext::expose)));
        let can_be_told = match verb {
            Verb::BatchCreate => traces(),
            Verb::BatchRead => ids(),
            Verb::BatchUpdate | Verb::BatchUpsert => traces() || ids(),
            _ => false,
        };
        (can_be_told && inputs.len() <= MAX_INPUTS)
            .then(|| Self { object: object.clone(), inputs: inputs.to_vec() })
    }
}

fn are_distinct<'a>(names: impl Iterator<Item = Option<&'a str>>) -> bool {
    let mut seen = HashSet::new();
    names.into_iter().all(|name| name.is_some_and(|name| seen.insert(name)))
}

impl Batch for Inputs {
    fn elements(&self) -> Vec<Range<u32>> {
        (0..).zip(&self.inputs).map(|(record, _)| record..record + 1).collect()
    }

    fn refuse(&self, refused: &RefusedRecords, now: Timestamp) -> Remaining {
        let inputs = || (0..).zip(&self.inputs);
        let errors: Vec<String> = inputs()
            .filter_map(|(record, input)| Some(error(refused.get(&record)?, input)))
            .collect();
        if errors.len() < self.inputs.len() {
            let inputs = inputs().filter(|(record, _)| !refused.contains_key(record));
            return Remaining::Some(Box::new(HubSpotAnswer {
                object: Some(self.object.clone()),
                sole: Vec::new(),
                inputs: inputs.map(|(record, input)| (record, input.clone())).collect(),
                refused: errors.into_iter().map(Cleartext::new).collect(),
            }));
        }
        let (count, errors, now) = (errors.len(), errors.join(","), now.to_rfc3339());
        Remaining::None(NativeAnswer {
            status: StatusCode::MULTI_STATUS,
            content_type: refusal::CONTENT_TYPE,
            body: format!(
                r#"{{"status":"COMPLETE","results":[],"numErrors":{count},"errors":[{errors}],"startedAt":"{now}","completedAt":"{now}"}}"#
            ),
        })
    }
}

/// One of `errors`. It names its input as HubSpot does: `"context":{"ids":["151"]}`.
fn error(refusal: &Refusal, input: &Input) -> String {
    let ids = ("ids", input.id.as_ref().map(Cleartext::expose));
    let context = [ids, ("objectWriteTraceId", input.trace.as_deref())];
    let context: Vec<String> = context
        .into_iter()
        .filter_map(|(name, value)| Some(format!(r#""{name}":[{}]"#, Codec::Json.literal(value?))))
        .collect();
    let (category, message) = (refusal::category(refusal), refusal::message(refusal));
    let context = context.join(",");
    format!(
        r#"{{"status":"error","category":"{category}","message":{message},"context":{{{context}}}}}"#
    )
}
