// SPDX-License-Identifier: Apache-2.0

use std::ops::Range;

use super::super::journal::{Journal, Line};
use super::super::{EntryError, parse_entry};
use super::{Damage, LogDirectory, VerifyError};
use crate::transfer_log::merkle::{HashSource, leaf_hash};
use crate::transfer_log::tile::TileHashes;

/// What stands in the journal behind the tree.
#[derive(Default)]
pub(super) struct Tail {
    /// Entries that are not in the tree yet.
    pub(super) waiting: u64,
    pub(super) is_torn: bool,
    pub(super) unsupported: Option<(u64, u64)>,
}

/// Checks that the journal continues the tree. Of what is in both, `hashed` are the
/// entries that it must agree with.
pub(super) fn check(directory: &LogDirectory, hashed: Range<u64>) -> Result<Tail, VerifyError> {
    let mut found = Tail::default();
    let mut journal = Journal::new(directory);
    let Some(first) = journal.first()? else { return Ok(found) };
    let size = hashed.end;
    let mut hashes = TileHashes::new(directory, size);
    for index in first.max(hashed.start)..size {
        let Line::Entry(line) = journal.line(index)? else { break };
        let hash = hashes.node(0, index);
        if leaf_hash(&line) != hash.map_err(|error| VerifyError::in_tree(error, size))? {
            return Err(Damage::Journal { index }.into());
        }
    }
    for index in size.. {
        match journal.line(index)? {
            Line::Entry(line) => match parse_entry(&line) {
                Ok(_) => {}
                Err(EntryError::Unsupported { version }) => {
                    found.unsupported.get_or_insert((index, version));
                }
                Err(EntryError::NotAnEntry) => {
                    return Err(Damage::NotAnEntryInJournal { index }.into());
                }
            },
            // In a log that is in use, it may have come into the tree meanwhile.
            Line::Gap if directory.size_of_tree()? <= index => {
                return Err(Damage::JournalGap { index }.into());
            }
            Line::Gap | Line::End => break,
        }
        found.waiting += 1;
    }
    found.is_torn = journal.is_torn();
    Ok(found)
}
