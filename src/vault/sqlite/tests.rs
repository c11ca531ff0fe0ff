// SPDX-License-Identifier: Apache-2.0

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::*;
use crate::base::Category;
use crate::testkit::Scratch;
use crate::vault::conformance;

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, &"acme".into()).unwrap()
}

fn row(number: u8) -> Row {
    Row {
        token: Token::from_code(&[number; 32]),
        category: Category::from("email"),
        sealed: vec![number; 4000],
        folded: Index([number; 16]),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms() {
    let scratch = Scratch::new();
    let path = scratch.file("vault.db");
    conformance::run(|| Arc::new(open(&path))).await;
}

#[tokio::test]
async fn the_file_is_for_its_owner_and_syncs_fully() {
    let scratch = Scratch::new();
    let path = scratch.file("vault.db");
    let store = open(&path);
    store.insert(vec![row(1)]).await.unwrap();
    #[cfg(unix)]
    for file in ["vault.db", "vault.db-wal"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(scratch.file(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let connection = Database::new(&path, &"acme".into()).connect().unwrap();
    let full = connection.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0));
    assert_eq!(full.unwrap(), 2);
}

#[tokio::test]
async fn files_of_others_are_refused() {
    let scratch = Scratch::new();
    let check = |name: &str, prepare: &str, problem: &str| {
        let path = scratch.file(name);
        drop(open(&path));
        Connection::open(&path).unwrap().execute_batch(prepare).unwrap();
        let error = SqliteStore::open(&path, &"acme".into()).unwrap_err();
        assert!(matches!(error, VaultError::Unusable { .. }), "{error}");
        assert!(error.to_string().contains(problem), "{error}");
    };
    check("tenant.db", "UPDATE vault SET tenant = 'bolt'", "`bolt`");
    check("newer.db", "PRAGMA user_version = 2", "format is 2");
    check("foreign.db", "PRAGMA user_version = 0", "not a vault");

    std::fs::write(scratch.file("text.db"), "this is no database".repeat(100)).unwrap();
    let error = SqliteStore::open(&scratch.file("text.db"), &"acme".into()).unwrap_err();
    assert!(matches!(error, VaultError::Unavailable(_)), "{error}");
}

/// Both connections fail once and must come back. What fails is the one thing that
/// a unit test can break and mend again: the table is not there for a while.
#[tokio::test]
async fn a_store_that_could_not_be_written_recovers() {
    let scratch = Scratch::new();
    let path = scratch.file("vault.db");
    let store = open(&path);
    store.insert(vec![row(1)]).await.unwrap();

    let other = Connection::open(&path).unwrap();
    other.execute_batch("ALTER TABLE token RENAME TO away").unwrap();
    assert!(matches!(store.insert(vec![row(2)]).await, Err(VaultError::Unavailable(_))));
    assert!(matches!(store.find(vec![row(1).token]).await, Err(VaultError::Unavailable(_))));
    other.execute_batch("ALTER TABLE away RENAME TO token").unwrap();

    assert_eq!(store.insert(vec![row(2)]).await.unwrap(), [row(2)]);
    assert_eq!(store.find(vec![row(1).token]).await.unwrap(), [Some(row(1))]);
    store.health().await.unwrap();
}

#[tokio::test]
async fn health_writes() {
    let scratch = Scratch::new();
    let path = scratch.file("vault.db");
    let store = open(&path);
    let connection = Connection::open(&path).unwrap();
    let probe = || {
        let probe = connection.query_row("SELECT probe FROM vault", [], |row| row.get(0));
        probe.unwrap()
    };
    let before: Vec<u8> = probe();
    store.health().await.unwrap();
    assert_ne!(probe(), before);
}

#[tokio::test]
async fn a_damaged_row_is_corrupt_and_not_missing() {
    let scratch = Scratch::new();
    let path = scratch.file("vault.db");
    let store = open(&path);
    store.insert(vec![row(1)]).await.unwrap();
    let connection = Connection::open(&path).unwrap();
    connection.execute("UPDATE token SET folded = x'00'", []).unwrap();
    let found = store.find(vec![row(1).token]).await;
    assert!(matches!(found, Err(VaultError::Corrupt(_))), "{found:?}");
}
