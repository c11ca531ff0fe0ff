// SPDX-License-Identifier: Apache-2.0
//! Rows in the order of values that the CRM never saw.

use std::sync::{Arc, OnceLock};

use http::StatusCode;
use serde_json::{Value, json};
use zollhaus::demo::crm::CrmOptions;

use crate::hostile::peak;
use crate::stand_in::StandIn;
use crate::world::{Answer, Options, World};

const CONTACTS: &str = "/sf/services/data/v62.0/sobjects/Contact";

async fn store(world: &World, names: &[&str]) {
    for name in names {
        let record = json!({ "LastName": name, "Title": name.len().to_string() });
        let created = world.post("support", CONTACTS, record.to_string()).await;
        assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    }
}

async fn ask(world: &World, caller: &str, prefix: &str, query: &str) -> Answer {
    let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
    world.get(caller, &format!("{prefix}/services/data/v62.0/query?q={encoded}")).await
}

async fn names(world: &World, rest: &str) -> Vec<String> {
    let query = format!("SELECT Id, LastName FROM Contact {rest}");
    let answer = ask(world, "support", "/sf", &query).await;
    assert_eq!(answer.status, StatusCode::OK, "{rest}: {answer:?}");
    let page = answer.json();
    let records = page["records"].as_array().expect("records");
    assert_eq!(page["totalSize"], records.len());
    let name = |record: &Value| record["LastName"].as_str().expect("a name").to_owned();
    records.iter().map(name).collect()
}

/// Why a query is refused, and with which code.
async fn refused(world: &World, caller: &str, query: &str) -> (String, String) {
    let answer = ask(world, caller, "/sf", query).await;
    let code = answer.refusal().unwrap_or_else(|| panic!("{query}: {answer:?}")).to_owned();
    assert!(answer.status.is_client_error());
    (answer.json()[0]["message"].as_str().expect("a message").to_owned(), code)
}

/// What the CRM was asked last.
fn asked(world: &World) -> String {
    let last = world.crm.requests().pop().expect("a request");
    let target = String::from_utf8(last.target.to_vec()).expect("text");
    let query = target.split_once("q=").expect("a query").1.to_owned();
    percent_encoding::percent_decode_str(&query).decode_utf8().expect("text").into_owned()
}

