// SPDX-License-Identifier: Apache-2.0
//! `multipart/mixed` (RFC 2046 section 5.1) and the HTTP messages in its parts
//! (`application/http`, RFC 9112 section 10.2), with where everything stands. Forms
//! (RFC 7578) have the same parts.
//!
//! Lines may end in CRLF or in LF alone. What two parsers could read differently is
//! refused: text before the first or behind the last delimiter, a boundary that stands
//! anywhere but in a delimiter line, folded header lines, other transfer codings than
//! `binary`, and lengths that do not fit.

mod line;
#[cfg(test)]
mod tests;

use std::ops::Range;

use self::line::{Line, Lines};

/// Parts that one body may have, nested ones not counted.
pub const MAX_PARTS: usize = 1_000;

/// A part of a body: its header fields and its content.
#[derive(Debug)]
pub struct Part {
    pub headers: Vec<Header>,
    pub body: Range<usize>,
    /// From its delimiter line to the next one.
    pub span: Range<usize>,
}

/// A header field. Its name is in lower case.
pub struct Header {
    pub name: String,
    pub value: Range<usize>,
    /// The whole line, its end included.
    pub line: Range<usize>,
}

impl Header {
    /// The value, which is visible ASCII.
    pub fn text<'t>(&self, body: &'t [u8]) -> Option<&'t str> {
        std::str::from_utf8(body.get(self.value.clone())?).ok()
    }
}

/// Leaves the name out: it is the sender's.
impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Header({:?})", self.line)
    }
}

/// An HTTP message in a part.
#[derive(Debug)]
pub struct Message {
    /// The request line or the status line, without its end.
    pub start_line: Range<usize>,
    pub headers: Vec<Header>,
    /// The content as its length says, or else without the line ends behind it.
    pub body: Range<usize>,
    /// The digits of `Content-Length`.
    pub length: Option<Range<usize>>,
}

/// Not a multipart, or one that two parsers could read differently. Names offsets,
/// never content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MultipartError {
    #[error("it has no delimiter where one must be, at byte {0}")]
    Delimiter(usize),
    #[error("its boundary also stands elsewhere, at byte {0}")]
    Boundary(usize),
    #[error("it has a malformed header line at byte {0}")]
    Header(usize),
    #[error("it has a part with a coding or a length that is not read here, at byte {0}")]
    Content(usize),
    #[error("it has more than {MAX_PARTS} parts")]
    TooMany,
}

/// The boundary that a `Content-Type` of `multipart/mixed` names.
pub fn boundary(content_type: &str) -> Option<&str> {
    boundary_of(content_type, "multipart/mixed")
}

/// The boundary that a `Content-Type` of this media type names.
pub fn boundary_of<'t>(content_type: &'t str, media_type: &str) -> Option<&'t str> {
    let mut parts = content_type.split(';').map(|part| part.trim_matches([' ', '\t']));
    if !parts.next()?.eq_ignore_ascii_case(media_type) {
        return None;
    }
    let mut parameters = parts.filter(|part| !part.is_empty());
    let (name, value) = parameters.next()?.split_once('=')?;
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"')?,
        None => value,
    };
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&byte);
    let is_boundary = name.eq_ignore_ascii_case("boundary")
        && (1..=70).contains(&value.len())
        && value.bytes().all(is_allowed);
    (is_boundary && parameters.next().is_none()).then_some(value)
}

/// The parts of the multipart that stands in `span` of `body`. What they hold may be any
/// bytes.
///
/// # Errors
/// [`MultipartError`] when it is not one beyond doubt.
pub fn parts(body: &[u8], span: Range<usize>, boundary: &str) -> Result<Vec<Part>, MultipartError> {
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut opened: Option<Line> = None;
    let mut is_closed = false;
    let mut last_end = span.start;
    for line in Lines::new(body, span.clone()) {
        let content = body.get(line.content.clone()).unwrap_or_default();
        match content.strip_prefix(delimiter.as_bytes()) {
            Some(mut rest) if !is_closed => {
                if parts.len() == MAX_PARTS {
                    return Err(MultipartError::TooMany);
                }
                let at = line.content.start;
                if let Some(Line { content, end }) = opened.take() {
                    let inner = end..last_end.max(end);
                    parts.push(part(body, inner, content.start..at)?);
                }
                while let [padded @ .., b' ' | b'\t'] = rest {
                    rest = padded;
                }
                match rest {
                    b"" => {
                        last_end = line.content.end;
                        opened = Some(line);
                        continue;
                    }
                    b"--" => is_closed = true,
                    _ => return Err(MultipartError::Boundary(at)),
                }
            }
            _ if content.windows(delimiter.len()).any(|part| part == delimiter.as_bytes()) => {
                return Err(MultipartError::Boundary(line.content.start));
            }
            _ if opened.is_none() && !content.trim_ascii().is_empty() => {
                return Err(MultipartError::Delimiter(line.content.start));
            }
            _ => {}
        }
        last_end = line.content.end;
    }
    if is_closed { Ok(parts) } else { Err(MultipartError::Delimiter(span.end)) }
}

