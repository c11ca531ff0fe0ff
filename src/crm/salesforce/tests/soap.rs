// SPDX-License-Identifier: Apache-2.0
//! SOAP: envelopes, calls, records in them, and what they are answered with.

mod answers;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{headers, locate_with, names, occurrences, read_answer, render, uses};
use crate::base::{Refusal, RefusalCode, Timestamp};
use crate::carrier::Replacement;
use crate::crm::salesforce::Salesforce;
use crate::crm::{
    About, Dialect, LocateError, LocatedAnswer, LocatedRequest, RefusedRecords, Remaining,
    SameRecord,
};

const PARTNER: &str = "/services/Soap/u/62.0/00DWV000000demo";
const ENTERPRISE: &str = "/services/Soap/c/62.0";
const SESSION: &str = "<u:SessionHeader><u:sessionId>00D!x</u:sessionId></u:SessionHeader>";

fn envelope(head: &str, call: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/\
         soap/envelope/\" xmlns:u=\"urn:partner.soap.sforce.com\" \
         xmlns:s=\"urn:sobject.partner.soap.sforce.com\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><e:Header>{head}</e:Header>\
         <e:Body>{call}</e:Body></e:Envelope>"
    )
}

fn xml() -> HeaderMap {
    headers(&[("content-type", "text/xml; charset=UTF-8"), ("soapaction", "\"\"")])
}

fn send(head: &str, call: &str) -> Result<LocatedRequest, LocateError> {
    locate_with("POST", PARTNER, &xml(), &envelope(head, call))
}

fn call(call: &str) -> Result<LocatedRequest, LocateError> {
    send(SESSION, call)
}

fn answer(located: &LocatedRequest, inside: &str) -> Result<LocatedAnswer, LocateError> {
    read_answer(located, 200, &xml(), &answered(inside))
}

fn answered(inside: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope xmlns:soapenv=\"http://schemas.\
         xmlsoap.org/soap/envelope/\" xmlns=\"urn:partner.soap.sforce.com\" \
         xmlns:sf=\"urn:sobject.partner.soap.sforce.com\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Header><LimitInfoHeader>\
         <limitInfo><current>1</current></limitInfo></LimitInfoHeader></soapenv:Header>\
         <soapenv:Body><xResponse>{inside}</xResponse></soapenv:Body></soapenv:Envelope>"
    )
}

fn problem<T: std::fmt::Debug>(result: Result<T, LocateError>) -> String {
    let found = result.unwrap_err().to_string();
    assert!(!found.contains("Anna"), "{found}");
    found
}

