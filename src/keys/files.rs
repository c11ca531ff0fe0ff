// SPDX-License-Identifier: Apache-2.0

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use zeroize::Zeroizing;

use super::KeysError;

/// Far more than any file of ours: a bound on what is read.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Writes a file that is not there yet, for its owner only; durable on return.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] when there is a file of that name; it stays as it is.
pub(crate) fn create_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    // Half a file would only stand in the way of the next attempt.
    written.and_then(|()| sync_directory(path)).inspect_err(|_| {
        let _ = std::fs::remove_file(path);
    })
}

/// Puts a file, for its owner only, in the place of another; durable on return.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), KeysError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = Path::new(&temporary);
    let failed = |source| KeysError::Io { path: path.to_owned(), source };
    // What an attempt left that was cut off.
    if temporary.exists() {
        std::fs::remove_file(temporary).map_err(failed)?;
    }
    create_private(temporary, content).map_err(failed)?;
    std::fs::rename(temporary, path).and_then(|()| sync_directory(path)).map_err(failed)
}

/// Makes the name of a new file durable.
pub(crate) fn sync_directory(path: &Path) -> std::io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

pub(super) fn create(path: &Path, content: &[u8]) -> Result<(), KeysError> {
    create_private(path, content).map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => KeysError::Exists { path: path.to_owned() },
        _ => KeysError::Io { path: path.to_owned(), source },
    })
}

/// Who may be able to read a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    OwnerOnly,
    Any,
}

pub(super) fn read(path: &Path, readers: Readers) -> Result<Zeroizing<String>, KeysError> {
    let failed = |source: std::io::Error| match source.kind() {
        ErrorKind::NotFound => KeysError::Missing { path: path.to_owned() },
        ErrorKind::InvalidData => {
            KeysError::Damaged { path: path.to_owned(), problem: "it is not text".into() }
        }
        _ => KeysError::Io { path: path.to_owned(), source },
    };
    let file = File::open(path).map_err(failed)?;
    if readers == Readers::OwnerOnly && is_exposed(&file).map_err(failed)? {
        return Err(KeysError::Exposed { path: path.to_owned() });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

#[cfg(unix)]
fn is_exposed(file: &File) -> std::io::Result<bool> {
    let permissions = file.metadata()?.permissions();
    Ok(std::os::unix::fs::PermissionsExt::mode(&permissions) & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_exposed(_file: &File) -> std::io::Result<bool> {
    Ok(false)
}
