// SPDX-License-Identifier: Apache-2.0

use std::ops::Range;

/// A line of a body.
pub(super) struct Line {
    /// Without its end.
    pub content: Range<usize>,
    /// Where the next one begins.
    pub end: usize,
}

/// The lines in a span of a body: each ends in CRLF, in LF alone, or with the span.
pub(super) struct Lines<'t> {
    text: &'t [u8],
    rest: Range<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t [u8], span: Range<usize>) -> Self {
        Self { text, rest: span }
    }
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let rest = self.text.get(self.rest.clone()).filter(|rest| !rest.is_empty())?;
        let length = rest.iter().position(|byte| *byte == b'\n');
        let line = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
        let content =
            if length.is_some() { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
        let start = self.rest.start;
        let end = length.map_or(self.rest.end, |length| start + length + 1);
        self.rest.start = end;
        Some(Line { content: start..start + content.len(), end })
    }
}
