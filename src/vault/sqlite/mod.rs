// SPDX-License-Identifier: Apache-2.0
//! The embedded store: one SQLite file beside the process.
//!
//! One thread writes, and commits everything that waits for it at once; readers
//! run beside it on blocking threads. A connection that failed is thrown away and
//! made anew for the next request, so the store comes back by itself once the
//! disk has room or can be written again.

mod database;
mod readers;
mod writer;
#[cfg(test)]
mod tests;

use std::path::Path;

use database::Database;
use readers::Readers;
use writer::Writer;

use super::{BoxFuture, Index, MAX_FOUND, Row, Token, TokenStore, VaultError};
use crate::base::Tenant;

/// Rows in an SQLite file (WAL, `synchronous=FULL`).
///
/// Must be used within a tokio runtime. Dropping it waits for the transaction that
/// has begun.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
}

impl SqliteStore {
    /// Opens the vault of a tenant, or makes a new file (mode 0600).
    ///
    /// # Errors
    /// [`VaultError::Unusable`] when the file is of another tenant, of a format that
    /// this version does not know, or no vault; [`VaultError::Unavailable`] when it
    /// cannot be read or written.
    pub fn open(path: &Path, tenant: &Tenant) -> Result<Self, VaultError> {
        let database = Database::new(path, tenant);
        database.create()?;
        Ok(Self { writer: Writer::start(database.clone())?, readers: Readers::new(database) })
    }
}

impl TokenStore for SqliteStore {
    fn insert(&self, rows: Vec<Row>) -> BoxFuture<'_, Result<Vec<Row>, VaultError>> {
        Box::pin(self.writer.insert(rows))
    }

    fn find(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Vec<Option<Row>>, VaultError>> {
        Box::pin(self.readers.read(move |connection| {
            tokens.into_iter().map(|token| database::find(connection, &token)).collect()
        }))
    }

    fn find_by_index(
        &self,
        indexes: Vec<Index>,
    ) -> BoxFuture<'_, Result<Vec<Vec<Token>>, VaultError>> {
        Box::pin(self.readers.read(move |connection| {
            indexes.into_iter().map(|index| database::find_by_index(connection, index)).collect()
        }))
    }

    fn health(&self) -> BoxFuture<'_, Result<(), VaultError>> {
        Box::pin(self.writer.probe())
    }
}
