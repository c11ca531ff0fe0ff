// SPDX-License-Identifier: Apache-2.0

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::Value as Tree;

use super::{FORM, JSON, locate, read_answer, render, values};
use crate::carrier::{Document, Replacement};
use crate::crm::testkit;
use crate::crm::{About, LocateError, LocatedRequest, Origins};

fn described(located: &LocatedRequest) -> Vec<String> {
    testkit::described(located, values)
}

fn check(method: &str, target: &str, body: &str, expected: &[&str]) {
    let located = locate(method, target, JSON, body)
        .unwrap_or_else(|error| panic!("{method} {target}: {error}"));
    assert_eq!(described(&located), expected, "{method} {target} {body}");
    let documents: Vec<&Document> = located.documents().collect();
    assert_eq!(render(documents[0], &Replacement::Keep), target);
    assert_eq!(render(documents[1], &Replacement::Keep), body);
}

#[test]
fn both_versions_write_the_same_fields() {
    let expected = [
        "record.create person",
        "0 person.name Stored Anna",
        "0 person.name Stored Müller",
        "0 person.email Stored a@b.de",
        "0 person.phone Stored 030",
        "0 person.phone Stored 040",
        "0 person.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa Stored x",
    ];
    check(
        "POST",
        "/api/v2/persons",
        r#"{"name":" Anna  M\u00fcller","emails":[{"value":"a@b.de","primary":true,"label":"work"}],"phones":[{"value":"030","label":""},{"value":"040"}],"owner_id":1,"label_ids":[1,2],"custom_fields":{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa":"x"}}"#,
        &expected,
    );
    check(
        "POST",
        "/v1/persons?api_token=0123456789abcdef",
        r#"{"first_name":"Anna","last_name":"Müller","email":"a@b.de","phone":["030",{"value":"040","primary":false}],"org_id":5,"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_until":"x"}"#,
        &expected,
    );
}

