// SPDX-License-Identifier: Apache-2.0
//! Dataverse behind the house: what the shipped policy lets out in each carrier of its
//! API, and what comes back.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::leak::{MARK, finds, percent};
use crate::random::Random;
use crate::stand_in::{Reply, StandIn};
use crate::world::{Answer, Options, Seen, World};

const POLICY: &str = include_str!("../../policies/dynamics.yaml");
const ID: &str = "70bf4d48-34cb-ed11-b596-0022481d68cd";

async fn world(dataverse: &StandIn) -> World {
    let upstreams = format!(
        "  dynamics:
    dialect: dynamics
    url: http://{}
    region: US
    match: {{ path_prefix: /dyn }}
    policy: policies/further.yaml
",
        dataverse.address
    );
    World::start(Options { upstreams, further_policy: POLICY, ..Options::default() }).await
}

/// Keeps the last record that it was sent, and answers as Dataverse does.
async fn dataverse() -> StandIn {
    let mut record = json!({});
    StandIn::replying(move |seen| {
        if seen.target.ends_with("/$batch") {
            return batch_reply(seen, &record);
        }
        if let Ok(Value::Object(sent)) = serde_json::from_str(&seen.body)
            && seen.method == "POST"
        {
            record = Value::Object(sent);
            let (first, last) = (&record["firstname"], &record["lastname"]);
            let name = [first, last].map(|part| part.as_str().unwrap_or_default()).join(" ");
            record["fullname"] = name.into();
            record["contactid"] = ID.into();
        }
        let host = seen.head.lines().find_map(|line| line.strip_prefix("host: "));
        let url = format!("http://{}/api/data/v9.2/contacts({ID})", host.expect("a host"));
        let wants_record = seen.head.contains("return=representation");
        match seen.method.as_str() {
            "POST" if wants_record => {
                Reply { status: "201 Created", ..Reply::json(record.to_string()) }
            }
            "GET" => Reply::json(json!({ "@odata.nextLink": url, "value": [record] }).to_string()),
            _ => Reply {
                status: "204 No Content",
                head: format!("OData-EntityId: {url}\r\nLocation: {url}\r\n"),
                body: Bytes::new(),
            },
        }
    })
    .await
}

/// One answer with the record, to the only request of a batch.
fn batch_reply(seen: &Seen, record: &Value) -> Reply {
    let list = json!({ "value": [record] }).to_string();
    let is_query = seen.body.contains("\nGET ");
    let answer = if is_query {
        format!(
            "200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{list}",
            list.len()
        )
    } else {
        "204 No Content\r\n\r\n".to_owned()
    };
    Reply {
        status: "200 OK",
        head: "Content-Type: multipart/mixed; boundary=r_1\r\n".to_owned(),
        body: format!(
            "--r_1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nHTTP/1.1 {answer}\r\n--r_1--\r\n"
        )
        .into(),
    }
}

fn last(dataverse: &StandIn) -> Seen {
    dataverse.seen().pop().expect("a request")
}

async fn send(
    world: &World,
    caller: &str,
    method: Method,
    path: &str,
    media: &str,
    body: &str,
) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(format!("http://{}/dyn/api/data/v9.2/{path}", world.address()))
        .header("zollhaus-key", world.key(caller))
        .header("authorization", "Bearer s3cret")
        .header("odata-version", "4.0")
        .header("prefer", "return=representation,odata.include-annotations=\"*\"")
        .header("content-type", media)
        .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
        .expect("a request");
    world.send_request(request).await.expect("an answer")
}

