// SPDX-License-Identifier: Apache-2.0
//! What is found in answers. Bodies follow the examples of "Get Records", "Search
//! Records", "List of Deleted Records" and "Get Organization" of Zoho CRM API v7.

use super::{locate, names, read_answer, render};
use crate::carrier::Replacement;
use crate::crm::testkit::all_lines;

fn check(target: &str, status: u16, body: &str, expected: &[&str], named: &[&str]) {
    let request = locate("GET", target, "").unwrap();
    let answer = read_answer(&request, status, body).unwrap();
    assert_eq!(all_lines(&answer.body), expected, "{body}");
    assert_eq!(names(&answer.records), named, "{body}");
}

#[test]
fn records_are_located_with_those_inside_of_them() {
    check(
        "/crm/v8/Contacts/55",
        200,
        r#"{"data":[{"Owner":{"name":"Jo Kern","id":"9","email":"jo@c.de"},"Email":"t1","Full_Name":"t2 t3","First_Name":"t2","Last_Name":"t3","Secondary_Email":null,"Account_Name":{"name":"Weingut","id":"77"},"Reporting_To":{"name":"t4 t5","id":"56"},"$approval":{"approve":false},"Tag":[{"name":"VIP","id":"3"}],"Kids":[{"First_Name":"t6","Parent_Id":{"name":"t2 t3","id":"55"},"id":"5"}],"Guardian":{"name":"t7 t8","id":"57"},"Languages":["x"],"id":"55"}]}"#,
        &[
            "1 users.full_name Stored Jo Kern",
            "1 users.email Stored jo@c.de",
            "0 contacts.email Stored t1",
            r#"0 contacts.full_name Composed { from: ["first_name", "last_name"] } t2 t3"#,
            "0 contacts.first_name Stored t2",
            "0 contacts.last_name Stored t3",
            "2 accounts.account_name Stored Weingut",
            r#"3 contacts.full_name Composed { from: ["first_name", "last_name"] } t4 t5"#,
            "0 contacts.$approval Stored a boolean",
            "0 contacts.tag Stored VIP",
            "4 kids.first_name Stored t6",
            r#"5 contacts.full_name Composed { from: ["first_name", "last_name"] } t2 t3"#,
            "6 contacts.guardian Stored t7 t8",
            "0 contacts.languages Stored x",
        ],
        &[
            "0 contacts 55",
            "1 users 9",
            "2 accounts 77",
            "3 contacts 56",
            "4 kids 5",
            "5 contacts 55",
        ],
    );
    check(
        "/crm/v8/Deals?fields=Contact_Name",
        200,
        r#"{"data":[{"Deal_Name":"t1","Contact_Name":{"name":"t2 t3","id":"55"},"id":"7"},{"Deal_Name":null,"id":"8"}],"info":{"next_page_token":"c85","more_records":true}}"#,
        &[
            "0 deals.deal_name Stored t1",
            r#"1 contacts.full_name Composed { from: ["first_name", "last_name"] } t2 t3"#,
        ],
        &["0 deals 7", "1 contacts 55", "2 deals 8"],
    );
    check(
        "/crm/v8/Contacts/55/Notes?fields=Note_Content",
        200,
        r#"{"data":[{"Note_Content":"t1","Parent_Id":{"module":{"api_name":"Contacts","id":"2"},"name":"t2 t3","id":"55"},"id":"6"}]}"#,
        &[
            "0 notes.note_content Stored t1",
            r#"1 contacts.full_name Composed { from: ["first_name", "last_name"] } t2 t3"#,
        ],
        &["0 notes 6", "1 contacts 55"],
    );
    check(
        "/crm/v8/Leads/deleted",
        200,
        r#"{"data":[{"deleted_by":{"name":"Jo Kern","id":"9"},"id":"5","display_name":"t1 t2","type":"permanent","created_by":null,"deleted_time":"2026-01-02T00:00:00Z"}]}"#,
        &[
            "1 users.full_name Stored Jo Kern",
            r#"0 leads.full_name Composed { from: ["first_name", "last_name"] } t1 t2"#,
            "0 leads.type Stored permanent",
            "0 leads.deleted_time Stored 2026-01-02T00:00:00Z",
        ],
        &["0 leads 5", "1 users 9"],
    );
}

