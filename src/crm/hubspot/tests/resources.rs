// SPDX-License-Identifier: Apache-2.0
//! Resources beside objects: associations, owners, definitions, preferences.

use http::Method;

use super::{JSON, described, locate, read_answer};
use crate::crm::testkit::lines;
use crate::crm::{About, Done, RecordName};

fn names(records: &[RecordName]) -> Vec<String> {
    records.iter().map(|name| format!("{} {} {}", name.record, name.object, name.id)).collect()
}

fn check(method: &Method, target: &str, body: &str, expected: &[&str]) {
    let located = locate(method, target, JSON, body)
        .unwrap_or_else(|error| panic!("{method} {target} {body}: {error}"));
    assert_eq!(described(&located), expected, "{method} {target} {body}");
}

fn check_refused(method: &Method, target: &str, body: &str, expected: &str) {
    let error = locate(method, target, JSON, body).unwrap_err();
    assert_eq!(error.to_string(), expected, "{method} {target} {body}");
}

#[test]
fn associations_name_records_and_hold_no_values() {
    let check = |method: &Method, target: &str, body: &str, expected: &str, records: &[&str]| {
        let located = locate(method, target, JSON, body).unwrap();
        assert_eq!(described(&located), [expected], "{target}");
        assert_eq!(names(&located.records), records, "{target}");
        let reads = target.ends_with("read") || *method == Method::GET;
        let about = if reads { About::Anybody } else { About::Named };
        assert_eq!(located.operation.about, about, "{target}");
    };
    let contacts = "/crm/v4/objects/contacts/01/associations";
    let (first, both) = (["0 contact 1"], ["0 contact 1", "1 company 9"]);
    for list in [
        "/crm/v3/objects/0-1/1/associations/companies",
        "/crm/objects/2026-03/contact/1/associations/company",
    ] {
        check(&Method::GET, list, "", "association.list contact", &first);
    }
    let list = format!("{contacts}/companies?limit=500&after=NTI%3D");
    check(&Method::GET, &list, "", "association.list contact", &first);
    let put = format!("{contacts}/companies/9");
    let types = r#"[{"associationCategory":"USER_DEFINED","associationTypeId":36}]"#;
    check(&Method::PUT, &put, types, "association.create contact", &both);
    check(&Method::DELETE, &put, "", "association.delete contact", &both);
    let default = format!("{contacts}/default/companies/9");
    check(&Method::PUT, &default, "", "association.create contact", &both);
    let v3 = "/crm/v3/objects/contacts/1/associations/companies/9/contact_to_company";
    check(&Method::PUT, v3, "", "association.create contact", &both);

    let batch = "/crm/v4/associations/contacts/companies/batch";
    check(
        &Method::POST,
        &format!("{batch}/read"),
        r#"{"inputs":[{"id":"1"},{"id":"2","after":"NTI="}]}"#,
        "association.batch_read contact",
        &["0 contact 1", "1 contact 2"],
    );
    check(
        &Method::POST,
        &format!("{batch}/create"),
        r#"{"inputs":[{"from":{"id":"1"},"to":{"id":9},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":279}]}]}"#,
        "association.batch_create contact",
        &both,
    );
    check(
        &Method::POST,
        "/crm/associations/2026-03/contacts/companies/batch/archive",
        r#"{"inputs":[{"from":{"id":"1"},"to":[{"id":"9"},{"id":"8"}]}]}"#,
        "association.batch_delete contact",
        &["0 contact 1", "1 company 9", "2 company 8"],
    );
    check(
        &Method::POST,
        "/crm/v3/associations/contacts/companies/batch/create",
        r#"{"inputs":[{"from":{"id":"1"},"to":{"id":"9"},"type":"contact_to_company"}]}"#,
        "association.batch_create contact",
        &both,
    );

    let no_id = "an association cannot be parsed: it holds more than ids and types";
    check_refused(&Method::PUT, &put, r#"["Anna"]"#, no_id);
    check_refused(
        &Method::POST,
        &format!("{batch}/read"),
        r#"{"inputs":[{"id":"a@b.de"}]}"#,
        no_id,
    );
    let unknown = "member `name` of the body cannot be parsed: this operation does not take it";
    check_refused(&Method::POST, &format!("{batch}/read"), r#"{"inputs":[{"name":1}]}"#, unknown);
    check_refused(
        &Method::DELETE,
        &put,
        "{}",
        "the body cannot be parsed: this operation has none",
    );
    check_refused(&Method::PATCH, &put, "", "PATCH is not a method of this resource");
}

#[test]
fn owners_are_people_of_an_object_of_their_own() {
    check(&Method::GET, "/crm/v3/owners/?limit=100&archived=false", "", &["owner.list owner"]);
    check(&Method::GET, "/crm/owners/2026-03/5?idProperty=userId", "", &["owner.read owner"]);
    // HubSpot knows them in clear: a surrogate would find nobody.
    let search = ["owner.list owner", "use owner.email a search for owners"];
    check(&Method::GET, "/crm/v3/owners?email=a%40b.de", "", &search);
    let refused = "parameter `idProperty` cannot be parsed: this operation does not take it";
    check_refused(&Method::GET, "/crm/v3/owners?idProperty=email", "", refused);

    let located = locate(&Method::GET, "/crm/v3/owners", JSON, "").unwrap();
    let body = r#"{"results":[{"id":"5","email":"a@b.de","type":"PERSON","firstName":"Anna","lastName":null,"userId":7,"createdAt":"2019-12-25T13:01:35Z","archived":false,"teams":[{"id":"1","name":"Nord","primary":true}]}],"paging":{"next":{"link":"https://api.hubapi.com/crm/v3/owners?after=2"}}}"#;
    let answer = read_answer(&located, 200, &[], body).unwrap();
    assert_eq!(
        lines(&answer.body),
        [
            "0 owner.email Stored a@b.de",
            "0 owner.type Stored PERSON",
            "0 owner.firstname Stored Anna",
            "0 owner.name Stored Nord",
            "0 owner.primary Stored a boolean",
            "link https://zoll.example/hs/crm/v3/owners?after=2",
        ]
    );
    assert_eq!(names(&answer.records), ["0 owner 5"]);
}

#[test]
fn definitions_are_about_no_records() {
    let located = locate(&Method::GET, "/crm/v3/properties/contacts/email", JSON, "").unwrap();
    assert_eq!(described(&located), ["property.read -"]);
    assert_eq!(located.operation.about, About::Nobody);
    check(
        &Method::POST,
        "/crm/v3/properties/contacts",
        r#"{"name":"coach","label":"Coach","type":"enumeration","options":[{"label":"Anna","value":"anna","displayOrder":1,"hidden":false}]}"#,
        &[
            "property.create -",
            "0 property.name Stored coach",
            "0 property.label Stored Coach",
            "0 property.type Stored enumeration",
            "0 property.label Stored Anna",
            "0 property.value Stored anna",
            "0 property.displayorder Stored 1",
            "0 property.hidden Stored a boolean",
        ],
    );
    for target in [
        "/crm/v3/properties/contacts?archived=true&dataSensitivity=sensitive",
        "/crm/properties/2026-03/0-1/groups/contactinformation",
        "/crm/v3/pipelines/deals/default/stages/closedwon",
        "/crm/v3/schemas/p_car",
        "/crm-object-schemas/v3/schemas",
        "/crm/v3/lists/7",
        "/crm/v3/lists/?listIds=7&listIds=8",
        "/crm/v3/imports/",
        "/account-info/2026-03/details",
        "/oauth/v1/refresh-tokens/a-b_c",
        "/crm/v4/associations/contacts/companies/labels",
        "/communication-preferences/v3/definitions",
    ] {
        let located = locate(&Method::GET, target, JSON, "").unwrap();
        assert_eq!(located.operation.about, About::Nobody, "{target}");
    }
    check(
        &Method::POST,
        "/crm/v3/lists/search",
        r#"{"query":"Anna","processingTypes":["MANUAL"]}"#,
        &[
            "list.search -",
            "0 list.query Stored Anna",
            "0 list.processingtypes Stored MANUAL",
            "use list.name query",
        ],
    );
    check(
        &Method::GET,
        "/crm/v3/lists/object-type-id/0-1/name/Annas%20Freunde",
        "",
        &["list.read -", "0 list.name Key Annas Freunde"],
    );
    check(
        &Method::PUT,
        "/crm/v3/lists/7/memberships/add",
        r#"["1",2]"#,
        &["list.change_members -"],
    );
    let name = "a name in the body cannot be parsed: it has a form that HubSpot does not use";
    check_refused(&Method::POST, "/crm/v3/properties/contacts", r#"{"a@b.de":1}"#, name);
    let filters = "parameter `includeFilters` cannot be parsed: this operation does not take it";
    check_refused(&Method::GET, "/crm/v3/lists/7?includeFilters=true", "", filters);
    let filters = "the filters of a list cannot be parsed: values in them are not read here";
    check_refused(&Method::POST, "/crm/v3/lists/", "{}", filters);
    check_refused(
        &Method::POST,
        "/crm/v3/exports/export/async",
        "{}",
        "the export cannot be parsed: its file is fetched from another host, so nothing would open what stands in it",
    );
}

#[test]
fn preferences_go_by_the_address_of_a_contact() {
    check(
        &Method::GET,
        "/communication-preferences/v3/status/email/a%2Bb@c.de",
        "",
        &["preference.read communication_preference", "0 contact.email Key a+b@c.de"],
    );
    check(
        &Method::POST,
        "/communication-preferences/v3/unsubscribe",
        r#"{"emailAddress":"a@b.de","subscriptionId":"7","legalBasis":"LEGITIMATE_INTEREST_CLIENT","legalBasisExplanation":"Anna asked"}"#,
        &[
            "preference.unsubscribe communication_preference",
            "0 contact.email Key a@b.de",
            "0 communication_preference.legalbasis Stored LEGITIMATE_INTEREST_CLIENT",
            "0 communication_preference.legalbasisexplanation Stored Anna asked",
        ],
    );
    check(
        &Method::POST,
        "/communication-preferences/2026-03/statuses/batch/read?channel=EMAIL",
        r#"{"inputs":["a@b.de","c@d.de"]}"#,
        &[
            "preference.batch_read communication_preference",
            "0 contact.email Key a@b.de",
            "1 contact.email Key c@d.de",
        ],
    );
    let subscribe = "/communication-preferences/v3/subscribe";
    let unknown = "member `email` of the body cannot be parsed: this operation does not take it";
    check_refused(&Method::POST, subscribe, r#"{"email":"a@b.de"}"#, unknown);
    let no_object = "the body cannot be parsed: it is not an object";
    for body in [r#""a@b.de""#, r#"["a@b.de"]"#] {
        check_refused(&Method::POST, subscribe, body, no_object);
    }

    let target = "/communication-preferences/v4/statuses/a@b.de?channel=EMAIL";
    let located = locate(&Method::GET, target, JSON, "").unwrap();
    let answer = r#"{"status":"COMPLETE","results":[{"channel":"EMAIL","subscriberIdString":"t1","subscriptionId":7,"status":"SUBSCRIBED","legalBasisExplanation":"t2"}],"errors":[{"message":"t1 is not known"}]}"#;
    let answer = read_answer(&located, 207, &[], answer).unwrap();
    assert_eq!(
        lines(&answer.body),
        [
            "0 communication_preference.channel Stored EMAIL",
            "0 contact.email Stored t1",
            "0 communication_preference.legalbasisexplanation Stored t2",
            "0 communication_preference.message Echo t1 is not known",
        ]
    );
    assert_eq!(answer.done, Done::default());
    // Whatever it begins with, it may go on with a name.
    let link = "https://api.hubapi.com/x";
    let answer = format!(r#"{{"legalBasisExplanation":"{link} Anna","more":"{link}"}}"#);
    assert_eq!(
        lines(&read_answer(&located, 200, &[], &answer).unwrap().body),
        [
            "0 communication_preference.legalbasisexplanation Stored https://api.hubapi.com/x Anna",
            "link https://zoll.example/hs/x",
        ]
    );
    let answer = r#"{"recipient":"t1","subscriptionStatuses":[{"id":"7","name":"News"}]}"#;
    assert_eq!(
        lines(&read_answer(&located, 200, &[], answer).unwrap().body),
        ["0 contact.email Stored t1", "0 communication_preference.name Stored News"]
    );
}

/// Taken for an address, `batch` would be exchanged for the token of nobody, who then has
/// opted out in the place of those whom the body names.
#[test]
fn a_batch_is_not_taken_for_an_address() {
    let check_batch = |path: &str, operation: &str| {
        check(
            &Method::POST,
            &format!("/communication-preferences/v4/statuses/batch/{path}?channel=EMAIL"),
            r#"{"inputs":["a@b.de","c@d.de"]}"#,
            &[
                &format!("{operation} communication_preference"),
                "0 contact.email Key a@b.de",
                "1 contact.email Key c@d.de",
            ],
        );
    };
    check_batch("unsubscribe-all", "preference.batch_unsubscribe");
    check_batch("unsubscribe-all/read", "preference.batch_read");
    let unknown = "the dialect does not know this operation";
    for target in [
        "/communication-preferences/v4/statuses/batch",
        "/communication-preferences/v3/status/email/anna",
        "/contacts/v1/contact/email/anna/profile",
    ] {
        check_refused(&Method::GET, target, "", unknown);
    }
}

#[test]
fn preferences_hold_no_words_but_the_reason() {
    let subscribe = "/communication-preferences/v3/subscribe";
    for name in ["subscriptionId", "legalBasis", "statusState", "channel", "brandId"] {
        let body = format!(r#"{{"emailAddress":"a@b.de","{name}":"c@d.de"}}"#);
        let expected = format!(
            "member `{name}` of the body cannot be parsed: it has a form that HubSpot does not use"
        );
        check_refused(&Method::POST, subscribe, &body, &expected);
    }
}

#[test]
fn a_type_of_association_is_one_where_a_type_belongs() {
    let batch = "/crm/v4/associations/contacts/companies/batch/create";
    let no_id = "an association cannot be parsed: it holds more than ids and types";
    for input in [
        r#"{"from":{"id":"MEIER"},"to":{"id":"9"}}"#,
        r#"{"from":{"id":""},"to":{"id":"9"}}"#,
        r#"{"from":"MEIER","to":{"id":"9"}}"#,
        r#"{"from":{"id":"1"},"to":{"id":"9"},"types":["MEIER"]}"#,
        r#"{"from":{"id":"1"},"to":{"id":"9"},"types":[{"associationTypeId":"MEIER"}]}"#,
        r#"{"from":{"id":"1"},"to":{"id":"9"},"types":[{"associationCategory":"Meier"}]}"#,
    ] {
        check_refused(&Method::POST, batch, &format!(r#"{{"inputs":[{input}]}}"#), no_id);
    }
}
