// SPDX-License-Identifier: Apache-2.0

use rusqlite::Connection;

use super::*;
use crate::postgres::Postgres;
use crate::sqlite::Database;
use crate::testkit::postgres::settings;
use crate::testkit::{Scratch, wait_for};
use crate::vault::{PostgresStore, SqliteStore, TokenStore, Vault};

fn at(days: u64) -> Timestamp {
    Timestamp::from_unix_millis(days * 86_400_000)
}

async fn found(quarantine: &Quarantine, of: &BatchName) -> Vec<String> {
    let found = quarantine.find(of).await.unwrap();
    found.iter().map(|text| text.expose().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_is_known_until_its_time_is_over() {
    let scratch = Scratch::new();
    let path = scratch.file("vault");
    let keyset = Keyset::generate(&"acme".into()).unwrap();
    conforms(|| Quarantine::new(sqlite(&path, &keyset).1, &keyset)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_in_the_shared_database() {
    let settings = settings();
    let keyset = Keyset::generate(&"acme".into()).unwrap();
    let open = || {
        let database = wait_for(Postgres::open(settings.clone(), &keyset.tenant)).unwrap();
        Quarantine::new(Arc::new(PostgresQuarantine::new(&database)), &keyset)
    };
    conforms(open).await;
}

fn sqlite(path: &std::path::Path, keyset: &Keyset) -> (Database, Arc<SqliteQuarantine>) {
    let database = Database::open(path, &keyset.tenant).unwrap();
    let store = Arc::new(SqliteQuarantine::new(&database).unwrap());
    (database, store)
}

async fn conforms(open: impl Fn() -> Quarantine) {
    let job = |batch: &str| BatchName { upstream: "sales".into(), batch: batch.into() };
    let [first, second, third] = [1, 2, 3].map(|number| EntryId([number; 16]));
    let quarantine = open();
    quarantine.keep(&job("a"), first, &[Cleartext::new("Anna")], at(1)).await.unwrap();
    quarantine.keep(&job("b"), first, &[Cleartext::new("Bert")], at(2)).await.unwrap();
    let other = BatchName { upstream: "support".into(), ..job("a") };
    assert_eq!(found(&quarantine, &other).await, Vec::<String>::new());

    // Nobody knows whether the first request was taken, but the second was not.
    quarantine.keep(&job("a"), second, &[Cleartext::new("Berta")], at(3)).await.unwrap();
    assert_eq!(found(&quarantine, &job("a")).await, ["Anna", "Berta"]);
    assert_eq!(quarantine.size(&job("a")).await.unwrap(), 9 + 2 * Siv::TAG_BYTES);
    assert_eq!(quarantine.size(&job("c")).await.unwrap(), 0);
    quarantine.settle(&job("a"), second, false).await.unwrap();
    drop(quarantine);
    let quarantine = open();
    assert_eq!(found(&quarantine, &job("a")).await, ["Anna"]);
    // The third was, with nothing left out: so the first was not.
    quarantine.settle(&job("a"), third, true).await.unwrap();
    assert_eq!(found(&quarantine, &job("a")).await, Vec::<String>::new());
    assert_eq!(found(&quarantine, &job("b")).await, ["Bert"]);

    quarantine.forget(at(32)).await.unwrap();
    assert_eq!(found(&quarantine, &job("b")).await, ["Bert"]);
    quarantine.forget(at(33)).await.unwrap();
    assert_eq!(found(&quarantine, &job("b")).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_opens_in_its_place_only_and_holds_no_clear_value() {
    let scratch = Scratch::new();
    let path = scratch.file("vault");
    let keyset = Keyset::generate(&"acme".into()).unwrap();
    let (database, store) = sqlite(&path, &keyset);
    let quarantine = Quarantine::new(store, &keyset);
    let job = |batch: &str| BatchName { upstream: "sales".into(), batch: batch.into() };
    let request = EntryId([1; 16]);
    quarantine.keep(&job("a"), request, &[Cleartext::new("Anna Muster")], at(1)).await.unwrap();
    let moved = |connection: &Connection| {
        connection.execute("UPDATE quarantine SET batch = 'b'", []).map(|_| ())
    };
    database.write(moved).await.unwrap();
    quarantine.find(&job("b")).await.unwrap_err();
    drop((database, quarantine));
    for entry in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(4).any(|window| window == b"Anna"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_under_a_key_that_may_be_destroyed() {
    let scratch = Scratch::new();
    let first = Keyset::generate(&"acme".into()).unwrap();
    let (database, store) = sqlite(&scratch.file("vault"), &first);
    let tokens = Arc::new(SqliteStore::new(&database).unwrap());
    versions_are_minded(tokens, store, &first).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_is_it_in_the_shared_database() {
    let first = Keyset::generate(&"acme".into()).unwrap();
    let database = Postgres::open(settings(), &first.tenant).await.unwrap();
    let tokens = Arc::new(PostgresStore::new(&database));
    let store = Arc::new(PostgresQuarantine::new(&database));
    versions_are_minded(tokens, store.clone(), &first).await;
    // Kept before versions were kept with them: nobody knows which key they need.
    let unknown = "UPDATE quarantine SET version = NULL";
    database.again(crate::postgres::Query(unknown, &[])).await.unwrap();
    let quarantine = Quarantine::new(store, &first.rotated());
    for version in [1, 2] {
        assert_eq!(quarantine.count_under(version).await.unwrap(), 3);
    }
}

async fn versions_are_minded(
    tokens: Arc<dyn TokenStore>,
    store: Arc<dyn QuarantineStore>,
    first: &Keyset,
) {
    let second = first.rotated();
    let preparing = Quarantine::new(store.clone(), &first.preparing(&second));
    let [before, after] = [first, &second].map(|keyset| Quarantine::new(store.clone(), keyset));
    let of = BatchName { upstream: "sales".into(), batch: "job".into() };
    let keep = async |quarantine: &Quarantine, number: u8, name: &str| {
        let request = EntryId([number; 16]);
        quarantine.keep(&of, request, &[Cleartext::new(name)], at(1)).await
    };
    keep(&before, 1, "Anna").await.unwrap();
    keep(&after, 2, "Bert").await.unwrap();
    let name = ("name".into(), Cleartext::new("Carl"));
    Vault::new(tokens, &second).tokenize(&[(&name.0, &name.1)]).await.unwrap();
    // Whoever counts what is under the old key from now on, and destroys it, loses nothing.
    let late = keep(&before, 3, "Dora").await;
    assert!(matches!(late, Err(QuarantineError::KeyGone(2))), "{late:?}");
    keep(&preparing, 4, "Emil").await.unwrap();
    let counts = [after.count_under(1).await.unwrap(), after.count_under(2).await.unwrap()];
    assert_eq!(counts, [1, 2]);
    assert_eq!(found(&after, &of).await, ["Anna", "Bert", "Emil"]);
    assert_eq!(found(&preparing, &of).await, ["Anna", "Bert", "Emil"]);
    let unknown = before.find(&of).await;
    assert!(matches!(unknown, Err(QuarantineError::KeyGone(2))), "{unknown:?}");
}
