// SPDX-License-Identifier: Apache-2.0

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::testkit::Scratch;
use crate::testkit::postgres::{Server, settings, settings_of};

async fn open(settings: &PostgresSettings) -> Result<Postgres, PostgresError> {
    Postgres::open(settings.clone(), &"acme".into()).await
}

async fn execute(database: &Postgres, sql: &str) {
    database.again(Script(sql)).await.unwrap();
}

async fn text(database: &Postgres, sql: &str) -> String {
    database.again(Query(sql, &[])).await.unwrap()[0].get(0)
}

struct Script<'s>(&'s str);

impl Work for Script<'_> {
    type Done = ();

    async fn run(&self, link: &Link) -> Result<(), Failure> {
        Ok(link.batch_execute(self.0).await?)
    }
}

/// Work that counts how often it is done.
struct Counted<'c, W>(&'c AtomicUsize, W);

impl<W: Work> Work for Counted<'_, W> {
    type Done = W::Done;

    async fn run(&self, link: &Link) -> Result<W::Done, Failure> {
        self.0.fetch_add(1, Ordering::Relaxed);
        self.1.run(link).await
    }
}

#[tokio::test]
async fn a_schema_that_is_not_ours_is_refused_and_left_alone() {
    let settings = settings();
    let refused = async |expected: &str| {
        let error = open(&settings).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains(&settings.schema), "it says which: {error}");
    };
    let none = Postgres::open_existing(settings.clone(), &"acme".into()).await.unwrap_err();
    assert!(none.to_string().contains("there is no vault in it"), "{none}");
    let database = open(&settings).await.unwrap();
    open(&settings).await.unwrap();
    Postgres::open_existing(settings.clone(), &"acme".into()).await.unwrap();

    execute(&database, "UPDATE house SET tenant = 'bolt'").await;
    refused("it is of tenant `bolt`, not of `acme`").await;
    execute(&database, "UPDATE house SET tenant = 'acme'").await;

    execute(&database, "INSERT INTO migration VALUES (8, 'later', 'x')").await;
    refused("a newer version has changed it (migration 8, `later`)").await;
    execute(&database, "DELETE FROM migration WHERE number = 8").await;

    execute(&database, "UPDATE migration SET sha256 = 'x' WHERE number = 2").await;
    refused("its migration 2, `subjects`, is not the one that this version has").await;
    execute(&database, "DELETE FROM migration WHERE number = 2").await;
    refused("its migration 3, `quarantine`, is not the one").await;

    execute(&database, "DROP TABLE migration").await;
    refused("it holds tables that are not of Zollhaus").await;
}

#[tokio::test]
async fn an_older_schema_is_brought_up_to_date_by_the_house_only() {
    let settings = settings();
    let database = open(&settings).await.unwrap();
    let link = database.link_for_test().await;
    make_older(&link, (&settings.schema, &"acme".into()), 2).await.unwrap();
    drop(link);
    let existing = async || Postgres::open_existing(settings.clone(), &"acme".into()).await;
    let refused = existing().await.unwrap_err().to_string();
    assert!(refused.contains("older version (without `quarantine`)"), "{refused}");
    let many = futures_util::future::join_all((0..4).map(|_| open(&settings))).await;
    assert!(many.iter().all(Result::is_ok), "{many:?}");
    existing().await.unwrap();
    assert_eq!(text(&database, "SELECT count(*)::text FROM quarantine").await, "0");
}

#[tokio::test]
async fn a_house_that_takes_the_place_of_ours_is_not_written_to() {
    let settings = settings();
    let database = open(&settings).await.unwrap();
    database.health().await.unwrap();
    let end = "UPDATE house SET tenant = 'bolt'; SELECT pg_terminate_backend(pg_backend_pid())";
    database.again(Script(end)).await.unwrap_err();
    // The update was rolled back with its connection; this one is not.
    database.health().await.unwrap();
    execute(&database, "UPDATE house SET tenant = 'bolt'").await;
    database.again(Script("SELECT pg_terminate_backend(pg_backend_pid())")).await.unwrap_err();
    let refused = database.health().await.unwrap_err().to_string();
    assert!(refused.contains("it is of tenant `bolt`, not of `acme`"), "{refused}");
}

#[tokio::test]
async fn defaults_of_the_user_change_nothing() {
    let settings = settings();
    let database = open(&settings).await.unwrap();
    let role = |setting| format!("ALTER ROLE {} SET {setting}", settings.user);
    execute(&database, &role("synchronous_commit = off")).await;
    execute(&database, &role("default_transaction_isolation = 'repeatable read'")).await;
    let fresh = open(&settings).await.unwrap();
    let commit = text(&fresh, "SHOW synchronous_commit").await;
    let others = crate::testkit::postgres::settings();
    let many = futures_util::future::join_all((0..4).map(|_| open(&others))).await;
    execute(&database, &format!("ALTER ROLE {} RESET ALL", settings.user)).await;
    assert_eq!(commit, "on");
    assert!(many.iter().all(Result::is_ok), "{many:?}");
}

