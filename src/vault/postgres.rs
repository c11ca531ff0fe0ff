// SPDX-License-Identifier: Apache-2.0

mod statements;
#[cfg(test)]
mod tests;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::future::join_all;
use tokio_postgres::types::{FromSql, ToSql};

use self::statements::{
    ADD, BEGIN_ALONE, BEGIN_WANTED, BEGIN_WRITE, BEGUN, BUILT, COUNT, EMPTY_UNWANTED, FIND,
    FIND_BY_INDEX, FINISH, FIRST, FORGET_EMPTIED, FORGET_FOUND_BY, FOUND_BY, INSERT, LIST,
    LOCK_ROWS, NEWER, NOTE, PERMIT, REPLACE, SEARCH,
};
use super::{
    BoxFuture, Built, Index, IndexState, Kinds, MAX_FOUND, NewRow, Row, Search, Token, TokenStore,
    VaultError,
};
use crate::base::{Category, SearchKind};
use crate::keys::Version;
use crate::postgres::{Failure, Link, Postgres, PostgresError, Query, Work};

/// Rows in the shared database.
#[derive(Clone, Debug)]
pub struct PostgresStore(Postgres);

type Values<'v> = Vec<&'v (dyn ToSql + Sync)>;

impl PostgresStore {
    pub fn new(database: &Postgres) -> Self {
        Self(database.clone())
    }

