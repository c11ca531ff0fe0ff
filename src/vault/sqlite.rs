// SPDX-License-Identifier: Apache-2.0

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, OptionalExtension, params};

use super::{BoxFuture, Index, MAX_FOUND, Row, Token, TokenStore, VaultError};
use crate::base::Category;
use crate::sqlite::{Database, DatabaseError};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS token (
        word TEXT PRIMARY KEY,
        category TEXT NOT NULL,
        sealed BLOB NOT NULL,
        rough BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS token_by_rough ON token (rough, word);
";

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
}

impl TokenStore for SqliteStore {
    fn insert(&self, rows: Vec<Row>) -> BoxFuture<'_, Result<Vec<Row>, VaultError>> {
        Box::pin(async move {
            let insert = |connection: &Connection| {
                rows.into_iter().map(|row| insert(connection, row)).collect()
            };
            Ok(self.0.write(insert).await?)
        })
    }

    fn find(&self, tokens: Vec<Token>) -> BoxFuture<'_, Result<Vec<Option<Row>>, VaultError>> {
        Box::pin(async move {
            let find = |connection: &Connection| {
                tokens.into_iter().map(|token| find(connection, &token)).collect()
            };
            Ok(self.0.read(find).await?)
        })
    }

    fn find_by_index(
        &self,
        indexes: Vec<Index>,
    ) -> BoxFuture<'_, Result<Vec<Vec<Row>>, VaultError>> {
        Box::pin(async move {
            let find = |connection: &Connection| {
                indexes.into_iter().map(|index| find_by_index(connection, index)).collect()
            };
            Ok(self.0.read(find).await?)
        })
    }

    fn list(
        &self,
        after: Option<Token>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Row>, VaultError>> {
        let list = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(
                "SELECT word, category, sealed, rough FROM token WHERE word > ?1
                 ORDER BY word LIMIT ?2",
            )?;
            let after = after.as_ref().map_or("", Token::as_str);
            statement.query_map(params![after, limit], read)?.collect()
        };
        Box::pin(async move { Ok(self.0.read(list).await?) })
    }

    fn count(&self) -> BoxFuture<'_, Result<u64, VaultError>> {
        let count = |connection: &Connection| {
            connection.query_row("SELECT count(*) FROM token", [], |row| row.get::<_, i64>(0))
        };
        Box::pin(async move { Ok(u64::try_from(self.0.read(count).await?).unwrap_or_default()) })
    }

    fn health(&self) -> BoxFuture<'_, Result<(), VaultError>> {
        Box::pin(async { Ok(self.0.health().await?) })
    }
}

/// Inserts a row unless there is one under its token, and returns the one that is
/// there then.
fn insert(connection: &Connection, row: Row) -> rusqlite::Result<Row> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO token (word, category, sealed, rough) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (word) DO NOTHING",
    )?;
    let (word, category) = (row.token.as_str(), row.category.as_str());
    match statement.execute(params![word, category, row.sealed, row.rough.0])? {
        0 => find(connection, &row.token)?.ok_or(rusqlite::Error::QueryReturnedNoRows),
        _ => Ok(row),
    }
}

fn find(connection: &Connection, token: &Token) -> rusqlite::Result<Option<Row>> {
    let mut statement = connection
        .prepare_cached("SELECT word, category, sealed, rough FROM token WHERE word = ?1")?;
    statement.query_row([token.as_str()], read).optional()
}

fn find_by_index(connection: &Connection, index: Index) -> rusqlite::Result<Vec<Row>> {
    let mut statement = connection.prepare_cached(
        "SELECT word, category, sealed, rough FROM token WHERE rough = ?1 ORDER BY word LIMIT ?2",
    )?;
    statement.query_map(params![index.0, MAX_FOUND], read)?.collect()
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        token: row.get(0)?,
        category: Category::new(row.get_ref(1)?.as_str()?),
        sealed: row.get(2)?,
        rough: Index(row.get(3)?),
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
    use crate::vault::{Form, conformance};

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
        let token = Token::from_code(&[1; 32], Form::Word);
        let row = Row {
            token: token.clone(),
            category: Category::from("email"),
            sealed: vec![1],
            rough: Index([1; 16]),
        };
        store.insert(vec![row]).await.unwrap();
        let connection = Connection::open(&path).unwrap();
        connection.execute("UPDATE token SET rough = x'00'", []).unwrap();
        let found = store.find(vec![token]).await;
        assert!(matches!(found, Err(VaultError::Corrupt(_))), "{found:?}");
    }
}
