// SPDX-License-Identifier: Apache-2.0
//! How many new tokens a second are made and durable, how many are opened, and what they take
//! on disk, next to a bare database with the same rows: in one run, on one disk, so that only
//! the ratios mean something. In SQLite, and in PostgreSQL with a server of its own.
//!
//!     taskset --cpu-list 0 cargo bench --bench vault -- [DIRECTORY [VALUES [BATCH [SECONDS [MIB]]]]]
//!
//! MIB is `vault.cache`; the bare SQLite has as much. "Warm" is what was opened a moment before.
//! Values are made up of numbers, so that no two are equal. A batch is a transaction, as the
//! values of one long request are. Whatever takes too long is stopped, and says how far it came.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a program for a terminal"
)]

mod bare_postgres;
mod bare_sqlite;
mod meter;
#[path = "../../tests/it/postgres/server.rs"]
#[expect(dead_code, reason = "tests crash it as well")]
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use zollhaus::base::{
    Category, Cleartext, Clock, Scope, SearchKind, Secret, SubjectId, SystemClock, Tenant,
};
use zollhaus::config::{VaultPlace, VaultSettings};
use zollhaus::keys::{Keyset, MemoryKeyService};
use zollhaus::postgres::{Password, Postgres, PostgresHost, PostgresSettings, PostgresTls};
use zollhaus::sqlite::{DEFAULT_CACHE, Database};
use zollhaus::vault::{
    Form, Index, PostgresStore, Row, SqliteStore, ToKeep, Token, TokenStore, Vault,
};

use bare_postgres::BarePostgres;
use bare_sqlite::BareSqlite;
use meter::{Cost, Meter};

/// Tokens that are opened at one time, as those of an answer are.
const OPENED: usize = 100;

/// As many are looked up at most.
const LOOKED_UP: usize = 200_000;

/// Values of one data subject.
const OF_ONE: usize = 5;

/// How much, and for how long a vault is filled at most.
struct Size {
    values: usize,
    batch: usize,
    patience: Duration,
    /// As `vault.cache`, in bytes.
    cache: usize,
}

impl Size {
    /// Its parts in a vault that is there.
    fn settings(&self, place: VaultPlace) -> VaultSettings {
        VaultSettings { place, cache: self.cache, region: None }
    }
}

/// What a vault is filled with.
struct Load {
    name: &'static str,
    has_subjects: bool,
    kinds: &'static [SearchKind],
    /// One of so many values.
    part: usize,
}

const SEARCHED: &[SearchKind] = &[SearchKind::Prefix, SearchKind::Contains];

const LOADS: [Load; 3] = [
    Load { name: "of the house", has_subjects: false, kinds: &[], part: 1 },
    Load { name: "of data subjects, five each", has_subjects: true, kinds: &[], part: 1 },
    Load { name: "with prefix and contains", has_subjects: false, kinds: SEARCHED, part: 10 },
];

/// A row with what it is found by, as it is stored.
type Stored = (Row, Vec<Index>);

/// A database with the tables of a vault, and nothing else of it.
trait Bare {
    /// One transaction.
    async fn insert(&mut self, rows: &[Stored]);
    async fn find(&mut self, tokens: &[Token]) -> usize;
    /// Bytes on disk, and how many of them are indexes beside the tables; of the vault, and of
    /// this.
    async fn sizes(&mut self) -> [(f64, f64); 2];
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // Cargo adds this one.
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if arguments.iter().any(|argument| argument.starts_with('-')) {
        println!(
            "usage: cargo bench --bench vault -- [DIRECTORY [VALUES [BATCH [SECONDS [MIB]]]]]"
        );
        return;
    }
    let number = |at: usize, usual: usize| {
        arguments.get(at).map_or(usual, |text| text.parse().expect("a number"))
    };
    let parent = arguments.first().map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = parent.join(format!("zollhaus-bench-{}", std::process::id()));
    let (values, batch) = (number(1, 1_000_000), number(2, 1_000));
    let patience = Duration::from_secs(number(3, 300) as u64);
    let size = Size { values, batch, patience, cache: number(4, DEFAULT_CACHE >> 20) << 20 };
    fs::create_dir(&folder).expect("the folder can be made");
    let tenant = Tenant::new("bench");

    for (at, load) in LOADS.iter().enumerate() {
        let path = folder.join(format!("vault-{at}"));
        let settings = size.settings(VaultPlace::Sqlite(path.clone()));
        let database = Database::open_with(&path, &tenant, settings.cache_for_pages());
        let store = SqliteStore::new(&database.expect("a database")).expect("its tables");
        let vault = vault(&folder, Arc::new(store), &settings);
        let bare = BareSqlite::new(&folder.join(format!("bare-{at}")), &path, size.cache);
        println!("SQLite, {}", load.name);
        measure(load, &size, vault, bare, &Meter::of_process()).await;
    }
    let server = server::Server::start();
    for (at, load) in LOADS.iter().enumerate() {
        let schema = format!("vault_{at}");
        let bare = BarePostgres::new(&server, at, &schema).await;
        let server_settings = settings(&server, schema);
        let database = Postgres::open(server_settings.clone(), &tenant).await;
        let store = Arc::new(PostgresStore::new(&database.expect("a database")));
        let settings = size.settings(VaultPlace::Postgres(server_settings));
        println!("PostgreSQL, {}", load.name);
        measure(load, &size, vault(&folder, store, &settings), bare, &Meter::with(&server)).await;
    }
    fs::remove_dir_all(&folder).expect("the folder can be removed");
}

