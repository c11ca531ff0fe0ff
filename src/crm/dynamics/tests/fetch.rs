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
    let compared = ["0 contact.emailaddress1 == a@b.de", "0 account.name like A%"];
    assert_eq!(occurrences(&found.target), compared);
    assert_eq!(uses(&found), ["contact.l by an alias", "contact.mail by an alias"]);
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
        located(&format!("<fetch paging-cookie='{cookie}'><entity name='contact'><link-entity name='lead' from='leadid' to='b' alias='l'/></entity></fetch>"))
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
        (
            "<fetch><entity name='contact'><filter><condition attribute='a.lastname' operator='eq' value='Anna'/></filter></entity></fetch>",
            "attribute",
        ),
    ] {
        let error = located(xml).expect_err(xml).to_string();
        assert!(error.contains(expected) && !error.contains("Anna"), "{error}");
    }
}

/// A query of contacts with these elements.
fn of_contacts(inner: &str) -> Result<LocatedRequest, LocateError> {
    located(&format!("<fetch><entity name='contact'>{inner}</entity></fetch>"))
}

fn condition(attributes: &str, inner: &str) -> Result<LocatedRequest, LocateError> {
    of_contacts(&format!("<filter><condition {attributes}>{inner}</condition></filter>"))
}

#[test]
fn a_value_that_is_compared_with_nothing_is_refused() {
    for (attributes, inner) in [
        ("attribute='lastname' operator='null' value='Anna'", ""),
        ("attribute='lastname' operator='not-null'", "<value>Anna</value>"),
        ("attribute='fax' operator='eq' valueof='home2' value='Anna'", ""),
        ("attribute='fax' operator='eq' valueof='home2'", "<value uiname='Anna'>x</value>"),
        ("attribute='fax' column='lastname' operator='eq' value='Anna'", ""),
    ] {
        let error = condition(attributes, inner).expect_err(attributes).to_string();
        assert!(!error.contains("Anna"), "{error}");
    }
    let found = condition("attribute='lastname' operator='not-null' value=''", "").unwrap();
    assert_eq!(uses(&found), ["contact.lastname by a test for a value"]);
}

#[test]
fn names_behind_lookups_are_those_of_other_records() {
    let check = |attribute: &str, operator: &str, expected: &str| {
        let attributes = format!("attribute='{attribute}' operator='{operator}' value='Anna B'");
        let found = uses(&condition(&attributes, "").unwrap());
        assert!(found.contains(&expected.to_owned()), "{attribute} {operator}: {found:?}");
    };
    let composed = "systemuser.lastname by comparing with a composed column";
    check("owneridname", "eq", composed);
    check("createdbyname", "in", composed);
    check("CreatedByYomiName", "eq", "systemuser.yomilastname by comparing with a composed column");
    check("owneridname", "like", "systemuser.lastname by comparing with a composed column");
    check("owneridname", "ends-with", "systemuser.lastname by ends-with");
    check("parentcustomeridname", "eq", "contact.lastname by comparing with a composed column");
    check("new_personidname", "eq", "contact.lastname by comparing with a composed column");
    let ordered = of_contacts("<order attribute='owneridname'/>").unwrap();
    assert!(uses(&ordered).contains(&"systemuser.firstname by order".to_owned()));
    let account = condition("attribute='accountidname' operator='eq' value='Acme'", "").unwrap();
    assert_eq!(occurrences(&account.target), ["0 account.name == Acme"]);
    // A column of its own.
    let manager = condition("attribute='managername' operator='eq' value='Anna'", "").unwrap();
    assert_eq!(occurrences(&manager.target), ["0 contact.managername == Anna"]);

    let found = of_contacts(
        "<attribute name='owneridname' alias='o'/><link-entity name='account' from='accountid' to='parentcustomerid' alias='a'><attribute name='primarycontactidname'/></link-entity>",
    );
    let body = r#"{"value":[{"o":"A","a.primarycontactidname":"B","fax":"F"}]}"#;
    let answer = read_answer(&found.unwrap(), 200, &HeaderMap::new(), body).unwrap();
    let shown = ["1 systemuser.fullname from A", "2 contact.fullname from B", "0 contact.fax = F"];
    assert_eq!(occurrences(&answer.body), shown);
}

