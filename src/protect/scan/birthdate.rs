// SPDX-License-Identifier: Apache-2.0

use std::ops::Range;

use regex::Regex;

use super::context::{Clue, Clues};
use super::{before, pattern, stands_alone};

const MONTHS: &str = "(?:jan(?:uary|uar)?|jän(?:ner)?|feb(?:ruary|ruar)?|mar(?:ch)?|mär(?:z)?|\
    apr(?:il)?|may|mai|jun[ei]?|jul[iy]?|aug(?:ust)?|sep(?:t|tember)?|o[ck]t(?:ober)?|\
    nov(?:ember)?|de[cz](?:ember)?)";

/// Dates as people write them.
#[derive(Debug)]
pub(super) struct Dates(Regex);

impl Dates {
    pub(super) fn new() -> Self {
        Self(pattern(&format!(
            r"(?xi)
            [0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}
            | [0-9]{{1,2}}[./-]\ ?[0-9]{{1,2}}[./-]\ ?(?:[0-9]{{4}}|[0-9]{{2}})
            | [0-9]{{1,2}}(?:\.|st|nd|rd|th)?(?:\ of)?[\ ]{MONTHS}\.?,?\ [0-9]{{2,4}}
            | {MONTHS}\.?\ [0-9]{{1,2}}(?:st|nd|rd|th)?,?\ [0-9]{{4}}"
        )))
    }

    /// Dates behind a word that says that somebody was born, or behind a star.
    pub(super) fn find(&self, text: &str, clues: &Clues) -> Vec<Range<usize>> {
        let dates = self.0.find_iter(text).map(|found| found.range());
        let dates = dates.filter(|span| stands_alone(text, span));
        dates
            .filter(|span| {
                clues.before(span.start, Clue::Birth)
                    || matches!(before(text, span.start), Some('*' | '⋆'))
                    || text.get(..span.start).is_some_and(|head| head.ends_with("* "))
            })
            .collect()
    }
}
