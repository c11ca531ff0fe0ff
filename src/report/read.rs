// SPDX-License-Identifier: Apache-2.0

use std::collections::HashMap;

use crate::base::{
    Date, EntryId, OperationName, PrincipalName, Purpose, Region, Timestamp, UpstreamName,
};
use crate::transfer_log::{Entry, Transfer};

use super::Report;

/// The days that a report is about, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    pub from: Option<Date>,
    pub until: Option<Date>,
}

impl Period {
    pub fn contains(&self, time: Timestamp) -> bool {
        let day = time.date();
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }
}

/// An entry of the period, in its place.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'e> {
    pub index: u64,
    pub entry: &'e Entry,
    /// Of an outcome: the request that it is the outcome of. None if that stands
    /// before what was read.
    pub about: Option<&'e About>,
}

/// What an outcome does not repeat.
#[derive(Clone, Debug)]
pub struct About {
    pub caller: PrincipalName,
    pub purpose: Option<Purpose>,
    pub upstream: UpstreamName,
    pub region: Region,
    pub operation: OperationName,
}

/// How much was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Entries of the period.
    pub entries: u64,
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
}

/// Shows entries to a report, and calls `progress` with the number of each. Beside the
/// report's sums, memory is taken by transfers whose outcome has not come yet.
///
/// # Errors
/// That of the entries, at once: a report of a part would look like one of the whole.
pub fn read<E>(
    entries: impl IntoIterator<Item = Result<(u64, Entry), E>>,
    period: Period,
    report: &mut dyn Report,
    mut progress: impl FnMut(u64),
) -> Result<Extent, E> {
    let mut open: HashMap<EntryId, About> = HashMap::new();
    // Of the outcome that was read last: the next entry may say more of it.
    let mut ended: Option<(EntryId, About)> = None;
    let mut extent = Extent::default();
    for entry in entries {
        let (index, entry) = entry?;
        progress(index);
        let about = match &entry {
            Entry::Outcome(outcome) => {
                let found = open.remove(&outcome.id).map(|about| (outcome.id, about));
                ended = found.or(ended.filter(|(id, _)| *id == outcome.id));
                ended.as_ref().map(|(_, about)| about)
            }
            Entry::Transfer(transfer) => {
                open.insert(transfer.id, About::from(transfer));
                None
            }
            Entry::Refused(_) | Entry::KeyChange(_) => None,
        };
        let time = entry.time();
        if period.contains(time) {
            extent.entries += 1;
            extent.first = Some(extent.first.map_or(time, |first| first.min(time)));
            extent.last = Some(extent.last.map_or(time, |last| last.max(time)));
            report.add(&Seen { index, entry: &entry, about });
        }
    }
    Ok(extent)
}

impl From<&Transfer> for About {
    fn from(transfer: &Transfer) -> Self {
        Self {
            caller: transfer.caller.clone(),
            purpose: transfer.purpose.clone(),
            upstream: transfer.upstream.clone(),
            region: transfer.region.clone(),
            operation: transfer.operation.clone(),
        }
    }
}
