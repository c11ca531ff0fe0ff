// SPDX-License-Identifier: Apache-2.0

use crate::random::Random;

/// Longer inputs find nothing that shorter ones do not, and take longer.
const LONGEST: usize = 16 * 1024;

/// Pieces of all the syntaxes: delimiters, keywords, what is nearly valid.
const WORDS: &[&str] = &[
    "\"",
    "'",
    "''",
    "\\",
    "\\u0000",
    "\\ud800",
    "{",
    "}",
    "[",
    "]",
    "[[[[",
    ":",
    ",",
    ";",
    "|",
    "\t",
    "\n",
    "\r\n",
    "\r",
    "\0",
    "(",
    ")",
    "((((",
    "%",
    "%2",
    "%00",
    "%27",
    "%25",
    "+",
    "/",
    "..",
    "?",
    "&",
    "=",
    "#",
    "<",
    ">",
    "<!DOCTYPE x>",
    "<![CDATA[",
    "]]>",
    "&amp;",
    "&#0;",
    "<!--",
    "-->",
    "--",
    "\r\n--",
    "null",
    "true",
    "1e999",
    "-0",
    "9999999999999999999999999999999999999999",
    " AND ",
    " OR ",
    " NOT ",
    " IN (",
    " LIKE '",
    "SELECT ",
    "${EMPTY}",
    "->",
    ":equals:",
    ":not_in:",
    "\\,",
    ")and(",
    "FROM ",
    " WHERE ",
    " eq ",
    " ne ",
    "contains(",
    "startswith(",
    "any(x:",
    "$filter=",
    "$expand=",
    "$batch",
    "$1",
    "@{ref.id}",
    "FIND {",
    "RETURNING ",
    "ORDER BY ",
    "LIMIT 99999999999999999999",
    "\u{feff}",
    "\u{202e}",
    "ß",
    "İ",
    "😀",
    "\u{301}",
    "\u{85}",
    "\u{2028}",
    "é",
];

impl Random {
    /// A seed with a few accidents.
    pub fn broken(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let end = (at + self.below(20)).min(bytes.len());
            match self.below(8) {
                0 => bytes.truncate(at),
                1 => drop(bytes.drain(at..end)),
                2 => {
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
                3 => {
                    let other = &seeds[self.below(seeds.len())];
                    let from = self.below(other.len() + 1);
                    bytes.truncate(at);
                    bytes.extend_from_slice(&other[from..]);
                }
                4 if at < bytes.len() => bytes[at] = self.next() as u8,
                5 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                6 => {
                    let word = self.pick(WORDS);
                    let many = word.repeat(1 + self.below(300));
                    bytes.splice(at..at, many.into_bytes());
                }
                _ => {
                    let word = self.pick(WORDS);
                    bytes.splice(at..end, word.bytes());
                }
            }
        }
        bytes.truncate(LONGEST);
        bytes
    }
}
