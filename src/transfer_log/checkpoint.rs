// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::str::FromStr;

use super::merkle::Hash;
use super::note::{NoteError, SignedNote, SignerKey};

/// What the log commits to: the root of its tree at a size (C2SP tlog-checkpoint). As
/// text it is the text of a signed note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name, such as `zollhaus.example/one`.
    pub origin: String,
    /// How many entries the tree has.
    pub size: u64,
    pub root: Hash,
    /// Further lines; we write none, and they mean nothing to us.
    pub extensions: Vec<String>,
}

/// Not the text of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a checkpoint: a name, a size, a root hash, a line each")]
pub struct InvalidCheckpoint;

impl Checkpoint {
    /// # Errors
    /// [`NoteError::Malformed`] if a line is no line.
    pub fn sign(&self, keys: &[&SignerKey]) -> Result<SignedNote, NoteError> {
        SignedNote::sign(self.to_string(), keys)
    }
}

impl FromStr for Checkpoint {
    type Err = InvalidCheckpoint;

    fn from_str(text: &str) -> Result<Self, InvalidCheckpoint> {
        let mut lines = text.strip_suffix('\n').ok_or(InvalidCheckpoint)?.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty()).ok_or(InvalidCheckpoint);
        let origin = line()?.to_owned();
        let size = line()?;
        let root = line()?.parse().map_err(|_| InvalidCheckpoint)?;
        let size = decimal(size).ok_or(InvalidCheckpoint)?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(InvalidCheckpoint);
        }
        Ok(Self { origin, size, root, extensions })
    }
}

/// A number in the one spelling that it has.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
