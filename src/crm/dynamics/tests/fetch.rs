// SPDX-License-Identifier: Apache-2.0

use super::{ID, locate, occurrences, read_answer, render, uses};
use crate::carrier::{Codec, Replacement};
use crate::crm::{LocateError, LocatedRequest};
use http::HeaderMap;

fn located(xml: &str) -> Result<LocatedRequest, LocateError> {
    let target = format!("{{v}}/contacts?fetchXml={}", Codec::Percent.fragment(xml));
    locate("GET", &target, "")
}

fn decoded(target: &str) -> String {
    percent_encoding::percent_decode_str(target).decode_utf8().unwrap().into_owned()
}

const QUERY: &str = "<fetch top='5'><entity name='contact'><attribute name='lastname' alias='l'/>\
    <filter><condition attribute='emailaddress1' operator='eq' value='a@b.de'/>\
    <condition attribute='ownerid' operator='eq' uiname='Anna' value='{70bf4d48-34cb-ed11-b596-0022481d68cd}'/></filter>\
    <link-entity name='account' from='accountid' to='parentcustomerid' alias='a'>\
    <attribute name='name'/><attribute name='primarycontactid'/><attribute name='emailaddress1' alias='mail'/>\
    <filter><condition attribute='name' operator='like' value='A%'/></filter></link-entity></entity></fetch>";

#[test]
fn conditions_are_bound_and_labels_are_taken_out() {
    let found = located(QUERY).unwrap();
    assert_eq!(occurrences(&found.target), ["0 contact.emailaddress1 == a@b.de"]);
    assert_eq!(
        uses(&found),
        ["account.name by like", "contact.l by an alias", "contact.mail by an alias"]
    );
    let kept = decoded(&render(&found.target, &Replacement::Keep));
    assert!(kept.ends_with(&QUERY.replace(" uiname='Anna'", "")), "{kept}");
    let several = Replacement::AnyOf(vec!["zh1".into(), "zh2".into()]);
    let widened = decoded(&render(&found.target, &several));
    let condition =
        |value| format!("<condition attribute='emailaddress1' operator='eq' value='{value}'/>");
    let expected = format!("<filter type=\"or\">{}{}</filter>", condition("zh1"), condition("zh2"));
    assert!(widened.contains(&expected), "{widened}");
}

#[test]
fn columns_are_read_by_the_names_that_the_query_gives_them() {
    let found = located(QUERY).unwrap();
    let body = r#"{"value":[{"l":"A","contactid":"{id}","a.name":"B","a_x002e_name":"C","mail":"D","a.primarycontactid":"{id}","a.primarycontactid@OData.Community.Display.V1.FormattedValue":"E","fax":"F","a.accountid":"{id}"}]}"#.replace("{id}", ID);
    let answer = read_answer(&found, 200, &HeaderMap::new(), &body).unwrap();
    assert_eq!(
        occurrences(&answer.body),
        [
            "0 contact.lastname = A",
            "1 account.name = B",
            "1 account.name = C",
            "1 account.emailaddress1 = D",
            "2 contact.fullname from E",
            "0 contact.fax = F",
        ]
    );
    let names: Vec<_> =
        answer.records.iter().map(|name| (name.record, name.object.as_str())).collect();
    assert_eq!(names, [(0, "contact"), (2, "contact"), (1, "account")]);
}

#[test]
fn cookies_are_uses_of_what_they_repeat() {
    let cookie = |inner: &str| {
        let inner = Codec::Percent.fragment(&Codec::Percent.fragment(inner));
        format!("<cookie pagenumber=\"2\" pagingcookie=\"{inner}\" istracking=\"False\" />")
    };
    let by_id = "<cookie page=\"1\"><contactid last=\"{70BF4D48-34CB-ED11-B596-0022481D68CD}\" first=\"{70BF4D48-34CB-ED11-B596-0022481D68CD}\" /></cookie>";
    let by_name = "<cookie page=\"1\"><lastname last=\"Z\" first=\"A\" /><contactid last=\"{70BF4D48-34CB-ED11-B596-0022481D68CD}\" /></cookie>";
    let token = |text: &str| {
        let target = format!("{{v}}/contacts?$skiptoken={}", Codec::Percent.fragment(text));
        locate("GET", &target, "").map(|found| uses(&found))
    };
    assert_eq!(token(&cookie(by_id)), Ok(Vec::new()));
    assert_eq!(token(&cookie(by_name)), Ok(vec!["contact.lastname by a paging cookie".to_owned()]));
    assert_eq!(token("<cookie pagenumber=\"2\" pagingcookie=\"\"/>"), Ok(Vec::new()));
    for refused in [
        "Anna",
        &cookie("Anna"),
        &cookie("<a.lastname last='Z'/>"),
        "<x/>",
        &cookie("<cookie><a.b last='Z'/></cookie>"),
    ] {
        assert!(token(refused).is_err(), "{refused}");
    }
    let fetch = |cookie: &str| {
        let cookie = Codec::Xml.fragment(cookie);
        located(&format!("<fetch paging-cookie='{cookie}'><entity name='contact'><link-entity name='lead' from='a' to='b' alias='l'/></entity></fetch>"))
            .map(|found| uses(&found))
    };
    assert_eq!(fetch(by_id), Ok(Vec::new()));
    assert_eq!(fetch(&Codec::Percent.fragment(by_id)), Ok(Vec::new()));
    assert_eq!(
        fetch("<cookie><l.lastname last='Z'/></cookie>"),
        Ok(vec!["lead.lastname by a paging cookie".to_owned()])
    );
    assert!(fetch("<cookie><x.lastname last='Z'/></cookie>").is_err());
}

#[test]
fn an_alias_takes_the_name_of_a_column() {
    let check = |attribute: &str, expected: &[&str]| {
        let xml = format!("<fetch><entity name='contact'>{attribute}</entity></fetch>");
        assert_eq!(uses(&located(&xml).unwrap()), expected, "{attribute}");
    };
    check("<attribute name='fax' alias='fax'/>", &[]);
    check("<attribute name='fax' alias='lastname'/>", &["contact.lastname by an alias"]);
    check(
        "<attribute name='birthdate' dategrouping='year' alias='lastname'/>",
        &["contact.birthdate by groupby", "contact.lastname by an alias"],
    );
    assert!(
        locate(
            "GET",
            "{v}/contacts?fetchXml=%3Cfetch%3E%3Centity%20name='contact'/%3E%3C/fetch%3E&$top=1",
            ""
        )
        .is_err()
    );
}

#[test]
fn what_is_not_understood_is_refused() {
    for (xml, expected) in [
        (
            "<!DOCTYPE fetch [<!ENTITY x 'y'>]><fetch><entity name='contact'/></fetch>",
            "declaration",
        ),
        ("<fetch><entity name='account'/></fetch>", "another table"),
        ("<fetch><entity name='contact' note='Anna'/></fetch>", "attribute"),
    ] {
        let error = located(xml).expect_err(xml).to_string();
        assert!(error.contains(expected) && !error.contains("Anna"), "{error}");
    }
}
