// SPDX-License-Identifier: Apache-2.0

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arc_swap::ArcSwap;

use super::{
    Form, Index, Kinds, NewRow, Opened, Row, Token, TokenStore, VaultError, search::texts_of,
};
use crate::base::{Category, Cleartext, SearchKind, Tenant, rough};
use crate::keys::{Keyset, Mac, Siv, Version, Versions};

/// Tokens over a store: derives them, seals values, detects collisions.
#[derive(Clone)]
pub struct Vault {
    pub(super) store: Arc<dyn TokenStore>,
    tenant: Tenant,
    token_macs: Versions<Mac>,
    pub(super) index_macs: Versions<Mac>,
    pub(super) keys: Versions<Siv>,
    /// The version of both that new rows are under: the active one, or one that is prepared as
    /// soon as another process has stored a row under it.
    version: Arc<AtomicU32>,
    /// What new values are indexed for.
    pub(super) kinds: Arc<ArcSwap<Kinds>>,
}

/// A value of a category.
pub type Item<'a> = (&'a Category, &'a Cleartext);

/// An item by its place in a list.
pub(super) type Placed<'a> = (usize, (Item<'a>, Form));

impl Vault {
    pub fn new(store: Arc<dyn TokenStore>, keyset: &Keyset) -> Self {
        Self {
            store,
            tenant: keyset.tenant.clone(),
            token_macs: keyset.token_mac.clone(),
            index_macs: keyset.index_mac.clone(),
            keys: keyset.vault.clone(),
            version: Arc::new(AtomicU32::new(keyset.vault.active_version())),
            kinds: Arc::default(),
        }
    }

