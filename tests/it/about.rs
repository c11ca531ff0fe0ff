// SPDX-License-Identifier: Apache-2.0
//! Notes that say by an id whom they are about: what the vault holds for these leaves as
//! tokens, and opens in the answer.

use http::StatusCode;
use serde_json::{Value, json};

use crate::stand_in::{Reply, StandIn};
use crate::world::{Answer, Options, World};

const NOTE: &str = "Muster's Anna called Meier";

/// The text of what left last, as `path` leads to it.
fn text(body: &[u8], path: &str) -> String {
    let body: Value = serde_json::from_slice(body).expect("JSON");
    body.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("{path}: {body}")).into()
}

fn created(answer: &Answer) -> Value {
    assert!(answer.status.is_success(), "{answer:?}");
    answer.json()
}

/// Her names are tokens, and what nobody knows of stays.
fn assert_protected(stored: &str, first_name: &str, last_name: &str) {
    assert_eq!(stored, format!("{last_name}'s {first_name} called Meier"));
    assert!(last_name.starts_with("zht"), "{last_name}");
}

async fn hubspot() -> World {
    World::start(Options {
        hubspot_policy: Some(|policy| {
            let note = "hs_note_body:  { category: free_text, protect: encrypt }";
            policy.replacen(note, &note.replacen("encrypt", "scan", 1), 1)
        }),
        ..Options::default()
    })
    .await
}

