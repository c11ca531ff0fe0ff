// SPDX-License-Identifier: Apache-2.0
//! Which requests are read, and what is found in their records.
//!
//! Bodies follow the examples of "Insert Records", "Update Records", "Upsert Records",
//! "Create Notes" and the users of Zoho CRM API v7 and v8, with other values.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value as Tree, json};

use super::{check, locate, locate_with, names, read_answer, refused, render};
use crate::carrier::Replacement;
use crate::crm::testkit::all_lines;
use crate::crm::{Done, SameRecord};

const RECORD: &str = r#"{"data":[{"Last_Name":"M\u00fcller","First_Name":"Anna","Email":"a@b.de","Mobile":"040","Foreign_Languages":["Korean","Irish"],"$append_values":{"Foreign_Languages":true},"Email_Opt_Out":false,"Fax":null,"Full_Name":"Anna Müller"}],"trigger":["workflow"]}"#;

#[test]
fn records_are_located() {
    let expected = [
        "0 contacts.last_name Stored Müller",
        "0 contacts.first_name Stored Anna",
        "0 contacts.email Stored a@b.de",
        "0 contacts.phone Stored 040",
        "0 contacts.foreign_languages Stored Korean",
        "0 contacts.foreign_languages Stored Irish",
        "0 contacts.$append_values Stored a boolean",
        "0 contacts.email_opt_out Stored a boolean",
        "0 contacts.fax Stored -",
        // What is composed is emptied.
        "link ",
    ];
    let with = |operation| [&[operation], expected.as_slice()].concat();
    check("POST", "/crm/v8/Contacts", RECORD, &with("record.create contacts"));
    check("POST", "/crm/v2.1/contacts", RECORD, &with("record.create contacts"));
    check("PUT", "/crm/v8/Contacts", RECORD, &with("record.update_many contacts"));
    check("PUT", "/crm/v2/Contacts/55", RECORD, &with("record.update contacts"));
    let located = locate("POST", "/crm/v8/Contacts", RECORD).unwrap();
    assert_eq!(
        render(&located.body, &Replacement::Keep),
        RECORD.replace("\"Full_Name\":\"Anna Müller\"", "\"Full_Name\":\"\"")
    );
    let upsert = locate("POST", "/crm/v8/Contacts/upsert", RECORD).unwrap();
    assert!(super::described(&upsert).contains(&"0 contacts.email Key a@b.de".to_owned()));
    check(
        "POST",
        "/crm/v8/Leads/upsert",
        r#"{"data":[{"Email":"a@b.de","Phone":"1"},{"Phone":"2"}],"duplicate_check_fields":["Phone"]}"#,
        &[
            "record.upsert leads",
            "0 leads.email Stored a@b.de",
            "0 leads.phone Key 1",
            "1 leads.phone Key 2",
        ],
    );
}

#[test]
fn lookups_show_other_records() {
    let body = r#"{"data":[{"Account_Name":{"name":"Weingut","id":"77"},"Owner":{"id":"9"},"Created_By":{"name":"Jo Kern","id":"9","email":"jo@c.de"},"Contact_Name":{"name":"Anna Müller","id":"55"},"Who_Id":"55","What_Id":{"name":"Zoë d’Arc","id":"56"},"$se_module":"Leads","Guardian":{"name":"Max Müller","id":"57"},"Layout":null,"id":"7"}]}"#;
    let located = locate("PUT", "/crm/v8/Tasks", body).unwrap();
    let expected = [
        "record.update_many tasks",
        "1 accounts.account_name Stored Weingut",
        "2 users.full_name Stored Jo Kern",
        "2 users.email Stored jo@c.de",
        "link ",
        "link ",
        "0 tasks.$se_module Stored Leads",
        "5 tasks.guardian Stored Max Müller",
        "0 tasks.layout Stored -",
    ];
    assert_eq!(super::described(&located), expected);
    // Only the record itself is named: what the body says of others decides nothing.
    assert_eq!(names(&located.records), ["0 tasks 7"]);
    let body = r#"{"data":[{"id":"8"}]}"#;
    let named = |method, target, expected: &[&str]| {
        assert_eq!(names(&locate(method, target, body).unwrap().records), expected, "{target}");
    };
    named("PUT", "/crm/v8/Tasks/7", &["0 tasks 7"]);
    named("POST", "/crm/v8/Tasks", &[]);
    named("POST", "/crm/v8/Contacts/upsert", &[]);
    named("PUT", "/crm/v8/Deals/7/Contacts", &["0 contacts 8", "1 deals 7"]);
    // Without an id, a record is named by what it is called.
    check(
        "POST",
        "/crm/v8/Deals",
        r#"{"data":[{"Deal_Name":"x","Account_Name":"Weingut","Contact_Name":{"name":"Anna Müller"}}]}"#,
        &[
            "record.create deals",
            "0 deals.deal_name Stored x",
            "1 accounts.account_name Key Weingut",
            "use contacts.first_name naming a record by a composed name",
            "use contacts.last_name naming a record by a composed name",
        ],
    );
    check(
        "POST",
        "/crm/v8/Accounts",
        r#"{"data":[{"Account_Name":"Weingut","Parent_Account":"77"}]}"#,
        &["record.create accounts", "0 accounts.account_name Stored Weingut"],
    );
}

