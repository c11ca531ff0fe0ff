// SPDX-License-Identifier: Apache-2.0
//! What every [`TokenStore`] must do.

mod epoch;
mod held_by;
pub(super) mod holders;
mod realms;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{
    Built, Held, Index, IndexState, Kinds, MAX_FOUND, NewRow, Place, Row, Search, Token,
    TokenStore, VaultError,
};
use crate::base::{Category, SearchKind};

/// Runs the whole suite on an empty storage. `open` gives a store on the same
/// storage each time it is called, as after a restart.
pub async fn run<S: TokenStore + 'static>(open: impl Fn() -> Arc<S>) {
    inserting_is_idempotent_and_first_come_first_kept(&*open()).await;
    answers_keep_the_order_of_questions(&*open()).await;
    indexes_find_their_rows_sorted(&*open()).await;
    rows_are_listed_in_order(&*open()).await;
    rows_are_found_by_all_that_is_asked_for(&*open()).await;
    an_index_that_a_row_is_missing_from_is_not_complete(&*open()).await;
    many_writers_of_the_same_rows_agree(open()).await;
    empty_batches_are_fine(&*open()).await;
    open().health().await.unwrap();

    let rows = vec![row(90, 90), row(91, 90)];
    insert(&*open(), rows.clone()).await.unwrap();
    let found = open().find(tokens(&rows)).await.unwrap();
    assert_eq!(found, rows.into_iter().map(Some).collect::<Vec<_>>(), "after opening again");

    holders::run(&open).await;
    epoch::run(&*open()).await;
    replaced_rows_are_found_by_what_is_new_only(&*open()).await;
    who_knows_no_newer_keys_is_refused(&*open()).await;
    holders::keys_are_wrapped_anew_unless_they_are_destroyed(&*open()).await;
    holders::no_copy_of_the_house_is_left_under_an_older_key(&*open()).await;
    realms::run(&*open()).await;
}

/// A row that differs from others by these numbers only.
fn row(token: u8, index: u8) -> Row {
    Row {
        token: Token::from_code(&[token; 32], 1),
        category: Category::from("email"),
        held: Held::by_house(1, vec![token; 20]),
        version: 1,
        rough: Index([index; 16]),
    }
}

async fn insert(store: &dyn TokenStore, rows: Vec<Row>) -> Result<Vec<Row>, VaultError> {
    store.insert(rows.into_iter().map(NewRow::found_by_nothing).collect()).await
}

fn tokens(rows: &[Row]) -> Vec<Token> {
    rows.iter().map(|row| row.token.clone()).collect()
}

async fn inserting_is_idempotent_and_first_come_first_kept(store: &dyn TokenStore) {
    let first = row(1, 1);
    assert_eq!(insert(store, vec![first.clone()]).await.unwrap(), vec![first.clone()]);
    assert_eq!(insert(store, vec![first.clone()]).await.unwrap(), vec![first.clone()]);

    let rough = Index([97; 16]);
    let held = Held::by_house(1, vec![0xff; 3]);
    let other = Row { category: "name".into(), held, rough, ..first.clone() };
    let fresh = row(2, 2);
    // The same token twice in one batch, and again beside a new one.
    let batch = vec![
        other.clone(),
        fresh.clone(),
        Row { held: Held::by_house(1, vec![]), ..fresh.clone() },
    ];
    let stored = insert(store, batch).await.unwrap();
    assert_eq!(stored, [first.clone(), fresh.clone(), fresh.clone()]);
    let found = store.find(tokens(&[first.clone(), fresh.clone()])).await.unwrap();
    assert_eq!(found, [Some(first), Some(fresh)]);
    assert_eq!(store.find_by_index(vec![rough], 1).await.unwrap(), [vec![]], "a row not stored");
}

