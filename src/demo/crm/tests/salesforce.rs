// SPDX-License-Identifier: Apache-2.0

use super::*;

const CONTACT: &str = "/services/data/v62.0/sobjects/Contact";

#[tokio::test]
async fn a_contact_lives() {
    let fixture = Fixture::new().await;
    let contact = json!({
        "FirstName": "Anna-Lena",
        "lastname": "Müller",
        "Email": "Anna.Mueller@Example.com",
        "MailingCity": "Berlin",
        "Birthdate": "1984-02-29",
        "Score__c": 7,
    });
    let authorised = [("authorization", "Bearer x")];
    let reply = fixture.send("POST", &format!("{CONTACT}/"), &authorised, contact).await.unwrap();
    let id = json_of(&reply)["id"].as_str().unwrap().to_owned();
    assert_eq!(json_of(&reply), json!({ "id": id, "success": true, "errors": [] }));
    assert_eq!(reply.headers["location"], format!("{CONTACT}/{id}"));
    assert_eq!(reply.headers["sforce-limit-info"], "api-usage=1/15000");
    assert_eq!(reply.headers["content-type"], "application/json;charset=UTF-8");

    let stored = fixture.crm.stored().remove(0);
    assert_eq!((stored.object.as_str(), &stored.id), ("Contact", &id));
    assert_eq!(stored.fields["LastName"], "Müller");
    assert_eq!(stored.fields["Email"], "anna.mueller@example.com");

    let (status, shown) = fixture.call("GET", &format!("{CONTACT}/{id}"), Value::Null).await;
    assert_eq!((status, &shown["Name"]), (200, &json!("Anna-Lena Müller")));
    assert_eq!(shown["attributes"], json!({ "type": "Contact", "url": format!("{CONTACT}/{id}") }));
    assert_eq!(shown["MailingAddress"]["city"], "Berlin");
    assert_eq!((&shown["OtherAddress"], &shown["Phone"]), (&Value::Null, &Value::Null));
    assert_eq!((&shown["Score__c"], &shown["IsDeleted"]), (&json!(7), &json!(false)));
    assert_eq!(shown["CreatedDate"], "2026-01-01T00:00:00.000+0000");

    let short = &id[..15];
    let changes = json!({ "LastName": "Özdemir", "MailingCity": "" });
    for (method, target) in [
        ("PATCH", format!("{CONTACT}/{short}")),
        ("POST", format!("{CONTACT}/{id}?_HttpMethod=PATCH")),
    ] {
        assert_eq!(fixture.call(method, &target, changes.clone()).await, (204, Value::Null));
    }
    let target = format!("{CONTACT}/{id}?fields=lastname,MailingAddress");
    let (_, shown) = fixture.call("GET", &target, Value::Null).await;
    let url = format!("{CONTACT}/{id}");
    assert_eq!(
        shown,
        json!({
            "attributes": { "type": "Contact", "url": url },
            "LastName": "Özdemir",
            "MailingAddress": null,
            "Id": id,
        })
    );

    assert_eq!(fixture.call("DELETE", &url, Value::Null).await.0, 204);
    let (status, problem) = fixture.call("GET", &url, Value::Null).await;
    assert_eq!((status, &problem[0]["errorCode"]), (404, &json!("ENTITY_IS_DELETED")));
    assert_eq!(fixture.crm.stored(), []);
}

