// SPDX-License-Identifier: Apache-2.0
//! Opening a journal: check every line, cut off what a crash left unfinished.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::IgnoredAny;

use super::segment::Segment;
use super::writer::{self, JournalWriter};
use super::{JournalError, MAX_GROUP_BYTES, segment_path, segments};
use crate::transfer_log::disk::{Disk, DiskFile};

/// Far more than any line, and than what a crash can leave of one.
const MAX_LINE: u64 = 16 << 20;

/// What is known of a journal before it is read.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// How many entries are in the tree already: they cannot be missing, and what is
    /// wrong with them is no trace of a crash.
    pub integrated: u64,
    /// When a segment is full.
    pub segment_bytes: u64,
}

/// Opens the journal in `folder`, or makes one if nothing is integrated yet. `each` is
/// told every entry with its index. Reads all of it once, in constant memory.
///
/// # Errors
/// [`JournalError`]; nothing is changed then.
pub fn open(
    disk: Arc<dyn Disk>,
    folder: &Path,
    expected: Expected,
    each: &mut dyn FnMut(u64, &[u8]),
) -> Result<JournalWriter, JournalError> {
    let in_folder = |source| JournalError::Io { path: folder.to_owned(), source };
    let firsts = match segments(&*disk, folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        firsts => firsts.map_err(in_folder)?,
    };
    let Expected { integrated, segment_bytes } = expected;
    let (Some(first), Some(last)) = (firsts.first(), firsts.last()) else {
        if integrated > 0 {
            return Err(JournalError::Gap { folder: folder.to_owned(), missing: 0 });
        }
        let segment = make(&disk, folder).map_err(in_folder)?;
        return Ok(JournalWriter::new(disk, folder.to_owned(), segment, 0, segment_bytes));
    };
    let gap = |missing| JournalError::Gap { folder: folder.to_owned(), missing };
    if *first > integrated {
        return Err(gap(integrated));
    }
    let path = segment_path(folder, *first);
    let mut scan = Scan { path, next: *first, checked: Checked::default(), integrated };
    for first in &firsts {
        if *first != scan.next {
            return Err(gap(scan.next));
        }
        scan.path = segment_path(folder, *first);
        scan.checked = Checked::default();
        scan.run(&*disk, first == last, each)?;
    }
    if scan.next < integrated {
        return Err(gap(scan.next));
    }
    let Scan { path, next, checked: Checked { length, last_line, is_torn }, .. } = scan;
    if is_torn {
        tracing::warn!(
            path = %path.display(), length,
            "what was being written at a crash was never confirmed, and is cut off"
        );
    }
    let segment = Segment::open(Arc::clone(&disk), path.clone(), length, last_line)
        .map_err(|source| JournalError::Io { path, source })?;
    Ok(JournalWriter::new(disk, folder.to_owned(), segment, next, segment_bytes))
}

fn make(disk: &Arc<dyn Disk>, folder: &Path) -> io::Result<Segment> {
    disk.make_folder(folder)?;
    disk.sync_folder(folder.parent().unwrap_or(Path::new(".")))?;
    writer::create(disk, folder, 0)
}

/// A segment that is being checked.
struct Scan {
    path: PathBuf,
    /// The index of the next line.
    next: u64,
    checked: Checked,
    integrated: u64,
}

/// What stands in a segment that is in order.
#[derive(Default)]
struct Checked {
    /// Up to the end of the last complete line.
    length: u64,
    last_line: Vec<u8>,
    is_torn: bool,
}

impl Scan {
    fn run(
        &mut self,
        disk: &dyn Disk,
        is_last: bool,
        each: &mut dyn FnMut(u64, &[u8]),
    ) -> Result<(), JournalError> {
        let failed = |source| JournalError::Io { path: self.path.clone(), source };
        let file = disk.open(&self.path).map_err(failed)?;
        let length = file.length().map_err(failed)?;
        let whole = Whole { file: file.as_ref(), offset: 0, length };
        let mut reader = BufReader::with_capacity(256 << 10, whole);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line);
            read.map_err(|source| JournalError::Io { path: self.path.clone(), source })?;
            let is_complete = line.ends_with(b"\n");
            if is_complete && is_object(&line) {
                each(self.next, line.trim_ascii_end());
                self.next += 1;
                self.checked.length += line.len() as u64;
                std::mem::swap(&mut self.checked.last_line, &mut line);
            } else if line.is_empty() || (is_last && self.is_unfinished(&line, length)) {
                self.checked.is_torn = !line.is_empty();
                return Ok(());
            } else {
                let (path, offset) = (self.path.clone(), self.checked.length);
                return Err(JournalError::Damaged { path, index: self.next, offset });
            }
        }
    }

    /// Whether a line that is no entry can be what a crash left of the last group: it
    /// has no end, or it holds zeros where a page of the group never reached the disk.
    fn is_unfinished(&self, line: &[u8], length: u64) -> bool {
        let rest = length - self.checked.length;
        let has_hole = line.contains(&0) && rest <= MAX_GROUP_BYTES as u64 + MAX_LINE;
        let has_no_end = !line.ends_with(b"\n") && (line.len() as u64) < MAX_LINE;
        self.next >= self.integrated && (has_no_end || has_hole)
    }
}

fn is_object(line: &[u8]) -> bool {
    line.starts_with(b"{")
        && std::str::from_utf8(line)
            .is_ok_and(|line| serde_json::from_str::<IgnoredAny>(line).is_ok())
}

/// A file from its start to its end.
struct Whole<'a> {
    file: &'a dyn DiskFile,
    offset: u64,
    length: u64,
}

impl Read for Whole<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(self.length - self.offset).unwrap_or(usize::MAX);
        let count = bytes.len().min(rest);
        let bytes = bytes.get_mut(..count).unwrap_or_default();
        self.file.read_exact_at(bytes, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}
