// SPDX-License-Identifier: Apache-2.0
//! Jurisdictions with keysets of their own: who lacks one opens nothing of its people, and who
//! destroys it ends what is kept of them.

use std::fs;
use std::process::Stdio;

use http::{Method, StatusCode};
use serde_json::json;

use crate::world::{Options, World, zollhaus};

const CONTACTS: &str = "/sf/services/data/v62.0/sobjects/Contact";
const KEYS: &str = "keys: { file: zollhaus.key, keyset: zollhaus.keyset }";

const HOUSE: &str = "version: 1
groups:
  EU: { members: [DE, FR] }
law: house
applies_to: anyone
otherwise: refuse
jurisdiction:
  - { name: country, code_in: [Contact.MailingCountryCode] }
  - { name: learned, is: known }
  - { name: rest, otherwise: DE }
transfers:
  - { name: all, from: [AU, EU], to: US, action: allow, require: protected }
";

fn keys_of(jurisdictions: &[&str]) -> String {
    let keysets: Vec<String> = jurisdictions
        .iter()
        .map(|name| format!("{name}: {{ file: {name}.key, keyset: {name}.keyset }}"))
        .collect();
    KEYS.replace(" }", &format!(", jurisdictions: {{ {} }} }}", keysets.join(", ")))
}

fn configure(world: &World, before: &str, after: &str) {
    let config = fs::read_to_string(world.config()).expect("a configuration");
    let changed = config.replace(before, after);
    assert_ne!(config, changed);
    fs::write(world.config(), changed).expect("it can be written");
}

