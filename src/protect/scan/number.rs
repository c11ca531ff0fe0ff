// SPDX-License-Identifier: Apache-2.0
//! Groups of digits that may be one number: `+49 (0)30 231-25877`.

use std::ops::Range;

use super::{after, before, is_of_word};

/// Groups that one number has at most.
const MAX_WINDOW: usize = 9;

/// Digits that one number has at most.
const MAX_DIGITS: usize = 20;

/// Characters between two groups.
const MAX_GAP: usize = 3;

/// Groups of digits with little between them.
#[derive(Debug)]
pub(super) struct Run<'t> {
    text: &'t str,
    groups: Vec<Range<usize>>,
}

/// Some neighbouring groups of a run.
#[derive(Clone, Debug)]
pub(super) struct Window<'t> {
    text: &'t str,
    /// From the first digit to the last.
    pub span: Range<usize>,
    pub digits: String,
    /// How many digits each group has.
    pub groups: Vec<usize>,
    /// What stands between them.
    pub gaps: Vec<&'t str>,
}

/// Every run of a text. Digits that begin or end within a word, such as those of `V-428076`,
/// are in none.
pub(super) fn runs(text: &str) -> Vec<Run<'_>> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    let mut at = 0;
    let mut last: Option<Range<usize>> = None;
    while let Some(start) = text.get(at..).and_then(|rest| rest.find(is_of_word)) {
        let start = at + start;
        let rest = text.get(start..).unwrap_or_default();
        let end = rest.find(|it| !is_of_word(it)).map_or(text.len(), |length| start + length);
        at = end;
        let word = text.get(start..end).unwrap_or_default();
        // An extension may follow a number at once: `555-0135x12`.
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        let is_number = digits == word.len() || is_extension(word.get(digits..));
        if digits == 0 || !is_number || is_part_of_word(text, start, last.as_ref()) {
            last = None;
            continue;
        }
        let group = start..start + digits;
        let goes_on = last.as_ref().is_some_and(|last| is_gap(text.get(last.end..start)));
        last = (digits == word.len()).then(|| group.clone());
        match runs.last_mut().filter(|_| goes_on) {
            Some(run) => run.groups.push(group),
            None => runs.push(Run { text, groups: vec![group] }),
        }
    }
    runs
}

/// The windows that `pick` takes of those that begin with a group; none overlap.
pub(super) fn picked<'t>(
    runs: &[Run<'t>],
    pick: impl Fn(&Run<'t>, usize) -> Option<Window<'t>>,
) -> Vec<Window<'t>> {
    let mut picked = Vec::new();
    for run in runs {
        let mut first = 0;
        while first < run.groups.len() {
            let window = pick(run, first);
            first += window.as_ref().map_or(1, |window| window.groups.len());
            picked.extend(window);
        }
    }
    picked
}

