// SPDX-License-Identifier: Apache-2.0

/// Which texts a CRM takes for the same when it compares them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Equality {
    /// One text only.
    Exact,
    /// Texts that differ in case only. Of letters that are one in upper case or in lower
    /// case only, such as `ß` and `ss`, nobody knows.
    Case,
    /// Texts that differ in case, or in the space around what was stored, which the CRM
    /// takes off. Of space beyond U+0020, nobody knows.
    Trimmed,
    /// Texts that differ in case, or in the space at their end. Of those that differ in
    /// accents or the like, only its database knows.
    Collated,
}
