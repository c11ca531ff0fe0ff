// SPDX-License-Identifier: Apache-2.0
//! Content codings, opened with a bound on what they expand to.
//!
//! Only `gzip` and `deflate` (RFC 9110 section 8.4.1) are opened, and only one at
//! a time. What follows the end of a stream is refused, because a reader that
//! ignores it and one that does not would see different bodies. Opened bodies
//! travel on without a coding, so nothing here compresses.

use std::fmt;

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};

/// How far a body may expand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpansionLimits {
    pub max_bytes: usize,
    /// Opened bytes per byte received. Bodies that open to [`SMALL`] or less are
    /// exempt: short repetitive texts compress well.
    pub max_ratio: usize,
}

impl ExpansionLimits {
    /// For what holds nothing packed.
    pub const NOTHING: Self = Self { max_bytes: 0, max_ratio: 0 };

    #[cfg(test)]
    pub const FOR_TESTS: Self = Self { max_bytes: 1 << 20, max_ratio: 100 };

    /// What this many bytes may open to.
    pub fn allowed(self, received: usize) -> usize {
        received.saturating_mul(self.max_ratio).max(SMALL).min(self.max_bytes)
    }
}

/// What a body may open to whatever its ratio.
pub const SMALL: usize = 64 * 1024;

/// Members of one gzip body. Empty members cost time without growing the body.
const MAX_MEMBERS: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodingError {
    #[error("the content coding is not one of `gzip` and `deflate`")]
    Unsupported,
    #[error("the body opens to more than the limit")]
    TooLarge,
    #[error("the body is not what its content coding says")]
    Corrupt,
}

/// The body without its coding. `coding` is the value of `Content-Encoding`.
///
/// Never holds more than the limits allow, whatever the body expands to.
///
/// # Errors
/// [`CodingError`]; then no part of the body may be used.
pub fn decode(
    coding: Option<&str>,
    body: Bytes,
    limits: ExpansionLimits,
) -> Result<Bytes, CodingError> {
    let mut decoder = Decoder::new(coding, limits)?;
    if decoder.coding == Coding::Identity && body.len() <= limits.max_bytes {
        return Ok(body);
    }
    let mut opened = Vec::new();
    decoder.push(&body, &mut opened)?;
    decoder.finish()?;
    Ok(opened.into())
}

/// Takes the coding off a body that arrives in parts.
pub struct Decoder {
    coding: Coding,
    limits: ExpansionLimits,
    /// The stream that has begun and has not ended.
    stream: Option<Decompress>,
    /// Streams that have begun.
    begun: usize,
    /// A first byte that does not yet tell which kind of `deflate` it begins.
    first: Option<u8>,
    received: usize,
    opened: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Identity,
    Gzip,
    Deflate,
}

impl Decoder {
    /// # Errors
    /// [`CodingError::Unsupported`].
    pub fn new(coding: Option<&str>, limits: ExpansionLimits) -> Result<Self, CodingError> {
        let coding = match coding.unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Coding::Identity,
            "gzip" | "x-gzip" => Coding::Gzip,
            "deflate" => Coding::Deflate,
            _ => return Err(CodingError::Unsupported),
        };
        let (stream, first) = (None, None);
        Ok(Self { coding, limits, stream, begun: 0, first, received: 0, opened: 0 })
    }

    /// Adds what a part opens to. All parts together may open to no more than the limits
    /// allow for those that have arrived.
    ///
    /// # Errors
    /// [`CodingError::TooLarge`] and [`CodingError::Corrupt`].
    pub fn push(&mut self, part: &[u8], opened: &mut Vec<u8>) -> Result<(), CodingError> {
        self.received = self.received.saturating_add(part.len());
        if self.coding == Coding::Identity {
            opened.extend_from_slice(part);
            let fits = self.received <= self.limits.max_bytes;
            return if fits { Ok(()) } else { Err(CodingError::TooLarge) };
        }
        let held: Vec<u8>;
        let mut rest = match self.first.take() {
            Some(first) => {
                held = [&[first], part].concat();
                &held
            }
            None => part,
        };
        let before = opened.len();
        let room = self.limits.allowed(self.received).saturating_sub(self.opened);
        while !rest.is_empty() {
            let Some(mut stream) = self.stream.take().or_else(|| self.begin(rest)) else {
                let is_first = self.begun == 0 && rest.len() == 1;
                self.first = rest.first().copied().filter(|_| is_first);
                return self.first.map(|_| ()).ok_or(match self.coding {
                    Coding::Gzip => CodingError::TooLarge,
                    Coding::Identity | Coding::Deflate => CodingError::Corrupt,
                });
            };
            let behind = inflate(&mut stream, rest, opened, before + room)?;
            if behind.is_none() {
                self.stream = Some(stream);
            }
            rest = behind.unwrap_or_default();
        }
        self.opened += opened.len() - before;
        Ok(())
    }

    /// The stream that these bytes begin; `None` where none can begin, or it is not known
    /// yet.
    fn begin(&mut self, bytes: &[u8]) -> Option<Decompress> {
        const WINDOW_BITS: u8 = 15;
        let stream = match (self.coding, bytes) {
            (Coding::Gzip, _) if self.begun < MAX_MEMBERS => Decompress::new_gzip(WINDOW_BITS),
            (Coding::Deflate, [method, flags, ..]) if self.begun == 0 => {
                Decompress::new(is_zlib_header(*method, *flags))
            }
            _ => return None,
        };
        self.begun += 1;
        Some(stream)
    }

    /// Says that no part follows.
    ///
    /// # Errors
    /// [`CodingError::Corrupt`] for a body that is not complete.
    pub fn finish(self) -> Result<(), CodingError> {
        let is_whole = self.coding == Coding::Identity
            || (self.begun > 0 && self.stream.is_none() && self.first.is_none());
        if is_whole { Ok(()) } else { Err(CodingError::Corrupt) }
    }
}

