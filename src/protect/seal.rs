// SPDX-License-Identifier: Apache-2.0

use std::collections::HashMap;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::fit::{LONGEST_LOCAL_PART, surrogate_length};
use super::generalize::generalize;
use super::mask::{MARKER, is_mask, mask};
use super::{ProtectError, Protectors, Surrogate, surrogate};
use crate::base::{Cleartext, Equality};
use crate::carrier::{Replacement, Role};
use crate::policy::{FieldRule, Kept, Protection, Shape};
use crate::vault::{Index, Item, Likeness, Token, likeness};

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

/// A surrogate that a caller sends back.
struct CameBack {
    surrogate: Surrogate,
    value: Cleartext,
}

impl CameBack {
    /// An encrypted word holds its value. Where only a token may be stored, by the policy or
    /// by law, it is not the surrogate that is asked for.
    fn holds_too_much_for(&self, item: &ToSeal<'_>) -> bool {
        matches!(self.surrogate, Surrogate::Encrypted(_))
            && matches!(item.rule.protection, Protection::Tokenize { .. })
            && !matches!(item.role, Role::Key | Role::Equality)
    }
}

/// How one occurrence is going to be sealed.
enum Plan {
    Ready(Sealed),
    /// Takes the token of exactly this value, which is made if it is new.
    Mint(Shape),
    /// Takes the token of the value of an earlier item, which is the same to the CRM.
    MintAs(Shape, usize),
    /// Takes the token of exactly this value, and makes none.
    Predict(Shape),
    /// Takes the tokens of all stored spellings of the value.
    Match(Shape),
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
        let anew = batch.iter().zip(&came_back).map(|(item, back)| match back {
            Some(back) if back.holds_too_much_for(item) => ToSeal { value: &back.value, ..*item },
            _ => *item,
        });
        let anew: Vec<ToSeal<'_>> = anew.collect();
        let plans = anew.iter().zip(&came_back).map(|(item, back)| {
            let is_ours = back.as_ref().is_some_and(|back| !back.holds_too_much_for(item));
            self.plan_one(item, is_ours)
        });
        let mut plans = plans.collect::<Result<Vec<_>, _>>()?;
        let batch = anew.as_slice();
        self.match_spellings(batch, &mut plans, |role| *role != Role::Equality).await?;
        self.unite_new_keys(batch, &mut plans)?;
        let to_mint =
            values_of(batch, &plans, |plan| matches!(plan, Plan::Mint(_) | Plan::MintAs(..)));
        let mut minted = self.vault.tokenize(&to_mint).await?.into_iter();
        // A filter finds what the same request stores before it.
        self.match_spellings(batch, &mut plans, |role| *role == Role::Equality).await?;
        let to_predict = values_of(batch, &plans, |plan| matches!(plan, Plan::Predict(_)));
        let mut predicted = self.vault.predict(&to_predict).await?.into_iter();
        let mut sealed = Vec::with_capacity(plans.len());
        for plan in plans {
            let (token, shape) = match plan {
                Plan::Ready(ready) => {
                    sealed.push(ready);
                    continue;
                }
                Plan::Mint(shape) | Plan::MintAs(shape, _) => (minted.next(), shape),
                Plan::Predict(shape) | Plan::Match(shape) => (predicted.next(), shape),
            };
            sealed.extend(token.map(|token| protected(self.shaped(token.as_str(), shape))));
        }
        Ok(sealed)
    }

    /// Whether a value that is no surrogate can be sealed at all.
    ///
    /// # Errors
    /// [`ProtectError::Masked`] or [`ProtectError::Unprotectable`].
    pub fn check(&self, item: &ToSeal<'_>) -> Result<(), ProtectError> {
        let text = item.value.expose();
        let protection = item.rule.protection;
        if text.contains(MARKER) && protection != Protection::Drop {
            return Err(ProtectError::Masked { field: item.rule.id.clone() });
        }
        let length = match protection {
            Protection::Tokenize { .. } | Protection::Encrypt { .. } | Protection::Drop => {
                surrogate_length(protection, text.len(), self.email_domain.len())
            }
            Protection::Mask => mask(text).chars().count(),
            Protection::Generalize(kept) => kept_of(item, kept)?.chars().count(),
            Protection::Scan(_) => text.chars().count(),
        };
        if let Some(limit) = item.max_length.filter(|limit| length > *limit as usize) {
            return Err(unprotectable(
                item,
                format!(
                    "its surrogate of {length} characters exceeds the field's limit of {limit}"
                ),
            ));
        }
        if let Protection::Encrypt { shape: Shape::Email, .. } = protection {
            let local_part = length - 1 - self.email_domain.len();
            if local_part > LONGEST_LOCAL_PART {
                return Err(unprotectable(
                    item,
                    format!(
                        "its surrogate of {local_part} characters exceeds the limit of {LONGEST_LOCAL_PART} \
                         for the local part of an e-mail address; `tokenize` takes values of any length"
                    ),
                ));
            }
        }
        Ok(())
    }

    /// For each item that is a surrogate of its category, which, and what it stands for.
    async fn came_back(&self, batch: &[ToSeal<'_>]) -> Result<Vec<Option<CameBack>>, ProtectError> {
        let whole: Vec<_> = batch
            .iter()
            .map(|item| surrogate::whole(item.value.expose(), &self.email_domain))
            .collect();
        let asked: Vec<_> = batch
            .iter()
            .zip(&whole)
            .filter_map(|(item, surrogate)| Some((surrogate.as_ref()?, &item.rule.category)))
            .collect();
        let opened = self.open(&asked).await?;
        let came_back = batch.iter().zip(whole).map(|(item, surrogate)| {
            let surrogate = surrogate?;
            let value = opened.get(&surrogate, &item.rule.category)?.clone();
            Some(CameBack { surrogate, value })
        });
        Ok(came_back.collect())
    }

    fn plan_one(&self, item: &ToSeal<'_>, is_ours: bool) -> Result<Plan, ProtectError> {
        let protection = item.rule.protection;
        let text = item.value.expose();
        let stays = match protection {
            Protection::Tokenize { .. } | Protection::Encrypt { .. } => is_ours,
            Protection::Mask => is_ours || is_mask(text),
            Protection::Generalize(_) | Protection::Scan(_) | Protection::Drop => false,
        };
        if stays {
            let state = SealedState::AlreadyProtected;
            return Ok(Plan::Ready(Sealed { replacement: Replacement::Keep, state }));
        }
        self.check(item)?;
        let is_compared = matches!(item.role, Role::Key | Role::Equality);
        match protection {
            Protection::Tokenize { shape } if is_compared && item.equality != Equality::Exact => {
                Ok(Plan::Match(shape))
            }
            Protection::Tokenize { shape } => Ok(exactly(item, shape)),
            Protection::Encrypt { shape, .. } => {
                let word = self.encrypt(item.value, &item.rule.category);
                Ok(Plan::Ready(protected(self.shaped(&word, shape))))
            }
            Protection::Mask if is_compared => {
                Err(unprotectable(item, "only a mask of it is stored".into()))
            }
            Protection::Mask => Ok(Plan::Ready(protected(mask(text).as_str()))),
            Protection::Generalize(_) if is_compared => {
                Err(unprotectable(item, "only what the policy keeps of it is stored".into()))
            }
            // What is kept is shown to all, who may not see what a surrogate stands for.
            Protection::Generalize(_) if is_ours => Err(unprotectable(
                item,
                "it is a surrogate of the whole value, of which only a part may be stored".into(),
            )),
            Protection::Generalize(kept) => {
                Ok(Plan::Ready(protected(kept_of(item, kept)?.as_str())))
            }
            // What was found in it is sealed in its stead (see `scan`).
            Protection::Scan(_) => {
                Err(unprotectable(item, "it has to be scanned as a text".into()))
            }
            Protection::Drop if is_compared => {
                Err(unprotectable(item, "it is never stored".into()))
            }
            Protection::Drop if item.can_remove => Ok(Plan::Ready(Sealed {
                replacement: Replacement::Remove,
                state: SealedState::Protected,
            })),
            Protection::Drop => Err(unprotectable(
                item,
                "the policy drops it, and this request cannot do without it".into(),
            )),
        }
    }

    /// Settles what is compared and whose value the vault knows; the rest keeps its plan.
    async fn match_spellings(
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
            if let Plan::Match(shape) = *plan {
                let spellings = spellings.ok_or_else(|| ProtectError::TooManySpellings {
                    field: item.rule.id.clone(),
                })?;
                let tokens = same(item, spellings.iter().map(|it| (&it.token, &it.value)))?;
                *plan = if tokens.is_empty() {
                    exactly(item, shape)
                } else {
                    Plan::Ready(self.matching(item, &tokens, shape)?)
                };
            }
        }
        Ok(())
    }

    /// Keys that are the same to the CRM name one record, also where the vault knows none
    /// of them: the first is what is stored of it.
    fn unite_new_keys(&self, batch: &[ToSeal<'_>], plans: &mut [Plan]) -> Result<(), ProtectError> {
        let mut alike: HashMap<Index, Vec<(usize, &Cleartext)>> = HashMap::new();
        for (at, (item, plan)) in batch.iter().zip(plans).enumerate() {
            let Plan::Mint(shape) = *plan else { continue };
            if *item.role != Role::Key || item.equality == Equality::Exact {
                continue;
            }
            let others =
                alike.entry(self.vault.index((&item.rule.category, item.value))).or_default();
            let known = others.iter().map(|(other, value)| (*other, *value));
            match same(item, known)?.first() {
                Some(first) => *plan = Plan::MintAs(shape, *first),
                None => others.push((at, item.value)),
            }
        }
        Ok(())
    }

    fn matching(
        &self,
        item: &ToSeal<'_>,
        tokens: &[&Token],
        shape: Shape,
    ) -> Result<Sealed, ProtectError> {
        if let [only] = tokens {
            return Ok(protected(self.shaped(only.as_str(), shape)));
        }
        if !item.can_widen {
            return Err(ProtectError::Ambiguous { field: item.rule.id.clone() });
        }
        let texts = tokens.iter().map(|token| self.shaped(token.as_str(), shape)).collect();
        Ok(Sealed { replacement: Replacement::AnyOf(texts), state: SealedState::Protected })
    }

    fn shaped(&self, word: &str, shape: Shape) -> String {
        match shape {
            Shape::Text => word.to_owned(),
            Shape::Email => format!("{word}@{}", self.email_domain),
        }
    }
}