    /// The token of each value, in order: the one it always had, also under a key that is not
    /// in use, or a new one. All of them are durable on return. One round trip to the store
    /// for each version of the key; one more for values whose token another value holds, and
    /// one while a key is prepared.
    ///
    /// # Errors
    /// [`VaultError`]; then some of the tokens may have been stored.
    pub async fn tokenize(&self, items: &[Item<'_>]) -> Result<Vec<Token>, VaultError> {
        self.tokenize_as(&as_words(items)).await
    }

    /// As [`tokenize`](Self::tokenize), each value as a token of its form. Forms with few
    /// tokens take more round trips, the fuller they are.
    ///
    /// # Errors
    /// [`VaultError::Full`] when no token of the form is left for a value.
    pub async fn tokenize_as(&self, items: &[(Item<'_>, Form)]) -> Result<Vec<Token>, VaultError> {
        let mut tokens = BTreeMap::new();
        let mut unknown: Vec<Placed<'_>> = items.iter().copied().enumerate().collect();
        let active = self.token_macs.active_version();
        // The oldest that a value has, whichever key a process is at.
        let mut versions: Vec<Version> = self.token_versions().collect();
        versions.sort_unstable();
        for version in versions
            .iter()
            .filter(|version| versions.last() != Some(&active) || **version != active)
        {
            unknown = self.walk(unknown, *version, Missing::Left, &mut tokens).await?;
        }
        self.walk(unknown, active, Missing::Stored, &mut tokens).await?;
        Ok(tokens.into_values().collect())
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
            let mut tokens = BTreeMap::new();
            self.walk(placed(), version, Missing::Left, &mut tokens).await?;
            for (at, token) in tokens {
                known.get_mut(at).into_iter().for_each(|known| known.push(token.clone()));
            }
        }
        let active = self.token_macs.active_version();
        let unknown =
            placed().into_iter().filter(|(at, _)| known.get(*at).is_some_and(Vec::is_empty));
        let mut tokens = BTreeMap::new();
        let unknown: Vec<Placed<'_>> = unknown.collect();
        self.walk(unknown, active, Missing::Taken, &mut tokens).await?;
        for (at, token) in tokens {
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
        missing: Missing,
        tokens: &mut BTreeMap<usize, Token>,
    ) -> Result<Vec<Placed<'a>>, VaultError> {
        let (mut pending, mut unknown) = (items, Vec::new());
        for counter in 0.. {
            if pending.is_empty() {
                break;
            }
            let is_full = |(_, (_, form)): &&Placed<'_>| counter >= form.attempts();
            if let Some((_, (_, full))) = pending.iter().find(is_full) {
                return Err(VaultError::Full(*full));
            }
            let derive = |(_, item): &Placed<'_>| self.derive(*item, version, counter);
            let derived: Vec<Token> = pending.iter().map(derive).collect();
            let (rows, found): (Vec<NewRow>, Vec<Option<Row>>) = if missing == Missing::Stored {
                let items = pending.iter().zip(&derived);
                let items = items.map(|((_, (item, _)), token)| (*item, token.clone()));
                let (rows, stored) = self.insert(items.collect()).await?;
                (rows, stored.into_iter().map(Some).collect())
            } else {
                (Vec::new(), self.store.find(derived.clone()).await?)
            };
            let mut rows = rows.into_iter();
            let mut collided = Vec::new();
            for ((placed, token), found) in pending.into_iter().zip(derived).zip(found) {
                // Sealing is deterministic, so the same value often gives the same row.
                let is_same = rows.next().map(|new| new.row) == found;
                match found {
                    None if missing == Missing::Left => unknown.push(placed),
                    Some(found) if !is_same && !self.stands_for(&found, placed.1.0)? => {
                        collided.push(placed);
                    }
                    None | Some(_) => {
                        tokens.insert(placed.0, token);
                    }
                }
            }
            pending = collided;
        }
        Ok(unknown)
    }

    /// Stores rows, and returns them with those that are stored afterwards.
    async fn insert(
        &self,
        items: Vec<(Item<'_>, Token)>,
    ) -> Result<(Vec<NewRow>, Vec<Row>), VaultError> {
        loop {
            let rows = items.iter().map(|(item, token)| self.row(*item, token.clone()));
            let rows: Vec<NewRow> = rows.collect();
            match self.store.insert(rows.clone()).await {
                Err(VaultError::KeyGone(newer)) if self.take_up(newer) => {}
                stored => return Ok((rows, stored?)),
            }
        }
    }

    /// The version of the keys that new rows are under.
    pub(super) fn version(&self) -> Version {
        self.version.load(Ordering::Relaxed)
    }

    /// Goes on with newer keys, which another process has begun to use, if they are prepared.
    pub(super) fn take_up(&self, newer: Version) -> bool {
        let is_prepared = self.keys.get(newer).is_some() && newer > self.version();
        if is_prepared {
            self.version.fetch_max(newer, Ordering::Relaxed);
        }
        is_prepared
    }

    /// What each token stands for, in order; `None` for tokens that are not ours.
    ///
    /// # Errors
    /// [`VaultError::Corrupt`] when a stored row does not open.
    pub async fn detokenize(&self, tokens: Vec<Token>) -> Result<Vec<Option<Opened>>, VaultError> {
        if tokens.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.store.find(tokens).await?;
        rows.iter().map(|row| row.as_ref().map(|row| self.open(row)).transpose()).collect()
    }

    /// Whether tokens can be read and written now.
    pub async fn health(&self) -> Result<(), VaultError> {
        self.store.health().await
    }

    /// A row for a value under the keys that are in use.
    pub(super) fn row(&self, item: Item<'_>, token: Token) -> NewRow {
        let (category, value) = item;
        let version = self.version();
        let key = self.keys.get(version).unwrap_or(self.keys.active());
        let mac = self.index_macs.get(version).unwrap_or(self.index_macs.active());
        let associated = associated(&self.tenant, category, &token);
        let row = Row {
            sealed: key.seal(associated, value.expose().as_bytes()),
            version,
            rough: self.rough_index(mac, item),
            category: category.clone(),
            token,
        };
        let kinds = self.kinds.load().get(category).cloned().unwrap_or_default();
        let found_by = self.found_by(mac, item, &kinds);
        NewRow { row, kinds, found_by }
    }

    /// What a value is found by, for these kinds of search.
    pub(super) fn found_by(
        &self,
        mac: &Mac,
        (category, value): Item<'_>,
        kinds: &BTreeSet<SearchKind>,
    ) -> Vec<Index> {
        let rough = rough(value.expose());
        let of_kind = |kind: &SearchKind| {
            let texts = texts_of(*kind, &rough).into_iter();
            texts.map(|text| self.search_index(mac, category, *kind, text)).collect::<Vec<_>>()
        };
        let found_by: BTreeSet<Index> = kinds.iter().flat_map(of_kind).collect();
        found_by.into_iter().collect()
    }

    /// The token of a value. `counter` is 0 unless another value holds that token.
    pub(super) fn derive(
        &self,
        ((category, value), form): (Item<'_>, Form),
        version: Version,
        counter: u32,
    ) -> Token {
        let mac = self.token_macs.get(version).unwrap_or(self.token_macs.active());
        let code = mac.code(&[
            form.label(),
            self.tenant.as_str().as_bytes(),
            b"scope: tenant",
            category.as_str().as_bytes(),
            value.expose().as_bytes(),
            &counter.to_be_bytes(),
        ]);
        Token::of_form(form, &code, version)
    }

    /// All versions of the keys that tokens are derived with.
    pub(super) fn token_versions(&self) -> impl Iterator<Item = Version> {
        self.token_macs.iter().map(|(version, _)| version)
    }

    /// What all spellings of a value have in common, under the key that is in use.
    pub fn index(&self, item: Item<'_>) -> Index {
        self.rough_index(self.index_macs.active(), item)
    }

    pub(super) fn rough_index(&self, mac: &Mac, (category, value): Item<'_>) -> Index {
        index(mac.code(&[
            b"zollhaus rough index 1",
            self.tenant.as_str().as_bytes(),
            category.as_str().as_bytes(),
            rough(value.expose()).as_bytes(),
        ]))
    }

    pub(super) fn search_index(
        &self,
        mac: &Mac,
        category: &Category,
        kind: SearchKind,
        text: &str,
    ) -> Index {
        index(mac.code(&[
            b"zollhaus search index 1",
            self.tenant.as_str().as_bytes(),
            category.as_str().as_bytes(),
            kind.name().as_bytes(),
            text.as_bytes(),
        ]))
    }

    /// Whether a stored row stands for this value.
    fn stands_for(&self, stored: &Row, item: Item<'_>) -> Result<bool, VaultError> {
        let opened = self.open(stored)?;
        Ok((&opened.category, &opened.value) == item)
    }

    pub(super) fn open(&self, row: &Row) -> Result<Opened, VaultError> {
        let corrupt = || VaultError::Corrupt(format!("token `{}`", row.token));
        let key = self.keys.get(row.version).ok_or(VaultError::KeyGone(row.version))?;
        let associated = associated(&self.tenant, &row.category, &row.token);
        let mut value = key.open(associated, &row.sealed).ok_or_else(corrupt)?;
        let value = String::from_utf8(std::mem::take(&mut *value)).map_err(|_| corrupt())?;
        Ok(Opened { category: row.category.clone(), value: Cleartext::new(value) })
    }
}

fn as_words<'a>(items: &[Item<'a>]) -> Vec<(Item<'a>, Form)> {
    items.iter().map(|item| (*item, Form::Word)).collect()
}

/// What becomes of values that have no token yet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    /// They get one.
    Stored,
    /// The token that they would get is taken for theirs.
    Taken,
    Left,
}

fn index(code: [u8; 32]) -> Index {
    let mut index = [0; 16];
    index.copy_from_slice(code.split_at(16).0);
    Index(index)
}

/// What a sealed value is bound to.
fn associated<'a>(tenant: &'a Tenant, category: &'a Category, token: &'a Token) -> [&'a [u8]; 4] {
    let texts = [tenant.as_str(), category.as_str(), token.as_str()];
    let [tenant, category, token] = texts.map(str::as_bytes);
    [b"zollhaus vault row 1", tenant, category, token]
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

#[cfg(test)]
impl Vault {
    /// A row for a value under a token that is not its own.
    pub(super) fn row_for_test(&self, category: &Category, value: &Cleartext, token: Token) -> Row {
        self.row((category, value), token).row
    }
}
