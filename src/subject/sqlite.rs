// SPDX-License-Identifier: Apache-2.0

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{ConsentRecord, Dossier, Known, Learned, Note, SubjectError, SubjectStore};
use crate::base::{Choice, Jurisdiction, Purpose, SubjectId, Timestamp};
use crate::sqlite::{Database, DatabaseError};
use crate::vault::BoxFuture;

/// `subject` holds linked pseudonyms only: any other is a person by itself.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS subject (
        id BLOB PRIMARY KEY,
        person BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS subject_by_person ON subject (person, id);
    CREATE TABLE IF NOT EXISTS jurisdiction (
        subject BLOB NOT NULL,
        jurisdiction TEXT NOT NULL,
        PRIMARY KEY (subject, jurisdiction)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS consent (
        subject BLOB NOT NULL,
        purpose TEXT NOT NULL,
        choice TEXT NOT NULL,
        at INTEGER NOT NULL,
        until INTEGER,
        text_version TEXT,
        source TEXT NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS consent_by_subject ON consent (subject);
";

/// What is known, in the embedded database.
#[derive(Clone, Debug)]
pub struct SqliteSubjects(Database);

impl SqliteSubjects {
    /// # Errors
    /// When its tables are missing and cannot be made.
    pub fn new(database: &Database) -> Result<Self, DatabaseError> {
        database.define(SCHEMA)?;
        Ok(Self(database.clone()))
    }
}

impl SubjectStore for SqliteSubjects {
    fn known(&self, ids: Vec<SubjectId>) -> BoxFuture<'_, Result<Vec<Known>, SubjectError>> {
        Box::pin(async move {
            let known = |connection: &Connection| {
                // A message may name one person many times, by many pseudonyms.
                let mut read = BTreeMap::new();
                ids.into_iter()
                    .map(|id| {
                        Ok(match read.entry(person(connection, id)?) {
                            Entry::Occupied(known) => Known::clone(known.get()),
                            Entry::Vacant(free) => {
                                let known = dossier(connection, *free.key())?.known;
                                free.insert(known).clone()
                            }
                        })
                    })
                    .collect()
            };
            Ok(self.0.read(known).await?)
        })
    }

    fn others(
        &self,
        ids: Vec<SubjectId>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Vec<SubjectId>>, SubjectError>> {
        let others = move |connection: &Connection| {
            ids.iter().map(|id| others(connection, *id, limit)).collect()
        };
        Box::pin(async move { Ok(self.0.read(others).await?) })
    }

    fn dossier(&self, id: SubjectId) -> BoxFuture<'_, Result<Dossier, SubjectError>> {
        Box::pin(async move { Ok(self.0.read(move |connection| dossier(connection, id)).await?) })
    }

    fn learn(&self, learned: Vec<Learned>) -> BoxFuture<'_, Result<(), SubjectError>> {
        Box::pin(async move {
            // What is seen is durable, and most messages say nothing new: they need
            // not wait for the writer.
            let learned = Arc::new(learned);
            let said = Arc::clone(&learned);
            let has_news = move |connection: &Connection| {
                said.iter().try_fold(false, |news, said| Ok(news || is_news(connection, said)?))
            };
            if !self.0.read(has_news).await? {
                return Ok(());
            }
            let learn = move |connection: &Connection| {
                learned.iter().try_for_each(|learned| learn(connection, learned))
            };
            Ok(self.0.write(learn).await?)
        })
    }

    fn append(
        &self,
        id: SubjectId,
        record: ConsentRecord,
    ) -> BoxFuture<'_, Result<ConsentRecord, SubjectError>> {
        let append = move |connection: &Connection| {
            let record = record.after(&dossier(connection, id)?.history);
            insert_consent(connection, id, &record)?;
            Ok(record)
        };
        Box::pin(async move { Ok(self.0.write(append).await?) })
    }
}

fn dossier(connection: &Connection, id: SubjectId) -> rusqlite::Result<Dossier> {
    let person = person(connection, id)?;
    let mut statement =
        connection.prepare_cached("SELECT id FROM subject WHERE person = ?1 ORDER BY id")?;
    let linked = statement.query_map([person.0], |row| Ok(SubjectId(row.get(0)?)))?;
    let mut pseudonyms: BTreeSet<_> = linked.collect::<Result<_, _>>()?;
    pseudonyms.insert(person);
    let (mut all_jurisdictions, mut histories) = (BTreeSet::new(), Vec::new());
    for id in &pseudonyms {
        all_jurisdictions.extend(jurisdictions(connection, *id)?);
        histories.push(consents(connection, *id)?);
    }
    Ok(Dossier::new(person, pseudonyms, all_jurisdictions, &histories))
}

