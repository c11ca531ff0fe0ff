// SPDX-License-Identifier: Apache-2.0
//! Whether a value can be sealed at all.

use zeroize::Zeroizing;

use super::dress;
use super::fit::surrogate_length;
use super::generalize::generalize;
use super::mask::{MARKER, mask};
use super::spelling::Spelling;
use super::{ProtectError, Protectors, ToSeal};
use crate::policy::{Kept, Protection};
use crate::vault::LONGEST_TO_CONTAIN;

impl Protectors {
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
                    "it has more than {LONGEST_TO_CONTAIN} characters, too many for `search: [contains]` and `[words]`"
                ),
            ));
        }
        if text.contains(MARKER) && protection != Protection::Drop {
            return Err(ProtectError::Masked { field: item.rule.id.clone() });
        }
        if matches!(protection, Protection::FormatPreserving { .. }) && self.ff1.is_none() {
            let because =
                "the keyset has no key `ff1`; `zollhaus keys rotate --purpose ff1` makes one";
            return Err(unprotectable(item, because.into()));
        }
        let shape = item.shape();
        if let Some(because) = shape.and_then(|shape| Spelling::misfit(shape, text)) {
            return Err(unprotectable(item, because.into()));
        }
        let length = match protection {
            // As long as the value, in its own form.
            Protection::Tokenize { shape, .. } if shape.is_moment() => return Ok(()),
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
        if let Protection::Encrypt { shape, .. } = protection
            && let Some((limit, of)) = dress::longest_word(shape)
        {
            let length = length - dress::length(shape, self.email_domain.len());
            if length > limit {
                return Err(unprotectable(
                    item,
                    format!(
                        "its surrogate of {length} characters exceeds the limit of {limit} for \
                         {of}; `tokenize` takes values of any length"
                    ),
                ));
            }
        }
        Ok(())
    }
}

pub(super) fn kept_of(item: &ToSeal<'_>, kept: Kept) -> Result<Zeroizing<String>, ProtectError> {
    generalize(item.value.expose(), kept).ok_or_else(|| {
        let because = match kept {
            Kept::Domain => "it is no e-mail address, of which the domain could be kept",
            _ => "it is no date such as `1985-02-23`, of which a part could be kept",
        };
        unprotectable(item, because.into())
    })
}

pub(super) fn unprotectable(item: &ToSeal<'_>, because: String) -> ProtectError {
    ProtectError::Unprotectable { field: item.rule.id.clone(), because }
}
