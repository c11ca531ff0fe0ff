// SPDX-License-Identifier: Apache-2.0

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Key material or a credential.
///
/// Redacted in `Debug`, wiped on drop, compared in constant time for equal
/// lengths.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes themselves. Allowed only in `keys`, `caller`, `upstream`
    /// and `postgres`.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}
