// SPDX-License-Identifier: Apache-2.0

use http::HeaderMap;

use super::{ID, headers, locate, occurrences, read, read_answer, render};
use crate::carrier::Replacement;
use crate::crm::{Done, LocatedAnswer, SameRecord};

const LIST: (&str, &str, &str) = ("GET", "{v}/contacts", "");

fn check(request: (&str, &str, &str), body: &str, found: &[&str]) -> LocatedAnswer {
    let body = body.replace("{id}", ID);
    let answer = read(request, 200, &body);
    let mut all = occurrences(&answer.body);
    all.extend(answer.records.iter().map(|name| format!("{} is {}", name.record, name.object)));
    assert_eq!(all, found, "{body}");
    answer
}

#[test]
fn records_are_read() {
    check(
        LIST,
        r#"{"value":[{"@odata.etag":"W/\"1\"","fullname":"A B","emailaddress1":"a@b.de","contactid":"{id}","gendercode":2,"fax":null},{"address1_composite":"C","contactid":"{id}"}]}"#,
        &[
            "0 contact.fullname from A B",
            "0 contact.emailaddress1 = a@b.de",
            "0 contact.gendercode = 2",
            "1 contact.address1_composite from C",
            "0 is contact",
            "1 is contact",
        ],
    );
    // A relationship that is not known: the key tells what the record is.
    check(
        ("GET", "{v}/new_cars({id})", ""),
        r#"{"new_carid":"{id}","new_Driver":{"contactid":"{id}","lastname":"A"},"new_Other":{"lastname":"B"},"createdby":{"fullname":"C"}}"#,
        &[
            "1 contact.lastname = A",
            "2 unknown.lastname = B",
            "3 systemuser.fullname from C",
            "0 is new_car",
            "1 is contact",
        ],
    );
    check(
        ("GET", "{v}/accounts({id})/new_Driver", ""),
        r#"{"@odata.context":"x","contactid":"{id}","lastname":"A"}"#,
        &["0 contact.lastname = A", "0 is contact"],
    );
}

#[test]
fn formatted_values_belong_to_their_columns_and_lookups_to_other_records() {
    check(
        LIST,
        r#"{"value":[{"birthdate@OData.Community.Display.V1.FormattedValue":"29.02.1984","_ownerid_value@OData.Community.Display.V1.FormattedValue":"Annegret","_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname":"systemuser","_ownerid_value":"{id}","_parentcustomerid_value@OData.Community.Display.V1.FormattedValue":"Acme","_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname":"account","_parentcustomerid_value":"{id}","_new_x_value@OData.Community.Display.V1.FormattedValue":"Who"}]}"#,
        &[
            "0 contact.birthdate from 29.02.1984",
            "1 systemuser.fullname from Annegret",
            "2 account.name = Acme",
            "3 contact.fullname from Who",
            "1 is systemuser",
            "2 is account",
        ],
    );
}

#[test]
fn what_is_computed_is_no_column() {
    check(
        ("GET", "{v}/contacts?$apply=groupby((lastname),aggregate($count%20as%20fax))", ""),
        r#"{"value":[{"lastname":"A","fax":7,"fax@OData.Community.Display.V1.FormattedValue":"7"}]}"#,
        &["0 contact.lastname = A"],
    );
}

