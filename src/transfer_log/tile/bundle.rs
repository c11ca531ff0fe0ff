// SPDX-License-Identifier: Apache-2.0

/// The length of an entry has 16 bits in a bundle.
pub const MAX_ENTRY_BYTES: usize = u16::MAX as usize;

/// An entry is larger than a bundle can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an entry of {length} bytes is larger than {MAX_ENTRY_BYTES}")]
pub struct EntryTooLong {
    pub length: usize,
}

/// Appends an entry to the bytes of a bundle.
///
/// # Errors
/// [`EntryTooLong`]; then the bundle is unchanged.
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), EntryTooLong> {
    let length = u16::try_from(entry.len()).map_err(|_| EntryTooLong { length: entry.len() })?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// A bundle ends within an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bundle ends within an entry")]
pub struct TornBundle;

/// The entries in the bytes of a bundle, in order. After an error there are no more.
#[derive(Clone, Debug)]
pub struct BundleReader<'a> {
    rest: &'a [u8],
}

impl<'a> BundleReader<'a> {
    pub const fn new(bundle: &'a [u8]) -> Self {
        Self { rest: bundle }
    }
}

impl<'a> Iterator for BundleReader<'a> {
    type Item = Result<&'a [u8], TornBundle>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let split = self.rest.split_first_chunk().and_then(|(length, rest)| {
            rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
        });
        let (entry, rest) =
            split.map_or((Err(TornBundle), [].as_slice()), |(entry, rest)| (Ok(entry), rest));
        self.rest = rest;
        Some(entry)
    }
}
