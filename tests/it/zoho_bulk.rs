// SPDX-License-Identifier: Apache-2.0
//! Bulk jobs of Zoho CRM behind the house: archives on their way to another host than that
//! of the jobs, and back.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use zollhaus::carrier::zip::Archive;

use crate::fuzz::archives::LIMITS;
use crate::fuzz::archives::writer::{Packing, archive};
use crate::leak::{MARK, finds};
use crate::stand_in::{Reply, StandIn};
use crate::world::{Answer, Options, Seen, World};

const POLICY: &str = include_str!("../../policies/zoho.yaml");

/// Both hosts of the CRM: what was uploaded last is what every job tells of.
struct Crm {
    jobs: StandIn,
    files: StandIn,
}

impl Crm {
    async fn start() -> Self {
        let stored: Arc<Mutex<String>> = Arc::default();
        let uploaded = Arc::clone(&stored);
        let files = StandIn::replying(move |seen| {
            let mut stored = uploaded.lock().expect("no writer panicked");
            if seen.method == "POST" {
                *stored = tables(seen).remove(0).1;
                let details = json!({ "file_id": "111", "created_time": "2026-01-02T00:00:00Z" });
                return Reply::json(
                    json!({ "status": "success", "code": "FILE_UPLOAD_SUCCESS",
                    "message": "file uploaded.", "details": details })
                    .to_string(),
                );
            }
            let told = [",STATUS,RECORD_ID,ERRORS", ",ADDED,55,"];
            let rows = stored.lines().zip(told).map(|(row, told)| format!("{row}{told}\n"));
            packed("Contacts-Contacts.csv", &rows.collect::<String>())
        })
        .await;
        let origin = format!("http://{}", files.address);
        let jobs = StandIn::replying(move |seen| {
            let stored = stored.lock().expect("no writer panicked");
            let module = json!({ "api_name": "Contacts" });
            let created = json!({ "id": "9", "name": "Jo Kern" });
            match seen.target.as_str() {
                "/crm/bulk/v8/read/7/result" => packed("7.csv", &stored),
                "/crm/bulk/v8/read/7" => Reply::json(
                    json!({ "data": [{ "id": "7",
                    "query": { "module": module }, "created_by": created }] })
                    .to_string(),
                ),
                _ => Reply::json(
                    json!({ "id": "7", "status": "COMPLETED", "created_by": created,
                    "resource": [{ "module": module, "field_mappings": [] }], "result": {
                        "download_url": format!("{origin}/v2/crm/1/bulk-write/7/7.zip") } })
                    .to_string(),
                ),
            }
        })
        .await;
        Self { jobs, files }
    }

    async fn world(&self) -> World {
        let upstream = |name: &str, crm: &StandIn| {
            format!(
                "  {name}:
    dialect: zoho
    url: http://{}
    region: US
    match: {{ path_prefix: /{name} }}
    policy: policies/further.yaml
",
                crm.address
            )
        };
        let upstreams = upstream("zoho", &self.jobs) + &upstream("files", &self.files);
        World::start(Options { upstreams, further_policy: POLICY, ..Options::default() }).await
    }
}

fn packed(name: &str, text: &str) -> Reply {
    let body = archive(&[(name, text.as_bytes(), Packing::Streamed)]).into();
    Reply { status: "200 OK", head: "Content-Type: application/zip\r\n".to_owned(), body }
}

/// The files of the archive that was uploaded.
fn tables(seen: &Seen) -> Vec<(String, String)> {
    let start = seen.bytes.windows(4).position(|it| it == b"PK\x03\x04").expect("an archive");
    let end = seen.bytes.len() - "\r\n--xXx--\r\n".len();
    texts(&seen.bytes.slice(start..end))
}

fn texts(archive: &Bytes) -> Vec<(String, String)> {
    let archive = Archive::read(archive, LIMITS).expect("an archive");
    let text = |content: &Bytes| String::from_utf8(content.to_vec()).expect("a text");
    archive.entries().iter().map(|it| (it.name().to_owned(), text(it.content()))).collect()
}

async fn upload(world: &World, name: &str, text: &str) -> Answer {
    let head = "--xXx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.zip\"\r\n\
        Content-Type: application/zip\r\n\r\n";
    let file = archive(&[(name, text.as_bytes(), Packing::Deflated)]);
    let body = [head.as_bytes(), &file, b"\r\n--xXx--\r\n"].concat();
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://{}/files/crm/v8/upload", world.address()))
        .header("zollhaus-key", world.key("support"))
        .header("feature", "bulk-write")
        .header("x-crm-org", "1")
        .header("content-type", "multipart/form-data; boundary=xXx");
    let request = request.body(Full::new(body.into())).expect("a sound request");
    world.send_request(request).await.expect("an answer")
}

fn job(mappings: &Value) -> String {
    json!({ "operation": "insert", "resource": [{ "type": "data",
        "module": { "api_name": "Contacts" }, "file_id": "111", "field_mappings": mappings }] })
    .to_string()
}

const WRITE: &str = "/zoho/crm/bulk/v8/write";

