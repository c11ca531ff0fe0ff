// SPDX-License-Identifier: Apache-2.0
//! Transfer bases, and confirmations that an upstream is within the scope of one.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::SmolStr;

use crate::base::{BasisName, Purpose, UpstreamName};
use crate::border::{Basis, BasisChoice, BasisKind, Confirmation, Member};
use crate::config::diagnostic::Code;
use crate::config::document::{Section, listed};
use crate::config::item::Item;
use crate::config::spelling::closest;

use super::places::window;
use super::{Reader, Spot, some_of};

/// The bases that rules may name, and what each stands for.
pub struct Bases {
    named: BTreeMap<String, (BasisChoice, Spot)>,
    /// Each once: one for every member of a group that a basis is about.
    pub all: Vec<Arc<Basis>>,
}

impl Bases {
    /// One of the bases, by its name.
    pub fn find(&self, item: &Item<'_>) -> Option<BasisChoice> {
        let name = item.chosen_name()?;
        if let Some((choice, _)) = self.named.get(name) {
            return Some(choice.clone());
        }
        let problem = item.problem(Code::UnknownBasis, format!("there is no basis `{name}`"));
        let known = || self.named.keys().map(String::as_str);
        item.report(match closest(name, known()) {
            Some(meant) => problem.did_you_mean(meant),
            None if self.named.is_empty() => problem.help("define it under `bases`"),
            None => problem.help(format!("there are {}", listed(known()))),
        });
        None
    }
}

impl Reader<'_> {
    pub(super) fn bases(&self, sections: &[Section<'_>]) -> Option<Bases> {
        let mut bases = Some(Bases { named: BTreeMap::new(), all: Vec::new() });
        for section in sections {
            let Some(item) = section.optional("bases") else { continue };
            for (name, item) in item.section()?.named() {
                let spot = Spot::of_key(&item);
                let choice = self.basis(name.text, &item, &spot);
                match (choice, &mut bases) {
                    (Some(choice), Some(bases)) => {
                        if let Some((_, first)) = bases.named.get(name.text) {
                            first.report_twice(&item, &name.span, "basis", name.text);
                            continue;
                        }
                        match &choice {
                            BasisChoice::One(basis) => bases.all.push(Arc::clone(basis)),
                            BasisChoice::OfMember { members, .. } => {
                                bases.all.extend(members.iter().map(|(_, it)| Arc::clone(it)));
                            }
                        }
                        bases.named.insert(name.text.to_owned(), (choice, spot));
                    }
                    _ => bases = None,
                }
            }
        }
        bases
    }

    /// `{ kind: scc, reference: SCC-2026-014, until: 2027-06-30 }`, or for decisions
    /// that made regions members of a group `{ kind: adequacy, group: adequate }`.
    fn basis(&self, name: &str, item: &Item<'_>, spot: &Spot) -> Option<BasisChoice> {
        let section = item.section()?;
        let kind = section
            .required("kind")
            .and_then(|kind| kind.choice(&BasisKind::ALL.map(|kind| (kind.as_str(), kind))));
        if let Some(group) = section.optional("group") {
            section.finish();
            return self.decisions(name, kind?, &group, spot);
        }
        let reference = section.optional_or("reference", None, |text| text.text().map(Some));
        let window = window(&section);
        let purpose = match kind {
            Some(BasisKind::Consent) => {
                section.optional_or("purpose", None, |name| name.chosen_name().map(Some))
            }
            _ => Some(None),
        };
        section.finish();
        Some(BasisChoice::One(Arc::new(Basis {
            name: BasisName::new(name),
            kind: kind?,
            reference: reference?.map(SmolStr::new),
            window: window?,
            purpose: purpose?.map(Purpose::new),
            origin: Some(spot.origin()),
        })))
    }

    fn decisions(
        &self,
        name: &str,
        kind: BasisKind,
        group: &Item<'_>,
        spot: &Spot,
    ) -> Option<BasisChoice> {
        let (_, members) = self.place(group)?;
        let decision = |member: Member| {
            let Some(reference) = member.reference.clone() else {
                let message =
                    format!("the member `{}` of the group has no `reference`", member.code);
                group.report(group.problem(Code::MissingKey, message));
                return None;
            };
            let basis = Basis {
                name: BasisName::new(format!("{name}-{}", member.code)),
                kind,
                reference: Some(reference),
                window: member.window,
                purpose: None,
                origin: Some(spot.origin()),
            };
            Some((member, Arc::new(basis)))
        };
        let members: Vec<Option<_>> = members.into_iter().map(decision).collect();
        let members = members.into_iter().collect::<Option<_>>()?;
        Some(BasisChoice::OfMember { name: BasisName::new(name), members })
    }

    pub(super) fn confirmations(&self, sections: &[Section<'_>]) -> Option<Vec<Confirmation>> {
        let read = |section: &Section<'_>| match section.optional("confirmed") {
            Some(item) => item.list_of(|item| self.confirmation(item)),
            None => Some(Vec::new()),
        };
        let all: Vec<Option<Vec<Confirmation>>> = sections.iter().map(read).collect();
        Some(all.into_iter().collect::<Option<Vec<_>>>()?.into_iter().flatten().collect())
    }

    fn confirmation(&self, item: &Item<'_>) -> Option<Confirmation> {
        let section = item.section()?;
        let scope = section.required("scope").and_then(|scope| self.scope(&scope));
        let upstreams = section
            .required("upstreams")
            .and_then(|item| some_of(&item, |item| self.upstream(item)));
        let reference = section.required("reference").and_then(|text| text.text());
        let window = window(&section);
        section.finish();
        Some(Confirmation {
            scope: scope?,
            upstreams: upstreams?,
            window: window?,
            reference: SmolStr::new(reference?),
        })
    }

    /// A scope that some member of a group has.
    fn scope(&self, item: &Item<'_>) -> Option<SmolStr> {
        let name = item.chosen_name()?;
        let known = || self.groups.values().flatten().filter_map(|member| member.scope.as_deref());
        if !known().any(|scope| scope == name) {
            let problem = item
                .problem(Code::InvalidValue, format!("no group has a member of scope `{name}`"));
            item.report(match closest(name, known()) {
                Some(meant) => problem.did_you_mean(meant),
                None => problem,
            });
            return None;
        }
        Some(SmolStr::new(name))
    }

    /// The name of an upstream; warns if there is none of that name.
    pub(super) fn upstream(&self, item: &Item<'_>) -> Option<UpstreamName> {
        let name = UpstreamName::new(item.chosen_name()?);
        if let Some(known) = self.context.upstreams.filter(|known| !known.contains(&name)) {
            let problem =
                item.problem(Code::UnknownTarget, format!("there is no upstream `{name}`"));
            item.report(match closest(name.as_str(), known.iter().map(UpstreamName::as_str)) {
                Some(meant) => problem.did_you_mean(meant),
                None => problem.help(format!("there are {}", listed(known.iter()))),
            });
        }
        Some(name)
    }
}
