// SPDX-License-Identifier: Apache-2.0
//! Calls of the older APIs that the shared examples have none of.

use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::examples::Example;

const BATCHES: &str = "/services/async/62.0/job/750WV000000demoXAA/batch";

/// A call, and what is in the body of its answer.
const CALLS: [(&str, &str); 5] = [
    (
        "<query><queryString>SELECT Id, Email FROM Contact WHERE LastName = &apos;a&#228;&apos; OR \
         Email IN ('b','c')</queryString></query>",
        "<result xsi:type=\"QueryResult\"><done>true</done><queryLocator xsi:nil=\"true\"/>\
         <records xsi:type=\"s:sObject\"><s:type>Contact</s:type><s:Id>003WV00000A1b2C</s:Id>\
         <s:Email>a&amp;b</s:Email><s:Account xsi:type=\"s:sObject\"><s:type>Account</s:type>\
         <s:Name>c</s:Name></s:Account><s:MailingAddress xsi:type=\"address\"><city>d</city>\
         </s:MailingAddress></records><size>1</size></result>",
    ),
    (
        "<create><sObjects><s:type>Contact</s:type><s:fieldsToNull>Fax</s:fieldsToNull><s:Email>a\
         <![CDATA[<b>]]></s:Email><s:Phone/></sObjects><sObjects><s:type>Lead</s:type></sObjects>\
         </create>",
        "<result><id>003WV00000A1b2C</id><success>true</success></result><result><errors><message>a\
         </message><statusCode>X</statusCode></errors><success>false</success></result>",
    ),
    (
        "<merge><request><masterRecord><s:type>Contact</s:type><s:Email>a</s:Email></masterRecord>\
         <recordToMergeIds>003WV00000A1b2C</recordToMergeIds></request></merge>",
        "<result><id>003WV00000A1b2C</id><success>true</success></result>",
    ),
    (
        "<convertLead><leadConverts><leadId>00QWV00000A1b2C</leadId><opportunityName>a\
         </opportunityName></leadConverts></convertLead>",
        "<result><leadId>00QWV00000A1b2C</leadId><success>true</success></result>",
    ),
    (
        "<search><searchString>FIND {a@b.de} IN EMAIL FIELDS RETURNING Contact(Id WHERE Fax = 'b')\
         </searchString></search>",
        "<result><searchRecords><record xsi:type=\"s:sObject\"><s:type>Lead</s:type><s:Email>a\
         </s:Email></record></searchRecords></result>",
    ),
];

pub fn examples() -> Vec<Example> {
    let calls = CALLS.iter().map(|(call, answer)| {
        example("/services/Soap/u/62.0", envelope(call), envelope(&format!("<r>{answer}</r>")))
    });
    let batch = "<sObjects xmlns=\"http://www.force.com/2009/06/asyncapi/dataload\"><sObject>\
        <Email>a</Email><Account><sObject><Ext__c>b</Ext__c></sObject></Account></sObject></sObjects>";
    let sent =
        example(&format!("{BATCHES}/751WV000000demoXAA/request"), String::new(), batch.to_owned());
    let batch = example(BATCHES, batch.to_owned(), "<batchInfo/>".to_owned());
    calls.chain([batch, Example { method: Method::GET, ..sent }]).collect()
}

fn envelope(inside: &str) -> String {
    format!(
        "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns=\"urn:partner.soap.sforce.com\" xmlns:s=\"urn:sobject.partner.soap.sforce.com\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><e:Body>{inside}</e:Body></e:Envelope>"
    )
}

fn example(target: &str, body: String, answer: String) -> Example {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("text/xml"));
    Example {
        method: Method::POST,
        target: target.into(),
        headers: headers.clone(),
        body: body.into(),
        status: StatusCode::OK,
        answer_headers: headers,
        answer: answer.into(),
    }
}
