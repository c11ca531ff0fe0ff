// SPDX-License-Identifier: Apache-2.0
//! The file behind the log, and the way back after an error.
//!
//! An append that fails leaves the log without a handle. The next append, or a
//! probe, then opens the file anew and
//! 1. checks that its durable part still ends with the last durable line,
//! 2. cuts off what stands behind it,
//! 3. asks for room behind it, and syncs: this shows that the disk takes new bytes,
//!    and writes out again the page that the last line may share with what failed,
//! 4. cuts the room off.
//!
//! A crash between any two steps leaves complete lines and, at most, the start of
//! one more.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The file operations of the log. Tests put a failing file in the place of a real one.
pub(super) trait LogFile: Send {
    /// Fails for a file that has no name any more.
    fn length(&self) -> io::Result<u64>;
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    fn truncate(&self, length: u64) -> io::Result<()>;
    /// Makes contents and length durable.
    fn sync(&self) -> io::Result<()>;
}

pub(super) type OpenFile = Box<dyn Fn(&Path) -> io::Result<Box<dyn LogFile>> + Send>;

/// How much room a repair asks for. Without a line feed, it counts as a torn line.
static ROOM: [u8; 64 << 10] = [b' '; 64 << 10];

/// The durable part of a log file.
pub(super) struct Ledger {
    path: PathBuf,
    open_file: OpenFile,
    /// `None` after an error, and before the log is opened.
    file: Option<Box<dyn LogFile>>,
    /// How many bytes are durable; they end with a line feed.
    length: u64,
    /// The last durable line; empty in an empty log.
    last_line: Vec<u8>,
    /// Holds the lock for as long as the log lives, whatever happens to `file`.
    _lock: File,
}

impl Ledger {
    /// Takes up a file whose first `length` bytes are complete lines, the last of
    /// them `last_line`, by the same steps as after an error.
    pub(super) fn open(
        path: PathBuf,
        lock: File,
        open_file: OpenFile,
        length: u64,
        last_line: Vec<u8>,
    ) -> io::Result<Self> {
        let mut ledger = Self { path, open_file, file: None, length, last_line, _lock: lock };
        ledger.append(&[])?;
        Ok(ledger)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes complete lines and makes them durable; repairs the log first if it
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

    fn write(&self, file: &dyn LogFile, lines: &[u8]) -> io::Result<()> {
        if file.length()? != self.length {
            return Err(io::Error::other("the file was changed by someone else"));
        }
        file.write_all_at(lines, self.length).and_then(|()| file.sync()).inspect_err(|_| {
            // Repair does this again and checks it; done at once, it leaves less to find
            // after a crash.
            let _ = file.truncate(self.length);
        })
    }

    fn repair(&self) -> io::Result<Box<dyn LogFile>> {
        let file = (self.open_file)(&self.path)?;
        self.check_last_line(file.as_ref())?;
        file.truncate(self.length)?;
        let has_room = file.write_all_at(&ROOM, self.length).and_then(|()| file.sync());
        file.truncate(self.length)?;
        has_room?;
        file.sync()?;
        Ok(file)
    }

    fn check_last_line(&self, file: &dyn LogFile) -> io::Result<()> {
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

pub(super) fn open_file(path: &Path) -> io::Result<Box<dyn LogFile>> {
    Ok(Box::new(File::options().read(true).write(true).open(path)?))
}

impl LogFile for File {
    fn length(&self) -> io::Result<u64> {
        let metadata = self.metadata()?;
        if metadata.nlink() == 0 {
            return Err(io::Error::other("the file was deleted"));
        }
        Ok(metadata.len())
    }

    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, bytes, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}
