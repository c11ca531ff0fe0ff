// SPDX-License-Identifier: Apache-2.0

use std::ops::Range;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::theirs::Along;
use super::{Mention, html};
use crate::base::{Category, Cleartext, Equality, SubjectId};
use crate::carrier::{Replacement, Role};
use crate::policy::{FieldRule, FindingKind, Names, Protection, ScanRules, Shape};
use crate::protect::{Keeper, MARKER, ProtectError, Protectors, Sealed, Sought, ToSeal};

/// A text in which findings are to be replaced.
#[derive(Debug)]
pub struct Scanned {
    parts: Vec<Part>,
}

/// One finding.
#[derive(Clone, Debug)]
pub struct Part {
    /// In bytes of the text.
    pub span: Range<usize>,
    /// The category that it goes by, and that its value gets a token.
    pub rule: Arc<FieldRule>,
    /// What stands there, as it is written there, without tags.
    pub value: Cleartext,
    /// Who holds it already, by a pseudonym, where it is a value of whom the text is about.
    pub holder: Option<SubjectId>,
    /// The tags that stood in it.
    tags: String,
}

impl Protectors {
    /// What the rule of a scanned field finds in a text, beside what somebody holds whom it is
    /// about. Surrogates in it stay what they are.
    pub fn scan(
        &self,
        rule: &Arc<FieldRule>,
        rules: &ScanRules,
        names: &[&Names],
        mentions: &[Mention],
        text: &Cleartext,
    ) -> Scanned {
        let Protection::Scan(sought) = rule.protection else {
            return Scanned { parts: Vec::new() };
        };
        let text = text.expose();
        let surrogates = self.surrogates_in(text);
        let all: Vec<&Names> = names.iter().copied().chain([&rules.names]).collect();
        let mut own = None;
        let mut rule_of = |kind: FindingKind| match rules.rules.get(&kind) {
            Some(rule) => Arc::clone(rule),
            None => Arc::clone(own.get_or_insert_with(|| {
                let protection = Protection::tokenize(Shape::Text);
                Arc::new(FieldRule { protection, ..FieldRule::clone(rule) })
            })),
        };
        let known = mentions.iter().filter_map(Mention::finding).collect();
        let mut along = Along::new(mentions);
        let found = self.scanner.scan(text, sought, &all, known, &surrogates).into_iter();
        let parts = found.map(|finding| {
            let holder = along.first_in(&finding).map(|mention| mention.holder);
            Part::new(text, finding.span, rule_of(finding.kind)).held_by(holder)
        });
        Scanned { parts: parts.collect() }
    }

    /// Where surrogates stand in a text.
    pub(super) fn surrogates_in(&self, text: &str) -> Vec<Range<usize>> {
        self.find(text, Sought::Words).into_iter().map(|found| found.span).collect()
    }
}

impl Part {
    pub(super) fn new(text: &str, span: Range<usize>, rule: Arc<FieldRule>) -> Self {
        let (value, tags) = html::parted(text.get(span.clone()).unwrap_or_default());
        Self { span, rule, value: Cleartext::new(value), holder: None, tags }
    }

    pub(super) fn held_by(self, holder: Option<SubjectId>) -> Self {
        Self { holder, ..self }
    }
}

impl Scanned {
    /// Parts in order, and without overlaps.
    pub(super) fn new(parts: Vec<Part>) -> Self {
        Self { parts }
    }

    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The categories of what was found.
    pub fn categories(&self) -> impl Iterator<Item = &Category> {
        self.parts.iter().map(|part| &part.rule.category)
    }

    /// What has to be sealed, in order; each kept for whom `keeper` says, by its category and
    /// who holds it already.
    pub fn to_seal<'a>(
        &'a self,
        keeper: impl Fn(&Category, Option<SubjectId>) -> Keeper<'a>,
    ) -> impl Iterator<Item = ToSeal<'a>> {
        self.parts.iter().map(move |part| ToSeal {
            rule: &part.rule,
            role: &Role::Stored,
            value: &part.value,
            can_widen: false,
            equality: Equality::Case,
            can_remove: false,
            max_length: None,
            keeper: keeper(&part.rule.category, part.holder),
        })
    }

    /// The text with what became of its findings in their places; `sealed` has one for each.
    ///
    /// # Errors
    /// [`ProtectError::Masked`] where a part of the text was masked for whoever sends it, and
    /// [`ProtectError::Unprotectable`] where the text is longer than `max_length` now.
    pub fn replaced(
        &self,
        field: &str,
        text: &Cleartext,
        sealed: &[Sealed],
        max_length: Option<u32>,
    ) -> Result<Replacement, ProtectError> {
        let field = || field.to_owned();
        let text = text.expose();
        if text.contains(MARKER) {
            return Err(ProtectError::Masked { field: field() });
        }
        let defect = "what was found in it was not sealed";
        let defect = || ProtectError::Unprotectable { field: field(), because: defect.into() };
        let mut written = Zeroizing::new(String::with_capacity(2 * text.len() + 64));
        let mut position = 0;
        if sealed.len() != self.parts.len() {
            return Err(defect());
        }
        for (part, sealed) in self.parts.iter().zip(sealed) {
            let Replacement::Text(surrogate) = &sealed.replacement else { return Err(defect()) };
            written.push_str(text.get(position..part.span.start).ok_or_else(defect)?);
            written.push_str(surrogate);
            written.push_str(&part.tags);
            position = part.span.end;
        }
        written.push_str(text.get(position..).ok_or_else(defect)?);
        let length = written.chars().count();
        if let Some(limit) = max_length.filter(|limit| length > *limit as usize) {
            let because = format!(
                "with what was found in it replaced, it has {length} characters, which exceeds \
                 the field's limit of {limit}"
            );
            return Err(ProtectError::Unprotectable { field: field(), because });
        }
        Ok(if self.parts.is_empty() { Replacement::Keep } else { Replacement::Text(written) })
    }
}
