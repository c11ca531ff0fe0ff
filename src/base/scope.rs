// SPDX-License-Identifier: Apache-2.0

/// Among whose values equal ones have one token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All that are protected, so that whoever reads the CRM sees which records agree.
    #[default]
    Tenant,
    /// Those of one data subject: nothing tells that others have the same.
    Subject,
}
