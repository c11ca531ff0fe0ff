// SPDX-License-Identifier: Apache-2.0

use super::{JSON, locate, origins, read_answer, render, values};
use crate::carrier::Replacement;
use crate::crm::{Done, RecordName, SameRecord};

fn check(target: &str, status: u16, body: &str, expected: &[&str]) {
    let request = locate("GET", target, JSON, "").unwrap();
    let answer = read_answer(&request, status, body.as_bytes(), &origins()).unwrap();
    assert_eq!(values(&answer.body), expected, "{body}");
}

#[test]
fn records_are_located_with_those_inside_of_them() {
    check(
        "/v1/persons",
        200,
        r#"{"success":true,"data":[{"id":7,"name":"t1 t2","first_name":"t1","last_name":"t2","first_char":"t","email":[{"label":"work","value":"t3","primary":true}],"active_flag":true,"org_id":{"name":"Weingut","value":5,"address":null},"owner_id":{"id":1,"name":"Schulz","value":1}},{"name":"t4","add_time":"2023-02-22 15:40:07","picture":"https://weingut.pipedrive.com/p"}],"related_objects":{"person":{"9":{"name":"t5"}},"stage":{"1":{"name":"Won"}}},"additional_data":{"next_cursor":"eyJp"}}"#,
        &[
            "0 person.name Stored t1",
            "0 person.name Stored t2",
            "0 person.name Stored t1",
            "0 person.name Stored t2",
            r#"0 person.first_char Composed { from: ["name"] } t"#,
            "0 person.email Stored t3",
            "0 person.active_flag Stored a boolean",
            "1 organization.name Stored Weingut",
            "2 user.name Stored Schulz",
            "3 person.name Stored t4",
            "3 person.add_time Stored 2023-02-22 15:40:07",
            "link https://zoll.example/pd/p",
            "4 person.name Stored t5",
        ],
    );
    check(
        "/api/v2/deals/1",
        200,
        r#"{"data":{"title":"t1","person_id":9,"person_name":"t2","owner_name":"Schulz","value":100,"custom_fields":{"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA":{"value":"t3","locality":"t4"}}}}"#,
        &[
            "0 deal.title Stored t1",
            "1 person.name Stored t2",
            "2 user.name Stored Schulz",
            "0 deal.value Stored 100",
            "0 deal.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa Stored t3",
            "0 deal.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa Stored t4",
        ],
    );
    check(
        "/v1/notes/3",
        200,
        r#"{"data":{"content":"t1","person":{"name":"t2"},"user":{"email":"s@c.de"}}}"#,
        &["0 note.content Stored t1", "1 person.name Stored t2", "2 user.email Stored s@c.de"],
    );
}

