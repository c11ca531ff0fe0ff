// SPDX-License-Identifier: Apache-2.0

use proptest::prelude::*;

use super::{headers, locate, locate_with, occurrences, render, uses};
use crate::carrier::{Codec, Replacement};
use crate::crm::LocateError;

const ID: &str = "003WV00000A1b2CYAR";

/// `{v}` stands for the data resource, `{id}` for a record id.
fn full(target: &str) -> String {
    target.replace("{v}", "/services/data/v62.0").replace("{id}", ID)
}

fn check(method: &str, target: &str, body: &str, operation: &str, found: &[&str]) {
    let target = full(target);
    let located =
        locate(method, &target, body).unwrap_or_else(|error| panic!("{method} {target}: {error}"));
    let object = located.operation.object.as_ref().map(|object| format!(" {object}"));
    let name = format!("{}{}", located.operation.name, object.unwrap_or_default());
    assert_eq!(name, operation, "{method} {target}");
    let mut all = occurrences(&located.target);
    all.extend(occurrences(&located.body));
    all.extend(uses(&located));
    assert_eq!(all, found, "{method} {target}");
    assert_eq!(render(&located.target, &Replacement::Keep), target);
    assert_eq!(render(&located.body, &Replacement::Keep), body);
}

#[test]
fn operations_are_known_and_their_values_found() {
    let contact = r#"{"LastName":"Müller","EMAIL":"a@b.de","Phone":null,"Age__c":7,"Fax":""}"#;
    let values = [
        "0 contact.lastname = Müller",
        "0 contact.email = a@b.de",
        "0 contact.phone = -",
        "0 contact.age__c = 7",
        "0 contact.fax = -",
    ];
    check("POST", "{v}/sobjects/Contact", contact, "sobject.create contact", &values);
    check("POST", "{v}/sobjects/CONTACT/", contact, "sobject.create contact", &values);
    check("POST", "{v}/sobjects/Contact/Id", contact, "sobject.create contact", &values);
    check("PATCH", "{v}/sobjects/Contact/{id}", contact, "sobject.update contact", &values);
    check(
        "POST",
        "{v}/sobjects/Contact/{id}?_HttpMethod=PATCH",
        contact,
        "sobject.update contact",
        &values,
    );
    check(
        "POST",
        "{v}/sobjects/Contact/{id}?_HttpMethod=DELETE",
        "",
        "sobject.delete contact",
        &[],
    );
    check("DELETE", "{v}/sobjects/Contact/{id}", "", "sobject.delete contact", &[]);
    check(
        "GET",
        "{v}/sobjects/Contact/{id}?fields=Id,Account.Name",
        "",
        "sobject.read contact",
        &[],
    );
    check("GET", "{v}/sobjects/Contact/{id}.json", "", "sobject.read contact", &[]);
    check("HEAD", "{v}/sobjects/Contact/{id}", "", "sobject.read contact", &[]);

    let key = "0 contact.email key a@b.de";
    check("GET", "{v}/sobjects/Contact/Email/a%40b.de", "", "sobject.read contact", &[key]);
    check("DELETE", "{v}/sobjects/contact/EMAIL/a@b.de/", "", "sobject.delete contact", &[key]);
    check(
        "PATCH",
        "{v}/sobjects/Contact/Email/a@b.de?updateOnly=true",
        r#"{"Title":"Dr."}"#,
        "sobject.upsert contact",
        &[key, "0 contact.title = Dr."],
    );
    check(
        "PATCH",
        "{v}/sobjects/Contact/Kundennummer__c/KD-4711",
        r#"{"Account":{"Ext__c":"A-1"},"Owner":{"attributes":{"type":"Group"},"Email":"q@b.de"}}"#,
        "sobject.upsert contact",
        &[
            "0 contact.kundennummer__c key KD-4711",
            "1 account.ext__c key A-1",
            "2 group.email key q@b.de",
        ],
    );

    let records = r#"{"allOrNone":false,"records":[
        {"attributes":{"type":"Contact","url":"/services/data/v62.0/sobjects/Contact/003WV00000A1b2CYAR"},
         "id":"003WV00000A1b2CYAR","email":"a@b.de"},
        {"attributes":{"type":"Lead"},"Email":"c@d.de","Tags__c":["x"],"DoNotCall":true}]}"#;
    let found = [
        "0 contact.email = a@b.de",
        "1 lead.email = c@d.de",
        "1 lead.tags__c = a list",
        "1 lead.donotcall = a boolean",
    ];
    check("POST", "{v}/composite/sobjects/", records, "collection.create", &found);
    check("PATCH", "{v}/composite/sobjects", records, "collection.update", &found);
    check(
        "PATCH",
        "{v}/composite/sobjects/Contact/Email",
        r#"{"records":[{"Email":"a@b.de","LastName":"Müller"}]}"#,
        "collection.upsert contact",
        &["0 contact.email key a@b.de", "0 contact.lastname = Müller"],
    );
    check(
        "DELETE",
        "{v}/composite/sobjects?ids={id},{id}&allOrNone=true",
        "",
        "collection.delete",
        &[],
    );
    check(
        "GET",
        "{v}/composite/sobjects/Contact?ids={id}&fields=id,name",
        "",
        "collection.retrieve contact",
        &[],
    );
    check(
        "POST",
        "{v}/composite/sobjects/Contact",
        r#"{"ids":["003WV00000A1b2CYAR"],"fields":["id","Account.Name"]}"#,
        "collection.retrieve contact",
        &[],
    );

    check("GET", "/services/data", "", "versions", &[]);
    check("GET", "/services/data/v20.0/", "", "resources", &[]);
    check("GET", "{v}/limits", "", "limits", &[]);
    check("GET", "{v}/sobjects", "", "sobjects", &[]);
    check("GET", "{v}/sobjects/Contact", "", "sobject.info contact", &[]);
    check("GET", "{v}/sobjects/Contact/describe", "", "sobject.describe contact", &[]);
    check("GET", "{v}/query/01gWV000000demoYAAQ-200", "", "query_more", &[]);
    check("GET", "/services/oauth2/userinfo", "", "oauth.userinfo", &[]);
    check("GET", "/services/oauth2/revoke?token=x", "", "oauth.revoke", &[]);
    check("GET", "/id/00DWV000000demoMAA/005WV000000demoYAA?version=latest", "", "identity", &[]);
}

