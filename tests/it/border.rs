// SPDX-License-Identifier: Apache-2.0
//! Whose law covers a record, where it may go, for what, and from where it is seen.

use std::io::Write as _;
use std::process::Stdio;

use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::world::{Answer, Options, World, zollhaus};

const SF: &str = "/sf/services/data/v62.0";

/// A house of which the CRM is in the US. Records without a country are German.
const HOUSE: &str = "version: 1
law: house
applies_to: anyone
otherwise: refuse
bases:
  clauses: { kind: scc, reference: SCC-2026-014, until: 2099-12-31 }
  ended: { kind: scc, reference: SCC-2020-001, until: 2020-12-31 }
jurisdiction:
  - { name: country, code_in: [Contact.MailingCountryCode] }
  - { name: learned, is: known }
  - { name: rest, otherwise: DE }
transfers:
  - { name: no-transfer-of-swiss, from: CH, to: US, action: refuse }
  - { name: home, from: FR, to: US, action: route, upstream: europe }
  - { name: home-is-here, from: FR, to: FR, action: allow }
  - { name: kept, from: IT, to: US, action: keep_local }
  - { name: kept-at-home, from: ES, to: US, action: keep_local }
  - { name: old-contract, from: AU, to: US, action: allow, basis: ended }
  - { name: clauses, from: [DE, AT], to: US, action: allow, basis: clauses, require: protected }
consent:
  - { name: say-why, operations: [query], needs: purpose, permitted: [crm], without: refuse }
  - { name: mailing, purposes: [email_marketing], needs: no_objection, without: refuse }
  - { name: marketing, purposes: [newsletter], needs: no_objection, without: refuse }
reveal:
  - { name: austrians-at-home, of: AT, to: [AT, DE] }
";

const EUROPE: &str = "  europe:
    dialect: salesforce
    url: {crm}
    region: FR
    match: { path_prefix: /eu }
    policy: policies/salesforce.yaml
";

pub async fn world() -> World {
    World::start(options()).await
}

pub fn options() -> Options {
    Options {
        house_rules: HOUSE,
        salesforce_policy: Some(|policy| {
            let street = "MailingStreet:     { category: address, protect: encrypt";
            let searchable = format!("{street}, search: [exact]");
            let policy = policy.replacen("version: 1", "version: 1\nborder: [house.yaml]", 1);
            let policy = policy.replacen(street, &searchable, 1);
            policy.replacen("HasOptedOutOfEmail", "OptedOut__c", 1)
        }),
        upstreams: EUROPE.to_owned(),
        ..Options::default()
    }
}

fn contact(name: &str, country: Option<&str>) -> Value {
    let mut contact = json!({
        "attributes": { "type": "Contact" },
        "LastName": name,
        "Email": format!("{name}@example.org"),
    });
    if let Some(country) = country {
        contact["MailingCountryCode"] = country.into();
    }
    contact
}

async fn create(world: &World, contact: &Value) -> Answer {
    world.post("support", &format!("{SF}/sobjects/Contact"), contact.to_string()).await
}

async fn with_header(world: &World, header: (&str, &str), contact: &Value) -> Answer {
    let request = Request::post(format!("http://{}{SF}/sobjects/Contact", world.address()))
        .header("zollhaus-key", world.key("support"))
        .header("authorization", "Bearer 00Dxx0000001gPL!session")
        .header("content-type", "application/json")
        .header(header.0, header.1)
        .body(Full::from(contact.to_string()))
        .expect("a sound request");
    world.send_request(request).await.expect("an answer")
}

async fn query(world: &World, soql: &str, with_purpose: bool) -> Answer {
    let soql = soql.replace(' ', "+");
    let mut request = Request::get(format!("http://{}{SF}/query?q={soql}", world.address()))
        .header("zollhaus-key", world.key("support"))
        .header("authorization", "Bearer 00Dxx0000001gPL!session");
    if with_purpose {
        request = request.header("zollhaus-purpose", "crm");
    }
    let request = request.body(Full::default()).expect("a sound request");
    world.send_request(request).await.expect("an answer")
}

