// SPDX-License-Identifier: Apache-2.0
//! Free text of a request: what is found in it, before the border is asked.

use crate::base::Cleartext;
use crate::carrier::{Occurrence, Value};
use crate::policy::{Decision, FieldRule, FindingKind, Names, Policy, Protection};
use crate::protect::Sought;
use crate::protect::scan::Scanned;

use super::Proxy;
use super::manifest::Manifest;
use super::mentions::Mentions;
use super::stage::{Located, occurrences};

impl Proxy {
    /// Scans the texts of fields that the policy scans. Names that the request holds in
    /// fields of the category of names are looked for in all of them, and what the vault holds
    /// for somebody in those about them.
    pub(super) fn scan(
        &self,
        manifest: &mut Manifest,
        policy: &Policy,
        located: &Located,
        mentions: &Mentions,
    ) {
        let occurrences = occurrences(located.request.documents());
        let protected: Vec<_> = occurrences
            .iter()
            .zip(&manifest.decisions)
            .enumerate()
            .filter_map(|(at, ((_, occurrence), decision))| {
                let (rule, text) = protected(occurrence, decision)?;
                Some((at, rule, text))
            })
            .collect();
        let is_scanned = |rule: &FieldRule| matches!(rule.protection, Protection::Scan(_));
        if !protected.iter().any(|(_, rule, _)| is_scanned(rule)) {
            return;
        }
        let named = policy.scan.rules.get(&FindingKind::Name).map(|rule| &rule.category);
        let names = protected.iter().filter(|(_, rule, text)| {
            Some(&rule.category) == named
                && !is_scanned(rule)
                && self.protectors.find(text.expose(), Sought::of(rule.protection)).is_empty()
        });
        let names = Names::new(names.map(|(.., text)| text.expose()));
        let scanned: Vec<(usize, Scanned)> = protected
            .iter()
            .filter(|(_, rule, _)| is_scanned(rule))
            .map(|(at, rule, text)| {
                let mentions = mentions.in_text(*at);
                (*at, self.protectors.scan(rule, &policy.scan, &[&names], mentions, text))
            })
            .collect();
        manifest.scanned = scanned.into_iter().collect();
    }
}

/// The rule for a text that is to be protected.
fn protected<'a>(
    occurrence: &'a Occurrence,
    decision: &'a Decision,
) -> Option<(&'a std::sync::Arc<FieldRule>, &'a Cleartext)> {
    match (decision, &occurrence.value) {
        (Decision::Protect(rule), Value::Text(text)) => Some((rule, text)),
        _ => None,
    }
}
