// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::cache::RowCache;
use super::holders::{ATTEMPTS, Holders};
use super::realms::Wrapping;
use super::{Form, Held, Kinds, NewRow, Opened, Row, Token, TokenStore, VaultError};
use crate::base::{Category, Cleartext, Scope, SubjectId, Tenant};
use crate::keys::{InUse, Keyset, Mac, Realm, Siv, Version, Versions};

/// Tokens over a store: derives them, seals values, detects collisions.
#[derive(Clone)]
pub struct Vault {
    pub(super) store: Arc<dyn TokenStore>,
    /// What tokens stand for that were opened lately.
    pub(super) cache: Arc<RowCache>,
    pub(super) tenant: Tenant,
    pub(super) token_macs: Versions<Mac>,
    pub(super) index_macs: Versions<Mac>,
    pub(super) keys: Versions<Siv>,
    /// The version of both that new rows are under.
    pub(super) in_use: InUse,
    /// Keysets that keys of data subjects are under in the place of `keys`.
    pub(super) jurisdictions: Arc<Vec<Wrapping>>,
    /// What new values are indexed for.
    pub(super) kinds: Arc<ArcSwap<Kinds>>,
}

/// A value of a category.
pub type Item<'a> = (&'a Category, &'a Cleartext);

/// A value that is to have a token.
#[derive(Clone, Copy, Debug)]
pub struct ToKeep<'a> {
    pub item: Item<'a>,
    pub form: Form,
    /// The data subject whom it is kept for, by a pseudonym; none for the house.
    pub holder: Option<SubjectId>,
    /// Whose keysets the key of the holder may be under, by the laws of the record that the
    /// value stands in; none where these are not known.
    pub realms: &'a [Realm],
    pub scope: Scope,
}

impl<'a> ToKeep<'a> {
    pub fn for_house(item: Item<'a>, form: Form) -> Self {
        Self { item, form, holder: None, realms: &[], scope: Scope::Tenant }
    }
}

/// An item by its place in a list.
pub(super) type Placed<'a> = (usize, ToKeep<'a>);

/// The tokens of items by their places, and what is stored under them.
type Walked = BTreeMap<usize, (Token, Option<Row>)>;

impl Vault {
    pub fn new(store: Arc<dyn TokenStore>, keyset: &Keyset) -> Self {
        Self {
            store,
            cache: Arc::new(RowCache::new(0)),
            tenant: keyset.tenant.clone(),
            token_macs: keyset.token_mac.clone(),
            index_macs: keyset.index_mac.clone(),
            keys: keyset.vault.clone(),
            in_use: InUse::of(&keyset.vault),
            jurisdictions: Arc::default(),
            kinds: Arc::default(),
        }
    }

    /// With memory, in bytes and at most about so many, for rows whose tokens were opened
    /// lately: sealed as they are stored, and asked for again as soon as anything in the vault
    /// is changed or erased, whoever does it.
    #[must_use]
    pub fn with_cache(self, bytes: usize) -> Self {
        Self { cache: Arc::new(RowCache::new(bytes)), ..self }
    }

