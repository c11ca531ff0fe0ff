// SPDX-License-Identifier: Apache-2.0

use super::*;
use crate::base::SubjectId;

pub(super) const ANNA: SubjectId = SubjectId([1; 16]);
pub(super) const BERT: SubjectId = SubjectId([2; 16]);

fn for_whom<'a>(
    holder: Option<SubjectId>,
    category: &'a Category,
    value: &'a Cleartext,
) -> ToKeep<'a> {
    ToKeep { holder, ..ToKeep::for_house((category, value), Form::Word) }
}

/// Keeps the same value for each of these in turn, and returns its token.
pub(super) async fn kept(vault: &Vault, text: &str, holders: &[Option<SubjectId>]) -> Token {
    let value = Cleartext::new(text);
    let mut tokens = Vec::new();
    for holder in holders {
        tokens.extend(vault.keep(&[for_whom(*holder, &email(), &value)]).await.unwrap());
    }
    assert!(tokens.iter().all(|token| *token == tokens[0]), "{tokens:?}");
    tokens.remove(0)
}

pub(super) async fn opened(vault: &Vault, token: &Token) -> Option<Cleartext> {
    vault.detokenize(vec![token.clone()]).await.unwrap().remove(0).unwrap().value
}

fn is_nothing(erased: Erased) -> bool {
    erased == Erased::default()
}

/// Whoever guesses tokens learns nothing from what is asked of the store.
#[tokio::test]
async fn the_store_is_asked_the_same_whatever_a_token_stands_for() {
    let calls = Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = Arc::clone(&calls);
    let store = Arc::new(HookedStore::new(move |call, _, _| {
        heard.lock().unwrap().push(call);
        Ok(())
    }));
    let vault = Vault::new(store, &keyset());
    let there = kept(&vault, "Muster", &[Some(ANNA)]).await;
    let erased = kept(&vault, "Meier", &[Some(BERT)]).await;
    vault.erase(&[BERT]).await.unwrap();
    let others = Vault::new(Arc::new(MemoryStore::default()), &keyset());
    let never_given = kept(&others, "Muster", &[None]).await;
    for (token, is_known, opens) in
        [(there, true, true), (erased, true, false), (never_given, false, false)]
    {
        calls.lock().unwrap().clear();
        let opened = vault.detokenize(vec![token]).await.unwrap().remove(0);
        assert_eq!(opened.is_some(), is_known);
        assert_eq!(opened.is_some_and(|opened| opened.value.is_some()), opens);
        assert_eq!(*calls.lock().unwrap(), ["find"]);
    }
}

#[tokio::test]
async fn a_value_is_there_until_the_last_who_holds_it_is_erased() {
    let store = Arc::new(MemoryStore::default());
    let vault = Vault::new(store.clone(), &keyset());
    let value = Some(Cleartext::new("Muster"));
    let token = kept(&vault, "Muster", &[Some(ANNA), Some(BERT), Some(ANNA)]).await;
    assert_eq!(opened(&vault, &token).await, value);
    assert_eq!(
        vault.erase(&[ANNA]).await.unwrap(),
        Erased { keys: 1, copies: 1, tokens: 0, ..Erased::default() }
    );
    assert_eq!(opened(&vault, &token).await, value, "Bert's");
    assert_eq!(
        vault.erase(&[BERT]).await.unwrap(),
        Erased { keys: 1, copies: 1, tokens: 1, ..Erased::default() }
    );
    assert_eq!(opened(&vault, &token).await, None);
    assert!(is_nothing(vault.erase(&[ANNA, BERT]).await.unwrap()));

    // The same value is another one from now on, and its token was never given.
    let again = kept(&vault, "Muster", &[Some(ANNA)]).await;
    assert_ne!(again, token);
    assert_eq!((opened(&vault, &again).await, opened(&vault, &token).await), (value, None));
    let verified = vault.verify(|_| {}).await.unwrap();
    assert_eq!((verified.tokens, verified.damaged), (1, vec![]));
    assert_eq!(vault.count().await.unwrap(), 1);
}

#[tokio::test]
async fn what_the_house_holds_outlives_everybody() {
    let vault = Vault::new(Arc::new(MemoryStore::default()), &keyset());
    for holders in [[Some(ANNA), None], [None, Some(ANNA)]] {
        let text = format!("{holders:?}");
        let token = kept(&vault, &text, &holders).await;
        assert_eq!(
            vault.erase(&[ANNA]).await.unwrap(),
            Erased { keys: 1, copies: 1, tokens: 0, ..Erased::default() }
        );
        assert_eq!(opened(&vault, &token).await, Some(Cleartext::new(text)));
    }
}

#[tokio::test]
async fn what_is_erased_is_not_found_by_anything() {
    let vault = Vault::new(Arc::new(MemoryStore::default()), &keyset());
    vault.index_for(Kinds::from([(email(), [SearchKind::Prefix].into())]));
    kept(&vault, "anna@muster.example", &[Some(ANNA)]).await;
    vault.keep_up(1, |_| {}).await.unwrap();
    let value = Cleartext::new("ANNA@muster.example");
    let item = [(&email(), &value)];
    let pattern = Pattern::begins_with(Cleartext::new("anna"));
    let found = async || {
        let spellings = vault.spellings(&item).await.unwrap().remove(0).unwrap().len();
        let by_part = vault.candidates(&email(), &pattern, SearchKind::Prefix).await.unwrap();
        let Candidates::All(by_part) = by_part else { panic!("{by_part:?}") };
        (spellings, by_part.len())
    };
    assert_eq!(found().await, (1, 1));
    vault.erase(&[ANNA]).await.unwrap();
    assert_eq!(found().await, (0, 0));
}

