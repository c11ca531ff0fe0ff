// SPDX-License-Identifier: Apache-2.0
//! Whom records are about by the ids in them.

use super::{JSON, locate};
use crate::crm::testkit::referred;

#[test]
fn a_record_is_about_whom_its_ids_tell() {
    let check = |method: &str, target: &str, body: &str, expected: &[&str]| {
        let located = locate(method, target, JSON, body).unwrap();
        assert_eq!(referred(&located), expected, "{target} {body}");
    };
    let ids = r#"{"content":"x","person_id":7,"org_id":"8","deal_id":9,"user_id":1,"owner_id":2}"#;
    let expected = ["0 person 7", "0 organization 8", "0 deal 9"];
    check("POST", "/v1/notes", ids, &expected);
    check("PUT", "/v1/notes/3", ids, &expected);
    for target in ["/v1/activities", "/api/v2/activities", "/api/v2/deals", "/v1/leads"] {
        check("POST", target, r#"{"person_id":7}"#, &["0 person 7"]);
    }
    let lead = "2d1b0a4e-0000-4000-8000-000000000001";
    let body = format!(r#"{{"lead_id":"{lead}","person_id":null,"org_id":""}}"#);
    check("POST", "/v1/notes", &body, &[&format!("0 lead {lead}")]);
    // As v1 shows them, and clients send them back.
    let shown = r#"{"person_id":{"name":"x","value":7},"user_id":{"id":1}}"#;
    check("PUT", "/v1/deals/3", shown, &["0 person 7"]);
    let participants = r#"{"participants":[{"person_id":7,"primary":true},{"person_id":8}]}"#;
    // Each participant is a record of its own as well.
    let expected = ["0 person 7", "1 person 7", "0 person 8", "2 person 8"];
    check("POST", "/api/v2/activities", participants, &expected);
    check("POST", "/v1/persons", r#"{"name":"x","org_id":5}"#, &["0 organization 5"]);
}
