// SPDX-License-Identifier: Apache-2.0

use std::path::Path;

use rusqlite::Connection;

use super::*;
use crate::testkit::Scratch;

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS number (number INTEGER NOT NULL) STRICT";

fn open(path: &Path) -> Database {
    let database = Database::open(path, &"acme".into()).unwrap();
    database.define(SCHEMA).unwrap();
    database
}

async fn insert(database: &Database, number: i64) -> Result<(), DatabaseError> {
    let insert = move |connection: &Connection| {
        connection.execute("INSERT INTO number VALUES (?1)", [number]).map(|_| ())
    };
    database.write(insert).await
}

async fn sum(database: &Database) -> Result<i64, DatabaseError> {
    let sum = "SELECT coalesce(sum(number), 0) FROM number";
    database.read(move |connection| connection.query_row(sum, [], |row| row.get(0))).await
}

#[tokio::test]
async fn the_file_is_for_its_owner_and_syncs_fully() {
    let scratch = Scratch::new();
    let path = scratch.file("house.db");
    let database = open(&path);
    insert(&database, 1).await.unwrap();
    #[cfg(unix)]
    for file in ["house.db", "house.db-wal"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(scratch.file(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let full = |connection: &Connection| {
        connection.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0))
    };
    assert_eq!(database.write(full).await.unwrap(), 2);
}

#[tokio::test]
async fn files_of_others_are_refused() {
    let scratch = Scratch::new();
    let check = |name: &str, prepare: &str, problem: &str| {
        let path = scratch.file(name);
        drop(open(&path));
        Connection::open(&path).unwrap().execute_batch(prepare).unwrap();
        let error = Database::open(&path, &"acme".into()).unwrap_err();
        assert!(matches!(error, DatabaseError::Unusable { .. }), "{error}");
        assert!(error.to_string().contains(problem), "{error}");
    };
    check("tenant.db", "UPDATE house SET tenant = 'bolt'", "`bolt`");
    check("older.db", "PRAGMA user_version = 2", "format is 2");
    check("newer.db", "PRAGMA user_version = 7", "format is 7");
    check("foreign.db", "PRAGMA user_version = 0", "not one of Zollhaus");

    std::fs::write(scratch.file("text.db"), "this is no database".repeat(100)).unwrap();
    let error = Database::open(&scratch.file("text.db"), &"acme".into()).unwrap_err();
    assert!(matches!(error, DatabaseError::Unavailable(_)), "{error}");
}

/// As the version before left them: a house, and a backup of its keys of data subjects.
#[tokio::test]
async fn files_of_the_format_before_are_brought_forward() {
    let scratch = Scratch::new();
    let older = |name: &str, tables: &str| {
        let path = scratch.file(name);
        drop(open(&path));
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(tables).unwrap();
        connection.pragma_update(None, "user_version", 5).unwrap();
        path
    };
    let keys = "CREATE TABLE subject_key (id BLOB PRIMARY KEY, subject BLOB UNIQUE,
            version INTEGER, wrapped BLOB) STRICT, WITHOUT ROWID;
        CREATE INDEX subject_key_by_version ON subject_key (version);
        INSERT INTO subject_key VALUES (x'01', x'02', 1, x'03')";
    let realm = |connection: &Connection| {
        connection.query_row("SELECT id, realm FROM subject_key", [], |row| {
            Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, String>(1)?))
        })
    };
    let of_house = (vec![1], String::new());
    let (house, backup) = (older("house.db", keys), older("keys.db", keys));
    let database = open(&house);
    assert_eq!(database.read(realm).await.unwrap(), of_house);
    drop(open(&older("empty.db", "")));
    // Nothing is written to what is only looked at.
    let same = "SELECT EXISTS (SELECT 1 FROM other.subject_key JOIN main.subject_key USING (id))";
    assert!(database.compare_with(&backup, same).unwrap());
    let format = |path: &Path| -> i64 {
        let connection = Connection::open(path).unwrap();
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    };
    assert_eq!((format(&house), format(&backup)), (6, 5));
    database.write(|it| it.execute("DELETE FROM subject_key", [])).await.unwrap();
    database.take_table_from(&backup, "subject_key").unwrap();
    assert_eq!(database.read(realm).await.unwrap(), of_house);
}

