// SPDX-License-Identifier: Apache-2.0
//! Rules that never decide, and rules that contradict each other.

use std::sync::Arc;

use crate::base::Category;
use crate::border::{Condition, Finding, Places, RevealRule, RuleInfo, TransferRule};
use crate::config::diagnostic::{Code, Problem, Problems};

use super::{Applies, Part, Spot};

/// A rule and where its name is written.
pub struct Written<T> {
    pub rule: T,
    pub spot: Spot,
}

pub fn transfers(rules: &[Written<TransferRule>], applies: &Applies, problems: &Problems) {
    for (at, Written { rule, spot }) in rules.iter().enumerate() {
        if !rule.from.meet(&applies.to) {
            report_inapplicable(&rule.rule, spot, applies, problems);
            continue;
        }
        let covers = |by: &TransferRule, other: &TransferRule| {
            covers_all(&by.from, &other.from, &applies.to)
                && by.to.cover(&other.to)
                && includes(by.categories.as_ref(), other.categories.as_ref())
        };
        let before = rules.iter().take(at);
        let Some(first) = before.into_iter().find(|first| covers(&first.rule, rule)) else {
            continue;
        };
        // In a document of its own an earlier rule is meant to override a later one.
        let contradicts = covers(rule, &first.rule)
            && rule.effect != first.rule.effect
            && Arc::ptr_eq(&first.spot.source, &spot.source);
        if contradicts {
            let message = format!("`{}` contradicts an earlier rule", rule.rule.name);
            let problem = Problem::new(Code::Contradictory, &spot.span, message)
                .label("another answer for the same case")
                .related_in(&first.spot.source, &first.spot.span, "decides already");
            problems.report(&spot.source, problem);
        } else {
            report_unreachable(&rule.rule, spot, &first.spot, problems);
        }
    }
}

pub fn reveals(rules: &[Written<RevealRule>], applies: &Applies, problems: &Problems) {
    for (at, Written { rule, spot }) in rules.iter().enumerate() {
        if !rule.of.meet(&applies.to) {
            report_inapplicable(&rule.rule, spot, applies, problems);
            continue;
        }
        let covers = |first: &&Written<RevealRule>| {
            covers_all(&first.rule.of, &rule.of, &applies.to)
                && includes(first.rule.categories.as_ref(), rule.categories.as_ref())
        };
        if let Some(first) = rules.iter().take(at).find(covers) {
            report_unreachable(&rule.rule, spot, &first.spot, problems);
        }
    }
}

/// The rules of all documents, which are asked one after the other.
pub fn residence(parts: &[Part], problems: &Problems) {
    let rules: Vec<_> = parts.iter().flat_map(|part| &part.residence).collect();
    for (at, Written { rule, spot }) in rules.iter().enumerate() {
        let decides_before = |first: &&&Written<_>| {
            let Written { rule: first, .. }: &Written<crate::border::ResidenceRule> = first;
            // The others may find nothing, and leave it to later rules.
            let always_finds = matches!(first.finding, Finding::Are(_));
            always_finds
                && first
                    .when
                    .iter()
                    .all(|condition| rule.when.iter().any(|own| implies(own, condition)))
        };
        if let Some(first) = rules.iter().take(at).find(decides_before) {
            report_unreachable(&rule.rule, spot, &first.spot, problems);
        }
    }
}

/// Whether where `own` is met, `other` is met too.
fn implies(own: &Condition, other: &Condition) -> bool {
    match (own, other) {
        (
            Condition::Field { object, field, values },
            Condition::Field { object: o, field: f, values: others },
        ) => (object, field) == (o, f) && is_subset(values, others),
        (Condition::Caller(own), Condition::Caller(other)) => is_subset(own, other),
        (Condition::Role(own), Condition::Role(other)) => is_subset(own, other),
        (Condition::CallerRegion(own), Condition::CallerRegion(other))
        | (Condition::Known(own), Condition::Known(other)) => other.cover(own),
        (
            Condition::Field { .. }
            | Condition::Caller(_)
            | Condition::Role(_)
            | Condition::CallerRegion(_)
            | Condition::Known(_),
            _,
        ) => false,
    }
}

fn is_subset<T: PartialEq>(all: &[T], of: &[T]) -> bool {
    all.iter().all(|one| of.contains(one))
}

/// Whether these places are all of those, or all that the law applies to.
fn covers_all(these: &Places, those: &Places, applies: &Places) -> bool {
    these.cover(those) || these.cover(applies)
}

fn includes(these: Option<&Vec<Category>>, those: Option<&Vec<Category>>) -> bool {
    match (these, those) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(these), Some(those)) => is_subset(those, these),
    }
}

fn report_unreachable(rule: &RuleInfo, spot: &Spot, first: &Spot, problems: &Problems) {
    let message = format!("`{}` never decides: an earlier rule does", rule.name);
    let problem = Problem::new(Code::Unreachable, &spot.span, message).related_in(
        &first.source,
        &first.span,
        "covers all of it",
    );
    problems.report(&spot.source, problem);
}

fn report_inapplicable(rule: &RuleInfo, spot: &Spot, applies: &Applies, problems: &Problems) {
    let message = format!("`{}` never decides: the law applies to none of these", rule.name);
    let problem = Problem::new(Code::Unreachable, &spot.span, message).related_in(
        &applies.spot.source,
        &applies.spot.span,
        "whom it applies to",
    );
    problems.report(&spot.source, problem);
}
