// SPDX-License-Identifier: Apache-2.0
//! Telephone numbers that FF1 encrypts into other ones.
//!
//! ```text
//! surrogate = "+999" FF1(head separators digits check)
//! head      = twice the number of separators, and 1 for a "+" in front
//! separator = how many digits stand before it since the last one, and which it is
//! check     = "000000"
//! ```
//!
//! FF1 authenticates nothing: any digits open to some. The zeros tell what was made here, for
//! this tenant and category, from all but one in a million other numbers (encode, then
//! encipher: Bellare and Rogaway, ASIACRYPT 2000), and the digits of a number of its own
//! length are at least a million, whatever is added to them.

use std::ops::RangeInclusive;

use zeroize::Zeroizing;

use super::Protectors;
use crate::base::{Category, Cleartext};
use crate::keys::{Ff1, Versions};
use crate::vault::number;

const CHECK: &str = "000000";

/// Digits of a number. More than any number has would not fit into fields for them.
const DIGITS: RangeInclusive<usize> = Ff1::MIN_DIGITS..=20;

/// Between the digits of a number, the longer before what they begin with.
const SEPARATORS: [&str; 10] = [" (", ") ", " / ", " - ", " ", "-", "/", ".", "(", ")"];
const MAX_SEPARATORS: usize = 4;

/// The number of digits of surrogates, behind the prefix: more than tokens have.
pub(super) const SURROGATE_DIGITS: RangeInclusive<usize> =
    (1 + *DIGITS.start() + CHECK.len())..=(1 + 2 * MAX_SEPARATORS + *DIGITS.end() + CHECK.len());

impl Protectors {
    /// The surrogates of a value under each key, the newest first; none for a value that has
    /// no such form.
    pub(super) fn preserve(&self, value: &Cleartext, category: &Category) -> Vec<String> {
        let keys = self.ff1.iter().flat_map(Versions::iter);
        let tweak = self.tweak(category);
        let packed = packed(value.expose());
        let surrogate = |key: &Ff1| {
            let digits = key.encrypt(&tweak, packed.as_deref()?)?;
            Some(format!("{}{}", number::PHONE_PREFIX, *digits))
        };
        keys.filter_map(|(_, key)| surrogate(key)).collect()
    }

    /// What the digits of a surrogate stand for at a place of this category.
    pub(super) fn unpreserve(&self, digits: &str, category: &Category) -> Option<Cleartext> {
        let tweak = self.tweak(category);
        let keys = self.ff1.as_ref()?.iter();
        keys.filter_map(|(_, key)| key.decrypt(&tweak, digits)).find_map(|opened| unpacked(&opened))
    }

    /// What a surrogate is bound to. Lengths keep the parts apart.
    fn tweak(&self, category: &Category) -> Vec<u8> {
        let mut tweak = Vec::new();
        for part in ["zollhaus ff1 phone 1", self.tenant.as_str(), category.as_str()] {
            tweak.extend((part.len() as u64).to_be_bytes());
            tweak.extend(part.as_bytes());
        }
        tweak
    }
}

/// A number as digits, the check included; `None` for what has another form.
fn packed(number: &str) -> Option<Zeroizing<String>> {
    let (is_international, mut rest) = match number.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let mut digits = Zeroizing::new(String::with_capacity(number.len()));
    let mut separators = String::new();
    let mut since = 0;
    while let Some(next) = rest.chars().next() {
        let length = if next.is_ascii_digit() {
            digits.push(next);
            since += 1;
            1
        } else {
            let (kind, separator) = separator(rest)?;
            separators.extend([char::from_digit(since, 10)?, char::from_digit(kind, 10)?]);
            since = 0;
            separator.len()
        };
        rest = rest.get(length..)?;
    }
    let count = separators.len() / 2;
    if !DIGITS.contains(&digits.len()) || count > MAX_SEPARATORS {
        return None;
    }
    let head = 2 * count + usize::from(is_international);
    Some(Zeroizing::new(format!("{head}{separators}{}{CHECK}", *digits)))
}

fn separator(rest: &str) -> Option<(u32, &'static str)> {
    (0..).zip(SEPARATORS).find(|(_, separator)| rest.starts_with(separator))
}

/// The number that was packed, if it was one.
fn unpacked(packed_number: &str) -> Option<Cleartext> {
    let body = packed_number.strip_suffix(CHECK)?;
    let head = body.chars().next()?.to_digit(10)?;
    let (count, is_international) = (head as usize / 2, head % 2 == 1);
    let (separators, digits) = body.get(1..)?.split_at_checked(2 * count)?;
    let mut number = String::with_capacity(packed_number.len());
    number.push_str(if is_international { "+" } else { "" });
    let mut rest = digits;
    let mut pairs = separators.chars();
    while let (Some(since), Some(kind)) = (pairs.next(), pairs.next()) {
        let (before, after) = rest.split_at_checked(since.to_digit(10)? as usize)?;
        number.push_str(before);
        number.push_str(SEPARATORS.get(kind.to_digit(10)? as usize)?);
        rest = after;
    }
    number.push_str(rest);
    let number = Cleartext::new(number);
    // One number has one surrogate.
    let again = packed(number.expose());
    again.is_some_and(|again| *again == packed_number).then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_packed_into_digits() {
        let check = |number: &str, expected: Option<&str>| {
            assert_eq!(packed(number).as_ref().map(|packed| packed.as_str()), expected, "{number}");
            if let Some(packed) = expected {
                assert_eq!(unpacked(packed), Some(Cleartext::new(number)));
            }
        };
        check("+491701234567", Some("1491701234567000000"));
        check("01701234567", Some("001701234567000000"));
        check("+49 170 1234567", Some("52434491701234567000000"));
        check("+1 (555) 010-9999", Some("710313515550109999000000"));
        check("123456", Some("0123456000000"));
        for other in [
            "",
            "+",
            "12345",
            "123456789012345678901",
            "+49 89 1 2 3 4 567",
            "1234567890 12",
            "089/123456 ext. 5",
            "+49\u{a0}89 123456",
            "++49 89 123456",
            "0890٠123456",
        ] {
            check(other, None);
        }
        for broken in ["", "0123456", "0123456000001", "2123456000000", "8123456000000", "9999999"]
        {
            assert_eq!(unpacked(broken), None, "{broken}");
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(number in "\\+?[0-9 ()/.-]{0,24}") {
            if let Some(packed) = packed(&number) {
                let length = packed.len();
                prop_assert!(SURROGATE_DIGITS.contains(&length), "{}", length);
                prop_assert_eq!(unpacked(&packed), Some(Cleartext::new(number)));
            }
        }

        #[test]
        fn digits_that_were_not_packed_open_to_nothing_or_to_what_packs_to_them(
            digits in "[0-9]{7,29}"
        ) {
            let digits = format!("{digits}{CHECK}");
            if let Some(number) = unpacked(&digits) {
                prop_assert_eq!(&*packed(number.expose()).unwrap(), &digits);
            }
        }
    }
}
