// SPDX-License-Identifier: Apache-2.0

use crate::transfer_log::tile::MAX_ENTRY_BYTES;
use crate::transfer_log::{Entry, Outcome, RefusedTransfer, Transfer, TransferLogError};

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
            let (fields, subjects) = (halve(&mut first.fields), halve(&mut first.subjects));
            if fields.is_empty() && subjects.is_empty() {
                return None;
            }
            let second = Transfer { fields, subjects, ..first.clone() };
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

/// Leaves the first half of a list, and returns the second.
fn halve<T>(list: &mut Vec<T>) -> Vec<T> {
    list.split_off(list.len().div_ceil(2))
}

#[cfg(test)]
mod tests {
    use super::Lines;
    use crate::base::{EntryId, SubjectId, Timestamp};
    use crate::transfer_log::tile::MAX_ENTRY_BYTES;
    use crate::transfer_log::{Entry, Outcome, TransferResult};

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

    #[test]
    fn an_entry_that_fits_no_bundle_becomes_several() {
        check(0, 1);
        check(1800, 1);
        check(2000, 2);
        check(10_000, 8);
    }
}
