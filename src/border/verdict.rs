// SPDX-License-Identifier: Apache-2.0

use std::sync::Arc;

use smol_str::SmolStr;

use crate::base::{BasisName, ConsentState, Date, Purpose, RuleName, UpstreamName};

use super::basis::Basis;
use super::law::RuleInfo;

/// What may happen to a value, from the mildest to the strictest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Allow,
    /// It may leave if only a token stands for it.
    Tokenize,
    /// The value has to be left out.
    Drop,
    /// It belongs to this upstream, where it is judged anew.
    Route(UpstreamName),
    Refuse {
        because: Because,
    },
}

impl Action {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Tokenize => "tokenize",
            Self::Drop => "drop",
            Self::Route(_) => "route",
            Self::Refuse { .. } => "refuse",
        }
    }

    fn strictness(&self) -> u8 {
        match self {
            Self::Allow => 0,
            Self::Tokenize => 1,
            Self::Drop => 2,
            Self::Route(_) => 3,
            Self::Refuse { .. } => 4,
        }
    }
}

/// Why a rule came to its answer. Displays as a clause, without values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Because {
    #[error("the rule says so")]
    Rule,
    #[error("what it asks for is there")]
    Met,
    #[error("it would leave in the clear")]
    Unprotected,
    #[error("only a token may leave")]
    Local,
    #[error("its value has to stay there, and the vault is not there (`vault.region`)")]
    VaultElsewhere,
    #[error("the basis `{name}` is not valid before {from}")]
    BasisNotYet { name: BasisName, from: Date },
    #[error("the basis `{name}` ended on {until}")]
    BasisEnded { name: BasisName, until: Date },
    #[error("no decision of `{name}` covers the region")]
    NoDecision { name: BasisName },
    #[error("consent for `{purpose}` {}", said(*state))]
    Consent { purpose: Purpose, state: ConsentState },
    #[error("no purpose is stated")]
    NoPurpose,
    #[error("`{purpose}` is not a permitted purpose")]
    OtherPurpose { purpose: Purpose },
    #[error("no rule of the law covers it")]
    Uncovered,
    #[error("no law of the border covers it")]
    NoLaw,
    #[error("nothing tells whose law covers the record")]
    NoJurisdiction,
    #[error("`{place}` is no code, and no group that has members on that day")]
    UnknownPlace { place: SmolStr },
    #[error("it belongs to another upstream than this")]
    Elsewhere,
    #[error("it is routed to the upstream that it came to")]
    RoutedHere,
    #[error("laws route it to different upstreams")]
    RoutesDiffer,
}

/// What one rule makes of a shipment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    pub rule: Arc<RuleInfo>,
    pub action: Action,
    pub because: Because,
    pub basis: Option<Arc<Basis>>,
}

/// What may happen to a value, and by which rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub action: Action,
    /// For each law the rule that decided; several where a place stands for several.
    pub rules: Vec<RuleName>,
    /// What the transfer relies on; empty when it does not happen here.
    pub bases: Vec<Arc<Basis>>,
    /// What every rule said that was asked.
    pub opinions: Vec<Opinion>,
}

impl Verdict {
    /// The strictest of the opinions. There is at least one.
    pub(super) fn of(opinions: Vec<Opinion>) -> Self {
        let strictest = strictest(opinions.iter());
        let of_that_kind =
            || opinions.iter().map(|it| &it.action).filter(|it| it.strictness() == strictest);
        let action = match of_that_kind().next() {
            Some(Action::Route(_))
                if of_that_kind().any(|it| Some(it) != of_that_kind().next()) =>
            {
                Action::Refuse { because: Because::RoutesDiffer }
            }
            Some(action) => action.clone(),
            None => Action::Refuse { because: Because::NoLaw },
        };

        let mut rules: Vec<RuleName> = Vec::new();
        let mut bases: Vec<Arc<Basis>> = Vec::new();
        for opinion in &opinions {
            let of_law = opinions.iter().filter(|other| other.rule.law() == opinion.rule.law());
            let decides = opinion.action.strictness() == self::strictest(of_law);
            if decides && !rules.contains(&opinion.rule.name) {
                rules.push(opinion.rule.name.clone());
            }
            if let Some(basis) = opinion.basis.as_ref().filter(|basis| !bases.contains(basis)) {
                bases.push(Arc::clone(basis));
            }
        }
        if matches!(action, Action::Route(_) | Action::Refuse { .. }) {
            bases.clear();
        }
        Self { action, rules, bases, opinions }
    }

    /// The rules whose answer is the verdict, such as those that refuse.
    pub fn deciding(&self) -> impl Iterator<Item = &RuleInfo> {
        let strictest = strictest(self.opinions.iter());
        let decides = move |opinion: &&Opinion| opinion.action.strictness() == strictest;
        self.opinions.iter().filter(decides).map(|opinion| &*opinion.rule)
    }
}

fn strictest<'o>(opinions: impl Iterator<Item = &'o Opinion>) -> u8 {
    opinions.map(|opinion| opinion.action.strictness()).max().unwrap_or_default()
}

const fn said(state: ConsentState) -> &'static str {
    match state {
        ConsentState::Given => "was given",
        ConsentState::Withdrawn => "was withdrawn",
        ConsentState::Expired => "has expired",
        ConsentState::None => "was not given",
    }
}