#[test]
fn read_only_copies_and_composed_fields_are_what_they_show() {
    let parts = |what: &str| {
        ["firstname", "lastname", "middlename", "suffix", "salutation"]
            .map(|part| format!("contact.{part} by {what}"))
    };
    let with_parts = |first: &[&str], what: &str| {
        first.iter().map(|line| (*line).to_owned()).chain(parts(what)).collect::<Vec<String>>()
    };
    let check = |method: &str, target: &str, body: &str, found: Vec<String>| {
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        let located = locate(method, &full(target), body).unwrap();
        let mut all = occurrences(&located.target);
        all.extend(occurrences(&located.body));
        all.extend(uses(&located));
        assert_eq!(all, found, "{target}");
    };
    check(
        "POST",
        "{v}/sobjects/Contact",
        r#"{"Name":"Anna Müller"}"#,
        with_parts(&["0 contact.name = Anna Müller"], "writing a composed field"),
    );
    check(
        "GET",
        "{v}/sobjects/Contact/Name/Anna",
        "",
        with_parts(&["0 contact.name key Anna"], "a key in a composed field"),
    );
    check(
        "GET",
        "{v}/query?q=SELECT+Id+FROM+Case+WHERE+Contact.Name='Anna'",
        "",
        with_parts(&["0 contact.name == Anna"], "comparing with a composed field"),
    );
    let mut ordered = parts("ORDER BY").to_vec();
    ordered.push("contact.name by ORDER BY".to_owned());
    check("GET", "{v}/query?q=SELECT+Id+FROM+Contact+ORDER+BY+Name", "", ordered);
    check(
        "GET",
        "{v}/query?q=SELECT+Id+FROM+Case+WHERE+ContactEmail='a@b.de'",
        "",
        vec!["0 contact.email == a@b.de".to_owned()],
    );
    let street = r#"{"MailingAddress":"Torstraße 1"}"#;
    let located = locate("POST", &full("{v}/sobjects/Contact"), street).unwrap();
    let street = "contact.mailingstreet by writing a composed field".to_owned();
    assert!(uses(&located).contains(&street));
}

