// SPDX-License-Identifier: Apache-2.0
//! Opening a log: lock, check, cut off a torn last line.

use std::fs::{File, TryLockError};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::de::IgnoredAny;

use super::file::{Ledger, OpenFile};
use super::{JsonLinesError, MAX_LINE};

pub(super) fn open(path: &Path, open_file: OpenFile) -> Result<Ledger, JsonLinesError> {
    let io_error = |source| JsonLinesError::Io { path: path.to_owned(), source };
    let file = create(path).map_err(io_error)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(JsonLinesError::InUse { path: path.to_owned() });
        }
        Err(TryLockError::Error(error)) => return Err(io_error(error)),
    }
    let Checked { length, last_line, is_torn } = check(&file, path)?;
    if is_torn {
        tracing::warn!(
            path = %path.display(), length,
            "the last line was incomplete after a crash, was never confirmed, and is cut off"
        );
    }
    sync_folder(path).map_err(io_error)?;
    Ledger::open(path.to_owned(), file, open_file, length, last_line).map_err(io_error)
}

fn create(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Makes the file's name durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// What stands in a file that is in order.
struct Checked {
    /// Up to the end of the last complete line.
    length: u64,
    last_line: Vec<u8>,
    is_torn: bool,
}

fn check(file: &File, path: &Path) -> Result<Checked, JsonLinesError> {
    let mut reader = BufReader::with_capacity(256 << 10, file);
    let mut checked = Checked { length: 0, last_line: Vec::new(), is_torn: false };
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = (&mut reader).take(MAX_LINE as u64).read_until(b'\n', &mut line);
        read.map_err(|source| JsonLinesError::Io { path: path.to_owned(), source })?;
        let is_complete = line.ends_with(b"\n");
        if is_complete && is_object(&line) {
            checked.length += line.len() as u64;
            std::mem::swap(&mut checked.last_line, &mut line);
        } else if is_complete || line.len() == MAX_LINE {
            let path = path.to_owned();
            return Err(JsonLinesError::Damaged { path, line: number, offset: checked.length });
        } else {
            checked.is_torn = !line.is_empty();
            break;
        }
    }
    Ok(checked)
}

fn is_object(line: &[u8]) -> bool {
    line.starts_with(b"{")
        && std::str::from_utf8(line)
            .is_ok_and(|line| serde_json::from_str::<IgnoredAny>(line).is_ok())
}
