// SPDX-License-Identifier: Apache-2.0
//! Calls that write several records, of which single ones can be refused: there is one
//! result for each, in their order.

use std::ops::Range;

use super::answer::{Answer, Answered};
use super::{Form, enveloped};
use crate::base::Timestamp;
use crate::crm::salesforce::answer::{Asked, Place};
use crate::crm::salesforce::refusal;
use crate::crm::{Batch, NativeAnswer, RefusedRecords, Remaining};

/// The records of such a call.
#[derive(Debug)]
pub(super) struct Collection {
    pub asked: Vec<Asked>,
    pub form: Form,
    pub call: String,
}

impl Batch for Collection {
    fn elements(&self) -> Vec<Range<u32>> {
        self.asked.iter().map(|asked| asked.records.clone()).collect()
    }

    fn refuse(&self, refused: &RefusedRecords, _now: Timestamp) -> Remaining {
        let place = |asked: &Asked| match refused.range(asked.records.clone()).next() {
            Some((_, reason)) => {
                Place::Refused(refusal::soap_result(reason, &self.call, self.form.namespace()))
            }
            None => Place::Forwarded(asked.clone()),
        };
        let places: Vec<Place> = self.asked.iter().map(place).collect();
        let results = places.iter().map(|place| match place {
            Place::Refused(result) => Some(result.as_str()),
            Place::Forwarded(_) => None,
        });
        match results.collect::<Option<Vec<_>>>() {
            Some(results) => Remaining::None(NativeAnswer {
                status: http::StatusCode::OK,
                content_type: refusal::SOAP_CONTENT_TYPE,
                body: enveloped(self.form, &self.call, &results.concat()),
            }),
            None => Remaining::Some(Box::new(Answer {
                answered: Answered::Outcomes,
                object: None,
                columns: None,
                places,
            })),
        }
    }
}
