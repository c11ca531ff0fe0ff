// SPDX-License-Identifier: Apache-2.0
//! Names in tests. What is expected under a misspelt one may hold all the same, and say
//! nothing of what was meant.

use std::collections::BTreeSet;

use crate::base::{OperationName, Purpose, Role};
use crate::config::diagnostic::{Code, Problem};
use crate::config::document::Name;
use crate::config::item::Item;
use crate::config::question::is_composed;
use crate::config::spelling::closest;
use crate::crm::Dialect;
use crate::policy::Policy;

use super::Tester;

/// Names that the CRM or the policy has, in canonical spelling.
pub(super) struct Known {
    /// With their objects.
    fields: BTreeSet<(String, String)>,
    objects: BTreeSet<String>,
    roles: BTreeSet<String>,
    purposes: BTreeSet<String>,
}

impl Known {
    pub fn new(dialect: &dyn Dialect, policy: &Policy) -> Self {
        let of_policy = policy.objects.iter().flat_map(|(object, rule)| {
            rule.fields.keys().map(|field| (object.to_string(), field.to_string()))
        });
        let of_crm = dialect.known_fields().into_iter();
        let of_crm = of_crm.map(|(object, field)| (object.to_string(), field.to_string()));
        let fields: BTreeSet<_> = of_policy.chain(of_crm).collect();
        let objects = policy.objects.keys().map(ToString::to_string);
        let objects = objects.chain(fields.iter().map(|(object, _)| object.clone())).collect();
        let roles = policy.categories.values().flat_map(|category| category.reveal.keys());
        let roles = roles.map(ToString::to_string).collect();
        let purposes = policy.purposes().iter().map(ToString::to_string).collect();
        Self { fields, objects, roles, purposes }
    }
}

impl Tester<'_> {
    pub(super) fn object<'d>(&self, item: &Item<'d>) -> Option<&'d str> {
        let name = item.chosen_name()?;
        let object = self.dialect.canonical_object(name);
        let known = self.known.objects.iter().map(String::as_str);
        self.document.report_slip(
            Code::UnknownField,
            &written(item, name),
            (object.as_str(), "object"),
            known,
        );
        Some(name)
    }

    /// A field that something can be expected of.
    pub(super) fn check_field(&self, object: &str, name: &Name<'_>) -> Option<()> {
        let object = self.dialect.canonical_object(object);
        let field = self.dialect.canonical_field(&object, name.text);
        if is_composed(self.dialect, &object, &field) {
            let message = format!("`{name}` is composed of other fields");
            let problem = Problem::new(Code::InvalidValue, &name.span, message);
            self.document.report(problem.help("say what is expected of those"));
            return None;
        }
        let of_object = self.known.fields.iter().filter(|(known, _)| known == object.as_str());
        let known = of_object.map(|(_, field)| field.as_str());
        self.document.report_slip(Code::UnknownField, name, (field.as_str(), "field"), known);
        Some(())
    }

    pub(super) fn role(&self, item: &Item<'_>) -> Option<Role> {
        let name = item.chosen_name()?;
        let known = self.known.roles.iter().map(String::as_str);
        self.document.report_slip(
            Code::UnknownRole,
            &written(item, name),
            (name, "role of the policy"),
            known,
        );
        Some(Role::new(name))
    }

    pub(super) fn purpose(&self, item: &Item<'_>) -> Option<Purpose> {
        item.chosen_name().map(|name| self.purpose_named(&written(item, name)))
    }

    pub(super) fn purpose_named(&self, name: &Name<'_>) -> Purpose {
        let known = self.known.purposes.iter().map(String::as_str);
        self.document.report_slip(
            Code::UnknownTarget,
            name,
            (name.text, "purpose of the policy"),
            known,
        );
        Purpose::new(name.text)
    }

    /// An operation that the dialect has, if it says which it has.
    pub(super) fn operation(&self, item: &Item<'_>) -> Option<OperationName> {
        let name = item.chosen_name()?;
        let known = self.dialect.operations();
        if !known.is_empty() && known.iter().all(|(known, _)| *known != name) {
            let message = format!("`{}` has no operation `{name}`", self.dialect.name());
            let problem = item.problem(Code::InvalidValue, message);
            item.report(match closest(name, known.iter().map(|(name, _)| *name)) {
                Some(meant) => problem.did_you_mean(meant),
                None => problem.help("`docs/COVERAGE.md` lists them"),
            });
            return None;
        }
        Some(OperationName::new(name))
    }
}

/// A name that stands as a value.
fn written<'d>(item: &Item<'_>, text: &'d str) -> Name<'d> {
    Name { text, span: item.span().clone() }
}