#[test]
fn an_order_by_what_no_column_is_called_is_one_by_a_column() {
    let ordered = of_contacts("<order alias='lastname'/>").unwrap();
    assert_eq!(uses(&ordered), ["contact.lastname by order"]);
}

#[test]
fn a_link_compares_columns() {
    let found = of_contacts("<link-entity name='lead' from='emailaddress1' to='emailaddress2'/>");
    assert_eq!(
        uses(&found.unwrap()),
        ["lead.emailaddress1 by comparing columns", "contact.emailaddress2 by comparing columns",]
    );
    let found = of_contacts("<link-entity name='account' from='name' to='fullname'/>").unwrap();
    assert!(uses(&found).contains(&"contact.lastname by comparing columns".to_owned()));
    let found = of_contacts("<link-entity name='account' from='createdby' to='ownerid'/>").unwrap();
    assert_eq!(uses(&found), [""; 0]);
}

#[test]
fn a_link_is_not_taken_for_another_table() {
    let link = |name: &str, alias: &str| {
        format!("<link-entity name='{name}' from='a' to='b' alias='{alias}'/>")
    };
    for links in [
        link("task", "contact"),
        link("task", "Contact"),
        link("task", "a") + &link("lead", "A"),
        link("task", "lead1") + &link("lead", ""),
    ] {
        assert!(of_contacts(&links).is_err(), "{links}");
    }
    for links in
        [link("task", "a1") + &link("lead", "a2"), link("lead", "lead") + &link("lead", "")]
    {
        assert!(of_contacts(&links).is_ok(), "{links}");
    }
}

#[test]
fn links_without_an_alias_join_records_of_their_own() {
    let link =
        "<link-entity name='lead' from='a' to='b'><attribute name='fax' alias='{}'/></link-entity>";
    let found = of_contacts(&(link.replace("{}", "x") + &link.replace("{}", "y"))).unwrap();
    let body = r#"{"value":[{"lead1.lastname":"A","lead2.lastname":"B","lead1.mobilephone":"C","x":"D","y":"E"}]}"#;
    let answer = read_answer(&found, 200, &HeaderMap::new(), body).unwrap();
    assert_eq!(
        occurrences(&answer.body),
        [
            "1 lead.lastname = A",
            "2 lead.lastname = B",
            "1 lead.mobilephone = C",
            "3 lead.fax = D",
            "4 lead.fax = E",
        ]
    );
}

#[test]
fn nothing_hides_in_a_cookie() {
    let token = |inner: &str, outer: &str| {
        let inner = Codec::Percent.fragment(&Codec::Percent.fragment(inner));
        let text = format!("<cookie pagenumber=\"2\" pagingcookie=\"{inner}\"{outer}/>");
        locate("GET", &format!("{{v}}/contacts?$skiptoken={}", Codec::Percent.fragment(&text)), "")
    };
    let row = format!("<contactid last=\"{{{ID}}}\" first=\"{{{ID}}}\" />");
    assert!(token(&format!("<cookie page=\"1\">{row}</cookie>"), " istracking=\"False\" ").is_ok());
    for (inner, outer) in [
        (format!("<cookie page=\"1\">{row}</cookie>"), " note=\"Anna B\""),
        (format!("<cookie page=\"Anna B\">{row}</cookie>"), ""),
        (format!("<cookie page=\"1\"><contactid last=\"{{{ID}}}\">Anna</contactid></cookie>"), ""),
        (
            format!(
                "<cookie page=\"1\"><contactid last=\"{{{ID}}}\"><a b=\"Anna\"/></contactid></cookie>"
            ),
            "",
        ),
    ] {
        assert!(token(&inner, outer).is_err(), "{inner} {outer}");
    }
    let found = token("<cookie page=\"1\"><employeeid last=\"123\"/></cookie>", "").unwrap();
    assert_eq!(uses(&found), ["contact.employeeid by a paging cookie"]);
}