const NAMES: [&str; 5] = ["Müller", "smith", "Ng", "MUSTERMANN", "Smith-Jones"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_sorted_by_names_that_the_crm_never_saw() {
    let mut world = World::start(Options::default()).await;
    store(&world, &NAMES).await;
    let sorted = ["MUSTERMANN", "Müller", "Ng", "smith", "Smith-Jones"];
    assert_eq!(names(&world, "ORDER BY LastName").await, sorted);
    assert_eq!(asked(&world), "SELECT Id, LastName FROM Contact LIMIT 2001");
    assert_eq!(names(&world, "ORDER BY LastName DESC LIMIT 2").await, ["Smith-Jones", "smith"]);
    assert_eq!(asked(&world), "SELECT Id, LastName FROM Contact LIMIT 2001");
    let filtered = "WHERE LastName IN ('ng', 'SMITH', 'nobody') ORDER BY LastName, Title";
    assert_eq!(names(&world, filtered).await, ["Ng", "smith"]);
    assert!(asked(&world).ends_with(" ORDER BY Title LIMIT 2001"), "{}", asked(&world));

    // Rows that are left out were shown to nobody.
    names(&world, "ORDER BY LastName DESC LIMIT 2").await;
    let entries = world.entries();
    let last = entries.last().expect("an entry");
    let shown = last["reveals"].as_array().expect("reveals").iter();
    let counts: Vec<&Value> = shown.map(|reveal| &reveal["count"]).collect();
    assert_eq!(counts, [2], "{last}");
    world.verify_log();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_sorted_here_is_refused() {
    let world = World::start(Options {
        salesforce_policy: Some(|policy| {
            policy.replacen("version: 1", "version: 1\nsorted_rows: 4", 1)
        }),
        crm: CrmOptions { page_size: 3, ..CrmOptions::default() },
        ..Options::default()
    })
    .await;
    store(&world, &NAMES[..3]).await;
    let query = "SELECT LastName FROM Contact ORDER BY LastName LIMIT 1";
    assert_eq!(names(&world, "ORDER BY LastName LIMIT 1").await, ["Müller"]);
    // Who sees masks or surrogates would learn values from the order.
    for caller in ["marketing", "analyst"] {
        let (message, code) = refused(&world, caller, query).await;
        assert!(message.contains("`contact.lastname` is for callers who may see it in full"));
        assert_eq!(code, "forbidden");
    }
    for (query, why) in [
        ("SELECT Id FROM Contact ORDER BY LastName", "not among the fields"),
        ("SELECT LastName FROM Contact ORDER BY LastName OFFSET 1", "has an OFFSET"),
        ("SELECT LastName FROM Contact ORDER BY LastName FOR VIEW", "has a FOR clause"),
        ("SELECT Title, LastName FROM Contact ORDER BY Title, LastName", "comes before it"),
        ("SELECT Name FROM Contact ORDER BY Name", "composes of it"),
        ("SELECT Birthdate FROM Contact ORDER BY Birthdate", "it is never stored"),
    ] {
        let before = world.crm.request_count();
        let (message, code) = refused(&world, "support", query).await;
        assert!(message.contains("ORDER BY") && message.contains(why), "{query}: {message}");
        assert_eq!((code.as_str(), world.crm.request_count()), ("operator_unsupported", before));
    }

    // A page of the rows, and more rows than may be sorted.
    store(&world, &NAMES[3..4]).await;
    let (message, code) = refused(&world, "support", query).await;
    assert_eq!(code, "operator_unsupported");
    assert!(message.contains("answers with all of them at once"), "{message}");
    let mut world = World::start(Options {
        salesforce_policy: Some(|policy| {
            policy.replacen("version: 1", "version: 1\nsorted_rows: 4", 1)
        }),
        ..Options::default()
    })
    .await;
    store(&world, &NAMES).await;
    let (message, code) = refused(&world, "support", query).await;
    assert_eq!(code, "operator_unsupported");
    assert!(message.contains("at most 4 rows, and the query finds more; narrow"), "{message}");
    let few = "WHERE LastName != 'Ng' ORDER BY LastName LIMIT 1";
    assert_eq!(names(&world, few).await, ["MUSTERMANN"]);
    world.verify_log();
}

/// As many as Salesforce answers with at once, and then one more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_salesforce_is_sorted_whole() {
    let world = World::start(Options::default()).await;
    let name = |number: usize| format!("n{:04}", number * 7919 % 2003);
    for first in (0..2000).step_by(200) {
        let record =
            |number| json!({ "attributes": { "type": "Contact" }, "LastName": name(number) });
        let records: Vec<Value> = (first..first + 200).map(record).collect();
        let body = json!({ "records": records }).to_string();
        let path = "/sf/services/data/v62.0/composite/sobjects";
        let answer = world.post("support", path, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
    let mut expected: Vec<String> = (0..2000).map(name).collect();
    expected.sort();
    assert_eq!(names(&world, "ORDER BY LastName").await, expected);
    store(&world, &["one more"]).await;
    let query = "SELECT LastName FROM Contact ORDER BY LastName LIMIT 5";
    let (message, _) = refused(&world, "support", query).await;
    assert!(message.contains("at most 2000 rows, and the query finds more"), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_can_do_without() {
    let world = World::start(Options {
        salesforce_policy: Some(|policy| {
            policy.replacen("version: 1", "version: 1\nsorted_rows: 0", 1)
        }),
        ..Options::default()
    })
    .await;
    let query = "SELECT LastName FROM Contact ORDER BY LastName";
    let (message, _) = refused(&world, "support", query).await;
    assert_eq!(
        message,
        "Zollhaus: ORDER BY is not available on protected field `contact.lastname`"
    );
}

/// As many rows as are read, sorted by 30 fields that nobody protects.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_sorted_here_takes_no_memory_for_it() {
    let rows = format!("{}{{}}", "{},".repeat(240_000));
    let hostile = format!("{{\"totalSize\":1,\"done\":true,\"records\":[{rows}]}}");
    let stand_in = StandIn::start(move |_, _| hostile.clone()).await;
    let keys: Vec<String> = (0..30).map(|number| format!("Clear{number}__c")).collect();
    let query = format!("SELECT {0} FROM Contact ORDER BY {0}", keys.join(", "));
    let world = World::start(before(&stand_in)).await;
    let answer = ask(&world, "support", "/past", &query).await;
    assert_eq!(answer.refusal(), None, "{answer:?}");
    let peak = peak(&world);
    assert!(peak < 150, "720 kB took {peak} MiB");
}

/// Whether a row is hidden is known when it is there; its place in the order would tell.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sorts_where_a_border_limits_who_sees() {
    let world = World::start(Options {
        salesforce_policy: Some(|policy| {
            policy.replacen("version: 1", "version: 1\nborder: [house.yaml]", 1)
        }),
        house_rules: "version: 1
law: house
applies_to: anyone
otherwise: allow
jurisdiction:
  - { name: rest, otherwise: DE }
reveal:
  - { name: austrians-at-home, of: AT, to: [AT] }
",
        ..Options::default()
    })
    .await;
    store(&world, &NAMES[..2]).await;
    let query = "SELECT LastName FROM Contact ORDER BY LastName";
    let (message, code) = refused(&world, "support", query).await;
    assert!(message.contains("for callers who may see it in full"), "{message}");
    assert_eq!(code, "forbidden");
}

const POLICY: &str = "version: 1
categories:
  name: { reveal: { support: full } }
objects:
  Contact:
    fields: { LastName: { category: name, protect: tokenize } }
    unlisted: pass
";

/// A house before another CRM, at `/past`.
fn before(stand_in: &StandIn) -> Options {
    Options {
        upstreams: format!(
            "  past:
    dialect: salesforce
    url: http://{}
    region: US
    match: {{ path_prefix: /past }}
    policy: policies/further.yaml
",
            stand_in.address
        ),
        further_policy: POLICY,
        ..Options::default()
    }
}

/// Rows that are older than the policy, and rows that were written past us.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_in_clear_are_sorted_as_well_and_closed_ones_are_not() {
    let row = |name: &str| {
        format!("{{ \"attributes\":{{\"type\":\"Contact\"}},\"N\":1e+5, \"LastName\" : {name} }}")
    };
    let page = move |names: &[&str]| {
        let rows: Vec<String> = names.iter().map(|name| row(name)).collect();
        let (count, rows) = (rows.len(), rows.join(" ,\n"));
        format!("{{\"totalSize\":{count},\"done\":true,\"records\":[\n{rows}\n]}}")
    };
    let clear = page(&["\"b\\u00e4r\"", "\"B\\\"a\"", "null", "\"a\""]);
    let moved: Arc<OnceLock<String>> = Arc::default();
    let of_another = Arc::clone(&moved);
    let stand_in = StandIn::start(move |_, _| match of_another.get() {
        Some(moved) => page(&["\"a\"", moved]),
        None => clear.clone(),
    })
    .await;
    let world = World::start(before(&stand_in)).await;
    let query = "SELECT LastName FROM Contact ORDER BY LastName DESC NULLS LAST LIMIT 3";
    let answer = ask(&world, "support", "/past", query).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let expected = page(&["\"b\\u00e4r\"", "\"B\\\"a\"", "\"a\""]);
    assert_eq!(String::from_utf8_lossy(&answer.body), expected);

    // A surrogate of another category.
    let record = json!({ "LastName": "x", "MailingCity": "Bern" }).to_string();
    assert_eq!(world.post("support", CONTACTS, record).await.status, StatusCode::CREATED);
    moved.set(world.crm.stored()[0].fields["MailingCity"].to_string()).expect("it is set once");
    let query = "SELECT LastName FROM Contact ORDER BY LastName";
    let answer = ask(&world, "support", "/past", query).await;
    let body = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.refusal(), Some("operator_unsupported"), "{body}");
    assert!(body.contains("does not open here"), "{body}");
}
