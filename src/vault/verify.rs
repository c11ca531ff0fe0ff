// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeMap;
use std::fmt;

use super::{Index, IndexState, Kinds, Opened, Place, Row, ToKeep, Token, Vault, VaultError};
use crate::base::Jurisdiction;

/// Rows that are read at one time.
const PAGE: u32 = 10_000;

/// So many damaged rows are named; more of them say no more.
const MAX_DAMAGED: usize = 100;

/// What a whole vault is found to be.
#[derive(Debug, Default)]
pub struct Verified {
    pub tokens: u64,
    /// The first of those that are, by token.
    pub damaged: Vec<(Token, Damage)>,
    /// Copies of values that stay closed, by whose keyset they are kept under.
    pub closed: BTreeMap<Jurisdiction, u64>,
}

/// What is found of one copy of a value.
enum Look {
    Sound,
    Damaged(Damage),
    Closed(Jurisdiction),
}

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// Its value does not open under our keys.
    Sealed,
    /// The key of the data subject whom it is kept for is not there.
    Key,
    /// Its value leads to other tokens.
    Token,
    /// It is not found by its value, or by what its value is searched for.
    Index,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sealed => "its value does not open under these keys",
            Self::Key => "the key of its data subject is not there",
            Self::Token => "its value has another token",
            Self::Index => "it is not found by its value",
        })
    }
}

impl Vault {
    /// How many tokens there are that stand for something.
    pub async fn count(&self) -> Result<u64, VaultError> {
        Ok(self.store.count().await?.values().sum())
    }

    /// Reads every copy of every value: whether it opens, and whether token and index are
    /// those of its value. `at` hears how many tokens are read.
    ///
    /// # Errors
    /// [`VaultError`] when rows cannot be read at all.
    pub async fn verify(&self, mut at: impl FnMut(u64)) -> Result<Verified, VaultError> {
        let mut verified = Verified::default();
        let mut after: Option<Place> = None;
        loop {
            let page = self.look(after.clone(), PAGE).await?;
            if page.is_empty() {
                return Ok(verified);
            }
            for (place, look) in page {
                if after.as_ref().is_none_or(|before| before.0 != place.0) {
                    verified.tokens += 1;
                    at(verified.tokens);
                }
                let before = after.replace(place.clone());
                match look {
                    Look::Sound => continue,
                    Look::Closed(of) => {
                        *verified.closed.entry(of).or_default() += 1;
                        continue;
                    }
                    Look::Damaged(_) => {}
                }
                // It may have been written, or erased, between two reads.
                let again = self.look(before, 1).await?.pop().filter(|(at, _)| *at == place);
                if let Some((_, Look::Damaged(damage))) = again {
                    if verified.damaged.len() == MAX_DAMAGED {
                        return Ok(verified);
                    }
                    verified.damaged.push((place.0, damage));
                }
            }
        }
    }

    /// Some copies of values, and what is found of each.
    async fn look(
        &self,
        after: Option<Place>,
        limit: u32,
    ) -> Result<Vec<(Place, Look)>, VaultError> {
        let mut kinds = self.complete_kinds().await?;
        let page = self.store.list(after, limit).await?;
        let tokens = page.iter().map(|(_, row)| row.token.clone()).collect();
        let found_by = self.store.found_by(tokens).await?;
        // Complete before and after, an index was when it was read.
        let still = self.complete_kinds().await?;
        kinds.retain(|category, kinds| {
            kinds.retain(|kind| still.get(category).is_some_and(|still| still.contains(kind)));
            !kinds.is_empty()
        });
        let judged = page.into_iter().zip(found_by).map(|((place, row), found_by)| {
            let look = match self.damage(&row, &found_by, &kinds) {
                Err(VaultError::Closed(of)) => Look::Closed(of),
                damage => damage?.map_or(Look::Sound, Look::Damaged),
            };
            Ok((place, look))
        });
        judged.collect()
    }

    /// What rows of each category are surely found by.
    async fn complete_kinds(&self) -> Result<Kinds, VaultError> {
        let mut kinds = Kinds::new();
        let complete =
            self.store.built().await?.into_iter().filter(|it| it.state == IndexState::Complete);
        for index in complete {
            kinds.entry(index.category).or_default().insert(index.kind);
        }
        Ok(kinds)
    }

