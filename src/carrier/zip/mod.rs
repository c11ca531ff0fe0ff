// SPDX-License-Identifier: Apache-2.0
//! ZIP archives of plain files (PKWARE APPNOTE.TXT 6.3.10), by locate and splice.
//!
//! [`Archive::read`] accepts what a reader that goes by the directory and one that goes
//! from entry to entry read alike: entries one behind the other from the first byte on,
//! in the order of the directory, each with a header that agrees with it; then the
//! directory, then the end. Refused beyond that: names that are more than a name, the same
//! name twice in any case, comments, encryption, ZIP64, methods other than stored and
//! deflate, extra fields other than times and owners, checksums and sizes that are wrong,
//! and what expands beyond the limits.
//!
//! An entry that is written anew is stored without compression: its length tells nothing
//! of how values repeat, and what a surrogate takes up cannot be squeezed anyway.

mod parse;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use flate2::Crc;

use self::parse::{END, Parser};
use super::coding::ExpansionLimits;

/// Entries that one archive may have.
pub const MAX_ENTRIES: usize = 100;

/// An archive and its entries, in their order.
#[derive(Clone)]
pub struct Archive {
    bytes: Bytes,
    entries: Vec<Entry>,
}

/// A file of an archive.
#[derive(Clone)]
pub struct Entry {
    name: String,
    content: Bytes,
    /// Header, content, and the descriptor behind it if there is one.
    local: Range<usize>,
    /// How much of it is the header.
    header: usize,
    /// Its header in the directory.
    central: Range<usize>,
}

/// Names sizes only: names and contents are the sender's.
impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Archive({} bytes, {} entries)", self.bytes.len(), self.entries.len())
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({} bytes)", self.content.len())
    }
}

/// Not an archive, or one that two readers could read differently. Names offsets, never
/// content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZipError {
    #[error("it does not end as an archive of one part without a comment does")]
    End,
    #[error("it has a malformed header at byte {0}")]
    Header(usize),
    #[error("it has an entry that its directory describes otherwise, at byte {0}")]
    Disagreement(usize),
    #[error("it has bytes that belong to no entry, at byte {0}")]
    Gap(usize),
    #[error("it has an entry whose name is not a plain and unique one, at byte {0}")]
    Name(usize),
    #[error("it has an entry of a kind that is not read here, at byte {0}")]
    Feature(usize),
    #[error("it has an entry whose content is not what its header says, at byte {0}")]
    Content(usize),
    #[error("it has more than {MAX_ENTRIES} entries")]
    TooMany,
    #[error("it expands to more than the limit")]
    TooLarge,
}

impl Archive {
    /// Reads all entries. Never holds more than the limits allow.
    ///
    /// # Errors
    /// [`ZipError`] for anything that is not an archive beyond doubt.
    pub fn read(bytes: &Bytes, limits: ExpansionLimits) -> Result<Self, ZipError> {
        let entries = Parser::new(bytes, limits).run()?;
        Ok(Self { bytes: bytes.clone(), entries })
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The archive with these contents in the place of those of its entries, in their
    /// order; `None` keeps an entry byte for byte. `None` if it would be too large for its
    /// format.
    pub(super) fn with_contents(&self, contents: &[Option<Vec<u8>>]) -> Option<Vec<u8>> {
        let mut written = Vec::with_capacity(self.bytes.len());
        let mut directory = Vec::new();
        for (entry, content) in self.entries.iter().zip(contents) {
            let offset = u32::try_from(written.len()).ok()?;
            let mut central = self.bytes.get(entry.central.clone())?.to_vec();
            put(&mut central, 42, &offset.to_le_bytes());
            match content {
                None => written.extend_from_slice(self.bytes.get(entry.local.clone())?),
                Some(content) => {
                    let header = entry.local.start..entry.local.start + entry.header;
                    let mut local = self.bytes.get(header)?.to_vec();
                    store(&mut local, 6, content)?;
                    store(&mut central, 8, content)?;
                    written.append(&mut local);
                    written.extend_from_slice(content);
                }
            }
            directory.append(&mut central);
        }
        let offset = u32::try_from(written.len()).ok()?;
        let mut end = self.bytes.get(self.bytes.len().checked_sub(END)?..)?.to_vec();
        put(&mut end, 16, &offset.to_le_bytes());
        written.append(&mut directory);
        written.append(&mut end);
        Some(written)
    }
}

impl Entry {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the file holds.
    pub fn content(&self) -> &Bytes {
        &self.content
    }
}

/// Says in a header, of which the part that both kinds have begins at `at`, that the
/// content is stored as it is.
fn store(header: &mut [u8], at: usize, content: &[u8]) -> Option<()> {
    let flags = header.get(at..at + 2)?;
    let is_utf8 = flags.get(1)? & 0x08;
    put(header, at, &[0, is_utf8]);
    put(header, at + 2, &[0, 0]);
    let size = u32::try_from(content.len()).ok()?.to_le_bytes();
    put(header, at + 8, &crc(content).to_le_bytes());
    put(header, at + 12, &size);
    put(header, at + 16, &size);
    Some(())
}

fn put(record: &mut [u8], at: usize, field: &[u8]) {
    if let Some(place) = record.get_mut(at..at + field.len()) {
        place.copy_from_slice(field);
    }
}

fn crc(content: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(content);
    crc.sum()
}
