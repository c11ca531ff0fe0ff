// SPDX-License-Identifier: Apache-2.0
//! Searches for parts of values that the CRM never saw, also while keys are rotated.

use std::process::{Output, Stdio};

use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{Answer, Options, World, zollhaus};

const CONTACTS: &str = "/sf/services/data/v62.0/sobjects/Contact";

pub fn options() -> Options {
    Options {
        salesforce_policy: Some(|policy| {
            let last_name = "LastName:          { category: name, protect: tokenize }";
            let search = "LastName:          { category: name, protect: tokenize, search: [prefix, contains] }";
            let street = "MailingStreet:     { category: address, protect: encrypt }";
            let exact =
                "MailingStreet:     { category: address, protect: encrypt, search: [exact] }";
            policy.replacen(last_name, search, 1).replacen(street, exact, 1)
        }),
        ..Options::default()
    }
}

pub async fn store(world: &World, names: &[&str]) {
    for name in names {
        let record = json!({ "LastName": name, "MailingStreet": format!("Gasse {name}") });
        let created = world.post("support", CONTACTS, record.to_string()).await;
        assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    }
}

async fn query(world: &World, caller: &str, filter: &str) -> Answer {
    let query = format!("SELECT LastName FROM Contact WHERE {filter} ORDER BY CreatedDate");
    let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
    world.get(caller, &format!("/sf/services/data/v62.0/query?q={encoded}")).await
}

pub async fn found(world: &World, filter: &str) -> Vec<String> {
    let answer = query(world, "support", filter).await;
    assert_eq!(answer.status, StatusCode::OK, "{filter}: {answer:?}");
    let name = |record: &Value| record["LastName"].as_str().expect("a name").to_owned();
    let mut names: Vec<String> =
        answer.json()["records"].as_array().expect("records").iter().map(name).collect();
    names.sort();
    names
}

/// Why a search is refused.
async fn refused(world: &World, caller: &str, filter: &str) -> String {
    let answer = query(world, caller, filter).await;
    assert!(answer.refusal().is_some(), "{filter}: {answer:?}");
    answer.json()[0]["message"].as_str().expect("a message").to_owned()
}

fn keys(world: &World, arguments: &[&str]) -> Output {
    let mut command = zollhaus();
    command.arg("keys").args(arguments).arg("--config").arg(world.config());
    command.stderr(Stdio::piped()).output().expect("it runs")
}

fn said(output: &Output) -> String {
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(said).expect("text")
}

fn rotate(world: &World, purpose: &str) {
    let output = keys(world, &["rotate", "--purpose", purpose]);
    assert!(output.status.success(), "{}", said(&output));
}

pub fn restart(world: &mut World) {
    world.signal("-TERM");
    assert!(world.ended().success());
    world.run();
}

