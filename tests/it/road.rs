// SPDX-License-Identifier: Apache-2.0
//! What callers of each role see of the main road, operation by operation.

use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::world::{Answer, Options, World};

const SF: &str = "/sf/services/data/v62.0";
const HS: &str = "/hs/crm/v3/objects/contacts";

fn contact() -> Value {
    json!({ "FirstName": "Änne", "LastName": "O'Muster", "Email": "Aenne.Muster@Example.org", "Phone": "+49 30 901820 4711" })
}

async fn create(world: &World, contact: &Value) -> String {
    let answer =
        world.post("support", &format!("{SF}/sobjects/Contact"), contact.to_string()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    answer.json()["id"].as_str().expect("an id").to_owned()
}

async fn read(world: &World, caller: &str, id: &str) -> Value {
    let answer = world.get(caller, &format!("{SF}/sobjects/Contact/{id}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()
}

async fn query(world: &World, caller: &str, soql: &str) -> Answer {
    let encoded = percent_encoding::utf8_percent_encode(soql, percent_encoding::NON_ALPHANUMERIC);
    world.get(caller, &format!("{SF}/query?q={encoded}")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_role_sees_what_the_policy_gives_it() {
    let world = World::start(Options::default()).await;
    let id = create(&world, &contact()).await;

    let full = read(&world, "support", &id).await;
    for (field, value) in contact().as_object().expect("an object") {
        assert_eq!(&full[field], value, "{field}");
    }
    assert_eq!(full["Name"], "Änne O'Muster");

    let part = read(&world, "marketing", &id).await;
    let masked = part["Email"].as_str().expect("a text");
    assert!(masked.contains("•••") && masked != "Aenne.Muster@Example.org", "{masked}");
    assert!(!part.to_string().contains("Muster"), "{part}");

    let stored = &world.crm.stored()[0];
    let nothing = read(&world, "analyst", &id).await;
    for field in ["FirstName", "LastName", "Email", "Phone"] {
        assert_eq!(nothing[field], stored.fields[field], "{field}");
        assert_ne!(nothing[field], contact()[field], "{field}");
    }

    let entries = world.entries();
    let reveals: Vec<String> = entries
        .iter()
        .filter(|entry| entry["kind"] == "outcome")
        .flat_map(|entry| entry["reveals"].as_array().expect("a list").clone())
        .filter(|reveal| reveal["field"] == "email")
        .map(|reveal| reveal["reveal"].as_str().expect("a word").to_owned())
        .collect();
    assert!(
        reveals.contains(&"full".to_owned()) && reveals.contains(&"mask".to_owned()),
        "{reveals:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equality_finds_every_spelling_and_other_operators_are_refused() {
    let world = World::start(Options::default()).await;
    let first = create(&world, &contact()).await;
    let shouted = json!({ "LastName": "O'MUSTER", "Email": "AENNE.MUSTER@example.org" });
    let second = create(&world, &shouted).await;
    create(&world, &json!({ "LastName": "Other", "Email": "other@example.org" })).await;

    let ids = |answer: Answer| -> Vec<String> {
        let records = answer.json()["records"].as_array().expect("records").clone();
        let mut ids: Vec<String> =
            records.iter().map(|record| record["Id"].as_str().expect("an id").to_owned()).collect();
        ids.sort();
        ids
    };
    let mut both = vec![first.clone(), second.clone()];
    both.sort();
    for condition in [
        "Email = 'aenne.muster@example.org'",
        "LastName = 'o\\'muster'",
        "Email IN ('nobody@example.org', 'aenne.muster@EXAMPLE.org')",
    ] {
        let answer =
            query(&world, "support", &format!("SELECT Id FROM Contact WHERE {condition}")).await;
        assert_eq!(ids(answer), both, "{condition}");
    }
    let others = query(
        &world,
        "support",
        "SELECT Id FROM Contact WHERE Email != 'AENNE.muster@example.org'",
    )
    .await;
    assert_eq!(ids(others).len(), 1);

    for (clause, operator) in [
        ("WHERE Email LIKE 'aenne%'", "LIKE"),
        ("WHERE LastName > 'M'", ">"),
        ("ORDER BY LastName", "ORDER BY"),
        ("WHERE Id != null GROUP BY LastName", "GROUP BY"),
    ] {
        let before = world.crm.request_count();
        let answer = query(&world, "support", &format!("SELECT Id FROM Contact {clause}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{clause}");
        assert_eq!(answer.refusal(), Some("operator_unsupported"), "{clause}");
        let error = &answer.json()[0];
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains(operator) && message.starts_with("Zollhaus: "), "{message}");
        assert_eq!(world.crm.request_count(), before, "{clause} was forwarded");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_surrogate_is_not_protected_twice_and_opens_only_in_its_own_place() {
    let world = World::start(Options::default()).await;
    let id = create(&world, &contact()).await;
    let stored = world.crm.stored()[0].fields.clone();

    // A client that may see nothing writes back what it read.
    let echoed = json!({ "LastName": stored["LastName"], "Email": stored["Email"], "FirstName": stored["FirstName"] });
    let answer = world
        .send("analyst", Method::PATCH, &format!("{SF}/sobjects/Contact/{id}"), echoed.to_string())
        .await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
    assert_eq!(read(&world, "support", &id).await["Email"], contact()["Email"]);

    // Planted in a field that the policy does not protect, or moved to another category.
    let planted =
        json!({ "LastName": "Planter", "Title": stored["LastName"], "FirstName": stored["Phone"] });
    let other = create(&world, &planted).await;
    let read_back = read(&world, "support", &other).await;
    assert_eq!(read_back["Title"], stored["LastName"], "a planted surrogate was opened");
    assert_ne!(read_back["FirstName"], contact()["Phone"], "a moved surrogate was opened");

    // A masked value that comes back would destroy the original.
    let masked = read(&world, "marketing", &id).await["Email"].clone();
    let answer = world
        .send(
            "marketing",
            Method::PATCH,
            &format!("{SF}/sobjects/Contact/{id}"),
            json!({ "Email": masked }).to_string(),
        )
        .await;
    assert_eq!((answer.status, answer.refusal()), (StatusCode::BAD_REQUEST, Some("masked_value")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn error_texts_are_opened_for_the_caller_who_sent_the_value() {
    let world = World::start(Options::default()).await;
    create(&world, &json!({ "LastName": "A", "Email": "a@example.org", "Ext_Id__c": "1" })).await;
    let contact = json!({ "properties": { "email": "twice@example.org", "lastname": "Doppelt" } })
        .to_string();
    assert_eq!(world.post("analyst", HS, contact.clone()).await.status, StatusCode::CREATED);
    let conflict = world.post("analyst", HS, contact).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    assert_eq!(conflict.refusal(), None);
    assert!(
        !String::from_utf8_lossy(&conflict.body).contains("tokens.example.com"),
        "{conflict:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hubspot_keys_searches_batches_and_links() {
    let world = World::start(Options::default()).await;
    let inputs: Vec<Value> = (0..3)
        .map(|n| json!({ "properties": { "email": format!("Person{n}@example.org"), "firstname": "Per", "lastname": format!("Söhn{n}") } }))
        .collect();
    let created = world
        .post("support", &format!("{HS}/batch/create"), json!({ "inputs": inputs }).to_string())
        .await;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    assert_eq!(created.json()["results"][1]["properties"]["lastname"], "Söhn1");

    let by_email = world
        .get(
            "support",
            &format!("{HS}/person1%40example.org?idProperty=email&properties=email,lastname"),
        )
        .await;
    assert_eq!(by_email.status, StatusCode::OK, "{by_email:?}");
    assert_eq!(by_email.json()["properties"]["lastname"], "Söhn1");

    let search = |operator: &str| {
        json!({ "filterGroups": [{ "filters": [{ "propertyName": "email", "operator": operator, "value": "person2@example.org" }] }], "properties": ["email"] }).to_string()
    };
    let found = world.post("support", &format!("{HS}/search"), search("EQ")).await;
    assert_eq!(found.json()["total"], 1, "{found:?}");
    let others = world.post("support", &format!("{HS}/search"), search("NEQ")).await;
    assert_eq!(others.json()["total"], 2, "{others:?}");
    let refused = world.post("support", &format!("{HS}/search"), search("CONTAINS_TOKEN")).await;
    assert_eq!(
        (refused.status, refused.refusal()),
        (StatusCode::BAD_REQUEST, Some("operator_unsupported"))
    );
    assert_eq!(refused.json()["category"], "VALIDATION_ERROR");

    let page = world.get("support", &format!("{HS}?limit=2&properties=email")).await.json();
    let link = page["paging"]["next"]["link"].as_str().expect("a link");
    assert!(link.starts_with(&format!("http://{}/hs/", world.address())), "{link}");
    let request = Request::get(link)
        .header("zollhaus-key", world.key("support"))
        .header("authorization", "Bearer session")
        .body(Full::default())
        .expect("a sound request");
    let rest = world.send_request(request).await.expect("the link works");
    assert_eq!(rest.json()["results"].as_array().map(Vec::len), Some(1));
}

/// The sample CRM does not import: what it was sent is what counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_for_hubspot_leaves_with_sealed_cells() {
    let world = World::start(Options::default()).await;
    let column = |name, property| json!({ "columnObjectTypeId": "0-1", "columnName": name, "propertyName": property });
    let page = json!({ "hasHeader": true, "columnMappings": [column("E-Mail", "email"), column("Land", "country")] });
    let order = json!({ "name": "March", "files": [{ "fileName": "c.csv", "fileFormat": "CSV", "fileImportPage": page }] });
    let head = format!(
        "--xXx\r\nContent-Disposition: form-data; name=\"importRequest\"\r\n\r\n{order}\r\n--xXx\r\nContent-Disposition: form-data; name=\"files\"; filename=\"c.csv\"\r\n\r\nE-Mail,Land\r\n"
    );
    let tail = ",Schweiz\r\n--xXx--\r\n";
    let form = format!("{head}\"anna@corp.example\"{tail}");
    let answer = world.post("support", "/hs/crm/v3/imports", form).await;
    assert_eq!((answer.status, answer.refusal()), (StatusCode::NOT_FOUND, None), "{answer:?}");
    let requests = world.crm.requests();
    let sent = requests.last().expect("it was forwarded");
    assert_eq!(sent.headers["content-length"], sent.body.len().to_string());
    let body = String::from_utf8_lossy(&sent.body);
    let cell = body.strip_prefix(&head).and_then(|rest| rest.strip_suffix(tail));
    let token = cell.expect("only the cell has changed");
    assert!(token.starts_with("\"zht") && token.ends_with("@tokens.example.com\""), "{token}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_known_is_refused_and_never_with_a_401() {
    let world = World::start(Options::default()).await;
    let check = |answer: Answer, status: StatusCode, code: &str| {
        assert_eq!((answer.status, answer.refusal()), (status, Some(code)), "{answer:?}");
        assert!(answer.json().is_array(), "not in the shape of Salesforce: {answer:?}");
    };
    let unknown = format!("{SF}/ui-api/records");
    check(world.post("support", &unknown, "{}").await, StatusCode::FORBIDDEN, "unknown_operation");
    let nested = json!({ "LastName": { "a": 1 } }).to_string();
    check(
        world.post("support", &format!("{SF}/sobjects/Contact"), nested).await,
        StatusCode::BAD_REQUEST,
        "unparseable",
    );
    let twice = r#"{"LastName":"x","\u004castName":"Muster"}"#;
    check(
        world.post("support", &format!("{SF}/sobjects/Contact"), twice).await,
        StatusCode::BAD_REQUEST,
        "unparseable",
    );
    for key in ["", "zhk_wrong", "Bearer x"] {
        let request = Request::get(format!(
            "http://{}{SF}/sobjects/Contact/003000000000001AAA",
            world.address()
        ))
        .header("zollhaus-key", key)
        .body(Full::default())
        .expect("a sound request");
        let answer = world.send_request(request).await.expect("an answer");
        check(answer, StatusCode::FORBIDDEN, "unknown_caller");
    }
    assert_eq!(world.crm.request_count(), 0);
    let nowhere = world.get("support", "/nowhere").await;
    assert_eq!((nowhere.status, nowhere.refusal()), (StatusCode::NOT_FOUND, Some("no_route")));
    assert_eq!(nowhere.headers["content-type"], "application/problem+json");

    let refused = world.entries().iter().filter(|entry| entry["kind"] == "refused").count();
    assert_eq!(refused, 3, "refusals of known callers are in the log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn observe_mode_passes_unknown_operations_loudly() {
    let world = World::start(Options { observe: true, ..Options::default() }).await;
    let answer = world.post("support", &format!("{SF}/ui-api/records"), "{\"x\":1}").await;
    assert_eq!(answer.refusal(), None);
    assert_eq!(world.crm.requests()[0].body.as_ref(), b"{\"x\":1}");
    let metrics = String::from_utf8(world.admin("/metrics").await.body.to_vec()).expect("text");
    assert!(
        metrics.contains("zollhaus_uninspected_requests_total{upstream=\"salesforce\"} 1"),
        "{metrics}"
    );
    assert!(String::from_utf8_lossy(&world.log()).contains("uninspected"));
    assert_eq!(world.entries()[0]["uninspected"], true);
    let like = query(&world, "support", "SELECT Id FROM Contact WHERE Email LIKE 'a%'").await;
    assert_eq!(
        like.refusal(),
        Some("operator_unsupported"),
        "known operations are protected in observe mode too"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_credentials_and_odd_headers_stay_here() {
    let world = World::start(Options::default()).await;
    let request = Request::post(format!("http://{}{SF}/sobjects/Contact", world.address()))
        .header("zollhaus-key", world.key("support"))
        .header("authorization", "Bearer 00D!crm-session")
        .header("content-type", "application/json")
        .header("sforce-query-options", "batchSize=200")
        .header("referer", "https://app.example/?q=kanari@example.org")
        .header("from", "kanari@example.org")
        .header("x-note", "Kanari")
        .header("user-agent", "app (Kanari-Muster)")
        .body(Full::from(json!({ "LastName": "Kanari-Muster" }).to_string()))
        .expect("a sound request");
    assert_eq!(world.send_request(request).await.expect("an answer").status, StatusCode::CREATED);
    let seen = &world.crm.requests()[0];
    let headers = format!("{:?}", seen.headers).to_lowercase();
    assert!(headers.contains("00d!crm-session"), "the CRM's own credential passes: {headers}");
    assert!(headers.contains("batchsize=200"), "{headers}");
    for leak in ["zollhaus", "kanari", "zhk_"] {
        assert!(!headers.contains(leak), "{leak} in {headers}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_outside_values_are_forwarded_as_they_came() {
    let world = World::start(Options::default()).await;
    let body = "{ \"Ext_Id__c\" :\t\"a\\u0062\\/c\",\r\n \"LastName\": \"Muster\" ,\"AnnualRevenue__c\":1.10E+005, \"x__c\":12345678901234567890123 }";
    world.post("support", &format!("{SF}/sobjects/Contact"), body).await;
    let seen = String::from_utf8(world.crm.requests()[0].body.to_vec()).expect("text");
    let (before, rest) = seen.split_once("\"LastName\": \"").expect("the field is there");
    let (surrogate, after) = rest.split_once('"').expect("the value ends");
    assert_eq!(format!("{before}\"LastName\": \"Muster\"{after}"), body);
    assert!(surrogate.starts_with("zh") && surrogate.len() == 20, "{surrogate}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drained_process_ends_well() {
    let mut world = World::start(Options::default()).await;
    create(&world, &contact()).await;
    assert_eq!(world.admin("/readyz").await.status, StatusCode::OK);
    world.signal("-TERM");
    assert!(world.ended().success());
    world.run();
    let found = query(
        &world,
        "support",
        "SELECT LastName FROM Contact WHERE Email = 'aenne.muster@example.org'",
    )
    .await;
    assert_eq!(
        found.json()["records"][0]["LastName"],
        "O'Muster",
        "what was stored before opens after a restart"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_that_no_surrogate_answers_exactly_are_refused() {
    let world = World::start(Options::default()).await;
    for condition in [
        // Composed of protected names, also of a person account.
        "FROM Contact WHERE Name = 'Anna Muster'",
        "FROM Account WHERE Name = 'Anna Muster'",
        // Nothing is stored of a dropped field, so every record would match.
        "FROM Contact WHERE Birthdate = null",
        // The copy of a contact or of a lead: no one value stands for both.
        "FROM CampaignMember WHERE Email = 'anna@example.org'",
    ] {
        let answer = query(&world, "support", &format!("SELECT Id {condition}")).await;
        assert_eq!(answer.refusal(), Some("operator_unsupported"), "{condition}: {answer:?}");
    }
    let has_birthdate = json!({ "propertyName": "email", "operator": "HAS_PROPERTY" });
    let search = json!({ "filterGroups": [{ "filters": [has_birthdate] }] }).to_string();
    assert_eq!(world.post("support", &format!("{HS}/search"), search).await.refusal(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_in_the_place_of_a_name_is_not_logged() {
    let world = World::start(Options::default()).await;
    let contact =
        json!({ "LastName": "x", "kanari@example.org": "y", "Petra Kanari": 1 }).to_string();
    world.post("support", &format!("{SF}/sobjects/Contact"), contact).await;
    let unlisted = json!({ "email": "a@example.org", "kanari@example.org": "y" }).to_string();
    let answer = world.post("support", "/any/v1/people", unlisted).await;
    let log = format!("{:?}{}", world.entries(), String::from_utf8_lossy(&world.log()));
    assert!(!log.to_lowercase().contains("kanari"), "{log}");
    assert!(world.entries().len() >= 2, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_of_unknown_habits_is_asked_in_the_exact_spelling() {
    let world = World::start(Options::default()).await;
    for name in ["Abc", "aBC"] {
        let person = json!({ "email": format!("{name}@example.org") }).to_string();
        world.post("support", "/any/v1/people", person).await;
    }
    world.get("support", "/any/v1/people/Abc%40example.org").await;
    let seen = world.crm.requests();
    let stored = String::from_utf8_lossy(&seen[0].body).to_string();
    let token = stored.split('"').find(|part| part.starts_with("zht")).expect("a token");
    let (word, _) = token.split_once('@').expect("an address");
    assert!(String::from_utf8_lossy(&seen[2].target).contains(word), "{:?}", seen[2]);
}