#[test]
fn a_login_passes_and_leads_back_to_the_house() {
    // As simple-salesforce sends it.
    let head = "<u:CallOptions><u:client>simple-salesforce/1.12</u:client>\
        <u:defaultNamespace>sf</u:defaultNamespace></u:CallOptions>\
        <u:LoginScopeHeader><u:organizationId>00DWV000000demo</u:organizationId></u:LoginScopeHeader>";
    let login = "<u:login>\n <u:username>anna@example.com</u:username>\
        <u:password>p&amp;&lt;'\"token</u:password></u:login>";
    let located = send(head, login).unwrap();
    assert_eq!(located.operation.name.as_str(), "soap.login");
    assert_eq!(located.operation.about, About::Nobody);
    assert_eq!(occurrences(&located.body), [""; 0]);
    let inside = "<result><metadataServerUrl>https://na1.salesforce.com/services/Soap/m/62.0/00D\
        </metadataServerUrl><passwordExpired>false</passwordExpired><serverUrl>https://acme.my.\
        salesforce.com/services/Soap/u/62.0/00D</serverUrl><sessionId>00D!x</sessionId><userId>005\
        </userId><userInfo><organizationName>Muster KG</organizationName><profileId xsi:nil=\"true\"/>\
        <userEmail>a@b.de</userEmail><userFullName>Anna M</userFullName><userName>a@b.de.x</userName>\
        </userInfo></result>";
    let found = answer(&located, inside).unwrap();
    let expected =
        ["0 user.email = a@b.de", "0 user.name from Anna M", "0 user.username = a@b.de.x"];
    assert_eq!(occurrences(&found.body), expected);
    let shown = render(&found.body, &Replacement::Keep);
    assert!(shown.contains("<serverUrl>https://crm.acme.example/sf/services/Soap/u/62.0/00D<"));
    assert!(
        shown.contains("<metadataServerUrl>https://crm.acme.example/sf/services/Soap/m/62.0/00D")
    );
    // A client goes on at `serverUrl`, which names the package, too, in the enterprise form.
    for target in [format!("{ENTERPRISE}/00DWV000000demo/0DFWV000000demo"), format!("{PARTNER}/")] {
        let form = if target == format!("{PARTNER}/") { "partner" } else { "enterprise" };
        let body = envelope("", "<u:logout/>").replace("urn:partner", &format!("urn:{form}"));
        let located = locate_with("POST", &target, &xml(), &body).unwrap();
        assert_eq!(located.operation.name.as_str(), "soap.logout");
    }
    let user = call("<u:getUserInfo/>").unwrap();
    let found = answer(&user, "<result><userEmail>a@b.de</userEmail></result>").unwrap();
    assert_eq!(occurrences(&found.body), ["0 user.email = a@b.de"]);
}

#[test]
fn records_are_read_in_both_forms() {
    let upsert = "<u:upsert><u:externalIDFieldName>Email</u:externalIDFieldName><u:sObjects>\
        <s:type>Contact</s:type><s:fieldsToNull>Fax</s:fieldsToNull><s:Id>003WV00000A1b2C</s:Id>\
        <s:LastName>Zo&#235;<![CDATA[ <&]]>&gt;</s:LastName><s:EMAIL>a@b.de</s:EMAIL>\
        <s:Account><s:type>Account</s:type><s:Ext__c>KD-1</s:Ext__c></s:Account><s:Phone/>\
        </u:sObjects><u:sObjects xsi:type=\"s:sObject\"><s:type>Lead</s:type><Title>Dr</Title>\
        </u:sObjects></u:upsert>";
    let located = call(upsert).unwrap();
    assert_eq!(located.operation.name.as_str(), "soap.upsert");
    assert_eq!(
        occurrences(&located.body),
        [
            "0 contact.fax = -",
            "0 contact.lastname = Zoë <&>",
            "0 contact.email key a@b.de",
            "1 account.ext__c key KD-1",
            "0 contact.phone = -",
            "2 lead.title = Dr",
        ]
    );
    assert_eq!(names(&located.records), ["0 contact 003WV00000A1b2CYAR"]);
    assert_eq!(render(&located.body, &Replacement::Keep), envelope(SESSION, upsert));
    let sealed = render(&located.body, &Replacement::text("z<t"));
    assert!(sealed.contains("<s:LastName>z&lt;t</s:LastName>"), "{sealed}");

    let enterprise = |call: &str| {
        let body = envelope("", call)
            .replace("urn:partner.", "urn:enterprise.")
            .replace("urn:sobject.partner.", "urn:sobject.enterprise.");
        locate_with("POST", ENTERPRISE, &xml(), &body)
    };
    let create = "<u:create><u:sObjects xsi:type=\"s:Contact\"><s:LastName>Anna</s:LastName>\
        <s:Account><s:Ext__c>KD-1</s:Ext__c></s:Account></u:sObjects></u:create>";
    let located = enterprise(create).unwrap();
    let expected = ["0 contact.lastname = Anna", "1 account.ext__c key KD-1"];
    assert_eq!(occurrences(&located.body), expected);
    // What a typed client sends of lists that it left empty.
    let empty = "<u:update><u:sObjects xsi:type=\"s:Contact\"><s:fieldsToNull xsi:nil=\"true\"/>\
        <s:Id xsi:nil=\"true\"/><s:Account xsi:nil=\"true\"/></u:sObjects></u:update>";
    let located = enterprise(empty).unwrap();
    assert_eq!(occurrences(&located.body), ["0 contact.id = -", "0 contact.account = -"]);
    let untyped = enterprise("<u:create><u:sObjects><s:Name>Anna</s:Name></u:sObjects></u:create>");
    assert!(problem(untyped).contains("does not state its object"));
    let field = create.replace("<s:LastName>", "<s:type>Lead</s:type><s:LastName>");
    assert!(problem(enterprise(&field)).contains("could be a field"));
    assert!(
        problem(locate_with("POST", ENTERPRISE, &xml(), &envelope("", create)))
            .contains("no call of the API that its URL names")
    );
    let composed = call(
        "<u:create><u:sObjects><s:type>Contact</s:type><s:Name>Anna</s:Name></u:sObjects></u:create>",
    );
    assert!(
        uses(&composed.unwrap())
            .contains(&"contact.lastname by writing a composed field".to_owned())
    );
}

