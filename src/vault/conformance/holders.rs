// SPDX-License-Identifier: Apache-2.0
//! Whom values are kept for.

use super::*;
use crate::base::SubjectId;
use crate::keys::{Realm, Version};
use crate::vault::{Erased, Holder, KeyCounts, KeyId, NewCopy, Rewrapped, SubjectKey};

pub(super) async fn run<S: TokenStore + 'static>(open: &impl Fn() -> Arc<S>) {
    the_first_key_of_a_data_subject_is_kept(&*open()).await;
    a_row_is_shown_to_each_holder_with_their_own_copy(&*open()).await;
    copies_are_listed_in_order(&*open()).await;
    nothing_is_kept_under_a_key_that_is_not_there(&*open()).await;
    what_is_erased_is_gone_for_good(&*open()).await;
    writers_and_erasers_agree(open()).await;
    held_by::run(&*open()).await;
    let kept = vec![held_row(230, held(&key(61, 61))), held_row(231, held(&key(63, 62)))];
    insert(&*open(), kept).await.unwrap();
}

pub fn of_house<const N: usize>(counts: [(Version, u64); N]) -> KeyCounts {
    counts.map(|(version, keys)| ((Realm::House, version), keys)).into()
}

pub fn in_house(key: SubjectKey) -> Rewrapped {
    Rewrapped { from: Realm::House, key }
}

pub(super) fn key(id: u8, subject: u8) -> SubjectKey {
    SubjectKey {
        id: KeyId([id; 16]),
        subject: subject_of(subject),
        realm: Realm::House,
        version: 1,
        wrapped: vec![id; 80],
    }
}

pub(super) fn subject_of(number: u8) -> SubjectId {
    SubjectId([number; 16])
}

pub(super) fn held(key: &SubjectKey) -> Held {
    Held { by: Holder::Subject(key.clone()), sealed: vec![key.id.0[0]; 20] }
}

pub(super) fn held_row(token: u8, held: Held) -> Row {
    Row { held: Some(held), ..row(token, token) }
}

/// Keeps a key with a value under it, and returns the one that its data subject has then.
async fn kept(store: &dyn TokenStore, token: u8, key: SubjectKey) -> Option<SubjectKey> {
    let inserted = insert(store, vec![held_row(token, held(&key))]).await;
    assert!(inserted.is_ok() || is_conflict(&inserted), "{inserted:?}");
    store.keys(vec![key.subject]).await.unwrap().remove(0)
}

pub(super) async fn find(store: &dyn TokenStore, token: &Token) -> Row {
    store.find(vec![token.clone()]).await.unwrap().remove(0).unwrap()
}

fn is_conflict<T>(result: &Result<T, VaultError>) -> bool {
    matches!(result, Err(VaultError::Conflict))
}

async fn the_first_key_of_a_data_subject_is_kept(store: &dyn TokenStore) {
    assert_eq!(store.keys(vec![subject_of(1)]).await.unwrap(), [None]);
    let (first, other) = (key(1, 1), key(3, 2));
    let rows = vec![held_row(198, held(&first)), held_row(199, held(&other))];
    insert(store, rows).await.unwrap();
    assert_eq!(kept(store, 197, key(2, 1)).await, Some(first.clone()), "with nothing under it");
    let token = row(198, 1).token;
    let copy = |key: SubjectKey| vec![NewCopy { token: token.clone(), held: held(&key) }];
    assert!(is_conflict(&store.hold(copy(key(4, 2))).await));
    // With one that cannot be kept, none is.
    let rows = vec![held_row(196, held(&key(5, 3))), held_row(197, held(&key(2, 1)))];
    assert!(is_conflict(&insert(store, rows).await));
    let found = store.keys([2, 3, 1, 2].map(subject_of).into()).await.unwrap();
    assert_eq!(found, [Some(other.clone()), None, Some(first), Some(other)]);
    assert_eq!(store.count_keys().await.unwrap(), of_house([(1, 2)]));
    let found = store.find(vec![row(196, 1).token, row(197, 1).token]).await.unwrap();
    assert_eq!(found, [None, None]);
}

