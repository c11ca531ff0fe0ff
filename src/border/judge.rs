// SPDX-License-Identifier: Apache-2.0
//! What may happen to one value.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::base::{
    Category, ConsentState, Date, FieldName, Jurisdiction, ObjectName, OperationName, Purpose,
    Region, RuleName, UpstreamName,
};

use super::Border;
use super::basis::{Basis, BasisChoice, BasisKind, Phase};
use super::consent::Consents;
use super::law::{ConsentRule, Effect, Fallback, Law, Need, Otherwise, RuleInfo, TransferRule};
use super::places::{Code, Moment, Places, find};
use super::residence::NO_JURISDICTION;
use super::verdict::{Action, Because, Opinion, Verdict};

/// How much of a value leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    Clear,
    /// The value itself, encrypted.
    Sealed,
    /// Only a token; the value stays in the vault.
    Token,
    /// Nothing that leads back to the value.
    Gone,
}

/// One value on its way to an upstream, or a record without personal values.
#[derive(Clone, Copy, Debug)]
pub struct Shipment<'a> {
    pub jurisdictions: &'a [Jurisdiction],
    pub upstream: &'a UpstreamName,
    /// Of the upstream.
    pub region: &'a Region,
    /// Where the vault is; `None` when nobody has said it.
    pub vault: Option<&'a Region>,
    pub operation: Option<&'a OperationName>,
    /// Canonical.
    pub field: Option<(&'a ObjectName, &'a FieldName)>,
    /// `None` for a record without personal values: then rules about categories and
    /// protection say nothing.
    pub category: Option<&'a Category>,
    pub protection: Strength,
    pub purpose: Option<&'a Purpose>,
    /// Of the data subject.
    pub consents: &'a Consents,
    pub today: Date,
}

const NO_LAW: RuleName = RuleName::from_static("border/no-law");
const UNKNOWN_PLACE: RuleName = RuleName::from_static("border/unknown-place");

impl Border {
    /// What may happen to a shipment.
    ///
    /// Each place that a jurisdiction or region may stand for is judged, by each law
    /// that applies; the strictest answer wins. In the common case, one jurisdiction
    /// and one region, the cost is that of reading the rules once.
    pub fn judge(&self, shipment: &Shipment<'_>) -> Verdict {
        let (origins, destinations) = match self.ends(shipment) {
            Ok(ends) => ends,
            Err((name, because)) => return Verdict::of(vec![unwritten(name, because)]),
        };
        let moment = Moment {
            today: shipment.today,
            upstream: Some(shipment.upstream),
            confirmations: &self.confirmations,
        };
        let vault = shipment.vault.map(|region| self.atlas.parts(region.as_str(), shipment.today));
        let vault = vault.unwrap_or_default();
        let mut hearing = Hearing { shipment, moment, vault, opinions: Vec::new() };
        for origin in &origins {
            let mut silent: Vec<&Code> = destinations.iter().collect();
            for law in self.laws.iter().filter(|law| law.applies_to.hold(origin, &moment)) {
                let abstained = hearing.transfers(law, origin, &destinations);
                silent.retain(|code| abstained.contains(code));
                hearing.consents(law, origin);
            }
            if !silent.is_empty() {
                hearing.note(unwritten(NO_LAW, Because::NoLaw));
            }
        }
        Verdict::of(hearing.opinions)
    }

    /// The places that a shipment may come from and go to.
    fn ends(&self, shipment: &Shipment<'_>) -> Result<(Vec<Code>, Vec<Code>), (RuleName, Because)> {
        let parts = |place: &str| {
            let parts = self.atlas.parts(place, shipment.today);
            if parts.is_empty() {
                let because = Because::UnknownPlace { place: SmolStr::new(place) };
                return Err((UNKNOWN_PLACE, because));
            }
            Ok(parts)
        };
        if shipment.jurisdictions.is_empty() {
            return Err((NO_JURISDICTION, Because::NoJurisdiction));
        }
        let mut origins = Vec::new();
        for jurisdiction in shipment.jurisdictions {
            origins.extend(parts(jurisdiction.as_str())?);
        }
        origins.sort();
        origins.dedup();
        Ok((origins, parts(shipment.region.as_str())?))
    }
}

/// A refusal that holds without being written.
fn unwritten(name: RuleName, because: Because) -> Opinion {
    Opinion {
        rule: Arc::new(RuleInfo { name, cites: None, origin: None }),
        action: Action::Refuse { because: because.clone() },
        because,
        basis: None,
    }
}

/// One shipment before all laws.
struct Hearing<'h> {
    shipment: &'h Shipment<'h>,
    moment: Moment<'h>,
    /// The places that the vault may be in.
    vault: Vec<Code>,
    opinions: Vec<Opinion>,
}

