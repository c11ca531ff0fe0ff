// SPDX-License-Identifier: Apache-2.0

use std::sync::Arc;

use smol_str::SmolStr;

use crate::base::{BasisName, Date, Purpose};

use super::law::Origin;
use super::places::Member;

/// How many days before its end a basis is warned about.
pub const WARN_DAYS: u32 = 30;

/// The days from `from` to `until`, both included; without end where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    pub from: Option<Date>,
    pub until: Option<Date>,
}

impl Window {
    pub const ALWAYS: Self = Self { from: None, until: None };

    pub fn holds(self, today: Date) -> bool {
        !self.is_ahead(today) && !self.is_over(today)
    }

    pub fn is_ahead(self, today: Date) -> bool {
        self.from.is_some_and(|from| today < from)
    }

    pub fn is_over(self, today: Date) -> bool {
        self.until.is_some_and(|until| until < today)
    }

    /// Whether every day of it is in `outer`.
    pub fn is_within(self, outer: Self) -> bool {
        let starts = outer.from.is_none_or(|outer| self.from.is_some_and(|from| outer <= from));
        let ends = outer.until.is_none_or(|outer| self.until.is_some_and(|until| until <= outer));
        starts && ends
    }

    /// The days that are in both, if there are some.
    pub fn overlap(self, other: Self) -> Option<Self> {
        let earlier = |one: Option<Date>, other: Option<Date>| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let window =
            Self { from: self.from.max(other.from), until: earlier(self.until, other.until) };
        let is_empty = window.from.zip(window.until).is_some_and(|(from, until)| until < from);
        (!is_empty).then_some(window)
    }

    pub fn phase(self, today: Date) -> Phase {
        let soon = Date::from_days(today.days().saturating_add(WARN_DAYS));
        match (self.from, self.until) {
            (Some(from), _) if today < from => Phase::NotYet { from },
            (_, Some(until)) if until < today => Phase::Ended { until },
            (_, Some(until)) if until <= soon => Phase::EndsSoon { until },
            _ => Phase::Valid,
        }
    }
}

/// What permits a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BasisKind {
    /// A decision that a country protects data well enough (GDPR Art. 45).
    Adequacy,
    /// Standard contractual clauses (GDPR Art. 46(2)(c), (d)).
    Scc,
    /// Binding corporate rules (GDPR Art. 47).
    Bcr,
    /// A derogation for a specific situation (GDPR Art. 49).
    Derogation,
    /// The data subject consented to the transfer.
    Consent,
}

impl BasisKind {
    pub const ALL: [Self; 5] =
        [Self::Adequacy, Self::Scc, Self::Bcr, Self::Derogation, Self::Consent];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Adequacy => "adequacy",
            Self::Scc => "scc",
            Self::Bcr => "bcr",
            Self::Derogation => "derogation",
            Self::Consent => "consent",
        }
    }
}

/// A ground that rules can name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Basis {
    pub name: BasisName,
    pub kind: BasisKind,
    /// The contract, decision or register entry.
    pub reference: Option<SmolStr>,
    pub window: Window,
    /// For `consent`: what has to be consented to; else the purpose of the request.
    pub purpose: Option<Purpose>,
    pub origin: Option<Origin>,
}

/// Where something dated stands in its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    NotYet {
        from: Date,
    },
    Valid,
    /// Valid, and ends within [`WARN_DAYS`].
    EndsSoon {
        until: Date,
    },
    Ended {
        until: Date,
    },
}

impl Basis {
    pub fn phase(&self, today: Date) -> Phase {
        self.window.phase(today)
    }
}

/// What a rule relies on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BasisChoice {
    One(Arc<Basis>),
    /// The one that made the region a member of a group. Sorted by member.
    OfMember {
        name: BasisName,
        members: Vec<(Member, Arc<Basis>)>,
    },
}