/// Lost connections: work is done again where nothing can have been stored, and only there.
#[tokio::test]
async fn nothing_is_stored_twice() {
    let database = open(&settings()).await.unwrap();
    execute(
        &database,
        "CREATE TABLE note (at int);
         CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';
         CREATE CONSTRAINT TRIGGER die AFTER INSERT ON note DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW WHEN (NEW.at = 1) EXECUTE FUNCTION die()",
    )
    .await;
    let times = async |work: &str, expected: usize| {
        let count = AtomicUsize::new(0);
        let done = database.transaction(Counted(&count, Script(work))).await;
        assert_eq!(count.load(Ordering::Relaxed), expected, "{work}: {done:?}");
        done.is_ok()
    };
    assert!(times("INSERT INTO note VALUES (0)", 1).await);
    assert!(!times("SELECT pg_terminate_backend(pg_backend_pid())", 2).await, "before the commit");
    assert!(!times("INSERT INTO note VALUES (1)", 1).await, "in the commit");
    assert!(!times("nonsense", 1).await);
    assert!(times("INSERT INTO note VALUES (0)", 1).await, "the connection is free again");
    let rolled_back = "DO 'BEGIN RAISE serialization_failure; END'";
    assert!(!times(rolled_back, 11).await);
    assert_eq!(text(&database, "SELECT count(*)::text FROM note").await, "2");
}

#[tokio::test]
async fn statements_and_waiting_have_an_end() {
    let mut settings = settings();
    (settings.connections, settings.statement_timeout) = (1, Duration::from_millis(200));
    let database = open(&settings).await.unwrap();
    let slow = database.again(Script("SELECT pg_sleep(60)")).await.unwrap_err().to_string();
    assert!(slow.contains("statement timeout (SQLSTATE 57014)"), "{slow}");
    let wait = "SET statement_timeout = 0; SELECT pg_sleep(60)";
    let endless = database.again(Script(wait)).await.unwrap_err().to_string();
    assert!(endless.contains("it did not answer in time"), "{endless}");
    let held = database.link_for_test().await;
    let none = database.health().await.unwrap_err().to_string();
    assert!(none.contains("no connection was free in time"), "{none}");
    drop(held);
    database.health().await.unwrap();
}

/// It is away, comes back, and lies behind TLS afterwards: on a server of its own.
#[tokio::test]
async fn it_is_unavailable_while_the_server_is_away() {
    let server = Server::start();
    let settings = settings_of(&server);
    let database = open(&settings).await.unwrap();
    let held: Vec<_> =
        futures_util::future::join_all((0..4).map(|_| database.link_for_test())).await;
    drop(held);
    server.stop_immediately();
    let away = database.health().await.unwrap_err();
    assert!(
        matches!(&away, PostgresError::Unavailable(said) if said.contains("refused")),
        "{away}"
    );
    server.run();
    database.health().await.unwrap();
    server.kill();
    server.run();
    database.health().await.unwrap();

    let scratch = Scratch::new();
    let certs = scratch.file("certs");
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs/make-dev-certs");
    let made = Command::new(recipe).arg(&certs).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    server.require_tls(&certs.join("server.pem"), &certs.join("server.key"));
    server.stop_immediately();
    server.run();
    let trusting = |ca| PostgresSettings { tls: PostgresTls::Trusting(ca), ..settings.clone() };
    let sound = trusting(Some(certs.join("ca.pem")));
    let secure = open(&sound).await.unwrap();
    let is_secure = "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert_eq!(text(&secure, is_secure).await, "true");
    let fails = async |settings: &PostgresSettings, expected: &str| {
        let error = open(settings).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    fails(&settings, "no encryption").await;
    fails(&trusting(None), "UnknownIssuer").await;
    let mut elsewhere = sound.clone();
    elsewhere.hosts[0].name = "127.0.0.2".into();
    fails(&elsewhere, "refused").await;
    let password = certs.join("password");
    std::fs::write(&password, "wrong\n").unwrap();
    let from_file = PostgresSettings { password: Password::File(password.clone()), ..sound };
    fails(&from_file, "password authentication failed").await;
    let Password::Given(right) = &settings.password else { panic!("it is given") };
    std::fs::write(&password, [right.expose(), b"\n"].concat()).unwrap();
    open(&from_file).await.unwrap();
    let shown = format!("{from_file} {from_file:?} {settings:?}");
    assert!(!shown.contains("signs"), "{shown}");
}