#[test]
fn single_columns_are_read() {
    let property = ("GET", "{v}/contacts({id})/lastname", "");
    let context = r#"{"@odata.context":"https://zollhaus-demo.crm4.dynamics.com/api/data/v9.2/$metadata#x","value":"A"}"#;
    let answer = check(property, context, &["0 contact.lastname = A"]);
    assert!(
        render(&answer.body, &Replacement::Keep)
            .starts_with(r#"{"@odata.context":"https://crm.acme.example/dyn/api/data/"#)
    );

    let raw = locate("GET", "{v}/contacts({id})/lastname/$value", "").unwrap();
    let text = headers(&[("content-type", "text/plain")]);
    let answer = read_answer(&raw, 200, &text, "Mül'ler").unwrap();
    assert_eq!(occurrences(&answer.body), ["0 contact.lastname = Mül'ler"]);
    assert_eq!(render(&answer.body, &Replacement::text("x")), "x");

    let count = locate("GET", "{v}/contacts/$count", "").unwrap();
    assert!(read_answer(&count, 200, &text, "\u{feff}17").is_ok());
    assert!(read_answer(&count, 200, &text, "Anna").is_err());
}

#[test]
fn links_lead_back_and_all_else_in_them_stays() {
    let next = r"https:\/\/zollhaus-demo.crm4.dynamics.com/api/data/v9.2/contacts?$skiptoken=%3Ccookie%20pagenumber=%222%22%20pagingcookie=%22%253Ccookie%2520%22/%3E\u0026a=ü";
    let body = format!(
        r#"{{"value":[{{"contactid":"{ID}","Contact_Annotation@odata.nextLink":"{next}"}}],"@odata.nextLink":"{next}","@odata.deltaLink":"{next}"}}"#
    );
    let answer = read(LIST, 200, &body);
    let expected =
        body.replace(r"https:\/\/zollhaus-demo.crm4.dynamics.com", "https://crm.acme.example/dyn");
    assert_eq!(render(&answer.body, &Replacement::Keep), expected);

    let refs = r#"{"value":[{"@odata.id":"https://zollhaus-demo.crm4.dynamics.com/api/data/v9.2/contacts(emailaddress1='a%40b.de')"}]}"#;
    let answer = read(("GET", "{v}/accounts({id})/contact_customer_accounts/$ref", ""), 200, refs);
    assert_eq!(occurrences(&answer.body), ["0 contact.emailaddress1 key a@b.de"]);
}

#[test]
fn headers_name_what_was_made() {
    let located = locate("POST", "{v}/contacts", r#"{"lastname":"x"}"#).unwrap();
    let check = |url: &str, expected: &str, found: &[&str]| {
        let sent = headers(&[("location", url), ("odata-entityid", url)]);
        let answer = read_answer(&located, 204, &sent, "").unwrap();
        for (_, document) in &answer.headers {
            assert_eq!(render(document, &Replacement::Keep), expected);
            assert_eq!(occurrences(document), found);
        }
        assert_eq!(answer.headers.len(), 2);
        answer
    };
    let url = format!("https://zollhaus-demo.crm4.dynamics.com/api/data/v9.2/contacts({ID})");
    let ours = format!("https://crm.acme.example/dyn/api/data/v9.2/contacts({ID})");
    let answer = check(&url, &ours, &[]);
    let same = SameRecord { in_answer: 0, in_request: 0, is_taken: true };
    assert_eq!((answer.records.len(), answer.done), (1, Done::Each(vec![same])));
    assert_eq!(answer.records[0].id, ID);
    let relative = format!("/api/data/v9.2/contacts({ID})");
    check(&relative, &format!("/dyn{relative}"), &[]);
    let key =
        "https://zollhaus-demo.crm4.dynamics.com/api/data/v9.2/contacts(emailaddress1='a@b.de')";
    let answer = check(
        key,
        &key.replace("zollhaus-demo.crm4.dynamics.com", "crm.acme.example/dyn"),
        &["0 contact.emailaddress1 key a@b.de"],
    );
    assert_eq!(
        render(&answer.headers[0].1, &Replacement::text("ü@b.de")),
        "https://crm.acme.example/dyn/api/data/v9.2/contacts(emailaddress1=%27%C3%BC%40b.de%27)"
    );
    check("https://login.microsoftonline.com/x", "https://login.microsoftonline.com/x", &[]);
}

#[test]
fn records_of_the_answer_are_those_of_the_request() {
    let targets = (
        "POST",
        "{v}/contacts/Microsoft.Dynamics.CRM.CreateMultiple",
        r#"{"Targets":[{"lastname":"x"},{"lastname":"y"}]}"#,
    );
    let answer = check(targets, r#"{"Ids":["{id}","{id}"]}"#, &["0 is contact", "1 is contact"]);
    let Done::Each(same) = answer.done else { panic!("records are told apart") };
    let same: Vec<_> = same.iter().map(|same| (same.in_answer, same.in_request)).collect();
    assert_eq!(same, [(0, 0), (1, 1)]);
}

#[test]
fn errors_are_echoes() {
    let error = r#"{"error":{"code":"0x1","message":"no a@b.de","@Microsoft.PowerApps.CDS.InnerError.Message":"b"}}"#;
    let answer = read(LIST, 400, error);
    assert_eq!(
        occurrences(&answer.body),
        ["0 error.message echo 0x1", "0 error.message echo no a@b.de", "0 error.message echo b"]
    );
}

#[test]
fn what_cannot_be_read_is_withheld() {
    let located = locate("GET", "{v}/contacts", "").unwrap();
    for (media, body) in [
        ("application/xml", "<a/>"),
        ("application/json", "{"),
        ("application/json", r#"{"value":["a"]}"#),
    ] {
        let sent = headers(&[("content-type", media)]);
        assert!(read_answer(&located, 200, &sent, body).is_err(), "{body}");
    }
    let metadata = locate("GET", "{v}/$metadata", "").unwrap();
    assert!(read_answer(&metadata, 200, &HeaderMap::new(), "<?xml version=\"1.0\"?><a/>").is_ok());
    assert!(read_answer(&metadata, 200, &HeaderMap::new(), "Anna").is_err());
}