#[tokio::test]
async fn writes_are_validated() {
    let fixture = Fixture::new().await;
    let check = async |object: &str, fields: Value, code: &str, mentions: &str| {
        let target = format!("/services/data/v62.0/sobjects/{object}");
        let (status, body) = fixture.call("POST", &target, fields).await;
        assert_eq!((status, &body[0]["errorCode"]), (400, &json!(code)), "{body}");
        assert!(body[0]["message"].as_str().unwrap().contains(mentions), "{body}");
    };
    check("Contact", json!({ "FirstName": "A" }), "REQUIRED_FIELD_MISSING", "[LastName]").await;
    check("Lead", json!({}), "REQUIRED_FIELD_MISSING", "[LastName, Company]").await;
    check("Account", json!({ "Name": "" }), "REQUIRED_FIELD_MISSING", "[Name]").await;
    check("Contact", json!({ "LastName": "A", "Foo": 1 }), "INVALID_FIELD", "'Foo'").await;
    check("Contact", json!({ "LastName": "A", "Id": "x" }), "INVALID_FIELD", "Id field").await;
    check("Contact", json!({ "LastName": 5 }), "JSON_PARSER_ERROR", "VALUE_NUMBER_INT value 5")
        .await;
    let read_only = json!({ "LastName": "A", "Name": "A" });
    check("Contact", read_only, "INVALID_FIELD_FOR_INSERT_UPDATE", "Name").await;
    let long = "ü".repeat(41);
    let too_long = format!("First Name: data value too large: {long} (max length=40)");
    let fields = json!({ "LastName": "A", "FirstName": long });
    check("Contact", fields, "STRING_TOO_LONG", &too_long).await;
    let fields = json!({ "LastName": "A", "Email": "no address" });
    check("Contact", fields, "INVALID_EMAIL_ADDRESS", "invalid email address: no address").await;
    let fields = json!({ "LastName": "A", "Birthdate": "1984-13-01" });
    check("Contact", fields, "JSON_PARSER_ERROR", "date").await;
    let fields = json!({ "LastName": "A", "MailingCountryCode": "zh7k" });
    check("Contact", fields, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "zh7k").await;
    let fields = json!({ "LastName": "A", "AccountId": "none" });
    check("Contact", fields, "MALFORMED_ID", "none").await;
    assert_eq!(fixture.crm.stored(), []);

    let id =
        fixture.sobject("Contact", json!({ "LastName": "A", "FirstName": "ü".repeat(40) })).await;
    let target = format!("{CONTACT}/{id}");
    let (status, body) = fixture.call("PATCH", &target, json!({ "LastName": null })).await;
    assert_eq!((status, &body[0]["errorCode"]), (400, &json!("REQUIRED_FIELD_MISSING")));
}

#[tokio::test]
async fn resources_and_sessions_are_checked() {
    let fixture = Fixture::new().await;
    let check = async |method: &str, target: &str, status: u16, code: &str| {
        let (found, body) = fixture.call(method, target, Value::Null).await;
        assert_eq!((found, &body[0]["errorCode"]), (status, &json!(code)), "{method} {target}");
    };
    check("GET", "/services/data/v62.0/sobjects/Gadget/x", 404, "NOT_FOUND").await;
    check("GET", "/services/data/v62.0/sobjects/Contact/003WV00000A1b2C", 404, "NOT_FOUND").await;
    check("GET", "/services/data/v62.0/sobjects/Contact/x", 404, "NOT_FOUND").await;
    check("GET", "/services/data/v62.0/sobjects/Contact/LastName/x", 404, "NOT_FOUND").await;
    check("GET", "/services/data/v62.0/analytics/reports", 404, "NOT_FOUND").await;
    check("PUT", "/services/data/v62.0/sobjects/Contact", 405, "METHOD_NOT_ALLOWED").await;
    check("POST", "/services/data/v62.0/sobjects/Contact", 415, "UNSUPPORTED_MEDIA_TYPE").await;
    let reply = fixture.send("GET", "/services/data/v62.0/limits", &[], Value::Null).await.unwrap();
    assert_eq!(reply.status, 401);
    let expected =
        json!([{ "message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID" }]);
    assert_eq!(json_of(&reply), expected);
}