/// Both connections fail once and must come back. What fails is the one thing that
/// a unit test can break and mend again: the table is not there for a while.
#[tokio::test]
async fn a_database_that_could_not_be_written_recovers() {
    let scratch = Scratch::new();
    let path = scratch.file("house.db");
    let database = open(&path);
    insert(&database, 1).await.unwrap();

    let other = Connection::open(&path).unwrap();
    other.execute_batch("ALTER TABLE number RENAME TO away").unwrap();
    assert!(matches!(insert(&database, 2).await, Err(DatabaseError::Unavailable(_))));
    assert!(matches!(sum(&database).await, Err(DatabaseError::Unavailable(_))));
    other.execute_batch("ALTER TABLE away RENAME TO number").unwrap();

    insert(&database, 2).await.unwrap();
    assert_eq!(sum(&database).await.unwrap(), 3);
    database.health().await.unwrap();
}

/// Two jobs that stand in the queue together share a transaction: where one fails,
/// the other must not be told that it is stored.
#[tokio::test]
async fn work_that_shares_a_failed_transaction_fails_too() {
    let scratch = Scratch::new();
    let database = open(&scratch.file("house.db"));
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let holding = database.clone();
    let first = tokio::spawn(async move {
        let hold = move |_: &Connection| {
            let _ = begun.send(());
            let _ = wait.recv();
            Ok(())
        };
        holding.write(hold).await
    });
    has_begun.await.unwrap();
    let failing = database.write(|connection| connection.execute_batch("no SQL"));
    let sound = insert(&database, 1);
    // Both are in the queue before the writer is let go: they are polled in this order.
    let (failing, sound, _) = tokio::join!(failing, sound, async { go.send(()) });
    first.await.unwrap().unwrap();
    assert!(failing.is_err() && sound.is_err());
    assert_eq!(sum(&database).await.unwrap(), 0);
}

#[tokio::test]
async fn health_writes() {
    let scratch = Scratch::new();
    let path = scratch.file("house.db");
    let database = open(&path);
    let connection = Connection::open(&path).unwrap();
    let probe = || {
        let probe = connection.query_row("SELECT probe FROM house", [], |row| row.get(0));
        probe.unwrap()
    };
    let before: Vec<u8> = probe();
    database.health().await.unwrap();
    assert_ne!(probe(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_file_is_none_of_ours_and_stays_as_it_is() {
    let scratch = Scratch::new();
    let path = scratch.file("house.db");
    let existing = || Database::open_existing(&path, &"acme".into());
    assert!(existing().is_err());
    assert!(!path.exists());
    std::fs::write(&path, b"").unwrap();
    assert!(matches!(existing(), Err(DatabaseError::Unusable { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), b"");
    std::fs::remove_file(&path).unwrap();
    insert(&open(&path), 2).await.unwrap();
    assert_eq!(sum(&existing().unwrap()).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_has_its_name_when_it_is_whole_and_replaces_nothing() {
    let scratch = Scratch::new();
    let database = open(&scratch.file("house.db"));
    insert(&database, 2).await.unwrap();
    let files = || std::fs::read_dir(scratch.file("")).unwrap().count();
    let before = files();
    for name in ["it's a copy?mode=memory#%41", "copy"] {
        let copy = scratch.file(name);
        database.copy_to(&copy, &[]).unwrap();
        assert_eq!(sum(&open(&copy)).await.unwrap(), 2, "{name}");
    }
    let other = scratch.file("other");
    std::fs::write(&other, b"of another").unwrap();
    assert!(database.copy_to(&other, &[]).is_err());
    assert_eq!(std::fs::read(&other).unwrap(), b"of another");
    assert_eq!(files(), before + 3, "no part is left");
    // Another copy to the same place may be under way.
    std::fs::write(scratch.file("next.part"), b"of another").unwrap();
    assert!(database.copy_to(&scratch.file("next"), &[]).is_err());
    assert!(!scratch.file("next").exists());
    assert_eq!(std::fs::read(scratch.file("next.part")).unwrap(), b"of another");
}

#[test]
fn no_name_is_a_uri_or_memory() {
    for name in ["file:house.db?mode=memory", ":memory:"] {
        assert!(file::as_file(Path::new(name)).starts_with("."), "{name}");
    }
    assert_eq!(file::as_file(Path::new("/house.db")), Path::new("/house.db"));
}

/// As when two instances of a house are started for the first time, at once.
#[tokio::test(flavor = "multi_thread")]
async fn several_make_one_file_together() {
    let scratch = Scratch::new();
    for round in 0..10 {
        let path = scratch.file(&format!("house-{round}.db"));
        let start = Arc::new(std::sync::Barrier::new(4));
        let opening: Vec<_> = (0..4)
            .map(|_| {
                let (path, start) = (path.clone(), Arc::clone(&start));
                std::thread::spawn(move || {
                    start.wait();
                    let database = Database::open(&path, &"acme".into())?;
                    database.define(SCHEMA)
                })
            })
            .collect();
        for opened in opening {
            opened.join().unwrap().unwrap();
        }
        insert(&open(&path), 1).await.unwrap();
    }
}
