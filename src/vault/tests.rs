// SPDX-License-Identifier: Apache-2.0

mod cache;
mod holders;
mod realms;
mod rotation;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::base::{Pattern, SearchKind, Tenant};
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
    let opens_to = |value| {
        Some(Opened { category: email(), value: Some(value), holder: None, is_closed: false })
    };
    let expected = expected.map(opens_to);
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
    let opened: Vec<_> =
        opened.iter().flatten().map(|opened| opened.value.as_ref().unwrap().expose()).collect();
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
    assert!(!row.held.unwrap().sealed.windows(6).any(|part| part == b"canary"));
}

/// Three values in a store in which every token is taken but those that are left free.
async fn crowded(keyset: &Keyset, free: fn(&Token) -> bool) -> Result<Vec<Token>, VaultError> {
    let squatter = Vault::new(Arc::new(MemoryStore::default()), keyset);
    let store = HookedStore::new(move |call, rows, stored| {
        let tokens = rows.iter().map(|new| &new.row.token);
        for taken in tokens.filter(|token| call == "insert" && !free(token)) {
            let other = Cleartext::new(format!("of {taken}"));
            let row = squatter.row_for_test(&email(), &other, taken.clone());
            stored.put(row);
        }
        Ok(())
    });
    let vault = Vault::new(Arc::new(store), keyset);
    let (category, values) = (email(), values(["1985-02-23", "1990-01-01", "1985-02-23"]));
    let items = values.each_ref().map(|value| ToKeep::for_house((&category, value), Form::Date));
    vault.keep(&items).await
}

#[tokio::test]
async fn where_most_days_are_taken_each_value_still_finds_one_of_its_own() {
    let free = |token: &Token| token.as_str().ends_with("-07");
    let tokens = crowded(&keyset(), free).await.unwrap();
    assert_eq!(tokens[0], tokens[2]);
    assert_ne!(tokens[0], tokens[1]);
    assert!(tokens.iter().all(free), "{tokens:?}");
}

#[tokio::test]
async fn a_form_without_a_free_token_is_said_to_be_full() {
    let error = crowded(&keyset(), |_| false).await.unwrap_err();
    assert!(matches!(error, VaultError::Full(Form::Date)), "{error}");
    assert!(error.to_string().contains("reserved days"), "{error}");
}

/// So many that dozens of them would share one, of two kinds.
#[tokio::test]
async fn no_two_values_have_one_day() {
    let keyset = keyset();
    let vault = Vault::new(Arc::new(MemoryStore::default()), &keyset);
    let days = |from: i64| {
        let day = move |day| crate::base::Moment::of_day(from + day).canonical(true);
        (0..3_000).filter_map(day).map(Cleartext::new).collect::<Vec<_>>()
    };
    let (born, hired) = (Category::from("birthdate"), Category::from("contract"));
    let (births, hires) = (days(-18_000), days(0));
    let mut all = std::collections::HashSet::new();
    for (category, values) in [(&born, &births), (&hired, &hires)] {
        for values in values.chunks(1_000) {
            let items: Vec<_> = values
                .iter()
                .map(|value| ToKeep::for_house((category, value), Form::Date))
                .collect();
            let tokens = vault.keep(&items).await.unwrap();
            assert_eq!(vault.keep(&items).await.unwrap(), tokens);
            let opened = vault.detokenize(tokens.clone()).await.unwrap();
            assert!(opened.iter().zip(values).all(|(opened, value)| {
                opened
                    .as_ref()
                    .is_some_and(|it| it.value.as_ref() == Some(value) && it.category == *category)
            }));
            all.extend(tokens);
        }
    }
    assert_eq!(all.len(), births.len() + hires.len());
    assert!(all.iter().all(|token| token.form() == Form::Date));
    let verified = vault.verify(|_| {}).await.unwrap();
    assert_eq!((verified.tokens, verified.damaged.len()), (all.len() as u64, 0));
}
