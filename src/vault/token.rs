// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::ops::Range;

use smol_str::SmolStr;

use super::{number, word};
use crate::base::{Moment, MomentForm};
use crate::keys::Version;

/// A token as it is stored, and as it stands in the CRM: one of the spellings of [`Form`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(SmolStr);

/// What a token is spelt as, so that the CRM takes it for a value of the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// One word of 20 characters of `a-z0-9`; 80 bits.
    Word,
    /// A day of [`Token::DAYS`] as `2612-03-04`; 182,619 of them.
    Date,
    /// A second of [`Token::DAYS`] as `2612-03-04T05:06:07Z`, none of them midnight, so that
    /// it is not the token of a day; about 34 bits.
    Time,
    /// A telephone number of [`PHONE_PREFIX`](number::PHONE_PREFIX) and 11 digits, 15
    /// characters in all, as E.164 allows; about 37 bits.
    Phone,
    /// A card number of [`CARD_PREFIX`](number::CARD_PREFIX), 11 digits and Luhn's check digit;
    /// about 37 bits.
    Card,
    /// An IBAN of [`IBAN_COUNTRY`](number::IBAN_COUNTRY), two check digits and 18 more; about
    /// 60 bits.
    Iban,
}

impl Form {
    /// How many tokens are tried for a value before there is none for it. As good as never
    /// is the first of 80 bits taken; of 182,619 days, one of ten is when a tenth are.
    pub(super) const fn attempts(self) -> u32 {
        match self {
            Self::Word => 8,
            Self::Date | Self::Time | Self::Phone | Self::Card | Self::Iban => 256,
        }
    }

    /// Many of them, in words.
    pub(super) const fn what(self) -> &'static str {
        match self {
            Self::Word => "words",
            Self::Date => "reserved days",
            Self::Time => "reserved points in time",
            Self::Phone => "reserved telephone numbers",
            Self::Card => "reserved card numbers",
            Self::Iban => "reserved IBANs",
        }
    }

    /// What keeps the codes of the forms apart.
    pub(super) const fn label(self) -> &'static [u8] {
        match self {
            Self::Word => b"zollhaus token 1",
            Self::Date => b"zollhaus date token 1",
            Self::Time => b"zollhaus time token 1",
            Self::Phone => b"zollhaus phone token 1",
            Self::Card => b"zollhaus card token 1",
            Self::Iban => b"zollhaus iban token 1",
        }
    }
}

impl Token {
    /// The number of characters of a word.
    pub const LENGTH: usize = word::length(Self::PAYLOAD_BYTES);
    /// 2500-01-01 to 2999-12-31, in days since 1970: the days that are reserved for tokens.
    /// Salesforce takes 1700 to 4000 ("Date Formats and Date Literals in WHERE"), Dataverse
    /// 1753 ("Configure the behavior and format of the date and time column") to 9999. Others
    /// say nothing; within a thousand years from now, nobody is known to refuse one.
    pub const DAYS: Range<i64> = 193_579..376_200;

    /// Of the first format, one for each version of the key, in turn.
    const FORMS: [char; 8] = ['t', 'v', 'w', 'x', 'y', 'z', 's', 'r'];
    const PAYLOAD_BYTES: usize = 10;

    /// The word that a code stands behind: its first 80 bits. `version` is that of the key.
    pub(super) fn from_code(code: &[u8; 32], version: Version) -> Self {
        let (payload, _) = code.split_at(Self::PAYLOAD_BYTES);
        Self(SmolStr::new(word::spell(word::form(Self::FORMS, version), payload)))
    }

    /// As [`from_code`](Self::from_code), in any form: as much of the code as it has room
    /// for. The first and the last of a form with few tokens are nobody's.
    pub(super) fn of_form(form: Form, code: &[u8; 32], version: Version) -> Self {
        let number = |range: u64| {
            let first = code.first_chunk().copied().unwrap_or_default();
            1 + (u128::from_be_bytes(first) % u128::from(range - 2)) as u64
        };
        match form {
            Form::Word => Self::from_code(code, version),
            _ => Self::numbered(form, number(size(form))),
        }
    }

    /// What a value is compared with that has no token: no value ever gets it. A short token
    /// that is free now could be another value's a moment later. It is the first of its form:
    /// in many a CRM, the last of the days stands for one that never comes.
    pub fn nobody(form: Form) -> Option<Self> {
        match form {
            Form::Word => None,
            _ => Some(Self::numbered(form, 0)),
        }
    }

    /// The token that a moment in the reserved days is.
    pub fn of_moment(moment: Moment) -> Option<Self> {
        let is_reserved = Self::DAYS.contains(&moment.days());
        let text = moment.canonical(moment.is_midnight()).filter(|_| is_reserved)?;
        // Tokens have no fractions of a second, which some CRMs drop.
        (!text.contains('.')).then(|| Self(text.into()))
    }

