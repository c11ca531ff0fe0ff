// SPDX-License-Identifier: Apache-2.0
//! sObject collections, of which single records can be refused.
//!
//! The answer has one result for each record, in their order; a record that failed
//! has `"success":false` and its errors, and no id. Source: REST API Developer
//! Guide, "Using sObject Collections".

use std::ops::Range;

use http::StatusCode;

use super::answer::{Answer, Asked, Place};
use super::refusal;
use crate::base::Timestamp;
use crate::crm::{Batch, NativeAnswer, RefusedRecords, Remaining};

/// Salesforce refuses longer collections as a whole. One that we shortened would
/// pass where it should not.
pub(super) const MAX_RECORDS: usize = 200;

/// The records of a collection that is written.
#[derive(Debug)]
pub(super) struct Collection(pub Vec<Asked>);

impl Batch for Collection {
    fn elements(&self) -> Vec<Range<u32>> {
        self.0.iter().map(|asked| asked.records.clone()).collect()
    }

    fn refuse(&self, refused: &RefusedRecords, _now: Timestamp) -> Remaining {
        let places: Vec<Place> = self.0.iter().map(|asked| place(asked, refused)).collect();
        let results = places.iter().map(|place| match place {
            Place::Refused(result) => Some(result.as_str()),
            Place::Forwarded(_) => None,
        });
        match results.collect::<Option<Vec<_>>>() {
            Some(results) => Remaining::None(NativeAnswer {
                status: StatusCode::OK,
                content_type: refusal::CONTENT_TYPE,
                body: format!("[{}]", results.join(",")),
            }),
            None => Remaining::Some(Box::new(Answer { places, ..Answer::default() })),
        }
    }
}

fn place(asked: &Asked, refused: &RefusedRecords) -> Place {
    match refused.range(asked.records.clone()).next() {
        Some((_, refusal)) => Place::Refused(refusal::result(refusal)),
        None => Place::Forwarded(asked.clone()),
    }
}