/// After the one before, as the rest.
async fn a_row_is_shown_to_each_holder_with_their_own_copy(store: &dyn TokenStore) {
    let (first, other) = (held(&key(1, 1)), held(&key(3, 2)));
    let of_first = held_row(200, first.clone());
    let inserted = insert(store, vec![of_first.clone(), held_row(200, other.clone())]).await;
    assert_eq!(inserted.unwrap(), [of_first.clone(), of_first.clone()], "nobody else holds it");
    let token = of_first.token.clone();
    let copy = |held: &Held| NewCopy { token: token.clone(), held: held.clone() };
    store.hold(vec![copy(&other), copy(&other)]).await.unwrap();
    let asked = [&other, &first, &other].map(|held| held_row(200, held.clone()));
    assert_eq!(insert(store, asked.to_vec()).await.unwrap(), asked);
    let changed = Held { sealed: vec![9], ..other.clone() };
    store.hold(vec![copy(&changed)]).await.unwrap();
    let inserted = insert(store, vec![held_row(200, other.clone())]).await.unwrap();
    assert_eq!(inserted[0].held.as_ref(), Some(&other), "the first copy stays");
    let house = Held::by_house(1, vec![7]).unwrap();
    store.hold(vec![copy(&house)]).await.unwrap();
    assert_eq!(find(store, &token).await.held, Some(house.clone()), "its copy comes first");
    let found = store.find_by_index(vec![of_first.rough], 1).await.unwrap().remove(0);
    assert_eq!(found, [Row { held: Some(house), ..of_first }]);
    assert!(is_conflict(&store.hold(vec![NewCopy { token: row(99, 1).token, held: other }]).await));
}

async fn copies_are_listed_in_order(store: &dyn TokenStore) {
    let all = store.list(None, u32::MAX).await.unwrap();
    let of_one: Vec<_> = all.iter().filter(|(_, it)| it.token == row(200, 1).token).collect();
    let keys: Vec<_> = of_one.iter().map(|(place, _)| place.1).collect();
    assert_eq!(keys, [None, Some(KeyId([1; 16])), Some(KeyId([3; 16]))]);
    assert!(of_one.iter().all(|(place, row)| row.held.as_ref().unwrap().by.key() == place.1));
    assert!(all.is_sorted_by(|a, b| a.0 < b.0));
    let (mut paged, mut after) = (Vec::new(), None);
    while let Some(next) = store.list(after, 1).await.unwrap().pop() {
        after = Some(next.0.clone());
        paged.push(next);
    }
    assert_eq!(paged, all);
    let tokens: BTreeSet<_> = all.iter().map(|(place, _)| &place.0).collect();
    assert_eq!(store.count().await.unwrap().values().sum::<u64>(), tokens.len() as u64);
}

async fn nothing_is_kept_under_a_key_that_is_not_there(store: &dyn TokenStore) {
    let not_theirs = held(&key(77, 1));
    let batch = vec![row(201, 201), held_row(202, not_theirs.clone())];
    assert!(is_conflict(&insert(store, batch).await));
    let found = store.find(vec![row(201, 1).token, row(202, 1).token]).await.unwrap();
    assert_eq!(found, [None, None], "all or nothing");
    let copies = vec![
        NewCopy { token: row(1, 1).token, held: held(&key(1, 1)) },
        NewCopy { token: row(200, 1).token, held: not_theirs },
    ];
    assert!(is_conflict(&store.hold(copies).await));
    let after = Place(row(1, 1).token, None);
    let listed = store.list(Some(after), 1).await.unwrap();
    assert_ne!(listed[0].0.0, row(1, 1).token, "all or nothing");
    let nobodys = Row { held: None, ..row(203, 203) };
    assert!(is_conflict(&insert(store, vec![nobodys]).await));
}

