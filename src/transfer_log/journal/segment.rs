// SPDX-License-Identifier: Apache-2.0
//! One file of the journal, and the way back after an error.
//!
//! An append that fails leaves the segment without a handle. The next append, or a
//! probe, then opens the file anew and
//! 1. checks that its durable part still ends with the last durable line,
//! 2. cuts off what stands behind it,
//! 3. asks for room behind it, and syncs: this shows that the disk takes new bytes,
//!    and writes out again the page that the last line may share with what failed,
//! 4. cuts the room off.
//!
//! A crash between any two steps leaves complete lines and, at most, the start of
//! one more.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::transfer_log::disk::{Disk, DiskFile};
use crate::transfer_log::tile::MAX_ENTRY_BYTES;

/// How much room a repair asks for. Without a line feed, and not longer than a line may
/// be, it counts as a torn line to whoever reads the file meanwhile or after a crash.
static ROOM: [u8; 60 << 10] = [b' '; 60 << 10];
const _: () = assert!(ROOM.len() < MAX_ENTRY_BYTES);

/// The durable part of a file of the journal.
pub(super) struct Segment {
    path: PathBuf,
    disk: Arc<dyn Disk>,
    /// `None` after an error, and before the segment is opened.
    file: Option<Box<dyn DiskFile>>,
    /// How many bytes are durable; they end with a line feed.
    length: u64,
    /// The last durable line; empty in an empty segment.
    last_line: Vec<u8>,
}

impl Segment {
    /// Takes up a file whose first `length` bytes are complete lines, the last of
    /// them `last_line`, by the same steps as after an error.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        path: PathBuf,
        length: u64,
        last_line: Vec<u8>,
    ) -> io::Result<Self> {
        let mut segment = Self { path, disk, file: None, length, last_line };
        segment.append(&[])?;
        Ok(segment)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// Writes complete lines and makes them durable; repairs the segment first if it
    /// has failed. No lines only do the latter.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let file = match self.file.take() {
            Some(file) => file,
            None => self.repair()?,
        };
        if let Some(last_line) = last_line_of(lines) {
            self.write(file.as_ref(), lines)?;
            self.length += lines.len() as u64;
            last_line.clone_into(&mut self.last_line);
        }
        self.file = Some(file);
        Ok(())
    }

    fn write(&self, file: &dyn DiskFile, lines: &[u8]) -> io::Result<()> {
        if file.length()? != self.length {
            return Err(io::Error::other("the file was changed by someone else"));
        }
        file.write_all_at(lines, self.length).and_then(|()| file.sync()).inspect_err(|_| {
            // Repair does this again and checks it; done at once, it leaves less to find
            // after a crash.
            let _ = file.truncate(self.length);
        })
    }

    fn repair(&self) -> io::Result<Box<dyn DiskFile>> {
        let file = self.disk.open(&self.path)?;
        self.check_last_line(file.as_ref())?;
        file.truncate(self.length)?;
        let has_room = file.write_all_at(&ROOM, self.length).and_then(|()| file.sync());
        file.truncate(self.length)?;
        has_room?;
        file.sync()?;
        Ok(file)
    }

    fn check_last_line(&self, file: &dyn DiskFile) -> io::Result<()> {
        if file.length()? < self.length {
            return Err(io::Error::other("the file is shorter than what was written to it"));
        }
        let mut found = vec![0; self.last_line.len()];
        file.read_exact_at(&mut found, self.length - self.last_line.len() as u64)?;
        if found != self.last_line {
            return Err(io::Error::other("the file does not hold the last line written to it"));
        }
        Ok(())
    }
}

/// The last of complete lines, with its line feed.
fn last_line_of(lines: &[u8]) -> Option<&[u8]> {
    lines.split_inclusive(|byte| *byte == b'\n').next_back()
}
