// SPDX-License-Identifier: Apache-2.0

use super::place::{Place, Source};
use crate::base::{FieldName, is_identifier};
use crate::policy::Reveal;
use crate::transfer_log::Revealed;

/// Counts what was shown, per field, category, way and role.
#[derive(Debug, Default)]
pub(super) struct Tally(Vec<Revealed>);

/// Distinct fields that one entry names, beside those that the policy lists.
const MAX_NAMES: usize = 200;

/// Where a shown value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Surrogate,
    FoundClear,
}

impl Tally {
    pub(super) fn count(
        &mut self,
        place: &Place<'_>,
        source: &Source<'_>,
        reveal: Reveal,
        origin: Origin,
    ) {
        let occurrence = place.occurrence;
        let role = source.visibility.role;
        let found_clear = origin == Origin::FoundClear;
        // SECURITY: a name that the policy does not list is the CRM's word, or a
        // caller's before, and may be a value.
        let name = occurrence.field.as_str();
        let is_fit = source.rule.is_listed() || (is_identifier(name) && self.0.len() < MAX_NAMES);
        let field =
            if is_fit { occurrence.field.clone() } else { FieldName::from_static("(other)") };
        let same = self.0.iter_mut().find(|known| {
            known.field == field
                && known.object == occurrence.object
                && known.category == source.rule.category
                && known.reveal == reveal
                && known.found_clear == found_clear
                && known.role.as_ref() == role
        });
        if let Some(known) = same {
            known.count += 1;
        } else {
            let revealed = Revealed {
                object: occurrence.object.clone(),
                field,
                category: source.rule.category.clone(),
                reveal,
                role: role.cloned(),
                found_clear,
                count: 1,
            };
            self.0.push(revealed);
        }
    }

    pub(super) fn into_reveals(self) -> Vec<Revealed> {
        self.0
    }
}
