// SPDX-License-Identifier: Apache-2.0

use http::Method;

use super::{JSON, described, locate};
use crate::carrier::Replacement;

#[test]
fn searches_are_located() {
    let check = |object, filters: &str, expected: &[&str]| {
        let target = format!("/crm/v3/objects/{object}/search");
        let located = locate(&Method::POST, &target, JSON, filters).unwrap();
        assert_eq!(&described(&located)[1..], expected, "{filters}");
    };
    let check_filter = |filter: &str, expected: &[&str]| {
        check("contacts", &format!(r#"{{"filterGroups":[{{"filters":[{filter}]}}]}}"#), expected);
    };
    check_filter(
        r#"{"propertyName":"email","operator":"EQ","value":"a@b.de"}"#,
        &["0 contact.email Equality* a@b.de"],
    );
    check_filter(
        r#"{"values":["a@b.de","c@d.de"],"operator":"NOT_IN","propertyName":"EMAIL"}"#,
        &["0 contact.email Equality* a@b.de", "0 contact.email Equality* c@d.de"],
    );
    // Nothing that a filter holds is left out, also where it makes no sense.
    check_filter(
        r#"{"propertyName":"email","operator":"EQ","value":"a","highValue":"b","values":["c"]}"#,
        &[
            "0 contact.email Equality a",
            "0 contact.email Equality b",
            "0 contact.email Equality* c",
        ],
    );
    check_filter(
        r#"{"propertyName":"email","operator":"HAS_PROPERTY","value":null}"#,
        &["use contact.email a test for a value"],
    );
    // One token would stand for two values, and find neither.
    check_filter(
        r#"{"propertyName":"email","operator":"IN","value":"a@b.de;c@d.de"}"#,
        &["0 contact.email Equality a@b.de;c@d.de", "use contact.email a list of several"],
    );
    check_filter(
        r#"{"propertyName":"hs_email_domain","operator":"NOT_HAS_PROPERTY"}"#,
        &["use contact.email a test for a value", "use contact.hs_email_domain a test for a value"],
    );
    check_filter(
        r#"{"propertyName":"birth","operator":"BETWEEN","value":"1","highValue":"2"}"#,
        &["use contact.birth BETWEEN"],
    );
    check_filter(
        r#"{"propertyName":"hs_full_name_or_email","operator":"EQ","value":"Anna"}"#,
        &[
            "0 contact.hs_full_name_or_email Equality* Anna",
            "use contact.firstname EQ",
            "use contact.lastname EQ",
            "use contact.email EQ",
        ],
    );
    check_filter(r#"{"propertyName":"associations.company","operator":"EQ","value":"9"}"#, &[]);
    check(
        "contacts",
        r#"{"sorts":["-lastname",{"propertyName":"hs_email_domain","direction":"ASCENDING"}],"limit":10,"after":"20","properties":["email"],"query":""}"#,
        &[
            "use contact.lastname sort",
            "use contact.email sort",
            "use contact.hs_email_domain sort",
        ],
    );
    check(
        "companies",
        r#"{"query":"Müller"}"#,
        &[
            "use company.name query",
            "use company.domain query",
            "use company.website query",
            "use company.phone query",
        ],
    );
}

#[test]
fn a_comparison_becomes_one_with_several_values() {
    let check = |filter: &str, expected: &str| {
        let body = |filter| format!(r#"{{"filterGroups":[{{"filters":[{filter}]}}]}}"#);
        let target = "/crm/v3/objects/contacts/search";
        let located = locate(&Method::POST, target, JSON, &body(filter)).unwrap();
        let several = Replacement::AnyOf(vec!["t1".to_owned(), "t2".to_owned()]);
        let rendered = located.body.render(&mut [several].iter()).unwrap();
        assert_eq!(rendered, body(expected).as_bytes());
    };
    check(
        r#"{"propertyName":"email","operator":"EQ","value":"a@b.de"}"#,
        r#"{"propertyName":"email","operator":"IN","values":["t1","t2"]}"#,
    );
    check(
        r#"{ "value" : 7, "operator" : "NEQ", "propertyName" : "phone" }"#,
        r#"{ "values" : ["t1","t2"], "operator" : "NOT_IN", "propertyName" : "phone" }"#,
    );
    check(
        r#"{"propertyName":"email","operator":"IN","values":["a@b.de"]}"#,
        r#"{"propertyName":"email","operator":"IN","values":["t1","t2"]}"#,
    );
    check(
        r#"{"propertyName":"lastname","operator":"CONTAINS_TOKEN","value":"Smi*"}"#,
        r#"{"propertyName":"lastname","operator":"IN","values":["t1","t2"]}"#,
    );
    check(
        r#"{"propertyName":"lastname","operator":"NOT_CONTAINS_TOKEN","value":"Smith"},{"propertyName":"lastname","operator":"HAS_PROPERTY"}"#,
        r#"{"propertyName":"lastname","operator":"NOT_IN","values":["t1","t2"]},{"propertyName":"lastname","operator":"HAS_PROPERTY"}"#,
    );
}

#[test]
fn a_token_is_one_word_or_the_end_of_an_address() {
    let check = |filter: &str, expected: &[&str]| {
        let body = format!(r#"{{"filterGroups":[{{"filters":[{filter}]}}]}}"#);
        let target = "/crm/v3/objects/contacts/search";
        let found = locate(&Method::POST, target, JSON, &body).unwrap();
        assert_eq!(&described(&found)[1..], expected, "{filter}");
    };
    let token = |property: &str, value: &str| {
        format!(r#"{{"propertyName":"{property}","operator":"CONTAINS_TOKEN","value":{value}}}"#)
    };
    let words = ["Anna", "an*", "*na", "*nn*", "Müller"].map(|word| ("lastname", word));
    for (property, text) in words.into_iter().chain([("email", "*@b.de")]) {
        let role = r#"Pattern { pattern: Pattern { parts: 1, .. }, operator: "CONTAINS_TOKEN" }"#;
        let expected = format!("0 contact.{property} {role}* {text}");
        check(&token(property, &format!("{text:?}")), &[&expected]);
    }
    let doubt = "CONTAINS_TOKEN of anything but one word, with or without `*` at its ends,";
    for (property, value) in [
        ("lastname", r#""Anna Maria""#),
        ("lastname", r#""Smith-Jones""#),
        ("lastname", r#""*@b.de""#),
        ("lastname", r#""""#),
        ("lastname", "7"),
        ("email", r#""*@b.de*""#),
        ("email", r#""a@b.de""#),
        ("email", r#""*@""#),
        ("hs_additional_emails", r#""anna""#),
    ] {
        let expected = format!("use contact.{property} {doubt}");
        check(&token(property, value), &[&expected]);
    }
    check(
        r#"{"propertyName":"lastname","operator":"CONTAINS_TOKEN","values":["Anna"]}"#,
        &[&format!("use contact.lastname {doubt}")],
    );
    // What becomes of records without a last name is not known.
    check(
        r#"{"propertyName":"lastname","operator":"NOT_CONTAINS_TOKEN","value":"Anna"},{"propertyName":"firstname","operator":"HAS_PROPERTY"}"#,
        &[
            "use contact.lastname NOT_CONTAINS_TOKEN without HAS_PROPERTY beside it, or of anything but one word,",
            "use contact.firstname a test for a value",
        ],
    );
}