/// Names sizes only.
impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decoder({:?}, {} of {} bytes)", self.coding, self.opened, self.received)
    }
}

/// Some clients send `deflate` without the zlib header that RFC 9110 asks for. RFC 1950
/// section 2.2: method 8, and a header that is a multiple of 31.
fn is_zlib_header(method: u8, flags: u8) -> bool {
    method & 0x0f == 8 && u16::from_be_bytes([method, flags]).is_multiple_of(31)
}

/// What a stream without a header opens to; `None` unless it is one to its last byte, and
/// opens to no more than `allowed`.
pub(super) fn inflate_raw(input: &[u8], allowed: usize) -> Option<Bytes> {
    let mut opened = Vec::new();
    let behind = inflate(&mut Decompress::new(false), input, &mut opened, allowed).ok()??;
    behind.is_empty().then(|| opened.into())
}

/// Opens what there is of a stream, until `opened` is longer than `allowed`. What follows
/// the stream, if it ends.
fn inflate<'a>(
    stream: &mut Decompress,
    mut input: &'a [u8],
    opened: &mut Vec<u8>,
    allowed: usize,
) -> Result<Option<&'a [u8]>, CodingError> {
    const STEP: usize = 16 * 1024;
    loop {
        // One byte more than allowed tells a body that fits from one that does not.
        let room = (allowed + 1).saturating_sub(opened.len()).min(STEP);
        if opened.capacity() - opened.len() < room {
            opened.reserve(room);
        }
        let (consumed_before, produced_before) = (stream.total_in(), opened.len());
        let status = stream
            .decompress_vec(input, opened, FlushDecompress::None)
            .map_err(|_| CodingError::Corrupt)?;
        let consumed = (stream.total_in() - consumed_before) as usize;
        input = input.get(consumed..).unwrap_or_default();
        if opened.len() > allowed {
            return Err(CodingError::TooLarge);
        }
        match status {
            Status::StreamEnd => return Ok(Some(input)),
            Status::Ok | Status::BufError if consumed == 0 && opened.len() == produced_before => {
                return if input.is_empty() { Ok(None) } else { Err(CodingError::Corrupt) };
            }
            Status::Ok | Status::BufError => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use bytes::Bytes;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::{CodingError, Decoder, ExpansionLimits, SMALL, decode};

    const LIMITS: ExpansionLimits = ExpansionLimits::FOR_TESTS;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn raw(text: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn check(coding: &str, body: impl Into<Bytes>, expected: Result<&[u8], CodingError>) {
        let decoded = decode(Some(coding), body.into(), LIMITS);
        assert_eq!(decoded.as_deref(), expected.as_deref(), "{coding}");
    }

    #[test]
    fn gzip_and_both_kinds_of_deflate_open() {
        let text = b"{\"LastName\":\"M\xc3\xbcller\"}";
        for coding in ["gzip", "x-gzip", " GZip "] {
            check(coding, gzip(text), Ok(text));
        }
        check("deflate", zlib(text), Ok(text));
        check("deflate", raw(text), Ok(text));
        check("gzip", [gzip(b"ab"), gzip(b""), gzip(b"cd")].concat(), Ok(b"abcd"));
        check("gzip", gzip(b""), Ok(b""));
        check("identity", &text[..], Ok(text));
        assert_eq!(decode(None, Bytes::from_static(text), LIMITS).as_deref(), Ok(&text[..]));
    }

    #[test]
    fn a_body_in_parts_opens_as_the_whole_does() {
        let text = b"a text that is long enough to be cut anywhere";
        let bodies = [
            ("gzip", [gzip(text), gzip(b""), gzip(text)].concat()),
            ("deflate", zlib(text)),
            ("deflate", raw(text)),
            ("identity", text.to_vec()),
        ];
        for (coding, body) in &bodies {
            let whole = decode(Some(coding), body.clone().into(), LIMITS).unwrap();
            for (length, cut) in (0..=body.len()).flat_map(|length| [(length, 1), (length, 7)]) {
                let mut decoder = Decoder::new(Some(coding), LIMITS).unwrap();
                let mut opened = Vec::new();
                for part in body[..length].chunks(cut) {
                    decoder.push(part, &mut opened).unwrap();
                }
                assert!(whole.starts_with(&opened));
                let is_whole = decoder.finish().is_ok();
                if length == body.len() {
                    assert!(is_whole && opened == whole, "{coding}");
                } else if is_whole {
                    // A member of gzip ends here, or it is plain text.
                    let part = body[..length].to_vec();
                    assert_eq!(
                        decode(Some(coding), part.into(), LIMITS).as_deref(),
                        Ok(&opened[..])
                    );
                }
            }
        }
    }

    #[test]
    fn unknown_and_stacked_codings_are_refused() {
        for coding in ["br", "zstd", "compress", "gzip, gzip", "gzip,identity", "identity, gzip"] {
            check(coding, gzip(b"a"), Err(CodingError::Unsupported));
        }
    }

    #[test]
    fn truncated_changed_and_trailing_bytes_are_refused() {
        let text = b"a text that is long enough to be cut anywhere";
        for (coding, body) in
            [("gzip", gzip(text)), ("deflate", zlib(text)), ("deflate", raw(text))]
        {
            for length in 0..body.len() {
                check(coding, body[..length].to_vec(), Err(CodingError::Corrupt));
            }
            check(coding, [&body[..], b"x"].concat(), Err(CodingError::Corrupt));
            check(coding, [&body[..], b"\0\0"].concat(), Err(CodingError::Corrupt));
        }
        let mut wrong_checksum = gzip(text);
        let at = wrong_checksum.len() - 8;
        wrong_checksum[at] ^= 1;
        check("gzip", wrong_checksum, Err(CodingError::Corrupt));
        check("gzip", zlib(text), Err(CodingError::Corrupt));
        check("gzip", &b"{}"[..], Err(CodingError::Corrupt));
    }

    #[test]
    fn limits_hold_exactly() {
        let limits = |max_bytes, max_ratio| ExpansionLimits { max_bytes, max_ratio };
        let check = |length: usize, limits, fits: bool| {
            let opened = decode(Some("gzip"), gzip(&vec![b'a'; length]).into(), limits);
            let expected = if fits { Ok(length) } else { Err(CodingError::TooLarge) };
            assert_eq!(opened.map(|opened| opened.len()), expected);
        };
        check(100_000, limits(100_000, 10_000), true);
        check(100_001, limits(100_000, 10_000), false);
        check(SMALL, limits(1 << 20, 1), true);
        check(SMALL + 1, limits(1 << 20, 1), false);
        let plain = decode(None, vec![b'a'; 11].into(), limits(10, 1));
        assert_eq!(plain, Err(CodingError::TooLarge));
    }

    #[test]
    fn bombs_are_refused() {
        let mut refused = 0;
        for bomb in crate::testkit::bombs() {
            let Some(coding) = bomb.content_encoding else { continue };
            let expected = match (bomb.id.as_str(), coding.as_str()) {
                (_, "br" | "zstd") => CodingError::Unsupported,
                _ => CodingError::TooLarge,
            };
            assert_eq!(decode(Some(&coding), bomb.body, LIMITS), Err(expected), "{}", bomb.id);
            refused += 1;
        }
        crate::testkit::report("bombs with a content coding", refused, refused, "");
    }
}