/// In the place of the id that a custom field refers to, v1 shows the record.
#[test]
fn what_a_custom_field_refers_to_is_a_record_of_its_own() {
    let key = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let check_custom = |shown: &str, expected: &[&str], name: &str| {
        let answer = format!(r#"{{"success":true,"data":{{"id":1,"{key}":{shown}}}}}"#);
        check("/v1/deals/1", 200, &answer, expected);
        assert_eq!(named("GET", "/v1/deals/1", "", &answer).0, ["0 deal 1", name]);
    };
    check_custom(
        r#"{"active_flag":true,"name":"t1","email":[{"value":"t2","primary":true}],"phone":[{"value":"t3"}],"value":7}"#,
        &[
            "1 person.active_flag Stored a boolean",
            "1 person.name Stored t1",
            "1 person.email Stored t2",
            "1 person.phone Stored t3",
        ],
        "1 person 7",
    );
    check_custom(
        r#"{"id":7,"name":"Schulz","email":"s@c.de","value":7}"#,
        &["1 user.name Stored Schulz", "1 user.email Stored s@c.de"],
        "1 user 7",
    );
    check_custom(
        r#"{"name":"W","people_count":1,"value":7}"#,
        &["1 organization.name Stored W", "1 organization.people_count Stored 1"],
        "1 organization 7",
    );
    check(
        "/v1/activities/3",
        200,
        r#"{"data":{"file":{"id":"5","clean_name":"t1.pdf","url":"https://weingut.pipedrive.com/f"}}}"#,
        &["1 file.name Stored t1.pdf", "link https://zoll.example/pd/f"],
    );
    check(
        "/v1/deals/1/products",
        200,
        r#"{"data":[{"product":{"name":"Box","owner_id":{"id":1,"name":"Schulz"}}}]}"#,
        &["1 product.name Stored Box", "2 user.name Stored Schulz"],
    );
}

#[test]
fn who_takes_part_is_a_person() {
    check(
        "/v1/deals/7/participants",
        200,
        r#"{"success":true,"data":[{"id":3,"person_id":{"name":"t1","email":[{"value":"t2"}],"value":9},"added_by_user_id":{"name":"Schulz","value":1},"related_item_data":{"deal_id":7,"title":"t3"}}]}"#,
        &[
            "1 person.name Stored t1",
            "1 person.email Stored t2",
            "2 user.name Stored Schulz",
            "3 deal.title Stored t3",
        ],
    );
    check(
        "/v1/persons/7/files",
        200,
        r#"{"data":[{"id":3,"name":"t1.pdf","person_name":"t2","deal_name":"t3","url":"https://weingut.pipedrive.com/v1/files/3/download"}]}"#,
        &[
            "0 file.name Stored t1.pdf",
            "1 person.name Stored t2",
            "2 deal.title Stored t3",
            "link https://zoll.example/pd/v1/files/3/download",
        ],
    );
    let activity = r#"{"success":true,"data":{"id":3,"subject":"s","participants":[{"person_id":9,"primary":true}],"attendees":[{"email":"t1","person_id":8}]}}"#;
    let names = ["0 activity 3", "1 person 9", "2 person 8"].map(str::to_owned).to_vec();
    assert_eq!(named("GET", "/api/v2/activities/3", "", activity).0, names);
}

/// Whatever it begins with, it may go on with a name.
#[test]
fn what_may_be_protected_is_no_link() {
    let link = "https://weingut.pipedrive.com/person/7";
    let key = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    check(
        "/v1/notes/3",
        200,
        &format!(r#"{{"data":{{"content":"{link} Anna","{key}":"{link}","url":"{link}"}}}}"#),
        &[
            &format!("0 note.content Stored {link} Anna"),
            &format!("0 note.{key} Stored {link}"),
            "link https://zoll.example/pd/person/7",
        ],
    );
}

#[test]
fn the_first_letter_is_of_the_name_of_its_object() {
    for object in ["person", "organization", "product"] {
        check(
            &format!("/v1/{object}s"),
            200,
            r#"{"data":[{"first_char":"t"}]}"#,
            &[&format!(r#"0 {object}.first_char Composed {{ from: ["name"] }} t"#)],
        );
    }
}

#[test]
fn changes_name_their_field() {
    check(
        "/v1/persons/7/changelog?limit=2",
        200,
        r#"{"data":[{"field_key":"last_name","old_value":null,"new_value":"t1 t2","actor_user_id":26,"change_source":"app"},{"field_key":"email","old_value":"t3","new_value":"t4"}]}"#,
        &[
            "0 person.name Former t1",
            "0 person.name Former t2",
            "1 person.email Former t3",
            "1 person.email Former t4",
        ],
    );
}

/// `record object id`, and what was done.
fn named(method: &str, target: &str, body: &str, answer: &str) -> (Vec<String>, Done) {
    let request = locate(method, target, JSON, body).unwrap();
    let answer = read_answer(&request, 200, answer.as_bytes(), &origins()).unwrap();
    let name = |it: &RecordName| format!("{} {} {}", it.record, it.object, it.id);
    (answer.records.iter().map(name).collect(), answer.done)
}

#[test]
fn records_are_named_with_those_that_they_copy_from() {
    let deals = r#"{"success":true,"data":[
        {"id":1,"title":"t","person_id":{"name":"a","value":9},"org_id":5,"org_name":"o","person_name":"a"},
        {"id":2,"person_name":"b"}]}"#;
    let names = ["0 deal 1", "1 person 9", "2 organization 5", "3 person 9", "4 deal 2"];
    assert_eq!(
        named("GET", "/v1/deals", "", deals),
        (names.map(str::to_owned).to_vec(), Done::All)
    );
    let changes = r#"{"success":true,"data":[{"field_key":"name","new_value":"a"},
        {"field_key":"email","new_value":"b"}]}"#;
    let names = ["0 person 7", "1 person 7"].map(str::to_owned).to_vec();
    assert_eq!(named("GET", "/v1/persons/7/changelog", "", changes).0, names);
}

