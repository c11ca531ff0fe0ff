// SPDX-License-Identifier: Apache-2.0
//! Zoho CRM behind the house: what the shipped policy lets out, and what comes back.

use http::StatusCode;
use serde_json::{Value, json};

use crate::stand_in::StandIn;
use crate::world::{Options, World};

const POLICY: &str = include_str!("../../policies/zoho.yaml");

/// Holds one contact: what was written last, as Zoho shows it.
async fn one_contact() -> StandIn {
    let mut contact = json!({});
    StandIn::start(move |target, body| {
        if let Ok(written) = serde_json::from_str::<Value>(body)
            && target == "/crm/v8/Contacts"
        {
            contact = written["data"][0].clone();
            let details = json!({ "id": "55", "Created_By": { "name": "Jo Kern", "id": "9" } });
            let row = json!({ "code": "SUCCESS", "details": details, "status": "success" });
            return json!({ "data": [row] }).to_string();
        }
        let text = |name: &str| contact[name].as_str().unwrap_or_default().to_owned();
        let mut shown = contact.clone();
        shown["Full_Name"] = format!("{} {}", text("First_Name"), text("Last_Name")).into();
        shown["Reporting_To"] = json!({ "name": shown["Full_Name"], "id": "55" });
        shown["id"] = "55".into();
        json!({ "data": [shown], "info": { "more_records": false } }).to_string()
    })
    .await
}

#[tokio::test]
async fn a_contact_is_created_found_and_shown_by_role() {
    let zoho = one_contact().await;
    let upstream = format!(
        "  zoho:
    dialect: zoho
    url: http://{}
    region: US
    match: {{ path_prefix: /zoho }}
    policy: policies/further.yaml
",
        zoho.address
    );
    let options = Options { upstreams: upstream, further_policy: POLICY, ..Options::default() };
    let world = World::start(options).await;

    let person = json!({
        "First_Name": "Zoë", "Last_Name": "d’Arc", "Full_Name": "Zoë d’Arc",
        "Email": "zoe.darc@sub.example.org", "Mobile": "+49 30 23125 014",
        "Date_of_Birth": "1999-02-03", "Mailing_Country": "Germany", "Email_Opt_Out": false,
    });
    let created = json!({ "data": [person], "trigger": [] }).to_string();
    let created = world.post("support", "/zoho/crm/v8/Contacts", created).await;
    assert_eq!(created.status, StatusCode::OK, "{created:?}");
    assert_eq!(created.json()["data"][0]["details"]["id"], "55");
    assert_eq!(created.json()["data"][0]["details"]["Created_By"]["name"], "Jo Kern");
    let (_, sent) = zoho.last();
    for value in ["Zoë", "Arc", "zoe.darc", "23125", "1999"] {
        assert!(!sent.contains(value), "{sent}");
    }
    let sent: Value = serde_json::from_str(&sent).expect("it is JSON");
    let sent = &sent["data"][0];
    assert_eq!(
        (&sent["Mailing_Country"], &sent["Email_Opt_Out"]),
        (&person["Mailing_Country"], &json!(false))
    );
    let email = sent["Email"].as_str().expect("a text").to_owned();
    assert!(email.ends_with("@tokens.example.com"), "{email}");

    // Another spelling of the address, in each of the ways to ask for it.
    let query = json!({ "select_query": "select Email from Contacts where Email != 'ZOE.darc@sub.example.org'" });
    for (target, expected) in [
        (
            "search?criteria=(Email:equals:Zoe.Darc%40sub.example.org)",
            "criteria=(Email:equals:TOKEN)",
        ),
        ("search?email=Zoe.Darc@sub.example.org&fields=Email", "email=TOKEN&fields=Email"),
    ] {
        let found = world.get("marketing", &format!("/zoho/crm/v8/Contacts/{target}")).await;
        let (asked, _) = zoho.last();
        let expected = expected.replace("TOKEN", &email.replace('@', "%40"));
        assert_eq!(asked, format!("/crm/v8/Contacts/search?{expected}"));
        let shown = &found.json()["data"][0];
        assert_eq!(shown["Last_Name"], sent["Last_Name"]);
        assert_eq!(shown["Email"], "z•••@•••.org");
    }
    let found = world.post("support", "/zoho/crm/v8/coql", query.to_string()).await;
    let (_, asked) = zoho.last();
    assert!(asked.contains(&format!("where Email != '{email}'")), "{asked}");
    let shown = &found.json()["data"][0];
    for field in ["First_Name", "Last_Name", "Full_Name", "Email", "Mobile"] {
        assert_eq!(shown[field], person[field], "{field}");
    }
    assert_eq!(shown["Reporting_To"]["name"], "Zoë d’Arc");

    let requests = zoho.count();
    let check_refused = |refused: crate::world::Answer, field: &str| {
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        let body = refused.json();
        assert_eq!(body["status"], "error");
        let message = body["message"].as_str().expect("a text");
        assert!(message.starts_with("Zollhaus: ") && message.contains(field), "{message}");
    };
    for (parameters, field) in [
        ("word=Zo%C3%AB", "`contacts."),
        ("criteria=(Email:starts_with:zoe)", "`contacts.email`"),
        ("criteria=(Full_Name:equals:Zo%C3%AB)", "`contacts.first_name`"),
        ("criteria=(Mailing_Street:equals:x)", "`contacts.mailing_street`"),
    ] {
        let target = format!("/zoho/crm/v8/Contacts/search?{parameters}");
        check_refused(world.get("support", &target).await, field);
    }
    let query = json!({ "select_query": "select Email from Contacts order by Email" }).to_string();
    check_refused(world.post("support", "/zoho/crm/v8/coql", query).await, "`contacts.email`");
    assert_eq!(zoho.count(), requests, "nothing of them was forwarded");
    let log = String::from_utf8_lossy(&world.log()).into_owned();
    for value in ["Zoë", "zoe.darc", "23125"] {
        assert!(!log.contains(value), "`{value}` is in the log");
    }
}
