// SPDX-License-Identifier: Apache-2.0
//! Generated queries over generated data: what comes back through the proxy is what the
//! same query finds in clear data, or it is refused. Never another answer.

use std::collections::BTreeMap;

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use zollhaus::demo::crm::{CrmOptions, SampleCrm};

use crate::random::Random;
use crate::world::{Client, Options, World, client};

mod graphql;

/// Of each language; with `tests/run --long` ten times as many.
const QUERIES: usize = 2_000;
const RECORDS: usize = 60;

const FIRST_NAMES: &[&str] = &["Anna", "anna", "ANNA", "Jürgen", "jürgen", "O'Neil", "Li", ""];
const LAST_NAMES: &[&str] = &["Müller", "MÜLLER", "Muller", "Smith", "smith ", "Smith-Jones", "Ng"];
const CITIES: &[&str] = &["Köln", "köln", "Bern", "", "St. Gallen"];
const TITLES: &[&str] = &["CEO", "ceo", "Clerk", ""];
/// Stored nowhere.
const STRANGERS: &[&str] = &["Nobody", "ann", "Mülle", "%", "_nna", "\\"];

/// Both CRMs hold the same people; one of them never saw a clear value.
struct Twins {
    world: World,
    clear: SampleCrm,
    client: Client,
}

impl Twins {
    async fn start() -> Self {
        let world = World::start(Options::default()).await;
        let clear = SampleCrm::start(CrmOptions::default()).await.expect("a sample CRM starts");
        Self { world, clear, client: client() }
    }

    async fn ask_clear(&self, method: Method, path: &str, body: &str) -> (StatusCode, Value) {
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

    async fn store(&self, prefix: &str, path: &str, record: &Value) {
        let body = record.to_string();
        let answer = self.world.post("support", &format!("{prefix}{path}"), body.clone()).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        let (status, _) = self.ask_clear(Method::POST, path, &body).await;
        assert_eq!(status, StatusCode::CREATED);
    }
}

/// How often each of them happened.
#[derive(Debug, Default)]
struct Outcomes {
    /// With rows.
    answered: usize,
    empty: usize,
    refused: usize,
}

impl Outcomes {
    fn count(&mut self, rows: usize) {
        if rows == 0 { self.empty += 1 } else { self.answered += 1 }
    }

