// SPDX-License-Identifier: Apache-2.0
//! SOAP: envelopes, calls, records in them, and what they are answered with.

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

#[test]
fn records_of_answers_say_what_they_are() {
    let located =
        call("<u:query><u:queryString>SELECT Id FROM Contact</u:queryString></u:query>").unwrap();
    let inside = "<result xsi:type=\"QueryResult\"><done>true</done><queryLocator xsi:nil=\"true\"/>\
        <records xsi:type=\"sf:sObject\"><sf:type>Contact</sf:type><sf:Id>003WV00000A1b2C</sf:Id>\
        <sf:Id>003WV00000A1b2C</sf:Id><sf:LastName>Anna &amp; M</sf:LastName><sf:Fax xsi:nil=\"true\"/>\
        <sf:Account xsi:type=\"sf:sObject\"><sf:type>Account</sf:type><sf:Name>M KG</sf:Name></sf:Account>\
        <sf:MailingAddress xsi:type=\"address\"><city>Hof</city></sf:MailingAddress>\
        <sf:Cases xsi:type=\"QueryResult\"><done>true</done><records xsi:type=\"sf:sObject\"><sf:type>Case\
        </sf:type><sf:ContactEmail>a@b.de</sf:ContactEmail><sf:ContactId>003WV00000A1b2D</sf:ContactId>\
        </records></sf:Cases></records><size>1</size></result>"
        .replace("Case        ", "Case");
    let found = answer(&located, &inside).unwrap();
    assert_eq!(
        occurrences(&found.body),
        [
            "0 contact.lastname = Anna & M",
            "1 account.name from M KG",
            "0 contact.mailingcity = Hof",
            "3 contact.email = a@b.de",
            "2 case.contactid = 003WV00000A1b2D",
        ]
    );
    let expected = ["0 contact 003WV00000A1b2CYAR", "3 contact 003WV00000A1b2DYAR"];
    assert_eq!(names(&found.records), expected);
    assert_eq!(render(&found.body, &Replacement::Keep), answered(&inside));
    let opened = render(&found.body, &Replacement::text("<\"&>"));
    assert!(opened.contains("<sf:LastName>&lt;&quot;&amp;&gt;</sf:LastName>"), "{opened}");

    let enterprise = "<result><records xsi:type=\"s:Contact\" xmlns:s=\"urn:sobject.enterprise.soap.\
        sforce.com\"><s:Email>a@b.de</s:Email></records></result>";
    assert_eq!(
        occurrences(&answer(&located, enterprise).unwrap().body),
        ["0 contact.email = a@b.de"]
    );
    let silent = "<result><records><sf:Email>a@b.de</sf:Email></records></result>";
    assert_eq!(occurrences(&answer(&located, silent).unwrap().body), ["0 contact.email = a@b.de"]);
    let more = call("<u:queryMore><u:queryLocator>01g-1</u:queryLocator></u:queryMore>").unwrap();
    assert!(problem(answer(&more, silent)).contains("of an unknown object"));

    let groups = "<result><records xsi:type=\"sf:sObject\"><sf:type>AggregateResult</sf:type><sf:Id \
        xsi:nil=\"true\"/><sf:n>2</sf:n><sf:who>Anna</sf:who></records></result>";
    let query = "SELECT COUNT(Id) n, LastName who FROM Lead GROUP BY LastName";
    let located =
        call(&format!("<u:query><u:queryString>{query}</u:queryString></u:query>")).unwrap();
    let found = occurrences(&answer(&located, groups).unwrap().body);
    assert!(found.contains(&"1 lead.lastname = Anna".to_owned()), "{found:?}");
    assert!(problem(answer(&more, groups)).contains("rows of groups"));

    let retrieve = "<u:retrieve><u:fieldList>Id</u:fieldList><u:sObjectType>Lead</u:sObjectType>\
        <u:ids>00QWV00000A1b2C</u:ids></u:retrieve>";
    let lead = "<result><sf:Email>a@b.de</sf:Email></result>";
    let retrieve = call(retrieve).unwrap();
    assert_eq!(occurrences(&answer(&retrieve, lead).unwrap().body), ["0 lead.email = a@b.de"]);
    let two = answer(&retrieve, &format!("{lead}{lead}")).unwrap();
    assert_eq!(occurrences(&two.body).len(), 2, "not as many as were asked for");

    let search = "<u:search><u:searchString>FIND {x} RETURNING Foo__c</u:searchString></u:search>";
    let hits = "<result><searchRecords><record xsi:type=\"sf:sObject\"><sf:type>Lead</sf:type>\
        <sf:Email>a@b.de</sf:Email></record></searchRecords></result>";
    let found = answer(&call(search).unwrap(), hits).unwrap();
    assert_eq!(occurrences(&found.body), ["0 lead.email = a@b.de"]);
    let described = "<result><fields><name>Email</name><type>email</type></fields></result>";
    let located =
        call("<u:describeSObject><u:sObjectType>Lead</u:sObjectType></u:describeSObject>").unwrap();
    assert_eq!(occurrences(&answer(&located, described).unwrap().body), [""; 0]);
}

