// SPDX-License-Identifier: Apache-2.0

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::base::{Category, Cleartext, FieldName, Role as CallerRole};
use crate::carrier::{Occurrence, Role, Slot, Value};
use crate::policy::{FieldRule, Policy, Protection, Reveal, ScanRules, Visibility};
use crate::protect::{Echoes, FoundSurrogate, OpenedSurrogates, Protectors, Sought, Surrogate};
use crate::telemetry::Alarm;

/// A value in an answer, and everything that decides how it is shown.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub slot: &'a Slot,
    pub occurrence: &'a Occurrence,
    /// The protected fields whose values may stand here; none means that the policy
    /// does not care for this place.
    pub sources: Vec<Source<'a>>,
    /// The words in the value that have the form of a surrogate, in order.
    pub found: Vec<FoundSurrogate>,
    /// Where the place is a field that is scanned: its own rule, and what is looked for.
    pub scanned: Option<(&'a Arc<FieldRule>, &'a ScanRules)>,
}

/// A protected field whose value may stand at a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub rule: &'a Arc<FieldRule>,
    pub visibility: Visibility<'a>,
    /// True when the place is that field itself, false when the CRM composed the
    /// place from it.
    pub is_own: bool,
}

impl<'a> Place<'a> {
    pub(super) fn new(
        slot: &'a Slot,
        occurrence: &'a Occurrence,
        policy: &'a Policy,
        roles: &'a [CallerRole],
        protectors: &Protectors,
    ) -> Self {
        let source = |field: &FieldName, is_own| {
            // A field that the policy refuses to send is as unknown to it on the way
            // back as one that it passes: it names no category to show or to hide.
            let rule = policy.rule_of(&occurrence.object, field)?;
            Some(Source { rule, visibility: policy.visibility(rule, roles), is_own })
        };
        // What was found in a text stands there in its own category.
        let in_text = |source: Source<'a>| {
            let sought = match source.rule.protection {
                Protection::Scan(sought) => Some(sought),
                _ => None,
            };
            let rules = policy.scan.rules.iter();
            let rules = rules.filter(move |(kind, _)| sought.is_some_and(|it| it.has(**kind)));
            let found = rules.map(|(_, rule)| Source {
                rule,
                visibility: policy.visibility(rule, roles),
                is_own: false,
            });
            std::iter::once(source).chain(found)
        };
        let sources: Vec<Source<'_>> = match &occurrence.role {
            Role::Stored | Role::Former | Role::Key | Role::Equality => {
                source(&occurrence.field, true).into_iter().flat_map(in_text).collect()
            }
            Role::Composed { from } => {
                let from = from.iter().filter_map(|field| source(&FieldName::new(field), false));
                let own = source(&occurrence.field, true).into_iter();
                own.chain(from).flat_map(in_text).collect()
            }
            // Nothing in an answer is one.
            Role::Echo | Role::Pattern { .. } => Vec::new(),
        };
        let is_read = !sources.is_empty() || occurrence.role == Role::Echo;
        let found = match &occurrence.value {
            Value::Text(text) if is_read => protectors.find(text.expose(), sought(&sources)),
            _ => Vec::new(),
        };
        let own = sources.iter().find(|source| source.is_own).map(|source| source.rule);
        let scanned = own.filter(|rule| matches!(rule.protection, Protection::Scan(_)));
        let scanned = scanned.map(|rule| (rule, &policy.scan));
        Self { slot, occurrence, sources, found, scanned }
    }

    /// Takes what does not prove to be a surrogate for the ordinary value that it is. In a
    /// message, only what is put back matters.
    pub(super) fn settle(&mut self, opened: &OpenedSurrogates) {
        if self.occurrence.role != Role::Echo {
            let categories = || self.sources.iter().map(|source| &source.rule.category);
            self.found.retain(|found| found.is_ours(opened, categories()));
        }
    }

    /// What has to be opened to show this place.
    pub(super) fn asked(&self) -> impl Iterator<Item = (&Surrogate, &Category)> {
        self.found.iter().flat_map(|found| {
            self.sources.iter().map(|source| (&found.surrogate, &source.rule.category))
        })
    }

    /// What its surrogates say that should open here and do not. In a message, anything may
    /// stand.
    pub(super) fn alarms<'p>(
        &'p self,
        opened: &'p OpenedSurrogates,
    ) -> impl Iterator<Item = Alarm> + 'p {
        let categories = || self.sources.iter().map(|source| &source.rule.category);
        let found = self.found.iter().filter(|_| self.occurrence.role != Role::Echo);
        found.filter_map(move |found| opened.alarm(&found.surrogate, categories()))
    }

    /// Whether the caller is shown a value that belongs to nobody, alone or in a longer text.
    pub(super) fn shows_poison(&self, opened: &OpenedSurrogates) -> bool {
        let Value::Text(text) = &self.occurrence.value else { return false };
        let shown = |source: &&Source<'_>| source.visibility.reveal != Reveal::Surrogate;
        let shown = || self.sources.iter().filter(shown);
        let mut traps = shown().flat_map(|source| source.visibility.poison).peekable();
        if traps.peek().is_none() {
            return false;
        }
        let mut clear = Zeroizing::new(String::with_capacity(text.expose().len()));
        for piece in self.pieces(text) {
            match piece {
                Piece::Rest(text) => clear.push_str(text),
                Piece::Surrogate { found, as_is } => {
                    let value =
                        shown().find_map(|source| found.clear(opened, &source.rule.category));
                    clear.push_str(value.as_ref().map_or(as_is, |value| value.expose()));
                }
            }
        }
        traps.any(|trap| stands_in(trap, &clear))
    }

    /// The value in clear: what its surrogate stands for, or what stands there if there
    /// is none. `None` for what is not one text, or does not open here.
    pub(super) fn clear<'p>(&'p self, opened: &'p OpenedSurrogates) -> Option<Cow<'p, Cleartext>> {
        let Value::Text(text) = &self.occurrence.value else { return None };
        match self.found.as_slice() {
            [] => Some(Cow::Borrowed(text)),
            [found] if found.span == (0..text.expose().len()) => {
                self.sources.iter().find_map(|source| found.clear(opened, &source.rule.category))
            }
            _ => None,
        }
    }

    /// Whether it is a surrogate that stood for a value here, and nobody holds that any more.
    pub(super) fn is_erased(&self, opened: &OpenedSurrogates) -> bool {
        let Value::Text(text) = &self.occurrence.value else { return false };
        let [found] = self.found.as_slice() else { return false };
        found.span == (0..text.expose().len())
            && self
                .sources
                .iter()
                .any(|source| opened.has_lost(&found.surrogate, &source.rule.category))
    }

    /// How long the values are that the caller sees in full here.
    pub(super) fn shown_bytes(&self, opened: &OpenedSurrogates, echoes: &Echoes) -> usize {
        if self.occurrence.role == Role::Echo {
            let repeated = self.found.iter().filter_map(|found| echoes.get(&found.surrogate));
            return repeated.map(|value| value.expose().len()).sum();
        }
        let shown = self.sources.iter().filter(|source| source.visibility.reveal == Reveal::Full);
        let length = |source: &Source<'_>, found: &FoundSurrogate| {
            let value = found.clear(opened, &source.rule.category);
            value.map_or(0, |value| value.expose().len())
        };
        shown.flat_map(|source| self.found.iter().map(move |found| length(source, found))).sum()
    }

    /// The source that the caller may see least of.
    pub(super) fn least_visible(&self) -> Option<&Source<'a>> {
        self.sources.iter().min_by_key(|source| source.visibility.reveal)
    }

    /// The value, cut at the words that were found in it.
    pub(super) fn pieces<'t>(&'t self, text: &'t Cleartext) -> Vec<Piece<'t>> {
        let text = text.expose();
        let part = |span: Range<usize>| text.get(span).unwrap_or_default();
        let mut pieces = Vec::with_capacity(2 * self.found.len() + 1);
        let mut position = 0;
        for found in &self.found {
            pieces.push(Piece::Rest(part(position..found.span.start)));
            pieces.push(Piece::Surrogate { found, as_is: part(found.span.clone()) });
            position = found.span.end;
        }
        pieces.push(Piece::Rest(part(position..text.len())));
        pieces
    }
}

/// Whether words stand in a text, and are no parts of longer ones.
fn stands_in(words: &str, text: &str) -> bool {
    let is_apart = |beside: Option<char>| !beside.is_some_and(char::is_alphanumeric);
    !words.is_empty()
        && text.match_indices(words).any(|(start, _)| {
            let (before, after) = (text.get(..start), text.get(start + words.len()..));
            is_apart(before.and_then(|text| text.chars().next_back()))
                && is_apart(after.and_then(|text| text.chars().next()))
        })
}

/// What is looked for: in messages anything, since only what was sent is put back.
fn sought(sources: &[Source<'_>]) -> Sought {
    let mut of_sources = sources.iter().map(|source| Sought::of(source.rule.protection));
    if sources.is_empty() || of_sources.any(|sought| sought == Sought::WordsAndMoments) {
        Sought::WordsAndMoments
    } else {
        Sought::Words
    }
}

/// A part of a value.
#[derive(Debug)]
pub(super) enum Piece<'t> {
    Surrogate {
        found: &'t FoundSurrogate,
        as_is: &'t str,
    },
    /// May be empty.
    Rest(&'t str),
}
