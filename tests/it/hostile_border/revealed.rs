// SPDX-License-Identifier: Apache-2.0
//! What stays closed where the values of a person do.

use http::{Method, StatusCode};
use serde_json::json;

use super::{ANNA, BEN, HS, PD, SF, contact, create, house, laws, mild, read, send, shown, update};

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
