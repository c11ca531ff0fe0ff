// SPDX-License-Identifier: Apache-2.0
//! RFC 4180, in a form that spreadsheets show and do not run.

use std::borrow::Cow;

use super::{Cell, Table};

/// Spreadsheets take a cell for a formula that starts with one of these, also in full
/// width (OWASP, "CSV Injection").
const FORMULA_STARTS: &[char] =
    &['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

impl Table {
    /// Headings, then a line for each row.
    ///
    /// # Errors
    /// None when writing to memory; the error is that of the writer.
    pub fn to_csv(&self) -> Result<Vec<u8>, csv::Error> {
        let terminator = csv::Terminator::CRLF;
        let mut writer = csv::WriterBuilder::new().terminator(terminator).from_writer(Vec::new());
        writer.write_record(&self.columns)?;
        for row in &self.rows {
            let cells = row.iter().map(Cell::plain);
            writer.write_record(cells.map(|cell| inert(&cell).into_owned()))?;
        }
        writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
    }
}

/// With an apostrophe in front of what could be a formula.
pub fn inert(text: &str) -> Cow<'_, str> {
    if text.starts_with(FORMULA_STARTS) { format!("'{text}").into() } else { text.into() }
}
