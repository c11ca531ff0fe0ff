// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeSet;
use std::slice;

use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::people::{Changes, People};
use super::{ConsentRecord, Dossier, Known, Learned, Note, SubjectError, SubjectStore};
use crate::base::{Choice, Jurisdiction, Purpose, SubjectId, Timestamp};
use crate::postgres::{Failure, Link, Postgres, PostgresError, Query, Work};
use crate::vault::BoxFuture;

/// One statement, so one state: of each person who is asked for by any pseudonym, the
/// pseudonyms that are linked (0), what they say (1), and their records (2).
const LOAD: &str = "
    WITH person AS (
        SELECT DISTINCT coalesce(subject.person, asked.id) AS person
        FROM unnest($1::bytea[]) AS asked (id) LEFT JOIN subject USING (id)
    ), linked AS (
        SELECT subject.id, person FROM person JOIN subject USING (person)
    ), pseudonym AS (
        SELECT id AS subject FROM linked UNION SELECT person FROM person
    )
    SELECT 0 AS what, id, person, NULL::text AS name, NULL::text AS choice, NULL::bigint AS at,
        NULL::bigint AS until, NULL::text AS text_version, NULL::text AS source, 0::bigint AS number
    FROM linked
    UNION ALL
    SELECT 1, subject, NULL, jurisdiction, NULL, NULL, NULL, NULL, NULL, 0
    FROM jurisdiction JOIN pseudonym USING (subject)
    UNION ALL
    SELECT 2, subject, NULL, purpose, choice, at, until, text_version, source, number
    FROM consent JOIN pseudonym USING (subject)
    ORDER BY what, number";

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

const LINK: &str = "
    INSERT INTO subject (id, person)
    SELECT id, person FROM unnest($1::bytea[], $2::bytea[]) AS given (id, person)
    ON CONFLICT (id) DO UPDATE SET person = excluded.person";

const FORGET_JURISDICTIONS: &str = "DELETE FROM jurisdiction WHERE subject = ANY ($1::bytea[])";

const SAY: &str = "
    INSERT INTO jurisdiction (subject, jurisdiction)
    SELECT subject, said FROM unnest($1::bytea[], $2::text[]) AS given (subject, said)";

const TELL: &str = "
    INSERT INTO consent (subject, purpose, choice, at, until, text_version, source)
    SELECT subject, purpose, choice, told, until, text_version, source
    FROM unnest($1::bytea[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::text[])
        WITH ORDINALITY
        AS given (subject, purpose, choice, told, until, text_version, source, place)
    ORDER BY place";

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

/// What is known of those behind some pseudonyms.
struct Load<'l>(&'l [SubjectId]);

impl Work for Load<'_> {
    type Done = People;

    async fn run(&self, link: &Link) -> Result<People, Failure> {
        let mut people = People::default();
        for row in Query(LOAD, &[&bytes(self.0)]).run(link).await? {
            let id = id(&row, 1)?;
            match column(&row, 0)? {
                0 => people.put(id, self::id(&row, 2)?),
                1 => people.put_jurisdiction(id, Jurisdiction::new(column::<&str>(&row, 3)?)),
                _ => people.put_consent(id, consent(&row)?),
            }
        }
        Ok(people)
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

async fn store(link: &Link, changes: &Changes) -> Result<(), Failure> {
    let Changes { persons, jurisdictions, consents } = changes;
    if !persons.is_empty() {
        let (ids, of): (Vec<SubjectId>, Vec<SubjectId>) = persons.iter().copied().unzip();
        Query(LINK, &[&bytes(&ids), &bytes(&of)]).run(link).await?;
    }
    if !jurisdictions.is_empty() {
        let ids: Vec<&[u8]> = jurisdictions.iter().map(|(id, _)| id.0.as_slice()).collect();
        Query(FORGET_JURISDICTIONS, &[&ids]).run(link).await?;
        let said = jurisdictions
            .iter()
            .flat_map(|(id, all)| all.iter().map(|said| (id.0.as_slice(), said.as_str())));
        let (ids, said): (Vec<&[u8]>, Vec<&str>) = said.unzip();
        Query(SAY, &[&ids, &said]).run(link).await?;
    }
    if consents.is_empty() {
        return Ok(());
    }
    let millis = |time: Timestamp| i64::try_from(time.unix_millis()).unwrap_or(i64::MAX);
    let ids: Vec<&[u8]> = consents.iter().map(|(id, _)| id.0.as_slice()).collect();
    let records = || consents.iter().map(|(_, record)| record);
    let purposes: Vec<&str> = records().map(|record| record.purpose.as_str()).collect();
    let choices: Vec<&str> = records().map(|record| record.choice.as_str()).collect();
    let at: Vec<i64> = records().map(|record| millis(record.at)).collect();
    let until: Vec<Option<i64>> = records().map(|record| record.until.map(millis)).collect();
    let texts: Vec<Option<&str>> =
        records().map(|record| record.text_version.as_ref().map(Note::as_str)).collect();
    let sources: Vec<&str> = records().map(|record| record.source.as_str()).collect();
    let tell = Query(TELL, &[&ids, &purposes, &choices, &at, &until, &texts, &sources]);
    tell.run(link).await.map(drop)
}

fn bytes(ids: &[SubjectId]) -> Vec<&[u8]> {
    ids.iter().map(|id| id.0.as_slice()).collect()
}

fn id(row: &Row, at: usize) -> Result<SubjectId, Failure> {
    column::<&[u8]>(row, at)?.try_into().map(SubjectId).map_err(|_| damaged("a pseudonym"))
}

fn consent(row: &Row) -> Result<ConsentRecord, Failure> {
    let choice = column::<&str>(row, 4)?;
    let choice = Choice::ALL.into_iter().find(|known| known.as_str() == choice);
    let time = |millis: i64| Timestamp::from_unix_millis(millis.unsigned_abs());
    let note = |text: &str| text.parse::<Note>().map_err(|_| damaged("a note"));
    Ok(ConsentRecord {
        purpose: Purpose::new(column::<&str>(row, 3)?),
        choice: choice.ok_or_else(|| damaged("a choice"))?,
        at: time(column(row, 5)?),
        until: column::<Option<i64>>(row, 6)?.map(time),
        text_version: column::<Option<&str>>(row, 7)?.map(note).transpose()?,
        source: note(column(row, 8)?)?,
    })
}

fn column<'r, T: FromSql<'r>>(row: &'r Row, at: usize) -> Result<T, Failure> {
    row.try_get(at).map_err(|error| Failure::Corrupt(error.to_string()))
}

fn damaged(what: &str) -> Failure {
    Failure::Corrupt(format!("{what} is not what was written"))
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
