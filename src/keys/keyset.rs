// SPDX-License-Identifier: Apache-2.0

use std::path::Path;

use zeroize::Zeroizing;

use super::files::Exchange;
use super::keyset_file::{KeysetFile, StoredKey};
use super::rotation::FromFile;
use super::{
    Ff1, JurisdictionKeys, KeyPurpose, KeyService, KeyState, KeysError, Mac, Realm, Siv, Version,
    Versions, files, random,
};
use crate::base::{Date, Secret, Tenant};
use crate::transfer_log::note::{InvalidKey, SignerKey};

/// The keys of one tenant, ready for use.
#[derive(Clone, Debug)]
pub struct Keyset {
    pub tenant: Tenant,
    /// Values to tokens.
    pub token_mac: Versions<Mac>,
    /// Values to blind indexes. Always of the versions of `vault`, because one row has both.
    pub index_mac: Versions<Mac>,
    /// Values to `encrypt` surrogates.
    pub siv: Versions<Siv>,
    /// Digits to digits. Keysets from before there was such a key have none; a rotation adds it.
    pub ff1: Option<Versions<Ff1>>,
    /// Values at rest in the vault.
    pub vault: Versions<Siv>,
    /// HMAC-SHA-256, 32 bytes: API keys of callers.
    pub caller_mac: Secret,
    /// Data subjects to pseudonyms.
    pub subject_mac: Mac,
    /// Ed25519, the 32 bytes of RFC 8032: checkpoints of the transfer log.
    pub log_signing: Versions<Secret>,
}

/// What is known of a key without opening it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStatus {
    pub purpose: KeyPurpose,
    pub version: Version,
    pub state: KeyState,
    /// The day it was made, where that was written down.
    pub since: Option<Date>,
}

impl Keyset {
    /// Fresh keys that exist in memory only.
    pub fn generate(tenant: &Tenant) -> Result<Self, KeysError> {
        Self::assemble(tenant, |purpose| Ok(vec![(1, new_key(purpose)?)]))
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
        today: Date,
    ) -> Result<Self, KeysError> {
        let file = KeysetFile::fresh(service, (tenant, &Realm::House), today)?;
        // Some may wrap and not unwrap.
        let keyset = Self::unwrapped(path, &file, service)?;
        files::create(path, file.to_text(path)?.as_bytes())?;
        Ok(keyset)
    }

    /// What keys there are in any keyset, by purpose and version. Needs no root key.
    ///
    /// # Errors
    /// [`KeysError::Missing`] or [`KeysError::Damaged`].
    pub fn status(path: &Path) -> Result<Vec<KeyStatus>, KeysError> {
        let file = KeysetFile::read(path)?;
        let status = |key: &StoredKey| KeyStatus {
            purpose: key.purpose,
            version: key.version,
            state: key.state,
            since: key.since,
        };
        let mut keys: Vec<KeyStatus> = file.keys.iter().map(status).collect();
        keys.sort_by_key(|key| (key.purpose, key.version));
        Ok(keys)
    }

    /// Reads a keyset that [`create`](Self::create) wrote.
    ///
    /// # Errors
    /// [`KeysError::Missing`], [`KeysError::Damaged`], [`KeysError::OtherRealm`] for that of a
    /// jurisdiction, or [`KeysError::Unopened`] when the key service does not unwrap its keys.
    pub fn open(path: &Path, service: &dyn KeyService) -> Result<Self, KeysError> {
        Self::unwrapped(path, &KeysetFile::read(path)?, service)
    }

    /// Writes the keys of any keyset, with their purposes, versions and states, to a new file,
    /// wrapped by another key service; durable on return. The keyset at hand is not changed
    /// meanwhile.
    ///
    /// # Errors
    /// Those of [`open`](Self::open) for the keyset at hand and for the new one,
    /// [`KeysError::Exists`] and [`KeysError::UnderWay`].
    pub fn rewrap(
        path: &Path,
        service: &dyn KeyService,
        (to, by): (&Path, &dyn KeyService),
    ) -> Result<(), KeysError> {
        let _exchange = Exchange::begin(path)?;
        let mut file = KeysetFile::read(path)?;
        let (tenant, realm) = (file.tenant.clone(), file.realm());
        for key in file.keys.iter_mut().filter(|key| key.state != KeyState::Destroyed) {
            let clear = key.open(path, service, (&tenant, &realm))?;
            key.wrap(by, (&tenant, &realm), &clear)?;
        }
        match realm {
            Realm::House => drop(Self::unwrapped(to, &file, by)?),
            Realm::Of(_) => drop(JurisdictionKeys::unwrapped(to, &file, by)?),
        }
        files::create(to, file.to_text(to)?.as_bytes())
    }

    /// The keys that sign checkpoints of the log of this name, the one that does so
    /// from now on last.
    ///
    /// # Errors
    /// [`InvalidKey::Name`]
    pub fn log_signers(&self, origin: &str) -> Result<Vec<SignerKey>, InvalidKey> {
        let signer = |(_, seed): (Version, &Secret)| {
            let seed = seed.expose().try_into().map_err(|_| InvalidKey::Key)?;
            SignerKey::new(origin, seed)
        };
        let mut signers = self.log_signing.iter().map(signer).collect::<Result<Vec<_>, _>>()?;
        signers.reverse();
        Ok(signers)
    }

