// SPDX-License-Identifier: Apache-2.0
//! Zoho CRM: records of every module that the policy protects, searches, COQL and
//! composite requests of them.

use http::Method;
use serde_json::{Map, Value, json};

use super::{everything, finds, leaks, percent};
use crate::random::Random;
use crate::stand_in::StandIn;
use crate::world::World;
use crate::zoho::options;

const REQUESTS: usize = 600;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_canary_leaves_for_zoho() {
    let zoho = StandIn::start(|_, _| r#"{"data":[]}"#.to_owned()).await;
    let world = World::start(options(&zoho)).await;
    let long = std::env::var_os("ZOLLHAUS_TEST_LONG").is_some();
    let requests = if long { 10 * REQUESTS } else { REQUESTS };
    let mut random = Random(0x7a6f_686f);
    for _ in 0..requests {
        let (method, target, body) = random.request();
        let (caller, before) = (random.pick(&["support", "analyst"]), zoho.count());
        world.send(caller, method.clone(), &format!("/zoho{target}"), body).await;
        if zoho.count() > before {
            let (target, body) = zoho.last();
            for sent in [target, body] {
                assert!(finds(sent.as_bytes()).is_none(), "{method} {sent}");
            }
        }
    }
    let forwarded = zoho.count();
    assert!(forwarded * 10 > requests * 8, "only {forwarded} of {requests} were forwarded");
    let leaks = leaks(&everything(&world).await);
    assert!(leaks.is_empty(), "canaries were found:\n{}", leaks.join("\n"));
}

/// Fields of each module, and those that lead to persons.
const MODULES: [(&str, &[&str]); 9] = [
    (
        "Contacts",
        &[
            "Last_Name",
            "First_Name",
            "Full_Name",
            "Email",
            "Secondary_Email",
            "Phone",
            "Mobile",
            "Asst_Phone",
            "Assistant",
            "Mailing_Street",
            "Mailing_City",
            "Mailing_Zip",
            "Date_of_Birth",
            "Description",
            "Reporting_To",
            "Owner",
        ],
    ),
    (
        "Leads",
        &["Last_Name", "Full_Name", "Email", "Phone", "Street", "City", "Description", "Owner"],
    ),
    ("Accounts", &["Phone", "Fax", "Description", "Owner"]),
    ("Vendors", &["Email", "Phone", "Description", "Owner"]),
    ("Deals", &["Description", "Contact_Name", "Owner"]),
    (
        "Cases",
        &[
            "Reported_By",
            "Email",
            "Subject",
            "Solution",
            "Internal_Comments",
            "Comments",
            "Related_To",
        ],
    ),
    ("Tasks", &["Subject", "Description", "Who_Id", "What_Id"]),
    ("Calls", &["Subject", "Caller_ID", "Dialled_Number", "Who_Id"]),
    ("Events", &["Event_Title", "Venue", "Participants", "What_Id", "Who_Id"]),
];

impl Random {
    fn value_of(&mut self, field: &str) -> Value {
        match field {
            "Email" | "Secondary_Email" => self.email().into(),
            "Description" | "Solution" => self.long_text().into(),
            "Owner" => json!({ "name": self.text(), "id": "9", "email": self.email() }),
            "Reporting_To" | "Contact_Name" | "Related_To" | "Who_Id" => {
                let name = self.pick(&["name", "Name"]);
                json!({ name: self.text(), "id": "55" })
            }
            "What_Id" => json!({ "name": self.text(), "id": "56" }),
            "Comments" => {
                json!([{ "comment_content": self.text(), "commented_by": { "name": self.text(), "id": "9" } }])
            }
            "Participants" => json!([
                { "type": "email", "participant": self.email() },
                { "type": "contact", "participant": "55", "name": self.text(), "Email": self.email() },
            ]),
            _ => self.text().into(),
        }
    }

    fn record(&mut self, fields: &[&str]) -> Value {
        let mut record = Map::new();
        for field in fields {
            if self.below(3) > 0 {
                let value = self.value_of(field);
                record.insert(self.spelled(field), value);
            }
        }
        Value::Object(record)
    }

    fn records(&mut self) -> (&'static str, Value) {
        let (module, fields) = MODULES[self.below(MODULES.len())];
        let count = 1 + self.below(3);
        let records: Vec<Value> = (0..count).map(|_| self.record(fields)).collect();
        (module, records.into())
    }

    /// A value in COQL; it has no backslash, which none can have there.
    fn coql_literal(&mut self) -> String {
        let quote = self.pick(&["'", "\""]);
        let text = self.text().replace('\\', "/").replace(quote, &quote.repeat(2));
        format!("{quote}{text}{quote}")
    }

    fn coql(&mut self) -> String {
        let (one, other) = (self.coql_literal(), self.coql_literal());
        let (module, field) = match self.below(4) {
            0 => ("Deals", "Contact_Name.Email"),
            1 => ("Tasks", "'What_Id->Leads.Last_Name'"),
            2 => ("Contacts", "MOBILE"),
            _ => ("Leads", "Last_Name"),
        };
        let condition = match self.below(3) {
            0 => format!("{field} in ({one}, {other})"),
            1 => format!("{field} != {one}"),
            _ => format!("({field} = {one} or {field} = {other})"),
        };
        format!("select id from {module} where {condition} limit 5")
    }

    fn criteria(&mut self) -> String {
        let mut escaped = || {
            self.text().chars().fold(String::new(), |mut text, sign| {
                if matches!(sign, '(' | ')' | ',' | '\\') {
                    text.push('\\');
                }
                text.push(sign);
                text
            })
        };
        let (one, other) = (escaped(), escaped());
        match self.below(3) {
            0 => format!("(Last_Name:equals:{one})"),
            1 => format!("((Phone:in:{one},{other})or(Mailing_City:not_equal:{other}))"),
            _ => format!("(Reporting_To.Email:equals:{one})and(City:equals:Ulm)"),
        }
    }

    fn search(&mut self) -> String {
        let (name, value) = match self.below(3) {
            0 => ("email", self.email()),
            1 => ("phone", self.text()),
            _ => ("criteria", self.criteria()),
        };
        format!("/crm/v8/Contacts/search?{name}={}", percent(&value, self))
    }

    fn request(&mut self) -> (Method, String, String) {
        let (module, records) = self.records();
        let body = json!({ "data": records });
        match self.below(9) {
            0 | 1 => (Method::POST, format!("/crm/v8/{module}"), self.spell(&body)),
            2 => (Method::PUT, format!("/crm/v2.1/{module}"), self.spell(&body)),
            3 => {
                let upsert = json!({ "data": [{ "Email": self.email(), "Last_Name": self.text() }], "duplicate_check_fields": [] });
                (Method::POST, "/crm/v8/Leads/upsert".to_owned(), upsert.to_string())
            }
            4 => {
                let note = json!({ "data": [{ "Note_Title": self.text(), "Note_Content": self.long_text(), "Parent_Id": { "name": self.text(), "id": "55", "module": { "api_name": "Contacts" } } }] });
                (Method::POST, "/crm/v8/Contacts/55/Notes".to_owned(), self.spell(&note))
            }
            5 => (Method::GET, self.search(), String::new()),
            6 => {
                let deal = json!({ "Deal_Name": "x", "Contact_Name": { "name": self.text(), "id": "55" }, "Description": self.text() });
                let convert = json!({ "data": [{ "Deals": deal, "assign_to": { "id": "9" } }] });
                (Method::POST, "/crm/v8/Leads/5/actions/convert".to_owned(), convert.to_string())
            }
            7 => {
                let query = json!({ "select_query": self.coql() });
                (Method::POST, "/crm/v8/coql".to_owned(), self.spell(&query))
            }
            _ => {
                let parts = json!({ "__composite_requests": [
                    { "sub_request_id": "a", "method": "POST", "uri": format!("/crm/v8/{module}"), "body": body },
                    { "method": "GET", "uri": self.search() },
                    { "method": "GET", "uri": "/crm/v8/Leads/search", "params": { "email": self.email() } },
                    { "method": "POST", "uri": "/crm/v8/coql", "body": { "select_query": self.coql() } },
                    { "method": "PUT", "uri": "/crm/v8/Leads/@{a:$.data[0].details.id}", "body": { "data": [{ "Last_Name": self.text() }] } },
                ] });
                (Method::POST, "/crm/v8/__composite_requests".to_owned(), parts.to_string())
            }
        }
    }
}
