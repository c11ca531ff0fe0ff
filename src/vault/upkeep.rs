// SPDX-License-Identifier: Apache-2.0

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::holders::{ATTEMPTS, Holders};
use super::{
    Holder, IndexState, Kinds, NewRow, Place, Rewrapped, Row, SubjectKey, ToKeep, Token, Vault,
    VaultError,
};
use crate::base::{Category, Jurisdiction};
use crate::keys::{Realm, Version};

/// Rows, and keys of data subjects, that are read and written at one time.
const PAGE: u32 = 1_000;

/// Before rows are read once more that others have changed meanwhile; then twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// So many that do not open are named; more of them say no more.
const MAX_NAMED: usize = 20;

/// What is to be done so that every row is as new ones are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Rows and keys of data subjects under keys that are no longer in use.
    pub under_older_keys: u64,
    /// Categories whose rows are indexed for less, or for more, than is searched for.
    pub not_indexed: BTreeSet<Category>,
    /// Keys of data subjects under keysets that are not at hand: those are for others to bring
    /// up to date.
    pub closed: u64,
}

/// What of the vault is under which version of a key, and how much of it.
type Counts = BTreeMap<Version, u64>;

impl Due {
    pub fn is_nothing(&self) -> bool {
        self.under_older_keys == 0 && self.not_indexed.is_empty()
    }
}

/// Rows and keys of data subjects that stay as they are, because they do not open.
#[derive(Debug, Default)]
pub struct Unopened {
    pub count: u64,
    /// Of the first of them, by token or pseudonym.
    pub named: Vec<VaultError>,
}

impl Unopened {
    fn add(&mut self, problem: VaultError) {
        self.count += 1;
        if self.named.len() < MAX_NAMED {
            self.named.push(problem);
        }
    }
}

/// Rows that were read together, as they are to be.
struct Anew {
    rows: Vec<NewRow>,
    /// Those that no copy opens of.
    unopened: BTreeMap<Token, (Category, VaultError)>,
    /// The last, if the copy of the house is one that does not open: others wait with it.
    closed: Option<Token>,
}

impl Vault {
    /// Says what kinds of search values are to be found by, from now on. What is stored
    /// already is brought to it by [`keep_up`](Self::keep_up).
    pub fn index_for(&self, kinds: Kinds) {
        self.kinds.store(Arc::new(kinds));
    }

    /// What [`keep_up`](Self::keep_up) would have to do.
    ///
    /// # Errors
    /// [`VaultError::KeyGone`] where there are rows under newer keys than ours: then it is for
    /// others to do.
    pub async fn due(&self) -> Result<Due, VaultError> {
        let mut counts = self.store.count().await?;
        let mut of_jurisdictions: BTreeMap<Jurisdiction, Counts> = BTreeMap::new();
        for ((realm, version), keys) in self.store.count_keys().await? {
            let counts = match realm {
                Realm::House => &mut counts,
                Realm::Of(jurisdiction) => of_jurisdictions.entry(jurisdiction).or_default(),
            };
            *counts.entry(version).or_default() += keys;
        }
        let mut under_older_keys = self.under_older(&Realm::House, &counts)?;
        let mut closed = 0;
        for (jurisdiction, counts) in of_jurisdictions {
            if self.is_at_hand(&jurisdiction) {
                under_older_keys += self.under_older(&Realm::Of(jurisdiction), &counts)?;
            } else {
                closed += counts.values().sum::<u64>();
            }
        }
        let wanted = self.kinds.load();
        let mut there = Kinds::new();
        let mut not_indexed = BTreeSet::new();
        for index in self.store.built().await? {
            if index.state != IndexState::Complete {
                not_indexed.insert(index.category.clone());
            }
            there.entry(index.category).or_default().insert(index.kind);
        }
        let none = BTreeSet::new();
        let categories = wanted.keys().chain(there.keys());
        not_indexed.extend(
            categories
                .filter(|category| {
                    let wanted = wanted.get(*category).unwrap_or(&none);
                    there.get(*category).unwrap_or(&none) != wanted
                })
                .cloned(),
        );
        Ok(Due { under_older_keys, not_indexed, closed })
    }

    /// How much is not under the version of a key that is in use.
    fn under_older(&self, realm: &Realm, counts: &Counts) -> Result<u64, VaultError> {
        let current = self.version_of(realm)?;
        if let Some((newer, _)) = counts.range(current + 1..).next_back() {
            let gone = match realm {
                Realm::House => VaultError::KeyGone(*newer),
                Realm::Of(of) => VaultError::JurisdictionKeyGone(of.clone(), *newer),
            };
            if !self.takes_up(&gone) {
                return Err(gone);
            }
        }
        let current = self.version_of(realm)?;
        Ok(counts.iter().filter(|(version, _)| **version != current).map(|(_, it)| it).sum())
    }

