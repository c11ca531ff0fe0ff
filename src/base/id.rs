// SPDX-License-Identifier: Apache-2.0

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// 128 bits, written as 32 hexadecimal digits.
macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                read_hex(&Cow::<'de, str>::deserialize(deserializer)?).map(Self)
            }
        }
    )+};
}

identifiers! {
    /// Names one request in the log: random.
    EntryId;
    /// A data subject, by a keyed hash: only who holds the key can tell whose it is.
    SubjectId;
}

/// Bytes from exactly twice as many lower-case hexadecimal digits.
pub fn read_hex<const N: usize, E: serde::de::Error>(text: &str) -> Result<[u8; N], E> {
    let digit = |at: usize| match text.as_bytes().get(at) {
        Some(digit @ b'0'..=b'9') => Ok(digit - b'0'),
        Some(digit @ b'a'..=b'f') => Ok(digit - b'a' + 10),
        _ => Err(E::custom("not hexadecimal digits of the right length")),
    };
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = 16 * digit(2 * at)? + digit(2 * at + 1)?;
    }
    if text.len() == 2 * N { Ok(bytes) } else { Err(E::custom("too many hexadecimal digits")) }
}
