// SPDX-License-Identifier: Apache-2.0

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::segment::Segment;
use super::segment_path;
use crate::transfer_log::disk::Disk;

/// Appends lines to the last segment of a journal, and begins a new one when it is full.
pub struct JournalWriter {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    segment: Segment,
    /// The index of the next entry.
    next: u64,
    segment_bytes: u64,
}

impl JournalWriter {
    pub(super) const fn new(
        disk: Arc<dyn Disk>,
        folder: PathBuf,
        segment: Segment,
        next: u64,
        segment_bytes: u64,
    ) -> Self {
        Self { disk, folder, segment, next, segment_bytes }
    }

    /// How many entries the log has in all.
    pub const fn next(&self) -> u64 {
        self.next
    }

    pub fn path(&self) -> &Path {
        self.segment.path()
    }

    /// Writes `count` complete lines; they are durable on return. After an error none
    /// of them is part of the journal. No lines try whether the disk is well.
    pub fn append(&mut self, lines: &[u8], count: u64) -> io::Result<()> {
        if count > 0 && self.segment.length() >= self.segment_bytes {
            self.begin_segment()?;
        }
        self.segment.append(lines)?;
        self.next += count;
        Ok(())
    }

    /// What comes next goes to a file of its own, so that the one before can go.
    pub fn begin_anew(&mut self) -> io::Result<()> {
        if self.segment.length() == 0 {
            return Ok(());
        }
        self.begin_segment()
    }

    fn begin_segment(&mut self) -> io::Result<()> {
        // Only the last segment may end with a torn line.
        self.segment.append(&[])?;
        self.segment = create(&self.disk, &self.folder, self.next)?;
        Ok(())
    }
}

/// Makes an empty segment. A file of that name can only be what an earlier attempt left.
pub(super) fn create(disk: &Arc<dyn Disk>, folder: &Path, first: u64) -> io::Result<Segment> {
    let path = segment_path(folder, first);
    disk.create(&path)?.truncate(0)?;
    disk.sync_folder(folder)?;
    Segment::open(Arc::clone(disk), path, 0, Vec::new())
}
