// SPDX-License-Identifier: Apache-2.0
//! What is done with the keys of a keyset file one after the other: they are prepared, taken
//! into use, replaced, destroyed.

use std::path::Path;

use super::files::Exchange;
use super::keyset::new_key;
use super::keyset_file::{KeysetFile, StoredKey};
use super::service::MAX_LIVE;
use super::{
    JurisdictionKeys, KeyName, KeyPurpose, KeyService, KeyState, KeysError, Keyset, Realm, Version,
};
use crate::base::{Date, Jurisdiction, Tenant};

/// Keys that a keyset file holds, opened.
pub(super) trait FromFile: Sized {
    /// The keys of a file that is, or is to be, at this path.
    ///
    /// # Errors
    /// [`KeysError::OtherRealm`] where they are others, and what keeps them from opening.
    fn unwrapped(
        path: &Path,
        file: &KeysetFile,
        service: &dyn KeyService,
    ) -> Result<Self, KeysError>;
}

impl Keyset {
    /// Makes a key that opens and finds what other processes make with it, and makes nothing
    /// itself before it is [rotated](Self::rotate) to. The keys of the vault and of its
    /// indexes change together. Durable on return; whatever happens, the file is the old one
    /// or the new one, and opens.
    ///
    /// # Errors
    /// Those of [`rotate`](Self::rotate), [`KeysError::PreparedAlready`], and
    /// [`KeysError::FirstKey`] where there is none to rotate from.
    pub fn prepare(
        path: &Path,
        service: &dyn KeyService,
        purpose: KeyPurpose,
        today: Date,
    ) -> Result<Self, KeysError> {
        change(path, service, |file| prepare(file, service, purpose, today))
    }

    /// Puts the key that is prepared, or else a fresh one, in the place of the active one of a
    /// purpose, for whoever opens the keyset from now on; the one before it stays to open and
    /// find what it has made. The keys of the vault and of its indexes change together.
    /// Durable on return; whatever happens, the file is the old one or the new one, and opens.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), [`KeysError::NotRotated`] for a purpose whose key
    /// stays, [`KeysError::TooManyVersions`], [`KeysError::UnderWay`], and when the file
    /// cannot be replaced.
    pub fn rotate(
        path: &Path,
        service: &dyn KeyService,
        purpose: KeyPurpose,
        today: Date,
    ) -> Result<Self, KeysError> {
        change(path, service, |file| rotate(file, service, purpose, today))
    }

    /// Takes a key that is no longer in use out of the file of any keyset for good: what only it
    /// opens is lost. Durable on return. Copies of the file elsewhere still hold it.
    ///
    /// # Errors
    /// [`KeysError::NotDestroyable`] for a version that is in use, prepared, destroyed or
    /// unknown, [`KeysError::UnderWay`], and when the file cannot be replaced.
    pub fn destroy(path: &Path, purpose: KeyPurpose, version: Version) -> Result<(), KeysError> {
        let exchange = Exchange::begin(path)?;
        let mut file = KeysetFile::read(path)?;
        for purpose in together(&file, purpose)? {
            let key = file
                .of_mut(purpose)
                .find(|key| key.version == version)
                .filter(|key| key.state == KeyState::DecryptOnly)
                .ok_or(KeysError::NotDestroyable { purpose, version })?;
            key.state = KeyState::Destroyed;
            key.wrapped = None;
        }
        exchange.finish(file.to_text(path)?.as_bytes())
    }
}

impl JurisdictionKeys {
    /// As [`Keyset::prepare`], of the key that wraps those of data subjects.
    ///
    /// # Errors
    /// As there, and [`KeysError::OtherRealm`] for the keyset of the house.
    pub fn prepare(
        path: &Path,
        service: &dyn KeyService,
        purpose: KeyPurpose,
        today: Date,
    ) -> Result<Self, KeysError> {
        change(path, service, |file| prepare(file, service, purpose, today))
    }

    /// As [`Keyset::rotate`], of the key that wraps those of data subjects.
    ///
    /// # Errors
    /// As there, and [`KeysError::OtherRealm`] for the keyset of the house.
    pub fn rotate(
        path: &Path,
        service: &dyn KeyService,
        purpose: KeyPurpose,
        today: Date,
    ) -> Result<Self, KeysError> {
        change(path, service, |file| rotate(file, service, purpose, today))
    }

