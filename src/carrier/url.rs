// SPDX-License-Identifier: Apache-2.0
//! Request targets, query strings and form bodies, byte-exact.
//!
//! Nothing is normalised: a target is taken apart into raw pieces with their
//! offsets, and each piece is percent-decoded on its own. What servers read
//! differently is refused: incomplete or non-hexadecimal escapes, escapes that do
//! not decode to UTF-8, NUL, and fragments; in a path also escaped control
//! characters, `.` and `..` segments (also escaped), empty segments in the middle,
//! escaped slashes, back-slashes and semicolons.

#[cfg(test)]
mod tests;

use std::ops::Range;

use super::{DecodedText, Removal};

/// Parameters that one query string or form may hold.
pub const MAX_PARAMETERS: usize = 10_000;

/// A request target taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The segments between the slashes; a slash at the end leaves an empty last one.
    pub segments: Vec<Piece>,
    pub query: Vec<Parameter>,
}

/// A part of a target: where it stands and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub span: Range<usize>,
    pub decoded: DecodedText,
}

/// One `name=value` of a query string or a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    pub name: String,
    pub value: Piece,
    pub removal: Removal,
}

/// A target or form that servers could read in more than one way. Names offsets only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("it has an escape that is not two hexadecimal digits at byte {0}")]
    Escape(usize),
    #[error("it does not decode to UTF-8 at byte {0}")]
    Encoding(usize),
    #[error("it has a character that is not allowed there at byte {0}")]
    Character(usize),
    #[error("it has a segment that servers resolve differently at byte {0}")]
    Segment(usize),
    #[error("it has more than {MAX_PARAMETERS} parameters")]
    TooMany,
}

impl Target {
    /// Takes a request target in origin form apart: `/path?query`.
    ///
    /// # Errors
    /// [`UrlError`] for anything that servers could read in more than one way.
    pub fn parse(target: &[u8]) -> Result<Self, UrlError> {
        if let Some(at) = target.iter().position(|byte| *byte == b'#') {
            return Err(UrlError::Character(at));
        }
        let path_end = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
        let segments = segments(target, path_end)?;
        let query = if path_end < target.len() {
            parameters(target, path_end + 1..target.len())?
        } else {
            Vec::new()
        };
        Ok(Self { segments, query })
    }

    /// The decoded segments.
    pub fn path(&self) -> Vec<&str> {
        self.segments.iter().map(|segment| segment.decoded.as_str()).collect()
    }

    /// The first parameter of this name.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.query.iter().find(|parameter| parameter.name == name)
    }
}

fn segments(target: &[u8], end: usize) -> Result<Vec<Piece>, UrlError> {
    if target.first() != Some(&b'/') || end == 0 {
        return Err(UrlError::Character(0));
    }
    let mut segments = Vec::new();
    let mut start = 1;
    loop {
        let length =
            target.get(start..end).unwrap_or_default().iter().position(|byte| *byte == b'/');
        let stop = length.map_or(end, |length| start + length);
        let piece = piece(target, start..stop, Space::Percent)?;
        let text = piece.decoded.as_str();
        let is_last = stop == end;
        if text == "." || text == ".." || (text.is_empty() && !is_last) {
            return Err(UrlError::Segment(start));
        }
        if text.contains(['/', '\\', ';']) {
            return Err(UrlError::Character(start));
        }
        segments.push(piece);
        if is_last {
            return Ok(segments);
        }
        start = stop + 1;
    }
}

/// Takes a query string or an `application/x-www-form-urlencoded` body apart:
/// the part of `bytes` in `span`, with offsets that count from the start of `bytes`.
///
/// # Errors
/// [`UrlError`] for anything that servers could read in more than one way.
pub fn parameters(bytes: &[u8], span: Range<usize>) -> Result<Vec<Parameter>, UrlError> {
    let mut parameters = Vec::new();
    let mut start = span.start;
    while start < span.end {
        if parameters.len() >= MAX_PARAMETERS {
            return Err(UrlError::TooMany);
        }
        let rest = bytes.get(start..span.end).unwrap_or_default();
        let stop =
            rest.iter().position(|byte| *byte == b'&').map_or(span.end, |length| start + length);
        let member = bytes.get(start..stop).unwrap_or_default();
        let equals =
            member.iter().position(|byte| *byte == b'=').map_or(stop, |length| start + length);
        let name = piece(bytes, start..equals, Space::PlusOrPercent)?;
        parameters.push(Parameter {
            name: name.decoded.as_str().to_owned(),
            value: piece(bytes, (equals + 1).min(stop)..stop, Space::PlusOrPercent)?,
            removal: Removal {
                member: start..stop,
                before: (start > span.start).then(|| start - 1),
                after: (stop < span.end).then_some(stop),
            },
        });
        start = stop + 1;
    }
    Ok(parameters)
}

/// How a space is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Space {
    Percent,
    PlusOrPercent,
}

fn piece(bytes: &[u8], span: Range<usize>, space: Space) -> Result<Piece, UrlError> {
    let raw = bytes.get(span.clone()).unwrap_or_default();
    if let Some(at) = raw.iter().position(|byte| matches!(byte, 0..=0x20 | 0x7f)) {
        return Err(UrlError::Character(span.start + at));
    }
    let is_escape = |byte: &u8| *byte == b'%' || (*byte == b'+' && space == Space::PlusOrPercent);
    if !raw.iter().any(is_escape) {
        let text = std::str::from_utf8(raw)
            .map_err(|error| UrlError::Encoding(span.start + error.valid_up_to()))?;
        return Ok(Piece { decoded: DecodedText::verbatim(text.to_owned()), span });
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut origin = Vec::with_capacity(raw.len() + 1);
    let mut at = 0;
    while let Some(byte) = raw.get(at) {
        let (value, length) = match byte {
            b'%' => {
                let digits = raw.get(at + 1..at + 3).and_then(hexadecimal);
                (digits.ok_or(UrlError::Escape(span.start + at))?, 3)
            }
            b'+' if space == Space::PlusOrPercent => (b' ', 1),
            other => (*other, 1),
        };
        // Form fields hold line ends and tabs; a path has no use for any control.
        if value == 0 || (space == Space::Percent && value.is_ascii_control()) {
            return Err(UrlError::Character(span.start + at));
        }
        decoded.push(value);
        origin.push(at);
        at += length;
    }
    origin.push(raw.len());
    let text = String::from_utf8(decoded).map_err(|error| {
        let at = origin.get(error.utf8_error().valid_up_to()).copied().unwrap_or_default();
        UrlError::Encoding(span.start + at)
    })?;
    Ok(Piece { span, decoded: DecodedText::new(text, origin) })
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let value = |digit: &u8| char::from(*digit).to_digit(16);
    match digits {
        [high, low] => u8::try_from(value(high)? * 16 + value(low)?).ok(),
        _ => None,
    }
}
