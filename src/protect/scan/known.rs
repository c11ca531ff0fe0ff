// SPDX-License-Identifier: Apache-2.0
//! Values that a request protects, wherever else they stand in it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::overlap::{Taken, free};
use super::{Mention, Part, Scanned};
use crate::base::{Category, Cleartext, Scope, SubjectId, rough};
use crate::policy::{FieldRule, FindingKind, Protection, ScanRules, Shape, Sought, Words};
use crate::protect::{Protectors, is_kept};

/// Shorter values are other words too often.
const MIN_CHARACTERS: usize = 4;

/// What a field that is declared clear does not hold.
const UNMISTAKABLE: [FindingKind; 4] =
    [FindingKind::Email, FindingKind::Phone, FindingKind::Iban, FindingKind::Card];

/// Values of at least four characters.
#[derive(Debug)]
pub struct Known {
    values: Words,
    rules: Vec<Arc<FieldRule>>,
}

impl Known {
    /// `None` if there is nothing to look for. `names` are those of objects and fields,
    /// which stand in requests by themselves.
    pub fn new<'v>(
        values: impl Iterator<Item = (&'v Arc<FieldRule>, &'v Cleartext)>,
        names: &HashSet<String>,
        scope_of: impl Fn(&Category) -> Scope,
    ) -> Option<Self> {
        let mut tokens: BTreeMap<&Category, Arc<FieldRule>> = BTreeMap::new();
        let mut known: BTreeMap<Cleartext, Arc<FieldRule>> = BTreeMap::new();
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
            let Some(sought) = as_word(value, names).filter(|_| !is_stored) else { continue };
            let token = tokens
                .entry(&rule.category)
                .or_insert_with(|| token_of(rule, scope_of(&rule.category)));
            known.entry(Cleartext::new(sought.as_str())).or_insert_with(|| Arc::clone(token));
        }
        let values = Words::new(known.keys().map(Cleartext::expose))?;
        Some(Self { values, rules: known.into_values().collect() })
    }

    /// Whether one of them stands in a text.
    pub fn stand_in(&self, text: &str) -> bool {
        self.values.stand_in(text)
    }

    fn find(&self, text: &str) -> Vec<(Range<usize>, &Arc<FieldRule>)> {
        let found = self.values.find(text).into_iter();
        found.filter_map(|(span, at)| Some((span, self.rules.get(at)?))).collect()
    }
}

/// What is looked for of a value; nothing if it is likely to be something else. `names` are
/// those of objects and fields.
pub(super) fn as_word(value: &str, names: &HashSet<String>) -> Option<Zeroizing<String>> {
    let value = value.trim();
    let sought = rough(value);
    let is_word = value.len() <= Words::MAX_BYTES
        && sought.chars().nth(MIN_CHARACTERS - 1).is_some()
        && sought.contains(char::is_alphanumeric);
    (is_word && !names.contains(&value.to_lowercase())).then_some(sought)
}

/// A token for a value of a field that stands in a text.
pub(super) fn token_of(rule: &FieldRule, scope: Scope) -> Arc<FieldRule> {
    let protection = Protection::Tokenize { shape: Shape::Text, scope };
    Arc::new(FieldRule { protection, ..rule.clone() })
}

impl Protectors {
    /// What a text still says beside what was found in it: values that the request protects
    /// elsewhere, those of whom it is about and, in a text that nothing protects, e-mail
    /// addresses, phone numbers, IBANs and cards. The findings of all, in order; `None` if there
    /// are no more.
    pub fn leftovers(
        &self,
        scanned: Option<&Scanned>,
        known: Option<&Known>,
        mentions: &[Mention],
        rules: &ScanRules,
        text: &Cleartext,
    ) -> Option<Scanned> {
        let text = text.expose();
        let surrogates = self.surrogates_in(text);
        let mut parts = Vec::new();
        if scanned.is_none() {
            let sought: Sought = UNMISTAKABLE.into_iter().collect();
            let found = self.scanner.scan(text, sought, &[], Vec::new(), &surrogates).into_iter();
            parts.extend(found.map(|finding| {
                let rule = rules.rules.get(&finding.kind).cloned();
                let rule = rule.unwrap_or_else(|| undefined(finding.kind));
                Part::new(text, finding.span, rule)
            }));
        }
        let own = scanned.map(Scanned::parts).unwrap_or_default();
        let spans = surrogates.iter().cloned();
        let spans = spans.chain(own.iter().chain(&parts).map(|part| part.span.clone()));
        let mut taken: Taken = spans.map(|span| (span.start, (span.end, None))).collect();
        let known = known.iter().flat_map(|known| known.find(text));
        let whole = mentions.iter().filter(|it| it.kind != Some(FindingKind::Name));
        let mut repeated: Vec<(Range<usize>, &Arc<FieldRule>, Option<SubjectId>)> = whole
            .map(|it| (it.span.clone(), &it.rule, Some(it.holder)))
            .chain(known.map(|(span, rule)| (span, rule, None)))
            .collect();
        repeated.sort_by_key(|(span, ..)| (Reverse(span.len()), span.start));
        for (span, rule, holder) in repeated {
            for span in free(&taken, span) {
                taken.insert(span.start, (span.end, None));
                parts.push(Part::new(text, span, Arc::clone(rule)).held_by(holder));
            }
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
        protection: Protection::tokenize(Shape::Text),
        search: BTreeSet::new(),
    })
}
