// SPDX-License-Identifier: Apache-2.0

use super::*;
use crate::keys::Realm;
use crate::vault::conformance::holders::{in_house, of_house};

const NAMES: [&str; 4] = ["Anna", "ANNA", "Bert", "Änne"];

fn name() -> Category {
    Category::from("name")
}

async fn spellings(vault: &Vault, text: &str) -> Vec<Token> {
    let value = Cleartext::new(text);
    let found = vault.spellings(&[(&name(), &value)]).await.unwrap().remove(0).unwrap();
    let mut tokens: Vec<Token> = found.iter().map(|spelling| spelling.token.clone()).collect();
    tokens.sort();
    tokens
}

async fn found(vault: &Vault, pattern: Pattern, kind: SearchKind) -> Candidates {
    match vault.candidates(&name(), &pattern, kind).await.unwrap() {
        Candidates::All(mut all) => {
            all.sort_by(|a, b| a.value.expose().cmp(b.value.expose()));
            Candidates::All(all)
        }
        other => other,
    }
}

fn texts(found: &Candidates) -> Vec<&str> {
    let Candidates::All(all) = found else { panic!("{found:?}") };
    all.iter().map(|spelling| spelling.value.expose()).collect()
}

fn begins_with(text: &str) -> Pattern {
    Pattern::begins_with(Cleartext::new(text))
}

fn kinds(kinds: &[SearchKind]) -> Kinds {
    Kinds::from([(name(), kinds.iter().copied().collect())])
}

#[tokio::test]
async fn values_keep_their_tokens_when_keys_are_rotated_and_new_ones_get_new_tokens() {
    let (first, store) = (keyset(), Arc::new(MemoryStore::default()));
    let before = Vault::new(store.clone(), &first);
    let tokens = tokenize(&before, &name(), &NAMES).await;
    let second = first.rotated();
    let after = Vault::new(store.clone(), &second);

    assert_eq!(tokenize(&after, &name(), &NAMES).await, tokens);
    let new = tokenize(&after, &name(), &["Carl"]).await.remove(0);
    assert!(new.is_of(2) && !new.is_of(1) && tokens.iter().all(|token| token.is_of(1)));
    let opened = after.detokenize(tokens.clone()).await.unwrap();
    assert!(opened.iter().zip(NAMES).all(|(opened, name)| {
        opened.as_ref().is_some_and(|opened| opened.value.as_ref().unwrap().expose() == name)
    }));
    let mut spelt = tokens[..2].to_vec();
    spelt.sort();
    assert_eq!(spellings(&after, "anna").await, spelt);
    assert_eq!(spellings(&after, "carl").await, [new]);

    // Every row is sealed anew; then the old keys of the vault are not needed any more.
    let due = after.due().await.unwrap();
    assert_eq!((due.under_older_keys, due.not_indexed.len()), (4, 0));
    let mut heard = 0;
    after.keep_up(1, |read| heard = read).await.unwrap();
    assert_eq!((heard, after.due().await.unwrap()), (5, Due::default()));
    let third = Vault::new(store.clone(), &second.without_older_vault_keys());
    assert_eq!(spellings(&third, "anna").await, spelt);
    assert_eq!(tokenize(&third, &name(), &NAMES).await, tokens);
    let verified = third.verify(|_| {}).await.unwrap();
    assert_eq!((verified.tokens, verified.damaged), (5, vec![]));
    let asked = before.detokenize(tokens).await;
    assert!(matches!(asked, Err(VaultError::KeyGone(2))), "{asked:?}");
}

#[tokio::test]
async fn a_value_with_two_tokens_is_compared_by_both() {
    let (first, store) = (keyset(), Arc::new(MemoryStore::default()));
    let second = Keyset { token_mac: first.rotated().token_mac, ..first.clone() };
    // One instance has the new key, when another that has not gets the same new value.
    let alone = Keyset { token_mac: second.token_mac.without_older(), ..second.clone() };
    let newer = tokenize(&Vault::new(store.clone(), &alone), &name(), &["Anna"]).await.remove(0);
    let older = tokenize(&Vault::new(store.clone(), &first), &name(), &["Anna"]).await.remove(0);
    let vault = Vault::new(store, &second);
    let value = Cleartext::new("Anna");
    let predicted = vault.predict(&[(&name(), &value)]).await.unwrap().remove(0);
    assert_eq!(predicted, [newer.clone(), older.clone()]);
    let mut both = vec![newer, older.clone()];
    both.sort();
    assert_eq!(spellings(&vault, "anna").await, both);
    assert_eq!(tokenize(&vault, &name(), &["Anna"]).await, [older], "it goes on with the first");
}

