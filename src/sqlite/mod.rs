// SPDX-License-Identifier: Apache-2.0
//! The embedded database: one SQLite file beside the process, for every store that
//! is kept in it.
//!
//! One thread writes, and commits everything that waits for it at once; readers
//! run beside it on blocking threads. A connection that failed is thrown away and
//! made anew for the next request, so the database comes back by itself once the
//! disk has room or can be written again.
//!
//! It knows no tables but its own: each store defines those that it needs. Stores
//! share the file, because SQLite has one writer per file: so what different stores
//! write at one time costs one sync, and one backup holds a state that fits together.

mod file;
mod part;
mod readers;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

use file::DatabaseFile;
use readers::Readers;
use writer::Writer;

use crate::base::Tenant;

/// An SQLite file (WAL, `synchronous=FULL`) that other processes may use beside us.
///
/// Must be used within a tokio runtime. Dropping the last clone waits for the
/// transaction that has begun.
#[derive(Clone, Debug)]
pub struct Database(Arc<Parts>);

/// What its connections hold of the file in memory together, where nothing else is said.
pub const DEFAULT_CACHE: usize = 64 << 20;

#[derive(Debug)]
struct Parts {
    file: DatabaseFile,
    writer: Writer,
    readers: Readers,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum DatabaseError {
    /// It cannot be read or written; trying again later may help.
    #[error("{0}")]
    Unavailable(String),
    /// The file is not a database that this process may use.
    #[error("the database `{}` cannot be used: {problem}", path.display())]
    Unusable { path: PathBuf, problem: String },
    /// A row is not what was written.
    #[error("{0}")]
    Corrupt(String),
}

impl Database {
    /// Opens the database of a tenant, or makes a new file (mode 0600).
    ///
    /// # Errors
    /// [`DatabaseError::Unusable`] when the file is of another tenant, of a format
    /// that this version does not know, or none of ours;
    /// [`DatabaseError::Unavailable`] when it cannot be read or written.
    pub fn open(path: &Path, tenant: &Tenant) -> Result<Self, DatabaseError> {
        Self::open_with(path, tenant, DEFAULT_CACHE)
    }

    /// As [`open`](Self::open), with another `cache` (in bytes) than [`DEFAULT_CACHE`].
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(path: &Path, tenant: &Tenant, cache: usize) -> Result<Self, DatabaseError> {
        let file = DatabaseFile::new(path, tenant);
        file.create()?;
        Self::start(file, cache)
    }

    /// Opens the database of a tenant that is there, and makes none.
    ///
    /// # Errors
    /// As [`open`](Self::open), and when there is none: an empty file is none of ours.
    pub fn open_existing(path: &Path, tenant: &Tenant) -> Result<Self, DatabaseError> {
        let file = DatabaseFile::new(path, tenant);
        file.connect()?;
        Self::start(file, DEFAULT_CACHE)
    }

    /// Half of the cache is the writer's, the rest the readers'.
    fn start(file: DatabaseFile, cache: usize) -> Result<Self, DatabaseError> {
        let writer = Writer::start(file.clone().with_cache(cache / 2))?;
        let readers = Readers::new(file.clone().with_cache(cache / 2 / readers::READERS));
        Ok(Self(Arc::new(Parts { file, writer, readers })))
    }

    /// Makes the tables of a store where they are missing: `CREATE … IF NOT EXISTS`.
    pub fn define(&self, schema: &str) -> Result<(), DatabaseError> {
        Ok(self.0.file.connect()?.execute_batch(schema)?)
    }

    /// Does `work` in a transaction, maybe together with that of others; durable on
    /// return. Dropping the future may or may not leave it done.
    ///
    /// # Errors
    /// When it, or what shares its transaction, fails; then nothing is stored.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        self.0.writer.submit(work).await
    }

    /// Answers a query from one state of the database, the newest that is durable.
    pub async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        self.0.readers.read(query).await
    }

    /// Writes one state of it to a new file (mode 0600), while others use it. The rows of the
    /// tables of `empty` are never written to it. Durable on return; blocks.
    ///
    /// # Errors
    /// When there is such a file, another is writing it, or it cannot be written: then none is
    /// left behind.
    pub fn copy_to(&self, path: &Path, empty: &[&str]) -> Result<(), DatabaseError> {
        self.0.file.copy_to(path, empty)
    }

    /// Writes a table, as `schema` defines it, to a file of its own (mode 0600), which takes
    /// the place of one of that name. Durable on return; blocks.
    ///
    /// # Errors
    /// When another is writing it, or it cannot be written: then the one that was there stays.
    pub fn copy_table_to(
        &self,
        path: &Path,
        table: &str,
        schema: &str,
    ) -> Result<(), DatabaseError> {
        self.0.file.copy_table_to(path, table, schema)
    }

    /// Whether it has a table of this name; blocks.
    pub fn has_table(&self, name: &str) -> Result<bool, DatabaseError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)";
        Ok(self.0.file.connect()?.query_row(sql, [name], |row| row.get(0))?)
    }

    /// What a query says (one truth value) that sees the tables of another file as `other`;
    /// blocks.
    ///
    /// # Errors
    /// When that is no file of this tenant and format, or the query fails.
    pub fn compare_with(&self, path: &Path, query: &str) -> Result<bool, DatabaseError> {
        self.0.file.compare_with(path, query)
    }

    /// Takes the rows of a table that [`copy_table_to`](Self::copy_table_to) has written;
    /// blocks.
    ///
    /// # Errors
    /// When there is no such file, or it is of another tenant or format.
    pub fn take_table_from(&self, path: &Path, table: &str) -> Result<(), DatabaseError> {
        self.0.file.take_table_from(path, table)
    }

    /// Sees to it that what was deleted stands nowhere in its files. `false` where others read
    /// them for longer than is waited for.
    pub async fn wipe(&self) -> Result<bool, DatabaseError> {
        let database = self.clone();
        let wiped = tokio::task::spawn_blocking(move || database.0.file.wipe());
        wiped.await.map_err(|error| DatabaseError::Unavailable(error.to_string()))?
    }

    /// Whether its pages and indexes are whole, as SQLite knows it; blocks.
    ///
    /// # Errors
    /// [`DatabaseError::Corrupt`] says what is not.
    pub fn verify(&self) -> Result<(), DatabaseError> {
        let connection = self.0.file.connect()?;
        let found: String =
            connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if found == "ok" { Ok(()) } else { Err(DatabaseError::Corrupt(found)) }
    }

    /// Whether it can be written now.
    pub async fn health(&self) -> Result<(), DatabaseError> {
        self.write(file::probe).await
    }
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..) => Self::Corrupt(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}
