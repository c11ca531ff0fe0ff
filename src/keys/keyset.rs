// SPDX-License-Identifier: Apache-2.0

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::files::{self, Readers};
use super::{KeyName, KeyPurpose, KeyService, KeysError, Mac, Siv, random};
use crate::base::{Secret, Tenant};

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
    pub log_signing: Secret,
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
    /// Seals and opens. There is exactly one such key per purpose.
    Active,
}

impl Keyset {
    /// Fresh keys that exist in memory only.
    pub fn generate(tenant: &Tenant) -> Result<Self, KeysError> {
        Self::assemble(tenant, new_key)
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
            let name = KeyName { tenant, purpose, version: FIRST_VERSION };
            let wrapped = STANDARD.encode(service.wrap(&name, &key)?);
            keys.push(WrappedKey {
                purpose,
                version: FIRST_VERSION,
                state: KeyState::Active,
                wrapped,
            });
            Ok(key)
        })?;
        let file = KeysetFile { zollhaus_keyset: FORMAT, tenant: tenant.to_string(), keys };
        let text = serde_json::to_string_pretty(&file).map_err(|error| damaged(path, &error))?;
        files::create(path, text.as_bytes())?;
        Ok(keyset)
    }

    /// Reads a keyset that [`create`](Self::create) wrote.
    ///
    /// # Errors
    /// [`KeysError::Missing`], [`KeysError::Damaged`], or [`KeysError::Unopened`]
    /// when the key service does not unwrap its keys.
    pub fn open(path: &Path, service: &dyn KeyService) -> Result<Self, KeysError> {
        let text = files::read(path, Readers::Any)?;
        let file: KeysetFile =
            serde_json::from_str(&text).map_err(|error| damaged(path, &error))?;
        if file.zollhaus_keyset != FORMAT {
            let problem = format!("its format is {}, not {FORMAT}", file.zollhaus_keyset);
            return Err(damaged(path, &problem));
        }
        let tenant = Tenant::new(&file.tenant);
        Self::assemble(&tenant, |purpose| {
            let mut of_purpose = file.keys.iter().filter(|key| key.purpose == purpose);
            let (Some(key), None) = (of_purpose.next(), of_purpose.next()) else {
                let problem = format!("it has not exactly one active key `{}`", purpose.name());
                return Err(damaged(path, &problem));
            };
            let wrapped = STANDARD.decode(&key.wrapped).map_err(|error| damaged(path, &error))?;
            let name = KeyName { tenant: &tenant, purpose, version: key.version };
            service.unwrap(&name, &wrapped).map_err(|source| KeysError::Unopened {
                path: path.to_owned(),
                source: Box::new(source),
            })
        })
    }

    /// Asks for the key of each purpose and builds the keyset from them.
    fn assemble(
        tenant: &Tenant,
        mut key: impl FnMut(KeyPurpose) -> Result<Secret, KeysError>,
    ) -> Result<Self, KeysError> {
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
            log_signing: key(KeyPurpose::LogSigning)?,
        })
    }
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