fn others(connection: &Connection, id: SubjectId, limit: u32) -> rusqlite::Result<Vec<SubjectId>> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM subject WHERE person = (SELECT person FROM subject WHERE id = ?1)
             AND id <> ?1 ORDER BY id LIMIT ?2",
    )?;
    statement.query_map(params![id.0, limit], |row| Ok(SubjectId(row.get(0)?)))?.collect()
}

fn person(connection: &Connection, id: SubjectId) -> rusqlite::Result<SubjectId> {
    let mut statement = connection.prepare_cached("SELECT person FROM subject WHERE id = ?1")?;
    let person = statement.query_row([id.0], |row| Ok(SubjectId(row.get(0)?))).optional()?;
    Ok(person.unwrap_or(id))
}

fn jurisdictions(
    connection: &Connection,
    id: SubjectId,
) -> rusqlite::Result<BTreeSet<Jurisdiction>> {
    let mut statement =
        connection.prepare_cached("SELECT jurisdiction FROM jurisdiction WHERE subject = ?1")?;
    let found = statement.query_map([id.0], |row| Ok(Jurisdiction::new(row.get_ref(0)?.as_str()?)));
    found?.collect()
}

fn consents(connection: &Connection, id: SubjectId) -> rusqlite::Result<Vec<ConsentRecord>> {
    let mut statement = connection.prepare_cached(
        "SELECT purpose, choice, at, until, text_version, source FROM consent WHERE subject = ?1",
    )?;
    statement.query_map([id.0], read_consent)?.collect()
}

fn read_consent(row: &Row<'_>) -> rusqlite::Result<ConsentRecord> {
    let choice = row.get_ref(1)?.as_str()?;
    let choice = Choice::ALL.into_iter().find(|known| known.as_str() == choice);
    let time = |millis: i64| Timestamp::from_unix_millis(millis.unsigned_abs());
    let until: Option<i64> = row.get(3)?;
    let note = |at| {
        let text: Option<String> = row.get(at)?;
        text.map(|text| text.parse()).transpose().map_err(|_| damaged(at))
    };
    Ok(ConsentRecord {
        purpose: Purpose::new(row.get_ref(0)?.as_str()?),
        choice: choice.ok_or_else(|| damaged(1))?,
        at: time(row.get(2)?),
        until: until.map(time),
        text_version: note(4)?,
        source: note(5)?.ok_or_else(|| damaged(5))?,
    })
}

fn damaged(column: usize) -> rusqlite::Error {
    let source = Box::new(FromSqlError::InvalidType);
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, source)
}

/// Whether [`learn`] would change anything.
fn is_news(connection: &Connection, learned: &Learned) -> rusqlite::Result<bool> {
    let Learned { id, same_as, jurisdictions: said, consents: choices } = learned;
    if let Some(other) = same_as
        && person(connection, *other)? != person(connection, *id)?
    {
        return Ok(true);
    }
    if let Some(said) = said
        && jurisdictions(connection, *id)? != *said
    {
        return Ok(true);
    }
    if choices.is_empty() {
        return Ok(false);
    }
    let (own, of_person) = (consents(connection, *id)?, dossier(connection, *id)?.history);
    Ok(choices.iter().any(|record| record.is_news(&own, &of_person)))
}

fn learn(connection: &Connection, learned: &Learned) -> rusqlite::Result<()> {
    let Learned { id, same_as, jurisdictions: said, consents: choices } = learned;
    if let Some(other) = same_as {
        link(connection, *id, *other)?;
    }
    if let Some(said) = said {
        replace_jurisdictions(connection, *id, said)?;
    }
    for record in choices {
        let (own, of_person) = (consents(connection, *id)?, dossier(connection, *id)?.history);
        if record.is_news(&own, &of_person) {
            insert_consent(connection, *id, &record.clone().told_after(&of_person))?;
        }
    }
    Ok(())
}

fn link(connection: &Connection, one: SubjectId, other: SubjectId) -> rusqlite::Result<()> {
    let (of_one, of_other) = (person(connection, one)?, person(connection, other)?);
    let (kept, merged) = (of_one.min(of_other), of_one.max(of_other));
    if kept == merged {
        return Ok(());
    }
    let mut insert = connection
        .prepare_cached("INSERT INTO subject VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING")?;
    for id in [one, other] {
        insert.execute([id.0, kept.0])?;
    }
    let mut update =
        connection.prepare_cached("UPDATE subject SET person = ?1 WHERE person = ?2")?;
    update.execute([kept.0, merged.0]).map(|_| ())
}

fn replace_jurisdictions(
    connection: &Connection,
    id: SubjectId,
    said: &BTreeSet<Jurisdiction>,
) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM jurisdiction WHERE subject = ?1")?.execute([id.0])?;
    let mut insert = connection.prepare_cached("INSERT INTO jurisdiction VALUES (?1, ?2)")?;
    said.iter().try_for_each(|said| insert.execute(params![id.0, said.as_str()]).map(|_| ()))
}