    /// Asks for the keys of each purpose, in the order of [`Versions`], and builds the keyset
    /// from them.
    fn assemble(
        tenant: &Tenant,
        mut keys: impl FnMut(KeyPurpose) -> Result<Vec<(Version, Secret)>, KeysError>,
    ) -> Result<Self, KeysError> {
        let ff1 = |key: Secret| {
            let bytes = key.expose().try_into().map_err(|_| KeysError::NotAuthentic)?;
            Ok::<_, KeysError>(Ff1::new(Zeroizing::new(bytes)))
        };
        let ff1 =
            Versions::new(keys(KeyPurpose::Ff1)?).map(|keys| keys.try_map(ff1)).transpose()?;
        let mut keys = |purpose| Versions::new(keys(purpose)?).ok_or(KeysError::NotAuthentic);
        let mac = |key| Ok::<_, KeysError>(Mac::new(key));
        Ok(Self {
            tenant: tenant.clone(),
            token_mac: keys(KeyPurpose::TokenMac)?.try_map(mac)?,
            index_mac: keys(KeyPurpose::IndexMac)?.try_map(mac)?,
            siv: keys(KeyPurpose::Siv)?.try_map(|key| siv_of(&key))?,
            ff1,
            vault: keys(KeyPurpose::Vault)?.try_map(|key| siv_of(&key))?,
            caller_mac: keys(KeyPurpose::CallerMac)?.active().clone(),
            subject_mac: Mac::new(keys(KeyPurpose::SubjectMac)?.active().clone()),
            log_signing: keys(KeyPurpose::LogSigning)?,
        })
    }
}

impl FromFile for Keyset {
    fn unwrapped(
        path: &Path,
        file: &KeysetFile,
        service: &dyn KeyService,
    ) -> Result<Self, KeysError> {
        file.require(path, &Realm::House)?;
        Self::assemble(&file.tenant, |purpose| {
            if purpose == KeyPurpose::Ff1 && file.of(purpose).next().is_none() {
                return Ok(Vec::new());
            }
            file.open(path, service, purpose)
        })
    }
}

#[cfg(test)]
impl Keyset {
    /// The keyset with every key rotated that can be.
    #[must_use]
    pub fn rotated(&self) -> Self {
        let new = Self::generate(&self.tenant).expect("random bytes");
        Self {
            token_mac: self.token_mac.rotated(new.token_mac.active().clone()),
            index_mac: self.index_mac.rotated(new.index_mac.active().clone()),
            siv: self.siv.rotated(new.siv.active().clone()),
            ff1: self.ff1.as_ref().zip(new.ff1).map(|(old, new)| old.rotated(new.active().clone())),
            vault: self.vault.rotated(new.vault.active().clone()),
            log_signing: self.log_signing.rotated(new.log_signing.active().clone()),
            ..self.clone()
        }
    }

    /// The keyset before it is rotated to `rotated`, when the keys of that are prepared.
    #[must_use]
    pub fn preparing(&self, rotated: &Self) -> Self {
        Self {
            token_mac: self.token_mac.prepared(rotated.token_mac.active().clone()),
            index_mac: self.index_mac.prepared(rotated.index_mac.active().clone()),
            siv: self.siv.prepared(rotated.siv.active().clone()),
            ff1: self
                .ff1
                .as_ref()
                .zip(rotated.ff1.as_ref())
                .map(|(own, new)| own.prepared(new.active().clone())),
            vault: self.vault.prepared(rotated.vault.active().clone()),
            ..self.clone()
        }
    }

    /// The keyset without the keys of the vault that are no longer in use.
    #[must_use]
    pub fn without_older_vault_keys(&self) -> Self {
        Self {
            index_mac: self.index_mac.without_older(),
            vault: self.vault.without_older(),
            ..self.clone()
        }
    }
}

pub(super) fn siv_of(key: &Secret) -> Result<Siv, KeysError> {
    let bytes = key.expose().try_into().map_err(|_| KeysError::NotAuthentic)?;
    Ok(Siv::new(Zeroizing::new(bytes)))
}

pub(super) fn new_key(purpose: KeyPurpose) -> Result<Secret, KeysError> {
    match purpose {
        KeyPurpose::Siv | KeyPurpose::Vault => {
            Ok(Secret::new(random::<{ Siv::KEY_BYTES }>()?.as_slice()))
        }
        KeyPurpose::TokenMac
        | KeyPurpose::IndexMac
        | KeyPurpose::CallerMac
        | KeyPurpose::SubjectMac => Ok(Secret::new(random::<{ Mac::KEY_BYTES }>()?.as_slice())),
        KeyPurpose::Ff1 => Ok(Secret::new(random::<{ Ff1::KEY_BYTES }>()?.as_slice())),
        KeyPurpose::LogSigning => Ok(Secret::new(random::<32>()?.as_slice())),
    }
}
