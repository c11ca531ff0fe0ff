// SPDX-License-Identifier: Apache-2.0

use bytes::{BufMut, Bytes, BytesMut};

/// So many bytes of rows, and one row more, have fewer cells than
/// [`MAX_CELLS`](super::MAX_CELLS), however short they are.
const MAX_PIECE: usize = 192 * 1024;

/// Cuts a CSV text that arrives in parts into pieces that are texts themselves: each has
/// the first row and, if there are others, some of them in order.
///
/// Only quotes and line feeds are looked at. That is enough: the text is one by
/// [`Csv::parse`](super::Csv::parse) if and only if each of its pieces is, but for how many
/// cells it may hold.
pub struct Divider {
    /// Bytes of rows in a piece, but for the row that it ends with.
    piece: usize,
    /// The first row with its line end, once it is handed out.
    header: Option<Bytes>,
    /// What is not handed out yet.
    waiting: BytesMut,
    /// How much of that is looked at.
    seen: usize,
    is_quoted: bool,
    /// Where the first row ends.
    header_end: Option<usize>,
    /// That have ended, in the pieces that are handed out and in all that is looked at.
    rows: (usize, usize),
}

/// A part of a CSV text, with the first row before it.
#[derive(Clone, PartialEq, Eq)]
pub struct Piece {
    pub text: Bytes,
    /// How much of it stood in the pieces before: nothing, or the first row.
    pub repeated: usize,
    /// How many rows stood there.
    pub rows_before: usize,
}

impl Divider {
    /// Pieces will have about so many bytes, but never more than can be read at one time.
    pub fn new(piece: usize) -> Self {
        Self {
            piece: piece.min(MAX_PIECE),
            header: None,
            waiting: BytesMut::new(),
            seen: 0,
            is_quoted: false,
            header_end: None,
            rows: (0, 0),
        }
    }

    pub fn push(&mut self, part: &[u8]) {
        self.waiting.put_slice(part);
    }