/// After what the others have stored.
async fn rows_are_listed_in_order(store: &dyn TokenStore) {
    insert(store, (40..60).map(|number| row(number, number)).collect()).await.unwrap();
    let all = store.list(None, u32::MAX).await.unwrap();
    assert_eq!(store.count().await.unwrap(), BTreeMap::from([(1, all.len() as u64)]));
    assert!(all.len() >= 20 && all.is_sorted_by(|a, b| a.0 < b.0));
    let mut paged: Vec<(Place, Row)> = Vec::new();
    loop {
        let after = paged.last().map(|(place, _)| place.clone());
        let page = store.list(after, 7).await.unwrap();
        assert!(page.len() <= 7);
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, all);
}

async fn answers_keep_the_order_of_questions(store: &dyn TokenStore) {
    let rows: Vec<Row> = [13, 11, 12, 11].map(|number| row(number, number)).into();
    assert_eq!(insert(store, rows.clone()).await.unwrap(), rows);
    let missing = row(99, 99);
    let asked = tokens(&[rows[2].clone(), missing, rows[0].clone(), rows[2].clone()]);
    let expected = [Some(rows[2].clone()), None, Some(rows[0].clone()), Some(rows[2].clone())];
    assert_eq!(store.find(asked).await.unwrap(), expected);
}

async fn indexes_find_their_rows_sorted(store: &dyn TokenStore) {
    let (a, b, c) = (row(23, 20), row(21, 20), row(22, 21));
    insert(store, vec![a.clone(), b.clone(), c.clone()]).await.unwrap();
    let found = store.find_by_index(vec![c.rough, Index([98; 16]), a.rough], 1).await.unwrap();
    assert_eq!(found, [vec![c], vec![], vec![b, a]]);

    let many: Vec<Row> = (120..=120 + MAX_FOUND).map(|token| row(token, 24)).collect();
    let index = many[0].rough;
    insert(store, many).await.unwrap();
    let found = store.find_by_index(vec![index], 1).await.unwrap();
    assert_eq!(found[0].len(), usize::from(MAX_FOUND));
    assert!(found[0].is_sorted_by_key(|row| row.token.clone()));
}

/// A row of category `name` that differs from others by these numbers only.
fn named(token: u8, found_by: &[u8]) -> NewRow {
    NewRow {
        row: Row { category: "name".into(), ..row(token, token) },
        kinds: BTreeSet::from([SearchKind::Prefix]),
        found_by: found_by.iter().map(|code| Index([*code; 16])).collect(),
    }
}

fn by(kind: SearchKind, all_of: &[u8]) -> Search {
    let all_of = all_of.iter().map(|code| Index([*code; 16])).collect();
    Search { category: "name".into(), kind, all_of }
}

fn name_by(kinds: &[SearchKind]) -> Kinds {
    Kinds::from([("name".into(), kinds.iter().copied().collect())])
}

async fn search(store: &dyn TokenStore, searches: Vec<Search>) -> Vec<Option<Vec<Row>>> {
    store.search(searches, 2, 2).await.unwrap()
}

async fn rows_are_found_by_all_that_is_asked_for(store: &dyn TokenStore) {
    let prefix = |codes: &[u8]| by(SearchKind::Prefix, codes);
    assert_eq!(search(store, vec![prefix(&[1])]).await, [None], "it was never built");
    let begun = store.begin_build(name_by(&[SearchKind::Prefix]), 7).await.unwrap();
    assert_eq!(begun, BTreeSet::from(["name".into()]));
    assert_eq!(search(store, vec![prefix(&[1])]).await, [None], "it is being built");
    store.finish_build(8, BTreeSet::new()).await.unwrap();
    assert_eq!(search(store, vec![prefix(&[1])]).await, [None], "another build has ended");
    let mut rows = [named(170, &[1, 2]), named(171, &[1, 3]), named(172, &[1, 2, 3])];
    store.insert(rows.to_vec()).await.unwrap();
    store.finish_build(7, BTreeSet::new()).await.unwrap();
    rows.sort_by(|a, b| a.row.token.cmp(&b.row.token));
    let with = |codes: &[u8]| {
        let has = |new: &&NewRow| codes.iter().all(|it| new.found_by.contains(&Index([*it; 16])));
        Some(rows.iter().filter(has).map(|new| new.row.clone()).take(2).collect::<Vec<_>>())
    };
    let asked = [&[1][..], &[1, 2], &[2, 3], &[4], &[1, 4]];
    let found = search(store, asked.iter().map(|codes| prefix(codes)).collect()).await;
    assert_eq!(found, asked.map(with));
    assert_eq!(found[0].as_ref().unwrap().len(), 2, "no more than the limit");
    // One that is there already is found by more, and one category not by another's.
    store.insert(vec![named(170, &[9])]).await.unwrap();
    let of_others = Search { category: "email".into(), ..prefix(&[9]) };
    let found = search(store, vec![prefix(&[9]), of_others]).await;
    assert_eq!(found, [Some(vec![named(170, &[]).row]), None]);
    let found = store.found_by(tokens(&[named(170, &[]).row, row(99, 99)])).await.unwrap();
    assert_eq!(found, [[1, 2, 9].map(|code| Index([code; 16])).to_vec(), vec![]]);
}

