// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::ReadError;
use crate::transfer_log::merkle::Hash;
use crate::transfer_log::note::SignedNote;
use crate::transfer_log::tile::tile_hashes;
use crate::transfer_log::tile::{MAX_ENTRY_BYTES, TILE_WIDTH, TileId, TileKind, TileSource};

/// Far more than any note takes.
const MAX_NOTE_BYTES: u64 = 1 << 20;

/// A folder with a transfer log. Files that are larger than the format allows are
/// not read.
#[derive(Clone, Debug)]
pub struct LogDirectory {
    path: PathBuf,
}

impl LogDirectory {
    /// # Errors
    /// [`ReadError::NoLog`] if neither a checkpoint nor a journal is there.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let path = path.to_owned();
        let is_log = path.join("checkpoint").exists() || path.join("journal").exists();
        if is_log { Ok(Self { path }) } else { Err(ReadError::NoLog { path }) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The newest checkpoint, not verified; `None` before the first was signed.
    pub fn checkpoint(&self) -> Result<Option<SignedNote>, ReadError> {
        self.note("checkpoint")
    }

    /// The sizes of the trees that checkpoints were kept of, in order.
    pub fn checkpoint_sizes(&self) -> Result<Vec<u64>, ReadError> {
        self.numbers("checkpoints", "")
    }

    /// The checkpoint that was kept of a tree of that size, not verified.
    pub fn earlier_checkpoint(&self, size: u64) -> Result<Option<SignedNote>, ReadError> {
        self.note(&Self::earlier_checkpoint_path(size))
    }

    pub(super) fn earlier_checkpoint_path(size: u64) -> String {
        format!("checkpoints/{size:020}")
    }

    /// Entries that announce a key and outlive their bundle, of those in a range; whether
    /// they are the ones in the tree, their hashes say.
    pub(super) fn announcements(
        &self,
        range: Range<u64>,
    ) -> Result<BTreeMap<u64, Vec<u8>>, ReadError> {
        let mut found = BTreeMap::new();
        for index in self.numbers("announcements", "")?.into_iter().filter(|at| range.contains(at))
        {
            let entry = self.read(&format!("announcements/{index:020}"), MAX_ENTRY_BYTES as u64)?;
            found.extend(entry.map(|entry| (index, entry)));
        }
        Ok(found)
    }

    fn note(&self, name: &str) -> Result<Option<SignedNote>, ReadError> {
        let Some(bytes) = self.read(name, MAX_NOTE_BYTES)? else { return Ok(None) };
        let note = String::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
        note.map(Some).ok_or_else(|| self.damaged(name, "is not a signed note"))
    }

    /// The bytes of a tile or bundle, and which it is: where the wanted one is not
    /// there any more, one that has grown since, with the same beginning.
    pub(super) fn tile_bytes(&self, id: TileId) -> Result<Option<(TileId, Vec<u8>)>, ReadError> {
        let full = TileId::full(id.kind(), id.index());
        let read = |found: TileId| {
            let bytes = self.read(&found.to_string(), byte_limit(id.kind()))?;
            Ok(bytes.map(|bytes| (found, bytes)))
        };
        if let Some(found) = read(id)?.map_or_else(|| read(full), |found| Ok(Some(found)))? {
            return Ok(Some(found));
        }
        let widths = self.numbers(&format!("{full}.p"), "")?;
        let wider = widths.into_iter().find(|width| *width > id.width() as u64);
        wider.and_then(|width| id.with_width(width)).map_or(Ok(None), read)
    }

    /// Whether a tile of just this width is there.
    pub(super) fn has_tile(&self, id: TileId) -> bool {
        self.path.join(id.to_string()).exists()
    }

    /// The numbers that files in a folder are named by, in order.
    pub(super) fn numbers(&self, folder: &str, suffix: &str) -> Result<Vec<u64>, ReadError> {
        let folder = self.path.join(folder);
        let io_error = |source| ReadError::Io { path: folder.clone(), source };
        let files = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            files => files.map_err(io_error)?,
        };
        let mut numbers = Vec::new();
        for file in files {
            let name = file.map_err(io_error)?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(suffix));
            numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let mut bytes = Vec::new();
        let read = File::open(self.path.join(name))
            .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes));
        match read {
            Err(error) if is_absent(&error) => Ok(None),
            Err(source) => Err(ReadError::Io { path: self.path.join(name), source }),
            Ok(_) if bytes.len() as u64 > limit => Err(self.damaged(name, "is too large")),
            Ok(_) => Ok(Some(bytes)),
        }
    }

    pub(super) fn damaged(&self, name: &str, problem: &'static str) -> ReadError {
        ReadError::Damaged { path: self.path.join(name), problem }
    }
}

fn byte_limit(kind: TileKind) -> u64 {
    let limit = match kind {
        TileKind::Hashes(_) => Hash::BYTES,
        TileKind::Entries => 2 + MAX_ENTRY_BYTES,
    };
    TILE_WIDTH * limit as u64
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

impl TileSource for &LogDirectory {
    type Error = ReadError;

    fn tile(&mut self, id: TileId) -> Result<Vec<Hash>, ReadError> {
        let name = id.to_string();
        let (found, bytes) =
            self.tile_bytes(id)?.ok_or_else(|| self.damaged(&name, "is missing"))?;
        let hashes = tile_hashes(&bytes).filter(|hashes| hashes.len() == found.width());
        let mut hashes = hashes.ok_or_else(|| self.damaged(&name, "has the wrong length"))?;
        hashes.truncate(id.width());
        Ok(hashes)
    }
}
