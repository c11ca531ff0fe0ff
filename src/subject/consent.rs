// SPDX-License-Identifier: Apache-2.0

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use smol_str::SmolStr;

use crate::base::{Choice, ConsentState, Purpose, Timestamp};

/// That a person consented to a purpose or withdrew their consent, with what proves
/// it (GDPR Art. 7(1)): which text they saw, where, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConsentRecord {
    pub purpose: Purpose,
    #[serde(rename = "state")]
    pub choice: Choice,
    pub at: Timestamp,
    /// When a consent ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Which version of the text they saw; CRM fields do not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_version: Option<Note>,
    /// Where the choice was made: `web-form:42`, `crm:contact.hasoptedoutofemail`.
    pub source: Note,
}

/// The latest record of each purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consents(BTreeMap<Purpose, ConsentRecord>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsentError {
    #[error("a consent that is given needs the version of the text that was agreed to")]
    NoText,
    #[error("a consent cannot end before it is given")]
    EndsBefore,
    #[error("a withdrawal does not end")]
    WithdrawalEnds,
}

impl ConsentRecord {
    /// A choice that was made at `at`.
    ///
    /// # Errors
    /// [`ConsentError`] when it would prove nothing, or mean nothing.
    pub fn new(
        purpose: Purpose,
        choice: Choice,
        at: Timestamp,
        until: Option<Timestamp>,
        text_version: Option<Note>,
        source: Note,
    ) -> Result<Self, ConsentError> {
        match (choice, &text_version, until) {
            (Choice::Given, None, _) => Err(ConsentError::NoText),
            (Choice::Given, Some(_), Some(until)) if until <= at => Err(ConsentError::EndsBefore),
            (Choice::Withdrawn, _, Some(_)) => Err(ConsentError::WithdrawalEnds),
            _ => Ok(Self { purpose, choice, at, until, text_version, source }),
        }
    }

    /// Records in the order in which they count. Where two have the same time, the
    /// one that permits less comes later.
    fn rank(&self) -> impl Ord + use<'_> {
        let until = self.until.unwrap_or(Timestamp::from_unix_millis(u64::MAX));
        let is_withdrawn = self.choice == Choice::Withdrawn;
        (self.at, is_withdrawn, Reverse(until), &self.source, &self.text_version)
    }

    /// Puts a history into the order in which its records count.
    pub(super) fn sort(history: &mut [Self]) {
        history
            .sort_by(|one, other| (&one.purpose, one.rank()).cmp(&(&other.purpose, other.rank())));
    }

    /// Whether its source says something else than the last time, by the history of one
    /// pseudonym. A consent that a source is heard of for the first time is news only
    /// where the history of the person says nothing of the purpose.
    pub(super) fn is_news(&self, of_pseudonym: &[Self], of_person: &[Self]) -> bool {
        let of_source =
            |other: &&Self| (&other.purpose, &other.source) == (&self.purpose, &self.source);
        let earlier = of_pseudonym.iter().filter(of_source);
        let said = |record: &Self| (record.choice, record.until, record.text_version.clone());
        match earlier.max_by(|one, other| one.rank().cmp(&other.rank())) {
            Some(last) => said(last) != said(self),
            None if self.choice == Choice::Withdrawn => true,
            None => of_person.iter().all(|other| other.purpose != self.purpose),
        }
    }

    /// Whether it is the consent that a CRM field was heard of first with, by the history
    /// of its pseudonym.
    fn is_first_of_field(&self, of_pseudonym: &[Self]) -> bool {
        let is_earlier = |other: &Self| {
            (&other.purpose, &other.source) == (&self.purpose, &self.source)
                && other.rank() < self.rank()
        };
        self.choice == Choice::Given
            && self.text_version.is_none()
            && !of_pseudonym.iter().any(is_earlier)
    }

    /// The record of what a CRM field tells: a withdrawal counts over all that the person
    /// has consented to before, though a clock was set back in between.
    pub(super) fn told_after(self, of_person: &[Self]) -> Self {
        match self.choice {
            Choice::Given => self,
            Choice::Withdrawn => {
                self.later_than(of_person.iter().filter(|other| other.choice == Choice::Given))
            }
        }
    }

    /// The record with a time after everything that a history says of its purpose.
    pub(super) fn after(self, history: &[Self]) -> Self {
        self.later_than(history.iter())
    }

    fn later_than<'a>(self, others: impl Iterator<Item = &'a Self>) -> Self {
        let earlier = others.filter(|other| other.purpose == self.purpose);
        let next = earlier.map(|other| other.at.unix_millis().saturating_add(1)).max();
        let at = next.map_or(self.at, |next| self.at.max(Timestamp::from_unix_millis(next)));
        Self { at, ..self }
    }
}

