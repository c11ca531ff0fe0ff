// SPDX-License-Identifier: Apache-2.0
//! Several processes with one vault in PostgreSQL: they give the same tokens and open each
//! other's, and lose nothing when the database or one of them crashes.

mod rotation;
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use zollhaus::demo::crm::StoredRecord;

use self::server::{DATABASE, PASSWORD, Server, USER};
use crate::crash::Load;
use crate::erasure::erase;
use crate::world::{Options, World, make_certificates, zollhaus};

const CONTACTS: &str = "/sf/services/data/v62.0/sobjects/Contact";

/// The n-th end of the database is a crash, or a kill of its first process.
const CRASHES: u64 = 6;

/// A server behind TLS, and the processes of a house that share it.
struct Houses {
    server: Server,
    worlds: Vec<World>,
    folder: std::path::PathBuf,
}

impl Houses {
    async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    async fn start_with(options: Options) -> Self {
        let (server, folder) = (Server::start(), crate::world::fresh_folder());
        let certs = folder.join("certs");
        make_certificates(&certs);
        server.require_tls(&certs.join("server.pem"), &certs.join("server.key"));
        server.stop_immediately();
        server.run();
        let password = folder.join("password");
        fs::write(&password, format!("{PASSWORD}\n")).expect("the folder can be written");
        let vault = format!(
            "postgres: {{ url: \"postgres://{USER}@localhost:{}/{DATABASE}\", password_file: {}, \
             ca: {}, connections: 4 }}",
            server.port,
            password.display(),
            certs.join("ca.pem").display()
        );
        let first = World::start(Options { vault: Some(vault), ..options }).await;
        let second = first.another();
        Self { server, worlds: vec![first, second], folder }
    }

