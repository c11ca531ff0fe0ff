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

mod markup;
mod place;
mod show;
mod sort;
mod tally;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use http::HeaderName;

use crate::base::{Category, Cleartext, Role as CallerRole};
use crate::carrier::{Document, Occurrence, RenderError, Replacement};
use crate::crm::LocatedAnswer;
use crate::policy::{Policy, Visibility};
use crate::protect::{Echoes, Keeper, OpenedSurrogates, ProtectError, Protectors, ToSeal};
use crate::telemetry::Alarm;
use crate::transfer_log::Revealed;

pub use sort::{RowOrder, SortError, open_order};

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

/// An answer whose surrogates are open, before anything of it is shown.
pub struct OpenedAnswer<'a> {
    answer: &'a LocatedAnswer,
    places: Vec<Place<'a>>,
    opened: OpenedSurrogates,
}

/// Opens every surrogate of an answer, for a caller with these roles: one round trip
/// to the vault.
///
/// # Errors
/// [`RestoreError::Protect`]; then nothing of the answer may be passed on.
pub async fn open<'a>(
    answer: &'a LocatedAnswer,
    policy: &'a Policy,
    roles: &'a [CallerRole],
    protectors: &Protectors,
) -> Result<OpenedAnswer<'a>, RestoreError> {
    let mut places: Vec<Place<'a>> = answer
        .documents()
        .flat_map(Document::occurrences)
        .map(|(slot, occurrence)| Place::new(slot, occurrence, policy, roles, protectors))
        .collect();
    let asked: Vec<_> = places.iter().flat_map(Place::asked).collect();
    let opened = protectors.open(&asked).await?;
    for place in &mut places {
        place.settle(&opened);
    }
    protectors.raise(places.iter().flat_map(|place| place.alarms(&opened)));
    Ok(OpenedAnswer { answer, places, opened })
}

impl<'a> OpenedAnswer<'a> {
    /// Every value with the clear text that it stands for, as far as it is one text.
    pub fn clear_values(&self) -> impl Iterator<Item = (&'a Occurrence, Cow<'_, Cleartext>)> {
        self.places.iter().filter_map(|place| Some((place.occurrence, place.clear(&self.opened)?)))
    }

    /// Shows no more than surrogates where `is_hidden` says so of the record and the
    /// category of a value.
    pub fn hide(&mut self, is_hidden: impl Fn(u32, &Category) -> bool) {
        for place in &mut self.places {
            let record = place.occurrence.record;
            for source in &mut place.sources {
                if is_hidden(record, &source.rule.category) {
                    source.visibility = Visibility::SURROGATE;
                }
            }
        }
    }

    /// How many bytes the values that are going to be shown take, escapes left out.
    pub fn shown_bytes(&self, echoes: &Echoes) -> usize {
        self.places.iter().map(|place| place.shown_bytes(&self.opened, echoes)).sum()
    }

    /// Writes the answer as its caller may see it. `keeper` says of a field and its category for
    /// whom a value is kept that is found in clear.
    ///
    /// A further round trip to the vault is made only where clear values have to be
    /// sealed for a caller who sees surrogates. Dropping the future leaves nothing
    /// behind but tokens that may have been stored.
    ///
    /// # Errors
    /// [`RestoreError`]; then nothing of the answer may be passed on.
    pub async fn show<'k>(
        self,
        echoes: &Echoes,
        protectors: &Protectors,
        keeper: impl Fn(&Occurrence, &Category) -> Keeper<'k>,
    ) -> Result<Restored, RestoreError> {
        let is_poison = |place: &&Place<'_>| place.shows_poison(&self.opened);
        protectors.raise(self.places.iter().filter(is_poison).map(|_| Alarm::Poison));
        let mut tally = Tally::default();
        let shown = self
            .places
            .iter()
            .map(|place| {
                let keeper = |category: &Category| keeper(place.occurrence, category);
                show::show(place, &self.opened, echoes, protectors, &mut tally, keeper)
            })
            .collect::<Result<Vec<Shown<'_>>, _>>()?;
        let replacements = seal_found(shown, protectors).await?;

        let mut replacements = replacements.iter();
        let headers = self
            .answer
            .headers
            .iter()
            .map(|(name, document)| Ok((name.clone(), document.render(&mut replacements)?)))
            .collect::<Result<_, RenderError>>()?;
        let body = self.answer.body.render(&mut replacements)?;
        Ok(Restored { headers, body, reveals: tally.into_reveals() })
    }
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

/// Names the size only: it holds clear values.
impl fmt::Debug for OpenedAnswer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenedAnswer({} values)", self.places.len())
    }
}
