// SPDX-License-Identifier: Apache-2.0
//! The border on the way back: who asks from where.

use crate::base::{Category, Date, Jurisdiction, Region, RuleName};

use super::Border;
use super::law::{Law, RevealRule};
use super::places::{Code, Moment};
use super::residence::NO_JURISDICTION;

/// Whether a value may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevealVerdict {
    pub is_allowed: bool,
    /// The rules that keep it from being shown, or else those that permit it; empty
    /// when no law says anything about it.
    pub rules: Vec<RuleName>,
}

impl Border {
    /// Whether values of these jurisdictions may be shown to a caller who asks from
    /// there: every law that has a rule about it must permit it. A caller of whom the
    /// region is not known is nowhere.
    pub fn may_reveal(
        &self,
        jurisdictions: &[Jurisdiction],
        category: &Category,
        caller_region: Option<&Region>,
        today: Date,
    ) -> RevealVerdict {
        let refused = |rules| RevealVerdict { is_allowed: false, rules };
        let mut parts: Vec<Code> = Vec::new();
        let is_restricted = self.laws.iter().any(|law| !law.reveals.is_empty());
        let mut is_known = !jurisdictions.is_empty();
        for jurisdiction in jurisdictions {
            let own = self.atlas.parts(jurisdiction.as_str(), today);
            is_known &= !own.is_empty();
            parts.extend(own);
        }
        if is_restricted && !is_known {
            return refused(vec![NO_JURISDICTION]);
        }

        let moment = Moment::on(today);
        let (mut permit, mut forbid) = (Vec::new(), Vec::new());
        for part in &parts {
            for law in self.laws.iter().filter(|law| law.applies_to.hold(part, &moment)) {
                let Some(rule) = law.reveal_rule(part, category, &moment) else { continue };
                let is_there = caller_region
                    .is_some_and(|from| self.atlas.is_within(from.as_str(), &rule.to, &moment));
                let names = if is_there { &mut permit } else { &mut forbid };
                if !names.contains(&rule.rule.name) {
                    names.push(rule.rule.name.clone());
                }
            }
        }
        if forbid.is_empty() {
            RevealVerdict { is_allowed: true, rules: permit }
        } else {
            refused(forbid)
        }
    }
}

impl Law {
    fn reveal_rule(
        &self,
        part: &Code,
        category: &Category,
        moment: &Moment<'_>,
    ) -> Option<&RevealRule> {
        self.reveals.iter().find(|rule| {
            rule.of.hold(part, moment)
                && rule.categories.as_ref().is_none_or(|all| all.contains(category))
        })
    }
}
