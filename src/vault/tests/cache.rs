// SPDX-License-Identifier: Apache-2.0

use super::holders::{ANNA, BERT, kept, opened};
use super::*;

const ROOM: usize = 1 << 20;

/// Two instances over one store, with the same keys.
fn instances(keyset: &Keyset) -> (Arc<MemoryStore>, Vault, Vault) {
    let store = Arc::new(MemoryStore::default());
    let vault = || Vault::new(store.clone(), keyset).with_cache(ROOM);
    (store.clone(), vault(), vault())
}

async fn shown(vault: &Vault, token: &Token) -> Option<String> {
    opened(vault, token).await.as_ref().map(text)
}

fn text(value: &Cleartext) -> String {
    value.expose().to_owned()
}

#[tokio::test]
async fn what_was_opened_is_not_read_again_before_the_vault_changes() {
    let (store, vault, _) = instances(&keyset());
    let [anna, bert] =
        [kept(&vault, "Anna", &[None]).await, kept(&vault, "Bert", &[Some(BERT)]).await];
    assert_eq!(shown(&vault, &anna).await.as_deref(), Some("Anna"));
    store.damage(&anna);
    let both = vault.detokenize(vec![bert.clone(), anna.clone(), bert]).await.unwrap();
    let both = both.into_iter().map(|opened| text(&opened.unwrap().value.unwrap()));
    assert_eq!(both.collect::<Vec<_>>(), ["Bert", "Anna", "Bert"]);
    // New values are no reason.
    kept(&vault, "Carl", &[Some(ANNA)]).await;
    assert_eq!(shown(&vault, &anna).await.as_deref(), Some("Anna"));
    vault.erase(&[ANNA]).await.unwrap();
    let read = vault.detokenize(vec![anna]).await;
    assert!(matches!(read, Err(VaultError::Corrupt(_))), "{read:?}");
}

#[tokio::test]
async fn what_another_instance_erases_does_not_open_here() {
    let (_, one, other) = instances(&keyset());
    let shared = kept(&one, "Muster", &[Some(ANNA), Some(BERT)]).await;
    let own = kept(&one, "Anna", &[Some(ANNA)]).await;
    let tokens = vec![shared.clone(), own.clone()];
    assert!(
        one.detokenize(tokens.clone()).await.unwrap().iter().flatten().all(|it| it.value.is_some())
    );
    other.erase(&[ANNA]).await.unwrap();
    assert_eq!(shown(&one, &own).await, None);
    assert_eq!(shown(&one, &shared).await.as_deref(), Some("Muster"));
    other.erase(&[BERT]).await.unwrap();
    assert_eq!(shown(&one, &shared).await, None);
}

#[tokio::test]
async fn a_token_that_stood_for_nothing_is_asked_for_again() {
    let (store, one, other) = instances(&keyset());
    let elsewhere = Vault::new(Arc::new(MemoryStore::default()), &keyset());
    let foreign = kept(&elsewhere, "Anna", &[None]).await;
    assert_eq!(one.detokenize(vec![foreign]).await.unwrap(), [None]);
    let value = Cleartext::new("Anna");
    let predicted = one.predict(&[(&email(), &value)]).await.unwrap().remove(0);
    assert_eq!(one.detokenize(predicted.clone()).await.unwrap(), [None]);
    assert_eq!(kept(&other, "Anna", &[None]).await, predicted[0]);
    assert_eq!(shown(&one, &predicted[0]).await.as_deref(), Some("Anna"));

    let bert = kept(&one, "Bert", &[Some(BERT)]).await;
    let row = one.store.find(vec![bert.clone()]).await.unwrap().remove(0).unwrap();
    store.lose_key(BERT);
    assert_eq!(shown(&one, &bert).await, None);
    // As its key is put back from a backup.
    store.put_key(&row.held.unwrap());
    assert_eq!(shown(&one, &bert).await.as_deref(), Some("Bert"));
}

#[tokio::test]
async fn what_another_instance_seals_anew_opens_under_its_new_key() {
    let keyset = keyset();
    let (store, before, _) = instances(&keyset);
    let token = kept(&before, "Anna", &[Some(ANNA)]).await;
    let house = kept(&before, "Bert", &[None]).await;
    let rotated = keyset.rotated();
    let here = Vault::new(store.clone(), &rotated).with_cache(ROOM);
    let tokens = vec![token.clone(), house.clone()];
    let open = async || here.cache.look_up(&*here.store, &tokens).await.unwrap();
    let versions = |rows: Vec<Option<Arc<crate::vault::cache::KnownRow>>>| {
        rows.iter()
            .flatten()
            .map(|it| it.row.held.as_ref().unwrap().by.needs().1)
            .collect::<Vec<_>>()
    };
    assert_eq!(versions(open().await), [1, 1]);
    let other = Vault::new(store, &rotated);
    other.keep_up(1, |_| {}).await.unwrap();
    assert_eq!(versions(open().await), [2, 2]);
}

#[tokio::test]
async fn no_more_is_held_than_there_is_room_for() {
    let (_, vault, _) = instances(&keyset());
    let texts: Vec<String> = (0..5_000).map(|number| format!("{number:0>200}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let tokens = tokenize(&vault, &email(), &texts).await;
    vault.detokenize(tokens.clone()).await.unwrap();
    let (held, bytes) = vault.cache.size();
    assert!(bytes <= ROOM as u64 && (1_000..5_000).contains(&held), "{held} rows, {bytes} bytes");
    assert!(vault.detokenize(tokens).await.unwrap().iter().all(Option::is_some));

    let without = Vault::new(Arc::clone(&vault.store), &keyset());
    let token = tokenize(&without, &email(), &["x"]).await;
    without.detokenize(token).await.unwrap();
    assert_eq!(without.cache.size(), (0, 0));
}
