// SPDX-License-Identifier: Apache-2.0
//! Where personal data may go, by whose law, on what ground, for what purpose.
//!
//! A [`Border`] is compiled from documents that each hold the rules of one law (see
//! `config`). It says whose law covers a record ([`Border::residence`]), what may
//! happen to one value of it ([`Border::judge`]), and to callers from where it may be
//! shown ([`Border::may_reveal`]). It is pure: the day, what is known of the data
//! subject, and what the data subject consented to, are given to it.
//!
//! Invariants:
//! - Several laws hold at the same time, and the strictest answer wins. An answer
//!   names the rule that decided for each law.
//! - A place that stands for several (a group, a country whose state is not known) is
//!   judged as each of them.
//! - What no rule covers is refused: within a law that applies, unless it says
//!   otherwise, and where no law applies.
//! - A basis counts only on the days that it is valid.

mod basis;
mod consent;
mod iso;
mod judge;
mod law;
mod places;
mod residence;
mod reveal;
#[cfg(test)]
mod tests;
mod verdict;

use std::sync::Arc;

use crate::base::{FieldName, ObjectName, Purpose};

pub use basis::{Basis, BasisChoice, BasisKind, Phase, WARN_DAYS, Window};
pub use consent::Consents;
pub use iso::COUNTRIES;
pub use judge::{Shipment, Strength};
pub use law::{
    ConsentRule, Effect, Fallback, Law, Need, Origin, Otherwise, RevealRule, RuleInfo, TransferRule,
};
pub use places::{Atlas, Code, Confirmation, Member, Places};
pub use residence::{Condition, Finding, RecordFacts, Residence, ResidenceRule, fold};
pub use reveal::RevealVerdict;
pub use verdict::{Action, Because, Opinion, Verdict};

/// The laws that hold for one upstream, and what they speak of.
#[derive(Clone, Debug, Default)]
pub struct Border {
    pub atlas: Atlas,
    /// How to tell whose law covers a record; the first that matches decides.
    pub residence: Vec<ResidenceRule>,
    pub laws: Vec<Law>,
    pub bases: Vec<Arc<Basis>>,
    pub confirmations: Vec<Confirmation>,
}

impl Border {
    /// Transfer bases and when they end, for metrics, reports and warnings.
    pub fn bases(&self) -> impl Iterator<Item = &Basis> {
        self.bases.iter().map(AsRef::as_ref)
    }

    /// Whether a field decides about jurisdiction. Takes canonical names.
    pub fn is_asked(&self, object: &ObjectName, field: &FieldName) -> bool {
        self.asked().any(|asked| asked == (object, field))
    }

    /// The fields that say whose law covers a record.
    pub fn asked(&self) -> impl Iterator<Item = (&ObjectName, &FieldName)> {
        self.residence.iter().flat_map(ResidenceRule::fields)
    }

    /// Whether some rule asks for consent or a purpose because of this field. Takes
    /// canonical names.
    pub fn asks_consent_for(&self, object: &ObjectName, field: &FieldName) -> bool {
        let rules = self.laws.iter().flat_map(|law| &law.consents);
        let mut fields = rules.filter_map(|rule| rule.fields.as_ref()).flatten();
        fields.any(|(o, f)| (o, f) == (object, field))
    }

    /// Whether some rule may put a token in the place of a value that is sealed otherwise.
    pub fn may_tokenize(&self) -> bool {
        let by_transfer = |rule: &TransferRule| {
            matches!(
                rule.effect,
                Effect::KeepLocal | Effect::RequireProtected { otherwise: Fallback::Tokenize }
            )
        };
        self.laws.iter().any(|law| {
            law.transfers.iter().any(by_transfer)
                || law.consents.iter().any(|rule| rule.without == Fallback::Tokenize)
        })
    }

    /// A rule that keeps values where they are, if there is one: then it matters where the
    /// vault is.
    pub fn keeps_local(&self) -> Option<&RuleInfo> {
        let mut rules = self.laws.iter().flat_map(|law| &law.transfers);
        rules.find(|rule| rule.effect == Effect::KeepLocal).map(|rule| &*rule.rule)
    }

    /// What data subjects can consent to, or object to, by its rules and bases.
    pub fn purposes(&self) -> impl Iterator<Item = &Purpose> {
        let rules = self.laws.iter().flat_map(|law| &law.consents);
        let of_rules = rules.flat_map(ConsentRule::purposes);
        self.bases.iter().filter_map(|basis| basis.purpose.as_ref()).chain(of_rules)
    }
}
