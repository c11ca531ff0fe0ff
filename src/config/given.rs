// SPDX-License-Identifier: Apache-2.0
//! What callers are given: roles, a purpose, a region. A slip in one of them is no error
//! of the document, but no policy would know it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::base::{PrincipalName, Purpose, Region, Role};
use crate::caller::Principal;

use super::border::unknown_place;
use super::diagnostic::{Code, Problem, Problems};
use super::document::{Section, listed};
use super::item::Item;
use super::model::UpstreamSettings;
use super::source::Source;
use super::spelling::{closest, slip_of};

/// A word, and where it is written.
#[derive(Clone, Debug)]
pub struct Given<T> {
    pub word: T,
    source: Arc<Source>,
    span: Range<usize>,
}

impl<T: for<'n> From<&'n str>> Given<T> {
    fn read(item: &Item<'_>) -> Option<Self> {
        let (source, span) = (Arc::clone(&item.document.source), item.span().clone());
        Some(Self { word: T::from(item.chosen_name()?), source, span })
    }

    fn report(&self, problems: &Problems, problem: Problem) {
        problems.report(&self.source, problem);
    }
}

/// All that callers are given.
#[derive(Clone, Debug, Default)]
pub struct Words {
    pub roles: Vec<Given<Role>>,
    purposes: Vec<Given<Purpose>>,
    regions: Vec<Given<Region>>,
}

impl Words {
    /// `roles`, and `purpose` and `region`, which a caller may do without.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let roles = section.required("roles").and_then(|list| list.list_of(Given::read));
        let purposes = section.optional_or("purpose", Vec::new(), |item| one(&item));
        let regions = section.optional_or("region", Vec::new(), |item| one(&item));
        Some(Self { roles: roles?, purposes: purposes?, regions: regions? })
    }

    /// The caller who is given them.
    pub fn principal(&self, name: &str) -> Principal {
        Principal {
            name: PrincipalName::new(name),
            roles: self.role_names().collect(),
            purpose: self.purposes.first().map(|given| given.word.clone()),
            region: self.regions.first().map(|given| given.word.clone()),
        }
    }

    pub fn role_names(&self) -> impl Iterator<Item = Role> {
        self.roles.iter().map(|given| given.word.clone())
    }

    pub fn extend(&mut self, more: Self) {
        self.roles.extend(more.roles);
        self.purposes.extend(more.purposes);
        self.regions.extend(more.regions);
    }

    /// Reports what no policy knows.
    pub fn report_unknown(&self, problems: &Problems, upstreams: &[UpstreamSettings]) {
        let categories = upstreams.iter().flat_map(|upstream| upstream.policy.categories.values());
        let roles: BTreeSet<_> = categories.flat_map(|category| category.reveal.keys()).collect();
        for given in self.roles.iter().filter(|given| !roles.contains(&given.word)) {
            let message = format!("no policy names the role `{}`", given.word);
            let problem = Problem::new(Code::UnknownRole, &given.span, message)
                .label("its callers see surrogates");
            let known = || roles.iter().map(|role| role.as_str());
            let problem = match closest(given.word.as_str(), known()) {
                Some(meant) => problem.did_you_mean(meant),
                None => problem.help(format!("the policies name {}", listed(known()))),
            };
            given.report(problems, problem);
        }

        let purposes: BTreeSet<Purpose> =
            upstreams.iter().flat_map(|upstream| upstream.policy.purposes()).collect();
        for given in self.purposes.iter().filter(|given| !purposes.contains(&given.word)) {
            // Any other may be a purpose that no rule is about.
            let known = purposes.iter().map(Purpose::as_str);
            if let Some(meant) = slip_of(given.word.as_str(), known) {
                let message = format!("no policy knows the purpose `{}`", given.word);
                let problem = Problem::new(Code::UnknownTarget, &given.span, message)
                    .label("no rule for a purpose asks its callers anything");
                given.report(problems, problem.did_you_mean(meant));
            }
        }

        let borders = || upstreams.iter().filter_map(|upstream| upstream.policy.border.as_ref());
        for given in &self.regions {
            let name = given.word.as_str();
            if borders().next().is_some() && !borders().any(|border| border.atlas.knows(name)) {
                let groups = borders().flat_map(|border| border.atlas.group_names());
                given.report(problems, unknown_place(&given.span, name, groups));
            }
        }
    }
}

fn one<T: for<'n> From<&'n str>>(item: &Item<'_>) -> Option<Vec<Given<T>>> {
    Given::read(item).map(|given| vec![given])
}
