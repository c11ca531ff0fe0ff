// SPDX-License-Identifier: Apache-2.0
//! Tokens that are numbers, of ranges that nobody else is given numbers from.

use super::Form;
use crate::base::{iban_check_digits, is_iban, luhn};

/// No country has this code (ITU-T E.164, list of assigned country codes: "reserved").
pub const PHONE_PREFIX: &str = "+999";

/// No issuer has these digits: behind a 9 stands the numeric code of the country that assigns
/// the number (ISO/IEC 7812-1), and 999 is none (ISO 3166-1: 900 to 999 are for users).
pub const CARD_PREFIX: &str = "9999";

/// No country has this code (ISO 3166-1: for users), and no bank is in it (SWIFT, IBAN Registry).
pub const IBAN_COUNTRY: &str = "ZZ";

const PHONE_DIGITS: usize = 11;
const CARD_DIGITS: usize = 11;
/// As many characters in all as of a German IBAN; the longest have 34.
const IBAN_DIGITS: usize = 18;

/// How many numbers a form has; `None` for forms that are no numbers.
pub(super) const fn count(form: Form) -> Option<u64> {
    let digits = match form {
        Form::Phone => PHONE_DIGITS,
        Form::Card => CARD_DIGITS,
        Form::Iban => IBAN_DIGITS,
        Form::Word | Form::Date | Form::Time => return None,
    };
    Some(10_u64.pow(digits as u32))
}

/// The characters of every token of such a form.
pub const fn length(form: Form) -> usize {
    match form {
        Form::Phone => PHONE_PREFIX.len() + PHONE_DIGITS,
        Form::Card => CARD_PREFIX.len() + CARD_DIGITS + 1,
        Form::Iban => IBAN_COUNTRY.len() + 2 + IBAN_DIGITS,
        Form::Word | Form::Date | Form::Time => 0,
    }
}

/// One of them, with its check digits.
pub(super) fn spell(form: Form, number: u64) -> Option<String> {
    match form {
        Form::Phone => Some(format!("{PHONE_PREFIX}{number:0PHONE_DIGITS$}")),
        Form::Card => {
            let payload = format!("{CARD_PREFIX}{number:0CARD_DIGITS$}");
            (0..10).map(|check| format!("{payload}{check}")).find(|digits| luhn(digits))
        }
        Form::Iban => {
            let body = format!("{number:0IBAN_DIGITS$}");
            let check = iban_check_digits(IBAN_COUNTRY, &body)?;
            Some(format!("{IBAN_COUNTRY}{check:02}{body}"))
        }
        Form::Word | Form::Date | Form::Time => None,
    }
}

/// The form of a text that is such a number; the letters of an IBAN in either case.
pub(super) fn form_of(text: &str) -> Option<Form> {
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let of = |form, rest: &str| text.len() == length(form) && are_digits(rest);
    if let Some(rest) = text.strip_prefix(PHONE_PREFIX) {
        of(Form::Phone, rest).then_some(Form::Phone)
    } else if let Some(rest) = text.strip_prefix(CARD_PREFIX) {
        (of(Form::Card, rest) && luhn(text)).then_some(Form::Card)
    } else {
        let (country, rest) = text.split_at_checked(IBAN_COUNTRY.len())?;
        let is_ours = country.eq_ignore_ascii_case(IBAN_COUNTRY) && of(Form::Iban, rest);
        (is_ours && is_iban(text)).then_some(Form::Iban)
    }
}
