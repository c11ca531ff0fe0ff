// SPDX-License-Identifier: Apache-2.0

mod plans;

use std::sync::Arc;

use super::*;
use crate::base::Cleartext;
use crate::keys::Keyset;
use crate::postgres::{Failure, Link, PostgresSettings, Work, make_older};
use crate::testkit::postgres::settings;
use crate::testkit::wait_for;
use crate::vault::{Form, Held, Item, MemoryStore, Vault, conformance};

async fn open(settings: &PostgresSettings) -> PostgresStore {
    let database = Postgres::open(settings.clone(), &"acme".into()).await;
    PostgresStore::new(&database.unwrap())
}

struct Script(&'static str);

impl Work for Script {
    type Done = ();

    async fn run(&self, link: &Link) -> Result<(), Failure> {
        Ok(link.batch_execute(self.0).await?)
    }
}

/// A row that is written, says so, and waits to be let go.
struct Slow(Arc<tokio::sync::Notify>, Arc<tokio::sync::Notify>);
impl Work for Slow {
    type Done = ();

    async fn run(&self, link: &Link) -> Result<(), Failure> {
        let token = Token::from_code(&[7; 32], 1);
        let row = "INSERT INTO token VALUES ($1, 'name', 1, '0123456789abcdef')";
        link.batch_execute(BEGIN_WRITE.split_once(';').unwrap().1).await?;
        Query(row, &[&token.as_str()]).run(link).await?;
        self.0.notify_one();
        self.1.notified().await;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms() {
    let settings = settings();
    let open = || Arc::new(wait_for(open(&settings)));
    conformance::run(open).await;
}

/// As instances of one house do: each has a store and keys of its own, and they get the same
/// values in different orders.
#[tokio::test(flavor = "multi_thread")]
async fn racing_stores_give_one_token_and_lose_nothing() {
    const INSTANCES: usize = 4;
    const ROUNDS: usize = 5;
    let (settings, keyset) = (settings(), Keyset::generate(&"acme".into()).unwrap());
    let category = Category::from("email");
    let values: Vec<Cleartext> =
        (0..60).map(|number| Cleartext::new(format!("muster{number}@example.org"))).collect();
    let values = Arc::new(values);
    let kinds = Kinds::from([(category.clone(), [SearchKind::Prefix].into())]);
    let instances: Vec<_> = (0..INSTANCES)
        .map(|instance| {
            let (settings, keyset, values) = (settings.clone(), keyset.clone(), values.clone());
            let (category, kinds) = (category.clone(), kinds.clone());
            tokio::spawn(async move {
                let vault = Vault::new(Arc::new(open(&settings).await), &keyset);
                vault.index_for(kinds);
                let mut tokens = BTreeMap::new();
                for round in 0..ROUNDS {
                    // Half of them are new, and every one is in two rounds, turned around.
                    let from = round * 10;
                    let mut batch: Vec<usize> = (from..from + 20).collect();
                    if (instance + round) % 2 == 0 {
                        batch.reverse();
                    }
                    let items: Vec<Item<'_>> =
                        batch.iter().map(|at| (&category, &values[*at])).collect();
                    let given = vault.tokenize(&items).await.unwrap();
                    for (at, token) in batch.into_iter().zip(given) {
                        let before = tokens.insert(at, token.clone());
                        assert!(before.is_none_or(|before| before == token));
                    }
                }
                tokens
            })
        })
        .collect();
    let mut all = Vec::new();
    for instance in instances {
        all.push(instance.await.unwrap());
    }
    assert!(all.iter().all(|tokens| *tokens == all[0]), "instances disagree");
    assert_eq!(all[0].len(), 60);
    let vault = Vault::new(Arc::new(open(&settings).await), &keyset);
    let opened = vault.detokenize(all[0].values().cloned().collect()).await.unwrap();
    for (opened, at) in opened.into_iter().zip(all[0].keys()) {
        assert_eq!(opened.unwrap().value.as_ref(), Some(&values[*at]));
    }
    assert_eq!(vault.count().await.unwrap(), 60);
    let verified = vault.verify(|_| {}).await.unwrap();
    assert_eq!((verified.tokens, verified.damaged), (60, vec![]));
}

/// Rows that differ under one token, as if two values collided: all are told of the one that
/// is there, whoever was first.
#[tokio::test(flavor = "multi_thread")]
async fn racing_stores_agree_on_the_row_under_each_token() {
    let settings = settings();
    let stores: Vec<_> = (0..4_u8)
        .map(|store| {
            let settings = settings.clone();
            tokio::spawn(async move {
                let row = |number: u8| Row {
                    token: Token::from_code(&[number; 32], 1),
                    category: "name".into(),
                    held: Held::by_house(1, vec![store; 30]),
                    version: 1,
                    rough: Index([number; 16]),
                };
                let mut rows: Vec<NewRow> = (0..100)
                    .map(|number| NewRow {
                        found_by: vec![Index([number; 16]), Index([store; 16])],
                        ..NewRow::found_by_nothing(row(number))
                    })
                    .collect();
                if store % 2 == 0 {
                    rows.reverse();
                }
                let stored = open(&settings).await.insert(rows).await.unwrap();
                stored.into_iter().map(|row| (row.token.clone(), row)).collect::<BTreeMap<_, _>>()
            })
        })
        .collect();
    let mut all = Vec::new();
    for store in stores {
        all.push(store.await.unwrap());
    }
    assert!(all.iter().all(|rows| *rows == all[0]), "stores disagree");
    let store = open(&settings).await;
    let found = store.find(all[0].keys().cloned().collect()).await.unwrap();
    assert_eq!(found, all[0].values().cloned().map(Some).collect::<Vec<_>>());
    let found_by = store.found_by(all[0].keys().cloned().collect()).await.unwrap();
    for (token, codes) in all[0].keys().zip(found_by) {
        let expected: BTreeSet<u8> = (0..4)
            .chain((0..100).filter(|number| Token::from_code(&[*number; 32], 1) == *token))
            .collect();
        assert_eq!(codes, expected.into_iter().map(|code| Index([code; 16])).collect::<Vec<_>>());
    }
}

/// A row that is on its way while an index is begun is there when its build reads rows, so it
/// cannot be left out of an index that is then complete.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_begins_after_the_rows_that_are_on_their_way() {
    let rows = behind_a_row_on_its_way(|store| async move {
        let kinds = Kinds::from([("name".into(), [SearchKind::Prefix].into())]);
        store.begin_build(kinds, 1).await.unwrap();
        store.list(None, 10).await.unwrap().len()
    });
    assert_eq!(rows.await, 1);
}

/// A row under an older key that is on its way is there when the first one under a newer key
/// is stored, so whoever counts rows then and destroys the older key loses none.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_row_under_a_newer_key_comes_after_those_that_are_on_their_way() {
    let counts = behind_a_row_on_its_way(|store| async move {
        store.insert(vec![NewRow::found_by_nothing(row(8, 2))]).await.unwrap();
        let too_late = store.insert(vec![NewRow::found_by_nothing(row(9, 1))]).await;
        assert!(matches!(too_late, Err(VaultError::KeyGone(2))), "{too_late:?}");
        store.count().await.unwrap()
    });
    assert_eq!(counts.await, BTreeMap::from([(1, 1), (2, 1)]));
}

/// Does what has to wait for a row under version 1, and lets that row go when it waits.
async fn behind_a_row_on_its_way<T, W>(work: impl FnOnce(Arc<PostgresStore>) -> W) -> T
where
    T: Send + 'static,
    W: Future<Output = T> + Send + 'static,
{
    let settings = settings();
    let store = Arc::new(open(&settings).await);
    let writer = open(&settings).await;
    let (written, go_on) = (Arc::new(tokio::sync::Notify::new()), tokio::sync::Notify::new());
    let go_on = Arc::new(go_on);
    let slow = Slow(written.clone(), go_on.clone());
    let writing = tokio::spawn(async move { writer.0.transaction(slow).await });
    written.notified().await;
    let working = tokio::spawn(work(store.clone()));
    let waiting = format!(
        "SELECT FROM pg_locks WHERE NOT granted AND relation = '{}.search_index'::regclass",
        settings.schema
    );
    while store.0.again(Query(&waiting, &[])).await.unwrap().is_empty() {
        assert!(!working.is_finished(), "it does not wait");
        tokio::task::yield_now().await;
    }
    go_on.notify_one();
    writing.await.unwrap().unwrap();
    working.await.unwrap()
}

fn row(number: u8, version: Version) -> Row {
    Row {
        token: Token::from_code(&[number; 32], version),
        category: "name".into(),
        held: Held::by_house(version, vec![number]),
        version,
        rough: Index([number; 16]),
    }
}

/// Words, days, times and telephone numbers sort by their bytes, whatever the database sorts by.
#[tokio::test]
async fn tokens_of_all_forms_are_listed_in_their_order() {
    let store = open(&settings()).await;
    let forms = [Form::Word, Form::Date, Form::Time, Form::Phone, Form::Card, Form::Iban];
    let tokens = forms
        .into_iter()
        .flat_map(|form| (0..5).map(move |number| Token::of_form(form, &[number * 50; 32], 1)));
    let tokens: BTreeSet<Token> = tokens.collect();
    let new = |token: &Token| NewRow::found_by_nothing(Row { token: token.clone(), ..row(1, 1) });
    store.insert(tokens.iter().map(new).collect()).await.unwrap();
    let (mut listed, mut after) = (Vec::new(), None);
    while let Some((place, row)) = store.list(after, 1).await.unwrap().pop() {
        listed.push(row.token);
        after = Some(place);
    }
    assert_eq!(listed, tokens.into_iter().collect::<Vec<_>>());
    let found = store.find_by_index(vec![Index([1; 16])], 1).await.unwrap();
    assert_eq!(
        found[0].iter().map(|row| &row.token).collect::<Vec<_>>(),
        listed.iter().collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_damaged_row_is_corrupt_and_not_missing() {
    let store = open(&settings()).await;
    let row = row(1, 1);
    let token = row.token.clone();
    store.insert(vec![NewRow::found_by_nothing(row)]).await.unwrap();
    store.0.again(Script("UPDATE token SET rough = '\\x00'")).await.unwrap();
    let found = store.find(vec![token]).await;
    assert!(matches!(found, Err(VaultError::Corrupt(_))), "{found:?}");
}

/// A schema of before values had holders, with rows in it.
struct Older<'o>(&'o PostgresSettings, &'o [Row]);

impl Work for Older<'_> {
    type Done = ();

    async fn run(&self, link: &Link) -> Result<(), Failure> {
        make_older(link, (&self.0.schema, &"acme".into()), 3).await?;
        for row in self.1 {
            let held = row.held.as_ref().unwrap();
            let insert = "INSERT INTO token VALUES ($1, $2, $3, $4, $5)";
            let (word, category) = (row.token.as_str(), row.category.as_str());
            let (version, rough) = (i64::from(row.version), row.rough.0.as_slice());
            let values: Values<'_> = vec![&word, &category, &held.sealed, &version, &rough];
            Query(insert, &values).run(link).await?;
        }
        let piece = "INSERT INTO quarantine (upstream, batch, request, at, sealed)
            VALUES ('sales', 'job', '0123456789abcdef', 1, 'sealed')";
        Ok(link.batch_execute(piece).await?)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_an_older_schema_open_when_several_instances_have_migrated_it() {
    let (settings, first) = (settings(), Keyset::generate(&"acme".into()).unwrap());
    let category = Category::from("name");
    let values: Vec<Cleartext> =
        (0..300).map(|number| Cleartext::new(format!("Muster {}", number / 2 * 2))).collect();
    let items: Vec<Item<'_>> = values.iter().map(|value| (&category, value)).collect();
    // Of two versions of the vault's key, as in the middle of a rotation.
    let (rows, second) = (Arc::new(MemoryStore::default()), first.rotated());
    let older = Vault::new(rows.clone(), &first).tokenize(&items[..200]).await.unwrap();
    let newer = Vault::new(rows.clone(), &second).tokenize(&items[200..]).await.unwrap();
    let tokens = [older, newer].concat();
    let listed = rows.list(None, u32::MAX).await.unwrap();
    let listed: Vec<Row> = listed.into_iter().map(|(_, row)| row).collect();
    open(&settings).await.0.again(Older(&settings, &listed)).await.unwrap();

    let instances = futures_util::future::join_all((0..4).map(|_| open(&settings))).await;
    let store = Arc::new(instances.into_iter().next().unwrap());
    let vault = Vault::new(store.clone(), &second);
    let opened = vault.detokenize(tokens.clone()).await.unwrap();
    for (opened, value) in opened.into_iter().zip(&values) {
        assert_eq!(opened.unwrap().value.as_ref(), Some(value));
    }
    assert_eq!(vault.tokenize(&items).await.unwrap(), tokens);
    let verified = vault.verify(|_| {}).await.unwrap();
    assert_eq!((verified.tokens, verified.damaged), (150, vec![]));
    let late =
        Vault::new(store.clone(), &first).tokenize(&[(&category, &Cleartext::new("Neu"))]).await;
    assert!(matches!(late, Err(VaultError::KeyGone(2))), "{late:?}");
    vault.keep_up(1, |_| {}).await.unwrap();
    assert_eq!(store.count().await.unwrap(), BTreeMap::from([(2, 150)]));
    let pieces = "SELECT count(*) FROM quarantine WHERE version IS NULL";
    assert_eq!(store.rows(pieces, &[]).await.unwrap()[0].get::<_, i64>(0), 1);
}

/// Whoever is told that nothing was kept for a person has to be told the truth.
#[tokio::test]
async fn an_erasure_whose_answer_is_lost_is_not_done_again() {
    let (settings, keyset) = (settings(), Keyset::generate(&"acme".into()).unwrap());
    let store = Arc::new(open(&settings).await);
    let vault = Vault::new(store.clone(), &keyset);
    let subject = crate::base::SubjectId([1; 16]);
    let (category, value) = (Category::from("name"), Cleartext::new("Anna"));
    let item = crate::vault::ToKeep {
        item: (&category, &value),
        form: Form::Word,
        holder: Some(subject),
        realms: &[],
        scope: crate::base::Scope::Tenant,
    };
    vault.keep(&[item]).await.unwrap();
    // The connection ends with the commit.
    let die = "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';
        CREATE CONSTRAINT TRIGGER die AFTER DELETE ON copy DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION die()";
    store.0.again(Script(die)).await.unwrap();
    let lost = vault.erase(&[subject]).await;
    assert!(matches!(lost, Err(VaultError::Unavailable(_))), "{lost:?}");
    store.0.again(Script("DROP TRIGGER die ON copy")).await.unwrap();
    let erased = vault.erase(&[subject]).await.unwrap();
    assert_eq!((erased.keys, erased.copies, erased.tokens), (1, 1, 1), "it was rolled back");
}
