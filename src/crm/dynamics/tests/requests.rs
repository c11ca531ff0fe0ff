// SPDX-License-Identifier: Apache-2.0

use proptest::prelude::*;

use super::{ID, full, headers, locate, locate_with, occurrences, render, uses};
use crate::carrier::{Codec, Replacement};
use crate::crm::{About, LocateError};

fn check(method: &str, target: &str, body: &str, operation: &str, found: &[&str]) {
    let located = locate(method, target, body)
        .unwrap_or_else(|error| panic!("{method} {target} {body}: {error}"));
    let object = located.operation.object.as_ref().map(|object| format!(" {object}"));
    let name = format!("{}{}", located.operation.name, object.unwrap_or_default());
    assert_eq!(name, operation, "{method} {target}");
    let mut all = occurrences(&located.target);
    all.extend(occurrences(&located.body));
    all.extend(uses(&located));
    let named = located.records.iter().map(|name| format!("{} is {}", name.record, name.object));
    all.extend(named);
    assert_eq!(all, found, "{method} {target} {body}");
    let full = full(target);
    assert_eq!(render(&located.target, &Replacement::Keep), full);
    if !body.contains("acme.example") {
        assert_eq!(render(&located.body, &Replacement::Keep), body);
    }
}

#[test]
fn records_are_read_and_written() {
    let contact = r#"{"firstname":"Zoë","EMailAddress1":"a@b.de","fax":null,"gendercode":2,"donotemail":true}"#;
    let values = [
        "0 contact.firstname = Zoë",
        "0 contact.emailaddress1 = a@b.de",
        "0 contact.fax = -",
        "0 contact.gendercode = 2",
        "0 contact.donotemail = a boolean",
    ];
    check("POST", "{v}/contacts", contact, "record.create contact", &values);
    let mut update = values.to_vec();
    update.push("0 is contact");
    check("PATCH", "{v}/contacts({id})", contact, "record.update contact", &update);
    check(
        "PATCH",
        "{v}/contacts(contactid={id})?$select=fullname",
        contact,
        "record.update contact",
        &update,
    );
    check(
        "GET",
        "{v}/contacts({id})?$select=fullname&$expand=parentcustomerid_account($select=name)",
        "",
        "record.read contact",
        &["0 is contact"],
    );
    check("GET", "{v}/contacts?$top=3&$count=true", "", "record.list contact", &[]);
    check(
        "GET",
        "{v}/contacts/$count?$filter=lastname eq 'x'".replace(' ', "%20").as_str(),
        "",
        "record.count contact",
        &["0 contact.lastname == x"],
    );
    check("DELETE", "{v}/contacts({id})", "", "record.delete contact", &["0 is contact"]);
    check(
        "GET",
        "{v}/accounts({id})/primarycontactid",
        "",
        "record.read contact",
        &["0 is account"],
    );
    check(
        "GET",
        "{v}/accounts({id})/contact_customer_accounts?$filter=lastname%20eq%20%27x%27",
        "",
        "record.list contact",
        &["1 contact.lastname == x", "0 is account"],
    );
    check(
        "POST",
        "{v}/accounts({id})/contact_customer_accounts",
        r#"{"lastname":"x"}"#,
        "record.create contact",
        &["1 contact.lastname = x", "0 is account"],
    );
}

#[test]
fn keys_are_values() {
    let keys = ["0 contact.lastname key O'Brien", "0 contact.emailaddress1 key a@b.de"];
    check(
        "GET",
        "{v}/contacts(lastname='O''Brien',emailaddress1='a%40b.de')",
        "",
        "record.read contact",
        &keys,
    );
    check(
        "DELETE",
        "{v}/contacts(lastname=%27O%27%27Brien%27,emailaddress1='a@b.de')",
        "",
        "record.delete contact",
        &keys,
    );
    let mut aliased = vec!["0 contact.lastname key O'Brien"];
    check("GET", "{v}/contacts(lastname=@k)?@k='O''Brien'", "", "record.read contact", &aliased);
    aliased.insert(1, "0 contact.jobtitle = x");
    check(
        "PATCH",
        "{v}/contacts(lastname='O''Brien',new_number=7)",
        r#"{"jobtitle":"x"}"#,
        "record.update contact",
        &["0 contact.lastname key O'Brien", "0 contact.new_number key 7", "0 contact.jobtitle = x"],
    );
    let used = ["firstname", "middlename", "lastname", "salutation", "suffix"]
        .map(|part| format!("contact.{part} by a key in a composed column"));
    let mut composed = vec!["0 contact.fullname key x"];
    composed.extend(used.iter().map(String::as_str));
    check("GET", "{v}/contacts(fullname='x')", "", "record.read contact", &composed);
}

