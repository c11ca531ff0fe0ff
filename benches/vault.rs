// SPDX-License-Identifier: Apache-2.0
//! How many new tokens a second are made and durable, how many are opened, and what they
//! take on disk, next to bare SQLite with the same rows: all in one run, on one disk.
//!
//!     taskset --cpu-list 0 cargo bench --bench vault -- [DIRECTORY [VALUES [BATCH]]]
//!
//! Values are made up of numbers, so that no two are equal. A batch is a transaction, as the
//! values of one long request are.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a program for a terminal"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use zollhaus::base::{Category, Cleartext, Clock, SearchKind, SystemClock, Tenant};
use zollhaus::keys::{Keyset, MemoryKeyService};
use zollhaus::sqlite::Database;
use zollhaus::vault::{SqliteStore, Token, TokenStore, Vault};

/// Tokens that are opened at one time, as those of an answer are.
const OPENED: usize = 100;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let number = |at: usize, usual: usize| {
        arguments.get(at).map_or(usual, |text| text.parse().expect("a number"))
    };
    let parent = arguments.first().map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = parent.join(format!("zollhaus-bench-{}", std::process::id()));
    let (values, batch) = (number(1, 1_000_000), number(2, 1_000));
    fs::create_dir(&folder).expect("the folder can be made");

    println!("{values} values, batches of {batch}");
    let (store, tokens) = measure(&folder, "plain", values, batch, &[]).await;
    bare(&folder.join("bare"), &store, &tokens, batch).await;
    let fewer = values / 10;
    println!("{fewer} values, with `search: [prefix, contains]`");
    measure(&folder, "searched", fewer, batch, &[SearchKind::Prefix, SearchKind::Contains]).await;
    fs::remove_dir_all(&folder).expect("the folder can be removed");
}

/// Fills a vault, opens what is in it, and shows what that took. The store and what is in it,
/// in the order in which it was made.
async fn measure(
    folder: &Path,
    name: &str,
    values: usize,
    batch: usize,
    kinds: &[SearchKind],
) -> (SqliteStore, Vec<Token>) {
    let path = folder.join(name);
    let service = MemoryKeyService::generate().expect("random bytes");
    let today = SystemClock.now().date();
    let tenant = Tenant::new("bench");
    let keyset = Keyset::create(&folder.join(format!("{name}.keyset")), &service, &tenant, today);
    let keyset = keyset.expect("a keyset");
    let database = Database::open(&path, &tenant).expect("a database");
    let store = SqliteStore::new(&database).expect("its tables");
    let vault = Vault::new(Arc::new(store.clone()), &keyset);
    let category = Category::from("name");
    vault.index_for(BTreeMap::from([(
        category.clone(),
        kinds.iter().copied().collect::<BTreeSet<_>>(),
    )]));

    let (start, cpu) = (Instant::now(), cpu_seconds());
    let mut tokens: Vec<Token> = Vec::with_capacity(values);
    for first in (0..values).step_by(batch) {
        let clear: Vec<Cleartext> = (first..values.min(first + batch)).map(value).collect();
        let items: Vec<_> = clear.iter().map(|value| (&category, value)).collect();
        tokens.extend(vault.tokenize(&items).await.expect("tokens"));
    }
    show("new tokens/s, durable", values, start.elapsed(), cpu_seconds() - cpu);
    // Spread over the whole vault, each run through it in another order than they were made.
    let order = |at: usize| (at * 7_919 + 13) % values;
    for round in ["opened/s, first", "opened/s, warm"] {
        let (start, cpu) = (Instant::now(), cpu_seconds());
        for first in (0..values).step_by(OPENED) {
            let asked =
                (first..values.min(first + OPENED)).filter_map(|at| tokens.get(order(at)).cloned());
            let opened = vault.detokenize(asked.collect()).await.expect("they open");
            assert!(opened.iter().all(Option::is_some), "all of them are there");
        }
        show(round, values, start.elapsed(), cpu_seconds() - cpu);
    }
    let bytes = [path.clone(), path.with_extension("wal")]
        .iter()
        .filter_map(|path| fs::metadata(path).ok())
        .map(|file| file.len())
        .sum::<u64>();
    println!("{:>10.0} bytes of the file for a value", bytes as f64 / values as f64);
    (store, tokens)
}

fn value(number: usize) -> Cleartext {
    Cleartext::new(format!("Person {number:x} of {:x}", number.wrapping_mul(2_654_435_761)))
}

/// The rows of a vault, in the order in which they were made, written by SQLite alone.
async fn bare(path: &Path, store: &SqliteStore, tokens: &[Token], batch: usize) {
    let mut connection = Connection::open(path).expect("a database");
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             CREATE TABLE token (
                 word TEXT PRIMARY KEY, category TEXT NOT NULL, sealed BLOB NOT NULL,
                 version INTEGER NOT NULL, rough BLOB NOT NULL
             ) STRICT, WITHOUT ROWID;
             CREATE INDEX token_by_rough ON token (rough, word);",
        )
        .expect("a table");
    let (mut elapsed, mut cpu) = (Duration::ZERO, 0.0);
    for tokens in tokens.chunks(batch) {
        let rows = store.find(tokens.to_vec()).await.expect("they are there");
        let (start, before) = (Instant::now(), cpu_seconds());
        let transaction = connection.transaction().expect("a transaction");
        let mut insert = transaction
            .prepare_cached("INSERT INTO token VALUES (?1, ?2, ?3, ?4, ?5)")
            .expect("a statement");
        for row in rows.iter().flatten() {
            let (word, category) = (row.token.as_str(), row.category.as_str());
            insert
                .execute(params![
                    word,
                    category,
                    row.held.as_ref().map(|held| &held.sealed),
                    row.version,
                    row.rough.0
                ])
                .expect("a row");
        }
        drop(insert);
        transaction.commit().expect("it is durable");
        elapsed += start.elapsed();
        cpu += cpu_seconds() - before;
    }
    show("rows/s into bare SQLite, the same", tokens.len(), elapsed, cpu);
}

fn show(what: &str, count: usize, elapsed: Duration, cpu: f64) {
    println!(
        "{:>10.0} {what} ({:.1} µs of CPU time each)",
        count as f64 / elapsed.as_secs_f64(),
        cpu * 1e6 / count as f64
    );
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    let ticks: u64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    // USER_HZ is 100 on every Linux that is in use.
    ticks as f64 / 100.0
}