    /// # Errors
    /// [`VaultError::KeyGone`] where the keys were rotated, and these are the older ones; and
    /// [`VaultError::Closed`] of what is under the keyset of a jurisdiction that is not at hand.
    fn damage(
        &self,
        row: &Row,
        found_by: &[Index],
        kinds: &Kinds,
    ) -> Result<Option<Damage>, VaultError> {
        let newest = self.keys.newest_version();
        if row.version > newest {
            return Err(VaultError::KeyGone(row.version));
        }
        let Some(held) = row.held.as_ref().map(|held| &held.by) else {
            return Ok(Some(Damage::Key));
        };
        let (category, value) = match self.open(row) {
            Ok(Opened { category, value: Some(value), .. }) => (category, value),
            Err(VaultError::KeyGone(newer)) if newer > newest => {
                return Err(VaultError::KeyGone(newer));
            }
            Err(
                of_jurisdiction @ (VaultError::JurisdictionKeyGone(..) | VaultError::Closed(_)),
            ) => {
                return Err(of_jurisdiction);
            }
            Ok(_) | Err(_) => return Ok(Some(Damage::Sealed)),
        };
        let item = (&category, &value);
        let form = row.token.form();
        let kept = ToKeep::for_house(item, form);
        let is_own = |version| {
            let mut counters = 0..form.attempts();
            counters.any(|counter| self.derive(&kept, version, counter) == row.token)
        };
        // A data subject may have it alone, or have taken it from one who had.
        if held.subject().is_none() && !self.token_versions().any(is_own) {
            return Ok(Some(Damage::Token));
        }
        // Under a key that is not there, nobody looks for it.
        let is_found = self.index_macs.get(row.version).is_some_and(|mac| {
            self.rough_index(mac, item) == row.rough
                && kinds.get(item.0).is_none_or(|kinds| {
                    // What was indexed anew in between is found by a newer key.
                    self.index_macs.iter().any(|(_, mac)| {
                        self.found_by(mac, item, kinds).iter().all(|code| found_by.contains(code))
                    })
                })
        });
        Ok((!is_found).then_some(Damage::Index))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt;

    use super::*;
    use crate::base::{Category, Cleartext, SearchKind};
    use crate::keys::Keyset;
    use crate::vault::{Held, HookedStore, MemoryStore, NewRow, TokenStore};

    #[tokio::test]
    async fn each_kind_of_damage_is_told_by_its_token() {
        let keyset = Keyset::generate(&"acme".into()).unwrap();
        let store = Arc::new(MemoryStore::default());
        let vault = Vault::new(store.clone(), &keyset);
        let (category, values) = ("name".into(), ["Anna", "Bert", "Carl"].map(Cleartext::new));
        let items: Vec<_> = values.iter().map(|value| (&category, value)).collect();
        vault.tokenize(&items).await.unwrap();
        let mut heard = 0;
        let whole = vault.verify(|done| heard = done).await.unwrap();
        assert_eq!((whole.tokens, whole.damaged.len(), heard), (3, 0, 3));
        assert_eq!(vault.count().await.unwrap(), 3);

        // Of another value's token, of another index, and under other keys.
        let other = Cleartext::new("Dora");
        let [moved, lost, torn] = [1, 2, 3].map(|code| Token::from_code(&[code; 32], 1));
        let moved = vault.row_for_test(&category, &other, moved);
        let real = vault.predict(&[(&category, &other)]).await.unwrap().remove(0).remove(0);
        let lost_row = vault.row_for_test(&category, &other, real);
        let unfound = Row { rough: Index([0; 16]), ..lost_row };
        let held = Held::by_house(1, vec![1; 40]);
        let unopened = Row { held, token: torn.clone(), ..moved.clone() };
        for row in [moved.clone(), unfound.clone(), unopened] {
            store.put(row);
        }
        let found = vault.verify(|_| {}).await.unwrap();
        let mut expected = vec![
            (moved.token, Damage::Token),
            (unfound.token, Damage::Index),
            (torn, Damage::Sealed),
        ];
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!((found.tokens, found.damaged), (6, expected));
        assert!(vault.detokenize(vec![lost]).await.unwrap()[0].is_none());
    }

    /// It was complete when the row was listed; then nobody wants it any more, and the row is
    /// out of it before that is read.
    #[tokio::test]
    async fn an_index_that_is_emptied_meanwhile_is_not_damaged() {
        let keyset = Keyset::generate(&"acme".into()).unwrap();
        let (category, value) = (Category::from("name"), Cleartext::new("Anna"));
        let others = Vault::new(Arc::new(MemoryStore::default()), &keyset);
        let token = others.tokenize(&[(&category, &value)]).await.unwrap().remove(0);
        let bare = NewRow::found_by_nothing(others.row_for_test(&category, &value, token));
        let store = Arc::new(HookedStore::new(move |call, _, rows| {
            if call == "found_by" {
                rows.begin_build(Kinds::new(), 9).now_or_never().unwrap().unwrap();
                rows.replace(vec![bare.clone()]).now_or_never().unwrap().unwrap();
            }
            Ok(())
        }));
        let vault = Vault::new(store.clone(), &keyset);
        vault.index_for(Kinds::from([(category.clone(), [SearchKind::Prefix].into())]));
        vault.tokenize(&[(&category, &value)]).await.unwrap();
        vault.keep_up(1, |_| {}).await.unwrap();
        let verified = vault.verify(|_| {}).await.unwrap();
        assert_eq!((verified.tokens, verified.damaged), (1, vec![]));
    }

    /// What is rotated meanwhile is not damaged, either: it has to be verified with the new keys.
    #[tokio::test]
    async fn older_keys_cannot_tell_what_is_damaged() {
        let first = Keyset::generate(&"acme".into()).unwrap();
        let store = Arc::new(MemoryStore::default());
        let (category, value) = (Category::from("name"), Cleartext::new("Anna"));
        let after = Vault::new(store.clone(), &first.rotated());
        after.tokenize(&[(&category, &value)]).await.unwrap();
        let verified = Vault::new(store, &first).verify(|_| {}).await;
        assert!(matches!(verified, Err(VaultError::KeyGone(2))), "{verified:?}");
    }
}
