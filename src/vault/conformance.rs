// SPDX-License-Identifier: Apache-2.0
//! What every [`TokenStore`] must do.

use std::sync::Arc;

use super::{Form, Index, MAX_FOUND, Row, Token, TokenStore};
use crate::base::Category;

/// Runs the whole suite on an empty storage. `open` gives a store on the same
/// storage each time it is called, as after a restart.
pub async fn run<S: TokenStore + 'static>(open: impl Fn() -> Arc<S>) {
    inserting_is_idempotent_and_first_come_first_kept(&*open()).await;
    answers_keep_the_order_of_questions(&*open()).await;
    indexes_find_their_rows_sorted(&*open()).await;
    rows_are_listed_in_order(&*open()).await;
    many_writers_of_the_same_rows_agree(open()).await;
    empty_batches_are_fine(&*open()).await;
    open().health().await.unwrap();

    let rows = vec![row(90, 90), row(91, 90)];
    open().insert(rows.clone()).await.unwrap();
    let found = open().find(tokens(&rows)).await.unwrap();
    assert_eq!(found, rows.into_iter().map(Some).collect::<Vec<_>>(), "after opening again");
}

/// A row that differs from others by these numbers only.
fn row(token: u8, index: u8) -> Row {
    Row {
        token: Token::from_code(&[token; 32], Form::Word),
        category: Category::from("email"),
        sealed: vec![token; 20],
        rough: Index([index; 16]),
    }
}

fn tokens(rows: &[Row]) -> Vec<Token> {
    rows.iter().map(|row| row.token.clone()).collect()
}

async fn inserting_is_idempotent_and_first_come_first_kept(store: &dyn TokenStore) {
    let first = row(1, 1);
    assert_eq!(store.insert(vec![first.clone()]).await.unwrap(), vec![first.clone()]);
    assert_eq!(store.insert(vec![first.clone()]).await.unwrap(), vec![first.clone()]);

    let rough = Index([97; 16]);
    let other = Row { category: "name".into(), sealed: vec![0xff; 3], rough, ..first.clone() };
    let fresh = row(2, 2);
    // The same token twice in one batch, and again beside a new one.
    let batch = vec![other.clone(), fresh.clone(), Row { sealed: vec![], ..fresh.clone() }];
    let stored = store.insert(batch).await.unwrap();
    assert_eq!(stored, [first.clone(), fresh.clone(), fresh.clone()]);
    let found = store.find(tokens(&[first.clone(), fresh.clone()])).await.unwrap();
    assert_eq!(found, [Some(first), Some(fresh)]);
    assert_eq!(store.find_by_index(vec![rough]).await.unwrap(), [vec![]], "a row not stored");
}

/// After what the others have stored.
async fn rows_are_listed_in_order(store: &dyn TokenStore) {
    store.insert((40..60).map(|number| row(number, number)).collect()).await.unwrap();
    let all = store.list(None, u32::MAX).await.unwrap();
    assert_eq!(all.len() as u64, store.count().await.unwrap());
    assert!(all.len() >= 20 && all.is_sorted_by(|a, b| a.token < b.token));
    let mut paged: Vec<Row> = Vec::new();
    loop {
        let after = paged.last().map(|row| row.token.clone());
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
    assert_eq!(store.insert(rows.clone()).await.unwrap(), rows);
    let missing = row(99, 99);
    let asked = tokens(&[rows[2].clone(), missing, rows[0].clone(), rows[2].clone()]);
    let expected = [Some(rows[2].clone()), None, Some(rows[0].clone()), Some(rows[2].clone())];
    assert_eq!(store.find(asked).await.unwrap(), expected);
}

async fn indexes_find_their_rows_sorted(store: &dyn TokenStore) {
    let (a, b, c) = (row(23, 20), row(21, 20), row(22, 21));
    store.insert(vec![a.clone(), b.clone(), c.clone()]).await.unwrap();
    let found = store.find_by_index(vec![c.rough, Index([98; 16]), a.rough]).await.unwrap();
    assert_eq!(found, [vec![c], vec![], vec![b, a]]);

    let many: Vec<Row> = (120..=120 + MAX_FOUND).map(|token| row(token, 24)).collect();
    let index = many[0].rough;
    store.insert(many).await.unwrap();
    let found = store.find_by_index(vec![index]).await.unwrap();
    assert_eq!(found[0].len(), usize::from(MAX_FOUND));
    assert!(found[0].is_sorted_by_key(|row| row.token.clone()));
}

async fn many_writers_of_the_same_rows_agree<S: TokenStore + 'static>(store: Arc<S>) {
    let writers: Vec<_> = (0..16_u8)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let rows = (30..40).map(|token| Row { sealed: vec![writer], ..row(token, token) });
                store.insert(rows.collect()).await.unwrap()
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
    assert_eq!(store.insert(vec![]).await.unwrap(), []);
    assert_eq!(store.find(vec![]).await.unwrap(), []);
    assert!(store.find_by_index(vec![]).await.unwrap().is_empty());
}
