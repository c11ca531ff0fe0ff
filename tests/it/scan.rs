// SPDX-License-Identifier: Apache-2.0
//! Notes in which personal data is found and tokenized, through the house.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{Answer, Options, World};

const CONTACTS: &str = "/sf/services/data/v62.0/sobjects/Contact";

const NOTE: &str = "Anna Muster rief an: +49 30 23125877, anna@corp.example, \
    DE84 9529 5102 6799 0376 09; Vertrag V-699819";

const VALUES: [&str; 4] =
    ["Anna Muster", "+49 30 23125877", "anna@corp.example", "DE84 9529 5102 6799 0376 09"];

const LAWS: &str = "version: 1
law: house
applies_to: anyone
otherwise: refuse
bases:
  clauses: { kind: scc, reference: SCC-2026-014, until: 2099-12-31 }
jurisdiction:
  - { name: country, code_in: [Contact.MailingCountryCode] }
  - { name: rest, otherwise: DE }
transfers:
  - { name: tokens, from: CH, to: US, action: allow, basis: clauses, require: protected, otherwise: tokenize }
  - { name: no-phone, from: AT, to: US, categories: [phone], action: refuse }
  - { name: clauses, from: [DE, AT], to: US, action: allow, basis: clauses }
";

fn scan(policy: &str) -> String {
    policy.replacen(
        "Description:       { category: free_text, protect: encrypt }",
        "Description:       { category: free_text, protect: scan }",
        1,
    )
}

async fn world() -> World {
    let salesforce_policy: Option<fn(String) -> String> = Some(|policy| scan(&policy));
    World::start(Options { salesforce_policy, ..Options::default() }).await
}

/// The description that left last.
fn sent(world: &World) -> String {
    last(world)["Description"].as_str().expect("a description").to_owned()
}

/// What left last.
fn last(world: &World) -> Value {
    let request = world.crm.requests().pop().expect("a request");
    serde_json::from_slice(&request.body).expect("JSON")
}

async fn create(world: &World, contact: Value) -> Answer {
    world.post("support", CONTACTS, contact.to_string()).await
}

fn path_of(created: &Answer) -> String {
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    format!("{CONTACTS}/{}", created.json()["id"].as_str().expect("an id"))
}

