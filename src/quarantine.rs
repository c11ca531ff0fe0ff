// SPDX-License-Identifier: Apache-2.0
//! Records of a batch that may not travel, kept until the caller is told of them: some
//! APIs tell what became of a batch by a later answer only.
//!
//! Invariants:
//! - What is kept is durable before the rest of the batch leaves.
//! - It is sealed, bound to its upstream, batch and request.
//! - After [`KEPT`] it is deleted, whoever has asked for it ([`Quarantine::forget`]).

use std::fmt;
use std::time::Duration;

use rusqlite::{Connection, params};
use smol_str::SmolStr;

use crate::base::{Cleartext, EntryId, Tenant, Timestamp, UpstreamName};
use crate::keys::{Keyset, Siv, Version, Versions};
use crate::sqlite::{Database, DatabaseError};

/// Longer than any CRM keeps what it knows of a batch: Salesforce deletes bulk jobs after
/// seven days.
pub const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS quarantine (
        upstream TEXT NOT NULL,
        batch TEXT NOT NULL,
        request BLOB NOT NULL,
        at INTEGER NOT NULL,
        sealed BLOB NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS quarantine_by_batch ON quarantine (upstream, batch, request);
    CREATE INDEX IF NOT EXISTS quarantine_by_time ON quarantine (at);
";

/// What is kept of batches, in the embedded database.
#[derive(Clone)]
pub struct Quarantine {
    database: Database,
    tenant: Tenant,
    keys: Versions<Siv>,
}

/// A batch by what the CRM goes on to name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchName {
    pub upstream: UpstreamName,
    pub batch: SmolStr,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum QuarantineError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("a row of the quarantine does not open under our keys")]
    Corrupt,
}

impl Quarantine {
    /// # Errors
    /// When its table is missing and cannot be made.
    pub fn new(database: &Database, keyset: &Keyset) -> Result<Self, DatabaseError> {
        database.define(SCHEMA)?;
        Ok(Self {
            database: database.clone(),
            tenant: keyset.tenant.clone(),
            keys: keyset.vault.clone(),
        })
    }

    /// Keeps records that one request leaves out of a batch, in the pieces that they were
    /// found in. Durable on return.
    ///
    /// # Errors
    /// [`QuarantineError::Database`]; then the rest of the batch must not leave.
    pub async fn keep(
        &self,
        of: &BatchName,
        request: EntryId,
        records: &[Cleartext],
        now: Timestamp,
    ) -> Result<(), QuarantineError> {
        let bound_to = self.bound_to(of, &request);
        let seal =
            |records: &Cleartext| self.keys.active().seal(bound_to, records.expose().as_bytes());
        let sealed: Vec<Vec<u8>> = records.iter().map(seal).collect();
        let BatchName { upstream, batch } = of.clone();
        let now = millis(now.unix_millis());
        let keep = move |connection: &Connection| {
            let mut insert =
                connection.prepare_cached("INSERT INTO quarantine VALUES (?1, ?2, ?3, ?4, ?5)")?;
            for sealed in sealed {
                insert.execute(params![
                    upstream.as_str(),
                    batch.as_str(),
                    request.0,
                    now,
                    sealed
                ])?;
            }
            Ok(())
        };
        self.database.write(keep).await?;
        Ok(())
    }

    /// Deletes what is older than [`KEPT`].
    ///
    /// # Errors
    /// [`QuarantineError::Database`]; then it is still there.
    pub async fn forget(&self, now: Timestamp) -> Result<(), QuarantineError> {
        let kept = u64::try_from(KEPT.as_millis()).unwrap_or(u64::MAX);
        let over = millis(now.unix_millis().saturating_sub(kept));
        let forget = move |connection: &Connection| {
            connection.prepare_cached("DELETE FROM quarantine WHERE at < ?1")?.execute([over])
        };
        self.database.write(forget).await?;
        Ok(())
    }

