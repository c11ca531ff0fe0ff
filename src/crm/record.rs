// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use smol_str::SmolStr;

use super::{NativeAnswer, ReadAnswer};
use crate::base::{Cleartext, ObjectName, Refusal, Timestamp};

/// The CRM's own id of one record of a message.
///
/// It is not personal by itself, but it leads to a person: it is logged as a keyed
/// pseudonym only.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordName {
    /// The number that the record's occurrences carry. A request may name a record
    /// more than once, and several of its records may have the same id.
    pub record: u32,
    pub object: ObjectName,
    /// In the one spelling that the dialect has for each record.
    pub id: SmolStr,
}

/// Leaves the id out.
impl fmt::Debug for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordName({} {})", self.record, self.object)
    }
}

/// A record that one of a request refers to: by whom it is about, not who owns or has written
/// it. It is no record of the request.
#[derive(Clone, PartialEq, Eq)]
pub struct Referred {
    /// The number of the record that refers to it.
    pub by: u32,
    pub object: ObjectName,
    /// As [`RecordName::id`].
    pub id: SmolStr,
}

/// Leaves the id out.
impl fmt::Debug for Referred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Referred({} to {})", self.by, self.object)
    }
}

/// A record of the answer that is a record of the request. Each message counts its
/// records by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SameRecord {
    pub in_answer: u32,
    pub in_request: u32,
    /// Whether the CRM has done with it as the request says.
    pub is_taken: bool,
}

/// Whose records a request or its answer may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Metadata, and whoever logs in.
    Nobody,
    /// Those that the request holds, names or compares with; anybody if there are none.
    Named,
    /// Also others than it names, such as those that are not equal to a value.
    Anybody,
}

impl About {
    /// [`Named`](Self::Named) if there are records at all.
    pub const fn named_if(has_records: bool) -> Self {
        if has_records { Self::Named } else { Self::Nobody }
    }

    #[must_use]
    pub const fn and_others_if(self, finds_others: bool) -> Self {
        match self {
            Self::Named if finds_others => Self::Anybody,
            own => own,
        }
    }
}

/// What the CRM has done of a request, as far as its answer says so beyond doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// All of it.
    All,
    /// What is said of each of these records; of the others nothing is known.
    Each(Vec<SameRecord>),
}

impl Done {
    /// Adds what is said of records; if there are some, no word of all then.
    pub fn add(&mut self, same: impl IntoIterator<Item = SameRecord>) {
        for same in same {
            match self {
                Self::All => *self = Self::Each(vec![same]),
                Self::Each(known) => known.push(same),
            }
        }
    }
}

/// Nothing is known.
impl Default for Done {
    fn default() -> Self {
        Self::Each(Vec::new())
    }
}

/// Records that may not pass, and why.
pub type RefusedRecords = BTreeMap<u32, Refusal>;

/// A batch of which single records can be refused, in the CRM's own form.
pub trait Batch: Send + Sync + fmt::Debug {
    /// The records of each element of the batch, in order: its own, and those nested
    /// in it. An element is refused as a whole.
    fn elements(&self) -> Vec<Range<u32>>;

    /// What the CRM goes on to name the batch by, where not the answer to it tells what
    /// becomes of its elements, but a later one ([`Dialect::reports_on`]).
    ///
    /// [`Dialect::reports_on`]: super::Dialect::reports_on
    fn reported_as(&self) -> Option<SmolStr> {
        None
    }

    /// What is left without the elements that hold these records. `now` is shown
    /// where the CRM's answers tell the time.
    fn refuse(&self, refused: &RefusedRecords, now: Timestamp) -> Remaining;

    /// Adds the other records of the elements that hold a refused one, for the
    /// reason of the first.
    fn complete(&self, refused: &mut RefusedRecords) {
        for element in self.elements() {
            let Some((_, reason)) = refused.range(element.clone()).next() else { continue };
            let reason = reason.clone();
            for record in element {
                refused.entry(record).or_insert_with(|| reason.clone());
            }
        }
    }
}

/// What is left of a batch.
#[derive(Debug)]
pub enum Remaining {
    /// Forward the request as [`Document::render_without`] gives it, and read the
    /// answer by this: it puts the refusals into their places.
    ///
    /// [`Document::render_without`]: crate::carrier::Document::render_without
    Some(Box<dyn ReadAnswer>),
    /// The same for a batch that a later answer reports on.
    Reported {
        reader: Box<dyn ReadAnswer>,
        /// What was taken out is kept until then, in a form that its dialect knows.
        left_out: Cleartext,
        /// The answer where nothing is left: then nothing is forwarded, or kept.
        emptied: Option<NativeAnswer>,
    },
    /// Forward nothing: this is the answer.
    None(NativeAnswer),
}
