// SPDX-License-Identifier: Apache-2.0

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::files::{self, Readers};
use super::keyset::new_key;
use super::{KeyName, KeyPurpose, KeyService, KeyState, KeysError, Realm, Version};
use crate::base::{Date, Jurisdiction, Secret, Tenant};

const FORMAT: u32 = 1;

const FIRST_VERSION: Version = 1;

/// A keyset as it lies on disk: JSON that names each key's purpose, version and
/// state in the clear and holds the key wrapped.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeysetFile {
    zollhaus_keyset: u32,
    pub(super) tenant: Tenant,
    /// Whose data subjects it is for; none for that of the house.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jurisdiction: Option<Jurisdiction>,
    pub(super) keys: Vec<StoredKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredKey {
    pub(super) purpose: KeyPurpose,
    pub(super) version: Version,
    pub(super) state: KeyState,
    /// The day it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<Date>,
    /// What the key service made of it, in base64; nothing of a key that is destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) wrapped: Option<String>,
}

impl KeysetFile {
    /// Fresh keys for all purposes of a realm.
    pub(super) fn fresh(
        service: &dyn KeyService,
        (tenant, realm): (&Tenant, &Realm),
        today: Date,
    ) -> Result<Self, KeysError> {
        let keys = KeyPurpose::all_of(realm).iter().map(|purpose| {
            let name = KeyName { tenant, realm, purpose: *purpose, version: FIRST_VERSION };
            StoredKey::new(service, &name, &new_key(*purpose)?, KeyState::Active, today)
        });
        let jurisdiction = match realm {
            Realm::House => None,
            Realm::Of(jurisdiction) => Some(jurisdiction.clone()),
        };
        let (tenant, keys) = (tenant.clone(), keys.collect::<Result<_, _>>()?);
        Ok(Self { zollhaus_keyset: FORMAT, tenant, jurisdiction, keys })
    }

    pub(super) fn realm(&self) -> Realm {
        self.jurisdiction.clone().map_or(Realm::House, Realm::Of)
    }

    /// # Errors
    /// [`KeysError::OtherRealm`] where it is not that of this realm.
    pub(super) fn require(&self, path: &Path, expected: &Realm) -> Result<(), KeysError> {
        let found = self.realm();
        if found == *expected {
            return Ok(());
        }
        let (found, expected) = (Box::new(found), Box::new(expected.clone()));
        Err(KeysError::OtherRealm { path: path.into(), found, expected })
    }

    /// The keys of a purpose that are not destroyed, opened, in the order of
    /// [`live`](Self::live).
    pub(super) fn open(
        &self,
        path: &Path,
        service: &dyn KeyService,
        purpose: KeyPurpose,
    ) -> Result<Vec<(Version, Secret)>, KeysError> {
        let (tenant, realm) = (&self.tenant, self.realm());
        let live = self.live(path, purpose)?.into_iter();
        live.map(|key| Ok((key.version, key.open(path, service, (tenant, &realm))?))).collect()
    }

    pub(super) fn read(path: &Path) -> Result<Self, KeysError> {
        let text = files::read(path, Readers::Any)?;
        let mut file: Self = serde_json::from_str(&text).map_err(|error| damaged(path, &error))?;
        if file.zollhaus_keyset != FORMAT {
            let problem = format!("its format is {}, not {FORMAT}", file.zollhaus_keyset);
            return Err(damaged(path, &problem));
        }
        file.keys.sort_by_key(|key| key.version);
        Ok(file)
    }

    pub(super) fn to_text(&self, path: &Path) -> Result<String, KeysError> {
        serde_json::to_string_pretty(self).map_err(|error| damaged(path, &error))
    }

    /// The keys of a purpose that are not destroyed: the active one, then the newer before the
    /// older.
    fn live(&self, path: &Path, purpose: KeyPurpose) -> Result<Vec<&StoredKey>, KeysError> {
        let newest_first: Vec<&StoredKey> = self.of(purpose).rev().collect();
        let refused = |problem: &str| {
            Err(damaged(path, &format!("{problem} of purpose `{}`", purpose.name())))
        };
        if !newest_first.is_sorted_by(|a, b| a.version > b.version) {
            return refused("it has two keys of one version");
        }
        let is_wrapped = |key: &&StoredKey| key.wrapped.is_some();
        if !newest_first.iter().all(|key| is_wrapped(key) != (key.state == KeyState::Destroyed)) {
            return refused("it has a key without its wrapped form, or a destroyed one with it,");
        }
        let mut states = newest_first.iter().map(|key| key.state).peekable();
        let _ = states.next_if_eq(&KeyState::Prepared);
        let is_sound = states.next() == Some(KeyState::Active)
            && states.all(|state| matches!(state, KeyState::DecryptOnly | KeyState::Destroyed))
            && (newest_first.len() == 1 || purpose.rotated_together().is_ok());
        if !is_sound {
            return refused(
                "it has not exactly one active key, the newest but for a prepared one,",
            );
        }
        let (active, others): (Vec<_>, Vec<_>) =
            newest_first.into_iter().partition(|key| key.state == KeyState::Active);
        let others = others.into_iter().filter(|key| key.state != KeyState::Destroyed);
        Ok(active.into_iter().chain(others).collect())
    }

    /// The keys of a purpose, destroyed ones included, by version.
    pub(super) fn of(&self, purpose: KeyPurpose) -> impl DoubleEndedIterator<Item = &StoredKey> {
        self.keys.iter().filter(move |key| key.purpose == purpose)
    }

    pub(super) fn of_mut(&mut self, purpose: KeyPurpose) -> impl Iterator<Item = &mut StoredKey> {
        self.keys.iter_mut().filter(move |key| key.purpose == purpose)
    }
}

impl StoredKey {
    pub(super) fn new(
        service: &dyn KeyService,
        name: &KeyName<'_>,
        key: &Secret,
        state: KeyState,
        today: Date,
    ) -> Result<Self, KeysError> {
        let (purpose, version) = (name.purpose, name.version);
        let mut stored = Self { purpose, version, state, since: Some(today), wrapped: None };
        stored.wrap(service, (name.tenant, name.realm), key)?;
        Ok(stored)
    }

    /// Puts what this service makes of the key in the place of what another has made.
    pub(super) fn wrap(
        &mut self,
        service: &dyn KeyService,
        of: (&Tenant, &Realm),
        key: &Secret,
    ) -> Result<(), KeysError> {
        let name = self.name(of);
        self.wrapped = Some(STANDARD.encode(service.wrap(&name, key)?));
        Ok(())
    }

    pub(super) fn open(
        &self,
        path: &Path,
        service: &dyn KeyService,
        of: (&Tenant, &Realm),
    ) -> Result<Secret, KeysError> {
        let wrapped = self.wrapped.as_deref().unwrap_or_default();
        let wrapped = STANDARD.decode(wrapped).map_err(|error| damaged(path, &error))?;
        let name = self.name(of);
        service.unwrap(&name, &wrapped).map_err(|source| KeysError::Unopened {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }

    fn name<'n>(&self, (tenant, realm): (&'n Tenant, &'n Realm)) -> KeyName<'n> {
        KeyName { tenant, realm, purpose: self.purpose, version: self.version }
    }
}

fn damaged(path: &Path, problem: &dyn std::fmt::Display) -> KeysError {
    KeysError::Damaged { path: path.to_owned(), problem: problem.to_string() }
}