/// Those of other values that the CRM takes for the value of an item.
fn same<'v, T>(
    item: &ToSeal<'_>,
    others: impl Iterator<Item = (T, &'v Cleartext)>,
) -> Result<Vec<T>, ProtectError> {
    let mut same = Vec::new();
    for (other, value) in others {
        match likeness(item.equality, item.value.expose(), value.expose()) {
            Likeness::Same => same.push(other),
            Likeness::Different => {}
            Likeness::Doubtful => {
                return Err(ProtectError::Doubtful { field: item.rule.id.clone() });
            }
        }
    }
    Ok(same)
}

/// The values of the items with a plan of this kind.
fn values_of<'a>(
    batch: &[ToSeal<'a>],
    plans: &[Plan],
    is_wanted: fn(&Plan) -> bool,
) -> Vec<Item<'a>> {
    let items = batch.iter().zip(plans).filter(|(_, plan)| is_wanted(plan));
    let values = items.filter_map(|(item, plan)| match plan {
        Plan::MintAs(_, first) => batch.get(*first),
        _ => Some(item),
    });
    values.map(|item| (&item.rule.category, item.value)).collect()
}

/// The plan for the one spelling that an item has. A key may be stored, a filter not.
fn exactly(item: &ToSeal<'_>, shape: Shape) -> Plan {
    if *item.role == Role::Equality { Plan::Predict(shape) } else { Plan::Mint(shape) }
}

fn protected(text: impl Into<String>) -> Sealed {
    Sealed { replacement: Replacement::text(text), state: SealedState::Protected }
}

fn kept_of(item: &ToSeal<'_>, kept: Kept) -> Result<Zeroizing<String>, ProtectError> {
    generalize(item.value.expose(), kept).ok_or_else(|| {
        let because = match kept {
            Kept::Domain => "it is no e-mail address, of which the domain could be kept",
            _ => "it is no date such as `1985-02-23`, of which a part could be kept",
        };
        unprotectable(item, because.into())
    })
}

fn unprotectable(item: &ToSeal<'_>, because: String) -> ProtectError {
    ProtectError::Unprotectable { field: item.rule.id.clone(), because }
}
