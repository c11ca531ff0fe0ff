// SPDX-License-Identifier: Apache-2.0

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// Personal data in the clear.
///
/// It cannot be printed or serialised, its `Debug` form is redacted, and its
/// memory is wiped on drop. Reading it takes one greppable call, [`expose`].
///
/// [`expose`]: Cleartext::expose
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Zeroize, ZeroizeOnDrop)]
pub struct Cleartext(String);

impl Cleartext {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself. Allowed only where values are located, protected,
    /// stored or revealed.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Cleartext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cleartext(redacted)")
    }
}
