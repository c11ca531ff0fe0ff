// SPDX-License-Identifier: Apache-2.0

mod backup;
mod built;
mod checked;
mod epoch;
mod held_by;
mod keys;
mod newest;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};

use super::{
    BoxFuture, Built, Found, HeldRows, Index, IndexState, Kinds, NewCopy, NewRow, Place, Row,
    Search, Token, TokenStore, Under, VaultError, Wanted,
};
pub use backup::{back_up, holds_rows, knows_keys, take_keys};
use built::{built, forget, keep, note};
use checked::{checked, permitted};
pub(crate) use newest::{define_newest_key, newer_than};

use crate::base::Category;
use crate::keys::{Realm, Version};
use crate::sqlite::{Database, DatabaseError};

/// The house's copy of a value has no key, and says under which version of the vault's key it
/// is sealed; those of data subjects have one, and version 0. A key that is destroyed has no
/// data subject any more. A token that stands for nothing has version 0.
///
/// Words and codes are random: whatever is ordered by them costs each new row a page of its
/// own. So tokens have numbers in the order in which they come, and all else goes by those.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS token (
        number INTEGER PRIMARY KEY,
        word TEXT NOT NULL UNIQUE,
        category TEXT NOT NULL,
        version INTEGER NOT NULL,
        rough BLOB NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS token_by_rough ON token (rough);
    CREATE INDEX IF NOT EXISTS token_by_version ON token (version);
    CREATE TABLE IF NOT EXISTS copy (
        token INTEGER NOT NULL,
        key BLOB NOT NULL,
        version INTEGER NOT NULL,
        sealed BLOB NOT NULL,
        PRIMARY KEY (token, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS copy_by_key ON copy (key) WHERE key <> x'';
    CREATE TABLE IF NOT EXISTS found_by (
        code BLOB NOT NULL,
        token INTEGER NOT NULL,
        PRIMARY KEY (code, token)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS found_by_token ON found_by (token);
    CREATE TABLE IF NOT EXISTS search_index (
        category TEXT NOT NULL,
        kind TEXT NOT NULL,
        build INTEGER,
        PRIMARY KEY (category, kind)
    ) STRICT, WITHOUT ROWID;
";

/// Rows in the embedded database.
#[derive(Clone, Debug)]
pub struct SqliteStore(Database);

const KEYS_SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS subject_key (
        id BLOB PRIMARY KEY,
        subject BLOB UNIQUE,
        version INTEGER,
        wrapped BLOB,
        realm TEXT NOT NULL DEFAULT ''
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS subject_key_by_realm ON subject_key (realm, version);
    CREATE INDEX IF NOT EXISTS subject_key_destroyed ON subject_key (id) WHERE wrapped IS NULL;
";

impl SqliteStore {
    /// # Errors
    /// When its tables are missing and cannot be made.
    pub fn new(database: &Database) -> Result<Self, DatabaseError> {
        database.define(SCHEMA)?;
        database.define(KEYS_SCHEMA)?;
        define_newest_key(database)?;
        epoch::define(database)?;
        Ok(Self(database.clone()))
    }

    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, VaultError>> {
        Box::pin(async move { Ok(self.0.write(work).await?) })
    }

    fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, VaultError>> {
        Box::pin(async move { Ok(self.0.read(query).await?) })
    }

    /// As [`write`](Self::write); what fails for a reason of ours is not stored, either.
    fn write_checked<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<Result<T, VaultError>> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, VaultError>> {
        let written = self.write(move |connection| checked(connection, work));
        Box::pin(async move { written.await? })
    }

    /// Writes under versions of keys, unless something was stored under a newer one than the
    /// oldest of them.
    fn write_under<T: Send + 'static>(
        &self,
        under: Under,
        work: impl FnOnce(&Connection) -> rusqlite::Result<Result<T, VaultError>> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, VaultError>> {
        self.write_checked(move |connection| permitted(connection, &under, work))
    }

    /// Finds rows by what the keys up to a version make, unless something was stored under a
    /// newer one.
    fn read_rows<T: Send + 'static>(
        &self,
        newest: Version,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, VaultError>> {
        let found = self.read(move |connection| match newer_than(connection, newest)? {
            Some(newer) => Ok(Err(VaultError::KeyGone(newer))),
            None => query(connection).map(Ok),
        });
        Box::pin(async move { found.await? })
    }
}

impl TokenStore for SqliteStore {
    fn insert(&self, rows: Vec<NewRow>) -> BoxFuture<'_, Result<Vec<Row>, VaultError>> {
        let under = Under::of(rows.iter().flat_map(NewRow::needs));
        let written = self.write(move |connection| {
            // Only this can fail for a reason of ours. Rows, which are many, need no copies.
            let permitted = checked(connection, |connection| {
                permitted(connection, &under, |connection| keys::keep_all(connection, &rows))
            })?;
            if let Err(refused) = permitted {
                return Ok(Err(refused));
            }
            let mut built = built(connection)?;
            let insert = |row| rows::insert(connection, row, &mut built);
            rows.into_iter().map(insert).collect::<rusqlite::Result<_>>().map(Ok)
        });
        Box::pin(async move { written.await? })
    }

    fn replace(&self, rows: Vec<NewRow>) -> BoxFuture<'_, Result<(), VaultError>> {
        let under = Under::of(rows.iter().map(|new| (&Realm::House, new.row.version)));
        self.write_under(under, move |connection| {
            let mut built = built(connection)?;
            for row in &rows {
                if rows::forgets_a_copy(connection, &row.row)? {
                    return Ok(Err(VaultError::Conflict));
                }
                rows::replace(connection, row, &mut built)?;
            }
            epoch::end(connection).map(Ok)
        })
    }

    fn hold(&self, copies: Vec<NewCopy>) -> BoxFuture<'_, Result<(), VaultError>> {
        let under = Under::of(copies.iter().map(|copy| copy.held.by.needs()));
        self.write_under(under, move |connection| {
            for NewCopy { token, held } in copies {
                match rows::number_of(connection, &token)? {
                    Some(number) if keys::keep(connection, &held)? => {
                        rows::hold(connection, number, &held)?;
                    }
                    _ => return Ok(Err(VaultError::Conflict)),
                }
            }
            Ok(Ok(()))
        })
    }

    fn look_up(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Found, VaultError>> {
        self.read(move |connection| {
            let epoch = epoch::current(connection)?;
            Ok(Found { epoch, rows: rows::find(connection, &tokens)? })
        })
    }

    fn held_by(&self, wanted: Wanted) -> BoxFuture<'_, Result<Vec<HeldRows>, VaultError>> {
        self.read(move |connection| held_by::held_by(connection, &wanted))
    }

    fn find_by_index(
        &self,
        indexes: Vec<Index>,
        newest: Version,
    ) -> BoxFuture<'_, Result<Vec<Vec<Row>>, VaultError>> {
        self.read_rows(newest, |connection| {
            indexes.into_iter().map(|index| rows::find_by_index(connection, index)).collect()
        })
    }

    fn search(
        &self,
        searches: Vec<Search>,
        limit: u32,
        newest: Version,
    ) -> BoxFuture<'_, Result<Vec<Option<Vec<Row>>>, VaultError>> {
        self.read_rows(newest, move |connection| {
            let built = built(connection)?;
            let searches = searches.iter().map(|asked| {
                let is_complete = built.iter().any(|index| {
                    index.state == IndexState::Complete
                        && (index.kind, &index.category) == (asked.kind, &asked.category)
                });
                is_complete.then(|| rows::search(connection, asked, limit)).transpose()
            });
            searches.collect()
        })
    }

    fn found_by(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Vec<Vec<Index>>, VaultError>> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT code FROM found_by JOIN token ON number = token
                     WHERE word = ?1 ORDER BY code",
            )?;
            let codes = tokens.iter().map(|token| {
                statement.query_map([token.as_str()], |row| row.get(0).map(Index))?.collect()
            });
            codes.collect()
        })
    }

    fn built(&self) -> BoxFuture<'_, Result<Vec<Built>, VaultError>> {
        self.read(built)
    }

    fn begin_build(
        &self,
        shall_be: Kinds,
        build: u64,
    ) -> BoxFuture<'_, Result<BTreeSet<Category>, VaultError>> {
        self.write(move |connection| {
            let mut built = built(connection)?;
            for (category, kinds) in &shall_be {
                note(category, kinds, &mut built);
            }
            let mut begun = BTreeSet::new();
            for index in &mut built {
                let kinds = shall_be.get(&index.category);
                let is_wanted = kinds.is_some_and(|kinds| kinds.contains(&index.kind));
                index.state = index.state.begun(is_wanted, build);
                if index.state == IndexState::Complete {
                    continue;
                }
                keep(connection, index)?;
                begun.insert(index.category.clone());
            }
            Ok(begun)
        })
    }

    fn finish_build(
        &self,
        build: u64,
        except: BTreeSet<Category>,
    ) -> BoxFuture<'_, Result<(), VaultError>> {
        self.write(move |connection| {
            let ended = built(connection)?.into_iter().filter(|it| !except.contains(&it.category));
            for index in ended {
                match index.state {
                    IndexState::Emptying(number) if number == build => forget(connection, &index)?,
                    IndexState::Building(number) if number == build => {
                        keep(connection, &Built { state: IndexState::Complete, ..index })?;
                    }
                    _ => {}
                }
            }
            Ok(())
        })
    }

    fn list(
        &self,
        after: Option<Place>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<(Place, Row)>, VaultError>> {
        self.read(move |connection| rows::list(connection, after.as_ref(), limit))
    }

    fn count(&self) -> BoxFuture<'_, Result<BTreeMap<Version, u64>, VaultError>> {
        self.read(rows::count)
    }

    fn health(&self) -> BoxFuture<'_, Result<(), VaultError>> {
        Box::pin(async { Ok(self.0.health().await?) })
    }
}

