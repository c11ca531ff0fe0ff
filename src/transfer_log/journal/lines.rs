// SPDX-License-Identifier: Apache-2.0

use std::collections::{BTreeMap, BTreeSet};

use crate::transfer_log::tile::MAX_ENTRY_BYTES;
use crate::transfer_log::{
    Entry, FieldCount, Ground, Outcome, RefusedTransfer, Transfer, TransferLogError,
};

/// Complete lines of a journal.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lines {
    pub bytes: Vec<u8>,
    /// How many there are.
    pub count: u64,
}

impl Lines {
    /// The entries, a line each. One that is larger than an entry of a bundle may be
    /// is written as several: they have its id and time, and share its lists.
    ///
    /// # Errors
    /// [`TransferLogError::Unavailable`] when an entry is too large without its lists.
    pub fn of(entries: Vec<Entry>) -> Result<Self, TransferLogError> {
        let mut lines = Self::default();
        for entry in entries {
            lines.push(entry)?;
        }
        Ok(lines)
    }

    fn push(&mut self, entry: Entry) -> Result<(), TransferLogError> {
        let line = entry.to_canonical_json().map_err(|error| {
            TransferLogError::Unavailable(format!("an entry cannot be written as JSON: {error}"))
        })?;
        if line.len() <= MAX_ENTRY_BYTES {
            self.bytes.extend_from_slice(&line);
            self.bytes.push(b'\n');
            self.count += 1;
            return Ok(());
        }
        let (first, second) = split(entry).ok_or_else(|| {
            let problem = format!("an entry is larger than {MAX_ENTRY_BYTES} bytes");
            TransferLogError::Unavailable(problem)
        })?;
        self.push(first)?;
        self.push(second)
    }

    pub fn append(&mut self, mut other: Self) {
        self.bytes.append(&mut other.bytes);
        self.count += other.count;
    }
}

/// Two entries that say together what one said; `None` if its lists cannot be halved.
fn split(entry: Entry) -> Option<(Entry, Entry)> {
    match entry {
        Entry::Transfer(mut first) => {
            let (mut fields, subjects) = (halve(&mut first.fields), halve(&mut first.subjects));
            // Each half takes the grounds of its fields along. What permits a record as such
            // is of no field.
            let (mut in_first, mut in_second) = (grounds_of(&first.fields), grounds_of(&fields));
            let is_free = |at: &u32| !in_first.contains(at) && !in_second.contains(at);
            let mut free: Vec<u32> =
                (0..).zip(&first.grounds).map(|(at, _)| at).filter(is_free).collect();
            in_second.extend(halve(&mut free));
            in_first.extend(free);
            if fields.is_empty() && subjects.is_empty() && in_second.is_empty() {
                return None;
            }
            let grounds = take(&first.grounds, &in_second, &mut fields);
            let second = Transfer { fields, grounds, subjects, ..first.clone() };
            first.grounds = take(&first.grounds, &in_first, &mut first.fields);
            Some((Entry::Transfer(first), Entry::Transfer(second)))
        }
        Entry::Outcome(mut first) => {
            let (reveals, subjects) = (halve(&mut first.reveals), halve(&mut first.subjects));
            if reveals.is_empty() && subjects.is_empty() {
                return None;
            }
            let second = Outcome { reveals, subjects, ..first.clone() };
            Some((Entry::Outcome(first), Entry::Outcome(second)))
        }
        Entry::Refused(mut first) => {
            let subjects = halve(&mut first.subjects);
            if subjects.is_empty() {
                return None;
            }
            // The records are counted once.
            let records = first.records.map(|_| 0);
            let second = RefusedTransfer { records, subjects, ..first.clone() };
            Some((Entry::Refused(first), Entry::Refused(second)))
        }
        Entry::KeyChange(_) => None,
    }
}

/// The places of the grounds that fields name.
fn grounds_of(fields: &[FieldCount]) -> BTreeSet<u32> {
    fields.iter().filter_map(|field| field.ground).collect()
}