#[tokio::test]
async fn processes_that_have_a_key_prepared_and_in_use_work_side_by_side() {
    let (first, store) = (keyset(), Arc::new(MemoryStore::default()));
    let second = first.rotated();
    let preparing = Vault::new(store.clone(), &first.preparing(&second));
    let rotated = Vault::new(store.clone(), &second);
    for vault in [&preparing, &rotated] {
        vault.index_for(kinds(&[SearchKind::Prefix]));
    }
    preparing.keep_up(1, |_| {}).await.unwrap();
    let anna = tokenize(&preparing, &name(), &["Anna"]).await.remove(0);
    assert!(anna.is_of(1));
    // Nobody but those who know the new key has seen it: the old one is in use.
    assert_eq!(store.count().await.unwrap(), BTreeMap::from([(1, 1)]));
    let anno = tokenize(&rotated, &name(), &["Anno"]).await.remove(0);
    assert!(anno.is_of(2));
    for vault in [&preparing, &rotated] {
        assert_eq!(tokenize(vault, &name(), &["Anno", "Anna"]).await, [anno.clone(), anna.clone()]);
        assert_eq!(spellings(vault, "ANNO").await, std::slice::from_ref(&anno));
        assert_eq!(texts(&found_by_both(vault).await), ["Anna", "Anno"]);
        assert_eq!(vault.verify(|_| {}).await.unwrap().damaged, []);
    }
    // From then on nothing is stored under the old key of the vault, which may be destroyed.
    let annika = tokenize(&preparing, &name(), &["Annika"]).await.remove(0);
    assert!(annika.is_of(1));
    preparing.keep_up(2, |_| {}).await.unwrap();
    assert_eq!(store.count().await.unwrap(), BTreeMap::from([(2, 3)]));
    let without = Vault::new(store, &second.without_older_vault_keys());
    assert_eq!(texts(&found_by_both(&without).await), ["Anna", "Annika", "Anno"]);
    assert_eq!(without.verify(|_| {}).await.unwrap().damaged, []);
}

#[tokio::test]
async fn a_value_with_two_tokens_goes_on_with_the_older_in_every_process() {
    let (first, store) = (keyset(), Arc::new(MemoryStore::default()));
    let second = first.rotated();
    let alone = Keyset { token_mac: second.token_mac.without_older(), ..first.clone() };
    let newer = tokenize(&Vault::new(store.clone(), &alone), &name(), &["Anna"]).await.remove(0);
    let older = tokenize(&Vault::new(store.clone(), &first), &name(), &["Anna"]).await.remove(0);
    assert_ne!(newer, older);
    for keyset in [&second, &first.preparing(&second)] {
        let vault = Vault::new(store.clone(), keyset);
        assert_eq!(tokenize(&vault, &name(), &["Anna"]).await, std::slice::from_ref(&older));
    }
}

#[tokio::test]
async fn parts_are_found_when_every_row_is_indexed_and_never_before() {
    let store = Arc::new(MemoryStore::default());
    let first = keyset();
    let vault = Vault::new(store.clone(), &first);
    tokenize(&vault, &name(), &NAMES).await;
    let prefix = SearchKind::Prefix;
    assert_eq!(found(&vault, begins_with("an"), prefix).await, Candidates::Incomplete);
    vault.index_for(kinds(&[prefix]));
    assert_eq!(found(&vault, begins_with("an"), prefix).await, Candidates::Incomplete);
    assert_eq!(vault.due().await.unwrap().not_indexed, BTreeSet::from([name()]));
    vault.keep_up(1, |_| {}).await.unwrap();
    assert!(vault.due().await.unwrap().is_nothing());
    assert_eq!(texts(&found(&vault, begins_with("an"), prefix).await), ["ANNA", "Anna", "Änne"]);
    assert_eq!(texts(&found(&vault, begins_with("b"), prefix).await), ["Bert"]);
    assert_eq!(texts(&found(&vault, begins_with("bx"), prefix).await), [""; 0]);
    assert_eq!(found(&vault, begins_with(" "), prefix).await, Candidates::TooShort);
    let anywhere = Pattern::contains(Cleartext::new("ann"));
    assert_eq!(found(&vault, anywhere.clone(), SearchKind::Prefix).await, Candidates::TooShort);
    let contains = SearchKind::Contains;
    assert_eq!(found(&vault, anywhere.clone(), contains).await, Candidates::Incomplete);

    // While keys are rotated, rows under both are found.
    let rotated = first.rotated();
    let second = Vault::new(store.clone(), &rotated);
    second.index_for(kinds(&[prefix, contains]));
    tokenize(&second, &name(), &["Annette"]).await;
    let all = ["ANNA", "Anna", "Annette", "Änne"];
    assert_eq!(texts(&found(&second, begins_with("an"), prefix).await), all);
    second.keep_up(2, |_| {}).await.unwrap();
    assert_eq!(texts(&found(&second, begins_with("an"), prefix).await), all);
    assert_eq!(texts(&found(&second, anywhere.clone(), contains).await), all);
    assert_eq!(second.verify(|_| {}).await.unwrap().damaged, []);

    // A process that does not know of an index takes its completeness away.
    let third = Vault::new(store, &rotated);
    third.index_for(kinds(&[prefix]));
    tokenize(&third, &name(), &["Anno"]).await;
    assert_eq!(found(&second, anywhere, contains).await, Candidates::Incomplete);
    assert_eq!(texts(&found(&second, begins_with("anno"), prefix).await), ["Anno"]);
}

