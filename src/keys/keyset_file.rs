// SPDX-License-Identifier: Apache-2.0

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::files::{self, Readers};
use super::{KeyName, KeyPurpose, KeyService, KeyState, KeysError, Version};
use crate::base::{Date, Secret, Tenant};

pub(super) const FORMAT: u32 = 1;

/// A keyset as it lies on disk: JSON that names each key's purpose, version and
/// state in the clear and holds the key wrapped.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeysetFile {
    pub(super) zollhaus_keyset: u32,
    pub(super) tenant: String,
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
    pub(super) fn live(
        &self,
        path: &Path,
        purpose: KeyPurpose,
    ) -> Result<Vec<&StoredKey>, KeysError> {
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
        stored.wrap(service, name.tenant, key)?;
        Ok(stored)
    }

    /// Puts what this service makes of the key in the place of what another has made.
    pub(super) fn wrap(
        &mut self,
        service: &dyn KeyService,
        tenant: &Tenant,
        key: &Secret,
    ) -> Result<(), KeysError> {
        let name = KeyName { tenant, purpose: self.purpose, version: self.version };
        self.wrapped = Some(STANDARD.encode(service.wrap(&name, key)?));
        Ok(())
    }

    pub(super) fn open(
        &self,
        path: &Path,
        service: &dyn KeyService,
        tenant: &Tenant,
    ) -> Result<Secret, KeysError> {
        let wrapped = self.wrapped.as_deref().unwrap_or_default();
        let wrapped = STANDARD.decode(wrapped).map_err(|error| damaged(path, &error))?;
        let name = KeyName { tenant, purpose: self.purpose, version: self.version };
        service.unwrap(&name, &wrapped).map_err(|source| KeysError::Unopened {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }
}

fn damaged(path: &Path, problem: &dyn std::fmt::Display) -> KeysError {
    KeysError::Damaged { path: path.to_owned(), problem: problem.to_string() }
}
