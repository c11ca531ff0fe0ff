// SPDX-License-Identifier: Apache-2.0

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

/// The end of the transfer log, as JSON lines.
pub trait LogTail: Send + Sync {
    /// A place in the log: what is appended later comes after it.
    ///
    /// # Errors
    /// When the log cannot be read.
    fn mark(&self) -> io::Result<u64>;

    /// The entries after a mark, oldest first, one JSON object each.
    ///
    /// # Errors
    /// When the log cannot be read.
    fn since(&self, mark: u64) -> io::Result<Vec<String>>;
}

/// The first file of a transfer log's journal, which the tour does not fill; a mark is
/// a length of it.
#[derive(Clone, Debug)]
pub struct LogFile(pub PathBuf);

impl LogTail for LogFile {
    fn mark(&self) -> io::Result<u64> {
        Ok(std::fs::metadata(&self.0)?.len())
    }

    fn since(&self, mark: u64) -> io::Result<Vec<String>> {
        let mut file = File::open(&self.0)?;
        file.seek(SeekFrom::Start(mark))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        Ok(text.lines().map(str::to_owned).collect())
    }
}