/// One whose keys of the vault are older.
pub(super) async fn hold_for_somebody_new(store: &dyn TokenStore) -> Result<(), VaultError> {
    let copy = NewCopy { token: row(230, 1).token, held: held(&key(64, 64)) };
    let held = store.hold(vec![copy]).await;
    assert_eq!(store.keys(vec![subject_of(64)]).await.unwrap(), [None]);
    held
}

/// After rows under version 2 are there.
pub(super) async fn keys_are_wrapped_anew_unless_they_are_destroyed(store: &dyn TokenStore) {
    let all = [key(61, 61), key(63, 62)];
    assert_eq!(store.keys_before((Realm::House, 2), None, 10).await.unwrap(), all);
    assert_eq!(store.keys_before((Realm::House, 2), None, 1).await.unwrap(), all[..1]);
    assert_eq!(store.keys_before((Realm::House, 2), Some(all[0].id), 1).await.unwrap(), all[1..]);
    assert_eq!(store.keys_before((Realm::House, 2), Some(all[1].id), 1).await.unwrap(), []);
    assert_eq!(store.keys_before((Realm::House, 1), None, 10).await.unwrap(), []);
    let anew = SubjectKey { version: 2, wrapped: vec![5; 80], ..key(61, 61) };
    let unknown = SubjectKey { version: 2, ..key(78, 78) };
    store.rewrap(vec![in_house(anew.clone()), in_house(unknown)]).await.unwrap();
    let found = store.keys(vec![subject_of(61), subject_of(78)]).await.unwrap();
    assert_eq!(found, [Some(anew.clone()), None]);
    let older = store.rewrap(vec![in_house(SubjectKey { version: 1, ..anew })]).await;
    assert!(matches!(older, Err(VaultError::KeyGone(2))), "{older:?}");
    assert_eq!(store.keys_before((Realm::House, 2), None, 10).await.unwrap(), [key(63, 62)]);
    assert_eq!(store.count_keys().await.unwrap(), of_house([(1, 1), (2, 1)]));
}

async fn what_is_erased_is_gone_for_good(store: &dyn TokenStore) {
    let (first, other) = (store.keys(vec![subject_of(1)]).await.unwrap(), held(&key(3, 2)));
    let first = held(&first.into_iter().flatten().next().unwrap());
    let (alone, both) = (held_row(205, first.clone()), held_row(206, first.clone()));
    insert(store, vec![alone.clone(), both.clone()]).await.unwrap();
    store.hold(vec![NewCopy { token: both.token.clone(), held: other.clone() }]).await.unwrap();
    let erased = store.erase(vec![subject_of(1), subject_of(79)]).await.unwrap();
    assert_eq!(erased, Erased { keys: 1, copies: 4, tokens: 2, ..Erased::default() });
    let empty = Row { held: None, version: 0, rough: Index::NONE, ..alone.clone() };
    assert_eq!(find(store, &alone.token).await, empty);
    assert_eq!(find(store, &both.token).await.held, Some(other));
    assert_eq!(store.find_by_index(vec![alone.rough], 1).await.unwrap(), [vec![]]);
    assert_eq!(store.find_by_index(vec![Index::NONE], 1).await.unwrap(), [vec![]]);
    assert_eq!(store.keys(vec![subject_of(1)]).await.unwrap(), [None]);
    assert_eq!(store.count_keys().await.unwrap(), of_house([(1, 1)]));
    let listed = store.list(None, u32::MAX).await.unwrap();
    assert!(listed.iter().all(|(place, _)| place.0 != alone.token));

    // Nobody gets it again, and nothing is kept under the key that was.
    let house =
        NewRow { found_by: vec![Index([42; 16])], ..NewRow::found_by_nothing(row(205, 205)) };
    assert_eq!(store.insert(vec![house]).await.unwrap(), std::slice::from_ref(&empty));
    store.replace(vec![NewRow::found_by_nothing(row(205, 205))]).await.unwrap();
    assert_eq!(find(store, &alone.token).await, empty);
    assert_eq!(store.found_by(vec![alone.token.clone()]).await.unwrap(), [vec![]]);
    let held = Held::by_house(1, vec![1]).unwrap();
    assert!(is_conflict(&store.hold(vec![NewCopy { token: alone.token, held }]).await));
    assert!(is_conflict(&insert(store, vec![held_row(207, first)]).await));
    let anew = kept(store, 208, key(6, 1)).await;
    assert_eq!(anew, Some(key(6, 1)), "one who comes back gets a new key");
    assert_eq!(store.erase(vec![]).await.unwrap(), Erased::default());
    let erased = store.erase(vec![subject_of(1), subject_of(2)]).await.unwrap();
    assert_eq!(
        erased,
        Erased { keys: 2, copies: 4, tokens: 3, ..Erased::default() },
        "of the house is left"
    );
}

