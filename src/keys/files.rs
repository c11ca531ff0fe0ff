// SPDX-License-Identifier: Apache-2.0

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

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
    let mut file = options.mode(0o600).open(path)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    // Half a file would only stand in the way of the next attempt.
    written.and_then(|()| sync_directory(path)).inspect_err(|_| {
        let _ = std::fs::remove_file(path);
    })
}

/// A file that is exchanged as a whole, by one process at a time.
#[derive(Debug)]
pub(super) struct Exchange {
    path: PathBuf,
    old: File,
}

impl Exchange {
    /// Keeps others from exchanging the file until this is dropped.
    ///
    /// # Errors
    /// [`KeysError::UnderWay`] when another process is about to.
    pub(super) fn begin(path: &Path) -> Result<Self, KeysError> {
        let failed = |source| unusable(path, source);
        // A link keeps leading to the file.
        let path = std::fs::canonicalize(path).map_err(failed)?;
        let old = OpenOptions::new().read(true).write(true).open(&path).map_err(failed)?;
        if lock_in_place(&old, &path).map_err(failed)? {
            Ok(Self { path, old })
        } else {
            Err(KeysError::UnderWay { path })
        }
    }

    /// Puts a file with the owner and mode of the old one in its place; durable on return.
    ///
    /// # Errors
    /// [`KeysError::OtherOwner`] when it cannot be given to the owner of the old one.
    pub(super) fn finish(self, content: &[u8]) -> Result<(), KeysError> {
        let failed = |source| unusable(&self.path, source);
        let mut temporary = self.path.as_os_str().to_owned();
        temporary.push(".new");
        let temporary = Path::new(&temporary);
        // What an attempt left that was cut off.
        match std::fs::remove_file(temporary) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        create_private(temporary, content).map_err(failed)?;
        let exchanged = File::open(temporary)
            .and_then(|new| keep_access(&self.old, &new).and_then(|()| new.sync_all()))
            .map_err(|source| match source.kind() {
                ErrorKind::PermissionDenied => {
                    KeysError::OtherOwner { path: self.path.clone(), source }
                }
                _ => failed(source),
            })
            .and_then(|()| std::fs::rename(temporary, &self.path).map_err(failed));
        if exchanged.is_err() {
            let _ = std::fs::remove_file(temporary);
        }
        exchanged?;
        sync_directory(&self.path).map_err(failed)
    }
}

/// Keeps others from locking a file that was opened at `path`, as long as it is open. `false`
/// where another has locked it, or has put another file in its place since it was opened.
pub(crate) fn lock_in_place(file: &File, path: &Path) -> std::io::Result<bool> {
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(false),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let there = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        there => there?,
    };
    let locked = file.metadata()?;
    Ok((locked.dev(), locked.ino()) == (there.dev(), there.ino()))
}

/// Gives `new` the owner and the mode of the file whose place it takes: the service that
/// reads it may run as another user than the one who changes it.
pub(crate) fn keep_access(old: &File, new: &File) -> std::io::Result<()> {
    let (old, own) = (old.metadata()?, new.metadata()?);
    if (old.uid(), old.gid()) != (own.uid(), own.gid()) {
        let given = fchown(new, Some(old.uid()), Some(old.gid()));
        // A group that may do nothing misses nothing.
        if old.uid() != own.uid() || old.mode() & 0o070 != 0 {
            given?;
        }
    }
    new.set_permissions(old.permissions())
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
    let failed = |source| unusable(path, source);
    let file = File::open(path).map_err(failed)?;
    if readers == Readers::OwnerOnly && is_exposed(&file).map_err(failed)? {
        return Err(KeysError::Exposed { path: path.to_owned() });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

fn is_exposed(file: &File) -> std::io::Result<bool> {
    Ok(file.metadata()?.permissions().mode() & 0o077 != 0)
}

fn unusable(path: &Path, source: std::io::Error) -> KeysError {
    let path = path.to_owned();
    match source.kind() {
        ErrorKind::NotFound => KeysError::Missing { path },
        ErrorKind::InvalidData => KeysError::Damaged { path, problem: "it is not text".into() },
        _ => KeysError::Io { path, source },
    }
}
