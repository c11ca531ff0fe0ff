// SPDX-License-Identifier: Apache-2.0
//! Rows of CSV, as the Bulk API takes and gives them.

/// How the rows of a job are written.
#[derive(Clone, Copy)]
pub(super) struct Format {
    pub(super) delimiter: char,
    pub(super) line_end: &'static str,
}

impl Format {
    /// Every row of a text; the line end behind the last one may be missing.
    pub(super) fn read(self, text: &str) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        let (mut row, mut cell, mut is_quoted) = (Vec::new(), String::new(), false);
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let mut length = next.len_utf8();
            if is_quoted && rest.starts_with("\"\"") {
                cell.push('"');
                length = 2;
            } else if next == '"' {
                is_quoted = !is_quoted;
            } else if is_quoted {
                cell.push(next);
            } else if next == self.delimiter {
                row.push(std::mem::take(&mut cell));
            } else if rest.starts_with(self.line_end) {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
                length = self.line_end.len();
            } else {
                cell.push(next);
            }
            rest = rest.get(length..).unwrap_or_default();
        }
        if !row.is_empty() || !cell.is_empty() {
            row.push(cell);
            rows.push(row);
        }
        rows
    }

    /// Rows with every cell in quotes.
    pub(super) fn write<'r>(self, rows: impl Iterator<Item = &'r [String]>) -> String {
        let mut text = String::new();
        for row in rows {
            let cells: Vec<_> =
                row.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
            text.push_str(&cells.join(&self.delimiter.to_string()));
            text.push_str(self.line_end);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn rows_come_back() {
        let format = Format { delimiter: ';', line_end: "\r\n" };
        let rows =
            [vec!["a".to_owned(), "b;\"c\"\r\nd".to_owned()], vec![String::new(), "ü".to_owned()]];
        let text = format.write(rows.iter().map(Vec::as_slice));
        assert_eq!(text, "\"a\";\"b;\"\"c\"\"\r\nd\"\r\n\"\";\"ü\"\r\n");
        assert_eq!(format.read(&text), rows);
        assert_eq!(format.read("a;b\r\n;ü"), [["a", "b"], ["", "ü"]]);
    }
}
