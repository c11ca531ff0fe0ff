// SPDX-License-Identifier: Apache-2.0

use std::fmt;

use crate::base::Jurisdiction;

/// Whose keyset a key is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Realm {
    /// That of the house.
    House,
    /// That of a jurisdiction, for the data subjects whose law it is.
    Of(Jurisdiction),
}

impl Realm {
    /// As it is stored: the name of the jurisdiction, and nothing for the house.
    pub fn code(&self) -> &str {
        match self {
            Self::House => "",
            Self::Of(jurisdiction) => jurisdiction.as_str(),
        }
    }

    pub fn from_code(code: &str) -> Self {
        if code.is_empty() { Self::House } else { Self::Of(Jurisdiction::new(code)) }
    }
}

/// In the words of messages.
impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::House => f.write_str("the house"),
            Self::Of(jurisdiction) => write!(f, "jurisdiction `{jurisdiction}`"),
        }
    }
}
