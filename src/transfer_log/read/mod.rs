// SPDX-License-Identifier: Apache-2.0
//! Reading a transfer log that lies in a folder, be it the one in use or a copy.
//!
//! ```text
//! checkpoint                    what the log commits to, signed
//! checkpoints/<size>            earlier ones
//! tile/<row>/<tile>             hashes of the tree (C2SP tlog-tiles)
//! tile/entries/<bundle>         the entries in the tree
//! journal/<first index>.jsonl   entries on their way into the tree, one a line
//! announcements/<index>         entries that name a key and whose bundle is gone
//! keys                          keys that ever signed; a convenience, never trusted
//! ```
//!
//! [`Entries`] reads entries as they are: it trusts the disk. [`verify()`] trusts
//! nothing but the keys and the older checkpoints that it is given. Both need the
//! memory of a few tiles, whatever the size of the log.

mod directory;
mod entries;
mod journal;
mod prove;
#[cfg(test)]
pub(crate) mod tests;
mod verify;

use std::io;
use std::path::PathBuf;

use super::Entry;
use super::entry::ENTRY_VERSION;

pub use directory::LogDirectory;
pub use entries::Entries;
pub use prove::{ProveError, prove};
pub use verify::{Damage, Report, VerifyError, VerifyOptions, verify};

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("`{path}` cannot be read")]
    Io { path: PathBuf, source: io::Error },
    #[error("there is no transfer log in `{path}`; `zollhaus run` makes it when it first starts")]
    NoLog { path: PathBuf },
    #[error("`{path}` {problem}; `zollhaus log verify` says more")]
    Damaged { path: PathBuf, problem: &'static str },
    #[error("entry {index} is missing in `{path}`; `zollhaus log verify` says more")]
    Missing { path: PathBuf, index: u64 },
}

/// Why the bytes of an entry are not one to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    #[error("version {version} of entries is not supported by this program")]
    Unsupported { version: u64 },
    #[error("it is not an entry")]
    NotAnEntry,
}

/// Reads the bytes of an entry.
///
/// # Errors
/// [`EntryError::Unsupported`] for the form of a later program.
pub fn parse_entry(bytes: &[u8]) -> Result<Entry, EntryError> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        version: u64,
    }
    let of_version = |version| EntryError::Unsupported { version };
    match serde_json::from_slice(bytes) {
        Ok(entry) if version(&entry) == ENTRY_VERSION => Ok(entry),
        Ok(entry) => Err(of_version(u64::from(version(&entry)))),
        Err(_) => match serde_json::from_slice(bytes) {
            Ok(Versioned { version }) if version != u64::from(ENTRY_VERSION) => {
                Err(of_version(version))
            }
            _ => Err(EntryError::NotAnEntry),
        },
    }
}

const fn version(entry: &Entry) -> u32 {
    match entry {
        Entry::Transfer(entry) => entry.version,
        Entry::Outcome(entry) => entry.version,
        Entry::Refused(entry) => entry.version,
        Entry::KeyChange(entry) => entry.version,
    }
}
