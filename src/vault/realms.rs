// SPDX-License-Identifier: Apache-2.0
//! Whose keys wrap those of data subjects.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Form, Item, KeyId, Opened, Place, Row, SubjectKey, Vault, VaultError};
use crate::base::{Jurisdiction, SubjectId, Tenant};
use crate::keys::{InUse, JurisdictionKeys, Realm, Siv, Version, Versions};

/// The keys of a jurisdiction, and the version of them that is in use.
#[derive(Debug)]
pub(super) struct Wrapping {
    jurisdiction: Jurisdiction,
    keys: Versions<Siv>,
    in_use: InUse,
    /// Whether it opens nothing of what is kept under a keyset of this jurisdiction.
    is_another: AtomicBool,
}

/// How many copies of a value are read to find one that opens.
const MAX_COPIES: u32 = 100;

/// Keys of data subjects by which a keyset is known.
const SAMPLE: u32 = 10;

impl Vault {
    /// With keysets of jurisdictions. Where several are those of one person, the first is.
    #[must_use]
    pub fn with_jurisdictions(self, keysets: &[JurisdictionKeys]) -> Self {
        let wrapping = |keyset: &JurisdictionKeys| Wrapping {
            jurisdiction: keyset.jurisdiction.clone(),
            keys: keyset.vault.clone(),
            in_use: InUse::of(&keyset.vault),
            is_another: AtomicBool::new(false),
        };
        Self { jurisdictions: Arc::new(keysets.iter().map(wrapping).collect()), ..self }
    }

    /// The jurisdictions with a keyset at hand, in order.
    pub fn jurisdictions(&self) -> impl Iterator<Item = &Jurisdiction> {
        self.jurisdictions.iter().map(|wrapping| &wrapping.jurisdiction)
    }

    /// Looks which keysets are others than those that the keys of data subjects are under, and
    /// names them. From now on nothing is kept under these: whoever puts the right one in its
    /// place would not open it.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`] where keys cannot be read.
    pub async fn prove_keysets(&self) -> Result<Vec<Jurisdiction>, VaultError> {
        let mut others = Vec::new();
        for Wrapping { jurisdiction, is_another, .. } in &*self.jurisdictions {
            let any = (Realm::Of(jurisdiction.clone()), Version::MAX);
            let sample = self.store.keys_before(any, None, SAMPLE).await?;
            let is_closed = |key| {
                let opened = self.unwrap(key);
                matches!(opened, Err(VaultError::Closed(_) | VaultError::JurisdictionKeyGone(..)))
            };
            let proves_nothing = sample.iter().all(is_closed);
            if !sample.is_empty() && proves_nothing {
                is_another.store(true, Ordering::Relaxed);
                others.push(jurisdiction.clone());
            }
        }
        Ok(others)
    }

    /// Whose key is to wrap that of a data subject, by whose it is now, if there is one, and
    /// by what the laws of the records say; nothing if these are not known.
    pub(super) fn realm_for(&self, now: Option<&Realm>, asked: &BTreeSet<&Realm>) -> Realm {
        let of_laws = self.jurisdictions().cloned().map(Realm::Of).find(|it| asked.contains(it));
        match now {
            Some(now) if asked.is_empty() => now.clone(),
            Some(now @ Realm::Of(_)) if asked.contains(now) => now.clone(),
            _ => of_laws.unwrap_or(Realm::House),
        }
    }

    /// Goes on with a newer version of a key, where something was refused because of that and
    /// it is prepared here.
    pub(super) fn takes_up(&self, refused: &VaultError) -> bool {
        match refused {
            VaultError::KeyGone(newer) => self.in_use.take_up(*newer),
            VaultError::JurisdictionKeyGone(jurisdiction, newer) => {
                self.of(jurisdiction).is_some_and(|wrapping| wrapping.in_use.take_up(*newer))
            }
            _ => false,
        }
    }

    /// Whether there is a keyset of a jurisdiction, and not another one than its keys need.
    pub(super) fn is_at_hand(&self, jurisdiction: &Jurisdiction) -> bool {
        let is_right = |wrapping: &Wrapping| !wrapping.is_another.load(Ordering::Relaxed);
        self.of(jurisdiction).is_some_and(is_right)
    }

    fn of(&self, jurisdiction: &Jurisdiction) -> Option<&Wrapping> {
        self.jurisdictions.iter().find(|wrapping| wrapping.jurisdiction == *jurisdiction)
    }

    /// The version that keys are wrapped under now.
    pub(super) fn version_of(&self, realm: &Realm) -> Result<Version, VaultError> {
        match realm {
            Realm::House => Ok(self.in_use.version()),
            Realm::Of(of) => {
                Ok(self.of(of).ok_or_else(|| VaultError::Closed(of.clone()))?.in_use.version())
            }
        }
    }

    /// The key of a data subject, wrapped under the version that is in use now.
    pub(super) fn current(&self, key: &SubjectKey, opened: &Siv) -> Result<SubjectKey, VaultError> {
        self.wrapped_in(&key.realm, key.clone(), opened)
    }