    /// That all of them happened often enough to mean something.
    fn check(&self) {
        for count in [self.answered, self.empty, self.refused] {
            assert!(count > queries() / 20, "{self:?}");
        }
    }
}

fn queries() -> usize {
    if std::env::var_os("ZOLLHAUS_TEST_LONG").is_some() { 10 * QUERIES } else { QUERIES }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn soql_finds_what_it_finds_in_clear_data() {
    let twins = Twins::start().await;
    let random = &mut Random(0x50_51);
    for number in 0..RECORDS {
        let mut record = json!({
            "LastName": random.pick(LAST_NAMES).trim(),
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
        twins.store("/sf", "/services/data/v62.0/sobjects/Contact", &record).await;
    }

    let mut outcomes = Outcomes::default();
    for _ in 0..queries() {
        let order = random.pick(&["", " ORDER BY Department", " ORDER BY Title, Department DESC"]);
        let limit = random.pick(&["", "", " LIMIT 7"]);
        let filter = soql_filter(random, 2);
        let query = format!(
            "SELECT Department, LastName, FirstName, Email, Title FROM Contact WHERE {filter}{order}{limit}"
        );
        let path = format!("/services/data/v62.0/query?q={}", percent(&query));
        let answer = twins.world.get("support", &format!("/sf{path}")).await;
        if answer.refusal().is_some() {
            outcomes.refused += 1;
            continue;
        }
        let (status, expected) = twins.ask_clear(Method::GET, &path, "").await;
        assert_eq!(answer.status, status, "{query}\n{answer:?}");
        if status != StatusCode::OK {
            continue;
        }
        let (found, expected) = (rows(&answer.json()), rows(&expected));
        assert!(found == expected, "{query}");
        outcomes.count(expected.len());
    }
    outcomes.check();
}

/// What the rows show, in their order; not the ids.
fn rows(answer: &Value) -> Vec<BTreeMap<String, Value>> {
    let records = answer["records"].as_array().expect("records").iter();
    let shown = |record: &Value| {
        let members = record.as_object().expect("a record").iter();
        members.filter(|(name, _)| *name != "attributes").map(folded).collect()
    };
    records.map(shown).collect()
}

/// The CRMs write addresses in lower case; the vault keeps them as they were given.
fn folded((name, value): (&String, &Value)) -> (String, Value) {
    let is_address = name.eq_ignore_ascii_case("email");
    let text = value.as_str().filter(|_| is_address).map(str::to_lowercase);
    (name.clone(), text.map_or_else(|| value.clone(), Value::from))
}

/// One of a few addresses in one of a few spellings, or one of its own.
fn address(random: &mut Random, number: usize) -> String {
    match random.below(3) {
        0 => format!("person{}@example.org", number % 5),
        1 => format!("Person{}@Example.org", number % 5),
        _ => format!("own{number}@example.org"),
    }
}

fn soql_filter(random: &mut Random, depth: usize) -> String {
    if depth > 0 && random.below(3) == 0 {
        let joint = random.pick(&[" AND ", " OR "]);
        let (left, right) = (soql_filter(random, depth - 1), soql_filter(random, depth - 1));
        return format!("({left}){joint}({right})");
    }
    if depth > 0 && random.below(8) == 0 {
        return format!("NOT ({})", soql_filter(random, depth - 1));
    }
    let (field, values): (&str, &[&str]) = match random.below(5) {
        0 => ("FirstName", FIRST_NAMES),
        1 => ("LastName", LAST_NAMES),
        2 => ("MailingCity", CITIES),
        3 => ("Title", TITLES),
        _ => ("Email", &[]),
    };
    let literal = |random: &mut Random| {
        let text = match random.below(6) {
            0 => random.pick(STRANGERS).to_owned(),
            _ if values.is_empty() => {
                let number = random.below(RECORDS);
                address(random, number)
            }
            _ => random.pick(values).to_owned(),
        };
        format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
    };
    match random.below(12) {
        0..=4 => format!("{field} = {}", literal(random)),
        5 => format!("{field} != {}", literal(random)),
        6 | 7 => {
            let list: Vec<String> = (0..=random.below(4)).map(|_| literal(random)).collect();
            let not = random.pick(&["", "NOT "]);
            format!("{field} {not}IN ({})", list.join(", "))
        }
        8 => format!("{field} {} null", random.pick(&["=", "!="])),
        9 => format!("{field} LIKE {}", literal(random)),
        10 => format!("{field} > {}", literal(random)),
        _ => format!("Title = {}", literal(random)),
    }
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searches_of_hubspot_find_what_they_find_in_clear_data() {
    let twins = Twins::start().await;
    let random = &mut Random(0x48_53);
    for number in 0..RECORDS {
        let mut properties = json!({ "customer_number": format!("D{number:03}") });
        let optional = [
            ("firstname", FIRST_NAMES),
            ("lastname", LAST_NAMES),
            ("city", CITIES),
            ("jobtitle", TITLES),
        ];
        for (property, values) in optional {
            let value = random.pick(values);
            if !value.is_empty() {
                properties[property] = value.into();
            }
        }
        if random.below(4) > 0 {
            properties["email"] = format!("Own{number}@example.org").into();
        }
        let record = json!({ "properties": properties });
        twins.store("/hs", "/crm/v3/objects/contacts", &record).await;
    }

    let mut outcomes = Outcomes::default();
    for _ in 0..queries() {
        let groups: Vec<Value> = (0..=random.below(2))
            .map(|_| {
                let filters: Vec<Value> =
                    (0..=random.below(2)).map(|_| search_filter(random)).collect();
                json!({ "filters": filters })
            })
            .collect();
        let sorts = match random.below(4) {
            0 => json!([{ "propertyName": "customer_number", "direction": "DESCENDING" }]),
            1 => json!([{ "propertyName": "lastname", "direction": "ASCENDING" }]),
            _ => json!([]),
        };
        let body = json!({
            "filterGroups": groups,
            "sorts": sorts,
            "properties": ["customer_number", "firstname", "lastname", "email", "city"],
            "limit": 100,
        });
        let (path, body) = ("/crm/v3/objects/contacts/search", body.to_string());
        let answer = twins.world.post("support", &format!("/hs{path}"), body.clone()).await;
        if answer.refusal().is_some() {
            outcomes.refused += 1;
            continue;
        }
        let (status, expected) = twins.ask_clear(Method::POST, path, &body).await;
        assert_eq!(answer.status, status, "{body}\n{answer:?}");
        if status != StatusCode::OK {
            continue;
        }
        let (found, expected) = (answer.json(), expected);
        assert_eq!(found["total"], expected["total"], "{body}");
        assert!(properties(&found) == properties(&expected), "{body}");
        outcomes.count(expected["results"].as_array().expect("results").len());
    }
    outcomes.check();
}

fn properties(answer: &Value) -> Vec<BTreeMap<String, Value>> {
    let results = answer["results"].as_array().expect("results").iter();
    let shown = |result: &Value| {
        let members = result["properties"].as_object().expect("properties").iter();
        // When something was made and changed differs from CRM to CRM.
        let own = |name: &str| name.ends_with("date") || name == "hs_object_id";
        members.filter(|(name, _)| !own(name)).map(folded).collect()
    };
    results.map(shown).collect()
}

fn search_filter(random: &mut Random) -> Value {
    let (property, values): (&str, &[&str]) = match random.below(5) {
        0 => ("firstname", FIRST_NAMES),
        1 => ("lastname", LAST_NAMES),
        2 => ("city", CITIES),
        3 => ("jobtitle", TITLES),
        _ => ("email", &[]),
    };
    let value = |random: &mut Random| match random.below(6) {
        0 => random.pick(STRANGERS).to_owned(),
        _ if values.is_empty() => {
            let spelling = random.pick(&["Own", "own", "OWN"]);
            format!("{spelling}{}@example.org", random.below(RECORDS))
        }
        _ => random.pick(values).to_owned(),
    };
    match random.below(12) {
        0..=4 => json!({ "propertyName": property, "operator": "EQ", "value": value(random) }),
        5 => json!({ "propertyName": property, "operator": "NEQ", "value": value(random) }),
        6..=8 => {
            let values: Vec<String> = (0..=random.below(3)).map(|_| value(random)).collect();
            let operator = random.pick(&["IN", "IN", "NOT_IN"]);
            json!({ "propertyName": property, "operator": operator, "values": values })
        }
        9 => {
            let operator = random.pick(&["HAS_PROPERTY", "NOT_HAS_PROPERTY"]);
            json!({ "propertyName": property, "operator": operator })
        }
        10 => {
            json!({ "propertyName": property, "operator": "CONTAINS_TOKEN", "value": value(random) })
        }
        _ => json!({ "propertyName": property, "operator": "GT", "value": value(random) }),
    }
}