#[test]
fn timelines_show_what_fields_held() {
    check(
        "/crm/v8/Contacts/55/__timeline?per_page=5&sort_by=audited_time",
        200,
        r#"{"__timeline":[{"done_by":{"profile":{"name":"Admin","id":"1"},"name":"Jo Kern","id":"9","type__s":"regular"},"related_record":null,"record":{"module":{"api_name":"Contacts","id":"2"},"name":"t1 t2","id":"55"},"action":"updated","field_history":[{"api_name":"Email","field_label":"Email","_value":{"new":"t3","old":null}},{"api_name":"Full_Name","_value":{"new":"t1 t2","old":"t1 t4"}},{"api_name":"Owner","_value":{"new":{"name":"Jo Kern","id":"9"}}}],"id":"3"},{"record":{"module":{"api_name":"Tasks"},"name":"t5","id":"7"},"related_record":{"module":{"api_name":"Contacts"},"name":"t1 t2","id":"55"},"field_history":[]}],"info":{"more_records":false}}"#,
        &[
            "2 users.profile Stored Admin",
            "1 users.full_name Stored Jo Kern",
            "1 users.type__s Stored regular",
            r#"3 contacts.full_name Composed { from: ["first_name", "last_name"] } t1 t2"#,
            "0 contacts.email Former t3",
            r#"0 contacts.full_name Composed { from: ["first_name", "last_name"] } t1 t2"#,
            r#"0 contacts.full_name Composed { from: ["first_name", "last_name"] } t1 t4"#,
            "4 users.full_name Stored Jo Kern",
            "6 tasks.subject Stored t5",
            r#"7 contacts.full_name Composed { from: ["first_name", "last_name"] } t1 t2"#,
        ],
        &[
            "0 contacts 55",
            "1 users 9",
            "3 contacts 55",
            "4 users 9",
            "5 tasks 7",
            "6 tasks 7",
            "7 contacts 55",
        ],
    );
}

#[test]
fn other_answers_are_located() {
    check(
        "/crm/v8/users?type=CurrentUser",
        200,
        r#"{"users":[{"full_name":"Jo Kern","email":"jo@c.de","role":{"name":"CEO","id":"1"},"id":"9"}],"info":{"count":1}}"#,
        &[
            "0 users.full_name Stored Jo Kern",
            "0 users.email Stored jo@c.de",
            "1 users.role Stored CEO",
        ],
        &["0 users 9"],
    );
    check(
        "/crm/v8/org",
        200,
        r#"{"org":[{"primary_email":"jo@c.de","id":"1"}]}"#,
        &["0 org.primary_email Stored jo@c.de"],
        &["0 org 1"],
    );
    check(
        "/crm/v8/settings/modules",
        200,
        r#"{"modules":[{"api_name":"Leads","modified_by":{"name":"Jo Kern","id":"9"},"web_link":"https://www.zohoapis.eu/x"}]}"#,
        &["1 users.full_name Stored Jo Kern", "link https://zoll.example/zoho/x"],
        &["1 users 9"],
    );
    check("/crm/v8/Leads/actions/count", 200, r#"{"count":7}"#, &[], &[]);
    check("/crm/v8/Leads", 304, "", &[], &[]);
    let request = locate("GET", "/crm/v8/Leads", "").unwrap();
    assert!(read_answer(&request, 200, r#"[{"Email":"t"}]"#).is_err(), "Zoho does not say that");
    check(
        "/crm/v8/Leads/5",
        400,
        r#"{"code":"INVALID_DATA","details":{"id":"5","api_name":"Email","Owner":{"name":"Jo Kern","id":"9"}},"message":"t1 is invalid","status":"error"}"#,
        &[
            "0 error.message Echo INVALID_DATA",
            "0 error.message Echo Email",
            "1 users.full_name Stored Jo Kern",
            "0 error.message Echo t1 is invalid",
            "0 error.message Echo error",
        ],
        &["1 users 9"],
    );
}

#[test]
fn a_login_leads_back_to_us() {
    let request = locate("POST", "/oauth/v2/token?grant_type=refresh_token", "").unwrap();
    let body =
        r#"{"access_token":"1000.x","api_domain":"https://www.zohoapis.eu","token_type":"Bearer"}"#;
    let answer = read_answer(&request, 200, body).unwrap();
    assert_eq!(
        render(&answer.body, &Replacement::Keep),
        body.replace("https://www.zohoapis.eu", "https://zoll.example/zoho")
    );
    let answer = read_answer(&request, 200, r#"{"error":"invalid_code"}"#).unwrap();
    assert_eq!(all_lines(&answer.body), ["0 error.message Echo invalid_code"]);
}
