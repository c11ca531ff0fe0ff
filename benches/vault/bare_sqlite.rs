// SPDX-License-Identifier: Apache-2.0
//! SQLite alone, with the statements that are least work.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use zollhaus::vault::{Holder, Token};

use super::{Bare, Stored};

const TABLES: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA secure_delete = ON;
    PRAGMA wal_autocheckpoint = 16384;
    CREATE TABLE token (
        number INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE, category TEXT NOT NULL,
        version INTEGER NOT NULL, rough BLOB NOT NULL
    ) STRICT;
    CREATE INDEX token_by_rough ON token (rough);
    CREATE INDEX token_by_version ON token (version);
    CREATE TABLE copy (
        token INTEGER NOT NULL, key BLOB NOT NULL, version INTEGER NOT NULL, sealed BLOB NOT NULL,
        PRIMARY KEY (token, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX copy_by_key ON copy (key) WHERE key <> x'';
    CREATE TABLE found_by (
        code BLOB NOT NULL, token INTEGER NOT NULL, PRIMARY KEY (code, token)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX found_by_token ON found_by (token);
    CREATE TABLE subject_key (
        id BLOB PRIMARY KEY, subject BLOB UNIQUE, version INTEGER, wrapped BLOB
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX subject_key_by_version ON subject_key (version);";

const FIND: &str = "
    SELECT token.word, category, token.version, rough, copy.version, sealed, id, subject,
        subject_key.version, wrapped
    FROM token JOIN copy ON copy.token = number LEFT JOIN subject_key ON id = key
    WHERE token.word = ?1";

const SIZES: &str = "
    SELECT total(pgsize),
        total(CASE WHEN name LIKE '%\\_by%' ESCAPE '\\' OR name LIKE 'sqlite_autoindex%'
            THEN pgsize END)
    FROM dbstat";

pub struct BareSqlite {
    connection: Connection,
    /// The file of the vault.
    beside: PathBuf,
}

impl BareSqlite {
    /// With a cache of so many bytes.
    pub fn new(path: &Path, beside: &Path, cache: usize) -> Self {
        let connection = Connection::open(path).expect("a database");
        // Below zero: KiB, not pages.
        connection.pragma_update(None, "cache_size", -((cache >> 10) as i64)).expect("a cache");
        connection.execute_batch(TABLES).expect("its tables");
        Self { connection, beside: beside.to_owned() }
    }
}

impl Bare for BareSqlite {
    async fn insert(&mut self, rows: &[Stored]) {
        let transaction = self.connection.transaction().expect("a transaction");
        {
            let prepare = |sql| transaction.prepare_cached(sql).expect("a statement");
            let mut token = prepare("INSERT INTO token VALUES (NULL, ?1, ?2, ?3, ?4)");
            let mut copy = prepare("INSERT INTO copy VALUES (?1, ?2, ?3, ?4)");
            let mut subject_key =
                prepare("INSERT OR IGNORE INTO subject_key VALUES (?1, ?2, ?3, ?4)");
            let mut found_by = prepare("INSERT INTO found_by VALUES (?1, ?2)");
            for (row, codes) in rows {
                let (word, held) = (row.token.as_str(), row.held.as_ref().expect("it is held"));
                let (id, version): (&[u8], _) = match &held.by {
                    Holder::House(version) => (&[], *version),
                    Holder::Subject(key) => {
                        let values = params![key.id.0, key.subject.0, key.version, key.wrapped];
                        subject_key.execute(values).expect("a key");
                        (&key.id.0, 0)
                    }
                };
                let values = params![word, row.category.as_str(), row.version, row.rough.0];
                let number = token.insert(values).expect("a row");
                copy.execute(params![number, id, version, held.sealed]).expect("a row");
                for code in codes {
                    found_by.execute(params![code.0, number]).expect("a row");
                }
            }
        }
        transaction.commit().expect("it is durable");
    }

    async fn find(&mut self, tokens: &[Token]) -> usize {
        let transaction = self.connection.transaction().expect("a transaction");
        let mut statement = transaction.prepare_cached(FIND).expect("a statement");
        let found = tokens.iter().filter(|token| {
            let read = |row: &rusqlite::Row<'_>| {
                let texts: (String, String) = (row.get(0)?, row.get(1)?);
                let blobs: (Vec<u8>, Vec<u8>) = (row.get(3)?, row.get(5)?);
                let keys: (Option<Vec<u8>>, Option<Vec<u8>>) = (row.get(6)?, row.get(9)?);
                Ok(std::hint::black_box((texts, blobs, keys)))
            };
            statement.query_row([token.as_str()], read).is_ok()
        });
        found.count()
    }

    async fn sizes(&mut self) -> [(f64, f64); 2] {
        let of = |connection: &Connection| {
            let sizes = connection.query_row(SIZES, [], |row| Ok((row.get(0)?, row.get(1)?)));
            sizes.expect("its pages")
        };
        [of(&Connection::open(&self.beside).expect("the vault")), of(&self.connection)]
    }
}
