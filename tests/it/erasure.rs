// SPDX-License-Identifier: Apache-2.0
//! A person is erased while the house serves: their values are gone from the vault and from
//! every backup of it, and those of others are not.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stand_in::StandIn;
use crate::world::{Options, World, zollhaus};

const CONTACTS: &str = "/sf/services/data/v62.0/sobjects/Contact";
const ANNA: &str = "anna.muster@example.org";
const BERT: &str = "bert.meier@example.org";
const CARL: &str = "carl.neumann@example.org";

async fn create(world: &World, body: Value) -> String {
    let created = world.post("support", CONTACTS, body.to_string()).await;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    created.json()["id"].as_str().expect("an id").to_owned()
}

async fn read(world: &World, id: &str) -> [String; 3] {
    let read = world.get("support", &format!("{CONTACTS}/{id}")).await.json();
    ["FirstName", "LastName", "Email"].map(|field| read[field].as_str().expect("a text").to_owned())
}

/// Runs a command of the house with something on its standard input; whether it succeeds, and
/// what it says.
fn command(world: &World, arguments: &[&str], input: &str) -> (bool, String) {
    let mut command = zollhaus();
    command.args(arguments).arg("--config").arg(world.config()).current_dir(&world.folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("it is read");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

fn done(world: &World, arguments: &[&str], input: &str) -> String {
    let (is_done, said) = command(world, arguments, input);
    assert!(is_done, "{said}");
    said
}

pub fn erase(world: &World, address: &str) -> String {
    done(world, &["subject", "erase", "--category", "email", "--for-good"], address)
}

/// How many rows of a table of the vault say so.
fn count(world: &World, from: &str) -> i64 {
    let vault =
        rusqlite::Connection::open(world.folder.join("zollhaus.vault")).expect("the vault opens");
    vault
        .query_row(&format!("SELECT count(*) FROM {from}"), [], |row| row.get(0))
        .expect("it is counted")
}

/// A pseudonym that the log has for whom the last request was about.
fn last_subject(world: &World) -> String {
    let entries = world.entries();
    let subjects = entries.iter().rev().find_map(|entry| entry["subjects"].get(0));
    subjects.and_then(Value::as_str).expect("somebody").to_owned()
}

fn lose_vault(world: &World) {
    for lost in ["zollhaus.vault", "zollhaus.vault-wal", "zollhaus.vault-shm"] {
        let _ = std::fs::remove_file(world.folder.join(lost));
    }
}

fn is_token(text: &str) -> bool {
    text.starts_with("zht")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_erased_is_gone_from_the_vault_and_from_its_backups() {
    let mut world = World::start(Options::default()).await;
    let person = |first: &str, last: &str, address: &str| json!({ "FirstName": first, "LastName": last, "Email": address });
    let anna = create(&world, person("Anna", "Muster", ANNA)).await;
    let bert = create(&world, person("Bert", "Muster", BERT)).await;
    // Without an address at first: that he is who has it is learned when it is stored.
    let carl = create(&world, json!({ "FirstName": "Carl", "LastName": "Neumann" })).await;
    let path = format!("{CONTACTS}/{carl}");
    let body = json!({ "Email": CARL }).to_string();
    let updated = world.send("support", Method::PATCH, &path, body).await;
    assert_eq!(updated.status, StatusCode::NO_CONTENT, "{updated:?}");
    assert_eq!(read(&world, &anna).await, ["Anna", "Muster", ANNA]);
    assert_eq!(read(&world, &carl).await, ["Carl", "Neumann", CARL]);

    std::fs::create_dir(world.folder.join("backup")).expect("a folder");
    done(&world, &["vault", "backup", "backup/before"], "");
    let (is_done, said) = command(&world, &["subject", "erase", "--category", "email"], ANNA);
    assert!(!is_done && said.contains("--for-good"), "{said}");
    assert_eq!(read(&world, &anna).await[0], "Anna", "not by accident");

    // In another spelling, while the house runs.
    let said = erase(&world, " Anna.MUSTER@example.org\n");
    assert!(said.contains("erased: 3 values under "), "{said}");
    assert!(said.contains("; 2 tokens stand for nothing"), "{said}");
    assert!(erase(&world, ANNA).contains("nothing is kept for this person"));
    assert!(erase(&world, CARL).contains("; 3 tokens stand for nothing"));
    let check = async |world: &World| {
        let [first, last, address] = read(world, &anna).await;
        assert!(is_token(&first) && is_token(&address), "{first} {address}");
        assert_eq!(last, "Muster", "it is Bert's as well");
        assert!(read(world, &carl).await.iter().all(|text| is_token(text)));
        assert_eq!(read(world, &bert).await, ["Bert", "Muster", BERT]);
    };
    check(&world).await;
    assert!(done(&world, &["vault", "verify"], "").contains("verified: 3 tokens"));

    // What was there before comes back with the rows, and stays closed.
    done(&world, &["vault", "backup", "backup/after"], "");
    let verified = done(&world, &["vault", "verify", "--file", "backup/before"], "");
    assert!(verified.contains("verified: 3 tokens"), "{verified}");
    world.kill();
    lose_vault(&world);
    assert!(done(&world, &["vault", "restore", "backup/before"], "").contains("restored to "));
    world.run();
    check(&world).await;

    // One who comes back is kept anew; the old tokens stand for nothing.
    let again = create(&world, person("Anna", "Muster", ANNA)).await;
    assert_eq!(read(&world, &again).await, ["Anna", "Muster", ANNA]);
    check(&world).await;
    world.verify_log();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_without_the_keys_of_data_subjects_is_told() {
    let mut world = World::start(Options::default()).await;
    create(&world, json!({ "LastName": "Muster", "Email": ANNA })).await;
    let (is_done, said) = command(&world, &["vault", "backup", "copy", "--keys", "./copy"], "");
    assert!(!is_done && said.contains("a file of their own"), "{said}");
    done(&world, &["vault", "backup", "copy", "--keys", "the-keys"], "");
    let (is_done, said) = command(&world, &["vault", "verify", "--file", "copy"], "");
    assert!(!is_done && said.contains("--keys"), "{said}");
    // Keys that are older than the rows lack some.
    create(&world, json!({ "LastName": "Meier", "Email": BERT })).await;
    done(&world, &["vault", "backup", "newer", "--keys", "newer-keys"], "");
    let older = ["vault", "verify", "--file", "newer", "--keys", "the-keys"];
    let (is_done, said) = command(&world, &older, "");
    assert!(!is_done && said.contains("the key of its data subject is not there"), "{said}");
    world.kill();
    lose_vault(&world);
    let (is_done, said) = command(&world, &["vault", "restore", "newer", "--keys", "the-keys"], "");
    assert!(!is_done && said.contains("damaged"), "{said}");
    assert!(!world.folder.join("zollhaus.vault").exists());
    let left = |name: &str| Path::new(&world.folder).join(name).exists();
    assert!(!left("newer.whole") && !left("newer.whole-wal"), "what was put together is left");
    done(&world, &["vault", "restore", "newer", "--keys", "newer-keys"], "");
}

const POLICY: &str = "version: 1
categories:
  name: { reveal: { support: full } }
  email: { reveal: { support: full } }
  number: { reveal: { support: full } }
objects:
  Contact:
    subject: [Email]
    fields:
      LastName: { category: name, protect: tokenize }
      Email: { category: email, protect: tokenize }
      Number__c: { category: number, protect: tokenize }
    unlisted: pass
";

const ID: &str = "0035g00000AbCdEAAV";

async fn before(stand_in: &StandIn) -> World {
    let upstreams = format!(
        "  past:
    dialect: salesforce
    url: http://{}
    region: US
    match: {{ path_prefix: /past }}
    policy: policies/further.yaml
",
        stand_in.address
    );
    World::start(Options { upstreams, further_policy: POLICY, ..Options::default() }).await
}

/// What was found in clear is kept for those in whose records it stands, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_answer_has_in_clear_is_erased_as_well() {
    let stand_in = StandIn::start(|_, _| {
        json!({
            "attributes": { "type": "Contact", "url": format!("/services/data/v62.0/sobjects/Contact/{ID}") },
            "Id": ID, "LastName": "Muster", "Email": ANNA
        })
        .to_string()
    })
    .await;
    let mut world = before(&stand_in).await;
    let path = format!("/past/services/data/v62.0/sobjects/Contact/{ID}");
    let read = world.get("analyst", &path).await.json();
    assert!(is_token(read["LastName"].as_str().expect("a text")), "{read}");
    assert_eq!(count(&world, "copy"), 2);
    let said = erase(&world, ANNA);
    assert!(said.contains("; 2 tokens stand for nothing"), "{said}");
    assert_eq!(count(&world, "copy"), 0);
    world.verify_log();
}

/// A record that is found by a number which names nobody is one person, however often it is
/// asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_found_by_a_key_has_one_pseudonym_by_it() {
    let done = json!({ "id": ID, "success": true, "created": false, "errors": [] }).to_string();
    let stand_in = StandIn::start(move |_, _| done.clone()).await;
    let mut world = before(&stand_in).await;
    let path = "/past/services/data/v62.0/sobjects/Contact/Number__c/K-17";
    for name in ["Muster", "Muster", "Meier"] {
        let body = json!({ "LastName": name }).to_string();
        let updated = world.send("support", Method::PATCH, path, body).await;
        assert_eq!(updated.status, StatusCode::OK, "{updated:?}");
    }
    assert_eq!(count(&world, "subject_key"), 1);
    assert_eq!(count(&world, "copy"), 3);
    // In the record that the CRM says it is.
    let path = format!("/past/services/data/v62.0/sobjects/Contact/{ID}");
    let body = json!({ "Email": ANNA }).to_string();
    assert_eq!(world.send("support", Method::PATCH, &path, body).await.status, StatusCode::OK);
    let subject = last_subject(&world);
    let (is_done, said) = command(&world, &["subject", "erase", "--subject", &subject], "");
    assert!(!is_done && said.contains(": 3, of which 2 have a key"), "{said}");
    assert_eq!(count(&world, "copy"), 4, "not without `--for-good`");
    assert!(erase(&world, ANNA).contains("; 4 tokens stand for nothing"));
    assert_eq!(count(&world, "copy"), 0);
    world.verify_log();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_still_read_somewhere_is_said_to_stand_there() {
    let world = World::start(Options::default()).await;
    create(&world, json!({ "LastName": "Muster", "Email": ANNA })).await;
    let reading = rusqlite::Connection::open(world.folder.join("zollhaus.vault"));
    let reading = reading.expect("the vault opens");
    reading.execute_batch("BEGIN; SELECT * FROM copy").expect("it is read");
    let said = erase(&world, ANNA);
    assert!(said.contains("What was deleted may still stand in `"), "{said}");
    assert!(said.contains("zollhaus.vault-wal`") && said.contains("erased: "), "{said}");
    drop(reading);
    let said = erase(&world, ANNA);
    assert!(!said.contains("may still stand in"), "{said}");
    assert!(said.contains("nothing is kept for this person"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_was_cut_off_does_not_stop_the_next() {
    let world = World::start(Options::default()).await;
    create(&world, json!({ "LastName": "Muster", "Email": ANNA })).await;
    done(&world, &["vault", "backup", "one"], "");
    for part in ["subject-keys.part", "two.part"] {
        std::fs::write(world.folder.join(part), "cut off").expect("a file");
    }
    done(&world, &["vault", "backup", "two"], "");
    done(&world, &["vault", "verify", "--file", "two"], "");
    assert!(!world.folder.join("subject-keys.part").exists());
}

/// What a text repeats of one whom it is about, or of another, goes as it came.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_texts_say_is_erased_with_whom_they_are_about() {
    let mut world = World::start(Options {
        salesforce_policy: Some(|policy| {
            policy.replace(
                "Description:       { category: free_text, protect: encrypt }",
                "Description:       { category: free_text, protect: scan }",
            )
        }),
        ..Options::default()
    })
    .await;
    let person = |first: &str, address: &str| json!({ "FirstName": first, "LastName": "M", "Email": address });
    let anna = create(&world, person("Annabell", ANNA)).await;
    let bert = create(&world, person("Bertram", BERT)).await;
    let write = async |id: &str, note: &str| {
        let (path, body) = (format!("{CONTACTS}/{id}"), json!({ "Description": note }).to_string());
        let updated = world.send("analyst", Method::PATCH, &path, body).await;
        assert_eq!(updated.status, StatusCode::NO_CONTENT, "{updated:?}");
        let sent = world.crm.requests().pop().expect("a request");
        let sent: Value = serde_json::from_slice(&sent.body).expect("JSON");
        sent["Description"].as_str().expect("a text").to_owned()
    };
    let shown = async |id: &str| {
        let read = world.get("support", &format!("{CONTACTS}/{id}")).await.json();
        read["Description"].as_str().expect("a text").to_owned()
    };
    let copied = write(&anna, "Annabell called").await;
    assert!(is_token(&copied), "{copied}");
    let berts = write(&bert, "Bertram called").await;
    assert_eq!(write(&bert, &format!("{copied}, {berts}")).await, format!("{copied}, {berts}"));
    erase(&world, ANNA);
    assert_eq!(shown(&anna).await, "Annabell called", "as it is in the note about Bertram");
    assert_eq!(shown(&bert).await, "Annabell called, Bertram called");
    erase(&world, BERT);
    assert_eq!(shown(&bert).await, format!("{copied}, {berts}"));
    // Nothing is known of them any more.
    assert_eq!(write(&anna, "Annabell is back").await, "Annabell is back");
    world.verify_log();
}

/// Whatever a tired person writes behind `--keys`, nothing is lost that is no older copy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_replaces_nothing_but_older_keys_of_the_same_vault() {
    let mut world = World::start(Options::default()).await;
    create(&world, json!({ "LastName": "Muster", "Email": ANNA })).await;
    let bytes = |world: &World, name: &str| std::fs::read(world.folder.join(name)).expect("a file");
    done(&world, &["vault", "backup", "one"], "");
    done(&world, &["vault", "backup", "two"], "");
    let refused = |world: &World, keys: &str| {
        let before = bytes(world, keys);
        let (is_done, said) = command(world, &["vault", "backup", "three", "--keys", keys], "");
        assert!(!is_done && said.contains(&format!("`{keys}` is not replaced")), "{said}");
        assert_eq!(bytes(world, keys), before, "{keys}");
        assert!(!world.folder.join("three").exists(), "{keys}");
    };
    std::fs::write(world.folder.join("empty"), "").expect("a file");
    for keys in ["zollhaus.yaml", "zollhaus.vault", "one", "empty"] {
        refused(&world, keys);
    }
    // Of another vault.
    let mut other = World::start(Options::default()).await;
    create(&other, json!({ "LastName": "Meier", "Email": BERT })).await;
    done(&other, &["vault", "backup", "one"], "");
    let copied = std::fs::copy(other.folder.join("subject-keys"), world.folder.join("other-keys"));
    copied.expect("a copy");
    refused(&world, "other-keys");
    other.kill();
    // Of this one, which is put back by hand, without an erasure that the keys know of.
    world.kill();
    let moved = |from: &str, to: &str| {
        for file in ["", "-wal", "-shm"] {
            let [from, to] = [from, to].map(|name| world.folder.join(format!("{name}{file}")));
            let _ = std::fs::remove_file(&to);
            let _ = std::fs::copy(from, to);
        }
    };
    moved("zollhaus.vault", "aside");
    erase(&world, ANNA);
    done(&world, &["vault", "backup", "four"], "");
    moved("aside", "zollhaus.vault");
    refused(&world, "subject-keys");
    world.verify_log();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_beside_a_backup_is_left_alone() {
    let world = World::start(Options::default()).await;
    create(&world, json!({ "LastName": "Muster", "Email": ANNA })).await;
    done(&world, &["vault", "backup", "copy"], "");
    done(&world, &["vault", "backup", "copy.whole"], "");
    for _ in 0..2 {
        let (is_done, said) = command(&world, &["vault", "verify", "--file", "copy"], "");
        assert!(!is_done && said.contains("`copy.whole` is there"), "{said}");
    }
    done(&world, &["vault", "verify", "--file", "copy.whole"], "");
    // The file of the keys is no backup: an empty vault would take the place of all.
    let (is_done, said) = command(&world, &["vault", "verify", "--file", "subject-keys"], "");
    assert!(!is_done && said.contains("and no values"), "{said}");
    let (is_done, said) = command(&world, &["vault", "verify", "--keys", "subject-keys"], "");
    assert!(!is_done && said.contains("goes with `--file`"), "{said}");
}