/// After what the one before has built.
async fn an_index_that_a_row_is_missing_from_is_not_complete(store: &dyn TokenStore) {
    let is_complete = async || search(store, vec![by(SearchKind::Prefix, &[1])]).await[0].is_some();
    assert!(is_complete().await);
    insert(store, vec![row(183, 183)]).await.unwrap();
    assert!(is_complete().await, "a row of another category");
    let stored = NewRow::found_by_nothing(named(170, &[]).row);
    store.insert(vec![stored]).await.unwrap();
    assert!(is_complete().await, "a row that is there");
    let both = || name_by(&[SearchKind::Prefix, SearchKind::Contains]);
    store.begin_build(both(), 9).await.unwrap();
    assert!(is_complete().await, "another index is built");
    store.finish_build(9, BTreeSet::from(["name".into()])).await.unwrap();
    let contains = search(store, vec![by(SearchKind::Contains, &[1])]).await;
    assert_eq!(contains, [None], "it is not finished for this category");
    store.insert(vec![named(181, &[1])]).await.unwrap();
    store.finish_build(9, BTreeSet::new()).await.unwrap();
    assert!(is_complete().await);
    let contains = search(store, vec![by(SearchKind::Contains, &[1])]).await;
    assert_eq!(contains, [None], "a row was written in between, and not for it");
    store.insert(vec![NewRow::found_by_nothing(named(182, &[]).row)]).await.unwrap();
    assert!(!is_complete().await);
    let prefix = || name_by(&[SearchKind::Prefix]);
    store.begin_build(prefix(), 10).await.unwrap();
    store.finish_build(10, BTreeSet::new()).await.unwrap();
    assert!(is_complete().await);
    assert_eq!(store.begin_build(prefix(), 11).await.unwrap(), BTreeSet::new(), "all is there");
    store.replace(vec![NewRow::found_by_nothing(named(182, &[]).row)]).await.unwrap();
    assert!(!is_complete().await, "a row was replaced by one that is not found by it");

    // Until it is emptied, it is known that there is something in it.
    let index = |state| Built { category: "name".into(), kind: SearchKind::Prefix, state };
    let built = async || store.built().await.unwrap();
    assert_eq!(built().await, [index(IndexState::Left)]);
    assert_eq!(store.begin_build(Kinds::new(), 12).await.unwrap(), ["name".into()].into());
    store.finish_build(11, BTreeSet::new()).await.unwrap();
    assert_eq!(built().await, [index(IndexState::Emptying(12))]);
    store.finish_build(12, BTreeSet::from(["name".into()])).await.unwrap();
    assert_eq!(built().await, [index(IndexState::Emptying(12))]);
    store.finish_build(12, BTreeSet::new()).await.unwrap();
    assert_eq!(built().await, [], "it is no longer wanted");
    store.insert(vec![named(170, &[10])]).await.unwrap();
    assert_eq!(built().await, [index(IndexState::Left)], "a row that is there is found by it");
    store.begin_build(Kinds::new(), 13).await.unwrap();
    store.replace(vec![NewRow::found_by_nothing(named(170, &[]).row)]).await.unwrap();
    assert_eq!(built().await, [index(IndexState::Emptying(13))], "nothing is put into it");
    store.insert(vec![named(170, &[10])]).await.unwrap();
    store.finish_build(13, BTreeSet::new()).await.unwrap();
    assert_eq!(built().await, [index(IndexState::Left)], "something was put into it meanwhile");
    store.begin_build(Kinds::new(), 12).await.unwrap();
    store.finish_build(12, BTreeSet::new()).await.unwrap();
    store.replace(vec![named(170, &[10])]).await.unwrap();
    assert_eq!(built().await, [index(IndexState::Left)]);
}