impl Hearing<'_> {
    fn note(&mut self, opinion: Opinion) {
        if !self.opinions.contains(&opinion) {
            self.opinions.push(opinion);
        }
    }

    /// Hears the rules about transfers; returns the destinations that the law says
    /// nothing about.
    fn transfers<'d>(
        &mut self,
        law: &Law,
        origin: &Code,
        destinations: &'d [Code],
    ) -> Vec<&'d Code> {
        let mut open: Vec<&Code> = destinations.iter().collect();
        for rule in &law.transfers {
            if !self.is_about(rule, origin) {
                continue;
            }
            let (decided, left): (Vec<&Code>, Vec<&Code>) =
                open.into_iter().partition(|code| rule.to.hold(code, &self.moment));
            open = left;
            for destination in decided {
                let opinion = self.transfer(rule, origin, destination);
                self.note(opinion);
            }
        }
        if open.is_empty() {
            return open;
        }
        let (action, because) = match law.otherwise {
            Otherwise::Abstain => return open,
            Otherwise::Allow => (Action::Allow, Because::Uncovered),
            Otherwise::Refuse => {
                (Action::Refuse { because: Because::Uncovered }, Because::Uncovered)
            }
        };
        let rule = Arc::clone(&law.default_rule);
        self.note(Opinion { rule, action, because, basis: None });
        Vec::new()
    }

    fn is_about(&self, rule: &TransferRule, origin: &Code) -> bool {
        rule.from.hold(origin, &self.moment) && self.is_among(rule.categories.as_deref())
    }

    fn is_among(&self, categories: Option<&[Category]>) -> bool {
        categories.is_none_or(|all| self.shipment.category.is_some_and(|one| all.contains(one)))
    }

    fn transfer(&self, rule: &TransferRule, origin: &Code, destination: &Code) -> Opinion {
        let opinion = |action, because, basis| {
            let rule = Arc::clone(&rule.rule);
            Opinion { rule, action, because, basis }
        };
        let basis = match self.first_valid(&rule.bases, destination) {
            Ok(basis) => basis,
            Err(because) => {
                return opinion(Action::Refuse { because: because.clone() }, because, None);
            }
        };
        match &rule.effect {
            Effect::Allow => opinion(Action::Allow, Because::Rule, basis),
            Effect::RequireProtected { otherwise } => {
                let is_clear =
                    self.shipment.category.is_some() && self.shipment.protection == Strength::Clear;
                if is_clear {
                    let action = self.fall_back(*otherwise, Because::Unprotected);
                    opinion(action, Because::Unprotected, basis)
                } else {
                    opinion(Action::Allow, Because::Met, basis)
                }
            }
            Effect::KeepLocal if !self.is_kept_local(rule, origin) => {
                let because = Because::VaultElsewhere;
                opinion(Action::Refuse { because: because.clone() }, because, None)
            }
            Effect::KeepLocal => {
                let action = self.fall_back(Fallback::Tokenize, Because::Local);
                opinion(action, Because::Local, basis)
            }
            Effect::Route(to) if to == self.shipment.upstream => {
                let because = Because::RoutedHere;
                opinion(Action::Refuse { because: because.clone() }, because, None)
            }
            Effect::Route(to) => opinion(Action::Route(to.clone()), Because::Elsewhere, None),
            Effect::Refuse => {
                opinion(Action::Refuse { because: Because::Rule }, Because::Rule, None)
            }
        }
    }

    /// Whether a value that a token stands for stays where the rule is about, or in the
    /// place that the record belongs to if it is about every place.
    fn is_kept_local(&self, rule: &TransferRule, origin: &Code) -> bool {
        let is_there = |code: &Code| match &rule.from {
            Places::Anywhere => code == origin || code.country() == origin.as_str(),
            these @ Places::These(_) => these.hold(code, &self.moment),
        };
        let is_stored =
            self.shipment.category.is_some() && self.shipment.protection != Strength::Gone;
        !is_stored || (!self.vault.is_empty() && self.vault.iter().all(is_there))
    }

    /// What is left to do where a condition is not met.
    fn fall_back(&self, fallback: Fallback, because: Because) -> Action {
        let has_value = self.shipment.category.is_some();
        match (fallback, self.shipment.protection) {
            (Fallback::Refuse, _) => Action::Refuse { because },
            (Fallback::Drop | Fallback::Tokenize, _) if !has_value => Action::Allow,
            (Fallback::Drop, Strength::Gone)
            | (Fallback::Tokenize, Strength::Gone | Strength::Token) => Action::Allow,
            (Fallback::Drop, Strength::Clear | Strength::Sealed | Strength::Token) => Action::Drop,
            (Fallback::Tokenize, Strength::Clear | Strength::Sealed) => Action::Tokenize,
        }
    }

    /// The first basis that is valid, if the rule needs one.
    ///
    /// # Errors
    /// Why the first of them is not.
    fn first_valid(
        &self,
        bases: &[BasisChoice],
        destination: &Code,
    ) -> Result<Option<Arc<Basis>>, Because> {
        let mut first_defect = None;
        for choice in bases {
            match self.valid(choice, destination) {
                Ok(basis) => return Ok(Some(Arc::clone(basis))),
                Err(defect) => first_defect = first_defect.or(Some(defect)),
            }
        }
        first_defect.map_or(Ok(None), Err)
    }

    fn valid<'c>(
        &self,
        choice: &'c BasisChoice,
        destination: &Code,
    ) -> Result<&'c Arc<Basis>, Because> {
        let basis = match choice {
            BasisChoice::One(basis) => basis,
            BasisChoice::OfMember { name, members } => {
                let is_it = |member: &super::Member| {
                    find(std::slice::from_ref(member), destination).next().is_some()
                        && self.moment.counts(member)
                };
                let found = members.iter().find(|(member, _)| is_it(member));
                let no_decision = || Because::NoDecision { name: name.clone() };
                found.map(|(_, basis)| basis).ok_or_else(no_decision)?
            }
        };
        match basis.phase(self.shipment.today) {
            Phase::NotYet { from } => Err(Because::BasisNotYet { name: basis.name.clone(), from }),
            Phase::Ended { until } => Err(Because::BasisEnded { name: basis.name.clone(), until }),
            Phase::Valid | Phase::EndsSoon { .. } if basis.kind == BasisKind::Consent => {
                self.consented(basis.purpose.as_ref()).map(|()| basis)
            }
            Phase::Valid | Phase::EndsSoon { .. } => Ok(basis),
        }
    }

    fn consents(&mut self, law: &Law, origin: &Code) {
        for rule in &law.consents {
            if !self.is_asked_for(rule, origin) {
                continue;
            }
            let (action, because) = match self.meets(&rule.need) {
                Ok(()) => (Action::Allow, Because::Met),
                Err(because) => (self.fall_back(rule.without, because.clone()), because),
            };
            self.note(Opinion { rule: Arc::clone(&rule.rule), action, because, basis: None });
        }
    }

    fn is_asked_for(&self, rule: &ConsentRule, origin: &Code) -> bool {
        let Shipment { field, operation, purpose, .. } = self.shipment;
        let is_field = |fields: &Vec<(ObjectName, FieldName)>| {
            field.is_some_and(|(object, field)| {
                fields.iter().any(|(o, f)| (o, f) == (object, field))
            })
        };
        rule.of.hold(origin, &self.moment)
            && self.is_among(rule.categories.as_deref())
            && rule.fields.as_ref().is_none_or(is_field)
            // An operation that is not known may be any.
            && rule.operations.as_ref().is_none_or(|all| operation.is_none_or(|it| all.contains(it)))
            && rule.purposes.as_ref().is_none_or(|all| purpose.is_some_and(|it| all.contains(it)))
    }

    fn meets(&self, need: &Need) -> Result<(), Because> {
        match need {
            Need::Consent(purpose) => self.consented(purpose.as_ref()),
            Need::NoObjection(purpose) => {
                let (purpose, state) = self.state(purpose.as_ref())?;
                match state {
                    ConsentState::Withdrawn => {
                        Err(Because::Consent { purpose: purpose.clone(), state })
                    }
                    ConsentState::Given | ConsentState::Expired | ConsentState::None => Ok(()),
                }
            }
            Need::Purpose(permitted) => {
                let purpose = self.shipment.purpose.ok_or(Because::NoPurpose)?;
                if permitted.as_ref().is_none_or(|permitted| permitted.contains(purpose)) {
                    Ok(())
                } else {
                    Err(Because::OtherPurpose { purpose: purpose.clone() })
                }
            }
        }
    }

    fn consented(&self, purpose: Option<&Purpose>) -> Result<(), Because> {
        let (purpose, state) = self.state(purpose)?;
        match state {
            ConsentState::Given => Ok(()),
            ConsentState::Withdrawn | ConsentState::Expired | ConsentState::None => {
                Err(Because::Consent { purpose: purpose.clone(), state })
            }
        }
    }

    /// How it stands with a purpose, or else with that of the request.
    fn state<'p>(
        &'p self,
        purpose: Option<&'p Purpose>,
    ) -> Result<(&'p Purpose, ConsentState), Because> {
        let purpose = purpose.or(self.shipment.purpose).ok_or(Because::NoPurpose)?;
        Ok((purpose, self.shipment.consents.state(purpose, self.shipment.today)))
    }
}
