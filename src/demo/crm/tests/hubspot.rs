// SPDX-License-Identifier: Apache-2.0

use super::*;

const CONTACTS: &str = "/crm/v3/objects/contacts";

async fn contact(fixture: &Fixture, properties: Value) -> String {
    let body = json!({ "properties": properties });
    let (status, body) = fixture.call("POST", CONTACTS, body).await;
    assert_eq!(status, 201, "{body}");
    body["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_contact_lives() {
    let fixture = Fixture::new().await;
    let properties = json!({
        "email": "Anna@Example.com",
        "firstname": "Anna",
        "lastname": "Müller",
        "phone": "+49 30 23125 014",
    });
    let authorised = [("authorization", "Bearer x")];
    let body = json!({ "properties": properties });
    let reply = fixture.send("POST", CONTACTS, &authorised, body).await.unwrap();
    let id = json_of(&reply)["id"].as_str().unwrap().to_owned();
    let location = format!("{}{CONTACTS}/{id}", fixture.crm.origin());
    assert_eq!(
        (reply.status.as_u16(), &reply.headers["location"]),
        (201, &location.parse().unwrap())
    );
    assert_eq!(reply.headers["x-hubspot-ratelimit-max"], "190");
    assert_eq!(
        json_of(&reply),
        json!({
            "id": id,
            "properties": {
                "createdate": "2026-01-01T00:00:00.000Z",
                "hs_object_id": id,
                "lastmodifieddate": "2026-01-01T00:00:00.000Z",
                "email": "anna@example.com",
                "firstname": "Anna",
                "lastname": "Müller",
                "phone": "+49 30 23125 014",
                "hs_email_domain": "example.com",
                "hs_searchable_calculated_phone_number": "23125014",
                "hs_calculated_phone_number": "+493023125014",
                "hs_full_name_or_email": "Anna Müller",
            },
            "createdAt": "2026-01-01T00:00:00.000Z",
            "updatedAt": "2026-01-01T00:00:00.000Z",
            "archived": false,
        })
    );

    let by_email = format!("{CONTACTS}/ANNA%40example.com?idProperty=email");
    let target = format!("{by_email}&properties=phone,city&properties=lastname");
    let (status, shown) = fixture.call("GET", &target, Value::Null).await;
    assert_eq!((status, &shown["properties"]["city"]), (200, &Value::Null));
    assert_eq!(shown["properties"]["lastname"], "Müller");
    assert_eq!(shown["properties"].get("email"), None);

    let dated = by_email.replace("/crm/v3/objects", "/crm/objects/2026-03");
    let changes = json!({ "properties": { "phone": "", "jobtitle": 5 } });
    let (status, shown) = fixture.call("PATCH", &dated, changes).await;
    assert_eq!((status, &shown["properties"]["jobtitle"]), (200, &json!("5")));
    let stored = fixture.crm.stored().remove(0);
    assert_eq!((stored.object.as_str(), &stored.fields["phone"]), ("contacts", &json!("")));

    assert_eq!(fixture.call("DELETE", &format!("{CONTACTS}/{id}"), Value::Null).await.0, 204);
    let (status, body) = fixture.call("GET", &by_email, Value::Null).await;
    assert_eq!((status, &body["category"]), (404, &json!("OBJECT_NOT_FOUND")));
}

#[tokio::test]
async fn writes_are_validated() {
    let fixture = Fixture::new().await;
    let id = contact(&fixture, json!({ "email": "a@example.com" })).await;
    let check = async |properties: Value, status: u16, category: &str, mentions: &str| {
        let body = json!({ "properties": properties });
        let (found, body) = fixture.call("POST", CONTACTS, body).await;
        assert_eq!((found, &body["category"]), (status, &json!(category)), "{body}");
        assert!(body["message"].as_str().unwrap().contains(mentions), "{body}");
    };
    let invalid = "Property values were not valid: [{\"isValid\":false,\"message\":\"Email address";
    for address in ["nobody", "a@b.invalid", "a@host.local", "\"a b\"@example.com"] {
        check(json!({ "email": address }), 400, "VALIDATION_ERROR", invalid).await;
    }
    check(json!({ "shoesize": "4" }), 400, "VALIDATION_ERROR", "PROPERTY_DOESNT_EXIST").await;
    check(json!({ "hs_object_id": "4" }), 400, "VALIDATION_ERROR", "hs_object_id").await;
    check(json!({ "city": [] }), 400, "VALIDATION_ERROR", "Invalid input JSON").await;
    let existing = format!("Contact already exists. Existing ID: {id}");
    check(json!({ "email": "A@EXAMPLE.com" }), 409, "CONFLICT", &existing).await;
    let company = json!({ "properties": { "name": "Weingut" } });
    assert_eq!(fixture.call("POST", "/crm/v3/objects/companies", company).await.0, 201);

    let reply = fixture.send("GET", CONTACTS, &[], Value::Null).await.unwrap();
    assert_eq!(
        (reply.status.as_u16(), &json_of(&reply)["category"]),
        (401, &json!("INVALID_AUTHENTICATION"))
    );
    assert_eq!(fixture.call("GET", "/crm/v3/objects/gadgets", Value::Null).await.0, 404);
}

#[tokio::test]
async fn lists_page_by_absolute_links() {
    let fixture = Fixture::new().await;
    for n in 0..5 {
        contact(&fixture, json!({ "email": format!("p{n}@example.com") })).await;
    }
    let mut target = format!("{CONTACTS}?limit=2&properties=email");
    let mut emails = Vec::new();
    loop {
        let (_, page) = fixture.call("GET", &target, Value::Null).await;
        for result in page["results"].as_array().unwrap() {
            emails.push(result["properties"]["email"].as_str().unwrap().to_owned());
        }
        let Some(link) = page["paging"]["next"]["link"].as_str() else { break };
        target = link.strip_prefix(fixture.crm.origin()).unwrap().to_owned();
    }
    let expected: Vec<_> = (0..5).map(|n| format!("p{n}@example.com")).collect();
    assert_eq!(emails, expected);
}

#[tokio::test]
async fn batches_answer_input_by_input() {
    let fixture = Fixture::new().await;
    let batch = async |verb: &str, body: Value| {
        fixture.call("POST", &format!("{CONTACTS}/batch/{verb}"), body).await
    };
    let input = |email: &str| json!({ "properties": { "email": email } });
    let (status, body) =
        batch("create", json!({ "inputs": [input("a@example.com"), input("b@example.com")] }))
            .await;
    assert_eq!((status, &body["status"]), (201, &json!("COMPLETE")));
    let id = body["results"][0]["id"].clone();

    // Without trace ids nothing could say which one failed.
    let (status, body) =
        batch("create", json!({ "inputs": [input("c@example.com"), input("a@example.com")] }))
            .await;
    assert_eq!((status, &body["category"]), (409, &json!("CONFLICT")));
    assert_eq!(fixture.crm.stored().len(), 2);
    let traced = |email: &str, trace: &str| {
        let mut input = input(email);
        input["objectWriteTraceId"] = trace.into();
        input
    };
    let inputs = [traced("a@example.com", "t0"), traced("c@example.com", "t1")];
    let (status, body) = batch("create", json!({ "inputs": inputs })).await;
    assert_eq!((status, &body["numErrors"]), (207, &json!(1)));
    assert_eq!(body["errors"][0]["category"], "CONFLICT");
    assert_eq!(body["errors"][0]["context"], json!({ "objectWriteTraceId": ["t0"] }));
    assert_eq!(body["results"][0]["objectWriteTraceId"], "t1");

    let wanted = json!({
        "idProperty": "email",
        "properties": ["email"],
        "inputs": [{ "id": "A@example.com" }, { "id": "z@example.com" }],
    });
    let (status, body) = batch("read", wanted).await;
    assert_eq!((status, &body["results"][0]["id"]), (207, &id));
    assert_eq!(body["errors"][0]["context"]["ids"], json!(["z@example.com"]));

    let by_email = |email: &str| json!({ "id": email, "idProperty": "email", "properties": { "city": "Berlin" } });
    let (status, body) = batch("update", json!({ "inputs": [by_email("a@example.com")] })).await;
    assert_eq!((status, &body["results"][0]["properties"]["city"]), (200, &json!("Berlin")));

    let both = json!({ "inputs": [by_email("a@example.com"), by_email("new@example.com")] });
    let (status, body) = batch("upsert", both).await;
    assert_eq!(status, 200);
    let news = [0, 1].map(|at: usize| body["results"][at]["new"].clone());
    assert_eq!(news, [json!(false), json!(true)]);
    assert_eq!(body["results"][1]["properties"]["email"], "new@example.com");

    let archived = batch("archive", json!({ "inputs": [{ "id": id }, { "id": "9" }] })).await;
    assert_eq!((archived, fixture.crm.stored().len()), ((204, Value::Null), 3));
    let many: Vec<_> = (0..101).map(|n| json!({ "id": n.to_string() })).collect();
    assert_eq!(batch("read", json!({ "inputs": many })).await.0, 400);
}

#[tokio::test]
async fn searches_filter_and_sort() {
    let fixture = Fixture::new().await;
    for properties in [
        json!({ "email": "anna@example.com", "lastname": "Müller", "zip": "9" }),
        json!({ "email": "ben@example.org", "lastname": "de la Cruz", "zip": "10119" }),
        json!({ "email": "cy@example.org" }),
    ] {
        contact(&fixture, properties).await;
    }
    let search = async |body: Value| {
        let (status, body) = fixture.call("POST", &format!("{CONTACTS}/search"), body).await;
        let results = body["results"].as_array().cloned().unwrap_or_default();
        let emails =
            results.iter().map(|r| r["properties"]["email"].as_str().unwrap()[..1].to_owned());
        (status, emails.collect::<String>(), body)
    };
    let check = async |filter: Value, expected: &str| {
        let body = json!({ "filterGroups": [{ "filters": [filter] }] });
        let (status, found, body) = search(body).await;
        assert_eq!((status, found.as_str()), (200, expected), "{filter}");
        assert_eq!(body["total"], expected.len());
    };
    let filter = |property, operator, value| json!({ "propertyName": property, "operator": operator, "value": value });
    check(filter("email", "EQ", "ANNA@example.com"), "a").await;
    check(filter("lastname", "NEQ", "müller"), "b").await;
    check(filter("zip", "GT", "10"), "b").await;
    check(filter("zip", "GTE", "9"), "ab").await;
    check(filter("zip", "LT", "10"), "a").await;
    check(filter("zip", "LTE", "10119"), "ab").await;
    check(filter("lastname", "CONTAINS_TOKEN", "la"), "b").await;
    check(filter("email", "CONTAINS_TOKEN", "*@example.org"), "bc").await;
    check(filter("email", "NOT_CONTAINS_TOKEN", "*example.org"), "a").await;
    check(
        json!({ "propertyName": "email", "operator": "IN", "values": ["cy@example.org", "x"] }),
        "c",
    )
    .await;
    check(json!({ "propertyName": "lastname", "operator": "NOT_IN", "values": ["müller"] }), "b")
        .await;
    check(json!({ "propertyName": "lastname", "operator": "HAS_PROPERTY" }), "ab").await;
    check(json!({ "propertyName": "lastname", "operator": "NOT_HAS_PROPERTY" }), "c").await;
    check(
        json!({ "propertyName": "zip", "operator": "BETWEEN", "value": "1", "highValue": "10" }),
        "a",
    )
    .await;

    let two = json!({ "filterGroups": [
        { "filters": [filter("lastname", "EQ", "müller"), filter("zip", "EQ", "10119")] },
        { "filters": [filter("email", "EQ", "cy@example.org")] },
    ] });
    assert_eq!(search(two).await.1, "c");
    assert_eq!(search(json!({ "query": "CRUZ" })).await.1, "b");
    let sorted =
        |direction| json!({ "sorts": [{ "propertyName": "zip", "direction": direction }] });
    assert_eq!(search(sorted("ASCENDING")).await.1, "abc");
    assert_eq!(search(sorted("DESCENDING")).await.1, "bac");
    let (_, found, body) = search(json!({ "limit": 2 })).await;
    assert_eq!((found.as_str(), &body["paging"]), ("ab", &json!({ "next": { "after": "2" } })));
    assert_eq!(search(json!({ "limit": 2, "after": "2" })).await.1, "c");
    let (status, ..) =
        search(json!({ "filterGroups": [{ "filters": [filter("zip", "LIKE", "x")] }] })).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn records_are_linked_both_ways() {
    let fixture = Fixture::new().await;
    let anna = contact(&fixture, json!({ "email": "anna@example.com" })).await;
    let note = json!({
        "properties": { "hs_note_body": "x" },
        "associations": [{ "to": { "id": anna }, "types": [] }],
    });
    let (status, note) = fixture.call("POST", "/crm/v3/objects/notes", note).await;
    assert_eq!(status, 201, "{note}");
    let linked = async |from: &str, id: &Value, to: &str| {
        let target = format!("/crm/v4/objects/{from}/{}/associations/{to}", id.as_str().unwrap());
        let (_, body) = fixture.call("GET", &target, Value::Null).await;
        let ids = body["results"].as_array().unwrap().iter().map(|it| it["toObjectId"].clone());
        ids.collect::<Vec<_>>()
    };
    let anna = Value::from(anna);
    assert_eq!(linked("notes", &note["id"], "contacts").await, std::slice::from_ref(&anna));
    assert_eq!(linked("contacts", &anna, "notes").await, [note["id"].clone()]);
    assert_eq!(linked("contacts", &anna, "emails").await, [Value::Null; 0]);

    let (anna_id, note_id) = (anna.as_str().unwrap(), note["id"].as_str().unwrap());
    let link = format!("/crm/v4/objects/contacts/{anna_id}/associations/notes/{note_id}");
    assert_eq!(fixture.call("DELETE", &link, Value::Null).await.0, 204);
    assert_eq!(linked("contacts", &anna, "notes").await, [Value::Null; 0]);
    let batch = "/crm/v4/associations/notes/contacts/batch";
    let inputs = json!({ "inputs": [{ "from": { "id": note_id }, "to": { "id": anna_id } }] });
    assert_eq!(fixture.call("POST", &format!("{batch}/create"), inputs).await.0, 201);
    let read = json!({ "inputs": [{ "id": note_id }] });
    let (_, read) = fixture.call("POST", &format!("{batch}/read"), read).await;
    assert_eq!(read["results"][0]["to"][0]["toObjectId"], anna);
}

#[tokio::test]
async fn headers_of_an_email_become_properties() {
    let fixture = Fixture::new().await;
    let headers = r#"{"from":{"email":"a@b.de"},"to":[{"email":"c@d.de"},{"email":"e@f.de","lastName":"F"}]}"#;
    let body = json!({ "properties": { "hs_email_headers": headers } });
    let (_, email) = fixture.call("POST", "/crm/v3/objects/emails", body).await;
    assert_eq!(email["properties"]["hs_email_from_email"], "a@b.de");
    assert_eq!(email["properties"]["hs_email_to_email"], "c@d.de;e@f.de");
    assert_eq!(email["properties"]["hs_email_to_lastname"], "F");
}

#[tokio::test]
async fn owners_are_read() {
    let fixture = Fixture::new().await;
    let (_, all) = fixture.call("GET", "/crm/v3/owners/?limit=100", Value::Null).await;
    assert_eq!(all["results"].as_array().unwrap().len(), 2);
    let search = "/crm/v3/owners?email=TAREK.aziz%40acme.example";
    let (_, found) = fixture.call("GET", search, Value::Null).await;
    assert_eq!(found["results"][0]["id"], "72");
    let (status, _) = fixture.call("GET", "/crm/v3/owners/9", Value::Null).await;
    assert_eq!(status, 404);
}
