// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use super::{Signature, SignedBy};

/// What a key signs, with the number that signed-note gives to that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// The text of a note.
    Note = 1,
    /// A checkpoint, and when it was seen: the key of a witness.
    Cosignature = 4,
}

/// The public half of a key; as text `name+id+key`, such as
/// `example.com/log+530d903a+AekyeRrm…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    pub(super) id: [u8; 4],
    kind: KeyKind,
    key: VerifyingKey,
}

/// Not a verifier key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    #[error("a key name must not be empty or contain white space, control characters or `+`")]
    Name,
    #[error("a verifier key has the form `name+hash+key`")]
    Form,
    #[error("this kind of verifier key is not supported: only Ed25519 and its cosignatures are")]
    Kind,
    #[error("the hash in the verifier key is not that of its name and key")]
    Id,
    #[error("the verifier key is not a sound Ed25519 key")]
    Key,
}

impl VerifierKey {
    pub(super) fn new(name: &str, kind: KeyKind, key: VerifyingKey) -> Result<Self, InvalidKey> {
        if !is_key_name(name) {
            return Err(InvalidKey::Name);
        }
        let hash = Sha256::new()
            .chain_update(name)
            .chain_update([b'\n', kind as u8])
            .chain_update(key.as_bytes())
            .finalize();
        let [a, b, c, d, ..]: [u8; 32] = hash.into();
        Ok(Self { name: name.to_owned(), id: [a, b, c, d], kind, key })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    pub(super) fn is_named_by(&self, signature: &Signature) -> bool {
        self.name == signature.name && self.id == signature.key_id
    }

    /// `None` unless the signature is one of this text.
    pub(super) fn verify(&self, text: &str, signature: &[u8]) -> Option<SignedBy<'_>> {
        let (message, signature, time) = match self.kind {
            KeyKind::Note => (text.to_owned(), signature, None),
            KeyKind::Cosignature => {
                let (time, signature) = signature.split_first_chunk()?;
                let time = u64::from_be_bytes(*time);
                i64::try_from(time).ok()?;
                (cosigned(text, time), signature, Some(time))
            }
        };
        let is_right = self.verify_bytes(message.as_bytes(), signature);
        is_right.then_some(SignedBy { key: self, time })
    }

    /// Strictly: refuses keys and signatures with which more than one message or
    /// spelling would do.
    pub(super) fn verify_bytes(&self, message: &[u8], signature: &[u8]) -> bool {
        ed25519_dalek::Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

impl FromStr for VerifierKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(InvalidKey::Form);
        };
        let key = STANDARD.decode(key).map_err(|_| InvalidKey::Form)?;
        let (kind, key) = match key.split_first() {
            Some((1, key)) => (KeyKind::Note, key),
            Some((4, key)) => (KeyKind::Cosignature, key),
            _ => return Err(InvalidKey::Kind),
        };
        let key = VerifyingKey::try_from(key).map_err(|_| InvalidKey::Key)?;
        if key.is_weak() {
            return Err(InvalidKey::Key);
        }
        let key = Self::new(name, kind, key)?;
        if hex(key.id) == id { Ok(key) } else { Err(InvalidKey::Id) }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind as u8], self.key.as_bytes().as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, hex(self.id), STANDARD.encode(key))
    }
}

/// A key that signs notes under a name.
pub struct SignerKey {
    key: SigningKey,
    verifier: VerifierKey,
}

impl SignerKey {
    /// `seed` is an Ed25519 private key as RFC 8032 has it.
    ///
    /// # Errors
    /// [`InvalidKey::Name`]
    pub fn new(name: &str, seed: &[u8; 32]) -> Result<Self, InvalidKey> {
        let key = SigningKey::from_bytes(seed);
        let verifier = VerifierKey::new(name, KeyKind::Note, key.verifying_key())?;
        Ok(Self { key, verifier })
    }

    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    pub(super) fn sign(&self, text: &str) -> Signature {
        let VerifierKey { name, id, .. } = self.verifier.clone();
        let bytes = self.key.sign(text.as_bytes()).to_bytes().to_vec();
        Signature { name, key_id: id, bytes }
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignerKey").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}

/// What a witness signs.
pub(super) fn cosigned(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

pub(super) fn is_key_name(name: &str) -> bool {
    let is_bad = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '+';
    !name.is_empty() && !name.contains(is_bad)
}

fn hex(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}
