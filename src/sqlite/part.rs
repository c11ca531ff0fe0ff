// SPDX-License-Identifier: Apache-2.0

use std::fs::{File, OpenOptions, Permissions};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::file::as_file;
use crate::keys::{create_private, lock_in_place, sync_directory};

/// A file that has its name only when it is whole; `.part` is added to it until then. What was
/// cut off is written anew, and what another writes at this moment is left to it. Gone when it is
/// dropped without its name.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    /// Locked: no other takes it for one that was cut off.
    file: File,
}

impl Part {
    /// An empty file (mode 0600) for what goes to `target`.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] when another writes it.
    pub fn begin(target: &Path) -> Result<Self> {
        let mut name = target.as_os_str().to_owned();
        name.push(".part");
        let path = as_file(Path::new(&name));
        match create_private(&path, b"") {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            Ok(()) | Err(_) => {}
        }
        // Where another has just given it its name, it is not here any more.
        let being_written = |error: Error| match error.kind() {
            ErrorKind::NotFound => ErrorKind::WouldBlock.into(),
            _ => error,
        };
        let there = std::fs::symlink_metadata(&path).map_err(being_written)?;
        if !there.is_file() {
            let problem = format!("`{}` is there, and is no file", path.display());
            return Err(Error::new(ErrorKind::AlreadyExists, problem));
        }
        let file = OpenOptions::new().read(true).write(true).open(&path).map_err(being_written)?;
        if !lock_in_place(&file, &path)? {
            return Err(ErrorKind::WouldBlock.into());
        }
        file.set_permissions(Permissions::from_mode(0o600))?;
        let part = Self { path, file };
        part.remove_side_files();
        part.file.set_len(0)?;
        Ok(part)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name, in the place of what had it; durable on return.
    pub fn replace(self, target: &Path) -> Result<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.path, target)?;
        sync_directory(target)
    }

    /// Gives it a name that nothing has; durable on return.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] where something has it, which stays.
    pub fn name(self, target: &Path) -> Result<()> {
        create_private(target, b"")?;
        self.replace(target).inspect_err(|_| {
            let _ = std::fs::remove_file(target);
        })
    }

    fn remove_side_files(&self) {
        for beside in ["-wal", "-shm", "-journal"] {
            let mut name = self.path.as_os_str().to_owned();
            name.push(beside);
            let _ = std::fs::remove_file(name);
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // What has its name is no longer here, and the place may be another's.
        if lock_in_place(&self.file, &self.path).unwrap_or(false) {
            self.remove_side_files();
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
