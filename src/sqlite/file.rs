// SPDX-License-Identifier: Apache-2.0

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::DatabaseError;
use crate::base::Tenant;
use crate::keys::{create_private, sync_directory};

/// Kept in `user_version`.
const FORMAT: i64 = 6;

/// The oldest format that is brought to this one.
const OLDEST_FORMAT: i64 = 5;

/// What brings a file with keys of data subjects from the format before to this one: each is
/// under the keyset of the house.
const FORWARD: &str = "
    ALTER TABLE subject_key ADD COLUMN realm TEXT NOT NULL DEFAULT '';
    DROP INDEX IF EXISTS subject_key_by_version;
";

const SCHEMA: &str = "CREATE TABLE house (tenant TEXT NOT NULL, probe BLOB NOT NULL) STRICT";

/// How long to wait for another process, such as a backup, that holds the lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the file is and whose it must be.
#[derive(Clone, Debug)]
pub(super) struct DatabaseFile {
    path: PathBuf,
    tenant: Tenant,
}

impl DatabaseFile {
    pub(super) fn new(path: &Path, tenant: &Tenant) -> Self {
        Self { path: path.to_owned(), tenant: tenant.clone() }
    }

    /// Makes the file where it is missing.
    pub(super) fn create(&self) -> Result<(), DatabaseError> {
        // SQLite gives its side files the mode of the main file, so it is made first.
        match create_private(&self.path, b"") {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                let problem = format!("`{}`: {error}", self.path.display());
                return Err(DatabaseError::Unavailable(problem));
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
        bring_forward(&mut connection)?;
        self.check(&connection, FORMAT)
    }

    /// A connection to read and write with.
    pub(super) fn connect(&self) -> Result<Connection, DatabaseError> {
        let mut connection = self.open()?;
        // What is not ours is not written to.
        self.check(&connection, OLDEST_FORMAT)?;
        self.make_durable(&connection)?;
        bring_forward(&mut connection)?;
        // Statements are prepared once. Without this, one that values may be planned by is
        // prepared anew for each of them (SQLITE_ENABLE_STAT4).
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        Ok(connection)
    }

    /// Writes one state to a new file, which has its name only when it is whole, with nothing
    /// in some tables.
    pub(super) fn copy_to(&self, path: &Path, empty: &[&str]) -> Result<(), DatabaseError> {
        let part = part_of(path);
        let failed = |at: &Path, error: std::io::Error| {
            DatabaseError::Unavailable(format!("`{}`: {error}", at.display()))
        };
        let name = part.to_str().ok_or_else(|| failed(path, ErrorKind::InvalidFilename.into()))?;
        let connection = self.connect()?;
        // SQLite takes an empty file, and keeps its mode.
        create_private(&part, b"").map_err(|error| failed(&part, error))?;
        let written = connection.execute("VACUUM INTO ?1", [name]).map_err(DatabaseError::from);
        let written = written.and_then(|_| {
            let copy = Connection::open(&part)?;
            copy.pragma_update(None, "secure_delete", true)?;
            // Its journal would hold what is deleted.
            copy.pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(()))?;
            empty
                .iter()
                .try_for_each(|table| Ok(copy.execute_batch(&format!("DELETE FROM {table}"))?))
        });
        let named = written.and_then(|()| {
            let sync = File::open(&part).and_then(|file| file.sync_all());
            // Fails where another has taken the name, whose file stays.
            sync.and_then(|()| create_private(path, b"")).map_err(|error| failed(path, error))?;
            std::fs::rename(&part, path).and_then(|()| sync_directory(path)).map_err(|error| {
                let _ = std::fs::remove_file(path);
                failed(path, error)
            })
        });
        if named.is_err() {
            let _ = std::fs::remove_file(&part);
        }
        named
    }

    /// Writes a table, as `schema` defines it, to a file of its own, which takes the place of
    /// one of that name when it is whole.
    pub(super) fn copy_table_to(
        &self,
        path: &Path,
        table: &str,
        schema: &str,
    ) -> Result<(), DatabaseError> {
        let part = part_of(path);
        let failed = |error| DatabaseError::Unavailable(format!("`{}`: {error}", part.display()));
        create_private(&part, b"").map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => DatabaseError::Unavailable(format!(
                "`{}` is there: it is being written, or that was cut off; then remove it",
                part.display()
            )),
            _ => failed(error),
        })?;
        let copy = Self::new(&part, &self.tenant);
        let written = copy.create().and_then(|()| {
            let connection = copy.connect()?;
            connection.execute_batch(schema)?;
            Self::take(&connection, self, table)
        });
        let named = written.and_then(|()| {
            std::fs::rename(&part, path).and_then(|()| sync_directory(path)).map_err(failed)
        });
        if named.is_err() {
            let _ = std::fs::remove_file(&part);
        }
        named
    }

    /// What a query says that sees another file as `other`; nothing is written to that.
    pub(super) fn compare_with(&self, path: &Path, query: &str) -> Result<bool, DatabaseError> {
        let other = Self::new(path, &self.tenant);
        other.check(&other.open()?, OLDEST_FORMAT)?;
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

    /// Sees to it that what was deleted stands nowhere in the file and those beside it, as far
    /// as others who read it at this moment allow.
    pub(super) fn wipe(&self) -> Result<(), DatabaseError> {
        let connection = self.connect()?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
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

    fn check(&self, connection: &Connection, oldest: i64) -> Result<(), DatabaseError> {
        match format_of(connection)? {
            format if (oldest..=FORMAT).contains(&format) => {}
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

/// Changes a file of an older format into one of this.
fn bring_forward(connection: &mut Connection) -> Result<(), DatabaseError> {
    if format_of(connection)? != OLDEST_FORMAT {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have done it meanwhile.
    if format_of(&transaction)? == OLDEST_FORMAT {
        let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'subject_key')";
        if transaction.query_row(sql, [], |row| row.get(0))? {
            transaction.execute_batch(FORWARD)?;
        }
        transaction.pragma_update(None, "user_version", FORMAT)?;
    }
    Ok(transaction.commit()?)
}

fn format_of(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// What a file is called until it is whole.
fn part_of(path: &Path) -> PathBuf {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    as_file(Path::new(&part))
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
