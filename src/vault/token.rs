// SPDX-License-Identifier: Apache-2.0

/// A token's word, as it stands in the CRM.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(smol_str::SmolStr);
