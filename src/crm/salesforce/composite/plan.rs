// SPDX-License-Identifier: Apache-2.0
//! Which of the requests inside are refused together, and how that is said.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use http::StatusCode;

use super::answer::Composite;
use crate::base::{Refusal, Timestamp};
use crate::crm::salesforce::refusal;
use crate::crm::{Batch, NativeAnswer, ReadAnswer, RefusedRecords, Remaining};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Composite,
    Batch,
    Graph,
}

/// The requests inside a composite one.
#[derive(Debug)]
pub(super) struct Plan {
    pub form: Form,
    pub groups: Vec<Group>,
}

/// Requests of which all are done, or none.
#[derive(Debug)]
pub(super) struct Group {
    /// The id of a graph; empty elsewhere.
    pub id: String,
    pub parts: Vec<Part>,
    pub records: Range<u32>,
}

/// One request inside.
#[derive(Debug)]
pub(super) struct Part {
    /// Empty where parts go by their order.
    pub reference: String,
    /// The parts that it refers to.
    pub needs: BTreeSet<String>,
    pub records: Range<u32>,
    pub answer: Box<dyn ReadAnswer>,
}

/// Groups by their place, and why they are refused.
pub(super) type RefusedGroups = BTreeMap<usize, Refusal>;

impl Batch for Arc<Plan> {
    fn elements(&self) -> Vec<Range<u32>> {
        self.groups.iter().map(|group| group.records.clone()).collect()
    }

    fn refuse(&self, refused: &RefusedRecords, _now: Timestamp) -> Remaining {
        let groups = self.refused(refused);
        if groups.len() < self.groups.len() {
            return Remaining::Some(Box::new(Composite {
                plan: Arc::clone(self),
                refused: groups,
            }));
        }
        let texts = self.groups.iter().zip(groups.values());
        let texts: Vec<String> =
            texts.map(|(group, why)| self.form.refusal_of(group, why)).collect();
        Remaining::None(NativeAnswer {
            status: StatusCode::OK,
            content_type: refusal::CONTENT_TYPE,
            body: self.form.answer_of(&texts.join(",")),
        })
    }

    /// What refers to a refused request is refused with it.
    fn complete(&self, refused: &mut RefusedRecords) {
        for (group, why) in self.refused(refused) {
            for record in self.groups.get(group).map_or(0..0, |group| group.records.clone()) {
                refused.entry(record).or_insert_with(|| why.clone());
            }
        }
    }
}

impl Plan {
    fn refused(&self, records: &RefusedRecords) -> RefusedGroups {
        let mut refused = RefusedGroups::new();
        for (at, group) in self.groups.iter().enumerate() {
            if let Some((_, why)) = records.range(group.records.clone()).next() {
                refused.insert(at, why.clone());
            }
        }
        // A part refers to earlier ones only, but nobody has checked that.
        loop {
            let before = refused.len();
            for (at, group) in self.groups.iter().enumerate() {
                let needed = group.parts.iter().flat_map(|part| &part.needs);
                let why =
                    needed.filter_map(|name| self.holder(name)).find_map(|at| refused.get(&at));
                if let Some(why) = why.cloned() {
                    refused.entry(at).or_insert(why);
                }
            }
            if refused.len() == before {
                return refused;
            }
        }
    }

    /// The group with the part of this name. Graphs do not refer to one another.
    fn holder(&self, reference: &str) -> Option<usize> {
        let holds = |group: &Group| group.parts.iter().any(|part| part.reference == reference);
        self.groups.iter().position(holds).filter(|_| self.form == Form::Composite)
    }
}

impl Form {
    /// The list of the answer that has one element for each group.
    pub(super) const fn list(self) -> &'static str {
        match self {
            Self::Composite => "compositeResponse",
            Self::Batch => "results",
            Self::Graph => "graphs",
        }
    }

    fn answer_of(self, elements: &str) -> String {
        let list = self.list();
        match self {
            Self::Batch => format!(r#"{{"hasErrors":true,"{list}":[{elements}]}}"#),
            Self::Composite | Self::Graph => format!(r#"{{"{list}":[{elements}]}}"#),
        }
    }

    /// What stands in the answer for a refused group: one or more elements.
    pub(super) fn refusal_of(self, group: &Group, why: &Refusal) -> String {
        let (body, status) = (refusal::native(why).body, why.code.status().as_u16());
        if self == Self::Batch {
            let result = format!(r#"{{"statusCode":{status},"result":{body}}}"#);
            return vec![result; group.parts.len()].join(",");
        }
        let part = |part: &Part| {
            let reference = &part.reference;
            format!(
                r#"{{"body":{body},"httpHeaders":{{}},"httpStatusCode":{status},"referenceId":"{reference}"}}"#
            )
        };
        let parts = group.parts.iter().map(part).collect::<Vec<_>>().join(",");
        match self {
            Self::Composite | Self::Batch => parts,
            Self::Graph => format!(
                r#"{{"graphId":"{}","graphResponse":{{"compositeResponse":[{parts}]}},"isSuccessful":false}}"#,
                group.id
            ),
        }
    }
}
