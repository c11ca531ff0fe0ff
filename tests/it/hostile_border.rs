// SPDX-License-Identifier: Apache-2.0
//! What a hostile reading of the border found, and what holds since: whose law covers a
//! record, what is learned from whom, and what is shown where.

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

/// The country of HubSpot and Pipedrive in the words of the house.
fn in_words_of(dialect: &str, house: &str) -> String {
    match dialect {
        "hubspot" => house.replace(COUNTRIES, "contact.country_code"),
        "pipedrive" => house.replace(COUNTRIES, "person.country_code"),
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
        .header("authorization", "Bearer 00Dxx0000001gPL!session")
        .header("content-type", "application/json");
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_batch_that_failed_nothing_is_learned() {
    let (world, crm) = house("hubspot", &mild()).await;
    let german = json!({ "id": "151", "properties": { "country_code": "DE" } });
    let batch = json!({ "inputs": [german] });
    let (path, record) = (format!("{HS}/batch/update"), format!("{HS}/151"));
    let failed = json!({ "status": "COMPLETE", "results": [], "numErrors": 1, "errors": [
        { "status": "error", "category": "VALIDATION_ERROR", "message": "no", "context": {} },
    ] });
    crm.answers(207, &failed);
    let answer = send(&world, Method::POST, &path, &[], &batch).await;
    assert_eq!(answer.status, StatusCode::MULTI_STATUS, "{answer:?}");
    read(&world, &crm, &record, &json!({ "id": "151", "properties": {} })).await;
    assert_eq!(laws(&world), json!(["US"]), "nothing is known of it");

    crm.answers(200, &json!({ "status": "COMPLETE", "results": [{ "id": "151" }] }));
    send(&world, Method::POST, &path, &[], &batch).await;
    read(&world, &crm, &record, &json!({ "id": "151", "properties": {} })).await;
    assert_eq!(laws(&world), json!(["DE"]), "now the CRM has taken it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_what_pipedrive_did_not_do_nothing_is_learned() {
    let (world, crm) = house("pipedrive", &mild()).await;
    let (path, german) = (format!("{PD}/persons/9"), json!({ "country_code": "DE" }));
    crm.answers(200, &json!({ "success": false, "error": "no", "data": null }));
    let answer = send(&world, Method::PATCH, &path, &[], &german).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let nine = json!({ "success": true, "data": { "id": 9 } });
    read(&world, &crm, &path, &nine).await;
    assert_eq!(laws(&world), json!(["US"]), "nothing is known of it");

    crm.answers(200, &nine);
    send(&world, Method::PATCH, &path, &[], &german).await;
    read(&world, &crm, &path, &nine).await;
    assert_eq!(laws(&world), json!(["DE"]), "now the CRM has taken it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_stands_whatever_fields_say() {
    let (world, crm) = house("salesforce", &mild()).await;
    let mut anna = contact("anna", None);
    create(&world, &crm, ANNA, &anna).await;
    assert!(may_mail(&world, &crm, ANNA).await);
    withdraw(&world, "Anna@corp.example");
    assert!(!may_mail(&world, &crm, ANNA).await);

    // The record says that she has not opted out, and says so again.
    anna["OptedOut__c"] = false.into();
    let path = format!("{SF}/sobjects/Contact/{ANNA}");
    for _ in 0..2 {
        read(&world, &crm, &path, &anna).await;
        assert!(!may_mail(&world, &crm, ANNA).await, "a record that is read");
    }
    for _ in 0..2 {
        assert!(update(&world, &crm, ANNA, &anna).await.status.is_success());
        assert!(!may_mail(&world, &crm, ANNA).await, "an update that repeats it");
    }
    create(&world, &crm, BEN, &anna).await;
    for id in [ANNA, BEN] {
        assert!(!may_mail(&world, &crm, id).await, "another record of the same person");
    }
    // It is told later that one more record is about her.
    let third = "003000000000003AAA";
    create(&world, &crm, third, &json!({ "LastName": "Anna", "OptedOut__c": false })).await;
    assert!(may_mail(&world, &crm, third).await, "whose it is is not known yet");
    let address = json!({ "Email": "anna@corp.example" });
    assert!(update(&world, &crm, third, &address).await.status.is_success());
    for id in [ANNA, BEN, third] {
        assert!(!may_mail(&world, &crm, id).await, "a record that turns out to be hers");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_in_an_answer_counts_for_the_next_request() {
    let (world, crm) = house("salesforce", &mild()).await;
    let mut anna = contact("anna", None);
    create(&world, &crm, ANNA, &anna).await;
    assert!(may_mail(&world, &crm, ANNA).await);
    anna["OptedOut__c"] = true.into();
    read(&world, &crm, &format!("{SF}/sobjects/Contact/{ANNA}"), &anna).await;
    assert!(!may_mail(&world, &crm, ANNA).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_countries_of_a_person_count() {
    let (world, crm) = house("salesforce", &mild()).await;
    create(&world, &crm, ANNA, &contact("anna", Some("DE"))).await;
    create(&world, &crm, BEN, &contact("anna", Some("FR"))).await;
    let title = json!({ "Title": "Dr." });
    for id in [ANNA, BEN] {
        assert!(update(&world, &crm, id, &title).await.status.is_success());
        assert_eq!(laws(&world), json!(["DE", "FR"]), "{id}");
    }
    let moved = json!({ "MailingCountryCode": "IT" });
    assert!(update(&world, &crm, BEN, &moved).await.status.is_success());
    for id in [ANNA, BEN] {
        assert!(update(&world, &crm, id, &title).await.status.is_success());
        assert_eq!(laws(&world), json!(["DE", "IT"]), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_stay_closed_where_the_contact_does() {
    let (world, crm) = house("salesforce", &mild()).await;
    create(&world, &crm, ANNA, &contact("anna", Some("DE"))).await;
    create(&world, &crm, BEN, &contact("ben", Some("US"))).await;
    let case = |member: &str, value: &str| json!([{ "attributes": { "type": "Case" }, "Id": "500000000000001AAA", member: value }]);
    let query = "SELECT Id, ContactEmail FROM Case";
    let closed = shown(&world, &crm, query, case("ContactEmail", "anna@corp.example")).await;
    assert!(!closed.contains("anna"), "{closed}");
    let open = shown(&world, &crm, query, case("ContactEmail", "ben@corp.example")).await;
    assert!(open.contains("ben@corp.example"), "{open}");
    // The case itself is known as American.
    let group = |address: &str| json!([{ "attributes": { "type": "AggregateResult" }, "a": address, "n": 2 }]);
    // Grouping by it is refused; whatever the CRM makes of this, it is no way around.
    let query = "SELECT ContactEmail a, COUNT(Id) n FROM Case GROUP BY Subject";
    let closed = shown(&world, &crm, query, group("anna@corp.example")).await;
    assert!(!closed.contains("anna"), "{closed}");
    let open = shown(&world, &crm, query, group("ben@corp.example")).await;
    assert!(open.contains("ben@corp.example"), "{open}");
}

/// A campaign member copies from a contact or from a lead, who may be known by id only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_of_a_lead_stay_closed_where_the_lead_does() {
    let (world, crm) = house("salesforce", &mild()).await;
    for (id, country) in [("00Q000000000001AAA", "DE"), ("00Q000000000002AAA", "US")] {
        crm.answers_nothing();
        let record = json!({ "CountryCode": country });
        let path = format!("{SF}/sobjects/Lead/{id}");
        let answer = send(&world, Method::PATCH, &path, &[], record).await;
        assert!(answer.status.is_success(), "{answer:?}");
        let member = json!([{ "attributes": { "type": "CampaignMember" }, "LeadId": id,
                              "ContactId": null, "Email": format!("lena@{country}.example") }]);
        let query = "SELECT LeadId, ContactId, Email FROM CampaignMember";
        let shown = shown(&world, &crm, query, member).await;
        assert_eq!(shown.contains("lena"), country == "US", "{shown}");
    }
}

/// In a row of groups, columns may be of several contacts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn columns_of_several_persons_are_not_one_person() {
    let (world, crm) = house("salesforce", &mild()).await;
    create(&world, &crm, ANNA, &contact("anna", Some("DE"))).await;
    create(&world, &crm, BEN, &contact("ben", Some("US"))).await;
    let row =
        |a: &str, b: &str| json!([{ "attributes": { "type": "AggregateResult" }, "a": a, "b": b }]);
    let query = "SELECT Email a, ReportsTo.MailingCountryCode b FROM Contact \
                 GROUP BY Title";
    let closed = shown(&world, &crm, query, row("anna@corp.example", "US")).await;
    assert!(!closed.contains("anna"), "her manager's country is not hers: {closed}");

    let query = "SELECT Email a, ReportsTo.Email b FROM Contact GROUP BY Title";
    let both = shown(&world, &crm, query, row("anna@corp.example", "ben@corp.example")).await;
    assert!(!both.contains("anna@") && both.contains("ben@corp.example"), "{both}");
    assert!(update(&world, &crm, BEN, &json!({ "Title": "Dr." })).await.status.is_success());
    assert_eq!(laws(&world), json!(["US"]), "they have not become one person");
}

/// An alias could say something else in the name of a field that decides.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_alias_speaks_for_a_field_that_decides() {
    let (world, crm) = house("salesforce", &mild()).await;
    create(&world, &crm, ANNA, &contact("anna", Some("DE"))).await;
    let before = crm.count();
    for query in [
        "SELECT Email, toLabel(OtherCountryCode) MailingCountryCode FROM Contact",
        "SELECT Id, (SELECT Email, toLabel(Salutation) MailingCountryCode FROM Contacts) FROM Account",
    ] {
        let path = format!("{SF}/query?q={}", query.replace(' ', "+"));
        let refused = world.get("support", &path).await;
        assert_eq!(refused.refusal(), Some("operator_unsupported"), "{refused:?}");
    }
    let query = "SELECT Email, toLabel(OtherCountryCode) Land FROM Contact";
    shown(&world, &crm, query, json!([])).await;
    assert_eq!(crm.count(), before + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_pipedrive_copies_and_remembers_stays_closed() {
    let (world, crm) = house("pipedrive", &mild()).await;
    for (id, name, country) in [(9, "Anna", "DE"), (8, "Ben", "US")] {
        crm.answers(201, &json!({ "success": true, "data": { "id": id, "name": name } }));
        let person = json!({ "name": name, "country_code": country });
        let answer = send(&world, Method::POST, &format!("{PD}/persons"), &[], person).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    }
    let deal = |id: u32, name: &str| json!({ "success": true, "data": { "id": 1, "person_id": id, "person_name": name } });
    let path = "/crm/v1/deals/1";
    let closed = read(&world, &crm, path, &deal(9, "Anna")).await.to_string();
    assert!(!closed.contains("Anna"), "{closed}");
    let open = read(&world, &crm, path, &deal(8, "Ben")).await.to_string();
    assert!(open.contains("Ben"), "{open}");

    let change = |name: &str| {
        json!({ "success": true, "data": [
            { "field_key": "name", "old_value": format!("{name}e"), "new_value": name },
        ] })
    };
    let closed = read(&world, &crm, "/crm/v1/persons/9/changelog", &change("Anna")).await;
    assert!(!closed.to_string().contains("Anna"), "{closed}");
    let open = read(&world, &crm, "/crm/v1/persons/8/changelog", &change("Ben")).await;
    assert!(open.to_string().contains("Bene"), "{open}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_of_a_property_stays_closed_too() {
    let (world, crm) = house("hubspot", &mild()).await;
    for (id, country) in [("151", "DE"), ("152", "US")] {
        crm.answers(201, &json!({ "id": id, "properties": {} }));
        let person = json!({ "properties": { "country_code": country } });
        send(&world, Method::POST, HS, &[], person).await;
    }
    let record = |id: &str| {
        json!({ "id": id, "properties": {}, "propertiesWithHistory": {
            "lastname": [{ "value": "Muster", "timestamp": "2026-01-01T00:00:00Z" }],
        } })
    };
    let path = |id: &str| format!("{HS}/{id}?propertiesWithHistory=lastname");
    let closed = read(&world, &crm, &path("151"), &record("151")).await.to_string();
    assert!(!closed.contains("Muster"), "{closed}");
    let open = read(&world, &crm, &path("152"), &record("152")).await.to_string();
    assert!(open.contains("Muster"), "{open}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_names_nobody_is_judged_and_what_tells_of_nobody_is_not() {
    let check = async |dialect: &str, judged: &[&str], free: &[&str]| {
        let (world, crm) = house(dialect, STRICT).await;
        for path in judged {
            let refused = world.get("support", path).await;
            assert_eq!(refused.refusal(), Some("transfer_refused"), "{path}: {refused:?}");
            let body = String::from_utf8_lossy(&refused.body).into_owned();
            assert!(body.contains("nowhere known"), "{body}");
        }
        assert_eq!(crm.count(), 0, "nothing was forwarded");
        for path in free {
            crm.answers(200, &json!({}));
            let passed = world.get("support", path).await;
            assert_eq!(passed.status, StatusCode::OK, "{path}: {passed:?}");
        }
    };
    let sf = |path: &str| format!("{SF}/{path}");
    let (query, more, info) = (
        sf("query?q=SELECT+Id+FROM+Contact"),
        sf("query/01g000000000001-2000"),
        sf("sobjects/Contact"),
    );
    let filtered = sf("query?q=SELECT+Id+FROM+Contact+WHERE+Title='x'");
    let (describe, all) = (sf("sobjects/Contact/describe"), sf("sobjects"));
    let user = "/crm/services/oauth2/userinfo";
    check("salesforce", &[&query, &more, &info, &filtered], &[&describe, &all, user]).await;
    let (fields, search, list, recents) = (
        format!("{PD}/personFields"),
        format!("{PD}/itemSearch?term=x&fields=title&item_types=deal&exact_match=true"),
        format!("{PD}/persons"),
        "/crm/v1/recents?since_timestamp=2026-01-01+00:00:00",
    );
    check("pipedrive", &[&search, &list, recents], &[&fields]).await;
    check("hubspot", &[HS], &["/crm/crm/v3/properties/contacts"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_named_in_a_filter_brings_their_law() {
    let (world, crm) = house("salesforce", &mild()).await;
    create(&world, &crm, ANNA, &contact("anna", Some("DE"))).await;
    for filter in [format!("Id='{ANNA}'"), format!("Id+IN+('{BEN}','{}')", &ANNA[..15])] {
        let path = format!("{SF}/query?q=SELECT+Title+FROM+Contact+WHERE+{filter}");
        read(&world, &crm, &path, &json!({ "totalSize": 0, "done": true, "records": [] })).await;
        assert_eq!(laws(&world), json!(["DE"]), "{filter}");
    }

    let (world, crm) = house("hubspot", &mild()).await;
    crm.answers(201, &json!({ "id": "151", "properties": {} }));
    let german = json!({ "properties": { "country_code": "DE" } });
    send(&world, Method::POST, HS, &[], german).await;
    for filter in [
        json!({ "propertyName": "hs_object_id", "operator": "EQ", "value": "151" }),
        json!({ "propertyName": "hs_object_id", "operator": "IN", "values": ["7", "151"] }),
    ] {
        crm.answers(200, &json!({ "total": 0, "results": [] }));
        let search = json!({ "filterGroups": [{ "filters": [filter] }] });
        let found = send(&world, Method::POST, &format!("{HS}/search"), &[], search).await;
        assert_eq!(found.status, StatusCode::OK, "{found:?}");
        assert_eq!(laws(&world), json!(["DE"]), "{filter}");
    }

    let (world, crm) = house("pipedrive", &mild()).await;
    for (id, country) in [(9, "DE"), (8, "FR")] {
        let data = json!({ "success": true, "data": { "id": id } });
        crm.answers(200, &data);
        let country = json!({ "country_code": country });
        send(&world, Method::PATCH, &format!("{PD}/persons/{id}"), &[], country).await;
    }
    let nobody = json!({ "success": true, "data": [] });
    read(&world, &crm, &format!("{PD}/persons?ids=7,9"), &nobody).await;
    assert_eq!(laws(&world), json!(["DE"]), "ids in the query");
    // Whichever of the two is left.
    for (id, left) in [(9, 9), (7, 9)] {
        let left = json!({ "success": true, "data": { "id": left } });
        crm.answers(200, &left);
        let path = format!("/crm/v1/persons/{id}/merge");
        send(&world, Method::PUT, &path, &[], json!({ "merge_with_id": 8 })).await;
        let expected = if id == 9 { json!(["DE"]) } else { json!(["US"]) };
        assert_eq!(laws(&world), expected, "the path names the record");
        for id in [id, 8, 9] {
            read(&world, &crm, &format!("{PD}/persons/{id}"), &left).await;
            assert_eq!(laws(&world), json!(["DE", "FR"]), "what was merged is one person");
        }
    }
}

/// The policy of the upstream that a request is routed to protects more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_routed_request_is_protected_by_the_policy_of_where_it_goes() {
    let canned = Canned::start().await;
    let (upstream, policy) = canned.upstream("salesforce");
    let world = World::start(Options {
        // The policy of `/sf` passes titles, and that of `crm` does not.
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
        ..Options::default()
    })
    .await;
    canned.answers(201, &made(ANNA));
    let headers = [("zollhaus-authorization", "crm Bearer 00Dxx0000001gPL!crm")];
    let path = "/sf/services/data/v62.0/sobjects/Contact";
    let body = json!({ "LastName": "Muster", "Title": "Privatdozent" });
    let answer = send(&world, Method::POST, path, &headers, body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let (target, sent) = canned.last();
    assert!(target.ends_with("/sobjects/Contact"), "{target}");
    assert!(!sent.contains("Privatdozent") && !sent.contains("Muster"), "{sent}");
    assert_eq!(world.crm.request_count(), 0);
    let entries = world.entries();
    assert!(entries.iter().any(|entry| entry["upstream"] == "crm"), "{entries:?}");

    // A purpose that is known here only would be none of those that rules there speak of.
    let [credential] = headers;
    let headers = [credential, ("zollhaus-purpose", "email_marketing")];
    let refused = send(&world, Method::POST, path, &headers, json!({ "LastName": "x" })).await;
    assert_eq!(refused.refusal(), Some("purpose_missing"), "{refused:?}");
    assert_eq!(canned.count(), 1);
}

/// What nobody looked into passes where an upstream observes, and nowhere else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_inspected_is_not_routed_to_an_upstream_that_enforces() {
    let canned = Canned::start().await;
    let (upstream, policy) = canned.upstream("salesforce");
    let world = World::start(Options {
        salesforce_policy: Some(|policy| {
            policy.replacen("version: 1", "version: 1\nborder: [house.yaml]", 1)
        }),
        upstreams: upstream.replace("region: US", "region: FR"),
        further_policy: policy,
        house_rules: "version: 1
law: house
applies_to: anyone
otherwise: allow
jurisdiction:
  - { name: rest, otherwise: FR }
transfers:
  - { name: home, from: FR, to: US, action: route, upstream: crm }
",
        observe: true,
        ..Options::default()
    })
    .await;
    canned.answers(200, &json!({}));
    let headers = [("zollhaus-authorization", "crm Bearer 00Dxx0000001gPL!crm")];
    let path = "/sf/services/data/v62.0/jobs/unknown";
    let body = json!({ "LastName": "Muster" });
    let refused = send(&world, Method::POST, path, &headers, body).await;
    assert_eq!(refused.refusal(), Some("transfer_refused"), "{refused:?}");
    assert_eq!(canned.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purpose_that_no_policy_names_is_neither_taken_nor_logged() {
    let (world, crm) = house("salesforce", &mild()).await;
    crm.answers(201, &made(ANNA));
    let path = format!("{SF}/sobjects/Contact");
    let odd = [("zollhaus-purpose", "max-muster")];
    let refused = send(&world, Method::POST, &path, &odd, contact("anna", None)).await;
    assert_eq!(refused.refusal(), Some("purpose_missing"), "{refused:?}");
    assert_eq!(crm.count(), 0);
    let log = String::from_utf8_lossy(&world.log()).into_owned();
    let metrics = String::from_utf8_lossy(&world.admin("/metrics").await.body).into_owned();
    let entries = format!("{:?}", world.entries());
    assert!(entries.contains("purpose_missing"), "{entries}");
    for (name, text) in [("log", log), ("metrics", metrics), ("transfer log", entries)] {
        assert!(!text.contains("max-muster"), "it stands in the {name}: {text}");
    }
    let taken = send(&world, Method::POST, &path, &NEWSLETTER, contact("anna", None)).await;
    assert_eq!(taken.status, StatusCode::CREATED, "{taken:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_that_needs_a_purpose_needs_it_unprotected_too() {
    let rule =
        "consent:\n  - { name: why, fields: [Contact.Title], needs: purpose, without: refuse }";
    let (world, crm) = house("salesforce", &mild().replacen("consent:", rule, 1)).await;
    create(&world, &crm, ANNA, &contact("anna", None)).await;
    let refused = update(&world, &crm, ANNA, &json!({ "Title": "Dr." })).await;
    assert_eq!(refused.refusal(), Some("purpose_missing"), "{refused:?}");
    assert!(may_mail(&world, &crm, ANNA).await, "the newsletter is a purpose");
}

/// A list of countries, and two records without ids about one person.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_several_countries_counts() {
    let (world, crm) = house("pipedrive", &mild()).await;
    let both = json!({ "country_code": ["US", "DE"] });
    crm.answers(200, &json!({ "success": true, "data": { "id": 9 } }));
    let answer = send(&world, Method::PATCH, &format!("{PD}/persons/9"), &[], both).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(laws(&world), json!(["DE", "US"]));

    let canned = Canned::start().await;
    let (upstream, _) = canned.upstream("generic");
    let routes = "    routes:
      GET /people: { response: { person: { email: \"$[*].email\", country: \"$[*].country\" } } }
      GET /people/{email}: { path: { email: person.email } }
";
    let options = Options {
        upstreams: upstream + routes,
        further_policy: PERSON,
        house_rules: String::leak(mild().replace(COUNTRIES, "person.country")),
        ..Options::default()
    };
    let world = World::start(options).await;
    let anna = |country: &str| json!({ "email": "anna@corp.example", "country": country });
    let closed =
        read(&world, &canned, "/crm/people", &json!([anna("DE"), anna("FR"), anna("US")])).await;
    assert!(!closed[0].to_string().contains("anna"), "{closed}");
    read(&world, &canned, "/crm/people/anna@corp.example", &json!({})).await;
    assert_eq!(laws(&world), json!(["DE", "FR", "US"]));
}

/// `$..email` selects whoever stands in an answer, and all are taken for one record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_about_several_makes_nobody_another() {
    let canned = Canned::start().await;
    let (upstream, _) = canned.upstream("generic");
    let routes = "    routes:
      GET /people: { response: { person: { email: \"$..email\", country: \"$..country\" } } }
      GET /people/{email}: { path: { email: person.email } }
";
    let options = Options {
        upstreams: upstream + routes,
        further_policy: PERSON,
        house_rules: String::leak(mild().replace(COUNTRIES, "person.country")),
        ..Options::default()
    };
    let world = World::start(options).await;
    let person = |name: &str| json!({ "email": format!("{name}@corp.example") });
    let mut page = json!({ "me": person("me"), "results": [person("anna"), person("ben")] });
    read(&world, &canned, "/crm/people", &page).await;
    page = json!([{ "email": "anna@corp.example", "country": "DE" }]);
    read(&world, &canned, "/crm/people", &page).await;
    for (name, law) in [("anna", "DE"), ("ben", "US"), ("me", "US")] {
        let path = format!("/crm/people/{name}@corp.example");
        read(&world, &canned, &path, &json!({})).await;
        assert_eq!(laws(&world), json!([law]), "{name}");
    }
}

/// An answer that only selectors tell of, by a route that has no object.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_that_tells_of_persons_is_judged() {
    let canned = Canned::start().await;
    let (upstream, _) = canned.upstream("generic");
    let routes = "    routes:
      GET /people: { response: { person: { email: \"$[*].email\" } } }
      GET /health: {}
";
    let options = Options {
        upstreams: upstream + routes,
        further_policy: PERSON,
        house_rules: String::leak(STRICT.replace(COUNTRIES, "person.country")),
        ..Options::default()
    };
    let world = World::start(options).await;
    canned.answers(200, &json!([]));
    let refused = world.get("support", "/crm/people").await;
    assert_eq!(refused.refusal(), Some("transfer_refused"), "{refused:?}");
    assert_eq!(world.get("support", "/crm/health").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_country_tells_no_country() {
    let (world, crm) = house("salesforce", &mild()).await;
    create(&world, &crm, ANNA, &contact("anna", Some("FR"))).await;
    let sent = crm.count();
    for odd in ["Germany", "EU", "D", "XX", "DE,FR", "0"] {
        let record = json!({ "MailingCountryCode": odd });
        let refused = update(&world, &crm, ANNA, &record).await;
        assert_eq!(refused.refusal(), Some("transfer_refused"), "{odd}: {refused:?}");
        let message = refused.json()[0]["message"].to_string();
        assert!(message.contains("nowhere known") && !message.contains(odd), "{message}");
    }
    assert_eq!(crm.count(), sent, "nothing was forwarded");
    // Nor is it learned from an answer, and what such a record holds is closed.
    let odd = json!({ "attributes": { "type": "Contact" }, "Id": ANNA, "LastName": "Anna",
                      "MailingCountryCode": "Germany" });
    let read = read(&world, &crm, &format!("{SF}/sobjects/Contact/{ANNA}"), &odd).await;
    assert!(!read.to_string().contains("Anna"), "{read}");
    assert!(update(&world, &crm, ANNA, &json!({ "Title": "x" })).await.status.is_success());
    assert_eq!(laws(&world), json!(["FR"]));
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
