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
    /// All entries that say together what this one says a part of, in order.
    pub whole: &'e [(u64, Entry)],
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
    let mut reader = Reader { period, report, open: HashMap::new(), extent: Extent::default() };
    let mut whole: Vec<(u64, Entry)> = Vec::new();
    for entry in entries {
        let (index, entry) = entry?;
        progress(index);
        if whole.last().is_some_and(|(_, before)| !entry.continues(before)) {
            reader.show(&whole);
            whole.clear();
        }
        whole.push((index, entry));
    }
    reader.show(&whole);
    Ok(reader.extent)
}

struct Reader<'r> {
    period: Period,
    report: &'r mut dyn Report,
    open: HashMap<EntryId, About>,
    extent: Extent,
}

impl Reader<'_> {
    /// Shows the entries that say one thing together.
    fn show(&mut self, whole: &[(u64, Entry)]) {
        let about = match whole.first() {
            Some((_, Entry::Outcome(outcome))) => self.open.remove(&outcome.id),
            Some((_, Entry::Transfer(transfer))) => {
                self.open.insert(transfer.id, About::from(transfer));
                None
            }
            _ => None,
        };
        for (index, entry) in whole {
            let time = entry.time();
            if self.period.contains(time) {
                let extent = &mut self.extent;
                extent.entries += 1;
                extent.first = Some(extent.first.map_or(time, |first| first.min(time)));
                extent.last = Some(extent.last.map_or(time, |last| last.max(time)));
                self.report.add(&Seen { index: *index, entry, about: about.as_ref(), whole });
            }
        }
    }
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
