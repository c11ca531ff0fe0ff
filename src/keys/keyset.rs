// SPDX-License-Identifier: Apache-2.0

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::files::{self, Readers};
use super::{KeyName, KeyPurpose, KeyService, KeysError, Mac, Siv, random};
use crate::base::{Secret, Tenant};
use crate::transfer_log::note::{InvalidKey, SignerKey};

const FORMAT: u32 = 1;
const FIRST_VERSION: u32 = 1;

/// The keys of one tenant, ready for use.
#[derive(Clone, Debug)]
pub struct Keyset {
    pub tenant: Tenant,
    /// Values to tokens.
    pub token_mac: Mac,
    /// Values to blind indexes.
    pub index_mac: Mac,
    /// Values to `encrypt` surrogates.
    pub siv: Siv,
    /// Values at rest in the vault.
    pub vault: Siv,
    /// HMAC-SHA-256, 32 bytes: API keys of callers.
    pub caller_mac: Secret,
    /// Data subjects to pseudonyms.
    pub subject_mac: Mac,
    /// Ed25519, the 32 bytes of RFC 8032: checkpoints of the transfer log.
    /// The one that signs is the last; those before it did.
    pub log_signing: Vec<Secret>,
}

/// A keyset as it lies on disk: JSON that names each key's purpose, version and
/// state in the clear and holds the key wrapped.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysetFile {
    zollhaus_keyset: u32,
    tenant: String,
    keys: Vec<WrappedKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrappedKey {
    purpose: KeyPurpose,
    version: u32,
    state: KeyState,
    /// What the key service made of it, in base64.
    wrapped: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeyState {
    /// In use. There is exactly one such key per purpose.
    Active,
    /// Was in use before.
    Retired,
}

impl KeyPurpose {
    /// Whether a new version can take over. What other keys have made would not be
    /// found or opened under another one.
    const fn is_rotated(self) -> bool {
        matches!(self, Self::LogSigning)
    }
}

impl Keyset {
    /// Fresh keys that exist in memory only.
    pub fn generate(tenant: &Tenant) -> Result<Self, KeysError> {
        Self::assemble(tenant, |purpose| Ok(vec![new_key(purpose)?]))
    }

    /// Makes fresh keys and writes them, wrapped, to a new file; durable on return.
    ///
    /// # Errors
    /// [`KeysError::Exists`] when there is a file of that name, and any error of
    /// the key service.
    pub fn create(
        path: &Path,
        service: &dyn KeyService,
        tenant: &Tenant,
    ) -> Result<Self, KeysError> {
        let mut keys = Vec::new();
        let keyset = Self::assemble(tenant, |purpose| {
            let key = new_key(purpose)?;
            keys.push(WrappedKey::new(service, tenant, purpose, FIRST_VERSION, &key)?);
            Ok(vec![key])
        })?;
        let file = KeysetFile { zollhaus_keyset: FORMAT, tenant: tenant.to_string(), keys };
        files::create(path, file.to_text(path)?.as_bytes())?;
        Ok(keyset)
    }

    /// Adds a fresh key for log signing to a keyset and retires the one before it, for
    /// whoever opens the keyset from now on. Durable on return; whatever happens, the
    /// file is the old one or the new one.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), and when the file cannot be replaced.
    pub fn rotate_log_signing(path: &Path, service: &dyn KeyService) -> Result<Self, KeysError> {
        Self::open(path, service)?;
        let mut file = KeysetFile::read(path)?;
        let tenant = Tenant::new(&file.tenant);
        let purpose = KeyPurpose::LogSigning;
        let mut newest = FIRST_VERSION;
        for key in file.keys.iter_mut().filter(|key| key.purpose == purpose) {
            key.state = KeyState::Retired;
            newest = newest.max(key.version);
        }
        let key = new_key(purpose)?;
        file.keys.push(WrappedKey::new(service, &tenant, purpose, newest + 1, &key)?);
        files::replace(path, file.to_text(path)?.as_bytes())?;
        Self::open(path, service)
    }

    /// Reads a keyset that [`create`](Self::create) wrote.
    ///
    /// # Errors
    /// [`KeysError::Missing`], [`KeysError::Damaged`], or [`KeysError::Unopened`]
    /// when the key service does not unwrap its keys.
    pub fn open(path: &Path, service: &dyn KeyService) -> Result<Self, KeysError> {
        let mut file = KeysetFile::read(path)?;
        file.keys.sort_by_key(|key| key.version);
        let tenant = Tenant::new(&file.tenant);
        Self::assemble(&tenant, |purpose| {
            let of_purpose: Vec<&WrappedKey> =
                file.keys.iter().filter(|key| key.purpose == purpose).collect();
            let retired = match of_purpose.split_last() {
                Some((last, retired)) if last.state == KeyState::Active => retired,
                _ => return Err(no_single_key(path, purpose)),
            };
            let are_retired = retired.iter().all(|key| key.state == KeyState::Retired);
            if !are_retired || !(retired.is_empty() || purpose.is_rotated()) {
                return Err(no_single_key(path, purpose));
            }
            of_purpose.into_iter().map(|key| key.open(path, service, &tenant)).collect()
        })
    }

    /// Writes the keys of a keyset, with their purposes, versions and states, to a new file,
    /// wrapped by another key service; durable on return.
    ///
    /// # Errors
    /// Those of [`open`](Self::open) for the keyset at hand, those of
    /// [`create`](Self::create) for the new one.
    pub fn rewrap(
        path: &Path,
        service: &dyn KeyService,
        (to, by): (&Path, &dyn KeyService),
    ) -> Result<(), KeysError> {
        let mut file = KeysetFile::read(path)?;
        let tenant = Tenant::new(&file.tenant);
        for wrapped in &mut file.keys {
            let key = wrapped.open(path, service, &tenant)?;
            let WrappedKey { purpose, version, .. } = *wrapped;
            let anew = by.wrap(&KeyName { tenant: &tenant, purpose, version }, &key)?;
            wrapped.wrapped = STANDARD.encode(anew);
        }
        files::create(to, file.to_text(to)?.as_bytes())
    }

    /// The keys that sign checkpoints of the log of this name, the one that does so
    /// from now on last.
    ///
    /// # Errors
    /// [`InvalidKey::Name`]
    pub fn log_signers(&self, origin: &str) -> Result<Vec<SignerKey>, InvalidKey> {
        let signer = |seed: &Secret| {
            let seed = seed.expose().try_into().map_err(|_| InvalidKey::Key)?;
            SignerKey::new(origin, seed)
        };
        self.log_signing.iter().map(signer).collect()
    }

    /// Asks for the keys of each purpose, the active one last, and builds the keyset
    /// from them.
    fn assemble(
        tenant: &Tenant,
        mut keys: impl FnMut(KeyPurpose) -> Result<Vec<Secret>, KeysError>,
    ) -> Result<Self, KeysError> {
        let log_signing = keys(KeyPurpose::LogSigning)?;
        let mut key = |purpose| keys(purpose)?.pop().ok_or(KeysError::NotAuthentic);
        let mut siv = |purpose| {
            let key = key(purpose)?;
            let bytes = key.expose().try_into().map_err(|_| KeysError::NotAuthentic)?;
            Ok::<_, KeysError>(Siv::new(Zeroizing::new(bytes)))
        };
        let (values, vault) = (siv(KeyPurpose::Siv)?, siv(KeyPurpose::Vault)?);
        Ok(Self {
            tenant: tenant.clone(),
            token_mac: Mac::new(key(KeyPurpose::TokenMac)?),
            index_mac: Mac::new(key(KeyPurpose::IndexMac)?),
            siv: values,
            vault,
            caller_mac: key(KeyPurpose::CallerMac)?,
            subject_mac: Mac::new(key(KeyPurpose::SubjectMac)?),
            log_signing,
        })
    }
}

impl KeysetFile {
    fn read(path: &Path) -> Result<Self, KeysError> {
        let text = files::read(path, Readers::Any)?;
        let file: Self = serde_json::from_str(&text).map_err(|error| damaged(path, &error))?;
        if file.zollhaus_keyset != FORMAT {
            let problem = format!("its format is {}, not {FORMAT}", file.zollhaus_keyset);
            return Err(damaged(path, &problem));
        }
        Ok(file)
    }

    fn to_text(&self, path: &Path) -> Result<String, KeysError> {
        serde_json::to_string_pretty(self).map_err(|error| damaged(path, &error))
    }
}

impl WrappedKey {
    fn new(
        service: &dyn KeyService,
        tenant: &Tenant,
        purpose: KeyPurpose,
        version: u32,
        key: &Secret,
    ) -> Result<Self, KeysError> {
        let wrapped = STANDARD.encode(service.wrap(&KeyName { tenant, purpose, version }, key)?);
        Ok(Self { purpose, version, state: KeyState::Active, wrapped })
    }

    fn open(
        &self,
        path: &Path,
        service: &dyn KeyService,
        tenant: &Tenant,
    ) -> Result<Secret, KeysError> {
        let wrapped = STANDARD.decode(&self.wrapped).map_err(|error| damaged(path, &error))?;
        let name = KeyName { tenant, purpose: self.purpose, version: self.version };
        service.unwrap(&name, &wrapped).map_err(|source| KeysError::Unopened {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }
}

fn no_single_key(path: &Path, purpose: KeyPurpose) -> KeysError {
    damaged(path, &format!("it has not exactly one active key `{}`", purpose.name()))
}

fn new_key(purpose: KeyPurpose) -> Result<Secret, KeysError> {
    match purpose {
        KeyPurpose::Siv | KeyPurpose::Vault => {
            Ok(Secret::new(random::<{ Siv::KEY_BYTES }>()?.as_slice()))
        }
        KeyPurpose::TokenMac
        | KeyPurpose::IndexMac
        | KeyPurpose::CallerMac
        | KeyPurpose::SubjectMac => Ok(Secret::new(random::<{ Mac::KEY_BYTES }>()?.as_slice())),
        KeyPurpose::LogSigning => Ok(Secret::new(random::<32>()?.as_slice())),
    }
}

fn damaged(path: &Path, problem: &dyn std::fmt::Display) -> KeysError {
    KeysError::Damaged { path: path.to_owned(), problem: problem.to_string() }
}