#[test]
fn queries_are_bound_to_objects() {
    let check = |query: &str, found: &[&str]| {
        for target in ["{v}/query?q=", "{v}/queryAll/?q="] {
            let target = format!("{target}{}", Codec::Percent.fragment(query));
            let located =
                locate("GET", &full(&target), "").unwrap_or_else(|e| panic!("{query}: {e}"));
            let mut all = occurrences(&located.target);
            all.extend(uses(&located));
            assert_eq!(all, found, "{query}");
        }
    };
    check("SELECT Id FROM Contact", &[]);
    check(
        "SELECT Id FROM CONTACT c WHERE c.EMAIL = 'a' AND Contact.Phone != 'b' AND FirstName IN ('c','d')",
        &[
            "0 contact.email == a",
            "0 contact.phone == b",
            "0 contact.firstname == c",
            "0 contact.firstname == d",
        ],
    );
    check(
        "SELECT Id FROM Contact c, c.Account a, a.Owner o WHERE a.Phone = 'x' AND o.Email = 'y' \
         AND Account.Parent.Fax = 'z' AND ReportsTo.Account.CreatedBy.Email = 'w'",
        &["0 account.phone == x", "0 user.email == y", "0 account.fax == z", "0 user.email == w"],
    );
    check(
        "SELECT Id, (SELECT Id FROM Contacts WHERE Email = 'x' ORDER BY Phone), \
         (SELECT Id FROM a.Cases k WHERE k.Subject = 'y') FROM Account a \
         WHERE Id IN (SELECT AccountId FROM Contact WHERE Fax = 'z')",
        &[
            "0 contact.email == x",
            "0 case.subject == y",
            "0 contact.fax == z",
            "contact.accountid by IN (SELECT)",
            "contact.phone by ORDER BY",
        ],
    );
    check("SELECT Id, Foo__r.Name FROM Contact WHERE Id = '003WV00000A1b2CYAR'", &[]);
    check("SELECT Id FROM Contact WHERE Id = 'a@b.de'", &["0 contact.id == a@b.de"]);
    check(
        "SELECT Email e, COUNT(Id) c FROM Contact GROUP BY Email HAVING COUNT(Id) > 1",
        &["contact.email by GROUP BY"],
    );
    check(
        "SELECT Id FROM Contact WHERE Birthdate = 1984-02-29 AND LastName LIKE 'M%'",
        &[
            "0 contact.birthdate == 1984-02-29",
            "0 contact.lastname LIKE M%",
            "contact.birthdate by comparing without the year, as Salesforce does,",
        ],
    );
    check(
        "SELECT Id FROM Contact WHERE LastName = 'Smith ' OR Email IN ('a@b.de', ' ')",
        &[
            "0 contact.lastname == Smith ",
            "0 contact.email == a@b.de",
            "0 contact.email == -",
            "contact.lastname by a value with space around it",
        ],
    );
}

#[test]
fn a_widened_filter_is_a_list() {
    let target = full("{v}/query?q=SELECT+Id+FROM+Contact+WHERE+Email+%3D+'x'+AND+Fax!='y'");
    let located = locate("GET", &target, "").unwrap();
    let any_of = Replacement::AnyOf(vec!["a+b".into(), "c".into()]);
    assert_eq!(
        render(&located.target, &any_of),
        full(
            "{v}/query?q=SELECT+Id+FROM+Contact+WHERE+Email+%20IN%20+%28%27a%2Bb%27%2C%27c%27%29\
              +AND+Fax%20NOT%20IN%20%28%27a%2Bb%27%2C%27c%27%29"
        )
    );
}

