// SPDX-License-Identifier: Apache-2.0
//! Personal data in free text: where it stands, and what kind it is.
//!
//! Pure: a text and a list of names in, [`Finding`]s out. What has check digits is found by
//! them (IBAN, cards, numbers of tax and social security), the rest by its form and by the
//! words before it, in German and English. No model, no look-up; the same text always gives
//! the same findings. Time is linear in the text: patterns and windows of numbers are of
//! bounded length.
//!
//! Findings never overlap. Where two kinds claim the same characters, the kind with the
//! better evidence ([`FindingKind::ALL`]) has them, and what is left of the other stays a
//! finding: nothing that any detector has found stays in clear.

mod address;
mod birthdate;
mod card;
mod context;
mod email;
mod html;
mod iban;
mod known;
mod national_id;
mod number;
mod overlap;
mod phone;
mod replace;
#[cfg(test)]
mod tests;
mod theirs;
mod titles;

use std::ops::Range;

pub use known::Known;
pub use replace::{Part, Scanned};
pub use theirs::{Holdings, Mention, SoughtValues, Theirs};

use crate::policy::{FindingKind, Names, Sought};

use address::Addresses;
use birthdate::Dates;
use context::Contexts;
use national_id::Lettered;

/// Personal data in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// In bytes of the text.
    pub span: Range<usize>,
    pub kind: FindingKind,
}

/// Finds personal data in texts. Holds patterns only; shared by all requests.
#[derive(Debug)]
pub struct Scanner {
    contexts: Contexts,
    dates: Dates,
    lettered: Lettered,
    addresses: Addresses,
    titles: titles::Titles,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl Scanner {
    pub fn new() -> Self {
        Self {
            contexts: Contexts::new(),
            dates: Dates::new(),
            lettered: Lettered::new(),
            addresses: Addresses::new(),
            titles: titles::Titles::new(),
        }
    }

    /// What stands in a text, in order and without overlaps. `names` are lists of names that
    /// are known, `known` what else has been found; what stands in `reserved`, in order and
    /// without overlaps, is in no finding.
    /// Also what tags, entities, the percent-encoding of attributes, signs that show nothing
    /// and unusual digits, spaces and hyphens hide; a finding then covers what stands between
    /// its characters.
    pub fn scan(
        &self,
        text: &str,
        sought: Sought,
        names: &[&Names],
        known: Vec<Finding>,
        reserved: &[Range<usize>],
    ) -> Vec<Finding> {
        let mut found = self.claims(text, names);
        found.extend(known);
        if html::may_hide(text) {
            for view in html::views(text) {
                let claims = self.claims(view.as_str(), names).into_iter();
                found.extend(
                    claims.map(|claim| Finding { span: view.origin(&claim.span), ..claim }),
                );
            }
        }
        found.retain(|finding| sought.has(finding.kind));
        overlap::resolved(text, found, reserved)
    }

    /// What each detector finds by itself.
    fn claims(&self, text: &str, names: &[&Names]) -> Vec<Finding> {
        let clues = self.contexts.clues(text);
        let mut found = Vec::new();
        let mut add = |kind, spans: Vec<Range<usize>>| {
            found.extend(spans.into_iter().map(|span| Finding { span, kind }));
        };
        let runs = number::runs(text);
        add(FindingKind::Email, email::find(text));
        add(FindingKind::Iban, iban::find(text));
        add(FindingKind::Card, card::find(&runs, &clues));
        add(FindingKind::NationalId, national_id::find(&runs, &clues));
        add(FindingKind::NationalId, self.lettered.find(text));
        add(FindingKind::Phone, phone::find(text, &runs, &clues));
        add(FindingKind::Birthdate, self.dates.find(text, &clues));
        add(FindingKind::Address, self.addresses.find(text, &clues));
        add(FindingKind::Name, self.titles.find(text));
        add(FindingKind::Name, names.iter().flat_map(|names| names.find(text)).collect());
        found
    }
}

/// A pattern of ours.
#[expect(clippy::expect_used, reason = "patterns are constants; every test compiles them")]
fn pattern(pattern: &str) -> regex::Regex {
    regex::Regex::new(pattern).expect("patterns of ours are valid")
}

/// Whether a character makes a word longer.
fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn before(text: &str, at: usize) -> Option<char> {
    text.get(..at)?.chars().next_back()
}

fn after(text: &str, at: usize) -> Option<char> {
    text.get(at..)?.chars().next()
}

/// Whether a range is not a part of a longer word.
fn stands_alone(text: &str, span: &Range<usize>) -> bool {
    !before(text, span.start).is_some_and(is_of_word)
        && !after(text, span.end).is_some_and(is_of_word)
}