fn of_kind<'e>(entries: &'e [Value], kind: &str) -> Vec<&'e Value> {
    entries.iter().filter(|entry| entry["kind"] == kind).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_has_its_ground_or_does_not_happen() {
    let mut world = world().await;
    let made = create(&world, &contact("anna", None)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let entries = world.entries();
    let transfer = of_kind(&entries, "transfer")[0];
    let ground = &transfer["grounds"][0];
    assert_eq!(ground["jurisdictions"], json!(["DE"]));
    assert_eq!(ground["rules"], json!(["house/clauses"]));
    assert_eq!(ground["bases"][0]["reference"], "SCC-2026-014");
    assert!(
        transfer["fields"].as_array().expect("fields").iter().all(|field| field["ground"] == 0)
    );
    assert!(!transfer["subjects"].as_array().expect("subjects").is_empty());
    // The answer tells the id of the record that was made.
    assert_eq!(of_kind(&entries, "outcome")[0]["subjects"].as_array().map(Vec::len), Some(1));

    for (country, rule, because) in [
        ("CH", "house/no-transfer-of-swiss", "the rule says so"),
        ("AU", "house/old-contract", "ended on 2020-12-31"),
        ("BR", "house/otherwise", "no rule of the law covers it"),
    ] {
        let refused = create(&world, &contact("beat", Some(country))).await;
        assert_eq!(refused.refusal(), Some("transfer_refused"), "{country}: {refused:?}");
        let message = refused.json()[0]["message"].to_string();
        assert!(message.contains(because) && message.contains(country), "{message}");
        let entries = world.entries();
        let refused = *of_kind(&entries, "refused").last().expect("it is in the log");
        assert_eq!(refused["rules"], json!([rule]), "{refused}");
    }
    assert_eq!(world.crm.request_count(), 1, "what is refused does not leave");

    let metrics = String::from_utf8(world.admin("/metrics").await.body.to_vec()).expect("text");
    // The end of 2020-12-31.
    let ended =
        r#"transfer_basis_end_time_seconds{basis="ended",upstream="salesforce"} 1609459200"#;
    assert!(metrics.contains(ended), "{metrics}");
    world.verify_log();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_learned_of_a_person_decides_about_later_requests() {
    let world = world().await;
    let austrian = contact("paul", Some("AT"));
    let made = create(&world, &austrian).await;
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    let path = format!("{SF}/sobjects/Contact/{id}");

    // The request says nothing of a country: the record is known by its id.
    let changed = world.send("support", http::Method::PATCH, &path, r#"{"Title":"Dr."}"#).await;
    assert!(changed.status.is_success(), "{changed:?}");
    let entries = world.entries();
    let transfer = *of_kind(&entries, "transfer").last().expect("a transfer");
    assert_eq!(transfer["grounds"][0]["jurisdictions"], json!(["AT"]), "{transfer}");

    // Nor does a search: the person is known by the address that is looked for.
    let found = query(&world, "SELECT Id FROM Contact WHERE Email='PAUL@example.org'", true).await;
    assert_eq!(found.json()["totalSize"], 1, "{found:?}");
    let entries = world.entries();
    let transfer = *of_kind(&entries, "transfer").last().expect("a transfer");
    assert_eq!(transfer["grounds"][0]["jurisdictions"], json!(["AT"]), "{transfer}");

    // The caller is nowhere: what belongs to Austrians stays closed, the rest opens.
    let read = world.get("support", &path).await.json();
    assert!(read["LastName"].as_str().expect("a name").starts_with("zht"), "{read}");
    let german = create(&world, &contact("gerd", None)).await;
    let id = german.json()["id"].as_str().expect("an id").to_owned();
    let read = world.get("support", &format!("{SF}/sobjects/Contact/{id}")).await.json();
    assert_eq!(read["LastName"], "gerd");
    let entries = world.entries();
    let outcome = *of_kind(&entries, "outcome").last().expect("an outcome");
    assert!(!outcome["subjects"].as_array().expect("subjects").is_empty(), "{outcome}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_batch_only_what_may_travel_does() {
    let world = world().await;
    let records = [contact("anna", None), contact("beat", Some("CH")), contact("cora", None)];
    let batch =
        |all_or_none: bool| json!({ "allOrNone": all_or_none, "records": records }).to_string();
    let path = format!("{SF}/composite/sobjects");

    let refused = world.post("support", &path, batch(true)).await;
    assert_eq!(refused.refusal(), Some("transfer_refused"), "{refused:?}");
    assert_eq!(world.crm.request_count(), 0);

    let answer = world.post("support", &path, batch(false)).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let results = answer.json();
    let success: Vec<&Value> =
        results.as_array().expect("a list").iter().map(|result| &result["success"]).collect();
    assert_eq!(success, [true, false, true]);
    assert!(results[1]["errors"][0]["message"].to_string().contains("house/no-transfer-of-swiss"));
    let stored = world.crm.stored();
    assert_eq!(stored.len(), 2);
    let sent = world.crm.requests();
    let body = String::from_utf8_lossy(&sent[0].body).into_owned();
    assert!(!body.contains("CH") && !body.contains("beat"), "{body}");

    let entries = world.entries();
    let (transfer, refused) = (
        *of_kind(&entries, "transfer").last().expect("a transfer"),
        *of_kind(&entries, "refused").last().expect("a refusal"),
    );
    assert_eq!((&transfer["id"], &refused["records"]), (&refused["id"], &json!(1)));
    assert_eq!(transfer["grounds"].as_array().expect("grounds").len(), 1, "{transfer}");

    let swiss = json!({ "records": [contact("beat", Some("CH"))] }).to_string();
    let answer = world.post("support", &path, swiss).await;
    assert_eq!(answer.json()[0]["success"], false, "{answer:?}");
    assert_eq!(answer.refusal(), Some("transfer_refused"));
    assert_eq!(world.crm.request_count(), 1, "there was nothing to forward");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_goes_to_the_upstream_of_its_region_with_its_own_credential() {
    let world = world().await;
    let french = contact("jeanne", Some("FR"));
    let refused = create(&world, &french).await;
    assert_eq!(refused.refusal(), Some("transfer_refused"), "{refused:?}");
    assert!(refused.json()[0]["message"].to_string().contains("Zollhaus-Authorization: europe"));

    let request = Request::post(format!("http://{}{SF}/sobjects/Contact", world.address()))
        .header("zollhaus-key", world.key("support"))
        .header("authorization", "Bearer 00Dxx0000001gPL!session")
        .header("x-sfdc-session", "00Dxx0000001gPL!session")
        .header("zollhaus-authorization", "europe Bearer 00Dxx0000001gPL!europe")
        .header("content-type", "application/json")
        .body(Full::from(french.to_string()))
        .expect("a sound request");
    let made = world.send_request(request).await.expect("an answer");
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let sent = world.crm.requests();
    assert_eq!(sent[0].headers["authorization"], "Bearer 00Dxx0000001gPL!europe");
    assert!(!sent[0].headers.contains_key("zollhaus-authorization"));
    assert!(!sent[0].headers.contains_key("x-sfdc-session"));
    let entries = world.entries();
    let transfer = of_kind(&entries, "transfer")[0];
    assert_eq!((&transfer["upstream"], &transfer["region"]), (&json!("europe"), &json!("FR")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_names_nobody_needs_a_purpose_too() {
    let world = world().await;
    let soql = "SELECT Id FROM Contact";
    let refused = query(&world, soql, false).await;
    assert_eq!(refused.refusal(), Some("purpose_missing"), "{refused:?}");
    assert_eq!(query(&world, soql, true).await.status, StatusCode::OK);
    assert_eq!(world.crm.request_count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_local_leaves_as_a_token_only_and_is_not_compared() {
    let world = world().await;
    let mut italian = contact("carla", Some("IT"));
    italian["Description"] = "loves opera".into();
    assert_eq!(create(&world, &italian).await.status, StatusCode::CREATED);
    let stored = world.crm.stored();
    let description = &stored[0].fields["Description"];
    assert!(description.as_str().expect("text").starts_with("zht"), "{description}");
    let mut german = contact("gerd", None);
    german["Description"] = "loves opera".into();
    assert_eq!(create(&world, &german).await.status, StatusCode::CREATED);
    let description = &world.crm.stored()[1].fields["Description"];
    assert!(description.as_str().expect("text").starts_with("zhe"), "{description}");

    // The vault is in Italy.
    let refused = create(&world, &contact("sol", Some("ES"))).await;
    assert_eq!(refused.refusal(), Some("transfer_refused"), "{refused:?}");
    assert!(refused.json()[0]["message"].to_string().contains("vault.region"), "{refused:?}");

    // Some are tokens and some are sealed: no comparison finds both.
    let soql = "SELECT Id FROM Contact WHERE MailingStreet = 'x'";
    let refused = query(&world, soql, true).await;
    assert_eq!(refused.refusal(), Some("operator_unsupported"), "{refused:?}");
    assert!(refused.json()[0]["message"].to_string().contains("depends on the record"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opt_out_in_the_crm_is_a_withdrawal() {
    let world = world().await;
    let newsletter = ("zollhaus-purpose", "email_marketing");
    let mut anna = contact("anna", None);
    assert_eq!(with_header(&world, newsletter, &anna).await.status, StatusCode::CREATED);
    anna["OptedOut__c"] = true.into();
    let refused = with_header(&world, newsletter, &anna).await;
    assert_eq!(refused.refusal(), Some("consent_missing"), "it counts at once: {refused:?}");

    // What the CRM does not take is not learned.
    let collection = |record: &Value| json!({ "records": [record] }).to_string();
    let path = format!("{SF}/composite/sobjects");
    let mut broken = anna.clone();
    broken.as_object_mut().expect("an object").remove("LastName");
    let answer = world.post("support", &path, collection(&broken)).await;
    assert_eq!(answer.json()[0]["success"], false, "{answer:?}");
    anna.as_object_mut().expect("an object").remove("OptedOut__c");
    assert_eq!(with_header(&world, newsletter, &anna).await.status, StatusCode::CREATED);

    anna["OptedOut__c"] = true.into();
    assert_eq!(create(&world, &anna).await.status, StatusCode::CREATED, "for no purpose");
    anna.as_object_mut().expect("an object").remove("OptedOut__c");
    let refused = with_header(&world, newsletter, &anna).await;
    assert_eq!(refused.refusal(), Some("consent_missing"), "it is remembered: {refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_takes_effect_on_the_next_request() {
    let world = world().await;
    let newsletter = ("zollhaus-purpose", "newsletter");
    let anna = contact("anna", None);
    let sent = with_header(&world, newsletter, &anna).await;
    assert_eq!(sent.status, StatusCode::CREATED, "{sent:?}");
    assert_eq!(of_kind(&world.entries(), "transfer")[0]["purpose"], "newsletter");

    let mut withdraw = zollhaus()
        .args(["consent", "withdraw", "newsletter", "--category", "email", "--source", "phone:7"])
        .arg("--config")
        .arg(world.folder.join("zollhaus.yaml"))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut stdin = withdraw.stdin.take().expect("it is piped");
    stdin.write_all(b"Anna@example.org\n").expect("it reads");
    drop(stdin);
    let done = withdraw.wait_with_output().expect("it ends");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

    let refused = with_header(&world, newsletter, &anna).await;
    assert_eq!(refused.refusal(), Some("consent_missing"), "{refused:?}");
    assert_eq!(create(&world, &anna).await.status, StatusCode::CREATED, "for other purposes");
    let odd = with_header(&world, ("zollhaus-purpose", "news letter"), &anna).await;
    assert_eq!(odd.refusal(), Some("purpose_missing"), "{odd:?}");
}
