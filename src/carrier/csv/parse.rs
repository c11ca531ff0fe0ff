// SPDX-License-Identifier: Apache-2.0

use super::{CsvError, Entry, LineEnding, MAX_CELLS};

pub(super) struct Parser<'a> {
    bytes: &'a [u8],
    delimiter: u8,
    line_ending: LineEnding,
    position: usize,
    cells: Vec<Entry>,
}

/// What stands behind a cell.
#[derive(PartialEq, Eq)]
enum Behind {
    Cell,
    Row,
    Nothing,
}

impl<'a> Parser<'a> {
    /// Of what begins at a position.
    pub(super) fn new(
        bytes: &'a [u8],
        position: usize,
        delimiter: u8,
        line_ending: LineEnding,
    ) -> Self {
        Self { bytes, delimiter, line_ending, position, cells: Vec::new() }
    }

    /// All cells in order, and how many there are in each row.
    pub(super) fn run(mut self) -> Result<(Vec<Entry>, usize), CsvError> {
        let (mut columns, mut row) = (0, 1);
        // A line end at the very end begins no further row.
        while self.position < self.bytes.len() {
            let first = self.cells.len();
            let mut behind = Behind::Cell;
            while behind == Behind::Cell {
                if self.cells.len() == MAX_CELLS {
                    return Err(CsvError::TooMany);
                }
                let cell = self.cell()?;
                self.cells.push(cell);
                behind = self.behind()?;
            }
            let width = self.cells.len() - first;
            if row == 1 {
                columns = width;
            } else if width != columns {
                return Err(CsvError::Width { row });
            }
            row += 1;
        }
        Ok((self.cells, columns))
    }

    fn cell(&mut self) -> Result<Entry, CsvError> {
        let start = self.position;
        let is_quoted = self.next() == Some(b'"');
        if is_quoted {
            self.position += 1;
            self.quoted()?;
        } else {
            let is_part = |byte: u8| byte != self.delimiter && !matches!(byte, b'\n' | b'\r');
            while let Some(byte) = self.next().filter(|byte| is_part(*byte)) {
                if byte == b'"' {
                    return Err(CsvError::Quote(self.position));
                }
                self.position += 1;
            }
        }
        Ok(Entry { start: to_u32(start), end: to_u32(self.position), is_quoted })
    }

    /// Goes behind the closing quote.
    fn quoted(&mut self) -> Result<(), CsvError> {
        loop {
            let byte = self.next().ok_or(CsvError::UnexpectedEnd)?;
            self.position += 1;
            if byte == b'"' {
                if self.next() != Some(b'"') {
                    return Ok(());
                }
                self.position += 1;
            }
        }
    }

    fn behind(&mut self) -> Result<Behind, CsvError> {
        let at = self.position;
        let (length, found) = match (self.next(), self.bytes.get(at + 1)) {
            (None, _) => return Ok(Behind::Nothing),
            (Some(byte), _) if byte == self.delimiter => {
                self.position += 1;
                return Ok(Behind::Cell);
            }
            (Some(b'\n'), _) => (1, LineEnding::Lf),
            (Some(b'\r'), Some(b'\n')) => (2, LineEnding::CrLf),
            (Some(b'\r'), _) => return Err(CsvError::LineEnding(at)),
            (Some(_), _) => return Err(CsvError::Quote(at)),
        };
        if self.line_ending == LineEnding::Either {
            self.line_ending = found;
        }
        if self.line_ending != found {
            return Err(CsvError::LineEnding(at));
        }
        self.position += length;
        Ok(Behind::Row)
    }

    fn next(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }
}

/// Offsets fit: texts of 4 GiB and more are refused before.
fn to_u32(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
