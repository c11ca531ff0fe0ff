// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{self, Disk};
use super::merkle::Hash;
use super::tile::{BundleReader, TileId, TileKind, TileSource, push_entry, tile_hashes};

/// The tiles of a log in its directory.
#[derive(Clone)]
pub struct TileFiles {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
}

impl fmt::Debug for TileFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TileFiles").field("directory", &self.directory).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum TileError {
    #[error("`{path}` cannot be read or written")]
    Io { path: PathBuf, source: io::Error },
    #[error("`{path}` is missing")]
    Missing { path: PathBuf },
    #[error("`{path}` is damaged: it does not hold what a tile of its name holds")]
    Damaged { path: PathBuf },
    #[error("`{path}` does not hold what was written to it; its disk is at fault")]
    NotAsWritten { path: PathBuf },
}

impl TileFiles {
    pub fn new(disk: Arc<dyn Disk>, directory: &Path) -> Self {
        Self { disk, directory: directory.to_owned() }
    }

    pub fn path(&self, id: TileId) -> PathBuf {
        self.directory.join(id.to_string())
    }

    /// The bytes of a tile. Once the full one is there, the partial one may be gone
    /// (C2SP tlog-tiles); then they come from the full one.
    ///
    /// # Errors
    /// [`TileError::Missing`] when there is neither.
    pub fn read(&self, id: TileId) -> Result<Vec<u8>, TileError> {
        if let Some(bytes) = self.read_file(id)? {
            return Ok(bytes);
        }
        let full = TileId::full(id.kind(), id.index());
        let Some(bytes) = self.read_file(full)? else {
            return Err(TileError::Missing { path: self.path(id) });
        };
        let start = match id.kind() {
            TileKind::Hashes(_) => bytes.get(..id.width() * Hash::BYTES).map(<[u8]>::to_vec),
            TileKind::Entries => first_entries(&bytes, id.width()),
        };
        start.ok_or_else(|| TileError::Damaged { path: self.path(full) })
    }

    fn read_file(&self, id: TileId) -> Result<Option<Vec<u8>>, TileError> {
        let path = self.path(id);
        disk::read(&*self.disk, &path).map_err(|source| TileError::Io { path, source })
    }

    /// Whether there is a file of just this tile.
    pub fn has(&self, id: TileId) -> Result<bool, TileError> {
        let path = self.path(id);
        match self.disk.open(&path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(TileError::Io { path, source }),
        }
    }

    /// Takes away a tile, durably.
    pub fn remove(&self, id: TileId) -> Result<(), TileError> {
        let path = self.path(id);
        let folder = path.parent().unwrap_or(&self.directory);
        let removed = self.disk.remove_file(&path).and_then(|()| self.disk.sync_folder(folder));
        removed.map_err(|source| TileError::Io { path, source })
    }

    /// Keeps an entry that announces a key when its bundle goes. It needs no proof of its
    /// own: its hash stays in the tree.
    pub fn keep_announcement(&self, index: u64, entry: &[u8]) -> Result<(), TileError> {
        let folder = self.directory.join("announcements");
        let path = folder.join(format!("{index:020}"));
        let kept = self
            .disk
            .make_folder(&folder)
            .and_then(|()| self.disk.sync_folder(&self.directory))
            .and_then(|()| disk::replace(&*self.disk, &path, entry));
        kept.map_err(|source| TileError::Io { path, source })
    }

    /// Takes away the partial forms of a tile that is full now.
    pub fn remove_partial(&self, full: TileId) -> Result<(), TileError> {
        let folder = self.directory.join(format!("{full}.p"));
        let failed = |source| TileError::Io { path: folder.clone(), source };
        let names = match self.disk.names(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            names => names.map_err(failed)?,
        };
        for name in names {
            self.disk.remove_file(&folder.join(name)).map_err(failed)?;
        }
        self.disk.remove_folder(&folder).map_err(failed)
    }
}

fn first_entries(bundle: &[u8], count: usize) -> Option<Vec<u8>> {
    let mut start = Vec::new();
    for entry in BundleReader::new(bundle).take(count) {
        push_entry(&mut start, entry.ok()?).ok()?;
    }
    (BundleReader::new(&start).count() == count).then_some(start)
}

impl TileSource for &TileFiles {
    type Error = TileError;

    fn tile(&mut self, id: TileId) -> Result<Vec<Hash>, TileError> {
        let hashes = tile_hashes(&self.read(id)?).filter(|hashes| hashes.len() == id.width());
        hashes.ok_or_else(|| TileError::Damaged { path: self.path(id) })
    }
}

/// Writes tiles and makes them durable together.
pub struct TileWriter<'a> {
    files: &'a TileFiles,
    made: BTreeSet<PathBuf>,
    /// Folders with new names in them.
    unsynced: BTreeSet<PathBuf>,
}

impl<'a> TileWriter<'a> {
    pub const fn new(files: &'a TileFiles) -> Self {
        Self { files, made: BTreeSet::new(), unsynced: BTreeSet::new() }
    }

    /// Writes a tile and reads it again: what it returns is what is on the disk.
    ///
    /// # Errors
    /// [`TileError::NotAsWritten`] when that is something else.
    pub fn write(&mut self, id: TileId, bytes: &[u8]) -> Result<Vec<u8>, TileError> {
        let path = self.files.path(id);
        let written = self.folder_of(&path).and_then(|()| {
            disk::write(&*self.files.disk, &path, bytes)?;
            disk::read(&*self.files.disk, &path)
        });
        match written {
            Ok(Some(found)) if found == bytes => Ok(found),
            Ok(_) => Err(TileError::NotAsWritten { path }),
            Err(source) => Err(TileError::Io { path, source }),
        }
    }

    /// Makes the names of all that was written durable.
    pub fn sync(self) -> Result<(), TileError> {
        self.unsynced.into_iter().try_for_each(|path| {
            self.files.disk.sync_folder(&path).map_err(|source| TileError::Io { path, source })
        })
    }

    fn folder_of(&mut self, path: &Path) -> io::Result<()> {
        let Some(folder) = path.parent() else { return Ok(()) };
        self.unsynced.insert(folder.to_owned());
        if folder == self.files.directory || self.made.contains(folder) {
            return Ok(());
        }
        self.folder_of(folder)?;
        self.files.disk.make_folder(folder)?;
        self.made.insert(folder.to_owned());
        Ok(())
    }
}