/// `Name` is what the API says of a record that may be of several objects.
#[test]
fn a_record_behind_a_polymorphic_relationship_is_of_the_object_that_something_tells() {
    let query = "<u:query><u:queryString>SELECT Id FROM Task</u:queryString></u:query>";
    let located = call(query).unwrap();
    let read = |task: &str| {
        let task = format!(
            "<result><records xsi:type='sf:sObject'><sf:type>Task</sf:type>{task}</records></result>"
        );
        answer(&located, &task)
    };
    let check = |task: &str, expected: &[&str]| {
        assert_eq!(occurrences(&read(task).unwrap().body), expected, "{task}");
    };
    let email = "<sf:Email>a@b.de</sf:Email>";
    let name = |inside: &str| format!("<sf:type>Name</sf:type><sf:Id xsi:nil='true'/>{inside}");
    let who =
        |inside: &str| format!("<sf:Who xsi:type='sf:sObject'>{}{email}</sf:Who>", name(inside));
    check(&who("<sf:Id>003WV00000A1b2CYAR</sf:Id>"), &["1 contact.email = a@b.de"]);
    check(&who("<sf:Type>Lead</sf:Type>"), &["1 lead.type = Lead", "1 lead.email = a@b.de"]);
    check(
        &format!("{}<sf:WhoId>00QWV00000A1b2C</sf:WhoId>", who("")),
        &["1 lead.email = a@b.de", "0 task.whoid = 00QWV00000A1b2C"],
    );
    check(
        &format!("<sf:Owner xsi:type='sf:sObject'>{}{email}</sf:Owner>", name("")),
        &["1 user.email = a@b.de"],
    );
    check(
        &format!(
            "<s:Who xmlns:s='urn:sobject.enterprise.soap.sforce.com' xsi:type='s:Name'><s:Type>\
            Contact</s:Type>{email}</s:Who>"
        )
        .replace("            ", ""),
        &["1 contact.type = Contact", "1 contact.email = a@b.de"],
    );
    for unknown in [who(""), who("<sf:Id>a0BWV00000A1b2C</sf:Id>"), who("<sf:Type>A b</sf:Type>")] {
        assert!(problem(read(&unknown)).contains("may be of several objects"));
    }
}

#[test]
fn what_is_inside_of_a_record_is_known_or_withheld() {
    let query = "<u:query><u:queryString>SELECT Id FROM Quote</u:queryString></u:query>";
    let located = call(query).unwrap();
    let read = |quote: &str| {
        let quote = format!(
            "<result><records xsi:type='sf:sObject'><sf:type>Quote</sf:type>{quote}</records></result>"
        );
        answer(&located, &quote)
    };
    let check = |quote: &str, expected: &[&str]| {
        assert_eq!(occurrences(&read(quote).unwrap().body), expected, "{quote}");
    };
    check(
        "<sf:QuoteToAddress xsi:type='address'><street>Markt 1</street></sf:QuoteToAddress>\
         <sf:ShipToAddress xsi:type='address'><city>Hof</city></sf:ShipToAddress>\
         <sf:LastKnownLocation xsi:type='location'><latitude>1</latitude></sf:LastKnownLocation>\
         <sf:Home__c xsi:type='address'><city>Bonn</city></sf:Home__c>",
        &[
            "0 quote.quotetostreet = Markt 1",
            "0 quote.shiptocity = Hof",
            "0 quote.lastknownlatitude = 1",
            "0 quote.home__city__s = Bonn",
        ],
    );
    check("<sf:Foo__r xsi:nil='true'/>", &[]);
    check("<sf:Foos__r xsi:type='QueryResult'><done>true</done><size>0</size></sf:Foos__r>", &[]);
    for unknown in [
        "<sf:Foo__r><sf:Email>Anna</sf:Email></sf:Foo__r>",
        "<sf:Foo__r xsi:type='sf:sObject'><sf:Email>Anna</sf:Email></sf:Foo__r>",
        "<sf:Foo xsi:type='address'><street>Anna</street></sf:Foo>",
    ] {
        assert!(problem(read(unknown)).contains("nothing says what it is"), "{unknown}");
    }
}