#[test]
fn rows_participants_and_tags_are_located() {
    check(
        "POST",
        "/crm/v8/Events",
        r##"{"data":[{"Event_Title":"x","Participants":[{"type":"email","participant":"a@b.de"},{"type":"contact","participant":"55","name":"Anna Müller"},{"type":"user","participant":"9","Email":"jo@c.de"}],"Tag":[{"name":"VIP","id":"3","color_code":"#57B1FD"}],"Remind_At":{"ALARM":"FREQ=NONE"},"Kids":[{"First_Name":"Max","School":{"name":"S","id":"4"}},{"id":"5","_delete":null}]}]}"##,
        &[
            "record.create events",
            "0 events.event_title Stored x",
            "1 contacts.email Stored a@b.de",
            "link ",
            "3 users.email Stored jo@c.de",
            "0 events.tag Stored VIP",
            "0 events.remind_at Stored FREQ=NONE",
            "4 kids.first_name Stored Max",
            "5 kids.school Stored S",
            "6 kids._delete Stored -",
            "use events.kids records in its place",
        ],
    );
    check(
        "POST",
        "/crm/v8/Contacts/55/Notes",
        r#"{"data":[{"Note_Title":"t","Note_Content":"c","Parent_Id":{"module":{"api_name":"Contacts","id":"2"},"id":"55"}}]}"#,
        &["related.create notes", "0 notes.note_title Stored t", "0 notes.note_content Stored c"],
    );
}

#[test]
fn what_a_lead_becomes_is_located() {
    let body = r#"{"data":[{"overwrite":true,"Accounts":{"id":"77"},"Contacts":"55","assign_to":{"id":"9"},"Deals":{"Deal_Name":"x","Contact_Name":{"name":"Anna Müller","id":"55"},"Description":"y"},"carry_over_tags":{"Contacts":[{"name":"VIP"}]}}]}"#;
    let located = locate("POST", "/crm/v8/Leads/5/actions/convert", body).unwrap();
    assert_eq!(
        super::described(&located),
        [
            "record.convert leads",
            "0 leads.overwrite Stored a boolean",
            "1 deals.deal_name Stored x",
            "link ",
            "1 deals.description Stored y",
            "0 leads.carry_over_tags Stored VIP",
        ]
    );
    assert_eq!(names(&located.records), ["0 leads 5"]);
    let old = r#"{"data":[{"Contacts":"55","Deals":null,"Accounts":"77"}]}"#;
    let new = r#"{"data":[{"code":"SUCCESS","details":{"Contacts":{"name":"t1 t2","id":"55"}},"status":"success"}]}"#;
    let answer = read_answer(&located, 200, old).unwrap();
    assert_eq!(answer.done, Done::Each(vec![SAME]));
    let answer = read_answer(&located, 200, new).unwrap();
    assert_eq!(answer.done, Done::Each(vec![SAME]));
    assert_eq!(names(&answer.records), ["1 contacts 55"]);
    let failed =
        r#"{"data":[{"code":"DUPLICATE_DATA","details":{},"message":"t1","status":"error"}]}"#;
    let failed = read_answer(&located, 400, failed).unwrap().done;
    assert_eq!(failed, Done::Each(vec![SameRecord { is_taken: false, ..SAME }]));
}

