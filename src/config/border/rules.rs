// SPDX-License-Identifier: Apache-2.0
//! Rules about transfers, consent and reveal.

use crate::base::{Category, OperationName, Purpose};
use crate::border::{ConsentRule, Effect, Fallback, Need, RevealRule, TransferRule};
use crate::config::diagnostic::Code;
use crate::config::document::Section;
use crate::config::item::Item;
use crate::config::spelling::{closest, slip_of};
use crate::config::upstream::operation_names;

use super::bases::Bases;
use super::findings::Written;
use super::{Reader, some_of};

const FALLBACKS: [(&str, Fallback); 3] =
    [("refuse", Fallback::Refuse), ("drop", Fallback::Drop), ("tokenize", Fallback::Tokenize)];

impl Reader<'_> {
    pub(super) fn transfer(
        &self,
        law: &str,
        item: &Item<'_>,
        bases: Option<&Bases>,
    ) -> Option<Written<TransferRule>> {
        let section = item.section()?;
        let info = self.info(law, &section);
        let from = self.places_or_any(&section, "from", "anyone");
        let to = section.required("to").and_then(|item| self.places(&item, "anywhere"));
        let categories = self.categories(&section);
        let effect = self.effect(&section);
        let bases = match &effect {
            Some(Effect::Route(_) | Effect::Refuse) => Some(Vec::new()),
            _ => section
                .optional_or("basis", Vec::new(), |item| some_of(&item, |name| bases?.find(name))),
        };
        section.finish();
        let (rule, spot) = info?;
        let rule = TransferRule {
            rule,
            from: from?,
            to: to?,
            categories: categories?,
            effect: effect?,
            bases: bases?,
        };
        Some(Written { rule, spot })
    }

    fn effect(&self, section: &Section<'_>) -> Option<Effect> {
        #[derive(Clone, Copy)]
        enum Word {
            Allow,
            KeepLocal,
            Route,
            Refuse,
        }
        let words = [
            ("allow", Word::Allow),
            ("keep_local", Word::KeepLocal),
            ("route", Word::Route),
            ("refuse", Word::Refuse),
        ];
        match section.required("action")?.choice(&words)? {
            Word::Allow => {
                let Some(require) = section.optional("require") else { return Some(Effect::Allow) };
                require.choice(&[("protected", ())])?;
                let otherwise = section
                    .optional_or("otherwise", Fallback::Refuse, |item| item.choice(&FALLBACKS))?;
                Some(Effect::RequireProtected { otherwise })
            }
            Word::KeepLocal => Some(Effect::KeepLocal),
            Word::Route => section.required("upstream").and_then(|item| {
                let upstream = self.upstream(&item)?;
                Some(Effect::Route(upstream))
            }),
            Word::Refuse => Some(Effect::Refuse),
        }
    }

    pub(super) fn consent(&self, law: &str, item: &Item<'_>) -> Option<ConsentRule> {
        let section = item.section()?;
        let info = self.info(law, &section);
        let of = self.places_or_any(&section, "of", "anyone");
        let categories = self.categories(&section);
        let fields = listed(&section, "fields", |item| self.field(item));
        let operations = listed(&section, "operations", |item| self.operation(item));
        let purposes = listed(&section, "purposes", purpose);
        let need = need(&section);
        let without = section.required("without").and_then(|item| item.choice(&FALLBACKS));
        section.finish();
        let (rule, _) = info?;
        Some(ConsentRule {
            rule,
            of: of?,
            categories: categories?,
            fields: fields?,
            operations: operations?,
            purposes: purposes?,
            need: need?,
            without: without?,
        })
    }

    /// The name of an operation; warns if no CRM has one of that name. It may be one of
    /// another upstream.
    fn operation(&self, item: &Item<'_>) -> Option<OperationName> {
        let name = item.chosen_name()?;
        let own = self.context.dialect.operations();
        if !own.is_empty() && operation_names().all(|known| known != name) {
            let message = format!("no CRM has the operation `{name}`, so nothing is asked for it");
            let problem = item.problem(Code::UnknownTarget, message);
            item.report(match closest(name, own.iter().map(|(name, _)| *name)) {
                Some(meant) => problem.did_you_mean(meant),
                None => problem.help("`docs/COVERAGE.md` lists them"),
            });
        }
        Some(OperationName::new(name))
    }

    pub(super) fn reveal(&self, law: &str, item: &Item<'_>) -> Option<Written<RevealRule>> {
        let section = item.section()?;
        let info = self.info(law, &section);
        let of = self.places_or_any(&section, "of", "anyone");
        let categories = self.categories(&section);
        let to = section.required("to").and_then(|item| self.places(&item, "anywhere"));
        section.finish();
        let (rule, spot) = info?;
        Some(Written { rule: RevealRule { rule, of: of?, categories: categories?, to: to? }, spot })
    }

    /// Warns about names that are nearly those of categories. Others may be meant for
    /// the policies of other upstreams.
    #[expect(clippy::option_option, reason = "outside: whether it could be read")]
    fn categories(&self, section: &Section<'_>) -> Option<Option<Vec<Category>>> {
        listed(section, "categories", |item| {
            let category = Category::new(item.chosen_name()?);
            if let Some(known) = &self.context.categories
                && !known.contains(&category)
                && let Some(meant) = slip_of(category.as_str(), known.iter().map(Category::as_str))
            {
                let message = format!("`{category}` is no category of the policy, and nearly one");
                item.report(item.problem(Code::UnknownTarget, message).did_you_mean(meant));
            }
            Some(category)
        })
    }
}

/// A list that may be left out, which means all.
#[expect(clippy::option_option, reason = "outside: whether it could be read")]
fn listed<'d, T>(
    section: &Section<'d>,
    key: &'static str,
    read: impl Fn(&Item<'d>) -> Option<T>,
) -> Option<Option<Vec<T>>> {
    section.optional_or(key, None, |item| some_of(&item, read).map(Some))
}

fn purpose(item: &Item<'_>) -> Option<Purpose> {
    item.chosen_name().map(Purpose::new)
}

/// `needs`, and which purpose it is about.
fn need(section: &Section<'_>) -> Option<Need> {
    #[derive(Clone, Copy)]
    enum Word {
        Consent,
        NoObjection,
        Purpose,
    }
    let words = [
        ("consent", Word::Consent),
        ("no_objection", Word::NoObjection),
        ("purpose", Word::Purpose),
    ];
    let own = || section.optional_or("purpose", None, |item| purpose(&item).map(Some));
    match section.required("needs")?.choice(&words)? {
        Word::Consent => own().map(Need::Consent),
        Word::NoObjection => own().map(Need::NoObjection),
        Word::Purpose => listed(section, "permitted", purpose).map(Need::Purpose),
    }
}
