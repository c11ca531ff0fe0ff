// SPDX-License-Identifier: Apache-2.0
//! What is known, as rows: how it is read, and how it is written.

use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::base::{Choice, Jurisdiction, Purpose, SubjectId, Timestamp};
use crate::postgres::{Failure, Link, Query, Work};
use crate::subject::people::{Changes, People};
use crate::subject::{ConsentRecord, Note};

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

const OTHERS: &str = "
    SELECT asked.at, other.id FROM unnest($1::bytea[]) WITH ORDINALITY AS asked (id, at)
    JOIN subject USING (id) CROSS JOIN LATERAL (
        SELECT id FROM subject AS other
        WHERE other.person = subject.person AND other.id <> asked.id
        ORDER BY other.id LIMIT $2::bigint
    ) AS other ORDER BY asked.at, other.id";

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

/// What is known of those behind some pseudonyms.
pub(super) struct Load<'l>(pub(super) &'l [SubjectId]);

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

/// Of each that is asked for, other pseudonyms; no more than so many.
pub(super) struct Others<'o>(pub(super) &'o [SubjectId], pub(super) u32);

impl Work for Others<'_> {
    type Done = Vec<Vec<SubjectId>>;

    async fn run(&self, link: &Link) -> Result<Self::Done, Failure> {
        let Self(asked, limit) = self;
        let mut others = vec![Vec::new(); asked.len()];
        for row in Query(OTHERS, &[&bytes(asked), &i64::from(*limit)]).run(link).await? {
            let at = usize::try_from(column::<i64>(&row, 0)? - 1).ok();
            let of_one = at.and_then(|at| others.get_mut(at)).ok_or_else(|| damaged("a place"))?;
            of_one.push(id(&row, 1)?);
        }
        Ok(others)
    }
}

pub(super) async fn store(link: &Link, changes: &Changes) -> Result<(), Failure> {
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

pub(super) fn bytes(ids: &[SubjectId]) -> Vec<&[u8]> {
    ids.iter().map(|id| id.0.as_slice()).collect()
}

pub(super) fn id(row: &Row, at: usize) -> Result<SubjectId, Failure> {
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
