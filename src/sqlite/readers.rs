// SPDX-License-Identifier: Apache-2.0

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::DatabaseError;
use super::file::DatabaseFile;

/// Reads that run at the same time; more wait.
pub(super) const READERS: usize = 4;

/// Connections that only read, on blocking threads.
#[derive(Debug)]
pub(super) struct Readers {
    file: Arc<DatabaseFile>,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(file: DatabaseFile) -> Self {
        let permits = Arc::new(Semaphore::new(READERS));
        Self { file: Arc::new(file), idle: Arc::default(), permits }
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let ended = || DatabaseError::Unavailable("the reader has ended".into());
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| ended())?;
        let (file, idle) = (Arc::clone(&self.file), Arc::clone(&self.idle));
        let read = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let waiting = lock(&idle).pop();
            let connection = match waiting {
                Some(connection) => connection,
                None => connect(&file)?,
            };
            // A connection that failed is not used again. All statements of a query
            // are within one transaction, so that they see one state.
            let transaction = connection.unchecked_transaction()?;
            let answer = query(&transaction)?;
            transaction.finish()?;
            lock(&idle).push(connection);
            Ok(answer)
        });
        read.await.map_err(|_| ended())?
    }
}

fn connect(file: &DatabaseFile) -> Result<Connection, DatabaseError> {
    let connection = file.connect()?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn lock(idle: &Mutex<Vec<Connection>>) -> std::sync::MutexGuard<'_, Vec<Connection>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