#[tokio::test]
async fn records_are_found_by_external_id() {
    let fixture = Fixture::new().await;
    let by_key = format!("{CONTACT}/Ext_Id__c/KD-1");
    let (status, body) = fixture.call("PATCH", &by_key, json!({ "LastName": "d'Arc" })).await;
    assert_eq!((status, &body["created"]), (201, &json!(true)));
    let (status, body) = fixture.call("PATCH", &by_key, json!({ "FirstName": "Zoë" })).await;
    assert_eq!((status, &body["created"]), (200, &json!(false)));
    let old = by_key.replace("v62.0", "v44.0");
    assert_eq!(fixture.call("PATCH", &old, json!({ "Title": "Dr" })).await, (204, Value::Null));
    let (_, shown) =
        fixture.call("GET", &format!("{by_key}?fields=Name,Ext_Id__c"), Value::Null).await;
    assert_eq!((&shown["Name"], &shown["Ext_Id__c"]), (&json!("Zoë d'Arc"), &json!("KD-1")));

    let absent = format!("{CONTACT}/Ext_Id__c/KD-2?updateOnly=true");
    assert_eq!(fixture.call("PATCH", &absent, json!({ "LastName": "x" })).await.0, 404);
    assert_eq!(fixture.call("DELETE", &by_key, Value::Null).await.0, 204);
    assert_eq!(fixture.call("GET", &by_key, Value::Null).await.0, 404);

    let by_email = format!("{CONTACT}/Email/siobhan.o'brien+x%40Example.com");
    let (status, _) = fixture.call("PATCH", &by_email, json!({ "LastName": "O'Brien" })).await;
    assert_eq!(status, 201);
    assert_eq!(fixture.crm.stored()[0].fields["Email"], "siobhan.o'brien+x@example.com");
    assert_eq!(fixture.call("GET", &by_email, Value::Null).await.0, 200);
    fixture
        .sobject("Contact", json!({ "LastName": "Twin", "Email": "siobhan.o'brien+x@example.com" }))
        .await;
    let (status, urls) = fixture.call("PATCH", &by_email, json!({ "LastName": "x" })).await;
    let expected: Vec<String> =
        fixture.crm.stored().iter().map(|record| format!("{CONTACT}/{}", record.id)).collect();
    assert_eq!((status, urls), (300, json!(expected)));
}

#[tokio::test]
async fn collections_answer_record_by_record() {
    let fixture = Fixture::new().await;
    let all = "/services/data/v62.0/composite/sobjects";
    let contact = |fields: Value| {
        let mut record = json!({ "attributes": { "type": "Contact" } });
        record.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        record
    };
    let mixed = json!([contact(json!({ "LastName": "A" })), contact(json!({}))]);
    let body = json!({ "allOrNone": true, "records": mixed });
    let (status, results) = fixture.call("POST", all, body).await;
    let codes = [0, 1].map(|at: usize| results[at]["errors"][0]["statusCode"].clone());
    assert_eq!(status, 200);
    assert_eq!(codes, ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]);
    assert_eq!(fixture.crm.stored(), []);

    let (_, results) = fixture.call("POST", all, json!({ "records": mixed })).await;
    let id = results[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(results[0], json!({ "id": id, "success": true, "errors": [] }));
    assert_eq!(results[1]["success"], false);

    let update = json!({ "records": [contact(json!({ "id": id, "Email": "a@example.com" }))] });
    assert_eq!(fixture.call("PATCH", all, update).await.1[0]["success"], true);

    let upsert = json!({ "records": [
        contact(json!({ "Email": "A@example.com", "FirstName": "Ada" })),
        contact(json!({ "Email": "b@example.com", "LastName": "B" })),
    ] });
    let (_, results) = fixture.call("PATCH", &format!("{all}/Contact/Email"), upsert).await;
    assert_eq!((&results[0]["created"], &results[0]["id"]), (&json!(false), &json!(id)));
    assert_eq!(results[1]["created"], true);

    let missing = "003WV00000A1b2CYAR";
    let target = format!("{all}/Contact?ids={id},{missing}&fields=FirstName");
    let (_, by_get) = fixture.call("GET", &target, Value::Null).await;
    let wanted = json!({ "ids": [id, missing], "fields": ["firstname"] });
    let (_, by_post) = fixture.call("POST", &format!("{all}/Contact"), wanted).await;
    assert_eq!(by_get, by_post);
    assert_eq!((&by_get[0]["FirstName"], &by_get[1]), (&json!("Ada"), &Value::Null));

    let target = format!("{all}?ids={id},{missing}");
    let (_, results) = fixture.call("DELETE", &target, Value::Null).await;
    assert_eq!((&results[0]["success"], &results[1]["success"]), (&json!(true), &json!(false)));
    assert_eq!(fixture.crm.stored().len(), 1);

    assert_eq!(fixture.call("POST", all, json!({ "records": [] })).await, (200, json!([])));
    let many = |count| vec![contact(json!({ "LastName": "M" })); count];
    let (status, body) = fixture.call("POST", all, json!({ "records": many(201) })).await;
    assert_eq!((status, &body[0]["errorCode"]), (400, &json!("LIMIT_EXCEEDED")));
    assert_eq!(fixture.crm.stored().len(), 1);
}

