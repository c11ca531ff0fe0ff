// SPDX-License-Identifier: Apache-2.0

use std::fmt;

use smol_str::SmolStr;

use super::word;
use crate::keys::Version;

/// A token's word, as it stands in the CRM: 20 characters of `a-z0-9`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(SmolStr);

impl Token {
    /// The number of characters of every token.
    pub const LENGTH: usize = word::length(Self::PAYLOAD_BYTES);
    /// Of the first format, one for each version of the key, in turn.
    const FORMS: [char; 8] = ['t', 'v', 'w', 'x', 'y', 'z', 's', 'r'];
    const PAYLOAD_BYTES: usize = 10;

    /// The token that a code stands behind: its first 80 bits. `version` is that of the key.
    pub(super) fn from_code(code: &[u8; 32], version: Version) -> Self {
        let (payload, _) = code.split_at(Self::PAYLOAD_BYTES);
        Self(SmolStr::new(word::spell(word::form(Self::FORMS, version), payload)))
    }

    /// Reads a word in any letter case; `None` when it is not the word of a token.
    pub fn parse(text: &str) -> Option<Self> {
        let (form, payload) = word::read(text)?;
        let is_token = Self::FORMS.contains(&form) && payload.len() == Self::PAYLOAD_BYTES;
        is_token.then(|| Self(SmolStr::new(text.to_ascii_lowercase())))
    }

    /// Whether a key of this version may have made it: every eighth version has one letter.
    pub fn is_of(&self, version: Version) -> bool {
        word::read(&self.0).is_some_and(|(form, _)| form == word::form(Self::FORMS, version))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
