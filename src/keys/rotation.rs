// SPDX-License-Identifier: Apache-2.0
//! What is done with the keys of a keyset file one after the other: they are prepared, taken
//! into use, replaced, destroyed.

use std::path::Path;

use super::files::Exchange;
use super::keyset::new_key;
use super::keyset_file::{KeysetFile, StoredKey};
use super::service::MAX_LIVE;
use super::{KeyName, KeyPurpose, KeyService, KeyState, KeysError, Keyset, Version};
use crate::base::{Date, Tenant};

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
        change(path, service, |file| {
            for purpose in purpose.rotated_together()? {
                let newest = file.of(*purpose).next_back().map(|key| key.state);
                match newest {
                    None => return Err(KeysError::FirstKey { purpose: *purpose }),
                    Some(KeyState::Prepared) => {
                        return Err(KeysError::PreparedAlready { purpose: *purpose });
                    }
                    Some(_) => add(file, service, *purpose, today)?,
                }
            }
            Ok(())
        })
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
        change(path, service, |file| {
            for purpose in purpose.rotated_together()? {
                let newest = file.of(*purpose).next_back().map(|key| key.state);
                if newest != Some(KeyState::Prepared) {
                    add(file, service, *purpose, today)?;
                }
                for key in file.of_mut(*purpose) {
                    key.state = match key.state {
                        KeyState::Active => KeyState::DecryptOnly,
                        KeyState::Prepared => KeyState::Active,
                        other => other,
                    };
                }
            }
            Ok(())
        })
    }

    /// Takes a key that is no longer in use out of the file for good: what only it opens is
    /// lost. Durable on return. Copies of the file elsewhere still hold it.
    ///
    /// # Errors
    /// [`KeysError::NotDestroyable`] for a version that is in use, prepared, destroyed or
    /// unknown, [`KeysError::UnderWay`], and when the file cannot be replaced.
    pub fn destroy(path: &Path, purpose: KeyPurpose, version: Version) -> Result<(), KeysError> {
        let exchange = Exchange::begin(path)?;
        let mut file = KeysetFile::read(path)?;
        for purpose in purpose.rotated_together()? {
            let key = file
                .of_mut(*purpose)
                .find(|key| key.version == version)
                .filter(|key| key.state == KeyState::DecryptOnly)
                .ok_or(KeysError::NotDestroyable { purpose: *purpose, version })?;
            key.state = KeyState::Destroyed;
            key.wrapped = None;
        }
        exchange.finish(file.to_text(path)?.as_bytes())
    }
}

/// Changes a file that opens into one that opens.
fn change(
    path: &Path,
    service: &dyn KeyService,
    change: impl FnOnce(&mut KeysetFile) -> Result<(), KeysError>,
) -> Result<Keyset, KeysError> {
    let exchange = Exchange::begin(path)?;
    let mut file = KeysetFile::read(path)?;
    Keyset::unwrapped(path, &file, service)?;
    change(&mut file)?;
    let keyset = Keyset::unwrapped(path, &file, service)?;
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
    let tenant = Tenant::new(&file.tenant);
    let name = KeyName { tenant: &tenant, purpose, version: newest + 1 };
    let key = StoredKey::new(service, &name, &new_key(purpose)?, KeyState::Prepared, today)?;
    file.keys.push(key);
    Ok(())
}
