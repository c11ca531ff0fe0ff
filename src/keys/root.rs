// SPDX-License-Identifier: Apache-2.0

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::files::{self, Readers};
use super::{KeyName, KeyService, KeysError, Siv, passphrase, random};
use crate::base::Secret;

pub(super) const ROOT_KEY_BYTES: usize = 32;
const ID_BYTES: usize = 8;
/// What a key file starts with.
const HEADER: &str = "zollhaus-root-key-1 ";

/// A root key in a file.
///
/// The file is one line: `zollhaus-root-key-1`, a space, and 256 random bits in
/// base64 (RFC 4648 section 4). It is created with mode 0600 and not read when
/// group or others may read it.
#[derive(Debug)]
pub struct KeyFile(RootKey);

impl KeyFile {
    /// Makes a new root key; durable on return.
    ///
    /// # Errors
    /// [`KeysError::Exists`] when there is a file of that name.
    pub fn create(path: &Path) -> Result<Self, KeysError> {
        let key = random::<ROOT_KEY_BYTES>()?;
        let line = Zeroizing::new(format!("{HEADER}{}\n", STANDARD.encode(key.as_slice())));
        files::create(path, line.as_bytes())?;
        Ok(Self(RootKey::new(&key)))
    }

    /// # Errors
    /// [`KeysError::Missing`], [`KeysError::Exposed`] or [`KeysError::Damaged`].
    pub fn open(path: &Path) -> Result<Self, KeysError> {
        let text = files::read(path, Readers::OwnerOnly)?;
        let key = RootKey::from_line(&text);
        Ok(Self(key.map_err(|problem| KeysError::Damaged {
            path: PathBuf::from(path),
            problem: problem.to_owned(),
        })?))
    }
}

impl KeyService for KeyFile {
    fn wrap(&self, name: &KeyName<'_>, key: &Secret) -> Result<Vec<u8>, KeysError> {
        Ok(self.0.wrap(name, key))
    }

    fn unwrap(&self, name: &KeyName<'_>, wrapped: &[u8]) -> Result<Secret, KeysError> {
        self.0.unwrap(name, wrapped)
    }
}

/// A root key that ends with the process, for demonstrations and tests.
#[derive(Clone, Debug)]
pub struct MemoryKeyService(RootKey);

impl MemoryKeyService {
    pub fn generate() -> Result<Self, KeysError> {
        Ok(Self(RootKey::new(&*random()?)))
    }
}

impl KeyService for MemoryKeyService {
    fn wrap(&self, name: &KeyName<'_>, key: &Secret) -> Result<Vec<u8>, KeysError> {
        Ok(self.0.wrap(name, key))
    }

    fn unwrap(&self, name: &KeyName<'_>, wrapped: &[u8]) -> Result<Secret, KeysError> {
        self.0.unwrap(name, wrapped)
    }
}

/// A root key in memory: a key to wrap with, and an id by which a wrapped key
/// tells which root key it belongs to. Both are derived (HKDF, RFC 5869).
#[derive(Clone, Debug)]
pub(super) struct RootKey {
    siv: Siv,
    id: [u8; ID_BYTES],
}

impl RootKey {
    /// Reads the line that a [`KeyFile`] holds, or says what is wrong with it.
    pub(super) fn from_line(text: &str) -> Result<Self, &'static str> {
        let Some(digits) = text.strip_prefix(HEADER) else {
            return Err(if text.starts_with(passphrase::HEADER) {
                "it is sealed with a passphrase; say in `keys.passphrase` where that is"
            } else {
                "it does not begin with `zollhaus-root-key-1`"
            });
        };
        let digits = digits.strip_suffix('\n').unwrap_or(digits);
        let key = STANDARD.decode(digits).map(Zeroizing::new);
        let key = key.map_err(|_| "its key is not one line of base64")?;
        let key = <&[u8; ROOT_KEY_BYTES]>::try_from(key.as_slice());
        Ok(Self::new(key.map_err(|_| "its key has not 256 bits")?))
    }

    #[expect(clippy::expect_used, reason = "HKDF gives up to 255 blocks; these are two at most")]
    pub(super) fn new(key: &[u8; ROOT_KEY_BYTES]) -> Self {
        let derived = Hkdf::<Sha256>::new(None, key);
        let mut siv = Zeroizing::new([0; Siv::KEY_BYTES]);
        derived.expand(b"zollhaus root key 1: wrap", siv.as_mut()).expect("a short output");
        let mut id = [0; ID_BYTES];
        derived.expand(b"zollhaus root key 1: id", &mut id).expect("a short output");
        Self { siv: Siv::new(siv), id }
    }

    /// The root key's id, then the sealed key.
    pub(super) fn wrap(&self, name: &KeyName<'_>, key: &Secret) -> Vec<u8> {
        let (purpose, version) = (name.purpose_in_realm(), name.version.to_be_bytes());
        let sealed = self.siv.seal(associated(name, &purpose, &version), key.expose());
        [self.id.as_slice(), &sealed].concat()
    }

    pub(super) fn unwrap(&self, name: &KeyName<'_>, wrapped: &[u8]) -> Result<Secret, KeysError> {
        let (id, sealed) = wrapped.split_at_checked(ID_BYTES).ok_or(KeysError::NotAuthentic)?;
        if id != self.id {
            return Err(KeysError::WrongRootKey);
        }
        let (purpose, version) = (name.purpose_in_realm(), name.version.to_be_bytes());
        let opened = self.siv.open(associated(name, &purpose, &version), sealed);
        opened.map(|key| Secret::new(key.as_slice())).ok_or(KeysError::NotAuthentic)
    }
}

fn associated<'a>(name: &KeyName<'a>, purpose: &'a str, version: &'a [u8; 4]) -> [&'a [u8]; 4] {
    let tenant = name.tenant.as_str().as_bytes();
    [b"zollhaus wrapped key 1", purpose.as_bytes(), tenant, version]
}
