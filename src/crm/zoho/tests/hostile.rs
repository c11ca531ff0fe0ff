// SPDX-License-Identifier: Apache-2.0
//! Requests that Zoho's clients do not send, and answers that differ from what is usual.

use serde_json::{Value, json};

use super::{described, locate, locate_with, read_answer, refused};
use crate::crm::About;
use crate::crm::testkit::all_lines;

const TARGET: &str = "/crm/v8/__composite_requests";

fn found(method: &str, target: &str, body: &str) -> Vec<String> {
    let located = locate(method, target, body).unwrap_or_else(|error| panic!("{target}: {error}"));
    described(&located)
}

fn record(fields: &Value) -> String {
    json!({ "data": [fields] }).to_string()
}

#[track_caller]
fn check_has(found: &[String], expected: &str) {
    assert!(found.iter().any(|line| line == expected), "{expected}: {found:?}");
}

/// Nothing is located in the name of a member.
#[test]
fn names_of_members_hold_no_values() {
    for record in [
        r#"{"Tag":[{"a@b.de":"vip"}]}"#,
        r#"{"Guardian":{"id":"44","a@b.de":"x"}}"#,
        r#"{"Parent_Id":{"id":"55","module":{"a@b.de":"Contacts"}}}"#,
    ] {
        let message = refused("POST", "/crm/v8/Leads", &format!(r#"{{"data":[{record}]}}"#));
        assert!(message.contains("name in the body") && !message.contains("a@b.de"), "{message}");
    }
}

#[test]
fn members_of_lookups_are_known_in_any_spelling() {
    let body = record(&json!({ "Account_Name": { "Name": "Weingut", "id": "77" } }));
    check_has(&found("POST", "/crm/v8/Deals", &body), "1 accounts.account_name Stored Weingut");
    let body = record(&json!({ "Handler": { "name": "Jo", "id": "9" } }));
    check_has(&found("POST", "/crm/v8/Products", &body), "1 users.full_name Stored Jo");
    let body = record(&json!({ "Contact_Name": { "NAME": "Anna", "id": "77" } }));
    check_has(&found("POST", "/crm/v8/Deals", &body), "link ");
    let participants = json!([{ "type": "email", "Participant": "a@b.de", "NAME": "Anna" }]);
    let lines = found("POST", "/crm/v8/Events", &record(&json!({ "Participants": participants })));
    assert_eq!(lines, ["record.create events", "1 contacts.email Stored a@b.de", "link "]);
    for participants in [json!(["a@b.de"]), json!([["a@b.de"]]), json!("a@b.de"), json!(4)] {
        let body = record(&json!({ "Participants": participants }));
        assert!(!refused("POST", "/crm/v8/Events", &body).contains("a@b.de"));
    }
    let body = record(&json!({ "Participants": { "participant": "a@b.de" } }));
    check_has(&found("POST", "/crm/v8/Events", &body), "1 contacts.email Stored a@b.de");
    let list = locate("GET", "/crm/v8/Events", "").unwrap();
    let answer = read_answer(&list, 200, r#"{"data":[{"Participants":["a@b.de",null]}]}"#).unwrap();
    assert_eq!(all_lines(&answer.body), ["1 contacts.email Stored a@b.de"]);
}

/// What Zoho takes only as one text holds no records of another module.
#[test]
fn records_in_the_place_of_a_value_are_a_use_of_the_field() {
    for value in [
        json!([{ "value": "a@b.de" }]),
        json!([[{ "value": "a@b.de" }]]),
        json!({ "module": "Foo", "value": "a@b.de" }),
        json!({ "id": "1", "email": "a@b.de", "value": "a@b.de" }),
    ] {
        let lines = found("POST", "/crm/v8/Leads", &record(&json!({ "Email": value })));
        check_has(&lines, "use leads.email records in its place");
    }
    // Without `$se_module`, it may be a lead that is called so.
    let body = record(&json!({ "What_Id": { "name": "Anna", "id": "5" } }));
    assert_eq!(found("PUT", "/crm/v8/Tasks/7", &body), ["record.update tasks", "link "]);
    let body = record(&json!({ "What_Id": "Anna" }));
    check_has(
        &found("PUT", "/crm/v8/Tasks/7", &body),
        "use leads.last_name naming a record by a composed name",
    );
    let lines = found("POST", "/crm/v8/Leads", &record(&json!({ "Account_Name": { "id": "1" } })));
    assert_eq!(lines, ["record.create leads"]);
}

#[test]
fn lookups_are_known_in_lists_and_by_no_other_module() {
    let of_deal = |lookup: Value| {
        let lines = found("POST", "/crm/v8/Deals", &record(&json!({ "Contact_Name": lookup })));
        assert!(!lines.iter().any(|line| line.ends_with("Stored Anna")), "{lines:?}");
        lines
    };
    let by_name = "use contacts.last_name naming a record by a composed name";
    check_has(&of_deal(json!([{ "name": "Anna", "id": "5" }])), "link ");
    check_has(&of_deal(json!([["Anna"]])), by_name);
    check_has(&of_deal(json!({ "module": "Foo", "name": "Anna", "id": "5" })), "link ");
    check_has(&of_deal(json!({ "module": "Foo", "name": "Anna" })), by_name);
}

#[test]
fn values_of_a_field_of_ones_own_are_no_ids() {
    let refused = |method, target| {
        let external = [("x-external", "Contacts.Insurance_Number")];
        let message = locate_with(method, target, "", &external).unwrap_err().to_string();
        assert!(message.contains("X-EXTERNAL") && !message.contains("756"), "{message}");
    };
    refused("DELETE", "/crm/v8/Contacts?ids=7561234567897");
    refused("GET", "/crm/v8/Contacts/7561234567897/Notes");
    let external = [("x-external", "Anna")];
    let parts = r#"{"__composite_requests":[]}"#;
    assert!(locate_with("POST", TARGET, parts, &external).is_err());
}

#[test]
fn an_upsert_that_names_no_field_compares_the_usual_one() {
    for fields in ["[]", "null", "[\"\"]"] {
        let body =
            format!(r#"{{"data":[{{"Email":"a@b.de"}}],"duplicate_check_fields":{fields}}}"#);
        check_has(&found("POST", "/crm/v8/Leads/upsert", &body), "0 leads.email Key a@b.de");
    }
}

#[test]
fn what_a_lookup_shows_is_a_name_in_every_query() {
    let coql =
        |text: &str| found("POST", "/crm/v8/coql", &json!({ "select_query": text }).to_string());
    for (text, expected) in [
        ("select id from Deals where Contact_Name like 'Anna%'", "use contacts.last_name like"),
        ("select id from Deals where Account_Name >= 'A'", "use accounts.account_name >="),
        ("select id from Deals order by Owner", "use users.full_name order by"),
        ("select id from Deals where Owner.name = 'Jo'", "0 users.full_name Equality* Jo"),
        ("select id from Deals where Contact_Name.Name like 'A%'", "use contacts.last_name like"),
        (
            "select id from Tasks where What_Id = 'Anna'",
            "use leads.last_name comparing with a composed field",
        ),
    ] {
        check_has(&coql(text), expected);
    }
    let lines = coql("select COUNT(id), Owner from Deals where Owner is not null group by Owner");
    assert!(!lines.iter().any(|line| line.starts_with("use users.full_name group")), "{lines:?}");
    let search = |text: &str| found("GET", &format!("/crm/v8/Deals/{text}"), "");
    for (text, expected) in [
        (
            "search?criteria=(Account_Name.name:equals:Weingut)",
            "0 accounts.account_name Equality* Weingut",
        ),
        ("search?criteria=(Contact_Name.Name:equals:Anna)", "use contacts.last_name equals"),
        ("search?criteria=(What_Id:equals:Anna)", "use leads.last_name equals"),
        ("search?word=&sort_by=Owner", "use users.full_name sort_by"),
        ("search?email=x&sort_by=Contact_Name.Email", "use contacts.email sort_by"),
    ] {
        check_has(&search(text), expected);
    }
}

/// Custom modules may have addresses of which nothing is known here.
#[test]
fn a_search_by_address_looks_at_fields_that_are_not_known() {
    let lines = found("GET", "/crm/v8/Patients/search?email=a@b.de", "");
    check_has(&lines, "use patients.* email");
    let lines = found("GET", "/crm/v8/Accounts/actions/count?email=a@b.de", "");
    check_has(&lines, "use accounts.* email");
    let lines = found("GET", "/crm/v8/Leads/search?email=a@b.de", "");
    assert_eq!(lines, ["record.search leads", "0 leads.email Equality a@b.de"]);
}

#[test]
fn what_finds_others_is_about_anybody() {
    fn about(method: &str, target: &str, body: &str) -> About {
        locate(method, target, body).unwrap().operation.about
    }
    for target in [
        "Contacts/search?criteria=(Email:not_in:a)",
        "Contacts/search?criteria=(City:equals:Ulm)and(Email:not_in:a,b)",
        "Contacts/search?criteria=(Account_Name:equals:Weingut)",
        // Zoho takes one of them.
        "Contacts/search?email=a&criteria=(City:equals:Ulm)",
        "Accounts/77/Contacts?fields=Email",
        "Accounts/77/Contacts",
    ] {
        assert_eq!(about("GET", &format!("/crm/v8/{target}"), ""), About::Anybody, "{target}");
    }
    let named = [
        "Contacts/search?criteria=(Email:equals:a)",
        "Contacts/search?email=a",
        "Contacts/55",
        "Contacts/55/Notes",
    ];
    for target in named {
        assert_eq!(about("GET", &format!("/crm/v8/{target}"), ""), About::Named, "{target}");
    }
    let first = json!({ "method": "GET", "uri": "/crm/v8/Leads/5" });
    for second in [
        json!({ "method": "GET", "uri": "/crm/v8/Leads" }),
        json!({ "method": "GET", "uri": "/crm/v8/Leads/search?criteria=(City:starts_with:U)" }),
        json!({ "method": "GET", "uri": "/crm/v8/Leads/actions/count" }),
        json!({ "method": "POST", "uri": "/crm/v8/coql", "body": { "select_query": "select id from Leads" } }),
        json!({ "method": "POST", "uri": "/crm/v8/coql", "body": { "select_query": "select id from Leads where City like 'U%'" } }),
    ] {
        let body = json!({ "__composite_requests": [first, second] }).to_string();
        let found = about("POST", TARGET, &body);
        assert_eq!(found, About::Anybody, "{body}");
    }
}

/// Whatever is looked for among others is looked for among few.
#[test]
fn names_are_bounded() {
    let columns = |count: usize| vec!["a"; count].join(",");
    let coql = |count| json!({ "select_query": format!("select {} from Leads", columns(count)) });
    let too_many = refused("POST", "/crm/v8/coql", &coql(1001).to_string());
    assert!(too_many.contains("too many columns"), "{too_many}");
    let same = refused("POST", "/crm/v8/coql", &coql(1000).to_string());
    assert!(same.contains("the same name"), "{same}");
    let upsert =
        |count| json!({ "data": [], "duplicate_check_fields": vec!["a"; count] }).to_string();
    assert!(locate("POST", "/crm/v8/Leads/upsert", &upsert(100)).is_ok());
    let too_many = refused("POST", "/crm/v8/Leads/upsert", &upsert(101));
    assert!(too_many.contains("too large"), "{too_many}");
}

/// As libraries send what was not set: zoho/crm-oas, v8.0.
#[test]
fn members_of_composite_requests_may_be_null() {
    let part = json!({ "sub_request_id": null, "method": "GET", "uri": "/crm/v8/Leads/5", "headers": null, "params": null, "body": null });
    let body = json!({ "rollback_on_fail": null, "concurrent_execution": null, "__composite_requests": [part] });
    assert_eq!(found("POST", TARGET, &body.to_string()), ["composite -"]);
}

#[test]
fn sides_that_are_exchanged_and_null_are_no_comparison() {
    let coql = |text: &str| json!({ "select_query": text }).to_string();
    let text = "select id from Leads where 'Muster' = Last_Name";
    assert!(!refused("POST", "/crm/v8/coql", &coql(text)).contains("Muster"));
    let text = "select id from Leads where Last_Name = null and Email not in (NULL)";
    assert_eq!(
        found("POST", "/crm/v8/coql", &coql(text)),
        [
            "query leads",
            "use leads.last_name a test for a value",
            "use leads.email a test for a value"
        ]
    );
}

#[test]
fn what_views_filter_by_is_located() {
    let request = locate("GET", "/crm/v8/settings/custom_views/7?module=Leads", "").unwrap();
    let by = |field: &str, value: Value| json!({ "comparator": "equal", "field": { "api_name": field, "id": "1" }, "value": value });
    let group = json!([by("Last_Name", json!("Anna")), by("Email", json!(["a@b.de", null]))]);
    let view = json!({ "name": "x", "criteria": { "group_operator": "and", "group": group } });
    let answer = json!({ "custom_views": [view] }).to_string();
    let answer = read_answer(&request, 200, &answer).unwrap();
    assert_eq!(
        all_lines(&answer.body),
        ["0 leads.last_name Stored Anna", "1 leads.email Stored a@b.de"]
    );
}

#[test]
fn records_in_a_parameter_are_taken_out_wherever_they_stand() {
    for (refused, expected) in [
        (0, "ids=56%2C57&wf_trigger=true"),
        (1, "ids=55%2C57&wf_trigger=true"),
        (2, "ids=55%2C56&wf_trigger=true"),
    ] {
        let target = "/crm/v8/Contacts?ids=55%2C56%2C57&wf_trigger=true";
        let request = locate("DELETE", target, "").unwrap();
        let rest = request.target.render_without(&mut [].iter(), &|it| it == refused).unwrap();
        assert_eq!(rest, format!("/crm/v8/Contacts?{expected}"));
    }
}

#[test]
fn references_in_the_place_of_keys_are_uses() {
    let part = |fields: Value| {
        let mut part = json!({ "method": "PUT", "headers": { "X-EXTERNAL": "Leads.Number" }, "body": { "data": [{}] } });
        for (name, value) in fields.as_object().unwrap() {
            part[name] = value.clone();
        }
        json!({ "__composite_requests": [part] }).to_string()
    };
    let key = part(json!({ "uri": "/crm/v8/Leads/@%7B1:$.data[0].Number%7D" }));
    check_has(
        &found("POST", TARGET, &key),
        "use leads.number a reference to another part of the request",
    );
    let title = json!({ "data": [{ "Account_Name": { "name": "@{1:$.data[0].x}" } }] });
    let title = part(json!({ "uri": "/crm/v8/Leads", "body": title }));
    check_has(
        &found("POST", TARGET, &title),
        "use accounts.account_name a reference to another part of the request",
    );
    let headers = json!({ "X-EXTERNAL": "Leads.A", "x-external": "Leads.B" });
    let message =
        refused("POST", TARGET, &part(json!({ "uri": "/crm/v8/Leads/x", "headers": headers })));
    assert!(message.contains("x-external"), "{message}");
}

#[test]
fn what_stands_beside_a_path_is_refused() {
    for uri in [
        "https://www.zohoapis.eu/crm/v8/Leads",
        "//x/crm/v8/Leads",
        "crm/v8/Leads",
        "/crm/v8/Leads#a@b.de",
        "/crm/v8/Leads?a@b.de",
        "/crm/v8/Leads?=a@b.de",
        "/crm/v8/Leads;a@b.de",
        "/crm/v8/Leads/%2e%2e/a@b.de",
        "/crm/v8/Leads/5/a@b.de",
        "/crm/v8/Leads?page=1&amp;a@b.de",
    ] {
        let part = json!({ "method": "GET", "uri": uri });
        let body = json!({ "__composite_requests": [part] }).to_string();
        let message = refused("POST", TARGET, &body);
        assert!(!message.contains("b.de"), "{message}");
        if uri.starts_with('/') {
            assert!(locate("GET", uri, "").is_err(), "{uri}");
        }
    }
}