impl Consents {
    /// What a person has consented to, by the histories of their pseudonyms.
    pub(super) fn of_person(histories: &[Vec<ConsentRecord>]) -> Self {
        let is_late = |record: &ConsentRecord| {
            let mut all = histories.iter().flatten();
            all.any(|other| other.purpose == record.purpose && other.rank() < record.rank())
        };
        let counting = histories.iter().flat_map(|history| {
            let counts =
                |record: &&ConsentRecord| !(record.is_first_of_field(history) && is_late(record));
            history.iter().filter(counts).cloned()
        });
        counting.collect()
    }

    pub fn state(&self, purpose: &Purpose, now: Timestamp) -> ConsentState {
        match self.0.get(purpose) {
            None => ConsentState::None,
            Some(ConsentRecord { choice: Choice::Withdrawn, .. }) => ConsentState::Withdrawn,
            Some(ConsentRecord { until: Some(until), .. }) if *until <= now => {
                ConsentState::Expired
            }
            Some(ConsentRecord { choice: Choice::Given, .. }) => ConsentState::Given,
        }
    }

    /// The record of each purpose that counts, by purpose.
    pub fn latest(&self) -> impl Iterator<Item = &ConsentRecord> {
        self.0.values()
    }
}

impl FromIterator<ConsentRecord> for Consents {
    fn from_iter<I: IntoIterator<Item = ConsentRecord>>(history: I) -> Self {
        let mut latest = BTreeMap::new();
        for record in history {
            match latest.entry(record.purpose.clone()) {
                Entry::Vacant(free) => _ = free.insert(record),
                Entry::Occupied(mut other) if record.rank() > other.get().rank() => {
                    other.insert(record);
                }
                Entry::Occupied(_) => {}
            }
        }
        Self(latest)
    }
}

/// A short reference in the words of an operator. It has no spaces and no `@`, so no
/// full name or address gets into a record by accident.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Note(SmolStr);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reference has 1 to {} characters of `A-Z a-z 0-9 . _ : / # -`", Note::MAX_LENGTH)]
pub struct NoteError;

impl Note {
    pub const MAX_LENGTH: usize = 120;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let is_sound = (1..=Self::MAX_LENGTH).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:/#-".contains(&byte));
        if is_sound { Ok(Self(text.into())) } else { Err(NoteError) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(choice: Choice, at: u64, until: Option<u64>) -> ConsentRecord {
        ConsentRecord {
            purpose: "news".into(),
            choice,
            at: Timestamp::from_unix_millis(at),
            until: until.map(Timestamp::from_unix_millis),
            text_version: None,
            source: "form".parse().unwrap(),
        }
    }

    #[test]
    fn the_latest_record_counts_until_it_ends() {
        use Choice::{Given, Withdrawn};
        let check = |history: &[ConsentRecord], now, expected| {
            for history in [history.to_vec(), history.iter().rev().cloned().collect()] {
                let consents: Consents = history.into_iter().collect();
                let now = Timestamp::from_unix_millis(now);
                assert_eq!(consents.state(&"news".into(), now), expected);
                assert_eq!(consents.state(&"crm".into(), now), ConsentState::None);
            }
        };
        check(&[], 5, ConsentState::None);
        check(&[record(Given, 1, None)], 5, ConsentState::Given);
        check(&[record(Given, 1, Some(6))], 5, ConsentState::Given);
        check(&[record(Given, 1, Some(5))], 5, ConsentState::Expired);
        check(&[record(Withdrawn, 1, None)], 5, ConsentState::Withdrawn);
        check(&[record(Given, 1, None), record(Withdrawn, 2, None)], 5, ConsentState::Withdrawn);
        check(&[record(Withdrawn, 1, None), record(Given, 2, None)], 5, ConsentState::Given);
        // At the same time, the one that permits less.
        check(&[record(Withdrawn, 2, None), record(Given, 2, None)], 5, ConsentState::Withdrawn);
        check(&[record(Given, 2, Some(5)), record(Given, 2, None)], 5, ConsentState::Expired);
        // A longer consent that came earlier does not outlive a shorter one.
        check(&[record(Given, 1, None), record(Given, 2, Some(4))], 5, ConsentState::Expired);
    }

    #[test]
    fn notes_hold_no_names_or_addresses() {
        for sound in ["2026-03", "web-form:42", "https://acme.example/consent#v3", "a"] {
            assert_eq!(sound.parse::<Note>().unwrap().as_str(), sound);
        }
        let long = "x".repeat(Note::MAX_LENGTH + 1);
        for wrong in ["", "Max Muster", "max@acme.example", "müller", "a\nb", "a\"b", &long] {
            assert_eq!(wrong.parse::<Note>(), Err(NoteError), "{wrong:?}");
        }
    }
}