    /// Seals every row under the keys that are in use, and indexes it for what is searched
    /// for, so that older keys can be destroyed and every search finds all. `build` is a
    /// number that no other call has, from 1 to `i64::MAX`; `at` hears how many rows are read.
    /// What does not open is left as it is, and no index is finished that lacks it. Others may
    /// use the vault meanwhile. A call that is cut off has done a part, and the next does the
    /// rest.
    ///
    /// # Errors
    /// [`VaultError`] when rows cannot be read or written; [`VaultError::Conflict`] where others
    /// go on changing the same ones.
    pub async fn keep_up(
        &self,
        build: u64,
        mut at: impl FnMut(u64),
    ) -> Result<Unopened, VaultError> {
        let mut unopened = Unopened::default();
        if self.due().await?.is_nothing() {
            return Ok(unopened);
        }
        let kinds = Kinds::clone(&self.kinds.load());
        // What is to be indexed is what the store begins: it may be more than was due above.
        let to_index = Arc::new(self.store.begin_build(kinds, build).await?);
        let (mut lacking, mut after, mut closed, mut read) = (BTreeSet::new(), None, None, 0);
        let (mut attempts, mut pause) = (1, FIRST_PAUSE);
        loop {
            let page = self.store.list(after.clone(), PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            let (last, length) = (last.clone(), page.len() as u64);
            let (vault, to_index) = (self.clone(), Arc::clone(&to_index));
            let still_closed = closed.clone();
            let anew = aside(move || vault.anew(page, &to_index, still_closed)).await?;
            match self.store.replace(anew.rows).await {
                // Somebody else has begun to hold one of them meanwhile.
                Err(VaultError::Conflict) if attempts < ATTEMPTS => {
                    tokio::time::sleep(pause).await;
                    (attempts, pause) = (attempts + 1, 2 * pause);
                    continue;
                }
                done => done?,
            }
            (attempts, pause) = (1, FIRST_PAUSE);
            for (category, problem) in anew.unopened.into_values() {
                lacking.insert(category);
                unopened.add(problem);
            }
            (after, closed) = (Some(last), anew.closed);
            read += length;
            at(read);
        }
        self.rewrap_keys(&Realm::House, &mut unopened).await?;
        for jurisdiction in self.jurisdictions().filter(|of| self.is_at_hand(of)) {
            self.rewrap_keys(&Realm::Of(jurisdiction.clone()), &mut unopened).await?;
        }
        self.store.finish_build(build, lacking).await?;
        Ok(unopened)
    }

    /// Rows under the keys that are in use, of those that are not, or are to be indexed.
    fn anew(
        &self,
        listed: Vec<(Place, Row)>,
        to_index: &BTreeSet<Category>,
        closed: Option<Token>,
    ) -> Result<Anew, VaultError> {
        let mut anew = Anew { rows: Vec::new(), unopened: BTreeMap::new(), closed };
        let version = self.in_use.version();
        let due = listed
            .into_iter()
            .filter(|(_, row)| row.version != version || to_index.contains(&row.category));
        for (place, row) in due {
            let token = &row.token;
            // The copies of data subjects stay as they are.
            let is_done = anew.rows.last().is_some_and(|new: &NewRow| new.row.token == *token);
            if is_done || anew.closed.as_ref() == Some(token) {
                continue;
            }
            match self.row_anew(&row) {
                Ok(new) => {
                    anew.unopened.remove(token);
                    anew.rows.push(new);
                }
                Err(VaultError::KeyGone(newer)) if newer > self.keys.newest_version() => {
                    return Err(VaultError::KeyGone(newer));
                }
                Err(problem) => {
                    if place.1.is_none() {
                        anew.closed = Some(token.clone());
                    }
                    anew.unopened.insert(row.token, (row.category, problem));
                }
            }
        }
        Ok(anew)
    }

    fn row_anew(&self, row: &Row) -> Result<NewRow, VaultError> {
        let closed = || VaultError::Corrupt(format!("token `{}`", row.token));
        let held = row.held.as_ref().ok_or_else(closed)?;
        let opened = self.open(row)?;
        let value = opened.value.as_ref().ok_or_else(closed)?;
        let item = (&opened.category, value);
        let (token, version) = (row.token.clone(), self.in_use.version());
        let held = match held.by {
            Holder::House(_) => {
                let kept = ToKeep::for_house(item, token.form());
                self.sealed_for(&Holders::default(), &kept, &token, version)?
            }
            Holder::Subject(_) => held.clone(),
        };
        Ok(self.row(item, token, held, version))
    }

    /// Wraps the keys of data subjects anew that are under older versions of this one.
    async fn rewrap_keys(&self, realm: &Realm, unopened: &mut Unopened) -> Result<(), VaultError> {
        let mut after = None;
        loop {
            let under = (realm.clone(), self.version_of(realm)?);
            let keys = self.store.keys_before(under, after, PAGE).await?;
            let Some(last) = keys.last() else { return Ok(()) };
            after = Some(last.id);
            let vault = self.clone();
            let anew = aside(move || {
                let anew = |key: &SubjectKey| vault.current(key, &vault.unwrap(key)?);
                Ok(keys.iter().map(anew).collect::<Vec<Result<SubjectKey, VaultError>>>())
            });
            let (mut rewrapped, anew) = (Vec::new(), anew.await?);
            for key in anew {
                match key {
                    Ok(key) => rewrapped.push(Rewrapped { from: realm.clone(), key }),
                    Err(problem) => unopened.add(problem),
                }
            }
            self.store.rewrap(rewrapped).await?;
        }
    }
}

/// A page is opened and sealed for longer than a thread that serves requests may be away.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, VaultError> + Send + 'static,
) -> Result<T, VaultError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| VaultError::Unavailable(error.to_string()))?
}