    /// What became of the rest of the batch: taken, it is the batch, and no other request
    /// is; otherwise this request is none.
    pub async fn settle(
        &self,
        of: &BatchName,
        request: EntryId,
        is_taken: bool,
    ) -> Result<(), QuarantineError> {
        let BatchName { upstream, batch } = of.clone();
        let settle = move |connection: &Connection| {
            let is_over = if is_taken {
                "DELETE FROM quarantine WHERE upstream = ?1 AND batch = ?2 AND request <> ?3"
            } else {
                "DELETE FROM quarantine WHERE upstream = ?1 AND batch = ?2 AND request = ?3"
            };
            let mut delete = connection.prepare_cached(is_over)?;
            delete.execute(params![upstream.as_str(), batch.as_str(), request.0])
        };
        self.database.write(settle).await?;
        Ok(())
    }

    /// How many bytes are kept of a batch, sealed.
    ///
    /// # Errors
    /// [`QuarantineError::Database`].
    pub async fn size(&self, of: &BatchName) -> Result<usize, QuarantineError> {
        let BatchName { upstream, batch } = of.clone();
        let size = move |connection: &Connection| {
            let mut select = connection.prepare_cached(
                "SELECT coalesce(sum(length(sealed)), 0) FROM quarantine
                 WHERE upstream = ?1 AND batch = ?2",
            )?;
            select.query_row([upstream.as_str(), batch.as_str()], |row| row.get::<_, i64>(0))
        };
        Ok(usize::try_from(self.database.read(size).await?).unwrap_or(usize::MAX))
    }

