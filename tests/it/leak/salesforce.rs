// SPDX-License-Identifier: Apache-2.0
//! The older APIs of Salesforce: batches of the Bulk API 1.0 in its three syntaxes, and
//! calls of the SOAP API.

use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Map, Value, json};

use super::{everything, finds, leaks, soql_literal};
use crate::random::Random;
use crate::stand_in::StandIn;
use crate::world::{Options, World};

const REQUESTS: usize = 600;
const ASYNC: &str = "/services/async/62.0/job";
const SOAP: &str = "/services/Soap/u/62.0";
const JSON: &str = "application/json";
const XML: &str = "text/xml; charset=UTF-8";
/// The jobs of this CRM: what they do, in which syntax, and how their batches are sent.
const JOBS: [(&str, &str, &str, &str); 4] = [
    ("750WV000000jsonYAA", "upsert", "JSON", JSON),
    ("750WV0000000xmlYAA", "insert", "XML", XML),
    ("750WV0000000csvYAA", "update", "CSV", "text/csv"),
    ("750WV00000queryYAA", "query", "CSV", "text/csv"),
];

fn told(target: &str, body: &str) -> String {
    let is_asked = |(id, operation, contents, _): &&(&str, &str, &str, &str)| {
        target.contains(*id)
            || (target.ends_with("/job")
                && body.contains(&format!("\"{operation}\""))
                && body.contains(contents))
    };
    let Some((id, operation, contents, _)) = JOBS.iter().find(is_asked) else {
        return "{}".to_owned();
    };
    json!({ "id": id, "object": "Contact", "operation": operation, "contentType": contents,
        "externalIdFieldName": "Ext_Id__c" })
    .to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_canary_leaves_by_the_older_apis() {
    let crm = StandIn::start(told).await;
    let upstream = format!(
        "  older:
    dialect: salesforce
    url: http://{}
    region: US
    match: {{ path_prefix: /older }}
    policy: policies/salesforce.yaml
",
        crm.address
    );
    let world = World::start(Options { upstreams: upstream, ..Options::default() }).await;
    for (_, operation, contents, _) in JOBS {
        let order = json!({ "operation": operation, "object": "Contact", "contentType": contents });
        send(&world, ASYNC, JSON, order.to_string()).await;
    }
    let long = std::env::var_os("ZOLLHAUS_TEST_LONG").is_some();
    let requests = if long { 10 * REQUESTS } else { REQUESTS };
    let mut random = Random(0x736f_6170);
    let mut forwarded = 0;
    for _ in 0..requests {
        let (target, media_type, body) = random.older();
        let before = crm.count();
        send(&world, &target, media_type, body).await;
        // A batch costs a question, too.
        let sent = crm.seen().split_off(before);
        forwarded += usize::from(sent.iter().any(|it| it.target == target && it.method == "POST"));
        for seen in sent {
            assert!(finds(seen.body.as_bytes()).is_none(), "{target} {}", seen.body);
        }
    }
    assert!(forwarded * 10 > requests * 8, "only {forwarded} of {requests} were forwarded");
    let leaks = leaks(&everything(&world).await);
    assert!(leaks.is_empty(), "canaries were found:\n{}", leaks.join("\n"));
}

async fn send(world: &World, target: &str, media_type: &str, body: String) {
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://{}/older{target}", world.address()))
        .header("zollhaus-key", world.key("support"))
        .header("x-sfdc-session", "00D!session")
        .header("content-type", media_type);
    let request = request.body(Full::new(body.into())).expect("a sound request");
    world.send_request(request).await.expect("an answer");
}

impl Random {
    /// Target, media type and body of a request.
    fn older(&mut self) -> (String, &'static str, String) {
        let (id, operation, contents, media_type) = JOBS[self.below(JOBS.len())];
        let batch = format!("{ASYNC}/{id}/batch");
        match self.below(2) {
            0 => (SOAP.to_owned(), XML, self.envelope()),
            _ if operation == "query" => (batch, media_type, self.query()),
            _ => match contents {
                "JSON" => {
                    let records: Value = (0..3).map(|_| Value::from(self.fields())).collect();
                    (batch, media_type, self.spell(&records))
                }
                "CSV" => (batch, media_type, self.rows()),
                _ => {
                    let records: String = (0..3).map(|_| self.element("sObject", "")).collect();
                    let namespace = "http://www.force.com/2009/06/asyncapi/dataload";
                    let body = format!("<sObjects xmlns=\"{namespace}\">{records}</sObjects>");
                    (batch, media_type, body)
                }
            },
        }
    }

    fn fields(&mut self) -> Map<String, Value> {
        let mut fields = Map::new();
        for name in ["LastName", "FirstName", "MailingCity", "Description"] {
            let value = self.text();
            fields.insert(self.spelled(name), value.into());
        }
        let email = self.email();
        fields.insert(self.spelled("Email"), email.into());
        fields
    }

    fn rows(&mut self) -> String {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let mut rows = vec!["LASTNAME,email,MailingStreet".to_owned()];
        for _ in 0..3 {
            let cells = [self.text(), self.email(), self.long_text()];
            rows.push(cells.map(|cell| quoted(&cell)).join(","));
        }
        rows.join("\n")
    }

    fn query(&mut self) -> String {
        let name = soql_literal(&self.text());
        let email = soql_literal(&self.email());
        format!("SELECT Id, Email FROM Contact WHERE LastName = {name} OR Email IN ({email})")
    }

    /// A text as XML has it: in references, and sometimes in a section.
    fn written(&mut self, text: &str, may_be_section: bool) -> String {
        let named =
            |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        match self.below(4) {
            0 if may_be_section => {
                let half = text.chars().count() / 2;
                let head: String = text.chars().take(half).collect();
                let tail: String = text.chars().skip(half).collect();
                format!("{}<![CDATA[{tail}]]>", named(&head))
            }
            1 => text.chars().map(|it| format!("&#{};", u32::from(it))).collect(),
            2 => text.chars().map(|it| format!("&#x{:X};", u32::from(it))).collect(),
            _ => named(text),
        }
    }

    fn element(&mut self, name: &str, inside: &str) -> String {
        let fields = self.fields().into_iter().map(|(field, value)| {
            let value = self.written(value.as_str().unwrap_or_default(), true);
            format!("<{field}>{value}</{field}>")
        });
        let fields: String = fields.collect();
        format!("<{name}>{inside}{fields}</{name}>")
    }

    fn envelope(&mut self) -> String {
        let contact = "<type>Contact</type>";
        let call = match self.below(6) {
            0 => format!(
                "<create>{}{}</create>",
                self.element("sObjects", contact),
                self.element("sObjects", contact)
            ),
            1 => {
                let contact =
                    format!("{contact}<Id>003000000000001AAA</Id><fieldsToNull>Fax</fieldsToNull>");
                format!("<update>{}</update>", self.element("sObjects", &contact))
            }
            2 => {
                let record = self.element("sObjects", contact);
                format!("<upsert><externalIDFieldName>Email</externalIDFieldName>{record}</upsert>")
            }
            3 => {
                let query = self.query();
                let query = self.written(&query, false);
                format!("<query><queryString>{query}</queryString></query>")
            }
            4 => {
                let record = self.element("masterRecord", contact);
                format!(
                    "<merge><request>{record}<recordToMergeIds>003000000000002AAA</recordToMergeIds></request></merge>"
                )
            }
            _ => {
                let email = self.email().replace('-', "\\-").replace('+', "\\+");
                let search = format!("FIND {{\"{email}\"}} IN EMAIL FIELDS RETURNING Lead(Id)");
                let search = self.written(&search, false);
                format!("<search><searchString>{search}</searchString></search>")
            }
        };
        format!(
            "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns=\"urn:partner.soap.sforce.com\"><e:Header><SessionHeader><sessionId>00D!x</sessionId>\
             </SessionHeader></e:Header><e:Body>{call}</e:Body></e:Envelope>"
        )
    }
}
