// SPDX-License-Identifier: Apache-2.0
//! The way back: what a caller sees of an answer.
//!
//! Reveal is decided by field and category, never by a surrogate alone: a
//! surrogate opens only where a rule of the policy puts its category, and is shown
//! as the caller's roles may see that category.
//!
//! Invariants:
//! - What no rule covers passes unchanged; surrogates in it stay surrogates.
//! - A clear value in a protected field (older than the policy, or written past
//!   us) is shown in the clear only to those who may see its category.
//! - What cannot be judged is refused, not passed.

mod place;
mod show;
mod tally;
#[cfg(test)]
mod tests;

use std::fmt;

use bytes::Bytes;
use http::HeaderName;

use crate::base::Role as CallerRole;
use crate::carrier::{Document, RenderError, Replacement};
use crate::crm::LocatedAnswer;
use crate::policy::Policy;
use crate::protect::{Echoes, ProtectError, Protectors, ToSeal};
use crate::transfer_log::Revealed;

use place::Place;
use show::Shown;
use tally::Tally;

/// An answer as its caller may see it. Holds clear values.
pub struct Restored {
    /// The located headers, rewritten.
    pub headers: Vec<(HeaderName, Bytes)>,
    pub body: Bytes,
    /// What was shown of protected fields.
    pub reveals: Vec<Revealed>,
}

/// An answer that must not be passed on.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error(transparent)]
    Protect(#[from] ProtectError),
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A protected field holds something that is neither text nor number, and the
    /// caller may not see everything of it.
    #[error("the answer holds {found} in protected field `{field}`")]
    Structured { field: String, found: &'static str },
}

/// Rewrites an answer for a caller with these roles.
///
/// One round trip to the vault opens every surrogate; a second one is made only
/// where clear values have to be sealed for a caller who sees surrogates. Dropping
/// the future leaves nothing behind but tokens that may have been stored.
///
/// # Errors
/// [`RestoreError`]; then nothing of the answer may be passed on.
pub async fn restore(
    answer: &LocatedAnswer,
    policy: &Policy,
    roles: &[CallerRole],
    echoes: &Echoes,
    protectors: &Protectors,
) -> Result<Restored, RestoreError> {
    let places: Vec<Place<'_>> = answer
        .documents()
        .flat_map(Document::occurrences)
        .map(|(slot, occurrence)| Place::new(slot, occurrence, policy, roles, protectors))
        .collect();
    let asked: Vec<_> = places.iter().flat_map(Place::asked).collect();
    let opened = protectors.open(&asked).await?;

    let mut tally = Tally::default();
    let shown = places
        .iter()
        .map(|place| show::show(place, &opened, echoes, protectors, &mut tally))
        .collect::<Result<Vec<Shown<'_>>, _>>()?;
    let replacements = seal_found(shown, protectors).await?;

    let mut replacements = replacements.iter();
    let headers = answer
        .headers
        .iter()
        .map(|(name, document)| Ok((name.clone(), document.render(&mut replacements)?)))
        .collect::<Result<_, RenderError>>()?;
    let body = answer.body.render(&mut replacements)?;
    Ok(Restored { headers, body, reveals: tally.into_reveals() })
}

/// Seals the clear values that callers see surrogates of, as one batch.
async fn seal_found(
    shown: Vec<Shown<'_>>,
    protectors: &Protectors,
) -> Result<Vec<Replacement>, ProtectError> {
    let batch: Vec<ToSeal<'_>> = shown
        .iter()
        .filter_map(|shown| match shown {
            Shown::Sealed(item) => Some(*item),
            Shown::As(_) => None,
        })
        .collect();
    let mut sealed = protectors.seal(&batch).await?.into_iter();
    let replacements = shown.into_iter().filter_map(|shown| match shown {
        Shown::Sealed(_) => sealed.next().map(|sealed| sealed.replacement),
        Shown::As(replacement) => Some(replacement),
    });
    Ok(replacements.collect())
}

impl fmt::Debug for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Restored").field("reveals", &self.reveals).finish_non_exhaustive()
    }
}
