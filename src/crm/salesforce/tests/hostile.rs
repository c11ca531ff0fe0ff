// SPDX-License-Identifier: Apache-2.0
//! What a hostile reading found, and what holds since.

use super::*;

fn encoded(soql: &str) -> String {
    soql.replace(' ', "+")
}

#[test]
fn the_name_of_an_individual_is_composed() {
    let target = format!(
        "/services/data/v62.0/query?q={}",
        encoded("SELECT Id FROM Individual WHERE Name = 'Anna Muster'")
    );
    let located = locate("GET", &target, "").unwrap();
    assert!(
        uses(&located).iter().any(|found| found.starts_with("individual.lastname")),
        "uses: {:?}, occurrences: {:?}",
        uses(&located),
        occurrences(&located.target)
    );
}

#[test]
fn records_in_a_list_do_not_pass_unread() {
    for (target, body) in [
        (
            "/services/data/v62.0/sobjects/Account",
            r#"{"Name":"Corp","Contacts":[{"attributes":{"type":"Contact"},"LastName":"Muster","Email":"anna@corp.example"}]}"#,
        ),
        (
            "/services/data/v62.0/sobjects/Account",
            r#"{"Name":"Corp","Contacts":{"attributes":{"type":"Contact"},"records":[{"attributes":{"type":"Contact"},"LastName":"Muster"}]}}"#,
        ),
        (
            "/services/data/v62.0/composite/sobjects",
            r#"{"records":[{"attributes":{"type":"Account"},"Name":"Corp","Contacts":[{"attributes":{"type":"Contact"},"LastName":"Muster"}]}]}"#,
        ),
    ] {
        if let Ok(located) = locate("POST", target, body) {
            let found = occurrences(&located.body);
            assert!(
                found.iter().any(|line| line.contains("Muster")),
                "passes with only {found:?}: {body}"
            );
        }
    }
}

#[test]
fn a_reference_is_not_what_it_states_against_the_schema() {
    let body =
        r#"{"Subject":"x","Contact":{"attributes":{"type":"Task"},"Email":"anna@corp.example"}}"#;
    if let Ok(located) = locate("POST", "/services/data/v62.0/sobjects/Case", body) {
        let found = occurrences(&located.body);
        assert!(found.iter().any(|line| line.contains("contact.email")), "{found:?}");
    }
}

#[test]
fn a_record_id_in_the_path_is_no_value() {
    let located = locate(
        "PATCH",
        "/services/data/v62.0/sobjects/Contact/Id/0035e00000abcdeAAA",
        r#"{"Title":"x"}"#,
    )
    .unwrap();
    assert_eq!(occurrences(&located.target), Vec::<String>::new());
}

#[test]
fn a_stored_text_that_is_a_link_comes_back_as_it_is() {
    let text = "https://zollhaus-demo.my.salesforce.com/lightning/r/Contact/003";
    let body = format!(
        r#"{{"attributes":{{"type":"Contact","url":"/c"}},"Portal__c":"{text}","MailingStreet":"{text} Anna Muster"}}"#
    );
    let answer =
        read(("GET", "/services/data/v62.0/sobjects/Contact/0035e00000abcdeAAA", ""), 200, &body);
    let found = occurrences(&answer.body);
    let rendered = render(&answer.body, &Replacement::Keep);
    assert!(rendered.contains(&format!("\"Portal__c\":\"{text}\"")), "{found:?}\n{rendered}");
    assert!(found.iter().any(|line| line.contains("mailingstreet")), "{found:?}");
}

/// `userinfo` and the identity URL show fields of `User`.
#[test]
fn the_person_who_logged_in_is_a_user() {
    let answer = read(
        ("GET", "/services/oauth2/userinfo", ""),
        200,
        r#"{"user_id":"005000000000001AAA","name":"Anna Muster","email":"anna@corp.example","family_name":"Muster"}"#,
    );
    let found = occurrences(&answer.body);
    assert!(found.iter().any(|line| line.contains("user.email")), "{found:?}");
}

/// Members of a campaign are contacts or leads.
/// What is read as other fields cannot be listed under its own name.
#[test]
fn what_would_never_be_looked_up_cannot_be_protected() {
    for (object, field) in [
        ("contact", "mailingaddress"),
        ("lead", "address"),
        ("case", "contactemail"),
        ("campaignmember", "email"),
        ("individual", "name"),
    ] {
        let facts = Salesforce.field_facts(&object.into(), &field.into());
        assert_eq!(facts.unwrap().kind, FieldKind::Composed, "{object}.{field}");
    }
    assert_eq!(Salesforce.field_facts(&"contact".into(), &"custom__c".into()), None);
}

/// No one value stands for a copy of either.
#[test]
fn a_campaign_member_is_a_contact_or_a_lead() {
    for (copy, contact, lead) in [
        ("Email", "contact.email", "lead.email"),
        ("Title", "contact.title", "lead.title"),
        ("State", "contact.mailingstate", "lead.state"),
        ("Description", "contact.description", "lead.description"),
    ] {
        let soql = format!("SELECT Id FROM CampaignMember WHERE {copy} = 'Secret'");
        let target = format!("/services/data/v62.0/query?q={}", encoded(&soql));
        let located = locate("GET", &target, "").unwrap();
        assert_eq!(occurrences(&located.target), Vec::<String>::new());
        let uses = uses(&located);
        for field in [contact, lead] {
            assert!(uses.iter().any(|found| found.starts_with(field)), "{field}: {uses:?}");
        }
    }
}
