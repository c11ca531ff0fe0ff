// SPDX-License-Identifier: Apache-2.0
//! Keyed hashes that are never opened: the word of a truncated HMAC-SHA-256, 80 bits.

use zeroize::Zeroizing;

use super::Protectors;
use super::dress::undressed;
use crate::base::{Category, Cleartext, fold};
use crate::keys::{Mac, Version};
use crate::policy::Hashed;
use crate::vault::word;

/// Of the first format, one for each version of the key, in turn.
const FORMS: [char; 8] = ['k', 'm', 'n', 'p', 'q', 'j', '0', '1'];
const PAYLOAD_BYTES: usize = 10;

/// The number of characters of every hash.
pub(super) const LENGTH: usize = word::length(PAYLOAD_BYTES);

impl Protectors {
    /// The hashes of a value under each key, the newest first.
    pub(super) fn hash(&self, value: &Cleartext, category: &Category, of: Hashed) -> Vec<String> {
        let (label, text): (&[u8], _) = match of {
            Hashed::Whole | Hashed::Exact => {
                (b"zollhaus hash 1", Zeroizing::new(value.expose().to_owned()))
            }
            Hashed::Folded => (b"zollhaus hash of the folded 1", fold(value.expose())),
        };
        let hash = |(version, mac): (Version, &Mac)| {
            let code = mac.code(&[
                label,
                self.tenant.as_str().as_bytes(),
                category.as_str().as_bytes(),
                text.as_bytes(),
            ]);
            let (payload, _) = code.split_at(PAYLOAD_BYTES);
            word::spell(word::form(FORMS, version), payload)
        };
        self.token_macs.iter().map(hash).collect()
    }

    /// Whether a text has the form of a hash, dressed or not. Whose it is,
    /// nobody can tell: it stands for no value that could be looked up.
    pub fn is_hash(&self, text: &str) -> bool {
        undressed(text.trim(), &self.email_domain)
            .and_then(word::read)
            .is_some_and(|(form, payload)| FORMS.contains(&form) && payload.len() == PAYLOAD_BYTES)
    }
}