const SAME: SameRecord = SameRecord { in_answer: 0, in_request: 0, is_taken: true };

#[test]
fn other_requests_are_read() {
    let none = "";
    check(
        "GET",
        "/crm/v8/Contacts?fields=Last_Name,%20Email&per_page=200&page_token=c85_8",
        none,
        &["record.list contacts"],
    );
    check("GET", "/crm/v8/Contacts/55", none, &["record.read contacts"]);
    check("DELETE", "/crm/v8/Contacts/55?wf_trigger=true", none, &["record.delete contacts"]);
    check("DELETE", "/crm/v8/Contacts?ids=55,56", none, &["record.delete_many contacts"]);
    check("GET", "/crm/v8/Contacts/deleted?type=all", none, &["record.deleted contacts"]);
    check("GET", "/crm/v8/Accounts/77/Contacts?fields=Email", none, &["related.list contacts"]);
    check("GET", "/crm/v8/Contacts/55/Attachments?fields=id", none, &["related.list attachments"]);
    check("GET", "/crm/v8/users?type=CurrentUser", none, &["record.list users"]);
    check("GET", "/crm/v8/org", none, &["organization.read org"]);
    check("GET", "/crm/v8/settings/fields?module=Contacts", none, &["metadata.read -"]);
    check("GET", "/crm/v8/settings/modules/Contacts", none, &["metadata.read -"]);
    check(
        "POST",
        "/oauth/v2/token?grant_type=client_credentials&client_id=1000.X&scope=ZohoCRM.modules.ALL,ZohoCRM.org.READ",
        none,
        &["oauth.token -"],
    );
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = "grant_type=refresh_token&refresh_token=1000.x&client_id=1&client_secret=2";
    let login = locate_with("POST", "/oauth/v2/token", body, &form).unwrap();
    assert_eq!(login.operation.name.as_str(), "oauth.token");
    assert!(locate_with("POST", "/oauth/v2/token", "email=a@b.de", &form).is_err());

    let located = locate("GET", "/crm/v8/Accounts/0077/Contacts/55", none).unwrap();
    assert_eq!(names(&located.records), ["0 contacts 55", "1 accounts 77"]);
    let located = locate("GET", "/crm/v8/Leads?ids=5,%206", none).unwrap();
    assert_eq!(names(&located.records), ["0 leads 5", "1 leads 6"]);
}

#[test]
fn a_field_of_ones_own_names_records() {
    let external = [("x-external", "Accounts.Number,Contacts.External_ID")];
    let located = locate_with("GET", "/crm/v8/Contacts/a%40b.de", "", &external).unwrap();
    assert_eq!(
        super::described(&located),
        ["record.read contacts", "0 contacts.external_id Key a@b.de"]
    );
    let body = r#"{"data":[{"External_ID":"x","City":"Ulm"}]}"#;
    let located = locate_with("PUT", "/crm/v8/Contacts", body, &external).unwrap();
    assert_eq!(
        super::described(&located),
        [
            "record.update_many contacts",
            "0 contacts.external_id Key x",
            "0 contacts.city Stored Ulm",
        ]
    );
    for bad in ["a@b.de", "Contacts", "Contacts.A,Contacts.B", ""] {
        let external = [("x-external", bad)];
        assert!(locate_with("GET", "/crm/v8/Contacts/x", "", &external).is_err(), "{bad}");
    }
    assert!(locate_with("GET", "/crm/v8/org", "", &[("x-external", "Anna")]).is_err());
}

