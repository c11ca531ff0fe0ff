// SPDX-License-Identifier: Apache-2.0

mod columns;
mod given;
mod held_by;
mod keys;
mod permit;
mod statements;
#[cfg(test)]
mod tests;
mod work;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tokio_postgres::types::ToSql;

use self::columns::{answer_of, column, damaged, index, key_of, known, read, token, version};
use self::given::{Copies, Given, Jurisdictions, Keys};
use self::held_by::held_by;
pub(crate) use self::permit::permit;
use self::permit::{BEGIN_ALONE, BEGIN_WRITE, PERMIT, PERMIT_REALMS};
use self::statements::{
    ADD, BEGIN_WANTED, BEGUN, BUILT, COUNT, EMPTY_UNWANTED, END_EPOCH, FIND, FIND_BY_INDEX,
    FIND_OWN, FINISH, FORGET_EMPTIED, FORGET_FOUND_BY, FOUND_BY, HELD_BY, HOLD, INSERT, KEEP_KEYS,
    LIST, LOCK_ROWS, NOTE, REPLACE, REQUIRE_HELD, REQUIRE_KEYS, REQUIRE_REMEMBERED, SEARCH,
};
use self::work::{Answer, Refused, Values, Write};
use super::{
    BoxFuture, Built, Epoch, Found, HeldRows, Index, IndexState, KeyId, Kinds, MAX_FOUND, NewCopy,
    NewRow, Place, Row, Search, Token, TokenStore, Under, VaultError, Wanted,
};
use crate::base::{Category, SearchKind};
use crate::keys::{Realm, Version};
use crate::postgres::{Postgres, PostgresError, Query};

