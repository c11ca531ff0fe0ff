// SPDX-License-Identifier: Apache-2.0
//! How one value is going to be sealed, as far as it is known without the vault.

use super::came_back::CameBack;
use super::check::{kept_of, unprotectable};
use super::mask::{is_mask, mask};
use super::spelling::Spelling;
use super::{ProtectError, Protectors, Sealed, SealedState, ToSeal};
use crate::carrier::{Replacement, Role};
use crate::policy::{Protection, Shape};
use crate::vault::Token;

/// How one occurrence is going to be sealed.
pub(super) enum Plan {
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

impl Plan {
    /// Whether a surrogate that came back stays where it is.
    pub(super) fn lets_it_stand(&self) -> bool {
        matches!(self, Self::Ready(Sealed { state: SealedState::AlreadyProtected, .. }))
    }
}

impl Protectors {
    pub(super) fn plan_one(
        &self,
        item: &ToSeal<'_>,
        back: Option<&CameBack>,
    ) -> Result<Plan, ProtectError> {
        let is_ours = back.is_some();
        let protection = item.rule.protection;
        let text = item.value.expose();
        let stays = match protection {
            Protection::Tokenize { .. }
            | Protection::Encrypt { .. }
            | Protection::FormatPreserving { .. } => is_ours,
            // What a token stood for that is not to be had cannot be hashed.
            Protection::Hash { .. } => back.is_some_and(|back| back.is_empty) || self.is_hash(text),
            // A law that lets a mask pass may let no more pass than a token.
            Protection::Mask => back.is_some_and(|back| !back.holds_value()) || is_mask(text),
            Protection::Generalize(_) | Protection::Scan(_) | Protection::Drop => false,
        };
        if stays {
            let state = SealedState::AlreadyProtected;
            let alone = text.trim();
            let is_alone = alone.len() == text.len();
            let replacement = if is_alone { Replacement::Keep } else { Replacement::text(alone) };
            return Ok(Plan::Ready(Sealed { replacement, state }));
        }
        self.check(item)?;
        let is_compared = item.is_compared();
        match protection {
            Protection::Tokenize { shape, .. } => Ok(self.tokenized(item, shape)),
            Protection::FormatPreserving { .. } => {
                let mut preserved = self.preserve(item.value, &item.rule.category);
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
                Ok(Plan::Ready(Sealed::protected(self.worn(&word, shape))))
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
            Protection::Mask if is_ours => Err(unprotectable(
                item,
                "it is the whole value, encrypted, of which only a mask may be stored".into(),
            )),
            Protection::Mask => Ok(Plan::Ready(Sealed::protected(mask(text).as_str()))),
            Protection::Generalize(_) if is_compared => {
                Err(unprotectable(item, "only what the policy keeps of it is stored".into()))
            }
            // What is kept is shown to all, who may not see what a surrogate stands for.
            Protection::Generalize(_) if is_ours => Err(unprotectable(
                item,
                "it is a surrogate of the whole value, of which only a part may be stored".into(),
            )),
            Protection::Generalize(kept) => {
                Ok(Plan::Ready(Sealed::protected(kept_of(item, kept)?.as_str())))
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
        match item.role {
            Role::Pattern { .. } => Plan::Search(spelling),
            // Also where the CRM knows one spelling only: what a short token stands for, or one
            // that was a data subject's alone when it was stored, only the vault knows.
            Role::Key | Role::Equality => Plan::Match(spelling),
            Role::Stored | Role::Former | Role::Composed { .. } | Role::Echo => {
                self.exactly(item, spelling)
            }
        }
    }

    /// The plan for the one spelling that an item has. A key may be stored, a filter not: it
    /// finds nothing where its value has no token yet.
    pub(super) fn exactly(&self, item: &ToSeal<'_>, spelling: Spelling) -> Plan {
        match Token::nobody(spelling.token_form()) {
            _ if *item.role != Role::Equality => Plan::Mint(spelling),
            None => Plan::Predict(spelling),
            Some(nobody) => Plan::Ready(Sealed::protected(self.spelt(&nobody, &spelling))),
        }
    }
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
