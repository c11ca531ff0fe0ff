// SPDX-License-Identifier: Apache-2.0

mod rotation;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::base::{Pattern, Tenant};
use crate::keys::Keyset;

fn keyset() -> Keyset {
    Keyset::generate(&Tenant::from("acme")).unwrap()
}

fn email() -> Category {
    Category::from("email")
}

fn values<const N: usize>(texts: [&str; N]) -> [Cleartext; N] {
    texts.map(Cleartext::new)
}

async fn tokenize(vault: &Vault, category: &Category, texts: &[&str]) -> Vec<Token> {
    let values: Vec<Cleartext> = texts.iter().map(|text| Cleartext::new(*text)).collect();
    let items: Vec<Item<'_>> = values.iter().map(|value| (category, value)).collect();
    vault.tokenize(&items).await.unwrap()
}

#[tokio::test]
async fn tokens_open_to_their_values_in_order() {
    let vault = Vault::new(Arc::new(MemoryStore::default()), &keyset());
    let tokens = tokenize(&vault, &email(), &["b", "a", "ä😀\"", "b"]).await;
    assert_eq!(tokens[0], tokens[3]);
    let opened = vault.detokenize(tokens).await.unwrap();
    let expected = values(["b", "a", "ä😀\"", "b"]);
    let expected = expected.map(|value| Some(Opened { category: email(), value }));
    assert_eq!(opened, expected);
}

#[tokio::test]
async fn instances_agree_and_others_do_not() {
    let keyset = keyset();
    let token = |keyset: Keyset, category: Category| async move {
        let vault = Vault::new(Arc::new(MemoryStore::default()), &keyset);
        tokenize(&vault, &category, &["a@b.example"]).await.remove(0)
    };
    let first = token(keyset.clone(), email()).await;
    assert_eq!(token(keyset.clone(), email()).await, first);
    assert_ne!(token(keyset.clone(), "name".into()).await, first);
    assert_ne!(token(Keyset { tenant: "bolt".into(), ..keyset }, email()).await, first);
    assert_ne!(token(self::keyset(), email()).await, first);
}

#[tokio::test]
async fn a_row_opens_for_its_tenant_key_category_and_token_only() {
    let keyset = keyset();
    let store = Arc::new(MemoryStore::default());
    let vault = Vault::new(store.clone(), &keyset);
    let token = tokenize(&vault, &email(), &["a@b.example"]).await.remove(0);
    let row = store.find(vec![token.clone()]).await.unwrap().remove(0).unwrap();

    let check = async |keyset: &Keyset, row: Row| {
        let token = row.token.clone();
        let store = Arc::new(MemoryStore::default());
        store.put(row);
        Vault::new(store, keyset).detokenize(vec![token]).await
    };
    assert!(check(&keyset, row.clone()).await.is_ok());
    let bolt = Keyset { tenant: "bolt".into(), ..keyset.clone() };
    let moved = Row { token: Token::from_code(&[9; 32], 1), ..row.clone() };
    let renamed = Row { category: "name".into(), ..row.clone() };
    for (keyset, row) in
        [(&bolt, row.clone()), (&self::keyset(), row.clone()), (&keyset, moved), (&keyset, renamed)]
    {
        assert!(matches!(check(keyset, row).await, Err(VaultError::Corrupt(_))));
    }
}

#[tokio::test]
async fn values_whose_tokens_collide_get_tokens_of_their_own() {
    let keyset = keyset();
    let squatter = Vault::new(Arc::new(MemoryStore::default()), &keyset);
    let plain = tokenize(&squatter, &email(), &["mine", "next"]).await;
    // As if the first row of the first insert were already another value's.
    let inserts = AtomicUsize::new(0);
    let store = HookedStore::new(move |call, new, rows| {
        if call == "insert" && inserts.fetch_add(1, Ordering::Relaxed) == 0 {
            let taken = new[0].row.token.clone();
            rows.put(squatter.row_for_test(&email(), &Cleartext::new("other"), taken));
        }
        Ok(())
    });
    let vault = Vault::new(Arc::new(store), &keyset);

    let tokens = tokenize(&vault, &email(), &["mine", "next"]).await;
    assert_ne!(tokens[0], plain[0], "the taken token is not handed out");
    assert_eq!(tokens[1], plain[1]);
    assert_eq!(tokenize(&vault, &email(), &["mine"]).await, tokens[..1], "and stays the same");
    let opened = vault.detokenize(vec![tokens[0].clone(), plain[0].clone()]).await.unwrap();
    let opened: Vec<_> = opened.iter().flatten().map(|opened| opened.value.expose()).collect();
    assert_eq!(opened, ["mine", "other"]);
}

#[tokio::test]
async fn all_spellings_of_a_value_are_found_together() {
    let vault = Vault::new(Arc::new(MemoryStore::default()), &keyset());
    let mut stored =
        tokenize(&vault, &email(), &["Max@X.example", "max@x.EXAMPLE", "Máx@x.example "]).await;
    tokenize(&vault, &"name".into(), &["max@x.example"]).await;
    tokenize(&vault, &email(), &["maxi@x.example"]).await;
    stored.sort();

    let asked = values(["MAX@x.example", "nobody@x.example"]);
    let category = email();
    let found = vault.spellings(&asked.each_ref().map(|value| (&category, value))).await.unwrap();
    let found = found.iter().map(|found| found.as_ref().expect("there are few"));
    let tokens = found.map(|found| found.iter().map(|it| it.token.clone()).collect());
    assert_eq!(tokens.collect::<Vec<Vec<Token>>>(), [stored, vec![]]);
}

#[tokio::test]
async fn rows_hold_no_clear_value() {
    let store = Arc::new(MemoryStore::default());
    let vault = Vault::new(store.clone(), &keyset());
    let token = tokenize(&vault, &email(), &["canary-in-the-vault"]).await.remove(0);
    let row = store.find(vec![token]).await.unwrap().remove(0).unwrap();
    assert!(!row.sealed.windows(6).any(|part| part == b"canary"));
}
