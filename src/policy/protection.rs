// SPDX-License-Identifier: Apache-2.0

use crate::base::Scope;
use crate::border::Strength;

use super::Sought;

/// How a value is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// A token stands in its place; the vault holds the value.
    Tokenize { shape: Shape, scope: Scope },
    /// AES-SIV: the surrogate holds the value. Equality is by exact spelling, so
    /// it is answered only where the policy says `search: [exact]`.
    Encrypt { shape: Shape, searchable: bool },
    /// FF1: another telephone number holds the number; a token of that shape stands for what
    /// FF1 cannot carry. Compared as what is encrypted.
    FormatPreserving { searchable: bool },
    /// A keyed hash of the value, which nothing opens.
    Hash { shape: Shape, of: Hashed },
    /// Only a mask of the value leaves; it cannot be undone.
    Mask,
    /// Only this much of the value leaves, in the clear; the rest is stored nowhere.
    Generalize(Kept),
    /// What is found in the text gets tokens in its place; the rest of the text leaves as it is.
    Scan(Sought),
    /// The value does not leave at all.
    Drop,
}

/// What a hash is made of, and whether values can be compared by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hashed {
    /// The value as it is written; it cannot be compared.
    Whole,
    /// The value as it is written, which is what it is compared with.
    Exact,
    /// The value without regard to case.
    Folded,
}

/// What is kept of a value that is generalized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Of a date, its first day.
    Decade,
    Year,
    Month,
    /// Of an e-mail address.
    Domain,
    /// So many characters of a text.
    First(u8),
}

impl Kept {
    /// Whether it is kept of dates, and is a date itself.
    pub const fn is_date(self) -> bool {
        matches!(self, Self::Decade | Self::Year | Self::Month)
    }
}

/// What a surrogate looks like, so that the CRM accepts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One lower-case alphanumeric word.
    Text,
    /// `<word>@<the operator's domain>`.
    Email,
    /// `https://<word>.<the operator's domain>/`.
    Url,
    /// A day in the reserved range, spelt as the value is.
    Date,
    /// A point in time in the reserved range, spelt as the value is.
    DateTime,
    /// A telephone number with the country code 999, which nobody has.
    Phone,
    /// A card number with Luhn's check digit that no issuer has.
    Card,
    /// An IBAN with its check digits, of a country that is none.
    Iban,
}

impl Shape {
    pub const ALL: [Self; 8] = [
        Self::Text,
        Self::Email,
        Self::Url,
        Self::Date,
        Self::DateTime,
        Self::Phone,
        Self::Card,
        Self::Iban,
    ];

    /// The word that configuration uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Email => "email",
            Self::Url => "url",
            Self::Date => "date",
            Self::DateTime => "date_time",
            Self::Phone => "phone",
            Self::Card => "card",
            Self::Iban => "iban",
        }
    }

    /// Whether values are days or points in time, which have several spellings.
    pub const fn is_moment(self) -> bool {
        matches!(self, Self::Date | Self::DateTime)
    }
}

impl Protection {
    /// The usual way: one token for all who have the value.
    pub const fn tokenize(shape: Shape) -> Self {
        Self::Tokenize { shape, scope: Scope::Tenant }
    }

    /// Among whose values equal ones have one surrogate.
    pub const fn scope(self) -> Scope {
        match self {
            Self::Tokenize { scope, .. } => scope,
            _ => Scope::Tenant,
        }
    }

    /// The word that configuration, metrics and the log use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tokenize { .. } => "tokenize",
            Self::Encrypt { .. } => "encrypt",
            Self::FormatPreserving { .. } => "format_preserving",
            Self::Hash { .. } => "hash",
            Self::Mask => "mask",
            Self::Generalize(_) => "generalize",
            Self::Scan(_) => "scan",
            Self::Drop => "drop",
        }
    }

    /// What its surrogates look like, where it has any that open.
    pub const fn shape(self) -> Option<Shape> {
        match self {
            Self::Tokenize { shape, .. } | Self::Encrypt { shape, .. } => Some(shape),
            Self::FormatPreserving { .. } => Some(Shape::Phone),
            Self::Hash { .. } | Self::Mask | Self::Generalize(_) | Self::Scan(_) | Self::Drop => {
                None
            }
        }
    }

    /// How much of a value leaves, as the border asks.
    pub const fn strength(self) -> Strength {
        match self {
            // A token is a keyed hash as well. It is personal data still: whoever has the key
            // can try values, and equal ones show.
            Self::Tokenize { .. } | Self::Hash { .. } => Strength::Token,
            Self::Encrypt { .. } | Self::FormatPreserving { .. } => Strength::Sealed,
            Self::Generalize(_) | Self::Scan(_) => Strength::Clear,
            Self::Mask | Self::Drop => Strength::Gone,
        }
    }
}