#[test]
fn unknown_operations_are_named_so() {
    let check = |method: &str, target: &str| {
        let found = locate(method, &full(target), "").unwrap_err();
        assert_eq!(found, LocateError::UnknownOperation, "{method} {target}");
    };
    for target in [
        "/",
        "/services",
        "/services/apexrest/x",
        "/services/data/v19.0/limits",
        "/services/data/62.0/limits",
        "/services/data/v62/limits",
        "/services/data/v62.0.1/limits",
        "{v}/composite",
        "{v}/composite/batch",
        "{v}/composite/graph",
        "{v}/jobs/ingest/x",
        "{v}/jobs/ingest/{id}/batches",
        "{v}/sobjects/Contact/a@b.de",
        "{v}/sobjects/Contact/describe/layouts",
        "{v}/sobjects/Contact/listviews/x",
        "{v}/sobjects/Con-tact/{id}",
        "{v}/sobjects/Contact/E%6Dail.x/y",
        "{v}/query/a@b.de",
        "/id/a@b.de/005WV000000demoYAA",
    ] {
        check("GET", target);
    }
    check("PUT", "{v}/sobjects/Contact/{id}");
    check("POST", "{v}/query?q=SELECT");
    check("POST", "{v}/composite/other");
    check("GET", "{v}/composite/tree/Account");
    check("GET", "{v}/sobjects/Contact/{id}?_HttpMethod=DELETE");
    check("POST", "{v}/sobjects/Contact/{id}?_HttpMethod=GET");
    check("DELETE", "/services/data");
}