fn two() -> LocatedRequest {
    let record = |email: &str| {
        format!("<u:sObjects><s:type>Contact</s:type><s:Email>{email}</s:Email></u:sObjects>")
    };
    call(&format!("<u:create>{}{}</u:create>", record("a@b.de"), record("c@d.de"))).unwrap()
}

#[test]
fn results_are_those_of_the_records_in_their_order() {
    let inside = "<result><id>003WV00000A1b2C</id><success>true</success></result><result><errors>\
        <message>bad zht</message><statusCode>X</statusCode></errors><id xsi:nil=\"true\"/>\
        <success>false</success></result>";
    let found = answer(&two(), inside).unwrap();
    assert_eq!(occurrences(&found.body), ["1 error.message echo bad zht"]);
    assert_eq!(names(&found.records), ["0 contact 003WV00000A1b2CYAR"]);
    let same = |number, is_taken| SameRecord { in_answer: number, in_request: number, is_taken };
    assert_eq!(found.done, crate::crm::Done::Each(vec![same(0, true), same(1, false)]));
    let duplicate = "<result><errors xsi:type=\"DuplicateError\"><duplicateResult><matchResults>\
        <matchRecords><record xsi:type=\"sf:sObject\"><sf:type>Lead</sf:type><sf:Email>a@b.de</sf:Email>\
        </record></matchRecords></matchResults></duplicateResult><message>zht</message></errors>\
        <success>false</success></result>";
    let found = answer(&two(), &format!("{duplicate}{duplicate}")).unwrap();
    assert_eq!(
        occurrences(&found.body)[..2],
        ["1 lead.email = a@b.de", "0 error.message echo zht"]
    );

    let fault = "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body><e:Fault>\
        <faultcode>sf:X</faultcode><faultstring>no zht</faultstring><detail><f:F xmlns:f='urn:fault'>\
        <f:exceptionCode>X</f:exceptionCode><f:exceptionMessage>zht</f:exceptionMessage></f:F></detail>\
        </e:Fault></e:Body></e:Envelope>";
    for status in [500, 200] {
        let found = read_answer(&two(), status, &xml(), fault).unwrap();
        let expected = ["0 error.message echo no zht", "1 error.message echo zht"];
        assert_eq!(occurrences(&found.body), expected);
        assert_eq!(found.done, crate::crm::Done::default());
    }
    let json = headers(&[("content-type", "application/json")]);
    assert!(read_answer(&two(), 200, &json, "{}").is_err());
    assert!(read_answer(&two(), 200, &xml(), "<a>Anna").is_err());
}

