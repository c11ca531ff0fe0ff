// SPDX-License-Identifier: Apache-2.0
//! Personal data that a request would still say in clear: a value that it protects elsewhere,
//! or an e-mail address, phone number, IBAN or card in a field that nothing protects.
//!
//! Values of fields are looked at as they are, without their escapes; what is no value of a
//! field, as it leaves. Header fields that repeat a protected value do not leave anyway.

use std::collections::{BTreeSet, HashSet};

use percent_encoding::percent_decode;

use crate::carrier::{Occurrence, Role, Slot, Value};
use crate::policy::{Decision, Forbidden, Policy, Protection, Reason, Residual};
use crate::protect::Sought;
use crate::protect::scan::{Known, Scanned};

use super::Proxy;
use super::body::Content;
use super::manifest::Manifest;
use super::mentions::Mentions;
use super::stage::{Located, Outgoing, occurrences};

impl Proxy {
    /// Looks at every text that would leave in clear, or in part, and does what the policy
    /// says of residual data.
    ///
    /// # Errors
    /// [`Forbidden::Residual`] names the field.
    pub(super) fn look_for_residual(
        &self,
        manifest: &mut Manifest,
        policy: &Policy,
        located: &Located,
        mentions: &Mentions,
    ) -> Result<(), Forbidden> {
        let Some(residual) = policy.residual else { return Ok(()) };
        let occurrences = occurrences(located.request.documents());
        let names = names_of_fields(&occurrences);
        let whole =
            occurrences.iter().zip(&manifest.decisions).filter_map(|((_, at), decision)| {
                match (decision, &at.value) {
                    (Decision::Protect(rule), Value::Text(text))
                        if self
                            .protectors
                            .find(text.expose(), Sought::of(rule.protection))
                            .is_empty() =>
                    {
                        Some((rule, text))
                    }
                    _ => None,
                }
            });
        let found = manifest.scanned.values().flat_map(Scanned::parts);
        let found = found.map(|part| (&part.rule, &part.value));
        let known = Known::new(whole.chain(found), &names, |category| policy.scope_of(category));
        let mut counted = BTreeSet::new();
        for (at, (_, occurrence)) in occurrences.iter().enumerate() {
            let Value::Text(text) = &occurrence.value else { continue };
            if !manifest.decisions.get(at).is_some_and(is_free) {
                continue;
            }
            let (scanned, known) = (manifest.scanned.get(&at), known.as_ref());
            let mentions = mentions.in_text(at);
            let left = self.protectors.leftovers(scanned, known, mentions, &policy.scan, text);
            let Some(left) = left else { continue };
            let is_stored = matches!(occurrence.role, Role::Stored | Role::Former);
            match residual {
                Residual::Protect if is_stored => _ = manifest.scanned.insert(at, left),
                Residual::Report => _ = counted.insert(at),
                Residual::Protect | Residual::Refuse => {
                    let place = format!("`{}.{}`", occurrence.object, occurrence.field);
                    return Err(Forbidden::Residual { place });
                }
            }
        }
        (manifest.known, manifest.residual) = (known, counted);
        Ok(())
    }
}

/// Whether a value leaves in clear, or what is not found in it does.
pub(super) fn is_free(decision: &Decision) -> bool {
    match decision {
        Decision::Untouched(Reason::ObjectUnlisted | Reason::FieldUnlisted) => true,
        Decision::Untouched(_) => false,
        Decision::Protect(rule) => matches!(rule.protection, Protection::Scan(_)),
    }
}

/// The names of objects and fields, in lower case.
pub(super) fn names_of_fields(occurrences: &[(&Slot, &Occurrence)]) -> HashSet<String> {
    let names = occurrences.iter().flat_map(|(_, at)| [at.object.as_str(), at.field.as_str()]);
    names.map(str::to_lowercase).collect()
}

/// Where a request as it leaves repeats what it protects. Values of fields that are counted
/// are not counted again.
pub(super) fn residual_place(manifest: &Manifest, outgoing: &Outgoing) -> Option<&'static str> {
    let known = manifest.known.as_ref().filter(|_| manifest.residual.is_empty())?;
    let stands_in = |bytes: &[u8]| known.stand_in(&String::from_utf8_lossy(bytes));
    let target = outgoing.uri.path_and_query().map_or("", |target| target.as_str());
    let decoded = |target: &str| percent_decode(target.as_bytes()).collect::<Vec<u8>>();
    if stands_in(&decoded(target)) || stands_in(&decoded(&target.replace('+', " "))) {
        return Some("the path or query");
    }
    match &outgoing.body {
        Content::Whole(body) if stands_in(body) => Some("the body"),
        Content::Whole(_) | Content::Spooled(_) => None,
    }
}
