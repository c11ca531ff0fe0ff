// SPDX-License-Identifier: Apache-2.0
//! The rules of one law.

use std::fmt;
use std::sync::Arc;

use smol_str::SmolStr;

use crate::base::{
    Category, FieldName, ObjectName, OperationName, Purpose, RuleName, UpstreamName,
};

use super::basis::BasisChoice;
use super::places::Places;

/// Where something is written. Displays as `policies/border/gdpr.yaml:12`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    pub document: Arc<str>,
    /// From 1.
    pub line: u32,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.document, self.line)
    }
}

/// A rule as it is spoken of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// `gdpr/adequacy`
    pub name: RuleName,
    /// The article of law: `GDPR Art. 45`.
    pub cites: Option<SmolStr>,
    /// None for what holds without being written.
    pub origin: Option<Origin>,
}

impl RuleInfo {
    /// The law that it belongs to: `gdpr`.
    pub fn law(&self) -> &str {
        self.name.as_str().split('/').next().unwrap_or_default()
    }
}

/// The rules that hold for the data subjects of some jurisdictions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Law {
    pub name: SmolStr,
    pub applies_to: Places,
    /// What happens to a transfer that no rule of this law covers.
    pub otherwise: Otherwise,
    /// What `otherwise` is called.
    pub default_rule: Arc<RuleInfo>,
    /// The first that matches decides.
    pub transfers: Vec<TransferRule>,
    /// All that match must be met.
    pub consents: Vec<ConsentRule>,
    /// The first that matches decides.
    pub reveals: Vec<RevealRule>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otherwise {
    Refuse,
    Allow,
    /// Other laws decide; if none does, it is refused.
    Abstain,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferRule {
    pub rule: Arc<RuleInfo>,
    pub from: Places,
    pub to: Places,
    /// `None`: values of every category, and records without personal values.
    pub categories: Option<Vec<Category>>,
    pub effect: Effect,
    /// One of these must be valid; empty where the rule needs none.
    pub bases: Vec<BasisChoice>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    Allow,
    /// Allowed if it does not leave in the clear.
    RequireProtected {
        otherwise: Fallback,
    },
    /// Only a token may leave, and the vault has to be in one of the places that the rule
    /// is about.
    KeepLocal,
    /// Belongs to another upstream, where it is judged anew.
    Route(UpstreamName),
    Refuse,
}

/// What happens where a condition is not met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    Refuse,
    Drop,
    Tokenize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentRule {
    pub rule: Arc<RuleInfo>,
    pub of: Places,
    /// `None`, here and below: every one, and records without personal values.
    pub categories: Option<Vec<Category>>,
    pub fields: Option<Vec<(ObjectName, FieldName)>>,
    pub operations: Option<Vec<OperationName>>,
    /// `None`: also requests that state no purpose.
    pub purposes: Option<Vec<Purpose>>,
    pub need: Need,
    pub without: Fallback,
}

impl ConsentRule {
    /// The purposes that it speaks of, on either side.
    pub(super) fn purposes(&self) -> impl Iterator<Item = &Purpose> {
        let (own, permitted) = match &self.need {
            Need::Consent(purpose) | Need::NoObjection(purpose) => (purpose.as_ref(), None),
            Need::Purpose(permitted) => (None, permitted.as_ref()),
        };
        own.into_iter().chain(permitted.into_iter().flatten()).chain(self.purposes.iter().flatten())
    }
}

/// What has to be there. Without a purpose of its own, it is about that of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// Consent was given and holds.
    Consent(Option<Purpose>),
    /// Consent was not withdrawn: an opt-out is respected.
    NoObjection(Option<Purpose>),
    /// A purpose is stated, and it is one of these where there is a list.
    Purpose(Option<Vec<Purpose>>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevealRule {
    pub rule: Arc<RuleInfo>,
    pub of: Places,
    pub categories: Option<Vec<Category>>,
    /// Where a caller has to be.
    pub to: Places,
}
