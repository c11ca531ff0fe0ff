// SPDX-License-Identifier: Apache-2.0

use std::collections::HashMap;

use serde::Deserialize;

use super::{ENTRY_VERSION, Entry, Outcome, TransferResult};
use crate::base::{EntryId, Timestamp};

/// The transfers that have no outcome yet: as many as there are requests on the road.
#[derive(Clone, Debug, Default)]
pub struct OpenTransfers {
    /// With the index of the entry.
    opened: HashMap<EntryId, u64>,
}

impl OpenTransfers {
    /// Takes notice of an entry. Entries that were seen before may be seen again, if
    /// all that follow them are.
    pub fn see(&mut self, index: u64, entry: &[u8]) {
        match serde_json::from_slice(entry) {
            Ok(Step::Transfer { id }) => {
                self.opened.entry(id).or_insert(index);
            }
            Ok(Step::Outcome { id }) => {
                self.opened.remove(&id);
            }
            // Neither opens nor settles a transfer.
            Err(_) => {}
        }
    }

    /// The index of the oldest one.
    pub fn oldest(&self) -> Option<u64> {
        self.opened.values().min().copied()
    }

    /// What is recorded of them when nobody can say any more what became of them; in
    /// the order of the transfers.
    pub fn unknown_outcomes(&self, now: Timestamp) -> Vec<Entry> {
        let mut open: Vec<(EntryId, u64)> = self.opened.iter().map(|(id, at)| (*id, *at)).collect();
        open.sort_unstable_by_key(|(_, index)| *index);
        open.into_iter().map(|(id, _)| unknown_outcome(id, now)).collect()
    }
}

/// The outcome of a transfer of which nothing is known but that it may have happened.
pub fn unknown_outcome(id: EntryId, time: Timestamp) -> Entry {
    Entry::Outcome(Outcome {
        version: ENTRY_VERSION,
        id,
        time,
        result: TransferResult::Unknown,
        status: None,
        reveals: Vec::new(),
        subjects: Vec::new(),
    })
}

/// As much of an entry as is needed here.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Step {
    Transfer { id: EntryId },
    Outcome { id: EntryId },
}

#[cfg(test)]
mod tests {
    use super::{OpenTransfers, unknown_outcome};
    use crate::base::{EntryId, Timestamp};

    const NOW: Timestamp = Timestamp::from_unix_millis(5);

    fn transfer(id: u8) -> Vec<u8> {
        let id = EntryId([id; 16]);
        format!(r#"{{"id":"{id}","kind":"transfer","version":1}}"#).into_bytes()
    }

    #[test]
    fn what_was_not_settled_is_open() {
        let mut open = OpenTransfers::default();
        let outcome = |id| unknown_outcome(EntryId([id; 16]), NOW);
        let refused = br#"{"kind":"refused","id":"01010101010101010101010101010101"}"#;
        for (index, entry) in [
            transfer(1),
            transfer(2),
            transfer(2),
            refused.to_vec(),
            transfer(3),
            outcome(2).to_canonical_json().unwrap(),
        ]
        .iter()
        .enumerate()
        {
            open.see(10 + index as u64, entry);
        }
        assert_eq!(open.oldest(), Some(10));
        assert_eq!(open.unknown_outcomes(NOW), [outcome(1), outcome(3)]);
        open.see(16, &outcome(1).to_canonical_json().unwrap());
        assert_eq!(open.oldest(), Some(14));
    }
}