    async fn rows(
        &self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<tokio_postgres::Row>, PostgresError> {
        self.0.again(Query(sql, values)).await
    }

    /// Does what is to be done with the rows, unless there are some under newer keys.
    async fn write_rows(
        &self,
        given: &Given<'_>,
        statements: &[(&str, Values<'_>)],
    ) -> Result<Vec<Answer>, VaultError> {
        for (begin, is_alone) in [(BEGIN_WRITE, false), (BEGIN_ALONE, true)] {
            let permit: Values<'_> = vec![&given.oldest, &given.newest, &is_alone];
            let all: Vec<_> =
                [(PERMIT, permit)].into_iter().chain(statements.iter().cloned()).collect();
            match self.0.again(Write(begin, &all)).await? {
                Ok(answers) => return Ok(answers),
                Err(Refused::Newer(version)) => return Err(VaultError::KeyGone(version)),
                Err(Refused::First) => {}
            }
        }
        Err(damaged("permit"))
    }

    /// What is done with indexes while nobody writes rows.
    async fn write_alone(
        &self,
        statements: &[(&str, Values<'_>)],
    ) -> Result<Vec<Answer>, VaultError> {
        let done = self.0.again(Write(BEGIN_ALONE, statements)).await?;
        done.map_err(|_| damaged("permit"))
    }
}

/// What a statement has answered.
type Answer = Vec<tokio_postgres::Row>;

/// Why the rows of a transaction were not written.
enum Refused {
    Newer(Version),
    First,
}

impl Refused {
    fn read(error: &tokio_postgres::Error) -> Option<Self> {
        let said = error.as_db_error()?;
        match said.code().code() {
            NEWER => said.message().parse().ok().map(Self::Newer),
            FIRST => Some(Self::First),
            _ => None,
        }
    }
}

/// How a transaction begins, and its statements, in one round trip.
struct Write<'w>(&'static str, &'w [(&'w str, Values<'w>)]);

impl Work for Write<'_> {
    /// What each has answered; or that the transaction was ended, with nothing in it.
    type Done = Result<Vec<Answer>, Refused>;

    async fn run(&self, link: &Link) -> Result<Self::Done, Failure> {
        let mut prepared = Vec::new();
        for (sql, values) in self.1 {
            prepared.push((link.prepare_cached(sql).await?, values));
        }
        // Sent at once, in this order; after one that fails, the rest does nothing. All are
        // awaited, so that none is left out, and the connection is free afterwards.
        let queries = prepared.iter().map(|(statement, values)| link.query(statement, values));
        let (begun, rows, committed) = tokio::join!(
            biased;
            link.batch_execute(self.0),
            join_all(queries),
            link.batch_execute("COMMIT"),
        );
        begun?;
        let rows = rows.into_iter().collect::<Result<_, _>>();
        if let Some(refused) = rows.as_ref().err().and_then(Refused::read) {
            committed?;
            return Ok(Err(refused));
        }
        let rows = rows?;
        committed?;
        Ok(Ok(rows))
    }
}

impl TokenStore for PostgresStore {
    fn insert(&self, rows: Vec<NewRow>) -> BoxFuture<'_, Result<Vec<Row>, VaultError>> {
        Box::pin(async move {
            if rows.is_empty() {
                return Ok(Vec::new());
            }
            let asked: Vec<Token> = rows.iter().map(|new| new.row.token.clone()).collect();
            let (mut first, mut others) = (BTreeMap::new(), Vec::new());
            for new in rows {
                match first.entry(new.row.token.clone()) {
                    Entry::Occupied(_) => others.push(new),
                    Entry::Vacant(free) => drop(free.insert(new)),
                }
            }
            let given = Given::new(&first, &others);
            let mut statements = vec![(INSERT, given.rows())];
            if !given.kinds_noted.is_empty() {
                statements.push((NOTE, given.noted()));
            }
            if !given.codes.is_empty() {
                statements.push((ADD, given.found_by()));
            }
            statements.push((FIND, given.words()));
            let stored = self.write_rows(&given, &statements).await?.pop().unwrap_or_default();
            let stored = by_token(&stored)?;
            let stored = asked.iter().map(|token| stored.get(token).cloned());
            let is_gone = || VaultError::Unavailable("a row is gone that was inserted".into());
            stored.collect::<Option<_>>().ok_or_else(is_gone)
        })
    }

    fn replace(&self, rows: Vec<NewRow>) -> BoxFuture<'_, Result<(), VaultError>> {
        Box::pin(async move {
            if rows.is_empty() {
                return Ok(());
            }
            let last: BTreeMap<Token, NewRow> =
                rows.into_iter().map(|new| (new.row.token.clone(), new)).collect();
            let given = Given::new(&last, &[]);
            let statements = [
                (LOCK_ROWS, given.words()),
                (REPLACE, given.rows()),
                (NOTE, given.noted()),
                (FORGET_FOUND_BY, given.words()),
                (ADD, given.found_by()),
            ];
            self.write_rows(&given, &statements).await.map(drop)
        })
    }

    fn find(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Vec<Option<Row>>, VaultError>> {
        Box::pin(async move {
            if tokens.is_empty() {
                return Ok(Vec::new());
            }
            let words: Vec<&str> = tokens.iter().map(Token::as_str).collect();
            let found = by_token(&self.rows(FIND, &[&words]).await?)?;
            Ok(tokens.iter().map(|token| found.get(token).cloned()).collect())
        })
    }

    fn find_by_index(
        &self,
        indexes: Vec<Index>,
        newest: Version,
    ) -> BoxFuture<'_, Result<Vec<Vec<Row>>, VaultError>> {
        Box::pin(async move {
            let codes: Vec<&[u8]> = indexes.iter().map(|index| index.0.as_slice()).collect();
            let mut answers = vec![Vec::new(); indexes.len()];
            let (limit, newest) = (i64::from(MAX_FOUND), i64::from(newest));
            let found = self.rows(FIND_BY_INDEX, &[&codes, &limit, &newest]).await?;
            for found in known(&found)? {
                answer_of(&mut answers, found)?.push(read(found)?);
            }
            Ok(answers)
        })
    }

    fn search(
        &self,
        searches: Vec<Search>,
        limit: u32,
        newest: Version,
    ) -> BoxFuture<'_, Result<Vec<Option<Vec<Row>>>, VaultError>> {
        Box::pin(async move {
            let (mut categories, mut kinds, mut counts) = (Vec::new(), Vec::new(), Vec::new());
            let (mut ats, mut codes) = (Vec::new(), Vec::new());
            for (at, asked) in (1_i64..).zip(&searches) {
                let all_of: BTreeSet<&Index> = asked.all_of.iter().collect();
                categories.push(asked.category.as_str());
                kinds.push(asked.kind.name());
                counts.push(all_of.len() as i64);
                ats.extend(all_of.iter().map(|_| at));
                codes.extend(all_of.iter().map(|code| code.0.as_slice()));
            }
            let (limit, newest) = (i64::from(limit), i64::from(newest));
            let values: Values<'_> =
                vec![&categories, &kinds, &counts, &ats, &codes, &limit, &newest];
            let found = self.rows(SEARCH, &values).await?;
            let mut answers: Vec<Option<Vec<Row>>> = vec![None; searches.len()];
            for found in known(&found)? {
                let answer = answer_of(&mut answers, found)?.get_or_insert_default();
                if column::<Option<&str>>(found, 0)?.is_some() {
                    answer.push(read(found)?);
                }
            }
            Ok(answers)
        })
    }

    fn found_by(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Vec<Vec<Index>>, VaultError>> {
        Box::pin(async move {
            let words: Vec<&str> = tokens.iter().map(Token::as_str).collect();
            let mut found: HashMap<Token, Vec<Index>> = HashMap::new();
            for row in self.rows(FOUND_BY, &[&words]).await? {
                found.entry(token(&row)?).or_default().push(index(&row, 1)?);
            }
            Ok(tokens.iter().map(|token| found.get(token).cloned().unwrap_or_default()).collect())
        })
    }

    fn built(&self) -> BoxFuture<'_, Result<Vec<Built>, VaultError>> {
        Box::pin(async move {
            let built = self.rows(BUILT, &[]).await?;
            let index = |row: &tokio_postgres::Row| {
                let kind = SearchKind::from_name(column(row, 1)?);
                Ok(Built {
                    category: Category::new(column::<&str>(row, 0)?),
                    kind: kind.ok_or_else(|| damaged("kind"))?,
                    state: IndexState::from_code(column(row, 2)?),
                })
            };
            built.iter().map(index).collect()
        })
    }

    fn begin_build(
        &self,
        shall_be: Kinds,
        build: u64,
    ) -> BoxFuture<'_, Result<BTreeSet<Category>, VaultError>> {
        Box::pin(async move {
            let all = shall_be.iter().flat_map(|(category, kinds)| {
                kinds.iter().map(|kind| (category.as_str(), kind.name()))
            });
            let (categories, kinds): (Vec<&str>, Vec<&str>) = all.unzip();
            let build = build as i64;
            let statements: [(&str, Values<'_>); 3] = [
                (EMPTY_UNWANTED, vec![&categories, &kinds, &build]),
                (BEGIN_WANTED, vec![&categories, &kinds, &build]),
                (BEGUN, vec![]),
            ];
            let begun = self.write_alone(&statements).await?.pop().unwrap_or_default();
            begun.iter().map(|row| Ok(Category::new(column::<&str>(row, 0)?))).collect()
        })
    }

    fn finish_build(&self, build: u64) -> BoxFuture<'_, Result<(), VaultError>> {
        Box::pin(async move {
            let emptied = IndexState::Emptying(build).code();
            let built = IndexState::Building(build).code();
            let statements: [(&str, Values<'_>); 2] =
                [(FORGET_EMPTIED, vec![&emptied]), (FINISH, vec![&built])];
            self.write_alone(&statements).await.map(drop)
        })
    }

    fn list(
        &self,
        after: Option<Token>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Row>, VaultError>> {
        Box::pin(async move {
            let after = after.as_ref().map_or("", Token::as_str);
            let rows = self.rows(LIST, &[&after, &i64::from(limit)]).await?;
            rows.iter().map(read).collect()
        })
    }

    fn count(&self) -> BoxFuture<'_, Result<BTreeMap<Version, u64>, VaultError>> {
        Box::pin(async move {
            let counts = self.0.read_long(Query(COUNT, &[])).await?;
            let count =
                |row: &tokio_postgres::Row| Ok((version(row, 0)?, column::<i64>(row, 1)? as u64));
            counts.iter().map(count).collect()
        })
    }

    fn health(&self) -> BoxFuture<'_, Result<(), VaultError>> {
        Box::pin(async { Ok(self.0.health().await?) })
    }
}

/// Rows of different tokens, column by column.
struct Given<'r> {
    words: Vec<&'r str>,
    categories: Vec<&'r str>,
    sealed: Vec<&'r [u8]>,
    versions: Vec<i64>,
    rough: Vec<&'r [u8]>,
    /// Each a list of names with commas in between.
    kinds: Vec<String>,
    codes: Vec<&'r [u8]>,
    words_of_codes: Vec<&'r str>,
    /// Each with a category and a word: the indexes that a row is written for.
    kinds_noted: Vec<&'r str>,
    categories_noted: Vec<&'r str>,
    words_noted: Vec<&'r str>,
    oldest: i64,
    newest: i64,
}

