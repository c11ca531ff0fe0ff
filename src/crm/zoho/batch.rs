// SPDX-License-Identifier: Apache-2.0
//! Batches, of which single records can be refused.
//!
//! The answer has one row for each record, in their order; a row of one that failed has
//! `"status":"error"`, and the answer as a whole 207, or 400 if all failed. Sources:
//! Zoho CRM API v8, "Insert Records", "Delete Records"; zoho/crm-oas, v8.0.

use std::ops::Range;

use super::answer::{Answer, Reply, Told};
use super::refusal;
use crate::base::Timestamp;
use crate::crm::{Batch, RefusedRecords, Remaining};

/// Zoho refuses longer batches as a whole. One that we shortened would pass where it
/// should not.
pub(super) const MAX_RECORDS: usize = 100;

/// The records that are written, as the answer tells about them.
#[derive(Debug)]
pub(super) struct Rows(pub Reply);

impl Rows {
    fn records(&self) -> impl Iterator<Item = Range<u32>> {
        self.0.places.iter().filter_map(|place| match place {
            Told::Forwarded(records) => Some(records.clone()),
            Told::Refused(_) => None,
        })
    }
}

impl Batch for Rows {
    fn elements(&self) -> Vec<Range<u32>> {
        self.records().collect()
    }

    fn refuse(&self, refused: &RefusedRecords, _now: Timestamp) -> Remaining {
        let places = self.records().map(|records| match refused.range(records.clone()).next() {
            Some((_, refusal)) => Told::Refused(refusal::row(refusal)),
            None => Told::Forwarded(records),
        });
        let places: Vec<Told> = places.collect();
        let rows = places.iter().map(|place| match place {
            Told::Refused(row) => Some(row.as_str()),
            Told::Forwarded(_) => None,
        });
        match rows.collect::<Option<Vec<_>>>() {
            Some(rows) => Remaining::None(refusal::rows(&rows)),
            None => Remaining::Some(Box::new(Answer::One(Reply { places, ..self.0.clone() }))),
        }
    }
}
