// SPDX-License-Identifier: Apache-2.0
//! Keys of data subjects under keysets of jurisdictions. After rows under version 4 of the
//! house's key.

use super::holders::{find, held, held_row, key, subject_of};
use super::*;
use crate::keys::{Realm, Version};
use crate::vault::{Erased, NewCopy, Rewrapped, SubjectKey};

pub(super) async fn run(store: &dyn TokenStore) {
    versions_are_of_each_keyset(store).await;
    keys_change_their_keyset_if_they_are_still_where_they_were(store).await;
    a_jurisdiction_ends_and_leaves_the_others(store).await;
}

fn of(code: &str) -> Realm {
    Realm::from_code(code)
}

fn key_in(realm: &Realm, version: Version, number: u8) -> SubjectKey {
    SubjectKey { realm: realm.clone(), version, ..key(number, number) }
}

/// A row of nobody else.
async fn kept(store: &dyn TokenStore, token: u8, key: &SubjectKey) -> Result<(), VaultError> {
    let row = Row { version: 4, ..held_row(token, held(key)) };
    insert(store, vec![row]).await.map(drop)
}

async fn key_of(store: &dyn TokenStore, number: u8) -> Option<SubjectKey> {
    store.keys(vec![subject_of(number)]).await.unwrap().remove(0)
}

fn is_gone<T>(done: &Result<T, VaultError>, jurisdiction: &str, newer: Version) -> bool {
    matches!(done, Err(VaultError::JurisdictionKeyGone(of, version))
        if of.as_str() == jurisdiction && *version == newer)
}

async fn count(store: &dyn TokenStore, realm: &Realm, version: Version) -> u64 {
    let counts = store.count_keys().await.unwrap();
    counts.get(&(realm.clone(), version)).copied().unwrap_or(0)
}

async fn versions_are_of_each_keyset(store: &dyn TokenStore) {
    let (australia, europe) = (of("AU"), of("EU"));
    let (first, second) = (key_in(&australia, 1, 240), key_in(&australia, 2, 241));
    kept(store, 240, &first).await.unwrap();
    kept(store, 241, &second).await.unwrap();
    assert_eq!(key_of(store, 240).await, Some(first.clone()));
    let found = find(store, &row(241, 1).token).await;
    assert_eq!(found.held, Some(held(&second)), "with whose key it is");

    let late = kept(store, 242, &key_in(&australia, 1, 242)).await;
    assert!(is_gone(&late, "AU", 2), "{late:?}");
    assert_eq!(key_of(store, 242).await, None);
    let copy = |key: &SubjectKey| NewCopy { token: row(241, 1).token, held: held(key) };
    let late = store.hold(vec![copy(&key_in(&australia, 1, 242))]).await;
    assert!(is_gone(&late, "AU", 2), "{late:?}");
    store.hold(vec![copy(&key_in(&europe, 1, 243))]).await.unwrap();
    assert_eq!((count(store, &australia, 1).await, count(store, &australia, 2).await), (1, 1));
    assert_eq!(count(store, &europe, 1).await, 1, "another keyset has its own versions");

    let before = |realm: &Realm| store.keys_before((realm.clone(), 2), None, 10);
    assert_eq!(before(&australia).await.unwrap(), [first]);
    assert_eq!(before(&europe).await.unwrap(), [key_in(&europe, 1, 243)]);
}

async fn keys_change_their_keyset_if_they_are_still_where_they_were(store: &dyn TokenStore) {
    let (australia, europe) = (of("AU"), of("EU"));
    let moved = SubjectKey { wrapped: vec![9; 80], ..key_in(&europe, 1, 240) };
    let rewrap = |from: &Realm, key: &SubjectKey| {
        store.rewrap(vec![Rewrapped { from: from.clone(), key: key.clone() }])
    };
    rewrap(&australia, &moved).await.unwrap();
    assert_eq!(key_of(store, 240).await, Some(moved.clone()));
    // Somebody who wraps all keys of Australia anew has read it before it moved.
    rewrap(&australia, &key_in(&australia, 2, 240)).await.unwrap();
    assert_eq!(key_of(store, 240).await, Some(moved.clone()));
    let late = rewrap(&europe, &key_in(&australia, 1, 240)).await;
    assert!(is_gone(&late, "AU", 2), "{late:?}");
    let late = rewrap(&europe, &SubjectKey { version: 3, ..key(240, 240) }).await;
    assert!(matches!(late, Err(VaultError::KeyGone(4))), "{late:?}");
    assert_eq!(key_of(store, 240).await, Some(moved));
}

async fn a_jurisdiction_ends_and_leaves_the_others(store: &dyn TokenStore) {
    let (australia, europe) = (of("AU"), of("EU"));
    // A value that an Australian has alone, and one that a European has as well.
    kept(store, 244, &key_in(&australia, 2, 241)).await.unwrap();
    let of_both = row(241, 1).token;
    let ended = store.end("AU".into()).await.unwrap();
    assert_eq!(ended, Erased { keys: 1, copies: 2, tokens: 1, stays_in_files: false });
    assert_eq!(key_of(store, 241).await, None);
    assert_eq!(find(store, &of_both).await.held, Some(held(&key_in(&europe, 1, 243))));
    let lost = find(store, &row(244, 1).token).await;
    assert_eq!((lost.held, lost.version, lost.rough), (None, 0, Index::NONE));
    assert_eq!((count(store, &australia, 2).await, count(store, &europe, 1).await), (0, 2));
    assert_eq!(store.end("AU".into()).await.unwrap(), Erased::default());
    // Another keyset begins anew.
    kept(store, 245, &key_in(&australia, 1, 245)).await.unwrap();
    assert_eq!(count(store, &australia, 1).await, 1);
}