#[test]
fn single_columns_are_read_and_written() {
    check("GET", "{v}/contacts({id})/lastname", "", "property.read contact", &["0 is contact"]);
    check(
        "GET",
        "{v}/contacts(emailaddress1='a@b.de')/lastname/$value",
        "",
        "property.read contact",
        &["0 contact.emailaddress1 key a@b.de"],
    );
    check(
        "PUT",
        "{v}/contacts({id})/emailaddress1",
        r#"{"value":"a@b.de"}"#,
        "property.update contact",
        &["0 contact.emailaddress1 = a@b.de", "0 is contact"],
    );
    check(
        "DELETE",
        "{v}/contacts({id})/emailaddress1",
        "",
        "property.delete contact",
        &["0 is contact"],
    );
}

#[test]
fn references_are_followed() {
    let target = "{v}/accounts({id})/contact_customer_accounts/$ref";
    for url in [
        "https://zollhaus-demo.crm4.dynamics.com/api/data/v9.2/contacts(emailaddress1='a@b.de')",
        "/api/data/v9.2/contacts(emailaddress1='a@b.de')",
        "/contacts(emailaddress1='a@b.de')",
        "contacts(emailaddress1='a%40b.de')",
        "contacts(emailaddress1=\\u0027a@b.de')",
    ] {
        let body = format!(r#"{{"@odata.id":"{url}"}}"#);
        check(
            "POST",
            target,
            &body,
            "reference.add contact",
            &["1 contact.emailaddress1 key a@b.de", "0 is account"],
        );
    }
    check(
        "PUT",
        "{v}/accounts({id})/primarycontactid/$ref",
        r#"{"@odata.id":"contacts({id})"}"#.replace("{id}", ID).as_str(),
        "reference.add contact",
        &["0 is account"],
    );
    check(
        "DELETE",
        "{v}/accounts({id})/contact_customer_accounts({id})/$ref",
        "",
        "reference.remove contact",
        &["0 is account", "1 is contact"],
    );
    check(
        "DELETE",
        "{v}/accounts({id})/contact_customer_accounts/$ref?$id=contacts(emailaddress1=%27a@b.de%27)",
        "",
        "reference.remove contact",
        &["2 contact.emailaddress1 key a@b.de", "0 is account"],
    );

    // Ours is no address for the CRM.
    let body = r#"{"@odata.id":"https://crm.acme.example/dyn/api/data/v9.2/contacts(emailaddress1='a@b.de')"}"#;
    let located = locate("POST", target, body).unwrap();
    assert_eq!(
        render(&located.body, &Replacement::text("zh0@t")),
        r#"{"@odata.id":"https://zollhaus-demo.crm4.dynamics.com/api/data/v9.2/contacts(emailaddress1='zh0@t')"}"#
    );
}

#[test]
fn nested_records_are_records_of_their_own() {
    let body = r#"{"name":"Acme","primarycontactid":{"lastname":"A","@odata.type":"Microsoft.Dynamics.CRM.contact"},"contact_customer_accounts":[{"lastname":"B","Contact_Annotation":[{"notetext":"C"}]}],"parentcustomerid_contact@odata.bind":"/contacts(emailaddress1='d@e.f')","transactioncurrencyid@odata.bind":"transactioncurrencies({id})","x@odata.bind":["$1"],"new_Custom":{"@odata.type":"Microsoft.Dynamics.CRM.lead","lastname":"E"}}"#.replace("{id}", ID);
    check(
        "POST",
        "{v}/accounts",
        &body,
        "record.create account",
        &[
            "0 account.name = Acme",
            "1 contact.lastname = A",
            "2 contact.lastname = B",
            "3 annotation.notetext = C",
            "4 contact.emailaddress1 key d@e.f",
            "5 lead.lastname = E",
        ],
    );
    let targets = r#"{"Targets":[{"@odata.type":"Microsoft.Dynamics.CRM.contact","lastname":"A"},{"contactid":"{id}","lastname":"B"},{"@odata.id":"contacts(emailaddress1='c@d.e')"}]}"#.replace("{id}", ID);
    for (message, name) in [("Create", "create"), ("Update", "update"), ("Upsert", "upsert")] {
        let target = format!("{{v}}/contacts/Microsoft.Dynamics.CRM.{message}Multiple");
        check(
            "POST",
            &target,
            &targets,
            &format!("records.{name} contact"),
            &[
                "0 contact.lastname = A",
                "1 contact.lastname = B",
                "3 contact.emailaddress1 key c@d.e",
                "1 is contact",
            ],
        );
    }
}

#[test]
fn queries_are_bound_to_tables() {
    let check = |target: &str, found: &[&str]| {
        check("GET", &target.replace(' ', "%20"), "", "record.list contact", found);
    };
    check(
        "{v}/contacts?$select=fullname&$filter=emailaddress1 eq 'a@b.de' and _ownerid_value eq {id}&$orderby=createdon desc",
        &["0 contact.emailaddress1 == a@b.de", "contact.createdon by $orderby"],
    );
    check("{v}/contacts?$filter=lastname eq @p1&@p1='x'", &["0 contact.lastname == x"]);
    check(
        "{v}/contacts?$filter=Microsoft.Dynamics.CRM.In(PropertyName=@p1,PropertyValues=@p2)&@p1='lastname'&@p2=[\"x\",'y']",
        &["0 contact.lastname == x", "0 contact.lastname == y"],
    );
    check("{v}/contacts?$filter=contains(lastname,@p1)&@p1='x'", &["contact.lastname by contains"]);
    check(
        "{v}/contacts?$filter=parentcustomerid_account/name eq 'x' and createdby/domainname eq 'y'",
        &["0 account.name == x", "0 systemuser.domainname == y"],
    );
    check(
        "{v}/contacts?$expand=Contact_Annotation($filter=notetext eq 'x')",
        &["0 annotation.notetext == x"],
    );
    check(
        "{v}/contacts?$filter=lastname eq 'M%25' or lastname eq @a&@a='[M]_'",
        &[
            "0 contact.lastname == M%",
            "0 contact.lastname == [M]_",
            "contact.lastname by a wildcard",
            "contact.lastname by a wildcard",
        ],
    );
    check("{v}/contacts?$filter=lastname eq 'a_b'", &["0 contact.lastname == a_b"]);
    check(
        "{v}/contacts?$apply=groupby((lastname),aggregate($count as n))",
        &["contact.n by an alias", "contact.lastname by groupby"],
    );
}

#[test]
fn it_is_known_whom_a_request_may_be_about() {
    let check = |target: &str, expected: About, names: usize| {
        let found = locate("GET", &target.replace(' ', "%20"), "").unwrap();
        assert_eq!((found.operation.about, found.records.len()), (expected, names), "{target}");
    };
    check("{v}/WhoAmI", About::Nobody, 0);
    check("{v}/contacts", About::Named, 0);
    check("{v}/contacts({id})", About::Named, 1);
    check("{v}/contacts?$filter=a eq 'x' and b in ('y')", About::Named, 0);
    check("{v}/contacts?$filter=contactid eq {id}", About::Named, 1);
    check("{v}/contacts?$filter=contactid in ({id},{id}) or a eq 'x'", About::Anybody, 2);
    check("{v}/contacts?$filter=contactid eq @a&@a={id}", About::Named, 1);
    for others in [
        "contacts?$filter=a eq 'x' or b eq 'y'",
        "contacts?$filter=not (a eq 'x')",
        "contacts?$filter=a ne @a&@a='x'",
        "contacts?$filter=Microsoft.Dynamics.CRM.NotIn(PropertyName='a',PropertyValues=['x'])",
        "contacts?$filter=createdby/domainname eq 'x'",
        "contacts?$expand=createdby",
    ] {
        check(&format!("{{v}}/{others}"), About::Anybody, 0);
    }
    check("{v}/accounts({id})/primarycontactid", About::Anybody, 1);
    check("{v}/accounts({id})/contact_customer_accounts", About::Anybody, 1);
    let fetch = |inner: &str| {
        let xml = format!("<fetch><entity name='contact'>{inner}</entity></fetch>");
        format!("{{v}}/contacts?fetchXml={}", Codec::Percent.fragment(&xml))
    };
    let condition = |operator: &str| {
        fetch(&format!(
            "<filter><condition attribute='contactid' operator='{operator}' value='{{{ID}}}'/></filter>"
        ))
    };
    check(&condition("eq"), About::Named, 1);
    check(&condition("ne"), About::Anybody, 1);
    check(&fetch("<filter type='or'/>"), About::Anybody, 0);
    check(&fetch("<link-entity name='account' from='a' to='b'/>"), About::Anybody, 0);
}

#[test]
fn metadata_passes_without_values() {
    for (target, name) in [
        ("{v}/", "service.read"),
        ("{v}", "service.read"),
        ("{v}/$metadata", "metadata.read"),
        ("{v}/WhoAmI", "function.read"),
        ("{v}/WhoAmI()", "function.read"),
        ("{v}/RetrieveTotalRecordCount(EntityNames=@p)?@p=['contact']", "function.read"),
        (
            "{v}/EntityDefinitions?$select=LogicalName&$filter=LogicalName%20eq%20'contact'",
            "metadata.read",
        ),
        (
            "{v}/EntityDefinitions(LogicalName='contact')/Attributes({id})/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$expand=OptionSet($select=Options)",
            "metadata.read",
        ),
        (
            "{v}/EntityDefinitions?$filter=Microsoft.Dynamics.CRM.In(PropertyName='LogicalName',PropertyValues=['contact','lead'])",
            "metadata.read",
        ),
    ] {
        check("GET", target, "", name, &[]);
    }
    for refused in [
        "{v}/EntityDefinitions(LogicalName='Anna Müller')",
        "{v}/EntityDefinitions?$filter=LogicalName%20eq%20'a@b.de'",
        "{v}/EntityDefinitions?$filter=contains(LogicalName,'Anna')",
        "{v}/EntityDefinitions?$filter=startswith(LogicalName,'Anna')",
        "{v}/EntityDefinitions?$filter=LogicalName%20gt%20'a@b.de'",
        "{v}/contacts?$deltatoken=Anna",
        "{v}/RetrieveTotalRecordCount(EntityNames=@p)?@p=['a@b.de']",
        "{v}/RetrieveTotalRecordCount(EntityNames=@p)?@p=['contact']&@a@b.de=1",
    ] {
        assert!(locate("GET", refused, "").is_err(), "{refused}");
    }
}

#[test]
fn what_is_not_known_is_refused() {
    let check = |method: &str, target: &str, body: &str, expected: &str| {
        let error = locate(method, target, body).expect_err(target).to_string();
        assert!(error.contains(expected), "{method} {target} {body}: {error}");
    };
    let unknown = "does not know this operation";
    check("POST", "/XRMServices/2011/Organization.svc/web", "", unknown);
    check("POST", "/api/search/v1.0/query", "{}", "which tables");
    check("POST", "{v}/searchquery(1)", "{}", unknown);
    check("POST", "/api/search/v1.0/status", "{}", unknown);
    check("GET", "/api/data/v9/contacts", "", unknown);
    check("POST", "{v}/contacts({id})/Microsoft.Dynamics.CRM.new_Do", "{}", unknown);
    check("POST", "{v}/SendEmailFromTemplate", "{}", unknown);
    check("GET", "{v}/new_Lookup(a='x')", "", unknown);
    check("POST", "{v}/EntityDefinitions", "{}", unknown);
    check("PUT", "{v}/contacts({id})", "{}", "not a method");
    check("HEAD", "{v}/contacts", "", "not a method");
    check("GET", "{v}/contacts?$search=x", "", "does not take it");
    check("GET", "{v}/contacts?$filter=a%20eq%201&$filter=b%20eq%202", "", "given twice");
    check("GET", "{v}/contacts?savedQuery={id}", "", "does not take it");
    check("GET", "{v}/contacts({id})?$filter=a%20eq%201", "", "does not take it");
    check("GET", "{v}/contacts?@p1='x'", "", "no option uses it");
    check(
        "GET",
        "{v}/contacts?$filter=a%20eq%20@p%20and%20b%20eq%20@p&@p='x'",
        "",
        "several columns",
    );
    check("GET", "{v}/contacts?$filter=new_Other/a%20eq%20'x'", "", "not known to be behind");
    check(
        "GET",
        "{v}/accounts?$filter=contact_customer_accounts/any(c:c%20eq%20'x')",
        "",
        "a property missing",
    );
    check("GET", "{v}/contacts('a')", "", "form of an id");
    check("GET", "{v}/contacts('a','b')", "", "has no name");
    check("POST", "{v}/contacts", "[]", "is no object");
    check("POST", "{v}/contacts", r#"{"a":1,"a":2}"#, "same key twice");
    check("POST", "{v}/contacts", r#"{"Anna Müller":1}"#, "no column can have");
    check("POST", "{v}/contacts", r#"{"new_Other":{"a":"x"}}"#, "state `@odata.type`");
    check("POST", "{v}/contacts", r#"{"a@my.note":"x"}"#, "no annotation");
    check("POST", "{v}/contacts", r#"{"@my.note":"x"}"#, "no annotation");
    check("POST", "{v}/contacts", r#"{"@odata.type":"x"}"#, "no type");
    check("PUT", "{v}/contacts({id})/fax", r#"{"value":"1","@odata.type":"Anna B"}"#, "no type");
    check(
        "POST",
        "{v}/contacts",
        r#"{"a@odata.bind":"https://evil.example/contacts(1)"}"#,
        "another host",
    );
    check("POST", "{v}/contacts", r#"{"a@odata.bind":"contacts"}"#, "no key");
    check("POST", "{v}/contacts", r#"{"a@odata.bind":"contacts('x')/y"}"#, "more than one record");
    check(
        "POST",
        "{v}/contacts/Microsoft.Dynamics.CRM.CreateMultiple",
        r#"{"Other":[]}"#,
        "not a member",
    );
    let xml = headers(&[("content-type", "application/xml")]);
    let error = locate_with("POST", "{v}/contacts", &xml, "<a/>").unwrap_err();
    assert!(matches!(error, LocateError::UnsupportedMediaType { .. }));
}

proptest! {
    #[test]
    fn what_is_kept_is_identical_and_what_is_replaced_is_gone(
        text in "[a-zA-Zü'@. -]{6,20}",
    ) {
        let key = Codec::Percent.fragment(&Codec::OData.literal(&text));
        let target = format!("{{v}}/contacts?$filter=lastname%20eq%20{key}%20or%20emailaddress1%20in%20({key},{key})");
        let located = locate("GET", &target, "").unwrap();
        prop_assert_eq!(render(&located.target, &Replacement::Keep), full(&target));
        let replaced = render(&located.target, &Replacement::text("zh0"));
        prop_assert!(!replaced.contains(&key));
        prop_assert_eq!(replaced.matches("zh0").count(), 3);
        let several = Replacement::AnyOf(vec!["zh1".into(), "zh2".into()]);
        let widened = render(&located.target, &several);
        prop_assert!(widened.ends_with(
            "%28lastname%20eq%20%27zh1%27%20or%20lastname%20eq%20%27zh2%27%29%20or%20emailaddress1%20in%20(%27zh1%27%2C%27zh2%27,%27zh1%27%2C%27zh2%27)"
        ), "{}", widened);
    }
}
