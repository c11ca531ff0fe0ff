// SPDX-License-Identifier: Apache-2.0
//! The invented person that the tour is about.

pub(super) const FIRST_NAME: &str = "Erika";
pub(super) const LAST_NAME: &str = "Mustermann-Groß";
pub(super) const FULL_NAME: &str = "Erika Mustermann-Groß";
pub(super) const EMAIL: &str = "E.Mustermann@Example.com";
pub(super) const EMAIL_SPELLED_OTHERWISE: &str = "E.MUSTERMANN@example.com";
/// From the range that Germany reserves for fiction.
pub(super) const PHONE: &str = "+49 30 23125 014";
pub(super) const NEW_PHONE: &str = "+49 30 23125 777";
pub(super) const STREET: &str = "Torstraße 1a\nHinterhaus";
/// Not personal by the policy.
pub(super) const JOB: &str = "Head of Purchasing";

/// What may never reach the CRM in the clear, in lower case.
pub(super) fn secrets() -> [String; 7] {
    [FIRST_NAME, LAST_NAME, EMAIL, "e.mustermann", PHONE, NEW_PHONE, STREET].map(str::to_lowercase)
}
