// SPDX-License-Identifier: Apache-2.0

use std::collections::HashMap;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::fit::{LONGEST_LOCAL_PART, surrogate_length};
use super::generalize::generalize;
use super::mask::{MARKER, is_mask, mask};
use super::spelling::Spelling;
use super::{ProtectError, Protectors, Sought, Surrogate, surrogate};
use crate::base::{Cleartext, Equality};
use crate::carrier::{Replacement, Role};
use crate::policy::{FieldRule, Kept, Protection, Shape};
use crate::vault::{Form, Index, Item, LONGEST_TO_CONTAIN, Likeness, Token, likeness};

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
    /// What is encrypted holds its value. Where only a token may be stored, by the policy or
    /// by law, it is not the surrogate that is asked for.
    fn holds_too_much_for(&self, item: &ToSeal<'_>) -> bool {
        let holds_value =
            matches!(self.surrogate, Surrogate::Encrypted(_) | Surrogate::Preserved(_));
        let is_compared = matches!(item.role, Role::Key | Role::Equality | Role::Pattern { .. });
        match item.rule.protection {
            Protection::Tokenize { .. } => holds_value && !is_compared,
            // What can be opened may not stand where nothing is to be.
            Protection::Hash { .. } => true,
            Protection::Encrypt { .. }
            | Protection::FormatPreserving { .. }
            | Protection::Mask
            | Protection::Generalize(_)
            | Protection::Scan(_)
            | Protection::Drop => false,
        }
    }
}