fn part(text: &[u8], inner: Range<usize>, span: Range<usize>) -> Result<Part, MultipartError> {
    let (headers, body) = headers(text, inner.clone())?;
    let part = Part { headers, body, span };
    let coding = part.header(text, "content-transfer-encoding")?;
    if coding.is_none_or(|coding| coding.eq_ignore_ascii_case("binary")) {
        Ok(part)
    } else {
        Err(MultipartError::Content(inner.start))
    }
}

/// Header lines up to an empty one, and what comes behind it.
fn headers(text: &[u8], span: Range<usize>) -> Result<(Vec<Header>, Range<usize>), MultipartError> {
    let mut headers = Vec::new();
    for line in Lines::new(text, span.clone()) {
        let content = text.get(line.content.clone()).unwrap_or_default();
        if content.is_empty() {
            return Ok((headers, line.end..span.end));
        }
        let malformed = MultipartError::Header(line.content.start);
        let content = std::str::from_utf8(content).map_err(|_| malformed)?;
        let (name, value) = content.split_once(':').ok_or(malformed)?;
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let is_visible = |byte: u8| (0x20..0x7f).contains(&byte) || byte == b'\t';
        if name.is_empty() || !name.bytes().all(is_token) || !value.bytes().all(is_visible) {
            return Err(malformed);
        }
        let white = [' ', '\t'];
        let start = line.content.end - value.trim_start_matches(white).len();
        let end = (start + value.trim_matches(white).len()).max(start);
        headers.push(Header {
            name: name.to_ascii_lowercase(),
            value: start..end,
            line: line.content.start..line.end,
        });
    }
    // A message without content may end with its header lines.
    Ok((headers, span.end..span.end))
}

impl Part {
    /// The value of the only header field of this name.
    ///
    /// # Errors
    /// [`MultipartError::Header`] when there are several.
    pub fn header<'t>(
        &self,
        text: &'t [u8],
        name: &str,
    ) -> Result<Option<&'t str>, MultipartError> {
        only(&self.headers, text, name)
    }

    /// The HTTP message that the part is.
    ///
    /// # Errors
    /// [`MultipartError`] when it is none beyond doubt.
    pub fn message(&self, text: &[u8]) -> Result<Message, MultipartError> {
        let start = Lines::new(text, self.body.clone())
            .next()
            .ok_or(MultipartError::Header(self.body.start))?;
        let (headers, content) = headers(text, start.end..self.body.end)?;
        let refused = MultipartError::Content(content.start);
        let is_coded = headers
            .iter()
            .any(|header| matches!(header.name.as_str(), "transfer-encoding" | "content-encoding"));
        if is_coded {
            return Err(refused);
        }
        let content_bytes = text.get(content.clone()).unwrap_or_default();
        let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let trimmed = content_bytes.iter().rposition(|byte| !is_end(byte)).map_or(0, |at| at + 1);
        let length = headers.iter().find(|header| header.name == "content-length");
        let Some(length) = length.map(|header| header.value.clone()) else {
            let body = content.start..content.start + trimmed;
            return Ok(Message { start_line: start.content, headers, body, length: None });
        };
        let stated = only(&headers, text, "content-length")?.unwrap_or_default();
        let is_number = !stated.is_empty() && stated.bytes().all(|byte| byte.is_ascii_digit());
        let stated: usize = stated.parse().ok().filter(|_| is_number).ok_or(refused)?;
        let body = content.start..content.start.saturating_add(stated);
        let is_boundary = text.get(body.end).is_none_or(|byte| byte & 0xc0 != 0x80);
        let is_whole = body.end <= content.end && stated >= trimmed && is_boundary;
        if !is_whole {
            return Err(refused);
        }
        Ok(Message { start_line: start.content, headers, body, length: Some(length) })
    }
}

impl Message {
    /// The value of the only header field of this name.
    ///
    /// # Errors
    /// [`MultipartError::Header`] when there are several.
    pub fn header<'t>(
        &self,
        text: &'t [u8],
        name: &str,
    ) -> Result<Option<&'t str>, MultipartError> {
        only(&self.headers, text, name)
    }
}

fn only<'t>(
    headers: &[Header],
    text: &'t [u8],
    name: &str,
) -> Result<Option<&'t str>, MultipartError> {
    let mut found = headers.iter().filter(|header| header.name == name);
    match (found.next(), found.next()) {
        (first, None) => Ok(first.and_then(|header| header.text(text))),
        (_, Some(second)) => Err(MultipartError::Header(second.line.start)),
    }
}