#[test]
fn requests_are_located() {
    check(
        "GET",
        "/api/v2/persons?limit=2&cursor=eyJpZCI6OH0%3D&sort_by=id",
        "",
        &["record.list person"],
    );
    check("GET", "/api/v1/persons/7", "", &["record.read person"]);
    check("DELETE", "/v1/persons?ids=1,2", "", &["record.delete person"]);
    check("PUT", "/v1/persons/7/merge", r#"{"merge_with_id":8}"#, &["record.merge person"]);
    check(
        "GET",
        "/v1/persons?start=0&sort=name+ASC,add_time%20DESC&first_char=a",
        "",
        &[
            "record.list person",
            "use person.name sort",
            "use person.add_time sort",
            "use person.name first_char",
        ],
    );
    check(
        "PATCH",
        "/api/v2/persons/7",
        r#"{"postal_address":{"value":"Torstr. 1","locality":"Berlin"},"birthday":null,"notes":"n","im":[{"value":"@a"}],"first_char":"a"}"#,
        &[
            "record.update person",
            "0 person.postal_address Stored Torstr. 1",
            "0 person.postal_address Stored Berlin",
            "0 person.birthday Stored -",
            "0 person.notes Stored n",
            "0 person.im Stored @a",
            "0 person.first_char Stored a",
            "use person.name writing what is composed of it",
        ],
    );
    check(
        "PATCH",
        "/v1/leads/adf21080-0e10-11eb-879b-05d71fb426ec",
        r#"{"title":"Müller lead","owner_id":"","person_id":"7","person_name":"Anna Müller"}"#,
        &[
            "record.update lead",
            "0 lead.title Stored Müller lead",
            "0 lead.owner_id Stored -",
            "0 person.name Stored Anna",
            "0 person.name Stored Müller",
        ],
    );
    check(
        "POST",
        "/v1/notes",
        r#"{"content":"<p>A</p>","person_id":7,"pinned_to_person_flag":1}"#,
        &[
            "record.create note",
            "0 note.content Stored <p>A</p>",
            "0 note.pinned_to_person_flag Stored 1",
        ],
    );
    check(
        "POST",
        "/v1/notes/3/comments",
        r#"{"content":"c"}"#,
        &["record.create note", "0 note.content Stored c"],
    );
    check(
        "POST",
        "/api/v2/activities",
        r#"{"subject":"s","due_date":"2026-03-01","done":false,"attendees":[{"email":"a@b.de","name":"Anna","person_id":7},[{"email_address":"c@d.de"}]]}"#,
        &[
            "record.create activity",
            "0 activity.subject Stored s",
            "0 activity.due_date Stored 2026-03-01",
            "0 activity.done Stored a boolean",
            "1 person.email Stored a@b.de",
            "1 person.name Stored Anna",
            "2 person.email Stored c@d.de",
        ],
    );
    check("GET", "/v1/users/me", "", &["user.read_self user"]);
    check("GET", "/v1/personFields/9039", "", &["field.read -"]);
    check("GET", "/v1/activityFields", "", &["field.read -"]);
    let token = "grant_type=refresh_token&refresh_token=a%2Fb";
    let located = locate("POST", "/oauth/token", FORM, token).unwrap();
    assert_eq!(described(&located), ["oauth.token -"]);
}

/// Where an id belongs, nothing would look at a name.
#[test]
fn a_reference_holds_ids_only() {
    for (target, body, name) in [
        ("/v1/deals", r#"{"title":"t","person_id":"Anna Müller"}"#, "person_id"),
        ("/v1/deals", r#"{"Org_ID":["5","a@b.de"]}"#, "org_id"),
        ("/v1/deals/7/participants", r#"{"person_id":{"value":9,"owner_id":"Anna"}}"#, "owner_id"),
        ("/api/v2/persons", r#"{"label_ids":[1,"Anna"]}"#, "label_ids"),
        ("/api/v2/activities", r#"{"attendees":[{"email":"a@b.de"},"e@f.de"]}"#, "attendees"),
        ("/v1/notes", r#"{"person":"Anna"}"#, "person"),
    ] {
        let error = locate("POST", target, JSON, body).unwrap_err();
        let expected = format!(
            "member `{name}` of the body cannot be parsed: it holds something else than ids of records"
        );
        assert_eq!(error.to_string(), expected, "{body}");
    }
    // What v1 shows of a picture comes back with the record.
    let picture = r#"{"picture_id":{"id":4,"item_type":"person"}}"#;
    assert!(locate("PUT", "/v1/persons/7", JSON, picture).is_ok());
}

/// What is kept of a word takes far more memory than its bytes, and no name has so many.
#[test]
fn a_text_of_many_words_is_one_value() {
    let name = "a ".repeat(100_000);
    let located = locate("POST", "/v1/persons", JSON, &format!(r#"{{"name":"{name}"}}"#)).unwrap();
    assert_eq!(described(&located)[1..], [format!("0 person.name Stored {name}")]);
}

#[test]
fn parts_of_a_record_name_it() {
    let check = |method: &str, target: &str, body: &str, expected: &[&str], record: &str| {
        let located = locate(method, target, JSON, body).unwrap();
        assert_eq!(described(&located), expected, "{method} {target}");
        let names =
            located.records.iter().map(|it| format!("{} {} {}", it.record, it.object, it.id));
        assert_eq!(names.collect::<Vec<_>>(), [record], "{method} {target}");
        let about = if method == "GET" { About::Anybody } else { About::Named };
        assert_eq!(located.operation.about, about, "{method} {target}");
    };
    let (deal, person) = ("0 deal 7", "0 person 7");
    check("GET", "/api/v2/persons/7/followers?limit=2", "", &["part.list follower"], person);
    check(
        "POST",
        "/api/v2/persons/7/followers",
        r#"{"user_id":1}"#,
        &["part.create follower"],
        person,
    );
    check("DELETE", "/v1/deals/7/followers/3", "", &["part.delete follower"], deal);
    check("GET", "/v1/deals/7/participants", "", &["part.list participant"], deal);
    check(
        "POST",
        "/v1/deals/7/participants",
        r#"{"person_id":9}"#,
        &["part.create participant"],
        deal,
    );
    check(
        "GET",
        "/v1/deals/7/persons?sort=name",
        "",
        &["part.list person", "use person.name sort"],
        deal,
    );
    check("GET", "/v1/persons/7/deals", "", &["part.list deal"], person);
    check("GET", "/v1/persons/7/permittedUsers", "", &["part.list user"], person);
    check(
        "PATCH",
        "/api/v2/deals/7/products/3",
        r#"{"quantity":2,"comments":"for Anna","product_id":5,"product_name":"Box"}"#,
        &[
            "part.update deal_product",
            "0 deal_product.quantity Stored 2",
            "0 deal_product.comments Stored for Anna",
            "0 product.name Stored Box",
        ],
        deal,
    );
    check("POST", "/api/v2/deals/7/convert/lead", "", &["part.create conversion"], deal);
    check("GET", "/v1/products/7/deals", "", &["part.list deal"], "0 product 7");
}

#[test]
fn what_an_account_is_made_of_is_about_no_record() {
    for (method, target, body, is_about_records) in [
        ("GET", "/api/v2/pipelines", "", false),
        ("PATCH", "/api/v2/stages/7", r#"{"name":"Won"}"#, false),
        ("GET", "/v1/activityTypes", "", false),
        ("GET", "/v1/currencies", "", false),
        ("GET", "/v1/leadSources", "", false),
        ("GET", "/v1/webhooks", "", false),
        ("DELETE", "/v1/webhooks/7", "", false),
        ("GET", "/v1/productFields", "", false),
        ("GET", "/v1/files/7", "", true),
        ("GET", "/api/v2/deals/products?deal_ids=7,8", "", true),
        ("POST", "/api/v2/products", r#"{"name":"Box"}"#, true),
    ] {
        let located = locate(method, target, JSON, body).unwrap();
        let is_about_somebody = located.operation.about != About::Nobody;
        assert_eq!(is_about_somebody, is_about_records, "{target}");
    }
}

#[test]
fn records_that_are_listed_by_id_are_named() {
    for (method, target) in
        [("DELETE", "/v1/persons?ids=1,%202"), ("GET", "/api/v2/persons?ids=1,2")]
    {
        let located = locate(method, target, JSON, "").unwrap();
        let names = located.records.iter().map(|it| (it.object.as_str(), it.id.as_str()));
        assert_eq!(names.collect::<Vec<_>>(), [("person", "1"), ("person", "2")]);
    }
    assert!(locate("DELETE", "/v1/persons", JSON, "").unwrap().records.is_empty());
}

#[test]
fn a_term_is_exchanged_where_one_field_is_compared_as_a_whole() {
    check(
        "GET",
        "/api/v2/persons/search?term=a%2Bb@c.de&fields=email&exact_match=true",
        "",
        &["record.search person", "0 person.email Equality a+b@c.de"],
    );
    check(
        "GET",
        "/v1/persons/search?exact_match=1&fields=name&term=Anna+M%C3%BCller",
        "",
        &["record.search person", "0 person.name Equality Anna", "0 person.name Equality Müller"],
    );
    check(
        "GET",
        "/v1/deals?sort=Person_Name%20ASC",
        "",
        &["record.list deal", "use person.name sort"],
    );
    for (path, object) in [("organizations", "organization"), ("products", "product")] {
        check(
            "GET",
            &format!("/v1/{path}?first_char=m"),
            "",
            &[&format!("record.list {object}"), &format!("use {object}.name first_char")],
        );
    }
    // A lead has no address of its own but that of its person.
    check(
        "GET",
        "/api/v2/itemSearch?term=a@b.de&item_types=lead,person&fields=email&exact_match=true",
        "",
        &["item.search -", "0 person.email Equality a@b.de"],
    );
    check(
        "GET",
        "/api/v2/persons/search?term=M%C3%BCll&fields=name",
        "",
        &["record.search person", "use person.name a search without `exact_match=true`"],
    );
    check(
        "GET",
        "/api/v2/persons/search?term=030&fields=phone,%20notes&exact_match=true",
        "",
        &[
            "record.search person",
            "use note.content a search in several `fields`",
            "use person.notes a search in several `fields`",
            "use person.phone a search in several `fields`",
        ],
    );
    check(
        "GET",
        "/api/v2/itemSearch/field?term=x&entity_type=person&match=exact&field=first_name",
        "",
        &["item.search_field -", "use person.name a search that minds the case"],
    );
    check(
        "GET",
        "/v1/itemSearch/field?term=x&field_type=organizationField&exact_match=true&field_key=address",
        "",
        &["item.search_field -", "use organization.address a search that minds the case"],
    );
    check(
        "GET",
        "/v1/users/find?term=schulz&search_by_email=1",
        "",
        &[
            "user.find user",
            "use user.name a search for users",
            "use user.email a search for users",
        ],
    );
}

#[test]
fn what_cannot_be_read_is_refused() {
    let check = |method: &str, target: &str, body: &str, expected: &str| {
        let error = locate(method, target, JSON, body).unwrap_err();
        assert_eq!(error.to_string(), expected, "{method} {target} {body}");
    };
    for target in [
        "/persons",
        "/v2/persons",
        "/api/v3/persons",
        "/v1/persons/",
        "/v1/persons/a%40b.de",
        "/v1/persons/7/flow",
        "/v1/persons/find?term=a",
        "/v1/searchResults?term=a",
        "/v1/files/7/download",
        "/v1/persons/7/mailMessages",
        "/v1/deals/7/installments/a%40b.de",
        "/v1/mailbox/mailThreads",
        "/v1/filters",
        "/v1/currencies/7",
        "/v1/users/7/permissions",
        "/hooks/pipedrive",
        "/oauth/authorize",
    ] {
        check("GET", target, "", "the dialect does not know this operation");
    }
    check("PUT", "/v1/persons", "{}", "PUT is not a method of this resource");
    check("POST", "/v1/users", "{}", "POST is not a method of this resource");
    check("POST", "/v1/files", "", "POST is not a method of this resource");
    check("PUT", "/v1/deals/7/followers", "{}", "PUT is not a method of this resource");

    let parameters = [
        ("email=a@b.de", "parameter `email` cannot be parsed: this operation does not take it"),
        ("term=Anna", "parameter `term` cannot be parsed: this operation does not take it"),
        ("limit=1&limit=2", "parameter `limit` cannot be parsed: it is given twice"),
        (
            "owner_id=Anna",
            "parameter `owner_id` cannot be parsed: it has a form that Pipedrive does not use",
        ),
        (
            "sort=name+LIKE",
            "parameter `sort` cannot be parsed: it has a form that Pipedrive does not use",
        ),
        (
            "first_char=Anna",
            "parameter `first_char` cannot be parsed: it has a form that Pipedrive does not use",
        ),
        (
            "updated_since=Anna",
            "parameter `updated_since` cannot be parsed: it has a form that Pipedrive does not use",
        ),
    ];
    for (parameters, expected) in parameters {
        check("GET", &format!("/v1/persons?{parameters}"), "", expected);
    }

    // Which custom fields are searched, nobody could tell.
    check(
        "GET",
        "/api/v2/persons/search?term=a@b.de&exact_match=true",
        "",
        "the search cannot be parsed: it looks at custom fields without naming them; say in `fields` where to look",
    );
    let unknown =
        "parameter `fields` cannot be parsed: which fields of these items it means is not known";
    for fields in ["custom_fields", "email,custom_fields", "title"] {
        let target = format!("/api/v2/persons/search?term=a&exact_match=true&fields={fields}");
        check("GET", &target, "", unknown);
    }
    check(
        "GET",
        "/api/v2/itemSearch/field?term=a&field=name",
        "",
        "the search cannot be parsed: it does not say which field of what it looks at",
    );

    // One version reads the one pair of parameters, the other the other.
    check(
        "GET",
        "/v1/itemSearch/field?term=a%40b.de&field_type=personField&field_key=email&entity_type=deal&field=x",
        "",
        "the search cannot be parsed: it does not say which field of what it looks at",
    );

    let name = "a name in the body cannot be parsed: it has a form that Pipedrive does not use";
    check("POST", "/v1/persons", r#"{"a@b.de":1}"#, name);
    check("POST", "/v1/persons", r#"{"custom_fields":{"Anna Müller":1}}"#, name);
    check("POST", "/v1/persons", "[]", "the body cannot be parsed: it is not an object");
    check("DELETE", "/v1/persons/1", "{}", "the body cannot be parsed: this operation has none");
    let form = locate("POST", "/v1/persons", FORM, "name=Anna").unwrap_err();
    assert!(matches!(form, LocateError::UnsupportedMediaType { .. }));
    assert!(locate("POST", "/oauth/token", FORM, "grant_type=a&email=a%40b.de").is_err());
}

#[test]
fn a_dropped_value_takes_its_marks_along() {
    let check = |body: &str, expected: &str| {
        let located = locate("POST", "/v1/persons", JSON, body).unwrap();
        assert_eq!(render(&located.body, &Replacement::Remove), expected);
    };
    check(r#"{"phone":[{"value":"1","label":"work"},{"value":"2"}],"a":1}"#, r#"{"phone":[]}"#);
    check(r#"{"postal_address":{"value":"x","route":"y"},"a":1}"#, r#"{"postal_address":{}}"#);
}

/// Any tree whose names are such as Pipedrive uses.
fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::from),
        any::<i32>().prop_map(Tree::from),
        "[ a-zß\\\\\"\n\u{3000}@.]{0,12}".prop_map(Tree::from),
    ];
    let name = prop_oneof![
        prop::sample::select(vec![
            "name",
            "emails",
            "phone",
            "value",
            "label",
            "primary",
            "custom_fields",
            "owner_id",
            "person",
            "attendees",
            "notes",
            "data",
            "items",
            "item",
            "type",
            "first_char",
        ])
        .prop_map(str::to_owned),
        "[a-z_]{1,8}",
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Tree::from),
            btree_map(name.clone(), inner, 0..5)
                .prop_map(|members| Tree::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_kept_stays_byte_for_byte(tree in tree(), is_pretty: bool) {
        let text = if is_pretty {
            serde_json::to_string_pretty(&tree).unwrap()
        } else {
            tree.to_string()
        };
        let origins = Origins { upstream: "https://a.example".into(), public: "https://b.example".into() };
        let list = locate("GET", "/v1/persons", JSON, "").unwrap();
        if let Ok(answer) = read_answer(&list, 200, text.as_bytes(), &origins) {
            prop_assert_eq!(render(&answer.body, &Replacement::Keep), text.as_str());
        }
        let update = locate("PUT", "/v1/persons/7", JSON, &text);
        prop_assert!(update.is_err() || tree.is_object());
        if let Ok(update) = update {
            prop_assert_eq!(render(&update.body, &Replacement::Keep), text.as_str());
            // Replaced, it is still the same shape of JSON.
            let replaced = render(&update.body, &Replacement::text("\"x"));
            prop_assert!(serde_json::from_str::<Tree>(&replaced).is_ok(), "{}", replaced);
        }
    }
}
