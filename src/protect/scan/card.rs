// SPDX-License-Identifier: Apache-2.0

use std::ops::Range;

use super::context::{Clue, Clues};
use super::number::{Run, Window, picked};
use crate::base::luhn;

/// Issuers by the first digits of their numbers (ISO/IEC 7812), as ranges of the first four,
/// and how long these numbers are.
const ISSUERS: &[(Range<u32>, Range<usize>)] = &[
    (1000..2000, 15..16), // UATP; JCB 1800
    (2131..2132, 15..16), // JCB
    (2221..2721, 16..17), // Mastercard
    (3000..3060, 14..20), // Diners Club
    (3095..3096, 14..20),
    (3400..3500, 15..16), // American Express
    (3528..3590, 16..20), // JCB
    (3600..3700, 14..20), // Diners Club
    (3700..3800, 15..16), // American Express
    (3800..4000, 14..20), // Diners Club
    (4000..5000, 13..20), // Visa
    (5000..5100, 12..20), // Maestro
    (5100..5600, 16..17), // Mastercard
    (5600..5900, 12..20), // Maestro
    (6000..7000, 12..20), // Maestro, Discover, UnionPay, RuPay
    (8100..8200, 16..20), // UnionPay
];

/// Digits of each group but the last.
const MIN_GROUP: usize = 4;

/// Payment cards: the length and first digits of an issuer, and Luhn's check digit. Behind a
/// word for a card, any number whose check digit is right. A line may end within it.
pub(super) fn find(runs: &[Run<'_>], clues: &Clues) -> Vec<Range<usize>> {
    let cards = picked(runs, |run, first| {
        run.from(first).into_iter().find(|window| is_card(window, clues))
    });
    cards.into_iter().map(|card| card.span).collect()
}

fn is_card(window: &Window<'_>, clues: &Clues) -> bool {
    (12..=19).contains(&window.digits.len())
        && window.is_divided_by(&[" ", "  ", "-", ".", "\u{a0}"])
        && window.groups.iter().rev().skip(1).all(|group| *group >= MIN_GROUP)
        && window.line_breaks() <= 1
        && !window.has_plus()
        && luhn(&window.digits)
        && (is_issued(&window.digits) || clues.before(window.span.start, Clue::Card))
}

fn is_issued(digits: &str) -> bool {
    let Some(first) = digits.get(..4).and_then(|first| first.parse::<u32>().ok()) else {
        return false;
    };
    ISSUERS.iter().any(|(range, lengths)| range.contains(&first) && lengths.contains(&digits.len()))
}
