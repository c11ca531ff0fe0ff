// SPDX-License-Identifier: Apache-2.0
//! Who values are kept for, and how they are erased.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use zeroize::Zeroizing;

use super::{
    Erased, Held, Holder, KeyId, NewCopy, Rewrapped, SubjectKey, ToKeep, Token, Vault, VaultError,
};
use crate::base::{Category, SubjectId, Tenant};
use crate::keys::{Realm, Siv, Version, random};

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
    /// The keys of those whom items are kept for. Those who have none get one, which is kept
    /// with the first value under it. Whose law has changed to one with a keyset of its own has
    /// it wrapped anew under that, which is durable on return.
    pub(super) async fn holders<'i>(
        &self,
        items: impl Iterator<Item = &'i ToKeep<'i>>,
    ) -> Result<Holders, VaultError> {
        let mut asked: BTreeMap<SubjectId, BTreeSet<&Realm>> = BTreeMap::new();
        for item in items {
            let Some(subject) = item.holder else { continue };
            asked.entry(subject).or_default().extend(item.realms);
        }
        if asked.is_empty() {
            return Ok(Holders::default());
        }
        let known = self.store.keys(asked.keys().copied().collect()).await?;
        let (mut holders, mut moved) = (Holders::default(), Vec::new());
        for ((subject, realms), key) in asked.into_iter().zip(known) {
            let realm = self.realm_for(key.as_ref().map(|key| &key.realm), &realms);
            let opened = match key {
                None => self.new_key(subject, &realm)?,
                Some(key) => {
                    let opened = self.unwrap(&key)?;
                    if key.realm != realm {
                        moved.push((key.realm.clone(), subject));
                    }
                    let key = self.wrapped_in(&realm, key, &opened)?;
                    (opened, key)
                }
            };
            holders.0.insert(subject, opened);
        }
        self.move_keys(&holders, &moved).await?;
        Ok(holders)
    }

    /// Stores keys that are wrapped under another keyset than before.
    async fn move_keys(
        &self,
        holders: &Holders,
        moved: &[(Realm, SubjectId)],
    ) -> Result<(), VaultError> {
        while !moved.is_empty() {
            let keys = moved.iter().filter_map(|(from, subject)| {
                let (opened, key) = holders.0.get(subject)?;
                let key = self.current(key, opened);
                Some(key.map(|key| Rewrapped { from: from.clone(), key }))
            });
            match self.store.rewrap(keys.collect::<Result<_, _>>()?).await {
                Err(error) if self.takes_up(&error) => {}
                done => return done,
            }
        }
        Ok(())
    }

    /// Keeps values for their holders that have these tokens already. Durable on return.
    ///
    /// # Errors
    /// [`VaultError::Conflict`] where a token stands for nothing any more.
    pub async fn hold(&self, items: &[(Token, ToKeep<'_>)]) -> Result<(), VaultError> {
        let items: Vec<_> = items.iter().map(|(token, item)| (token, item)).collect();
        let mut attempts = 1;
        loop {
            let holders = self.holders(items.iter().map(|(_, item)| *item)).await?;
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
                Err(error) if self.takes_up(&error) => {}
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
        let by = Holder::Subject(self.current(key, opened)?);
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
        let erased = self.store.erase(pseudonyms.to_vec()).await;
        self.cache.clear();
        erased
    }

    fn new_key(&self, subject: SubjectId, realm: &Realm) -> Result<(Siv, SubjectKey), VaultError> {
        let failed = |error| VaultError::Unavailable(format!("no new key: {error}"));
        let id = KeyId(*random().map_err(failed)?);
        let key = Siv::random().map_err(failed)?;
        let wrapped = self.wrap(realm, (id, subject), &key)?;
        Ok((key, wrapped))
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