impl FromSql for Token {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::parse(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

impl From<DatabaseError> for VaultError {
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
    use std::sync::Arc;

    use rusqlite::StatementStatus;

    use super::*;
    use crate::testkit::Scratch;
    use crate::vault::{Held, Index, conformance};

    fn open(path: &Path) -> SqliteStore {
        SqliteStore::new(&Database::open(path, &"acme".into()).unwrap()).unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn conforms() {
        let scratch = Scratch::new();
        let path = scratch.file("vault.db");
        conformance::run(|| Arc::new(open(&path))).await;
    }

    #[tokio::test]
    async fn a_statement_is_prepared_once_for_all_tokens() {
        let scratch = Scratch::new();
        let store = open(&scratch.file("vault.db"));
        let prepared_anew = store.read(|connection| {
            for number in 0..10 {
                rows::find(connection, &[Token::from_code(&[number; 32], 1)])?;
            }
            let statement = connection.prepare_cached(&rows::with_word())?;
            Ok(statement.get_status(StatementStatus::RePrepare))
        });
        assert_eq!(prepared_anew.await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_damaged_row_is_corrupt_and_not_missing() {
        let scratch = Scratch::new();
        let path = scratch.file("vault.db");
        let store = open(&path);
        let token = Token::from_code(&[1; 32], 1);
        let row = Row {
            token: token.clone(),
            category: Category::from("email"),
            held: Held::by_house(1, vec![1]),
            version: 1,
            rough: Index([1; 16]),
        };
        store.insert(vec![NewRow::found_by_nothing(row)]).await.unwrap();
        let connection = Connection::open(&path).unwrap();
        connection.execute("UPDATE token SET rough = x'00'", []).unwrap();
        let found = store.find(vec![token]).await;
        assert!(matches!(found, Err(VaultError::Corrupt(_))), "{found:?}");
    }
}
