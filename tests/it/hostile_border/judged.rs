// SPDX-License-Identifier: Apache-2.0
//! Which requests are judged, by whose law, and by whose policy.

use http::{Method, StatusCode};
use serde_json::json;

use super::{
    ANNA, BEN, HS, NEWSLETTER, PD, SF, STRICT, api, contact, create, detour, house, laws, made,
    may_mail, mild, read, send, update,
};

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
    let me = format!("{PD}/users/me");
    check("pipedrive", &[&search, &list, recents], &[&fields, &me]).await;
    check("hubspot", &[HS], &["/crm/crm/v3/properties/contacts"]).await;
}

/// That somebody harmless is named says nothing of the others that are found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_be_found_beside_those_that_are_named_is_judged_too() {
    let (world, crm) = house("salesforce", STRICT).await;
    create(&world, &crm, ANNA, &contact("anna", Some("US"))).await;
    let mail = "Email='anna@corp.example'";
    let nothing = json!({ "totalSize": 0, "done": true, "records": [] });
    let path = |filter: &str| {
        let query = format!("SELECT Title FROM Contact WHERE {filter}").replace(' ', "+");
        format!("{SF}/query?q={query}")
    };
    for filter in [
        format!("Id='{ANNA}' AND Title!='x'"),
        format!("Id='{ANNA}' OR Title='x'"),
        format!("Id!='{ANNA}'"),
        "Email!='anna@corp.example'".to_owned(),
        format!("(NOT {mail})"),
        format!("Id NOT IN ('{ANNA}')"),
        format!("Id IN ('{ANNA}','{BEN}')"),
        "Email IN ('anna@corp.example','ben@corp.example')".to_owned(),
        "ReportsTo.Email='anna@corp.example'".to_owned(),
        format!("Id IN (SELECT Id FROM Contact WHERE {mail})"),
    ] {
        let refused = world.get("support", &path(&filter)).await;
        assert_eq!(refused.refusal(), Some("transfer_refused"), "{filter}: {refused:?}");
    }
    for filter in [
        format!("Id='{ANNA}' AND Title='x'"),
        format!("{mail} AND Id IN ('{ANNA}','{BEN}')"),
        format!("({mail}) AND Title LIKE 'x%25'"),
    ] {
        read(&world, &crm, &path(&filter), &nothing).await;
        assert_eq!(laws(&world), json!(["US"]), "{filter}");
    }
}

/// A part of a batch that names nobody has no record of its own, by which it could be taken
/// out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_a_batch_that_names_nobody_keeps_all_back() {
    let (world, crm) = house("dynamics", STRICT).await;
    let part = |line: &str, content: &str| {
        format!("--b\r\nContent-Type: application/http\r\n\r\n{line} HTTP/1.1\r\n{content}\r\n")
    };
    let create = part(
        "POST contacts",
        "Content-Type: application/json\r\n\r\n{\"lastname\":\"anna\",\"address1_country\":\"US\"}",
    );
    let batch = async |parts: String| {
        let headers = [
            ("content-type", "multipart/mixed; boundary=b"),
            ("prefer", "odata.continue-on-error"),
        ];
        let path = "/crm/api/data/v9.2/$batch";
        send(&world, Method::POST, path, &headers, format!("{parts}--b--\r\n")).await
    };
    let refused = batch(format!("{create}{}", part("GET contacts?$top=1", ""))).await;
    assert_eq!(crm.count(), 0, "nothing was forwarded");
    assert_eq!(refused.refusal(), Some("transfer_refused"), "{refused:?}");
    // One that names somebody goes, the other is taken out.
    crm.answers(200, &json!({}));
    batch(format!("{create}{}", create.replace("US", "CH"))).await;
    let (_, sent) = crm.last();
    assert!(sent.contains("US") && !sent.contains("CH"), "{sent}");
}