/// How one occurrence is going to be sealed.
enum Plan {
    Ready(Sealed),
    /// Takes the token of exactly this value, which is made if it is new.
    Mint(Spelling),
    /// Takes the token of the value of an earlier item, which is the same to the CRM.
    MintAs(Spelling, usize),
    /// Takes the token of exactly this value, and makes none.
    Predict(Spelling),
    /// Takes the tokens of all stored spellings of the value.
    Match(Spelling),
    /// Takes the tokens of all stored values that look like the pattern.
    Search(Spelling),
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
            let (value, is_ours) = match back {
                Some(back) if back.holds_too_much_for(item) => (Some(back.value), false),
                back => (None, back.is_some()),
            };
            let item = ToSeal { value: value.as_ref().unwrap_or(item.value), ..*item };
            plans.push(self.plan_one(&item, is_ours)?);
            // What is stored is one form of a day, however it is written.
            values.push(match item.shape().filter(|_| !is_ours) {
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
                    sealed.extend(token.map(|token| protected(self.spelt(&token, &spelling))));
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

    /// Whether a value that is no surrogate can be sealed at all.
    ///
    /// # Errors
    /// [`ProtectError::Masked`] or [`ProtectError::Unprotectable`].
    pub fn check(&self, item: &ToSeal<'_>) -> Result<(), ProtectError> {
        let text = item.value.expose();
        let protection = item.rule.protection;
        if matches!(protection, Protection::Tokenize { .. } | Protection::FormatPreserving { .. })
            && !self.vault.can_index((&item.rule.category, item.value))
        {
            return Err(unprotectable(
                item,
                format!(
                    "it has more than {LONGEST_TO_CONTAIN} characters, too many for `search: [contains]`"
                ),
            ));
        }
        if text.contains(MARKER) && protection != Protection::Drop {
            return Err(ProtectError::Masked { field: item.rule.id.clone() });
        }
        let shape = item.shape();
        if let Some(because) = shape.and_then(|shape| Spelling::misfit(shape, text)) {
            return Err(unprotectable(item, because.into()));
        }
        let length = match protection {
            // As long as the value, in its own form.
            Protection::Tokenize { shape } if shape.is_moment() => return Ok(()),
            Protection::Tokenize { .. }
            | Protection::Encrypt { .. }
            | Protection::FormatPreserving { .. }
            | Protection::Hash { .. }
            | Protection::Drop => surrogate_length(protection, text.len(), self.email_domain.len()),
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
            .map(|item| {
                let sought = Sought::of(item.rule.protection);
                surrogate::whole(item.value.expose(), &self.email_domain, sought)
            })
            .collect();
        let asked: Vec<_> = batch
            .iter()
            .zip(&whole)
            .filter_map(|(item, found)| Some((&found.as_ref()?.surrogate, &item.rule.category)))
            .collect();
        let opened = self.open(&asked).await?;
        let came_back = batch.iter().zip(whole).map(|(item, found)| {
            let found = found?;
            let value = found.clear(&opened, &item.rule.category)?.into_owned();
            Some(CameBack { surrogate: found.surrogate, value })
        });
        Ok(came_back.collect())
    }

    fn plan_one(&self, item: &ToSeal<'_>, is_ours: bool) -> Result<Plan, ProtectError> {
        let protection = item.rule.protection;
        let text = item.value.expose();
        let stays = match protection {
            Protection::Tokenize { .. }
            | Protection::Encrypt { .. }
            | Protection::FormatPreserving { .. } => is_ours,
            Protection::Hash { .. } => self.is_hash(text),
            Protection::Mask => is_ours || is_mask(text),
            Protection::Generalize(_) | Protection::Scan(_) | Protection::Drop => false,
        };
        if stays {
            let state = SealedState::AlreadyProtected;
            return Ok(Plan::Ready(Sealed { replacement: Replacement::Keep, state }));
        }
        self.check(item)?;
        let is_compared = matches!(item.role, Role::Key | Role::Equality | Role::Pattern { .. });
        match protection {
            Protection::Tokenize { shape } => Ok(self.tokenized(item, shape)),
            Protection::FormatPreserving { .. } => {
                let preserved = self.preserve(item.value, &item.rule.category);
                let mut preserved = preserved.ok_or_else(|| {
                    let because = "the keyset has no key `ff1`; `zollhaus keys rotate --purpose \
                                   ff1` makes one";
                    unprotectable(item, because.into())
                })?;
                let limit = item.max_length.map_or(usize::MAX, |limit| limit as usize);
                preserved.retain(|number| number.len() <= limit);
                if !is_compared {
                    preserved.truncate(1);
                }
                if preserved.is_empty() {
                    Ok(self.tokenized(item, Shape::Phone))
                } else {
                    under_any_key(item, preserved)
                }
            }
            Protection::Encrypt { shape, .. } if is_compared => {
                let words = self.encrypt_with_each(item.value, &item.rule.category);
                under_any_key(item, words.iter().map(|word| self.worn(word, shape)).collect())
            }
            Protection::Encrypt { shape, .. } => {
                let word = self.encrypt(item.value, &item.rule.category);
                Ok(Plan::Ready(protected(self.worn(&word, shape))))
            }
            Protection::Hash { shape, of } => {
                let mut hashes = self.hash(item.value, &item.rule.category, of);
                if !is_compared {
                    hashes.truncate(1);
                }
                under_any_key(item, hashes.iter().map(|hash| self.worn(hash, shape)).collect())
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

    /// The plan for a value that gets a token.
    fn tokenized(&self, item: &ToSeal<'_>, shape: Shape) -> Plan {
        let spelling = Spelling::of(shape, item.value);
        // What a short token stands for, only the vault knows.
        let is_known_by_index =
            item.equality != Equality::Exact || spelling.token_form() != Form::Word;
        if matches!(item.role, Role::Pattern { .. }) {
            Plan::Search(spelling)
        } else if matches!(item.role, Role::Key | Role::Equality) && is_known_by_index {
            Plan::Match(spelling)
        } else {
            self.exactly(item, spelling)
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

    /// Settles what is compared with patterns that something stored looks like.
    async fn search(&self, batch: &[ToSeal<'_>], plans: &mut [Plan]) -> Result<(), ProtectError> {
        let (items, plans): (Vec<&ToSeal<'_>>, Vec<&mut Plan>) =
            batch.iter().zip(plans).filter(|(_, plan)| matches!(plan, Plan::Search(_))).unzip();
        let matches = self.matches(&items).await?;
        for ((item, plan), tokens) in items.into_iter().zip(plans).zip(matches) {
            if !item.can_widen {
                return Err(ProtectError::Ambiguous { field: item.rule.id.clone() });
            }
            let Plan::Search(spelling) = &*plan else { continue };
            let nobody = Token::nobody(spelling.token_form());
            let found: Vec<Token> =
                tokens.into_iter().filter(|token| spelling.takes(token.form())).collect();
            if !found.is_empty() {
                *plan = Plan::Ready(self.any_of(found.iter(), spelling));
            } else if let Some(nobody) = nobody {
                *plan = Plan::Ready(self.any_of([&nobody].into_iter(), spelling));
            }
        }
        Ok(())
    }

    /// Keys that are the same to the CRM name one record, also where the vault knows none
    /// of them: the first is what is stored of it.
    fn unite_new_keys(&self, batch: &[ToSeal<'_>], plans: &mut [Plan]) -> Result<(), ProtectError> {
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

    fn matching(
        &self,
        item: &ToSeal<'_>,
        tokens: &[&Token],
        spelling: &Spelling,
    ) -> Result<Sealed, ProtectError> {
        if let [only] = tokens {
            return Ok(protected(self.spelt(only, spelling)));
        }
        if !item.can_widen {
            return Err(ProtectError::Ambiguous { field: item.rule.id.clone() });
        }
        Ok(self.any_of(tokens.iter().copied(), spelling))
    }

    fn any_of<'t>(&self, tokens: impl Iterator<Item = &'t Token>, spelling: &Spelling) -> Sealed {
        let texts = tokens.map(|token| self.spelt(token, spelling)).collect();
        Sealed { replacement: Replacement::AnyOf(texts), state: SealedState::Protected }
    }

    /// The plan for the one spelling that an item has. A key may be stored, a filter not: it
    /// finds nothing where its value has no token yet.
    fn exactly(&self, item: &ToSeal<'_>, spelling: Spelling) -> Plan {
        match Token::nobody(spelling.token_form()) {
            _ if *item.role != Role::Equality => Plan::Mint(spelling),
            None => Plan::Predict(spelling),
            Some(nobody) => Plan::Ready(protected(self.spelt(&nobody, &spelling))),
        }
    }

    fn spelt(&self, token: &Token, spelling: &Spelling) -> String {
        match token.form() {
            Form::Word => self.worn(token.as_str(), spelling.shape()),
            Form::Date | Form::Time | Form::Phone => spelling.write(token),
        }
    }

    /// A word in the dress of a shape.
    fn worn(&self, word: &str, shape: Shape) -> String {
        match shape {
            Shape::Email => format!("{word}@{}", self.email_domain),
            Shape::Text | Shape::Date | Shape::DateTime | Shape::Phone => word.to_owned(),
        }
    }
}

impl ToSeal<'_> {
    fn shape(&self) -> Option<Shape> {
        self.rule.protection.shape()
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

fn item_of<'a>(item: &ToSeal<'a>) -> Item<'a> {
    (&item.rule.category, item.value)
}

/// The plan for a value that one key has sealed, or that is compared with what any of several
/// has.
fn under_any_key(item: &ToSeal<'_>, texts: Vec<String>) -> Result<Plan, ProtectError> {
    let replacement = match <[String; 1]>::try_from(texts) {
        Ok([only]) => Replacement::text(only),
        Err(texts) if item.can_widen => Replacement::AnyOf(texts),
        Err(_) => return Err(ProtectError::Rotated { field: item.rule.id.clone() }),
    };
    Ok(Plan::Ready(Sealed { replacement, state: SealedState::Protected }))
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
