// SPDX-License-Identifier: Apache-2.0
//! What is remembered of whom, and what is not.

use http::{Method, StatusCode};
use serde_json::json;

use super::{
    ANNA, BEN, HS, PD, SF, api, contact, create, house, laws, may_mail, mild, read, send, update,
    withdraw,
};

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

/// A list of countries, and two records without ids about one person.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_several_countries_counts() {
    let (world, crm) = house("pipedrive", &mild()).await;
    let both = json!({ "country_code": ["US", "DE"] });
    crm.answers(200, &json!({ "success": true, "data": { "id": 9 } }));
    let answer = send(&world, Method::PATCH, &format!("{PD}/persons/9"), &[], both).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(laws(&world), json!(["DE", "US"]));

    let routes = "
      GET /people: { response: { person: { email: \"$[*].email\", country: \"$[*].country\" } } }
      GET /people/{email}: { path: { email: person.email } }
";
    let (world, canned) = api(routes, &mild()).await;
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
    let routes = "
      GET /people: { response: { person: { email: \"$..email\", country: \"$..country\" } } }
      GET /people/{email}: { path: { email: person.email } }
";
    let (world, canned) = api(routes, &mild()).await;
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