#[tokio::test]
async fn an_index_that_is_no_longer_wanted_is_emptied() {
    let store = Arc::new(MemoryStore::default());
    let vault = Vault::new(store.clone(), &keyset());
    vault.index_for(kinds(&[SearchKind::Prefix, SearchKind::Contains]));
    vault.keep_up(1, |_| {}).await.unwrap();
    let tokens = tokenize(&vault, &name(), &["Anna"]).await;
    let codes = async || store.found_by(tokens.clone()).await.unwrap()[0].len();
    assert_eq!(codes().await, 4 + 2);
    vault.index_for(kinds(&[SearchKind::Prefix]));
    vault.keep_up(2, |_| {}).await.unwrap();
    assert_eq!(codes().await, 4);
    vault.index_for(Kinds::new());
    vault.keep_up(3, |_| {}).await.unwrap();
    assert_eq!((codes().await, store.built().await.unwrap()), (0, vec![]));
}

#[tokio::test]
async fn more_candidates_than_can_be_read_are_told() {
    let vault = Vault::new(Arc::new(MemoryStore::default()), &keyset());
    vault.index_for(kinds(&[SearchKind::Prefix]));
    vault.keep_up(1, |_| {}).await.unwrap();
    let names: Vec<String> = (0..5_000).map(|number| format!("Anna {number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    tokenize(&vault, &name(), &names[1..]).await;
    assert_eq!(texts(&found(&vault, begins_with("ann"), SearchKind::Prefix).await).len(), 4_999);
    tokenize(&vault, &name(), &names[..1]).await;
    let many = found(&vault, begins_with("ann"), SearchKind::Prefix).await;
    assert_eq!(many, Candidates::TooMany(5_000));
}

#[tokio::test]
async fn who_has_the_older_keys_only_is_refused_what_it_would_not_find() {
    let (first, store) = (keyset(), Arc::new(MemoryStore::default()));
    let before = Vault::new(store.clone(), &first);
    before.index_for(kinds(&[SearchKind::Prefix]));
    before.keep_up(1, |_| {}).await.unwrap();
    tokenize(&before, &name(), &["Anna"]).await;
    let after = Vault::new(store, &first.rotated());
    after.index_for(kinds(&[SearchKind::Prefix]));
    after.keep_up(2, |_| {}).await.unwrap();

    let (category, value) = (name(), Cleartext::new("ANNA"));
    let spelt = before.spellings(&[(&category, &value)]).await;
    assert!(matches!(spelt, Err(VaultError::KeyGone(2))), "{spelt:?}");
    let found = before.candidates(&category, &begins_with("An"), SearchKind::Prefix).await;
    assert!(matches!(found, Err(VaultError::KeyGone(2))), "{found:?}");
    // The key that it would seal this under may be destroyed by now.
    let minted = before.tokenize(&[(&category, &value)]).await;
    assert!(matches!(minted, Err(VaultError::KeyGone(2))), "{minted:?}");
    let due = before.due().await;
    assert!(matches!(due, Err(VaultError::KeyGone(2))), "{due:?}");
    assert!(after.due().await.unwrap().is_nothing());
    assert_eq!(texts(&found_by_both(&after).await), ["Anna"]);
}

async fn found_by_both(vault: &Vault) -> Candidates {
    found(vault, begins_with("an"), SearchKind::Prefix).await
}

#[tokio::test]
async fn a_value_that_is_written_again_after_a_rotation_is_found_once() {
    let (first, store) = (keyset(), Arc::new(MemoryStore::default()));
    let rotated = first.rotated();
    let second = Keyset { vault: rotated.vault, index_mac: rotated.index_mac, ..first.clone() };
    for keyset in [&first, &second] {
        let vault = Vault::new(store.clone(), keyset);
        vault.index_for(kinds(&[SearchKind::Prefix]));
        if keyset.vault.active_version() == 1 {
            vault.keep_up(1, |_| {}).await.unwrap();
        }
        tokenize(&vault, &name(), &["Anna"]).await;
        assert_eq!(texts(&found_by_both(&vault).await), ["Anna"]);
    }
}

#[tokio::test]
async fn what_becomes_due_while_a_build_begins_is_built_too() {
    let keyset = keyset();
    let squatter = Vault::new(Arc::new(MemoryStore::default()), &keyset);
    let (anno, bert) = (Cleartext::new("Anno"), Cleartext::new("Bert"));
    let token = squatter.predict(&[(&name(), &anno)]).await.unwrap().remove(0).remove(0);
    let row = squatter.row_for_test(&name(), &anno, token);
    // Another process, which knows of no index, writes a row when this one knows what is due.
    let begun = AtomicUsize::new(0);
    let store = Arc::new(HookedStore::new(move |call, _, rows| {
        if call == "begin_build" && begun.fetch_add(1, Ordering::Relaxed) == 1 {
            rows.put(row.clone());
        }
        Ok(())
    }));
    let vault = Vault::new(store, &keyset);
    let mut wanted = kinds(&[SearchKind::Prefix]);
    vault.index_for(wanted.clone());
    vault.keep_up(1, |_| {}).await.unwrap();
    vault.tokenize(&[(&email(), &bert)]).await.unwrap();
    wanted.insert(email(), BTreeSet::from([SearchKind::Prefix]));
    vault.index_for(wanted);
    assert_eq!(vault.due().await.unwrap().not_indexed, BTreeSet::from([email()]));
    vault.keep_up(2, |_| {}).await.unwrap();
    assert!(vault.due().await.unwrap().is_nothing());
    assert_eq!(texts(&found_by_both(&vault).await), ["Anno"]);
}

#[tokio::test]
async fn an_index_is_emptied_whatever_was_written_before_that_was_known() {
    let prefix = || kinds(&[SearchKind::Prefix]);
    let store = Arc::new(MemoryStore::default());
    let vault = Vault::new(store.clone(), &keyset());
    let codes = async |tokens: &[Token]| -> usize {
        store.found_by(tokens.to_vec()).await.unwrap().iter().map(Vec::len).sum()
    };
    // A row that is not indexed, before it is said that none is to be.
    vault.index_for(prefix());
    vault.keep_up(1, |_| {}).await.unwrap();
    let mut tokens = tokenize(&vault, &name(), &["Anna"]).await;
    vault.index_for(Kinds::new());
    tokens.extend(tokenize(&vault, &name(), &["Bert"]).await);
    assert_eq!(codes(&tokens).await, 4);
    vault.keep_up(2, |_| {}).await.unwrap();
    assert_eq!((codes(&tokens).await, store.built().await.unwrap()), (0, vec![]));
    // A row that is, before it is said that any is to be.
    vault.index_for(prefix());
    tokens.extend(tokenize(&vault, &name(), &["Carl"]).await);
    vault.index_for(Kinds::new());
    assert_eq!(codes(&tokens).await, 4);
    vault.keep_up(3, |_| {}).await.unwrap();
    assert_eq!((codes(&tokens).await, store.built().await.unwrap()), (0, vec![]));
}

#[tokio::test]
async fn what_does_not_open_is_left_and_the_rest_goes_on() {
    let (first, store) = (keyset(), Arc::new(MemoryStore::default()));
    let before = Vault::new(store.clone(), &first);
    let names = tokenize(&before, &name(), &NAMES).await;
    tokenize(&before, &email(), &["a@x.example"]).await;
    // One whose copy of the house is damaged, while that of a data subject opens.
    let subject = SubjectId([7; 16]);
    let (category, value) = (name(), Cleartext::new(NAMES[0]));
    let item = (&category, &value);
    let held = ToKeep { holder: Some(subject), ..ToKeep::for_house(item, Form::Word) };
    before.hold(&[(names[0].clone(), held)]).await.unwrap();
    let row = store.find(vec![names[0].clone()]).await.unwrap().remove(0).unwrap();
    store.damage(&row.token);
    let after = Vault::new(store.clone(), &first.rotated());
    let mut wanted = kinds(&[SearchKind::Prefix]);
    wanted.insert(email(), BTreeSet::from([SearchKind::Prefix]));
    after.index_for(wanted);

    let unopened = after.keep_up(1, |_| {}).await.unwrap();
    assert_eq!(unopened.count, 1);
    assert!(unopened.named[0].to_string().contains(names[0].as_str()), "{unopened:?}");
    assert_eq!(store.count().await.unwrap(), BTreeMap::from([(1, 1), (2, 4)]));
    assert_eq!(found(&after, begins_with("be"), SearchKind::Prefix).await, Candidates::Incomplete);
    let emails = after.candidates(&email(), &begins_with("a@"), SearchKind::Prefix).await.unwrap();
    assert_eq!(texts(&emails), ["a@x.example"]);
    let due = after.due().await.unwrap();
    assert_eq!((due.under_older_keys, due.not_indexed), (1, BTreeSet::from([name()])));
}

/// Keys of data subjects, too: those behind one that does not open are wrapped anew.
#[tokio::test]
async fn a_key_that_does_not_open_stops_no_other() {
    let (first, store) = (keyset(), Arc::new(MemoryStore::default()));
    let before = Vault::new(store.clone(), &first);
    let value = Cleartext::new("Anna");
    for number in 1..=3 {
        let subject = SubjectId([number; 16]);
        let category = name();
        let item = (&category, &value);
        let kept = ToKeep { holder: Some(subject), ..ToKeep::for_house(item, Form::Word) };
        before.keep(&[kept]).await.unwrap();
    }
    let mut keys = store.keys_before((Realm::House, 2), None, 3).await.unwrap();
    keys[0].wrapped[0] ^= 1;
    store.rewrap(keys.into_iter().map(in_house).collect()).await.unwrap();
    let after = Vault::new(store.clone(), &first.rotated());
    let unopened = after.keep_up(1, |_| {}).await.unwrap();
    assert_eq!(unopened.count, 1, "{unopened:?}");
    assert_eq!(store.count_keys().await.unwrap(), of_house([(1, 1), (2, 2)]));
    assert_eq!(store.count().await.unwrap(), BTreeMap::from([(2, 1)]), "others hold it, too");
}

/// One who was not started anew: keys that it makes would be wrapped under one that is
/// destroyed by now, and nobody could keep anything for these data subjects any more.
#[tokio::test]
async fn whoever_has_the_older_keys_only_makes_no_keys_of_data_subjects() {
    let (first, store) = (keyset(), Arc::new(MemoryStore::default()));
    let second = first.rotated();
    tokenize(&Vault::new(store.clone(), &second), &name(), &["Anna"]).await;
    let (category, value, subject) = (name(), Cleartext::new("Bert"), SubjectId([1; 16]));
    let item = (&category, &value);
    let kept = ToKeep { holder: Some(subject), ..ToKeep::for_house(item, Form::Word) };
    let late = Vault::new(store.clone(), &first).keep(&[kept]).await;
    assert!(matches!(late, Err(VaultError::KeyGone(2))), "{late:?}");
    assert_eq!(store.keys(vec![subject]).await.unwrap(), [None]);
    Vault::new(store.clone(), &first.preparing(&second)).keep(&[kept]).await.unwrap();
    assert_eq!(store.count_keys().await.unwrap(), of_house([(2, 1)]));
}

#[tokio::test]
async fn rows_that_others_go_on_changing_are_left_for_another_time() {
    let keyset = keyset();
    for (changes, is_done) in [(4, true), (usize::MAX, false)] {
        let tried = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tried);
        let hook = move |call: &str, _: &[NewRow], _: &MemoryStore| match call {
            "replace" if counted.fetch_add(1, Ordering::Relaxed) < changes => {
                Err(VaultError::Conflict)
            }
            _ => Ok(()),
        };
        let store = Arc::new(HookedStore::new(hook));
        tokenize(&Vault::new(store.clone(), &keyset), &name(), &["Anna"]).await;
        let rotated = Vault::new(store, &keyset.rotated());
        let done = rotated.keep_up(1, |_| {}).await;
        assert_eq!(done.is_ok(), is_done);
        assert!(is_done || matches!(done, Err(VaultError::Conflict)));
        assert_eq!(tried.load(Ordering::Relaxed), 5);
    }
}

#[tokio::test]
async fn words_that_only_an_invisible_sign_parts_are_found_to_be_looked_at() {
    let vault = Vault::new(Arc::new(MemoryStore::default()), &keyset());
    vault.index_for(kinds(&[SearchKind::Words]));
    tokenize(&vault, &name(), &["Anna\u{200b}Smith", "Anna\u{ad}Smith", "Smithers"]).await;
    vault.keep_up(1, |_| {}).await.unwrap();
    let word = Pattern::contains(Cleartext::new("smith"));
    let all = found(&vault, word, SearchKind::Words).await;
    assert_eq!(texts(&all).len(), 2, "{all:?}");
}
