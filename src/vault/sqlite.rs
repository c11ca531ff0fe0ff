// SPDX-License-Identifier: Apache-2.0

mod built;

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::{
    BoxFuture, Built, Index, IndexState, Kinds, MAX_FOUND, NewRow, Row, Search, Token, TokenStore,
    VaultError,
};
use built::{built, keep, note, spoil};

use crate::base::Category;
use crate::keys::Version;
use crate::sqlite::{Database, DatabaseError};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS token (
        word TEXT PRIMARY KEY,
        category TEXT NOT NULL,
        sealed BLOB NOT NULL,
        version INTEGER NOT NULL,
        rough BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS token_by_rough ON token (rough, word);
    CREATE INDEX IF NOT EXISTS token_by_version ON token (version);
    CREATE TABLE IF NOT EXISTS found_by (
        code BLOB NOT NULL,
        word TEXT NOT NULL,
        PRIMARY KEY (code, word)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS found_by_word ON found_by (word);
    CREATE TABLE IF NOT EXISTS search_index (
        category TEXT NOT NULL,
        kind TEXT NOT NULL,
        build INTEGER,
        PRIMARY KEY (category, kind)
    ) STRICT, WITHOUT ROWID;
";

/// The columns of a [`Row`], as [`read`] takes them.
const COLUMNS: &str = "word, category, sealed, version, rough";

/// Rows in the embedded database.
#[derive(Clone, Debug)]
pub struct SqliteStore(Database);

impl SqliteStore {
    /// # Errors
    /// When its tables are missing and cannot be made.
    pub fn new(database: &Database) -> Result<Self, DatabaseError> {
        database.define(SCHEMA)?;
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

    /// Writes rows, unless there are some under newer keys.
    fn write_rows<T: Send + 'static>(
        &self,
        rows: Vec<NewRow>,
        work: impl FnOnce(&Connection, Vec<NewRow>, &mut Vec<Built>) -> rusqlite::Result<T>
        + Send
        + 'static,
    ) -> BoxFuture<'_, Result<T, VaultError>> {
        let oldest = rows.iter().map(|new| new.row.version).min().unwrap_or(Version::MAX);
        let written = self.write(move |connection| {
            if let Some(newer) = newer_than(connection, oldest)? {
                return Ok(Err(VaultError::KeyGone(newer)));
            }
            work(connection, rows, &mut built(connection)?).map(Ok)
        });
        Box::pin(async move { written.await? })
    }

    /// Finds rows by what the keys up to a version make, unless there are some under newer
    /// keys.
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
        self.write_rows(rows, |connection, rows, built| {
            rows.into_iter().map(|row| insert(connection, row, built)).collect()
        })
    }

    fn replace(&self, rows: Vec<NewRow>) -> BoxFuture<'_, Result<(), VaultError>> {
        self.write_rows(rows, |connection, rows, built| {
            rows.iter().try_for_each(|row| replace(connection, row, built))
        })
    }

    fn find(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Vec<Option<Row>>, VaultError>> {
        self.read(|connection| tokens.into_iter().map(|token| find(connection, &token)).collect())
    }

    fn find_by_index(
        &self,
        indexes: Vec<Index>,
        newest: Version,
    ) -> BoxFuture<'_, Result<Vec<Vec<Row>>, VaultError>> {
        self.read_rows(newest, |connection| {
            indexes.into_iter().map(|index| find_by_index(connection, index)).collect()
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
                is_complete.then(|| search(connection, asked, limit)).transpose()
            });
            searches.collect()
        })
    }

    fn found_by(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Vec<Vec<Index>>, VaultError>> {
        self.read(move |connection| {
            let mut statement = connection
                .prepare_cached("SELECT code FROM found_by WHERE word = ?1 ORDER BY code")?;
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

    fn finish_build(&self, build: u64) -> BoxFuture<'_, Result<(), VaultError>> {
        self.write(move |connection| {
            let code = |state: IndexState| state.code().unwrap_or_default();
            let sql = "DELETE FROM search_index WHERE build = ?1";
            connection.execute(sql, [code(IndexState::Emptying(build))])?;
            let sql = "UPDATE search_index SET build = NULL WHERE build = ?1";
            connection.execute(sql, [code(IndexState::Building(build))]).map(drop)
        })
    }

    fn list(
        &self,
        after: Option<Token>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Row>, VaultError>> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM token WHERE word > ?1 ORDER BY word LIMIT ?2"
            ))?;
            let after = after.as_ref().map_or("", Token::as_str);
            statement.query_map(params![after, limit], read)?.collect()
        })
    }

    fn count(&self) -> BoxFuture<'_, Result<BTreeMap<Version, u64>, VaultError>> {
        self.read(|connection| {
            let mut statement =
                connection.prepare("SELECT version, count(*) FROM token GROUP BY version")?;
            let count = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64));
            statement.query_map([], count)?.collect()
        })
    }

    fn health(&self) -> BoxFuture<'_, Result<(), VaultError>> {
        Box::pin(async { Ok(self.0.health().await?) })
    }
}

