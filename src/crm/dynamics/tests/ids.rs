// SPDX-License-Identifier: Apache-2.0
//! What looks like the id or the type of a record and is none.

use super::{ID, locate, occurrences, read};
use crate::carrier::Codec;

#[test]
fn a_guid_in_a_text_column_is_a_value() {
    let check = |method: &str, target: &str, body: &str, expected: &[String]| {
        let located = locate(method, target, body).unwrap();
        let mut found = occurrences(&located.target);
        found.extend(occurrences(&located.body));
        assert_eq!(found, expected, "{method} {target}");
    };
    let body = r#"{"employeeid":"{id}","GovernmentId":"{id}","address1_addressid":"{id}"}"#;
    let values = [format!("0 contact.employeeid = {ID}"), format!("0 contact.governmentid = {ID}")];
    check("POST", "{v}/contacts", &body.replace("{id}", ID), &values);
    let key = [format!("0 contact.employeeid key {ID}")];
    check("GET", "{v}/contacts(employeeid='{id}')", "", &key);
    check("GET", "{v}/contacts(employeeid=@k)?@k='{id}'", "", &key);
    let compared = [format!("0 contact.employeeid == {ID}")];
    check("GET", "{v}/contacts?$filter=employeeid%20eq%20'{id}'", "", &compared);
    let xml = format!(
        "<fetch><entity name='contact'><filter><condition attribute='employeeid' operator='eq' value='{ID}'/></filter></entity></fetch>"
    );
    let fetch = format!("{{v}}/contacts?fetchXml={}", Codec::Percent.fragment(&xml));
    check("GET", &fetch, "", &compared);
    let users = [format!("0 systemuser.windowsliveid == {ID}")];
    check("GET", "{v}/systemusers?$filter=windowsliveid%20eq%20'{id}'", "", &users);
    let answer = read(("GET", "{v}/contacts", ""), 200, &body.replace("{id}", ID));
    assert_eq!(occurrences(&answer.body), values);
}

#[test]
fn the_key_of_a_record_is_an_id() {
    for target in [
        "{v}/contacts(contactid='a@b.de')",
        "{v}/contacts(ContactId='a@b.de',lastname='x')",
        "{v}/contacts(@k)?@k='a@b.de'",
        "{v}/contacts(contactid=@k)?@k='a@b.de'",
    ] {
        let error = locate("GET", target, "").expect_err(target).to_string();
        assert!(error.contains("form of an id") && !error.contains("a@b"), "{target}: {error}");
    }
    let body = r#"{"x@odata.bind":"contacts(contactid='a@b.de')"}"#;
    assert!(locate("POST", "{v}/accounts", body).is_err());
    let located = locate("GET", "{v}/contacts(@k)?@k={id}", "").unwrap();
    assert_eq!(located.records.len(), 1);
}

#[test]
fn a_record_does_not_say_that_it_is_of_another_table() {
    let check = |target: &str, body: &str, expected: Option<&[&str]>| {
        let body = body.replace('#', "#Microsoft.Dynamics.CRM.");
        match (locate("POST", target, &body), expected) {
            (Ok(located), Some(expected)) => {
                assert_eq!(occurrences(&located.body), expected, "{target} {body}");
            }
            (Err(error), None) => assert!(error.to_string().contains("table"), "{error}"),
            (found, _) => panic!("{target} {body}: {:?}", found.map(|_| ())),
        }
    };
    check("{v}/contacts", r##"{"@odata.type":"#task","lastname":"x"}"##, None);
    check("{v}/contacts", r##"{"@odata.type":"#new_thing","lastname":"x"}"##, None);
    check("{v}/contacts", r##"{"@odata.type":"#crmbaseentity","lastname":"x"}"##, None);
    check("{v}/new_people", r##"{"@odata.type":"#crmbaseentity","lastname":"x"}"##, None);
    check("{v}/new_people", r##"{"@odata.type":"#task","lastname":"x"}"##, None);
    let nested = r##"{"primarycontactid":{"@odata.type":"#task","lastname":"x"}}"##;
    check("{v}/accounts", nested, None);
    let unknown = r##"{"new_Other":{"@odata.type":"#crmbaseentity","lastname":"x"}}"##;
    check("{v}/accounts", unknown, None);
    let targets = r##"{"Targets":[{"@odata.type":"#expando","lastname":"x"}]}"##;
    check("{v}/contacts/Microsoft.Dynamics.CRM.CreateMultiple", targets, None);

    let own = r##"{"@odata.type":"#contact","lastname":"x"}"##;
    check("{v}/contacts", own, Some(&["0 contact.lastname = x"]));
    let person = r##"{"@odata.type":"#new_person","new_name":"x"}"##;
    check("{v}/new_people", person, Some(&["0 new_person.new_name = x"]));
    let email = r##"{"@odata.type":"#email","subject":"x"}"##;
    check("{v}/activitypointers", email, Some(&["0 email.subject = x"]));
}
