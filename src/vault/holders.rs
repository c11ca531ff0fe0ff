// SPDX-License-Identifier: Apache-2.0
//! Who values are kept for, and how they are erased.

use std::collections::{BTreeSet, HashMap};

use zeroize::Zeroizing;

use super::{Erased, Held, Holder, KeyId, NewCopy, SubjectKey, ToKeep, Token, Vault, VaultError};
use crate::base::{Category, SubjectId, Tenant};
use crate::keys::{Siv, Version, random};

/// How often values are written that fall together with what others write or erase.
pub(super) const ATTEMPTS: usize = 5;

/// The keys of those that a batch of values is kept for.
#[derive(Default)]
pub(super) struct Holders(HashMap<SubjectId, (Siv, SubjectKey)>);

impl Holders {
    pub(super) fn key_of(&self, subject: Option<SubjectId>) -> Result<Option<KeyId>, VaultError> {
        let key = subject.map(|it| self.0.get(&it).ok_or(VaultError::Conflict)).transpose()?;
        Ok(key.map(|(_, key)| key.id))
    }
}

impl Vault {
    /// The keys of data subjects. Those who have none get one, which is kept with the first
    /// value under it.
    pub(super) async fn holders(
        &self,
        subjects: impl Iterator<Item = SubjectId>,
    ) -> Result<Holders, VaultError> {
        let subjects: Vec<SubjectId> = subjects.collect::<BTreeSet<_>>().into_iter().collect();
        if subjects.is_empty() {
            return Ok(Holders::default());
        }
        let known = self.store.keys(subjects.clone()).await?;
        let keys = subjects.into_iter().zip(known).map(|(subject, key)| match key {
            Some(key) => Ok((subject, (self.unwrap(&key)?, key))),
            None => Ok((subject, self.new_key(subject)?)),
        });
        Ok(Holders(keys.collect::<Result<_, VaultError>>()?))
    }

    /// Keeps values for their holders that have these tokens already. Durable on return.
    ///
    /// # Errors
    /// [`VaultError::Conflict`] where a token stands for nothing any more.
    pub async fn hold(&self, items: &[(Token, ToKeep<'_>)]) -> Result<(), VaultError> {
        let items: Vec<_> = items.iter().map(|(token, item)| (token, item)).collect();
        let mut attempts = 1;
        loop {
            let holders = self.holders(items.iter().filter_map(|(_, item)| item.holder)).await?;
            match self.hold_for(&holders, &items).await {
                Err(VaultError::Conflict) if attempts < ATTEMPTS => attempts += 1,
                done => return done,
            }
        }
    }

    pub(super) async fn hold_for(
        &self,
        holders: &Holders,
        items: &[(&Token, &ToKeep<'_>)],
    ) -> Result<(), VaultError> {
        while !items.is_empty() {
            let version = self.in_use.version();
            let copies = items.iter().map(|(token, item)| {
                let held = self.sealed_for(holders, item, token, version)?;
                Ok(NewCopy { token: (*token).clone(), held })
            });
            match self.store.hold(copies.collect::<Result<_, VaultError>>()?).await {
                Err(VaultError::KeyGone(newer)) if self.in_use.take_up(newer) => {}
                done => return done,
            }
        }
        Ok(())
    }

    /// A value, sealed for its holder: for the house under the key of this version.
    pub(super) fn sealed_for(
        &self,
        holders: &Holders,
        ToKeep { item: (category, value), holder, .. }: &ToKeep<'_>,
        token: &Token,
        version: Version,
    ) -> Result<Held, VaultError> {
        let clear = value.expose().as_bytes();
        let associated = associated(&self.tenant, category, token);
        let Some(subject) = holder else {
            let key = self.keys.get(version).ok_or(VaultError::KeyGone(version))?;
            let by = Holder::House(version);
            return Ok(Held { by, sealed: key.seal(associated, clear) });
        };
        let (opened, key) = holders.0.get(subject).ok_or(VaultError::Conflict)?;
        // One that is new, and was wrapped before another process began to use a newer version.
        let key = if key.version == version {
            key.clone()
        } else {
            self.wrap(key.id, key.subject, opened)
        };
        let by = Holder::Subject(key);
        Ok(Held { by, sealed: opened.seal(associated, clear) })
    }

    /// What is held under a token, in clear bytes; `None` where it does not open.
    pub(super) fn open_held(
        &self,
        held: &Held,
        category: &Category,
        token: &Token,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        let associated = associated(&self.tenant, category, token);
        match &held.by {
            Holder::House(version) => {
                let key = self.keys.get(*version).ok_or(VaultError::KeyGone(*version))?;
                Ok(key.open(associated, &held.sealed))
            }
            Holder::Subject(key) => Ok(self.unwrap(key)?.open(associated, &held.sealed)),
        }
    }

    /// How many of these pseudonyms have a key that values are kept under.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`].
    pub async fn count_keys_of(&self, pseudonyms: &[SubjectId]) -> Result<usize, VaultError> {
        Ok(self.store.keys(pseudonyms.to_vec()).await?.iter().flatten().count())
    }

    /// Destroys the keys of a person's pseudonyms, so that no copy of a value that is kept for
    /// them opens any more, wherever copies of the rows are; where somebody else holds an equal
    /// value, theirs goes on. Tokens that nobody holds then stand for nothing, for ever. Without
    /// a pseudonym, forgets what keys had opened that were destroyed elsewhere.
    ///
    /// Durable on return. A value that is written for them meanwhile or later is kept under a
    /// new key.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`]; then it may be done or not.
    pub async fn erase(&self, pseudonyms: &[SubjectId]) -> Result<Erased, VaultError> {
        self.store.erase(pseudonyms.to_vec()).await
    }

    fn new_key(&self, subject: SubjectId) -> Result<(Siv, SubjectKey), VaultError> {
        let failed = |error| VaultError::Unavailable(format!("no new key: {error}"));
        let id = KeyId(*random().map_err(failed)?);
        let key = Siv::random().map_err(failed)?;
        let wrapped = self.wrap(id, subject, &key);
        Ok((key, wrapped))
    }

    pub(super) fn wrap(&self, id: KeyId, subject: SubjectId, key: &Siv) -> SubjectKey {
        let version = self.in_use.version();
        let wrapping = self.keys.get(version).unwrap_or(self.keys.active());
        let wrapped = wrapping.seal_key(owner(&self.tenant, &id, &subject), key);
        SubjectKey { id, subject, version, wrapped }
    }

    pub(super) fn unwrap(&self, key: &SubjectKey) -> Result<Siv, VaultError> {
        let wrapping = self.keys.get(key.version).ok_or(VaultError::KeyGone(key.version))?;
        let opened = wrapping.open_key(owner(&self.tenant, &key.id, &key.subject), &key.wrapped);
        opened
            .ok_or_else(|| VaultError::Corrupt(format!("the key of data subject {}", key.subject)))
    }
}

/// What a sealed value is bound to.
pub(super) fn associated<'a>(
    tenant: &'a Tenant,
    category: &'a Category,
    token: &'a Token,
) -> [&'a [u8]; 4] {
    let texts = [tenant.as_str(), category.as_str(), token.as_str()];
    let [tenant, category, token] = texts.map(str::as_bytes);
    [b"zollhaus vault row 1", tenant, category, token]
}

/// What a wrapped key is bound to.
fn owner<'a>(tenant: &'a Tenant, id: &'a KeyId, subject: &'a SubjectId) -> [&'a [u8]; 4] {
    [b"zollhaus subject key 1", tenant.as_str().as_bytes(), &id.0, &subject.0]
}