/// The grounds at these places. The fields, which name no others, name them by their new ones.
fn take(grounds: &[Ground], places: &BTreeSet<u32>, fields: &mut [FieldCount]) -> Vec<Ground> {
    let moved: BTreeMap<u32, u32> = places.iter().copied().zip(0..).collect();
    for field in fields {
        field.ground = field.ground.and_then(|at| moved.get(&at).copied());
    }
    let taken = (0..).zip(grounds).filter(|(at, _)| places.contains(at));
    taken.map(|(_, ground)| ground.clone()).collect()
}

/// Leaves the first half of a list, and returns the second.
fn halve<T>(list: &mut Vec<T>) -> Vec<T> {
    list.split_off(list.len().div_ceil(2))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Lines;
    use crate::base::{EntryId, SubjectId, Timestamp};
    use crate::testkit::{self, sealed};
    use crate::transfer_log::tile::MAX_ENTRY_BYTES;
    use crate::transfer_log::{Entry, FieldCount, Ground, Outcome, Transfer, TransferResult};

    fn outcome(subjects: impl Iterator<Item = u128>) -> Entry {
        Entry::Outcome(Outcome {
            version: 1,
            id: EntryId([1; 16]),
            time: Timestamp::from_unix_millis(0),
            result: TransferResult::Answered,
            status: Some(200),
            reveals: Vec::new(),
            subjects: subjects.map(|number| SubjectId(number.to_be_bytes())).collect(),
        })
    }

    /// One entry of so many subjects becomes so many lines, none too large, that name
    /// every subject once.
    fn check(subjects: u128, expected: u64) {
        let lines = Lines::of(vec![outcome(0..subjects)]).unwrap();
        assert_eq!(lines.count, expected, "{subjects}");
        let mut named = Vec::new();
        for line in lines.bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            assert!(line.len() <= MAX_ENTRY_BYTES);
            let Ok(Entry::Outcome(outcome)) = serde_json::from_slice(line) else { panic!() };
            assert_eq!((outcome.id, outcome.status), (EntryId([1; 16]), Some(200)));
            named.extend(outcome.subjects.iter().map(|subject| u128::from_be_bytes(subject.0)));
        }
        assert_eq!(named, (0..subjects).collect::<Vec<_>>());
    }

    /// Data of people under many laws: each field keeps its ground, and no ground is lost.
    #[test]
    fn grounds_are_shared_out_with_the_fields_that_they_permit() {
        let ground = |number: usize| Ground {
            jurisdictions: vec![format!("place-{number}").as_str().into()],
            rules: vec![format!("law/a-rule-with-a-name-of-some-length-{number}").as_str().into()],
            bases: Vec::new(),
        };
        let field = |number: u32| FieldCount {
            ground: Some(number % 500),
            ..sealed(&format!("field{number}"), number)
        };
        let transfer = Transfer {
            fields: (0..600).map(field).collect(),
            grounds: (0..1500).map(ground).collect(),
            subjects: vec![SubjectId([1; 16])],
            ..testkit::transfer()
        };
        let lines = Lines::of(vec![Entry::Transfer(transfer.clone())]).unwrap();
        let (mut fields, mut grounds) = (Vec::new(), BTreeSet::new());
        for line in lines.bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            assert!(line.len() <= MAX_ENTRY_BYTES);
            let Ok(Entry::Transfer(part)) = serde_json::from_slice(line) else { panic!() };
            fields.extend(part.fields.iter().map(|field| {
                let ground = part.grounds[field.ground.unwrap() as usize].clone();
                (field.field.clone(), field.count, ground)
            }));
            grounds.extend(part.grounds);
        }
        let expected =
            (0..600).map(|number| (field(number).field, number, ground(number as usize % 500)));
        assert_eq!(fields, expected.collect::<Vec<_>>());
        assert_eq!(grounds, transfer.grounds.into_iter().collect());
    }

    #[test]
    fn an_entry_that_fits_no_bundle_becomes_several() {
        check(0, 1);
        check(1800, 1);
        check(2000, 2);
        check(10_000, 8);
    }
}
