// SPDX-License-Identifier: Apache-2.0
//! Clear value → surrogate, and back.
//!
//! All occurrences of one request are sealed as one batch: one round trip to the
//! vault, whatever the count.

use std::sync::Arc;

use crate::base::{Category, Cleartext};
use crate::carrier::{Replacement, Role};
use crate::policy::FieldRule;

/// One occurrence to seal: what the policy decided for it, and its value.
#[derive(Clone, Copy, Debug)]
pub struct ToSeal<'a> {
    pub rule: &'a Arc<FieldRule>,
    pub role: &'a Role,
    pub value: &'a Cleartext,
    /// Whether the place can hold several alternatives.
    pub can_widen: bool,
}

/// What became of one occurrence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    pub replacement: Replacement,
    pub state: SealedState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedState {
    Protected,
    /// The value is a surrogate of ours, of this very category: it stays.
    AlreadyProtected,
}

/// A surrogate found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundSurrogate {
    /// Where it stands, its e-mail domain included.
    pub span: std::ops::Range<usize>,
    pub surrogate: Surrogate,
}

/// A word that has the form of one of our surrogates.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Surrogate {
    Token(crate::vault::Token),
    /// The complete word of an AES-SIV surrogate.
    Encrypted(String),
}

/// What a surrogate stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedSurrogate {
    pub category: Category,
    pub value: Cleartext,
}
