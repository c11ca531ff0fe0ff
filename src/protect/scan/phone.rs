// SPDX-License-Identifier: Apache-2.0

use std::ops::Range;

use super::context::{Clue, Clues};
use super::number::{Run, Window, picked};

/// Phone numbers: with `+` or `00` (E.164), in the national forms of Germany, Austria,
/// Switzerland, the United Kingdom, Australia and North America, and behind a word for a
/// phone any number of six digits and more.
pub(super) fn find(text: &str, runs: &[Run<'_>], clues: &Clues) -> Vec<Range<usize>> {
    let phones = picked(runs, |run, first| {
        let windows = run.from(first).into_iter();
        let mut phones: Vec<_> = windows.filter(|window| is_phone(window, clues)).collect();
        let others = others(run, first, phones.first()?, clues);
        let cuts_another = |it: &Window<'_>| {
            others.iter().any(|other| other.start < it.span.end && it.span.end < other.end)
        };
        let whole = phones.iter().position(|phone| !cuts_another(phone));
        Some(phones.swap_remove(whole.unwrap_or(0)))
    });
    let spans = phones.iter().map(Window::whole_span);
    spans.map(|span| span.start..extension(text, span.end)).collect()
}

/// The further numbers that begin in a window, by their trunk prefixes.
fn others(run: &Run<'_>, first: usize, window: &Window<'_>, clues: &Clues) -> Vec<Range<usize>> {
    let inner = first + 1..first + window.groups.len();
    let numbers = inner.filter_map(|at| run.from(at).into_iter().find(|it| is_phone(it, clues)));
    numbers.filter(|it| it.digits.starts_with('0')).map(|number| number.span).collect()
}

fn is_phone(window: &Window<'_>, clues: &Clues) -> bool {
    let digits = window.digits.as_str();
    let length = digits.len();
    if matches!(window.preceded_by(), Some('@' | '#' | '$' | '€' | '£'))
        || window.followed_by() == Some('%')
        || window.line_breaks() > 0
        || is_date(window)
    {
        return false;
    }
    let clue = clues.of_number(window.span.start);
    if window.has_plus() {
        return (7..=16).contains(&length) && !digits.starts_with('0');
    }
    let is_said = clue == Some(Clue::Phone);
    if clue == Some(Clue::Thing) {
        return false;
    }
    if digits.starts_with("00") {
        return (10..=17).contains(&length) && !digits.starts_with("000");
    }
    if is_said {
        return (6..=15).contains(&length);
    }
    is_national(window) || is_north_american(window)
}

/// With a trunk prefix, in groups; or in one, if it is a mobile number by its beginning.
fn is_national(window: &Window<'_>) -> bool {
    let digits = window.digits.as_str();
    if !digits.starts_with('0') || !(9..=12).contains(&digits.len()) {
        return false;
    }
    let is_mobile = |prefixes: &[&str]| prefixes.iter().any(|prefix| digits.starts_with(prefix));
    window.groups.len() > 1 && window.groups.first().is_some_and(|first| *first <= 6)
        || is_mobile(&["015", "016", "017"]) && (11..=12).contains(&digits.len())
        || is_mobile(&["07"]) && (10..=11).contains(&digits.len())
        || is_mobile(&["04", "066", "067", "068", "069"]) && (10..=12).contains(&digits.len())
}

/// Ten digits as `202-555-0123`, maybe behind a 1 (North American Numbering Plan).
fn is_north_american(window: &Window<'_>) -> bool {
    let (digits, groups) = match window.groups.as_slice() {
        [1, groups @ ..] => (window.digits.strip_prefix('1'), groups),
        groups => (Some(window.digits.as_str()), groups),
    };
    let is_code = |digits: Option<&str>| {
        digits.is_some_and(|it| it.starts_with(['2', '3', '4', '5', '6', '7', '8', '9']))
    };
    let Some(digits) = digits else { return false };
    matches!(groups, [3, 3, 4] | [3, 7]) && is_code(Some(digits)) && is_code(digits.get(3..))
        // `91-415-555-0123` of India's prefix and the like.
        || matches!(window.groups.as_slice(), [2, 3, 3, 4])
}

/// `2023-10-22`, `24.12.2020 10`.
fn is_date(window: &Window<'_>) -> bool {
    let is_divided = window.gaps.iter().take(2).all(|gap| matches!(*gap, "." | "-" | "/"));
    is_divided
        && (window.groups.starts_with(&[4, 2, 2])
            || matches!(window.groups.as_slice(), [1 | 2, 1 | 2, 2 | 4])
            || matches!(window.groups.as_slice(), [1 | 2, 1 | 2, 4, ..]))
}

/// Where a number ends with the extension behind it: `x12`, ` ext. 12`.
fn extension(text: &str, end: usize) -> usize {
    let rest = text.get(end..).unwrap_or_default();
    let behind = rest.trim_start_matches([' ', ',']);
    let mark = ["x", "X", "ext.", "ext", "Ext.", "App."].into_iter();
    let digits = mark.filter_map(|mark| behind.strip_prefix(mark)).map(str::trim_start);
    let digits = digits.filter_map(|rest| {
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        (1..=6).contains(&length).then_some(text.len() - rest.len() + length)
    });
    digits.max().unwrap_or(end)
}