#[test]
fn what_is_not_understood_is_refused() {
    let unknown = "the dialect does not know this operation";
    let check = |method: &str, target: &str, body: &str, expected: &str| {
        let message = refused(method, target, body);
        assert!(message.contains(expected), "{method} {target}: {message}");
        assert!(!message.contains("a@b.de"), "{message}");
    };
    check("POST", "/crm/v8/users", r#"{"users":[{"email":"a@b.de"}]}"#, unknown);
    check("GET", "/crm/v8/Activities", "", unknown);
    check("GET", "/crm/v8/Contacts/55/Emails", "", unknown);
    check("GET", "/crm/v8/Contacts/55/__timeline?filters=a@b.de", "", "does not take it");
    check("GET", "/crm/v1/Contacts", "", unknown);
    check("GET", "/crm/v8/settings/recycle_bin", "", unknown);
    check("GET", "/crm/v8/settings/portals/X/user_type/7/users", "", unknown);
    check("POST", "/crm/v8/Contacts/5/actions/convert", "{}", unknown);
    check("POST", "/crm/v8/Leads/5/actions/add_tags", "{}", unknown);
    check("PATCH", "/crm/v8/Contacts", "{}", "PATCH is not a method");
    check("POST", "/crm/v8/upload", "a@b.de", "the header `feature`");
    check("GET", "/crm/v8/files?id=7", "", "a file");
    check("GET", "/crm/v8/Contacts/55/photo", "", "a photo");
    check("GET", "/crm/v8/Contacts/55/Attachments/7", "", "an attachment");
    check("GET", "/crm/v8/Contacts/a@b.de", "", "it is not a record id");
    check("GET", "/crm/v8/Leads/@{1:$.data[0].details.id}", "", "it is not a record id");
    check("GET", "/crm/v8/Contacts?fields=a@b.de", "", "it has a form that Zoho does not use");
    check("GET", "/crm/v8/Contacts?page=1&page=2", "", "it is given twice");
    check("GET", "/crm/v8/Contacts?email=a@b.de", "", "this operation does not take it");
    check("GET", "/crm/v8/Contacts", "{}", "this operation has none");
    check("POST", "/crm/v8/Contacts", r#"{"data":{"a":1}}"#, "it is not a list");
    check("POST", "/crm/v8/Contacts", r#"{"data":["a@b.de"]}"#, "it is not an object");
    check(
        "POST",
        "/crm/v8/Contacts",
        r#"{"data":[],"other":"a@b.de"}"#,
        "this operation does not take it",
    );
    check(
        "POST",
        "/crm/v8/Contacts",
        r#"{"data":[],"trigger":["a@b.de"]}"#,
        "this operation does not take it",
    );
    check("POST", "/crm/v8/Contacts", r#"{"data":[{"a@b.de":1}]}"#, "a name in the body");
    check("POST", "/crm/v8/Contacts", r#"{"data":[{"X":{"a@b.de":1}}]}"#, "a name in the body");
    check("POST", "/crm/v8/Contacts", r#"{"data":[{"id":"a@b.de"}]}"#, "it is no id");
    check("POST", "/crm/v8/Contacts", "data=a@b.de", "the body");
    let xml = [("content-type", "text/xml")];
    assert!(locate_with("POST", "/crm/v8/Contacts", "<a/>", &xml).is_err());
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::from),
        any::<i32>().prop_map(Tree::from),
        "[a-zü\"\\\\@]{0,8}".prop_map(Tree::from),
    ];
    let key = "id|Email|Last_Name|Owner|name|Account_Name|Participants|Tag|\\$x|Kids|type|module";
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Tree::from),
            btree_map(key, inner, 0..5).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_kept_stays_byte_for_byte(tree in tree(), is_pretty: bool) {
        let body = json!({ "data": [tree], "trigger": [] });
        let text = if is_pretty {
            serde_json::to_string_pretty(&body).unwrap()
        } else {
            body.to_string()
        };
        let list = locate("GET", "/crm/v8/Deals", "").unwrap();
        if let Ok(answer) = read_answer(&list, 200, &text) {
            prop_assert_eq!(render(&answer.body, &Replacement::Keep), text.as_str());
        }
        if let Ok(update) = locate("PUT", "/crm/v8/Deals/7", &text) {
            prop_assert!(tree.is_object());
            // The name beside an id is written anew, as none.
            if !all_lines(&update.body).iter().any(|line| line.starts_with("link ")) {
                prop_assert_eq!(render(&update.body, &Replacement::Keep), text.as_str());
            }
            // Replaced, it is still the same shape of JSON.
            let replaced = render(&update.body, &Replacement::text("\"x"));
            prop_assert!(serde_json::from_str::<Tree>(&replaced).is_ok(), "{}", replaced);
        }
    }
}
