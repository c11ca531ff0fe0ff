// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::sync::Arc;

use crate::base::Tenant;
use crate::config::{VaultPlace, VaultSettings};
use crate::postgres::Postgres;
use crate::quarantine::{PostgresQuarantine, QuarantineStore, SqliteQuarantine};
use crate::sqlite::{Database, DatabaseError};
use crate::subject::{PostgresSubjects, SqliteSubjects, SubjectStore};
use crate::vault::{PostgresStore, SqliteStore, TokenStore};

use super::StartError;

/// Everything that is kept in the place of the vault: one state, one backup.
#[derive(Clone)]
pub struct Stores {
    pub tokens: Arc<dyn TokenStore>,
    pub subjects: Arc<dyn SubjectStore>,
    pub quarantine: Arc<dyn QuarantineStore>,
}

impl Stores {
    /// Opens them for the house of a tenant, and makes what is missing. Must be called
    /// within a runtime.
    ///
    /// # Errors
    /// When they cannot be reached, or are not those of this tenant and version.
    pub async fn open(vault: &VaultSettings, tenant: &Tenant) -> Result<Self, StartError> {
        match &vault.place {
            VaultPlace::Sqlite(path) => {
                Ok(Self::in_file(&Database::open_with(path, tenant, vault.cache_for_pages())?)?)
            }
            VaultPlace::Postgres(settings) => {
                Ok(Self::shared(&Postgres::open(settings.clone(), tenant).await?))
            }
        }
    }

    /// Opens those that are there, and makes none.
    ///
    /// # Errors
    /// As [`open`](Self::open), and when there are none.
    pub async fn open_existing(place: &VaultPlace, tenant: &Tenant) -> Result<Self, StartError> {
        match place {
            VaultPlace::Sqlite(path) => Ok(Self::in_file(&Database::open_existing(path, tenant)?)?),
            VaultPlace::Postgres(settings) => {
                Ok(Self::shared(&Postgres::open_existing(settings.clone(), tenant).await?))
            }
        }
    }

    /// # Errors
    /// When tables are missing and cannot be made.
    pub fn in_file(database: &Database) -> Result<Self, DatabaseError> {
        Ok(Self {
            tokens: Arc::new(SqliteStore::new(database)?),
            subjects: Arc::new(SqliteSubjects::new(database)?),
            quarantine: Arc::new(SqliteQuarantine::new(database)?),
        })
    }

    fn shared(database: &Postgres) -> Self {
        Self {
            tokens: Arc::new(PostgresStore::new(database)),
            subjects: Arc::new(PostgresSubjects::new(database)),
            quarantine: Arc::new(PostgresQuarantine::new(database)),
        }
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stores").finish_non_exhaustive()
    }
}
