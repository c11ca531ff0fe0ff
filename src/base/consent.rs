// SPDX-License-Identifier: Apache-2.0

use serde::{Deserialize, Serialize};

/// What a person says of a purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    Given,
    Withdrawn,
}

/// What everything that a person said of a purpose amounts to at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentState {
    Given,
    Withdrawn,
    /// Given, but not for so long.
    Expired,
    /// Nobody has asked.
    None,
}

impl Choice {
    pub const ALL: [Self; 2] = [Self::Given, Self::Withdrawn];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl ConsentState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::None => "none",
        }
    }
}