    /// What is kept of a batch. Of a request that nobody knows to be taken or not, it
    /// is there as well.
    ///
    /// # Errors
    /// [`QuarantineError`]; then nobody may be told that nothing was left out.
    pub async fn find(&self, of: &BatchName) -> Result<Vec<Cleartext>, QuarantineError> {
        let BatchName { upstream, batch } = of.clone();
        let find = move |connection: &Connection| {
            let mut select = connection.prepare_cached(
                "SELECT request, sealed FROM quarantine
                 WHERE upstream = ?1 AND batch = ?2 ORDER BY at, request, rowid",
            )?;
            let rows = select.query_map([upstream.as_str(), batch.as_str()], |row| {
                Ok((EntryId(row.get(0)?), row.get::<_, Vec<u8>>(1)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let rows = self.database.read(find).await?;
        let opened = rows.iter().map(|(request, sealed)| {
            let mut keys = self.keys.iter();
            let clear = keys.find_map(|(_, key)| key.open(self.bound_to(of, request), sealed))?;
            std::str::from_utf8(&clear).ok().map(Cleartext::new)
        });
        opened.collect::<Option<_>>().ok_or(QuarantineError::Corrupt)
    }

    /// How many pieces are sealed under this version of the vault's key.
    ///
    /// # Errors
    /// [`QuarantineError::Database`].
    pub async fn count_under(&self, version: Version) -> Result<u64, QuarantineError> {
        let this = self.clone();
        let count = move |connection: &Connection| {
            let mut select = connection
                .prepare_cached("SELECT upstream, batch, request, sealed FROM quarantine")?;
            let mut rows = select.query([])?;
            let mut count = 0;
            while let Some(row) = rows.next()? {
                let (upstream, batch): (String, String) = (row.get(0)?, row.get(1)?);
                let of = BatchName { upstream: upstream.as_str().into(), batch: batch.into() };
                let request = EntryId(row.get(2)?);
                let bound_to = this.bound_to(&of, &request);
                let key = this.keys.get(version);
                let opens =
                    key.and_then(|key| key.open(bound_to, row.get_ref(3).ok()?.as_blob().ok()?));
                count += u64::from(opens.is_some());
            }
            Ok(count)
        };
        Ok(self.database.read(count).await?)
    }

    /// How many batches have records left out, all of which open.
    ///
    /// # Errors
    /// [`QuarantineError::Corrupt`] when one does not.
    pub async fn verify(&self) -> Result<usize, QuarantineError> {
        let list = |connection: &Connection| {
            let mut select =
                connection.prepare_cached("SELECT DISTINCT upstream, batch FROM quarantine")?;
            let names = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            names.collect::<rusqlite::Result<Vec<(String, String)>>>()
        };
        let names = self.database.read(list).await?;
        for (upstream, batch) in &names {
            let of = BatchName { upstream: upstream.as_str().into(), batch: batch.into() };
            self.find(&of).await?;
        }
        Ok(names.len())
    }

    fn bound_to<'a>(&'a self, of: &'a BatchName, request: &'a EntryId) -> [&'a [u8]; 5] {
        let [tenant, upstream, batch] =
            [self.tenant.as_str(), of.upstream.as_str(), &of.batch].map(str::as_bytes);
        [b"zollhaus quarantine 1", tenant, upstream, batch, &request.0]
    }
}

fn millis(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

impl fmt::Debug for Quarantine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quarantine").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Scratch;

    fn at(days: u64) -> Timestamp {
        Timestamp::from_unix_millis(days * 86_400_000)
    }

    async fn found(quarantine: &Quarantine, of: &BatchName) -> Vec<String> {
        let found = quarantine.find(of).await.unwrap();
        found.iter().map(|text| text.expose().to_owned()).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_left_out_is_known_until_its_time_is_over() {
        let scratch = Scratch::new();
        let path = scratch.file("vault");
        let keyset = Keyset::generate(&"acme".into()).unwrap();
        let open = || {
            let database = Database::open(&path, &keyset.tenant).unwrap();
            Quarantine::new(&database, &keyset).unwrap()
        };
        let job = |batch: &str| BatchName { upstream: "sales".into(), batch: batch.into() };
        let [first, second, third] = [1, 2, 3].map(|number| EntryId([number; 16]));
        let quarantine = open();
        quarantine.keep(&job("a"), first, &[Cleartext::new("Anna")], at(1)).await.unwrap();
        quarantine.keep(&job("b"), first, &[Cleartext::new("Bert")], at(2)).await.unwrap();
        let other = BatchName { upstream: "support".into(), ..job("a") };
        assert_eq!(found(&quarantine, &other).await, Vec::<String>::new());

        // Nobody knows whether the first request was taken, but the second was not.
        quarantine.keep(&job("a"), second, &[Cleartext::new("Berta")], at(3)).await.unwrap();
        assert_eq!(found(&quarantine, &job("a")).await, ["Anna", "Berta"]);
        assert_eq!(quarantine.size(&job("a")).await.unwrap(), 9 + 2 * Siv::TAG_BYTES);
        assert_eq!(quarantine.size(&job("c")).await.unwrap(), 0);
        quarantine.settle(&job("a"), second, false).await.unwrap();
        drop(quarantine);
        let quarantine = open();
        assert_eq!(found(&quarantine, &job("a")).await, ["Anna"]);
        // The third was, with nothing left out: so the first was not.
        quarantine.settle(&job("a"), third, true).await.unwrap();
        assert_eq!(found(&quarantine, &job("a")).await, Vec::<String>::new());
        assert_eq!(found(&quarantine, &job("b")).await, ["Bert"]);

        quarantine.forget(at(32)).await.unwrap();
        assert_eq!(found(&quarantine, &job("b")).await, ["Bert"]);
        quarantine.forget(at(33)).await.unwrap();
        assert_eq!(found(&quarantine, &job("b")).await, Vec::<String>::new());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn it_opens_in_its_place_only_and_holds_no_clear_value() {
        let scratch = Scratch::new();
        let path = scratch.file("vault");
        let keyset = Keyset::generate(&"acme".into()).unwrap();
        let database = Database::open(&path, &keyset.tenant).unwrap();
        let quarantine = Quarantine::new(&database, &keyset).unwrap();
        let job = |batch: &str| BatchName { upstream: "sales".into(), batch: batch.into() };
        let request = EntryId([1; 16]);
        quarantine.keep(&job("a"), request, &[Cleartext::new("Anna Muster")], at(1)).await.unwrap();
        let moved = |connection: &Connection| {
            connection.execute("UPDATE quarantine SET batch = 'b'", []).map(|_| ())
        };
        database.write(moved).await.unwrap();
        quarantine.find(&job("b")).await.unwrap_err();
        drop((database, quarantine));
        for entry in std::fs::read_dir(path.parent().unwrap()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(4).any(|window| window == b"Anna"));
        }
    }
}