impl<'r> Given<'r> {
    /// `others` are of the same tokens: they are found like them, and not stored.
    fn new(rows: &'r BTreeMap<Token, NewRow>, others: &'r [NewRow]) -> Self {
        let all = || rows.values().chain(others);
        let found_by = || {
            all().flat_map(|new| {
                new.found_by.iter().map(|code| (code.0.as_slice(), new.row.token.as_str()))
            })
        };
        let noted = || all().flat_map(|new| new.kinds.iter().map(move |kind| (kind, &new.row)));
        let versions = || all().map(|new| i64::from(new.row.version));
        Self {
            words: rows.values().map(|new| new.row.token.as_str()).collect(),
            categories: rows.values().map(|new| new.row.category.as_str()).collect(),
            sealed: rows.values().map(|new| new.row.sealed.as_slice()).collect(),
            versions: rows.values().map(|new| new.row.version.into()).collect(),
            rough: rows.values().map(|new| new.row.rough.0.as_slice()).collect(),
            kinds: rows.values().map(|new| names(&new.kinds)).collect(),
            codes: found_by().map(|(code, _)| code).collect(),
            words_of_codes: found_by().map(|(_, word)| word).collect(),
            kinds_noted: noted().map(|(kind, _)| kind.name()).collect(),
            categories_noted: noted().map(|(_, row)| row.category.as_str()).collect(),
            words_noted: noted().map(|(_, row)| row.token.as_str()).collect(),
            oldest: versions().min().unwrap_or_default(),
            newest: versions().max().unwrap_or_default(),
        }
    }

