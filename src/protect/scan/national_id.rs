// SPDX-License-Identifier: Apache-2.0
//! Numbers that states give to people for taxes, social security and health insurance.

use std::ops::Range;

use regex::Regex;

use super::context::{Clue, Clues};
use super::number::{Run, Window, picked};
use super::{pattern, stands_alone};

/// Numbers of digits alone.
pub(super) fn find(runs: &[Run<'_>], clues: &Clues) -> Vec<Range<usize>> {
    let numbers = picked(runs, |run, first| {
        run.from(first).into_iter().find(|window| is_number(window, clues))
    });
    numbers.into_iter().map(|number| number.span).collect()
}

/// A number in the groups that it is usually written in, with the right check digits. What
/// can as well be another number is one only behind a word that says so.
fn is_number(window: &Window<'_>, clues: &Clues) -> bool {
    if window.has_plus() || window.line_breaks() > 0 {
        return false;
    }
    let clue = clues.of_number(window.span.start);
    let digits: Vec<u32> = window.digits.bytes().map(|byte| u32::from(byte - b'0')).collect();
    let is_said = clue == Some(Clue::NationalId);
    let is_open = !matches!(clue, Some(Clue::Phone | Clue::Thing | Clue::Card));
    match (window.groups.as_slice(), digits.len()) {
        ([3, 4, 4, 2] | [13], 13) => is_swiss(&digits),
        ([11], 11) if is_said && is_australian_medicare(&digits) => true,
        ([11] | [2, 3, 3, 3], 11) => (is_said || is_open) && is_german_tax(&digits),
        ([3, 2, 4], 9) if window.is_divided_by(&["-", ".", " "]) => {
            (is_said || is_open) && (is_us_security(&digits) || is_us_taxpayer(&digits))
        }
        ([3, 6] | [5, 4], 9) if window.is_divided_by(&["-"]) => {
            (is_said || is_open) && (is_us_security(&digits) || is_us_taxpayer(&digits))
        }
        ([3, 3, 3], 9) => (is_said || is_open) && is_australian_tax(&digits),
        ([9], 9) if is_said => {
            is_us_security(&digits) || is_us_taxpayer(&digits) || is_australian_tax(&digits)
        }
        ([4, 6], 10) => (is_said || is_open) && is_austrian(&digits),
        ([4, 5, 1], 10) => (is_said || is_open) && is_australian_medicare(&digits),
        ([10], 10) if is_said => is_austrian(&digits) || is_australian_medicare(&digits),
        ([4, 5, 2], 11) => is_said && is_australian_medicare(&digits),
        _ => false,
    }
}

fn at(digits: &[u32], place: usize) -> u32 {
    digits.get(place).copied().unwrap_or_default()
}

fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

fn number(digits: &[u32], range: Range<usize>) -> u32 {
    digits.get(range).unwrap_or_default().iter().fold(0, |sum, digit| 10 * sum + digit)
}

/// Identifikationsnummer (section 139b AO): ISO 7064, MOD 11,10; no digit stands more than
/// three times among the first ten.
fn is_german_tax(digits: &[u32]) -> bool {
    let body = digits.get(..10).unwrap_or_default();
    let is_varied = (0..10).all(|digit| body.iter().filter(|it| **it == digit).count() <= 3);
    let product = body.iter().fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    at(digits, 0) != 0 && is_varied && (11 - product) % 10 == at(digits, 10)
}

/// AHV number: 756, then EAN-13.
fn is_swiss(digits: &[u32]) -> bool {
    let sum = weighted(digits.get(..12).unwrap_or_default(), &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]);
    number(digits, 0..3) == 756 && (10 - sum % 10) % 10 == at(digits, 12)
}

/// Sozialversicherungsnummer (section 30c ASVG): a number of three digits, its check digit,
/// and the date of birth, whose month goes up to 15.
fn is_austrian(digits: &[u32]) -> bool {
    let sum = weighted(digits, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]);
    at(digits, 0) != 0
        && sum % 11 == at(digits, 3)
        && (1..=31).contains(&number(digits, 4..6))
        && (1..=15).contains(&number(digits, 6..8))
}

