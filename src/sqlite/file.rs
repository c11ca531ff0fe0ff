// SPDX-License-Identifier: Apache-2.0

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::DatabaseError;
use super::part::Part;
use crate::base::Tenant;
use crate::keys::create_private;

/// Kept in `user_version`.
const FORMAT: i64 = 6;

const SCHEMA: &str = "CREATE TABLE house (tenant TEXT NOT NULL, probe BLOB NOT NULL) STRICT";

/// What a connection for once holds of the file in memory, in bytes.
const CACHE: usize = 2 << 20;

/// How many pages the log has before they are written to the file (64 MiB). The longer it is,
/// the more often one page is written for many changes.
const PAGES_OF_LOG: i64 = 16_384;

/// How long to wait for another process, such as a backup, that holds the lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the file is and whose it must be.
#[derive(Clone, Debug)]
pub(super) struct DatabaseFile {
    path: PathBuf,
    tenant: Tenant,
    /// What a connection holds of it in memory, in bytes.
    cache: usize,
}

impl DatabaseFile {
    pub(super) fn new(path: &Path, tenant: &Tenant) -> Self {
        Self { path: path.to_owned(), tenant: tenant.clone(), cache: CACHE }
    }

    pub(super) fn with_cache(self, cache: usize) -> Self {
        Self { cache, ..self }
    }

    /// Makes the file where it is missing.
    pub(super) fn create(&self) -> Result<(), DatabaseError> {
        // SQLite gives its side files the mode of the main file, so it is made first.
        match create_private(&self.path, b"") {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(unavailable(&self.path, &error));
            }
            Ok(()) | Err(_) => {}
        }
        let mut connection = self.open()?;
        self.make_durable(&connection)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let is_new: bool =
            transaction
                .query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))?;
        if is_new {
            transaction.execute_batch(SCHEMA)?;
            transaction.execute("INSERT INTO house VALUES (?1, x'')", [self.tenant.as_str()])?;
            transaction.pragma_update(None, "user_version", FORMAT)?;
        }
        transaction.commit()?;
        self.check(&connection)
    }

    /// A connection to read and write with.
    pub(super) fn connect(&self) -> Result<Connection, DatabaseError> {
        let connection = self.open()?;
        // What is not ours is not written to.
        self.check(&connection)?;
        self.make_durable(&connection)?;
        // Statements are prepared once. Without this, one that values may be planned by is
        // prepared anew for each of them (SQLITE_ENABLE_STAT4).
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        // Below zero: KiB, not pages.
        connection.pragma_update(None, "cache_size", -((self.cache >> 10) as i64))?;
        connection.pragma_update_and_check(None, "wal_autocheckpoint", PAGES_OF_LOG, |_| Ok(()))?;
        Ok(connection)
    }

    /// Writes one state to a new file, which has its name only when it is whole. The rows of some
    /// tables are never in it.
    pub(super) fn copy_to(&self, path: &Path, empty: &[&str]) -> Result<(), DatabaseError> {
        self.check(&self.open()?)?;
        let part = begin(path)?;
        self.copy_into(part.path(), empty)?;
        part.name(path).map_err(|error| unavailable(path, &error))
    }

    fn copy_into(&self, path: &Path, empty: &[&str]) -> Result<(), DatabaseError> {
        let mut copy = Self::new(path, &self.tenant).open()?;
        // What is not finished is thrown away, and what is finished is synced as a whole.
        copy.pragma_update_and_check(None, "journal_mode", "OFF", |_| Ok(()))?;
        copy.pragma_update(None, "synchronous", "OFF")?;
        self.attach_to(&copy)?;
        // All that is read in it is of the state that its first query saw.
        let transaction = copy.transaction()?;
        for (name, definition) in definitions(&transaction)? {
            transaction.execute_batch(&definition)?;
            if let Some(table) = name.filter(|table| !empty.contains(&table.as_str())) {
                let all = format!("INSERT INTO main.\"{table}\" SELECT * FROM other.\"{table}\"");
                transaction.execute_batch(&all)?;
            }
        }
        transaction.pragma_update(None, "user_version", FORMAT)?;
        Ok(transaction.commit()?)
    }

    /// Writes a table, as `schema` defines it, to a file of its own, which takes the place of
    /// one of that name when it is whole.
    pub(super) fn copy_table_to(
        &self,
        path: &Path,
        table: &str,
        schema: &str,
    ) -> Result<(), DatabaseError> {
        let part = begin(path)?;
        let copy = Self::new(part.path(), &self.tenant);
        copy.create()?;
        {
            let connection = copy.connect()?;
            connection.execute_batch(schema)?;
            Self::take(&connection, self, table)?;
            // Closing does it, too, and does not say that it failed.
            if !is_in_the_file(&connection)? {
                return Err(copy.unusable("somebody else reads it"));
            }
        }
        part.replace(path).map_err(|error| unavailable(path, &error))
    }

    /// What a query says that sees another file as `other`; nothing is written to that.
    pub(super) fn compare_with(&self, path: &Path, query: &str) -> Result<bool, DatabaseError> {
        let other = Self::new(path, &self.tenant);
        other.check(&other.open()?)?;
        let connection = self.connect()?;
        other.attach_to(&connection)?;
        Ok(connection.query_row(query, [], |row| row.get(0))?)
    }

    /// Takes the rows of a table of another file, in the place of those with the same keys.
    pub(super) fn take_table_from(&self, path: &Path, table: &str) -> Result<(), DatabaseError> {
        let other = Self::new(path, &self.tenant);
        other.connect()?;
        Self::take(&self.connect()?, &other, table)
    }

    fn take(into: &Connection, from: &Self, table: &str) -> Result<(), DatabaseError> {
        from.attach_to(into)?;
        into.execute_batch(&format!(
            "INSERT OR REPLACE INTO main.{table} SELECT * FROM other.{table}"
        ))?;
        Ok(into.execute_batch("DETACH other")?)
    }

    fn attach_to(&self, connection: &Connection) -> Result<(), DatabaseError> {
        let path = as_file(&self.path);
        let path = path.to_str().ok_or_else(|| self.unusable("its name is no UTF-8"))?;
        connection.execute("ATTACH ?1 AS other", [path])?;
        Ok(())
    }

    /// Sees to it that what was deleted stands nowhere in the file and those beside it. `false`
    /// where others read it for longer than is waited for.
    pub(super) fn wipe(&self) -> Result<bool, DatabaseError> {
        Ok(is_in_the_file(&self.connect()?)?)
    }

    /// A connection that waits for others.
    fn open(&self) -> Result<Connection, DatabaseError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(as_file(&self.path), flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // What is deleted is written over, so that an erased key is nowhere in the file.
        connection.pragma_update(None, "secure_delete", true)?;
        Ok(connection)
    }

    fn make_durable(&self, connection: &Connection) -> Result<(), DatabaseError> {
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "fullfsync", true)?;
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        if mode != "wal" {
            return Err(self.unusable("the file system does not allow a write-ahead log"));
        }
        Ok(())
    }

    fn check(&self, connection: &Connection) -> Result<(), DatabaseError> {
        let format: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match format {
            FORMAT => {}
            0 => return Err(self.unusable("it is a database, but not one of Zollhaus")),
            other => {
                return Err(self
                    .unusable(&format!("its format is {other}, and this version reads {FORMAT}")));
            }
        }
        let tenant: String =
            connection.query_row("SELECT tenant FROM house", [], |row| row.get(0))?;
        if tenant == self.tenant.as_str() {
            Ok(())
        } else {
            let problem = format!("it is of tenant `{tenant}`, not of `{}`", self.tenant);
            Err(self.unusable(&problem))
        }
    }

    fn unusable(&self, problem: &str) -> DatabaseError {
        DatabaseError::Unusable { path: self.path.clone(), problem: problem.to_owned() }
    }
}

