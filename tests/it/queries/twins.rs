// SPDX-License-Identifier: Apache-2.0
//! Two sample CRMs with the same people, of which one never saw a clear value.

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use zollhaus::demo::crm::{CrmOptions, SampleCrm};

use super::people::searchable;
use crate::random::Random;
use crate::world::{Client, Options, World, client};

pub const RECORDS: usize = 60;

pub const FIRST_NAMES: &[&str] = &["Anna", "anna", "ANNA", "Jürgen", "jürgen", "O'Neil", "Li", ""];
pub const LAST_NAMES: &[&str] =
    &["Müller", "MÜLLER", "Muller", "Smith", "smith ", "Smith-Jones", "Ng"];
pub const CITIES: &[&str] = &["Köln", "köln", "Bern", "", "St. Gallen"];
pub const TITLES: &[&str] = &["CEO", "ceo", "Clerk", ""];
/// Stored nowhere.
pub const STRANGERS: &[&str] = &["Nobody", "ann", "Mülle", "%", "_nna", "\\"];

/// Both CRMs hold the same people; one of them never saw a clear value.
pub struct Twins {
    pub world: World,
    clear: SampleCrm,
    client: Client,
}

impl Twins {
    pub async fn start() -> Self {
        let world = World::start(Options {
            salesforce_policy: Some(|policy| {
                searchable(&policy, &["LastName", "Email"]).to_owned()
            }),
            hubspot_policy: Some(|policy| {
                searchable(&policy, &["firstname", "lastname", "email"]).to_owned()
            }),
            ..Options::default()
        })
        .await;
        let clear = SampleCrm::start(CrmOptions::default()).await.expect("a sample CRM starts");
        Self { world, clear, client: client() }
    }

    pub async fn ask_clear(&self, method: Method, path: &str, body: &str) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.clear.origin()))
            .header("authorization", "Bearer 00Dxx0000001gPL!session")
            .header("content-type", "application/json")
            .body(Full::from(body.to_owned()))
            .expect("a sound request");
        let answer = self.client.request(request).await.expect("the sample CRM answers");
        let status = answer.status();
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    pub async fn store(&self, prefix: &str, path: &str, record: &Value) {
        let body = record.to_string();
        let answer = self.world.post("support", &format!("{prefix}{path}"), body.clone()).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let (status, _) = self.ask_clear(Method::POST, path, &body).await;
        assert_eq!(status, StatusCode::CREATED);
    }
}

/// The CRMs write addresses in lower case, and Salesforce takes off the space around
/// texts; the vault keeps them as they were given.
pub fn folded((name, value): (&String, &Value)) -> (String, Value) {
    let is_address = name.eq_ignore_ascii_case("email");
    let text = value.as_str().map(str::trim);
    let text = text.map(|text| if is_address { text.to_lowercase() } else { text.to_owned() });
    (name.clone(), text.map_or_else(|| value.clone(), Value::from))
}

/// A contact whose fields others may share.
pub fn contact(random: &mut Random, number: usize) -> Value {
    let mut record = json!({
        "LastName": random.pick(LAST_NAMES),
        "Department": format!("D{number:03}"),
    });
    let optional = [("FirstName", FIRST_NAMES), ("MailingCity", CITIES), ("Title", TITLES)];
    for (field, values) in optional {
        let value = random.pick(values);
        if !value.is_empty() {
            record[field] = value.into();
        }
    }
    if random.below(4) > 0 {
        record["Email"] = address(random, number).into();
    }
    record
}

/// One of a few addresses in one of a few spellings, or one of its own.
fn address(random: &mut Random, number: usize) -> String {
    match random.below(3) {
        0 => format!("person{}@example.org", number % 5),
        1 => format!("Person{}@Example.org", number % 5),
        _ => format!("own{number}@example.org"),
    }
}

/// A field that is compared, and what it holds; nothing for addresses.
pub fn compared_field(random: &mut Random) -> (&'static str, &'static [&'static str]) {
    match random.below(5) {
        0 => ("FirstName", FIRST_NAMES),
        1 => ("LastName", LAST_NAMES),
        2 => ("MailingCity", CITIES),
        3 => ("Title", TITLES),
        _ => ("Email", &[]),
    }
}

/// What such a field is compared with.
pub fn compared_value(random: &mut Random, values: &[&str]) -> String {
    match random.below(6) {
        0 => random.pick(STRANGERS).to_owned(),
        _ if values.is_empty() => {
            let number = random.below(RECORDS);
            address(random, number)
        }
        _ => random.pick(values).to_owned(),
    }
}