fn insert_consent(
    connection: &Connection,
    id: SubjectId,
    record: &ConsentRecord,
) -> rusqlite::Result<()> {
    let mut insert =
        connection.prepare_cached("INSERT INTO consent VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    let millis = |time: Timestamp| i64::try_from(time.unix_millis()).unwrap_or(i64::MAX);
    insert.execute(params![
        id.0,
        record.purpose.as_str(),
        record.choice.as_str(),
        millis(record.at),
        record.until.map(millis),
        record.text_version.as_ref().map(Note::as_str),
        record.source.as_str(),
    ])?;
    Ok(())
}

impl From<DatabaseError> for SubjectError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Unavailable(problem) => Self::Unavailable(problem),
            DatabaseError::Unusable { .. } => Self::Unavailable(error.to_string()),
            DatabaseError::Corrupt(problem) => Self::Corrupt(problem),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::subject::conformance::{self, consent, id, linked};
    use crate::testkit::Scratch;

    fn open(path: &Path) -> SqliteSubjects {
        SqliteSubjects::new(&Database::open(path, &"acme".into()).unwrap()).unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn conforms() {
        let scratch = Scratch::new();
        let path = scratch.file("house.db");
        conformance::run(|| Arc::new(open(&path))).await;
    }

    /// Another process, such as `zollhaus consent withdraw` beside a running house.
    #[tokio::test]
    async fn what_another_writes_counts_at_once() {
        let scratch = Scratch::new();
        let path = scratch.file("house.db");
        let (house, command) = (open(&path), open(&path));
        house.append(id(1), consent(Choice::Given, 1)).await.unwrap();
        command.append(id(1), consent(Choice::Withdrawn, 2)).await.unwrap();
        let latest = house.known(vec![id(1)]).await.unwrap().remove(0).consents;
        assert_eq!(latest.latest().next().unwrap().choice, Choice::Withdrawn);
    }

    #[tokio::test]
    async fn what_is_known_already_is_not_written() {
        let scratch = Scratch::new();
        let path = scratch.file("house.db");
        let store = open(&path);
        let learned = Learned {
            jurisdictions: Some(["EU".into()].into()),
            consents: vec![consent(Choice::Given, 1)],
            ..linked(1, 2)
        };
        store.learn(vec![learned.clone()]).await.unwrap();
        // Whoever wants to write now would wait for this and fail.
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        store.learn(vec![learned.clone(), learned]).await.unwrap();
    }

    /// Writes fail as on a full disk, halfway through a batch, and then the disk has room.
    #[tokio::test]
    async fn a_full_disk_stores_nothing_and_says_so() {
        let scratch = Scratch::new();
        let store = open(&scratch.file("house.db"));
        let fill = |connection: &Connection| connection.pragma_update(None, "max_page_count", 1);
        store.0.write(fill).await.unwrap();
        let long = "x".repeat(Note::MAX_LENGTH);
        let consents = (0..1000).map(|at| ConsentRecord {
            source: long
                .replacen('x', &at.to_string(), 1)
                .get(..Note::MAX_LENGTH)
                .unwrap()
                .parse()
                .unwrap(),
            ..consent(Choice::Withdrawn, at)
        });
        let learned = Learned { consents: consents.collect(), ..linked(1, 2) };
        let failed = store.learn(vec![learned.clone()]).await;
        assert!(matches!(failed, Err(SubjectError::Unavailable(_))), "{failed:?}");
        let dossier = store.dossier(id(2)).await.unwrap();
        assert_eq!((dossier.pseudonyms, dossier.history), (vec![id(2)], vec![]));

        store.learn(vec![learned]).await.unwrap();
        assert_eq!(store.dossier(id(2)).await.unwrap().history.len(), 1000);
    }

    #[tokio::test]
    async fn a_damaged_row_is_corrupt_and_not_missing() {
        let scratch = Scratch::new();
        let path = scratch.file("house.db");
        let store = open(&path);
        store.append(id(1), consent(Choice::Withdrawn, 1)).await.unwrap();
        let connection = Connection::open(&path).unwrap();
        for damage in ["choice = 'maybe'", "source = 'Max Muster'", "text_version = ''"] {
            connection.execute(&format!("UPDATE consent SET {damage}"), []).unwrap();
            let found = store.known(vec![id(1)]).await;
            assert!(matches!(found, Err(SubjectError::Corrupt(_))), "{damage}: {found:?}");
            connection.execute("UPDATE consent SET choice = 'given', source = 's'", []).unwrap();
        }
    }
}
