// SPDX-License-Identifier: Apache-2.0

use hmac::{Hmac, KeyInit, Mac as _};
use sha2::Sha256;

use crate::base::Secret;

/// A key for HMAC-SHA-256 (RFC 2104) over lists of parts.
#[derive(Clone, Debug)]
pub struct Mac(Secret);

impl Mac {
    pub const KEY_BYTES: usize = 32;

    pub fn new(key: Secret) -> Self {
        Self(key)
    }

    /// The code of these parts. Each goes in with its length before it, so that
    /// two different lists are two different messages.
    pub fn code(&self, parts: &[&[u8]]) -> [u8; 32] {
        let lengths: Vec<[u8; 8]> =
            parts.iter().map(|part| (part.len() as u64).to_be_bytes()).collect();
        let pieces = lengths.iter().zip(parts).flat_map(|(length, part)| [&length[..], part]);
        self.over(&pieces.collect::<Vec<&[u8]>>())
    }

    /// The code of a message in pieces.
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    pub(super) fn over(&self, pieces: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose()).expect("any length is right");
        for piece in pieces {
            mac.update(piece);
        }
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_join_to_the_same_bytes_have_different_codes() {
        let mac = Mac::new(Secret::new([7; 32]));
        let lists: [&[&[u8]]; 5] =
            [&[b"ab", b"c"], &[b"a", b"bc"], &[b"abc"], &[b"abc", b""], &[b"", b"abc"]];
        for (at, one) in lists.iter().enumerate() {
            for other in &lists[at + 1..] {
                assert_ne!(mac.code(one), mac.code(other), "{one:?} {other:?}");
            }
        }
        assert_eq!(mac.code(lists[0]), mac.code(lists[0]));
        assert_ne!(mac.code(lists[0]), Mac::new(Secret::new([8; 32])).code(lists[0]));
    }

    /// Computed with `openssl dgst -sha256 -hmac Jefe` over eight bytes of length and `ab`.
    #[test]
    fn codes_are_hmac_sha_256() {
        let code = Mac::new(Secret::new(*b"Jefe")).code(&[b"ab"]);
        assert_eq!(code[..8], 0xc522_3e2e_59b8_8fb8_u64.to_be_bytes());
        assert_eq!(code[24..], 0x0008_2515_43cd_590a_u64.to_be_bytes());
    }
}