#[tokio::test]
async fn a_file_is_uploaded_bound_read_and_its_results_are_shown_by_role() {
    let crm = Crm::start().await;
    let mut world = crm.world().await;
    let text = format!(
        "Last_Name,First_Name,Email,Mobile,Mailing_Street,Date_of_Birth,Lead_Source,Reporting_To,Full_Name\n\
         {MARK}1,\"{MARK} \"\"x\"\"\n,2\",{MARK}@b.example,{MARK}3,{MARK}4,{MARK}5,Web,,{MARK}6\n"
    );
    let answer = upload(&world, "Contacts.csv", &text).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let seen = crm.files.seen().pop().expect("a request");
    assert!(seen.head.to_ascii_lowercase().contains("feature: bulk-write"), "{}", seen.head);
    let (name, sent) = tables(&seen).remove(0);
    assert_eq!(name, "Contacts.csv");
    assert!(finds(&seen.bytes).is_none() && finds(sent.as_bytes()).is_none(), "{sent}");
    assert!(sent.contains(",Web,,"), "{sent}");

    // A job that binds the columns as their headers do, and others that do not.
    let mappings = json!([{ "api_name": "Last_Name", "index": 0 },
        { "api_name": "Email", "index": 2 },
        { "api_name": "Description", "default_value": { "value": MARK } }]);
    let created = world.post("support", WRITE, job(&mappings)).await;
    assert_eq!(created.status, StatusCode::OK, "{created:?}");
    let (_, order) = crm.jobs.last();
    assert!(finds(order.as_bytes()).is_none(), "{order}");
    let requests = crm.jobs.count();
    for (body, expected) in [
        (job(&json!([{ "api_name": "Email", "index": 0 }])), "another field"),
        (job(&mappings).replace("Contacts", "Deals"), "no file of the archive"),
        (job(&mappings).replace("111", "112"), "upload it anew"),
        (job(&mappings).replace("insert", "upsert"), "`contacts.email`"),
    ] {
        let refused = world.post("support", WRITE, body).await;
        let message = refused.json()["message"].as_str().expect("a text").to_owned();
        assert!(refused.status.is_client_error() && message.contains(expected), "{message}");
    }
    assert_eq!(crm.jobs.count(), requests, "nothing of them was forwarded");

    // What became of it lies at the other host, behind the same house.
    let told = world.get("support", &format!("{WRITE}/7")).await.json();
    let url = told["result"]["download_url"].as_str().expect("a text");
    let path = format!("http://{}", world.address());
    let path = url.strip_prefix(&path).unwrap_or_else(|| panic!("{url} leads past the house"));
    let shown = world.get("support", path).await;
    let (name, opened) = texts(&shown.body).remove(0);
    assert_eq!(name, "Contacts-Contacts.csv");
    for value in [format!("\"{MARK}1\""), format!("{MARK}@b.example"), format!("{MARK}4")] {
        assert!(opened.contains(&value), "{value}: {opened}");
    }
    let hidden = world.get("analyst", path).await;
    assert!(finds(texts(&hidden.body)[0].1.as_bytes()).is_none());

    let query = json!({ "query": { "module": { "api_name": "Contacts" }, "fields": ["Email"],
        "criteria": { "api_name": "Email", "comparator": "equal", "value": format!("{MARK}@B.example") } } });
    let created = world.post("support", "/zoho/crm/bulk/v8/read", query.to_string()).await;
    assert_eq!(created.status, StatusCode::OK, "{created:?}");
    let (_, asked) = crm.jobs.last();
    let token = sent.split(',').find(|cell| cell.contains("@tokens.example.com")).expect("one");
    assert!(asked.contains(token.trim_matches('"')), "{asked}");
    let shown = world.get("support", "/zoho/crm/bulk/v8/read/7/result").await;
    assert!(texts(&shown.body)[0].1.contains(&format!("{MARK}3")), "{shown:?}");
    let log = world.log();
    assert!(finds(&log).is_none(), "a value is in the log");

    // What the file said is not known any more, so nobody takes it for something else.
    world.kill();
    world.run();
    let refused = world.post("support", WRITE, job(&mappings)).await;
    assert!(refused.json()["message"].as_str().expect("a text").contains("upload it anew"));
}

#[tokio::test]
async fn a_file_that_could_hold_less_protected_columns_does_not_leave() {
    let crm = Crm::start().await;
    let world = crm.world().await;
    for (name, header, expected) in [
        ("Campaigns.csv", "Email", "`contacts.email`"),
        ("people.csv", "Mobile", ".phone`"),
        ("Deals.csv", "Last_Name", "last_name`"),
        ("upload.csv", "Email", "not named after the module"),
        ("Contacts.csv", "E-mail address", "the header row"),
        ("Contacts.csv", "Owner", "`users.full_name`"),
    ] {
        let answer = upload(&world, name, &format!("{header},X\n{MARK},x\n")).await;
        let passed = name == "Contacts.csv" && header == "Owner";
        if passed {
            let sent = tables(&crm.files.seen()[0]).remove(0).1;
            assert!(finds(sent.as_bytes()).is_none(), "{sent}");
            continue;
        }
        let message = answer.json()["message"].as_str().expect("a text").to_owned();
        assert!(message.contains(expected), "{name}: {message}");
        assert!(finds(message.as_bytes()).is_none(), "{message}");
        assert_eq!(crm.files.count(), 0, "{name} {header}");
    }
    assert!(finds(&world.log()).is_none(), "a value is in the log");
}