/// Writes to the file what the write-ahead log holds, and cuts that; `false` where others read it.
fn is_in_the_file(connection: &Connection) -> rusqlite::Result<bool> {
    let is_busy: bool =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(!is_busy)
}

/// What another file is defined by, tables first, which have their name beside.
fn definitions(connection: &Connection) -> rusqlite::Result<Vec<(Option<String>, String)>> {
    let mut statement = connection.prepare(
        "SELECT iif(type = 'table', name, NULL), sql FROM other.sqlite_schema
         WHERE sql IS NOT NULL AND name NOT GLOB 'sqlite_*'
         ORDER BY type <> 'table', rowid",
    )?;
    let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    found.collect()
}

fn begin(path: &Path) -> Result<Part, DatabaseError> {
    Part::begin(path).map_err(|error| match error.kind() {
        ErrorKind::WouldBlock => {
            let problem = format!("`{}` is being written by another", path.display());
            DatabaseError::Unavailable(problem)
        }
        _ => unavailable(path, &error),
    })
}

fn unavailable(path: &Path, error: &std::io::Error) -> DatabaseError {
    DatabaseError::Unavailable(format!("`{}`: {error}", path.display()))
}

/// The path as SQLite takes it for that of a file: `file:…` is a URI to it, and `:memory:`
/// no file at all.
pub(super) fn as_file(path: &Path) -> PathBuf {
    Path::new(".").join(path)
}

/// Writes as much as a common batch does: a full disk often has room for less.
pub(super) fn probe(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("UPDATE house SET probe = randomblob(16384)", []).map(|_| ())
}