#[test]
fn other_calls_are_read_part_by_part() {
    let check = |text: &str, name: &str, expected: &[&str], known: &[&str]| {
        let located = call(text).unwrap();
        assert_eq!(located.operation.name.as_str(), name);
        assert_eq!(occurrences(&located.body), expected, "{text}");
        assert_eq!(names(&located.records), known, "{text}");
        assert_eq!(render(&located.body, &Replacement::Keep), envelope(SESSION, text));
    };
    check(
        "<u:delete><u:ids>003WV00000A1b2C</u:ids><u:ids>00QWV00000A1b2C</u:ids></u:delete>",
        "soap.delete",
        &[],
        &["0 contact 003WV00000A1b2CYAR", "1 lead 00QWV00000A1b2C2AR"],
    );
    check(
        "<u:retrieve><u:fieldList>Id, Account.Name</u:fieldList><u:sObjectType>Foo__c</u:sObjectType>\
         <u:ids>a0BWV00000A1b2C</u:ids></u:retrieve>",
        "soap.retrieve",
        &[],
        &["0 foo__c a0BWV00000A1b2C2AR"],
    );
    check(
        "<u:merge><u:request><u:masterRecord><s:type>Contact</s:type><s:Id>003WV00000A1b2C</s:Id>\
         <s:Fax>4711</s:Fax></u:masterRecord><u:recordToMergeIds>003WV00000A1b2D</u:recordToMergeIds>\
         </u:request></u:merge>",
        "soap.merge",
        &["0 contact.fax = 4711"],
        &["0 contact 003WV00000A1b2CYAR", "1 contact 003WV00000A1b2DYAR"],
    );
    check(
        "<u:convertLead><u:leadConverts><u:accountId>001WV00000A1b2C</u:accountId>\
         <u:convertedStatus>Closed</u:convertedStatus><u:doNotCreateOpportunity>false\
         </u:doNotCreateOpportunity><u:leadId>00QWV00000A1b2C</u:leadId>\
         <u:opportunityName>Anna KG</u:opportunityName></u:leadConverts></u:convertLead>"
            .replace("false         ", "false")
            .as_str(),
        "soap.convert_lead",
        &["0 lead.status = Closed", "1 opportunity.name = Anna KG"],
        &["2 account 001WV00000A1b2CYAR", "0 lead 00QWV00000A1b2C2AR"],
    );
    // What typed clients send of records that they do not convert into.
    check(
        "<u:convertLead><u:leadConverts><u:accountRecord xsi:nil='true'/><u:contactRecord \
         xsi:nil='true'/><u:leadId>00QWV00000A1b2C</u:leadId><u:opportunityRecord/>\
         <u:relatedPersonAccountRecord xsi:nil='1'/></u:leadConverts></u:convertLead>",
        "soap.convert_lead",
        &[],
        &["0 lead 00QWV00000A1b2C2AR"],
    );
    for (text, name) in [
        ("<u:logout/>", "soap.logout"),
        ("<u:getServerTimestamp/>", "soap.time"),
        ("<u:describeGlobal></u:describeGlobal>", "soap.describe"),
        (
            "<u:describeSObjects><u:sObjectType>A</u:sObjectType><u:sObjectType>B</u:sObjectType></u:describeSObjects>",
            "soap.describe",
        ),
        (
            "<u:queryMore><u:queryLocator>01gD0000002HU6KIAW-2000</u:queryLocator></u:queryMore>",
            "soap.query_more",
        ),
        ("<u:undelete></u:undelete>", "soap.undelete"),
        (
            "<u:getUpdated><u:sObjectType>A</u:sObjectType><u:startDate>2026-03-01T09:00:00Z</u:startDate><u:endDate>2026-03-02T09:00:00Z</u:endDate></u:getUpdated>",
            "soap.changes",
        ),
    ] {
        check(text, name, &[], &[]);
    }
}

