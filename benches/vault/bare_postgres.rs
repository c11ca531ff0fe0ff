// SPDX-License-Identifier: Apache-2.0
//! PostgreSQL alone: statements of many rows, prepared once.

use std::collections::BTreeMap;

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Statement};
use zollhaus::vault::{Holder, Token};

use super::server::{DATABASE, PASSWORD, Server, USER};
use super::{Bare, Stored};

const TABLES: &str = "
    CREATE TABLE token (
        word text COLLATE \"C\" PRIMARY KEY, category text NOT NULL, version bigint NOT NULL,
        rough bytea NOT NULL
    );
    CREATE INDEX token_by_rough ON token (rough, word);
    CREATE INDEX token_by_version ON token (version);
    CREATE TABLE copy (
        word text COLLATE \"C\" NOT NULL, key bytea NOT NULL, version bigint NOT NULL,
        sealed bytea NOT NULL, PRIMARY KEY (word, key)
    );
    CREATE INDEX copy_by_key ON copy (key) WHERE key <> '';
    CREATE TABLE found_by (
        code bytea NOT NULL, word text COLLATE \"C\" NOT NULL, PRIMARY KEY (code, word)
    );
    CREATE INDEX found_by_word ON found_by (word);
    CREATE TABLE subject_key (
        id bytea PRIMARY KEY, subject bytea UNIQUE, version bigint, wrapped bytea
    );
    CREATE INDEX subject_key_by_version ON subject_key (version);";

const STATEMENTS: [&str; 5] = [
    "INSERT INTO token SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[])",
    "INSERT INTO copy SELECT * FROM unnest($1::text[], $2::bytea[], $3::bigint[], $4::bytea[])",
    "INSERT INTO subject_key
        SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bytea[])
        ON CONFLICT DO NOTHING",
    "INSERT INTO found_by SELECT * FROM unnest($1::bytea[], $2::text[])",
    "SELECT token.word, category, token.version, rough, copy.version, sealed, id, subject,
        subject_key.version, wrapped
    FROM token JOIN copy USING (word) LEFT JOIN subject_key ON id = key
    WHERE token.word = ANY ($1::text[])",
];

/// Columns of rows.
type Values<'v> = [&'v (dyn ToSql + Sync); 4];

pub struct BarePostgres {
    client: Client,
    statements: [Statement; 5],
    /// The schemas of the vault and of this.
    schemas: [String; 2],
}

impl BarePostgres {
    pub async fn new(server: &Server, number: usize, beside: &str) -> Self {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(server.port).user(USER).password(PASSWORD).dbname(DATABASE);
        let (client, connection) = config.connect(NoTls).await.expect("a connection");
        tokio::spawn(connection);
        let schema = format!("bare_{number}");
        // The server is that of the tests, which log what it is asked.
        let first = format!(
            "ALTER ROLE {USER} SET log_statement = 'none'; SET log_statement = 'none';
             SET enable_seqscan = off; CREATE SCHEMA {schema}; SET search_path = {schema};"
        );
        client.batch_execute(&(first + TABLES)).await.expect("its tables");
        let mut statements = Vec::new();
        for sql in STATEMENTS {
            statements.push(client.prepare(sql).await.expect("a statement"));
        }
        let statements = statements.try_into().unwrap_or_else(|_| panic!("all of them"));
        Self { client, statements, schemas: [beside.to_owned(), schema] }
    }
}

impl Bare for BarePostgres {
    async fn insert(&mut self, rows: &[Stored]) {
        let [token, copy, subject_key, found_by, _] = &self.statements;
        let rows = rows.iter().map(|(row, codes)| (row.token.as_str(), row, codes));
        let words: Vec<&str> = rows.clone().map(|(word, ..)| word).collect();
        let categories: Vec<&str> = rows.clone().map(|(_, row, _)| row.category.as_str()).collect();
        let versions: Vec<i64> = rows.clone().map(|(_, row, _)| row.version.into()).collect();
        let rough: Vec<&[u8]> = rows.clone().map(|(_, row, _)| &row.rough.0[..]).collect();
        let held = rows.clone().filter_map(|(_, row, _)| row.held.as_ref());
        let sealed: Vec<&[u8]> = held.clone().map(|held| &held.sealed[..]).collect();
        let by = held.map(|held| match &held.by {
            Holder::House(version) => (&[][..], i64::from(*version)),
            Holder::Subject(key) => (&key.id.0[..], 0),
        });
        let (ids, of): (Vec<&[u8]>, Vec<i64>) = by.unzip();
        let keys = rows.clone().filter_map(|(_, row, _)| match &row.held.as_ref()?.by {
            Holder::House(_) => None,
            Holder::Subject(key) => Some((&key.id.0[..], key)),
        });
        let keys: BTreeMap<&[u8], _> = keys.collect();
        let codes =
            rows.flat_map(|(word, _, codes)| codes.iter().map(move |code| (&code.0[..], word)));
        let (codes, of_codes): (Vec<&[u8]>, Vec<&str>) = codes.unzip();

        let transaction = self.client.transaction().await.expect("a transaction");
        if !keys.is_empty() {
            let ids: Vec<&[u8]> = keys.keys().copied().collect();
            let subjects: Vec<&[u8]> = keys.values().map(|key| &key.subject.0[..]).collect();
            let versions: Vec<i64> = keys.values().map(|key| key.version.into()).collect();
            let wrapped: Vec<&[u8]> = keys.values().map(|key| &key.wrapped[..]).collect();
            let values: Values<'_> = [&ids, &subjects, &versions, &wrapped];
            transaction.execute(subject_key, &values).await.expect("keys");
        }
        let values: Values<'_> = [&words, &categories, &versions, &rough];
        transaction.execute(token, &values).await.expect("rows");
        let values: Values<'_> = [&words, &ids, &of, &sealed];
        transaction.execute(copy, &values).await.expect("rows");
        if !codes.is_empty() {
            transaction.execute(found_by, &[&codes, &of_codes]).await.expect("rows");
        }
        transaction.commit().await.expect("it is durable");
    }

    async fn find(&mut self, tokens: &[Token]) -> usize {
        let [.., find] = &self.statements;
        let words: Vec<&str> = tokens.iter().map(Token::as_str).collect();
        self.client.query(find, &[&words]).await.expect("rows").len()
    }

    async fn sizes(&mut self) -> [(f64, f64); 2] {
        let sql = "
            SELECT sum(pg_total_relation_size(relation))::float8,
                sum(CASE WHEN name = 'found_by' THEN pg_total_relation_size(relation)
                    ELSE pg_indexes_size(relation) END)::float8
            FROM unnest(ARRAY['token', 'copy', 'found_by', 'subject_key']) AS name,
                LATERAL (SELECT format('%I.%I', $1::text, name)::regclass) AS known (relation)";
        let mut sizes = Vec::new();
        for schema in &self.schemas {
            let row = self.client.query_one(sql, &[schema]).await.expect("sizes");
            sizes.push((row.get(0), row.get(1)));
        }
        sizes.try_into().unwrap_or_else(|_| panic!("two of them"))
    }
}
