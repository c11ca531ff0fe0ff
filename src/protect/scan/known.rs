// SPDX-License-Identifier: Apache-2.0
//! Values that a request protects, wherever else they stand in it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};

use super::overlap::{Taken, free};
use super::{Part, Scanned};
use crate::base::{Category, Cleartext};
use crate::policy::{FieldRule, FindingKind, Protection, ScanRules, Shape, Sought, find_words};
use crate::protect::{Protectors, is_kept};

/// Shorter values are other words too often.
const MIN_CHARACTERS: usize = 4;

/// Longer values are texts, which nobody repeats as a word. With it, looking for them takes
/// linear time.
const MAX_BYTES: usize = 256;

/// What a field that is declared clear does not hold.
const UNMISTAKABLE: [FindingKind; 4] =
    [FindingKind::Email, FindingKind::Phone, FindingKind::Iban, FindingKind::Card];

/// Values of at least four characters, found as words of their own in any letter case.
pub struct Known {
    automaton: AhoCorasick,
    rules: Vec<Arc<FieldRule>>,
}

impl Known {
    /// `None` if there is nothing to look for. `names` are those of objects and fields,
    /// which stand in requests by themselves.
    pub fn new<'v>(
        values: impl Iterator<Item = (&'v Arc<FieldRule>, &'v Cleartext)>,
        names: &HashSet<String>,
    ) -> Option<Self> {
        let mut tokens: BTreeMap<&Category, Arc<FieldRule>> = BTreeMap::new();
        let mut known: BTreeMap<String, Arc<FieldRule>> = BTreeMap::new();
        for (rule, value) in values {
            let value = value.expose().trim();
            let is_stored = match rule.protection {
                Protection::Generalize(kept) => is_kept(value, kept),
                Protection::Tokenize { .. }
                | Protection::Encrypt { .. }
                | Protection::FormatPreserving { .. }
                | Protection::Hash { .. }
                | Protection::Mask
                | Protection::Drop => false,
                Protection::Scan(_) => true,
            };
            let folded = value.to_lowercase();
            let is_word = folded.len() <= MAX_BYTES && folded.chars().count() >= MIN_CHARACTERS;
            if is_stored || !is_word || names.contains(&folded) {
                continue;
            }
            let token = tokens.entry(&rule.category).or_insert_with(|| token_of(rule));
            known.entry(folded).or_insert_with(|| Arc::clone(token));
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(known.keys())
            .ok()
            .filter(|_| !known.is_empty())?;
        Some(Self { automaton, rules: known.into_values().collect() })
    }

    /// Whether one of them stands in a text.
    pub fn stand_in(&self, text: &str) -> bool {
        !self.find(text).is_empty()
    }

    fn find(&self, text: &str) -> Vec<(Range<usize>, &Arc<FieldRule>)> {
        let folded = Folded::new(text);
        let found = find_words(&self.automaton, &folded.text).into_iter();
        let found = found.filter_map(|(span, pattern)| {
            Some((folded.origin(&span), self.rules.get(pattern.as_usize())?))
        });
        found.collect()
    }
}

/// Says nothing of the values.
impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Known({} values)", self.rules.len())
    }
}

fn token_of(rule: &FieldRule) -> Arc<FieldRule> {
    let protection = Protection::Tokenize { shape: Shape::Text };
    Arc::new(FieldRule { protection, ..rule.clone() })
}

/// A text in lower case, with the way back.
struct Folded<'t> {
    text: Cow<'t, str>,
    /// For each byte, and for the end, where the character that it is of begins; empty where
    /// all stand where they stood.
    origin: Vec<usize>,
}

impl<'t> Folded<'t> {
    fn new(text: &'t str) -> Self {
        if text.is_ascii() {
            return Self { text: text.to_ascii_lowercase().into(), origin: Vec::new() };
        }
        let mut folded = String::with_capacity(text.len());
        let mut origin = Vec::with_capacity(text.len() + 1);
        for (at, character) in text.char_indices() {
            folded.extend(character.to_lowercase());
            origin.resize(folded.len(), at);
        }
        origin.push(text.len());
        Self { text: folded.into(), origin }
    }

    fn origin(&self, span: &Range<usize>) -> Range<usize> {
        let at = |place: usize| self.origin.get(place).copied().unwrap_or(place);
        at(span.start)..at(span.end)
    }
}

impl Protectors {
    /// What a text still says beside what was found in it: values that the request protects
    /// elsewhere and, in a text that nothing protects, e-mail addresses, phone numbers, IBANs
    /// and cards. The findings of both, in order; `None` if there are no more.
    pub fn leftovers(
        &self,
        scanned: Option<&Scanned>,
        known: Option<&Known>,
        rules: &ScanRules,
        text: &Cleartext,
    ) -> Option<Scanned> {
        let text = text.expose();
        let surrogates: Vec<_> = self
            .find(text, crate::protect::Sought::Words)
            .into_iter()
            .map(|found| found.span)
            .collect();
        let mut parts = Vec::new();
        if scanned.is_none() {
            let sought: Sought = UNMISTAKABLE.into_iter().collect();
            let found = self.scanner.scan(text, sought, &[], &surrogates).into_iter();
            parts.extend(found.map(|finding| {
                let rule = rules.rules.get(&finding.kind).cloned();
                let rule = rule.unwrap_or_else(|| undefined(finding.kind));
                Part::new(text, finding.span, rule)
            }));
        }
        let own = scanned.map(Scanned::parts).unwrap_or_default();
        let spans = surrogates.iter().cloned();
        let spans = spans.chain(own.iter().chain(&parts).map(|part| part.span.clone()));
        let taken: Taken = spans.map(|span| (span.start, (span.end, None))).collect();
        for (span, rule) in known.iter().flat_map(|known| known.find(text)) {
            let free = free(&taken, span).into_iter();
            parts.extend(free.map(|span| Part::new(text, span, Arc::clone(rule))));
        }
        if parts.is_empty() {
            return None;
        }
        parts.extend(own.iter().cloned());
        parts.sort_by_key(|part| part.span.start);
        Some(Scanned::new(parts))
    }
}

/// The category of a kind that the policy has no category of: nobody is named for it.
fn undefined(kind: FindingKind) -> Arc<FieldRule> {
    Arc::new(FieldRule {
        id: format!("found {}", kind.name()),
        category: Category::from_static(kind.name()),
        protection: Protection::Tokenize { shape: Shape::Text },
        search: BTreeSet::new(),
    })
}
