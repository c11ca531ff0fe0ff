// SPDX-License-Identifier: Apache-2.0
//! One batch: its values are planned, what is new is stored, and each place gets its text.

use std::sync::Arc;

use super::hold::SentBack;
use super::plan::Plan;
use super::spelling::Spelling;
use super::{ProtectError, Protectors};
use crate::base::{Cleartext, Equality, Scope, SubjectId};
use crate::carrier::{Replacement, Role};
use crate::keys::Realm;
use crate::policy::{FieldRule, Shape};
use crate::subject::Subjects;
use crate::vault::{Item, ToKeep, Token};

/// One occurrence to seal: what the policy decided for it, and its value.
#[derive(Clone, Copy, Debug)]
pub struct ToSeal<'a> {
    pub rule: &'a Arc<FieldRule>,
    pub role: &'a Role,
    pub value: &'a Cleartext,
    /// Whether the place can hold several alternatives.
    pub can_widen: bool,
    /// How the CRM compares.
    pub equality: Equality,
    /// Whether the place can be left out.
    pub can_remove: bool,
    /// The most characters that the field takes, where that is known.
    pub max_length: Option<u32>,
    pub keeper: Keeper<'a>,
}

/// Whom a value is kept for.
#[derive(Clone, Copy, Debug)]
pub enum Keeper<'a> {
    /// No data subject.
    House,
    /// The data subject whose record it stands in, by a pseudonym; and whose keysets their key
    /// may be under, by the laws of the record.
    Of(SubjectId, &'a [Realm]),
    /// The data subject whom it names itself. What their law is, the record does not say that it
    /// stands in.
    Named(&'a Subjects),
}

impl<'a> Keeper<'a> {
    /// The pseudonym of whom a value is kept for, which has to be clear.
    pub(super) fn holder(self, (category, value): Item<'_>) -> Option<SubjectId> {
        match self {
            Self::House => None,
            Self::Of(subject, _) => Some(subject),
            Self::Named(subjects) => Some(subjects.by_value(category, value)),
        }
    }

    pub(super) fn realms(self) -> &'a [Realm] {
        match self {
            Self::House | Self::Named(_) => &[],
            Self::Of(_, realms) => realms,
        }
    }
}

/// What became of one occurrence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    pub replacement: Replacement,
    pub state: SealedState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedState {
    Protected,
    /// The value is a surrogate of ours, of this very category: it stays.
    AlreadyProtected,
}

impl ToSeal<'_> {
    /// The pseudonym of whom it is kept for; the value has to be clear.
    fn holder(&self) -> Option<SubjectId> {
        self.keeper.holder(item_of(self))
    }

    /// Whether the value is stored, and not only compared with what is.
    fn is_kept(&self) -> bool {
        !matches!(self.role, Role::Equality | Role::Pattern { .. })
    }

    pub(super) fn shape(&self) -> Option<Shape> {
        self.rule.protection.shape()
    }

    pub(super) fn scope(&self) -> Scope {
        self.rule.protection.scope()
    }

    /// Whether it is compared with what is stored.
    pub(super) fn is_compared(&self) -> bool {
        matches!(self.role, Role::Key | Role::Equality | Role::Pattern { .. })
    }
}

impl Sealed {
    pub(super) fn protected(text: impl Into<String>) -> Self {
        Self { replacement: Replacement::text(text), state: SealedState::Protected }
    }
}