async fn description(world: &World, caller: &str, path: &str) -> String {
    let read = world.get(caller, path).await.json();
    read["Description"].as_str().unwrap_or_else(|| panic!("{read}")).to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_found_in_a_note_leaves_as_tokens_and_is_shown_by_category() {
    let world = world().await;
    let anna = json!({ "FirstName": "Anna", "LastName": "Muster", "Description": NOTE });
    let path = path_of(&create(&world, anna).await);
    let stored = sent(&world);
    for value in VALUES {
        assert!(!stored.contains(value), "{stored}");
    }
    assert!(stored.contains(" rief an: zht") && stored.ends_with("; Vertrag V-699819"), "{stored}");

    assert_eq!(description(&world, "support", &path).await, NOTE);
    assert_eq!(description(&world, "analyst", &path).await, stored);
    let masked = description(&world, "marketing", &path).await;
    assert!(masked.contains("a•••@•••.example") && masked.contains("+•••"), "{masked}");
    assert!(!VALUES.iter().any(|value| masked.contains(value)), "{masked}");

    let transfer = world.entries().into_iter().find(|entry| entry["kind"] == "transfer");
    let fields = transfer.expect("a transfer")["fields"].to_string();
    for said in [r#""protection":"scan""#, r#""category":"phone","count":1,"field":"description""#]
    {
        assert!(fields.contains(said), "{fields}");
    }

    // What a client has read, it writes back: tokens stay, masks are refused.
    let patch = |text: &str| json!({ "Description": text }).to_string();
    let back = world.send("analyst", Method::PATCH, &path, patch(&stored)).await;
    assert_eq!(back.status, StatusCode::NO_CONTENT, "{back:?}");
    assert_eq!(sent(&world), stored);
    let back = world.send("marketing", Method::PATCH, &path, patch(&masked)).await;
    assert_eq!(back.refusal(), Some("masked_value"), "{back:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn markup_hides_nothing_and_is_kept() {
    let world = world().await;
    let note =
        "<p><b>anna@</b>corp.example <a href=\"tel:%2B493023125877\">&#43;49 30 23125877</a></p>";
    let path = path_of(&create(&world, json!({ "LastName": "M", "Description": note })).await);
    let stored = sent(&world);
    for hidden in ["anna@", "23125877"] {
        assert!(!stored.contains(hidden), "{stored}");
    }
    for kept in ["<p><b>zht", "</b>", "<a href=\"tel:zht", "</a></p>"] {
        assert!(stored.contains(kept), "{stored}");
    }
    let shown = description(&world, "support", &path).await;
    assert!(
        shown.contains("<p><b>anna@corp.example</b> <a href=\"tel:%2B493023125877\">&#43;49"),
        "{shown}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_of_categories_that_are_not_looked_for_stay_closed() {
    let salesforce_policy: Option<fn(String) -> String> = Some(|policy| {
        scan(&policy).replacen("protect: scan }", "protect: scan, find: [email] }", 1)
    });
    let world = World::start(Options { salesforce_policy, ..Options::default() }).await;
    let anna = json!({ "LastName": "Muster", "Phone": "+49 30 23125877", "Description": NOTE });
    let path = path_of(&create(&world, anna).await);
    let request = world.crm.requests().pop().expect("a request");
    let body: Value = serde_json::from_slice(&request.body).expect("JSON");
    assert!(body["Description"].as_str().is_some_and(|it| it.contains("+49 30 23125877, zht")));
    let planted =
        json!({ "Description": format!("call {}", body["Phone"].as_str().expect("a token")) });
    let put = world.send("support", Method::PATCH, &path, planted.to_string()).await;
    assert_eq!(put.status, StatusCode::NO_CONTENT, "{put:?}");
    assert_eq!(description(&world, "support", &path).await, planted["Description"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_token_cannot_do_is_refused_by_name() {
    let world = world().await;
    let long = format!("{} a@b.example", "x".repeat(31_980));
    let refused = create(&world, json!({ "LastName": "M", "Description": long })).await;
    assert_eq!(refused.refusal(), Some("unprotectable_value"), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.body).into_owned();
    assert!(said.contains("contact.description") && !said.contains("a@b"), "{said}");
    for condition in ["='x'", "+LIKE+'x%25'"] {
        let query = "/sf/services/data/v62.0/query?q=SELECT+Id+FROM+Contact+WHERE+Description";
        let refused = world.get("support", &format!("{query}{condition}")).await;
        assert_eq!(refused.refusal(), Some("operator_unsupported"), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_law_about_a_category_holds_for_what_is_found_in_a_note() {
    let world = World::start(Options {
        house_rules: LAWS,
        salesforce_policy: Some(|policy| {
            scan(&policy).replacen("version: 1", "version: 1\nborder: [house.yaml]", 1)
        }),
        ..Options::default()
    })
    .await;
    let note = |country: &str, text: &str| json!({ "LastName": "M", "Description": text, "MailingCountryCode": country });
    // Where a law asks for tokens, the whole text is one.
    let path = path_of(&create(&world, note("CH", NOTE)).await);
    let stored = sent(&world);
    assert!(stored.starts_with("zht") && stored.len() == 20, "{stored}");
    assert_eq!(description(&world, "support", &path).await, NOTE);

    let refused = create(&world, note("AT", NOTE)).await;
    assert_eq!(refused.refusal(), Some("transfer_refused"), "{refused:?}");
    path_of(&create(&world, note("AT", "a@b.example wrote")).await);
    assert!(sent(&world).ends_with(" wrote"), "{}", sent(&world));
}

/// Of notes, contacts' and tasks'.
fn scan_all(policy: &str) -> String {
    let tasks = "Description:       { category: free_text, protect: encrypt }  # what was said";
    scan(policy).replacen(tasks, &tasks.replacen("encrypt", "scan", 1), 1)
}

fn told() -> Value {
    json!({
        "FirstName": "Anna", "LastName": "Muster", "Email": "anna@corp.example",
        "Phone": "DW 47-11x", "MailingCity": "Nirgendwo"
    })
}

async fn update(world: &World, path: &str, body: Value) {
    let updated = world.send("support", Method::PATCH, path, body.to_string()).await;
    assert_eq!(updated.status, StatusCode::NO_CONTENT, "{updated:?}");
}

/// As the operations of the vault are counted.
async fn asked_the_vault(world: &World) -> bool {
    let metrics = String::from_utf8_lossy(&world.admin("/metrics").await.body).into_owned();
    metrics.contains(r#"operation="held_by""#)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_in_a_note_that_is_sent_alone_leave_as_tokens() {
    let salesforce_policy: Option<fn(String) -> String> = Some(|policy| scan_all(&policy));
    let mut world = World::start(Options { salesforce_policy, ..Options::default() }).await;
    let path = path_of(&create(&world, told()).await);
    let tokens = last(&world);
    create(&world, json!({ "FirstName": "Bert", "LastName": "Meier" })).await;

    let note = "Muster, ANNA (DW 47-11x) and Bert Meier called";
    update(&world, &path, json!({ "Description": note })).await;
    let stored = sent(&world);
    let last_name = tokens["LastName"].as_str().expect("a token");
    assert!(stored.starts_with(&format!("{last_name}, zht")), "{stored}");
    // A colleague's name is another word here.
    assert!(stored.ends_with(") and Bert Meier called") && !stored.contains("47-11"), "{stored}");
    assert_eq!(description(&world, "support", &path).await, note);
    assert_eq!(description(&world, "analyst", &path).await, stored);

    // In a batch, in the note about her only.
    let id = path.rsplit('/').next().expect("an id");
    let note = |id: &str| json!({ "attributes": { "type": "Contact" }, "id": id, "Description": "for Muster" });
    let batch = json!({ "records": [note(id), note("0035g00000ZZZZZAAZ")] }).to_string();
    let collections = "/sf/services/data/v62.0/composite/sobjects";
    world.send("support", Method::PATCH, collections, batch).await;
    let batch = last(&world);
    assert_eq!(batch["records"][0]["Description"], format!("for {last_name}"));
    assert_eq!(batch["records"][1]["Description"], "for Muster");

    // Also of a task about her, and of none about another.
    for (whom, expected) in
        [(id, format!("call {last_name}")), ("0035g00000ZZZZZAAZ", "call Muster".into())]
    {
        let task = json!({ "WhoId": whom, "Description": "call Muster" }).to_string();
        world.post("support", "/sf/services/data/v62.0/sobjects/Task", task).await;
        assert_eq!(sent(&world), expected);
    }
    world.verify_log();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_in_one_crm_is_searched_for_names_that_another_told() {
    let world = World::start(Options {
        hubspot_policy: Some(|policy| {
            let message = "message:       { category: free_text, protect: encrypt }";
            policy.replacen(message, &message.replacen("encrypt", "scan", 1), 1)
        }),
        ..Options::default()
    })
    .await;
    create(&world, told()).await;
    assert!(!asked_the_vault(&world).await, "nothing is scanned there");
    let contacts = "/hs/crm/v3/objects/contacts";
    let post = json!({ "properties": { "email": "Anna@corp.example" } }).to_string();
    let created = world.post("support", contacts, post).await;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    assert!(!asked_the_vault(&world).await, "there is no text");
    let path = format!("{contacts}/{}", created.json()["id"].as_str().expect("an id"));
    let message = json!({ "properties": { "message": "Muster's Anna asks" } }).to_string();
    let updated = world.send("support", Method::PATCH, &path, message).await;
    assert_eq!(updated.status, StatusCode::OK, "{updated:?}");
    let stored = last(&world)["properties"]["message"].as_str().expect("a text").to_owned();
    assert!(!stored.contains("Muster") && !stored.contains("Anna"), "{stored}");
    assert!(asked_the_vault(&world).await);
    let shown = async |caller: &str| {
        let read = world.get(caller, &format!("{path}?properties=message")).await.json();
        read["properties"]["message"].as_str().unwrap_or_else(|| panic!("{read}")).to_owned()
    };
    assert_eq!(shown("support").await, "Muster's Anna asks");
    assert_eq!(shown("analyst").await, stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn residual_data_is_what_the_vault_holds_for_whom_a_record_is_about_as_well() {
    let salesforce_policy: Option<fn(String) -> String> = Some(|policy| {
        let all = scan(&policy).replacen("version: 1", "version: 1\nresidual: protect", 1);
        all.replacen("protect: scan }", "protect: scan, find: [email] }", 1)
    });
    let world = World::start(Options { salesforce_policy, ..Options::default() }).await;
    let path = path_of(&create(&world, told()).await);
    let tokens = last(&world);
    let texts = json!({ "Title": "at Muster's in nirgendwo", "Description": "Muster moved" });
    update(&world, &path, texts).await;
    let (stored, name) = (last(&world), tokens["LastName"].as_str().expect("a token"));
    assert_eq!(stored["Description"], format!("{name} moved"));
    let title = stored["Title"].as_str().expect("a text");
    assert!(title.starts_with(&format!("at {name}'s in zht")), "{title}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_one_persons_alone_is_so_in_notes() {
    let salesforce_policy: Option<fn(String) -> String> = Some(|policy| {
        let name = "LastName:          { category: name, protect: tokenize";
        scan(&policy).replacen(name, &format!("{name}, scope: subject"), 1)
    });
    let world = World::start(Options { salesforce_policy, ..Options::default() }).await;
    let mut tokens = Vec::new();
    for address in ["a@corp.example", "b@corp.example"] {
        let contact = json!({ "LastName": "Muster", "Email": address, "Description": "is Muster" });
        let path = path_of(&create(&world, contact).await);
        let token = last(&world)["LastName"].as_str().expect("a token").to_owned();
        assert_eq!(sent(&world), format!("is {token}"));
        update(&world, &path, json!({ "Description": "Muster called" })).await;
        assert_eq!(sent(&world), format!("{token} called"));
        tokens.push(token);
    }
    assert_ne!(tokens[0], tokens[1]);
}
