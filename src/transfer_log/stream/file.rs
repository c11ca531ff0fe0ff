// SPDX-License-Identifier: Apache-2.0

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::sink::SinkError;

/// Appends lines durably. The file is made with mode 0600 if there is none.
pub(super) async fn append(path: PathBuf, lines: String) -> Result<(), SinkError> {
    let place = path.clone();
    let appended = tokio::task::spawn_blocking(move || append_now(&place, &lines)).await;
    appended.map_err(io::Error::other).flatten().map_err(|source| SinkError::File { path, source })
}

fn append_now(path: &Path, lines: &str) -> io::Result<()> {
    let mut file = File::options().read(true).append(true).create(true).mode(0o600).open(path)?;
    // A crash may have left half a line: its entry comes again, in a line of its own.
    if let Some(last) = file.metadata()?.len().checked_sub(1) {
        let mut byte = [0];
        file.read_exact_at(&mut byte, last)?;
        if byte != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    file.write_all(lines.as_bytes())?;
    file.sync_all()
}
