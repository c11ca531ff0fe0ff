// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeMap;

use crate::base::{ConsentState, Date, Purpose};

use super::basis::Window;

/// What a data subject consented to, and what not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consents(BTreeMap<Purpose, Recorded>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recorded {
    Given(Window),
    Withdrawn,
    Expired,
}

impl Consents {
    /// Consent that holds in `window`; replaces what was recorded for the purpose.
    #[must_use]
    pub fn given(mut self, purpose: Purpose, window: Window) -> Self {
        self.0.insert(purpose, Recorded::Given(window));
        self
    }

    /// Consent that was withdrawn, or an objection, in force at once.
    #[must_use]
    pub fn withdrawn(mut self, purpose: Purpose) -> Self {
        self.0.insert(purpose, Recorded::Withdrawn);
        self
    }

    /// Consent that was given and is over.
    #[must_use]
    pub fn expired(mut self, purpose: Purpose) -> Self {
        self.0.insert(purpose, Recorded::Expired);
        self
    }

    pub fn state(&self, purpose: &Purpose, today: Date) -> ConsentState {
        match self.0.get(purpose) {
            None => ConsentState::None,
            Some(Recorded::Withdrawn) => ConsentState::Withdrawn,
            Some(Recorded::Expired) => ConsentState::Expired,
            Some(Recorded::Given(window)) if window.is_over(today) => ConsentState::Expired,
            Some(Recorded::Given(window)) if window.is_ahead(today) => ConsentState::None,
            Some(Recorded::Given(_)) => ConsentState::Given,
        }
    }
}