    /// What a command says, and whether it does what it was told.
    fn command(&self, words: &[&str]) -> (bool, String) {
        let mut command = zollhaus();
        command.args(words).arg("--config").arg(self.worlds[0].config());
        let output = command.stderr(Stdio::piped()).output().expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    /// A program of PostgreSQL's own, which does what it is told.
    fn client(&self, program: &str, words: &[&str]) {
        let mut client = self.server.programs.command(program, words);
        client.env("PGHOST", "localhost").env("PGPORT", self.server.port.to_string());
        client.env("PGUSER", USER).env("PGPASSWORD", PASSWORD).env("PGDATABASE", DATABASE);
        let done = client.env("PGSSLMODE", "require").output().expect("it runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// All contacts as one process shows them: last name and address by number.
    async fn contacts(&self, world: &World) -> BTreeMap<String, (String, String)> {
        let mut opened = BTreeMap::new();
        let query = "SELECT+Id,Ext_Id__c,LastName,Email+FROM+Contact";
        let mut page = format!("/sf/services/data/v62.0/query/?q={query}");
        loop {
            let answer = world.get("support", &page).await.json();
            for record in answer["records"].as_array().expect("records") {
                let text = |field: &str| record[field].as_str().unwrap_or_default().to_owned();
                opened.insert(text("Ext_Id__c"), (text("LastName"), text("Email")));
            }
            let Some(next) = answer["nextRecordsUrl"].as_str() else { return opened };
            page = format!("/sf{next}");
        }
    }
}

impl Drop for Houses {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn contact(number: u64, value: u64) -> String {
    json!({
        "LastName": format!("Muster {value}"),
        "Email": format!("muster{value}@example.org"),
        "Ext_Id__c": number.to_string(),
    })
    .to_string()
}

fn text_of(stored: &StoredRecord, field: &str) -> String {
    stored.fields[field].as_str().expect("a text").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_give_one_token_and_open_each_others() {
    let houses = Houses::start().await;
    // The same values at the same time, from both.
    let creates = (0..60).map(|number| {
        let world = &houses.worlds[number as usize % 2];
        async move {
            let answer = world.post("support", CONTACTS, contact(number, number / 6)).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        }
    });
    futures_util::future::join_all(creates).await;
    let mut tokens: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    for stored in houses.worlds[0].crm.stored() {
        let field = |name: &str| text_of(&stored, name);
        let number: u64 = field("Ext_Id__c").parse().expect("a number");
        tokens.entry(number / 6).or_default().insert(field("Email"));
    }
    assert_eq!(tokens.len(), 10);
    for (value, tokens) in &tokens {
        assert_eq!(tokens.len(), 1, "value {value} has several tokens: {tokens:?}");
        assert!(!tokens.iter().any(|token| token.contains("muster")), "{tokens:?}");
    }
    for world in &houses.worlds {
        let opened = houses.contacts(world).await;
        assert_eq!(opened.len(), 60);
        for (number, (name, email)) in opened {
            let value = number.parse::<u64>().expect("a number") / 6;
            assert_eq!(
                (name, email),
                (format!("Muster {value}"), format!("muster{value}@example.org"))
            );
        }
    }

    // Both hold in memory what they have shown, and a third process erases it.
    assert!(erase(&houses.worlds[0], "muster3@example.org").contains("erased: "));
    for world in &houses.worlds {
        for (number, (name, email)) in houses.contacts(world).await {
            let value = number.parse::<u64>().expect("a number") / 6;
            let is_shown = [name.starts_with("Muster "), email.contains("muster")];
            assert_eq!(is_shown, [value != 3; 2], "{number}: {name} {email}");
        }
    }

    let (is_sound, said) = houses.command(&["vault", "verify"]);
    assert!(is_sound && said.contains("verified: 18 tokens"), "{said}");
    let (is_done, said) = houses.command(&["keys", "status"]);
    assert!(is_done && said.contains("27 rows and keys of the vault"), "{said}");
    let (is_done, said) = houses.command(&["vault", "backup", "/tmp/copy"]);
    assert!(!is_done && said.contains("pg_dump"), "{said}");
    // As docs/BACKUP.md says.
    let dump = houses.server.folder.join("dump").display().to_string();
    let custom = ["--format", "custom", "--schema", "zollhaus", "--file", &dump];
    houses.client("pg_dump", &custom);
    let rename = "ALTER SCHEMA zollhaus RENAME TO zollhaus_before";
    houses.client("psql", &["--command", rename]);
    assert!(!houses.command(&["vault", "verify"]).0, "it is moved away");
    houses.client("pg_restore", &["--dbname", DATABASE, &dump]);
    let (is_sound, said) = houses.command(&["vault", "verify"]);
    assert!(is_sound && said.contains("verified: 18 tokens"), "{said}");
    // Every statement with its values is in the log of the server.
    let logged = houses.server.log();
    assert!(logged.contains("INSERT INTO token"), "it logs no statements");
    assert!(!logged.to_lowercase().contains("muster"), "a clear value has reached the database");
    for world in &houses.worlds {
        let log = String::from_utf8_lossy(&world.log()).into_owned();
        assert!(!log.contains("'signs'"), "the password is in a log");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_crashes_loses_nothing_and_makes_nothing_twice() {
    let mut houses = Houses::start().await;
    let is_long = std::env::var_os("ZOLLHAUS_TEST_LONG").is_some();
    let crashes = if is_long { 10 * CRASHES } else { CRASHES };
    let next = Arc::new(AtomicU64::new(0));
    let mut moment = 0x9e37_79b9_u64;
    for crash in 0..crashes {
        let loads: Vec<Load> =
            houses.worlds.iter().map(|world| Load::start(world, &next)).collect();
        moment =
            moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wanted = houses.worlds[0].crm.request_count() + 2 + (moment >> 33) % 6;
        let under_way = async |world: &World| world.crm.request_count() >= wanted;
        houses.worlds[0].until("there is load", under_way).await;
        tokio::time::sleep(Duration::from_millis((moment >> 40) % 20)).await;
        if crash % 2 == 0 {
            houses.server.stop_immediately();
        } else {
            houses.server.kill();
        }
        for world in &houses.worlds {
            let ready = async |world: &World| world.admin("/readyz").await.status;
            let unready =
                async |world: &World| ready(world).await == StatusCode::SERVICE_UNAVAILABLE;
            world.until("it is not ready", unready).await;
            let refused = world.post("support", CONTACTS, contact(0, u64::MAX - crash)).await;
            assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(refused.refusal(), Some("vault_unavailable"));
            assert_eq!(refused.json()[0]["errorCode"], "SERVER_UNAVAILABLE", "its native shape");
        }
        if crash % 3 == 0 {
            houses.worlds[1].kill();
        }
        houses.server.run();
        if crash % 3 == 0 {
            houses.worlds[1].run();
        }
        for world in &houses.worlds {
            let ready = async |world: &World| world.admin("/readyz").await.status == StatusCode::OK;
            world.until("it is ready again", ready).await;
        }
        for load in loads {
            load.stop().await;
        }
    }

    let seen = houses.worlds[0].crm.requests().len();
    let entries: Vec<Value> = houses.worlds.iter().flat_map(World::entries).collect();
    let of_kind = |kind: &str| entries.iter().filter(|entry| entry["kind"] == kind).count();
    eprintln!("postgres: {crashes} crashes, {seen} requests upstream");
    assert!(seen as u64 > 2 * crashes, "the load was too thin to mean anything");
    assert!(of_kind("transfer") >= seen, "{seen} requests left, fewer are in the logs");
    let stored = houses.worlds[0].crm.stored();
    let tokens: BTreeSet<String> = stored.iter().map(|stored| text_of(stored, "Email")).collect();
    assert_eq!(tokens.len(), stored.len(), "values share a token");
    for world in &houses.worlds {
        let opened = houses.contacts(world).await;
        assert_eq!(opened.len(), stored.len());
        for (number, (name, email)) in opened {
            assert_eq!(name, format!("Muster {number}"));
            assert_eq!(email, format!("muster{number}@example.org"));
        }
    }
    let (is_sound, said) = houses.command(&["vault", "verify"]);
    assert!(is_sound, "{said}");
    houses.worlds.iter_mut().for_each(World::verify_log);
}
