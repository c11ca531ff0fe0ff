// SPDX-License-Identifier: Apache-2.0
//! Parts of a batch that are refused without the others.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use http::StatusCode;

use super::Expected;
use super::answer::BatchAnswer;
use crate::base::Timestamp;
use crate::crm::dynamics::refusal;
use crate::crm::{Batch, NativeAnswer, RefusedRecords, Remaining};

/// A batch whose parts do not depend on one another.
#[derive(Debug)]
pub(super) struct Split {
    pub expected: Arc<Vec<Expected>>,
    /// The records of each part.
    pub records: Vec<Range<u32>>,
}

impl Batch for Split {
    fn elements(&self) -> Vec<Range<u32>> {
        self.records.clone()
    }

    fn refuse(&self, refused: &RefusedRecords, _now: Timestamp) -> Remaining {
        let parts = self.records.iter().enumerate().filter_map(|(place, records)| {
            let (_, reason) = refused.range(records.clone()).next()?;
            Some((place, part(&refusal::native(reason))))
        });
        let parts: BTreeMap<usize, String> = parts.collect();
        if parts.len() < self.expected.len() {
            let expected = Arc::clone(&self.expected);
            return Remaining::Some(Box::new(BatchAnswer { expected, refused: parts }));
        }
        let parts: String = parts.values().map(|part| format!("--{BOUNDARY}\r\n{part}")).collect();
        Remaining::None(NativeAnswer {
            status: StatusCode::OK,
            content_type: "multipart/mixed; boundary=batchresponse_zollhaus",
            body: format!("{parts}--{BOUNDARY}--\r\n"),
        })
    }
}

const BOUNDARY: &str = "batchresponse_zollhaus";

/// What follows the delimiter line of a part that says so.
fn part(answer: &NativeAnswer) -> String {
    let NativeAnswer { status, content_type, body } = answer;
    let reason = status.canonical_reason().unwrap_or_default();
    format!(
        "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n\
         HTTP/1.1 {} {reason}\r\nContent-Type: {content_type}\r\nOData-Version: 4.0\r\n\r\n{body}\r\n",
        status.as_str()
    )
}