const NAMES: [&str; 5] = ["Müller", "MÜLLER-Lüdenscheid", "Mustermann", "Smith", "Ng"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_of_values_are_found_by_those_who_may_see_them() {
    let world = World::start(options()).await;
    store(&world, &NAMES).await;
    assert_eq!(found(&world, "LastName LIKE 'mül%'").await, ["MÜLLER-Lüdenscheid", "Müller"]);
    assert_eq!(found(&world, "LastName LIKE '%mann'").await, ["Mustermann"]);
    assert_eq!(found(&world, "LastName LIKE '%üll%lü%'").await, ["MÜLLER-Lüdenscheid"]);
    assert_eq!(found(&world, "LastName LIKE 'N%'").await, ["Ng"]);
    assert_eq!(found(&world, "LastName LIKE 'Nobody%'").await, [""; 0]);
    let others = "NOT (LastName LIKE 'M%')";
    assert_eq!(found(&world, others).await, ["Ng", "Smith"]);
    // Nothing of it was ever at the CRM.
    for request in world.crm.requests() {
        let seen = format!(
            "{} {}",
            String::from_utf8_lossy(&request.target),
            String::from_utf8_lossy(&request.body)
        );
        let seen = seen.to_lowercase();
        let names = ["mül", "m%c3%bcl", "mann", "smith", "nobody", "n%25"];
        assert!(!names.iter().any(|name| seen.contains(name)), "{seen}");
    }

    let short = refused(&world, "support", "LastName LIKE '%ng'").await;
    assert!(short.contains("fewer than three characters"), "{short}");
    let signs = refused(&world, "support", "LastName LIKE 'M_ller'").await;
    assert!(signs.contains("LIKE is not available on protected field `contact.lastname`"));
    let street = refused(&world, "support", "MailingStreet LIKE 'Gas%'").await;
    assert!(street.contains("LIKE is not available"), "{street}");
    // Who sees masks or surrogates would find names out letter by letter.
    for caller in ["marketing", "analyst"] {
        let probing = refused(&world, caller, "LastName LIKE 'M%'").await;
        assert!(probing.contains("for callers who may see it in full"), "{probing}");
    }
}

pub fn with_words() -> Options {
    Options {
        hubspot_policy: Some(|policy| {
            let last_name = "lastname:      { category: name, protect: tokenize }";
            let searched = "lastname:      { category: name, protect: tokenize, search: [words] }";
            let email = "email:         { category: email, protect: tokenize }";
            let searched_email =
                "email:         { category: email, protect: tokenize, search: [contains] }";
            policy.replacen(last_name, searched, 1).replacen(email, searched_email, 1)
        }),
        ..Options::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_of_values_are_found_in_hubspot() {
    let world = World::start(with_words()).await;
    let contacts = "/hs/crm/v3/objects/contacts";
    let people = [("Garcia", "a"), ("Maria GARCIA Lopez", "b"), ("Smith-Jones", "c"), ("Ng", "d")];
    for (name, mailbox) in people {
        let email = format!("{mailbox}@{}.example.org", name.len());
        let record = json!({ "properties": { "lastname": name, "email": email } });
        let created = world.post("support", contacts, record.to_string()).await;
        assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    }
    let ask = async |caller: &str, filters: Value| {
        let body = json!({ "filterGroups": [{ "filters": filters }], "properties": ["lastname"] });
        let answer = world.post(caller, &format!("{contacts}/search"), body.to_string()).await;
        let said = answer.json();
        if answer.refusal().is_some() {
            return Err(said["message"].as_str().expect("a message").to_owned());
        }
        let results = said["results"].as_array().expect("results").iter();
        let name = |found: &Value| found["properties"]["lastname"].as_str().map(str::to_owned);
        let mut names: Vec<String> = results.filter_map(name).collect();
        names.sort();
        Ok(names)
    };
    let filter = |property: &str, operator: &str, value: &str| json!({ "propertyName": property, "operator": operator, "value": value });
    let has = |value: &str| json!([filter("lastname", "CONTAINS_TOKEN", value)]);
    let both = vec!["Garcia".to_owned(), "Maria GARCIA Lopez".to_owned()];
    assert_eq!(ask("support", has("garcia")).await, Ok(both.clone()));
    assert_eq!(ask("support", has("LOPEZ")).await, Ok(both[1..].to_vec()));
    assert_eq!(ask("support", has("Garc")).await, Ok(Vec::new()));
    let has_name = json!({ "propertyName": "lastname", "operator": "HAS_PROPERTY" });
    let has_not = filter("lastname", "NOT_CONTAINS_TOKEN", "garcia");
    let others = ask("support", json!([has_not, has_name])).await;
    assert_eq!(others, Ok(vec!["Ng".to_owned(), "Smith-Jones".to_owned()]));
    let at = json!([filter("email", "CONTAINS_TOKEN", "*@18.example.org")]);
    assert_eq!(ask("support", at).await, Ok(both[1..].to_vec()));
    for request in world.crm.requests() {
        let seen = String::from_utf8_lossy(&request.body).to_lowercase();
        assert!(
            !["garc", "lopez", "smith", "example.org\""].iter().any(|part| seen.contains(part))
        );
        assert!(!seen.contains("contains_token"), "{seen}");
    }

    for (filters, expected) in [
        (has("smith"), "nobody knows whether the CRM finds the word"),
        (has("smi*"), "CONTAINS_TOKEN is not available on protected field `contact.lastname`"),
        (has("Maria Garcia"), "of anything but one word"),
        (json!([filter("lastname", "NOT_CONTAINS_TOKEN", "ng")]), "without HAS_PROPERTY beside it"),
    ] {
        let refused = ask("support", filters).await.expect_err("it is refused");
        assert!(refused.contains(expected), "{refused}");
    }
    let probing = ask("marketing", has("garcia")).await.expect_err("it is refused");
    assert!(probing.contains("for callers who may see it in full"), "{probing}");

    let mut check = zollhaus();
    check.args(["check", "--config"]).arg(world.config()).stderr(Stdio::piped());
    let checked = said(&check.output().expect("it runs"));
    for line in [
        "contact.lastname found by words: the vault's file shows, without keys, which values of \
         `name` have a word in common",
        "contact.email found by contains: the vault's file shows, without keys, which values of \
         `email` have three characters in common",
    ] {
        assert!(checked.contains(line), "{checked}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_is_asked_for_later_is_built_while_the_house_runs() {
    let mut world = World::start(Options::default()).await;
    store(&world, &NAMES).await;
    let before = refused(&world, "support", "LastName LIKE 'M%'").await;
    assert!(before.contains("LIKE is not available"), "{before}");
    let policy = world.folder.join("policies/salesforce.yaml");
    let text = std::fs::read_to_string(&policy).expect("a policy");
    let edit = options().salesforce_policy.expect("an edit");
    std::fs::write(&policy, edit(text)).expect("it is written");
    world.signal("-HUP");
    world
        .until("the index is complete", async |world| {
            query(world, "support", "LastName LIKE 'M%'").await.status == StatusCode::OK
        })
        .await;
    assert_eq!(found(&world, "LastName LIKE 'Muster%'").await, ["Mustermann"]);
    world.verify_log();
    let mut verify = zollhaus();
    verify.args(["vault", "verify", "--config"]).arg(world.config()).stderr(Stdio::piped());
    let verified = verify.output().expect("it runs");
    assert!(said(&verified).contains("verified: "), "{}", said(&verified));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_rotated_and_destroyed_and_everything_is_found() {
    let mut world = World::start(options()).await;
    store(&world, &NAMES).await;
    let street = "MailingStreet = 'Gasse Smith'";
    for purpose in ["vault", "token_mac", "siv"] {
        rotate(&world, purpose);
        // The process that runs goes on with its keys.
        assert_eq!(found(&world, "LastName = 'smith'").await, ["Smith"]);
    }
    restart(&mut world);
    let check = async |world: &World, added: &[&str]| {
        let mut expected = vec!["MÜLLER-Lüdenscheid", "Müller", "Mustermann"];
        expected.extend(added);
        expected.sort_unstable();
        assert_eq!(found(world, "LastName LIKE 'M%'").await, expected);
        let contains = ["MÜLLER-Lüdenscheid", "Müller"];
        assert_eq!(found(world, "LastName LIKE '%üll%'").await, contains);
        assert_eq!(found(world, "LastName = 'smith'").await, ["Smith"]);
        assert_eq!(found(world, street).await, ["Smith"], "sealed under either key");
    };
    check(&world, &[]).await;
    store(&world, &["Mayer"]).await;
    check(&world, &["Mayer"]).await;
    let gasse = "MailingStreet IN ('Gasse Mayer', 'Gasse Ng')";
    assert_eq!(found(&world, gasse).await, ["Mayer", "Ng"]);

    // Rows are sealed anew, and then the old key of the vault can go.
    let due = "zollhaus_vault_rows_under_older_keys 0";
    world
        .until("all rows are sealed anew", async |world| {
            String::from_utf8_lossy(&world.admin("/metrics").await.body).contains(due)
        })
        .await;
    let status = said(&keys(&world, &["status"]));
    let has = |state: &str| {
        status.lines().any(|line| line.split_whitespace().eq(state.split_whitespace()))
    };
    let today = std::process::Command::new("date").args(["-u", "+%F"]).output().expect("a date");
    let today = String::from_utf8(today.stdout).expect("text");
    let today = today.trim();
    for line in [
        format!("vault 1 decrypt_only {today} 0 rows and keys of the vault"),
        format!("token_mac 1 decrypt_only {today} 5 tokens, and what the CRM holds hashed"),
        format!("token_mac 2 active {today} 1 tokens, and what the CRM holds hashed"),
        format!("siv 1 decrypt_only {today} what the CRM holds encrypted"),
    ] {
        assert!(has(&line), "{line}\n{status}");
    }
    let refused = |arguments: &[&str], expected: &str| {
        let output = keys(&world, arguments);
        assert!(!output.status.success() && said(&output).contains(expected), "{}", said(&output));
    };
    refused(
        &["destroy", "--purpose", "vault", "--version", "2"],
        "is in use, prepared, destroyed already",
    );
    refused(&["destroy", "--purpose", "token_mac", "--version", "1"], "needed by 5 tokens");
    refused(&["destroy", "--purpose", "siv", "--version", "1"], "--encrypted-values-are-lost");
    let destroyed = keys(&world, &["destroy", "--purpose", "vault", "--version", "1"]);
    assert!(destroyed.status.success(), "{}", said(&destroyed));
    restart(&mut world);
    check(&world, &["Mayer"]).await;

    // What was encrypted under a key that is gone is not found, and stays sealed.
    let lost = ["destroy", "--purpose", "siv", "--version", "1", "--encrypted-values-are-lost"];
    assert!(keys(&world, &lost).status.success());
    restart(&mut world);
    assert_eq!(found(&world, street).await, [""; 0]);
    assert_eq!(found(&world, gasse).await, ["Mayer"]);
    assert_eq!(found(&world, "LastName LIKE 'S%'").await, ["Smith"]);
    world.verify_log();
}
