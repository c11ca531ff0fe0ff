// SPDX-License-Identifier: Apache-2.0
//! What is personal, how it is protected, and who may see it.
//!
//! A [`Policy`] is compiled from the document that security teams write (see
//! `config`). It is pure: it maps an occurrence and a caller to a [`Decision`] or
//! a [`Reveal`], and says which rule decided. It knows no bytes, keys or stores.
//!
//! Invariants:
//! - A policy that does not compile does not exist.
//! - Every field that stays clear does so for a [`Reason`].

mod decide;
mod finding;
mod model;
mod protection;
mod scan;
mod sort;
#[cfg(test)]
mod tests;
mod words;

pub use decide::{Decision, Forbidden, Reason, Reveal, Visibility};
pub use finding::{FindingKind, Sought};
pub use model::{
    CategoryRule, ConsentRule, Digest, FieldRule, ObjectRule, Policy, Residual, Unlisted, scope_in,
};
pub use protection::{Hashed, Kept, Protection, Shape};
pub use scan::{Names, ScanRules, words_of};
pub use words::Words;