#[test]
fn queries_are_read_in_their_references() {
    let query =
        |text: &str| call(&format!("<u:query><u:queryString>{text}</u:queryString></u:query>"));
    let located =
        query("SELECT Id FROM Contact WHERE LastName = &apos;O\\&#39;Brien&apos; AND Fax != null")
            .unwrap();
    assert_eq!(occurrences(&located.body), ["0 contact.lastname == O'Brien"]);
    let any = Replacement::AnyOf(vec!["a".into(), "b'".into()]);
    let widened = render(&located.body, &any);
    assert!(
        widened.contains("WHERE LastName  IN  (&apos;a&apos;,&apos;b\\&apos;&apos;) AND Fax"),
        "{widened}"
    );
    let located = query("SELECT Id FROM Lead ORDER BY Email").unwrap();
    assert_eq!(uses(&located), ["lead.email by ORDER BY"]);
    assert!(problem(query("<![CDATA[SELECT Id FROM Contact]]>")).contains("CDATA section"));
    assert!(
        problem(query("SELECT Id FROM Contact WHERE Sponsor__r.Email = 'Anna'"))
            .contains("not known")
    );
    assert!(problem(query("Anna")).starts_with("the query of the call cannot be parsed"));

    let search =
        |text: &str| call(&format!("<u:search><u:searchString>{text}</u:searchString></u:search>"));
    let located =
        search("FIND {a@b.de} IN EMAIL FIELDS RETURNING Contact(Id WHERE Fax = '1')").unwrap();
    assert_eq!(occurrences(&located.body), ["0 contact.email == a@b.de", "0 contact.fax == 1"]);
    assert_eq!(located.operation.about, About::Anybody);
    assert_eq!(uses(&search("FIND {Anna} RETURNING Lead").unwrap()), ["lead.* by a text search"]);
    assert!(problem(search("FIND {Anna}")).contains("all objects"));
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let record = |inside: &str, expected: &str| {
        let text = format!(
            "<u:create><u:sObjects><s:type>Contact</s:type>{inside}</u:sObjects></u:create>"
        );
        let found = problem(call(&text));
        assert!(found.contains(expected), "{inside}: {found}");
    };
    record("<s:Email>Anna</s:Email><s:email>Anna</s:email>", "differ in case only");
    record("<s:Email>Anna</s:Email><u:Email>Anna</u:Email>", "differ in case only");
    record("<s:Email>Anna</s:Email><s:fieldsToNull>email</s:fieldsToNull>", "differ in case only");
    record("<s:fieldsToNull>Anna Muster</s:fieldsToNull>", "a name that no field can have");
    record("<s:type>Lead</s:type>", "twice");
    record("<s:Email xmlns:s='urn:other'>Anna</s:Email>", "namespace that is not known");
    record("<s:Email>An<!-- x -->na</s:Email>", "cannot be parsed");
    record("<s:Email>An<?x?>na</s:Email>", "cannot be parsed");
    record("<s:Email>&anna;</s:Email>", "cannot be parsed");
    record("<s:Email xsi:type='s:An.na'>Anna</s:Email>", "attribute");
    record("<s:Email href='#Anna'/>", "attribute");
    record("<s:Email xsi:nil='true'>Anna</s:Email>", "is nil, and holds something");
    record("<s:Foo__r><s:Ext__c>Anna</s:Ext__c></s:Foo__r>", "not known");
    record("<s:Account><s:type>Lead</s:type><s:Ext__c>Anna</s:Ext__c></s:Account>", "leads to");
    record(
        "<s:Account><s:Owner><s:Ext__c>Anna</s:Ext__c></s:Owner>x</s:Account>",
        "cannot be parsed",
    );
    record("<s:Notes><s:records><s:Title>Anna</s:Title></s:records></s:Notes>", "not known");
    record("Anna", "cannot be parsed");

    let check = |head: &str, text: &str, expected: &str| {
        let found = problem(send(head, text));
        assert!(found.contains(expected), "{head}{text}: {found}");
    };
    let logout = "<u:logout/>";
    let cut = "<u:AllowFieldTruncationHeader><u:allowFieldTruncation>true</u:allowFieldTruncation>\
        </u:AllowFieldTruncationHeader>";
    check(cut, logout, "what is cut would not be found again");
    let renamed = "<u:CallOptions><u:defaultNamespace>acme</u:defaultNamespace></u:CallOptions>";
    check(renamed, logout, "fields would have other names");
    check("<u:CallOptions><u:client>anna@b.de</u:client></u:CallOptions>", logout, "its name says");
    check("<u:OtherHeader/>", logout, "header `OtherHeader` of the envelope");
    check("<u:MruHeader><u:updateMru>Anna</u:updateMru></u:MruHeader>", logout, "its name says");
    check("<u:MruHeader><u:anna>Anna</u:anna></u:MruHeader>", logout, "no part of `MruHeader`");
    check("<u:MruHeader>Anna</u:MruHeader>", logout, "is a text");
    check("<u:MruHeader e:actor='Anna'/>", logout, "attribute");
    check("<u:MruHeader/><u:MruHeader/>", logout, "twice");
    check("<MruHeader/>", logout, "not known here");
    check("", "<u:delete><u:ids>Anna</u:ids></u:delete>", "its name says");
    check("", "<u:delete><u:ids/></u:delete>", "is no id");
    check("", "<u:delete><u:sObjects/></u:delete>", "no parameter of this call");
    check("", "<u:delete>Anna</u:delete>", "is a text");
    check(
        "",
        "<u:query><u:queryString>a</u:queryString><u:queryString>b</u:queryString></u:query>",
        "cannot be parsed",
    );
    check(
        "",
        "<u:upsert><u:externalIDFieldName>Email</u:externalIDFieldName><u:externalIDFieldName>Fax</u:externalIDFieldName></u:upsert>",
        "twice",
    );
    check("", "<u:logout/><u:logout/>", "one call");
    check("", "", "one call");
    check(
        "",
        "<u:merge><u:request><u:recordToMergeIds>003WV00000A1b2D</u:recordToMergeIds></u:request></u:merge>",
        "no record that stays",
    );
    check(
        "",
        "<u:convertLead><u:leadConverts><u:note>Anna</u:note></u:leadConverts></u:convertLead>",
        "no part of a conversion",
    );
    for inside in ["Anna", "<s:Email>Anna</s:Email>"] {
        let record = format!("<u:contactRecord>{inside}</u:contactRecord>");
        let text =
            format!("<u:convertLead><u:leadConverts>{record}</u:leadConverts></u:convertLead>");
        problem(send("", &text));
    }
    for text in ["<u:sendEmail/>", "<u:process/>", "<u:setPassword/>", "<u:Logout/>"] {
        assert_eq!(call(text).unwrap_err(), LocateError::UnknownOperation, "{text}");
    }
    let sound = envelope(SESSION, logout);
    locate_with("POST", PARTNER, &xml(), &sound).unwrap();
    for (method, target) in [
        ("GET", PARTNER),
        ("POST", "/services/Soap/u/62.0?x=Anna"),
        ("POST", "/services/Soap/m/62.0"),
        ("POST", "/services/Soap/u/62.0/Anna"),
        ("POST", "/services/Soap/u/62.0/00DWV000000demo/x"),
        ("POST", "/services/Soap/u/62.0/00DWV000000demo/0DFWV000000demo/0DFWV000000demo"),
        ("POST", "/services/soap/u/62.0"),
        ("POST", "/services/Soap/class/Anna"),
    ] {
        let body = if method == "GET" { "" } else { sound.as_str() };
        let _ = problem(locate_with(method, target, &xml(), body));
    }
    // As SOAP::Lite writes it: references and arrays of that encoding are refused anyway.
    let style = "<e:Envelope e:encodingStyle='http://schemas.xmlsoap.org/soap/encoding/' ";
    let styled = sound.replace("<e:Envelope ", style);
    locate_with("POST", PARTNER, &xml(), &styled).unwrap();
    let soap12 = sound.replace(
        "http://schemas.xmlsoap.org/soap/envelope/",
        "http://www.w3.org/2003/05/soap-envelope",
    );
    for body in [
        soap12,
        sound.replace("<e:Envelope ", "<e:Envelope e:encodingStyle='x' "),
        sound.replace("<e:Body>", "<e:Body>Anna"),
        format!("<!DOCTYPE a>{logout}"),
        "Anna".to_owned(),
    ] {
        let _ = problem(locate_with("POST", PARTNER, &xml(), &body));
    }
    for media_type in [
        "application/json",
        "text/xml; charset=UTF-16",
        "text/xml; charset =UTF-16",
        "text/xml; charset\t= \"utf-7\"",
        "application/soap+xml",
    ] {
        let typed = headers(&[("content-type", media_type)]);
        let found = locate_with("POST", PARTNER, &typed, &sound).unwrap_err();
        assert!(matches!(found, LocateError::UnsupportedMediaType { .. }), "{media_type}");
    }
}