/// Rows in the shared database.
#[derive(Clone, Debug)]
pub struct PostgresStore(Postgres);

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

    /// Writes under versions of keys, unless something was stored under a newer one.
    async fn write_under(
        &self,
        under: &Under,
        statements: &[(&str, Values<'_>)],
    ) -> Result<Vec<Answer>, VaultError> {
        let (oldest, newest) = (i64::from(under.house.0), i64::from(under.house.1));
        let jurisdictions = Jurisdictions::of(under);
        for (begin, is_alone) in [(BEGIN_WRITE, false), (BEGIN_ALONE, true)] {
            let mut all = vec![(PERMIT, vec![&oldest as _, &newest as _, &is_alone as _])];
            if !under.jurisdictions.is_empty() {
                all.push((PERMIT_REALMS, jurisdictions.and(&is_alone)));
            }
            all.extend(statements.iter().cloned());
            match self.0.again(Write(begin, &all)).await? {
                Err(Refused::First) if !is_alone => {}
                done => return done.map_err(VaultError::from),
            }
        }
        Err(damaged("permit"))
    }

    async fn count_of(&self, sql: &str) -> Result<BTreeMap<Version, u64>, VaultError> {
        let counts = self.0.read_long(Query(sql, &[])).await?;
        let count =
            |row: &tokio_postgres::Row| Ok((version(row, 0)?, column::<i64>(row, 1)? as u64));
        counts.iter().map(count).collect()
    }

    /// What is done while nobody else writes.
    async fn write_alone(
        &self,
        statements: &[(&str, Values<'_>)],
    ) -> Result<Vec<Answer>, VaultError> {
        Ok(self.0.again(Write(BEGIN_ALONE, statements)).await??)
    }
}

impl TokenStore for PostgresStore {
    fn insert(&self, rows: Vec<NewRow>) -> BoxFuture<'_, Result<Vec<Row>, VaultError>> {
        Box::pin(async move {
            if rows.is_empty() {
                return Ok(Vec::new());
            }
            let given = Given::new(&rows);
            let asked = Copies::of(rows.iter().map(|new| (&new.row.token, new.row.held.as_ref())));
            let keys = Keys::of_holders(rows.iter().filter_map(|new| new.row.held.as_ref()));
            let mut statements =
                vec![(KEEP_KEYS, keys.all()), (REQUIRE_KEYS, asked.keys()), (INSERT, given.rows())];
            if !given.kinds_noted.is_empty() {
                statements.push((NOTE, given.noted()));
            }
            if !given.codes.is_empty() {
                statements.push((ADD, given.found_by()));
            }
            statements.push((FIND_OWN, asked.places()));
            let under = Under::of(rows.iter().flat_map(NewRow::needs));
            let stored = self.write_under(&under, &statements).await?.pop().unwrap_or_default();
            if stored.len() != rows.len() {
                return Err(VaultError::Unavailable("a row is gone that was inserted".into()));
            }
            stored.iter().map(|row| read(row, 0)).collect()
        })
    }

    fn replace(&self, rows: Vec<NewRow>) -> BoxFuture<'_, Result<(), VaultError>> {
        Box::pin(async move {
            if rows.is_empty() {
                return Ok(());
            }
            let last: BTreeMap<Token, NewRow> =
                rows.into_iter().map(|new| (new.row.token.clone(), new)).collect();
            let rows: Vec<NewRow> = last.into_values().collect();
            let given = Given::new(&rows);
            let statements = [
                (LOCK_ROWS, given.words()),
                (REQUIRE_REMEMBERED, given.keys_and_versions()),
                (REPLACE, given.rows()),
                (NOTE, given.noted()),
                (FORGET_FOUND_BY, given.words()),
                (ADD, given.found_by()),
                (END_EPOCH, vec![]),
            ];
            let under = Under::of(rows.iter().map(|new| (&Realm::House, new.row.version)));
            self.write_under(&under, &statements).await.map(drop)
        })
    }

    fn hold(&self, copies: Vec<NewCopy>) -> BoxFuture<'_, Result<(), VaultError>> {
        Box::pin(async move {
            if copies.is_empty() {
                return Ok(());
            }
            let given = Copies::of(copies.iter().map(|copy| (&copy.token, Some(&copy.held))));
            let keys = Keys::of_holders(copies.iter().map(|copy| &copy.held));
            let statements = [
                (KEEP_KEYS, keys.all()),
                (REQUIRE_KEYS, given.keys()),
                (REQUIRE_HELD, given.words()),
                (HOLD, given.all()),
            ];
            let under = Under::of(copies.iter().map(|copy| copy.held.by.needs()));
            self.write_under(&under, &statements).await.map(drop)
        })
    }

    fn look_up(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Found, VaultError>> {
        Box::pin(async move {
            let words: Vec<&str> = tokens.iter().map(Token::as_str).collect();
            let answer = self.rows(FIND, &[&words]).await?;
            let id = answer.first().ok_or_else(|| damaged("epoch"))?;
            let id = column::<&[u8]>(id, 0)?.try_into().map_err(|_| damaged("epoch"))?;
            let mut found: HashMap<Token, Row> = HashMap::with_capacity(answer.len());
            for row in &answer {
                if column::<Option<&str>>(row, 1)?.is_some() {
                    let row = read(row, 1)?;
                    found.insert(row.token.clone(), row);
                }
            }
            let rows = tokens.iter().map(|token| found.get(token).cloned()).collect();
            Ok(Found { epoch: Epoch(id), rows })
        })
    }

    fn held_by(&self, wanted: Wanted) -> BoxFuture<'_, Result<Vec<HeldRows>, VaultError>> {
        Box::pin(async move {
            let asked: Vec<&[u8]> = wanted.subjects.iter().map(|it| &it.0[..]).collect();
            let categories: Vec<&str> = wanted.categories.iter().map(Category::as_str).collect();
            let limits = wanted.limits;
            let [looked_at, longest] = [limits.looked_at, wanted.longest_copy()].map(i64::from);
            // One more of each tells that there are more.
            let [of_one, of_all] = [limits.of_one, limits.of_all].map(|limit| i64::from(limit) + 1);
            let values: Values<'_> =
                vec![&asked, &looked_at, &longest, &categories, &of_one, &of_all];
            held_by(&self.rows(HELD_BY, &values).await?, &wanted)
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
                answer_of(&mut answers, found)?.push(read(found, 2)?);
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
                if column::<Option<&str>>(found, 2)?.is_some() {
                    answer.push(read(found, 2)?);
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
                found.entry(token(&row, 0)?).or_default().push(index(&row, 1)?);
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

    fn finish_build(
        &self,
        build: u64,
        except: BTreeSet<Category>,
    ) -> BoxFuture<'_, Result<(), VaultError>> {
        Box::pin(async move {
            let except: Vec<&str> = except.iter().map(Category::as_str).collect();
            let emptied = IndexState::Emptying(build).code();
            let built = IndexState::Building(build).code();
            let statements: [(&str, Values<'_>); 2] =
                [(FORGET_EMPTIED, vec![&emptied, &except]), (FINISH, vec![&built, &except])];
            self.write_alone(&statements).await.map(drop)
        })
    }

    fn list(
        &self,
        after: Option<Place>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<(Place, Row)>, VaultError>> {
        Box::pin(async move {
            let (word, key) = match &after {
                None => ("", &[][..]),
                Some(Place(token, key)) => (token.as_str(), key_of(key.as_ref())),
            };
            let rows = self.rows(LIST, &[&word, &key, &i64::from(limit)]).await?;
            let listed = |row: &tokio_postgres::Row| {
                let key = column::<Option<&[u8]>>(row, 0)?.filter(|key| !key.is_empty());
                let key = key.map(|key| key.try_into().map(KeyId)).transpose();
                let key = key.map_err(|_| damaged("key"))?;
                let row = read(row, 1)?;
                Ok((Place(row.token.clone(), key), row))
            };
            rows.iter().map(listed).collect()
        })
    }

    fn count(&self) -> BoxFuture<'_, Result<BTreeMap<Version, u64>, VaultError>> {
        Box::pin(self.count_of(COUNT))
    }

    fn health(&self) -> BoxFuture<'_, Result<(), VaultError>> {
        Box::pin(async { Ok(self.0.health().await?) })
    }
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