#[tokio::test]
async fn a_contact_is_created_found_and_shown_by_role() {
    let dataverse = dataverse().await;
    let world = world(&dataverse).await;
    let json = "application/json; charset=utf-8";

    let contact = json!({
        "firstname": "Zoë",
        "lastname": "d'Arc",
        "emailaddress1": "zoe.darc@sub.example.org",
        "birthdate": "1984-02-29",
        "gendercode": 2,
        "parentcustomerid_account@odata.bind": format!("accounts({ID})"),
    });
    let created =
        send(&world, "support", Method::POST, "contacts", json, &contact.to_string()).await;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    let shown = created.json();
    assert_eq!(shown["fullname"], "Zoë d'Arc");
    assert_eq!(shown["emailaddress1"], "zoe.darc@sub.example.org");
    let seen = last(&dataverse);
    assert!(seen.head.contains("prefer: return=representation"), "{}", seen.head);
    let sent: Value = serde_json::from_str(&seen.body).expect("it is JSON");
    assert_eq!((&sent["gendercode"], &sent["birthdate"]), (&json!(2), &Value::Null));
    let email = sent["emailaddress1"].as_str().expect("a text").to_owned();
    assert!(email.ends_with("@tokens.example.com"), "{email}");
    for value in ["Zoë", "Arc", "zoe.darc", "1984"] {
        assert!(!seen.body.contains(value), "{}", seen.body);
    }

    let list =
        "contacts?$select=fullname&$filter=emailaddress1%20eq%20'ZOE.darc%40sub.example.org'";
    let found = send(&world, "marketing", Method::GET, list, json, "").await;
    let target = last(&dataverse).target;
    assert_eq!(
        target,
        format!(
            "/api/data/v9.2/contacts?$select=fullname&$filter=emailaddress1%20eq%20%27{}%27",
            email.replace('@', "%40")
        )
    );
    let link = format!("http://{}/dyn/api/data/v9.2/contacts({ID})", world.address());
    assert_eq!(found.json()["@odata.nextLink"], link);
    assert_eq!(found.json()["value"][0]["emailaddress1"], "z•••@•••.org");

    let key = "contacts(emailaddress1='zoe.darc%40sub.example.org')/telephone1";
    let put =
        send(&world, "support", Method::PUT, key, json, r#"{"value":"+49 30 23125 014"}"#).await;
    assert_eq!(put.status, StatusCode::NO_CONTENT, "{put:?}");
    assert_eq!(put.headers["odata-entityid"], link);
    let seen = last(&dataverse);
    assert!(seen.target.contains(&email.replace('@', "%40")), "{}", seen.target);
    assert!(!seen.body.contains("23125"), "{}", seen.body);

    // What clients do with a URL that is too long.
    let batch = format!(
        "--b\nContent-Type: application/http\nContent-Transfer-Encoding: binary\n\nGET http://{}/dyn/api/data/v9.2/{list} HTTP/1.1\nAccept: application/json\n\n--b--",
        world.address()
    );
    let media = "multipart/mixed;boundary=b";
    let answer = send(&world, "support", Method::POST, "$batch", media, &batch).await;
    let seen = last(&dataverse);
    let line = format!("GET http://{}{target} HTTP/1.1\n", dataverse.address);
    assert!(seen.body.contains(&line), "{}", seen.body);
    let text = String::from_utf8(answer.body.to_vec()).expect("a text");
    let body =
        text.split("\r\n\r\n").nth(2).expect("a part").split("\r\n--r_1").next().expect("its body");
    assert!(text.contains(&format!("Content-Length: {}\r\n", body.len())), "{text}");
    let shown: Value = serde_json::from_str(body).expect("it is JSON");
    assert_eq!(shown["value"][0]["fullname"], "Zoë d'Arc");

    let requests = dataverse.count();
    for (path, expected) in [
        (
            "contacts?$filter=contains(lastname,'Arc')",
            "contains is not available on protected field `contact.lastname`",
        ),
        ("contacts?$orderby=fullname", "`contact.firstname`"),
        ("new_Action?x=Zo%C3%AB", "does not know this operation"),
    ] {
        let refused = send(&world, "support", Method::GET, path, json, "").await;
        assert!(refused.status.is_client_error(), "{refused:?}");
        let body = refused.json();
        let message = body["error"]["message"].as_str().expect("a text");
        assert!(message.starts_with("Zollhaus: ") && message.contains(expected), "{message}");
    }
    assert_eq!(dataverse.count(), requests, "nothing of them was forwarded");
    let log = String::from_utf8_lossy(&world.log()).into_owned();
    for value in ["Zoë", "zoe.darc", "s3cret"] {
        assert!(!log.contains(value), "`{value}` is in the log");
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn in_xml(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    escaped.replace('\t', "&#9;")
}

/// A record with a canary in every protected column.
fn record(random: &mut Random) -> Value {
    json!({
        "lastname": random.text(),
        "firstname": random.text(),
        "emailaddress1": random.email(),
        "address1_line1": random.text(),
        "description": random.long_text(),
        "birthdate": MARK,
    })
}

/// A request in one of the carriers: method, path, media type and body.
fn generate(random: &mut Random) -> (Method, String, String, String) {
    let json = || "application/json".to_owned();
    let (email, text) = (random.email(), random.text());
    let (email_key, text_key) = (percent(&quoted(&email), random), percent(&quoted(&text), random));
    let get = |path: String| (Method::GET, path, json(), String::new());
    match random.below(13) {
        0 => (Method::POST, "contacts".to_owned(), json(), record(random).to_string()),
        1 => {
            let mut account = json!({ "name": "Acme", "primarycontactid": record(random), "contact_customer_accounts": [record(random)] });
            account["parentaccountid@odata.bind"] = format!("accounts({ID})").into();
            (Method::POST, "accounts".to_owned(), json(), random.spell(&account))
        }
        2 => {
            let key = format!("contacts(emailaddress1={email_key})");
            (Method::PATCH, key, json(), json!({ "lastname": text }).to_string())
        }
        3 => {
            let path = format!("contacts({ID})/description");
            (Method::PUT, path, json(), json!({ "value": text }).to_string())
        }
        4 => {
            let id = format!("contacts(emailaddress1={})", quoted(&email).replace('+', "%2B"));
            let path = format!("accounts({ID})/contact_customer_accounts/$ref");
            (Method::POST, path, json(), json!({ "@odata.id": id }).to_string())
        }
        5 => {
            let filter = random.pick(&[
                "{e}%20or%20lastname%20ne%20{t}",
                "{e}%20and%20not%20(firstname%20in%20({t},{t}))",
            ]);
            let filter = filter
                .replace("{e}", &format!("emailaddress1%20eq%20{email_key}"))
                .replace("{t}", &text_key);
            get(format!("contacts?$select=fullname&$filter={filter}"))
        }
        6 => get(format!(
            "contacts?$filter=lastname%20eq%20@p1%20and%20emailaddress1%20eq%20@p2&@p1={text_key}&@p2={email_key}"
        )),
        7 => {
            let list = percent(&json!([text, email]).to_string(), random);
            get(format!(
                "accounts?$filter=primarycontactid/Microsoft.Dynamics.CRM.In(PropertyName='lastname',PropertyValues={list})"
            ))
        }
        8 => get(format!(
            "accounts?$expand=contact_customer_accounts($filter=lastname%20eq%20{text_key})&$filter=contact_customer_accounts/any(c:c/lastname%20eq%20{text_key})"
        )),
        9 => {
            let xml = format!(
                "<fetch><entity name=\"contact\"><filter><condition attribute=\"lastname\" operator=\"eq\" value=\"{}\"/><condition attribute=\"ownerid\" operator=\"eq\" uiname=\"{}\" value=\"{{{ID}}}\"/><condition attribute=\"emailaddress1\" operator=\"in\"><value>{}</value></condition></filter></entity></fetch>",
                in_xml(&text),
                in_xml(&text),
                in_xml(&email)
            );
            get(format!("contacts?fetchXml={}", percent(&xml, random)))
        }
        10 => {
            let targets: Vec<Value> = (0..3).map(|_| record(random)).collect();
            let path = "contacts/Microsoft.Dynamics.CRM.CreateMultiple".to_owned();
            (Method::POST, path, json(), json!({ "Targets": targets }).to_string())
        }
        11 => {
            let filter =
                format!("lastname eq {} or emailaddress1 eq {}", quoted(&text), quoted(&email));
            let entities = json!([{ "name": "contact", "searchColumns": ["emailaddress1"], "filter": filter }]);
            let search = json!({ "search": format!("\"{email}\""), "entities": entities.to_string(),
                "filter": format!("lead:lastname ne {}", quoted(&text)) });
            (Method::POST, "searchquery".to_owned(), json(), random.spell(&search))
        }
        _ => {
            let end = random.pick(&["\n", "\r\n"]);
            let content = record(random).to_string();
            let body = if random.below(2) == 0 {
                format!(
                    "--b\nContent-Type: application/http\n\nGET contacts?$filter=emailaddress1%20eq%20{email_key} HTTP/1.1\nX-Note: {email}\n\n--b--\n"
                )
            } else {
                format!(
                    "--b\nContent-Type: application/http\nContent-Transfer-Encoding: binary\n\nPOST /dyn/api/data/v9.2/contacts HTTP/1.1\nContent-Type: application/json\nContent-Length: {}\n\n{content}\n--b--\n",
                    content.len()
                )
            };
            let body = body.replace('\n', end);
            (Method::POST, "$batch".to_owned(), "multipart/mixed; boundary=b".to_owned(), body)
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_canary_leaves_in_any_carrier() {
    let dataverse = dataverse().await;
    let world = world(&dataverse).await;
    let mut random = Random(0xdada);
    let count = 400;
    for _ in 0..count {
        let (method, path, media, body) = generate(&mut random);
        let answer = send(&world, "analyst", method, &path, &media, &body).await;
        let is_wildcard = String::from_utf8_lossy(&answer.body).contains("a wildcard");
        assert!(answer.status.is_success() || is_wildcard, "{path} {body}: {answer:?}");
    }
    let requests = dataverse.seen();
    assert!(requests.len() * 10 > count * 7, "only {} of {count} got through", requests.len());
    for seen in requests {
        let all = format!("{}\n{}\n{}", seen.target, seen.head, seen.body);
        assert_eq!(finds(all.as_bytes()), None, "{all}");
    }
    assert_eq!(finds(&world.log()), None);
}