/// Social security number: not 000, 666 or 9xx, no part of zeros (SSA, POMS RM 10201.035);
/// two numbers that were printed on cards for show are nobody's.
fn is_us_security(digits: &[u32]) -> bool {
    let (area, group, serial) = (number(digits, 0..3), number(digits, 3..5), number(digits, 5..9));
    let is_for_show =
        matches!((area, group, serial), (78, 5, 1120) | (123, 45, 6789) | (987, 65, _));
    !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0 && !is_for_show
}

/// Individual taxpayer identification number (IRS, Publication 1915).
fn is_us_taxpayer(digits: &[u32]) -> bool {
    at(digits, 0) == 9 && matches!(number(digits, 3..5), 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

/// Tax file number of nine digits: weights of the Australian Taxation Office, MOD 11.
fn is_australian_tax(digits: &[u32]) -> bool {
    weighted(digits, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11)
        && digits.iter().any(|digit| *digit != 0)
}

/// Medicare number: 2 to 6, check digit in ninth place, then the issue and maybe the person.
fn is_australian_medicare(digits: &[u32]) -> bool {
    (2..=6).contains(&at(digits, 0))
        && weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == at(digits, 8)
}

/// Numbers with a letter in them.
#[derive(Debug)]
pub(super) struct Lettered {
    pension: Regex,
    insurance: Regex,
}

impl Lettered {
    pub(super) fn new() -> Self {
        Self {
            pension: pattern(r"(?-u)[0-9]{2}[ -]?[0-9]{6}[ -]?[A-Za-z][ -]?[0-9]{3}"),
            insurance: pattern(r"(?-u)[A-Za-z][0-9]{9}"),
        }
    }

    pub(super) fn find(&self, text: &str) -> Vec<Range<usize>> {
        let find = |pattern: &Regex, is_valid: fn(&str) -> bool| {
            let found = pattern.find_iter(text).filter(|it| stands_alone(text, &it.range()));
            let valid = found.filter(|it| is_valid(it.as_str()));
            valid.map(|it| it.range()).collect::<Vec<_>>()
        };
        let mut found = find(&self.pension, is_german_pension);
        found.extend(find(&self.insurance, is_german_insurance));
        found
    }
}

/// The digits of a number, each letter as two: A is 01.
fn spelt_out(text: &str) -> Vec<u32> {
    let mut digits = Vec::new();
    for character in text.chars().filter(char::is_ascii_alphanumeric) {
        match character.to_digit(36) {
            Some(digit @ 0..10) => digits.push(digit),
            Some(letter) => digits.extend([(letter - 9) / 10, (letter - 9) % 10]),
            None => {}
        }
    }
    digits
}

fn cross_sums(digits: &[u32], weights: &[u32]) -> u32 {
    digits
        .iter()
        .zip(weights)
        .map(|(digit, weight)| digit * weight)
        .map(|it| it / 10 + it % 10)
        .sum()
}

/// Versicherungsnummer of the German pension insurance (section 147 SGB VI, VKVV section 2).
fn is_german_pension(text: &str) -> bool {
    let digits = spelt_out(text);
    let body = digits.get(..12).unwrap_or_default();
    let day = number(&digits, 2..4);
    let is_day = (1..=31).contains(&day) || (51..=81).contains(&day);
    cross_sums(body, &[2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1]) % 10 == at(&digits, 12)
        && is_day
        && (1..=12).contains(&number(&digits, 4..6))
}

/// Krankenversichertennummer (section 290 SGB V).
fn is_german_insurance(text: &str) -> bool {
    let digits = spelt_out(text);
    let body = digits.get(..10).unwrap_or_default();
    cross_sums(body, &[1, 2, 1, 2, 1, 2, 1, 2, 1, 2]) % 10 == at(&digits, 10)
}