#[test]
fn a_record_that_was_written_is_the_one_of_the_request() {
    let written = Done::Each(vec![SameRecord { in_answer: 0, in_request: 0, is_taken: true }]);
    let record = r#"{"success":true,"data":{"id":7,"name":"a"},"related_objects":{}}"#;
    let check = |answer: &str, expected: &Done| {
        let body = r#"{"id":8,"name":"a"}"#;
        assert_eq!(named("POST", "/v1/persons", body, answer).1, *expected, "{answer}");
    };
    check(record, &written);
    check(r#"{"success":true,"data":null}"#, &Done::All);
    check(r#"{"success":false,"error":"name is missing"}"#, &Done::default());
    // The path names the record that is written, whatever the body says.
    let body = r#"{"id":8,"name":"a"}"#;
    let located = locate("PUT", "/v1/persons/7", JSON, body).unwrap();
    assert_eq!(located.records.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["7"]);
    let located = locate("PUT", "/v1/persons/7/merge", JSON, r#"{"merge_with_id":8}"#).unwrap();
    let names = located.records.iter().map(|it| (it.record, it.id.as_str()));
    assert_eq!(names.collect::<Vec<_>>(), [(1, "8"), (0, "7")]);
}

#[test]
fn items_say_what_they_are() {
    check(
        "/api/v2/itemSearch?term=t1&fields=phone&item_types=person,lead&exact_match=true",
        200,
        r#"{"data":{"items":[{"result_score":0.9,"item":{"id":7,"type":"person","name":"t0","phones":["t1"],"notes":["t2"],"custom_fields":["KD"],"organization":{"id":5,"name":"W"}}}],"related_items":[{"item":{"type":"lead","title":"t3","emails":["t4"],"phones":["t5"],"person":{"id":7,"name":"t0"}}}]}}"#,
        &[
            "0 person.type Stored person",
            "0 person.name Stored t0",
            "0 person.phone Stored t1",
            "0 note.content Stored t2",
            "0 person.custom_fields Stored KD",
            "1 organization.name Stored W",
            "2 lead.type Stored lead",
            "2 lead.title Stored t3",
            "3 person.email Stored t4",
            "3 person.phone Stored t5",
            "4 person.name Stored t0",
        ],
    );
    check(
        "/v1/recents?since_timestamp=2023-01-01%2000:00:00",
        200,
        r#"{"data":[{"item":"person","id":532,"data":{"name":"t1"}},{"item":"person","id":4,"data":null}]}"#,
        &["0 person.name Stored t1"],
    );
    check(
        "/api/v2/itemSearch/field?term=x&entity_type=person&field=name",
        200,
        r#"{"data":[{"id":9,"name":"t1"}]}"#,
        &["0 person.name Stored t1"],
    );
    // What is found is a record of the type of item, wherever its field is copied from.
    let target = "/api/v2/itemSearch/field?term=x&entity_type=deal&field=org_name";
    let found = r#"{"data":[{"id":9,"org_name":"t1"}]}"#;
    check(target, 200, found, &["1 organization.name Stored t1"]);
    assert_eq!(named("GET", target, "", found).0, ["0 deal 9"]);
    let request = locate("GET", "/v1/recents", JSON, "").unwrap();
    let unknown = read_answer(&request, 200, br#"{"data":[{"name":"t1"}]}"#, &origins());
    assert!(unknown.is_err());
    let request = locate("GET", "/v1/persons", JSON, "").unwrap();
    for unnamed in [r#"[{"name":"Anna"}]"#, r#""Anna""#] {
        assert!(read_answer(&request, 200, unnamed.as_bytes(), &origins()).is_err(), "{unnamed}");
    }
}

#[test]
fn errors_may_repeat_what_was_sent() {
    let expected = ["0 error.message Echo t1 is invalid", "0 error.message Echo see t1"];
    let body =
        r#"{"success":false,"error":"t1 is invalid","errorCode":400,"data":{"why":"see t1"}}"#;
    check("/v1/persons", 400, body, &expected);
    check("/v1/persons", 200, body, &expected);
    check("/v1/persons/7", 404, "", &[]);
}

#[test]
fn a_token_names_us_as_the_host_of_the_api() {
    let body = "grant_type=authorization_code&code=a";
    let request = locate("POST", "/oauth/token", super::FORM, body).unwrap();
    let answer = r#"{"access_token":"v1u:x","api_domain":"https://other.pipedrive.com"}"#;
    let answer = read_answer(&request, 200, answer.as_bytes(), &origins()).unwrap();
    let expected = r#"{"access_token":"v1u:x","api_domain":"https://zoll.example/pd"}"#;
    assert_eq!(render(&answer.body, &Replacement::Keep), expected);
}