    /// The same under the key of a realm.
    pub(super) fn wrapped_in(
        &self,
        realm: &Realm,
        key: SubjectKey,
        opened: &Siv,
    ) -> Result<SubjectKey, VaultError> {
        if key.realm == *realm && key.version == self.version_of(realm)? {
            return Ok(key);
        }
        self.wrap(realm, (key.id, key.subject), opened)
    }

    /// As [`open_any`](Self::open_any), for whoever has to know the value.
    ///
    /// # Errors
    /// [`VaultError::Closed`] where all copies stay closed.
    pub(super) async fn open_known(&self, row: &Row) -> Result<Opened, VaultError> {
        match self.open(row) {
            Err(closed @ VaultError::Closed(_)) => {
                let opened = self.open_any(row).await?;
                if opened.is_closed { Err(closed) } else { Ok(opened) }
            }
            done => done,
        }
    }

    /// What a row holds: where its first copy stays closed, by way of another.
    pub(super) async fn open_any(&self, row: &Row) -> Result<Opened, VaultError> {
        match self.open(row) {
            Err(VaultError::Closed(_)) => {}
            done => return done,
        }
        let first = Place(row.token.clone(), row.held.as_ref().and_then(|held| held.by.key()));
        for (place, row) in self.store.list(Some(first.clone()), MAX_COPIES).await? {
            if place.0 != first.0 {
                break;
            }
            match self.open(&row) {
                Err(VaultError::Closed(_)) | Ok(Opened { value: None, .. }) => {}
                done => return done,
            }
        }
        let category = row.category.clone();
        Ok(Opened { category, value: None, holder: None, is_closed: true })
    }

    /// Whether a row that does not open is surely that of a value which has its token: 80 bits
    /// under one key say so, and 128 under another. Of other forms tokens are few.
    pub(super) fn is_known_by_codes(&self, stored: &Row, item: Item<'_>) -> bool {
        let mac = self.index_macs.get(stored.version);
        stored.token.form() == Form::Word
            && stored.category == *item.0
            && mac.is_some_and(|mac| self.rough_index(mac, item) == stored.rough)
    }

    pub(super) fn wrap(
        &self,
        realm: &Realm,
        (id, subject): (KeyId, SubjectId),
        key: &Siv,
    ) -> Result<SubjectKey, VaultError> {
        let version = self.version_of(realm)?;
        let wrapping = self.wrapping(realm, version)?;
        if let Realm::Of(of) = realm
            && !self.is_at_hand(of)
        {
            return Err(VaultError::Closed(of.clone()));
        }
        let wrapped = match realm {
            Realm::House => wrapping.seal_key(owner(&self.tenant, &id, &subject), key),
            Realm::Of(of) => wrapping.seal_key(owner_in(of, &self.tenant, &id, &subject), key),
        };
        Ok(SubjectKey { id, subject, realm: realm.clone(), version, wrapped })
    }

    /// # Errors
    /// [`VaultError::KeyGone`] and [`VaultError::JurisdictionKeyGone`] for newer keys than
    /// ours; [`VaultError::Closed`] where a jurisdiction has no keyset here, or another one.
    pub(super) fn unwrap(&self, key: &SubjectKey) -> Result<Siv, VaultError> {
        let SubjectKey { id, subject, realm, version, wrapped } = key;
        let wrapping = self.wrapping(realm, *version)?;
        match realm {
            Realm::House => wrapping
                .open_key(owner(&self.tenant, id, subject), wrapped)
                .ok_or_else(|| VaultError::Corrupt(format!("the key of data subject {subject}"))),
            Realm::Of(of) => wrapping
                .open_key(owner_in(of, &self.tenant, id, subject), wrapped)
                .ok_or_else(|| VaultError::Closed(of.clone())),
        }
    }

    fn wrapping(&self, realm: &Realm, version: Version) -> Result<&Siv, VaultError> {
        let Realm::Of(jurisdiction) = realm else {
            return self.keys.get(version).ok_or(VaultError::KeyGone(version));
        };
        let at_hand = self.of(jurisdiction).filter(|_| self.is_at_hand(jurisdiction));
        let keys = at_hand.map(|wrapping| &wrapping.keys);
        keys.and_then(|keys| keys.get(version)).ok_or_else(|| match keys {
            Some(keys) if version > keys.newest_version() => {
                VaultError::JurisdictionKeyGone(jurisdiction.clone(), version)
            }
            _ => VaultError::Closed(jurisdiction.clone()),
        })
    }
}

/// What a wrapped key is bound to.
fn owner<'a>(tenant: &'a Tenant, id: &'a KeyId, subject: &'a SubjectId) -> [&'a [u8]; 4] {
    [b"zollhaus subject key 1", tenant.as_str().as_bytes(), &id.0, &subject.0]
}

/// The same under the key of a jurisdiction.
fn owner_in<'a>(
    jurisdiction: &'a Jurisdiction,
    tenant: &'a Tenant,
    id: &'a KeyId,
    subject: &'a SubjectId,
) -> [&'a [u8]; 5] {
    let [jurisdiction, tenant] = [jurisdiction.as_str(), tenant.as_str()].map(str::as_bytes);
    [b"zollhaus subject key 2", jurisdiction, tenant, &id.0, &subject.0]
}
