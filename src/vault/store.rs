// SPDX-License-Identifier: Apache-2.0

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use super::{Form, Index, MAX_FOUND, Opened, Row, Token, TokenStore, VaultError, rough};
use crate::base::{Category, Cleartext, Tenant};
use crate::keys::{Keyset, Mac, Siv};

/// Tokens over a store: derives them, seals values, detects collisions.
#[derive(Clone)]
pub struct Vault {
    pub(super) store: Arc<dyn TokenStore>,
    tenant: Tenant,
    token_mac: Mac,
    index_mac: Mac,
    key: Siv,
}

/// A value of a category.
pub type Item<'a> = (&'a Category, &'a Cleartext);

/// A stored value that is like another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spelling {
    pub token: Token,
    pub value: Cleartext,
}

impl Vault {
    pub fn new(store: Arc<dyn TokenStore>, keyset: &Keyset) -> Self {
        Self {
            store,
            tenant: keyset.tenant.clone(),
            token_mac: keyset.token_mac.clone(),
            index_mac: keyset.index_mac.clone(),
            key: keyset.vault.clone(),
        }
    }

    /// The token of each value, in order: the one it always had, or a new one.
    /// All of them are durable on return. One round trip to the store; one more
    /// for values whose token another value holds.
    ///
    /// # Errors
    /// [`VaultError`]; then some of the tokens may have been stored.
    pub async fn tokenize(&self, items: &[Item<'_>]) -> Result<Vec<Token>, VaultError> {
        self.tokens(&as_words(items), Missing::Stored).await
    }

    /// As [`tokenize`](Self::tokenize), each value as a token of this form. One round trip
    /// more wherever another value holds the token: with forms that have few of them, the
    /// more the fuller they are.
    ///
    /// # Errors
    /// [`VaultError::Full`] when no token of the form is left for a value.
    pub async fn tokenize_as(&self, items: &[(Item<'_>, Form)]) -> Result<Vec<Token>, VaultError> {
        self.tokens(items, Missing::Stored).await
    }

    /// The token that each value has or would get as a word, in order. Nothing is stored: a
    /// value that is only compared leaves no trace.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn predict(&self, items: &[Item<'_>]) -> Result<Vec<Token>, VaultError> {
        self.tokens(&as_words(items), Missing::Left).await
    }

    /// The first token of each value that no other value holds.
    async fn tokens(
        &self,
        items: &[(Item<'_>, Form)],
        missing: Missing,
    ) -> Result<Vec<Token>, VaultError> {
        let mut tokens = BTreeMap::new();
        let mut pending: Vec<(usize, (Item<'_>, Form))> =
            items.iter().copied().enumerate().collect();
        let mut counter = 0;
        while !pending.is_empty() {
            if let Some((_, (_, full))) =
                pending.iter().find(|(_, (_, form))| counter >= form.attempts())
            {
                return Err(VaultError::Full(*full));
            }
            let rows: Vec<Row> =
                pending.iter().map(|(_, (item, form))| self.row(*item, *form, counter)).collect();
            let found = match missing {
                Missing::Stored => {
                    self.store.insert(rows.clone()).await?.into_iter().map(Some).collect()
                }
                Missing::Left => {
                    let asked = rows.iter().map(|row| row.token.clone()).collect();
                    self.store.find(asked).await?
                }
            };
            let mut collided = Vec::new();
            for ((place, row), found) in pending.into_iter().zip(rows).zip(found) {
                let is_free = match &found {
                    None => true,
                    Some(found) => self.is_same(&row, found, place.1.0)?,
                };
                if is_free {
                    tokens.insert(place.0, row.token);
                } else {
                    collided.push(place);
                }
            }
            pending = collided;
            counter += 1;
        }
        Ok(tokens.into_values().collect())
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

    /// For each value, every stored value that a CRM may take for the same (see `rough`),
    /// itself included; `None` where there are [`MAX_FOUND`] of them or more.
    ///
    /// # Errors
    /// [`VaultError::Corrupt`] when a stored row does not open.
    pub async fn spellings(
        &self,
        items: &[Item<'_>],
    ) -> Result<Vec<Option<Arc<[Spelling]>>>, VaultError> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let of_items: Vec<Index> = items.iter().map(|item| self.index(*item)).collect();
        // Each is looked for and opened once, however often it is asked for.
        let mut indexes = of_items.clone();
        indexes.sort_unstable();
        indexes.dedup();
        let found = self.store.find_by_index(indexes.clone()).await?;
        let spelling = |row: Row| {
            let value = self.open(&row)?.value;
            Ok(Spelling { token: row.token, value })
        };
        let mut spellings = HashMap::with_capacity(indexes.len());
        for (index, rows) in indexes.into_iter().zip(found) {
            let all = if rows.len() < usize::from(MAX_FOUND) {
                Some(rows.into_iter().map(spelling).collect::<Result<Arc<[_]>, VaultError>>()?)
            } else {
                None
            };
            spellings.insert(index, all);
        }
        Ok(of_items.iter().map(|index| spellings.get(index).cloned().flatten()).collect())
    }

    /// Whether tokens can be read and written now.
    pub async fn health(&self) -> Result<(), VaultError> {
        self.store.health().await
    }

    fn row(&self, (category, value): Item<'_>, form: Form, counter: u32) -> Row {
        let token = self.derive((category, value), form, counter);
        Row {
            sealed: self
                .key
                .seal(associated(&self.tenant, category, &token), value.expose().as_bytes()),
            rough: self.index((category, value)),
            category: category.clone(),
            token,
        }
    }

    /// The token of a value. `counter` is 0 unless another value holds that token.
    pub(super) fn derive(
        &self,
        (category, value): Item<'_>,
        form: Form,
        counter: u32,
    ) -> Token {
        let code = self.token_mac.code(&[
            form.label(),
            self.tenant.as_str().as_bytes(),
            b"scope: tenant",
            category.as_str().as_bytes(),
            value.expose().as_bytes(),
            &counter.to_be_bytes(),
        ]);
        Token::from_code(&code, form)
    }

    /// What all spellings of a value have in common.
    pub fn index(&self, (category, value): Item<'_>) -> Index {
        let code = self.index_mac.code(&[
            b"zollhaus rough index 1",
            self.tenant.as_str().as_bytes(),
            category.as_str().as_bytes(),
            rough(value.expose()).as_bytes(),
        ]);
        let mut index = [0; 16];
        index.copy_from_slice(code.split_at(16).0);
        Index(index)
    }

    /// Whether the stored row stands for the value that `row` was made of.
    fn is_same(&self, row: &Row, stored: &Row, item: Item<'_>) -> Result<bool, VaultError> {
        // Sealing is deterministic, so the same value gives the same row.
        if row == stored {
            return Ok(true);
        }
        let opened = self.open(stored)?;
        Ok(row.token == stored.token && (&opened.category, &opened.value) == item)
    }

    pub(super) fn open(&self, row: &Row) -> Result<Opened, VaultError> {
        let corrupt = || VaultError::Corrupt(format!("token `{}`", row.token));
        let associated = associated(&self.tenant, &row.category, &row.token);
        let mut value = self.key.open(associated, &row.sealed).ok_or_else(corrupt)?;
        let value = String::from_utf8(std::mem::take(&mut *value)).map_err(|_| corrupt())?;
        Ok(Opened { category: row.category.clone(), value: Cleartext::new(value) })
    }
}

fn as_words<'a>(items: &[Item<'a>]) -> Vec<(Item<'a>, Form)> {
    items.iter().map(|item| (*item, Form::Word)).collect()
}

/// What becomes of values that have no token yet.
#[derive(Clone, Copy)]
enum Missing {
    Stored,
    Left,
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
        let associated = associated(&self.tenant, category, &token);
        let sealed = self.key.seal(associated, value.expose().as_bytes());
        Row { token, sealed, ..self.row((category, value), Form::Word, 0) }
    }
}