/// Inserts a row unless there is one under its token, and returns the one that is
/// there then.
fn insert(connection: &Connection, new: NewRow, built: &mut Vec<Built>) -> rusqlite::Result<Row> {
    let NewRow { row, kinds, found_by } = new;
    let mut statement = connection.prepare_cached(
        "INSERT INTO token (word, category, sealed, version, rough) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (word) DO NOTHING",
    )?;
    let (word, category) = (row.token.as_str(), row.category.as_str());
    let inserted =
        statement.execute(params![word, category, row.sealed, row.version, row.rough.0])?;
    spoil(connection, (&row.category, &kinds), inserted > 0, built)?;
    add(connection, &row.token, &found_by)?;
    if inserted == 0 {
        return find(connection, &row.token)?.ok_or(rusqlite::Error::QueryReturnedNoRows);
    }
    Ok(row)
}

/// The newest version of the keys that a row is stored under, where it is newer than this.
fn newer_than(connection: &Connection, version: Version) -> rusqlite::Result<Option<Version>> {
    let sql = "SELECT max(version) FROM token WHERE version > ?1";
    connection.prepare_cached(sql)?.query_row([version], |row| row.get(0))
}

fn add(connection: &Connection, token: &Token, found_by: &[Index]) -> rusqlite::Result<()> {
    if found_by.is_empty() {
        return Ok(());
    }
    let mut statement =
        connection.prepare_cached("INSERT OR IGNORE INTO found_by (code, word) VALUES (?1, ?2)")?;
    found_by
        .iter()
        .try_for_each(|code| statement.execute(params![code.0, token.as_str()]).map(drop))
}

fn replace(connection: &Connection, new: &NewRow, built: &mut Vec<Built>) -> rusqlite::Result<()> {
    let row = &new.row;
    let mut statement = connection.prepare_cached(
        "UPDATE token SET category = ?2, sealed = ?3, version = ?4, rough = ?5 WHERE word = ?1",
    )?;
    let (word, category) = (row.token.as_str(), row.category.as_str());
    let replaced =
        statement.execute(params![word, category, row.sealed, row.version, row.rough.0])?;
    if replaced == 0 {
        return Ok(());
    }
    connection.prepare_cached("DELETE FROM found_by WHERE word = ?1")?.execute([word])?;
    add(connection, &row.token, &new.found_by)?;
    spoil(connection, (&row.category, &new.kinds), true, built)
}

fn find(connection: &Connection, token: &Token) -> rusqlite::Result<Option<Row>> {
    let sql = format!("SELECT {COLUMNS} FROM token WHERE word = ?1");
    connection.prepare_cached(&sql)?.query_row([token.as_str()], read).optional()
}

fn find_by_index(connection: &Connection, index: Index) -> rusqlite::Result<Vec<Row>> {
    let sql = format!("SELECT {COLUMNS} FROM token WHERE rough = ?1 ORDER BY word LIMIT ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_map(params![index.0, MAX_FOUND], read)?.collect()
}

fn search(connection: &Connection, asked: &Search, limit: u32) -> rusqlite::Result<Vec<Row>> {
    let with_code = vec!["SELECT word FROM found_by WHERE code = ?"; asked.all_of.len()];
    let sql = format!(
        "SELECT {COLUMNS} FROM token WHERE word IN ({}) AND category = ? ORDER BY word LIMIT {limit}",
        with_code.join(" INTERSECT ")
    );
    let codes = asked.all_of.iter().map(|code| rusqlite::types::Value::Blob(code.0.into()));
    let category = rusqlite::types::Value::Text(asked.category.as_str().into());
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_map(params_from_iter(codes.chain([category])), read)?.collect()
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        token: row.get(0)?,
        category: Category::new(row.get_ref(1)?.as_str()?),
        sealed: row.get(2)?,
        version: row.get(3)?,
        rough: Index(row.get(4)?),
    })
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

    use super::*;
    use crate::testkit::Scratch;
    use crate::vault::conformance;

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
    async fn a_damaged_row_is_corrupt_and_not_missing() {
        let scratch = Scratch::new();
        let path = scratch.file("vault.db");
        let store = open(&path);
        let token = Token::from_code(&[1; 32], 1);
        let row = Row {
            token: token.clone(),
            category: Category::from("email"),
            sealed: vec![1],
            version: 1,
            rough: Index([1; 16]),
        };
        let row = NewRow { row, kinds: BTreeSet::new(), found_by: Vec::new() };
        store.insert(vec![row]).await.unwrap();
        let connection = Connection::open(&path).unwrap();
        connection.execute("UPDATE token SET rough = x'00'", []).unwrap();
        let found = store.find(vec![token]).await;
        assert!(matches!(found, Err(VaultError::Corrupt(_))), "{found:?}");
    }
}
