// SPDX-License-Identifier: Apache-2.0
//! What a hostile reading of the border found, and what holds since: whose law covers a
//! record, what is learned from whom, and what is shown where.

mod judged;
mod learned;
mod revealed;

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::world::{Answer, Options, World, read_request, zollhaus};

const SF: &str = "/crm/services/data/v62.0";
const HS: &str = "/crm/crm/v3/objects/contacts";
const PD: &str = "/crm/api/v2";
const ANNA: &str = "003000000000001AAA";
const BEN: &str = "003000000000002AAA";

const COUNTRIES: &str = "Contact.MailingCountryCode, Lead.CountryCode";

/// A house in which nothing is allowed of whom nothing is known. Callers are nowhere.
const STRICT: &str = "version: 1
law: house
applies_to: anyone
otherwise: refuse
jurisdiction:
  - { name: country, code_in: [Contact.MailingCountryCode, Lead.CountryCode] }
  - { name: learned, is: known }
transfers:
  - { name: no-swiss, from: CH, to: US, action: refuse }
  - { name: others, to: US, action: allow }
consent:
  - { name: mailing, purposes: [newsletter], needs: no_objection, without: refuse }
reveal:
  - { name: at-home, of: DE, to: DE }
";

const SALESFORCE: &str = "version: 1
border: [house.yaml]
categories:
  name: { reveal: { support: full } }
  email: { reveal: { support: full } }
objects:
  Contact:
    subject: [Email]
    consents:
      OptedOut__c: { purpose: newsletter, given: ['false'], withdrawn: ['true'] }
    fields:
      LastName: { category: name, protect: tokenize }
      Email: { category: email, protect: tokenize }
    unlisted: pass
  Case:
    fields: { SuppliedEmail: { category: email, protect: tokenize } }
    unlisted: pass
";

const HUBSPOT: &str = "version: 1
border: [house.yaml]
categories:
  name: { reveal: { support: full } }
  email: { reveal: { support: full } }
objects:
  contact:
    subject: [email]
    consents:
      optedout: { purpose: newsletter, given: ['false'], withdrawn: ['true'] }
    fields:
      lastname: { category: name, protect: tokenize }
      email: { category: email, protect: tokenize }
    unlisted: pass
";

const PIPEDRIVE: &str = "version: 1
border: [house.yaml]
categories:
  name: { reveal: { support: full } }
  email: { reveal: { support: full } }
objects:
  person:
    subject: [email]
    fields:
      name: { category: name, protect: tokenize }
      email: { category: email, protect: tokenize }
    unlisted: pass
  deal:
    fields: { title: { category: name, protect: tokenize } }
    unlisted: pass
";

const DYNAMICS: &str = "version: 1
border: [house.yaml]
categories:
  name: { reveal: { support: full } }
objects:
  contact:
    fields: { lastname: { category: name, protect: tokenize } }
    unlisted: pass
";

/// Of an API by routes.
const PERSON: &str = "version: 1
border: [house.yaml]
categories: { email: { reveal: { support: full } } }
objects:
  person:
    subject: [email]
    fields: { email: { category: email, protect: tokenize } }
    unlisted: pass
";

/// The country of other CRMs than Salesforce in the words of the house.
fn in_words_of(dialect: &str, house: &str) -> String {
    match dialect {
        "hubspot" => house.replace(COUNTRIES, "contact.country_code"),
        "pipedrive" => house.replace(COUNTRIES, "person.country_code"),
        "dynamics" => house.replace(COUNTRIES, "contact.address1_country"),
        _ => house.to_owned(),
    }
}

/// Records of whom nothing is known are American.
fn mild() -> String {
    STRICT.replacen("transfers:", "  - { name: rest, otherwise: US }\ntransfers:", 1)
}

/// A world with a CRM that answers what it is told to, behind `/crm`.
async fn house(dialect: &str, rules: &str) -> (World, Canned) {
    let canned = Canned::start().await;
    let (upstream, policy) = canned.upstream(dialect);
    let options = Options {
        upstreams: upstream,
        further_policy: policy,
        house_rules: String::leak(in_words_of(dialect, rules)),
        ..Options::default()
    };
    (World::start(options).await, canned)
}

/// A world with an API by these routes of it, behind `/crm`.
async fn api(routes: &str, rules: &str) -> (World, Canned) {
    let canned = Canned::start().await;
    let (upstream, _) = canned.upstream("generic");
    let options = Options {
        upstreams: format!("{upstream}    routes:\n{routes}"),
        further_policy: PERSON,
        house_rules: String::leak(rules.replace(COUNTRIES, "person.country")),
        ..Options::default()
    };
    (World::start(options).await, canned)
}

/// A world with two Salesforces, of which the first, `/sf`, is not where records belong. The
/// second protects titles, too.
async fn detour(observe: bool) -> (World, Canned) {
    let canned = Canned::start().await;
    let (upstream, policy) = canned.upstream("salesforce");
    let options = Options {
        salesforce_policy: Some(|policy| {
            policy.replacen("version: 1", "version: 1\nborder: [house.yaml]", 1)
        }),
        upstreams: upstream.replace("region: US", "region: FR"),
        further_policy: String::leak(policy.replacen(
            "      LastName:",
            "      Title: { category: name, protect: tokenize }\n      LastName:",
            1,
        )),
        house_rules: "version: 1
law: house
applies_to: anyone
otherwise: allow
jurisdiction:
  - { name: rest, otherwise: FR }
transfers:
  - { name: home, from: FR, to: US, action: route, upstream: crm }
",
        observe,
        ..Options::default()
    };
    (World::start(options).await, canned)
}

