// SPDX-License-Identifier: Apache-2.0
//! How a surrogate is spelt: one word that survives what CRMs do to text.
//!
//! ```text
//! word    = "zh" form payload check
//! form    = one character: what the payload is, and under which format and key
//!           version it was made
//! payload = Crockford base32, lower case, no padding
//! check   = one character over form and payload
//! ```
//!
//! Only `a-z0-9`, so that no CRM quotes, splits or refuses it; without regard to
//! case, because CRMs fold case. The check character catches every substitution
//! of one character and every exchange of two neighbours, and keeps other words
//! from being taken for ours.

use crate::keys::Version;

/// Crockford's base32 digits: no `i`, `l`, `o`, `u`.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const PREFIX: &str = "zh";

/// The number of characters of a word with a payload of this many bytes.
pub const fn length(payload_bytes: usize) -> usize {
    PREFIX.len() + 1 + (payload_bytes * 8).div_ceil(5) + 1
}

/// The longest payload, in bytes, that fits a word of this many characters.
pub const fn longest_payload(characters: usize) -> usize {
    characters.saturating_sub(PREFIX.len() + 2) * 5 / 8
}

/// The form of a word that a key of this version made.
pub fn form<const N: usize>(forms: [char; N], version: Version) -> char {
    let turn = (version as usize).wrapping_sub(1) % N;
    forms.into_iter().nth(turn).unwrap_or_default()
}

/// The word for a payload. `form` is one of the base32 digits.
pub fn spell(form: char, payload: &[u8]) -> String {
    let mut word = String::with_capacity(length(payload.len()));
    word.push_str(PREFIX);
    word.push(form);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in payload {
        bits = bits << 8 | u32::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            word.push(digit(bits >> count));
        }
    }
    if count > 0 {
        word.push(digit(bits << (5 - count)));
    }
    let check = word.chars().skip(PREFIX.len()).filter_map(value).fold(0, step);
    word.push(digit(double(check)));
    word
}

/// Form and payload of a word in any letter case; `None` when it is none of ours.
/// Each payload has one spelling, letter case aside.
pub fn read(word: &str) -> Option<(char, Vec<u8>)> {
    let prefix = word.get(..PREFIX.len())?;
    let characters = word.get(PREFIX.len()..)?;
    if !prefix.eq_ignore_ascii_case(PREFIX) || characters.len() < 2 {
        return None;
    }
    let mut payload = Vec::with_capacity(longest_payload(word.len()));
    let (mut bits, mut count, mut check) = (0_u32, 0, 0);
    let last = characters.len() - 1;
    for (at, character) in characters.chars().enumerate() {
        let value = value(character)?;
        check = step(check, value);
        if at == 0 || at == last {
            continue;
        }
        bits = (bits << 5 | value) & 0xfff;
        count += 5;
        if count >= 8 {
            count -= 8;
            payload.push((bits >> count) as u8);
        }
    }
    let spare = bits & ((1 << count) - 1);
    let form = characters.chars().next()?.to_ascii_lowercase();
    (check == 0 && count < 5 && spare == 0).then_some((form, payload))
}

/// One step of the check: a polynomial over the field of 32 elements. The weights
/// of neighbours differ by the factor 2, so exchanging two different digits, like
/// changing one, always shows.
const fn step(check: u32, value: u32) -> u32 {
    double(check) ^ value
}

/// Doubling in the field of 32 elements whose polynomial is x⁵ + x² + 1.
const fn double(element: u32) -> u32 {
    let shifted = element << 1;
    if shifted & 0b10_0000 == 0 { shifted } else { shifted ^ 0b10_0101 }
}

#[expect(clippy::indexing_slicing, reason = "five bits are always below 32")]
fn digit(bits: u32) -> char {
    char::from(DIGITS[(bits & 31) as usize])
}

fn value(character: char) -> Option<u32> {
    let character = u8::try_from(character).ok()?.to_ascii_lowercase();
    DIGITS.iter().position(|digit| *digit == character).map(|position| position as u32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn words_are_read_as_they_were_spelt(payload in prop::collection::vec(any::<u8>(), 0..40)) {
            let word = spell('t', &payload);
            prop_assert_eq!(word.len(), length(payload.len()));
            prop_assert!(longest_payload(word.len()) >= payload.len());
            prop_assert!(longest_payload(word.len() - 1) < payload.len().max(1));
            prop_assert_eq!(read(&word), Some(('t', payload.clone())));
            prop_assert_eq!(read(&word.to_uppercase()), Some(('t', payload)));
        }

        #[test]
        fn one_wrong_character_shows(payload in any::<[u8; 10]>(), at in 0..20_usize, digit in 0..32_usize) {
            let mut word = spell('t', &payload).into_bytes();
            prop_assume!(word[at] != DIGITS[digit]);
            word[at] = DIGITS[digit];
            prop_assert_eq!(read(std::str::from_utf8(&word).unwrap()), None);
        }

        #[test]
        fn exchanged_neighbours_show(payload in any::<[u8; 10]>(), at in 0..19_usize) {
            let mut word = spell('t', &payload).into_bytes();
            prop_assume!(word[at] != word[at + 1]);
            word.swap(at, at + 1);
            prop_assert_eq!(read(std::str::from_utf8(&word).unwrap()), None);
        }
    }

    #[test]
    fn other_words_are_not_ours() {
        for word in ["", "z", "zh", "zht", "zhtl", "zhuo", "zürich", "zhé", "zh\u{212a}e", "zhang"]
        {
            assert_eq!(read(word), None, "{word}");
        }
    }

    #[test]
    fn a_payload_has_one_spelling() {
        // Eleven digits hold six bytes and seven bits that must be zero.
        let check = "t00000000001".chars().filter_map(value).fold(0, step);
        assert_eq!(read(&format!("zht00000000001{}", digit(double(check)))), None);
    }
}
