// SPDX-License-Identifier: Apache-2.0
//! Check digits of card numbers and IBANs.

/// Luhn's check (ISO/IEC 7812-1 annex B). A number of zeros alone is none.
pub fn luhn(digits: &str) -> bool {
    let values = digits.bytes().rev().map(|byte| u32::from(byte.wrapping_sub(b'0')));
    let sum: u32 = values
        .enumerate()
        .map(|(at, digit)| match (at % 2, digit) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => 2 * digit - 9,
            (_, digit) => 2 * digit,
        })
        .sum();
    sum.is_multiple_of(10) && digits.bytes().any(|byte| byte != b'0')
}

/// An IBAN's check (ISO 13616; ISO 7064, MOD 97-10) of ASCII letters in either case and digits.
/// Its length is not looked at.
pub fn is_iban(characters: &str) -> bool {
    let Some((head, body)) = characters.split_at_checked(4) else { return false };
    let are_check_digits = head.bytes().skip(2).all(|byte| byte.is_ascii_digit());
    are_check_digits && remainder_97(body.chars().chain(head.chars())) == Some(1)
}

/// The two digits between the country and the rest of an IBAN.
pub fn iban_check_digits(country: &str, body: &str) -> Option<u32> {
    let remainder = remainder_97(body.chars().chain(country.chars()).chain("00".chars()))?;
    Some(98 - remainder)
}

/// Letters count as the numbers from 10 on.
fn remainder_97(characters: impl Iterator<Item = char>) -> Option<u32> {
    let mut characters = characters;
    characters.try_fold(0, |sum: u32, character| {
        let value = character.to_digit(36)?;
        Some(if value > 9 { (sum * 100 + value) % 97 } else { (sum * 10 + value) % 97 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_numbers_pass_and_their_neighbours_do_not() {
        // ISO/IEC 7812-1 in its annex; test numbers of issuers.
        for card in ["79927398713", "4111111111111111", "378282246310005"] {
            assert!(luhn(card), "{card}");
        }
        for other in ["79927398710", "4111111111111112", "0000000000000000", ""] {
            assert!(!luhn(other), "{other}");
        }
        // SWIFT, IBAN Registry: examples.
        for iban in ["DE89370400440532013000", "GB29NWBK60161331926819", "no9386011117947"] {
            assert!(is_iban(iban), "{iban}");
            let check = iban_check_digits(&iban[..2], &iban[4..]);
            assert_eq!(check, iban[2..4].parse().ok(), "{iban}");
        }
        for other in ["DE89370400440532013001", "DE", "DEA9370400440532013000", "ÄÄ8937040044"] {
            assert!(!is_iban(other), "{other}");
        }
    }
}
