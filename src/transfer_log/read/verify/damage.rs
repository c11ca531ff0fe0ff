// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::ops::Range;

use super::{LogDirectory, ReadError};
use crate::transfer_log::merkle::TreeError;
use crate::transfer_log::note::NoteError;

/// Why a log does not verify.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The log is not what it says.
    #[error(transparent)]
    Damaged(#[from] Damage),
    #[error(
        "entry {index} has version {version}, which this program does not support; its hash and \
         all others are right"
    )]
    Unsupported { index: u64, version: u64 },
    #[error("{0}, so it cannot be relied on")]
    UnusableCheckpoint(Damage),
    #[error("no key of the log was given")]
    NoKey,
    #[error(transparent)]
    Read(ReadError),
}

/// What is wrong with a log; of several things the first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("{file}: {problem}")]
    Note { file: NoteFile, problem: NoteError },
    #[error("{file}: it is not a checkpoint")]
    NotACheckpoint { file: NoteFile },
    #[error("{file}: it is missing")]
    NoCheckpoint { file: NoteFile },
    #[error("{file}: it is of the log `{found}`, not of `{expected}`")]
    Origin { file: NoteFile, found: String, expected: String },
    #[error("{file}: it is of a tree of another size than its name says")]
    Size { file: NoteFile },
    #[error("the checkpoint is not signed by the witness `{witness}`")]
    NotCosigned { witness: String },
    #[error("entry {index} is not the one that was logged: it does not have the hash in `{tile}`")]
    Entry { index: u64, tile: String },
    #[error("entry {index} is in the tree, but it is not an entry")]
    NotAnEntry { index: u64 },
    #[error("`{file}` ends before entry {index}")]
    Short { file: String, index: u64 },
    #[error("`{file}` holds more than its name says: entry {index} is not in the tree")]
    Surplus { file: String, index: u64 },
    #[error("`{file}`, which covers entry {index}, {problem}")]
    File { file: String, problem: &'static str, index: u64 },
    #[error(
        "`{tile}` has a wrong hash for the entries from {} to {}", .entries.start, .entries.end - 1
    )]
    Tile { tile: String, entries: Range<u64> },
    #[error("{file}: the entries from {} to {} do not lead to its root", .entries.start, .entries.end - 1)]
    Root { file: NoteFile, entries: Range<u64> },
    #[error(
        "it is not a continuation of the older checkpoint of {size} entries: some of them were \
         changed since"
    )]
    Forked { size: u64 },
    #[error(
        "it was rolled back: it has {size} entries, and the older checkpoint has {older} already"
    )]
    RolledBack { size: u64, older: u64 },
    #[error("entry {index} in the journal is not the one in the tree")]
    Journal { index: u64 },
    #[error("entry {index} in the journal is not an entry")]
    NotAnEntryInJournal { index: u64 },
    #[error("the journal has no entry {index}, but later ones")]
    JournalGap { index: u64 },
    #[error("`{path}` {problem}")]
    Unreadable { path: String, problem: &'static str },
}

impl Damage {
    /// The first entry that may be wrong, as far as can be told.
    pub const fn first_bad(&self) -> Option<u64> {
        match self {
            Self::Entry { index, .. }
            | Self::NotAnEntry { index }
            | Self::Short { index, .. }
            | Self::Surplus { index, .. }
            | Self::File { index, .. }
            | Self::Journal { index }
            | Self::NotAnEntryInJournal { index }
            | Self::JournalGap { index } => Some(*index),
            Self::Tile { entries, .. } | Self::Root { entries, .. } => Some(entries.start),
            Self::RolledBack { size, .. } => Some(*size),
            Self::Note { .. }
            | Self::NotACheckpoint { .. }
            | Self::NoCheckpoint { .. }
            | Self::Origin { .. }
            | Self::Size { .. }
            | Self::NotCosigned { .. }
            | Self::Forked { .. }
            | Self::Unreadable { .. } => None,
        }
    }
}

/// A checkpoint, by where it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteFile {
    Current,
    /// Of a tree of that size.
    Kept(u64),
    /// From elsewhere.
    Older,
}

impl fmt::Display for NoteFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current => f.write_str("`checkpoint`"),
            Self::Kept(size) => write!(f, "`{}`", LogDirectory::earlier_checkpoint_path(*size)),
            Self::Older => f.write_str("the older checkpoint"),
        }
    }
}

impl VerifyError {
    /// What went wrong while the tree of so many entries was read from its tiles.
    pub(super) fn in_tree(error: TreeError<ReadError>, size: u64) -> Self {
        match error {
            TreeError::Outside => Damage::Forked { size }.into(),
            TreeError::Source(error) => error.into(),
        }
    }

    /// The damage is that of a file which is not the log's.
    pub(super) fn into_unusable(self) -> Self {
        match self {
            Self::Damaged(damage) => Self::UnusableCheckpoint(damage),
            other => other,
        }
    }
}

impl From<ReadError> for VerifyError {
    /// A file that can be read and is not what it should be is damage.
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Damaged { path, problem } => {
                Damage::Unreadable { path: path.display().to_string(), problem }.into()
            }
            other => Self::Read(other),
        }
    }
}