fn note_about(ids: &[&str]) -> Value {
    let types = json!([{ "associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202 }]);
    let to = |id: &&str| json!({ "to": { "id": id }, "types": types });
    let associations: Vec<Value> = ids.iter().map(to).collect();
    json!({ "properties": { "hs_note_body": NOTE }, "associations": associations })
}

fn sent_by_hubspot(world: &World, path: &str) -> String {
    text(&world.crm.requests().pop().expect("a request").body, path)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hubspot_note_leaves_without_the_names_of_whom_it_is_associated_with() {
    let mut world = hubspot().await;
    let (contacts, notes) = ("/hs/crm/v3/objects/contacts", "/hs/crm/v3/objects/notes");
    let body = "/properties/hs_note_body";
    let anna = json!({ "properties": { "firstname": "Anna", "lastname": "Muster" } }).to_string();
    let anna = created(&world.post("support", contacts, anna).await);
    let [first, last] = ["firstname", "lastname"]
        .map(|name| sent_by_hubspot(&world, &format!("/properties/{name}")));
    let bert = json!({ "properties": { "lastname": "Schulze" } }).to_string();
    let bert = created(&world.post("support", contacts, bert).await);
    let [anna, bert] = [&anna, &bert].map(|it| it["id"].as_str().expect("an id"));

    let answer =
        created(&world.post("support", notes, note_about(&[bert, anna]).to_string()).await);
    let stored = sent_by_hubspot(&world, body);
    assert_protected(&stored, &first, &last);
    assert_eq!(answer["properties"]["hs_note_body"], NOTE);
    let path = format!("{notes}/{}?properties=hs_note_body", answer["id"].as_str().expect("an id"));
    let shown = async |caller| text(&world.get(caller, &path).await.body, body);
    assert_eq!(shown("support").await, NOTE);
    assert_eq!(shown("analyst").await, stored);

    // About another, her names are other words.
    created(&world.post("support", notes, note_about(&[bert]).to_string()).await);
    assert_eq!(sent_by_hubspot(&world, body), NOTE);
    let inputs = json!({ "inputs": [note_about(&[bert]), note_about(&[anna])] }).to_string();
    created(&world.post("support", &format!("{notes}/batch/create"), inputs).await);
    assert_eq!(sent_by_hubspot(&world, &format!("/inputs/0{body}")), NOTE);
    assert_protected(&sent_by_hubspot(&world, &format!("/inputs/1{body}")), &first, &last);
    world.verify_log();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_about_very_many_is_searched_for_all_or_refused() {
    let world = hubspot().await;
    let (contacts, notes) =
        ("/hs/crm/v3/objects/contacts/batch/create", "/hs/crm/v3/objects/notes");
    let letter = |number: u32| char::from_u32('a' as u32 + number).expect("a letter");
    let name =
        |kind: &str, number: u32| format!("{kind}{}{}x", letter(number / 16), letter(number % 16));
    let mut ids = Vec::new();
    for numbers in [0..64, 64..128, 128..192, 192..257] {
        // Without a trace, nothing tells which of the answers is whose.
        let contact = |number: u32| {
            let [first, last] = ["Ann", "Muster"].map(|kind| name(kind, number));
            let properties = json!({ "firstname": first, "lastname": last });
            json!({ "objectWriteTraceId": number.to_string(), "properties": properties })
        };
        let inputs = json!({ "inputs": numbers.map(contact).collect::<Vec<_>>() }).to_string();
        let answer = created(&world.post("support", contacts, inputs).await);
        let results = answer["results"].as_array().expect("results");
        ids.extend(results.iter().map(|it| it["id"].as_str().expect("an id").to_owned()));
    }
    let mut ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let another = ids.pop().expect("an id");
    let mut note = note_about(&ids);
    let names =
        (0..256).map(|number| format!("{} {}", name("Ann", number), name("Muster", number)));
    note["properties"]["hs_note_body"] = names.collect::<Vec<_>>().join(", ").into();
    created(&world.post("support", notes, note.to_string()).await);
    let stored = sent_by_hubspot(&world, "/properties/hs_note_body");
    assert!(!stored.contains("Ann") && !stored.contains("Muster"), "{stored}");

    let before = world.crm.requests().len();
    ids.push(another);
    let refused = world.post("support", notes, note_about(&ids).to_string()).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE, "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.body).contains("256 persons"), "{refused:?}");
    assert_eq!(world.crm.requests().len(), before);
}

/// A CRM that says of each record that it is sent what `answer` makes of it.
async fn crm(answer: fn(&str, Value) -> Value) -> StandIn {
    StandIn::replying(move |asked| {
        let record = serde_json::from_str(&asked.body).expect("JSON");
        Reply { status: "201 Created", ..Reply::json(answer(&asked.target, record).to_string()) }
    })
    .await
}

async fn house(dialect: &str, crm: &StandIn, further_policy: &'static str) -> World {
    let upstreams = format!(
        "  {dialect}:
    dialect: {dialect}
    url: http://{}
    region: US
    match: {{ path_prefix: /crm }}
    policy: policies/further.yaml
",
        crm.address
    );
    World::start(Options { upstreams, further_policy, ..Options::default() }).await
}

fn last_sent(crm: &StandIn, path: &str) -> String {
    text(crm.seen().pop().expect("a request").body.as_bytes(), path)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dataverse_note_leaves_without_the_names_of_whom_it_regards() {
    const POLICY: &str = "version: 1
categories: { name: { reveal: { support: full } }, text: { reveal: { support: full } }, email: {} }
objects:
  contact:
    subject: [emailaddress1]
    fields:
      firstname: { category: name, protect: tokenize }
      lastname: { category: name, protect: tokenize }
      emailaddress1: { category: email, protect: tokenize }
    unlisted: pass
  annotation: { fields: { notetext: { category: text, protect: scan } }, unlisted: pass }
  email: { fields: { description: { category: text, protect: scan } }, unlisted: pass }
";
    const ID: &str = "70bf4d48-34cb-ed11-b596-0022481d68cd";
    const OTHER: &str = "80bf4d48-34cb-ed11-b596-0022481d68cd";
    let dataverse = crm(|target, mut record| {
        if target.ends_with("/contacts") {
            record["contactid"] = ID.into();
        }
        record
    })
    .await;
    let world = house("dynamics", &dataverse, POLICY).await;
    let post = async |path: &str, body: Value| {
        let path = format!("/crm/api/data/v9.2/{path}");
        created(&world.post("support", &path, body.to_string()).await)
    };
    post("contacts", json!({ "firstname": "Anna", "lastname": "Muster" })).await;
    let [first, last] = ["/firstname", "/lastname"].map(|path| last_sent(&dataverse, path));

    let note = |id: &str| json!({ "notetext": NOTE, "objectid_contact@odata.bind": format!("/contacts({id})") });
    let answer = post("annotations", note(ID)).await;
    assert_protected(&last_sent(&dataverse, "/notetext"), &first, &last);
    assert_eq!(answer["notetext"], NOTE);
    post("annotations", note(OTHER)).await;
    assert_eq!(last_sent(&dataverse, "/notetext"), NOTE);

    let under = format!("contacts({ID})/Contact_Annotation");
    post(&under, json!({ "notetext": NOTE })).await;
    assert_protected(&last_sent(&dataverse, "/notetext"), &first, &last);
    let party = json!({ "partyid_contact@odata.bind": format!("/contacts({ID})"), "participationtypemask": 2 });
    let email = json!({ "description": NOTE, "email_activity_parties": [party] });
    post("emails", email).await;
    assert_protected(&last_sent(&dataverse, "/description"), &first, &last);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipedrive_note_leaves_without_the_names_of_its_person() {
    const POLICY: &str = "version: 1
categories: { name: { reveal: { support: full } }, text: { reveal: { support: full } }, email: {} }
objects:
  person:
    subject: [email]
    fields:
      name: { category: name, protect: tokenize }
      email: { category: email, protect: tokenize }
    unlisted: pass
  note: { fields: { content: { category: text, protect: scan } }, unlisted: pass }
";
    let pipedrive = crm(|target, mut record| {
        record["id"] = if target.ends_with("persons") { 7 } else { 70 }.into();
        json!({ "success": true, "data": record })
    })
    .await;
    let world = house("pipedrive", &pipedrive, POLICY).await;
    let post = async |path: &str, body: Value| {
        created(&world.post("support", &format!("/crm{path}"), body.to_string()).await)
    };
    post("/api/v2/persons", json!({ "name": "Anna Muster" })).await;
    let name = last_sent(&pipedrive, "/name");
    let (first, last) = name.split_once(' ').expect("two words");

    let answer = post("/v1/notes", json!({ "content": NOTE, "person_id": 7 })).await;
    assert_protected(&last_sent(&pipedrive, "/content"), first, last);
    assert_eq!(answer["data"]["content"], NOTE);
    post("/v1/notes", json!({ "content": NOTE, "person_id": 8 })).await;
    assert_eq!(last_sent(&pipedrive, "/content"), NOTE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_zoho_note_leaves_without_the_names_of_its_parent() {
    const POLICY: &str = "version: 1
categories: { name: { reveal: { support: full } }, text: { reveal: { support: full } }, email: {} }
objects:
  contacts:
    subject: [email]
    fields:
      first_name: { category: name, protect: tokenize }
      last_name: { category: name, protect: tokenize }
      email: { category: email, protect: tokenize }
    unlisted: pass
  notes: { fields: { note_content: { category: text, protect: scan } }, unlisted: pass }
  tasks: { fields: { description: { category: text, protect: scan } }, unlisted: pass }
";
    let zoho = crm(|target, _| {
        let id = if target.ends_with("Contacts") { "701" } else { "70" };
        let details = json!({ "id": id });
        let row = json!({ "code": "SUCCESS", "status": "success", "message": "record added", "details": details });
        json!({ "data": [row] })
    })
    .await;
    let world = house("zoho", &zoho, POLICY).await;
    let post = async |path: &str, record: Value| {
        let body = json!({ "data": [record] }).to_string();
        created(&world.post("support", &format!("/crm/crm/v8/{path}"), body).await)
    };
    post("Contacts", json!({ "First_Name": "Anna", "Last_Name": "Muster" })).await;
    let [first, last] =
        ["First_Name", "Last_Name"].map(|name| last_sent(&zoho, &format!("/data/0/{name}")));

    let note = |id: &str| json!({ "Note_Content": NOTE, "Parent_Id": { "id": id, "module": { "api_name": "Contacts" } } });
    post("Notes", note("701")).await;
    assert_protected(&last_sent(&zoho, "/data/0/Note_Content"), &first, &last);
    post("Notes", note("702")).await;
    assert_eq!(last_sent(&zoho, "/data/0/Note_Content"), NOTE);
    post("Contacts/701/Notes", json!({ "Note_Content": NOTE })).await;
    assert_protected(&last_sent(&zoho, "/data/0/Note_Content"), &first, &last);
    post("Tasks", json!({ "Description": NOTE, "Who_Id": { "id": "701" } })).await;
    assert_protected(&last_sent(&zoho, "/data/0/Description"), &first, &last);
}