impl Protectors {
    /// One result per item, in order. New tokens are durable on return.
    ///
    /// Filters and keys of tokenized fields stand for every spelling that the vault knows
    /// and the CRM takes for their value; of a value that it does not know, for the token
    /// that it would have; of several new keys that are the same to the CRM, for that of
    /// the first. A filter stores nothing.
    /// What is encrypted is compared in its exact spelling.
    ///
    /// # Errors
    /// The first item that cannot be sealed decides; nothing may be forwarded then.
    pub async fn seal(&self, batch: &[ToSeal<'_>]) -> Result<Vec<Sealed>, ProtectError> {
        let (came_back, opened) = self.came_back(batch).await?;
        let mut plans = Vec::with_capacity(batch.len());
        let mut values = Vec::with_capacity(batch.len());
        let mut to_hold = Vec::new();
        for (at, (item, back)) in batch.iter().zip(came_back).enumerate() {
            let is_sealed_anew = back.as_ref().is_some_and(|back| back.is_sealed_anew_for(item));
            let category = &item.rule.category;
            let value = back.as_ref().filter(|_| is_sealed_anew);
            let value = value.and_then(|back| Some(back.clear(&opened, category)?.into_owned()));
            let back = back.filter(|_| value.is_none());
            let item = ToSeal { value: value.as_ref().unwrap_or(item.value), ..*item };
            let plan = self.plan_one(&item, back.as_ref())?;
            let kept = back.as_ref().filter(|_| item.is_kept() && plan.lets_it_stand());
            let kept = kept.and_then(|back| back.kept(&opened, category));
            to_hold.extend(kept.map(|(token, value, holder)| (at, token, value, holder)));
            plans.push(plan);
            // What is stored is one form of a day, however it is written.
            values.push(match item.shape().filter(|_| back.is_none()) {
                Some(shape) => Spelling::read(shape, item.value).map(|(_, value)| value).or(value),
                None => value,
            });
        }
        let anew = batch.iter().zip(&values);
        let anew: Vec<ToSeal<'_>> = anew
            .map(|(item, value)| ToSeal { value: value.as_ref().unwrap_or(item.value), ..*item })
            .collect();
        let batch = anew.as_slice();
        self.match_spellings(batch, &mut plans, |role| *role != Role::Equality).await?;
        self.unite_new_keys(batch, &mut plans)?;
        let to_mint = batch.iter().zip(&plans).filter_map(|(item, plan)| {
            let (of, spelling) = match plan {
                Plan::Mint(spelling) => (item, spelling),
                Plan::MintAs(spelling, first) => (batch.get(*first)?, spelling),
                Plan::Ready(_) | Plan::Predict(_) | Plan::Match(_) | Plan::Search(_) => {
                    return None;
                }
            };
            // One token for both keys, also of a value that is only its data subject's.
            let scope = item.scope();
            let whose = if scope == Scope::Subject { of } else { item };
            let kept = ToKeep::for_house(item_of(of), spelling.token_form());
            Some(ToKeep { holder: whose.holder(), realms: whose.keeper.realms(), scope, ..kept })
        });
        let to_mint: Vec<ToKeep<'_>> = to_mint.collect();
        let mut minted = self.vault.keep(&to_mint).await?.into_iter();
        let sent_back = to_hold.into_iter().filter_map(|(at, token, value, known)| {
            let item = ToSeal { value, ..*batch.get(at)? };
            let (holder, realms, field) = (item.holder(), item.keeper.realms(), &item.rule.id);
            Some(SentBack { token, item: item_of(&item), known, holder, realms, field })
        });
        self.hold(sent_back.collect()).await?;
        // A filter finds what the same request stores before it.
        self.match_spellings(batch, &mut plans, |role| *role == Role::Equality).await?;
        self.search(batch, &mut plans).await?;
        let to_predict = batch.iter().zip(&plans);
        let to_predict =
            to_predict.filter(|(_, plan)| matches!(plan, Plan::Predict(_) | Plan::Search(_)));
        let to_predict: Vec<Item<'_>> = to_predict.map(|(item, _)| item_of(item)).collect();
        let mut predicted = self.vault.predict(&to_predict).await?.into_iter();
        let mut sealed = Vec::with_capacity(plans.len());
        for (item, plan) in batch.iter().zip(plans) {
            match plan {
                Plan::Ready(ready) => sealed.push(ready),
                Plan::Mint(spelling) | Plan::MintAs(spelling, _) => {
                    let token = minted.next();
                    sealed.extend(
                        token.map(|token| Sealed::protected(self.spelt(&token, &spelling))),
                    );
                }
                // Nothing that is stored looks like it, and nothing has its token.
                Plan::Search(spelling) => {
                    let tokens = predicted.next().unwrap_or_default();
                    sealed.push(self.any_of(tokens.iter(), &spelling));
                }
                Plan::Predict(spelling) | Plan::Match(spelling) => {
                    let tokens = predicted.next().unwrap_or_default();
                    let tokens: Vec<&Token> = tokens.iter().collect();
                    sealed.push(self.matching(item, &tokens, &spelling)?);
                }
            }
        }
        Ok(sealed)
    }

    pub(super) fn any_of<'t>(
        &self,
        tokens: impl Iterator<Item = &'t Token>,
        spelling: &Spelling,
    ) -> Sealed {
        let texts = tokens.map(|token| self.spelt(token, spelling)).collect();
        Sealed { replacement: Replacement::AnyOf(texts), state: SealedState::Protected }
    }
}

fn item_of<'a>(item: &ToSeal<'a>) -> Item<'a> {
    (&item.rule.category, item.value)
}