/// However writing and erasing fall together, what is written opens or is told as not written.
async fn writers_and_erasers_agree<S: TokenStore + 'static>(store: Arc<S>) {
    let writer = |number: u8| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut refused = 0;
            for round in 0..20_u8 {
                let known = store.keys(vec![subject_of(9)]).await.unwrap().remove(0);
                let key = known.unwrap_or_else(|| key(100 + round * 4 + number, 9));
                let written = insert(&*store, vec![held_row(210 + number, held(&key))]).await;
                refused += u32::from(is_conflict(&written));
                assert!(written.is_ok() || is_conflict(&written), "{written:?}");
                store.erase(vec![subject_of(9)]).await.unwrap();
            }
            refused
        })
    };
    for writer in [0, 1, 2, 3].map(writer) {
        writer.await.unwrap();
    }
    let listed = store.list(None, u32::MAX).await.unwrap();
    let lost: Vec<_> = listed.iter().filter(|(_, row)| row.held.is_none()).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

/// After rows under version 2 are there.
pub(super) async fn no_copy_of_the_house_is_left_under_an_older_key(store: &dyn TokenStore) {
    let key = SubjectKey { version: 2, ..key(50, 50) };
    let of_subject = Row { version: 2, ..held_row(220, held(&key)) };
    insert(store, vec![of_subject.clone()]).await.unwrap();
    let copy = |version| {
        let held = Held::by_house(version, vec![version as u8]).unwrap();
        NewCopy { token: of_subject.token.clone(), held }
    };
    let older = store.hold(vec![copy(1)]).await;
    assert!(matches!(older, Err(VaultError::KeyGone(2))), "{older:?}");
    store.hold(vec![copy(2)]).await.unwrap();
    // Somebody has read the row before the house held it.
    let anew = |held: Held| NewRow::found_by_nothing(Row { version: 3, ..held_row(220, held) });
    assert!(is_conflict(&store.replace(vec![anew(held(&key))]).await));
    assert_eq!(find(store, &of_subject.token).await.held, Some(copy(2).held));
    let own = held(&key);
    assert_eq!(insert(store, vec![of_subject.clone()]).await.unwrap()[0].held, Some(own));
    store.replace(vec![anew(Held::by_house(3, vec![3]).unwrap())]).await.unwrap();
    assert_eq!(find(store, &of_subject.token).await.held, Held::by_house(3, vec![3]));
    a_version_counts_although_all_under_it_is_erased(store).await;
}

/// Else whoever has older keys only could store under one that is destroyed by now.
async fn a_version_counts_although_all_under_it_is_erased(store: &dyn TokenStore) {
    let key = SubjectKey { version: 4, ..key(51, 51) };
    let of_subject = Row { version: 4, ..held_row(221, held(&key)) };
    insert(store, vec![of_subject]).await.unwrap();
    store.erase(vec![subject_of(51)]).await.unwrap();
    assert!(!store.count().await.unwrap().contains_key(&4));
    assert!(!store.count_keys().await.unwrap().contains_key(&(Realm::House, 4)));
    let older = insert(store, vec![Row { version: 3, ..row(222, 222) }]).await;
    assert!(matches!(older, Err(VaultError::KeyGone(4))), "{older:?}");
}
