// SPDX-License-Identifier: Apache-2.0
//! The journal: where entries are durable before they are in the tree.
//!
//! Files of lines, an entry each in canonical JSON: line k of `<first>.jsonl` is entry
//! first + k. One thread writes. All appends that wait when it is free are written
//! with one write and one fdatasync, so that the disk, not the number of requests,
//! sets the pace. What is kept in memory is what waits: `MAX_WAITING` appends.
//!
//! Invariants:
//! - The journal never holds anything after its last durable line but lines that were
//!   reported as not written, or the start of one. All files but the last are whole.
//! - After an error the handle is not used again: the kernel may have dropped what
//!   it could not write and report success the next time ("fsyncgate"). `segment.rs`
//!   says how the journal gets back to work.
//! - A file goes only when all in it is in the tree and every transfer in it has its
//!   outcome; so what is open after a crash is found by reading what is left.

mod lines;
mod open;
mod read;
mod segment;
#[cfg(test)]
mod tests;
mod thread;
mod writer;

use std::io;
use std::path::{Path, PathBuf};

use super::disk::Disk;

pub use lines::Lines;
pub use open::{Expected, open};
pub use read::{JournalReader, Position};
pub use thread::Journal;
pub use writer::JournalWriter;

/// How much is written at once; more than this waits for the next turn.
const MAX_GROUP_BYTES: usize = 4 << 20;

/// Why a journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("the journal of the transfer log, `{path}`, cannot be read or written")]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "the journal `{folder}` lacks entry {missing}: a file was taken away or cut; bring it back"
    )]
    Gap { folder: PathBuf, missing: u64 },
    #[error(
        "entry {index} in the journal file `{path}` (at byte {offset}) is damaged: the file was \
         changed or its disk is at fault; keep the directory as evidence and bring back a copy"
    )]
    Damaged { path: PathBuf, index: u64, offset: u64 },
}

/// The file whose first line is entry `first`.
fn segment_path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}.jsonl"))
}

/// The index in the name of a journal file.
fn first_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".jsonl")?;
    digits.parse().ok().filter(|first| format!("{first:020}") == digits)
}

/// The first index of every file, in order.
pub fn segments(disk: &dyn Disk, folder: &Path) -> io::Result<Vec<u64>> {
    let names = disk.names(folder)?;
    let mut firsts: Vec<u64> = names.iter().filter_map(|name| first_of(name)).collect();
    firsts.sort_unstable();
    Ok(firsts)
}

/// Takes a file away, durably: none may be gone before those that precede it.
pub fn remove_segment(disk: &dyn Disk, folder: &Path, first: u64) -> io::Result<()> {
    disk.remove_file(&segment_path(folder, first))?;
    disk.sync_folder(folder)
}