    fn rows(&self) -> Values<'_> {
        vec![&self.words, &self.categories, &self.sealed, &self.versions, &self.rough, &self.kinds]
    }

    fn words(&self) -> Values<'_> {
        vec![&self.words]
    }

    fn noted(&self) -> Values<'_> {
        vec![&self.categories_noted, &self.kinds_noted, &self.words_noted]
    }

    fn found_by(&self) -> Values<'_> {
        vec![&self.codes, &self.words_of_codes]
    }
}

fn names(kinds: &BTreeSet<SearchKind>) -> String {
    kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(",")
}

fn by_token(rows: &[tokio_postgres::Row]) -> Result<HashMap<Token, Row>, VaultError> {
    rows.iter().map(|row| read(row).map(|row| (row.token.clone(), row))).collect()
}

/// The rows behind the first, which says whether others are under a newer version.
fn known(rows: &[tokio_postgres::Row]) -> Result<&[tokio_postgres::Row], VaultError> {
    let (first, rows) = rows.split_first().ok_or_else(|| damaged("version"))?;
    match column::<Option<i64>>(first, 3)? {
        None => Ok(rows),
        Some(_) => Err(VaultError::KeyGone(version(first, 3)?)),
    }
}

/// The answer that a row belongs to, by its number in the sixth column.
fn answer_of<'a, T>(
    answers: &'a mut [T],
    row: &tokio_postgres::Row,
) -> Result<&'a mut T, VaultError> {
    let at = usize::try_from(column::<i64>(row, 5)? - 1).ok();
    at.and_then(|at| answers.get_mut(at)).ok_or_else(|| damaged("at"))
}

fn read(row: &tokio_postgres::Row) -> Result<Row, VaultError> {
    Ok(Row {
        token: token(row)?,
        category: Category::new(column::<&str>(row, 1)?),
        sealed: column(row, 2)?,
        version: version(row, 3)?,
        rough: index(row, 4)?,
    })
}

fn token(row: &tokio_postgres::Row) -> Result<Token, VaultError> {
    Token::parse(column(row, 0)?).ok_or_else(|| damaged("word"))
}

fn version(row: &tokio_postgres::Row, at: usize) -> Result<Version, VaultError> {
    column::<i64>(row, at)?.try_into().map_err(|_| damaged("version"))
}

fn index(row: &tokio_postgres::Row, at: usize) -> Result<Index, VaultError> {
    column::<&[u8]>(row, at)?.try_into().map(Index).map_err(|_| damaged("an index"))
}

fn column<'r, T: FromSql<'r>>(row: &'r tokio_postgres::Row, at: usize) -> Result<T, VaultError> {
    row.try_get(at).map_err(|error| VaultError::Corrupt(error.to_string()))
}

fn damaged(column: &str) -> VaultError {
    VaultError::Corrupt(format!("{column} of a row is not what was written"))
}

impl From<PostgresError> for VaultError {
    fn from(error: PostgresError) -> Self {
        match error {
            PostgresError::Unavailable(problem) => Self::Unavailable(problem),
            PostgresError::Unusable { .. } => Self::Unavailable(error.to_string()),
            PostgresError::Corrupt(problem) => Self::Corrupt(problem),
        }
    }
}
