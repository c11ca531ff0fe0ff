// SPDX-License-Identifier: Apache-2.0

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};

use super::{Index, MAX_FOUND, Row, Token, VaultError};
use crate::base::{Category, Tenant};
use crate::keys::create_private;

/// Kept in `user_version`.
const FORMAT: i64 = 1;

const SCHEMA: &str = "
    CREATE TABLE vault (tenant TEXT NOT NULL, probe BLOB NOT NULL) STRICT;
    CREATE TABLE token (
        word TEXT PRIMARY KEY,
        category TEXT NOT NULL,
        sealed BLOB NOT NULL,
        folded BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX token_by_folded ON token (folded, word);
";

/// How long to wait for another process, such as a backup, that holds the lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the file is and whose it must be.
#[derive(Clone, Debug)]
pub(super) struct Database {
    path: PathBuf,
    tenant: Tenant,
}

impl Database {
    pub(super) fn new(path: &Path, tenant: &Tenant) -> Self {
        Self { path: path.to_owned(), tenant: tenant.clone() }
    }

    /// Makes the file and its tables where they are missing.
    pub(super) fn create(&self) -> Result<(), VaultError> {
        // SQLite gives its side files the mode of the main file, so it is made first.
        match create_private(&self.path, b"") {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                let problem = format!("`{}`: {error}", self.path.display());
                return Err(VaultError::Unavailable(problem));
            }
            Ok(()) | Err(_) => {}
        }
        let mut connection = self.connect_unchecked()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let is_new: bool =
            transaction
                .query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))?;
        if is_new {
            transaction.execute_batch(SCHEMA)?;
            transaction.execute("INSERT INTO vault VALUES (?1, x'')", [self.tenant.as_str()])?;
            transaction.pragma_update(None, "user_version", FORMAT)?;
        }
        transaction.commit()?;
        self.check(&connection)
    }

    /// A connection to read and write with.
    pub(super) fn connect(&self) -> Result<Connection, VaultError> {
        let connection = self.connect_unchecked()?;
        self.check(&connection)?;
        Ok(connection)
    }

    fn connect_unchecked(&self) -> Result<Connection, VaultError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "fullfsync", true)?;
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        if mode != "wal" {
            return Err(self.unusable("the file system does not allow a write-ahead log"));
        }
        Ok(connection)
    }

    fn check(&self, connection: &Connection) -> Result<(), VaultError> {
        let format: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match format {
            FORMAT => {}
            0 => return Err(self.unusable("it is a database, but not a vault of Zollhaus")),
            other => {
                return Err(self
                    .unusable(&format!("its format is {other}, and this version reads {FORMAT}")));
            }
        }
        let tenant: String =
            connection.query_row("SELECT tenant FROM vault", [], |row| row.get(0))?;
        if tenant == self.tenant.as_str() {
            Ok(())
        } else {
            let problem = format!("it is of tenant `{tenant}`, not of `{}`", self.tenant);
            Err(self.unusable(&problem))
        }
    }

    fn unusable(&self, problem: &str) -> VaultError {
        VaultError::Unusable { path: self.path.clone(), problem: problem.to_owned() }
    }
}

/// Inserts a row unless there is one under its token, and returns the one that is
/// there then.
pub(super) fn insert(connection: &Connection, row: Row) -> rusqlite::Result<Row> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO token (word, category, sealed, folded) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (word) DO NOTHING",
    )?;
    let (word, category) = (row.token.as_str(), row.category.as_str());
    match statement.execute(params![word, category, row.sealed, row.folded.0])? {
        0 => find(connection, &row.token)?.ok_or(rusqlite::Error::QueryReturnedNoRows),
        _ => Ok(row),
    }
}

pub(super) fn find(connection: &Connection, token: &Token) -> rusqlite::Result<Option<Row>> {
    let mut statement =
        connection.prepare_cached("SELECT category, sealed, folded FROM token WHERE word = ?1")?;
    let row = statement.query_row([token.as_str()], |row| {
        Ok(Row {
            token: token.clone(),
            category: Category::new(row.get_ref(0)?.as_str()?),
            sealed: row.get(1)?,
            folded: Index(row.get(2)?),
        })
    });
    row.optional()
}

pub(super) fn find_by_index(connection: &Connection, index: Index) -> rusqlite::Result<Vec<Token>> {
    let mut statement = connection
        .prepare_cached("SELECT word FROM token WHERE folded = ?1 ORDER BY word LIMIT ?2")?;
    statement.query_map(params![index.0, MAX_FOUND], |row| row.get(0))?.collect()
}

/// Writes as much as a common batch does: a full disk often has room for less.
pub(super) fn probe(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("UPDATE vault SET probe = randomblob(16384)", []).map(|_| ())
}

impl FromSql for Token {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::parse(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

impl From<rusqlite::Error> for VaultError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..) => Self::Corrupt(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}
