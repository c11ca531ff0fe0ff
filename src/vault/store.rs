// SPDX-License-Identifier: Apache-2.0

/// Tokens over a store.
pub struct Vault;