async fn replaced_rows_are_found_by_what_is_new_only(store: &dyn TokenStore) {
    let prefix = || name_by(&[SearchKind::Prefix]);
    store.begin_build(prefix(), 13).await.unwrap();
    store.finish_build(13, BTreeSet::new()).await.unwrap();
    store.insert(vec![named(190, &[61])]).await.unwrap();
    let mut anew = named(190, &[62]);
    let held = Held::by_house(2, vec![9]);
    anew.row = Row { held, version: 2, rough: Index([63; 16]), ..anew.row };
    store.replace(vec![anew.clone(), named(191, &[61])]).await.unwrap();
    let row = anew.row;
    assert_eq!(store.find(tokens(std::slice::from_ref(&row))).await.unwrap(), [Some(row.clone())]);
    let missing = store.find(vec![named(191, &[]).row.token]).await.unwrap();
    assert_eq!(missing, [None], "what is not there is not put there");
    let found = search(store, vec![by(SearchKind::Prefix, &[61]), by(SearchKind::Prefix, &[62])]);
    assert_eq!(found.await, [Some(vec![]), Some(vec![row.clone()])]);
    let found = store.find_by_index(vec![Index([190; 16]), row.rough], 2).await.unwrap();
    assert_eq!(found, [vec![], vec![row.clone()]]);
    assert_eq!(store.count().await.unwrap()[&2], 1);
}

/// After a row under a newer version has been stored.
async fn who_knows_no_newer_keys_is_refused(store: &dyn TokenStore) {
    let is_gone = |error: Option<VaultError>| matches!(error, Some(VaultError::KeyGone(2)));
    let (new, stored) = (named(195, &[1]), named(190, &[62]));
    assert!(is_gone(store.insert(vec![new.clone()]).await.err()));
    assert!(is_gone(store.replace(vec![stored]).await.err()));
    assert_eq!(store.find(vec![new.row.token]).await.unwrap(), [None]);
    assert!(is_gone(store.find_by_index(vec![Index([1; 16])], 1).await.err()));
    assert!(is_gone(store.search(vec![by(SearchKind::Prefix, &[1])], 2, 1).await.err()));
    assert_eq!(store.find_by_index(vec![Index([1; 16])], 3).await.unwrap().len(), 1);
    // Nor may such a process make keys that nobody else opens.
    assert!(is_gone(holders::hold_for_somebody_new(store).await.err()));
}

async fn many_writers_of_the_same_rows_agree<S: TokenStore + 'static>(store: Arc<S>) {
    let writers: Vec<_> = (0..16_u8)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let held = || Held::by_house(1, vec![writer]);
                let rows = (30..40).map(|token| Row { held: held(), ..row(token, token) });
                insert(&*store, rows.collect()).await.unwrap()
            })
        })
        .collect();
    let mut answers = Vec::new();
    for writer in writers {
        answers.push(writer.await.unwrap());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "writers see different rows");
    let stored = store.find(tokens(&answers[0])).await.unwrap();
    assert_eq!(stored, answers.swap_remove(0).into_iter().map(Some).collect::<Vec<_>>());
}

async fn empty_batches_are_fine(store: &dyn TokenStore) {
    assert_eq!(insert(store, vec![]).await.unwrap(), []);
    assert_eq!(store.find(vec![]).await.unwrap(), []);
    assert!(store.find_by_index(vec![], 1).await.unwrap().is_empty());
}
