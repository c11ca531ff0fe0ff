// SPDX-License-Identifier: Apache-2.0

use std::path::Path;

use super::keyset::siv_of;
use super::keyset_file::KeysetFile;
use super::rotation::FromFile;
use super::{KeyPurpose, KeyService, KeyState, KeysError, Realm, Siv, Versions, files};
use crate::base::{Date, Jurisdiction, Tenant};

/// The keys of one jurisdiction, ready for use. Whoever has all of the house but these opens
/// nothing of its data subjects.
#[derive(Clone, Debug)]
pub struct JurisdictionKeys {
    pub tenant: Tenant,
    pub jurisdiction: Jurisdiction,
    /// What wraps the keys of its data subjects.
    pub vault: Versions<Siv>,
}

impl JurisdictionKeys {
    /// Makes fresh keys and writes them, wrapped, to a new file; durable on return.
    ///
    /// # Errors
    /// [`KeysError::Exists`] when there is a file of that name, and any error of the key
    /// service.
    pub fn create(
        path: &Path,
        service: &dyn KeyService,
        (tenant, jurisdiction): (&Tenant, &Jurisdiction),
        today: Date,
    ) -> Result<Self, KeysError> {
        let realm = Realm::Of(jurisdiction.clone());
        let file = KeysetFile::fresh(service, (tenant, &realm), today)?;
        let keys = Self::unwrapped(path, &file, service)?;
        files::create(path, file.to_text(path)?.as_bytes())?;
        Ok(keys)
    }

    /// Reads what [`create`](Self::create) wrote.
    ///
    /// # Errors
    /// As [`Keyset::open`](super::Keyset::open), [`KeysError::OtherRealm`] for a keyset that is
    /// not of this jurisdiction, and [`KeysError::Ended`] for one that was destroyed for good.
    pub fn open(
        path: &Path,
        service: &dyn KeyService,
        jurisdiction: &Jurisdiction,
    ) -> Result<Self, KeysError> {
        let file = KeysetFile::read(path)?;
        file.require(path, &Realm::Of(jurisdiction.clone()))?;
        Self::unwrapped(path, &file, service)
    }
}

impl FromFile for JurisdictionKeys {
    fn unwrapped(
        path: &Path,
        file: &KeysetFile,
        service: &dyn KeyService,
    ) -> Result<Self, KeysError> {
        let Realm::Of(jurisdiction) = file.realm() else {
            let problem = "it is that of the house, and not that of a jurisdiction".to_owned();
            return Err(KeysError::Damaged { path: path.into(), problem });
        };
        if file.keys.iter().all(|key| key.state == KeyState::Destroyed) {
            return Err(KeysError::Ended { path: path.into(), jurisdiction });
        }
        let keys = file.open(path, service, KeyPurpose::Vault)?;
        let vault =
            Versions::new(keys).ok_or(KeysError::NotAuthentic)?.try_map(|key| siv_of(&key))?;
        Ok(Self { tenant: file.tenant.clone(), jurisdiction, vault })
    }
}

#[cfg(test)]
impl JurisdictionKeys {
    /// Fresh keys that exist in memory only.
    pub fn generate(tenant: &Tenant, jurisdiction: &str) -> Self {
        let vault = super::Keyset::generate(tenant).expect("random bytes").vault;
        Self { tenant: tenant.clone(), jurisdiction: Jurisdiction::new(jurisdiction), vault }
    }

    #[must_use]
    pub fn rotated(&self) -> Self {
        let vault = self.vault.rotated(Siv::random().expect("random bytes"));
        Self { vault, ..self.clone() }
    }

    /// Before it is rotated to `rotated`, when the key of that is prepared.
    #[must_use]
    pub fn preparing(&self, rotated: &Self) -> Self {
        Self { vault: self.vault.prepared(rotated.vault.active().clone()), ..self.clone() }
    }

    /// Without the keys that are no longer in use.
    #[must_use]
    pub fn without_older(&self) -> Self {
        Self { vault: self.vault.without_older(), ..self.clone() }
    }
}
