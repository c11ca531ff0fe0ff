// SPDX-License-Identifier: Apache-2.0

use std::io::{self, Read as _, Write as _};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

/// # Errors
/// None in practice: it writes to memory.
pub(super) fn gzip(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}

/// # Errors
/// When this is no gzip, or expands to more than `limit` bytes.
pub(super) fn gunzip(coded: &[u8], limit: usize) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(coded).take(bound).read_to_end(&mut plain)?;
    if plain.len() > limit {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the body expands too far"));
    }
    Ok(plain)
}