/// A record that is sent back as it was read: its values would be those of an object that
/// no policy lists.
#[test]
fn what_is_no_object_says_of_no_record_what_it_is() {
    let record = |inside: &str, expected: &str| {
        let text = format!(
            "<u:update><u:sObjects xsi:type='s:sObject'><s:type>Task</s:type>{inside}</u:sObjects></u:update>"
        );
        let found = problem(call(&text));
        assert!(found.contains(expected), "{inside}: {found}");
    };
    for address in ["u:address", "s:address", "u:location"] {
        let address = format!("<s:Address xsi:type='{address}'><u:city>Anna</u:city></s:Address>");
        record(&address, "not known");
    }
    let listed = "<s:Contacts xsi:type='u:QueryResult'><u:done>Anna</u:done></s:Contacts>";
    record(listed, "not known");
    let several = "several objects";
    record("<s:Who xsi:type='s:Name'><s:Email>Anna</s:Email></s:Who>", several);
    record("<s:Who><s:type>Name</s:type><s:Email>Anna</s:Email></s:Who>", several);
    record("<s:Owner><s:type>name</s:type><s:Email>Anna</s:Email></s:Owner>", several);
    let groups = "<u:create><u:sObjects><s:type>AggregateResult</s:type><s:a>Anna</s:a></u:sObjects></u:create>";
    assert!(problem(call(groups)).contains(several));
}
