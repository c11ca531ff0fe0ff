// SPDX-License-Identifier: Apache-2.0
//! Two sample CRMs with the same people, of which one never saw a clear value.

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use zollhaus::demo::crm::{CrmOptions, SampleCrm};

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
        let world = World::start(Options::default()).await;
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