    /// The token of each value, as [`keep`](Self::keep) gives it, as a word that is kept for
    /// the house.
    ///
    /// # Errors
    /// As [`keep`](Self::keep).
    pub async fn tokenize(&self, items: &[Item<'_>]) -> Result<Vec<Token>, VaultError> {
        self.keep(&as_words(items)).await
    }

    /// The token of each value, in order: the one it always had, also under a key that is no
    /// longer in use, or a new one. Each is kept for its holder. All of them are durable on
    /// return. One round trip to the store for each version of the key; more for values whose
    /// token another value holds, or that somebody else holds already, and for holders that
    /// are new. Forms with few tokens take more round trips, the fuller they are.
    ///
    /// # Errors
    /// [`VaultError`]; then some of the tokens may have been stored. [`VaultError::Full`]
    /// when no token of the form is left for a value.
    pub async fn keep(&self, items: &[ToKeep<'_>]) -> Result<Vec<Token>, VaultError> {
        let mut attempts = 1;
        loop {
            match self.try_keep(items).await {
                Err(VaultError::Conflict) if attempts < ATTEMPTS => attempts += 1,
                done => return done,
            }
        }
    }

    async fn try_keep(&self, items: &[ToKeep<'_>]) -> Result<Vec<Token>, VaultError> {
        let holders = self.holders(items.iter()).await?;
        let mut walked = Walked::new();
        let mut unknown: Vec<Placed<'_>> = items.iter().copied().enumerate().collect();
        let active = self.token_macs.active_version();
        // The oldest that a value has, whichever key a process is at.
        let mut versions: Vec<Version> = self.token_versions().collect();
        versions.sort_unstable();
        for version in versions
            .iter()
            .filter(|version| versions.last() != Some(&active) || **version != active)
        {
            unknown = self.walk(unknown, *version, Missing::Left, &mut walked).await?;
        }
        self.walk(unknown, active, Missing::Stored(&holders), &mut walked).await?;
        let mut not_held = Vec::new();
        for (item, (token, stored)) in items.iter().zip(walked.values()) {
            let key = holders.key_of(item.holder)?;
            let held = stored.as_ref().and_then(|row| row.held.as_ref());
            if held.is_none_or(|held| held.by.key() != key) {
                not_held.push((token, item));
            }
        }
        self.hold_for(&holders, &not_held).await?;
        Ok(walked.into_values().map(|(token, _)| token).collect())
    }

    /// The words that stand for each value, in order: those that it has, or the one that it
    /// would get. There is more than one only if two instances gave it one at a time, of
    /// which one had a new key and the other had not. Nothing is stored: a value that is only
    /// compared leaves no trace.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn predict(&self, items: &[Item<'_>]) -> Result<Vec<Vec<Token>>, VaultError> {
        let mut known: Vec<Vec<Token>> = vec![Vec::new(); items.len()];
        let placed = || as_words(items).into_iter().enumerate().collect();
        for (version, _) in self.token_macs.iter() {
            let mut walked = Walked::new();
            self.walk(placed(), version, Missing::Left, &mut walked).await?;
            for (at, (token, _)) in walked {
                known.get_mut(at).into_iter().for_each(|known| known.push(token.clone()));
            }
        }
        let active = self.token_macs.active_version();
        let unknown =
            placed().into_iter().filter(|(at, _)| known.get(*at).is_some_and(Vec::is_empty));
        let mut walked = Walked::new();
        let unknown: Vec<Placed<'_>> = unknown.collect();
        self.walk(unknown, active, Missing::Taken, &mut walked).await?;
        for (at, (token, _)) in walked {
            known.get_mut(at).into_iter().for_each(|known| known.push(token.clone()));
        }
        Ok(known)
    }

    /// Follows each value from the first token that this version of the key gives it to the
    /// one that no other value holds. Returns the values that have none and get none.
    async fn walk<'a>(
        &self,
        items: Vec<Placed<'a>>,
        version: Version,
        missing: Missing<'_>,
        walked: &mut Walked,
    ) -> Result<Vec<Placed<'a>>, VaultError> {
        let (mut pending, mut unknown) = (items, Vec::new());
        for counter in 0.. {
            if pending.is_empty() {
                break;
            }
            let is_full = |(_, item): &&Placed<'_>| counter >= item.form.attempts();
            if let Some((_, full)) = pending.iter().find(is_full) {
                return Err(VaultError::Full(full.form));
            }
            let derive = |(_, item): &Placed<'_>| self.derive(item, version, counter);
            let derived: Vec<Token> = pending.iter().map(derive).collect();
            let (rows, found): (Vec<NewRow>, Vec<Option<Row>>) = match missing {
                Missing::Stored(holders) => {
                    let items =
                        pending.iter().zip(&derived).map(|((_, item), token)| (token, item));
                    let (rows, stored) = self.insert(holders, &items.collect::<Vec<_>>()).await?;
                    (rows, stored.into_iter().map(Some).collect())
                }
                Missing::Taken | Missing::Left => {
                    (Vec::new(), self.store.find(derived.clone()).await?)
                }
            };
            let mut rows = rows.into_iter();
            let mut collided = Vec::new();
            for ((placed, token), found) in pending.into_iter().zip(derived).zip(found) {
                // Sealing is deterministic, so the same value often gives the same row.
                let is_same = rows.next().map(|new| new.row) == found;
                match found {
                    None if matches!(missing, Missing::Left) => unknown.push(placed),
                    Some(found) if !is_same && !self.stands_for(&found, placed.1.item).await? => {
                        collided.push(placed);
                    }
                    found => drop(walked.insert(placed.0, (token, found))),
                }
            }
            pending = collided;
        }
        Ok(unknown)
    }