/// Runs a command of the house; whether it succeeds, and what it says.
fn command(world: &World, arguments: &[&str]) -> (bool, String) {
    let mut command = zollhaus();
    command.args(arguments).arg("--config").arg(world.config()).current_dir(&world.folder);
    let output = command.stderr(Stdio::piped()).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

fn done(world: &World, arguments: &[&str]) -> String {
    let (is_done, said) = command(world, arguments);
    assert!(is_done, "{arguments:?}: {said}");
    said
}

fn refused(world: &World, arguments: &[&str], because: &str) {
    let (is_done, said) = command(world, arguments);
    assert!(!is_done && said.contains(because), "{arguments:?}: {said}");
}

fn bordered(policy: &str) -> String {
    policy.replacen("version: 1", "version: 1\nborder: [house.yaml]", 1)
}

async fn world() -> World {
    world_with(HOUSE, |policy| bordered(&policy)).await
}

/// A house with a keyset for Australia and one for the European Union.
async fn world_with(house_rules: &'static str, policy: fn(String) -> String) -> World {
    let options = Options { house_rules, salesforce_policy: Some(policy), ..Options::default() };
    let mut world = World::start(options).await;
    world.kill();
    configure(&world, KEYS, &keys_of(&["AU", "EU"]));
    for name in ["AU", "EU"] {
        done(&world, &["keys", "create", "--jurisdiction", name]);
    }
    world.run();
    world
}

async fn create(world: &World, first: &str, country: &str) -> String {
    let contact = json!({
        "FirstName": first, "LastName": "Muster", "Email": format!("{first}@example.org"),
        "MailingCountryCode": country,
    });
    let created = world.post("support", CONTACTS, contact.to_string()).await;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    created.json()["id"].as_str().expect("an id").to_owned()
}

async fn read(world: &World, id: &str) -> [String; 3] {
    let read = world.get("support", &format!("{CONTACTS}/{id}")).await.json();
    ["FirstName", "LastName", "Email"].map(|field| read[field].as_str().expect("a text").to_owned())
}

fn shown(first: &str) -> [String; 3] {
    [first.to_owned(), "Muster".to_owned(), format!("{first}@example.org")]
}

/// How many keys of data subjects are under this version of a keyset.
fn keys(world: &World, realm: &str, version: u32) -> i64 {
    let vault =
        rusqlite::Connection::open(world.folder.join("zollhaus.vault")).expect("the vault opens");
    let sql = "SELECT count(*) FROM subject_key WHERE realm = ?1 AND version = ?2";
    vault.query_row(sql, (realm, version), |row| row.get(0)).expect("it is counted")
}

fn is_closed(text: &str) -> bool {
    text.starts_with("zht")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_lacks_a_keyset_opens_nothing_of_its_people() {
    let mut world = world().await;
    let bruce = create(&world, "bruce", "AU").await;
    let anna = create(&world, "anna", "DE").await;
    assert!(keys(&world, "AU", 1) > 0 && keys(&world, "EU", 1) > 0);
    assert_eq!(keys(&world, "", 1), 0);
    assert_eq!(read(&world, &bruce).await, shown("bruce"));

    let [keyset, aside] = ["AU.keyset", "aside"].map(|name| world.folder.join(name));
    world.kill();
    fs::rename(&keyset, &aside).expect("it is there");
    refused(&world, &["run"], "AU.keyset` does not exist");

    done(&world, &["keys", "create", "--jurisdiction", "AU"]);
    world.run();
    let [first, last, address] = read(&world, &bruce).await;
    assert!(is_closed(&first) && is_closed(&address), "{first} {address}");
    assert_eq!(last, "Muster", "it is Anna's as well");
    assert_eq!(read(&world, &anna).await, shown("anna"));
    // Nothing is kept for them now, nor does a search pass over them.
    let path = format!("{CONTACTS}/{bruce}");
    let body = json!({ "FirstName": "Barry" }).to_string();
    let written = world.send("support", Method::PATCH, &path, body).await;
    assert_eq!(written.refusal(), Some("keys_unavailable"), "{written:?}");
    let soql = "/sf/services/data/v62.0/query?q=SELECT+Id+FROM+Contact+WHERE+FirstName='BRUCE'";
    let sought = world.get("support", soql).await;
    assert_eq!(sought.refusal(), Some("keys_unavailable"), "{sought:?}");
    refused(&world, &["vault", "verify"], "it is another one");

    world.kill();
    let end = ["keys", "destroy", "--jurisdiction", "AU", "--for-good"];
    refused(&world, &end, "is not the keyset that the vault's keys of jurisdiction `AU` are under");
    fs::rename(&aside, &keyset).expect("it is there");
    world.run();
    assert_eq!(read(&world, &bruce).await, shown("bruce"));
    done(&world, &["vault", "verify"]);
    world.verify_log();
}

/// Whoever is named in another's record, or referred to by one, stays under their own law.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mention_moves_nobody_to_another_keyset() {
    let scanned = |policy: String| {
        let description = "Description:       { category: free_text, protect: encrypt }";
        let scanned = "Description:       { category: free_text, protect: scan }";
        assert!(policy.contains(description));
        bordered(&policy.replace(description, scanned))
    };
    let rules: &'static str = HOUSE.replace(", require: protected", "").leak();
    let mut world = world_with(rules, scanned).await;
    let bruce = create(&world, "bruce", "AU").await;
    let anna = create(&world, "anna", "DE").await;
    let before = (keys(&world, "AU", 1), keys(&world, "EU", 1));
    for (id, note) in [(&anna, "ask bruce@example.org"), (&bruce, "ask anna@example.org")] {
        let (path, body) = (format!("{CONTACTS}/{id}"), json!({ "Description": note }).to_string());
        let written = world.send("support", Method::PATCH, &path, body).await;
        assert_eq!(written.status, StatusCode::NO_CONTENT, "{written:?}");
        let sent = world.crm.requests().pop().expect("a request");
        let sent = String::from_utf8_lossy(&sent.body).into_owned();
        assert!(!sent.contains("example.org\""), "{sent}");
    }
    let task = json!({ "WhoId": bruce, "Description": "call Bruce" }).to_string();
    world.post("support", "/sf/services/data/v62.0/sobjects/Task", task).await;
    let sent = world.crm.requests().pop().expect("a request");
    assert!(!String::from_utf8_lossy(&sent.body).contains("Bruce"), "{sent:?}");
    assert_eq!((keys(&world, "AU", 1), keys(&world, "EU", 1)), before);
    world.verify_log();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jurisdiction_has_versions_and_an_end_of_its_own() {
    let mut world = world().await;
    let bruce = create(&world, "bruce", "AU").await;
    let anna = create(&world, "anna", "DE").await;
    let carl = create(&world, "carl", "AU").await;
    let (of_two, of_one) = (keys(&world, "AU", 1), keys(&world, "EU", 1));
    world.kill();
    let rotate = ["keys", "rotate", "--purpose", "vault", "--jurisdiction", "AU"];
    assert!(done(&world, &rotate).contains("vault is at version 2"));
    refused(&world, &["keys", "rotate", "--purpose", "siv", "--jurisdiction", "AU"], "has no key");
    let destroy = ["keys", "destroy", "--purpose", "vault", "--version", "1"];
    let destroy = [&destroy[..], &["--jurisdiction", "AU"]].concat();
    refused(&world, &destroy, "keys of data subjects");
    world.run();
    world.until("wrapped anew", async |world| keys(world, "AU", 2) == of_two).await;
    assert_eq!((keys(&world, "AU", 1), keys(&world, "EU", 1)), (0, of_one));
    done(&world, &destroy);
    let status = done(&world, &["keys", "status"]);
    assert!(status.contains("jurisdiction `AU`:") && status.contains("destroyed"), "{status}");
    assert_eq!(read(&world, &bruce).await, shown("bruce"));

    // Carl moves, and his key with him.
    let path = format!("{CONTACTS}/{carl}");
    let body = json!({ "MailingCountryCode": "FR", "FirstName": "carl" }).to_string();
    let moved = world.send("support", Method::PATCH, &path, body).await;
    assert_eq!(moved.status, StatusCode::NO_CONTENT, "{moved:?}");
    assert_eq!(keys(&world, "EU", 1), of_one + 1);

    done(&world, &["vault", "backup", "before"]);
    let end = ["keys", "destroy", "--jurisdiction", "AU"];
    refused(&world, &end, "without `--for-good`");
    let end = [&end[..], &["--for-good"]].concat();
    refused(&world, &end, "the house runs");
    world.kill();
    let said = done(&world, &end);
    assert!(said.contains("jurisdiction `AU` is destroyed; erased: "), "{said}");
    assert!(done(&world, &end).contains("erased: 0 values"), "twice is as good");
    refused(&world, &["run"], "take `AU` out of `keys.jurisdictions`");
    configure(&world, &keys_of(&["AU", "EU"]), &keys_of(&["EU"]));
    world.run();
    let [first, last, address] = read(&world, &bruce).await;
    assert!(is_closed(&first) && is_closed(&address), "{first} {address}");
    assert_eq!(last, "Muster", "it is Anna's as well");
    assert_eq!(read(&world, &anna).await, shown("anna"));
    assert_eq!(read(&world, &carl).await[0], "carl");
    assert!(done(&world, &["vault", "verify"]).contains("verified: "));

    // A backup has what was before, and no key that opens it.
    let verified = done(&world, &["vault", "verify", "--file", "before"]);
    assert!(verified.contains("values of jurisdiction `AU` stay closed"), "{verified}");
    world.verify_log();
}