/// `x12` behind a number.
fn is_extension(rest: Option<&str>) -> bool {
    rest.and_then(|rest| rest.strip_prefix(['x', 'X'])).is_some_and(|rest| {
        (1..=6).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn is_gap(gap: Option<&str>) -> bool {
    gap.is_some_and(|gap| {
        gap.chars().count() <= MAX_GAP
            && gap.chars().all(|it| " -/.()\r\n\u{a0}\u{2010}\u{2011}\u{2013}".contains(it))
    })
}

/// Whether a hyphen binds digits to a word before them.
fn is_part_of_word(text: &str, start: usize, last: Option<&Range<usize>>) -> bool {
    let is_bound = before(text, start) == Some('-')
        && text.get(..start - 1).and_then(|head| head.chars().next_back()).is_some_and(is_of_word);
    is_bound && last.is_none_or(|last| last.end + 1 != start)
}

impl<'t> Run<'t> {
    /// The windows that begin with a group, the longest first. None where a hyphen or the
    /// like stands before the group.
    pub(super) fn from(&self, first: usize) -> Vec<Window<'t>> {
        let Some(group) = self.groups.get(first) else { return Vec::new() };
        let is_cut = first > 0 && !before(self.text, group.start).is_some_and(is_loose);
        if is_cut {
            return Vec::new();
        }
        let mut windows: Vec<Window<'t>> = Vec::new();
        let mut window = Window {
            text: self.text,
            span: group.start..group.start,
            digits: String::new(),
            groups: Vec::new(),
            gaps: Vec::new(),
        };
        for group in self.groups.iter().skip(first).take(MAX_WINDOW) {
            if !window.groups.is_empty() {
                window.gaps.extend(self.text.get(window.span.end..group.start));
            }
            window.digits.push_str(self.text.get(group.clone()).unwrap_or_default());
            window.groups.push(group.len());
            window.span.end = group.end;
            if window.digits.len() > MAX_DIGITS {
                break;
            }
            windows.push(window.clone());
        }
        windows.retain(Window::is_whole);
        windows.reverse();
        windows
    }
}

fn is_loose(character: char) -> bool {
    character.is_whitespace() || matches!(character, '(' | ')' | '+' | '/')
}

impl Window<'_> {
    /// Whether it does not end within a word or a longer number.
    fn is_whole(&self) -> bool {
        let rest = self.text.get(self.span.end..).unwrap_or_default();
        let mut rest = rest.chars();
        match (rest.next(), rest.next()) {
            // Behind a stroke, a trunk prefix begins another number.
            (None, _) | (Some('/'), Some('0')) => true,
            (Some('-' | '/' | '\u{2010}' | '\u{2011}'), Some(next)) => {
                let is_code = next.is_uppercase() && !rest.next().is_some_and(char::is_lowercase);
                !(next.is_ascii_digit() || is_code)
            }
            (Some('.' | ','), Some(next)) => !next.is_ascii_digit(),
            (Some('x' | 'X'), Some(next)) => next.is_ascii_digit(),
            (Some(next), _) => !is_of_word(next),
        }
    }

    /// Whether a `+` stands before it, maybe in parentheses.
    pub(super) fn has_plus(&self) -> bool {
        self.lead().contains('+')
    }

    /// The signs before the first digit that belong to it.
    fn lead(&self) -> &str {
        let head = self.text.get(..self.span.start).unwrap_or_default();
        let length = match (head.strip_suffix('+'), head.strip_suffix('(')) {
            (Some(rest), _) if rest.ends_with('(') && self.closes() => 2,
            (Some(_), _) => 1,
            (_, Some(_)) if self.closes() => 1,
            _ => 0,
        };
        head.get(head.len() - length..).unwrap_or_default()
    }

    /// Whether a parenthesis is closed in it that was not opened.
    fn closes(&self) -> bool {
        let gaps = self.gaps.iter().flat_map(|gap| gap.chars());
        let mut parentheses = gaps.filter(|it| matches!(it, '(' | ')'));
        parentheses.next() == Some(')')
    }

    /// With the signs before it.
    pub(super) fn whole_span(&self) -> Range<usize> {
        self.span.start - self.lead().len()..self.span.end
    }

    /// What stands before it, signs left out.
    pub(super) fn preceded_by(&self) -> Option<char> {
        before(self.text, self.whole_span().start)
    }

    pub(super) fn followed_by(&self) -> Option<char> {
        after(self.text, self.span.end)
    }

    /// How many of the gaps hold a line break.
    pub(super) fn line_breaks(&self) -> usize {
        self.gaps.iter().filter(|gap| gap.contains(['\r', '\n'])).count()
    }

    /// Whether there is nothing, or always the same sign of these, between the groups, line
    /// breaks left out.
    pub(super) fn is_divided_by(&self, signs: &[&str]) -> bool {
        let mut gaps = self.gaps.iter().filter(|gap| !gap.contains(['\r', '\n']));
        let Some(first) = gaps.next() else { return true };
        signs.contains(first) && gaps.all(|gap| gap == first)
    }
}
