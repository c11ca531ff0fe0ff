// SPDX-License-Identifier: Apache-2.0
//! What is expected of one field, and what is decided about it.

use smol_str::SmolStr;

use crate::border::{RevealVerdict, Verdict};
use crate::config::diagnostic::Code;
use crate::config::document::listed;
use crate::config::item::Item;
use crate::config::question::{Answer, Question, Standing};
use crate::policy::{FieldRule, Reveal};

use super::Caller;

/// A field, and what is decided about it.
pub struct Subject<'s> {
    pub answer: &'s Answer<'s>,
    /// Where it is expected.
    pub item: &'s Item<'s>,
}

impl Subject<'_> {
    pub(super) fn rule(&self) -> Option<&FieldRule> {
        match self.answer.standing {
            Standing::Protected(rule) => Some(rule),
            Standing::Clear | Standing::Refused => None,
        }
    }

    /// The rule of the policy that decides.
    pub(super) fn origin(&self) -> String {
        match self.rule() {
            Some(rule) => format!("the policy decides by `{}`", rule.id),
            None => "the policy does not list it".to_owned(),
        }
    }

    pub(super) fn protection(&self, item: &Item<'_>) -> Option<()> {
        let words = [
            "tokenize",
            "encrypt",
            "format_preserving",
            "hash",
            "mask",
            "generalize",
            "scan",
            "drop",
            "none",
            "refuse",
        ];
        let expected = item.choice(&words.map(|word| (word, word)))?;
        let got = match self.answer.standing {
            Standing::Protected(rule) => rule.protection.name(),
            Standing::Clear => "none",
            Standing::Refused => "refuse",
        };
        self.expect(item, expected, got, &self.origin());
        Some(())
    }

    /// What such a caller sees, by the policy and the border.
    pub(super) fn reveal(
        &self,
        question: &Question<'_>,
        caller: &Caller,
        item: &Item<'_>,
    ) -> Option<()> {
        let words = [Reveal::Full, Reveal::Mask, Reveal::Surrogate].map(|it| (it.as_str(), it));
        let expected = item.choice(&words)?;
        let Some(rule) = self.rule() else {
            self.expect(item, expected.as_str(), Reveal::Full.as_str(), &self.origin());
            return Some(());
        };
        let seen = question.policy.visibility(rule, &caller.roles);
        let border = question.policy.border.as_ref();
        let refused = border
            .map(|border| {
                let (of, from) = (question.jurisdictions, caller.region.as_ref());
                border.may_reveal(of, &rule.category, from, question.today)
            })
            .filter(|verdict| !verdict.is_allowed);
        let is_kept = rule.protection.shape().is_some();
        let (got, why) = match (refused, is_kept) {
            (Some(RevealVerdict { rules, .. }), _) => {
                (Reveal::Surrogate, format!("{} keeps it closed", listed(rules.iter())))
            }
            (None, false) => (
                Reveal::Surrogate,
                format!("a value under `{}` cannot be opened", rule.protection.name()),
            ),
            (None, true) => {
                let rights = format!("`categories.{}.reveal`", rule.category);
                let why = match seen.role {
                    Some(role) => format!("{rights} says so for `{role}`"),
                    None => format!("{rights} names no role of the caller"),
                };
                (seen.reveal, why)
            }
        };
        self.expect(item, expected.as_str(), got.as_str(), &why);
        Some(())
    }

    pub(super) fn border(&self, verdict: &Verdict, asked: [Option<Item<'_>>; 3]) -> Option<()> {
        let decided = verdict.opinions.iter().filter(|it| verdict.rules.contains(&it.rule.name));
        let why: Vec<String> = decided
            .map(|opinion| {
                let at = opinion.rule.origin.as_ref().map(|at| format!(" ({at})"));
                format!("{}: {}{}", opinion.rule.name, opinion.because, at.unwrap_or_default())
            })
            .collect();
        let why = why.join("; ");
        let [action, rule, basis] = asked;
        if let Some(item) = action {
            let words = ["allow", "tokenize", "drop", "route", "refuse"];
            let expected = item.choice(&words.map(|word| (word, word)))?;
            self.expect(&item, expected, verdict.action.as_str(), &why);
        }
        let rules: Vec<SmolStr> = verdict.rules.iter().map(|it| it.as_str().into()).collect();
        let bases: Vec<SmolStr> = verdict.bases.iter().map(|it| it.name.as_str().into()).collect();
        for (item, got) in [(rule, rules), (basis, bases)] {
            let Some(item) = item else { continue };
            let expected = item.text()?;
            if !got.iter().any(|got| got == expected) {
                let got = if got.is_empty() { "none".to_owned() } else { got.join(", ") };
                self.expect(&item, expected, &got, &why);
            }
        }
        Some(())
    }

    pub(super) fn expect(&self, item: &Item<'_>, expected: &str, got: &str, why: &str) {
        if expected != got {
            let Answer { object, field, .. } = self.answer;
            let what = item.name.rsplit('.').next().filter(|_| item.name != self.item.name);
            let what = what.unwrap_or("protect");
            let message = format!("`{object}.{field}`: expected `{what}: {expected}`, got `{got}`");
            item.report(item.problem(Code::Unmet, message).help(why));
        }
    }
}
