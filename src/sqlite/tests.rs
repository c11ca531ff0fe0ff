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
async fn its_connections_share_the_cache() {
    let scratch = Scratch::new();
    let path = scratch.file("house.db");
    let database = Database::open_with(&path, &"acme".into(), 20 << 20).unwrap();
    let kib = |connection: &Connection| {
        connection.pragma_query_value(None, "cache_size", |row| row.get::<_, i64>(0))
    };
    let readers = readers::READERS as i64;
    let all = database.write(kib).await.unwrap() + readers * database.read(kib).await.unwrap();
    assert_eq!(all, -20 << 10, "below zero: in KiB");
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
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_was_cut_off_is_written_anew_and_that_of_another_is_left() {
    let scratch = Scratch::new();
    let database = open(&scratch.file("house.db"));
    insert(&database, 2).await.unwrap();
    let (next, part) = (scratch.file("next"), scratch.file("next.part"));
    let table = || database.copy_table_to(&next, "number", SCHEMA);
    std::fs::write(&part, b"of another").unwrap();
    let writing = std::fs::File::open(&part).unwrap();
    writing.lock().unwrap();
    for refused in [table(), database.copy_to(&next, &[])] {
        assert!(refused.unwrap_err().to_string().contains("is being written by another"));
        assert!(!next.exists());
        assert_eq!(std::fs::read(&part).unwrap(), b"of another");
    }
    drop(writing);
    // What belongs to the file that was cut off is no journal of the new one.
    std::fs::write(scratch.file("next.part-journal"), b"of another").unwrap();
    table().unwrap();
    assert_eq!(sum(&open(&next)).await.unwrap(), 2);
    std::fs::write(&part, b"of another").unwrap();
    table().unwrap();
    std::fs::remove_file(&next).unwrap();
    std::fs::write(&part, b"of another").unwrap();
    database.copy_to(&next, &[]).unwrap();
    assert_eq!(sum(&open(&next)).await.unwrap(), 2);
    std::fs::create_dir(&part).unwrap();
    assert!(table().unwrap_err().to_string().contains("is there, and is no file"));
    assert!(!scratch.file("next.part-journal").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn several_copy_to_one_place_and_each_copy_is_whole() {
    let scratch = Scratch::new();
    let database = open(&scratch.file("house.db"));
    insert(&database, 2).await.unwrap();
    let copy = scratch.file("copy");
    let start = Arc::new(std::sync::Barrier::new(4));
    let copying: Vec<_> = (0..4)
        .map(|number| {
            let (database, copy, start) = (database.clone(), copy.clone(), Arc::clone(&start));
            let own = scratch.file(&format!("own-{number}"));
            std::thread::spawn(move || {
                start.wait();
                let is_done = |_: &u32| {
                    let is_done = database.copy_table_to(&copy, "number", SCHEMA).is_ok();
                    // Whoever has written it last.
                    if is_done {
                        std::fs::copy(&copy, &own).unwrap();
                        let own = Connection::open(&own).unwrap();
                        let sum =
                            own.query_row("SELECT sum(number) FROM number", [], |row| row.get(0));
                        assert_eq!(sum, Ok(2));
                    }
                    is_done
                };
                (0..20).filter(is_done).count()
            })
        })
        .collect();
    let done: usize = copying.into_iter().map(|copying| copying.join().unwrap()).sum();
    assert!(done > 0);
    assert_eq!(sum(&open(&copy)).await.unwrap(), 2);
    assert!(!scratch.file("copy.part").exists());
}

/// Nothing was deleted from it: pages that were in use would be free now.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_left_out_of_a_copy_were_never_in_it() {
    let scratch = Scratch::new();
    let database = open(&scratch.file("house.db"));
    database.define("CREATE TABLE other (text TEXT UNIQUE) STRICT").unwrap();
    database.define("CREATE INDEX other_by_length ON other (length(text))").unwrap();
    let fill = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 9999)
         INSERT INTO number SELECT n FROM n";
    let filled = database.write(move |connection| {
        connection.execute_batch(fill)?;
        connection.execute_batch("INSERT INTO other VALUES ('x')")
    });
    filled.await.unwrap();
    let path = scratch.file("copy");
    database.copy_to(&path, &["number"]).unwrap();
    let copy = Connection::open(&path).unwrap();
    let count = |query: &str| copy.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM number"), 0);
    assert_eq!(count("PRAGMA freelist_count"), 0);
    assert_eq!(count("SELECT count(*) FROM other WHERE text = 'x' AND length(text) = 1"), 1);
    drop(copy);
    let copy = Database::open_existing(&path, &"acme".into()).unwrap();
    copy.verify().unwrap();
    let [own, copied] = [&database, &copy].map(|database| {
        let schema = |connection: &Connection| {
            let sql = "SELECT group_concat(sql) FROM (SELECT sql FROM sqlite_schema ORDER BY name)";
            connection.query_row(sql, [], |row| row.get::<_, String>(0))
        };
        database.read(schema)
    });
    assert_eq!(own.await.unwrap(), copied.await.unwrap());
}

/// Each transaction changes both tables.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_of_one_state() {
    let scratch = Scratch::new();
    let database = open(&scratch.file("house.db"));
    // It takes a while to copy what stands between them.
    let middle = "CREATE TABLE middle AS
        WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 50000)
        SELECT n, hex(randomblob(20)) FROM n";
    database.define(middle).unwrap();
    database.define("CREATE TABLE twin (number INTEGER NOT NULL) STRICT").unwrap();
    let writing = database.clone();
    let (end, mut has_ended) = tokio::sync::oneshot::channel::<()>();
    let writing = tokio::spawn(async move {
        while has_ended.try_recv().is_err() {
            let both = "INSERT INTO number VALUES (1); INSERT INTO twin VALUES (1)";
            writing.write(move |connection| connection.execute_batch(both)).await.unwrap();
        }
    });
    for number in 0..10 {
        let path = scratch.file(&format!("copy-{number}"));
        tokio::task::block_in_place(|| database.copy_to(&path, &[])).unwrap();
        let differ = "SELECT (SELECT count(*) FROM number) <> (SELECT count(*) FROM twin)";
        let copy = Connection::open(&path).unwrap();
        assert!(!copy.query_row(differ, [], |row| row.get::<_, bool>(0)).unwrap());
    }
    end.send(()).unwrap();
    writing.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_read_is_wiped_when_they_have_done() {
    let scratch = Scratch::new();
    let path = scratch.file("house.db");
    let database = open(&path);
    insert(&database, 1).await.unwrap();
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM number").unwrap();
    database.write(|connection| connection.execute_batch("DELETE FROM number")).await.unwrap();
    assert!(!database.wipe().await.unwrap());
    reader.execute_batch("COMMIT").unwrap();
    assert!(database.wipe().await.unwrap());
    assert_eq!(std::fs::metadata(scratch.file("house.db-wal")).unwrap().len(), 0);
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
