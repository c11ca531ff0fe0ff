// SPDX-License-Identifier: Apache-2.0
//! One batch: its values are planned, what is new is stored, and each place gets its text.

use std::sync::Arc;

use super::plan::Plan;
use super::spelling::Spelling;
use super::{ProtectError, Protectors};
use crate::base::{Cleartext, Equality};
use crate::carrier::{Replacement, Role};
use crate::policy::{FieldRule, Shape};
use crate::vault::{Form, Item, Token};

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
    pub(super) fn shape(&self) -> Option<Shape> {
        self.rule.protection.shape()
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
        let came_back = self.came_back(batch).await?;
        let mut plans = Vec::with_capacity(batch.len());
        let mut values = Vec::with_capacity(batch.len());
        for (item, back) in batch.iter().zip(came_back) {
            let (value, back) = match back {
                Some(back) if back.is_sealed_anew_for(item) => (Some(back.value), None),
                back => (None, back),
            };
            let item = ToSeal { value: value.as_ref().unwrap_or(item.value), ..*item };
            plans.push(self.plan_one(&item, back.as_ref())?);
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
        let to_mint = batch.iter().zip(&plans).filter_map(|(item, plan)| match plan {
            Plan::Mint(spelling) => Some((item_of(item), spelling.token_form())),
            Plan::MintAs(spelling, first) => {
                Some((item_of(batch.get(*first)?), spelling.token_form()))
            }
            Plan::Ready(_) | Plan::Predict(_) | Plan::Match(_) | Plan::Search(_) => None,
        });
        let to_mint: Vec<(Item<'_>, Form)> = to_mint.collect();
        let mut minted = self.vault.tokenize_as(&to_mint).await?.into_iter();
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
