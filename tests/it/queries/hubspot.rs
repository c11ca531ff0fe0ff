// SPDX-License-Identifier: Apache-2.0
//! Filters of HubSpot's searches.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::people::part;
use super::twins::{CITIES, FIRST_NAMES, LAST_NAMES, RECORDS, STRANGERS, TITLES, Twins, folded};
use super::{Outcomes, queries};
use crate::random::Random;

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
                let mut filters: Vec<Value> =
                    (0..=random.below(2)).map(|_| search_filter(random)).collect();
                let first = filters[0].clone();
                if first["operator"] == "NOT_CONTAINS_TOKEN" && random.below(4) > 0 {
                    let property = &first["propertyName"];
                    filters.push(json!({ "propertyName": property, "operator": "HAS_PROPERTY" }));
                }
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
    match random.below(15) {
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
        10..=13 => {
            let operator = random.pick(&["CONTAINS_TOKEN", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"]);
            let value = value(random);
            let token = match random.below(6) {
                0 | 1 => value,
                2 => format!("{}*", part(random, &value)),
                3 => format!("*{}", part(random, &value)),
                4 => format!("*{}*", part(random, &value)),
                _ if property == "email" => random.pick(&["*@example.org", "*@example.com"]).into(),
                _ => value.split(['-', ' ']).next().unwrap_or_default().to_owned(),
            };
            json!({ "propertyName": property, "operator": operator, "value": token })
        }
        _ => json!({ "propertyName": property, "operator": "GT", "value": value(random) }),
    }
}
