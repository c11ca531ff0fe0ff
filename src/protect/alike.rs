// SPDX-License-Identifier: Apache-2.0
//! Values that are the same to the CRM: what is compared stands for all of them.

use std::collections::HashMap;

use super::plan::Plan;
use super::spelling::Spelling;
use super::{ProtectError, Protectors, Sealed, ToSeal};
use crate::base::{Cleartext, Equality};
use crate::carrier::Role;
use crate::policy::Shape;
use crate::vault::{Index, Item, Likeness, Token, likeness};

impl Protectors {
    /// Settles what is compared and whose value the vault knows; the rest keeps its plan.
    pub(super) async fn match_spellings(
        &self,
        batch: &[ToSeal<'_>],
        plans: &mut [Plan],
        is_meant: fn(&Role) -> bool,
    ) -> Result<(), ProtectError> {
        let (items, plans): (Vec<&ToSeal<'_>>, Vec<&mut Plan>) = batch
            .iter()
            .zip(plans)
            .filter(|(item, plan)| matches!(plan, Plan::Match(_)) && is_meant(item.role))
            .unzip();
        let values: Vec<Item<'_>> =
            items.iter().map(|item| (&item.rule.category, item.value)).collect();
        let known = self.vault.spellings(&values).await?;
        for ((item, plan), spellings) in items.into_iter().zip(plans).zip(known) {
            if let Plan::Match(spelling) = plan {
                let spellings = spellings.ok_or_else(|| ProtectError::TooManySpellings {
                    field: item.rule.id.clone(),
                })?;
                let takes = |token: &Token| spelling.takes(token.form());
                let known = spellings.iter().filter(|it| takes(&it.token));
                let tokens = same(item, known.map(|it| (&it.token, &it.value)))?;
                *plan = if tokens.is_empty() {
                    self.exactly(item, spelling.clone())
                } else {
                    Plan::Ready(self.matching(item, &tokens, spelling)?)
                };
            }
        }
        Ok(())
    }

    /// Keys that are the same to the CRM name one record, also where the vault knows none
    /// of them: the first is what is stored of it.
    pub(super) fn unite_new_keys(
        &self,
        batch: &[ToSeal<'_>],
        plans: &mut [Plan],
    ) -> Result<(), ProtectError> {
        let mut alike: HashMap<Index, Vec<(usize, &Cleartext)>> = HashMap::new();
        for (at, (item, plan)) in batch.iter().zip(plans).enumerate() {
            let Plan::Mint(spelling) = plan else { continue };
            if *item.role != Role::Key || item.equality == Equality::Exact {
                continue;
            }
            let others =
                alike.entry(self.vault.index((&item.rule.category, item.value))).or_default();
            let known = others.iter().map(|(other, value)| (*other, *value));
            match same(item, known)?.first() {
                Some(first) => *plan = Plan::MintAs(spelling.clone(), *first),
                None => others.push((at, item.value)),
            }
        }
        Ok(())
    }

    pub(super) fn matching(
        &self,
        item: &ToSeal<'_>,
        tokens: &[&Token],
        spelling: &Spelling,
    ) -> Result<Sealed, ProtectError> {
        if let [only] = tokens {
            return Ok(Sealed::protected(self.spelt(only, spelling)));
        }
        if !item.can_widen {
            return Err(ProtectError::Ambiguous { field: item.rule.id.clone() });
        }
        Ok(self.any_of(tokens.iter().copied(), spelling))
    }
}

/// Those of other values that the CRM takes for the value of an item.
fn same<'v, T>(
    item: &ToSeal<'_>,
    others: impl Iterator<Item = (T, &'v Cleartext)>,
) -> Result<Vec<T>, ProtectError> {
    let mut same = Vec::new();
    for (other, value) in others {
        let is_moment = item.shape().is_some_and(Shape::is_moment);
        let equality = if is_moment { Equality::Exact } else { item.equality };
        match likeness(equality, item.value.expose(), value.expose()) {
            Likeness::Same => same.push(other),
            Likeness::Different => {}
            Likeness::Doubtful => {
                return Err(ProtectError::Doubtful { field: item.rule.id.clone() });
            }
        }
    }
    Ok(same)
}