    /// The moment that the token of a day or a time is.
    pub fn moment(&self) -> Option<Moment> {
        Moment::read(&self.0).map(|(moment, _)| moment)
    }

    /// Reads a token of any form as it is stored; a word in any letter case.
    pub fn parse(text: &str) -> Option<Self> {
        if number::form_of(text).is_some() {
            return Some(Self(SmolStr::new(text.to_ascii_uppercase())));
        }
        if let Some((moment, form)) = Moment::read(text) {
            let is_stored = form != MomentForm::Millis;
            return Self::of_moment(moment).filter(|token| is_stored && token.as_str() == text);
        }
        let (form, payload) = word::read(text)?;
        let is_token = Self::FORMS.contains(&form) && payload.len() == Self::PAYLOAD_BYTES;
        is_token.then(|| Self(SmolStr::new(text.to_ascii_lowercase())))
    }

    pub fn form(&self) -> Form {
        if let Some(form) = number::form_of(&self.0) {
            form
        } else if self.0.contains('T') {
            Form::Time
        } else if self.0.contains('-') {
            Form::Date
        } else {
            Form::Word
        }
    }

    /// Whether a key of this version may have made it: every eighth version has one letter,
    /// and of tokens that are no words it cannot be told.
    pub fn is_of(&self, version: Version) -> bool {
        word::read(&self.0).is_none_or(|(form, _)| form == word::form(Self::FORMS, version))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn numbered(form: Form, number: u64) -> Self {
        let text = match form {
            Form::Date => Moment::of_day(Self::DAYS.start + number as i64).canonical(true),
            Form::Time => {
                let (day, second) = (number / SECONDS, number % SECONDS);
                let midnight = (Self::DAYS.start + day as i64) * (SECONDS as i64 + 1);
                Moment::of_seconds(midnight + 1 + second as i64).canonical(false)
            }
            _ => number::spell(form, number),
        };
        Self(text.map(SmolStr::new).unwrap_or_default())
    }
}

/// The seconds of a day but for the first.
const SECONDS: u64 = 86_399;

/// How many tokens a form with numbers has.
const fn size(form: Form) -> u64 {
    let days = (Token::DAYS.end - Token::DAYS.start) as u64;
    match form {
        Form::Date => days,
        Form::Time => days * SECONDS,
        _ => match number::count(form) {
            Some(count) => count,
            None => u64::MAX,
        },
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMS: [Form; 6] =
        [Form::Word, Form::Date, Form::Time, Form::Phone, Form::Card, Form::Iban];

    #[test]
    fn tokens_are_read_as_they_were_spelt() {
        for form in FORMS {
            for byte in 0..=255 {
                let token = Token::of_form(form, &[byte; 32], 1);
                assert_eq!(Token::parse(token.as_str()), Some(token.clone()));
                assert_eq!(token.form(), form, "{token}");
                assert_ne!(Some(token), Token::nobody(form));
            }
        }
    }

    #[test]
    fn the_first_and_the_last_of_a_form_are_nobodys() {
        let check = |form, first: &str, last: &str| {
            assert_eq!(Token::numbered(form, 0).as_str(), first);
            assert_eq!(Token::numbered(form, size(form) - 1).as_str(), last);
            assert_eq!(Token::nobody(form).unwrap().as_str(), first);
            let code = |number: u128| {
                let mut code = [0; 32];
                code[..16].copy_from_slice(&number.to_be_bytes());
                code
            };
            let nearly = u128::from(size(form)) - 3;
            for (number, expected) in [(0, 1), (nearly, size(form) - 2), (nearly + 1, 1)] {
                let token = Token::of_form(form, &code(number), 1);
                assert_eq!(token, Token::numbered(form, expected), "{number}");
            }
        };
        check(Form::Date, "2500-01-01", "2999-12-31");
        check(Form::Time, "2500-01-01T00:00:01Z", "2999-12-31T23:59:59Z");
        check(Form::Phone, "+99900000000000", "+99999999999999");
        check(Form::Card, "9999000000000004", "9999999999999995");
        check(Form::Iban, "ZZ66000000000000000000", "ZZ18999999999999999999");
        assert_eq!(Token::nobody(Form::Word), None);
    }

    #[test]
    fn other_texts_are_no_tokens() {
        for text in [
            "",
            "2499-12-31",
            "3000-01-01",
            "2612-03-04T00:00:00Z",
            "2612-03-04T05:06:07.000Z",
            "2612-03-04T05:06:07.5Z",
            "2612-03-04T05:06:07+00:00",
            "20266761600000",
            "+9991234567890",
            "+999123456789012",
            "+9991234567890a",
            "+49123456789012",
            "9999000000000001",
            "99990000000000000",
            "999900000000000",
            "9998000000000000",
            "ZZ67000000000000000000",
            "ZZ660000000000000000000",
            "DE89370400440532013000",
        ] {
            assert_eq!(Token::parse(text), None, "{text}");
        }
    }
}
