// SPDX-License-Identifier: Apache-2.0
//! CSV by locate and splice: a strict parser that keeps where everything stood.
//!
//! [`Csv::parse`] accepts RFC 4180 with the delimiters and line endings of Salesforce's
//! Bulk API 2.0 ("Bulk API 2.0 and Bulk API Developer Guide", "Prepare CSV Files"), and
//! refuses beyond that what two parsers could read differently: rows with more or fewer
//! cells than the first one, quotes inside an unquoted cell or text behind a quoted one,
//! line ends of another kind, invalid UTF-8, NUL, and a quote behind a byte order mark.

mod divide;
mod parse;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

pub use self::divide::{Divider, Piece};
use self::parse::Parser;
use super::{DecodedText, Value};

/// Cells that one text may hold: what is kept of each takes far more memory than its
/// bytes.
pub const MAX_CELLS: usize = 250_000;

/// The byte order mark.
const MARK: char = '\u{feff}';

/// What stands between the cells of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    Backquote,
    Caret,
    Comma,
    Pipe,
    Semicolon,
    Tab,
}

impl Delimiter {
    const ALL: [Self; 6] =
        [Self::Backquote, Self::Caret, Self::Comma, Self::Pipe, Self::Semicolon, Self::Tab];

    pub fn of_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|delimiter| delimiter.byte() == byte)
    }

    pub const fn byte(self) -> u8 {
        match self {
            Self::Backquote => b'`',
            Self::Caret => b'^',
            Self::Comma => b',',
            Self::Pipe => b'|',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }
}

/// What stands between rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnding {
    Lf,
    CrLf,
    /// One of both: the one behind the first row.
    Either,
}

/// A CSV text and where each cell in it stands.
pub struct Csv<'a> {
    text: &'a str,
    cells: Vec<Entry>,
    columns: usize,
}

/// Names sizes only: the text holds values.
impl fmt::Debug for Csv<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Csv")
            .field("bytes", &self.text.len())
            .field("columns", &self.columns)
            .field("cells", &self.cells.len())
            .finish()
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    start: u32,
    end: u32,
    is_quoted: bool,
}

/// Not CSV, or CSV that two parsers could read differently. Names places, never content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    #[error("it is not valid UTF-8 at byte {0}")]
    Encoding(usize),
    #[error("it has a character that no cell can hold at byte {0}")]
    Character(usize),
    #[error("it has a quote where none can stand at byte {0}")]
    Quote(usize),
    #[error("it ends inside a quoted cell")]
    UnexpectedEnd,
    #[error("it has a line end of another kind at byte {0}")]
    LineEnding(usize),
    #[error("row {row} has not as many cells as the first row")]
    Width { row: usize },
    #[error("it is larger than 4 GiB")]
    TooLarge,
    #[error("it holds more than {MAX_CELLS} cells")]
    TooMany,
}

/// One cell of a [`Csv`] text.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'a> {
    text: &'a str,
    entry: Entry,
}

impl<'a> Csv<'a> {
    /// # Errors
    /// [`CsvError`] for anything that is not rows of equal width beyond doubt.
    pub fn parse(
        bytes: &'a [u8],
        delimiter: Delimiter,
        line_ending: LineEnding,
    ) -> Result<Self, CsvError> {
        if u32::try_from(bytes.len()).is_err() {
            return Err(CsvError::TooLarge);
        }
        let text =
            std::str::from_utf8(bytes).map_err(|error| CsvError::Encoding(error.valid_up_to()))?;
        // As Excel writes it. Before a quote, it would be a part of an unquoted cell to some.
        let marked = text.strip_prefix(MARK);
        let start = bytes.len() - marked.unwrap_or(text).len();
        if marked.is_some_and(|rest| rest.starts_with('"')) {
            return Err(CsvError::Quote(start));
        }
        if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
            return Err(CsvError::Character(at));
        }
        let (cells, columns) = Parser::new(bytes, start, delimiter.byte(), line_ending).run()?;
        Ok(Self { text, cells, columns })
    }

    /// The first row; empty where there is no text at all.
    pub fn header(&self) -> impl Iterator<Item = Cell<'a>> + use<'a, '_> {
        self.row(self.cells.get(..self.columns).unwrap_or_default())
    }

    /// The rows behind the first, each as wide as it.
    pub fn rows(&self) -> impl Iterator<Item = Vec<Cell<'a>>> + use<'a, '_> {
        let behind = self.cells.get(self.columns..).unwrap_or_default();
        behind.chunks(self.columns.max(1)).map(|row| self.row(row).collect())
    }

    /// Of all rows, the first one included.
    pub fn cell_count(&self) -> usize {
        self.cells.len()
    }

    fn row(&self, entries: &[Entry]) -> impl Iterator<Item = Cell<'a>> {
        let text = self.text;
        entries.iter().map(move |entry| Cell { text, entry: *entry })
    }
}

impl<'a> Cell<'a> {
    /// Where the cell stands, quotes included.
    pub fn span(&self) -> Range<usize> {
        self.entry.start as usize..self.entry.end as usize
    }

    /// Where the inside of the cell stands, without quotes.
    pub fn inner_span(&self) -> Range<usize> {
        let span = self.span();
        if self.entry.is_quoted { span.start + 1..span.end.saturating_sub(1) } else { span }
    }

    pub fn is_quoted(&self) -> bool {
        self.entry.is_quoted
    }

    pub fn text(&self) -> Cow<'a, str> {
        let inner = self.text.get(self.inner_span()).unwrap_or_default();
        if inner.contains("\"\"") {
            Cow::Owned(inner.replace("\"\"", "\""))
        } else {
            Cow::Borrowed(inner)
        }
    }

    /// The text, with the way back to where each byte stood inside the quotes.
    pub fn decoded(&self) -> DecodedText {
        let inner = self.text.get(self.inner_span()).unwrap_or_default();
        if !inner.contains("\"\"") {
            return DecodedText::verbatim(inner.to_owned());
        }
        let mut text = String::with_capacity(inner.len());
        let mut origin = Vec::with_capacity(inner.len() + 1);
        let mut is_second = false;
        for (at, character) in inner.char_indices() {
            if character == '"' && !is_second {
                is_second = true;
                text.push(character);
                origin.push(at);
                continue;
            }
            if !is_second || character != '"' {
                text.push(character);
                origin.extend(std::iter::repeat_n(at, character.len_utf8()));
            }
            is_second = false;
        }
        origin.push(inner.len());
        DecodedText::new(text, origin)
    }

    /// The cell as an occurrence holds it: empty where there is no text.
    pub fn value(&self) -> Value {
        Value::from(self.text().into_owned())
    }
}