    /// How much is not handed out yet.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// A piece, as soon as there is enough for one.
    pub fn next_piece(&mut self) -> Option<Piece> {
        while let Some(byte) = self.waiting.get(self.seen) {
            self.seen += 1;
            match byte {
                b'"' => self.is_quoted = !self.is_quoted,
                b'\n' if !self.is_quoted => {
                    self.rows.1 += 1;
                    let header_end = *self.header_end.get_or_insert(self.seen);
                    let is_header = self.header.is_none() && self.seen == header_end;
                    if self.seen >= self.piece && !is_header {
                        return Some(self.cut(self.seen));
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// The last piece. A text that fits in one piece is that piece, even if it is empty.
    pub fn finish(mut self) -> Option<Piece> {
        let is_over = self.header.is_some() && self.waiting.is_empty();
        (!is_over).then(|| self.cut(self.waiting.len()))
    }

    fn cut(&mut self, end: usize) -> Piece {
        self.seen = 0;
        let rows = self.waiting.split_to(end).freeze();
        let rows_before = std::mem::replace(&mut self.rows.0, self.rows.1);
        let Some(header) = &self.header else {
            self.header = Some(rows.slice(..self.header_end.unwrap_or(end)));
            return Piece { text: rows, repeated: 0, rows_before };
        };
        let mut text = BytesMut::with_capacity(header.len() + rows.len());
        text.put_slice(header);
        text.put_slice(&rows);
        Piece { text: text.freeze(), repeated: header.len(), rows_before }
    }
}

impl std::fmt::Debug for Divider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Divider({} bytes)", self.waiting.len())
    }
}

/// Names the size only: the rows hold values.
impl std::fmt::Debug for Piece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Piece({} bytes)", self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::prelude::*;

    use super::{Divider, MAX_PIECE as PIECE, Piece};
    use crate::carrier::csv::{Csv, CsvError, Delimiter, LineEnding};

    fn divide(text: &[u8], part: usize) -> Vec<Piece> {
        let mut divider = Divider::new(usize::MAX);
        let mut pieces = Vec::new();
        for part in text.chunks(part) {
            divider.push(part);
            pieces.extend(std::iter::from_fn(|| divider.next_piece()));
        }
        pieces.extend(divider.finish());
        pieces
    }

    fn rows(text: &[u8]) -> Result<(Vec<Vec<String>>, usize), CsvError> {
        let csv = Csv::parse(text, Delimiter::Comma, LineEnding::Either)?;
        let rows = csv.rows().map(|row| row.iter().map(|cell| cell.text().into_owned()).collect());
        Ok((rows.collect(), csv.header().count()))
    }

    /// The pieces are the text, and tell what it tells.
    fn check(text: &[u8], part: usize) -> usize {
        let pieces = divide(text, part);
        let joined: Vec<u8> =
            pieces.iter().flat_map(|piece| piece.text[piece.repeated..].to_vec()).collect();
        assert!(joined == text);
        let mut told = Ok(Vec::new());
        for piece in &pieces {
            match rows(&piece.text) {
                Ok((rows, width)) => {
                    if let Ok(told) = &told {
                        let before = if piece.repeated > 0 { 1 + told.len() } else { 0 };
                        assert_eq!(piece.rows_before, before);
                    }
                    if let Ok(told) = &mut told {
                        told.extend(rows.into_iter().map(|row| (row, width)));
                    }
                }
                Err(_) => told = Err(()),
            }
        }
        let whole = rows(text).map_err(drop);
        if whole.is_ok() {
            assert!(pieces.iter().all(|piece| piece.text.len() < piece.repeated + PIECE + 1_000));
        }
        let whole = whole.map(|(rows, width)| rows.into_iter().map(|row| (row, width)).collect());
        assert!(told == whole);
        pieces.len()
    }

    #[test]
    fn a_short_text_is_one_piece() {
        for text in ["", "a", "a\n", "a,b\r\n1,2\r\n", "a\n\"1\n2", "\"a\n\"\n1"] {
            let piece = Piece { text: text.into(), repeated: 0, rows_before: 0 };
            assert_eq!(divide(text.as_bytes(), 1), [piece]);
        }
    }

    #[test]
    fn a_long_text_is_cut_behind_rows() {
        let row = format!("1,\"x\"\"\n{}\"\n", "y".repeat(990));
        for end in ["", "3,4", "3", "3,\"4"] {
            let text = format!("a,b\n{}{end}", row.repeat(PIECE / 200));
            assert_eq!(check(text.as_bytes(), 7_000), 5);
        }
        let whole = format!("a,b\n{}", "1,2\n".repeat(PIECE / 4 - 1));
        assert_eq!((whole.len(), check(whole.as_bytes(), 4096)), (PIECE, 1));
        assert_eq!(check(format!("{whole}1,2\n").as_bytes(), 4096), 2);
    }

    #[test]
    fn a_first_row_that_is_longer_than_a_piece_is_whole_in_each() {
        let header = "h".repeat(PIECE + 5);
        let text = format!("{header}\n{}", "1\n".repeat(PIECE));
        let pieces = divide(text.as_bytes(), 65_536);
        assert_eq!(
            pieces.iter().map(|piece| piece.repeated).collect::<Vec<_>>(),
            [0, PIECE + 6, PIECE + 6]
        );
        assert!(pieces.iter().all(|piece| piece.text.starts_with(header.as_bytes())));
    }

    /// Rows among which one may be broken.
    fn text(good: &str, broken: Option<(&str, usize)>, end: &str, length: usize) -> String {
        let mut text = format!("a,b{end}");
        for number in 0..2_000 {
            match broken {
                Some((bad, at)) if at == number => text.push_str(bad),
                _ if number % 3 == 0 => text.push_str(good),
                _ => write!(text, "{number},{}", "x".repeat(length)).unwrap(),
            }
            text.push_str(end);
        }
        text
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn pieces_tell_what_the_whole_tells(
            good in prop::sample::select(vec!["1,2", "\"a,\n\"\"b\",", "\"\",\u{e4}", ","]),
            bad in prop::sample::select(vec!["1", "1,2,3", "a\"b,1", "\"a\"b,1", "\"a", "1,2\r"]),
            at in prop::option::of(0..2_000_usize),
            end in prop::sample::select(vec!["\n", "\r\n"]),
            length in 0..300_usize,
            part in 1..100_000_usize,
        ) {
            let text = text(good, at.map(|at| (bad, at)), end, length);
            check(text.as_bytes(), part);
        }
    }
}