#[test]
fn what_cannot_be_read_beyond_doubt_is_refused() {
    let check = |method: &str, target: &str, body: &str, expected: &str| {
        let found = locate(method, &full(target), body).unwrap_err().to_string();
        assert_eq!(found, expected, "{method} {target} {body}");
    };
    let create = |body: &str, problem: &str| {
        let expected = format!("the body cannot be parsed: {problem}");
        check("POST", "{v}/sobjects/Contact", body, &expected);
    };
    create("[]", "what stands at byte 0 is no object");
    create("\"a@b.de\"", "what stands at byte 0 is no object");
    create("{\"a\":1,}", "it is not valid JSON at byte 7");
    create(r#"{"Email":"a","Email":"b"}"#, "an object has the same key twice at byte 13");
    create(
        r#"{"Email":"a","eMail":"b"}"#,
        "what stands at byte 0 has two names that differ in case only",
    );
    for name in
        ["", "Email ", "E-mail", "Email\\u0000", "Ema\\u0131l", "１mail", "a.b", "__proto__"]
    {
        let problem =
            format!("what stands at byte {} has a name that no field can have", name.len() + 4);
        create(&format!("{{\"{name}\":\"a\"}}"), &problem);
    }
    let unknown = "refers to an object that is not known; state it (`attributes.type`, `type`)";
    create(r#"{"Foo__r":{"Ext__c":"a"}}"#, &format!("what stands at byte 10 {unknown}"));
    create(r#"{"Email":{"x":"a@b.de"}}"#, &format!("what stands at byte 9 {unknown}"));
    create(r#"{"Contacts":{"records":[]}}"#, &format!("what stands at byte 12 {unknown}"));
    let several = "states what may be of several objects; name the one that it is";
    create(
        r#"{"Owner":{"attributes":{"type":"Name"},"Email":"a"}}"#,
        &format!("what stands at byte 9 {several}"),
    );
    create(
        r#"{"attributes":{"type":"Lead"},"Email":"a"}"#,
        "what stands at byte 0 states another object than the path",
    );
    create(
        r#"{"attributes":{"type":"Contact","note":"a@b.de"}}"#,
        "what stands at byte 39 is not an attribute of a record",
    );
    create(
        r#"{"attributes":{"url":"/services/data/v62.0/sobjects/Contact/Email/a@b.de"}}"#,
        "what stands at byte 21 is not an attribute of a record",
    );
    let collection = |body: &str, problem: &str| {
        let expected = format!("the body cannot be parsed: {problem}");
        check("POST", "{v}/composite/sobjects", body, &expected);
    };
    collection("[]", "what stands at byte 0 is no object");
    collection(r#"{"records":{}}"#, "what stands at byte 11 is no list");
    collection(r#"{"records":[{}]}"#, "what stands at byte 12 does not state its object");
    collection(r#"{"records":[null]}"#, "what stands at byte 12 is no object");
    collection(r#"{"allOrNone":"a@b.de"}"#, "what stands at byte 13 is no flag");
    collection(r#"{"note":"a@b.de"}"#, "what stands at byte 8 is not a member of a collection");
    check(
        "POST",
        "{v}/composite/sobjects/Contact",
        r#"{"ids":["a@b.de"],"fields":["id"]}"#,
        "the body cannot be parsed: what stands at byte 8 is neither an id nor a name",
    );
    check(
        "DELETE",
        "{v}/sobjects/Contact/{id}",
        "{}",
        "the body cannot be parsed: this operation has none",
    );
    let deep = format!("{{\"Account\":{}1{}}}", "{\"Parent\":".repeat(70), "}".repeat(70));
    check("POST", "{v}/sobjects/Contact", &deep, "the body is too large or too deeply nested");

    let parameter = |at| {
        format!(
            "the query at byte {at} cannot be parsed: it is not a parameter that this operation takes once"
        )
    };
    check("GET", "{v}/limits?x=a@b.de", "", &parameter(28));
    check("GET", "{v}/sobjects/Contact/{id}?fields=a@b.de", "", &parameter(57));
    check("GET", "{v}/sobjects/Contact/{id}?fields=Id&fields=Id", "", &parameter(67));
    check("GET", "{v}/sobjects/Contact/{id}?a=1&&b", "", &parameter(57));
    check("DELETE", "{v}/composite/sobjects?ids=a@b.de", "", &parameter(40));
    check("GET", "{v}/query?q=SELECT+Id+FROM+C&q=x", "", &parameter(46));
    check("GET", "{v}/query?explain=SELECT+Id+FROM+C", "", &parameter(27));
    check("GET", "{v}/query", "", "the query cannot be parsed: parameter `q` is missing");
    check(
        "GET",
        "{v}/limits//x",
        "",
        "the request target cannot be parsed: it has a segment that servers resolve differently at byte 28",
    );
    check(
        "GET",
        "{v}/sobjects/Contact/Email/a@b.JSON",
        "",
        "the path cannot be parsed: a key that ends like a format suffix can be read in two ways",
    );

    let query = |query: &str, problem: &str| {
        let target = format!("{{v}}/query?q={}", Codec::Percent.fragment(query));
        let expected = format!("parameter `q` cannot be parsed: {problem}");
        check("GET", &target, "", &expected);
    };
    let unknown = |at| format!("the name at byte {at} belongs to an object that is not known");
    let ambiguous = |at| format!("the name at byte {at} can be read in two ways");
    query("SELECT Id FROM Contact WHERE", "it has a name missing at byte 28");
    query("SELECT Id FROM Contact WHERE Foo__r.Email = 'a'", &unknown(29));
    query("SELECT Id FROM Task WHERE Who.Email = 'a'", &unknown(26));
    query("SELECT Id FROM Contact ORDER BY Foo__r.Name", &unknown(32));
    query("SELECT Id, (SELECT Id FROM Foos__r WHERE E = 'a') FROM Contact", &unknown(41));
    query("SELECT Id FROM Lead.Contact WHERE E = 'a'", &unknown(34));
    query("SELECT Id FROM Contact Account WHERE Account.Name = 'a'", &ambiguous(15));
    query("SELECT Id FROM Contact Foo__r WHERE Foo__r.Email = 'a'", &ambiguous(15));
    query("SELECT Id FROM Contact a, a.Account a WHERE a.Name = 'x'", &ambiguous(26));
    query("SELECT toLabel(Email) e FROM Contact WHERE e = 'a'", &ambiguous(43));
    query("SELECT COUNT(Id) Email FROM Contact GROUP BY Fax HAVING Email = 'a'", &ambiguous(56));
}

#[test]
fn media_types_other_than_json_are_refused() {
    let check = |lines: &[(&'static str, &str)], body: &str, is_read: bool| {
        let target = full("{v}/sobjects/Contact");
        let found = locate_with("POST", &target, &headers(lines), body);
        let is_refused = matches!(found, Err(LocateError::UnsupportedMediaType { .. }));
        assert_eq!((found.is_ok(), is_refused), (is_read, !is_read), "{lines:?}");
    };
    let body = r#"{"LastName":"a"}"#;
    check(&[("content-type", "application/json")], body, true);
    check(&[("content-type", "Application/JSON; charset=\"UTF-8\"")], body, true);
    check(&[("content-type", "application/json;charset=utf-8"), ("accept", "*/*")], body, true);
    check(&[], body, false);
    check(&[("content-type", "application/json; charset=utf-16")], body, false);
    check(&[("content-type", "application/jsonx")], body, false);
    check(&[("content-type", "text/plain")], body, false);
    check(&[("content-type", "application/xml")], "<Contact/>", false);
    check(
        &[("content-type", "application/json"), ("content-type", "application/xml")],
        body,
        false,
    );
    check(&[("content-type", "application/json"), ("accept", "application/XML")], body, false);

    let suffixed = locate("GET", &full("{v}/sobjects/Contact/{id}.xml"), "").unwrap_err();
    assert!(matches!(suffixed, LocateError::UnsupportedMediaType { .. }));
    let form = headers(&[("content-type", "application/x-www-form-urlencoded")]);
    let login = "grant_type=password&username=u&password=p";
    let located = locate_with("POST", "/services/oauth2/token", &form, login).unwrap();
    assert_eq!(render(&located.body, &Replacement::text("x")), login);
    let refused = locate("POST", "/services/oauth2/token", "{}").unwrap_err();
    assert!(matches!(refused, LocateError::UnsupportedMediaType { .. }));
}

#[test]
fn errors_hold_no_values() {
    let secret = "secret";
    for (method, target, body) in [
        ("GET", "{v}/query?q=SELECT+Id+FROM+C+WHERE+E='secret'+'secret'", ""),
        ("GET", "{v}/limits?secret=secret", ""),
        ("POST", "{v}/sobjects/Contact", r#"{"Email":{"secret":"secret"}}"#),
        ("POST", "{v}/sobjects/Contact", r#"{"secret ":"secret"}"#),
        ("POST", "{v}/sobjects/Contact", r#"{"Email":"secret""#),
    ] {
        let error = locate(method, &full(target), body).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
}

proptest! {
    /// However a value is written, it is found, and nothing of it stays.
    #[test]
    fn values_are_found_in_any_spelling(value in "\\PC{0,9}[a-zü@]\\PC{0,10}", upper in any::<bool>(), escape in any::<bool>()) {
        let name = if upper { "EMAIL" } else { "Email" };
        let escaped: Vec<String> =
            value.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
        let escaped = escaped.concat();
        let literal = if escape { format!("\"{escaped}\"") } else { Codec::Json.literal(&value) };
        let body = format!("{{ \"{name}\" :{literal} }}");
        let located = locate("POST", &full("{v}/sobjects/Contact"), &body).unwrap();
        prop_assert_eq!(occurrences(&located.body), [format!("0 contact.email = {value}")]);
        let rendered = render(&located.body, &Replacement::text("zh"));
        prop_assert_eq!(rendered, format!("{{ \"{name}\" :\"zh\" }}"));

        let literal = if escape { format!("'{escaped}'") } else { Codec::Soql.literal(&value) };
        let query = format!("SELECT Id FROM Contact WHERE {name}={literal}");
        let target = full(&format!("{{v}}/query?q={}", Codec::Percent.fragment(&query)));
        let located = locate("GET", &target, "").unwrap();
        prop_assert_eq!(occurrences(&located.target), [format!("0 contact.email == {value}")]);
    }
}
