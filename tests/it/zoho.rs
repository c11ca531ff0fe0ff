// SPDX-License-Identifier: Apache-2.0
//! Zoho CRM behind the house: what the shipped policy lets out, and what comes back.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::leak::{MARK, finds};
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

pub fn options(zoho: &StandIn) -> Options {
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
    Options { upstreams: upstream, further_policy: POLICY, ..Options::default() }
}

async fn world(zoho: &StandIn) -> World {
    World::start(options(zoho)).await
}

#[tokio::test]
async fn a_contact_is_created_found_and_shown_by_role() {
    let zoho = one_contact().await;
    let world = world(&zoho).await;

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

/// Every carrier that a value of a person can travel in, with the mark in each protected
/// field of it.
fn everywhere() -> Vec<(&'static str, String, String)> {
    let mark = |suffix: &str| format!("{MARK}{suffix}");
    let escaped: String = MARK.chars().map(|sign| format!("\\u{:04x}", u32::from(sign))).collect();
    let percent: String = MARK.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let twice = percent.replace('%', "%25");
    let person = json!({
        "Last_Name": mark("1"), "First_Name": mark(" \"x\\"), "Full_Name": mark("3"),
        "Email": mark("@b.example"), "Secondary_Email": mark("2@b.example"), "Phone": mark("4"),
        "Asst_Phone": mark("5"), "Mailing_Street": mark("6"), "Date_of_Birth": mark("7"),
        "Description": mark("8"), "Reporting_To": { "name": mark("9"), "id": "56" },
        "Owner": { "name": mark("10"), "id": "9", "email": mark("@c.example") },
    });
    let data = |record: Value| json!({ "data": [record] }).to_string();
    let event = json!({ "Event_Title": mark("1"), "Participants": [
        { "type": "email", "participant": mark("@b.example") },
        { "type": "contact", "participant": "55", "name": mark("2") },
    ], "Who_Id": { "name": mark("3"), "id": "55" } });
    let coql = |text: String| json!({ "select_query": text }).to_string();
    let parts = json!({ "__composite_requests": [
        { "method": "POST", "uri": "/crm/v8/Leads", "body": { "data": [{ "Last_Name": mark("1") }] } },
        { "method": "GET", "uri": format!("/crm/v8/Leads/search?criteria=(Email:equals:{percent}2)") },
        { "method": "GET", "uri": "/crm/v8/Leads/search", "params": { "phone": mark("3") } },
        { "method": "POST", "uri": "/crm/v8/coql", "body": {
            "select_query": format!("select id from Leads where Last_Name in (\"{MARK}4\")") } },
    ] });
    let records = |path: &str| format!("/zoho/crm/v8/{path}");
    let search = |asked: String| records(&format!("Contacts/search?{asked}"));
    vec![
        ("POST", records("Contacts"), data(person.clone())),
        ("PUT", records("Contacts/55"), data(person.clone())),
        ("POST", records("Leads/upsert"), data(json!({ "Email": mark("@b.example") }))),
        ("POST", records("Leads"), format!(r#"{{"data":[{{"Last_N\u0061me":"{escaped}"}}]}}"#)),
        ("POST", records("leads"), data(json!({ "LAST_NAME": mark("1") }))),
        ("POST", records("Events"), data(event)),
        ("POST", records("Contacts/55/Notes"), data(json!({ "Note_Content": mark("1") }))),
        ("GET", search(format!("email={percent}%40b.example")), String::new()),
        (
            "GET",
            search(format!("criteria=(Email:equals:{percent})or(Fax:in:x,{MARK}2)")),
            String::new(),
        ),
        (
            "GET",
            search(format!("criteria=(Last_Name:not_equal:{MARK}%5C%29%5C%2Cx)")),
            String::new(),
        ),
        ("GET", search(format!("criteria=(Last_Name:equals:{twice})")), String::new()),
        ("GET", search(format!("criteria=(Reporting_To.Email:equals:{MARK})")), String::new()),
        (
            "POST",
            records("coql"),
            coql(format!("select id from Contacts where Email = '{MARK}''x'")),
        ),
        (
            "POST",
            records("coql"),
            coql(format!("select id from Deals where Contact_Name.Email != {MARK}")),
        ),
        ("POST", records("__composite_requests"), parts.to_string()),
    ]
}

#[tokio::test]
async fn nothing_of_a_person_leaves_in_any_carrier() {
    let zoho = one_contact().await;
    let world = world(&zoho).await;
    for (method, target, body) in everywhere() {
        let before = zoho.count();
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let answer = world.send("support", method.clone(), &target, body).await;
        assert_eq!(zoho.count(), before + 1, "{method} {target} is refused: {answer:?}");
        let (target, body) = zoho.last();
        for sent in [target, body] {
            assert!(finds(sent.as_bytes()).is_none(), "{method} {sent}");
        }
    }
    assert!(finds(&world.log()).is_none(), "a value is in the log");
}

const WITH_BORDER: &str =
    concat!("border: [house.yaml]\n", include_str!("../../policies/zoho.yaml"));

/// Zoho is in the US. Records of which no country is known are Swiss.
const HOUSE: &str = "version: 1
law: house
applies_to: anyone
otherwise: refuse
bases: { clauses: { kind: scc, reference: SCC-2026-014, until: 2099-12-31 } }
jurisdiction:
  - { name: country, code_in: [Contacts.Mailing_Country] }
  - { name: learned, is: known }
  - { name: rest, otherwise: CH }
transfers:
  - { name: no-transfer-of-swiss, from: CH, to: US, action: refuse }
  - { name: clauses, from: DE, to: US, action: allow, basis: clauses, require: protected }
";

#[tokio::test]
async fn a_record_is_turned_back_in_its_row_and_known_by_its_id() {
    let zoho = StandIn::start(|_, body| {
        let written: Value = serde_json::from_str(body).unwrap_or_default();
        let written = written["data"].as_array().cloned().unwrap_or_default();
        let row = |id: usize| json!({ "code": "SUCCESS", "details": { "id": (50 + id).to_string() }, "status": "success" });
        let rows: Vec<Value> = written.iter().enumerate().map(|(id, _)| row(id)).collect();
        json!({ "data": rows }).to_string()
    })
    .await;
    let options = Options { house_rules: HOUSE, further_policy: WITH_BORDER, ..options(&zoho) };
    let world = World::start(options).await;
    let contact = |name: &str, country: &str| json!({ "Last_Name": name, "Mailing_Country": country, "Owner": { "id": "9" } });
    let contacts = [contact("A", "DE"), contact("B", "CH"), contact("C", "DE")];
    let body = json!({ "data": contacts }).to_string();
    let answer = world.post("support", "/zoho/crm/v8/Contacts", body).await;
    assert_eq!(answer.status, StatusCode::MULTI_STATUS, "{answer:?}");
    let rows = &answer.json()["data"];
    let statuses: Vec<&Value> = (0..3).map(|row| &rows[row]["status"]).collect();
    assert_eq!(statuses, ["success", "error", "success"]);
    let message = rows[1]["message"].as_str().expect("a text");
    assert!(message.contains("house/no-transfer-of-swiss"), "{message}");
    let (_, sent) = zoho.last();
    let sent: Value = serde_json::from_str(&sent).expect("it is JSON");
    assert_eq!(sent["data"].as_array().map(Vec::len), Some(2));

    // One alone is turned back without Zoho.
    let requests = zoho.count();
    let body = json!({ "data": [contact("B", "CH")] }).to_string();
    let answer = world.post("support", "/zoho/crm/v8/Contacts", body).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.json()["data"][0]["code"], "NO_PERMISSION");
    assert_eq!(zoho.count(), requests);

    // The third is known by the id that its row told, the last by none.
    let named = |id: &str| json!({ "id": id, "First_Name": "D" });
    let body = json!({ "data": [named("51"), named("99")] }).to_string();
    let answer = world.send("support", Method::PUT, "/zoho/crm/v8/Contacts", body).await;
    let rows = &answer.json()["data"];
    assert_eq!([&rows[0]["status"], &rows[1]["status"]], ["success", "error"], "{rows}");
}