/// A copy of the rows from before is put back; the keys are as they are.
#[tokio::test]
async fn nothing_that_is_erased_comes_back_with_the_rows() {
    let store = Arc::new(MemoryStore::default());
    let vault = Vault::new(store.clone(), &keyset());
    let token = kept(&vault, "Muster", &[Some(ANNA)]).await;
    let shared = kept(&vault, "Wien", &[Some(ANNA), Some(BERT)]).await;
    let rows: Vec<(Place, Row)> = store.list(None, 10).await.unwrap();
    vault.erase(&[ANNA]).await.unwrap();
    for (_, row) in rows {
        store.put_copy(row);
    }
    assert_eq!(opened(&vault, &token).await, None);
    assert_eq!(opened(&vault, &shared).await, Some(Cleartext::new("Wien")));
    assert_ne!(kept(&vault, "Muster", &[Some(BERT)]).await, token, "it stands for nothing");
    let forgotten = vault.erase(&[]).await.unwrap();
    assert_eq!(forgotten, Erased { keys: 0, copies: 2, tokens: 1, ..Erased::default() });
    assert_eq!(vault.verify(|_| {}).await.unwrap().damaged, []);
}

#[tokio::test]
async fn keys_of_data_subjects_go_on_under_new_keys_of_the_vault() {
    let (first, store) = (keyset(), Arc::new(MemoryStore::default()));
    let token = kept(&Vault::new(store.clone(), &first), "Muster", &[Some(ANNA)]).await;
    let second = first.rotated();
    let vault = Vault::new(store.clone(), &second);
    assert_eq!(vault.due().await.unwrap().under_older_keys, 2, "a row and a key");
    assert_eq!(opened(&vault, &token).await, Some(Cleartext::new("Muster")));
    vault.keep_up(1, |_| {}).await.unwrap();
    assert!(vault.due().await.unwrap().is_nothing());
    let without = Vault::new(store, &second.without_older_vault_keys());
    assert_eq!(opened(&without, &token).await, Some(Cleartext::new("Muster")));
    assert_eq!(kept(&without, "Muster", &[Some(ANNA)]).await, token);
    assert_eq!(without.erase(&[ANNA]).await.unwrap().tokens, 1);
}

/// Whoever is erased between the key and the rows gets a new key, and loses nothing.
#[tokio::test]
async fn what_is_written_while_somebody_is_erased_is_kept() {
    let was_erased = std::sync::atomic::AtomicBool::new(false);
    let store = HookedStore::new(move |call, _, rows| {
        if call == "insert" && !was_erased.swap(true, Ordering::SeqCst) {
            rows.erase_now(&[ANNA]);
        }
        Ok(())
    });
    let vault = Vault::new(Arc::new(store), &keyset());
    let token = kept(&vault, "Muster", &[Some(ANNA)]).await;
    assert_eq!(opened(&vault, &token).await, Some(Cleartext::new("Muster")));
    assert_eq!(
        vault.erase(&[ANNA]).await.unwrap(),
        Erased { keys: 1, copies: 1, tokens: 1, ..Erased::default() }
    );
}

#[tokio::test]
async fn a_lost_key_is_damage_and_a_destroyed_one_is_not() {
    let store = Arc::new(MemoryStore::default());
    let vault = Vault::new(store.clone(), &keyset());
    let token = kept(&vault, "Muster", &[Some(ANNA)]).await;
    kept(&vault, "Meier", &[Some(BERT)]).await;
    vault.erase(&[BERT]).await.unwrap();
    store.lose_key(ANNA);
    let verified = vault.verify(|_| {}).await.unwrap();
    assert_eq!((verified.tokens, verified.damaged), (1, vec![(token, Damage::Key)]));
    assert!(is_nothing(vault.erase(&[]).await.unwrap()), "it may be put back");
}

/// What stands in the files of a database.
fn bytes_of(path: &std::path::Path) -> Vec<u8> {
    let files = ["", "-wal"].map(|beside| format!("{}{beside}", path.display()));
    files.iter().flat_map(|file| std::fs::read(file).unwrap_or_default()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destroyed_key_stands_in_no_file_and_no_key_in_a_copy_of_the_rows() {
    let scratch = crate::testkit::Scratch::new();
    let database = crate::sqlite::Database::open(&scratch.file("vault"), &"acme".into()).unwrap();
    let store = Arc::new(SqliteStore::new(&database).unwrap());
    let vault = Vault::new(store.clone(), &keyset());
    kept(&vault, "Muster", &[Some(ANNA), Some(BERT)]).await;
    let keys = store.keys(vec![ANNA, BERT]).await.unwrap();
    let [annas, berts] = [0, 1].map(|at| keys[at].clone().unwrap().wrapped);
    let holds = |name: &str, key: &[u8]| {
        bytes_of(&scratch.file(name)).windows(key.len()).any(|part| part == key)
    };
    assert!(holds("vault", &annas) && holds("vault", &berts));
    let back_up = |rows: &str| {
        let (rows, keys) = (scratch.file(rows), scratch.file("subject-keys"));
        tokio::task::block_in_place(|| back_up(&database, &rows, &keys)).unwrap();
    };
    back_up("before");
    assert!(holds("subject-keys", &annas));
    vault.erase(&[ANNA]).await.unwrap();
    assert!(!holds("vault", &annas) && holds("vault", &berts));
    back_up("after");
    assert!(!holds("subject-keys", &annas) && holds("subject-keys", &berts));
    for rows in ["before", "after"] {
        assert!(!holds(rows, &annas) && !holds(rows, &berts), "{rows}");
    }
}
