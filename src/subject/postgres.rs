// SPDX-License-Identifier: Apache-2.0

mod rows;

use std::collections::BTreeSet;
use std::slice;

use rows::{Load, Others, bytes, id, store};

use super::people::{Changes, People};
use super::{ConsentRecord, Dossier, Known, Learned, SubjectError, SubjectStore};
use crate::base::SubjectId;
use crate::postgres::{Failure, Link, Postgres, PostgresError, Query, Work};
use crate::vault::BoxFuture;

const PERSONS: &str = "
    SELECT DISTINCT coalesce(subject.person, asked.id)
    FROM unnest($1::bytea[]) AS asked (id) LEFT JOIN subject USING (id)";

/// Whoever changes what is known of a few persons.
const SHARE: &str = "LOCK TABLE subject IN ROW EXCLUSIVE MODE";
const LOCK_PERSONS: &str = "SELECT pg_advisory_xact_lock(key) FROM unnest($1::bigint[]) AS key";
/// Whoever changes what is known of many: nobody else does meanwhile.
const LOCK_ALL: &str = "LOCK TABLE subject IN SHARE ROW EXCLUSIVE MODE";

/// More are not locked one by one: the server has room for a few thousand locks.
const MAX_LOCKED: usize = 64;

/// What is known, in the shared database.
#[derive(Clone, Debug)]
pub struct PostgresSubjects(Postgres);

impl PostgresSubjects {
    pub fn new(database: &Postgres) -> Self {
        Self(database.clone())
    }

    async fn load(&self, ids: &[SubjectId]) -> Result<People, PostgresError> {
        self.0.again(Load(ids)).await
    }
}

impl SubjectStore for PostgresSubjects {
    fn known(&self, ids: Vec<SubjectId>) -> BoxFuture<'_, Result<Vec<Known>, SubjectError>> {
        Box::pin(async move {
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            let people = self.load(&ids).await?;
            Ok(ids.into_iter().map(|id| people.dossier(id).known).collect())
        })
    }

    fn others(
        &self,
        ids: Vec<SubjectId>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Vec<SubjectId>>, SubjectError>> {
        Box::pin(async move {
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            Ok(self.0.again(Others(&ids, limit)).await?)
        })
    }

    fn dossier(&self, id: SubjectId) -> BoxFuture<'_, Result<Dossier, SubjectError>> {
        Box::pin(async move { Ok(self.load(&[id]).await?.dossier(id)) })
    }

    fn learn(&self, learned: Vec<Learned>) -> BoxFuture<'_, Result<(), SubjectError>> {
        Box::pin(async move {
            let learn = Learn::new(learned);
            if learn.ids.is_empty() {
                return Ok(());
            }
            // What is seen is durable, and most messages say nothing new: they need not
            // wait for others who write.
            let known = self.load(&learn.ids).await?;
            if !learn.changes(&known).are_none() {
                self.0.transaction(learn).await?;
            }
            Ok(())
        })
    }

    fn append(
        &self,
        id: SubjectId,
        record: ConsentRecord,
    ) -> BoxFuture<'_, Result<ConsentRecord, SubjectError>> {
        Box::pin(async move { Ok(self.0.transaction(Append(id, record)).await?) })
    }
}

struct Learn {
    learned: Vec<Learned>,
    /// All that they name.
    ids: Vec<SubjectId>,
}

impl Learn {
    fn new(learned: Vec<Learned>) -> Self {
        let ids = learned.iter().flat_map(|said| [Some(said.id), said.same_as]).flatten();
        let ids: BTreeSet<SubjectId> = ids.collect();
        Self { ids: ids.into_iter().collect(), learned }
    }

    fn changes(&self, known: &People) -> Changes {
        let mut people = known.clone();
        self.learned.iter().cloned().for_each(|learned| people.learn(learned));
        people.changes_since(known)
    }
}

impl Work for Learn {
    type Done = ();

    async fn run(&self, link: &Link) -> Result<(), Failure> {
        lock(link, &self.ids).await?;
        store(link, &self.changes(&Load(&self.ids).run(link).await?)).await
    }
}

struct Append(SubjectId, ConsentRecord);

impl Work for Append {
    type Done = ConsentRecord;

    async fn run(&self, link: &Link) -> Result<ConsentRecord, Failure> {
        let Self(id, record) = self;
        lock(link, slice::from_ref(id)).await?;
        let history = Load(slice::from_ref(id)).run(link).await?.dossier(*id).history;
        let record = record.clone().after(&history);
        let consents = vec![(*id, record.clone())];
        store(link, &Changes { consents, ..Changes::default() }).await?;
        Ok(record)
    }
}

/// Until the end of the transaction, nobody else changes what is known of the persons behind
/// these pseudonyms, or who they are.
async fn lock(link: &Link, ids: &[SubjectId]) -> Result<(), Failure> {
    if ids.len() > MAX_LOCKED {
        return Ok(link.batch_execute(LOCK_ALL).await?);
    }
    link.batch_execute(SHARE).await?;
    let mut locked = BTreeSet::new();
    loop {
        let rows = Query(PERSONS, &[&bytes(ids)]).run(link).await?;
        let persons: Result<BTreeSet<SubjectId>, Failure> =
            rows.iter().map(|row| id(row, 0)).collect();
        // Who was one person before we had the lock may be another now.
        let missing: Vec<SubjectId> = persons?.difference(&locked).copied().collect();
        if missing.is_empty() {
            return Ok(());
        }
        let mut keys: Vec<i64> = missing.iter().map(key).collect();
        keys.sort_unstable();
        Query(LOCK_PERSONS, &[&keys]).run(link).await?;
        locked.extend(missing);
    }
}

/// Two persons with one lock wait for each other, and nothing worse.
fn key(id: &SubjectId) -> i64 {
    (i128::from_be_bytes(id.0) >> 64) as i64
}

impl From<PostgresError> for SubjectError {
    fn from(error: PostgresError) -> Self {
        match error {
            PostgresError::Unavailable(problem) => Self::Unavailable(problem),
            PostgresError::Unusable { .. } => Self::Unavailable(error.to_string()),
            PostgresError::Corrupt(problem) => Self::Corrupt(problem),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::Choice;
    use crate::subject::conformance::{self, consent, id};
    use crate::testkit::{postgres::settings, wait_for};

    async fn open(settings: &crate::postgres::PostgresSettings) -> PostgresSubjects {
        let database = Postgres::open(settings.clone(), &"acme".into()).await;
        PostgresSubjects::new(&database.unwrap())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn conforms() {
        let settings = settings();
        conformance::run(|| Arc::new(wait_for(open(&settings)))).await;
    }

    #[tokio::test]
    async fn a_damaged_row_is_corrupt_and_not_missing() {
        let store = open(&settings()).await;
        store.append(id(1), consent(Choice::Withdrawn, 1)).await.unwrap();
        for damage in ["choice = 'maybe'", "source = 'Max Muster'", "text_version = ''"] {
            let damage = format!("UPDATE consent SET {damage}");
            store.0.again(Query(&damage, &[])).await.unwrap();
            let found = store.known(vec![id(1)]).await;
            assert!(matches!(found, Err(SubjectError::Corrupt(_))), "{damage}: {found:?}");
            let mend = "UPDATE consent SET choice = 'given', source = 's'";
            store.0.again(Query(mend, &[])).await.unwrap();
        }
    }
}