/// Fills a vault, opens what is in it, does the same with a bare database, and shows what that
/// took.
async fn measure(
    load: &Load,
    Size { values, batch, patience, .. }: &Size,
    (store, vault): (Arc<dyn TokenStore>, Vault),
    mut bare: impl Bare,
    meter: &Meter,
) {
    let category = Category::from("name");
    let kinds: BTreeSet<SearchKind> = load.kinds.iter().copied().collect();
    vault.index_for(BTreeMap::from([(category.clone(), kinds)]));

    let mut tokens: Vec<Token> = Vec::new();
    let made = meter.start();
    for first in (0..values / load.part).step_by(*batch) {
        if made.elapsed() > *patience {
            println!("  stopped after {} values", tokens.len());
            break;
        }
        let numbers = first..first + batch;
        let clear: Vec<Cleartext> = numbers.clone().map(value).collect();
        let items: Vec<ToKeep<'_>> = clear
            .iter()
            .zip(numbers)
            .map(|(value, number)| ToKeep {
                realms: &[],
                item: (&category, value),
                form: Form::Word,
                holder: load.has_subjects.then(|| subject(number / OF_ONE)),
                scope: Scope::Tenant,
            })
            .collect();
        tokens.extend(vault.keep(&items).await.expect("tokens"));
    }
    let made = made.stop(tokens.len());

    let mut written = Cost::default();
    for tokens in tokens.chunks(*batch) {
        let rows = store.find(tokens.to_vec()).await.expect("they are there");
        let codes = store.found_by(tokens.to_vec()).await.expect("they are there");
        let rows: Vec<Stored> = rows.into_iter().flatten().zip(codes).collect();
        let start = meter.start();
        bare.insert(&rows).await;
        written += start.stop(rows.len());
    }
    show("new", &made, &written);

    // Spread over all of it, in another order than they were made.
    let count = tokens.len().min(LOOKED_UP);
    let asked: Vec<Token> =
        (0..count).filter_map(|at| tokens.get((at * 7_919 + 13) % tokens.len()).cloned()).collect();
    let mut costs = Vec::new();
    for _ in ["first time", "warm"] {
        let start = meter.start();
        for tokens in asked.chunks(OPENED) {
            let opened = vault.detokenize(tokens.to_vec()).await.expect("they open");
            assert!(opened.iter().all(Option::is_some), "all of them are there");
        }
        costs.push(start.stop(count));
        let start = meter.start();
        for tokens in asked.chunks(OPENED) {
            assert_eq!(bare.find(tokens).await, tokens.len(), "all of them are there");
        }
        costs.push(start.stop(count));
    }
    if let [first, found_first, opened, found] = costs.as_slice() {
        show("opened, first time", first, found_first);
        show("opened, warm", opened, found);
    }
    let [own, other] = bare
        .sizes()
        .await
        .map(|(bytes, indexes)| (bytes / tokens.len() as f64, indexes / tokens.len() as f64));
    println!("  bytes a value: {:.0}, {:.2} × bare ({:.0})", own.0, own.0 / other.0, other.0);
    println!("  of them, indexes: {:.0}, {:.2} × bare ({:.0})", own.1, own.1 / other.1, other.1);
}

/// With keys of its own.
fn vault(
    folder: &Path,
    store: Arc<dyn TokenStore>,
    settings: &VaultSettings,
) -> (Arc<dyn TokenStore>, Vault) {
    let path = folder.join("keyset");
    let _ = fs::remove_file(&path);
    let service = MemoryKeyService::generate().expect("random bytes");
    let today = SystemClock.now().date();
    let keyset = Keyset::create(&path, &service, &Tenant::new("bench"), today);
    let vault = Vault::new(Arc::clone(&store), &keyset.expect("a keyset"));
    (store, vault.with_cache(settings.cache_for_rows()))
}

fn value(number: usize) -> Cleartext {
    Cleartext::new(format!("Person {number:x} of {:x}", number.wrapping_mul(2_654_435_761)))
}

fn subject(number: usize) -> SubjectId {
    let mut id = [0; 16];
    // As spread as pseudonyms are.
    id.copy_from_slice(
        &(number as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_le_bytes(),
    );
    SubjectId(id)
}

fn settings(server: &server::Server, schema: String) -> PostgresSettings {
    PostgresSettings {
        hosts: vec![PostgresHost { name: "127.0.0.1".into(), port: server.port }],
        user: server::USER.into(),
        database: server::DATABASE.into(),
        schema,
        password: Password::Given(Secret::new(server::PASSWORD)),
        tls: PostgresTls::Off,
        connections: 2,
        connect_timeout: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(60),
    }
}

fn show(what: &str, own: &Cost, bare: &Cost) {
    let ([elapsed, cpu], [bare_elapsed, bare_cpu]) = (own.each(), bare.each());
    println!(
        "  {what}: {:.0}/s, {:.2} of bare; {cpu:.1} µs of CPU time each, {:.2} × bare ({bare_cpu:.1})",
        1e6 / elapsed,
        bare_elapsed / elapsed,
        cpu / bare_cpu
    );
}
