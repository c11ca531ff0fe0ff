// SPDX-License-Identifier: Apache-2.0
//! What `protect: scan` looks for in free text.

/// A kind of personal data that is recognised by what it looks like, or by a list of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    Email,
    Iban,
    Card,
    NationalId,
    Phone,
    Birthdate,
    Address,
    Name,
}

impl FindingKind {
    /// By evidence: where two findings overlap, the earlier kind has what both cover.
    pub const ALL: [Self; 8] = [
        Self::Email,
        Self::Iban,
        Self::Card,
        Self::NationalId,
        Self::Phone,
        Self::Birthdate,
        Self::Address,
        Self::Name,
    ];

    /// The word of the policy, and the category that findings of this kind go by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Iban => "iban",
            Self::Card => "card",
            Self::NationalId => "national_id",
            Self::Phone => "phone",
            Self::Birthdate => "birthdate",
            Self::Address => "address",
            Self::Name => "name",
        }
    }
}

/// The kinds that a field is scanned for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sought(u8);

impl Sought {
    pub const ALL: Self = Self(u8::MAX);

    pub const fn has(self, kind: FindingKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }
}

impl FromIterator<FindingKind> for Sought {
    fn from_iter<I: IntoIterator<Item = FindingKind>>(kinds: I) -> Self {
        Self(kinds.into_iter().fold(0, |all, kind| all | 1 << kind as u8))
    }
}
