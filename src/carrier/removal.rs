// SPDX-License-Identifier: Apache-2.0
//! Taking members out of lists, each with the separator that belongs to it.

use std::ops::Range;

/// A member of a list with separators, such as `"key":"value"` between commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    pub member: Range<usize>,
    /// The offset of the one-byte separator before the member, if it has one.
    pub before: Option<usize>,
    /// The offset of the one-byte separator after the member, if it has one.
    pub after: Option<usize>,
}

/// A member of a list that holds one record of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// The record, and those that are nested in it: they go with it.
    pub records: Range<u32>,
    pub removal: Removal,
}

/// The elements of one document, ordered by position and not overlapping.
#[derive(Clone, Debug, Default)]
pub(super) struct Elements(Vec<Element>);

impl Elements {
    pub(super) fn new(mut elements: Vec<Element>) -> Self {
        elements.sort_by_key(|element| element.removal.member.start);
        debug_assert!(
            elements.is_sorted_by(|a, b| a.removal.member.end <= b.removal.member.start),
            "elements overlap"
        );
        Self(elements)
    }

    pub(super) fn number_from(&mut self, first: u32) {
        for element in &mut self.0 {
            element.records = element.records.start + first..element.records.end + first;
        }
    }

    /// Those that hold a refused record.
    pub(super) fn holding(&self, refused: &dyn Fn(u32) -> bool) -> Removed<'_> {
        let is_removed = |element: &&Element| element.records.clone().any(refused);
        Removed(self.0.iter().filter(is_removed).map(|element| &element.removal).collect())
    }
}

/// What is taken out of one document, ordered by position.
pub(super) struct Removed<'a>(Vec<&'a Removal>);

impl Removed<'_> {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Removal> {
        self.0.iter().copied()
    }

    /// Whether a place is in one of them; an empty one may be at its end.
    pub(super) fn covers(&self, place: &Range<usize>) -> bool {
        let end = if place.is_empty() { place.start } else { place.start + 1 };
        let next = self.0.partition_point(|removal| removal.member.end < end);
        self.0.get(next).is_some_and(|removal| removal.member.start <= place.start)
    }
}

/// Joins removed neighbours, so that each run takes exactly one separator with it.
pub(super) fn removal_spans(mut removals: Vec<Removal>) -> Vec<Range<usize>> {
    removals.sort_by_key(|removal| removal.member.start);
    let mut runs: Vec<Removal> = Vec::new();
    for removal in removals {
        match runs.last_mut() {
            Some(run) if run.after.is_some() && run.after == removal.before => {
                run.member.end = removal.member.end;
                run.after = removal.after;
            }
            _ => runs.push(removal),
        }
    }
    runs.into_iter()
        .map(|run| match (run.before, run.after) {
            (_, Some(after)) => run.member.start..after + 1,
            (Some(before), None) => before..run.member.end,
            (None, None) => run.member,
        })
        .collect()
}
