// SPDX-License-Identifier: Apache-2.0
//! Countries, their subdivisions, and groups of them that change over time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use smol_str::SmolStr;

use crate::base::{Date, UpstreamName};

use super::basis::Window;
use super::iso::COUNTRIES;

/// A country of ISO 3166-1 (`DE`), or a part of one in the form of ISO 3166-2
/// (`US-CA`). Which subdivisions a country has is not checked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(SmolStr);

impl Code {
    /// Letters of either case; `None` for what is no code.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_uppercase();
        let (country, part) = match text.split_once('-') {
            Some((country, part)) => (country, Some(part)),
            None => (text.as_str(), None),
        };
        let is_part = |part: &str| {
            (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        let is_code = COUNTRIES.binary_search(&country).is_ok() && part.is_none_or(is_part);
        is_code.then(|| Self(SmolStr::new(&text)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `US` of `US-CA`.
    pub fn country(&self) -> &str {
        self.0.split_once('-').map_or(&self.0, |(country, _)| country)
    }

    pub fn is_subdivision(&self) -> bool {
        self.0.contains('-')
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A country, or part of one, that belongs to a group for some time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    pub code: Code,
    pub window: Window,
    /// It belongs only as far as this goes, which somebody must have confirmed for
    /// the upstream: `us-dpf` is the part of the US that takes part in the framework.
    pub scope: Option<SmolStr>,
    /// What made it a member: the decision of an authority.
    pub reference: Option<SmolStr>,
}

impl Member {
    /// A member for ever and as a whole.
    pub fn of(code: Code) -> Self {
        Self { code, window: Window::ALWAYS, scope: None, reference: None }
    }
}

/// That an upstream is within a scope, as somebody has looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    pub scope: SmolStr,
    pub upstreams: Vec<UpstreamName>,
    pub window: Window,
    /// Where it was looked up.
    pub reference: SmolStr,
}

/// When and for which upstream a question is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment<'m> {
    pub(super) today: Date,
    pub(super) upstream: Option<&'m UpstreamName>,
    pub(super) confirmations: &'m [Confirmation],
}

impl Moment<'_> {
    /// A moment at which no scope is confirmed.
    pub(super) const fn on(today: Date) -> Self {
        Self { today, upstream: None, confirmations: &[] }
    }

    pub(super) fn counts(&self, member: &Member) -> bool {
        let is_confirmed = |scope: &SmolStr| {
            self.confirmations.iter().any(|confirmation| {
                confirmation.scope == *scope
                    && confirmation.window.holds(self.today)
                    && self.upstream.is_some_and(|name| confirmation.upstreams.contains(name))
            })
        };
        member.window.holds(self.today) && member.scope.as_ref().is_none_or(is_confirmed)
    }
}

/// What a rule says about places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Places {
    Anywhere,
    /// Sorted.
    These(Vec<Member>),
}

impl Places {
    pub fn these(mut members: Vec<Member>) -> Self {
        members.sort();
        Self::These(members)
    }

    pub(super) fn hold(&self, code: &Code, moment: &Moment<'_>) -> bool {
        match self {
            Self::Anywhere => true,
            Self::These(members) => find(members, code).any(|member| moment.counts(member)),
        }
    }

    /// Whether every place of `other` is one of these, on any day.
    pub fn cover(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Anywhere, _) => true,
            (Self::These(_), Self::Anywhere) => false,
            (Self::These(members), Self::These(others)) => others.iter().all(|other| {
                find(members, &other.code).any(|member| {
                    other.window.is_within(member.window)
                        && (member.scope.is_none() || member.scope == other.scope)
                })
            }),
        }
    }

    /// Whether some place may be in both, on any day.
    pub fn meet(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Anywhere, Self::These(members)) | (Self::These(members), Self::Anywhere) => {
                !members.is_empty()
            }
            (Self::Anywhere, Self::Anywhere) => true,
            (Self::These(members), Self::These(others)) => {
                let meets = |from: &[Member], to: &[Member]| {
                    from.iter().any(|member| find(to, &member.code).next().is_some())
                };
                meets(members, others) || meets(others, members)
            }
        }
    }
}

/// The members that a code belongs to: itself, or the country that it is part of.
pub(super) fn find<'m>(members: &'m [Member], code: &Code) -> impl Iterator<Item = &'m Member> {
    let of = |name: &str| {
        let start = members.partition_point(|member| member.code.as_str() < name);
        let end = members.partition_point(|member| member.code.as_str() <= name);
        members.get(start..end).unwrap_or_default().iter()
    };
    let country = code.is_subdivision().then(|| of(code.country()));
    of(code.as_str()).chain(country.into_iter().flatten())
}

/// What the names of places stand for.
#[derive(Clone, Debug, Default)]
pub struct Atlas {
    groups: BTreeMap<SmolStr, Vec<Member>>,
    subdivisions: BTreeSet<Code>,
}

impl Atlas {
    /// `subdivisions` are those that rules speak of: a country may be any of them.
    pub fn new(
        groups: BTreeMap<SmolStr, Vec<Member>>,
        subdivisions: impl IntoIterator<Item = Code>,
    ) -> Self {
        Self { groups, subdivisions: subdivisions.into_iter().collect() }
    }

    /// Whether a name is a code, or that of a group.
    pub fn knows(&self, place: &str) -> bool {
        self.groups.contains_key(place) || Code::parse(place).is_some_and(|it| it.as_str() == place)
    }

    pub fn group_names(&self) -> impl Iterator<Item = &str> {
        self.groups.keys().map(SmolStr::as_str)
    }

    /// The places that a name may stand for: the members of a group on that day, and
    /// for a country also the parts of it that rules speak of. Empty for a name that
    /// is not known, and for a group without members.
    pub fn parts(&self, place: &str, today: Date) -> Vec<Code> {
        let mut parts = BTreeSet::new();
        match self.groups.get(place) {
            Some(members) => {
                for member in members.iter().filter(|member| member.window.holds(today)) {
                    self.add(&member.code, &mut parts);
                }
            }
            None => {
                if let Some(code) = Code::parse(place).filter(|code| code.as_str() == place) {
                    self.add(&code, &mut parts);
                }
            }
        }
        parts.into_iter().collect()
    }

    fn add(&self, code: &Code, parts: &mut BTreeSet<Code>) {
        if !code.is_subdivision() {
            let own = self.subdivisions.iter().filter(|part| part.country() == code.as_str());
            parts.extend(own.cloned());
        }
        parts.insert(code.clone());
    }

    /// Whether one name stands for a part of what another stands for, on that day.
    pub fn is_part(&self, place: &str, of: &str, today: Date) -> bool {
        let (parts, whole) = (self.parts(place, today), self.parts(of, today));
        let is_in_whole = |part: &Code| {
            whole.iter().any(|code| [part.as_str(), part.country()].contains(&code.as_str()))
        };
        place == of || (!parts.is_empty() && parts.iter().all(is_in_whole))
    }

    /// Whether a place lies in `places`, whatever of its parts is meant.
    pub(super) fn is_within(&self, place: &str, places: &Places, moment: &Moment<'_>) -> bool {
        let parts = self.parts(place, moment.today);
        !parts.is_empty() && parts.iter().all(|part| places.hold(part, moment))
    }
}