#[test]
fn one_record_is_refused_without_the_others() {
    let now = Timestamp::from_unix_millis(0);
    let reason = || Refusal::new(RefusalCode::TransferRefused, "not to <there>");
    let refused: RefusedRecords = [(0, reason())].into();
    let located = two();
    let keep = vec![Replacement::Keep; 2];
    let left =
        located.body.render_without(&mut keep.iter(), &|record| refused.contains_key(&record));
    let left = String::from_utf8(left.unwrap().into()).unwrap();
    assert!(!left.contains("a@b.de") && left.contains("<u:create><u:sObjects>"), "{left}");
    let Remaining::Some(reader) = located.batch.as_ref().unwrap().refuse(&refused, now) else {
        panic!()
    };
    let one =
        Bytes::from(answered("<result><id>003WV00000A1b2C</id><success>true</success></result>"));
    let read = |status: StatusCode, body: &Bytes| {
        reader.locate(&crate::crm::AnswerView {
            status,
            headers: &xml(),
            body,
            origins: &super::origins(),
            expansion: crate::carrier::coding::ExpansionLimits::FOR_TESTS,
        })
    };
    let found = read(StatusCode::OK, &one).unwrap();
    let shown = render(&found.body, &Replacement::Keep);
    let expected = "<xResponse><result xmlns=\"urn:partner.soap.sforce.com\" \
        xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><errors><message>Zollhaus: not to \
        &lt;there&gt;</message><statusCode>INSUFFICIENT_ACCESS_OR_READONLY</statusCode></errors>\
        <id xsi:nil=\"true\"/><success>false</success></result><result><id>";
    assert!(shown.contains(expected), "{shown}");
    assert_eq!(
        found.done,
        crate::crm::Done::Each(vec![SameRecord { in_answer: 0, in_request: 1, is_taken: true }])
    );
    assert!(
        read(StatusCode::OK, &Bytes::from(answered(""))).is_err(),
        "a refused record would seem to have passed"
    );

    // Nothing was written, and the client has to know why: perhaps its session has expired.
    let fault = "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body><e:Fault>\
        <faultcode>sf:INVALID_SESSION_ID</faultcode><faultstring>no</faultstring></e:Fault></e:Body>\
        </e:Envelope>";
    for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::OK] {
        let found = read(status, &Bytes::from(fault)).unwrap();
        assert_eq!(render(&found.body, &Replacement::Keep), fault);
        assert_eq!(found.done, crate::crm::Done::default());
    }
    for unclear in ["", "<a/>"] {
        read(StatusCode::OK, &Bytes::from(unclear)).unwrap_err();
    }

    let all: RefusedRecords = [(0, reason()), (1, reason())].into();
    let Remaining::None(said) = two().batch.unwrap().refuse(&all, now) else { panic!() };
    assert_eq!(said.status, StatusCode::OK);
    assert_eq!(said.body.matches("<success>false</success>").count(), 2);
    assert!(said.body.contains("<createResponse><result "), "{}", said.body);
    crate::carrier::xml::parse_namespaced(&said.body).unwrap();

    // Each call has results of its own form, and typed clients read no other.
    let result = |text: &str| {
        let refused: RefusedRecords = [(0, reason())].into();
        let Remaining::None(said) = call(text).unwrap().batch.unwrap().refuse(&refused, now) else {
            panic!()
        };
        let root = crate::carrier::xml::parse_namespaced(&said.body).unwrap();
        let result = &root.children[0].children[0].children[0];
        result.children.iter().map(|part| part.name.clone()).collect::<Vec<_>>()
    };
    let upsert = "<u:upsert><u:externalIDFieldName>Email</u:externalIDFieldName><u:sObjects><s:type>\
        Contact</s:type></u:sObjects></u:upsert>";
    assert_eq!(result(&upsert.replace("        ", "")), ["created", "errors", "id", "success"]);
    let convert = "<u:convertLead><u:leadConverts/></u:convertLead>";
    let expected = ["accountId", "contactId", "errors", "leadId", "opportunityId", "success"];
    assert_eq!(result(convert), expected);

    let all_or_none = "<u:AllOrNoneHeader><u:allOrNone>true</u:allOrNone></u:AllOrNoneHeader>";
    let create = "<u:create><u:sObjects><s:type>Contact</s:type></u:sObjects></u:create>";
    assert!(send(all_or_none, create).unwrap().batch.is_none());
    assert!(call(create).unwrap().batch.is_some());
    assert!(call("<u:logout/>").unwrap().batch.is_none());
}

#[test]
fn refusals_are_faults() {
    let form =
        |target: &str| Salesforce.refusal_form(&Bytes::copy_from_slice(target.as_bytes()), &xml());
    for (target, namespace) in [(PARTNER, "partner"), (ENTERPRISE, "enterprise")] {
        for code in RefusalCode::ALL {
            let said = form(target).unwrap()(&Refusal::new(*code, "a <b>"));
            assert_eq!(said.status, StatusCode::INTERNAL_SERVER_ERROR);
            assert!(said.content_type.starts_with("text/xml"));
            assert!(said.body.contains(&format!("urn:fault.{namespace}.soap.sforce.com")));
            assert!(
                said.body
                    .contains("<sf:exceptionMessage>Zollhaus: a &lt;b&gt;</sf:exceptionMessage>")
            );
            // Typed clients read no code that their WSDL does not list.
            let listed = [
                "EXCEEDED_MAX_SIZE_REQUEST",
                "FUNCTIONALITY_NOT_ENABLED",
                "INSUFFICIENT_ACCESS",
                "INVALID_FIELD",
                "INVALID_OPERATION",
                "REQUEST_LIMIT_EXCEEDED",
                "SERVER_UNAVAILABLE",
                "UNKNOWN_EXCEPTION",
            ];
            let is_said = |code: &&str| said.body.contains(&format!("<sf:exceptionCode>{code}<"));
            assert!(listed.iter().any(is_said), "{}", said.body);
            crate::carrier::xml::parse_namespaced(&said.body).unwrap();
        }
    }
    assert!(form("/services/Soap/x/62.0").is_none());
    let holds = |target| Salesforce.holds_credential(&Bytes::from_static(target));
    assert!(holds(PARTNER.as_bytes()) && !holds(b"/services/data/v62.0/query"));
}
