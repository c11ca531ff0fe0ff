// SPDX-License-Identifier: Apache-2.0

use std::ops::Range;

use super::{is_of_word, stands_alone};
use crate::base::is_iban;

/// How long the IBAN of each country is (SWIFT, IBAN Registry), in characters.
const LENGTHS: &[(&str, usize)] = &[
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BI", 27),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DJ", 27),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FK", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HN", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MN", 20),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NI", 28),
    ("NL", 18),
    ("NO", 15),
    ("OM", 23),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("RU", 33),
    ("SA", 24),
    ("SC", 31),
    ("SD", 18),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("SO", 23),
    ("ST", 25),
    ("SV", 28),
    ("TL", 23),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
    ("VA", 22),
    ("VG", 24),
    ("XK", 20),
    ("YE", 30),
];

/// Characters between two of an IBAN.
const MAX_GAP: usize = 3;

/// IBANs (ISO 13616) in either case, with spaces, line breaks, dots, strokes or hyphens between
/// any two characters, whose check digits are right (ISO 7064, MOD 97-10).
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = next_word(text, at) {
        match from(text, start) {
            Some(end) => {
                found.push(start..end);
                at = end;
            }
            None => at = word_end(text, start),
        }
    }
    found
}

/// Where the next word begins.
fn next_word(text: &str, at: usize) -> Option<usize> {
    text.get(at..)?.find(is_of_word).map(|offset| at + offset)
}

fn word_end(text: &str, start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    rest.find(|character| !is_of_word(character)).map_or(text.len(), |length| start + length)
}

/// Where the IBAN ends that begins here.
fn from(text: &str, start: usize) -> Option<usize> {
    let rest = text.get(start..)?;
    let head = rest.get(..2)?.to_ascii_uppercase();
    let (_, length) = LENGTHS.iter().find(|(country, _)| *country == head)?;
    let mut characters = String::with_capacity(*length);
    let mut gap = 0;
    for (at, character) in rest.char_indices() {
        match character {
            _ if character.is_ascii_alphanumeric() => {
                characters.push(character);
                gap = 0;
                if characters.len() == *length {
                    let end = start + at + 1;
                    let is_whole = stands_alone(text, &(start..end));
                    return (is_whole && is_iban(&characters)).then_some(end);
                }
            }
            _ if is_of_gap(character) && gap < MAX_GAP => gap += 1,
            _ => return None,
        }
    }
    None
}

fn is_of_gap(character: char) -> bool {
    character.is_whitespace() || matches!(character, '-' | '.' | '/')
}
