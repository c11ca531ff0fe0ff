// SPDX-License-Identifier: Apache-2.0

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::segment_path;
use crate::transfer_log::disk::Disk;
use crate::transfer_log::tile::MAX_ENTRY_BYTES;

/// How much is read at once.
const CHUNK: u64 = 4 * MAX_ENTRY_BYTES as u64;

/// A place between two entries of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The index of the next entry.
    pub next: u64,
    /// The segment that it is in, by its first index, and the byte at which it starts.
    segment: u64,
    offset: u64,
}

impl Position {
    /// Before the first entry of a segment.
    pub const fn start_of(segment: u64) -> Self {
        Self { next: segment, segment, offset: 0 }
    }

    /// Whether it is in, or just behind, the segment that begins with `first`.
    pub const fn is_in(&self, first: u64) -> bool {
        self.segment == first
    }
}

/// Reads entries of a journal that is being written to. Only durable ones may be asked
/// for; what stands behind them may still change.
pub struct JournalReader {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    position: Position,
    /// What was read from `position` on, from `at` on.
    ahead: Vec<u8>,
    at: usize,
}

impl JournalReader {
    pub const fn new(disk: Arc<dyn Disk>, folder: PathBuf, position: Position) -> Self {
        Self { disk, folder, position, ahead: Vec::new(), at: 0 }
    }

    pub const fn position(&self) -> Position {
        self.position
    }

    /// The next entry.
    ///
    /// # Errors
    /// What the disk says, and when the entry is not there.
    pub fn read(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let ahead = self.ahead.get(self.at..).unwrap_or_default();
            if let Some(length) = ahead.iter().position(|byte| *byte == b'\n') {
                let entry = ahead.get(..length).unwrap_or_default().to_vec();
                self.at += length + 1;
                self.position.offset += length as u64 + 1;
                self.position.next += 1;
                return Ok(entry);
            }
            self.read_ahead()?;
        }
    }

    fn read_ahead(&mut self) -> io::Result<()> {
        self.ahead.drain(..self.at);
        self.at = 0;
        let Position { next, segment, offset } = self.position;
        let file = self.disk.open(&segment_path(&self.folder, segment))?;
        let held = self.ahead.len();
        let rest = file.length()?.saturating_sub(offset + held as u64);
        if rest > 0 && held as u64 <= CHUNK {
            self.ahead.resize(held + rest.min(CHUNK) as usize, 0);
            let new = self.ahead.get_mut(held..).unwrap_or_default();
            return file.read_exact_at(new, offset + held as u64);
        }
        if held > 0 || segment == next {
            return Err(io::Error::other(format!("entry {next} is not in the journal")));
        }
        self.disk.open(&segment_path(&self.folder, next))?;
        self.position = Position::start_of(next);
        Ok(())
    }
}
