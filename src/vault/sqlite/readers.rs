// SPDX-License-Identifier: Apache-2.0

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::VaultError;
use super::database::Database;

/// Reads that run at the same time; more wait.
const READERS: usize = 4;

/// Connections that only read, on blocking threads.
#[derive(Debug)]
pub(super) struct Readers {
    database: Arc<Database>,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(database: Database) -> Self {
        let permits = Arc::new(Semaphore::new(READERS));
        Self { database: Arc::new(database), idle: Arc::default(), permits }
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, VaultError> {
        let ended = || VaultError::Unavailable("the reader has ended".into());
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| ended())?;
        let (database, idle) = (Arc::clone(&self.database), Arc::clone(&self.idle));
        let read = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let waiting = lock(&idle).pop();
            let connection = match waiting {
                Some(connection) => connection,
                None => connect(&database)?,
            };
            // A connection that failed is not used again.
            let answer = query(&connection)?;
            lock(&idle).push(connection);
            Ok(answer)
        });
        read.await.map_err(|_| ended())?
    }
}

fn connect(database: &Database) -> Result<Connection, VaultError> {
    let connection = database.connect()?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn lock(idle: &Mutex<Vec<Connection>>) -> std::sync::MutexGuard<'_, Vec<Connection>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
