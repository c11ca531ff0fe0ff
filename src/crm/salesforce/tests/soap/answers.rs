// SPDX-License-Identifier: Apache-2.0

use super::*;

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
            origins: &super::super::origins(),
            expansion: crate::carrier::coding::ExpansionLimits::FOR_TESTS,
            sorted: None,
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
