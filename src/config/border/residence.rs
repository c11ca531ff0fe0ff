// SPDX-License-Identifier: Apache-2.0
//! Rules that tell whose law covers a record, and what its fields tell of consent.

use crate::base::{Jurisdiction, PrincipalName, Role};
use crate::border::{Condition, Finding, Places, ResidenceRule};
use crate::config::diagnostic::Code;
use crate::config::document::{Section, listed};
use crate::config::item::Item;
use crate::config::spelling::closest;

use super::findings::Written;
use super::{Reader, some_of};

/// Conditions that are not about a field.
const CONDITIONS: [&str; 4] = ["caller", "role", "caller_region", "known"];

impl Reader<'_> {
    /// `when` and `is`, `code_in`, or `otherwise`.
    pub(super) fn residence_rule(
        &self,
        law: &str,
        item: &Item<'_>,
    ) -> Option<Written<ResidenceRule>> {
        let section = item.section()?;
        let info = self.info(law, &section);
        let (when, finding) = if let Some(fields) = section.optional("code_in") {
            let fields = some_of(&fields, |item| self.field(item));
            (Some(Vec::new()), fields.map(Finding::CodeIn))
        } else if let Some(places) = section.optional("otherwise") {
            (Some(Vec::new()), self.finding(&places))
        } else {
            let when =
                section.optional_or("when", Vec::new(), |item| self.conditions(&item.section()?));
            let is = section.required("is").and_then(|places| self.finding(&places));
            (when, is)
        };
        section.finish();
        let (rule, spot) = info?;
        Some(Written { rule: ResidenceRule { rule, when: when?, finding: finding? }, spot })
    }

    /// One place, a list of them whose laws all hold, or `known`.
    fn finding(&self, item: &Item<'_>) -> Option<Finding> {
        if !item.is_list() && item.text()? == "known" {
            return Some(Finding::Known);
        }
        let name = |item: &Item<'_>| self.place(item).map(|(name, _)| Jurisdiction::new(name));
        some_of(item, name).map(Finding::Are)
    }

    fn conditions(&self, section: &Section<'_>) -> Option<Vec<Condition>> {
        let read: Vec<Option<Condition>> =
            section.entries().map(|(key, item)| self.condition(key, &item)).collect();
        read.into_iter().collect()
    }

    fn condition(&self, key: &str, item: &Item<'_>) -> Option<Condition> {
        let places = |item: &Item<'_>| -> Option<Places> { self.places(item, "anywhere") };
        match key {
            "caller" => {
                let callers = some_of(item, |name| name.chosen_name().map(PrincipalName::new));
                callers.map(Condition::Caller)
            }
            "role" => some_of(item, |name| name.chosen_name().map(Role::new)).map(Condition::Role),
            "caller_region" => places(item).map(Condition::CallerRegion),
            "known" => places(item).map(Condition::Known),
            _ => {
                let Some((object, field)) = self.field_named(key, item) else {
                    let message = format!("unknown condition `{key}`");
                    let problem = item.key_problem(Code::UnknownKey, message);
                    item.report(match closest(key, CONDITIONS) {
                        Some(meant) => problem.did_you_mean(meant),
                        None => problem.help(format!(
                            "a field such as `Contact.MailingCountry`, or {}",
                            listed(CONDITIONS.iter())
                        )),
                    });
                    return None;
                };
                let values = some_of(item, value)?;
                Some(Condition::Field { object, field, values })
            }
        }
    }
}

/// A value as it is compared.
fn value(item: &Item<'_>) -> Option<String> {
    item.text().map(crate::border::fold)
}
