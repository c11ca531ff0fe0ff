// SPDX-License-Identifier: Apache-2.0
//! Signed notes (C2SP signed-note): a text, and lines with signatures under it.
//!
//! Two kinds of keys are known: Ed25519 keys sign the text itself; witnesses sign it
//! with the time at which they saw it (C2SP tlog-cosignature, Ed25519).

mod key;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use key::is_key_name;
pub use key::{InvalidKey, KeyKind, SignerKey, VerifierKey};

/// More than any note needs; the specification asks for 16 at least.
const MAX_SIGNATURES: usize = 64;

/// A text with signatures; nothing says yet that they are right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<Signature>,
}

/// A signature by the key of that name and number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    name: String,
    key_id: [u8; 4],
    bytes: Vec<u8>,
}

/// A signature that was found right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedBy<'a> {
    pub key: &'a VerifierKey,
    /// When a witness signed it, in seconds since 1970-01-01.
    pub time: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("it is not a signed note")]
    Malformed,
    #[error("the signature by `{key}` is wrong")]
    WrongSignature { key: String },
    #[error("it is signed by none of the keys that are trusted")]
    UnknownKeys,
}

impl SignedNote {
    /// A note whose text ends with a newline and has no control characters.
    ///
    /// # Errors
    /// [`NoteError::Malformed`] for another text.
    pub fn sign(text: String, keys: &[&SignerKey]) -> Result<Self, NoteError> {
        if !text.ends_with('\n') || has_control_characters(&text) {
            return Err(NoteError::Malformed);
        }
        let signatures = keys.iter().map(|key| key.sign(&text)).collect();
        Ok(Self { text, signatures })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names under which it is signed; nothing says yet that they are right.
    pub fn signers(&self) -> impl Iterator<Item = &str> {
        self.signatures.iter().map(|signature| signature.name.as_str())
    }

    /// Adds a signature, such as that of a witness.
    pub fn push(&mut self, signature: Signature) {
        self.signatures.push(signature);
    }

    /// The signatures by some of these keys; those by others are passed over. A key
    /// that is known under its name and number must have signed rightly.
    ///
    /// # Errors
    /// [`NoteError::WrongSignature`]; [`NoteError::UnknownKeys`] when none is left.
    pub fn verify<'a>(
        &self,
        keys: impl IntoIterator<Item = &'a VerifierKey>,
    ) -> Result<Vec<SignedBy<'a>>, NoteError> {
        let mut signed_by = Vec::new();
        for key in keys {
            for signature in self.signatures.iter().filter(|signature| key.is_named_by(signature)) {
                let found = key.verify(&self.text, &signature.bytes);
                let wrong = || NoteError::WrongSignature { key: key.name().to_owned() };
                signed_by.push(found.ok_or_else(wrong)?);
            }
        }
        if signed_by.is_empty() { Err(NoteError::UnknownKeys) } else { Ok(signed_by) }
    }
}

impl FromStr for SignedNote {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Self, NoteError> {
        // The last empty line parts the text from the signatures.
        let split = note.rfind("\n\n").map(|at| note.split_at(at + 1));
        let (text, signatures) = split.ok_or(NoteError::Malformed)?;
        let signatures = signatures.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
        let lines: Vec<&str> = signatures.ok_or(NoteError::Malformed)?.split('\n').collect();
        if has_control_characters(note) || lines.len() > MAX_SIGNATURES {
            return Err(NoteError::Malformed);
        }
        let signatures = lines.into_iter().map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), signatures })
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl FromStr for Signature {
    type Err = NoteError;

    /// Reads a signature line, without its newline.
    fn from_str(line: &str) -> Result<Self, NoteError> {
        let read = || {
            let (name, bytes) = line.strip_prefix("— ")?.split_once(' ')?;
            let bytes = STANDARD.decode(bytes).ok()?;
            let (key_id, bytes) = bytes.split_first_chunk()?;
            let is_sound = is_key_name(name) && !bytes.is_empty();
            is_sound.then(|| Self { name: name.to_owned(), key_id: *key_id, bytes: bytes.to_vec() })
        };
        read().ok_or(NoteError::Malformed)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.key_id.as_slice(), &self.bytes].concat();
        write!(f, "— {} {}", self.name, STANDARD.encode(bytes))
    }
}

fn has_control_characters(text: &str) -> bool {
    text.bytes().any(|byte| byte < b' ' && byte != b'\n')
}