/// What a part of a request says of a record holds for those that go on with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_about_a_record_of_another_part_is_judged_by_its_law() {
    let (world, crm) = house("salesforce", &mild()).await;
    let data = SF.strip_prefix("/crm").expect("a prefix");
    let parts = json!([
        { "method": "POST", "url": format!("{data}/sobjects/Contact"), "referenceId": "a",
          "body": contact("anna", Some("DE")) },
        { "method": "PATCH", "url": format!("{data}/sobjects/Contact/@{{a.id}}"), "referenceId": "b",
          "body": { "Title": "Dr.", "Account": { "Ext__c": "1" } } },
        { "method": "GET", "url": format!("{data}/sobjects/Contact/@{{a.id}}?fields=Title"),
          "referenceId": "c" },
    ]);
    let result = |reference: &str, status: u16, body: serde_json::Value| json!({ "referenceId": reference, "httpStatusCode": status, "httpHeaders": {}, "body": body });
    crm.answers(
        200,
        &json!({ "compositeResponse": [
            result("a", 201, made(ANNA)), result("b", 204, json!(null)),
            result("c", 200, json!({ "attributes": { "type": "Contact" }, "Id": ANNA, "Title": "Dr." })),
        ]}),
    );
    let request = json!({ "compositeRequest": parts });
    let sent = send(&world, Method::POST, &format!("{SF}/composite"), &[], &request).await;
    assert_eq!(sent.status, StatusCode::OK, "{sent:?}");
    let told = sent.json();
    let title = &told["compositeResponse"][2]["body"]["Title"];
    assert_eq!(title, "Dr.", "{told}");
    let entries = world.entries();
    let transfer = entries.iter().rfind(|entry| entry["kind"] == "transfer").expect("a transfer");
    let grounds = transfer["grounds"].as_array().expect("a list");
    let laws: Vec<_> = grounds.iter().map(|ground| ground["jurisdictions"].clone()).collect();
    // Of the account nothing is known.
    assert_eq!(laws, [json!(["DE"]), json!(["US"])], "{transfer}");
    let fields = transfer["fields"].as_array().expect("a list");
    let ground = |name: &str| {
        let field = fields.iter().find(|field| field["field"] == name).expect("a field");
        field["ground"].clone()
    };
    assert_eq!((ground("title"), ground("ext__c")), (json!(0), json!(1)), "{transfer}");

    // A part that may not go takes the record along of which it is.
    let swiss = json!({ "MailingCountryCode": "CH" });
    let mut moved = request.clone();
    moved["compositeRequest"][1]["body"] = swiss;
    let refused = send(&world, Method::POST, &format!("{SF}/composite"), &[], &moved).await.json();
    let list = refused["compositeResponse"].as_array().expect("a list");
    assert!(list.iter().all(|part| part["httpStatusCode"] == 403), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_named_in_a_filter_brings_their_law() {
    let (world, crm) = house("salesforce", &mild()).await;
    create(&world, &crm, ANNA, &contact("anna", Some("DE"))).await;
    let list = format!("Id+IN+('{BEN}','{}')", &ANNA[..15]);
    // Of the other one in the list nothing is known.
    for (filter, expected) in [(format!("Id='{ANNA}'"), json!(["DE"])), (list, json!(["DE", "US"]))]
    {
        let path = format!("{SF}/query?q=SELECT+Title+FROM+Contact+WHERE+{filter}");
        read(&world, &crm, &path, &json!({ "totalSize": 0, "done": true, "records": [] })).await;
        assert_eq!(laws(&world), expected, "{filter}");
    }

    let (world, crm) = house("hubspot", &mild()).await;
    crm.answers(201, &json!({ "id": "151", "properties": {} }));
    let german = json!({ "properties": { "country_code": "DE" } });
    send(&world, Method::POST, HS, &[], german).await;
    let id = |operator: &str, name: &str, value: serde_json::Value| json!({ "propertyName": "hs_object_id", "operator": operator, name: value });
    for (filter, expected) in [
        (id("EQ", "value", json!("151")), json!(["DE"])),
        (id("IN", "values", json!(["7", "151"])), json!(["DE", "US"])),
    ] {
        crm.answers(200, &json!({ "total": 0, "results": [] }));
        let search = json!({ "filterGroups": [{ "filters": [filter] }] });
        let path = format!("{HS}/search");
        let found = send(&world, Method::POST, &path, &[], search.clone()).await;
        assert_eq!(found.status, StatusCode::OK, "{found:?}");
        assert_eq!(laws(&world), expected, "{search}");
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
    assert_eq!(laws(&world), json!(["DE", "US"]), "ids in the query, of which one is not known");
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
    let (world, canned) = detour(false).await;
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
    let (world, canned) = detour(true).await;
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

/// An answer that only selectors tell of, by a route that has no object.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_that_tells_of_persons_is_judged() {
    let routes = "
      GET /people: { response: { person: { email: \"$[*].email\" } } }
      GET /health: {}
";
    let (world, canned) = api(routes, STRICT).await;
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
