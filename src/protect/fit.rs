// SPDX-License-Identifier: Apache-2.0
//! How long surrogates are: what `zollhaus check` compares with a field's limit.

use super::{dress, hash, mask};
use crate::keys::Siv;
use crate::policy::{Protection, Shape};
use crate::vault::{Form, Token, number, word};

/// The most characters that stand in the place of a value of this many bytes
/// (UTF-8). `email_domain_length` counts without `@`.
pub fn surrogate_length(
    protection: Protection,
    value_bytes: usize,
    email_domain_length: usize,
) -> usize {
    match protection {
        Protection::Tokenize { shape, .. } => match shape {
            Shape::Text | Shape::Email | Shape::Url => {
                Token::LENGTH + dress::length(shape, email_domain_length)
            }
            Shape::Date => "2612-03-04".len(),
            Shape::DateTime => "2612-03-04T05:06:07Z".len(),
            Shape::Phone => number::length(Form::Phone),
            Shape::Card => number::length(Form::Card),
            Shape::Iban => number::length(Form::Iban),
        },
        // Where the number is longer than the field takes, a token stands for it.
        Protection::FormatPreserving { .. } => number::length(Form::Phone),
        Protection::Encrypt { shape, .. } => {
            word::length(Siv::TAG_BYTES + value_bytes) + dress::length(shape, email_domain_length)
        }
        Protection::Hash { shape, .. } => hash::LENGTH + dress::length(shape, email_domain_length),
        Protection::Mask => mask::LONGEST,
        Protection::Generalize(_) => value_bytes,
        // The whole text may have to become a token.
        Protection::Scan(_) => Token::LENGTH.max(value_bytes),
        Protection::Drop => 0,
    }
}

/// The longest value, in bytes (UTF-8), whose surrogate surely fits a field of
/// `max_length` characters; `usize::MAX` when any does, `None` when not even one
/// character does.
pub fn longest_value_that_fits(
    protection: Protection,
    max_length: usize,
    email_domain_length: usize,
) -> Option<usize> {
    if surrogate_length(protection, 1, email_domain_length) > max_length {
        return None;
    }
    match protection {
        // What is kept of a value is no longer than it.
        Protection::Tokenize { .. }
        | Protection::FormatPreserving { .. }
        | Protection::Hash { .. }
        | Protection::Mask
        | Protection::Generalize(_)
        | Protection::Scan(_)
        | Protection::Drop => Some(usize::MAX),
        Protection::Encrypt { shape, .. } => {
            let room = max_length - dress::length(shape, email_domain_length);
            let longest = dress::longest_word(shape).map_or(room, |(longest, _)| longest);
            let room = room.min(longest);
            word::longest_payload(room).checked_sub(Siv::TAG_BYTES)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENIZE: Protection = Protection::tokenize(Shape::Text);
    const TOKENIZE_EMAIL: Protection = Protection::tokenize(Shape::Email);
    const ENCRYPT: Protection = Protection::Encrypt { shape: Shape::Text, searchable: false };
    const ENCRYPT_EMAIL: Protection = Protection::Encrypt { shape: Shape::Email, searchable: true };
    const TOKENIZE_URL: Protection = Protection::tokenize(Shape::Url);
    const ENCRYPT_URL: Protection = Protection::Encrypt { shape: Shape::Url, searchable: true };

    #[test]
    fn known_limits() {
        let check = |protection, max_length, expected| {
            assert_eq!(longest_value_that_fits(protection, max_length, 16), expected);
        };
        check(TOKENIZE, 19, None);
        check(TOKENIZE, 20, Some(usize::MAX));
        check(TOKENIZE_EMAIL, 36, None);
        check(TOKENIZE_EMAIL, 37, Some(usize::MAX));
        check(ENCRYPT, 31, None);
        check(ENCRYPT, 32, Some(1));
        check(ENCRYPT, 40, Some(6));
        check(ENCRYPT, 80, Some(31));
        check(ENCRYPT, 255, Some(140));
        check(ENCRYPT_EMAIL, 80, Some(20));
        check(ENCRYPT_EMAIL, 1000, Some(21));
        check(TOKENIZE_URL, 45, None);
        check(TOKENIZE_URL, 46, Some(usize::MAX));
        check(ENCRYPT_URL, 1000, Some(20));
        check(Protection::Mask, 16, None);
        check(Protection::Mask, 17, Some(usize::MAX));
        check(Protection::Drop, 0, Some(usize::MAX));
    }

    #[test]
    fn the_two_answers_agree() {
        for protection in [
            TOKENIZE,
            TOKENIZE_EMAIL,
            TOKENIZE_URL,
            ENCRYPT,
            ENCRYPT_EMAIL,
            ENCRYPT_URL,
            Protection::Mask,
        ] {
            for max_length in 0..120 {
                let fits = |bytes| surrogate_length(protection, bytes, 9) <= max_length;
                match longest_value_that_fits(protection, max_length, 9) {
                    None => assert!(!fits(1), "{protection:?} {max_length}"),
                    Some(usize::MAX) => assert!(fits(1000), "{protection:?} {max_length}"),
                    Some(longest) => {
                        assert!(fits(longest), "{protection:?} {max_length}");
                        let at_local_limit = matches!(
                            (longest, protection),
                            (21, ENCRYPT_EMAIL) | (20, ENCRYPT_URL)
                        );
                        assert!(
                            at_local_limit || !fits(longest + 1),
                            "{protection:?} {max_length}"
                        );
                    }
                }
            }
        }
    }
}
