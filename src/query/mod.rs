// SPDX-License-Identifier: Apache-2.0
//! Query languages: which fields a query names, and where its literals stand.
//!
//! A parser here reads a query in full or refuses it, and returns a plain
//! structure that says what the query asks of each field. It knows the syntax
//! only: what a relationship leads to, and what is personal, is for others to say.

pub mod coql;
pub mod fetchxml;
pub mod odata;
pub mod soql;
pub mod sosl;
pub mod zoho_criteria;

/// The operator of a use that asks only whether a field has a value.
pub const PRESENCE: &str = "a test for a value";

/// Relationships and the field that they lead to, as a query spells them:
/// `Account.Owner.Name`, `primarycontactid/emailaddress1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Never empty.
    pub names: Vec<String>,
    pub at: usize,
}

impl Path {
    /// What leads to the field, and the field.
    pub fn split(&self) -> (&[String], &str) {
        match self.names.split_last() {
            Some((field, relationships)) => (relationships, field),
            None => (&[], ""),
        }
    }
}
