// SPDX-License-Identifier: Apache-2.0

/// What people should look at, because honest callers do not cause it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// A surrogate that was never given, or that no key opens: guessed, or of a vault that has
    /// lost something.
    Unknown,
    /// A surrogate at a place of another category.
    Moved,
    /// A caller was shown a value that belongs to nobody and stands in the CRM as a trap.
    Poison,
}

impl Alarm {
    pub const ALL: [Self; 3] = [Self::Unknown, Self::Moved, Self::Poison];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Moved => "moved",
            Self::Poison => "poison",
        }
    }

    /// What the log says of it.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Unknown => "surrogates that were never given, or that no key opens",
            Self::Moved => "surrogates at places of another category",
            Self::Poison => "a poison value was shown",
        }
    }
}
