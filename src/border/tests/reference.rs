// SPDX-License-Identifier: Apache-2.0
//! What the border should decide, said once more and as simply as can be: every place
//! that is meant, every law, every rule, one after the other. It works from the
//! generated words alone and uses nothing of `border`.

use std::collections::BTreeSet;

use super::generate::{Basis, CATEGORIES, Cargo, Consent, Days, FIELDS, Law, Transfer, World};

#[derive(Debug, PartialEq, Eq)]
pub struct Expected {
    pub action: String,
    pub rules: BTreeSet<String>,
    pub bases: BTreeSet<String>,
}

pub struct Reference<'w> {
    pub world: &'w World,
    pub cargo: &'w Cargo,
    /// A mistake on purpose: takes the last day of a basis for the day after it.
    pub ends_too_early: bool,
}

/// One answer of one rule.
struct Answer {
    law: String,
    rule: String,
    action: String,
    basis: Option<String>,
}

/// Whether a code is a place, or a part of it.
fn is_part(code: &str, place: &str) -> bool {
    code.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn rank(action: &str) -> usize {
    let word = action.split(' ').next().unwrap();
    ["allow", "tokenize", "drop", "route", "refuse"].iter().position(|it| *it == word).unwrap()
}

impl Reference<'_> {
    pub fn decide(&self) -> Expected {
        let cargo = self.cargo;
        if cargo.jurisdictions.is_empty() {
            return refused("border/no-jurisdiction");
        }
        let mut origins = BTreeSet::new();
        for place in &cargo.jurisdictions {
            let meant = self.meant_by(place);
            if meant.is_empty() {
                return refused("border/unknown-place");
            }
            origins.extend(meant);
        }
        let destinations = self.meant_by(cargo.region);
        if destinations.is_empty() {
            return refused("border/unknown-place");
        }

        let mut answers = Vec::new();
        for origin in &origins {
            for destination in &destinations {
                let mut has_spoken = false;
                for law in &self.world.laws {
                    if self.is_one_of(law.applies_to.as_ref(), origin)
                        && let Some(answer) = self.transfer(law, origin, destination)
                    {
                        has_spoken = true;
                        answers.push(answer);
                    }
                }
                if !has_spoken {
                    answers.push(Answer {
                        law: "border".into(),
                        rule: "border/no-law".into(),
                        action: "refuse".into(),
                        basis: None,
                    });
                }
            }
            for law in &self.world.laws {
                if self.is_one_of(law.applies_to.as_ref(), origin) {
                    for rule in &law.consents {
                        answers.extend(self.consent(law, rule, origin));
                    }
                }
            }
        }
        sum_up(&answers)
    }

    fn transfer(&self, law: &Law, origin: &str, destination: &str) -> Option<Answer> {
        for rule in &law.transfers {
            if self.is_one_of(rule.from.as_ref(), origin)
                && self.is_one_of(rule.to.as_ref(), destination)
                && self.is_about_category(rule.categories.as_ref())
            {
                let (action, basis) = self.outcome(rule, origin, destination);
                let rule = format!("{}/{}-{}", law.name, rule.name, law.name);
                return Some(Answer { law: law.name.clone(), rule, action, basis });
            }
        }
        let rule = format!("{}/otherwise", law.name);
        let action = law.otherwise.to_owned();
        (action != "abstain").then(|| Answer { law: law.name.clone(), rule, action, basis: None })
    }

    fn outcome(
        &self,
        rule: &Transfer,
        origin: &str,
        destination: &str,
    ) -> (String, Option<String>) {
        let mut basis = None;
        if !rule.bases.is_empty() {
            for name in &rule.bases {
                let defined = self.world.bases.iter().find(|basis| basis.name == *name).unwrap();
                basis = basis.or_else(|| self.valid(defined, destination));
            }
            if basis.is_none() {
                return ("refuse".into(), None);
            }
        }
        let is_clear = self.cargo.has_category && self.cargo.protection == "clear";
        match rule.action {
            "allow" if rule.protected && is_clear => (self.instead(rule.otherwise), basis),
            "allow" => ("allow".into(), basis),
            "keep_local" if self.would_be_kept_elsewhere(rule, origin) => ("refuse".into(), None),
            "keep_local" => (self.instead("tokenize"), basis),
            "route" if rule.upstream == self.cargo.upstream => ("refuse".into(), None),
            "route" => (format!("route {}", rule.upstream), None),
            "refuse" => ("refuse".into(), None),
            other => panic!("{other}"),
        }
    }

    fn would_be_kept_elsewhere(&self, rule: &Transfer, origin: &str) -> bool {
        let is_kept = self.cargo.has_category && self.cargo.protection != "gone";
        let places = self.cargo.vault.map(|vault| self.meant_by(vault)).unwrap_or_default();
        let is_local = |place: &String| match &rule.from {
            None => is_part(place, origin),
            Some(from) => self.is_one_of(Some(from), place),
        };
        is_kept && (places.is_empty() || !places.iter().all(is_local))
    }

    fn instead(&self, wanted: &str) -> String {
        let protection = self.cargo.protection;
        let is_done = match wanted {
            "drop" => protection == "gone",
            "tokenize" => protection == "gone" || protection == "token",
            _ => return "refuse".into(),
        };
        if !self.cargo.has_category || is_done { "allow".into() } else { wanted.into() }
    }

    /// The name of the basis, if it is valid.
    fn valid(&self, basis: &Basis, destination: &str) -> Option<String> {
        if let Some(group) = basis.group {
            let (_, members) = self.world.groups.iter().find(|(name, _)| *name == group).unwrap();
            let found = members.iter().filter(|member| {
                let is_it = is_part(destination, member.place);
                is_it && self.is_basis_day(member.days) && self.is_in_scope(member.scope)
            });
            return found.map(|member| format!("{}-{}", basis.name, member.place)).min();
        }
        let consented = basis.kind != "consent" || self.has_consent(basis.purpose);
        (self.is_basis_day(basis.days) && consented).then(|| basis.name.clone())
    }

    fn is_basis_day(&self, days: Days) -> bool {
        let last =
            days.1.map(|last| if self.ends_too_early { last.saturating_sub(1) } else { last });
        self.is_day((days.0, last))
    }

    fn consent(&self, law: &Law, rule: &Consent, origin: &str) -> Option<Answer> {
        let cargo = self.cargo;
        let is_among = |all: &Option<Vec<&str>>, one: Option<&str>, unknown: bool| match (all, one)
        {
            (None, _) => true,
            (Some(_), None) => unknown,
            (Some(all), Some(one)) => all.contains(&one),
        };
        let field = cargo.field.map(|at| FIELDS[at]);
        let applies = self.is_one_of(rule.of.as_ref(), origin)
            && self.is_about_category(rule.categories.as_ref())
            && is_among(&rule.fields, field, false)
            && is_among(&rule.operations, cargo.operation, true)
            && is_among(&rule.purposes, cargo.purpose, false);
        if !applies {
            return None;
        }
        let is_met = match rule.needs {
            "consent" => self.has_consent(rule.purpose),
            "no_objection" => match rule.purpose.or(cargo.purpose) {
                None => false,
                Some(purpose) => self.last_word(purpose).is_none_or(|(is_given, _)| is_given),
            },
            _ => cargo.purpose.is_some() && is_among(&rule.permitted, cargo.purpose, false),
        };
        Some(Answer {
            law: law.name.clone(),
            rule: format!("{}/{}-{}", law.name, rule.name, law.name),
            action: if is_met { "allow".into() } else { self.instead(rule.without) },
            basis: None,
        })
    }

    fn has_consent(&self, purpose: Option<&str>) -> bool {
        let Some(purpose) = purpose.or(self.cargo.purpose) else { return false };
        self.last_word(purpose).is_some_and(|(is_given, days)| is_given && self.is_day(days))
    }

    /// What the data subject said last of a purpose.
    fn last_word(&self, purpose: &str) -> Option<(bool, Days)> {
        let said = self.cargo.consents.iter().filter(|(of, ..)| *of == purpose);
        said.map(|(_, is_given, days)| (*is_given, *days)).next_back()
    }

    fn is_about_category(&self, categories: Option<&Vec<&str>>) -> bool {
        let Some(categories) = categories else { return true };
        let category = self.cargo.field.map(|at| CATEGORIES[at]);
        self.cargo.has_category && categories.contains(&category.unwrap())
    }

    fn is_day(&self, (from, until): Days) -> bool {
        from.is_none_or(|from| from <= self.cargo.today)
            && until.is_none_or(|until| self.cargo.today <= until)
    }

    fn is_in_scope(&self, scope: Option<&str>) -> bool {
        scope.is_none_or(|scope| {
            self.world.confirmed.iter().any(|confirmed| {
                confirmed.scope == scope
                    && confirmed.upstream == self.cargo.upstream
                    && self.is_day(confirmed.days)
            })
        })
    }

    fn is_one_of(&self, places: Option<&Vec<&'static str>>, code: &str) -> bool {
        let is_it = |place: &&str| self.contains(place, code);
        places.is_none_or(|places| places.iter().any(is_it))
    }

    fn contains(&self, place: &str, code: &str) -> bool {
        match self.world.groups.iter().find(|(name, _)| *name == place) {
            None => is_part(code, place),
            Some((_, members)) => members.iter().any(|member| {
                self.is_day(member.days)
                    && self.is_in_scope(member.scope)
                    && self.contains(member.place, code)
            }),
        }
    }

    /// Every code that a place may stand for.
    fn meant_by(&self, place: &str) -> BTreeSet<String> {
        if let Some((_, members)) = self.world.groups.iter().find(|(name, _)| *name == place) {
            let today = members.iter().filter(|member| self.is_day(member.days));
            return today.flat_map(|member| self.meant_by(member.place)).collect();
        }
        if place == "ZZ" {
            return BTreeSet::new();
        }
        let mut meant = BTreeSet::from([place.to_owned()]);
        if place == "US" {
            // The groups of every world speak of California.
            meant.insert("US-CA".into());
            if self.speaks_of("US-NY") {
                meant.insert("US-NY".into());
            }
        }
        meant
    }

    fn speaks_of(&self, code: &str) -> bool {
        let names = |list: &Option<Vec<&str>>| list.as_ref().is_some_and(|all| all.contains(&code));
        self.world.laws.iter().any(|law| {
            names(&law.applies_to)
                || law.transfers.iter().any(|rule| names(&rule.from) || names(&rule.to))
                || law.consents.iter().any(|rule| names(&rule.of))
        })
    }
}

fn refused(rule: &str) -> Expected {
    Expected { action: "refuse".into(), rules: [rule.into()].into(), bases: BTreeSet::new() }
}

fn sum_up(answers: &[Answer]) -> Expected {
    let strictest = answers.iter().map(|answer| rank(&answer.action)).max().unwrap();
    let last: BTreeSet<&str> = answers
        .iter()
        .filter(|answer| rank(&answer.action) == strictest)
        .map(|answer| answer.action.as_str())
        .collect();
    let action = if last.len() > 1 { "refuse" } else { last.first().unwrap() };
    let decides = |answer: &&Answer| {
        let of_law = answers.iter().filter(|other| other.law == answer.law);
        Some(rank(&answer.action)) == of_law.map(|other| rank(&other.action)).max()
    };
    let happens = rank(action) < rank("route x");
    Expected {
        action: action.to_owned(),
        rules: answers.iter().filter(decides).map(|answer| answer.rule.clone()).collect(),
        bases: answers
            .iter()
            .filter(|_| happens)
            .filter_map(|answer| answer.basis.clone())
            .collect(),
    }
}
