// SPDX-License-Identifier: Apache-2.0
//! `subject` and `consents` of an object: whom its records are about, and what that
//! person has consented to.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::base::{FieldName, Purpose, Scope};
use crate::policy::{ConsentRule, FieldRule, Protection};

use super::diagnostic::Code;
use super::document::listed;
use super::item::Item;
use super::spelling::closest;

/// The fields that name the data subject, each of them once and protected.
pub fn subject(
    item: &Item<'_>,
    canonical: impl Fn(&str) -> FieldName,
    protected: &HashMap<FieldName, Arc<FieldRule>>,
) -> Option<Vec<FieldName>> {
    let fields = item.list_of(|item| {
        let name = item.chosen_name()?;
        let field = canonical(name);
        match protected.get(&field).map(|rule| rule.protection) {
            Some(Protection::Generalize(_) | Protection::Scan(_)) => {
                let message = format!(
                    "`{name}` names the data subject, but what is stored of it is not one person's alone"
                );
                item.report(item.problem(Code::Contradiction, message));
                return None;
            }
            Some(Protection::Hash { .. }) => {
                let message = format!(
                    "`{name}` names the data subject, but nothing tells from a hash who that is"
                );
                let help = "use `tokenize` or `encrypt`";
                item.report(item.problem(Code::Contradiction, message).help(help));
                return None;
            }
            Some(Protection::Tokenize { scope: Scope::Subject, .. }) => {
                let message = format!(
                    "`{name}` names the data subject, so equal values of it are one person's: \
                     `scope: subject` would give them several tokens"
                );
                item.report(item.problem(Code::Contradiction, message).help("leave `scope` out"));
                return None;
            }
            Some(_) => return Some(field),
            None => {}
        }
        let message = format!("`{name}` names the data subject, but `fields` does not protect it");
        let problem = item.problem(Code::UnprotectedSubject, message);
        let names = || protected.keys().map(FieldName::as_str).collect::<BTreeSet<_>>();
        item.report(match closest(field.as_str(), names()) {
            Some(meant) => problem.did_you_mean(meant),
            None => problem.help(format!("protected are {}", listed(names().iter()))),
        });
        None
    })?;
    let is_twice =
        |(at, field): (usize, &FieldName)| fields.iter().take(at).any(|one| one == field);
    if fields.is_empty() || fields.iter().enumerate().any(is_twice) {
        item.refuse(
            format!("`{}` names no field, or one twice", item.name),
            "name each field whose value is one person's, such as `[Email]`",
        );
        return None;
    }
    Some(fields)
}

/// `{ purpose: …, given: […], withdrawn: […] }` of a field.
pub fn consent(item: &Item<'_>) -> Option<ConsentRule> {
    let section = item.section()?;
    let purpose = section.required("purpose").and_then(|purpose| purpose.chosen_name());
    let texts = |key| {
        section.optional_or(key, Vec::new(), |list| {
            list.list_of(|item| item.text().map(str::to_owned))
        })
    };
    let (given, withdrawn) = (texts("given"), texts("withdrawn"));
    section.finish();
    let rule =
        ConsentRule { purpose: Purpose::new(purpose?), given: given?, withdrawn: withdrawn? };
    let is_both =
        |text: &String| rule.withdrawn.iter().any(|other| other.eq_ignore_ascii_case(text));
    if rule.given.is_empty() && rule.withdrawn.is_empty() {
        item.refuse(
            format!("`{}` means neither consent nor its withdrawal, whatever it holds", item.name),
            "list values under `given`, `withdrawn` or both",
        );
    } else if let Some(text) = rule.given.iter().find(|text| is_both(text)) {
        let message = format!("`{text}` means both that consent is given and that it is withdrawn");
        item.report(item.problem(Code::Contradiction, message));
    } else {
        return Some(rule);
    }
    None
}
