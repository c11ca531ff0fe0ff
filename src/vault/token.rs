// SPDX-License-Identifier: Apache-2.0

use std::fmt;

use smol_str::SmolStr;

use super::word;

/// A token's word, as it stands in the CRM: 20 characters of `a-z0-9`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(SmolStr);

impl Token {
    /// The number of characters of every token.
    pub const LENGTH: usize = word::length(Self::PAYLOAD_BYTES);
    /// Tokens of the first format under the first key version. A later one takes
    /// another letter, and both stay readable.
    const FORM: char = 't';
    const PAYLOAD_BYTES: usize = 10;

    /// The token that a code stands behind: its first 80 bits.
    pub(super) fn from_code(code: &[u8; 32]) -> Self {
        let (payload, _) = code.split_at(Self::PAYLOAD_BYTES);
        Self(SmolStr::new(word::spell(Self::FORM, payload)))
    }

    /// Reads a word in any letter case; `None` when it is not the word of a token.
    pub fn parse(text: &str) -> Option<Self> {
        let (form, payload) = word::read(text)?;
        let is_token = form == Self::FORM && payload.len() == Self::PAYLOAD_BYTES;
        is_token.then(|| Self(SmolStr::new(text.to_ascii_lowercase())))
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