    /// Takes all keys out of the file of a jurisdiction for good. Durable on return. Copies of
    /// the file elsewhere still hold them.
    ///
    /// # Errors
    /// [`KeysError::OtherRealm`] and [`KeysError::OtherTenant`] for a keyset that is not of this
    /// jurisdiction and tenant, [`KeysError::UnderWay`], and when the file cannot be replaced.
    pub fn end(
        path: &Path,
        (tenant, jurisdiction): (&Tenant, &Jurisdiction),
    ) -> Result<(), KeysError> {
        let exchange = Exchange::begin(path)?;
        let mut file = KeysetFile::read(path)?;
        file.require(path, &Realm::Of(jurisdiction.clone()))?;
        if file.tenant != *tenant {
            let (found, expected) = (file.tenant.clone(), tenant.clone());
            return Err(KeysError::OtherTenant { path: path.into(), found, expected });
        }
        for key in &mut file.keys {
            key.state = KeyState::Destroyed;
            key.wrapped = None;
        }
        exchange.finish(file.to_text(path)?.as_bytes())
    }
}

fn prepare(
    file: &mut KeysetFile,
    service: &dyn KeyService,
    purpose: KeyPurpose,
    today: Date,
) -> Result<(), KeysError> {
    for purpose in together(file, purpose)? {
        let newest = file.of(purpose).next_back().map(|key| key.state);
        match newest {
            None => return Err(KeysError::FirstKey { purpose }),
            Some(KeyState::Prepared) => return Err(KeysError::PreparedAlready { purpose }),
            Some(_) => add(file, service, purpose, today)?,
        }
    }
    Ok(())
}

fn rotate(
    file: &mut KeysetFile,
    service: &dyn KeyService,
    purpose: KeyPurpose,
    today: Date,
) -> Result<(), KeysError> {
    for purpose in together(file, purpose)? {
        let newest = file.of(purpose).next_back().map(|key| key.state);
        if newest != Some(KeyState::Prepared) {
            add(file, service, purpose, today)?;
        }
        for key in file.of_mut(purpose) {
            key.state = match key.state {
                KeyState::Active => KeyState::DecryptOnly,
                KeyState::Prepared => KeyState::Active,
                other => other,
            };
        }
    }
    Ok(())
}

/// The purposes of a keyset whose keys change together with that of this one.
fn together(file: &KeysetFile, purpose: KeyPurpose) -> Result<Vec<KeyPurpose>, KeysError> {
    let realm = file.realm();
    let all = KeyPurpose::all_of(&realm);
    match realm {
        Realm::Of(jurisdiction) if !all.contains(&purpose) => {
            Err(KeysError::OfTheHouse { purpose, jurisdiction })
        }
        _ => {
            let together = purpose.rotated_together()?.iter();
            Ok(together.filter(|purpose| all.contains(purpose)).copied().collect())
        }
    }
}

/// Changes a file that opens into one that opens.
fn change<K: FromFile>(
    path: &Path,
    service: &dyn KeyService,
    change: impl FnOnce(&mut KeysetFile) -> Result<(), KeysError>,
) -> Result<K, KeysError> {
    let exchange = Exchange::begin(path)?;
    let mut file = KeysetFile::read(path)?;
    K::unwrapped(path, &file, service)?;
    change(&mut file)?;
    let keyset = K::unwrapped(path, &file, service)?;
    exchange.finish(file.to_text(path)?.as_bytes())?;
    Ok(keyset)
}

/// Adds a fresh key, which is prepared.
fn add(
    file: &mut KeysetFile,
    service: &dyn KeyService,
    purpose: KeyPurpose,
    today: Date,
) -> Result<(), KeysError> {
    if file.of(purpose).filter(|key| key.state != KeyState::Destroyed).count() >= MAX_LIVE {
        return Err(KeysError::TooManyVersions { purpose, limit: MAX_LIVE });
    }
    let newest = file.of(purpose).map(|key| key.version).max().unwrap_or(0);
    let (tenant, realm) = (&file.tenant, &file.realm());
    let name = KeyName { tenant, realm, purpose, version: newest + 1 };
    let key = StoredKey::new(service, &name, &new_key(purpose)?, KeyState::Prepared, today)?;
    file.keys.push(key);
    Ok(())
}