#[tokio::test]
async fn queries_page() {
    let fixture = Fixture::with(CrmOptions { page_size: 2, ..CrmOptions::default() }).await;
    for name in ["c", "a", "e", "b", "d"] {
        fixture.sobject("Widget__c", json!({ "Name": name })).await;
    }
    let target = "/services/data/v62.0/query/?q=SELECT+Name+FROM+Widget__c+ORDER+BY+Name";
    let (_, mut page) = fixture.call("GET", target, Value::Null).await;
    let mut names = Vec::new();
    loop {
        assert_eq!(page["totalSize"], 5);
        for record in page["records"].as_array().unwrap() {
            assert_eq!(
                (record.get("Id"), &record["attributes"]["type"]),
                (None, &json!("Widget__c"))
            );
            names.push(record["Name"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["nextRecordsUrl"].as_str().map(str::to_owned) else { break };
        assert!(next.starts_with("/services/data/v62.0/query/01g"), "{next}");
        page = fixture.call("GET", &next, Value::Null).await.1;
    }
    assert_eq!((names.concat(), &page["done"]), ("abcde".to_owned(), &json!(true)));
    let (status, body) =
        fixture.call("GET", "/services/data/v62.0/query/01gWV000000001AAA-2", Value::Null).await;
    assert_eq!((status, &body[0]["errorCode"]), (400, &json!("INVALID_QUERY_LOCATOR")));
}

#[tokio::test]
async fn a_batch_size_is_a_wish() {
    let fixture = Fixture::new().await;
    let records: Vec<Value> =
        (0..200).map(|n| json!({ "attributes": { "type": "Widget__c" }, "N__c": n })).collect();
    for _ in 0..2 {
        let body = json!({ "records": records });
        fixture.call("POST", "/services/data/v62.0/composite/sobjects", body).await;
    }
    let check = async |options: &str, expected: usize| {
        let headers = [("authorization", "Bearer x"), ("sforce-query-options", options)];
        let target = "/services/data/v62.0/query?q=SELECT+Id+FROM+Widget__c";
        let reply = fixture.send("GET", target, &headers, Value::Null).await.unwrap();
        assert_eq!(json_of(&reply)["records"].as_array().unwrap().len(), expected, "{options}");
    };
    check("batchSize=250", 250).await;
    check("batchSize=1", 200).await;
    check("batchSize=5000", 400).await;
}

#[tokio::test]
async fn clients_can_log_in_and_look_around() {
    let fixture = Fixture::new().await;
    let origin = fixture.crm.origin().to_owned();
    let request = Request::post(format!("{origin}/services/oauth2/token"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from_static(b"grant_type=password&username=a%40b.de&password=x"))
        .unwrap();
    let token = json_of(&fixture.client.send(request).await.unwrap());
    assert_eq!((&token["instance_url"], &token["token_type"]), (&json!(origin), &json!("Bearer")));
    let identity = token["id"].as_str().unwrap().strip_prefix(&origin).unwrap();
    let (_, user) = fixture.call("GET", identity, Value::Null).await;
    assert_eq!(user["sub"], token["id"]);
    let (status, info) = fixture.call("GET", "/services/oauth2/userinfo", Value::Null).await;
    assert_eq!((status, &info), (200, &user));
    let reply = fixture.send("POST", "/services/oauth2/token", &[], Value::Null).await.unwrap();
    assert_eq!(json_of(&reply)["error"], "unsupported_grant_type");

    let (_, versions) = fixture.call("GET", "/services/data", Value::Null).await;
    assert_eq!(versions[1]["url"], "/services/data/v62.0");
    let (_, resources) = fixture.call("GET", "/services/data/v62.0", Value::Null).await;
    assert_eq!(resources["query"], "/services/data/v62.0/query");
    let (_, limits) = fixture.call("GET", "/services/data/v62.0/limits/", Value::Null).await;
    assert_eq!(limits["DailyApiRequests"]["Max"], 15_000);
    let (_, objects) = fixture.call("GET", "/services/data/v62.0/sobjects", Value::Null).await;
    assert_eq!(objects["sobjects"][0]["name"], "Contact");
    let (_, described) = fixture.call("GET", &format!("{CONTACT}/describe"), Value::Null).await;
    assert_eq!(described["urls"]["uiDetailTemplate"], format!("{origin}/{{ID}}"));
    let fields = described["fields"].as_array().unwrap();
    let email = fields.iter().find(|field| field["name"] == "Email").unwrap();
    assert_eq!((&email["length"], &email["idLookup"]), (&json!(80), &json!(true)));
}
