// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeMap;
use std::fmt;

use crate::base::{Date, Purpose};

use super::basis::Window;

/// What a data subject consented to, and what not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsentState(BTreeMap<Purpose, Recorded>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recorded {
    Given(Window),
    Withdrawn,
}

/// How it stands with one purpose on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Given,
    Withdrawn,
    Expired,
    /// Nothing is recorded, or consent that only begins later.
    None,
}

impl ConsentState {
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

    pub fn standing(&self, purpose: &Purpose, today: Date) -> Standing {
        match self.0.get(purpose) {
            None => Standing::None,
            Some(Recorded::Withdrawn) => Standing::Withdrawn,
            Some(Recorded::Given(window)) if window.is_over(today) => Standing::Expired,
            Some(Recorded::Given(window)) if window.is_ahead(today) => Standing::None,
            Some(Recorded::Given(_)) => Standing::Given,
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Given => "was given",
            Self::Withdrawn => "was withdrawn",
            Self::Expired => "has expired",
            Self::None => "was not given",
        })
    }
}