async fn send(
    world: &World,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl ToString,
) -> Answer {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("http://{}{path}", world.address()))
        .header("zollhaus-key", world.key("support"))
        .header("authorization", "Bearer 00Dxx0000001gPL!session");
    if headers.iter().all(|(name, _)| *name != "content-type") {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::from(body.to_string())).expect("a sound request");
    world.send_request(request).await.expect("an answer")
}

const NEWSLETTER: [(&str, &str); 1] = [("zollhaus-purpose", "newsletter")];

fn made(id: &str) -> Value {
    json!({ "id": id, "success": true, "errors": [] })
}

fn contact(name: &str, country: Option<&str>) -> Value {
    let mut contact = json!({ "LastName": name, "Email": format!("{name}@corp.example") });
    if let Some(country) = country {
        contact["MailingCountryCode"] = country.into();
    }
    contact
}

/// Has the CRM take a contact with this id.
async fn create(world: &World, crm: &Canned, id: &str, record: &Value) {
    crm.answers(201, &made(id));
    let path = format!("{SF}/sobjects/Contact");
    let answer = send(world, Method::POST, &path, &[], record).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
}

async fn update(world: &World, crm: &Canned, id: &str, record: &Value) -> Answer {
    crm.answers_nothing();
    let path = format!("{SF}/sobjects/Contact/{id}");
    send(world, Method::PATCH, &path, &[], record).await
}

/// Whether a newsletter may go to the record.
async fn may_mail(world: &World, crm: &Canned, id: &str) -> bool {
    crm.answers_nothing();
    let path = format!("{SF}/sobjects/Contact/{id}");
    let answer = send(world, Method::PATCH, &path, &NEWSLETTER, r#"{"Title":"Dr."}"#).await;
    let refusal = answer.refusal().map(str::to_owned);
    assert!(refusal.is_none() || refusal.as_deref() == Some("consent_missing"), "{answer:?}");
    refusal.is_none()
}

async fn read(world: &World, crm: &Canned, path: &str, answer: &Value) -> Value {
    crm.answers(200, answer);
    let read = world.get("support", path).await;
    assert_eq!(read.status, StatusCode::OK, "{read:?}");
    read.json()
}

/// What a query shows of what the CRM answers.
async fn shown(world: &World, crm: &Canned, soql: &str, records: Value) -> String {
    let answer = json!({ "totalSize": 1, "done": true, "records": records });
    let path = format!("{SF}/query?q={}", soql.replace(' ', "+"));
    read(world, crm, &path, &answer).await["records"].to_string()
}

/// By whose law the last transfer was judged.
fn laws(world: &World) -> Value {
    let entries = world.entries();
    let transfer = entries.iter().rfind(|entry| entry["kind"] == "transfer").expect("a transfer");
    transfer["grounds"][0]["jurisdictions"].clone()
}

fn withdraw(world: &World, address: &str) {
    let mut withdraw = zollhaus()
        .args(["consent", "withdraw", "newsletter", "--category", "email", "--source", "phone:7"])
        .arg("--config")
        .arg(world.config())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut stdin = withdraw.stdin.take().expect("it is piped");
    stdin.write_all(format!("{address}\n").as_bytes()).expect("it reads");
    drop(stdin);
    let done = withdraw.wait_with_output().expect("it ends");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// A CRM that answers what it is told to, and keeps what it was sent.
struct Canned {
    address: SocketAddr,
    answer: Arc<Mutex<String>>,
    /// Target and body of each request.
    requests: Arc<Mutex<Vec<(String, String)>>>,
    task: JoinHandle<()>,
}

impl Canned {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let requests: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let answer: Arc<Mutex<String>> = Arc::default();
        let (seen, next) = (Arc::clone(&requests), Arc::clone(&answer));
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some(request) = read_request(&mut stream).await else { continue };
                let request = (request.target, request.body);
                seen.lock().expect("no writer panicked").push(request);
                let answer = next.lock().expect("no writer panicked").clone();
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { address, answer, requests, task }
    }

    /// The entry of `upstreams`, and the policy of a dialect.
    fn upstream(&self, dialect: &str) -> (String, &'static str) {
        let policy = match dialect {
            "hubspot" => HUBSPOT,
            "pipedrive" => PIPEDRIVE,
            "dynamics" => DYNAMICS,
            _ => SALESFORCE,
        };
        let upstream = format!(
            "  crm:
    dialect: {dialect}
    url: http://{}
    region: US
    match: {{ path_prefix: /crm }}
    policy: policies/further.yaml
",
            self.address
        );
        (upstream, policy)
    }

    fn answers(&self, status: u16, body: &Value) {
        let body = body.to_string();
        let length = body.len();
        *self.answer.lock().expect("no writer panicked") = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
    }

    fn answers_nothing(&self) {
        let answer = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
        answer.clone_into(&mut self.answer.lock().expect("no writer panicked"));
    }

    fn last(&self) -> (String, String) {
        self.requests.lock().expect("no writer panicked").last().expect("a request").clone()
    }

    fn count(&self) -> usize {
        self.requests.lock().expect("no writer panicked").len()
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.task.abort();
    }
}