    /// Stores rows, and returns them with those that are stored afterwards.
    async fn insert(
        &self,
        holders: &Holders,
        items: &[(&Token, &ToKeep<'_>)],
    ) -> Result<(Vec<NewRow>, Vec<Row>), VaultError> {
        loop {
            let version = self.in_use.version();
            let rows = items.iter().map(|(token, item)| {
                let held = self.sealed_for(holders, item, token, version)?;
                Ok(self.row(item.item, (*token).clone(), held, version))
            });
            let rows: Vec<NewRow> = rows.collect::<Result<_, VaultError>>()?;
            match self.store.insert(rows.clone()).await {
                Err(error) if self.takes_up(&error) => {}
                stored => return Ok((rows, stored?)),
            }
        }
    }

    /// What each token stands for, in order; `None` for tokens that were never given. What is
    /// kept under keysets of jurisdictions only that are not at hand stays closed.
    ///
    /// # Errors
    /// [`VaultError::Corrupt`] when a stored row does not open otherwise.
    pub async fn detokenize(&self, tokens: Vec<Token>) -> Result<Vec<Option<Opened>>, VaultError> {
        if tokens.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.cache.look_up(&*self.store, &tokens).await?;
        let mut opened = Vec::with_capacity(rows.len());
        for known in &rows {
            opened.push(match known {
                Some(known) => Some(self.open_any(&known.row).await?),
                None => None,
            });
        }
        Ok(opened)
    }

    /// Whether tokens can be read and written now.
    pub async fn health(&self) -> Result<(), VaultError> {
        self.store.health().await
    }

    /// A row for a value under the keys of a version.
    pub(super) fn row(&self, item: Item<'_>, token: Token, held: Held, version: Version) -> NewRow {
        let category = item.0;
        let mac = self.index_macs.get(version).unwrap_or(self.index_macs.active());
        let row = Row {
            version,
            rough: self.rough_index(mac, item),
            category: category.clone(),
            held: Some(held),
            token,
        };
        let kinds = self.kinds.load().get(category).cloned().unwrap_or_default();
        let found_by = self.found_by(mac, item, &kinds);
        NewRow { row, kinds, found_by }
    }

    /// Whether a stored row stands for this value. What is erased stands for none.
    async fn stands_for(&self, stored: &Row, item: Item<'_>) -> Result<bool, VaultError> {
        let opened = match self.open(stored) {
            Err(VaultError::Closed(_)) if self.is_known_by_codes(stored, item) => return Ok(true),
            Err(VaultError::Closed(_)) => self.open_known(stored).await?,
            opened => opened?,
        };
        Ok(opened.value.as_ref().map(|value| (&opened.category, value)) == Some(item))
    }

    pub(super) fn open(&self, row: &Row) -> Result<Opened, VaultError> {
        let category = row.category.clone();
        let Some(held) = &row.held else {
            return Ok(Opened { category, value: None, holder: None, is_closed: false });
        };
        let corrupt = || VaultError::Corrupt(format!("token `{}`", row.token));
        let mut value = self.open_held(held, &category, &row.token)?.ok_or_else(corrupt)?;
        let value = String::from_utf8(std::mem::take(&mut *value)).map_err(|_| corrupt())?;
        let (value, holder) = (Some(Cleartext::new(value)), held.by.subject());
        Ok(Opened { category, value, holder, is_closed: false })
    }
}

fn as_words<'a>(items: &[Item<'a>]) -> Vec<ToKeep<'a>> {
    items.iter().map(|item| ToKeep::for_house(*item, Form::Word)).collect()
}

/// What becomes of values that have no token yet.
#[derive(Clone, Copy)]
enum Missing<'h> {
    /// They get one, and are kept for these.
    Stored(&'h Holders),
    /// The token that they would get is taken for theirs.
    Taken,
    Left,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

#[cfg(test)]
impl Vault {
    /// A row for a value under a token that is not its own.
    pub(crate) fn row_for_test(&self, category: &Category, value: &Cleartext, token: Token) -> Row {
        let item = (category, value);
        let (kept, version) = (ToKeep::for_house(item, token.form()), self.in_use.version());
        let held = self.sealed_for(&Holders::default(), &kept, &token, version).unwrap();
        self.row(item, token, held, version).row
    }
}
