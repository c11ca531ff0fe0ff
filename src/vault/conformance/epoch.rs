// SPDX-License-Identifier: Apache-2.0
//! When what was looked up is to be looked up again.

use super::holders::{held, held_row, in_house, key, subject_of};
use super::*;
use crate::base::Jurisdiction;
use crate::vault::{Epoch, NewCopy, SubjectKey};

pub(super) async fn run(store: &dyn TokenStore) {
    let key = key(235, 235);
    let house = row(236, 236);
    let rows = vec![held_row(235, held(&key)), house.clone()];
    let begun = epoch(store).await;
    insert(store, rows.clone()).await.unwrap();
    let copy = NewCopy { token: house.token.clone(), held: held(&key) };
    store.hold(vec![copy]).await.unwrap();
    let found = store.look_up(tokens(&rows)).await.unwrap();
    assert_eq!(found.rows, rows.iter().cloned().map(Some).collect::<Vec<_>>());
    assert_eq!(found.epoch, begun, "what is new ends none");

    let mut known = vec![begun];
    let mut ends = async |what: &str| {
        let now = epoch(store).await;
        assert!(!known.contains(&now), "{what} ends one");
        known.push(now);
    };
    store.replace(vec![NewRow::found_by_nothing(house)]).await.unwrap();
    ends("another row").await;
    let anew = SubjectKey { wrapped: vec![1; 80], ..key };
    store.rewrap(vec![in_house(anew)]).await.unwrap();
    ends("another key").await;
    store.erase(vec![subject_of(235)]).await.unwrap();
    ends("an erasure").await;
    store.end(Jurisdiction::new("NZ")).await.unwrap();
    ends("the end of a keyset").await;
}

/// Also without a token.
async fn epoch(store: &dyn TokenStore) -> Epoch {
    let found = store.look_up(Vec::new()).await.unwrap();
    assert!(found.rows.is_empty());
    let unknown = vec![Token::from_code(&[237; 32], 1)];
    let other = store.look_up(unknown).await.unwrap();
    assert_eq!((other.epoch, other.rows), (found.epoch, vec![None]));
    found.epoch
}
